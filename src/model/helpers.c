/* The threads that help a model compute, where the host starts them (natively). JS hosts start workers, which
 * call in (wasm/threads.c). */
#include "model/engine.h"

static void help(void *team) {
    tai_team_help(team);
}

/* Fewer than planned are slower, but nothing is wrong. */
void tai_helpers_start(TinyAIModel *m) {
    uint8_t *stack = tai_in(m, TAI_REGION_THREADS, 0);
    while (m->n_helpers + 1 < m->plan.threads &&
           tai_thread_start(&m->helpers[m->n_helpers], help, &m->team, stack)) {
        m->n_helpers++;
        stack += TAI_THREAD_STACK_BYTES;
        while (tai_team_threads(&m->team) <= m->n_helpers) {
            tai_spin(&m->team.helpers, m->n_helpers - 1); /* it is on its way */
        }
    }
}

void tai_helpers_stop(TinyAIModel *m) {
    tai_team_stop(&m->team);
    for (uint32_t i = 0; i < m->n_helpers; i++) {
        tai_thread_join(&m->helpers[i]);
    }
    m->n_helpers = 0;
}

uint32_t tai_threads_missing(const TinyAIModel *m, uint32_t running) {
    if (running < m->plan.threads) {
        return TINYAI_THREADS_REFUSED;
    }
    return running < m->threads_asked ? TINYAI_THREADS_HOST : TINYAI_THREADS_ALL;
}
