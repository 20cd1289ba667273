/* The progressive loader: each field of its config, and its layers, over the bundled model. */
#include "tinyai/utils/progressive_loader.h"

#include <stdlib.h>

#include "memory/error.h"
#include "stream/mapped_model.h"
#include "tinyai/memory.h"
#include "unit/test.h"

#define STORY TINYAI_TEST_DATA "/../../models/storyteller/storyteller-q8_0.gguf"

static int n_layers;
static size_t slot_bytes;

static TinyAIMappedModel *open_model(int slots) {
    TinyAIMmapConfig config = tinyaiCreateDefaultMmapConfig();
    if (slots) {
        config.maxCacheSize = (size_t)slots * slot_bytes;
    }
    TinyAIMappedModel *model = tinyaiOpenMappedModel(STORY, &config);
    if (!model) {
        (void)fprintf(stderr, "%s\n", tai_thread_error()->message);
        exit(2);
    }
    n_layers = tinyaiGetMappedLayerCount(model);
    slot_bytes = (size_t)tai_mapped_slot_bytes(model);
    return model;
}

static TinyAIProgressiveLoader *create(TinyAIProgressiveConfig config) {
    TinyAIProgressiveLoader *loader = tinyai_create_progressive_loader(&config);
    if (!loader) {
        (void)fprintf(stderr, "%s\n", tai_thread_error()->message);
        exit(2);
    }
    return loader;
}

/* Which layers are in memory, layer 0 first: "101..." */
static const char *resident(const TinyAIMappedModel *model) {
    static char text[64];
    for (int i = 0; i < n_layers; i++) {
        text[i] = tai_mapped_layer(model, (uint32_t)i) ? '1' : '0';
    }
    text[n_layers] = 0;
    return text;
}

/* ---- the field model ------------------------------------------------------------------------- */

TEST(without_a_model_it_binds_to_the_only_one_that_is_open) {
    TinyAIProgressiveConfig config = {.enable_unload = true};
    CHECK(tinyai_create_progressive_loader(&config) == NULL);
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
    CHECK(strstr(tai_thread_error()->message, "model") != NULL);
    CHECK(strstr(tai_thread_error()->message, "0 mapped models") != NULL);
    TinyAIMappedModel *one = open_model(0);
    TinyAIProgressiveLoader *loader = create(config);
    CHECK(tinyai_load_layer(loader, 0));
    CHECK_EQ(tinyaiGetMmapStats(one).cachedLayers, 1);
    tinyai_destroy_progressive_loader(loader);

    TinyAIMappedModel *two = open_model(0);
    CHECK(tinyai_create_progressive_loader(&config) == NULL);
    CHECK(strstr(tai_thread_error()->message, "2 mapped models") != NULL);
    config.model = two;
    loader = create(config);
    CHECK(tinyai_load_layer(loader, 1));
    CHECK_EQ(tinyaiGetMmapStats(two).cachedLayers, 1);
    CHECK_EQ(tinyaiGetMmapStats(one).misses, 1);
    tinyai_destroy_progressive_loader(loader);
    tinyaiCloseMappedModel(one);
    tinyaiCloseMappedModel(two);
}

/* ---- the field memory_threshold -------------------------------------------------------------- */

TEST(memory_threshold_bounds_the_layers_that_are_loaded) {
    TinyAIMappedModel *model = open_model(0);
    for (int most = 1; most <= n_layers; most++) {
        TinyAIProgressiveLoader *loader =
            create((TinyAIProgressiveConfig){.memory_threshold = (size_t)most * slot_bytes});
        for (int i = 0; i < n_layers; i++) {
            CHECK_EQ(tinyai_memory_pressure(loader), i >= most);
            CHECK_EQ(tinyai_load_layer(loader, i), i < most);
        }
        if (most < n_layers) {
            CHECK_EQ(tai_thread_error()->status, TINYAI_E_BUDGET);
            CHECK_EQ(tai_thread_error()->missing_bytes, slot_bytes);
        }
        CHECK(tinyai_load_layer(loader, 0)); /* what is loaded may be loaded again */
        tinyai_destroy_progressive_loader(loader);
    }
    TinyAIProgressiveConfig config = {.memory_threshold = slot_bytes - 1};
    CHECK(tinyai_create_progressive_loader(&config) == NULL);
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_BUDGET);
    CHECK(strstr(tai_thread_error()->message, "memory_threshold") != NULL);
    tinyaiCloseMappedModel(model);
}

TEST(without_a_threshold_the_cache_of_the_model_is_the_bound) {
    TinyAIMappedModel *model = open_model(3);
    TinyAIProgressiveLoader *loader = create((TinyAIProgressiveConfig){.enable_prefetch = false});
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(tinyai_load_layer(loader, i), i < 3);
    }
    tinyai_destroy_progressive_loader(loader);
    tinyaiCloseMappedModel(model);
}

/* ---- the field enable_unload ----------------------------------------------------------------- */

TEST(enable_unload_drops_the_layers_used_longest_ago) {
    TinyAIMappedModel *model = open_model(0);
    TinyAIProgressiveLoader *loader = create(
        (TinyAIProgressiveConfig){.enable_unload = true, .memory_threshold = 3 * slot_bytes});
    for (int i = 0; i < 3; i++) {
        CHECK(tinyai_load_layer(loader, i));
    }
    CHECK(tinyai_load_layer(loader, 0));
    CHECK(tinyai_load_layer(loader, 3));
    CHECK(strncmp(resident(model), "1011", 4) == 0);
    CHECK(tinyai_load_layer(loader, 4));
    CHECK(strncmp(resident(model), "10011", 5) == 0);
    CHECK(!tinyai_unload_layer(loader, 2));
    CHECK_EQ(tai_mapped_cached_bytes(model), 3 * slot_bytes);
    tinyai_destroy_progressive_loader(loader);
    tinyaiCloseMappedModel(model);
}

/* ---- the fields enable_prefetch and prefetch_window ------------------------------------------ */

/* Layers of a pass that were read ahead. */
static uint64_t prefetched(bool enable, int window) {
    TinyAIMappedModel *model = open_model(0);
    TinyAIProgressiveLoader *loader = create((TinyAIProgressiveConfig){
        .enable_prefetch = enable, .prefetch_window = window, .enable_unload = true});
    for (int i = 0; i < n_layers; i++) {
        CHECK(tinyai_load_layer(loader, i));
    }
    uint64_t n = tinyaiGetMmapStats(model).prefetched;
    tinyai_destroy_progressive_loader(loader);
    tinyaiCloseMappedModel(model);
    return n;
}

TEST(enable_prefetch_reads_the_next_layers) {
    CHECK_EQ(prefetched(false, 2), 0);
    CHECK_EQ(prefetched(true, 0), 0);
    CHECK_EQ(prefetched(true, 2), n_layers - 1);
}

/* Layers in memory or being read after layer 0 alone was loaded. */
static int in_memory(int window) {
    TinyAIMappedModel *model = open_model(0);
    TinyAIProgressiveLoader *loader =
        create((TinyAIProgressiveConfig){.enable_prefetch = true, .prefetch_window = window});
    CHECK(tinyai_load_layer(loader, 0));
    int n = (int)(tai_mapped_cached_bytes(model) / slot_bytes);
    tinyai_destroy_progressive_loader(loader);
    tinyaiCloseMappedModel(model);
    return n;
}

TEST(prefetch_window_is_how_many) {
    for (int window = 0; window < n_layers; window++) {
        CHECK_EQ(in_memory(window), 1 + window);
    }
    TinyAIMappedModel *model = open_model(0);
    TinyAIProgressiveConfig config = {.prefetch_window = -1};
    CHECK(tinyai_create_progressive_loader(&config) == NULL);
    CHECK(strstr(tai_thread_error()->message, "prefetch_window") != NULL);
    config.prefetch_window = n_layers + 1;
    CHECK(tinyai_create_progressive_loader(&config) == NULL);
    tinyaiCloseMappedModel(model);
}

TEST(reading_ahead_stays_within_the_threshold) {
    TinyAIMappedModel *model = open_model(0);
    TinyAIProgressiveLoader *loader =
        create((TinyAIProgressiveConfig){.enable_prefetch = true,
                                         .prefetch_window = 2,
                                         .enable_unload = true,
                                         .memory_threshold = 3 * slot_bytes});
    for (int i = 0; i < 3 * n_layers; i++) {
        CHECK_EQ(tinyai_load_next_layer(loader), i % n_layers);
        CHECK(tai_mapped_cached_bytes(model) <= 3 * slot_bytes);
        CHECK(tinyai_memory_pressure(loader));
    }
    CHECK(tinyaiGetMmapStats(model).prefetched >= (uint64_t)(3 * n_layers - 1));
    tinyai_destroy_progressive_loader(loader);
    tinyaiCloseMappedModel(model);
}

/* ---- layers ---------------------------------------------------------------------------------- */

TEST(unloading_what_is_not_loaded_does_nothing) {
    TinyAIMappedModel *model = open_model(0);
    TinyAIProgressiveLoader *loader = create((TinyAIProgressiveConfig){.enable_unload = true});
    CHECK(!tinyai_unload_layer(loader, -1));
    CHECK(!tinyai_unload_layer(loader, -2));
    CHECK(!tinyai_unload_layer(loader, n_layers));
    CHECK(!tinyai_unload_layer(loader, 0));
    CHECK(!tinyai_load_layer(loader, n_layers));
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
    CHECK(!tinyai_load_layer(loader, -1));
    CHECK(tinyai_load_layer(loader, 1));
    CHECK(tinyai_unload_layer(loader, 1));
    CHECK(!tinyai_unload_layer(loader, 1));
    CHECK_EQ(tai_mapped_cached_bytes(model), 0);
    tinyai_destroy_progressive_loader(loader);
    tinyaiCloseMappedModel(model);
}

TEST(the_next_layer_follows_the_last_and_unused_ones_can_be_dropped_together) {
    TinyAIMappedModel *model = open_model(0);
    TinyAIProgressiveLoader *loader = create((TinyAIProgressiveConfig){.enable_unload = true});
    CHECK_EQ(tinyai_unload_unused_layers(loader), 0);
    for (int i = 0; i < n_layers; i++) {
        CHECK_EQ(tinyai_load_next_layer(loader), i);
    }
    CHECK(tinyai_memory_pressure(loader));
    CHECK_EQ(tinyai_unload_unused_layers(loader), n_layers - 1);
    CHECK(!tinyai_memory_pressure(loader));
    CHECK(resident(model)[n_layers - 1] == '1');
    CHECK_EQ(tai_mapped_cached_bytes(model), slot_bytes);
    CHECK_EQ(tinyai_load_next_layer(loader), 0);
    CHECK(tinyai_load_layer(loader, 3));
    CHECK_EQ(tinyai_load_next_layer(loader), 4 % n_layers);
    tinyai_destroy_progressive_loader(loader);
    tinyaiCloseMappedModel(model);
}

TEST(loaded_layers_stay_while_others_pass) {
    TinyAIMappedModel *model = open_model(3);
    TinyAIProgressiveLoader *loader =
        create((TinyAIProgressiveConfig){.memory_threshold = 2 * slot_bytes});
    CHECK(tinyai_load_layer(loader, 0));
    CHECK(tinyai_load_layer(loader, 2));
    for (int i = 0; i < 5 * n_layers; i++) {
        CHECK(tinyaiGetMappedLayer(model, i % n_layers) != NULL);
        CHECK(resident(model)[0] == '1' && resident(model)[2] == '1');
    }
    tinyai_destroy_progressive_loader(loader);
    CHECK(resident(model)[0] == '1'); /* stays cached */
    tinyaiCloseMappedModel(model);
}

TEST(a_layer_that_two_loaders_loaded_stays_until_both_let_it_go) {
    TinyAIMappedModel *model = open_model(0);
    TinyAIProgressiveLoader *a = create((TinyAIProgressiveConfig){.enable_unload = true});
    TinyAIProgressiveLoader *b = create((TinyAIProgressiveConfig){.enable_unload = true});
    CHECK(tinyai_load_layer(a, 1));
    CHECK(tinyai_load_layer(b, 1));
    CHECK(tinyai_unload_layer(a, 1));
    CHECK(resident(model)[1] == '1');
    CHECK(tinyai_unload_layer(b, 1));
    CHECK(resident(model)[1] == '0');
    tinyai_destroy_progressive_loader(a);
    tinyai_destroy_progressive_loader(b);
    tinyaiCloseMappedModel(model);
}

/* ---- the end --------------------------------------------------------------------------------- */

TEST(closing_in_every_order_ends_at_zero) {
    size_t before = tinyai_get_memory_stats().current_usage;
    for (int order = 0; order < 6; order++) {
        TinyAIMappedModel *model = open_model(2);
        TinyAIProgressiveConfig config = {.enable_prefetch = true, .prefetch_window = 1};
        TinyAIProgressiveLoader *loaders[2] = {create(config), create(config)};
        CHECK(tinyai_get_memory_stats().current_usage > before);
        CHECK(tinyai_load_layer(loaders[0], 0));
        int first = order % 3;
        int second = (first + 1 + order / 3) % 3;
        int steps[3] = {first, second, 3 - first - second};
        for (int i = 0; i < 3; i++) {
            if (steps[i] == 2) {
                tinyaiCloseMappedModel(model);
            } else {
                CHECK(tinyai_load_layer(loaders[steps[i]], 0));
                tinyai_destroy_progressive_loader(loaders[steps[i]]);
            }
        }
        uint32_t n_open = 1;
        CHECK(tai_mapped_only(&n_open) == NULL);
        CHECK_EQ(n_open, 0);
        CHECK_EQ(tinyai_get_memory_stats().current_usage, before);
    }
    tinyai_destroy_progressive_loader(NULL);
}

int main(int argc, char **argv) {
    static const TestCase tests[] = {
        T(without_a_model_it_binds_to_the_only_one_that_is_open),
        T(memory_threshold_bounds_the_layers_that_are_loaded),
        T(without_a_threshold_the_cache_of_the_model_is_the_bound),
        T(enable_unload_drops_the_layers_used_longest_ago),
        T(enable_prefetch_reads_the_next_layers),
        T(prefetch_window_is_how_many),
        T(reading_ahead_stays_within_the_threshold),
        T(unloading_what_is_not_loaded_does_nothing),
        T(the_next_layer_follows_the_last_and_unused_ones_can_be_dropped_together),
        T(loaded_layers_stay_while_others_pass),
        T(a_layer_that_two_loaders_loaded_stays_until_both_let_it_go),
        T(closing_in_every_order_ends_at_zero)};
    tinyaiCloseMappedModel(open_model(0));
    return test_run(tests, (int)(sizeof tests / sizeof *tests), argc > 1 ? argv[1] : NULL);
}
