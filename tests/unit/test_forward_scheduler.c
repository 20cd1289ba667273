/* The forward scheduler over the bundled model: what it refuses, passes in all modes, what it says about
 * memory. Outputs are filled with patterns, and each turn checks those that its layer depends on. */
#include "tinyai/utils/forward_scheduler.h"

#include <stdio.h>
#include <stdlib.h>

#include "memory/error.h"
#include "stream/mapped_model.h"
#include "tinyai/memory.h"
#include "unit/test.h"

#define PATH TINYAI_TEST_DATA "/../../models/storyteller/storyteller-q8_0.gguf"
#define N 5 /* its layers */
#define BIG ((size_t)1 << 30)

static size_t slot; /* bytes of a layer in memory */

static TinyAIMappedModel *open_model(int cached_layers, int threads) {
    TinyAIMmapConfig config = tinyaiCreateDefaultMmapConfig();
    config.prefetchThreads = threads;
    config.minLayerCacheSize = 0;
    if (cached_layers)
        config.maxCacheSize = (size_t)cached_layers * slot;
    TinyAIMappedModel *model = tinyaiOpenMappedModel(PATH, &config);
    if (!model) {
        TEST_FAIL("open: %s", tai_thread_error()->message);
        exit(1);
    }
    slot = (size_t)tai_mapped_slot_bytes(model);
    return model;
}

static TinyAIForwardScheduler *create(TinyAIMappedModel *model, TinyAIExecutionMode mode,
                                      size_t limit) {
    TinyAIForwardScheduler *s = tinyaiCreateForwardScheduler(model, mode, limit);
    if (!s) {
        TEST_FAIL("create: %s", tai_thread_error()->message);
        exit(1);
    }
    return s;
}

static void check_error(int32_t status, const char *part) {
    const TinyAIError *error = tai_thread_error();
    CHECK_EQ(error->status, status);
    if (!strstr(error->message, part))
        TEST_FAIL("\"%s\" does not say \"%s\"", error->message, part);
}

static void check_budget(uint64_t asked, uint64_t allowed) {
    const TinyAIError *error = tai_thread_error();
    CHECK_EQ(error->status, TINYAI_E_BUDGET);
    CHECK_EQ(error->asked_bytes, asked);
    CHECK_EQ(error->allowed_bytes, allowed);
    CHECK_EQ(error->missing_bytes, asked - allowed);
}

static size_t rounded(size_t bytes) {
    return (bytes + 63) / 64 * 64;
}

/* ---- a schedule and its passes, in the test's own words ---------------------------------------- */

typedef struct Edge {
    int layer, on;
    TinyAIDependencyType type;
} Edge;

/* A chain with a residual connection over two layers. */
static const Edge chain[] = {{0, -1, TINYAI_DEP_SEQUENTIAL}, {1, 0, TINYAI_DEP_SEQUENTIAL},
                             {2, 1, TINYAI_DEP_SEQUENTIAL},  {2, 0, TINYAI_DEP_RESIDUAL},
                             {3, 2, TINYAI_DEP_ATTENTION},   {4, 3, TINYAI_DEP_SEQUENTIAL}};
static const size_t chain_bytes[N] = {1000, 2000, 1000, 3000, 64};
#define CHAIN_PEAK (1024 + 2048 + 1024) /* layer 2 beside both it depends on */

#define ADD(s, edges, bytes) add_all((s), (edges), (int)(sizeof(edges) / sizeof *(edges)), (bytes))

static void add_all(TinyAIForwardScheduler *s, const Edge *edges, int n, const size_t *bytes) {
    for (int i = 0; i < n; i++)
        if (!tinyaiAddLayerToSchedule(s, edges[i].layer, edges[i].on, edges[i].type,
                                      bytes[edges[i].layer]))
            TEST_FAIL("add: %s", tai_thread_error()->message);
}

/* Runs a pass: `order` is expected, weights are compared with those of `whole`, a second mapping of the
 * file, and usage and peak with the sums of the model's cache and the live outputs. Returns the peak. */
static size_t run_pass(TinyAIForwardScheduler *s, TinyAIMappedModel *model,
                       TinyAIMappedModel *whole, const Edge *edges, int n_edges,
                       const size_t *bytes, const int *order, int n, size_t peak, size_t limit) {
    TinyAIScheduledLayer step;
    for (int turn = 0; turn < n; turn++) {
        if (!tinyaiNextScheduledLayer(s, &step)) {
            TEST_FAIL("turn %d: %s", turn, tai_thread_error()->message);
            return 0;
        }
        CHECK_EQ(step.layer, order[turn]);
        CHECK_EQ(step.outputSize, bytes[step.layer]);
        CHECK_EQ((uintptr_t)step.output % 64, 0);
        CHECK(step.outputOffset + step.outputSize <= tinyaiGetSchedulerActivationBytes(s));
        CHECK_EQ(step.weightsSize, tinyaiGetMappedLayerSize(whole, step.layer));
        CHECK(memcmp(step.weights, tinyaiGetMappedLayer(whole, step.layer), step.weightsSize) == 0);
        memset(step.output, 1 + step.layer, step.outputSize);

        size_t live = 0;
        for (int t = 0; t < n; t++) {
            int layer = order[t], needed = t == turn;
            for (int e = 0; e < n_edges; e++)
                for (int later = turn; later < n; later++)
                    needed |= edges[e].on == layer && edges[e].layer == order[later];
            needed = needed && t <= turn;
            const uint8_t *output = tinyaiGetLayerOutput(s, layer);
            CHECK_EQ(output != NULL, needed);
            for (size_t i = 0; output && i < bytes[layer]; i++)
                if (output[i] != 1 + layer) {
                    TEST_FAIL("turn %d: the output of layer %d was written over", turn, layer);
                    break;
                }
            live += needed ? rounded(bytes[layer]) : 0;
        }
        size_t usage = tinyaiGetSchedulerMemoryUsage(s);
        CHECK_EQ(usage, tinyaiGetMmapStats(model).cachedBytes + live);
        peak = usage > peak ? usage : peak;
        CHECK_EQ(tinyaiGetSchedulerPeakMemoryUsage(s), peak);
        CHECK(tinyaiGetMmapStats(model).cachedBytes + tinyaiGetSchedulerActivationBytes(s) <=
              limit);
    }
    CHECK(!tinyaiNextScheduledLayer(s, &step));
    CHECK_EQ(tai_thread_error()->status, TINYAI_OK);
    CHECK_EQ(tinyaiGetSchedulerMemoryUsage(s), tinyaiGetMmapStats(model).cachedBytes);
    for (int layer = 0; layer < N; layer++)
        CHECK(!tinyaiGetLayerOutput(s, layer));
    return peak;
}

static const int by_index[N] = {0, 1, 2, 3, 4};
#define RUN_CHAIN(s, model, whole, peak, limit)                                                    \
    run_pass((s), (model), (whole), chain, (int)(sizeof chain / sizeof *chain), chain_bytes,       \
             by_index, N, (peak), (limit))

/* ---- refusals ----------------------------------------------------------------------------------- */

TEST(null_is_an_argument_error) {
    TinyAIScheduledLayer step;
    CHECK(!tinyaiCreateForwardScheduler(NULL, TINYAI_EXEC_NORMAL, BIG));
    check_error(TINYAI_E_ARGUMENT, "model is NULL");
    tinyaiDestroyForwardScheduler(NULL);
    CHECK(!tinyaiAddLayerToSchedule(NULL, 0, -1, TINYAI_DEP_NONE, 1));
    check_error(TINYAI_E_ARGUMENT, "scheduler is NULL");
    CHECK(!tinyaiNextScheduledLayer(NULL, &step));
    check_error(TINYAI_E_ARGUMENT, "scheduler is NULL");
    CHECK(!tinyaiGetLayerOutput(NULL, 0));
    check_error(TINYAI_E_ARGUMENT, "scheduler is NULL");
    CHECK_EQ(tinyaiGetSchedulerMemoryUsage(NULL), 0);
    check_error(TINYAI_E_ARGUMENT, "scheduler is NULL");
    CHECK_EQ(tinyaiGetSchedulerPeakMemoryUsage(NULL), 0);
    check_error(TINYAI_E_ARGUMENT, "scheduler is NULL");
    CHECK_EQ(tinyaiGetSchedulerActivationBytes(NULL), 0);
    check_error(TINYAI_E_ARGUMENT, "scheduler is NULL");

    TinyAIMappedModel *model = open_model(0, 0);
    TinyAIForwardScheduler *s = create(model, TINYAI_EXEC_NORMAL, BIG);
    CHECK(!tinyaiNextScheduledLayer(s, NULL));
    check_error(TINYAI_E_ARGUMENT, "step is NULL");
    tinyaiDestroyForwardScheduler(s);
    tinyaiCloseMappedModel(model);
}

TEST(a_limit_that_holds_no_layer_is_refused) {
    size_t live = tinyai_memory_stats(NULL).live_allocations;
    TinyAIMappedModel *model = open_model(0, 0);
    CHECK_EQ(tinyaiGetMappedLayerCount(model), N);
    const int no_mode = 4; /* C does not keep callers from it */
    TinyAIExecutionMode mode_of_caller;
    memcpy(&mode_of_caller, &no_mode, sizeof no_mode);
    CHECK(!tinyaiCreateForwardScheduler(model, mode_of_caller, BIG));
    check_error(TINYAI_E_ARGUMENT, "no mode 4");
    CHECK(!tinyaiCreateForwardScheduler(model, TINYAI_EXEC_NORMAL, 0));
    check_error(TINYAI_E_ARGUMENT, "memoryLimit is 0");
    for (int mode = 0; mode <= TINYAI_EXEC_ADAPTIVE; mode++) {
        size_t least = mode == TINYAI_EXEC_STREAMING ? 2 * slot : slot;
        CHECK(!tinyaiCreateForwardScheduler(model, (TinyAIExecutionMode)mode, least - 1));
        check_budget(least, least - 1);
        tinyaiDestroyForwardScheduler(create(model, (TinyAIExecutionMode)mode, least));
    }
    CHECK_EQ(tinyai_memory_stats(NULL).live_allocations, live);
    tinyaiCloseMappedModel(model);

    model = open_model(1, 0);
    CHECK(!tinyaiCreateForwardScheduler(model, TINYAI_EXEC_STREAMING, BIG));
    check_budget(2 * slot, slot);
    tinyaiCloseMappedModel(model);
}

TEST(layers_that_contradict_are_refused_with_the_reason) {
    TinyAIMappedModel *model = open_model(0, 0);
    TinyAIForwardScheduler *s = create(model, TINYAI_EXEC_NORMAL, BIG);
    ADD(s, chain, chain_bytes);
    static const struct {
        Edge edge;
        size_t bytes;
        const char *reason;
    } cases[] = {
        {{2, 0, TINYAI_DEP_RESIDUAL}, 1000, "layer 2 was already added with RESIDUAL on layer 0"},
        {{0, -1, TINYAI_DEP_SEQUENTIAL}, 1000, "layer 0 was already added with SEQUENTIAL on no"},
        {{2, 1, TINYAI_DEP_RESIDUAL}, 1001, "an output of 1000 bytes, now it is to have 1001"},
        {{0, 4, TINYAI_DEP_RESIDUAL}, 1000, "layer 0 cannot depend on layer 4"},
        {{3, 3, TINYAI_DEP_RESIDUAL}, 3000, "layer 3 cannot depend on itself"},
        {{N, 0, TINYAI_DEP_SEQUENTIAL}, 1, "no layer 5: layers are 0 to 4"},
        {{-1, 0, TINYAI_DEP_SEQUENTIAL}, 1, "no layer -1"},
        {{3, N, TINYAI_DEP_SEQUENTIAL}, 3000, "no layer 5"},
        {{3, -2, TINYAI_DEP_SEQUENTIAL}, 3000, "layer -2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Edge *e = &cases[i].edge;
        CHECK(!tinyaiAddLayerToSchedule(s, e->layer, e->on, e->type, cases[i].bytes));
        check_error(TINYAI_E_ARGUMENT, cases[i].reason);
        CHECK_EQ(tinyaiGetSchedulerActivationBytes(s), CHAIN_PEAK);
    }
    RUN_CHAIN(s, model, model, 0, BIG);
    tinyaiDestroyForwardScheduler(s);
    tinyaiCloseMappedModel(model);
}

TEST(outputs_that_the_limit_cannot_hold_are_refused) {
    TinyAIMappedModel *model = open_model(0, 0);
    for (int mode = 0; mode <= TINYAI_EXEC_ADAPTIVE; mode++) {
        size_t least = (mode == TINYAI_EXEC_STREAMING ? 2 * slot : slot) + CHAIN_PEAK;
        TinyAIForwardScheduler *s = create(model, (TinyAIExecutionMode)mode, least);
        ADD(s, chain, chain_bytes); /* just fits */
        RUN_CHAIN(s, model, model, 0, least);
        tinyaiDestroyForwardScheduler(s);

        s = create(model, (TinyAIExecutionMode)mode, least - 1);
        ADD(s, ((Edge[]){{0, -1, TINYAI_DEP_NONE}, {1, 0, TINYAI_DEP_SEQUENTIAL}}), chain_bytes);
        CHECK(tinyaiAddLayerToSchedule(s, 2, 1, TINYAI_DEP_SEQUENTIAL, 1000));
        CHECK(!tinyaiAddLayerToSchedule(s, 2, 0, TINYAI_DEP_RESIDUAL, 1000));
        check_budget(least, least - 1);
        CHECK_EQ(tinyaiGetSchedulerActivationBytes(s), 1024 + 2048);
        CHECK(!tinyaiAddLayerToSchedule(s, 3, 0, TINYAI_DEP_RESIDUAL, SIZE_MAX - 100));
        check_error(TINYAI_E_BUDGET, "memoryLimit");
        CHECK(tinyaiAddLayerToSchedule(s, 3, -1, TINYAI_DEP_NONE, 10)); /* as if never added */
        tinyaiDestroyForwardScheduler(s);
    }
    tinyaiCloseMappedModel(model);
}

TEST(layers_are_added_between_passes_only) {
    TinyAIMappedModel *model = open_model(0, 0);
    TinyAIForwardScheduler *s = create(model, TINYAI_EXEC_NORMAL, BIG);
    TinyAIScheduledLayer step;
    CHECK(!tinyaiNextScheduledLayer(s, &step));
    check_error(TINYAI_E_ARGUMENT, "empty");
    CHECK(tinyaiAddLayerToSchedule(s, 1, 0, TINYAI_DEP_SEQUENTIAL, 100));
    CHECK(!tinyaiNextScheduledLayer(s, &step));
    check_error(TINYAI_E_ARGUMENT, "layer 1 depends on layer 0, which was never added");
    CHECK(tinyaiAddLayerToSchedule(s, 0, -1, TINYAI_DEP_NONE, 100));
    for (int turn = 0; turn < 2; turn++) {
        CHECK(tinyaiNextScheduledLayer(s, &step));
        CHECK_EQ(step.layer, turn);
        CHECK(!tinyaiAddLayerToSchedule(s, 2, 1, TINYAI_DEP_SEQUENTIAL, 5000));
        check_error(TINYAI_E_BUSY, "a pass is under way");
    }
    CHECK(!tinyaiNextScheduledLayer(s, &step));
    CHECK(tinyaiAddLayerToSchedule(s, 2, 1, TINYAI_DEP_SEQUENTIAL, 5000)); /* and more memory */
    for (int turn = 0; turn < 3; turn++) {
        CHECK(tinyaiNextScheduledLayer(s, &step));
        memset(step.output, turn, step.outputSize);
    }
    CHECK_EQ(step.outputSize, 5000);
    tinyaiDestroyForwardScheduler(s); /* in the middle of a pass */
    tinyaiCloseMappedModel(model);
}

/* ---- passes ------------------------------------------------------------------------------------- */

TEST(passes_in_every_mode_and_limit) {
    size_t live = tinyai_memory_stats(NULL).live_allocations;
    TinyAIMappedModel *whole = open_model(0, 0);
    for (int threads = 0; threads <= 2; threads += 2) {
        for (int mode = 0; mode <= TINYAI_EXEC_ADAPTIVE; mode++) {
            for (int slots = mode == TINYAI_EXEC_STREAMING ? 2 : 1; slots <= N; slots++) {
                TinyAIMappedModel *model = open_model(0, threads);
                size_t limit = (size_t)slots * slot + CHAIN_PEAK + 100, peak = 0;
                TinyAIForwardScheduler *s = create(model, (TinyAIExecutionMode)mode, limit);
                ADD(s, chain, chain_bytes);
                CHECK_EQ(tinyaiGetSchedulerActivationBytes(s), CHAIN_PEAK);
                for (int pass = 0; pass < 4; pass++)
                    peak = RUN_CHAIN(s, model, whole, peak, limit);
                int most = mode == TINYAI_EXEC_MEMORY_OPT  ? 1
                           : mode == TINYAI_EXEC_STREAMING ? 2
                                                           : slots;
                TinyAIMmapStats stats = tinyaiGetMmapStats(model);
                CHECK_EQ(stats.peakCachedBytes, (size_t)most * slot);
                CHECK_EQ(peak, (size_t)most * slot + CHAIN_PEAK); /* full when most is live */
                if (mode == TINYAI_EXEC_MEMORY_OPT || threads == 0 || slots == 1)
                    CHECK_EQ(stats.prefetched, 0);
                if (mode == TINYAI_EXEC_STREAMING && threads)
                    CHECK_EQ(stats.prefetched, 4 * N - 1); /* all but the first */
                if (mode == TINYAI_EXEC_ADAPTIVE && threads && slots > 1)
                    CHECK(stats.prefetched >= N - 1);
                if (most == N)
                    CHECK_EQ(stats.misses, N);
                if (most == 1)
                    CHECK_EQ(stats.misses, 4 * N);
                tinyaiDestroyForwardScheduler(s);
                tinyaiCloseMappedModel(model);
            }
        }
    }
    tinyaiCloseMappedModel(whole);
    CHECK_EQ(tinyai_memory_stats(NULL).live_allocations, live);
}

/* In index order the large outputs of 0 and 1 live together; each with its reader behind it, they need not. */
TEST(memory_opt_takes_the_cheapest_order) {
    static const Edge edges[] = {{0, -1, TINYAI_DEP_NONE},      {1, -1, TINYAI_DEP_NONE},
                                 {2, 0, TINYAI_DEP_SEQUENTIAL}, {3, 1, TINYAI_DEP_SEQUENTIAL},
                                 {4, 2, TINYAI_DEP_SEQUENTIAL}, {4, 3, TINYAI_DEP_RESIDUAL}};
    static const size_t bytes[N] = {6400, 6400, 64, 64, 64};
    static const int cheapest[N] = {0, 2, 1, 3, 4};
    TinyAIMappedModel *model = open_model(0, 0);
    TinyAIMappedModel *whole = open_model(0, 0);
    for (int mode = 0; mode <= TINYAI_EXEC_ADAPTIVE; mode++) {
        int saves = mode == TINYAI_EXEC_MEMORY_OPT;
        TinyAIForwardScheduler *s = create(model, (TinyAIExecutionMode)mode, BIG);
        ADD(s, edges, bytes);
        CHECK_EQ(tinyaiGetSchedulerActivationBytes(s), saves ? 6400 + 2 * 64 : 2 * 6400 + 64);
        run_pass(s, model, whole, edges, 6, bytes, saves ? cheapest : by_index, N,
                 tinyaiGetSchedulerPeakMemoryUsage(s), BIG);
        tinyaiDestroyForwardScheduler(s);
    }
    tinyaiCloseMappedModel(model);
    tinyaiCloseMappedModel(whole);
}

/* A schedule against the index order: what is read ahead is the schedule's next layer. */
TEST(reads_ahead_along_the_schedule) {
    static const Edge edges[] = {{4, -1, TINYAI_DEP_NONE},
                                 {2, 4, TINYAI_DEP_SEQUENTIAL},
                                 {3, 2, TINYAI_DEP_SEQUENTIAL},
                                 {0, 3, TINYAI_DEP_SEQUENTIAL}};
    static const size_t bytes[N] = {0, 100, 200, 300, 400};
    static const int order[] = {4, 2, 3, 0};
    TinyAIMappedModel *model = open_model(0, 1);
    TinyAIForwardScheduler *s = create(model, TINYAI_EXEC_STREAMING, BIG);
    TinyAIScheduledLayer step;
    ADD(s, edges, bytes);
    for (int pass = 0; pass < 3; pass++) {
        for (int turn = 0; turn < 4; turn++) {
            CHECK(tinyaiNextScheduledLayer(s, &step));
            CHECK_EQ(step.layer, order[turn]);
            CHECK_EQ(step.output == NULL, step.layer == 0); /* an output of no bytes */
        }
        CHECK(!tinyaiNextScheduledLayer(s, &step));
    }
    TinyAIMmapStats stats = tinyaiGetMmapStats(model);
    CHECK_EQ(stats.misses, 12);
    CHECK_EQ(stats.prefetched, 11);
    tinyaiDestroyForwardScheduler(s);
    tinyaiCloseMappedModel(model);
}

static int32_t (*read_bytes)(void *, uint64_t, void *, uint32_t);
static int reads_until_failure;

static int32_t failing_read(void *user, uint64_t offset, void *into, uint32_t bytes) {
    return reads_until_failure-- == 0 ? TINYAI_E_IO : read_bytes(user, offset, into, bytes);
}

TEST(a_failed_read_is_tried_again_at_the_same_turn) {
    TinyAIMappedModel *model = open_model(0, 0);
    TinyAIForwardScheduler *s = create(model, TINYAI_EXEC_MEMORY_OPT, BIG);
    TinyAIScheduledLayer step;
    read_bytes = model->source.read;
    model->source.read = failing_read;
    ADD(s, chain, chain_bytes);
    int n_failures = 0;
    reads_until_failure = 0;
    for (int turn = 0; turn < N && n_failures < 100;) {
        if (tinyaiNextScheduledLayer(s, &step)) {
            CHECK_EQ(step.layer, turn++);
            reads_until_failure = 0;
        } else {
            check_error(TINYAI_E_IO, "layer");
            CHECK(turn == 0 || tinyaiGetLayerOutput(s, turn - 1)); /* still needed */
            n_failures++;
            reads_until_failure = 1 << 20;
        }
    }
    CHECK_EQ(n_failures, N);
    CHECK(!tinyaiNextScheduledLayer(s, &step));
    CHECK_EQ(tai_thread_error()->status, TINYAI_OK);
    tinyaiDestroyForwardScheduler(s);
    tinyaiCloseMappedModel(model);
}

/* ---- the model ---------------------------------------------------------------------------------- */

static void read_all(TinyAIMappedModel *model) {
    for (int layer = 0; layer < N; layer++)
        CHECK(tinyaiGetMappedLayer(model, layer) != NULL);
}

TEST(the_cache_is_limited_until_the_scheduler_goes) {
    TinyAIMappedModel *model = open_model(0, 0);
    read_all(model);
    CHECK_EQ(tinyaiGetMmapStats(model).cachedBytes, N * slot);
    TinyAIForwardScheduler *s = create(model, TINYAI_EXEC_NORMAL, 3 * slot + 1000);
    CHECK_EQ(tinyaiGetMmapStats(model).cachedBytes, 3 * slot);
    CHECK_EQ(tinyaiGetSchedulerMemoryUsage(s), 3 * slot);
    CHECK_EQ(tinyaiGetSchedulerPeakMemoryUsage(s), 3 * slot);
    CHECK(tinyaiAddLayerToSchedule(s, 0, -1, TINYAI_DEP_NONE, 1001)); /* costs a slot */
    CHECK_EQ(tinyaiGetSchedulerMemoryUsage(s), 2 * slot);
    CHECK_EQ(tinyaiGetSchedulerPeakMemoryUsage(s), 3 * slot);
    tinyaiDestroyForwardScheduler(s);
    read_all(model);
    CHECK_EQ(tinyaiGetMmapStats(model).cachedBytes, N * slot);
    tinyaiCloseMappedModel(model);
}

TEST(closing_a_model_in_use_waits_for_its_schedulers) {
    uint32_t n_open;
    TinyAIMappedModel *model = open_model(0, 0);
    TinyAIMappedModel *whole = open_model(0, 0);
    TinyAIForwardScheduler *first = create(model, TINYAI_EXEC_NORMAL, BIG);
    TinyAIForwardScheduler *second = create(model, TINYAI_EXEC_MEMORY_OPT, BIG);
    tinyaiCloseMappedModel(model);
    CHECK(tai_mapped_only(&n_open) == whole);
    ADD(first, chain, chain_bytes);
    ADD(second, chain, chain_bytes);
    RUN_CHAIN(first, model, whole, tinyaiGetSchedulerPeakMemoryUsage(first), BIG);
    tinyaiDestroyForwardScheduler(first);
    RUN_CHAIN(second, model, whole, tinyaiGetSchedulerPeakMemoryUsage(second),
              slot + CHAIN_PEAK); /* limits the model anew */
    tinyaiDestroyForwardScheduler(second);
    tinyaiCloseMappedModel(whole);
}

TEST_MAIN(T(null_is_an_argument_error), T(a_limit_that_holds_no_layer_is_refused),
          T(layers_that_contradict_are_refused_with_the_reason),
          T(outputs_that_the_limit_cannot_hold_are_refused),
          T(layers_are_added_between_passes_only), T(passes_in_every_mode_and_limit),
          T(memory_opt_takes_the_cheapest_order), T(reads_ahead_along_the_schedule),
          T(a_failed_read_is_tried_again_at_the_same_turn),
          T(the_cache_is_limited_until_the_scheduler_goes),
          T(closing_a_model_in_use_waits_for_its_schedulers))
