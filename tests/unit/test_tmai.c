/* TMAI: a small model of every kind of tensor is converted in memory, and then lied about. */
#include "format/tmai.h"

#include <stdlib.h>

#include "format/cursor.h"
#include "format/pieces.h"
#include "format/tensors.h"
#include "format/xxh3.h"
#include "kernels/panel.h"
#include "memory/error.h"
#include "model/file.h"
#include "unit/convert_bytes.h"
#include "unit/text_cases.h"

typedef struct Bytes {
    uint8_t *at;
    uint64_t n;
    uint64_t room;
} Bytes;

static void put(Bytes *b, const void *from, uint64_t n) {
    if (b->n + n > b->room) {
        b->room = 2 * (b->n + n);
        uint8_t *moved = realloc(b->at, b->room);
        if (!moved) {
            exit(1);
        }
        b->at = moved;
    }
    memcpy(b->at + b->n, from, n);
    b->n += n;
}
static void put_u32(Bytes *b, uint32_t v) {
    put(b, &v, 4);
}
static void put_u64(Bytes *b, uint64_t v) {
    put(b, &v, 8);
}
static void put_text(Bytes *b, const char *text) {
    put_u64(b, strlen(text));
    put(b, text, strlen(text));
}
static void pad(Bytes *b, uint64_t alignment) {
    while (b->n % alignment)
        put(b, "", 1);
}

/* ---- a small GGUF file ------------------------------------------------------------------------ */

typedef struct Tensor {
    const char *name;
    uint32_t type;
    uint32_t cols;
    uint32_t rows; /* 0: a vector */
    uint32_t deep; /* the third dimension, if any */
} Tensor;

/* Not in execution order; two strips each of embedding (F32) and output (Q8_0); a block numbered 10 before
 * 2; names of other architectures; a tensor without values. */
static const Tensor tensors[] = {
    {"token_embd.weight", 0, 500, 150, 0},  {"blk.10.ffn.bias", 0, 7, 0, 0},
    {"blk.2.attn.weight", 8, 64, 9, 0},     {"output_norm.weight", 0, 33, 0, 0},
    {"blk.10.attn.weight", 8, 64, 9, 0},    {"blk.2.ffn.bias", 0, 7, 0, 0},
    {"position.weight", 8, 32, 3, 0},       {"empty.weight", 0, 0, 0, 0},
    {"rope_freqs.weight", 0, 5, 0, 0},      {"blk.2.more.weight", 2, 32, 1, 0},
    {"output.weight", 8, 512, 500, 0},      {"blk.x.strange", 24, 3, 0, 0},
    {"blk.10.experts.weight", 2, 32, 3, 5},
};
#define TENSORS (sizeof tensors / sizeof *tensors)

static uint64_t bytes_of(const Tensor *t) {
    const uint64_t n = (uint64_t)t->cols * (t->rows ? t->rows : 1) * (t->deep ? t->deep : 1);
    return t->type == 0   ? 4 * n
           : t->type == 1 ? 2 * n
           : t->type == 2 ? n / 32 * 18
           : t->type == 8 ? n / 32 * 34
                          : n;
}

static Bytes small_gguf(void) {
    Bytes b = {0};
    put(&b, "GGUF", 4);
    put_u32(&b, 3);
    put_u64(&b, TENSORS);
    put_u64(&b, 3);
    put_text(&b, "general.name");
    put_u32(&b, TAI_VALUE_STRING);
    put_text(&b, "small");
    put_text(&b, "some.flags");
    put_u32(&b, TAI_VALUE_ARRAY);
    put_u32(&b, TAI_VALUE_BOOL);
    put_u64(&b, 3);
    put(&b, "\1\0\1", 3);
    put_text(&b, "some.texts");
    put_u32(&b, TAI_VALUE_ARRAY);
    put_u32(&b, TAI_VALUE_STRING);
    put_u64(&b, 2);
    put_text(&b, "");
    put_text(&b, "two");
    uint64_t off = 0;
    for (size_t i = 0; i < TENSORS; i++) {
        put_text(&b, tensors[i].name);
        put_u32(&b, tensors[i].deep ? 3 : tensors[i].rows ? 2 : 1);
        put_u64(&b, tensors[i].cols);
        if (tensors[i].rows)
            put_u64(&b, tensors[i].rows);
        if (tensors[i].deep)
            put_u64(&b, tensors[i].deep);
        put_u32(&b, tensors[i].type);
        put_u64(&b, off);
        off = (off + bytes_of(&tensors[i]) + 31) / 32 * 32;
    }
    pad(&b, 32);
    for (size_t i = 0; i < TENSORS; i++) {
        for (uint64_t n = bytes_of(&tensors[i]); n > 0; n--) {
            const uint8_t byte = (uint8_t)random_below(256);
            put(&b, &byte, 1);
        }
        pad(&b, 32);
    }
    return b;
}

/* ---- parsing and converting in memory --------------------------------------------------------- */

typedef struct Parsed {
    int32_t status;
    TaiHeader header;
    void *index;
    TinyAIError error;
} Parsed;

/* From a copy that ends where the header does, so that a read behind it is seen. */
static Parsed parse(Bytes file, uint64_t file_bytes, uint64_t header_bytes) {
    Parsed p = {0};
    uint64_t index_bytes = 0;
    uint64_t least = 0;
    tai_error_clear(&p.error);
    p.status =
        tai_header_index_bytes(file.at, header_bytes, file_bytes, &index_bytes, &least, &p.error);
    if (p.status == 0) {
        p.index = malloc(index_bytes);
        p.status = tai_header_parse(&p.header, file.at, header_bytes, file_bytes, p.index,
                                    index_bytes, &p.error);
    }
    return p;
}

static Bytes converted_to(Bytes file, uint32_t layout, uint64_t most, TinyAIError *error) {
    Parsed p = parse(file, file.n, file.n);
    Bytes target = {0};
    *error = p.error;
    if (p.status == 0) {
        target.at = convert_parsed(&p.header, layout, most, &target.n, error);
        target.room = target.n;
    }
    free(p.index);
    return target;
}

static Bytes converted(Bytes file, uint64_t most, TinyAIError *error) {
    return converted_to(file, TAI_LAYOUT_PANELS, most, error);
}

/* A copy of its first bytes, at most all: the caller's to free. */
static Bytes small_tmai_start(uint64_t most) {
    static Bytes tmai;
    if (!tmai.at) {
        TinyAIError error;
        random_state = 5;
        Bytes gguf = small_gguf();
        tmai = converted(gguf, 1 << 20, &error);
        free(gguf.at);
        if (error.status || !tmai.at) {
            fprintf(stderr, "the small model cannot be converted: %s\n", error.message);
            exit(1);
        }
    }
    const uint64_t n = most < tmai.n ? most : tmai.n;
    Bytes copy = {calloc(n, 1), tmai.n, n};
    memcpy(copy.at, tmai.at, n);
    return copy;
}

static Bytes small_tmai(void) {
    return small_tmai_start(UINT64_MAX);
}

static bool same(Bytes a, Bytes b) {
    return a.n == b.n && memcmp(a.at, b.at, a.n) == 0;
}

TEST(there_and_back_gives_the_same_file_whatever_the_buffer) {
    random_state = 5;
    Bytes gguf = small_gguf();
    const uint64_t most[] = {64, 100, 4096, 9000, 1 << 20};
    const uint32_t n = sizeof most / sizeof *most;
    Bytes first[2] = {{0}};
    for (uint32_t i = 0; i < 2 * n; i++) {
        const uint32_t layout = i % 2;
        TinyAIError error;
        Bytes tmai = converted_to(gguf, layout, most[i / 2], &error);
        CHECK_EQ(error.status, 0);
        Bytes back = converted(tmai, most[n - 1 - i / 2], &error);
        CHECK_EQ(error.status, 0);
        CHECK(same(back, gguf));
        if (i > 1)
            CHECK(same(tmai, first[layout]));
        free(first[layout].at);
        free(back.at);
        first[layout] = tmai;
    }
    CHECK(!same(first[0], first[1]));
    free(first[0].at);
    free(first[1].at);
    free(gguf.at);
}

/* The row of a tensor of the small model, out of a file in either format. */
static void take_row(Bytes file, const TaiTensorInfo *t, uint32_t row, uint8_t *into) {
    const uint32_t k = (uint32_t)t->dims[0];
    const uint64_t row_bytes = tai_tensor_row_bytes(t);
    if (t->layout == TAI_LAYOUT_PANELS) {
        const uint64_t panel = row / TAI_PANEL_ROWS * tai_panel_bytes((TaiType)t->type, k);
        tai_panel_get((TaiType)t->type, file.at + t->off + panel, row % TAI_PANEL_ROWS, k, into);
    } else {
        memcpy(into, file.at + t->off + row * row_bytes, row_bytes);
    }
}

TEST(matrices_that_are_computed_with_become_panels_and_nothing_else_does) {
    random_state = 5;
    Bytes gguf = small_gguf();
    Bytes tmai = small_tmai();
    Parsed from = parse(gguf, gguf.n, gguf.n);
    Parsed to = parse(tmai, tmai.n, tmai.n);
    static const uint32_t wanted[TENSORS] = {0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 1, 0, 1};
    for (uint32_t i = 0; i < TENSORS; i++) {
        const TaiTensorInfo *t = &to.header.tensors[i];
        CHECK_EQ(t->layout, wanted[i]);
        uint8_t rows[2][4096];
        for (uint32_t r = 0; t->bytes && r < tai_tensor_rows(t); r++) {
            take_row(gguf, &from.header.tensors[i], r, rows[0]);
            take_row(tmai, t, r, rows[1]);
            CHECK(memcmp(rows[0], rows[1], tai_tensor_row_bytes(t)) == 0);
        }
        if (t->layout == TAI_LAYOUT_PANELS) /* the last panel is full */
            CHECK_EQ(t->bytes % tai_panel_bytes((TaiType)t->type, (uint32_t)t->dims[0]), 0);
    }
    free(from.index);
    free(to.index);
    free(gguf.at);
    free(tmai.at);
}

TEST(a_buffer_for_less_than_a_panel_and_its_rows_is_not_enough) {
    Bytes tmai = small_tmai();
    Parsed p = parse(tmai, tmai.n, tmai.n);
    TaiConvertNeeds needs;
    CHECK_EQ(tai_convert_needs(&p.header, TAI_LAYOUT_PANELS, &needs, &p.error), 0);
    /* the rows of output.weight are the longest */
    CHECK_EQ(needs.least_buffer, 8 * (512 / 32 * 34) + tai_panel_bytes(TAI_TYPE_Q8_0, 512));
    free(p.index);
    free(tmai.at);
}

TEST(pieces_are_in_execution_order_and_aligned) {
    Bytes tmai = small_tmai();
    Parsed p = parse(tmai, tmai.n, tmai.n);
    CHECK_EQ(p.status, 0);
    static const uint32_t wanted[][2] = {
        {TAI_PIECE_FINAL, 0},     {TAI_PIECE_BLOCK, 2}, {TAI_PIECE_BLOCK, 10},
        {TAI_PIECE_HEAD, 0},      {TAI_PIECE_HEAD, 1},  {TAI_PIECE_EMBEDDING, 0},
        {TAI_PIECE_EMBEDDING, 1}, {TAI_PIECE_OTHER, 0}, {TAI_PIECE_OTHER, 1},
    };
    CHECK_EQ(p.header.n_pieces, sizeof wanted / sizeof *wanted);
    for (uint32_t i = 0; i < p.header.n_pieces; i++) {
        const TaiPiece *piece = &p.header.pieces[i];
        CHECK_EQ(piece->kind, wanted[i][0]);
        CHECK_EQ(piece->index, wanted[i][1]);
        CHECK(piece->off % 64 == 0 || (tai_is_strip(piece->kind) && piece->index > 0));
        CHECK(piece->hash == tai_xxh3(tmai.at + piece->off, piece->bytes));
        CHECK(tai_find_piece(&p.header, (TaiPieceKind)piece->kind, piece->index) == piece);
    }
    CHECK(tai_find_piece(&p.header, TAI_PIECE_BLOCK, 3) == NULL);
    CHECK_EQ(p.header.header_bytes % 4096, 0);
    for (uint32_t i = 0; i < p.header.n_tensors; i++) { /* in the order of the source */
        CHECK(tai_string_is(p.header.tensors[i].name, tensors[i].name));
        CHECK_EQ(p.header.tensors[i].off % 64, 0);
    }
    free(p.index);
    free(tmai.at);
}

/* ---- damage ----------------------------------------------------------------------------------- */

TEST(a_file_cut_anywhere_is_refused) {
    Bytes tmai = small_tmai();
    const uint64_t header = tai_load_u32(tmai.at + TAI_TMAI_AT_HEADER_BYTES);
    for (uint64_t cut = 0; cut < tmai.n; cut += cut < header ? 1 : 997) {
        Bytes part = {malloc(cut ? cut : 1), cut, cut};
        memcpy(part.at, tmai.at, cut);
        Parsed p = parse(part, cut, cut);
        CHECK_EQ(p.status, TINYAI_E_TRUNCATED);
        free(p.index);
        free(part.at);
        if (cut < header) { /* here only so far, but longer */
            Parsed more = parse(tmai, tmai.n, cut);
            CHECK_EQ(more.status, TAI_HEADER_MORE);
            free(more.index);
        }
    }
    free(tmai.at);
}

TEST(every_flipped_bit_of_the_header_is_refused) {
    Bytes tmai = small_tmai();
    const uint64_t header = tai_load_u32(tmai.at + TAI_TMAI_AT_HEADER_BYTES);
    for (uint64_t bit = 0; bit < 8 * header; bit++) {
        tmai.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
        Parsed p = parse(tmai, tmai.n, header);
        const uint64_t at = bit / 8;
        if (at < 4)
            CHECK_EQ(p.status, TINYAI_E_FORMAT);
        else if (at < 8)
            CHECK_EQ(p.status, TINYAI_E_UNSUPPORTED);
        else if (at < 24)
            CHECK(p.status == TINYAI_E_FORMAT || p.status == TINYAI_E_TRUNCATED ||
                  p.status == TINYAI_E_CORRUPT || p.status == TAI_HEADER_MORE);
        else
            CHECK_EQ(p.status, TINYAI_E_CORRUPT);
        if (p.status == TAI_HEADER_MORE) { /* the header is said to be longer: with all of it */
            free(p.index);
            p = parse(tmai, tmai.n, tmai.n);
            CHECK(p.status < 0);
        }
        free(p.index);
        tmai.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(tmai.at);
}

TEST(a_flipped_byte_in_any_piece_is_found_and_in_padding_is_harmless) {
    Bytes tmai = small_tmai();
    Parsed p = parse(tmai, tmai.n, tmai.n);
    uint64_t end = p.header.header_bytes;
    for (uint32_t i = 0; i < p.header.n_pieces; i++) {
        const TaiPiece *piece = &p.header.pieces[i];
        const uint64_t places[] = {piece->off, piece->off + piece->bytes / 2,
                                   piece->off + piece->bytes - 1};
        for (uint32_t k = 0; k < 3; k++) {
            TinyAIError error;
            tmai.at[places[k]] ^= 0x10;
            Bytes back = converted(tmai, 4096, &error);
            CHECK_EQ(error.status, TINYAI_E_CORRUPT);
            CHECK_EQ(error.offset, piece->off);
            free(back.at);
            tmai.at[places[k]] ^= 0x10;
        }
        for (; end < piece->off; end++) {
            TinyAIError error;
            tmai.at[end] ^= 0x10;
            Bytes back = converted(tmai, 1 << 20, &error);
            CHECK_EQ(error.status, 0);
            free(back.at);
            tmai.at[end] ^= 0x10;
        }
        end = piece->off + piece->bytes;
    }
    free(p.index);
    free(tmai.at);
}

/* ---- lies: the header says something else, under a hash that is right --------------------------- */

#define HEADER 4096u /* bytes of it */

static void seal(Bytes tmai) {
    const uint64_t header = tai_load_u32(tmai.at + TAI_TMAI_AT_HEADER_BYTES);
    if (header == HEADER) {
        const uint64_t hash = tai_tmai_header_hash(tmai.at, header);
        memcpy(tmai.at + TAI_TMAI_AT_HASH, &hash, 8);
    }
}

static uint64_t piece_at(uint32_t i) {
    return TAI_TMAI_START_BYTES + (uint64_t)i * TAI_TMAI_PIECE_BYTES;
}
#define PIECES 9u /* see pieces_are_in_execution_order_and_aligned */
static uint64_t tensor_at(uint32_t i) {
    return piece_at(PIECES) + (uint64_t)i * TAI_TMAI_TENSOR_BYTES;
}
#define KEYS_AT tensor_at(TENSORS)

/* Adds to the field of 4 or 8 bytes. */
static void check_lie(const char *what, uint64_t at, uint32_t width, uint64_t add, int32_t wanted) {
    Bytes tmai = small_tmai_start(HEADER);
    uint64_t value = 0;
    memcpy(&value, tmai.at + at, width);
    value += add;
    memcpy(tmai.at + at, &value, width);
    seal(tmai);
    Parsed p = parse(tmai, tmai.n, HEADER);
    if (p.status != wanted)
        TEST_FAIL("%s: %d, not %d: %s", what, p.status, wanted, p.error.message);
    if (strlen(p.error.message) < 20)
        TEST_FAIL("%s: no message", what);
    free(p.index);
    free(tmai.at);
}

TEST(lies_are_refused_with_their_code) {
    const int32_t format = TINYAI_E_FORMAT;
    check_lie("version 2", 4, 4, 1, TINYAI_E_UNSUPPORTED);
    check_lie("an unknown feature", 24, 8, 1, TINYAI_E_UNSUPPORTED);
    check_lie("the last feature", 24, 8, UINT64_C(1) << 63, TINYAI_E_UNSUPPORTED);
    check_lie("header of no whole page", 8, 4, 64, format);
    check_lie("a header longer than the file", 8, 4, 0x7fff0000, TINYAI_E_TRUNCATED);
    check_lie("a key too many", 12, 4, 1, format);
    check_lie("a key too few", 12, 4, UINT32_MAX, format);
    check_lie("keys without end", 12, 4, UINT32_MAX - 3, format);
    check_lie("a tensor too many", 16, 4, 1, format);
    check_lie("a tensor too few", 16, 4, UINT32_MAX, format);
    check_lie("tensors without end", 16, 4, 0x7fffffff, format);
    check_lie("a piece too many", 20, 4, 1, format);
    check_lie("a piece too few", 20, 4, UINT32_MAX, format);
    check_lie("pieces without end", 20, 4, 0xfffffff0 - PIECES, format);
    check_lie("a longer file", 32, 8, 1, TINYAI_E_TRUNCATED);
    check_lie("a shorter file", 32, 8, UINT64_MAX, format);
    check_lie("longer keys", 48, 8, 1, format);
    check_lie("shorter keys", 48, 8, UINT64_MAX, format);
    check_lie("endless keys", 48, 8, UINT64_C(1) << 63, format);
    check_lie("reserved", 56, 8, 1, format);
    check_lie("a byte behind the keys", KEYS_AT + 500, 4, 1, format);
    for (uint32_t i = 0; i < PIECES; i++) {
        const uint64_t at = piece_at(i);
        check_lie("a piece that overlaps the one before", at, 8, UINT64_MAX - 63, format);
        check_lie("a gap before a piece", at, 8, 64, format);
        check_lie("a piece outside the file", at, 8, UINT64_C(1) << 40, format);
        check_lie("a longer piece", at + 8, 8, 1, format);
        check_lie("a shorter piece", at + 8, 8, UINT64_MAX, format);
        check_lie("a piece without end", at + 8, 8, UINT64_C(1) << 63, format);
        check_lie("an unknown kind", at + 24, 4, 5, format);
        check_lie("the next kind", at + 24, 4, 1, format);
        check_lie("another number", at + 28, 4, 1, format);
    }
    for (uint32_t i = 0; i < TENSORS; i++) {
        const uint64_t at = tensor_at(i);
        check_lie("a name with a blank behind it", at + 63, 4, 0x20, format);
        check_lie("an unknown type", at + 64, 4, 1000, TINYAI_E_UNSUPPORTED);
        check_lie("an unknown layout", at + 68, 4, 2, TINYAI_E_UNSUPPORTED);
        check_lie("five dimensions", at + 72, 4, 4, format);
        check_lie("another piece", at + 76, 4, 1, format);
        check_lie("a piece that is not there", at + 76, 4, 1000, format);
        check_lie("another row", at + 80, 8, 32, format);
        check_lie("a huge row", at + 80, 8, UINT64_C(1) << 62, format);
        check_lie("a dimension it has not", at + 104, 8, 1, format);
        check_lie("another place", at + 112, 8, 64, format);
        check_lie("a place outside", at + 112, 8, UINT64_C(1) << 62, format);
        check_lie("another size", at + 120, 8, 1, format);
    }
    check_lie("panels of floats", tensor_at(0) + 68, 4, 1, format);
    check_lie("panels of nothing", tensor_at(7) + 68, 4, 1, format);
    check_lie("panels where rows are", tensor_at(6) + 68, 4, 1, format);
    check_lie("rows where panels are", tensor_at(2) + 68, 4, UINT32_MAX, format);
    check_lie("rows where strips of panels are", tensor_at(10) + 68, 4, UINT32_MAX, format);
}

TEST(a_name_or_key_that_appears_twice_is_refused) {
    Bytes tmai = small_tmai();
    memcpy(tmai.at + tensor_at(6), tmai.at + tensor_at(11),
           64); /* position.weight: of the same kind */
    seal(tmai);
    Parsed p = parse(tmai, tmai.n, tmai.n);
    CHECK_EQ(p.status, TINYAI_E_FORMAT);
    CHECK(strstr(p.error.message, "twice"));
    free(p.index);
    free(tmai.at);

    tmai = small_tmai();
    uint8_t *key = tmai.at + KEYS_AT + 8 + 12 + 4 + 8 + 5 + 8; /* "some.flags" */
    CHECK(memcmp(key, "some.flags", 10) == 0);
    memcpy(key, "some.texts", 10);
    seal(tmai);
    p = parse(tmai, tmai.n, tmai.n);
    CHECK_EQ(p.status, TINYAI_E_FORMAT);
    CHECK(strstr(p.error.message, "twice"));
    free(p.index);
    free(tmai.at);
}

/* Whatever the header says: a named error, or places inside the file. The sanitizers watch. */
TEST(random_lies_are_refused_or_harmless) {
    random_state = 11;
    Bytes good = small_tmai_start(HEADER);
    Bytes bad = small_tmai_start(HEADER);
    const uint64_t used = KEYS_AT + 150;
    uint32_t accepted = 0;
    for (uint32_t round = 0; round < 20000; round++) {
        memcpy(bad.at, good.at, HEADER);
        for (uint32_t n = 1 + random_below(3); n > 0; n--) {
            static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
            const uint64_t at = 8 + random_below((uint32_t)used - 8);
            bad.at[at] = random_below(2) ? values[random_below(5)] : (uint8_t)random_below(256);
        }
        seal(bad);
        Parsed p = parse(bad, bad.n, HEADER);
        accepted += p.status == 0;
        CHECK(p.status <= 0 || p.status == TAI_HEADER_MORE);
        for (uint32_t i = 0; p.status == 0 && i < p.header.n_tensors; i++) {
            const TaiTensorInfo *t = &p.header.tensors[i];
            CHECK(t->off <= bad.n && t->bytes <= bad.n - t->off);
        }
        free(p.index);
    }
    CHECK(accepted > 0); /* names, hashes and values may be any */
    CHECK(accepted < 15000);
    free(good.at);
    free(bad.at);
}

/* ---- the engine's view ------------------------------------------------------------------------ */

TEST(a_unit_of_the_engine_is_a_piece_with_one_run_and_a_hash) {
    static const char *const files[] = {"storyteller/storyteller-q4_0.gguf",
                                        "storyteller/storyteller-f16.gguf"};
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t f = i / 2;
        const uint32_t layout = i % 2;
        TinyAIError error;
        Bytes gguf;
        gguf.at = (uint8_t *)read_vector(files[f], &gguf.n);
        Bytes tmai = converted_to(gguf, layout, 1 << 20, &error);
        CHECK_EQ(error.status, 0);
        uint64_t index_bytes = 0;
        uint64_t least = 0;
        tai_error_clear(&error);
        CHECK_EQ(tai_header_index_bytes(tmai.at, 24, tmai.n, &index_bytes, &least, &error), 0);
        CHECK_EQ(least % 4096, 0); /* the first 24 bytes tell all of it */
        const uint64_t directory_bytes = tai_file_directory_bound(index_bytes, tmai.n);
        void *index = malloc(index_bytes);
        void *directory = aligned_alloc(64, (directory_bytes + 63) / 64 * 64);
        TaiHeader header;
        TaiFile file;
        CHECK_EQ(tai_header_parse(&header, tmai.at, least, tmai.n, index, index_bytes, &error), 0);
        CHECK_EQ(tai_file_take(&file, &header, index_bytes, directory, directory_bytes, &error), 0);
        CHECK_EQ(file.n_units, file.header.n_pieces);
        for (uint32_t u = 0; u < file.n_units; u++) {
            const TaiUnit *unit = &file.units[u];
            const TaiRun *run = &file.runs[unit->first_run];
            CHECK_EQ(unit->n_runs, 1);
            CHECK_EQ(run->bytes, unit->bytes);
            CHECK(unit->has_hash);
            CHECK(unit->hash == tai_xxh3(tmai.at + run->off, run->bytes));
            const bool matrices = unit->kind == TAI_UNIT_BLOCK || unit->kind == TAI_UNIT_HEAD;
            CHECK_EQ(unit->repack, f == 0 && layout == TAI_LAYOUT_ROWS && matrices);
        }
        for (uint32_t b = 0; b < file.hp.n_blocks; b++) {
            const TaiUnit *unit = &file.units[1 + b];
            const TaiRun *run = &file.runs[unit->first_run];
            for (uint32_t role = 0; role < TAI_ROLES; role++) {
                const TaiTensor *t = &file.blocks[b][role];
                CHECK_EQ(t->at % 64, 0);
                CHECK_EQ(run->off + t->from - unit->land, t->off);
                CHECK(t->from - unit->land + t->bytes <= run->bytes);
                CHECK(unit->repack || t->at == t->from);
            }
        }
        free(directory);
        free(index);
        free(tmai.at);
        free(gguf.at);
    }
}

TEST_MAIN(T(there_and_back_gives_the_same_file_whatever_the_buffer),
          T(matrices_that_are_computed_with_become_panels_and_nothing_else_does),
          T(a_buffer_for_less_than_a_panel_and_its_rows_is_not_enough),
          T(pieces_are_in_execution_order_and_aligned), T(a_file_cut_anywhere_is_refused),
          T(every_flipped_bit_of_the_header_is_refused),
          T(a_flipped_byte_in_any_piece_is_found_and_in_padding_is_harmless),
          T(lies_are_refused_with_their_code), T(a_name_or_key_that_appears_twice_is_refused),
          T(random_lies_are_refused_or_harmless),
          T(a_unit_of_the_engine_is_a_piece_with_one_run_and_a_hash))
