# How every target of the project is compiled. Usage: perdure_compile(TARGET)
find_program(PERDURE_CCACHE ccache)
if(PERDURE_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${PERDURE_CCACHE})
endif()
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

function(perdure_compile target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion -Wshadow -Wpedantic)
  if(CMAKE_SIZEOF_VOID_P EQUAL 4) # files over 2 GiB, and times behind 2038
    target_compile_definitions(${target} PRIVATE _FILE_OFFSET_BITS=64 _TIME_BITS=64)
  endif()
  if(PROJECT_IS_TOP_LEVEL) # a newer compiler's new warning must not break those who embed us
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(PERDURE_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=${PERDURE_SANITIZE} -fno-omit-frame-pointer
      -fno-sanitize-recover=all)
    # g++ takes what the sanitizers add for a use of unset memory, in std::regex say.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    target_link_options(${target} PUBLIC -fsanitize=${PERDURE_SANITIZE})
  endif()
endfunction()

# A library that others link. While the first number is 0 each minor version may break the ABI. It
# hides all that <perdure/detail/export.hpp> does not mark, by no definition that is for one build
# only: the objects of a shared library are those of a static one.
function(perdure_library target)
  perdure_compile(${target})
  set_target_properties(${target} PROPERTIES VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON DEFINE_SYMBOL "")
endfunction()
