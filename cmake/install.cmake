include(CMakePackageConfigHelpers)

set(perdure_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/perdure)
install(TARGETS perdure perdure_testing EXPORT perdure-targets)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/perdure DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.hpp")
install(EXPORT perdure-targets NAMESPACE perdure:: DESTINATION ${perdure_cmake_dir})
configure_package_config_file(cmake/perdure-config.cmake.in
  ${PROJECT_BINARY_DIR}/perdure-config.cmake INSTALL_DESTINATION ${perdure_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/perdure-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/perdure-config.cmake
  ${PROJECT_BINARY_DIR}/perdure-config-version.cmake DESTINATION ${perdure_cmake_dir})
# Relative to the file itself, so that `cmake --install --prefix` and a moved package hold.
file(RELATIVE_PATH perdure_pc_prefix
  ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/perdure.pc.in ${PROJECT_BINARY_DIR}/perdure.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/perdure.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(PERDURE_BUILD_TOOLS)
  install(TARGETS perdure_cli)
  if(TARGET crashlab)
    install(TARGETS crashlab)
  endif()
endif()
