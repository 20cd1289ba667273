/* What every instance has in common: configs, the process default, errors, tracking, threads. */
#include <pthread.h>

#include "memory/error.h"
#include "memory/facts.h"
#include "memory/instance.h"
#include "memory/process.h"
#include "test.h"

static const TinyAIMemoryStrategy strategies[] = {
    TINYAI_MEMORY_STRATEGY_DYNAMIC, TINYAI_MEMORY_STRATEGY_STATIC, TINYAI_MEMORY_STRATEGY_POOLED,
    TINYAI_MEMORY_STRATEGY_HYBRID};

/* A number that is none of the enum. */
static TinyAIMemoryConfig odd_strategy(int number) {
    TinyAIMemoryConfig config = {0};
    memcpy(&config.strategy, &number, sizeof number);
    return config;
}

static void check_refused(TinyAIMemoryConfig config, const char *field) {
    TinyAIMemory *memory = tinyai_create_memory(&config);
    CHECK(memory == NULL);
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
    if (strstr(tai_thread_error()->message, field) == NULL) {
        TEST_FAIL("\"%s\" does not name %s", tai_thread_error()->message, field);
    }
    tinyai_destroy_memory(memory);
}

TEST(impossible_configs_are_refused_by_the_name_of_the_field) {
    CHECK(tinyai_create_memory(NULL) == NULL);
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
    check_refused(odd_strategy(4), "strategy");
    check_refused(odd_strategy(-1), "strategy");
    for (int i = 0; i < 4; i++) {
        const TinyAIMemoryStrategy strategy = strategies[i];
        check_refused((TinyAIMemoryConfig){.strategy = strategy, .initial_pool_size = SIZE_MAX},
                      "initial_pool_size");
        check_refused((TinyAIMemoryConfig){.strategy = strategy, .budget = SIZE_MAX - 5}, "budget");
        check_refused((TinyAIMemoryConfig){.strategy = strategy, .budget = 100}, "budget");
        check_refused((TinyAIMemoryConfig){.strategy = strategy,
                                           .initial_pool_size = 2 << 20,
                                           .budget = 1 << 20},
                      "budget");
    }
    check_refused((TinyAIMemoryConfig){.initial_pool_size = 100}, "initial_pool_size");
    check_refused((TinyAIMemoryConfig){.strategy = TINYAI_MEMORY_STRATEGY_POOLED,
                                       .initial_pool_size = 4095,
                                       .block_size = 4096},
                  "block_size");
    check_refused(
        (TinyAIMemoryConfig){.strategy = TINYAI_MEMORY_STRATEGY_POOLED, .block_size = SIZE_MAX},
        "block_size");
}

TEST(a_budget_holds_for_everything) {
    for (int i = 0; i < 4; i++) {
        for (size_t budget = 60000; budget < 2000000; budget = budget * 5 / 3) {
            const TinyAIMemoryConfig config = {.strategy = strategies[i],
                                               .track_allocations = budget % 2 == 0,
                                               .block_size = 1000,
                                               .budget = budget};
            TinyAIMemory *memory = tinyai_create_memory(&config);
            CHECK(memory != NULL);
            while (tinyai_memory_alloc(memory, 1000) != NULL) {
            }
            CHECK_EQ(tai_thread_error()->status, TINYAI_E_NOMEM);
            const TinyAIMemoryStats stats = tinyai_memory_stats(memory);
            CHECK(stats.reserved_bytes <= budget);
            if (strategies[i] != TINYAI_MEMORY_STRATEGY_HYBRID) { /* a quarter is its static part */
                CHECK(stats.current_usage > (budget - 42000) / 20 * 19 - 2000);
            }
            tinyai_destroy_memory(memory);
        }
    }
}

TEST(a_budget_that_equals_the_initial_size_is_enough) {
    for (int i = 0; i < 4; i++) {
        const TinyAIMemoryConfig config = {
            .strategy = strategies[i], .initial_pool_size = 1 << 20, .budget = 1 << 20};
        TinyAIMemory *memory = tinyai_create_memory(&config);
        CHECK(memory != NULL);
        CHECK(tinyai_memory_stats(memory).reserved_bytes <= 1 << 20);
        CHECK(tinyai_memory_stats(memory).free_bytes > 1000000);
        tinyai_destroy_memory(memory);
    }
}

TEST(odd_requests_are_refused_and_change_nothing) {
    for (int i = 0; i < 4; i++) {
        const TinyAIMemoryConfig config = {.strategy = strategies[i], .initial_pool_size = 1 << 16};
        TinyAIMemory *memory = tinyai_create_memory(&config);
        char *block = tinyai_memory_alloc(memory, 5);
        memcpy(block, "kept", 5);
        static const size_t alignments[] = {0, 3, 24, 8192, SIZE_MAX};
        for (size_t a = 0; a < 5; a++) {
            CHECK(tinyai_memory_alloc_aligned(memory, 8, alignments[a]) == NULL);
            CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
        }
        CHECK(tinyai_memory_alloc(memory, 0) == NULL);
        CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
        CHECK(tinyai_memory_realloc(memory, block, 0) == NULL);
        static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2, (size_t)1 << 40};
        for (size_t s = 0; s < 4; s++) {
            CHECK(tinyai_memory_alloc(memory, sizes[s]) == NULL);
            CHECK(tinyai_memory_alloc_aligned(memory, sizes[s], 4096) == NULL);
            CHECK(tinyai_memory_alloc_static(memory, sizes[s]) == NULL);
            CHECK_EQ(tai_thread_error()->asked_bytes, sizes[s]);
            CHECK(tinyai_memory_realloc(memory, block, sizes[s]) == NULL);
            CHECK_EQ(tai_thread_error()->missing_bytes,
                     sizes[s] - (size_t)tai_thread_error()->allowed_bytes);
        }
        CHECK_STR(block, "kept");
        CHECK_EQ(tinyai_memory_stats(memory).failed_allocations, 7 + 4 * 4);
        CHECK_EQ(tinyai_memory_stats(memory).allocation_count, 1);
        CHECK(tinyai_memory_realloc(memory, NULL, 7) != NULL);
        CHECK(tinyai_memory_free(memory, NULL));
        const bool marks = strategies[i] == TINYAI_MEMORY_STRATEGY_STATIC ||
                           strategies[i] == TINYAI_MEMORY_STRATEGY_HYBRID;
        CHECK_EQ(tinyai_memory_release(memory, 0), marks);
        tinyai_destroy_memory(memory);
    }
    tinyai_destroy_memory(NULL);
}

/* ---- the process default --------------------------------------------------------------------------- */

TEST(the_process_default_is_dynamic_and_made_at_its_first_use) {
    CHECK_EQ(tinyai_memory_stats(NULL).reserved_bytes, 0);
    CHECK_EQ(tinyai_memory_mark(NULL), 0);
    CHECK(!tinyai_memory_free(NULL, &test_failures));
    CHECK_EQ(tinyai_memory_stats(NULL).reserved_bytes, 0);
    char *block = tinyai_memory_alloc(NULL, 100);
    CHECK(block != NULL);
    CHECK(tinyai_memory_stats(NULL).reserved_bytes >= TINYAI_DEFAULT_ARENA_BYTES);
    const TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_STATIC};
    CHECK_EQ(tinyai_init_memory(&config), TINYAI_E_BUSY);
    CHECK(tinyai_memory_alloc(NULL, 100) != NULL);
    CHECK(tinyai_memory_free(NULL, block));
    CHECK_EQ(tinyai_shutdown_memory(), 1);
    CHECK_EQ(tinyai_shutdown_memory(), 0);
}

TEST(the_process_default_can_be_chosen) {
    const TinyAIMemoryConfig wrong = odd_strategy(9);
    CHECK_EQ(tinyai_init_memory(&wrong), TINYAI_E_ARGUMENT);
    const TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_STATIC,
                                       .initial_pool_size = 1 << 20};
    CHECK_EQ(tinyai_init_memory(&config), 0);
    CHECK_EQ(tinyai_init_memory(&config), TINYAI_E_BUSY);
    CHECK_EQ(tinyai_memory_stats(NULL).free_bytes, 1 << 20);
    TinyAIMemoryPool *pool = tinyai_create_pool(1000, 100);
    CHECK(pool != NULL);
    tinyai_destroy_pool(pool);
    CHECK_EQ(tinyai_memory_stats(NULL).free_bytes, 1 << 20);
    CHECK_EQ(tinyai_shutdown_memory(), 0);
}

/* ---- facts, tracking, leaks ------------------------------------------------------------------------- */

static TaiFacts facts_of(TinyAIMemory *memory) {
    TaiFacts facts = {0};
    tai_memory_facts(memory, &facts);
    return facts;
}

TEST(call_sites_are_recorded_when_they_are_wanted) {
    for (int i = 0; i < 4; i++) {
        const TinyAIMemoryConfig config = {
            .strategy = strategies[i], .initial_pool_size = 1 << 20, .track_allocations = true};
        TinyAIMemory *memory = tinyai_create_memory(&config);
        const TinyAIMemoryConfig without = {.strategy = strategies[i],
                                            .initial_pool_size = 1 << 20};
        TinyAIMemory *untracked = tinyai_create_memory(&without);
        CHECK(tinyai_memory_stats(memory).reserved_bytes >
              tinyai_memory_stats(untracked).reserved_bytes);
        tinyai_destroy_memory(untracked);
        void *a = tinyai_memory_alloc_at(memory, 100, 16, "first");
        CHECK(tinyai_memory_alloc_at(memory, 300, 16, "second") != NULL);
        void *c = tinyai_memory_alloc_at(memory, 200, 16, "first");
        c = tinyai_memory_realloc_at(memory, c, 250, "third");
        TaiFacts facts = facts_of(memory);
        CHECK(facts.tracked);
        CHECK_EQ(facts.n_blocks, 3);
        CHECK_STR(facts.blocks[0].name, "second");
        CHECK_EQ(facts.blocks[0].bytes, 300);
        CHECK_STR(facts.blocks[1].name, "third");
        CHECK_STR(facts.blocks[2].name, "first");
        CHECK_STR(facts.oldest_site, "first");
        CHECK(tinyai_memory_free(memory, c));
        CHECK_EQ(tinyai_memory_free(memory, a), strategies[i] != TINYAI_MEMORY_STRATEGY_STATIC);
        tinyai_memory_release(memory, 0);
        CHECK_EQ(facts_of(memory).n_blocks, strategies[i] != TINYAI_MEMORY_STRATEGY_STATIC);
        tinyai_destroy_memory(memory);
    }
}

TEST(without_tracking_the_largest_live_blocks_are_known) {
    for (int i = 0; i < 4; i++) {
        const TinyAIMemoryConfig config = {
            .strategy = strategies[i], .initial_pool_size = 1 << 20, .block_size = 8192};
        TinyAIMemory *memory = tinyai_create_memory(&config);
        for (size_t n = 0; n < 1500; n++) {
            CHECK(tinyai_memory_alloc(memory, 16 + (n * 7919) % 600) != NULL);
        }
        CHECK(tinyai_memory_alloc(memory, 5000) != NULL);
        const TaiFacts facts = facts_of(memory);
        CHECK(!facts.tracked);
        CHECK_STR(facts.kind, "allocator");
        CHECK_EQ(facts.n_blocks, TAI_FACTS_BLOCKS);
        CHECK(facts.blocks[0].bytes >= 5000 && facts.blocks[0].bytes < 5016);
        for (uint32_t b = 1; b < facts.n_blocks; b++) {
            CHECK(facts.blocks[b].bytes <= facts.blocks[b - 1].bytes);
            CHECK(facts.blocks[b].bytes > 600);
        }
        tinyai_destroy_memory(memory);
    }
}

TEST(the_process_hears_of_all_bytes_and_of_leaks) {
    const TinyAIMemoryStats before = tinyai_get_memory_stats();
    TaiHabits habits;
    tai_process_habits(&habits);
    const uint64_t leaks = habits.leaks;
    const uint64_t leaked_bytes = habits.leaked_bytes;
    tinyai_enable_memory_tracking(true);
    for (int i = 0; i < 4; i++) {
        const TinyAIMemoryConfig config = {.strategy = strategies[i]};
        TinyAIMemory *memory = tinyai_create_memory(&config);
        CHECK(tinyai_memory_alloc(memory, 1000) != NULL);
        CHECK_EQ(tinyai_get_memory_stats().current_usage, before.current_usage + 1000);
        CHECK(facts_of(memory).tracked);
        tinyai_destroy_memory(memory);
        CHECK_EQ(tinyai_get_memory_stats().current_usage, before.current_usage);
    }
    tinyai_enable_memory_tracking(false);
    tai_process_habits(&habits);
    CHECK_EQ(habits.leaks, leaks + 3); /* what is static lives as long as the instance */
    CHECK_EQ(habits.leaked_bytes, leaked_bytes + 3000);
    CHECK_EQ(tinyai_get_memory_stats().allocation_count, before.allocation_count + 4);
}

/* ---- threads --------------------------------------------------------------------------------------- */

typedef struct Worker {
    TinyAIMemory *memory;
    TinyAIMemoryPool *pool;
    uint64_t seed;
    uint32_t wrong;
    uint32_t served;
} Worker;

static void *work(void *argument) {
    Worker *worker = argument;
    uint64_t state = worker->seed;
    struct {
        uint8_t *bytes;
        size_t size;
        bool pooled;
    } held[32] = {0};
    for (uint32_t i = 0; i < 40000; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const size_t at = (state >> 33) % 32;
        if (held[at].bytes != NULL) {
            for (size_t b = 0; b < held[at].size; b++) {
                worker->wrong += held[at].bytes[b] != (uint8_t)worker->seed;
            }
            worker->wrong +=
                !(held[at].pooled ? tinyai_pool_free(worker->pool, held[at].bytes)
                                  : tinyai_memory_free(worker->memory, held[at].bytes));
            held[at].bytes = NULL;
            continue;
        }
        held[at].size = 1 + (state >> 40) % 128;
        held[at].pooled = worker->pool != NULL && (state >> 50) % 4 == 0;
        held[at].bytes = held[at].pooled ? tinyai_pool_alloc(worker->pool, held[at].size)
                                         : tinyai_memory_alloc(worker->memory, held[at].size);
        if (held[at].bytes != NULL) {
            memset(held[at].bytes, (uint8_t)worker->seed, held[at].size);
            worker->served++;
        } else { /* the error is this thread's own */
            worker->wrong += tai_thread_error()->status != TINYAI_E_NOMEM;
        }
    }
    for (size_t at = 0; at < 32; at++) {
        worker->wrong += held[at].pooled ? !tinyai_pool_free(worker->pool, held[at].bytes)
                                         : !tinyai_memory_free(worker->memory, held[at].bytes);
    }
    return NULL;
}

static void work_together(TinyAIMemory *memory, TinyAIMemoryPool *pool) {
    pthread_t threads[4];
    Worker workers[4];
    for (uint32_t t = 0; t < 4; t++) {
        workers[t] = (Worker){.memory = memory, .pool = pool, .seed = t + 1};
        CHECK_EQ(pthread_create(&threads[t], NULL, work, &workers[t]), 0);
    }
    for (uint32_t t = 0; t < 4; t++) {
        CHECK_EQ(pthread_join(threads[t], NULL), 0);
        CHECK_EQ(workers[t].wrong, 0);
        CHECK(workers[t].served > 10000);
    }
}

TEST(four_threads_share_an_instance) {
    for (int i = 0; i < 4; i++) {
        if (strategies[i] == TINYAI_MEMORY_STRATEGY_STATIC) {
            continue; /* its allocations end in order */
        }
        const TinyAIMemoryConfig config = {.strategy = strategies[i],
                                           .initial_pool_size = 8192,
                                           .block_size = 128,
                                           .track_allocations = i == 0,
                                           .enable_optimization = true};
        TinyAIMemory *memory = tinyai_create_memory(&config);
        work_together(memory, NULL);
        const TinyAIMemoryStats stats = tinyai_memory_stats(memory);
        CHECK_EQ(stats.current_usage, 0);
        CHECK_EQ(stats.live_allocations, 0);
        tinyai_destroy_memory(memory);
    }
}

TEST(four_threads_share_the_default_and_a_pool) {
    TinyAIMemoryPool *pool = tinyai_create_pool(128 * 20, 128);
    work_together(NULL, pool);
    CHECK_EQ(tinyai_get_pool_stats(pool).blocks_free, 20);
    CHECK(tinyai_get_pool_stats(pool).peak_blocks_used > 4);
    tinyai_destroy_pool(pool);
    work_together(NULL, NULL); /* four threads */
    CHECK_EQ(tinyai_shutdown_memory(), 0);
    work_together(NULL, NULL); /* and whoever comes first makes it */
    CHECK_EQ(tinyai_memory_stats(NULL).current_usage, 0);
    CHECK_EQ(tinyai_shutdown_memory(), 0);
}

TEST_MAIN(T(impossible_configs_are_refused_by_the_name_of_the_field),
          T(a_budget_holds_for_everything), T(a_budget_that_equals_the_initial_size_is_enough),
          T(odd_requests_are_refused_and_change_nothing),
          T(the_process_default_is_dynamic_and_made_at_its_first_use),
          T(the_process_default_can_be_chosen), T(call_sites_are_recorded_when_they_are_wanted),
          T(without_tracking_the_largest_live_blocks_are_known),
          T(the_process_hears_of_all_bytes_and_of_leaks), T(four_threads_share_an_instance),
          T(four_threads_share_the_default_and_a_pool))
