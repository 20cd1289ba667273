// The handles of tinyai/raii.h: everything is given back on an early return. argv[1]: a model.
#include <cstdio>
#include <tinyai/raii.h>

static bool early_return(const char *path, bool leave) {
    TinyAIMemoryConfig config = {};
    tinyai::memory_ptr memory(tinyai_create_memory(&config));
    tinyai::pool_ptr pool(tinyai_create_pool(65536, 256));
    tinyai::block_ptr<float> row(static_cast<float *>(tinyai_memory_alloc(nullptr, 1000)));
    tinyai::mapped_model_ptr mapped(tinyaiOpenMappedModel(path, nullptr));
    tinyai::forward_scheduler_ptr scheduler(
        tinyaiCreateForwardScheduler(mapped.get(), TINYAI_EXEC_NORMAL, 8 << 20));
    TinyAIProgressiveConfig progressive = {};
    tinyai::progressive_loader_ptr loader(tinyai_create_progressive_loader(&progressive));
    TinyAISource source;
    TinyAIError error;
    TinyAIModel *opened = nullptr;
    TinyAIOptions options = tinyai_default_options();
    if (tinyai_source_open_file(&source, path, &error) ||
        tinyai_open(&source, &options, &opened, &error))
        return false;
    tinyai::model_ptr model(opened);
    if (!memory || !row || !pool || !mapped || !scheduler || !loader ||
        !tinyai_pool_alloc(pool.get(), 256))
        return false;
    if (leave)
        return tinyai_get_memory_stats().current_usage >= 65536;
    return tinyai_load_layer(loader.get(), 0);
}

int main(int argc, char **argv) {
    const bool held = argc > 1 && early_return(argv[1], true) && early_return(argv[1], false);
    const TinyAIMemoryStats left = tinyai_get_memory_stats();
    std::printf("held %d, left %zu allocations of %zu bytes\n", held, left.live_allocations,
                left.current_usage);
    return !held || left.live_allocations != 0 || left.current_usage != 0;
}
