/* WASI, and modules without shared memory: the caller's thread computes alone, and never waits. */
#include "port/threads.h"

uint32_t tai_threads_most(void) {
    return 1;
}

uint32_t tai_threads_cores(void) {
    return 1;
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
    return atomic_load(word) != seen;
}

void tai_wait(atomic_uint *word, uint32_t seen) {
    (void)word;
    (void)seen;
}

void tai_wake(atomic_uint *word, uint32_t count) {
    (void)word;
    (void)count;
}
