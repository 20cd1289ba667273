#include "stream/mapped_model.h"

#include <inttypes.h>
#include <stddef.h>

#include "format/xxh3.h"
#include "memory/checked.h"
#include "memory/error.h"
#include "memory/process.h"
#include "port/lock.h"
#include "port/port.h"

/* ---- open models ----------------------------------------------------------------------------- */

/* Models that are open and not closed yet. */
static struct {
    TaiLock lock;
    TinyAIMappedModel *first;
} open_models;

static TaiLiveBlock live_block(const char *name, uint64_t bytes) {
    TaiLiveBlock block = {.bytes = bytes};
    tai_name_copy(block.name, name);
    return block;
}

static TinyAIMemoryStats memory_stats(const TinyAIMappedModel *m) {
    size_t bytes = (size_t)m->memory_bytes;
    return (TinyAIMemoryStats){.current_usage = bytes,
                               .peak_usage = bytes,
                               .total_allocated = bytes,
                               .allocation_count = 1,
                               .live_allocations = 1,
                               .reserved_bytes = bytes};
}

static void facts(const void *self, TaiFacts *f) {
    const TinyAIMappedModel *m = self;
    TinyAIMmapStats stats = tinyaiGetMmapStats(m);
    f->kind = "mapped model";
    f->stats = memory_stats(m);
    f->budget_bytes = m->config.maxCacheSize;
    f->n_blocks = 3;
    f->blocks[0] = live_block("cached layers", stats.cachedBytes);
    f->blocks[1] = live_block("free slots", stats.cacheCapacity - stats.cachedBytes);
    f->blocks[2] = live_block("directory", m->memory_bytes - stats.cacheCapacity);
    f->by_purpose[TINYAI_PURPOSE_WEIGHTS] = stats.cacheCapacity;
    f->by_purpose[TINYAI_PURPOSE_ENGINE] = m->memory_bytes - stats.cacheCapacity;
    f->file_bytes = m->source.size;
    f->hits = stats.hits;
    f->misses = stats.misses;
    f->passes = (stats.hits + stats.misses) / m->n_layers;
    f->streamed_bytes_per_pass = f->passes ? stats.bytesRead / f->passes : 0;
    f->resident_bytes = m->n_layers * tai_mapped_slot_bytes(m);
    f->layers = m->n_layers;
    f->slots = (uint32_t)stats.slots;
    f->pinned = (uint32_t)stats.pinnedLayers;
}

void tai_mapped_opened(TinyAIMappedModel *m) {
    tai_lock(&open_models.lock);
    m->next_open = open_models.first;
    open_models.first = m;
    tai_unlock(&open_models.lock);
    m->owner = (TaiOwner){.self = m, .facts = facts};
    tai_owner_add(&m->owner);
    tai_process_add((size_t)m->memory_bytes);
}

static void remove_open(TinyAIMappedModel *m) {
    tai_lock(&open_models.lock);
    TinyAIMappedModel **link = &open_models.first;
    while (*link != m) {
        link = &(*link)->next_open;
    }
    *link = m->next_open;
    tai_unlock(&open_models.lock);
}

TinyAIMappedModel *tai_mapped_only(uint32_t *n_open) {
    tai_lock(&open_models.lock);
    TinyAIMappedModel *first = open_models.first;
    *n_open = 0;
    for (const TinyAIMappedModel *m = first; m; m = m->next_open) {
        (*n_open)++;
    }
    tai_unlock(&open_models.lock);
    return *n_open == 1 ? first : NULL;
}

static void destroy(TinyAIMappedModel *m) {
    TinyAISource source = m->source;
    TinyAIMemoryStats last = memory_stats(m);
    if (m->readers) {
        tai_readers_stop(m->readers);
    }
    tai_owner_remove(&m->owner);
    tai_process_retire(&last);
    tai_process_sub(last.current_usage);
    tai_port_release(m, m->memory_bytes);
    tinyai_source_close(&source);
}

void tai_mapped_use(TinyAIMappedModel *m) {
    m->users++;
}

void tai_mapped_unuse(TinyAIMappedModel *m) {
    m->users--;
    if (m->closing && m->users == 0) {
        destroy(m);
    }
}

void tinyaiCloseMappedModel(TinyAIMappedModel *m) {
    if (!m || m->closing) {
        return;
    }
    remove_open(m);
    m->closing = true;
    if (m->users == 0) {
        destroy(m);
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

static void note_peak(TinyAIMappedModel *m) {
    m->peak_cached = tai_max_u64(m->peak_cached, tai_mapped_cached_bytes(m));
}

/* Hands all wanted ranges to the readers; reads what they do not take. True if there were any. */
static bool read_wanted(TinyAIMappedModel *m, uint32_t current) {
    TaiResidency *r = &m->residency;
    TinyAIRange range;
    bool any = false;
    note_peak(m);
    while (tai_residency_take(r, &range, 1)) {
        TaiRead read = {.id = range.id,
                        .length = range.length,
                        .offset = range.offset,
                        .into = (uint8_t *)m + range.dest};
        any = true;
        if (!m->readers || !tai_readers_submit(m->readers, &read)) {
            int32_t status = m->source.read(m->source.user, range.offset, read.into, range.length);
            tai_residency_answer(r, range.id, status, current);
        }
    }
    return any;
}

/* Settles what the readers have read; with wait, at least one range. False if there was none. */
static bool collect(TinyAIMappedModel *m, bool wait, uint32_t current) {
    TaiRead read;
    bool any = m->readers && tai_readers_collect(m->readers, wait, &read);
    for (bool more = any; more; more = tai_readers_collect(m->readers, false, &read)) {
        tai_residency_answer(&m->residency, read.id, read.status, current);
    }
    return any;
}

static void want(TinyAIMappedModel *m, uint32_t layer, uint32_t ahead) {
    tai_residency_walk(&m->residency);
    bool room = tai_residency_want_unit(&m->residency, layer, true);
    for (uint32_t i = 1; i <= ahead && i < m->n_layers && room; i++) {
        room = tai_residency_want_unit(&m->residency, (layer + i) % m->n_layers, false);
    }
}

static int32_t read_failed(TinyAIMappedModel *m, uint32_t layer, TinyAIError *error) {
    TaiResidency *r = &m->residency;
    int32_t status = r->failed_status;
    uint64_t off = r->failed_off;
    /* What is still under way for it would fail the next try. */
    while (r->units[layer].pending && collect(m, true, TAI_NO_UNIT)) {
    }
    return tai_fail(error, status, off,
                    "reading layer %" PRIu32 " failed at byte %" PRIu64 " of the file (%s)", layer,
                    off, tinyai_status_name(status));
}

/* Adds to an E_BUDGET how many bytes are missing. error may be NULL. */
static int32_t missing(TinyAIError *error, uint64_t asked, uint64_t allowed) {
    if (error) {
        error->asked_bytes = asked;
        error->allowed_bytes = allowed;
        error->missing_bytes = asked - allowed;
    }
    return TINYAI_E_BUDGET;
}

static int32_t no_slot(const TinyAIMappedModel *m, uint32_t layer, TinyAIError *error) {
    uint64_t slot = tai_mapped_slot_bytes(m);
    uint64_t allowed = m->residency.blocks.active * slot;
    tai_fail(error, TINYAI_E_BUDGET, TINYAI_NO_OFFSET,
             "layer %" PRIu32 " has no room: loaded layers hold all %" PRIu32
             " slots. Unload one, or open the model with a larger maxCacheSize",
             layer, m->residency.blocks.active);
    return missing(error, allowed + slot, allowed);
}

/* Bytes that come with a hash are compared with it once per model: the file does not change. */
static int32_t verify(TinyAIMappedModel *m, uint32_t layer, TinyAIError *error) {
    TaiResidency *r = &m->residency;
    TaiUnit *unit = &r->units[layer];
    if (!unit->has_hash || unit->verified) {
        return TINYAI_OK;
    }
    const uint8_t *slot = (const uint8_t *)m + unit->address;
    TaiXxh3 hash;
    tai_xxh3_init(&hash);
    for (uint32_t i = 0; i < unit->n_runs; i++) {
        const TaiRun *run = &r->runs[unit->first_run + i];
        tai_xxh3_update(&hash, slot + run->at, run->bytes);
    }
    unit->verified = tai_xxh3_digest(&hash) == unit->hash;
    if (unit->verified) {
        return TINYAI_OK;
    }
    uint64_t off = r->runs[unit->first_run].off;
    tai_residency_drop(r, layer);
    return tai_fail(error, TINYAI_E_CORRUPT, off,
                    "layer %" PRIu32 ", from byte %" PRIu64
                    " of the file, does not match its hash: the file is damaged, get it again",
                    layer, off);
}

/* Layers to read ahead where the caller does not say what comes next: what the policy expects, or as many
 * as there are free slots, which cost nothing. */
static uint32_t likely_ahead(const TinyAIMappedModel *m, uint32_t layer) {
    const TaiSlots *slots = &m->residency.blocks;
    uint32_t taken = slots->pool.n_blocks - slots->pool.n_free;
    taken += !m->residency.units[layer].has_slot;
    uint32_t unused = slots->active > taken ? slots->active - taken : 0;
    uint32_t expected = tai_policy_ahead(&m->policy);
    return expected > unused ? expected : unused;
}

int32_t tai_mapped_load(TinyAIMappedModel *m, uint32_t layer, uint32_t ahead, TinyAIError *error) {
    TaiResidency *r = &m->residency;
    const TaiUnit *unit = &r->units[layer];
    collect(m, false, TAI_NO_UNIT);
    tai_policy_turn(&m->policy, layer);
    if (!m->readers) {
        ahead = 0;
    } else if (ahead == TAI_AHEAD_LIKELY) {
        ahead = likely_ahead(m, layer);
    }
    r->failed_status = TINYAI_OK;
    want(m, layer, ahead);
    for (bool progress = true; unit->state != TINYAI_BLOCK_RESIDENT; want(m, layer, ahead)) {
        progress = read_wanted(m, layer);
        progress = collect(m, true, layer) || progress;
        if (r->failed_status) {
            return read_failed(m, layer, error);
        }
        if (!progress) {
            return no_slot(m, layer, error);
        }
    }
    read_wanted(m, layer);
    int32_t status = verify(m, layer, error);
    if (!status) {
        tai_residency_turn(r, layer);
    }
    return status;
}

void tai_mapped_ahead(TinyAIMappedModel *m, const uint32_t *layers, uint32_t n) {
    bool room = m->readers != NULL;
    for (uint32_t i = 0; i < n && room; i++) {
        room = tai_residency_want_unit(&m->residency, layers[i], false);
    }
    read_wanted(m, TAI_NO_UNIT);
}

/* ---- the cache ------------------------------------------------------------------------------- */

const void *tai_mapped_layer(const TinyAIMappedModel *m, uint32_t layer) {
    const TaiUnit *unit = &m->residency.units[layer];
    return unit->state == TINYAI_BLOCK_RESIDENT ? (const uint8_t *)m + unit->address : NULL;
}

void tai_mapped_hold(TinyAIMappedModel *m, uint32_t layer, bool hold) {
    TaiUnit *unit = &m->residency.units[layer];
    unit->held = (uint16_t)(hold ? unit->held + 1 : unit->held - 1);
    tai_policy_fit(&m->policy, m->residency.blocks.active);
}

bool tai_mapped_drop(TinyAIMappedModel *m, uint32_t layer) {
    return tai_residency_drop(&m->residency, layer);
}

uint64_t tai_mapped_layer_bytes(const TinyAIMappedModel *m, uint32_t layer) {
    return m->residency.units[layer].bytes;
}

uint64_t tai_mapped_slot_bytes(const TinyAIMappedModel *m) {
    return m->residency.blocks.pool.block_bytes;
}

uint64_t tai_mapped_cached_bytes(const TinyAIMappedModel *m) {
    return tai_residency_slot_bytes(&m->residency, TAI_UNIT_BLOCK);
}

int32_t tai_mapped_limit(TinyAIMappedModel *m, uint64_t bytes, TinyAIError *error) {
    uint64_t slot = tai_mapped_slot_bytes(m);
    uint64_t held = 0;
    for (uint32_t i = 0; i < m->n_layers; i++) {
        held += m->residency.units[i].held > 0;
    }
    uint64_t least = tai_max_u64(held, 1);
    if (bytes / slot < least) {
        tai_fail(error, TINYAI_E_BUDGET, TINYAI_NO_OFFSET,
                 "%" PRIu64 " bytes of layers were allowed, %" PRIu64 " layers of %" PRIu64
                 " bytes must be in memory: allow more, or unload layers",
                 bytes, least, slot);
        return missing(error, least * slot, bytes);
    }
    uint32_t active = (uint32_t)tai_min_u64(bytes / slot, m->residency.blocks.pool.n_blocks);
    while (!tai_policy_fit(&m->policy, active) && collect(m, true, TAI_NO_UNIT)) {
    }
    return TINYAI_OK;
}

/* ---- for callers ----------------------------------------------------------------------------- */

TinyAIMmapConfig tinyaiCreateDefaultMmapConfig(void) {
    return (TinyAIMmapConfig){.maxCacheSize = (size_t)256 << 20,
                              .prefetchEnabled = true,
                              .prefetchThreads = 2,
                              .adaptiveCaching = true,
                              .minLayerCacheSize = 4096};
}

int tinyaiGetMappedLayerCount(const TinyAIMappedModel *m) {
    return (int)m->n_layers;
}

size_t tinyaiGetMappedLayerSize(const TinyAIMappedModel *m, int layer) {
    bool known = layer >= 0 && (uint32_t)layer < m->n_layers;
    return known ? (size_t)tai_mapped_layer_bytes(m, (uint32_t)layer) : 0;
}

const void *tinyaiGetMappedLayer(TinyAIMappedModel *m, int layer) {
    TinyAIError *error = tai_thread_error();
    tai_error_clear(error);
    if (layer < 0 || (uint32_t)layer >= m->n_layers) {
        tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                 "layer %d is not one of the model's: 0 .. %" PRIu32, layer, m->n_layers - 1);
        return NULL;
    }
    int32_t status = tai_mapped_load(m, (uint32_t)layer, TAI_AHEAD_LIKELY, error);
    return status ? NULL : tai_mapped_layer(m, (uint32_t)layer);
}

TinyAIMmapStats tinyaiGetMmapStats(const TinyAIMappedModel *m) {
    const TaiResidency *r = &m->residency;
    uint64_t slot = tai_mapped_slot_bytes(m);
    TinyAIMmapStats stats = {.cacheCapacity = (size_t)(r->blocks.pool.n_blocks * slot),
                             .cachedBytes = (size_t)tai_mapped_cached_bytes(m),
                             .peakCachedBytes = (size_t)m->peak_cached,
                             .bytesRead = r->bytes_read[TAI_UNIT_BLOCK],
                             .hits = r->hits,
                             .misses = r->misses,
                             .prefetched = r->prefetched,
                             .slots = (int)r->blocks.pool.n_blocks,
                             .readerThreads = (int)m->n_readers};
    for (uint32_t i = 0; i < m->n_layers; i++) {
        stats.pinnedLayers += r->units[i].pinned;
        stats.cachedLayers += r->units[i].state == TINYAI_BLOCK_RESIDENT;
    }
    return stats;
}
