# Each library is a component: of `find_package(perdure COMPONENTS state etcd c testing)`, and with
# the prefix perdure_ of `cmake --install`. The core is perdure_core, and the programs are
# perdure_tools. Programs in C need perdure_c and nothing else.
include(CMakePackageConfigHelpers)

set(perdure_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/perdure)
set(perdure_components core testing)
if(PERDURE_BUILD_STATE)
  list(APPEND perdure_components state)
endif()
if(PERDURE_BUILD_ETCD)
  list(APPEND perdure_components etcd)
endif()

# perdure_install_library(COMPONENT TARGET EXPORT): a library, and how CMake finds it.
function(perdure_install_library component target export)
  install(TARGETS ${target} EXPORT ${export}
    LIBRARY NAMELINK_COMPONENT perdure_${component} COMPONENT perdure_${component}
    ARCHIVE COMPONENT perdure_${component})
  install(EXPORT ${export} NAMESPACE perdure:: DESTINATION ${perdure_cmake_dir}
    COMPONENT perdure_${component})
endfunction()
perdure_install_library(core perdure perdure-targets)
perdure_install_library(testing perdure_testing perdure-testing-targets)

file(GLOB_RECURSE perdure_headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/include
  ${PROJECT_SOURCE_DIR}/include/*.hpp)
string(CONCAT perdure_state_headers # floor 5
  "^perdure/(detail/(edit|state)|envelope|forwarding_store|json|migration|save|stamp|state"
  "|testing/(check|memory)_store|tracker)")
foreach(header IN LISTS perdure_headers)
  set(component core)
  if(header MATCHES "${perdure_state_headers}")
    set(component state)
  elseif(header MATCHES "^perdure/etcd")
    set(component etcd)
  elseif(header MATCHES "^perdure/testing/")
    set(component testing)
  endif()
  if(component IN_LIST perdure_components)
    get_filename_component(folder ${header} DIRECTORY)
    install(FILES ${PROJECT_SOURCE_DIR}/include/${header}
      DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/${folder} COMPONENT perdure_${component})
  endif()
endforeach()

configure_package_config_file(cmake/perdure-config.cmake.in
  ${PROJECT_BINARY_DIR}/perdure-config.cmake INSTALL_DESTINATION ${perdure_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/perdure-config-version.cmake
  COMPATIBILITY SameMinorVersion)
function(perdure_install_config component)
  install(FILES ${PROJECT_BINARY_DIR}/perdure-config.cmake
    ${PROJECT_BINARY_DIR}/perdure-config-version.cmake
    DESTINATION ${perdure_cmake_dir} COMPONENT perdure_${component})
endfunction()
perdure_install_config(core)

# Relative to the file itself, so that `cmake --install --prefix` and a moved package hold. A static
# library has the libraries linked that it uses in private; a shared one has done so itself.
file(RELATIVE_PATH perdure_pc_prefix
  ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
set(perdure_pc_private "")
if(BUILD_SHARED_LIBS)
  set(perdure_pc_private ".private")
endif()
# perdure_install_pc(COMPONENT TARGET NAME): what is made of cmake/TARGET.pc.in.
function(perdure_install_pc component target name)
  configure_file(cmake/${target}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT perdure_${component})
endfunction()
perdure_install_pc(core perdure perdure)

if(PERDURE_BUILD_STATE)
  perdure_install_library(state perdure_state perdure-state-targets)
  perdure_install_pc(state perdure_state perdure-state)
endif()
if(PERDURE_BUILD_ETCD)
  perdure_install_library(etcd perdure_etcd perdure-etcd-targets)
  perdure_install_pc(etcd perdure_etcd perdure-etcd)
endif()
if(PERDURE_BUILD_C)
  perdure_install_library(c perdure_c perdure-c-targets)
  perdure_install_pc(c perdure_c perdure-c)
  perdure_install_config(c) # it has to be found without the core, too
  install(FILES ${PROJECT_SOURCE_DIR}/include/perdure/perdure.h
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/perdure COMPONENT perdure_c)
endif()
if(PERDURE_BUILD_TOOLS)
  install(TARGETS perdure_cli COMPONENT perdure_tools)
  if(TARGET crashlab)
    install(TARGETS crashlab COMPONENT perdure_tools)
  endif()
  # Where distributions have other folders than the shells themselves: Debian has
  # share/zsh/vendor-completions.
  set(PERDURE_ZSH_DIR ${CMAKE_INSTALL_DATADIR}/zsh/site-functions CACHE STRING
    "Folder for the completions of zsh, relative to the prefix")
  function(perdure_install_pages folder destination)
    install(DIRECTORY ${perdure_pages_dir}/${folder}/ DESTINATION ${destination}
      COMPONENT perdure_tools)
  endfunction()
  if(perdure_pages_dir)
    perdure_install_pages(man1 ${CMAKE_INSTALL_MANDIR}/man1)
    perdure_install_pages(bash ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
    perdure_install_pages(zsh ${PERDURE_ZSH_DIR})
    perdure_install_pages(fish ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
  endif()
endif()
