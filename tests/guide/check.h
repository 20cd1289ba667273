/* What the frames around the guide's snippets check with. The program ends at the first failed check. */
#ifndef TAI_GUIDE_CHECK_H
#define TAI_GUIDE_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tinyai/tinyai.h>

static inline void check(bool holds, const char *text, int line) {
    if (!holds) {
        (void)fprintf(stderr, "line %d: failed: %s (last error: %s)\n", line, text,
                      tinyai_last_error(NULL)->message);
        exit(1);
    }
}
#define CHECK(cond) check((cond), #cond, __LINE__)

static inline int32_t last_status(void) {
    return tinyai_last_error(NULL)->status;
}

/* How many layers are cached. */
static inline int n_cached(const TinyAIMappedModel *model) {
    return tinyaiGetMmapStats(model).cachedLayers;
}

/* Runs one pass over the scheduled layers; how many they were, and the most of what the scheduler said
 * that it used. */
static inline int run_pass(TinyAIForwardScheduler *scheduler, size_t *most) {
    TinyAIScheduledLayer step;
    int n = 0;
    while (tinyaiNextScheduledLayer(scheduler, &step)) {
        const size_t now = tinyaiGetSchedulerMemoryUsage(scheduler);
        *most = now > *most ? now : *most;
        CHECK(step.weights != NULL && step.weightsSize > 0);
        memset(step.output, 0xA5, step.outputSize); /* the sanitizer checks that it is ours */
        n++;
    }
    CHECK(last_status() == TINYAI_OK);
    return n;
}

/* Everything was given back: nothing lives, and nothing was left behind. */
static inline void nothing_left(void) {
    CHECK(tinyai_get_memory_stats().live_allocations == 0);
    CHECK(tinyai_shutdown_memory() == 0);
}

#endif
