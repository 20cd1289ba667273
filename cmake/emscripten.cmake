# The emcc on PATH (tools/env.sh puts it there) knows where its own toolchain file is.
find_program(EM_CONFIG_COMMAND em-config REQUIRED)
execute_process(COMMAND "${EM_CONFIG_COMMAND}" EMSCRIPTEN_ROOT
    OUTPUT_VARIABLE emscripten_root OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
include("${emscripten_root}/cmake/Modules/Platform/Emscripten.cmake")
set(TINYAI_HOST emscripten)
