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

typedef struct Format {
    TaiType type;
    uint16_t n_sub; /* weights per sub-block */
    bool has_minima;
    void (*decode)(const void *block, TaiRefBlock *to);
} Format;

static const Format formats[] = {
    {TAI_TYPE_Q4_0, 32, false, tai_ref_decode_q4_0},
    {TAI_TYPE_Q4_1, 32, true, tai_ref_decode_q4_1},
    {TAI_TYPE_Q5_0, 32, false, tai_ref_decode_q5_0},
    {TAI_TYPE_Q5_1, 32, true, tai_ref_decode_q5_1},
    {TAI_TYPE_Q8_0, 32, false, tai_ref_decode_q8_0},
    {TAI_TYPE_IQ4_NL, 32, false, tai_ref_decode_iq4_nl},
    {TAI_TYPE_Q2_K, 16, true, tai_ref_decode_q2_k},
    {TAI_TYPE_Q3_K, 16, false, tai_ref_decode_q3_k},
    {TAI_TYPE_Q4_K, 32, true, tai_ref_decode_q4_k},
    {TAI_TYPE_Q5_K, 32, true, tai_ref_decode_q5_k},
    {TAI_TYPE_Q6_K, 16, false, tai_ref_decode_q6_k},
    {TAI_TYPE_IQ4_XS, 32, false, tai_ref_decode_iq4_xs},
};

static const Format *find(TaiType type) {
    const Format *format = formats;
    while (format->type != type)
        format++;
    return format;
}

/* Weights per block. */
static uint32_t block_weights(TaiType type) {
    TaiActForm form = tai_act_form(type);
    return form == TAI_ACT_Q8_256 || form == TAI_ACT_Q8_256N ? TAI_SUPERBLOCK : TAI_BLOCK;
}

/* What a block adds to y. a[n]: quantized activations with scale da. */
static float block_dot(const Format *format, const TaiRefBlock *w, const int8_t *a, float da,
                       uint32_t n) {
    int32_t isum = 0, msum = 0;
    for (uint32_t sub = 0; sub < n / format->n_sub; sub++) {
        int32_t dot = 0, sum = 0;
        for (uint32_t i = sub * format->n_sub; i < (sub + 1) * format->n_sub; i++) {
            dot += w->q[i] * a[i];
            sum += a[i];
        }
        isum += w->scale[sub] * dot;
        if (format->has_minima)
            msum += w->minimum[sub] * sum;
    }
    float y = (w->d * da) * (float)isum;
    return format->has_minima ? y + (w->m * da) * (float)msum : y;
}

/* y[t * y_stride] += block w . block b of act[t], for all tokens */
static void multiply_block(const Format *format, const void *block, uint32_t b, const uint8_t *act,
                           size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride) {
    TaiRefBlock w;
    format->decode(block, &w);
    for (uint32_t t = 0; t < n_tokens; t++) {
        const void *blocks = act + t * act_stride;
        if (block_weights(format->type) == TAI_BLOCK) {
            const TaiAct32 *a = (const TaiAct32 *)blocks + b;
            y[t * y_stride] += block_dot(format, &w, a->q, a->d, TAI_BLOCK);
        } else {
            const TaiAct256 *a = (const TaiAct256 *)blocks + b;
            y[t * y_stride] += block_dot(format, &w, a->q, a->d, TAI_SUPERBLOCK);
        }
    }
}

void tai_ref_rows(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                  size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride) {
    const Format *format = find(type);
    const uint32_t n_block = block_weights(type);
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
    const uint32_t n_block = block_weights(type);
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
    const uint32_t n_block = block_weights(type);
    TaiRefBlock w;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t j = i % n_block, sub = j / format->n_sub;
        if (j == 0)
            format->decode((const uint8_t *)row + tai_kernel_row_bytes(type, i), &w);
        y[i] = (w.d * (float)w.scale[sub]) * (float)w.q[j];
        if (format->has_minima)
            y[i] = y[i] + w.m * (float)w.minimum[sub];
    }
}
