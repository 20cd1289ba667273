/* Quantizing a head for the KV cache of int8, as reference/attention.c does. The tier's v8.h comes first. */
#ifndef TAI_VECTOR_KV_STORE_H
#define TAI_VECTOR_KV_STORE_H

#include <string.h>

#include "kernels/kv.h"
#include "kernels/quantize.h"

/* q[n] = quantized x[n], n a multiple of 8; returns d */
TAI_INLINE float v8_quantize_head(const float *x, uint32_t n, int8_t *q) {
    V8 amax = v8_zero();
    for (uint32_t i = 0; i < n; i += 8)
        amax = v8_max32(amax, v8_and(v8_load(x + i), v8_splat32(0x7FFFFFFF)));
    uint32_t lane[8], largest = 0;
    v8_store(lane, amax);
    for (uint32_t i = 0; i < 8; i++)
        largest = lane[i] > largest ? lane[i] : largest;
    TaiQuantScale scale = tai_quant_scale(largest);
    V8 id = v8_splat_f32(scale.id);
    for (uint32_t i = 0; i < n; i += 8) { /* tai_quant */
        V8 rounded = v8_mul(v8_load(x + i), id);
        rounded = v8_max(rounded, v8_splat_f32(-127.0f));
        rounded = v8_min(rounded, v8_splat_f32(127.0f));
        rounded = v8_add(rounded, v8_splat_f32(TAI_ROUND_F32));
        v8_store_i8x8(q + i, v8_sub32(rounded, v8_splat32((int32_t)TAI_ROUND_F32_BITS)));
    }
    return scale.d;
}

/* Heads that are wider, or no whole vectors, are the reference's business. */
#define TAI_HEAD_DIM_MAX 256u

TAI_INLINE bool v8_takes_head(uint32_t head_dim) {
    return head_dim % 8 == 0 && head_dim <= TAI_HEAD_DIM_MAX;
}

/* kv_store of TaiKernels, type Q8. */
TAI_INLINE void v8_store_q8(const TaiKvHead *kv, uint32_t position, const float *k,
                            const float *v) {
    TaiKvGroup group = tai_kv_group(kv, position);
    uint32_t p = position % TAI_KV_GROUP;
    int8_t quants[TAI_HEAD_DIM_MAX];
    group.k_scales[p] = v8_quantize_head(k, kv->head_dim, quants);
    int8_t *words = group.k + tai_kv_first_word(kv, position);
    for (uint32_t c = 0; c < kv->head_dim; c += TAI_KV_WORD, words += TAI_KV_WORD * TAI_KV_PANEL)
        memcpy(words, quants + c, TAI_KV_WORD);
    group.v_scales[p] = v8_quantize_head(v, kv->head_dim, group.v + (size_t)p * kv->head_dim);
}

#endif
