/* Opening a mapped model: from a path to its layers and an empty cache. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "format/source_header.h"
#include "memory/checked.h"
#include "memory/error.h"
#include "model/file.h"
#include "port/port.h"
#include "schedule/layout.h"
#include "stream/mapped_model.h"

#define READ_CHUNK_BYTES (1u << 20) /* longer layers are read in parts, by all reader threads */

/* ---- the config ------------------------------------------------------------------------------ */

static int32_t check_config(const TinyAIMmapConfig *config, TinyAIError *error) {
    if (config->maxCacheSize == 0) {
        return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "maxCacheSize is 0: it must hold at least one layer");
    }
    if (config->prefetchThreads < 0 || config->prefetchThreads > (int)TAI_MAX_READERS) {
        return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "prefetchThreads is %d, it must be between 0 and %u",
                        config->prefetchThreads, TAI_MAX_READERS);
    }
    return TINYAI_OK;
}

static int32_t refuse_cache(const TaiFile *file, uint64_t allowed, TinyAIError *error) {
    tai_fail(error, TINYAI_E_BUDGET, TINYAI_NO_OFFSET,
             "maxCacheSize is %" PRIu64 " bytes, a layer of the model takes %" PRIu64 ": %" PRIu64
             " bytes are missing",
             allowed, file->layer_bytes, file->layer_bytes - allowed);
    error->asked_bytes = file->layer_bytes;
    error->allowed_bytes = allowed;
    error->missing_bytes = file->layer_bytes - allowed;
    return TINYAI_E_BUDGET;
}

/* ---- the model's memory ---------------------------------------------------------------------- */

/* Where its parts lie, from the struct at 0 on. */
typedef struct Parts {
    uint64_t units;
    uint64_t runs;
    uint64_t pool;
    uint64_t readers;
    uint64_t slots;
    uint32_t n_runs;
    uint32_t n_slots;
    uint32_t n_readers;
    TaiExtent all;
} Parts;

static Parts lay_out(const TaiFile *file, uint32_t n_slots, uint32_t n_readers) {
    Parts p = {.n_slots = n_slots, .n_readers = n_readers, .all = {0, true}};
    for (uint32_t b = 0; b < file->shape.n_blocks; b++) {
        p.n_runs += file->units[1 + b].n_runs;
    }
    tai_extent_put(&p.all, 1, sizeof(TinyAIMappedModel));
    p.units = tai_extent_put(&p.all, file->shape.n_blocks, sizeof(TaiUnit));
    p.runs = tai_extent_put(&p.all, p.n_runs, sizeof(TaiRun));
    p.pool = tai_extent_put(&p.all, n_slots, sizeof(uint32_t));
    p.readers = tai_extent_put(&p.all, 1, tai_readers_bytes(n_readers));
    p.slots = tai_extent_put(&p.all, n_slots, file->layer_bytes);
    return p;
}

/* As many slots as the config allows and 32-bit destinations reach; 0 if not one. */
static Parts most_slots(const TaiFile *file, const TinyAIMmapConfig *config, uint32_t n_readers) {
    uint64_t slot = file->layer_bytes;
    Parts none = lay_out(file, 0, n_readers);
    uint64_t n = tai_min_u64(config->maxCacheSize / slot, file->shape.n_blocks);
    uint64_t reach = TINYAI_MAX_BUDGET - TAI_ALIGNMENT - n * sizeof(uint32_t);
    uint64_t room = reach > none.all.end ? (reach - none.all.end) / slot : 0;
    return lay_out(file, (uint32_t)tai_min_u64(n, room), n_readers);
}

/* The layers' units and runs, without the others between them. Layers are handed out as they lie in the file, so
 * they take no room to be repacked in. */
static void copy_layers(TinyAIMappedModel *m, const TaiFile *file, const Parts *parts) {
    TaiResidency *r = &m->residency;
    uint32_t n_runs = 0;
    r->units = (TaiUnit *)((uint8_t *)m + parts->units);
    r->runs = (TaiRun *)((uint8_t *)m + parts->runs);
    for (uint32_t b = 0; b < m->n_layers; b++) {
        const TaiUnit *unit = &file->units[1 + b];
        memcpy(&r->runs[n_runs], &file->runs[unit->first_run], unit->n_runs * sizeof(TaiRun));
        r->units[b] = *unit;
        r->units[b].first_run = n_runs;
        r->units[b].land = 0;
        r->units[b].repack = false;
        n_runs += unit->n_runs;
    }
}

static void set_up(TinyAIMappedModel *m, const TaiFile *file, const TinyAIMmapConfig *config,
                   const TinyAISource *source, const Parts *parts) {
    m->source = *source;
    m->config = *config;
    m->n_layers = file->shape.n_blocks;
    m->memory_bytes = parts->all.end;
    m->residency.n_units = m->n_layers; /* the rest of it is zero, as the system gave it */
    m->residency.read_chunk_bytes = READ_CHUNK_BYTES;
    m->residency.linear = (uintptr_t)m;
    copy_layers(m, file, parts);
    tai_residency_slots(&m->residency, TAI_UNIT_BLOCK, (uint8_t *)m + parts->slots,
                        file->layer_bytes, parts->n_slots,
                        (uint32_t *)((uint8_t *)m + parts->pool));
    if (parts->n_readers) {
        TaiReaders *readers = (TaiReaders *)((uint8_t *)m + parts->readers);
        m->n_readers = tai_readers_start(readers, &m->source, parts->n_readers);
        m->readers = m->n_readers ? readers : NULL;
    }
    m->policy = (TaiPolicy){.residency = &m->residency,
                            .n_layers = m->n_layers,
                            .passing = m->readers ? 2 : 1,
                            .small_bytes = config->minLayerCacheSize,
                            .adaptive = config->adaptiveCaching,
                            .last = TAI_NO_UNIT};
}

static TinyAIMappedModel *open_parsed(const TaiFile *file, const TinyAIMmapConfig *config,
                                      const TinyAISource *source, TinyAIError *error) {
    bool ahead = config->prefetchEnabled && source->concurrent;
    Parts parts = most_slots(file, config, ahead ? (uint32_t)config->prefetchThreads : 0);
    if (parts.n_slots == 0) {
        refuse_cache(file, config->maxCacheSize, error);
        return NULL;
    }
    TinyAIMappedModel *m = parts.all.ok ? tai_port_reserve(parts.all.end) : NULL;
    if (!m) {
        tai_fail(error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET,
                 "the system gave no %" PRIu64 " bytes for the layers: lower maxCacheSize",
                 parts.all.end);
        return NULL;
    }
    set_up(m, file, config, source, &parts);
    tai_mapped_opened(m);
    return m;
}

/* ---- opening --------------------------------------------------------------------------------- */

static TinyAIMappedModel *open_source(const TinyAISource *source, const TinyAIMmapConfig *config,
                                      TinyAIError *error) {
    TaiSourceHeader h;
    TaiFile file;
    TinyAIMappedModel *model = NULL;
    if (tai_source_header_open(&h, source, tai_file_directory_bound, error)) {
        return NULL;
    }
    if (!tai_file_take(&file, &h.header, h.index_bytes, h.room, h.room_bytes, error)) {
        model = open_parsed(&file, config, source, error);
    }
    tai_source_header_close(&h);
    return model;
}

TinyAIMappedModel *tinyaiOpenMappedModel(const char *path, const TinyAIMmapConfig *config) {
    TinyAIMmapConfig defaults = tinyaiCreateDefaultMmapConfig();
    TinyAIError *error = tai_thread_error();
    TinyAISource source;
    tai_error_clear(error);
    config = config ? config : &defaults;
    if (check_config(config, error) || tinyai_source_open_file(&source, path, error)) {
        return NULL;
    }
    TinyAIMappedModel *model = open_source(&source, config, error);
    if (!model) {
        tinyai_source_close(&source);
    }
    return model;
}
