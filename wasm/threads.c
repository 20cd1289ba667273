/* Helper threads of JS hosts: workers that instantiate the same module on the same, shared memory. exchange.h
 * documents them. */
#include "exchange.h"

#include "model/engine.h"
#include "threads.h"

/* Each instance begins with the stack pointer of the program: a helper must move its own before anything else
 * runs, so this function has no frame. */
__asm__(".globaltype __stack_pointer, i32\n"
        ".section .text.tinyai_js_use_stack,\"\",@\n"
        ".globl tinyai_js_use_stack\n"
        ".type tinyai_js_use_stack,@function\n"
        "tinyai_js_use_stack:\n"
        ".functype tinyai_js_use_stack (i32) -> ()\n"
        "local.get 0\n"
        "global.set __stack_pointer\n"
        "end_function\n");

uint32_t tinyai_js_helper_stack(uint32_t index) {
    const TinyAIModel *m = tinyai_js_model();
    uint8_t *stacks = tai_in(m, TAI_REGION_THREADS, 0);
    return (uint32_t)(uintptr_t)(stacks + (index + 1) * (uint64_t)TAI_THREAD_STACK_BYTES);
}

void tinyai_js_help(void) {
    tai_team_help(&tinyai_js_model()->team);
}

void tinyai_js_helper_failed(void) {
    tai_team_fail(&tinyai_js_model()->team);
}

void tinyai_js_stop_helpers(void) {
    tai_team_stop(&tinyai_js_model()->team);
}
