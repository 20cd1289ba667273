#include "format/tmai.h"

#include <inttypes.h>
#include <string.h>

#include "format/cursor.h"
#include "format/index.h"
#include "format/keys.h"
#include "format/pieces.h"
#include "format/tensors.h"
#include "format/xxh3.h"
#include "memory/checked.h"

#define COUNTS_BYTES 24u /* the part of the start that says how large everything is */

/* ---- the start ------------------------------------------------------------------------------ */

typedef struct Start {
    uint32_t header_bytes;
    TaiCounts counts;
} Start;

/* Pieces, tensors and key-values, without the zeros behind them. Factors are 32-bit: no overflow. */
static uint64_t least_used(const TaiCounts *counts) {
    return TAI_TMAI_START_BYTES + counts->n_pieces * TAI_TMAI_PIECE_BYTES +
           counts->n_tensors * TAI_TMAI_TENSOR_BYTES + counts->n_kv * TAI_MIN_KEY_BYTES;
}

static void check_start(const TaiCursor *in, const Start *start) {
    const uint64_t bytes = start->header_bytes;
    if (bytes == 0 || bytes % TAI_TMAI_PAGE != 0) {
        tai_fail(in->error, TINYAI_E_FORMAT, TAI_TMAI_AT_HEADER_BYTES,
                 "the header is said to take %" PRIu64 " bytes at byte %d, which must be a "
                 "multiple of %u: it is damaged",
                 bytes, TAI_TMAI_AT_HEADER_BYTES, TAI_TMAI_PAGE);
    } else if (bytes > in->file_bytes) {
        tai_fail(in->error, TINYAI_E_TRUNCATED, in->file_bytes,
                 "the file ends inside its header: %" PRIu64 " bytes of %" PRIu64
                 " are there. It is damaged or incomplete: fetch it again",
                 in->file_bytes, bytes);
    } else if (start->counts.n_kv > TAI_MAX_ENTRIES || start->counts.n_tensors > TAI_MAX_ENTRIES ||
               least_used(&start->counts) > bytes) {
        tai_fail(in->error, TINYAI_E_FORMAT, TAI_TMAI_AT_KEYS,
                 "%" PRIu64 " key-values, %" PRIu64 " tensors and %" PRIu64
                 " pieces do not fit into a header of %" PRIu64 " bytes: it is damaged",
                 start->counts.n_kv, start->counts.n_tensors, start->counts.n_pieces, bytes);
    }
}

static void read_start(TaiCursor *in, Start *start) {
    tai_cursor_take(in, 4, "the magic number");
    const uint32_t version = tai_cursor_u32(in, "the version");
    if (tai_cursor_ok(in) && version != TAI_TMAI_VERSION) {
        tai_fail(in->error, TINYAI_E_UNSUPPORTED, TAI_TMAI_AT_VERSION,
                 "TMAI version %" PRIu32 " at byte %d is not supported: version %u is. Update "
                 "TinyAI, or convert the model again",
                 version, TAI_TMAI_AT_VERSION, TAI_TMAI_VERSION);
    }
    start->header_bytes = tai_cursor_u32(in, "the header's size");
    start->counts.n_kv = tai_cursor_u32(in, "the number of metadata entries");
    start->counts.n_tensors = tai_cursor_u32(in, "the number of tensors");
    start->counts.n_pieces = tai_cursor_u32(in, "the number of pieces");
    if (tai_cursor_ok(in)) {
        check_start(in, start);
    }
}

void tai_tmai_counts(TaiCursor *in, TaiCounts *counts, uint64_t *least_bytes) {
    Start start = {0};
    read_start(in, &start);
    *counts = start.counts;
    *least_bytes = in->short_of_bytes ? COUNTS_BYTES : start.header_bytes;
}

uint64_t tai_tmai_header_hash(const uint8_t *header, uint64_t header_bytes) {
    static const uint8_t zeros[8];
    TaiXxh3 hash;
    tai_xxh3_init(&hash);
    tai_xxh3_update(&hash, header, TAI_TMAI_AT_HASH);
    tai_xxh3_update(&hash, zeros, sizeof zeros);
    tai_xxh3_update(&hash, header + TAI_TMAI_AT_HASH + sizeof zeros,
                    (size_t)(header_bytes - TAI_TMAI_AT_HASH - sizeof zeros));
    return tai_xxh3_digest(&hash);
}

/* The hash comes first: behind it, what is wrong was written so, and is no damage. */
static int32_t check_whole(const TaiHeader *header, TinyAIError *error) {
    const uint8_t *bytes = header->bytes;
    if (tai_load_u64(bytes + TAI_TMAI_AT_HASH) !=
        tai_tmai_header_hash(bytes, header->header_bytes)) {
        return tai_fail(error, TINYAI_E_CORRUPT, TAI_TMAI_AT_HASH,
                        "the header does not match its hash at byte %d: the file is damaged, "
                        "fetch it again",
                        TAI_TMAI_AT_HASH);
    }
    const uint64_t features = tai_load_u64(bytes + TAI_TMAI_AT_FEATURES);
    if (features != 0) {
        return tai_fail(error, TINYAI_E_UNSUPPORTED, TAI_TMAI_AT_FEATURES,
                        "the file needs features that this version does not know: bits %#" PRIx64
                        " at byte %d. Update TinyAI, or convert the model again",
                        features, TAI_TMAI_AT_FEATURES);
    }
    const uint64_t said = tai_load_u64(bytes + TAI_TMAI_AT_FILE_BYTES);
    if (said > header->file_bytes) {
        return tai_fail(error, TINYAI_E_TRUNCATED, header->file_bytes,
                        "the file has %" PRIu64 " bytes of %" PRIu64
                        ": it is incomplete, fetch it again",
                        header->file_bytes, said);
    }
    if (said < header->file_bytes) {
        return tai_fail(error, TINYAI_E_FORMAT, said,
                        "the file has %" PRIu64 " bytes, its header says %" PRIu64
                        ": something follows it",
                        header->file_bytes, said);
    }
    const uint64_t reserved = tai_load_u64(bytes + TAI_TMAI_AT_RESERVED);
    if (reserved != 0) {
        return tai_fail(error, TINYAI_E_FORMAT, TAI_TMAI_AT_RESERVED,
                        "the reserved field at byte %d is not zero", TAI_TMAI_AT_RESERVED);
    }
    return TINYAI_OK;
}

/* ---- pieces --------------------------------------------------------------------------------- */

/* Pieces ascend by kind and index and lie behind each other, so none overlaps. */
static bool follows(const TaiPiece *p, const TaiPiece *before) {
    const bool same_kind = before && before->kind == p->kind;
    bool numbered = !same_kind || p->index > before->index;
    if (p->kind != TAI_PIECE_BLOCK) {
        numbered = p->index == (same_kind ? before->index + 1 : 0);
    }
    return numbered && (!before || before->kind <= p->kind) &&
           (p->kind != TAI_PIECE_FINAL || !same_kind);
}

static int32_t read_pieces(TaiHeader *header, TinyAIError *error) {
    uint64_t end = header->header_bytes;
    for (uint32_t i = 0; i < header->n_pieces; i++) {
        const uint64_t at = TAI_TMAI_START_BYTES + (uint64_t)i * TAI_TMAI_PIECE_BYTES;
        const uint8_t *record = header->bytes + at;
        TaiPiece *p = &header->pieces[i];
        *p = (TaiPiece){.off = tai_load_u64(record + TAI_TMAI_PIECE_OFF),
                        .bytes = tai_load_u64(record + TAI_TMAI_PIECE_SIZE),
                        .hash = tai_load_u64(record + TAI_TMAI_PIECE_HASH),
                        .kind = tai_load_u32(record + TAI_TMAI_PIECE_KIND),
                        .index = tai_load_u32(record + TAI_TMAI_PIECE_INDEX)};
        if (p->kind >= TAI_PIECE_KINDS || !follows(p, i > 0 ? p - 1 : NULL)) {
            return tai_fail(error, TINYAI_E_FORMAT, at,
                            "piece %" PRIu32 " described at byte %" PRIu64 " is of kind %" PRIu32
                            " and number %" PRIu32 ", which cannot follow the one before",
                            i, at, p->kind, p->index);
        }
        /* The strips of a matrix have no gap between them: a row is found by its number. */
        const bool inner = tai_is_strip(p->kind) && p->index > 0;
        const uint64_t begin = inner ? end : tai_align_up(end, TAI_PIECE_ALIGNMENT);
        if (p->off != begin || p->bytes == 0 || p->off > header->file_bytes ||
            p->bytes > header->file_bytes - p->off) {
            return tai_fail(error, TINYAI_E_FORMAT, at,
                            "piece %" PRIu32 " described at byte %" PRIu64 " is the %" PRIu64
                            " bytes at %" PRIu64 ": it must begin at %" PRIu64
                            " and end inside the file",
                            i, at, p->bytes, p->off, begin);
        }
        end = p->off + p->bytes;
    }
    if (end != header->file_bytes) {
        return tai_fail(error, TINYAI_E_FORMAT, end,
                        "the last piece ends at byte %" PRIu64 ", the file at %" PRIu64, end,
                        header->file_bytes);
    }
    return TINYAI_OK;
}

/* ---- tensors -------------------------------------------------------------------------------- */

static TaiString read_name(const uint8_t *record) {
    const uint8_t *text = record + TAI_TMAI_TENSOR_NAME;
    uint32_t bytes = TAI_NAME_BYTES;
    while (bytes > 0 && text[bytes - 1] == 0) {
        bytes--;
    }
    return (TaiString){(const char *)text, bytes};
}

static int32_t read_tensor(const TaiHeader *header, uint64_t at, TaiTensorInfo *t,
                           TinyAIError *error) {
    const uint8_t *record = header->bytes + at;
    *t = (TaiTensorInfo){.info_off = at,
                         .name = read_name(record),
                         .type = tai_load_u32(record + TAI_TMAI_TENSOR_TYPE),
                         .layout = tai_load_u32(record + TAI_TMAI_TENSOR_LAYOUT),
                         .n_dims = tai_load_u32(record + TAI_TMAI_TENSOR_N_DIMS),
                         .piece = tai_load_u32(record + TAI_TMAI_TENSOR_PIECE),
                         .off = tai_load_u64(record + TAI_TMAI_TENSOR_OFF)};
    if (!tai_is_name(t->name, TAI_NAME_BYTES)) {
        t->name.bytes = 0;
        return tai_fail_tensor(error, t, TINYAI_E_FORMAT, "its name is empty or not ASCII");
    }
    if (t->layout > TAI_LAYOUT_PANELS) {
        return tai_fail(error, TINYAI_E_UNSUPPORTED, at + TAI_TMAI_TENSOR_LAYOUT,
                        "tensor %.*s has the layout %" PRIu32 " at byte %" PRIu64
                        ", which this version does not know. Update TinyAI, or convert the model "
                        "again",
                        (int)t->name.bytes, t->name.text, t->layout, at + TAI_TMAI_TENSOR_LAYOUT);
    }
    for (uint32_t d = 0; d < 4; d++) {
        t->dims[d] = tai_load_u64(record + TAI_TMAI_TENSOR_DIMS + 8 * (uint64_t)d);
        if (d >= t->n_dims && t->dims[d] != 1) {
            return tai_fail_tensor(error, t, TINYAI_E_FORMAT,
                                   "a dimension that it does not have is not 1");
        }
    }
    if (tai_size_tensor(t, error)) {
        return error->status;
    }
    if (t->bytes != tai_load_u64(record + TAI_TMAI_TENSOR_SIZE)) {
        return tai_fail_tensor(error, t, TINYAI_E_FORMAT,
                               "its size does not agree with its type and dimensions");
    }
    return TINYAI_OK;
}

/* Whether the pieces from t->piece on are the strips of a matrix as tai_strip_rows cuts it; *n is how
 * many. */
static bool is_cut(const TaiHeader *header, const TaiTensorInfo *t, uint32_t *n) {
    uint64_t left = tai_tensor_rows(t);
    const uint64_t strip_rows = tai_strip_rows(tai_tensor_row_bytes(t), left);
    uint32_t i = t->piece;
    const uint32_t kind = header->pieces[i].kind;
    for (; i < header->n_pieces && header->pieces[i].kind == kind; i++) {
        const uint64_t rows = tai_min_u64(strip_rows, left);
        if (header->pieces[i].bytes != tai_tensor_rows_bytes(t, t->layout, rows)) {
            return false;
        }
        left -= rows;
    }
    *n = i - t->piece;
    return left == 0;
}

/* Whether a tensor that begins at t->piece belongs there, and what else is in the piece before it. before:
 * the tensor in front of it, NULL for the first; *next_piece: the one that must follow. */
static const char *check_place(const TaiHeader *header, const TaiTensorInfo *t,
                               const TaiTensorInfo *before, bool has_output, uint32_t *next_piece) {
    uint32_t block;
    const TaiPieceKind kind = tai_piece_of(t->name, has_output, &block);
    if (t->piece >= header->n_pieces) {
        return "it is in a piece that the file does not have";
    }
    const TaiPiece *p = &header->pieces[t->piece];
    const bool first = !before || before->piece != t->piece;
    if (p->kind != (uint32_t)kind || (kind == TAI_PIECE_BLOCK && p->index != block)) {
        return "it is not in the piece that its name asks for";
    }
    if (first && (t->piece != *next_piece || t->off != p->off)) {
        return "it does not begin where its piece does";
    }
    if (!first && (tai_is_strip(kind) || kind == TAI_PIECE_OTHER ||
                   t->off != tai_align_up(before->off + before->bytes, TAI_PIECE_ALIGNMENT))) {
        return "it does not follow the tensor before it";
    }
    uint32_t n_pieces = 1;
    if (tai_is_strip(kind) ? !is_cut(header, t, &n_pieces)
                           : t->bytes > p->bytes - (t->off - p->off)) {
        return "its piece has another size";
    }
    *next_piece = t->piece + n_pieces;
    return NULL;
}

/* Walks the tensors in the order of the file: together they are the pieces, with nothing between them but
 * padding. So none overlaps, and each is inside the file. */
static int32_t check_places(const TaiHeader *header, uint32_t *order, TinyAIError *error) {
    const bool has_output = tai_has_output(header);
    const TaiTensorInfo *before = NULL;
    uint32_t next_piece = 0;
    tai_order_by_offset(header, order);
    for (uint32_t i = 0; i < header->n_tensors; i++) {
        const TaiTensorInfo *t = &header->tensors[order[i]];
        const char *wrong = NULL;
        if (t->bytes == 0) {
            wrong = t->piece == TAI_NO_PIECE && t->off == header->header_bytes
                        ? NULL
                        : "it has no values, but a place";
        } else {
            if (before && before->piece != t->piece &&
                !tai_is_strip(header->pieces[before->piece].kind) &&
                before->off + before->bytes !=
                    header->pieces[before->piece].off + header->pieces[before->piece].bytes) {
                wrong = "the piece before it is longer than its tensors";
            }
            wrong = wrong ? wrong : check_place(header, t, before, has_output, &next_piece);
            before = t;
        }
        if (wrong) {
            return tai_fail_tensor(error, t, TINYAI_E_FORMAT, wrong);
        }
    }
    const uint64_t end = before ? before->off + before->bytes : header->header_bytes;
    if (next_piece != header->n_pieces || end != header->file_bytes) {
        return tai_fail(error, TINYAI_E_FORMAT, end,
                        "the tensors end at byte %" PRIu64 ", the pieces at %" PRIu64, end,
                        header->file_bytes);
    }
    return TINYAI_OK;
}

static int32_t read_tensors(TaiHeader *header, uint32_t *scratch, TinyAIError *error) {
    TaiNames names =
        tai_names(header->tensors, sizeof *header->tensors, header->n_tensors, scratch);
    uint64_t at = TAI_TMAI_START_BYTES + (uint64_t)header->n_pieces * TAI_TMAI_PIECE_BYTES;
    for (uint32_t i = 0; i < header->n_tensors; i++, at += TAI_TMAI_TENSOR_BYTES) {
        TaiTensorInfo *t = &header->tensors[i];
        if (read_tensor(header, at, t, error)) {
            return error->status;
        }
        if (!tai_names_add(&names, i)) {
            return tai_fail_tensor(error, t, TINYAI_E_FORMAT, "its name appears twice");
        }
    }
    return check_places(header, scratch, error);
}

/* ---- key-values ----------------------------------------------------------------------------- */

static int32_t read_keys(TaiHeader *header, uint32_t *scratch, TinyAIError *error) {
    const uint64_t from = TAI_TMAI_START_BYTES + (uint64_t)header->n_pieces * TAI_TMAI_PIECE_BYTES +
                          (uint64_t)header->n_tensors * TAI_TMAI_TENSOR_BYTES;
    const uint64_t bytes = tai_load_u64(header->bytes + TAI_TMAI_AT_KEYS_BYTES);
    TinyAIError why;
    tai_error_clear(&why);
    bool fits = bytes <= header->header_bytes - from; /* proved to be >= 0 by check_start */
    if (fits) {
        TaiCursor in = tai_cursor(header->bytes, from + bytes, from + bytes, &why);
        in.pos = from;
        tai_read_keys(&in, header, 0, scratch);
        fits = why.status != TINYAI_E_TRUNCATED && (why.status || in.pos == from + bytes);
    }
    if (!fits) { /* the file is whole: its hash is right */
        return tai_fail(error, TINYAI_E_FORMAT, TAI_TMAI_AT_KEYS_BYTES,
                        "the %" PRIu32 " key-values from byte %" PRIu64 " do not take the %" PRIu64
                        " bytes that the header says",
                        header->n_kv, from, bytes);
    }
    if (why.status) {
        *error = why;
        return error->status;
    }
    for (uint64_t at = from + bytes; at < header->header_bytes; at++) {
        if (header->bytes[at] != 0) {
            return tai_fail(error, TINYAI_E_FORMAT, at,
                            "byte %" PRIu64 " behind the key-values is not zero", at);
        }
    }
    return TINYAI_OK;
}

/* ---- the whole ------------------------------------------------------------------------------ */

int32_t tai_tmai_parse(TaiHeader *header, const uint8_t *bytes, uint64_t size, uint64_t file_bytes,
                       void *index, uint64_t index_bytes, TinyAIError *error) {
    TaiCursor in = tai_cursor(bytes, size, file_bytes, error);
    Start start = {0};
    read_start(&in, &start);
    *header = (TaiHeader){.header_bytes = in.short_of_bytes ? COUNTS_BYTES : start.header_bytes};
    if (in.short_of_bytes || (!error->status && size < start.header_bytes)) {
        return TAI_HEADER_MORE;
    }
    if (error->status) {
        return error->status;
    }
    *header = (TaiHeader){.bytes = bytes,
                          .size = size,
                          .file_bytes = file_bytes,
                          .header_bytes = start.header_bytes,
                          .data_off = start.header_bytes,
                          .format = TAI_FORMAT_TMAI,
                          .version = TAI_TMAI_VERSION,
                          .alignment = TAI_PIECE_ALIGNMENT};
    uint32_t *scratch = tai_index_place(header, &start.counts, index, index_bytes, error);
    if (!scratch || check_whole(header, error) || read_pieces(header, error) ||
        read_keys(header, scratch, error) || read_tensors(header, scratch, error)) {
        return error->status;
    }
    return TINYAI_OK;
}
