/* The mapped model over the bundled model: its cache, each field of its config, faults, and its end. */
#include "stream/mapped_model.h"

#include "format/xxh3.h"
#include "memory/error.h"
#include "unit/convert_bytes.h"
#include "unit/model_source.h"
#include "unit/test.h"

static ModelBytes file;
static int n_layers;
static size_t slot_bytes;

static TinyAIMmapConfig config_of(size_t slots) {
    TinyAIMmapConfig config = tinyaiCreateDefaultMmapConfig();
    config.maxCacheSize = slots * slot_bytes;
    config.minLayerCacheSize = 0;
    config.prefetchEnabled = false;
    return config;
}

static TinyAIMappedModel *open_model(TinyAIMmapConfig config) {
    TinyAIMappedModel *model = tinyaiOpenMappedModel(STORY_Q8_0, &config);
    if (!model) {
        (void)fprintf(stderr, "%s\n", tai_thread_error()->message);
        exit(2);
    }
    return model;
}

static void measure(void) {
    TinyAIMappedModel *model = tinyaiOpenMappedModel(STORY_Q8_0, NULL);
    if (!model) {
        (void)fprintf(stderr, "%s\n", tai_thread_error()->message);
        exit(2);
    }
    n_layers = tinyaiGetMappedLayerCount(model);
    slot_bytes = (size_t)tai_mapped_slot_bytes(model);
    tinyaiCloseMappedModel(model);
    file = model_load(STORY_Q8_0);
}

/* What the layer's bytes must be: run by run, as in the file. */
static bool is_as_in_the_file(const TinyAIMappedModel *model, int layer, const uint8_t *bytes) {
    const TaiUnit *unit = &model->residency.units[layer];
    size_t n = 0;
    for (uint32_t i = 0; i < unit->n_runs; i++) {
        const TaiRun *run = &model->residency.runs[unit->first_run + i];
        n += run->bytes;
        if (memcmp(bytes + run->at, file.bytes + run->off, run->bytes) != 0) {
            return false;
        }
    }
    return n == tinyaiGetMappedLayerSize(model, layer);
}

static void pass(TinyAIMappedModel *model) {
    for (int i = 0; i < n_layers; i++) {
        const uint8_t *layer = tinyaiGetMappedLayer(model, i);
        CHECK(layer && is_as_in_the_file(model, i, layer));
        TinyAIMmapStats stats = tinyaiGetMmapStats(model);
        CHECK(stats.cachedBytes <= model->config.maxCacheSize);
    }
}

/* Counters after a few passes over all layers, in the cycle. */
static TinyAIMmapStats after_passes(TinyAIMmapConfig config, int n_passes) {
    TinyAIMappedModel *model = open_model(config);
    for (int p = 0; p < n_passes; p++) {
        pass(model);
    }
    TinyAIMmapStats stats = tinyaiGetMmapStats(model);
    CHECK_EQ(stats.hits + stats.misses, n_passes * n_layers);
    CHECK(stats.peakCachedBytes <= config.maxCacheSize);
    tinyaiCloseMappedModel(model);
    return stats;
}

/* ---- layers ---------------------------------------------------------------------------------- */

TEST(layers_are_as_in_the_file_whatever_the_cache_and_the_threads) {
    for (size_t slots = 1; slots <= (size_t)n_layers; slots++) {
        for (int threads = 0; threads <= 3; threads++) {
            TinyAIMmapConfig config = config_of(slots);
            config.prefetchEnabled = true;
            config.prefetchThreads = threads;
            after_passes(config, 4);
        }
    }
}

TEST(opening_reads_no_layer) {
    TinyAIMappedModel *model = open_model(config_of(2));
    TinyAIMmapStats stats = tinyaiGetMmapStats(model);
    CHECK_EQ(stats.bytesRead, 0);
    CHECK_EQ(stats.cachedBytes, 0);
    CHECK_EQ(stats.slots, 2);
    CHECK(tai_mapped_layer(model, 0) == NULL);
    tinyaiCloseMappedModel(model);
}

TEST(a_layer_that_is_not_there_is_refused) {
    TinyAIMappedModel *model = open_model(config_of(2));
    CHECK(tinyaiGetMappedLayer(model, -1) == NULL);
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
    CHECK(tinyaiGetMappedLayer(model, n_layers) == NULL);
    CHECK_EQ(tinyaiGetMappedLayerSize(model, -1), 0);
    CHECK_EQ(tinyaiGetMappedLayerSize(model, n_layers), 0);
    CHECK(tinyaiGetMappedLayer(model, 0) != NULL);
    tinyaiCloseMappedModel(model);
}

TEST(a_layer_that_was_read_ahead_while_another_is_asked_for_disturbs_nothing) {
    TinyAIMmapConfig config = config_of(3);
    config.prefetchEnabled = true;
    TinyAIMappedModel *model = open_model(config);
    uint64_t seed = 5;
    for (int i = 0; i < 300; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int layer = (int)((seed >> 33) % (uint64_t)n_layers);
        int32_t status = tai_mapped_load(model, (uint32_t)layer, (uint32_t)(i % 4), NULL);
        CHECK_EQ(status, TINYAI_OK);
        CHECK(is_as_in_the_file(model, layer, tai_mapped_layer(model, (uint32_t)layer)));
        CHECK(tai_mapped_cached_bytes(model) <= config.maxCacheSize);
    }
    tinyaiCloseMappedModel(model);
}

/* ---- each field of the config ---------------------------------------------------------------- */

TEST(max_cache_size_gives_the_slots_and_the_misses) {
    for (size_t slots = 1; slots <= (size_t)n_layers; slots++) {
        TinyAIMmapStats three = after_passes(config_of(slots), 3);
        TinyAIMmapStats four = after_passes(config_of(slots), 4);
        size_t expected = slots == (size_t)n_layers ? 0 : (size_t)n_layers - slots + 1;
        CHECK_EQ(four.misses - three.misses, expected);
        CHECK_EQ(four.slots, slots);
        CHECK_EQ(four.cacheCapacity, slots * slot_bytes);
    }
    TinyAIMmapConfig config = config_of(2);
    config.maxCacheSize += slot_bytes - 1; /* not a whole slot more */
    CHECK_EQ(after_passes(config, 1).slots, 2);
}

TEST(a_cache_below_one_layer_is_refused_by_its_bytes) {
    TinyAIMmapConfig config = config_of(1);
    config.maxCacheSize = slot_bytes - 1;
    CHECK(tinyaiOpenMappedModel(STORY_Q8_0, &config) == NULL);
    const TinyAIError *error = tai_thread_error();
    CHECK_EQ(error->status, TINYAI_E_BUDGET);
    CHECK_EQ(error->asked_bytes, slot_bytes);
    CHECK_EQ(error->allowed_bytes, slot_bytes - 1);
    CHECK_EQ(error->missing_bytes, 1);
    CHECK(strstr(error->message, "maxCacheSize"));
    config.maxCacheSize = 0;
    CHECK(tinyaiOpenMappedModel(STORY_Q8_0, &config) == NULL);
    CHECK(strstr(tai_thread_error()->message, "maxCacheSize"));
}

TEST(prefetch_enabled_reads_ahead) {
    TinyAIMmapConfig config = config_of(3);
    TinyAIMmapStats off = after_passes(config, 4);
    config.prefetchEnabled = true;
    TinyAIMmapStats on = after_passes(config, 4);
    CHECK_EQ(off.prefetched, 0);
    CHECK_EQ(off.readerThreads, 0);
    CHECK(on.prefetched > 0);
}

TEST(prefetch_threads_are_the_reader_threads) {
    TinyAIMmapConfig config = config_of(3);
    config.prefetchEnabled = true;
    for (int threads = 0; threads <= 16; threads += 4) {
        config.prefetchThreads = threads;
        TinyAIMmapStats stats = after_passes(config, 2);
        CHECK_EQ(stats.readerThreads, threads);
        CHECK((stats.prefetched > 0) == (threads > 0));
    }
    config.prefetchThreads = -1;
    CHECK(tinyaiOpenMappedModel(STORY_Q8_0, &config) == NULL);
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
    CHECK(strstr(tai_thread_error()->message, "prefetchThreads"));
    config.prefetchThreads = 17;
    CHECK(tinyaiOpenMappedModel(STORY_Q8_0, &config) == NULL);
    CHECK(strstr(tai_thread_error()->message, "prefetchThreads"));
}

TEST(adaptive_caching_pins) {
    TinyAIMmapConfig config = config_of((size_t)n_layers - 1);
    TinyAIMmapStats on = after_passes(config, 4);
    config.adaptiveCaching = false;
    TinyAIMmapStats off = after_passes(config, 4);
    CHECK_EQ(off.misses, 4 * n_layers);
    CHECK_EQ(off.pinnedLayers, 0);
    CHECK(on.misses < off.misses);
    CHECK_EQ(on.pinnedLayers, n_layers - 2);
}

TEST(min_layer_cache_size_keeps_smaller_layers) {
    TinyAIMmapConfig config = config_of((size_t)n_layers - 1);
    config.adaptiveCaching = false;
    CHECK_EQ(after_passes(config, 3).misses, 3 * n_layers);
    config.minLayerCacheSize = slot_bytes + 1; /* all of them: all slots but one keep theirs */
    CHECK_EQ(after_passes(config, 3).misses, n_layers + 2 * 2);
}

/* ---- faults ---------------------------------------------------------------------------------- */

/* The open model's source replaced by one in memory that counts and fails. */
static TinyAIMappedModel *open_counted(TinyAIMmapConfig config) {
    TinyAIMappedModel *model = open_model(config);
    tinyai_source_close(&model->source);
    file.reads = 0;
    file.fail_at = 0;
    file.closed = 0;
    model->source = model_source(&file);
    return model;
}

TEST(a_failed_read_is_reported_and_the_next_try_succeeds) {
    TinyAIMappedModel *model = open_counted(config_of(2));
    CHECK(tinyaiGetMappedLayer(model, 0) != NULL);
    file.fail_at = file.reads + 1;
    CHECK(tinyaiGetMappedLayer(model, 1) == NULL);
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_IO);
    CHECK_EQ(tai_thread_error()->offset,
             model->residency.runs[model->residency.units[1].first_run].off);
    CHECK(tai_mapped_layer(model, 0) != NULL);
    const uint8_t *layer = tinyaiGetMappedLayer(model, 1);
    CHECK(layer && is_as_in_the_file(model, 1, layer));
    tinyaiCloseMappedModel(model);
    CHECK_EQ(file.closed, 1);
}

TEST(bytes_that_do_not_match_their_hash_are_refused_each_time_and_verified_once) {
    TinyAIMappedModel *model = open_counted(config_of(2));
    TaiUnit *unit = &model->residency.units[0];
    const TaiRun *run = &model->residency.runs[unit->first_run];
    TaiXxh3 hash;
    tai_xxh3_init(&hash);
    for (uint32_t i = 0; i < unit->n_runs; i++) {
        tai_xxh3_update(&hash, file.bytes + run[i].off, run[i].bytes);
    }
    unit->has_hash = true;
    unit->hash = tai_xxh3_digest(&hash);
    file.bytes[run->off + 77] ^= 1;
    for (int i = 0; i < 2; i++) {
        CHECK(tinyaiGetMappedLayer(model, 0) == NULL);
        CHECK_EQ(tai_thread_error()->status, TINYAI_E_CORRUPT);
        CHECK_EQ(tai_thread_error()->offset, run->off);
        CHECK_EQ(tinyaiGetMmapStats(model).cachedLayers, 0);
    }
    file.bytes[run->off + 77] ^= 1;
    CHECK(tinyaiGetMappedLayer(model, 0) != NULL);
    CHECK(unit->verified);
    tinyaiCloseMappedModel(model);
}

TEST(a_file_that_is_no_model_or_not_there_is_refused) {
    CHECK(tinyaiOpenMappedModel(TINYAI_TEST_DATA "/no such file", NULL) == NULL);
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_NOT_FOUND);
    CHECK(tinyaiOpenMappedModel(TINYAI_TEST_DATA "/../unit/test.h", NULL) == NULL);
    CHECK(tai_thread_error()->status == TINYAI_E_FORMAT);
}

/* ---- .tmai ----------------------------------------------------------------------------------- */

/* The bundled model converted, in memory. */
static ModelBytes converted(void) {
    ModelBytes out = {0};
    TinyAIError error = {0};
    out.bytes = convert_bytes(file.bytes, file.size, TAI_LAYOUT_PANELS, TAI_CONVERT_BUFFER,
                              &out.size, &error);
    CHECK_EQ(error.status, 0);
    if (!out.bytes) {
        abort();
    }
    return out;
}

static void write_file(const char *path, const ModelBytes *bytes) {
    FILE *out = fopen(path, "wb");
    CHECK(out && fwrite(bytes->bytes, 1, bytes->size, out) == bytes->size && fclose(out) == 0);
}

TEST(a_tmai_file_has_the_same_layers_and_each_is_checked) {
    const char *path = "test_mapped_model.tmai";
    ModelBytes tmai = converted();
    ModelBytes gguf = file;
    TinyAIMmapConfig config = config_of((size_t)n_layers - 1);
    write_file(path, &tmai);
    TinyAIMappedModel *from_gguf = open_model(config);
    TinyAIMappedModel *model = tinyaiOpenMappedModel(path, &config);
    CHECK(model && tinyaiGetMappedLayerCount(model) == n_layers);
    for (int i = 0; model && i < n_layers; i++) {
        const uint8_t *layer = tinyaiGetMappedLayer(model, i);
        file = tmai;
        CHECK(layer && is_as_in_the_file(model, i, layer));
        CHECK(model->residency.units[i].has_hash && model->residency.units[i].verified);
        CHECK(tinyaiGetMappedLayer(from_gguf, i) != NULL);
        CHECK(tinyaiGetMappedLayerSize(model, i) >= tinyaiGetMappedLayerSize(from_gguf, i));
    }
    const TaiUnit *unit = &model->residency.units[2];
    uint64_t middle = model->residency.runs[unit->first_run].off + unit->bytes / 2;
    CHECK(middle < tmai.size);
    tmai.bytes[middle] ^= 0x10;
    tinyaiCloseMappedModel(model);
    tinyaiCloseMappedModel(from_gguf);
    write_file(path, &tmai);
    model = tinyaiOpenMappedModel(path, &config);
    for (int i = 0; model && i < n_layers; i++) {
        CHECK((tinyaiGetMappedLayer(model, i) != NULL) == (i != 2));
        CHECK_EQ(tai_thread_error()->status, i == 2 ? TINYAI_E_CORRUPT : TINYAI_OK);
    }
    tinyaiCloseMappedModel(model);
    remove(path);
    free(tmai.bytes);
    file = gguf;
}

/* ---- slots ----------------------------------------------------------------------------------- */

TEST(a_limit_drops_layers_and_lifts_again) {
    TinyAIMappedModel *model = open_model(config_of((size_t)n_layers));
    TinyAIError error = {0};
    pass(model);
    CHECK_EQ(tai_mapped_cached_bytes(model), (size_t)n_layers * slot_bytes);
    CHECK_EQ(tai_mapped_limit(model, 2 * slot_bytes, &error), TINYAI_OK);
    CHECK_EQ(tai_mapped_cached_bytes(model), 2 * slot_bytes);
    pass(model);
    CHECK_EQ(tai_mapped_cached_bytes(model), 2 * slot_bytes);
    CHECK_EQ(tai_mapped_limit(model, UINT64_MAX, &error), TINYAI_OK);
    pass(model);
    CHECK_EQ(tai_mapped_cached_bytes(model), (size_t)n_layers * slot_bytes);
    CHECK_EQ(tai_mapped_limit(model, slot_bytes - 1, &error), TINYAI_E_BUDGET);
    CHECK_EQ(error.missing_bytes, 1);
    tinyaiCloseMappedModel(model);
}

TEST(held_layers_stay_and_may_fill_all_slots) {
    TinyAIMappedModel *model = open_model(config_of(2));
    TinyAIError error = {0};
    for (uint32_t i = 0; i < 2; i++) {
        tai_mapped_hold(model, i, true);
        CHECK_EQ(tai_mapped_load(model, i, 0, &error), TINYAI_OK);
    }
    CHECK_EQ(tai_mapped_load(model, 2, 0, &error), TINYAI_E_BUDGET);
    CHECK_EQ(error.missing_bytes, slot_bytes);
    tai_error_clear(&error);
    CHECK_EQ(tai_mapped_limit(model, slot_bytes, &error), TINYAI_E_BUDGET);
    CHECK(tai_mapped_layer(model, 0) && tai_mapped_layer(model, 1));
    tai_mapped_hold(model, 0, false);
    tai_error_clear(&error);
    CHECK_EQ(tai_mapped_load(model, 2, 0, &error), TINYAI_OK);
    CHECK(!tai_mapped_layer(model, 0) && tai_mapped_layer(model, 1));
    tinyaiCloseMappedModel(model);
}

TEST(a_model_in_use_closes_with_its_last_user) {
    TinyAIMappedModel *model = open_counted(config_of(2));
    uint32_t n_open = 0;
    CHECK(tai_mapped_only(&n_open) == model);
    tai_mapped_use(model);
    tai_mapped_use(model);
    tinyaiCloseMappedModel(model);
    CHECK(tai_mapped_only(&n_open) == NULL);
    CHECK_EQ(n_open, 0);
    CHECK_EQ(file.closed, 0);
    tai_mapped_unuse(model);
    CHECK(tinyaiGetMappedLayer(model, 1) != NULL);
    CHECK_EQ(file.closed, 0);
    tai_mapped_unuse(model);
    CHECK_EQ(file.closed, 1);
    tinyaiCloseMappedModel(NULL);
}

int main(int argc, char **argv) {
    static const TestCase tests[] = {
        T(layers_are_as_in_the_file_whatever_the_cache_and_the_threads),
        T(opening_reads_no_layer),
        T(a_layer_that_is_not_there_is_refused),
        T(a_layer_that_was_read_ahead_while_another_is_asked_for_disturbs_nothing),
        T(max_cache_size_gives_the_slots_and_the_misses),
        T(a_cache_below_one_layer_is_refused_by_its_bytes),
        T(prefetch_enabled_reads_ahead),
        T(prefetch_threads_are_the_reader_threads),
        T(adaptive_caching_pins),
        T(min_layer_cache_size_keeps_smaller_layers),
        T(a_failed_read_is_reported_and_the_next_try_succeeds),
        T(bytes_that_do_not_match_their_hash_are_refused_each_time_and_verified_once),
        T(a_file_that_is_no_model_or_not_there_is_refused),
        T(a_tmai_file_has_the_same_layers_and_each_is_checked),
        T(a_limit_drops_layers_and_lifts_again),
        T(held_layers_stay_and_may_fill_all_slots),
        T(a_model_in_use_closes_with_its_last_user)};
    measure();
    int failed = test_run(tests, (int)(sizeof tests / sizeof *tests), argc > 1 ? argv[1] : NULL);
    free(file.bytes);
    return failed;
}
