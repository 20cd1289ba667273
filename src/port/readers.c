/* Reader threads of native hosts: a bounded queue of reads, and threads that work it off. */
#include "port/readers.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "port/fault.h"

/* Reads in the order in which they came. */
typedef struct Queue {
    TaiRead read[TAI_READS];
    uint32_t first;
    uint32_t n;
} Queue;

/* Invariant: waiting.n + n_reading + finished.n <= TAI_READS, so neither queue runs over. The lock guards
 * everything below it. */
struct TaiReaders {
    TinyAISource source;
    pthread_t thread[TAI_MAX_READERS];
    uint32_t n_threads;
    pthread_mutex_t lock;
    pthread_cond_t has_work;   /* readers wait for it: something was submitted, or they must stop */
    pthread_cond_t has_result; /* the owner waits for it: something was read */
    bool stopping;
    uint32_t n_reading;
    Queue waiting;
    Queue finished;
};

static void push(Queue *queue, const TaiRead *read) {
    queue->read[(queue->first + queue->n) % TAI_READS] = *read;
    queue->n++;
}

static TaiRead pop(Queue *queue) {
    const TaiRead read = queue->read[queue->first];
    queue->first = (queue->first + 1) % TAI_READS;
    queue->n--;
    return read;
}

static void *work(void *user) {
    TaiReaders *r = user;
    pthread_mutex_lock(&r->lock);
    while (!r->stopping) {
        if (r->waiting.n == 0) {
            pthread_cond_wait(&r->has_work, &r->lock);
            continue;
        }
        TaiRead read = pop(&r->waiting);
        r->n_reading++;
        pthread_mutex_unlock(&r->lock);
        read.status = r->source.read(r->source.user, read.offset, read.into, read.length);
        pthread_mutex_lock(&r->lock);
        r->n_reading--;
        push(&r->finished, &read);
        pthread_cond_signal(&r->has_result);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* ---- starting and stopping -------------------------------------------------------------------- */

static size_t stack_bytes(void) {
    const long least = (long)PTHREAD_STACK_MIN; /* above 64 KiB on some systems */
    return least > (long)TAI_READER_STACK_BYTES ? (size_t)least : TAI_READER_STACK_BYTES;
}

static void start_threads(TaiReaders *r, uint32_t threads) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return;
    }
    pthread_attr_setstacksize(&attributes, stack_bytes());
    /* Signals stay with the program's own threads: Ctrl-C must wake the one that waits for the keyboard. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (r->n_threads < threads && tai_claim("a reader thread") &&
           pthread_create(&r->thread[r->n_threads], &attributes, work, r) == 0) {
        tai_hold(TAI_HELD_THREAD, 1);
        r->n_threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
}

static void destroy(TaiReaders *r) {
    pthread_cond_destroy(&r->has_result);
    pthread_cond_destroy(&r->has_work);
    pthread_mutex_destroy(&r->lock);
}

uint64_t tai_readers_bytes(uint32_t threads) {
    return threads ? (sizeof(TaiReaders) + 63) & ~(uint64_t)63 : 0;
}

uint32_t tai_readers_start(TaiReaders *r, const TinyAISource *source, uint32_t threads) {
    if (threads == 0) {
        return 0;
    }
    memset(r, 0, sizeof *r);
    r->source = *source;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->has_work, NULL);
    pthread_cond_init(&r->has_result, NULL);
    start_threads(r, threads < TAI_MAX_READERS ? threads : TAI_MAX_READERS);
    if (r->n_threads == 0) {
        destroy(r);
    }
    return r->n_threads;
}

void tai_readers_stop(TaiReaders *r) {
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_broadcast(&r->has_work);
    pthread_mutex_unlock(&r->lock);
    for (uint32_t i = 0; i < r->n_threads; i++) {
        pthread_join(r->thread[i], NULL);
        tai_hold(TAI_HELD_THREAD, -1);
    }
    destroy(r);
}

/* ---- reading ---------------------------------------------------------------------------------- */

static bool is_under_way(const TaiReaders *r) {
    return r->waiting.n + r->n_reading + r->finished.n > 0;
}

bool tai_readers_submit(TaiReaders *r, const TaiRead *read) {
    pthread_mutex_lock(&r->lock);
    const bool room = r->waiting.n + r->n_reading + r->finished.n < TAI_READS;
    if (room) {
        push(&r->waiting, read);
        pthread_cond_signal(&r->has_work);
    }
    pthread_mutex_unlock(&r->lock);
    return room;
}

bool tai_readers_collect(TaiReaders *r, bool wait, TaiRead *read) {
    pthread_mutex_lock(&r->lock);
    while (wait && r->finished.n == 0 && is_under_way(r)) {
        pthread_cond_wait(&r->has_result, &r->lock);
    }
    const bool found = r->finished.n > 0;
    if (found) {
        *read = pop(&r->finished);
    }
    pthread_mutex_unlock(&r->lock);
    return found;
}
