/* The mapped model: a source, its layers, and the residency that caches them, for hosts that may block.
 * One thread at a time uses a mapped model; reader threads touch nothing but the bytes that they read. */
#ifndef TAI_MAPPED_MODEL_H
#define TAI_MAPPED_MODEL_H

#include "memory/facts.h"
#include "port/readers.h"
#include "stream/policy.h"
#include "stream/residency.h"
#include "tinyai/utils/mmap_loader.h"

struct TinyAIMappedModel {
    TaiResidency residency; /* its units are the layers */
    TaiPolicy policy;
    TinyAISource source;
    TinyAIMmapConfig config;
    TaiReaders *readers; /* NULL: ranges are read when a layer is asked for, and none ahead */
    uint32_t n_readers;
    uint32_t n_layers;
    uint32_t users;        /* schedulers and loaders */
    bool closing;          /* goes when users is 0 */
    uint64_t memory_bytes; /* all of it, this struct first: directory, readers, slots */
    uint64_t peak_cached;
    TaiOwner owner;
    struct TinyAIMappedModel *next_open; /* of the list of open mapped models */
};

/* Puts a model that is set up into the list of open ones, and among the owners of memory. */
void tai_mapped_opened(TinyAIMappedModel *model);
/* The one mapped model that is open; NULL, and *n_open tells how many are. */
TinyAIMappedModel *tai_mapped_only(uint32_t *n_open);
void tai_mapped_use(TinyAIMappedModel *model);
/* Closes it if it was closed before and this was its last user. */
void tai_mapped_unuse(TinyAIMappedModel *model);

#define TAI_AHEAD_LIKELY UINT32_MAX /* what the policy expects, as far as the config allows */

/* Makes a layer resident, reading it if need be, and counts its turn; begins to read the `ahead` layers
 * that follow it in the cycle, as far as slots have room, and does not wait for them. 0 or a status. */
int32_t tai_mapped_load(TinyAIMappedModel *model, uint32_t layer, uint32_t ahead,
                        TinyAIError *error);
/* After tai_mapped_load(..., 0, ...): begins to read layers that come next in another order than the
 * cycle's. */
void tai_mapped_ahead(TinyAIMappedModel *model, const uint32_t *layers, uint32_t n);
const void *tai_mapped_layer(const TinyAIMappedModel *model, uint32_t layer); /* NULL: not there */
/* A held layer is not dropped to make room: until each hold was undone. */
void tai_mapped_hold(TinyAIMappedModel *model, uint32_t layer, bool hold);
/* False for a layer that is not there, or is being read. */
bool tai_mapped_drop(TinyAIMappedModel *model, uint32_t layer);
uint64_t tai_mapped_layer_bytes(const TinyAIMappedModel *model, uint32_t layer);
uint64_t tai_mapped_slot_bytes(const TinyAIMappedModel *model);
uint64_t tai_mapped_cached_bytes(const TinyAIMappedModel *model); /* slots in use */
/* Bytes of slots that may be in use from now on, at most the capacity. E_BUDGET, and nothing changes, below
 * one slot or below what is held. */
int32_t tai_mapped_limit(TinyAIMappedModel *model, uint64_t bytes, TinyAIError *error);

#endif
