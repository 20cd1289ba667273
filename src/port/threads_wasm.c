/* Computing threads of JS hosts with shared memory: workers that JavaScript starts (wasm/threads.c). */
#include "port/threads.h"

#include <stddef.h>

/* Looks at the word: there is no clock in here, and no instruction to pause with. V8 takes 53 microseconds for them. */
#define SPINS 200000u
#define FOR_EVER (-1)

uint32_t tai_threads_most(void) {
    return TINYAI_MAX_THREADS;
}

uint32_t tai_threads_cores(void) {
    return 1; /* JavaScript knows, and says how many threads it wants */
}

bool tai_thread_start(TaiThread *thread, void (*run)(void *user), void *user, void *stack) {
    (void)thread;
    (void)run;
    (void)user;
    (void)stack;
    return false;
}

void tai_thread_join(TaiThread *thread) {
    (void)thread;
}

bool tai_spin(const atomic_uint *word, uint32_t seen) {
    for (uint32_t i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(word, memory_order_acquire) != seen) {
            return true;
        }
    }
    return false;
}

void tai_wait(atomic_uint *word, uint32_t seen) {
    __builtin_wasm_memory_atomic_wait32((int *)word, (int)seen, FOR_EVER);
}

void tai_wake(atomic_uint *word, uint32_t count) {
    __builtin_wasm_memory_atomic_notify((int *)word, count);
}
