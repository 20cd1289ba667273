/* The static strategy. */
#include "memory_model.h"

static Model model;

TEST(random_operations_equal_the_model) {
    model_seed("static");
    const TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_STATIC,
                                       .initial_pool_size = 100003};
    model = (Model){.memory = tinyai_create_memory(&config),
                    .strategy = config.strategy,
                    .region = config.initial_pool_size,
                    .size_log2 = 11,
                    .alignment_log2 = 12};
    CHECK(model.memory != NULL);
    model_run(&model, false);
    tinyai_destroy_memory(model.memory);
}

TEST(all_bytes_are_the_callers) {
    const TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_STATIC,
                                       .initial_pool_size = 1 << 20};
    TinyAIMemory *memory = tinyai_create_memory(&config);
    CHECK_EQ(tinyai_memory_stats(memory).free_bytes, 1 << 20);
    CHECK(tinyai_memory_alloc(memory, (1 << 20) + 1) == NULL);
    CHECK_EQ(tai_thread_error()->missing_bytes, 1);
    void *all = tinyai_memory_alloc(memory, 1 << 20);
    CHECK(all != NULL);
    CHECK_EQ(tinyai_memory_stats(memory).free_bytes, 0);
    CHECK(tinyai_memory_alloc(memory, 1) == NULL);
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_NOMEM);
    CHECK(strstr(tai_thread_error()->message, "release to a mark") != NULL);
    CHECK(tinyai_memory_free(memory, all));
    for (int i = 0; i < 256; i++) {
        CHECK(tinyai_memory_alloc(memory, 4096) != NULL);
    }
    tinyai_destroy_memory(memory);
}

TEST(marks_nest) {
    const TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_STATIC,
                                       .initial_pool_size = 4096,
                                       .track_allocations = true};
    TinyAIMemory *memory = tinyai_create_memory(&config);
    const size_t empty = tinyai_memory_mark(memory);
    char *kept = tinyai_memory_alloc(memory, 100);
    const size_t outer = tinyai_memory_mark(memory);
    char *first = tinyai_memory_alloc(memory, 100);
    const size_t inner = tinyai_memory_mark(memory);
    CHECK(tinyai_memory_alloc(memory, 100) != NULL);
    CHECK_EQ(tinyai_memory_stats(memory).live_allocations, 3);
    CHECK(!tinyai_memory_free(memory, kept));
    CHECK(strstr(tai_thread_error()->message, "not the last") != NULL);
    CHECK(tinyai_memory_release(memory, outer));
    CHECK(!tinyai_memory_release(memory, inner));
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
    CHECK_EQ(tinyai_memory_stats(memory).live_allocations, 1);
    CHECK(!tinyai_memory_free(memory, first)); /* gone with the release */
    CHECK(tinyai_memory_alloc(memory, 1) == first);
    CHECK(tinyai_memory_release(memory, empty));
    CHECK_EQ(tinyai_memory_stats(memory).current_usage, 0);
    CHECK(tinyai_memory_alloc(memory, 1) == kept);
    tinyai_destroy_memory(memory);
}

TEST_MAIN(T(random_operations_equal_the_model), T(all_bytes_are_the_callers), T(marks_nest))
