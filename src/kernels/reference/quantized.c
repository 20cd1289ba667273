/* Matrix products with quantized weights: the expression that defines them for all formats, see
 * decode.h for the names.
 *
 *     y += (d * da) * (float)isum                              of formats without minima
 *     y += (d * da) * (float)isum + (m * da) * (float)msum     of formats with them
 *
 *     isum = sum over sub-blocks of scale * (sum of q * a)     msum = of minimum * (sum of a)
 *
 * for each block in ascending order, da and a being the activations'. The sums are exact integers,
 * below 2^28; their conversion to f32 rounds to nearest even, and so does each operation. */
#include "kernels/panel.h"
#include "kernels/reference/decode.h"
#include "kernels/reference/reference.h"

typedef enum Shape { ONE_SUB, EIGHT_SUBS, SIXTEEN_SUBS } Shape; /* of 32, 32 and 16 weights */

typedef struct Format {
    TaiType type;
    Shape shape;
    bool has_minima;
    void (*decode)(const void *block, TaiRefBlock *to);
} Format;

static const Format formats[] = {
    {TAI_TYPE_Q4_0, ONE_SUB, false, tai_ref_decode_q4_0},
    {TAI_TYPE_Q4_1, ONE_SUB, true, tai_ref_decode_q4_1},
    {TAI_TYPE_Q5_0, ONE_SUB, false, tai_ref_decode_q5_0},
    {TAI_TYPE_Q5_1, ONE_SUB, true, tai_ref_decode_q5_1},
    {TAI_TYPE_Q8_0, ONE_SUB, false, tai_ref_decode_q8_0},
    {TAI_TYPE_IQ4_NL, ONE_SUB, false, tai_ref_decode_iq4_nl},
    {TAI_TYPE_Q2_K, SIXTEEN_SUBS, true, tai_ref_decode_q2_k},
    {TAI_TYPE_Q3_K, SIXTEEN_SUBS, false, tai_ref_decode_q3_k},
    {TAI_TYPE_Q4_K, EIGHT_SUBS, true, tai_ref_decode_q4_k},
    {TAI_TYPE_Q5_K, EIGHT_SUBS, true, tai_ref_decode_q5_k},
    {TAI_TYPE_Q6_K, SIXTEEN_SUBS, false, tai_ref_decode_q6_k},
    {TAI_TYPE_IQ4_XS, EIGHT_SUBS, false, tai_ref_decode_iq4_xs},
};

static const Format *find(TaiType type) {
    const Format *format = formats;
    while (format->type != type)
        format++;
    return format;
}

/* Weights per block. */
static uint32_t block_weights(const Format *format) {
    return format->shape == ONE_SUB ? TAI_BLOCK : TAI_SUPERBLOCK;
}

/* What a block of n_subs sub-blocks adds to y. a: its quantized activations with scale da. */
TAI_INLINE float dot(const TaiRefBlock *w, const int8_t *a, float da, uint32_t n_sub,
                     uint32_t n_subs, bool has_minima) {
    int32_t isum = 0, msum = 0;
    for (uint32_t sub = 0; sub < n_subs; sub++) {
        int32_t products = 0, sum = 0;
        for (uint32_t i = sub * n_sub; i < (sub + 1) * n_sub; i++) {
            products += w->q[i] * a[i];
            sum += a[i];
        }
        isum += w->scale[sub] * products;
        if (has_minima)
            msum += w->minimum[sub] * sum;
    }
    float y = (w->d * da) * (float)isum;
    return has_minima ? y + (w->m * da) * (float)msum : y;
}

/* The same with the numbers as constants, which is twice as fast. */
static float block_dot(const Format *format, const TaiRefBlock *w, const int8_t *a, float da) {
    switch (format->shape) {
    case ONE_SUB:
        return format->has_minima ? dot(w, a, da, 32, 1, true) : dot(w, a, da, 32, 1, false);
    case EIGHT_SUBS:
        return format->has_minima ? dot(w, a, da, 32, 8, true) : dot(w, a, da, 32, 8, false);
    default:
        return format->has_minima ? dot(w, a, da, 16, 16, true) : dot(w, a, da, 16, 16, false);
    }
}

/* y[t * y_stride] += block w . block b of act[t], for all tokens */
static void multiply_block(const Format *format, const void *block, uint32_t b, const uint8_t *act,
                           size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride) {
    TaiRefBlock w;
    format->decode(block, &w);
    for (uint32_t t = 0; t < n_tokens; t++) {
        const void *blocks = act + t * act_stride;
        if (format->shape == ONE_SUB) {
            const TaiAct32 *a = (const TaiAct32 *)blocks + b;
            y[t * y_stride] += block_dot(format, &w, a->q, a->d);
        } else {
            const TaiAct256 *a = (const TaiAct256 *)blocks + b;
            y[t * y_stride] += block_dot(format, &w, a->q, a->d);
        }
    }
}

void tai_ref_rows(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                  size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride) {
    const Format *format = find(type);
    const uint32_t n_block = block_weights(format);
    const uint8_t *block = w;
    for (uint32_t r = 0; r < n_rows; r++) {
        for (uint32_t t = 0; t < n_tokens; t++)
            y[t * y_stride + r] = 0;
        for (uint32_t b = 0; b < k / n_block; b++) {
            multiply_block(format, block, b, act, act_stride, n_tokens, y + r, y_stride);
            block += tai_kernel_row_bytes(type, n_block);
        }
    }
}

void tai_ref_panels(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                    size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride) {
    const Format *format = find(type);
    const uint32_t n_block = block_weights(format);
    for (uint32_t r = 0; r < n_rows; r++) {
        const uint8_t *panel = (const uint8_t *)w + r / TAI_PANEL_ROWS * tai_panel_bytes(type, k);
        for (uint32_t t = 0; t < n_tokens; t++)
            y[t * y_stride + r] = 0;
        for (uint32_t b = 0; b < k / n_block; b++) {
            TaiAnyBlock block;
            tai_panel_get_block(type, panel + b * tai_panel_block_bytes(type), r % TAI_PANEL_ROWS,
                                &block);
            multiply_block(format, &block, b, act, act_stride, n_tokens, y + r, y_stride);
        }
    }
}

void tai_ref_dequantize_blocks(TaiType type, const void *row, uint32_t n, float *y) {
    const Format *format = find(type);
    const uint32_t n_block = block_weights(format);
    TaiRefBlock w;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t j = i % n_block, sub = j / (format->shape == SIXTEEN_SUBS ? 16 : 32);
        if (j == 0)
            format->decode((const uint8_t *)row + tai_kernel_row_bytes(type, i), &w);
        y[i] = (w.d * (float)w.scale[sub]) * (float)w.q[j];
        if (format->has_minima)
            y[i] = y[i] + w.m * (float)w.minimum[sub];
    }
}
