/* Allocators and pools whose n-th claim fails, for n = 1, 2, 3 ... until nothing is left to fail: E_NOMEM
 * with a reason, nothing lost, and the next call right. */
#include "memory/error.h"
#include "port/fault.h"
#include "tinyai/tinyai.h"
#include "unit/test.h"

#define BLOCKS 48

typedef struct Run {
    TinyAIMemory *memory;
    void *blocks[BLOCKS];
    size_t sizes[BLOCKS];
    size_t current;
    uint32_t refused;
} Run;

static void check_refused(Run *run) {
    const TinyAIError *error = tai_thread_error();
    CHECK_EQ(error->status, TINYAI_E_NOMEM);
    CHECK(strstr(error->message, "bytes") != NULL);
    CHECK(error->asked_bytes > 0 && error->missing_bytes > 0);
    CHECK_EQ(error->asked_bytes - error->allowed_bytes, error->missing_bytes);
    run->refused++;
}

/* Sizes that go to the classes, to the heap, and make it grow. */
static size_t size_of(uint32_t i, bool small) {
    return small ? 1 + i % 64 : i % 8 == 7 ? 90000 + i * 1000 : 1 + i * 37;
}

static void use(Run *run, bool small) {
    for (uint32_t i = 0; i < BLOCKS; i++) {
        run->sizes[i] = size_of(i, small);
        run->blocks[i] = tinyai_memory_alloc(run->memory, run->sizes[i]);
        if (run->blocks[i] == NULL) {
            check_refused(run);
            continue;
        }
        memset(run->blocks[i], (int)i, run->sizes[i]);
        if (i % 3 == 0) {
            const size_t size = size_of(i + 1, small);
            uint8_t *moved = tinyai_memory_realloc(run->memory, run->blocks[i], size);
            if (moved == NULL) {
                check_refused(run);
                moved = run->blocks[i]; /* untouched */
            } else {
                CHECK_EQ(moved[(size < run->sizes[i] ? size : run->sizes[i]) - 1], i);
                run->sizes[i] = size;
                run->blocks[i] = moved;
            }
        }
        run->current += run->sizes[i];
    }
}

static void check_use(Run *run, bool is_static) {
    CHECK(is_static || tinyai_memory_stats(run->memory).current_usage == run->current);
    void *again = tinyai_memory_alloc(run->memory, 60);
    CHECK(again != NULL);
    CHECK(tinyai_memory_free(run->memory, again));
    for (uint32_t i = 0; i < BLOCKS && !is_static; i++) {
        CHECK(tinyai_memory_free(run->memory, run->blocks[i]));
    }
    CHECK(!is_static || tinyai_memory_release(run->memory, 0));
    CHECK_EQ(tinyai_memory_stats(run->memory).current_usage, 0);
    CHECK_EQ(tinyai_memory_stats(run->memory).live_allocations, 0);
}

/* False: nothing was refused. */
static bool run_with_fault(TinyAIMemoryConfig config, uint64_t n, bool for_ever) {
    const bool small = config.strategy == TINYAI_MEMORY_STRATEGY_POOLED;
    const int64_t regions = tai_held(TAI_HELD_REGION);
    Run run = {0};
    tai_fault_arm(n, for_ever);
    run.memory = tinyai_create_memory(&config);
    if (run.memory != NULL) {
        use(&run, small);
    } else {
        CHECK_EQ(tai_thread_error()->status, TINYAI_E_NOMEM);
        CHECK(strstr(tai_thread_error()->message, "bytes") != NULL);
    }
    const bool refused = tai_fault_refused() != NULL;
    tai_fault_arm(0, false);
    CHECK(refused || run.refused == 0);
    if (run.memory != NULL) {
        check_use(&run, config.strategy == TINYAI_MEMORY_STRATEGY_STATIC);
    } else {
        CHECK_EQ(tai_held(TAI_HELD_REGION), regions);
        tinyai_destroy_memory(tinyai_create_memory(&config));
    }
    tinyai_destroy_memory(run.memory);
    CHECK_EQ(tai_held(TAI_HELD_REGION), regions);
    return refused;
}

static void sweep(const char *name, TinyAIMemoryConfig config) {
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        uint64_t n = 1;
        while (run_with_fault(config, n, for_ever != 0)) {
            n++;
        }
        printf("%s: %llu claims, each failed %s\n", name, (unsigned long long)(n - 1),
               for_ever ? "for ever" : "once");
        CHECK(n > BLOCKS);
    }
}

TEST(every_claim_of_an_allocator_may_fail) {
    sweep("static", (TinyAIMemoryConfig){.strategy = TINYAI_MEMORY_STRATEGY_STATIC,
                                         .initial_pool_size = 4 << 20});
    sweep("pooled", (TinyAIMemoryConfig){.strategy = TINYAI_MEMORY_STRATEGY_POOLED,
                                         .initial_pool_size = 256,
                                         .block_size = 64});
    sweep("dynamic", (TinyAIMemoryConfig){.strategy = TINYAI_MEMORY_STRATEGY_DYNAMIC,
                                          .initial_pool_size = 4 << 20,
                                          .track_allocations = true});
    sweep("hybrid", (TinyAIMemoryConfig){.strategy = TINYAI_MEMORY_STRATEGY_HYBRID,
                                         .initial_pool_size = 4096,
                                         .track_allocations = true,
                                         .budget = 8 << 20});
}

static bool run_pool_with_fault(uint64_t n, bool for_ever) {
    const int64_t regions = tai_held(TAI_HELD_REGION);
    tai_fault_arm(n, for_ever);
    TinyAIMemoryPool *pool = tinyai_create_pool(1000, 100);
    CHECK(pool != NULL || tai_thread_error()->status == TINYAI_E_NOMEM);
    void *block = pool == NULL ? NULL : tinyai_pool_alloc(pool, 100);
    CHECK(block != NULL || tai_thread_error()->status == TINYAI_E_NOMEM);
    const bool refused = tai_fault_refused() != NULL;
    tai_fault_arm(0, false);
    CHECK_EQ(block == NULL, refused);
    CHECK(tinyai_pool_free(pool, block));
    tinyai_destroy_pool(pool);
    CHECK_EQ(tinyai_memory_stats(NULL).current_usage, 0);
    CHECK_EQ(tinyai_shutdown_memory(), 0);
    CHECK_EQ(tai_held(TAI_HELD_REGION), regions);
    return refused;
}

TEST(every_claim_of_a_pool_may_fail) {
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        uint64_t n = 1;
        while (run_pool_with_fault(n, for_ever != 0)) {
            n++;
        }
        printf("pool: %llu claims, each failed %s\n", (unsigned long long)(n - 1),
               for_ever ? "for ever" : "once");
        CHECK(n > 5); /* the default's region, three allocations, a block */
    }
}

TEST_MAIN(T(every_claim_of_an_allocator_may_fail), T(every_claim_of_a_pool_may_fail))
