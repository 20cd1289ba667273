/* The hybrid strategy, with and without following the observed sizes. */
#include "memory_model.h"

static Model model;

static void run(bool optimize) {
    const TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_HYBRID,
                                       .initial_pool_size = 20000,
                                       .enable_optimization = optimize,
                                       .budget = 600000};
    model = (Model){.memory = tinyai_create_memory(&config),
                    .strategy = config.strategy,
                    .region = config.initial_pool_size,
                    .size_log2 = 13,
                    .alignment_log2 = 12};
    CHECK(model.memory != NULL);
    model_run(&model, false);
    CHECK(model.moved > 0);
    const TinyAIMemoryStats stats = tinyai_memory_stats(model.memory);
    CHECK(stats.reserved_bytes <= config.budget);
    tinyai_destroy_memory(model.memory);
}

TEST(random_operations_equal_the_model) {
    model_seed("hybrid");
    run(false);
}

TEST(random_operations_with_optimization_equal_the_model) {
    model_seed("hybrid, enable_optimization");
    run(true);
}

/* Small sizes only, and one of them most of the time: classes come and go. */
static void small_objects(bool optimize) {
    const TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_HYBRID,
                                       .initial_pool_size = 1000,
                                       .enable_optimization = optimize,
                                       .budget = 400000};
    model = (Model){.memory = tinyai_create_memory(&config),
                    .strategy = config.strategy,
                    .region = config.initial_pool_size,
                    .size_log2 = 9};
    model_run(&model, false);
    tinyai_destroy_memory(model.memory);
}

TEST(small_objects_equal_the_model) {
    model_seed("hybrid, small");
    small_objects(false);
}

TEST(small_objects_with_optimization_equal_the_model) {
    model_seed("hybrid, small, enable_optimization");
    small_objects(true);
}

/* Bytes that 20000 objects of a size between two classes take, after the sizes were seen. */
static size_t reserved_for(size_t size, bool optimize) {
    const TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_HYBRID,
                                       .initial_pool_size = 4096,
                                       .enable_optimization = optimize};
    TinyAIMemory *memory = tinyai_create_memory(&config);
    for (int i = 0; i < 20000; i++) {
        CHECK(tinyai_memory_free(memory, tinyai_memory_alloc(memory, size)));
    }
    for (int i = 0; i < 20000; i++) {
        CHECK(tinyai_memory_alloc(memory, size) != NULL);
    }
    const TinyAIMemoryStats stats = tinyai_memory_stats(memory);
    const size_t taken = stats.reserved_bytes - stats.free_bytes;
    tinyai_destroy_memory(memory);
    return taken;
}

TEST(size_classes_follow_the_observed_sizes) {
    const size_t plain = reserved_for(1040, false);
    const size_t followed = reserved_for(1040, true);
    printf("20000 objects of 1040 bytes: %zu bytes taken, %zu with enable_optimization\n", plain,
           followed);
    CHECK(plain > (size_t)20000 * 1536);
    CHECK(followed < (size_t)20000 * 1100);
    /* A size that is a class already is served as well without. */
    CHECK_EQ(reserved_for(1024, false), reserved_for(1024, true));
}

/* More sizes, one after the other, than there are places for classes of their own. */
TEST(classes_that_nobody_uses_any_more_make_room) {
    const TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_HYBRID,
                                       .initial_pool_size = 4096,
                                       .enable_optimization = true};
    TinyAIMemory *memory = tinyai_create_memory(&config);
    static void *blocks[4096];
    for (size_t size = 1040; size < 1400; size += 16) {
        size_t taken = 0;
        for (int round = 0; round < 6; round++) {
            const size_t before = tinyai_memory_stats(memory).free_bytes;
            const size_t reserved = tinyai_memory_stats(memory).reserved_bytes;
            for (int i = 0; i < 4096; i++) {
                blocks[i] = tinyai_memory_alloc(memory, size);
            }
            const TinyAIMemoryStats stats = tinyai_memory_stats(memory);
            taken = stats.reserved_bytes - reserved + before - stats.free_bytes;
            for (int i = 0; i < 4096; i++) {
                CHECK(tinyai_memory_free(memory, blocks[i]));
            }
        }
        if (size < 1344) { /* larger ones lose less than an eighth to the class of 1536 */
            CHECK(taken < 4096 * (size + size / 8));
        }
    }
    CHECK_EQ(tinyai_memory_stats(memory).live_allocations, 0);
    tinyai_destroy_memory(memory);
}

/* Slabs that were full are filled up again before anything new is taken. */
TEST(freed_objects_make_room_for_as_many) {
    const TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_HYBRID,
                                       .initial_pool_size = 4096};
    TinyAIMemory *memory = tinyai_create_memory(&config);
    static void *blocks[5000];
    for (int i = 0; i < 5000; i++) {
        blocks[i] = tinyai_memory_alloc(memory, 96);
    }
    const TinyAIMemoryStats full = tinyai_memory_stats(memory);
    for (int step = 2; step < 7; step++) {
        for (int i = 0; i < 5000; i += step) {
            CHECK(tinyai_memory_free(memory, blocks[i]));
        }
        for (int i = 0; i < 5000; i += step) {
            blocks[i] = tinyai_memory_alloc(memory, 96);
        }
        CHECK_EQ(tinyai_memory_stats(memory).reserved_bytes, full.reserved_bytes);
        CHECK(tinyai_memory_stats(memory).free_bytes >= full.free_bytes);
    }
    tinyai_destroy_memory(memory);
}

/* The same with objects that stay: their class may not become another one. */
TEST(classes_in_use_stay) {
    const TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_HYBRID,
                                       .initial_pool_size = 4096,
                                       .enable_optimization = true};
    TinyAIMemory *memory = tinyai_create_memory(&config);
    static uint8_t *kept[64];
    static void *blocks[4096];
    size_t n = 0;
    size_t bytes = 0;
    for (size_t size = 272; size < 336; size += 16) { /* classes around: 256 and 384 */
        for (size_t larger = size; larger < 2048; larger *= 2, n++) {
            for (int i = 0; i < 4096 * 3; i++) {
                blocks[i % 4096] = tinyai_memory_alloc(memory, larger);
                if (i >= 4095) {
                    CHECK(tinyai_memory_free(memory, blocks[(i + 1) % 4096]));
                }
            }
            for (int i = 0; i < 4096; i++) {
                if (i != 4096 - 1) {
                    CHECK_EQ(tinyai_memory_free(memory, blocks[i]), i != 0);
                }
            }
            kept[n] = blocks[4095];
            memset(kept[n], (int)n, larger);
            bytes += larger;
            const TinyAIMemoryStats stats = tinyai_memory_stats(memory);
            CHECK_EQ(stats.current_usage, bytes);
            CHECK(stats.current_usage + stats.free_bytes <= stats.reserved_bytes);
        }
    }
    CHECK(n > 8); /* more than there are places for classes of their own */
    for (size_t i = 0; i < n; i++) {
        CHECK_EQ(kept[i][0], i);
        CHECK(tinyai_memory_free(memory, kept[i]));
    }
    /* All is free but the bookkeeping: no slab was forgotten. */
    const TinyAIMemoryStats stats = tinyai_memory_stats(memory);
    CHECK_EQ(stats.current_usage, 0);
    CHECK(stats.free_bytes + 65536 > stats.reserved_bytes);
    CHECK(stats.free_bytes < stats.reserved_bytes);
    tinyai_destroy_memory(memory);
}

TEST(static_memory_lives_beside_the_rest) {
    const TinyAIMemoryConfig config = {
        .strategy = TINYAI_MEMORY_STRATEGY_HYBRID, .initial_pool_size = 1 << 20, .budget = 4 << 20};
    TinyAIMemory *memory = tinyai_create_memory(&config);
    const size_t mark = tinyai_memory_mark(memory);
    CHECK(tinyai_memory_alloc_static(memory, 1 << 20) != NULL);
    CHECK(tinyai_memory_alloc_static(memory, 1) == NULL);
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_NOMEM);
    void *large = tinyai_memory_alloc(memory, 2 << 20);
    CHECK(large != NULL);
    CHECK_EQ(tinyai_memory_stats(memory).current_usage, 3 << 20);
    CHECK(tinyai_memory_release(memory, mark));
    CHECK_EQ(tinyai_memory_stats(memory).current_usage, 2 << 20);
    CHECK(tinyai_memory_free(memory, large));
    tinyai_destroy_memory(memory);
}

TEST_MAIN(T(random_operations_equal_the_model),
          T(random_operations_with_optimization_equal_the_model), T(small_objects_equal_the_model),
          T(small_objects_with_optimization_equal_the_model),
          T(size_classes_follow_the_observed_sizes), T(classes_that_nobody_uses_any_more_make_room),
          T(freed_objects_make_room_for_as_many), T(classes_in_use_stay),
          T(static_memory_lives_beside_the_rest))
