/* Out of memory at every claim of the forward scheduler: nothing is left behind, and the same call works the
 * next time. */
#include <stdlib.h>

#include "faults/faults.h"
#include "memory/error.h"
#include "tinyai/memory.h"
#include "tinyai/utils/forward_scheduler.h"

#define STORY TINYAI_TEST_DATA "/../../models/storyteller/storyteller-q8_0.gguf"
#define OUTPUT_BYTES 1000u

static TinyAIMappedModel *mapped;
static TinyAIForwardScheduler *scheduler;
static int n_edges; /* added so far */
static size_t live_before;

static int32_t status_of_thread(bool done, TinyAIError *error) {
    *error = *tai_thread_error();
    return done ? TINYAI_OK : error->status;
}

static void open_mapped(void) {
    TinyAIMmapConfig config = tinyaiCreateDefaultMmapConfig();
    config.prefetchThreads = 0;
    live_before = tinyai_memory_stats(NULL).live_allocations;
    n_edges = 0;
    mapped = tinyaiOpenMappedModel(STORY, &config);
    if (!mapped) {
        TEST_FAIL("%s", tai_thread_error()->message);
        exit(2);
    }
}

/* Goes on with what is missing: the scheduler, a chain with enough edges that the graph grows, a pass. */
static int32_t run_schedule(TinyAIError *error) {
    const int n = tinyaiGetMappedLayerCount(mapped);
    if (!scheduler) {
        scheduler = tinyaiCreateForwardScheduler(mapped, TINYAI_EXEC_MEMORY_OPT, (size_t)1 << 30);
    }
    bool done = scheduler != NULL;
    for (int added = 0; added < 4 * n && done; added++) {
        if (added ==
            n_edges) { /* for each layer SEQUENTIAL, RESIDUAL, ATTENTION on the one before, and NONE */
            done = tinyaiAddLayerToSchedule(scheduler, added / 4, added / 4 - 1,
                                            (TinyAIDependencyType)((added + 1) % 4), OUTPUT_BYTES);
            n_edges += done;
        }
    }
    TinyAIScheduledLayer step;
    for (int turn = 0; turn < n && done; turn++) {
        done = tinyaiNextScheduledLayer(scheduler, &step);
        if (done) {
            CHECK_EQ(step.layer, turn);
            memset(step.output, turn, OUTPUT_BYTES);
        }
    }
    const int32_t status = status_of_thread(done, error);
    CHECK(!done || !tinyaiNextScheduledLayer(scheduler, &step));
    return status;
}

static void destroy_scheduler(void) {
    tinyaiDestroyForwardScheduler(scheduler);
    scheduler = NULL;
    n_edges = 0;
}

static int32_t run_or_destroy(TinyAIError *error) {
    const int32_t status = run_schedule(error);
    if (status) {
        destroy_scheduler();
    }
    return status;
}

static void verify_schedule(bool done) {
    TinyAIError error;
    CHECK_EQ(scheduler != NULL, done);
    CHECK_EQ(run_schedule(&error), TINYAI_OK);
    CHECK_EQ(tinyaiGetSchedulerActivationBytes(scheduler), 2 * 1024);
}

static void close_all(void) {
    destroy_scheduler();
    tinyaiCloseMappedModel(mapped);
    CHECK_EQ(tinyai_memory_stats(NULL).live_allocations, live_before);
}

TEST(every_claim_may_fail_once_and_for_ever) {
    static const Operation schedule = {"schedule a pass", open_mapped, run_or_destroy,
                                       verify_schedule,   close_all,   4};
    sweep(&schedule);
}

TEST(a_refused_call_works_the_next_time) {
    uint64_t n_refused = 0;
    for (bool refused = true; refused;) {
        TinyAIError error;
        open_mapped();
        tai_fault_arm(n_refused + 1, false);
        const int32_t status = run_schedule(&error);
        refused = tai_fault_refused() != NULL;
        tai_fault_arm(0, false);
        CHECK_EQ(status, refused ? TINYAI_E_NOMEM : TINYAI_OK);
        n_refused += refused;
        verify_schedule(scheduler != NULL); /* goes on with what is there */
        close_all();
    }
    CHECK(n_refused >= 4);
}

int main(int argc, char **argv) {
    static const TestCase tests[] = {
        T(every_claim_may_fail_once_and_for_ever),
        T(a_refused_call_works_the_next_time),
    };
    tinyai_memory_free(NULL, tinyai_memory_alloc(NULL, 1)); /* the arena is there, and stays */
    return test_run(tests, (int)(sizeof tests / sizeof *tests), argc > 1 ? argv[1] : 0);
}
