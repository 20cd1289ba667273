/* Panels of all formats, from one table: which bytes of a GGUF block go where in a panel's block. */
#include "kernels/panel.h"

#include <stddef.h>
#include <string.h>

#include "kernels/panel_blocks.h"
#include "kernels/panel_packing.h"
#include "kernels/reference/reference.h"

/* How a part of a block is moved. Its n words lie 32 bytes apart in the panel, its n halves (16 bits:
 * an f16, or bytes of two sub-blocks) 16 bytes apart; the rows lie side by side. */
typedef enum Move {
    WORDS,
    WORDS_PLUS_128, /* Q8_0 */
    FIFTH_BITS,     /* one word */
    HALVES,
    SCALES_Q3_K, /* the scales' forms in the panel: n halves */
    SCALES_Q4_K,
    SCALES_IQ4_XS,
} Move;

typedef struct Part {
    uint8_t move; /* Move */
    uint8_t n;
    uint16_t from; /* place in the GGUF block */
    uint16_t to;   /* place in the panel's block */
} Part;

enum { MAX_PARTS = 4 };

typedef struct Layout {
    uint16_t type; /* TaiType */
    uint16_t block_bytes;
    uint16_t panel_bytes;
    Part parts[MAX_PARTS]; /* without gaps, n = 0 after the last */
} Layout;

/* Places of a part: its first fields in the two structs. */
#define AT(Type, from, to) offsetof(Tai##Type, from), offsetof(TaiPanel##Type, to)
#define BYTES(Type) TAI_TYPE_##Type, sizeof(Tai##Type), sizeof(TaiPanel##Type)

typedef TaiPanelQ4_0 TaiPanelIQ4_NL;

enum { Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_XS, N_LAYOUTS };

static const Layout layouts[N_LAYOUTS] = {
    [Q4_0] = {BYTES(Q4_0), {{WORDS, 4, AT(Q4_0, qs, qs)}, {HALVES, 1, AT(Q4_0, d, d)}}},
    [Q4_1] = {BYTES(Q4_1), {{WORDS, 4, AT(Q4_1, qs, qs)}, {HALVES, 2, AT(Q4_1, d, d)}}},
    [Q5_0] = {BYTES(Q5_0),
              {{WORDS, 4, AT(Q5_0, qs, qs)},
               {FIFTH_BITS, 1, AT(Q5_0, qh, qh)},
               {HALVES, 1, AT(Q5_0, d, d)}}},
    [Q5_1] = {BYTES(Q5_1),
              {{WORDS, 4, AT(Q5_1, qs, qs)},
               {FIFTH_BITS, 1, AT(Q5_1, qh, qh)},
               {HALVES, 2, AT(Q5_1, d, d)}}},
    [Q8_0] = {BYTES(Q8_0), {{WORDS_PLUS_128, 8, AT(Q8_0, qs, qs)}, {HALVES, 1, AT(Q8_0, d, d)}}},
    [IQ4_NL] = {BYTES(IQ4_NL), {{WORDS, 4, AT(IQ4_NL, qs, qs)}, {HALVES, 1, AT(IQ4_NL, d, d)}}},
    [Q2_K] = {BYTES(Q2_K),
              {{WORDS, 16, AT(Q2_K, qs, qs)},
               {HALVES, 8, AT(Q2_K, scales, scales)},
               {HALVES, 2, AT(Q2_K, d, d)}}},
    [Q3_K] = {BYTES(Q3_K),
              {{WORDS, 16, AT(Q3_K, qs, qs)},
               {WORDS, 8, AT(Q3_K, hmask, hmask)},
               {SCALES_Q3_K, 8, AT(Q3_K, scales, scales)},
               {HALVES, 1, AT(Q3_K, d, d)}}},
    [Q4_K] = {BYTES(Q4_K),
              {{WORDS, 32, AT(Q4_K, qs, qs)},
               {SCALES_Q4_K, 8, AT(Q4_K, scales, scales)},
               {HALVES, 2, AT(Q4_K, d, d)}}},
    [Q5_K] = {BYTES(Q5_K),
              {{WORDS, 32, AT(Q5_K, qs, qs)},
               {WORDS, 8, AT(Q5_K, qh, qh)},
               {SCALES_Q4_K, 8, AT(Q5_K, scales, scales)},
               {HALVES, 2, AT(Q5_K, d, d)}}},
    [Q6_K] = {BYTES(Q6_K),
              {{WORDS, 32, AT(Q6_K, ql, ql)},
               {WORDS, 16, AT(Q6_K, qh, qh)},
               {HALVES, 8, AT(Q6_K, scales, scales)},
               {HALVES, 1, AT(Q6_K, d, d)}}},
    [IQ4_XS] = {BYTES(IQ4_XS),
                {{WORDS, 32, AT(IQ4_XS, qs, qs)},
                 {SCALES_IQ4_XS, 4, AT(IQ4_XS, scales_h, scales)},
                 {HALVES, 1, AT(IQ4_XS, d, d)}}},
};

static const Layout *find(TaiType type) {
    for (uint32_t i = 0; i < N_LAYOUTS; i++)
        if (layouts[i].type == type)
            return &layouts[i];
    return NULL;
}

TAI_INLINE uint32_t load32(const uint8_t *at) {
    uint32_t x;
    memcpy(&x, at, sizeof x);
    return x;
}
TAI_INLINE void store32(uint8_t *at, uint32_t x) {
    memcpy(at, &x, sizeof x);
}
TAI_INLINE uint16_t load16(const uint8_t *at) {
    uint16_t x;
    memcpy(&x, at, sizeof x);
    return x;
}
TAI_INLINE void store16(uint8_t *at, uint16_t x) {
    memcpy(at, &x, sizeof x);
}

enum { WORD_STRIDE = sizeof(TaiPanelWord), HALF_STRIDE = sizeof(TaiPanelF16) };

TAI_INLINE void put_scales(Move move, const uint8_t *from, uint32_t n, uint8_t *half) {
    uint32_t s[4];
    if (move == SCALES_IQ4_XS) {
        tai_pack_scales_iq4_xs(load16(from), load32(from + 2), s);
    } else {
        uint32_t packed[3] = {load32(from), load32(from + 4), load32(from + 8)};
        (move == SCALES_Q3_K ? tai_pack_scales_q3_k : tai_pack_scales_q4_k)(packed, s);
    }
    for (uint32_t j = 0; j < n; j++)
        store16(half + j * HALF_STRIDE, (uint16_t)(s[j / 2] >> (j % 2 * 16)));
}

TAI_INLINE void get_scales(Move move, const uint8_t *half, uint32_t n, uint8_t *to) {
    uint32_t s[4] = {0};
    for (uint32_t j = 0; j < n; j++)
        s[j / 2] |= (uint32_t)load16(half + j * HALF_STRIDE) << (j % 2 * 16);
    if (move == SCALES_IQ4_XS) {
        uint32_t high, low;
        tai_unpack_scales_iq4_xs(s, &high, &low);
        store16(to, (uint16_t)high);
        store32(to + 2, low);
    } else {
        uint32_t packed[3];
        (move == SCALES_Q3_K ? tai_unpack_scales_q3_k : tai_unpack_scales_q4_k)(s, packed);
        for (uint32_t i = 0; i < 3; i++)
            store32(to + 4 * i, packed[i]);
    }
}

TAI_INLINE void put_part(Part part, const uint8_t *restrict block, uint8_t *restrict panel,
                         uint32_t r) {
    const uint8_t *from = block + part.from;
    uint8_t *word = panel + part.to + r * sizeof(uint32_t);
    uint8_t *half = panel + part.to + r * sizeof(uint16_t);
    switch ((Move)part.move) {
    case WORDS:
        for (uint32_t w = 0; w < part.n; w++)
            store32(word + w * WORD_STRIDE, load32(from + 4 * w));
        break;
    case WORDS_PLUS_128:
        for (uint32_t w = 0; w < part.n; w++)
            store32(word + w * WORD_STRIDE, load32(from + 4 * w) ^ TAI_PLUS_128);
        break;
    case FIFTH_BITS:
        store32(word, tai_pack_fifth_bits(load32(from)));
        break;
    case HALVES:
        for (uint32_t j = 0; j < part.n; j++)
            store16(half + j * HALF_STRIDE, load16(from + 2 * j));
        break;
    default:
        put_scales((Move)part.move, from, part.n, half);
    }
}

/* One block of row r into a panel's block. */
TAI_INLINE void put_block(const Layout *layout, const uint8_t *restrict block,
                          uint8_t *restrict panel, uint32_t r) {
    put_part(layout->parts[0], block, panel, r); /* no loop: constants go through */
    put_part(layout->parts[1], block, panel, r);
    if (layout->parts[2].n != 0)
        put_part(layout->parts[2], block, panel, r);
    if (layout->parts[3].n != 0)
        put_part(layout->parts[3], block, panel, r);
}

static void get_block(const Layout *layout, const uint8_t *panel, uint32_t r, uint8_t *block) {
    for (uint32_t i = 0; i < MAX_PARTS && layout->parts[i].n != 0; i++) {
        const Part part = layout->parts[i];
        uint8_t *to = block + part.from;
        const uint8_t *word = panel + part.to + r * sizeof(uint32_t);
        const uint8_t *half = panel + part.to + r * sizeof(uint16_t);
        switch ((Move)part.move) {
        case WORDS:
            for (uint32_t w = 0; w < part.n; w++)
                store32(to + 4 * w, load32(word + w * WORD_STRIDE));
            break;
        case WORDS_PLUS_128:
            for (uint32_t w = 0; w < part.n; w++)
                store32(to + 4 * w, load32(word + w * WORD_STRIDE) ^ TAI_PLUS_128);
            break;
        case FIFTH_BITS:
            store32(to, tai_unpack_fifth_bits(load32(word)));
            break;
        case HALVES:
            for (uint32_t j = 0; j < part.n; j++)
                store16(to + 2 * j, load16(half + j * HALF_STRIDE));
            break;
        default:
            get_scales((Move)part.move, half, part.n, to);
        }
    }
}

static uint32_t n_blocks(const Layout *layout, uint32_t k) {
    return (uint32_t)(tai_kernel_row_bytes((TaiType)layout->type, k) / layout->block_bytes);
}

bool tai_is_panelled(TaiType type) {
    return find(type) != NULL;
}

size_t tai_panel_block_bytes(TaiType type) {
    return find(type)->panel_bytes;
}

size_t tai_panel_bytes(TaiType type, uint32_t k) {
    const Layout *layout = find(type);
    return (size_t)n_blocks(layout, k) * layout->panel_bytes;
}

uint64_t tai_matrix_bytes(TaiType type, uint64_t n_rows, uint32_t k) {
    if (!tai_is_panelled(type))
        return n_rows * tai_kernel_row_bytes(type, k);
    return (n_rows + TAI_PANEL_ROWS - 1) / TAI_PANEL_ROWS * tai_panel_bytes(type, k);
}

/* Four words of each of eight rows, row_bytes apart, and four words of a panel: two squares of 4 x 4 words, each
 * turned with vectors that every compiler of ours has. XOR: 0, or what Q8_0 does to its quants. */
typedef uint32_t Words __attribute__((vector_size(16)));

TAI_INLINE Words load_words(const uint8_t *at) {
    Words x;
    memcpy(&x, at, sizeof x);
    return x;
}

TAI_INLINE void put_four_words(const uint8_t *restrict from, size_t row_bytes,
                               uint8_t *restrict word, uint32_t flip) {
    for (uint32_t half = 0; half < 2; half++) {
        const uint8_t *rows = from + half * 4 * row_bytes;
        const Words a = load_words(rows);
        const Words b = load_words(rows + row_bytes);
        const Words c = load_words(rows + 2 * row_bytes);
        const Words d = load_words(rows + 3 * row_bytes);
        const Words ab01 = __builtin_shufflevector(a, b, 0, 4, 1, 5);
        const Words ab23 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
        const Words cd01 = __builtin_shufflevector(c, d, 0, 4, 1, 5);
        const Words cd23 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
        const Words turned[4] = {__builtin_shufflevector(ab01, cd01, 0, 1, 4, 5) ^ flip,
                                 __builtin_shufflevector(ab01, cd01, 2, 3, 6, 7) ^ flip,
                                 __builtin_shufflevector(ab23, cd23, 0, 1, 4, 5) ^ flip,
                                 __builtin_shufflevector(ab23, cd23, 2, 3, 6, 7) ^ flip};
        for (uint32_t w = 0; w < 4; w++)
            memcpy(word + w * WORD_STRIDE + half * sizeof(Words), &turned[w], sizeof(Words));
    }
}

/* A part of a block of all eight rows. */
TAI_INLINE void put_part_of_all(Part part, const uint8_t *restrict block, size_t row_bytes,
                                uint8_t *restrict panel) {
    if (part.move == WORDS || part.move == WORDS_PLUS_128) {
        const uint32_t flip = part.move == WORDS ? 0 : TAI_PLUS_128;
        for (uint32_t w = 0; w < part.n; w += 4) /* all such parts are multiples of four words */
            put_four_words(block + part.from + 4 * w, row_bytes, panel + part.to + w * WORD_STRIDE,
                           flip);
    } else {
        for (uint32_t r = 0; r < TAI_PANEL_ROWS; r++)
            put_part(part, block + r * row_bytes, panel, r);
    }
}

/* restrict: a panel never overlaps its own rows. */
TAI_INLINE void put_all_rows(const Layout *layout, const uint8_t *restrict rows, uint32_t n,
                             uint8_t *restrict panel) {
    const size_t row_bytes = (size_t)n * layout->block_bytes;
    for (uint32_t b = 0; b < n; b++) {
        put_part_of_all(layout->parts[0], rows, row_bytes,
                        panel); /* no loop: constants go through */
        put_part_of_all(layout->parts[1], rows, row_bytes, panel);
        if (layout->parts[2].n != 0)
            put_part_of_all(layout->parts[2], rows, row_bytes, panel);
        if (layout->parts[3].n != 0)
            put_part_of_all(layout->parts[3], rows, row_bytes, panel);
        rows += layout->block_bytes;
        panel += layout->panel_bytes;
    }
}

/* The last panel of a matrix: the rows that it has, each for itself. */
static void put_some_rows(const Layout *layout, const uint8_t *restrict rows, uint32_t n_rows,
                          uint32_t n, uint8_t *restrict panel) {
    memset(panel, 0, (size_t)n * layout->panel_bytes);
    for (uint32_t r = 0; r < n_rows; r++) {
        uint8_t *to = panel;
        for (uint32_t b = 0; b < n; b++) {
            put_block(layout, rows, to, r);
            rows += layout->block_bytes;
            to += layout->panel_bytes;
        }
    }
}

void tai_panel_put(TaiType type, const void *rows, uint32_t n_rows, uint32_t k, void *panel) {
    const Layout *layout = find(type);
    const uint32_t n = n_blocks(layout, k);
    if (n_rows < TAI_PANEL_ROWS) {
        put_some_rows(layout, rows, n_rows, n, panel);
        return;
    }
    /* Blocks of 32 are so small that reading the table takes longer than moving them: with the layout
     * as a constant they go four times as fast. */
    switch (type) {
    case TAI_TYPE_Q4_0:
    case TAI_TYPE_IQ4_NL:
        put_all_rows(&layouts[Q4_0], rows, n, panel);
        break;
    case TAI_TYPE_Q4_1:
        put_all_rows(&layouts[Q4_1], rows, n, panel);
        break;
    case TAI_TYPE_Q5_0:
        put_all_rows(&layouts[Q5_0], rows, n, panel);
        break;
    case TAI_TYPE_Q5_1:
        put_all_rows(&layouts[Q5_1], rows, n, panel);
        break;
    case TAI_TYPE_Q8_0:
        put_all_rows(&layouts[Q8_0], rows, n, panel);
        break;
    default:
        put_all_rows(layout, rows, n, panel);
    }
}

void tai_panel_get_block(TaiType type, const void *panel_block, uint32_t r, void *block) {
    get_block(find(type), panel_block, r, block);
}

void tai_panel_get(TaiType type, const void *panel, uint32_t r, uint32_t k, void *row) {
    const Layout *layout = find(type);
    const uint32_t n = n_blocks(layout, k);
    for (uint32_t b = 0; b < n; b++)
        get_block(layout, (const uint8_t *)panel + (size_t)b * layout->panel_bytes, r,
                  (uint8_t *)row + (size_t)b * layout->block_bytes);
}

void tai_panel_dequantize(TaiType type, const void *panel, uint32_t r, uint32_t k, float *y) {
    const Layout *layout = find(type);
    const uint32_t n = n_blocks(layout, k);
    for (uint32_t b = 0; b < n; b++) {
        TaiAnyBlock block;
        get_block(layout, (const uint8_t *)panel + (size_t)b * layout->panel_bytes, r, block.bytes);
        tai_ref_dequantize(type, &block, k / n, y + (size_t)b * (k / n));
    }
}
