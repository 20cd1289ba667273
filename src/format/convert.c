#include "format/convert.h"

#include <inttypes.h>
#include <string.h>

#include "format/order.h"
#include "format/pieces.h"
#include "format/tensors.h"
#include "format/tmai.h"
#include "kernels/panel.h"
#include "memory/checked.h"

#define GGUF_VERSION 3u
#define GGUF_START_BYTES 24u
#define MOST_HEADER (UINT32_MAX & ~(uint64_t)(TAI_TMAI_PAGE - 1))
#define EMPTY UINT64_MAX /* sort key of a tensor without values */

/* ---- sizes ---------------------------------------------------------------------------------- */

static uint64_t strip_rows(const TaiTensorInfo *t) {
    return tai_strip_rows(tai_tensor_row_bytes(t), tai_tensor_rows(t));
}

static uint64_t strips_of(const TaiTensorInfo *t) {
    const uint64_t rows = tai_tensor_rows(t);
    const uint64_t strip = strip_rows(t);
    return rows / strip + (rows % strip != 0);
}

/* In TMAI. Panels are for what is computed with as a whole: from an embedding single rows are read. */
static uint32_t layout_in_tmai(const TaiConvert *c, const TaiTensorInfo *t) {
    uint32_t block;
    const TaiPieceKind kind = tai_piece_of(t->name, c->has_output, &block);
    const bool computed = kind == TAI_PIECE_BLOCK || kind == TAI_PIECE_HEAD;
    if (c->target == TAI_FORMAT_GGUF) {
        return t->layout;
    }
    return computed && t->n_dims > 1 && tai_is_panelled((TaiType)t->type) ? c->layout
                                                                          : TAI_LAYOUT_ROWS;
}

static uint64_t bytes_in_tmai(const TaiConvert *c, const TaiTensorInfo *t) {
    return tai_tensor_rows_bytes(t, layout_in_tmai(c, t), tai_tensor_rows(t));
}

static uint64_t bytes_in_gguf(const TaiTensorInfo *t) {
    return tai_tensor_rows_bytes(t, TAI_LAYOUT_ROWS, tai_tensor_rows(t));
}

/* Eight rows, and the panel that they make: while one is written, the other is there. */
static uint64_t panel_buffer(const TaiTensorInfo *t) {
    return tai_tensor_row_bytes(t) * TAI_PANEL_ROWS +
           tai_panel_bytes((TaiType)t->type, (uint32_t)t->dims[0]);
}

static uint64_t least_buffer(const TaiHeader *source, uint32_t layout) {
    uint64_t least = TAI_CONVERT_LEAST_BUFFER;
    for (uint32_t i = 0; i < source->n_tensors; i++) {
        const TaiTensorInfo *t = &source->tensors[i];
        if (t->bytes && (layout == TAI_LAYOUT_PANELS || t->layout == TAI_LAYOUT_PANELS) &&
            tai_is_panelled((TaiType)t->type)) {
            least = tai_max_u64(least, panel_buffer(t));
        }
    }
    return least;
}

/* At most: several tensors of a block share a piece. */
static uint64_t most_pieces(const TaiHeader *source) {
    const bool has_output = tai_has_output(source);
    uint64_t n = 0;
    for (uint32_t i = 0; i < source->n_tensors; i++) {
        const TaiTensorInfo *t = &source->tensors[i];
        uint32_t block;
        const bool strips = tai_is_strip(tai_piece_of(t->name, has_output, &block));
        n += t->bytes == 0 ? 0 : strips ? strips_of(t) : 1;
    }
    return n;
}

static uint64_t tmai_header_bytes(const TaiHeader *source, uint64_t n_pieces) {
    const uint64_t used = TAI_TMAI_START_BYTES + n_pieces * TAI_TMAI_PIECE_BYTES +
                          (uint64_t)source->n_tensors * TAI_TMAI_TENSOR_BYTES + source->keys_bytes;
    return tai_align_up(used, TAI_TMAI_PAGE);
}

static uint64_t gguf_header_bytes(const TaiHeader *source, uint32_t alignment) {
    uint64_t used = GGUF_START_BYTES + source->keys_bytes;
    for (uint32_t i = 0; i < source->n_tensors; i++) {
        used += 8 + (uint64_t)source->tensors[i].name.bytes + 4 +
                8 * (uint64_t)source->tensors[i].n_dims + 4 + 8;
    }
    return tai_align_up(used, alignment);
}

/* pieces: of the target, 0 if that is GGUF. */
static uint64_t room_bytes(const TaiHeader *source, uint64_t pieces, uint64_t header_bytes) {
    return pieces * sizeof(TaiPiece) +
           (uint64_t)source->n_tensors * (sizeof(uint64_t) + sizeof(uint32_t)) + 8 + header_bytes;
}

int32_t tai_convert_needs(const TaiHeader *source, uint32_t layout, TaiConvertNeeds *needs,
                          TinyAIError *error) {
    uint64_t pieces = 0;
    uint64_t header_bytes;
    if (source->format == TAI_FORMAT_GGUF) {
        pieces = most_pieces(source);
        header_bytes = tmai_header_bytes(source, pieces);
    } else {
        uint32_t alignment;
        if (tai_header_gguf_alignment(source, &alignment, error)) {
            return error->status;
        }
        header_bytes = gguf_header_bytes(source, alignment);
    }
    if (header_bytes > MOST_HEADER || pieces > UINT32_MAX) {
        return tai_fail(error, TINYAI_E_UNSUPPORTED, TINYAI_NO_OFFSET,
                        "the header would take %" PRIu64 " bytes, at most %" PRIu64 " are possible",
                        header_bytes, MOST_HEADER);
    }
    *needs = (TaiConvertNeeds){.room_bytes = room_bytes(source, pieces, header_bytes),
                               .least_buffer = least_buffer(source, layout)};
    return TINYAI_OK;
}

/* ---- placing -------------------------------------------------------------------------------- */

/* Sorts by piece, then by the place in the source: c->off holds kind << 32 | block. */
static bool goes_before(const void *context, uint32_t a, uint32_t b) {
    const TaiConvert *c = context;
    const TaiTensorInfo *tensors = c->source->tensors;
    if (c->off[a] != c->off[b]) {
        return c->off[a] < c->off[b];
    }
    return tensors[a].off != tensors[b].off ? tensors[a].off < tensors[b].off : a < b;
}

/* The tensors that have values, in the order of the pieces. */
static void order_tensors(TaiConvert *c) {
    const TaiHeader *source = c->source;
    for (uint32_t i = 0; i < source->n_tensors; i++) {
        const TaiTensorInfo *t = &source->tensors[i];
        uint32_t block;
        const uint64_t kind = (uint64_t)tai_piece_of(t->name, c->has_output, &block);
        c->off[i] = t->bytes == 0 ? EMPTY : kind << 32 | block;
        c->n_order += t->bytes != 0;
    }
    tai_order(c->order, source->n_tensors, goes_before, c);
}

static TaiPiece *new_piece(TaiConvert *c, uint32_t kind, uint32_t index, uint64_t off) {
    TaiPiece *p = &c->pieces[c->n_pieces++];
    *p = (TaiPiece){.off = off, .kind = kind, .index = index};
    return p;
}

/* Cuts a matrix that begins at `end` into strips; returns where it ends. */
static uint64_t place_strips(TaiConvert *c, const TaiTensorInfo *t, uint32_t kind, uint64_t end) {
    const uint32_t layout = layout_in_tmai(c, t);
    const uint64_t strip = strip_rows(t);
    uint64_t left = tai_tensor_rows(t);
    for (uint32_t i = 0; left > 0; i++) {
        TaiPiece *p = new_piece(c, kind, i, end);
        const uint64_t rows = tai_min_u64(strip, left);
        p->bytes = tai_tensor_rows_bytes(t, layout, rows);
        end += p->bytes;
        left -= rows;
    }
    return end;
}

/* Relative to the end of the header, which is known only when the pieces are counted. */
static uint64_t place_pieces(TaiConvert *c) {
    uint64_t key = EMPTY; /* of the piece before */
    uint64_t end = 0;
    uint32_t others = 0;
    for (uint32_t i = 0; i < c->n_order; i++) {
        const TaiTensorInfo *t = &c->source->tensors[c->order[i]];
        uint64_t *off = &c->off[c->order[i]];
        const uint32_t kind = (uint32_t)(*off >> 32);
        const bool same = *off == key;
        key = *off;
        end = tai_align_up(end, TAI_PIECE_ALIGNMENT);
        *off = end;
        if (tai_is_strip(kind)) {
            end = place_strips(c, t, kind, end);
            continue;
        }
        if (kind == TAI_PIECE_OTHER) {
            new_piece(c, kind, others++, end);
        } else if (!same) {
            new_piece(c, kind, (uint32_t)key, end);
        }
        TaiPiece *p = &c->pieces[c->n_pieces - 1];
        end += bytes_in_tmai(c, t);
        p->bytes = end - p->off;
    }
    return end;
}

static void place_in_tmai(TaiConvert *c) {
    const uint64_t data_bytes = place_pieces(c);
    c->header_bytes = tmai_header_bytes(c->source, c->n_pieces);
    for (uint32_t i = 0; i < c->n_pieces; i++) {
        c->pieces[i].off += c->header_bytes;
    }
    for (uint32_t i = 0; i < c->source->n_tensors; i++) {
        c->off[i] = c->off[i] == EMPTY ? c->header_bytes : c->off[i] + c->header_bytes;
    }
    c->target_bytes = c->header_bytes + data_bytes;
}

static void place_in_gguf(TaiConvert *c, uint32_t alignment) {
    c->header_bytes = gguf_header_bytes(c->source, alignment);
    uint64_t end = c->header_bytes;
    for (uint32_t i = 0; i < c->source->n_tensors; i++) {
        c->off[i] = end;
        end = tai_align_up(end + bytes_in_gguf(&c->source->tensors[i]), alignment);
    }
    c->target_bytes = end;
}

int32_t tai_convert_begin(TaiConvert *c, const TaiHeader *source, uint32_t layout, void *room,
                          TinyAIError *error) {
    const bool to_tmai = source->format == TAI_FORMAT_GGUF;
    const uint64_t pieces = to_tmai ? most_pieces(source) : 0;
    uint32_t alignment;
    if (tai_header_gguf_alignment(source, &alignment, error)) {
        return error->status;
    }
    *c = (TaiConvert){.source = source,
                      .target = to_tmai ? TAI_FORMAT_TMAI : TAI_FORMAT_GGUF,
                      .layout = layout,
                      .has_output = tai_has_output(source),
                      .pieces = to_tmai ? room : source->pieces,
                      .n_pieces = to_tmai ? 0 : source->n_pieces};
    c->off = (uint64_t *)((TaiPiece *)room + pieces);
    c->order = (uint32_t *)(c->off + source->n_tensors);
    c->header = (uint8_t *)(c->order + source->n_tensors);
    order_tensors(c);
    if (to_tmai) {
        place_in_tmai(c);
    } else {
        place_in_gguf(c, alignment);
    }
    for (uint32_t i = 0; i < source->n_tensors; i++) {
        c->total_bytes += source->tensors[i].bytes;
    }
    return TINYAI_OK;
}

/* ---- copying -------------------------------------------------------------------------------- */

/* A walk through the pieces of the TMAI side, byte by byte: tensors, and the padding between them. */

static void hash_zeros(TaiXxh3 *hash, uint64_t n) {
    static const uint8_t zeros[TAI_PIECE_ALIGNMENT];
    tai_xxh3_update(hash, zeros, (size_t)n); /* less than the alignment */
}

/* Rows of a tensor as they are: its bytes from `done` to `end`, or as many as fit. */
static TaiCopy copy_rows(const TaiConvert *c, uint32_t i, uint64_t done, uint64_t end,
                         uint64_t buffer_bytes) {
    const uint64_t bytes = tai_min_u64(end - done, buffer_bytes);
    return (TaiCopy){.from = c->source->tensors[i].off + done,
                     .bytes = bytes,
                     .to = c->off[i] + done,
                     .to_bytes = bytes};
}

/* Whole panels of a tensor, from its byte `done` in TMAI on. What is read lies at the buffer's end, behind what
 * is made of it, by as much as panels may be ahead of rows or rows of panels (model/repack.h). */
static TaiCopy copy_panels(const TaiConvert *c, uint32_t i, uint64_t done, uint64_t end,
                           uint64_t buffer_bytes) {
    const TaiTensorInfo *t = &c->source->tensors[i];
    const uint64_t row_bytes = tai_tensor_row_bytes(t);
    const uint64_t panel = tai_panel_bytes((TaiType)t->type, (uint32_t)t->dims[0]);
    const uint64_t fitting = (buffer_bytes - row_bytes * TAI_PANEL_ROWS) / panel;
    const uint64_t n = tai_min_u64((end - done) / panel, fitting);
    const uint64_t first = done / panel * TAI_PANEL_ROWS;
    const uint64_t rows = tai_min_u64(n * TAI_PANEL_ROWS, tai_tensor_rows(t) - first);
    TaiCopy copy = {.from = t->off + done, .bytes = n * panel, .at = row_bytes * TAI_PANEL_ROWS};
    copy.to = c->off[i] + first * row_bytes;
    copy.to_bytes = rows * row_bytes;
    if (c->target == TAI_FORMAT_TMAI) {
        copy = (TaiCopy){.from = t->off + first * row_bytes,
                         .bytes = rows * row_bytes,
                         .to = c->off[i] + done,
                         .to_bytes = n * panel};
        copy.at = n * panel + row_bytes * TAI_PANEL_ROWS - copy.bytes;
    }
    return copy;
}

bool tai_convert_next(TaiConvert *c, uint64_t buffer_bytes, TaiCopy *copy) {
    if (c->piece == c->n_pieces) {
        return false;
    }
    const TaiPiece *p = &c->pieces[c->piece];
    const uint32_t i = c->order[c->tensor];
    const TaiTensorInfo *t = &c->source->tensors[i];
    const bool to_tmai = c->target == TAI_FORMAT_TMAI;
    const uint64_t begin = to_tmai ? c->off[i] : t->off; /* in the TMAI side */
    if (c->at < p->off) {
        c->at = p->off; /* padding between pieces belongs to none */
        tai_xxh3_init(&c->hash);
    }
    if (c->at < begin && !to_tmai) {
        *copy = (TaiCopy){
            .from = c->at, .bytes = tai_min_u64(begin - c->at, buffer_bytes), .to = TAI_NOWHERE};
    } else {
        if (c->at < begin) {
            hash_zeros(&c->hash, begin - c->at);
            c->at = begin;
        }
        const uint64_t done = c->at - begin;
        const uint64_t end = tai_min_u64(bytes_in_tmai(c, t), p->off + p->bytes - begin);
        *copy = layout_in_tmai(c, t) == TAI_LAYOUT_PANELS
                    ? copy_panels(c, i, done, end, buffer_bytes)
                    : copy_rows(c, i, done, end, buffer_bytes);
    }
    c->copy = *copy;
    return true;
}

/* The end of a piece: its hash is known. */
static int32_t end_piece(TaiConvert *c, TinyAIError *error) {
    TaiPiece *p = &c->pieces[c->piece];
    const uint64_t hash = tai_xxh3_digest(&c->hash);
    if (c->target == TAI_FORMAT_TMAI) {
        p->hash = hash;
    } else if (p->hash != hash) {
        char text[TAI_PIECE_TEXT];
        return tai_fail(error, TINYAI_E_CORRUPT, p->off,
                        "%s, the %" PRIu64 " bytes at byte %" PRIu64
                        ", does not match its hash: the file is damaged, fetch it again",
                        tai_piece_text(p, text), p->bytes, p->off);
    }
    c->piece++;
    tai_xxh3_init(&c->hash);
    return TINYAI_OK;
}

/* Eight rows at a time into a panel. */
static void make_panels(const TaiTensorInfo *t, const TaiCopy *copy, uint8_t *buffer) {
    const TaiType type = (TaiType)t->type;
    const uint32_t k = (uint32_t)t->dims[0];
    const uint64_t row_bytes = tai_tensor_row_bytes(t);
    const uint64_t n_rows = copy->bytes / row_bytes;
    for (uint64_t row = 0; row < n_rows; row += TAI_PANEL_ROWS) {
        tai_panel_put(type, buffer + copy->at + row * row_bytes,
                      (uint32_t)tai_min_u64(TAI_PANEL_ROWS, n_rows - row), k,
                      buffer + row / TAI_PANEL_ROWS * tai_panel_bytes(type, k));
    }
}

/* And rows out of panels. */
static void make_rows(const TaiTensorInfo *t, const TaiCopy *copy, uint8_t *buffer) {
    const TaiType type = (TaiType)t->type;
    const uint32_t k = (uint32_t)t->dims[0];
    const uint64_t row_bytes = tai_tensor_row_bytes(t);
    for (uint64_t row = 0; row < copy->to_bytes / row_bytes; row++) {
        tai_panel_get(type, buffer + copy->at + row / TAI_PANEL_ROWS * tai_panel_bytes(type, k),
                      (uint32_t)(row % TAI_PANEL_ROWS), k, buffer + row * row_bytes);
    }
}

/* In the buffer: from what was read to what is written. What TMAI has of both is hashed. */
static void transform(TaiConvert *c, const TaiTensorInfo *t, uint8_t *buffer) {
    const TaiCopy *copy = &c->copy;
    const bool to_tmai = c->target == TAI_FORMAT_TMAI;
    const bool panels = copy->to != TAI_NOWHERE && layout_in_tmai(c, t) == TAI_LAYOUT_PANELS;
    if (panels && to_tmai) {
        make_panels(t, copy, buffer);
    }
    if (to_tmai) {
        tai_xxh3_update(&c->hash, buffer, (size_t)copy->to_bytes);
    } else {
        tai_xxh3_update(&c->hash, buffer + copy->at, (size_t)copy->bytes);
    }
    if (panels && !to_tmai) {
        make_rows(t, copy, buffer);
    }
    c->at += to_tmai ? copy->to_bytes : copy->bytes;
}

int32_t tai_convert_moved(TaiConvert *c, uint8_t *buffer, TinyAIError *error) {
    const uint32_t i = c->order[c->tensor];
    const TaiTensorInfo *t = &c->source->tensors[i];
    transform(c, t, buffer);
    if (c->copy.to != TAI_NOWHERE) {
        const bool to_tmai = c->target == TAI_FORMAT_TMAI;
        c->moved_bytes += c->copy.bytes;
        if (c->copy.to + c->copy.to_bytes ==
            c->off[i] + (to_tmai ? bytes_in_tmai(c, t) : bytes_in_gguf(t))) {
            c->tensor++;
        }
    }
    const TaiPiece *p = &c->pieces[c->piece];
    return c->at == p->off + p->bytes ? end_piece(c, error) : TINYAI_OK;
}

/* ---- headers -------------------------------------------------------------------------------- */

static uint8_t *put_u32(uint8_t *to, uint32_t value) {
    for (int i = 0; i < 4; i++) {
        to[i] = (uint8_t)(value >> (8 * i));
    }
    return to + 4;
}

static uint8_t *put_u64(uint8_t *to, uint64_t value) {
    return put_u32(put_u32(to, (uint32_t)value), (uint32_t)(value >> 32));
}

static uint8_t *put_bytes(uint8_t *to, const void *from, uint64_t n) {
    if (n > 0) {
        memcpy(to, from, (size_t)n);
    }
    return to + n;
}

/* Copied as they are: both formats encode them alike. */
static uint8_t *put_keys(uint8_t *to, const TaiHeader *source) {
    return put_bytes(to, source->bytes + source->keys_off, source->keys_bytes);
}

static uint8_t *put_piece(uint8_t *to, const TaiPiece *p) {
    put_u64(to + TAI_TMAI_PIECE_OFF, p->off);
    put_u64(to + TAI_TMAI_PIECE_SIZE, p->bytes);
    put_u64(to + TAI_TMAI_PIECE_HASH, p->hash);
    put_u32(to + TAI_TMAI_PIECE_KIND, p->kind);
    put_u32(to + TAI_TMAI_PIECE_INDEX, p->index);
    return to + TAI_TMAI_PIECE_BYTES;
}

static uint32_t piece_at(const TaiConvert *c, uint64_t off) {
    uint32_t from = 0;
    uint32_t to = c->n_pieces;
    while (to - from > 1) {
        const uint32_t middle = from + (to - from) / 2;
        if (c->pieces[middle].off <= off) {
            from = middle;
        } else {
            to = middle;
        }
    }
    return from;
}

static uint8_t *put_tmai_tensor(const TaiConvert *c, uint8_t *to, uint32_t i) {
    const TaiTensorInfo *t = &c->source->tensors[i];
    put_bytes(to + TAI_TMAI_TENSOR_NAME, t->name.text, t->name.bytes);
    put_u32(to + TAI_TMAI_TENSOR_TYPE, t->type);
    put_u32(to + TAI_TMAI_TENSOR_LAYOUT, layout_in_tmai(c, t));
    put_u32(to + TAI_TMAI_TENSOR_N_DIMS, t->n_dims);
    put_u32(to + TAI_TMAI_TENSOR_PIECE, t->bytes ? piece_at(c, c->off[i]) : TAI_NO_PIECE);
    for (uint32_t d = 0; d < 4; d++) {
        put_u64(to + TAI_TMAI_TENSOR_DIMS + 8 * (size_t)d, t->dims[d]);
    }
    put_u64(to + TAI_TMAI_TENSOR_OFF, c->off[i]);
    put_u64(to + TAI_TMAI_TENSOR_SIZE, bytes_in_tmai(c, t));
    return to + TAI_TMAI_TENSOR_BYTES;
}

static void put_tmai(const TaiConvert *c) {
    uint8_t *start = c->header;
    memcpy(start, TAI_TMAI_MAGIC, 4);
    put_u32(start + TAI_TMAI_AT_VERSION, TAI_TMAI_VERSION);
    put_u32(start + TAI_TMAI_AT_HEADER_BYTES, (uint32_t)c->header_bytes);
    put_u32(start + TAI_TMAI_AT_KEYS, c->source->n_kv);
    put_u32(start + TAI_TMAI_AT_TENSORS, c->source->n_tensors);
    put_u32(start + TAI_TMAI_AT_PIECES, c->n_pieces);
    put_u64(start + TAI_TMAI_AT_FILE_BYTES, c->target_bytes);
    put_u64(start + TAI_TMAI_AT_KEYS_BYTES, c->source->keys_bytes);
    uint8_t *to = start + TAI_TMAI_START_BYTES;
    for (uint32_t i = 0; i < c->n_pieces; i++) {
        to = put_piece(to, &c->pieces[i]);
    }
    for (uint32_t i = 0; i < c->source->n_tensors; i++) {
        to = put_tmai_tensor(c, to, i);
    }
    put_keys(to, c->source);
    put_u64(start + TAI_TMAI_AT_HASH, tai_tmai_header_hash(start, c->header_bytes));
}

static void put_gguf(const TaiConvert *c) {
    uint8_t *to = put_bytes(c->header, "GGUF", 4);
    to = put_u32(to, GGUF_VERSION);
    to = put_u64(to, c->source->n_tensors);
    to = put_u64(to, c->source->n_kv);
    to = put_keys(to, c->source);
    for (uint32_t i = 0; i < c->source->n_tensors; i++) {
        const TaiTensorInfo *t = &c->source->tensors[i];
        to = put_u64(to, t->name.bytes);
        to = put_bytes(to, t->name.text, t->name.bytes);
        to = put_u32(to, t->n_dims);
        for (uint32_t d = 0; d < t->n_dims; d++) {
            to = put_u64(to, t->dims[d]);
        }
        to = put_u32(to, t->type);
        to = put_u64(to, c->off[i] - c->header_bytes);
    }
}

void tai_convert_finish(TaiConvert *c) {
    memset(c->header, 0, (size_t)c->header_bytes);
    if (c->target == TAI_FORMAT_TMAI) {
        put_tmai(c);
    } else {
        put_gguf(c);
    }
}
