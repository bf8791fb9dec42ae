# A port of vcpkg, used as an overlay: vcpkg install perdure --overlay-ports=packaging/vcpkg
get_filename_component(SOURCE_PATH ${CMAKE_CURRENT_LIST_DIR}/../.. ABSOLUTE)

vcpkg_check_features(OUT_FEATURE_OPTIONS options
  FEATURES
    etcd PERDURE_BUILD_ETCD
    state PERDURE_BUILD_STATE)
vcpkg_cmake_configure(SOURCE_PATH ${SOURCE_PATH}
  OPTIONS
    ${options}
    -DPERDURE_BUILD_C=OFF
    -DPERDURE_BUILD_PYTHON=OFF
    -DPERDURE_BUILD_TESTS=OFF
    -DPERDURE_BUILD_TOOLS=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/perdure)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE ${CURRENT_PACKAGES_DIR}/debug/include)
vcpkg_install_copyright(FILE_LIST ${SOURCE_PATH}/LICENSE)
