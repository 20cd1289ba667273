/* tinyai/raii.h in C: everything is given back at the end of a scope, also on an early return. */
#include <stdbool.h>

#include "test.h"
#include "tinyai/raii.h"

#define MODEL TINYAI_TEST_DATA "/../../models/storyteller/storyteller-q8_0.gguf"

/* Creates one of each; returns how many it held at its end. */
static int hold_all(bool leave_early) {
    TINYAI_AUTO_MEMORY TinyAIMemory *memory = tinyai_create_memory(&(TinyAIMemoryConfig){0});
    TINYAI_AUTO_POOL TinyAIMemoryPool *pool = tinyai_create_pool(65536, 256);
    TINYAI_AUTO_MAPPED_MODEL TinyAIMappedModel *mapped = tinyaiOpenMappedModel(MODEL, NULL);
    int held = (memory != NULL) + (pool != NULL) + (mapped != NULL);
    TINYAI_AUTO_BLOCK float *row = tinyai_memory_alloc(NULL, 1000);
    CHECK(row != NULL && tinyai_memory_alloc(memory, 1000) != NULL);
    CHECK(tinyai_pool_alloc(pool, 256) != NULL);
    if (leave_early) {
        return held;
    }
    TINYAI_AUTO_FORWARD_SCHEDULER TinyAIForwardScheduler *scheduler =
        tinyaiCreateForwardScheduler(mapped, TINYAI_EXEC_NORMAL, (size_t)8 << 20);
    TINYAI_AUTO_PROGRESSIVE_LOADER TinyAIProgressiveLoader *loader =
        tinyai_create_progressive_loader(&(TinyAIProgressiveConfig){.model = mapped});
    CHECK(tinyai_load_layer(loader, 0));

    TINYAI_AUTO_MODEL TinyAIModel *model = NULL;
    TinyAIOptions options = tinyai_default_options();
    TinyAISource source;
    TinyAIError error;
    CHECK_EQ(tinyai_source_open_file(&source, MODEL, &error), 0);
    CHECK_EQ(tinyai_open(&source, &options, &model, &error), 0);
    return held + (scheduler != NULL) + (loader != NULL) + (model != NULL);
}

TEST(an_early_return_gives_back_what_was_held) {
    const TinyAIMemoryStats before = tinyai_get_memory_stats();
    CHECK_EQ(hold_all(true), 3);
    const TinyAIMemoryStats after = tinyai_get_memory_stats();
    CHECK(after.peak_usage >= before.current_usage + 65536);
    CHECK_EQ(after.current_usage, before.current_usage);
    CHECK_EQ(after.live_allocations, before.live_allocations);
}

TEST(the_end_of_a_scope_gives_everything_back) {
    const TinyAIMemoryStats before = tinyai_get_memory_stats();
    CHECK_EQ(hold_all(false), 6);
    const TinyAIMemoryStats after = tinyai_get_memory_stats();
    CHECK(after.total_allocated > before.total_allocated);
    CHECK_EQ(after.current_usage, before.current_usage);
    CHECK_EQ(after.live_allocations, before.live_allocations);
    CHECK_EQ(tinyai_shutdown_memory(), 0);
}

TEST(what_could_not_be_created_is_no_trouble) {
    TINYAI_AUTO_POOL TinyAIMemoryPool *pool = tinyai_create_pool(1, 2);
    TINYAI_AUTO_MAPPED_MODEL TinyAIMappedModel *mapped = tinyaiOpenMappedModel("missing", NULL);
    CHECK(pool == NULL && mapped == NULL);
}

TEST_MAIN(T(an_early_return_gives_back_what_was_held), T(the_end_of_a_scope_gives_everything_back),
          T(what_could_not_be_created_is_no_trouble))
