/* The progressive loader: holds layers of a mapped model, and lets them go. Its own memory is one byte per
 * layer; the layers lie in the model's cache. */
#include "tinyai/utils/progressive_loader.h"

#include <inttypes.h>
#include <stddef.h>

#include "memory/error.h"
#include "memory/process.h"
#include "port/port.h"
#include "stream/mapped_model.h"

struct TinyAIProgressiveLoader {
    TinyAIMappedModel *model;
    uint64_t threshold;
    uint64_t bytes; /* of this struct */
    uint32_t window;
    bool enable_unload;
    uint32_t n_layers;
    uint32_t n_loaded;
    uint32_t last; /* layer loaded last; n_layers: none */
    bool loaded[]; /* [n_layers]: until this loader unloads them */
};

/* ---- creating -------------------------------------------------------------------------------- */

static TinyAIMappedModel *bind(const TinyAIProgressiveConfig *config, TinyAIError *error) {
    if (config->model) {
        return config->model;
    }
    uint32_t n_open = 0;
    TinyAIMappedModel *only = tai_mapped_only(&n_open);
    if (!only) {
        tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                 "the field model is NULL, and %" PRIu32 " mapped models are open: "
                 "it stands for the one that is open, so name one, or open one before",
                 n_open);
    }
    return only;
}

static int32_t check_config(const TinyAIProgressiveConfig *config, const TinyAIMappedModel *model,
                            TinyAIError *error) {
    if (config->prefetch_window < 0 || (uint32_t)config->prefetch_window > model->n_layers) {
        return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "prefetch_window is %d, it must be between 0 and the model's %" PRIu32
                        " layers",
                        config->prefetch_window, model->n_layers);
    }
    uint64_t slot = tai_mapped_slot_bytes(model);
    if (config->memory_threshold && config->memory_threshold < slot) {
        tai_fail(error, TINYAI_E_BUDGET, TINYAI_NO_OFFSET,
                 "memory_threshold is %zu bytes, a layer takes %" PRIu64, config->memory_threshold,
                 slot);
        error->asked_bytes = slot;
        error->allowed_bytes = config->memory_threshold;
        error->missing_bytes = slot - config->memory_threshold;
        return TINYAI_E_BUDGET;
    }
    return TINYAI_OK;
}

TinyAIProgressiveLoader *tinyai_create_progressive_loader(const TinyAIProgressiveConfig *config) {
    TinyAIError *error = tai_thread_error();
    tai_error_clear(error);
    if (!config) {
        tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET, "the config is NULL");
        return NULL;
    }
    TinyAIMappedModel *model = bind(config, error);
    if (!model || check_config(config, model, error)) {
        return NULL;
    }
    uint64_t bytes = sizeof(TinyAIProgressiveLoader) + model->n_layers;
    TinyAIProgressiveLoader *loader = tai_port_reserve(bytes);
    if (!loader) {
        tai_fail(error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET,
                 "the system gave no %" PRIu64 " bytes for the loader", bytes);
        return NULL;
    }
    loader->model = model;
    loader->threshold =
        config->memory_threshold ? config->memory_threshold : model->config.maxCacheSize;
    loader->bytes = bytes;
    loader->window = config->enable_prefetch ? (uint32_t)config->prefetch_window : 0;
    loader->enable_unload = config->enable_unload;
    loader->n_layers = model->n_layers;
    loader->last = model->n_layers;
    tai_mapped_use(model);
    tai_process_note_loader();
    return loader;
}

/* ---- layers ---------------------------------------------------------------------------------- */

static void set_loaded(TinyAIProgressiveLoader *loader, uint32_t layer, bool loaded) {
    if (loader->loaded[layer] != loaded) {
        loader->loaded[layer] = loaded;
        loader->n_loaded = loaded ? loader->n_loaded + 1 : loader->n_loaded - 1;
        tai_mapped_hold(loader->model, layer, loaded);
    }
}

static void unload(TinyAIProgressiveLoader *loader, uint32_t layer) {
    set_loaded(loader, layer, false);
    if (!loader->model->residency.units[layer].held) {
        tai_mapped_drop(loader->model, layer); /* no other loader has it */
    }
}

/* Layers that may be loaded at a time: the threshold's, or fewer if the model has fewer slots. */
static uint32_t most_loaded(const TinyAIProgressiveLoader *loader) {
    uint64_t most = loader->threshold / tai_mapped_slot_bytes(loader->model);
    uint32_t slots = loader->model->residency.blocks.active;
    return most < slots ? (uint32_t)most : slots;
}

/* Layers that are kept free to read ahead into, where loading makes room. */
static uint32_t kept_free(const TinyAIProgressiveLoader *loader) {
    uint32_t others = most_loaded(loader) - 1;
    uint32_t window = loader->window < others ? loader->window : others;
    return loader->enable_unload ? window : 0;
}

static bool is_full(const TinyAIProgressiveLoader *loader) {
    return loader->n_loaded + kept_free(loader) >= most_loaded(loader);
}

static uint32_t least_recently_used(const TinyAIProgressiveLoader *loader) {
    const TaiUnit *units = loader->model->residency.units;
    uint32_t oldest = loader->n_layers;
    for (uint32_t i = 0; i < loader->n_layers; i++) {
        if (loader->loaded[i] &&
            (oldest == loader->n_layers || units[i].used < units[oldest].used)) {
            oldest = i;
        }
    }
    return oldest;
}

static int32_t refuse(const TinyAIProgressiveLoader *loader, uint32_t layer, TinyAIError *error) {
    uint64_t slot = tai_mapped_slot_bytes(loader->model);
    uint64_t asked = (loader->n_loaded + 1) * slot;
    uint64_t allowed = most_loaded(loader) * slot;
    tai_fail(error, TINYAI_E_BUDGET, TINYAI_NO_OFFSET,
             "layer %" PRIu32 " does not fit: loaded layers would take %" PRIu64
             " bytes, memory_threshold and the model's cache allow %" PRIu64
             ". Unload one, or set enable_unload",
             layer, asked, allowed);
    error->asked_bytes = asked;
    error->allowed_bytes = allowed;
    error->missing_bytes = asked - allowed;
    return TINYAI_E_BUDGET;
}

static int32_t load(TinyAIProgressiveLoader *loader, uint32_t layer, TinyAIError *error) {
    while (!loader->loaded[layer] && is_full(loader)) {
        if (!loader->enable_unload) {
            return refuse(loader, layer, error);
        }
        unload(loader, least_recently_used(loader));
    }
    bool was_loaded = loader->loaded[layer];
    set_loaded(loader, layer, true);
    uint32_t left = most_loaded(loader) - loader->n_loaded;
    uint32_t ahead = loader->window < left ? loader->window : left;
    int32_t status = tai_mapped_load(loader->model, layer, ahead, error);
    if (status) {
        set_loaded(loader, layer, was_loaded);
    } else {
        loader->last = layer;
    }
    return status;
}

bool tinyai_load_layer(TinyAIProgressiveLoader *loader, int layer) {
    TinyAIError *error = tai_thread_error();
    tai_error_clear(error);
    if (layer < 0 || (uint32_t)layer >= loader->n_layers) {
        tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                 "layer %d is not one of the model's: 0 .. %" PRIu32, layer, loader->n_layers - 1);
        return false;
    }
    return load(loader, (uint32_t)layer, error) == TINYAI_OK;
}

bool tinyai_unload_layer(TinyAIProgressiveLoader *loader, int layer) {
    if (layer < 0 || (uint32_t)layer >= loader->n_layers || !loader->loaded[layer]) {
        return false;
    }
    unload(loader, (uint32_t)layer);
    return true;
}

int tinyai_load_next_layer(TinyAIProgressiveLoader *loader) {
    uint32_t next = loader->last < loader->n_layers - 1 ? loader->last + 1 : 0;
    return tinyai_load_layer(loader, (int)next) ? (int)next : -1;
}

int tinyai_unload_unused_layers(TinyAIProgressiveLoader *loader) {
    int n = 0;
    for (uint32_t i = 0; i < loader->n_layers; i++) {
        if (loader->loaded[i] && i != loader->last) {
            unload(loader, i);
            n++;
        }
    }
    return n;
}

bool tinyai_memory_pressure(const TinyAIProgressiveLoader *loader) {
    return is_full(loader);
}

void tinyai_destroy_progressive_loader(TinyAIProgressiveLoader *loader) {
    if (!loader) {
        return;
    }
    TinyAIMappedModel *model = loader->model;
    for (uint32_t i = 0; i < loader->n_layers; i++) {
        set_loaded(loader, i, false);
    }
    tai_port_release(loader, loader->bytes);
    tai_mapped_unuse(model);
}
