# arm64 Linux from another machine, for the tests of the NEON kernels: clang with Debian's cross libc, linked
# statically so that qemu needs no system of its own. On arm64 itself the native presets do the same.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(TINYAI_HOST native)

if(NOT CMAKE_C_COMPILER)
    find_program(CMAKE_C_COMPILER NAMES "$ENV{TINYAI_CLANG}" clang-22 clang-21 clang-20 clang-19 clang-18 clang REQUIRED)
endif()
set(CMAKE_C_COMPILER_TARGET aarch64-linux-gnu)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -fuse-ld=lld")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
find_program(TINYAI_QEMU NAMES qemu-aarch64-static qemu-aarch64 REQUIRED)
set(CMAKE_CROSSCOMPILING_EMULATOR "${TINYAI_QEMU};-cpu;max")
