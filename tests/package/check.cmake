# Uses perdure as somebody else's project would.
#   cmake -DUSE=package|pkgconfig|subdirectory -DWORK=dir -DSOURCE=dir -DBUILD=dir -DCONSUMER=dir
#         -DGENERATOR=name -DCOMPILER=c++ [-DLAUNCHER=ccache] -P check.cmake
# WORK is emptied first. `package` installs BUILD into WORK/prefix, moves that, and leaves the rest
# to the consumer; `pkgconfig` is told the same prefix.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output
    ERROR_VARIABLE output TIMEOUT 800)
  if(NOT status EQUAL 0)
    string(JOIN " " command ${ARGN})
    message(FATAL_ERROR "${command}: ${status}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(install_into prefix)
  run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first)
  file(RENAME ${WORK}/first ${prefix}) # a package may be moved, and nothing may still point there
endfunction()

# The user's program works, and so does the double that made its commit fail.
function(try_consumer program doubles)
  run(${program} ${WORK}/app.conf)
  if(doubles)
    run(${doubles} ${WORK}/app.conf)
  endif()
  file(READ ${WORK}/app.conf content)
  if(NOT content STREQUAL "threads = 8\n")
    message(FATAL_ERROR "app.conf is '${content}'")
  endif()
  file(GLOB left LIST_DIRECTORIES FALSE ${WORK}/*perdure-tmp ${WORK}/.*perdure-tmp)
  if(left)
    message(FATAL_ERROR "left behind: ${left}")
  endif()
endfunction()

set(configure ${CMAKE_COMMAND} -S ${CONSUMER} -B ${WORK}/build -G ${GENERATOR}
  -DCMAKE_CXX_COMPILER=${COMPILER} -DUSE=${USE})
if(USE STREQUAL "package")
  install_into(${WORK}/prefix)
  run(${configure} -DCMAKE_PREFIX_PATH=${WORK}/prefix -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF)
  run(${CMAKE_COMMAND} --build ${WORK}/build)
  try_consumer(${WORK}/build/consumer ${WORK}/build/consumer_doubles)
elseif(USE STREQUAL "pkgconfig")
  install_into(${WORK}/prefix)
  file(GLOB_RECURSE pc ${WORK}/prefix/perdure.pc)
  get_filename_component(folder ${pc} DIRECTORY)
  set(ENV{PKG_CONFIG_PATH} ${folder})
  run(pkg-config --cflags --libs perdure)
  separate_arguments(flags UNIX_COMMAND "${output}")
  run(${COMPILER} ${CONSUMER}/main.cpp ${flags} -o ${WORK}/consumer)
  try_consumer(${WORK}/consumer "")
elseif(USE STREQUAL "subdirectory")
  run(${configure} -DPERDURE_SOURCE=${SOURCE} "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}"
    -DCMAKE_INSTALL_PREFIX=${WORK}/prefix)
  run(${CMAKE_COMMAND} --build ${WORK}/build --target consumer consumer_doubles)
  try_consumer(${WORK}/build/consumer ${WORK}/build/consumer_doubles)
  run(${CMAKE_CTEST_COMMAND} --test-dir ${WORK}/build -N)
  if(NOT output MATCHES "Total Tests: 0")
    message(FATAL_ERROR "perdure brought tests of its own:\n${output}")
  endif()
  run(${CMAKE_COMMAND} --install ${WORK}/build)
  file(GLOB_RECURSE installed ${WORK}/prefix/*)
  if(installed)
    message(FATAL_ERROR "a subproject must install nothing, but did: ${installed}")
  endif()
else()
  message(FATAL_ERROR "USE is '${USE}'")
endif()
