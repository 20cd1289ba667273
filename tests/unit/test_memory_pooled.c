/* The pooled strategy, and the public pools. */
#include "memory_model.h"

static Model model;

TEST(random_operations_equal_the_model) {
    model_seed("pooled");
    const TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_POOLED,
                                       .initial_pool_size = 10000,
                                       .block_size = 480,
                                       .budget = 200000};
    model = (Model){.memory = tinyai_create_memory(&config),
                    .strategy = config.strategy,
                    .size_log2 = 9,
                    .alignment_log2 = 5,
                    .block_size = 480};
    CHECK(model.memory != NULL);
    model_run(&model, false);
    const TinyAIMemoryStats stats = tinyai_memory_stats(model.memory);
    CHECK(stats.reserved_bytes <= config.budget);
    CHECK(stats.reserved_bytes > config.budget - 480 - 512);
    CHECK_EQ(stats.free_bytes % 480, 0);
    CHECK(stats.fragmentation_ratio == 0);
    tinyai_destroy_memory(model.memory);
}

/* Small chunks, so that there are many: found by address all the same. */
TEST(many_chunks_equal_the_model) {
    model_seed("pooled, many chunks");
    const TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_POOLED,
                                       .initial_pool_size = 16,
                                       .block_size = 16,
                                       .budget = 30000};
    model = (Model){.memory = tinyai_create_memory(&config), .size_log2 = 4, .block_size = 16};
    model_run(&model, false);
    tinyai_destroy_memory(model.memory);
}

TEST(it_grows_inside_its_budget_and_refuses_what_is_larger_than_a_block) {
    const TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_POOLED,
                                       .initial_pool_size = 2 << 20,
                                       .block_size = 4096,
                                       .budget = 5 << 20};
    TinyAIMemory *memory = tinyai_create_memory(&config);
    CHECK_EQ(tinyai_memory_stats(memory).free_bytes, 2 << 20);
    const size_t first = tinyai_memory_stats(memory).reserved_bytes;
    size_t n = 0;
    for (uint8_t *block; (block = tinyai_memory_alloc_aligned(memory, 4096, 4096)) != NULL; n++) {
        CHECK_EQ((uintptr_t)block % 4096, 0);
        CHECK_EQ(tinyai_memory_stats(memory).reserved_bytes > first, n >= 512);
    }
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_NOMEM);
    CHECK(n >= 1270 && n <= 1280);
    CHECK(tinyai_memory_stats(memory).reserved_bytes <= config.budget);
    CHECK(tinyai_memory_alloc(memory, 4097) == NULL);
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
    CHECK(strstr(tai_thread_error()->message, "4097") != NULL);
    CHECK(strstr(tai_thread_error()->message, "4096") != NULL);
    tinyai_destroy_memory(memory);
}

TEST(block_sizes_that_are_no_multiple_of_16_are_kept) {
    const TinyAIMemoryConfig config = {
        .strategy = TINYAI_MEMORY_STRATEGY_POOLED, .initial_pool_size = 1000, .block_size = 100};
    TinyAIMemory *memory = tinyai_create_memory(&config);
    void *block = tinyai_memory_alloc(memory, 100);
    CHECK(block != NULL && (uintptr_t)block % 16 == 0);
    CHECK(tinyai_memory_alloc(memory, 101) == NULL);
    CHECK(tinyai_memory_alloc_aligned(memory, 10, 32) == NULL);
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
    CHECK(tinyai_memory_free(memory, block));
    tinyai_destroy_memory(memory);
}

/* ---- public pools ------------------------------------------------------------------------------ */

TEST(a_megabyte_of_4_KB_blocks_has_exactly_256) {
    TinyAIMemoryPool *pool = tinyai_create_pool(1024 * 1024, 4096);
    CHECK(pool != NULL);
    void *blocks[256];
    for (int i = 0; i < 256; i++) {
        blocks[i] = tinyai_pool_alloc(pool, 4096);
        CHECK(blocks[i] != NULL && (uintptr_t)blocks[i] % 4096 == 0);
    }
    CHECK(tinyai_get_pool_stats(pool).utilization == 1);
    CHECK(tinyai_pool_alloc(pool, 1) == NULL);
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_NOMEM);
    for (int i = 0; i < 256; i++) {
        CHECK(tinyai_pool_free(pool, blocks[i]));
        CHECK(!tinyai_pool_free(pool, blocks[i]));
        CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
    }
    const TinyAIPoolStats stats = tinyai_get_pool_stats(pool);
    CHECK_EQ(stats.blocks, 256);
    CHECK_EQ(stats.blocks_free, 256);
    CHECK_EQ(stats.peak_blocks_used, 256);
    CHECK_EQ(stats.block_size, 4096);
    CHECK(stats.utilization == 0);
    CHECK(tinyai_pool_alloc(pool, 4097) == NULL);
    CHECK(strstr(tai_thread_error()->message, "4097") != NULL);
    CHECK(strstr(tai_thread_error()->message, "4096") != NULL);
    CHECK(tinyai_pool_alloc(pool, 0) == NULL);
    tinyai_destroy_pool(pool);
    CHECK_EQ(tinyai_shutdown_memory(), 0);
}

TEST(random_operations_on_a_public_pool_equal_the_model) {
    model_seed("pool");
    enum { BLOCKS = 300, SIZE = 72 };
    TinyAIMemoryPool *pool = tinyai_create_pool(BLOCKS * SIZE + SIZE - 1, SIZE);
    static ModelBlock live[BLOCKS];
    size_t n = 0;
    size_t peak = 0;
    size_t refused = 0;
    for (uint32_t i = 0; i < MODEL_OPERATIONS && test_failures < 20; i++) {
        const size_t op = model_below(100);
        if (op < (i / 5000 % 2 == 0 ? 60 : 35)) {
            const size_t size = 1 + model_below(SIZE);
            uint8_t *block = tinyai_pool_alloc(pool, size);
            CHECK_EQ(block != NULL, n < BLOCKS);
            if (block != NULL) {
                CHECK_EQ((uintptr_t)block % 8, 0);
                live[n++] = model_block(block, size);
                peak = n > peak ? n : peak;
            } else {
                CHECK_EQ(tai_thread_error()->status, TINYAI_E_NOMEM);
                refused++;
            }
        } else if (n > 0 && op < 95) {
            const size_t at = model_below(n);
            CHECK(model_holds(&live[at], live[at].size));
            CHECK(tinyai_pool_free(pool, live[at].bytes));
            CHECK(!tinyai_pool_free(pool, live[at].bytes));
            live[at] = live[--n];
        } else if (n > 0) {
            uint8_t *inside = live[model_below(n)].bytes + 1 + model_below(SIZE - 1);
            CHECK(!tinyai_pool_free(pool, inside));
            CHECK(!tinyai_pool_free(pool, &live));
        }
        if (i % 16 == 0) {
            const TinyAIPoolStats stats = tinyai_get_pool_stats(pool);
            CHECK_EQ(stats.blocks, BLOCKS);
            CHECK_EQ(stats.blocks_free, BLOCKS - n);
            CHECK_EQ(stats.peak_blocks_used, peak);
            CHECK(stats.utilization == (double)n / BLOCKS);
        }
        if (i % 10000 == 0) {
            qsort(live, n, sizeof *live, model_by_address);
            for (size_t k = 0; k < n; k++) {
                CHECK(model_holds(&live[k], live[k].size));
                CHECK(k == 0 || live[k - 1].bytes + SIZE <= live[k].bytes);
            }
        }
    }
    CHECK(refused > 0);
    while (n > 0) {
        CHECK(tinyai_pool_free(pool, live[--n].bytes));
    }
    CHECK_EQ(tinyai_get_pool_stats(pool).blocks_free, BLOCKS);
    tinyai_destroy_pool(pool);
    CHECK_EQ(tinyai_memory_stats(NULL).current_usage, 0);
    CHECK_EQ(tinyai_shutdown_memory(), 0);
}

TEST(impossible_pools_are_refused_and_leave_nothing) {
    CHECK(tinyai_create_pool(100, 0) == NULL);
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
    CHECK(tinyai_create_pool(100, 101) == NULL);
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
    CHECK(tinyai_create_pool(SIZE_MAX, 1) == NULL);
    CHECK(tinyai_create_pool(SIZE_MAX, SIZE_MAX) == NULL);
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_NOMEM);
    CHECK(tinyai_create_pool(TINYAI_DEFAULT_ARENA_BYTES, 4096) == NULL);
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_NOMEM);
    CHECK_EQ(tinyai_memory_stats(NULL).current_usage, 0);
    CHECK(tinyai_pool_alloc(NULL, 1) == NULL);
    CHECK(!tinyai_pool_free(NULL, &model));
    CHECK(tinyai_pool_free(NULL, NULL));
    CHECK_EQ(tinyai_get_pool_stats(NULL).blocks, 0);
    tinyai_destroy_pool(NULL);
    CHECK_EQ(tinyai_shutdown_memory(), 0);
}

TEST_MAIN(T(random_operations_equal_the_model), T(many_chunks_equal_the_model),
          T(it_grows_inside_its_budget_and_refuses_what_is_larger_than_a_block),
          T(block_sizes_that_are_no_multiple_of_16_are_kept),
          T(a_megabyte_of_4_KB_blocks_has_exactly_256),
          T(random_operations_on_a_public_pool_equal_the_model),
          T(impossible_pools_are_refused_and_leave_nothing))
