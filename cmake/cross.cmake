# Compiles for another processor, by a cross compiler of Debian. Give it PERDURE_CROSS (the name of
# the processor in Debian), PERDURE_CROSS_ROOT (a folder with libraries for it) and
# PERDURE_CROSS_EMULATOR (qemu-user). scripts/cross makes the last two and sets all three.
set(perdure_triplet_arm64 aarch64-linux-gnu)
set(perdure_loader_arm64 lib/ld-linux-aarch64.so.1)
set(perdure_processor_arm64 aarch64)
set(perdure_triplet_armhf arm-linux-gnueabihf)
set(perdure_loader_armhf lib/ld-linux-armhf.so.3)
set(perdure_processor_armhf armv7l)
set(perdure_triplet_s390x s390x-linux-gnu)
set(perdure_loader_s390x lib/ld64.so.1)
set(perdure_processor_s390x s390x)

set(perdure_triplet ${perdure_triplet_${PERDURE_CROSS}})
if(NOT perdure_triplet OR NOT PERDURE_CROSS_ROOT)
  message(FATAL_ERROR "PERDURE_CROSS is arm64, armhf or s390x, and PERDURE_CROSS_ROOT a folder "
    "with that processor's libraries: scripts/cross makes one and configures the build")
endif()
# CMake reads this file again for each of its trials.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES
  PERDURE_CROSS PERDURE_CROSS_ROOT PERDURE_CROSS_EMULATOR)

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${perdure_processor_${PERDURE_CROSS}})
set(CMAKE_C_COMPILER ${perdure_triplet}-gcc)
set(CMAKE_CXX_COMPILER ${perdure_triplet}-g++)
# Optimizing takes longer than it saves in tests. Notes on what GCC 7 changed help nobody here.
set(CMAKE_CXX_FLAGS_INIT "-O0 -Wno-psabi")
set(CMAKE_LIBRARY_ARCHITECTURE ${perdure_triplet})
set(CMAKE_SYSROOT ${PERDURE_CROSS_ROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${PERDURE_CROSS_ROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${PERDURE_CROSS_ROOT}/usr/lib/${perdure_triplet}/pkgconfig)

# The programs name the loader and the libraries that they were built with. So the emulator needs no
# option of where to look, and files that programs open are the host's, as they are elsewhere.
string(CONCAT CMAKE_EXE_LINKER_FLAGS_INIT
  "-Wl,--dynamic-linker=${PERDURE_CROSS_ROOT}/${perdure_loader_${PERDURE_CROSS}} "
  "-Wl,--disable-new-dtags -Wl,-rpath=${PERDURE_CROSS_ROOT}/usr/lib/${perdure_triplet}")
set(CMAKE_CROSSCOMPILING_EMULATOR ${PERDURE_CROSS_EMULATOR})
