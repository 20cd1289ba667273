/* The mapped model: a source, its layers, and the residency that caches them, for hosts that may block. */
#ifndef TAI_MAPPED_MODEL_H
#define TAI_MAPPED_MODEL_H

#include "memory/facts.h"
#include "port/readers.h"
#include "stream/policy.h"
#include "stream/residency.h"
#include "tinyai/utils/mmap_loader.h"

struct TinyAIMappedModel {
    TaiResidency residency; /* its block units are the layers */
    TaiPolicy policy;
    TinyAISource source;
    TaiReaders *readers; /* NULL: ranges are read when asked */
    TinyAIMmapConfig config;
    uint32_t n_layers;
    uint32_t first_unit; /* of layer 0 */
    uint32_t n_readers;
    uint32_t users; /* schedulers and loaders */
    bool closing;   /* goes when users is 0 */
    void *memory;   /* all of it: directory, slots, readers */
    uint64_t memory_bytes;
    size_t peak_cached;
    TaiOwner owner;
    struct TinyAIMappedModel *next_open; /* of the list of open mapped models */
};

/* The one mapped model that is open; NULL, and *n_open tells how many are. */
TinyAIMappedModel *tai_mapped_only(uint32_t *n_open);
void tai_mapped_use(TinyAIMappedModel *model);
/* Closes it if it was closed before and this was its last user. */
void tai_mapped_unuse(TinyAIMappedModel *model);

/* Makes a layer resident, reading it if need be, and counts its turn; begins to read the `ahead` layers
 * that `next(context, layer)` names one after the other (NULL: index order). 0 or a status. */
int32_t tai_mapped_load(TinyAIMappedModel *model, uint32_t layer, uint32_t ahead,
                        TinyAIError *error);
const void *tai_mapped_layer(const TinyAIMappedModel *model,
                             uint32_t layer); /* NULL: not resident */
/* A held layer is not dropped to make room. */
void tai_mapped_hold(TinyAIMappedModel *model, uint32_t layer, bool hold);
bool tai_mapped_drop(TinyAIMappedModel *model, uint32_t layer);
uint64_t tai_mapped_layer_bytes(const TinyAIMappedModel *model, uint32_t layer);
uint64_t tai_mapped_slot_bytes(const TinyAIMappedModel *model);
uint64_t tai_mapped_cached_bytes(const TinyAIMappedModel *model); /* slots in use */
/* Bytes of slots that may be in use from now on, at most maxCacheSize; E_BUDGET below one slot. */
int32_t tai_mapped_limit(TinyAIMappedModel *model, uint64_t bytes, TinyAIError *error);

#endif
