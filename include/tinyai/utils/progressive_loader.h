/* The progressive loader: layers of a mapped model loaded and dropped one by one, by the caller. It drives
 * the mapped model's own cache: there is no second copy. */
#ifndef TINYAI_UTILS_PROGRESSIVE_LOADER_H
#define TINYAI_UTILS_PROGRESSIVE_LOADER_H

#include <stdbool.h>
#include <stddef.h>

#include "mmap_loader.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct TinyAIProgressiveConfig {
    bool enable_prefetch;     /* loading a layer begins to read the next ones */
    int prefetch_window;      /* how many of them, 0 .. the model's layers */
    bool enable_unload;       /* loading makes room by dropping the layers used longest ago */
    size_t memory_threshold;  /* bytes of loaded layers; 0: the model's maxCacheSize */
    TinyAIMappedModel *model; /* NULL: the one mapped model that is open */
} TinyAIProgressiveConfig;

typedef struct TinyAIProgressiveLoader TinyAIProgressiveLoader;

/* NULL: tinyai_last_error(NULL) names the field. */
TinyAIProgressiveLoader *tinyai_create_progressive_loader(const TinyAIProgressiveConfig *config);
/* The layers stay cached in the model. NULL is allowed. */
void tinyai_destroy_progressive_loader(TinyAIProgressiveLoader *loader);

/* Makes a layer resident until it is unloaded. False: no such layer, a failed read, or without
 * enable_unload E_BUDGET when it would pass the threshold. */
bool tinyai_load_layer(TinyAIProgressiveLoader *loader, int layer);
/* Drops a layer. False, and nothing happens, for a layer that is negative, absent or not loaded. */
bool tinyai_unload_layer(TinyAIProgressiveLoader *loader, int layer);
/* Loads the layer after the one loaded last, after the last one the first again; returns its index, or -1
 * where tinyai_load_layer would return false. */
int tinyai_load_next_layer(TinyAIProgressiveLoader *loader);
/* Drops every loaded layer but the one loaded last and those being read ahead; returns how many. */
int tinyai_unload_unused_layers(TinyAIProgressiveLoader *loader);
/* True while the next layer would not fit below the threshold. */
bool tinyai_memory_pressure(const TinyAIProgressiveLoader *loader);

#ifdef __cplusplus
}
#endif
#endif
