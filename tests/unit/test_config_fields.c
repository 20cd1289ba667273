/* Every field of the guide's configurations: changed alone, it moves the counter that it is about. */
#include <stdlib.h>
#include <unistd.h>

#include "test.h"
#include "tinyai/tinyai.h"

#define MODEL TINYAI_TEST_DATA "/../../models/storyteller/storyteller-q8_0.gguf"

/* ---- TinyAIMemoryConfig ----------------------------------------------------------------------- */

#define MIB ((size_t)1 << 20)

static TinyAIMemory *with(TinyAIMemoryConfig config) {
    TinyAIMemory *memory = tinyai_create_memory(&config);
    CHECK(memory != NULL);
    return memory;
}

TEST(strategy) {
    /* The same three calls, and four different answers. */
    for (int strategy = TINYAI_MEMORY_STRATEGY_DYNAMIC; strategy <= TINYAI_MEMORY_STRATEGY_HYBRID;
         strategy++) {
        TinyAIMemory *memory = with((TinyAIMemoryConfig){.strategy = (TinyAIMemoryStrategy)strategy,
                                                         .initial_pool_size = MIB});
        const size_t mark = tinyai_memory_mark(memory);
        void *first = tinyai_memory_alloc(memory, 64);
        void *second = tinyai_memory_alloc(memory, 64);
        CHECK(first != NULL && second != NULL);
        const bool is_static = strategy == TINYAI_MEMORY_STRATEGY_STATIC;
        const bool is_pooled = strategy == TINYAI_MEMORY_STRATEGY_POOLED;
        /* Only STATIC moves its mark, and it gives back in order. */
        CHECK_EQ(tinyai_memory_mark(memory) - mark, is_static ? 128 : 0);
        CHECK_EQ(tinyai_memory_free(memory, first), !is_static);
        CHECK_EQ(tinyai_memory_stats(memory).live_allocations, is_static ? 2 : 1);
        /* Only POOLED has a size that it refuses while there is room. */
        CHECK_EQ(tinyai_memory_alloc(memory, 10000) == NULL, is_pooled);
        CHECK_EQ(tinyai_memory_stats(memory).failed_allocations, is_pooled);
        /* Only HYBRID has a static part beside another. */
        const size_t fill = tinyai_memory_mark(memory);
        CHECK(tinyai_memory_alloc_static(memory, 64) != NULL);
        CHECK_EQ(tinyai_memory_mark(memory) > fill,
                 is_static || strategy == TINYAI_MEMORY_STRATEGY_HYBRID);
        tinyai_destroy_memory(memory);
    }
}

TEST(initial_pool_size) {
    for (int strategy = TINYAI_MEMORY_STRATEGY_DYNAMIC; strategy <= TINYAI_MEMORY_STRATEGY_HYBRID;
         strategy++) {
        size_t reserved[2];
        for (int i = 0; i < 2; i++) {
            TinyAIMemory *memory =
                with((TinyAIMemoryConfig){.strategy = (TinyAIMemoryStrategy)strategy,
                                          .initial_pool_size = (size_t)(i + 1) * MIB});
            /* Hosts may give it at the first use. */
            CHECK(tinyai_memory_alloc_static(memory, 64) != NULL);
            reserved[i] = tinyai_memory_stats(memory).reserved_bytes;
            tinyai_destroy_memory(memory);
        }
        CHECK(reserved[0] >= MIB);
        CHECK(reserved[1] >= reserved[0] + MIB);
    }
}

TEST(block_size) {
    for (size_t block = 256; block <= 8192; block *= 2) {
        TinyAIMemory *memory = with((TinyAIMemoryConfig){.strategy = TINYAI_MEMORY_STRATEGY_POOLED,
                                                         .initial_pool_size = MIB,
                                                         .block_size = block});
        CHECK_EQ(tinyai_memory_stats(memory).largest_free_block, block);
        CHECK(tinyai_memory_alloc(memory, block) != NULL);
        CHECK(tinyai_memory_alloc(memory, block + 1) == NULL);
        CHECK_EQ(tinyai_last_error(NULL)->status, TINYAI_E_ARGUMENT);
        tinyai_destroy_memory(memory);
    }
}

/* How often the report, as JSON, mentions a text. */
static int mentions(const char *text) {
    char path[] = "/tmp/tinyai-fields-XXXXXX.json";
    const int handle = mkstemps(path, 5);
    CHECK(handle >= 0);
    CHECK(tinyai_generate_memory_report(path));
    static char report[65536];
    FILE *file = fopen(path, "rb");
    const size_t bytes = file ? fread(report, 1, sizeof report - 1, file) : 0;
    report[bytes] = 0;
    CHECK(bytes > 0 && bytes < sizeof report - 1);
    if (file) {
        fclose(file);
    }
    close(handle);
    unlink(path);
    int n = 0;
    for (const char *at = report; (at = strstr(at, text)) != NULL; at++) {
        n++;
    }
    return n;
}

TEST(track_allocations) {
    for (int track = 0; track < 2; track++) {
        TinyAIMemory *memory = with((TinyAIMemoryConfig){.track_allocations = track});
        void *block = tinyai_memory_alloc_at(memory, 1000, 16, "a_site.c:7");
        CHECK_EQ(mentions("a_site.c:7") > 0, track);
        CHECK(tinyai_memory_free(memory, block)); /* else it would be named as a leak */
        tinyai_destroy_memory(memory);
    }
    CHECK_EQ(mentions("a_site.c:7"), 0);
}

TEST(enable_optimization) {
    /* Objects of a size that lies far from the classes it starts with: with the optimization their class
     * follows, so the same objects take less. */
    size_t used[2];
    for (int optimize = 0; optimize < 2; optimize++) {
        TinyAIMemory *memory = with((TinyAIMemoryConfig){.strategy = TINYAI_MEMORY_STRATEGY_HYBRID,
                                                         .initial_pool_size = MIB,
                                                         .enable_optimization = optimize});
        enum { OBJECTS = 4000, BYTES = 528 };
        static void *objects[OBJECTS];
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < OBJECTS; i++) {
                CHECK((objects[i] = tinyai_memory_alloc(memory, BYTES)) != NULL);
            }
            const TinyAIMemoryStats now = tinyai_memory_stats(memory);
            used[optimize] = now.reserved_bytes - now.free_bytes;
            CHECK_EQ(now.current_usage, OBJECTS * BYTES);
            for (int i = 0; i < OBJECTS; i++) {
                CHECK(tinyai_memory_free(memory, objects[i]));
            }
        }
        tinyai_destroy_memory(memory);
    }
    CHECK(used[1] < used[0]);
}

/* ---- TinyAIMmapConfig ------------------------------------------------------------------------- */

enum { LAYERS = 5 };

/* The model of the tests has 5 equal layers. */
static size_t layer_bytes(void) {
    TinyAIMappedModel *model = tinyaiOpenMappedModel(MODEL, NULL);
    CHECK_EQ(tinyaiGetMappedLayerCount(model), LAYERS);
    const size_t bytes = tinyaiGetMappedLayerSize(model, 0);
    tinyaiCloseMappedModel(model);
    CHECK(bytes > 0);
    return bytes;
}

/* Nothing is read ahead, nothing is pinned, and `slots` layers fit. */
static TinyAIMmapConfig plain(int slots) {
    TinyAIMmapConfig config = tinyaiCreateDefaultMmapConfig();
    config.maxCacheSize = (size_t)slots * (layer_bytes() + 4096);
    config.prefetchEnabled = false;
    config.prefetchThreads = 0;
    config.adaptiveCaching = false;
    config.minLayerCacheSize = 0;
    return config;
}

/* Statistics after `passes` passes over all layers, of the last pass alone for hits and misses. */
static TinyAIMmapStats after_passes(const TinyAIMmapConfig *config, int passes) {
    TinyAIMappedModel *model = tinyaiOpenMappedModel(MODEL, config);
    CHECK(model != NULL);
    TinyAIMmapStats before = {0};
    for (int pass = 0; pass < passes; pass++) {
        before = tinyaiGetMmapStats(model);
        for (int layer = 0; layer < LAYERS; layer++) {
            CHECK(tinyaiGetMappedLayer(model, layer) != NULL);
        }
    }
    TinyAIMmapStats stats = tinyaiGetMmapStats(model);
    stats.hits -= before.hits;
    stats.misses -= before.misses;
    tinyaiCloseMappedModel(model);
    return stats;
}

TEST(max_cache_size) {
    for (int slots = 1; slots <= LAYERS + 1; slots++) {
        const TinyAIMmapConfig config = plain(slots);
        const TinyAIMmapStats stats = after_passes(&config, 2);
        CHECK_EQ(stats.slots, slots < LAYERS ? slots : LAYERS);
        CHECK(stats.cacheCapacity <= config.maxCacheSize);
        CHECK(stats.peakCachedBytes <= config.maxCacheSize);
        CHECK_EQ(stats.misses,
                 slots < LAYERS ? LAYERS : 0); /* the oldest is the next to be needed */
    }
    TinyAIMmapConfig too_small = plain(1);
    too_small.maxCacheSize = layer_bytes() - 1;
    CHECK(tinyaiOpenMappedModel(MODEL, &too_small) == NULL);
    CHECK_EQ(tinyai_last_error(NULL)->status, TINYAI_E_BUDGET);
}

TEST(prefetch_enabled) {
    TinyAIMmapConfig config = plain(3);
    config.prefetchThreads = 2;
    CHECK_EQ(after_passes(&config, 3).prefetched, 0);
    config.prefetchEnabled = true;
    CHECK(after_passes(&config, 3).prefetched > 0);
}

TEST(prefetch_threads) {
    TinyAIMmapConfig config = plain(3);
    config.prefetchEnabled = true;
    for (int threads = 0; threads <= 4; threads += 2) {
        config.prefetchThreads = threads;
        CHECK_EQ(after_passes(&config, 3).readerThreads, threads);
    }
}

TEST(adaptive_caching) {
    for (int slots = 2; slots < LAYERS; slots++) {
        TinyAIMmapConfig config = plain(slots);
        TinyAIMmapStats stats = after_passes(&config, 8);
        CHECK_EQ(stats.misses, LAYERS);
        CHECK_EQ(stats.pinnedLayers, 0);
        config.adaptiveCaching = true;
        stats = after_passes(&config, 8);
        CHECK_EQ(stats.misses, LAYERS - slots + 1);
        CHECK_EQ(stats.pinnedLayers, slots - 1);
    }
}

TEST(min_layer_cache_size) {
    TinyAIMmapConfig config = plain(3);
    CHECK_EQ(after_passes(&config, 4).misses, LAYERS);
    config.minLayerCacheSize = layer_bytes() + 1; /* all layers are smaller: as many stay as can */
    CHECK(after_passes(&config, 4).misses < LAYERS);
    config.minLayerCacheSize = layer_bytes(); /* none is */
    CHECK_EQ(after_passes(&config, 4).misses, LAYERS);
}

/* ---- TinyAIProgressiveConfig ------------------------------------------------------------------- */

/* Which layers a loader holds, as bits; drops them. */
static unsigned take_loaded(TinyAIProgressiveLoader *loader) {
    unsigned loaded = 0;
    for (int layer = 0; layer < LAYERS; layer++) {
        loaded |= (unsigned)tinyai_unload_layer(loader, layer) << layer;
    }
    return loaded;
}

static TinyAIMappedModel *open_plain(void) {
    TinyAIMmapConfig config = plain(LAYERS);
    config.prefetchEnabled = true; /* reader threads, which the loader uses as it wishes */
    config.prefetchThreads = 2;
    TinyAIMappedModel *model = tinyaiOpenMappedModel(MODEL, &config);
    CHECK(model != NULL);
    return model;
}

/* Reads that began ahead while a loader with this configuration loaded all layers. */
static uint64_t read_ahead(bool enable, int window) {
    TinyAIMappedModel *model = open_plain();
    TinyAIProgressiveConfig config = {
        .enable_prefetch = enable, .prefetch_window = window, .model = model};
    TinyAIProgressiveLoader *loader = tinyai_create_progressive_loader(&config);
    for (int layer = 0; layer < LAYERS; layer++) {
        CHECK(tinyai_load_layer(loader, layer));
    }
    const uint64_t prefetched = tinyaiGetMmapStats(model).prefetched;
    tinyai_destroy_progressive_loader(loader);
    tinyaiCloseMappedModel(model);
    return prefetched;
}

TEST(enable_prefetch) {
    CHECK_EQ(read_ahead(false, 2), 0);
    CHECK_EQ(read_ahead(true, 2), LAYERS - 1);
}

TEST(prefetch_window) {
    CHECK_EQ(read_ahead(true, 0), 0);
    CHECK_EQ(read_ahead(true, 1), LAYERS - 1);
    /* Jumps: with a window of w the next load finds what lies up to w ahead. */
    for (int window = 1; window <= 3; window++) {
        TinyAIMappedModel *model = open_plain();
        TinyAIProgressiveConfig config = {
            .enable_prefetch = true, .prefetch_window = window, .model = model};
        TinyAIProgressiveLoader *loader = tinyai_create_progressive_loader(&config);
        CHECK(tinyai_load_layer(loader, 0) && tinyai_load_layer(loader, 3));
        CHECK_EQ(tinyaiGetMmapStats(model).prefetched, window >= 3);
        tinyai_destroy_progressive_loader(loader);
        tinyaiCloseMappedModel(model);
    }
}

TEST(enable_unload) {
    for (int unload = 0; unload < 2; unload++) {
        TinyAIMappedModel *model = open_plain();
        TinyAIProgressiveConfig config = {
            .enable_unload = unload, .memory_threshold = 2 * layer_bytes() + 1, .model = model};
        TinyAIProgressiveLoader *loader = tinyai_create_progressive_loader(&config);
        CHECK(tinyai_load_layer(loader, 0) && tinyai_load_layer(loader, 1));
        CHECK_EQ(tinyai_load_layer(loader, 2), unload);
        CHECK_EQ(tinyai_last_error(NULL)->status, unload ? TINYAI_OK : TINYAI_E_BUDGET);
        CHECK_EQ(take_loaded(loader), unload ? 6 : 3); /* layers 1 and 2, or 0 and 1 */
        tinyai_destroy_progressive_loader(loader);
        tinyaiCloseMappedModel(model);
    }
}

TEST(memory_threshold) {
    for (int fit = 1; fit <= LAYERS; fit++) {
        TinyAIMappedModel *model = open_plain();
        TinyAIProgressiveConfig config = {.memory_threshold = (size_t)fit * layer_bytes(),
                                          .model = model};
        TinyAIProgressiveLoader *loader = tinyai_create_progressive_loader(&config);
        int loaded = 0;
        while (loaded < LAYERS && !tinyai_memory_pressure(loader)) {
            CHECK(tinyai_load_layer(loader, loaded));
            loaded++;
        }
        CHECK_EQ(loaded, fit);
        CHECK_EQ(tinyaiGetMmapStats(model).cachedLayers, fit);
        tinyai_destroy_progressive_loader(loader);
        tinyaiCloseMappedModel(model);
    }
}

TEST(model) {
    TinyAIProgressiveConfig config = {0};
    CHECK(tinyai_create_progressive_loader(&config) == NULL); /* none is open */
    CHECK(strstr(tinyai_last_error(NULL)->message, "model") != NULL);
    TinyAIMappedModel *first = open_plain();
    TinyAIProgressiveLoader *loader = tinyai_create_progressive_loader(&config);
    CHECK(loader != NULL); /* the only one */
    tinyai_destroy_progressive_loader(loader);
    TinyAIMappedModel *second = open_plain();
    CHECK(tinyai_create_progressive_loader(&config) == NULL); /* which? */
    CHECK(strstr(tinyai_last_error(NULL)->message, "model") != NULL);
    config.model = second;
    loader = tinyai_create_progressive_loader(&config);
    CHECK(tinyai_load_layer(loader, 0));
    CHECK_EQ(tinyaiGetMmapStats(first).cachedLayers, 0);
    CHECK_EQ(tinyaiGetMmapStats(second).cachedLayers, 1);
    tinyai_destroy_progressive_loader(loader);
    tinyaiCloseMappedModel(first);
    tinyaiCloseMappedModel(second);
}

TEST_MAIN(T(strategy), T(initial_pool_size), T(block_size), T(track_allocations),
          T(enable_optimization), T(max_cache_size), T(prefetch_enabled), T(prefetch_threads),
          T(adaptive_caching), T(min_layer_cache_size), T(enable_prefetch), T(prefetch_window),
          T(enable_unload), T(memory_threshold), T(model))
