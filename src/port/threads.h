/* Threads that compute beside the one that calls the engine, and how they wait for each other. Natively the
 * port starts them; JS hosts start theirs as workers, and only wait and wake are from here. WASI and modules
 * without shared memory have none: tai_threads_most() is 1 there. */
#ifndef TAI_THREADS_H
#define TAI_THREADS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tinyai/tinyai.h"

/* Of each other thread, part of the plan; a multiple of 64 KiB, so that it may begin where a page does. */
#define TAI_THREAD_STACK_BYTES 65536u

/* How many threads a model can have on this host: 1 or TINYAI_MAX_THREADS. */
uint32_t tai_threads_most(void);
/* Processors that this program may use, at least 1. */
uint32_t tai_threads_cores(void);

typedef struct TaiThread {
    uintptr_t handle;
} TaiThread;

/* Starts a thread that runs main(user). stack: TAI_THREAD_STACK_BYTES, aligned to 64, the thread's until it was
 * joined; a host that needs a larger one takes its own. False if the host gives no thread. */
bool tai_thread_start(TaiThread *thread, void (*run)(void *user), void *user, void *stack);
/* Waits for its end. */
void tai_thread_join(TaiThread *thread);

/* Looks at *word for some 50 microseconds; true as soon as it is not `seen`. */
bool tai_spin(const atomic_uint *word, uint32_t seen);
/* Waits for a tai_wake of this word, unless it is not `seen`; may return for no reason. */
void tai_wait(atomic_uint *word, uint32_t seen);
/* Wakes up to `count` threads that wait for this word. */
void tai_wake(atomic_uint *word, uint32_t count);

#endif
