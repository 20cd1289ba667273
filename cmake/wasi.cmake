# clang with Debian's wasi-libc, which lies in clang's default sysroot; WASI_SYSROOT names another.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
set(TINYAI_HOST wasi)

if(NOT CMAKE_C_COMPILER)
    find_program(CMAKE_C_COMPILER NAMES "$ENV{TINYAI_CLANG}" clang-22 clang-21 clang-20 clang-19 clang-18 clang REQUIRED)
endif()
set(CMAKE_C_COMPILER_TARGET wasm32-wasi)
if(DEFINED ENV{WASI_SYSROOT})
    set(CMAKE_SYSROOT "$ENV{WASI_SYSROOT}")
endif()
