/* The mapped model: the layers of a file, cached in a fixed number of bytes.
 *
 * A *layer* is a transformer block, 0 .. n - 1 in execution order. Embedding and output head are no
 * layers: the engine streams them apart. Opens .gguf and .tmai files.
 *
 * The cache is a pool of slots, each as large as the largest layer: maxCacheSize / layer bytes of them, at
 * most one per layer, and below 4 GiB in all. It is the cache that the engine runs on. One thread at a time
 * uses a mapped model. */
#ifndef TINYAI_UTILS_MMAP_LOADER_H
#define TINYAI_UTILS_MMAP_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct TinyAIMmapConfig {
    size_t maxCacheSize;  /* bytes of cached layers, never exceeded; at least one layer must fit */
    bool prefetchEnabled; /* read the layers that follow while the caller works on one */
    int prefetchThreads; /* reader threads of it, 0 .. 16; 0: layers are read when they are asked for,
                             none ahead. WASI: always 0 */
    bool adaptiveCaching; /* pin by the observed pattern; false: least recently used goes first */
    size_t
        minLayerCacheSize; /* layers below this size stay once loaded, as far as the cache allows */
} TinyAIMmapConfig;

typedef struct TinyAIMappedModel TinyAIMappedModel;

/* 256 MiB, prefetch with 2 threads, adaptive, 4 KiB. */
TinyAIMmapConfig tinyaiCreateDefaultMmapConfig(void);

/* Opens a file; config NULL: the default. No layer is read yet. NULL: tinyai_last_error(NULL) tells why;
 * E_BUDGET if maxCacheSize holds no layer. */
TinyAIMappedModel *tinyaiOpenMappedModel(const char *path, const TinyAIMmapConfig *config);
/* Gives everything back, once no scheduler and no progressive loader uses it any more: until then it goes
 * on working for them. NULL is allowed. */
void tinyaiCloseMappedModel(TinyAIMappedModel *model);

int tinyaiGetMappedLayerCount(const TinyAIMappedModel *model);
/* Bytes of a layer in the file, 0 for a layer that is not there. */
size_t tinyaiGetMappedLayerSize(const TinyAIMappedModel *model, int layer);
/* A layer's bytes, as in the file; read if they are not cached. Valid until another layer is asked for,
 * loaded or unloaded. NULL: tinyai_last_error(NULL) tells why. */
const void *tinyaiGetMappedLayer(TinyAIMappedModel *model, int layer);

typedef struct TinyAIMmapStats {
    size_t cacheCapacity; /* bytes: slots * slot bytes, at most maxCacheSize */
    size_t cachedBytes;   /* of layers that are cached now */
    size_t peakCachedBytes;
    uint64_t bytesRead;
    uint64_t hits;
    uint64_t misses;
    uint64_t prefetched; /* misses whose reading had begun before the layer was asked for */
    int slots;
    int pinnedLayers;
    int cachedLayers;
    int readerThreads;
} TinyAIMmapStats;
TinyAIMmapStats tinyaiGetMmapStats(const TinyAIMappedModel *model);

#ifdef __cplusplus
}
#endif
#endif
