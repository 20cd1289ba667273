/* Random and extreme numbers, activations and weights of all types, made from a seed. */
#ifndef TAI_KERNEL_INPUTS_H
#define TAI_KERNEL_INPUTS_H

#include "kernels/bits.h"
#include "kernels/blocks.h"
#include "kernels/kernels.h"
#include "kernels/math.h"
#include "kernels/panel.h"

/* Matrices of the first are rows, of the second panels. */
static const TaiType float_types[] = {TAI_TYPE_F32, TAI_TYPE_F16, TAI_TYPE_BF16};
static const TaiType panel_types[] = {
    TAI_TYPE_Q4_0, TAI_TYPE_Q4_1, TAI_TYPE_Q5_0, TAI_TYPE_Q5_1, TAI_TYPE_Q8_0, TAI_TYPE_IQ4_NL,
    TAI_TYPE_Q2_K, TAI_TYPE_Q3_K, TAI_TYPE_Q4_K, TAI_TYPE_Q5_K, TAI_TYPE_Q6_K, TAI_TYPE_IQ4_XS};
enum {
    N_FLOAT_TYPES = sizeof float_types / sizeof *float_types,
    N_PANEL_TYPES = sizeof panel_types / sizeof *panel_types,
};

/* Weights per block: what rows are whole multiples of. */
static inline uint32_t type_block(TaiType type) {
    TaiActForm form = tai_act_form(type);
    if (form == TAI_ACT_F32)
        return 1;
    return form == TAI_ACT_Q8_256 || form == TAI_ACT_Q8_256N ? TAI_SUPERBLOCK : TAI_BLOCK;
}

/* Where the f16 scales of a block lie: n of them from byte `at`, back to back. */
typedef struct BlockScales {
    uint32_t at, n;
} BlockScales;

static inline BlockScales block_scales(TaiType type) {
    switch (type) {
    case TAI_TYPE_Q4_1:
    case TAI_TYPE_Q5_1:
    case TAI_TYPE_Q4_K:
    case TAI_TYPE_Q5_K:
        return (BlockScales){0, 2};
    case TAI_TYPE_Q2_K:
        return (BlockScales){offsetof(TaiQ2_K, d), 2};
    case TAI_TYPE_Q3_K:
        return (BlockScales){offsetof(TaiQ3_K, d), 1};
    case TAI_TYPE_Q6_K:
        return (BlockScales){offsetof(TaiQ6_K, d), 1};
    default:
        return (BlockScales){0, 1};
    }
}

static uint64_t case_rng;

static inline uint64_t case_random(void) { /* splitmix64 */
    uint64_t z = case_rng += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static inline uint32_t case_below(uint32_t limit) {
    return (uint32_t)(case_random() >> 32) % limit;
}

/* 0 = plain numbers; the others look for trouble. */
enum {
    PROFILE_PLAIN,
    PROFILE_WIDE,    /* magnitudes from 2^-40 to 2^40 */
    PROFILE_SPARSE,  /* mostly zero, whole blocks of it */
    PROFILE_EXTREME, /* +-1 only: every q is +-127; weights all of one byte, largest scales */
    PROFILE_TINY,    /* subnormal, and around the least that is quantized */
    PROFILE_SPECIAL, /* with infinities and NaN, and too large to be quantized */
    N_PROFILES,
};

static inline float case_float(uint32_t profile) {
    uint64_t bits = case_random();
    float unit = (float)(int32_t)(bits >> 32) * 0x1p-31f;
    uint32_t pick = (uint32_t)bits % 64;
    switch (profile) {
    case PROFILE_WIDE:
        return unit * tai_f32_from_bits((87 + (uint32_t)bits % 81) << 23);
    case PROFILE_SPARSE:
        return pick == 0 ? unit : 0.0f;
    case PROFILE_EXTREME:
        return pick < 32 ? 1.0f : -1.0f;
    case PROFILE_TINY:
        return unit * tai_f32_from_bits((uint32_t)bits % 64 << 23);
    case PROFILE_SPECIAL:
        if (pick < 3)
            return tai_f32_from_bits(pick == 0   ? 0x7F800000u
                                     : pick == 1 ? 0xFF800000u
                                                 : 0x7FC00000u);
        if (pick < 6)
            return unit * 3e38f;
        return pick < 9 ? unit * 0x1p81f : unit * 100.0f;
    default:
        return unit;
    }
}

static inline void case_floats(float *x, size_t n, uint32_t profile) {
    for (size_t i = 0; i < n; i++)
        x[i] = case_float(profile);
}

static inline void put_u16(uint8_t *at, uint16_t value) {
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

/* An f16 scale that suits the profile. */
static inline uint16_t case_scale(uint32_t profile) {
    uint32_t bits = (uint32_t)case_random();
    if (profile == PROFILE_SPECIAL)
        return (uint16_t)bits; /* any, infinity and NaN included */
    if (profile == PROFILE_TINY)
        return (uint16_t)(bits & 0x83FF); /* subnormal */
    if (profile == PROFILE_EXTREME)
        return (uint16_t)(0x7BFF | (bits & 0x8000)); /* 65504 */
    return (uint16_t)((bits & 0x83FF) | (8 + bits / 65536 % 8) << 10);
}

/* Sets all f16 scales of `bytes` of blocks. */
static inline void set_scales(TaiType type, uint8_t *w, size_t bytes, uint16_t scale) {
    BlockScales scales = block_scales(type);
    size_t block = tai_kernel_row_bytes(type, type_block(type));
    for (size_t b = 0; b < bytes; b += block)
        for (uint32_t i = 0; i < scales.n; i++)
            put_u16(w + b + scales.at + 2 * (size_t)i, scale);
}

/* Fills rows of weights: any bits, then scales that suit the profile. */
static inline void case_weights(TaiType type, uint8_t *w, size_t bytes, uint32_t profile) {
    static const uint8_t fills[] = {0x00, 0xFF, 0x80, 0x7F, 0x0F, 0xF0};
    uint8_t fill = fills[case_below(sizeof fills)];
    for (size_t i = 0; i < bytes; i++)
        w[i] = profile == PROFILE_EXTREME ? fill : (uint8_t)case_random();
    BlockScales scales = block_scales(type);
    size_t block = tai_kernel_row_bytes(type, type_block(type));
    switch (type) {
    case TAI_TYPE_F32:
        for (size_t i = 0; i < bytes; i += 4) {
            uint32_t bits = tai_f32_bits(case_float(profile));
            put_u16(w + i, (uint16_t)bits);
            put_u16(w + i + 2, (uint16_t)(bits >> 16));
        }
        return;
    case TAI_TYPE_F16:
        for (size_t i = 0; i < bytes; i += 2)
            put_u16(w + i, profile == PROFILE_SPECIAL ? (uint16_t)case_random()
                                                      : tai_f32_to_f16(case_float(profile)));
        return;
    case TAI_TYPE_BF16:
        for (size_t i = 0; i < bytes; i += 2)
            put_u16(w + i, (uint16_t)(tai_f32_bits(case_float(profile)) >> 16));
        return;
    default:
        for (size_t b = 0; b < bytes; b += block)
            for (uint32_t i = 0; i < scales.n; i++)
                put_u16(w + b + scales.at + 2 * (size_t)i, case_scale(profile));
    }
}

/* Rows of a panelled type as panels; 16-byte aligned. */
static inline void put_panels(TaiType type, const uint8_t *rows, uint32_t n_rows, uint32_t k,
                              uint8_t *panels) {
    for (uint32_t r = 0; r < n_rows; r += TAI_PANEL_ROWS) {
        uint32_t n = n_rows - r < TAI_PANEL_ROWS ? n_rows - r : TAI_PANEL_ROWS;
        tai_panel_put(type, rows + r * tai_kernel_row_bytes(type, k), n, k,
                      panels + r / TAI_PANEL_ROWS * tai_panel_bytes(type, k));
    }
}

#endif
