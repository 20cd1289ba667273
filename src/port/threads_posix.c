/* Computing threads of native hosts. */
#include "port/threads.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "port/fault.h"
#include "port/port.h"

#define SPIN_NS 50000u
#define PAUSES 16u /* between two looks at the clock */

uint32_t tai_threads_most(void) {
    return TINYAI_MAX_THREADS;
}

uint32_t tai_threads_cores(void) {
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : (uint32_t)cores;
}

/* ---- starting ---------------------------------------------------------------------------------- */

typedef struct Start {
    void (*run)(void *user);
    void *user;
    atomic_bool taken; /* by the thread: its creator's frame may go */
} Start;

static void *enter(void *user) {
    Start *start = user;
    void (*run)(void *) = start->run;
    void *what = start->user;
    atomic_store(&start->taken, true);
    run(what);
    return NULL;
}

/* With the stack given, or where that is below the system's least (arm64, sanitizers) with one of the system. */
static bool create(pthread_t *thread, Start *start, void *stack) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    bool created = pthread_attr_setstack(&attributes, stack, TAI_THREAD_STACK_BYTES) == 0 &&
                   pthread_create(thread, &attributes, enter, start) == 0;
    pthread_attr_destroy(&attributes);
    return created || pthread_create(thread, NULL, enter, start) == 0;
}

bool tai_thread_start(TaiThread *thread, void (*run)(void *user), void *user, void *stack) {
    if (!tai_claim("a computing thread")) {
        return false;
    }
    Start start = {.run = run, .user = user};
    pthread_t handle;
    /* Signals stay with the program's own threads: Ctrl-C must wake the one that waits for the keyboard. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool created = create(&handle, &start, stack);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!created) {
        return false;
    }
    while (!atomic_load(&start.taken)) {
        sched_yield();
    }
    thread->handle = (uintptr_t)handle;
    tai_hold(TAI_HELD_THREAD, 1);
    return true;
}

void tai_thread_join(TaiThread *thread) {
    pthread_join((pthread_t)thread->handle, NULL);
    tai_hold(TAI_HELD_THREAD, -1);
}

/* ---- waiting ----------------------------------------------------------------------------------- */

/* Tells the processor that this is a loop that waits: it saves power and leaves more to its other thread. */
static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield");
#endif
}

bool tai_spin(const atomic_uint *word, uint32_t seen) {
    const uint64_t end = tai_port_clock_ns() + SPIN_NS;
    do {
        for (uint32_t i = 0; i < PAUSES; i++) {
            if (atomic_load_explicit(word, memory_order_acquire) != seen) {
                return true;
            }
            pause_briefly();
        }
    } while (tai_port_clock_ns() < end);
    return false;
}

/* Words that threads wait for share a few places by their address. A wake-up under the lock cannot come
 * between a waiter's look at the word and its sleep. */
typedef struct Place {
    pthread_mutex_t lock;
    pthread_cond_t woken;
} Place;

#define PLACE {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER}
static Place places[] = {PLACE, PLACE, PLACE, PLACE, PLACE, PLACE, PLACE, PLACE};

static Place *place_of(const atomic_uint *word) {
    return &places[(uintptr_t)word / 64 % (sizeof places / sizeof *places)];
}

void tai_wait(atomic_uint *word, uint32_t seen) {
    Place *place = place_of(word);
    pthread_mutex_lock(&place->lock);
    if (atomic_load(word) == seen) {
        pthread_cond_wait(&place->woken, &place->lock);
    }
    pthread_mutex_unlock(&place->lock);
}

void tai_wake(atomic_uint *word, uint32_t count) {
    (void)count; /* others may wait at the same place: all look again */
    Place *place = place_of(word);
    pthread_mutex_lock(&place->lock);
    pthread_cond_broadcast(&place->woken);
    pthread_mutex_unlock(&place->lock);
}
