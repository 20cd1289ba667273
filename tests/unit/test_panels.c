/* Panels: rows come out of them as they went in, whatever their number, and nothing else is touched. */
#include "kernels/panel.h"

#include <math.h>
#include <stdlib.h>

#include "kernel_inputs.h"
#include "kernels/panel_blocks.h"
#include "kernels/reference/decode.h"
#include "test.h"

enum {
    MAX_K = 1024,
    MAX_ROW_BYTES = MAX_K / 32 * 34,
    MAX_PANEL_BYTES = MAX_K / 32 * 272,
};

static uint8_t rows[TAI_PANEL_ROWS * MAX_ROW_BYTES], back[MAX_ROW_BYTES + 1];
static _Alignas(16) uint8_t panel[MAX_PANEL_BYTES + 16];

static void random_bytes(uint8_t *to, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)case_random();
}

TEST(which_types_are_panelled) {
    for (uint32_t i = 0; i < N_FLOAT_TYPES; i++)
        CHECK(!tai_is_panelled(float_types[i]));
    for (uint32_t i = 0; i < N_PANEL_TYPES; i++)
        CHECK(tai_is_panelled(panel_types[i]));
    CHECK(!tai_is_panelled((TaiType)9)); /* Q8_1, which has no kernels */
}

TEST(sizes_of_panels) {
    for (uint32_t i = 0; i < N_PANEL_TYPES; i++) {
        TaiType type = panel_types[i];
        size_t block = tai_panel_block_bytes(type);
        CHECK_EQ(block % 16, 0);
        for (uint32_t k = 256; k <= MAX_K; k += 256) {
            size_t bytes = tai_panel_bytes(type, k);
            CHECK_EQ(bytes, k / type_block(type) * block);
            CHECK_EQ(tai_matrix_bytes(type, 1, k), bytes);
            CHECK_EQ(tai_matrix_bytes(type, 8, k), bytes);
            CHECK_EQ(tai_matrix_bytes(type, 9, k), 2 * bytes);
            for (uint64_t n_rows = 128; n_rows < 200; n_rows++) {
                uint64_t file = n_rows * tai_kernel_row_bytes(type, k);
                CHECK(tai_matrix_bytes(type, n_rows / 8 * 8, k) * 100 <= file * 106);
            }
        }
        CHECK_EQ(tai_matrix_bytes(type, 1u << 30, 256),
                 ((uint64_t)1 << 27) * tai_panel_bytes(type, 256));
    }
    CHECK_EQ(tai_matrix_bytes(TAI_TYPE_F32, 3, 5), 60);
    CHECK_EQ(tai_matrix_bytes(TAI_TYPE_F16, 3, 5), 30);
}

TEST(rows_come_back_bit_for_bit) {
    for (uint32_t i = 0; i < N_PANEL_TYPES; i++)
        for (uint32_t n = 1; n <= TAI_PANEL_ROWS; n++)
            for (uint32_t k = type_block(panel_types[i]); k <= MAX_K;
                 k += type_block(panel_types[i])) {
                TaiType type = panel_types[i];
                size_t row_bytes = tai_kernel_row_bytes(type, k), bytes = tai_panel_bytes(type, k);
                case_rng = k * 1000 + i * 10 + n;
                random_bytes(rows, n * row_bytes);
                random_bytes(panel, bytes);
                panel[bytes] = 0xA5;
                tai_panel_put(type, rows, n, k, panel);
                CHECK_EQ(panel[bytes], 0xA5);
                for (uint32_t r = 0; r < n; r++) {
                    back[row_bytes] = 0xA5;
                    tai_panel_get(type, panel, r, k, back);
                    CHECK(memcmp(back, rows + r * row_bytes, row_bytes) == 0);
                    CHECK_EQ(back[row_bytes], 0xA5);
                }
            }
}

/* Every bit of a block on its own, in each row: none is lost, none lands on another. */
TEST(each_bit_of_a_block_has_its_place) {
    for (uint32_t i = 0; i < N_PANEL_TYPES; i++) {
        TaiType type = panel_types[i];
        uint32_t k = type_block(type);
        size_t block = tai_kernel_row_bytes(type, k);
        for (uint32_t r = 0; r < TAI_PANEL_ROWS; r++)
            for (size_t bit = 0; bit < 8 * block; bit++) {
                memset(rows, 0, TAI_PANEL_ROWS * block);
                rows[r * block + bit / 8] = (uint8_t)(1u << bit % 8);
                tai_panel_put(type, rows, TAI_PANEL_ROWS, k, panel);
                for (uint32_t other = 0; other < TAI_PANEL_ROWS; other++) {
                    tai_panel_get_block(type, panel, other, back);
                    CHECK(memcmp(back, rows + other * block, block) == 0);
                }
            }
    }
}

/* Rows that fill up a panel are zero bytes. */
TEST(missing_rows_are_zero) {
    for (uint32_t i = 0; i < N_PANEL_TYPES; i++)
        for (uint32_t n = 1; n <= TAI_PANEL_ROWS; n++) {
            TaiType type = panel_types[i];
            static _Alignas(16) uint8_t full[MAX_PANEL_BYTES];
            size_t row_bytes = tai_kernel_row_bytes(type, 512), bytes = tai_panel_bytes(type, 512);
            case_rng = i * 10 + n;
            random_bytes(rows, TAI_PANEL_ROWS * row_bytes);
            tai_panel_put(type, rows, TAI_PANEL_ROWS, 512, full);
            random_bytes(panel, bytes);
            tai_panel_put(type, rows, n, 512, panel);
            size_t n_other = 0; /* a byte is as in the full panel, or zero */
            for (size_t at = 0; at < bytes; at++) {
                CHECK(panel[at] == full[at] || panel[at] == 0);
                n_other += panel[at] != full[at];
            }
            CHECK(n_other <= bytes / 8 * (TAI_PANEL_ROWS - n));
            CHECK(n == TAI_PANEL_ROWS || n_other > bytes / 8 * (TAI_PANEL_ROWS - n) / 2);
        }
}

/* As in a slot: the rows of a matrix at the end of a room, panels from its beginning. */
TEST(panels_before_their_rows_in_the_same_memory) {
    enum { ROWS = 133, K = 512 };
    for (uint32_t i = 0; i < N_PANEL_TYPES; i++) {
        TaiType type = panel_types[i];
        size_t row_bytes = tai_kernel_row_bytes(type, K), panel_bytes = tai_panel_bytes(type, K);
        size_t rows_bytes = ROWS * row_bytes, bytes = (size_t)tai_matrix_bytes(type, ROWS, K);
        size_t room_bytes = (bytes > rows_bytes ? bytes : rows_bytes) + panel_bytes;
        uint8_t *room = aligned_alloc(16, (room_bytes + 15) / 16 * 16),
                *wanted = malloc(rows_bytes);
        CHECK(room && wanted);
        if (room && wanted) {
            case_rng = i;
            random_bytes(wanted, rows_bytes);
            uint8_t *in_room = room + room_bytes - rows_bytes;
            memcpy(in_room, wanted, rows_bytes);
            for (uint32_t r = 0; r < ROWS; r += TAI_PANEL_ROWS) {
                uint8_t *to = room + r / TAI_PANEL_ROWS * panel_bytes;
                CHECK(to + panel_bytes <= in_room + r * row_bytes);
                tai_panel_put(type, in_room + r * row_bytes, ROWS - r < 8 ? ROWS - r : 8, K, to);
            }
            for (uint32_t r = 0; r < ROWS; r++) {
                tai_panel_get(type, room + r / TAI_PANEL_ROWS * panel_bytes, r % TAI_PANEL_ROWS, K,
                              back);
                CHECK(memcmp(back, wanted + r * row_bytes, row_bytes) == 0);
            }
        }
        free(room), free(wanted);
    }
}

/* ---- the places that panel_blocks.h names ---- */

/* Bits of column c of row r: `bits` from bit `shift` on of byte c % 4 of word `word`. */
static uint32_t column_bits(const TaiPanelWord *words, uint32_t word, uint32_t r, uint32_t c,
                            uint32_t shift, uint32_t bits) {
    return words[word][r] >> (8 * (c % 4) + shift) & ((1u << bits) - 1);
}

/* Column c of 32, in nibbles, and its fifth bit. */
static uint32_t four_of_32(const TaiPanelWord *qs, uint32_t r, uint32_t c) {
    return column_bits(qs, c % 16 / 4, r, c, c / 16 * 4, 4);
}
static uint32_t fifth_of_32(const TaiPanelWord *qh, uint32_t r, uint32_t c) {
    return qh[0][r] >> (8 * (c % 4) + c / 4) & 1;
}

/* What the reference decodes for column c of row r, read out of the panel by hand. */
static int32_t quant_in_panel(TaiType type, const void *block, uint32_t r, uint32_t c) {
    const TaiPanelQ4_0 *q4_0 = block;
    const TaiPanelQ5_0 *q5_0 = block;
    const TaiPanelQ5_1 *q5_1 = block;
    const TaiPanelQ8_0 *q8_0 = block;
    const TaiPanelQ3_K *q3_k = block; /* qs lie as in Q2_K */
    const TaiPanelQ5_K *q5_k = block; /* qs lie as in Q4_K */
    const TaiPanelQ6_K *q6_k = block;
    const TaiPanelIQ4_XS *iq4_xs = block;
    uint32_t word = c % 32 / 4, half = c / 128, run = c / 32;
    uint32_t two = column_bits(q3_k->qs, 8 * half + word, r, c, run % 4 * 2, 2);
    uint32_t four = column_bits(q5_k->qs, run / 2 * 8 + word, r, c, run % 2 * 4, 4);
    switch (type) {
    case TAI_TYPE_Q4_0:
        return (int32_t)four_of_32(q4_0->qs, r, c) - 8;
    case TAI_TYPE_Q4_1:
        return (int32_t)four_of_32(q4_0->qs, r, c);
    case TAI_TYPE_IQ4_NL:
        return tai_iq4_values[four_of_32(q4_0->qs, r, c)];
    case TAI_TYPE_Q5_0:
        return (int32_t)(four_of_32(q5_0->qs, r, c) | fifth_of_32(&q5_0->qh, r, c) << 4) - 16;
    case TAI_TYPE_Q5_1:
        return (int32_t)(four_of_32(q5_1->qs, r, c) | fifth_of_32(&q5_1->qh, r, c) << 4);
    case TAI_TYPE_Q8_0:
        return (int32_t)column_bits(q8_0->qs, word, r, c, 0, 8) - 128;
    case TAI_TYPE_Q2_K:
        return (int32_t)two;
    case TAI_TYPE_Q3_K:
        return (int32_t)(two | column_bits(q3_k->hmask, word, r, c, run, 1) << 2) - 4;
    case TAI_TYPE_Q4_K:
        return (int32_t)four;
    case TAI_TYPE_Q5_K:
        return (int32_t)(four | column_bits(q5_k->qh, word, r, c, run, 1) << 4);
    case TAI_TYPE_Q6_K:
        return (int32_t)(column_bits(q6_k->ql, 16 * half + c % 64 / 4, r, c, run % 4 / 2 * 4, 4) |
                         column_bits(q6_k->qh, 8 * half + word, r, c, run % 4 * 2, 2) << 4) -
               32;
    default:
        return tai_iq4_values[column_bits(iq4_xs->qs, run * 4 + c % 16 / 4, r, c, c % 32 / 16 * 4,
                                          4)];
    }
}

/* Scale and minimum of sub-block s of row r, and the block's two f16. */
typedef struct PanelScales {
    int32_t scale, minimum;
    uint16_t d, m;
} PanelScales;

static PanelScales scales_in_panel(TaiType type, const void *block, uint32_t r, uint32_t s) {
    const TaiPanelQ4_0 *q4_0 = block;
    const TaiPanelQ4_1 *q4_1 = block;
    const TaiPanelQ5_0 *q5_0 = block;
    const TaiPanelQ5_1 *q5_1 = block;
    const TaiPanelQ8_0 *q8_0 = block;
    const TaiPanelQ2_K *q2_k = block;
    const TaiPanelQ3_K *q3_k = block;
    const TaiPanelQ4_K *q4_k = block;
    const TaiPanelQ5_K *q5_k = block;
    const TaiPanelQ6_K *q6_k = block;
    const TaiPanelIQ4_XS *iq4_xs = block;
    uint32_t j = s / 2, i = s % 2;
    switch (type) {
    case TAI_TYPE_Q4_1:
        return (PanelScales){1, 1, q4_1->d[r], q4_1->m[r]};
    case TAI_TYPE_Q5_0:
        return (PanelScales){1, 0, q5_0->d[r], 0};
    case TAI_TYPE_Q5_1:
        return (PanelScales){1, 1, q5_1->d[r], q5_1->m[r]};
    case TAI_TYPE_Q8_0:
        return (PanelScales){1, 0, q8_0->d[r], 0};
    case TAI_TYPE_Q2_K:
        return (PanelScales){q2_k->scales[j][r][i] & 15, q2_k->scales[j][r][i] >> 4, q2_k->d[r],
                             q2_k->dmin[r]};
    case TAI_TYPE_Q3_K:
        return (PanelScales){q3_k->scales[j][r][i], 0, q3_k->d[r], 0};
    case TAI_TYPE_Q4_K:
        return (PanelScales){q4_k->scales[j][r][i], q4_k->minima[j][r][i], q4_k->d[r],
                             q4_k->dmin[r]};
    case TAI_TYPE_Q5_K:
        return (PanelScales){q5_k->scales[j][r][i], q5_k->minima[j][r][i], q5_k->d[r],
                             q5_k->dmin[r]};
    case TAI_TYPE_Q6_K:
        return (PanelScales){q6_k->scales[j][r][i], 0, q6_k->d[r], 0};
    case TAI_TYPE_IQ4_XS:
        return (PanelScales){iq4_xs->scales[j][r][i], 0, iq4_xs->d[r], 0};
    default: /* Q4_0, IQ4_NL */
        return (PanelScales){1, 0, q4_0->d[r], 0};
    }
}

static void (*const decoders[N_PANEL_TYPES])(const void *block, TaiRefBlock *to) = {
    tai_ref_decode_q4_0, tai_ref_decode_q4_1,   tai_ref_decode_q5_0, tai_ref_decode_q5_1,
    tai_ref_decode_q8_0, tai_ref_decode_iq4_nl, tai_ref_decode_q2_k, tai_ref_decode_q3_k,
    tai_ref_decode_q4_k, tai_ref_decode_q5_k,   tai_ref_decode_q6_k, tai_ref_decode_iq4_xs};

static uint32_t n_subs(TaiType type) {
    if (type_block(type) == TAI_BLOCK)
        return 1;
    return type == TAI_TYPE_Q2_K || type == TAI_TYPE_Q3_K || type == TAI_TYPE_Q6_K ? 16 : 8;
}

TEST(weights_lie_where_the_structs_say) {
    for (uint32_t i = 0; i < N_PANEL_TYPES; i++) {
        TaiType type = panel_types[i];
        uint32_t k = type_block(type);
        size_t block = tai_kernel_row_bytes(type, k);
        case_rng = i;
        case_weights(type, rows, TAI_PANEL_ROWS * block, PROFILE_PLAIN);
        tai_panel_put(type, rows, TAI_PANEL_ROWS, k, panel);
        for (uint32_t r = 0; r < TAI_PANEL_ROWS; r++) {
            TaiAnyBlock gguf;
            TaiRefBlock wanted = {0};
            memcpy(&gguf, rows + r * block, block);
            decoders[i](&gguf, &wanted);
            for (uint32_t c = 0; c < k; c++)
                CHECK_EQ(quant_in_panel(type, panel, r, c), wanted.q[c]);
            for (uint32_t s = 0; s < n_subs(type); s++) {
                PanelScales got = scales_in_panel(type, panel, r, s);
                CHECK_EQ(got.scale, wanted.scale[s]);
                CHECK_EQ(got.minimum, wanted.minimum[s]);
                CHECK(tai_f16_weight(got.d) == wanted.d);
                CHECK(fabsf(tai_f16_weight(got.m)) == fabsf(wanted.m));
            }
        }
    }
}

TEST(a_row_of_a_panel_dequantizes_as_in_gguf) {
    static float wanted[MAX_K], got[MAX_K];
    for (uint32_t i = 0; i < N_PANEL_TYPES; i++)
        for (uint32_t profile = 0; profile < N_PROFILES; profile++) {
            TaiType type = panel_types[i];
            size_t row_bytes = tai_kernel_row_bytes(type, MAX_K);
            case_rng = i * 10 + profile;
            case_weights(type, rows, TAI_PANEL_ROWS * row_bytes, profile);
            tai_panel_put(type, rows, TAI_PANEL_ROWS, MAX_K, panel);
            for (uint32_t r = 0; r < TAI_PANEL_ROWS; r++) {
                tai_kernels(TAI_TIER_SCALAR)->dequantize(type, rows + r * row_bytes, MAX_K, wanted);
                memset(got, 0xFF, sizeof got);
                tai_panel_dequantize(type, panel, r, MAX_K, got);
                for (uint32_t c = 0; c < MAX_K; c++)
                    CHECK(tai_f32_bits(got[c]) == tai_f32_bits(wanted[c]) ||
                          (got[c] != got[c] && wanted[c] != wanted[c]));
            }
        }
}

TEST_MAIN(T(which_types_are_panelled), T(sizes_of_panels), T(rows_come_back_bit_for_bit),
          T(each_bit_of_a_block_has_its_place), T(missing_rows_are_zero),
          T(panels_before_their_rows_in_the_same_memory), T(weights_lie_where_the_structs_say),
          T(a_row_of_a_panel_dequantizes_as_in_gguf))
