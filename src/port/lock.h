/* A lock for short sections: it spins, and lets other threads run after a while. In WebAssembly
 * it is nothing: there one thread does everything but compute. Zeroed memory is an open lock. */
#ifndef TAI_LOCK_H
#define TAI_LOCK_H

#ifdef __wasm__

typedef struct TaiLock {
    char unused;
} TaiLock;

static inline void tai_lock(TaiLock *lock) {
    (void)lock;
}
static inline void tai_unlock(TaiLock *lock) {
    (void)lock;
}

#else

#include <sched.h>
#include <stdatomic.h>

typedef struct TaiLock {
    atomic_bool held;
} TaiLock;

static inline void tai_lock(TaiLock *lock) {
    for (unsigned round = 1; atomic_exchange_explicit(&lock->held, 1, memory_order_acquire);
         round++) {
        /* Only reading keeps the holder's cache line where it is. */
        while (atomic_load_explicit(&lock->held, memory_order_relaxed)) {
            if (round++ % 64 == 0) {
                sched_yield(); /* the holder may be waiting for this core */
            }
        }
    }
}
static inline void tai_unlock(TaiLock *lock) {
    atomic_store_explicit(&lock->held, 0, memory_order_release);
}

#endif
#endif
