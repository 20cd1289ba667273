/* tinyai verify: compares every part of a TMAI file with its hash; of GGUF, which has none, reads every
 * layer. Layers pass through a cache of a few, other parts through a small buffer. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stddef.h>

#include "format/pieces.h"
#include "format/source_header.h"
#include "format/xxh3.h"
#include "memory/checked.h"
#include "memory/error.h"
#include "port/port.h"

#define DEFAULT_LAYERS 3u /* in memory: one at work, two being read ahead of it */
#define READ_AHEAD 2

typedef struct Verifier {
    TinyAIError error;
    uint64_t file_bytes;
    uint64_t bytes; /* read and found right */
    uint32_t n_layers;
    uint32_t n_others; /* parts that are no layers */
    uint32_t n_hashes; /* compared */
    uint64_t cache_bytes;
    uint64_t ns;
} Verifier;

static void count(Verifier *v, uint64_t bytes) {
    v->bytes += bytes;
    live_share("verifying", v->bytes, v->file_bytes);
}

/* What a function left that returns a pointer or an index. */
static int32_t take_error(Verifier *v) {
    v->error = *tinyai_last_error(NULL);
    return v->error.status;
}

/* ---- layers --------------------------------------------------------------------------------- */

/* A layer is compared with its hash when it is loaded. */
static int32_t load_all(Verifier *v, const TinyAIMappedModel *model,
                        TinyAIProgressiveLoader *loader) {
    const int n = tinyaiGetMappedLayerCount(model);
    for (int i = 0; i < n && !tai_port_interrupted(); i++) {
        if (tinyai_memory_pressure(loader)) {
            tinyai_unload_unused_layers(loader);
        }
        if (tinyai_load_next_layer(loader) != i) {
            return take_error(v);
        }
        v->n_layers++;
        count(v, tinyaiGetMappedLayerSize(model, i));
    }
    v->cache_bytes = tinyaiGetMmapStats(model).peakCachedBytes;
    return 0;
}

/* The cache is refused by its bytes: what the option is called is known here. */
static int32_t refuse_memory(Verifier *v) {
    const TinyAIError e = v->error;
    tai_error_clear(&v->error);
    tai_fail(&v->error, TINYAI_E_BUDGET, TINYAI_NO_OFFSET,
             "a layer of this file takes %" PRIu64 " bytes, --memory allows %" PRIu64 ": %" PRIu64
             " are missing",
             e.asked_bytes, e.allowed_bytes, e.missing_bytes);
    v->error.asked_bytes = e.asked_bytes;
    v->error.allowed_bytes = e.allowed_bytes;
    v->error.missing_bytes = e.missing_bytes;
    return TINYAI_E_BUDGET;
}

static int32_t check_layers(Verifier *v, const char *path, uint64_t cache_bytes) {
    TinyAIMmapConfig config = tinyaiCreateDefaultMmapConfig();
    config.maxCacheSize = (size_t)tai_min_u64(cache_bytes, TINYAI_MAX_BUDGET);
    TinyAIMappedModel *model = tinyaiOpenMappedModel(path, &config);
    if (model == NULL) {
        return take_error(v) == TINYAI_E_BUDGET ? refuse_memory(v) : v->error.status;
    }
    const int n = tinyaiGetMappedLayerCount(model);
    const TinyAIProgressiveConfig progressive = {.enable_prefetch = true,
                                                 .prefetch_window = n < READ_AHEAD ? n : READ_AHEAD,
                                                 .enable_unload = true,
                                                 .model = model};
    TinyAIProgressiveLoader *loader = tinyai_create_progressive_loader(&progressive);
    const int32_t status = loader != NULL ? load_all(v, model, loader) : take_error(v);
    tinyai_destroy_progressive_loader(loader);
    tinyaiCloseMappedModel(model);
    return status;
}

/* ---- other parts ---------------------------------------------------------------------------- */

static int32_t read_piece(Verifier *v, const TinyAISource *source, const TaiPiece *piece,
                          TaiXxh3 *hash) {
    char text[TAI_PIECE_TEXT];
    for (uint64_t at = 0; at < piece->bytes && !tai_port_interrupted();) {
        const uint32_t part = (uint32_t)tai_min_u64(piece->bytes - at, sizeof scratch);
        const int32_t status = source->read(source->user, piece->off + at, scratch, part);
        if (status != 0) {
            return tai_fail(&v->error, status, piece->off + at,
                            "reading %s failed at byte %" PRIu64 " of the file (%s)",
                            tai_piece_text(piece, text), piece->off + at,
                            tinyai_status_name(status));
        }
        tai_xxh3_update(hash, scratch, part);
        at += part;
    }
    return 0;
}

static int32_t check_piece(Verifier *v, const TinyAISource *source, const TaiPiece *piece) {
    char text[TAI_PIECE_TEXT];
    TaiXxh3 hash;
    tai_xxh3_init(&hash);
    if (read_piece(v, source, piece, &hash) || tai_port_interrupted()) {
        return v->error.status;
    }
    if (tai_xxh3_digest(&hash) != piece->hash) {
        return tai_fail(&v->error, TINYAI_E_CORRUPT, piece->off,
                        "%s, from byte %" PRIu64
                        " of the file, does not match its hash: the file is damaged, get it again",
                        tai_piece_text(piece, text), piece->off);
    }
    v->n_others++;
    count(v, piece->bytes);
    return 0;
}

static int32_t check_others(Verifier *v, const TinyAISource *source) {
    TaiSourceHeader h;
    int32_t status = tai_source_header_open(&h, source, tai_no_header_room, &v->error);
    for (uint32_t i = 0; status == 0 && i < h.header.n_pieces; i++) {
        const TaiPiece *piece = &h.header.pieces[i];
        if (piece->kind != TAI_PIECE_BLOCK) {
            status = check_piece(v, source, piece);
        }
    }
    if (status == 0 && h.header.format == TAI_FORMAT_TMAI) {
        v->n_hashes = v->n_layers + v->n_others;
    }
    tai_source_header_close(&h);
    return status;
}

/* ---- the command ---------------------------------------------------------------------------- */

/* A cache of what is allowed, or of DEFAULT_LAYERS. */
static int32_t choose_cache(Verifier *v, const TinyAISource *source, const Options *options,
                            uint64_t *cache_bytes) {
    const TinyAIOptions defaults = tinyai_default_options();
    TinyAIPlan plan;
    if (tinyai_plan(source, &defaults, &plan, &v->error)) {
        return v->error.status;
    }
    const uint64_t allowed = options->engine.memory_budget;
    *cache_bytes = allowed != 0 ? allowed : plan.block_bytes * DEFAULT_LAYERS;
    return 0;
}

static int32_t verify_source(Verifier *v, const TinyAISource *source, const Options *options) {
    const uint64_t start = tai_port_clock_ns();
    uint64_t cache_bytes = 0;
    v->file_bytes = source->size;
    int32_t status = choose_cache(v, source, options, &cache_bytes);
    if (status == 0) {
        status = check_layers(v, model_path(options), cache_bytes);
    }
    if (status == 0 && !tai_port_interrupted()) {
        status = check_others(v, source);
    }
    live_line_clear();
    v->ns = tai_port_clock_ns() - start;
    return status;
}

static void say_done(const Verifier *v) {
    const SizeText bytes = size_text(v->bytes);
    if (v->n_hashes > 0) {
        printf("%" PRIu32 " layers and %" PRIu32 " other parts, %s: all hashes match\n",
               v->n_layers, v->n_others, bytes.text);
    } else {
        printf("GGUF has no hashes: %" PRIu32 " layers read, %s\n", v->n_layers, bytes.text);
    }
    const double seconds = (double)tai_max_u64(v->ns, 1) / 1e9;
    note("%.2f s, %s/s, %s of memory for layers", seconds,
         size_text((uint64_t)((double)v->bytes / seconds)).text, size_text(v->cache_bytes).text);
}

static void done_json(const Verifier *v) {
    Json json = {.out = stdout};
    json_open(&json, NULL, '{');
    json_uint(&json, "layers", v->n_layers);
    json_uint(&json, "otherParts", v->n_others);
    json_uint(&json, "hashesCompared", v->n_hashes);
    json_uint(&json, "bytes", v->bytes);
    json_uint(&json, "cacheBytes", v->cache_bytes);
    json_real(&json, "ms", (double)v->ns / 1e6);
    json_close(&json, '}');
    putchar('\n');
}

int verify(const Options *options) {
    Verifier v = {0};
    TinyAISource source;
    tai_error_clear(&v.error);
    if (open_source(&source, options, &v.error) != 0) {
        return fail(options, &v.error);
    }
    const int32_t status = verify_source(&v, &source, options);
    tinyai_source_close(&source);
    if (status != 0) {
        return fail(options, &v.error);
    }
    if (tai_port_interrupted()) {
        return INTERRUPTED;
    }
    if (options->json) {
        done_json(&v);
    } else {
        say_done(&v);
    }
    return DONE;
}
