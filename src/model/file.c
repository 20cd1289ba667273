#include "model/file.h"

#include <inttypes.h>
#include <string.h>

#include "format/blocks.h"
#include "format/cursor.h"
#include "format/pieces.h"
#include "format/tensors.h"
#include "kernels/panel.h"
#include "memory/checked.h"
#include "model/repack.h"
#include "model/rooms.h"
#include "text/vocab.h"

#define MAX_BLOCKS 512u
#define MAX_HEADS 1024u
#define MAX_WIDTH (1u << 20)
#define MAX_CONTEXT (1u << 20)
#define LEAST_STRIP_BYTES 131072u /* but for short matrices */

/* ---- hyperparameters ------------------------------------------------------------------------- */

static uint64_t key_off(const TaiHeader *header, const char *key) {
    const TaiKeyValue *kv = tai_header_find(header, key);
    return kv ? kv->off : TINYAI_NO_OFFSET;
}

/* A required or defaulted count in least..most. */
static void read_size(const TaiHeader *header, const char *key, uint32_t absent, uint32_t least,
                      uint32_t most, uint32_t *value, TinyAIError *error) {
    *value = absent;
    if (error->status || tai_header_u32(header, key, value, error)) {
        return;
    }
    if (*value < least || *value > most) {
        tai_fail(error, TINYAI_E_FORMAT, key_off(header, key),
                 "metadata key %s is %s%" PRIu32 ", it must be between %" PRIu32 " and %" PRIu32,
                 key, tai_header_find(header, key) ? "" : "absent or ", *value, least, most);
    }
}

/* A finite float above zero; absent = 0: required. */
static void read_positive(const TaiHeader *header, const char *key, float absent, float *value,
                          TinyAIError *error) {
    *value = absent;
    if (error->status || tai_header_f32(header, key, value, error)) {
        return;
    }
    if (!(*value > 0.0f && *value <= 3.4e38f)) {
        tai_fail(error, TINYAI_E_FORMAT, key_off(header, key),
                 "metadata key %s must be a finite number above zero", key);
    }
}

static void check_architecture(const TaiHeader *header, TinyAIError *error) {
    TaiString arch = {"", 0};
    tai_header_string(header, "general.architecture", &arch, error);
    if (!error->status && !tai_header_find(header, "general.architecture")) {
        tai_fail(error, TINYAI_E_FORMAT, TINYAI_NO_OFFSET,
                 "metadata key general.architecture is missing: the file does not say what it is");
    } else if (!error->status && !tai_string_is(arch, "llama")) {
        tai_fail(error, TINYAI_E_UNSUPPORTED, key_off(header, "general.architecture"),
                 "the architecture \"%.*s\" is not supported: llama is",
                 (int)tai_min_u64(arch.bytes, 64), arch.text);
    }
    uint32_t splits = 0;
    if (!error->status && !tai_header_u32(header, "llama.expert_count", &splits, error) && splits) {
        tai_fail(error, TINYAI_E_UNSUPPORTED, key_off(header, "llama.expert_count"),
                 "models with %" PRIu32 " experts are not supported: dense ones are", splits);
    }
    const TaiKeyValue *split = tai_header_find(header, "split.count");
    if (!error->status && split && split->type == TAI_VALUE_U16 &&
        tai_load_u16(header->bytes + split->off) > 1) {
        tai_fail(error, TINYAI_E_UNSUPPORTED, split->off,
                 "the file is one part of a split model: merge the parts first");
    }
}

static void read_heads(const TaiHeader *header, TaiHparams *hp, TinyAIError *error) {
    read_size(header, "llama.attention.head_count", 0, 1, MAX_HEADS, &hp->heads, error);
    read_size(header, "llama.attention.head_count_kv", hp->heads, 1, MAX_HEADS, &hp->kv_heads,
              error);
    if (error->status) {
        return;
    }
    if (hp->kv_heads == 0 || hp->heads % hp->kv_heads) {
        tai_fail(error, TINYAI_E_FORMAT, key_off(header, "llama.attention.head_count_kv"),
                 "%" PRIu32 " attention heads cannot share %" PRIu32 " key-value heads", hp->heads,
                 hp->kv_heads);
        return;
    }
    uint32_t value_dim;
    read_size(header, "llama.attention.key_length", hp->embd / hp->heads, 2, 4096, &hp->head_dim,
              error);
    read_size(header, "llama.attention.value_length", hp->head_dim, 2, 4096, &value_dim, error);
    read_size(header, "llama.rope.dimension_count", hp->head_dim, 2, hp->head_dim, &hp->rope_dims,
              error);
    if (error->status) {
        return;
    }
    bool divides =
        tai_header_find(header, "llama.attention.key_length") || hp->embd % hp->heads == 0;
    if (value_dim != hp->head_dim || hp->rope_dims % 2 || !divides) {
        tai_fail(error, TINYAI_E_FORMAT, TINYAI_NO_OFFSET,
                 "the head sizes do not fit together: keys %" PRIu32 ", values %" PRIu32
                 ", rotated %" PRIu32 ", embedding %" PRIu32 " for %" PRIu32 " heads",
                 hp->head_dim, value_dim, hp->rope_dims, hp->embd, hp->heads);
    }
}

static void read_rope(const TaiHeader *header, TaiHparams *hp, TinyAIError *error) {
    read_positive(header, "llama.rope.freq_base", 10000.0f, &hp->rope_base, error);
    TaiString scaling = {"none", 4};
    tai_header_string(header, "llama.rope.scaling.type", &scaling, error);
    float factor;
    read_positive(header, "llama.rope.scaling.factor", 1.0f, &factor, error);
    if (error->status) {
        return;
    }
    if (tai_string_is(scaling, "linear")) {
        hp->rope_scale = 1.0f / factor;
    } else if (tai_string_is(scaling, "none")) {
        hp->rope_scale = 1.0f;
    } else {
        tai_fail(error, TINYAI_E_UNSUPPORTED, key_off(header, "llama.rope.scaling.type"),
                 "the RoPE scaling \"%.*s\" is not supported: none and linear are",
                 (int)tai_min_u64(scaling.bytes, 64), scaling.text);
    }
}

/* The vocabulary's size, the bytes of its texts and the longest of them. */
static void read_vocab_size(TaiFile *file, TinyAIError *error) {
    const TaiHeader *header = &file->header;
    TaiString kind = {"", 0};
    tai_header_string(header, "tokenizer.ggml.model", &kind, error);
    if (!error->status && !tai_string_is(kind, "llama")) {
        tai_fail(error, TINYAI_E_UNSUPPORTED, key_off(header, "tokenizer.ggml.model"),
                 "the tokenizer \"%.*s\" is not supported: \"llama\" (SentencePiece) is",
                 (int)tai_min_u64(kind.bytes, 64), kind.text);
    }
    const TaiKeyValue *tokens = tai_header_find(header, "tokenizer.ggml.tokens");
    if (error->status) {
        return;
    }
    if (!tokens || tokens->type != TAI_VALUE_ARRAY || tokens->item_type != TAI_VALUE_STRING ||
        tokens->n_items == 0 || tokens->n_items > TAI_MAX_TOKENS) {
        tai_fail(error, TINYAI_E_FORMAT, tokens ? tokens->off : TINYAI_NO_OFFSET,
                 "tokenizer.ggml.tokens must be an array of 1 to %u strings", TAI_MAX_TOKENS);
        return;
    }
    uint64_t off = tokens->off;
    uint64_t text_bytes = 0;
    for (uint64_t i = 0; i < tokens->n_items; i++) {
        uint64_t at = off;
        TaiString token = tai_next_string(header, &off);
        if (token.bytes > TAI_MAX_TOKEN_BYTES) {
            tai_fail(error, TINYAI_E_FORMAT, at,
                     "token %" PRIu64 " at byte %" PRIu64 " has %" PRIu32
                     " bytes, at most %u are possible",
                     i, at, token.bytes, TAI_MAX_TOKEN_BYTES);
            return;
        }
        file->hp.longest_token = (uint32_t)tai_max_u64(file->hp.longest_token, token.bytes);
        text_bytes += token.bytes; /* at most 2^20 * 2^16 */
    }
    file->hp.vocab_size = (uint32_t)tokens->n_items;
    file->shape.tokenizer_bytes = tai_vocab_bytes(file->hp.vocab_size, text_bytes);
    if (file->shape.tokenizer_bytes == UINT64_MAX) {
        tai_fail(error, TINYAI_E_FORMAT, tokens->off, "the texts of the vocabulary are too long");
    }
}

static void read_hparams(TaiFile *file, TinyAIError *error) {
    const TaiHeader *header = &file->header;
    TaiHparams *hp = &file->hp;
    check_architecture(header, error);
    read_size(header, "llama.block_count", 0, 1, MAX_BLOCKS, &hp->n_blocks, error);
    read_size(header, "llama.context_length", 0, 1, MAX_CONTEXT, &hp->context, error);
    read_size(header, "llama.embedding_length", 0, 1, MAX_WIDTH, &hp->embd, error);
    read_size(header, "llama.feed_forward_length", 0, 1, MAX_WIDTH, &hp->ff, error);
    read_heads(header, hp, error);
    read_positive(header, "llama.attention.layer_norm_rms_epsilon", 0.0f, &hp->eps, error);
    read_rope(header, hp, error);
    if (!error->status) {
        read_vocab_size(file, error);
    }
}

/* ---- tensors --------------------------------------------------------------------------------- */

static const char *const role_names[TAI_ROLES] = {
    "attn_norm.weight", "attn_q.weight",   "attn_k.weight", "attn_v.weight",  "attn_output.weight",
    "ffn_norm.weight",  "ffn_gate.weight", "ffn_up.weight", "ffn_down.weight"};

/* Rows of a tensor that is a vector, in F32; otherwise it is a matrix of any type with kernels. */
#define VECTOR 0u

/* Takes over a tensor that must be [n_rows][cols]. */
static void take_tensor(TaiTensor *out, const TaiTensorInfo *t, uint32_t n_rows, uint32_t cols,
                        TinyAIError *error) {
    bool vector = n_rows == VECTOR;
    uint32_t rows = vector ? 1 : n_rows;
    const TaiBlockFormat *format = tai_block_format(t->type);
    bool usable = vector ? t->type == TAI_TYPE_F32 : format->has_kernels;
    if (!usable) {
        tai_fail(error, TINYAI_E_UNSUPPORTED, t->info_off,
                 "tensor %.*s is of type %s, which is not supported %s", (int)t->name.bytes,
                 t->name.text, format->name,
                 vector ? "for vectors: F32 is"
                        : "yet: F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K to Q6_K, IQ4_NL "
                          "and IQ4_XS are");
        return;
    }
    if (t->dims[0] != cols || t->dims[1] != rows || t->dims[2] != 1 || t->dims[3] != 1) {
        tai_fail(error, TINYAI_E_FORMAT, t->info_off,
                 "tensor %.*s is %" PRIu64 " x %" PRIu64 ", the hyperparameters ask for %" PRIu32
                 " x %" PRIu32,
                 (int)t->name.bytes, t->name.text, t->dims[0], t->dims[1], cols, rows);
        return;
    }
    *out = (TaiTensor){.off = t->off,
                       .bytes = t->bytes,
                       .row_bytes = tai_tensor_row_bytes(t),
                       .type = t->type,
                       .rows = rows,
                       .cols = cols,
                       .layout = t->layout};
}

static uint32_t role_rows(const TaiHparams *hp, TaiRole role) {
    switch (role) {
    case TAI_WQ:
        return hp->heads * hp->head_dim;
    case TAI_WK:
    case TAI_WV:
        return hp->kv_heads * hp->head_dim;
    case TAI_WO:
    case TAI_W_DOWN:
        return hp->embd;
    case TAI_W_GATE:
    case TAI_W_UP:
        return hp->ff;
    default:
        return VECTOR;
    }
}

static uint32_t role_cols(const TaiHparams *hp, TaiRole role) {
    switch (role) {
    case TAI_WO:
        return hp->heads * hp->head_dim;
    case TAI_W_DOWN:
        return hp->ff;
    default:
        return hp->embd;
    }
}

static bool is_bias(TaiString name) {
    return name.bytes > 5 && memcmp(name.text + name.bytes - 5, ".bias", 5) == 0;
}

static void take_block_tensor(TaiFile *file, const TaiTensorInfo *t, TinyAIError *error) {
    uint32_t block;
    TaiString rest;
    if (!tai_block_name(t->name, &block, &rest)) {
        return;
    }
    if (block >= file->hp.n_blocks) {
        tai_fail(error, TINYAI_E_FORMAT, t->info_off,
                 "tensor %.*s belongs to no block: llama.block_count is %" PRIu32,
                 (int)t->name.bytes, t->name.text, file->hp.n_blocks);
        return;
    }
    if (is_bias(rest)) {
        tai_fail(error, TINYAI_E_UNSUPPORTED, t->info_off, "tensor %.*s: biases are not supported",
                 (int)t->name.bytes, t->name.text);
        return;
    }
    for (uint32_t role = 0; role < TAI_ROLES; role++) {
        if (tai_string_is(rest, role_names[role])) {
            take_tensor(&file->blocks[block][role], t, role_rows(&file->hp, (TaiRole)role),
                        role_cols(&file->hp, (TaiRole)role), error);
        }
    }
}

static void check_blocks_complete(const TaiFile *file, TinyAIError *error) {
    for (uint32_t b = 0; b < file->hp.n_blocks; b++) {
        for (uint32_t role = 0; role < TAI_ROLES; role++) {
            if (!file->blocks[b][role].off) {
                tai_fail(error, TINYAI_E_FORMAT, TINYAI_NO_OFFSET,
                         "tensor blk.%" PRIu32 ".%s is missing", b, role_names[role]);
                return;
            }
        }
    }
}

static void take_global(const TaiFile *file, const char *name, TaiTensor *out, uint32_t rows,
                        uint32_t cols, bool required, TinyAIError *error) {
    const TaiTensorInfo *t = tai_header_tensor(&file->header, name);
    if (t && !error->status) {
        take_tensor(out, t, rows, cols, error);
    } else if (required) {
        tai_fail(error, TINYAI_E_FORMAT, TINYAI_NO_OFFSET, "tensor %s is missing", name);
    }
}

static void read_globals(TaiFile *file, TinyAIError *error) {
    const TaiHparams *hp = &file->hp;
    take_global(file, "token_embd.weight", &file->embedding, hp->vocab_size, hp->embd, true, error);
    take_global(file, "output_norm.weight", &file->final_norm, VECTOR, hp->embd, true, error);
    take_global(file, "rope_freqs.weight", &file->rope_factors, VECTOR, hp->rope_dims / 2, false,
                error);
    take_global(file, "output.weight", &file->head, hp->vocab_size, hp->embd, false, error);
    file->tied = file->head.off == 0;
    if (file->tied) {
        file->head = file->embedding;
    }
}

/* ---- units ----------------------------------------------------------------------------------- */

TaiTensor *tai_next_in_file(const TaiTensor *tensors, uint32_t n, const TaiTensor *before) {
    const TaiTensor *next = NULL;
    uint64_t from = before ? before->off : 0; /* absent tensors are at 0 */
    for (uint32_t i = 0; i < n; i++) {
        if (tensors[i].off > from && (!next || tensors[i].off < next->off)) {
            next = &tensors[i];
        }
    }
    return (TaiTensor *)next;
}

/* Appends a tensor to a unit: to its last run where it follows in the file with the same gap as in
 * memory (the file's padding), else as a run of its own. end: of the unit's bytes so far. */
static void add_tensor(TaiFile *file, TaiUnit *unit, TaiTensor *t, uint64_t *end) {
    TaiRun *run = file->runs + unit->first_run + unit->n_runs; /* the next; the last is before it */
    uint64_t from_last = unit->n_runs ? t->off - run[-1].off : 0;
    if (unit->n_runs && t->off >= run[-1].off + run[-1].bytes && from_last % 32 == 0 &&
        t->off - (run[-1].off + run[-1].bytes) < TAI_ALIGNMENT) {
        t->from = (uint32_t)(run[-1].at + from_last);
        run[-1].bytes = (uint32_t)(from_last + t->bytes);
    } else {
        t->from = (uint32_t)tai_align_up(*end, TAI_ALIGNMENT);
        *run = (TaiRun){.off = t->off, .bytes = (uint32_t)t->bytes, .at = t->from};
        unit->n_runs++;
    }
    *end = (uint64_t)t->from + t->bytes;
}

/* Adds tensors in the order of the file; returns the bytes that they take as they lie there. */
static uint64_t add_tensors(TaiFile *file, TaiUnit *unit, TaiTensor *tensors, uint32_t n) {
    uint64_t end = 0;
    TaiTensor *t = tai_next_in_file(tensors, n, NULL);
    for (; t; t = tai_next_in_file(tensors, n, t)) {
        add_tensor(file, unit, t, &end);
    }
    unit->bytes = 0;
    for (uint32_t i = 0; i < unit->n_runs; i++) {
        unit->bytes += file->runs[unit->first_run + i].bytes;
    }
    return end;
}

static uint32_t strips_of(const TaiTensor *matrix, uint32_t strip_rows) {
    return (matrix->rows + strip_rows - 1) / strip_rows;
}

static uint32_t rows_per_strip(const TaiTensor *matrix) {
    return (uint32_t)tai_strip_rows(matrix->row_bytes, matrix->rows);
}

uint64_t tai_row_range(const TaiTensor *matrix) {
    return matrix->layout == TAI_LAYOUT_PANELS
               ? tai_panel_bytes((TaiType)matrix->type, matrix->cols)
               : matrix->row_bytes;
}

/* Bytes of the file that rows of a matrix take, the first of which begin a panel. */
static uint64_t rows_in_file(const TaiTensor *matrix, uint64_t rows) {
    return matrix->layout == TAI_LAYOUT_PANELS
               ? tai_matrix_bytes((TaiType)matrix->type, rows, matrix->cols)
               : rows * matrix->row_bytes;
}

static TaiTensor strip_of(const TaiTensor *matrix, uint32_t strip_rows, uint32_t strip) {
    uint32_t before = strip * strip_rows;
    TaiTensor t = *matrix;
    t.off += rows_in_file(matrix, before);
    t.rows = (uint32_t)tai_min_u64(strip_rows, matrix->rows - before);
    t.bytes = rows_in_file(matrix, t.rows);
    t.from = 0;
    return t;
}

TaiTensor tai_head_strip(const TaiFile *file, uint32_t strip) {
    return strip_of(&file->head, file->strip_rows, strip);
}

/* ---- units of a TMAI file: its pieces ---------------------------------------------------------- */

/* Makes the piece of a unit its only run. */
static const TaiPiece *take_piece(TaiFile *file, TaiUnit *unit, uint32_t index,
                                  TinyAIError *error) {
    _Static_assert((int)TAI_UNIT_FINAL == (int)TAI_PIECE_FINAL &&
                       (int)TAI_UNIT_BLOCK == (int)TAI_PIECE_BLOCK &&
                       (int)TAI_UNIT_HEAD == (int)TAI_PIECE_HEAD &&
                       (int)TAI_UNIT_EMBEDDING == (int)TAI_PIECE_EMBEDDING,
                   "a unit is a piece of the same kind");
    const TaiPiece *p = tai_find_piece(&file->header, (TaiPieceKind)unit->kind, index);
    if (!p || p->bytes >= TINYAI_MAX_BUDGET) {
        /* The parser proved that every tensor is in the piece that its name asks for. */
        tai_fail(error, p ? TINYAI_E_UNSUPPORTED : TINYAI_E_INTERNAL, p ? p->off : TINYAI_NO_OFFSET,
                 p ? "a piece of the file takes 4 GiB or more: it cannot be held in 32-bit memory"
                   : "a unit of the model has no piece in the file");
        return NULL;
    }
    file->runs[unit->first_run] = (TaiRun){.off = p->off, .bytes = (uint32_t)p->bytes, .at = 0};
    unit->n_runs = 1;
    unit->bytes = (uint32_t)p->bytes;
    unit->hash = p->hash;
    unit->has_hash = true;
    return p;
}

/* As add_tensors: the unit may have more tensors than these. */
static uint64_t add_piece(TaiFile *file, TaiUnit *unit, uint32_t index, TaiTensor *tensors,
                          uint32_t n, TinyAIError *error) {
    const TaiPiece *p = take_piece(file, unit, index, error);
    for (uint32_t i = 0; i < n && p; i++) {
        tensors[i].from = tensors[i].off ? (uint32_t)(tensors[i].off - p->off) : 0;
    }
    return unit->bytes;
}

/* ---- units in execution order -------------------------------------------------------------------- */

static TaiUnit *new_unit(TaiFile *file, TaiUnitKind kind, uint32_t *n_runs, uint32_t most_runs) {
    TaiUnit *unit = &file->units[file->n_units++];
    *unit = (TaiUnit){.kind = (uint8_t)kind, .first_run = *n_runs};
    *n_runs += most_runs;
    return unit;
}

/* index: of the unit among those of its kind. Returns the bytes of the unit as it lies in the file. */
static uint64_t build_unit(TaiFile *file, TaiUnit *unit, uint32_t index, TaiTensor *tensors,
                           uint32_t n, TinyAIError *error) {
    return file->header.format == TAI_FORMAT_TMAI ? add_piece(file, unit, index, tensors, n, error)
                                                  : add_tensors(file, unit, tensors, n);
}

static void build_final(TaiFile *file, uint32_t *n_runs, TinyAIError *error) {
    TaiTensor finals[2] = {file->final_norm, file->rope_factors};
    TaiUnit *unit = new_unit(file, TAI_UNIT_FINAL, n_runs, 2);
    uint64_t bytes = build_unit(file, unit, 0, finals, 2, error);
    file->shape.final_bytes = tai_place_unit(unit, finals, 2, bytes);
    file->final_norm = finals[0];
    file->rope_factors = finals[1];
}

static void build_block(TaiFile *file, uint32_t block, uint32_t *n_runs, TinyAIError *error) {
    TaiTensor *tensors = file->blocks[block];
    TaiUnit *unit = new_unit(file, TAI_UNIT_BLOCK, n_runs, TAI_ROLES);
    uint64_t bytes = build_unit(file, unit, block, tensors, TAI_ROLES, error);
    uint64_t slot = tai_place_unit(unit, tensors, TAI_ROLES, bytes);
    file->layer_bytes = tai_max_u64(file->layer_bytes, tai_align_up(bytes, TAI_ALIGNMENT));
    file->shape.slot_bytes = tai_max_u64(file->shape.slot_bytes, slot);
}

/* The strips of a matrix, each a tensor of its own. Returns the bytes of the largest slot. */
static uint64_t build_strips(TaiFile *file, TaiUnitKind kind, const TaiTensor *matrix, uint32_t n,
                             uint32_t *n_runs, TinyAIError *error) {
    const uint32_t rows = rows_per_strip(matrix);
    uint64_t largest = 0;
    for (uint32_t i = 0; i < n; i++) {
        TaiUnit *unit = new_unit(file, kind, n_runs, 1);
        TaiTensor strip = strip_of(matrix, rows, i);
        uint64_t bytes = build_unit(file, unit, i, &strip, 1, error);
        if (kind == TAI_UNIT_HEAD) {
            largest = tai_max_u64(largest, tai_place_unit(unit, &strip, 1, bytes));
        }
    }
    return largest;
}

static void build_units(TaiFile *file, TinyAIError *error) {
    uint32_t n_runs = 0;
    build_final(file, &n_runs, error);
    for (uint32_t b = 0; b < file->hp.n_blocks; b++) {
        build_block(file, b, &n_runs, error);
    }
    file->shape.strip_bytes =
        build_strips(file, TAI_UNIT_HEAD, &file->head, file->shape.n_strips, &n_runs, error);
    /* Rows are read one by one from a separate embedding, in the layout of the file. */
    build_strips(file, TAI_UNIT_EMBEDDING, &file->embedding, file->n_embedding_strips, &n_runs,
                 error);
}

/* ---- directory ------------------------------------------------------------------------------- */

static uint64_t directory_layout(uint64_t n_blocks, uint64_t n_strips, uint64_t *units_at,
                                 uint64_t *runs_at) {
    TaiExtent e = {0, true};
    tai_extent_put(&e, n_blocks, sizeof(TaiTensor[TAI_ROLES]));
    *units_at = tai_extent_put(&e, 1 + n_blocks + n_strips, sizeof(TaiUnit));
    *runs_at = tai_extent_put(&e, 2 + n_blocks * TAI_ROLES + n_strips, sizeof(TaiRun));
    return e.ok ? e.end : UINT64_MAX;
}

uint64_t tai_file_directory_bound(uint64_t index_bytes, uint64_t file_bytes) {
    uint64_t units_at;
    uint64_t runs_at;
    /* A model has as many blocks as a ninth of its tensors, and at most MAX_BLOCKS; a strip takes
     * at least LEAST_STRIP_BYTES unless its matrix is one strip or has rows that are longer than
     * that. */
    uint64_t blocks = tai_min_u64(index_bytes / sizeof(TaiTensorInfo) / TAI_ROLES + 1, MAX_BLOCKS);
    uint64_t strips =
        tai_min_u64(file_bytes / LEAST_STRIP_BYTES + 4, 2 * (TAI_MAX_TOKENS / TAI_PANEL_ROWS + 1));
    return directory_layout(blocks, strips, &units_at, &runs_at);
}

/* Blocks for which the file has tensors at all, so that a lying block count reserves nothing. */
static void check_block_count(const TaiFile *file, TinyAIError *error) {
    if (file->hp.n_blocks > file->header.n_tensors / TAI_ROLES) {
        tai_fail(error, TINYAI_E_FORMAT, key_off(&file->header, "llama.block_count"),
                 "llama.block_count is %" PRIu32 ", too many for the file's %" PRIu32 " tensors",
                 file->hp.n_blocks, file->header.n_tensors);
    }
}

static bool place_directory(TaiFile *file, void *directory, uint64_t directory_bytes,
                            TinyAIError *error) {
    TaiShape *shape = &file->shape;
    file->strip_rows = rows_per_strip(&file->head);
    shape->n_strips = strips_of(&file->head, file->strip_rows);
    file->n_embedding_strips =
        file->tied ? 0 : strips_of(&file->embedding, rows_per_strip(&file->embedding));
    uint64_t units_at;
    uint64_t runs_at;
    shape->directory_bytes =
        directory_layout(file->hp.n_blocks, (uint64_t)shape->n_strips + file->n_embedding_strips,
                         &units_at, &runs_at);
    if (shape->directory_bytes > directory_bytes) {
        tai_fail(error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET,
                 "the directory of the file needs %" PRIu64 " bytes, %" PRIu64 " are there",
                 shape->directory_bytes, directory_bytes);
        return false;
    }
    memset(directory, 0, shape->directory_bytes);
    file->blocks = (TaiTensor(*)[TAI_ROLES])directory;
    file->units = (TaiUnit *)((uint8_t *)directory + units_at);
    file->runs = (TaiRun *)((uint8_t *)directory + runs_at);
    return true;
}

/* What is resident as a whole must be addressable in 32 bits: blocks, strips and final norm are, if
 * the sum of a block is (a strip has 8 rows at least). */
static void check_sizes(const TaiFile *file, TinyAIError *error) {
    uint64_t most = TINYAI_MAX_BUDGET;
    bool fits = file->head.row_bytes < most / TAI_PANEL_ROWS &&
                file->embedding.row_bytes < most / TAI_PANEL_ROWS;
    for (uint32_t b = 0; b < file->hp.n_blocks && fits; b++) {
        uint64_t sum = 0;
        for (uint32_t role = 0; role < TAI_ROLES; role++) {
            /* Each is at most the file's size, below 2^63 / 9. */
            sum += file->blocks[b][role].bytes;
            fits = fits && file->blocks[b][role].bytes < most && sum < most;
        }
    }
    if (!fits) {
        tai_fail(error, TINYAI_E_UNSUPPORTED, TINYAI_NO_OFFSET,
                 "a block of the model takes 4 GiB or more: it cannot be held in 32-bit memory");
    }
}

int32_t tai_file_take(TaiFile *file, const TaiHeader *header, uint64_t index_bytes, void *directory,
                      uint64_t directory_bytes, TinyAIError *error) {
    *file = (TaiFile){.header = *header};
    read_hparams(file, error);
    if (!error->status) {
        read_globals(file, error);
    }
    if (!error->status) {
        check_block_count(file, error);
    }
    if (error->status || !place_directory(file, directory, directory_bytes, error)) {
        return error->status;
    }
    for (uint32_t i = 0; i < file->header.n_tensors && !error->status; i++) {
        take_block_tensor(file, &file->header.tensors[i], error);
    }
    if (!error->status) {
        check_blocks_complete(file, error);
    }
    if (!error->status) {
        check_sizes(file, error);
    }
    if (error->status) {
        return error->status;
    }
    build_units(file, error);
    if (error->status) {
        return error->status;
    }
    TaiShape *shape = &file->shape;
    shape->file_bytes = file->header.file_bytes;
    shape->header_bytes = file->header.header_bytes;
    shape->index_bytes = index_bytes;
    shape->embedding_row_bytes = tai_row_range(&file->embedding);
    shape->embedding_bytes = file->tied ? 0 : file->embedding.bytes;
    shape->n_blocks = file->hp.n_blocks;
    shape->vocab_size = file->hp.vocab_size;
    shape->model_context = file->hp.context;
    shape->rooms = tai_rooms;
    shape->model = file;
    return TINYAI_OK;
}
