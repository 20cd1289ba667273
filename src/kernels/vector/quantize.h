/* Activations to the forms of activations.h; the arithmetic is that of kernels/quantize.h. */
#ifndef TAI_VECTOR_QUANTIZE_H
#define TAI_VECTOR_QUANTIZE_H

#include "kernels/quantize.h"

#include <string.h>

#include "kernels/vector/activations.h"
#include "kernels/vector/loops.h"

/* 32 values as int32. */
typedef struct TaiFour8 {
    V8 v[4];
} TaiFour8;

/* The largest magnitude of 32 values, as bits in each lane. */
TAI_INLINE V8 tai_amax_of_32(const float *x, V8 amax) {
    const V8 magnitude = v8_splat32(0x7FFFFFFF);
    for (uint32_t i = 0; i < TAI_BLOCK; i += 8)
        amax = v8_max32(amax, v8_and(v8_load(x + i), magnitude));
    return amax;
}

/* tai_quant of 32 values. */
TAI_INLINE TaiFour8 tai_quant_32(const float *x, V8 id) {
    TaiFour8 q;
    TAI_UNROLL
    for (uint32_t i = 0; i < 4; i++) {
        V8 v = v8_mul(v8_load(x + 8 * i), id);
        v = v8_max(v, v8_splat_f32(-127.0f));
        v = v8_min(v, v8_splat_f32(127.0f));
        v = v8_add(v, v8_splat_f32(TAI_ROUND_F32));
        q.v[i] = v8_sub32(v, v8_splat32((int32_t)TAI_ROUND_F32_BITS));
    }
    return q;
}

/* One of the following two runs, as the width of the form says. */
TAI_INLINE void tai_store_q8(void *at, const TaiFour8 *q) {
    v8_store_i8(at, q->v[0], q->v[1], q->v[2], q->v[3]);
}
TAI_INLINE void tai_store_q16(void *at, const TaiFour8 *q) { /* in the order of pairs.h */
    for (uint32_t i = 0; i < 4; i += 2)
        v8_store_i16((int16_t *)at + 8 * i, v8_swap_middle(q->v[i]), v8_swap_middle(q->v[i + 1]));
}
TAI_INLINE void tai_store_q(void *at, const TaiFour8 *q, size_t width) {
    if (width == sizeof(int8_t))
        tai_store_q8(at, q);
    else
        tai_store_q16(at, q);
}

/* Each block of 32: q, d, and factor times the sum of q. */
static void tai_quantize_32(const float *x, uint32_t k, void *act, size_t width, int32_t factor) {
    uint8_t *to = act;
    for (uint32_t b = 0; b < k / TAI_BLOCK; b++, x += TAI_BLOCK) {
        TaiQuantScale scale = tai_quant_scale((uint32_t)v8_largest32(tai_amax_of_32(x, v8_zero())));
        TaiFour8 q = tai_quant_32(x, v8_splat_f32(scale.id));
        int32_t sum =
            v8_sum32(v8_add32(v8_add32(q.v[0], q.v[1]), v8_add32(q.v[2], q.v[3]))) * factor;
        tai_store_q(to, &q, width);
        to += TAI_BLOCK * width;
        memcpy(to, &scale.d, sizeof scale.d);
        memcpy(to + sizeof scale.d, &sum, sizeof sum);
        to += sizeof scale.d + sizeof sum;
    }
}

static void tai_quantize_256(const float *x, uint32_t k, void *act, size_t width) {
    uint8_t *to = act;
    for (uint32_t b = 0; b < k / TAI_SUPERBLOCK; b++, x += TAI_SUPERBLOCK) {
        V8 amax = v8_zero();
        TAI_LOOP
        for (uint32_t i = 0; i < TAI_SUPERBLOCK; i += TAI_BLOCK)
            amax = tai_amax_of_32(x + i, amax);
        TaiQuantScale scale = tai_quant_scale((uint32_t)v8_largest32(amax));
        V8 id = v8_splat_f32(scale.id);
        TaiSums256 *sums = (TaiSums256 *)(void *)(to + TAI_SUPERBLOCK * width);
        sums->d = scale.d;
        TAI_LOOP
        for (uint32_t i = 0; i < TAI_SUPERBLOCK / TAI_BLOCK; i++) {
            TaiFour8 q = tai_quant_32(x + i * TAI_BLOCK, id);
            int32_t first = v8_sum32(v8_add32(q.v[0], q.v[1]));
            int32_t second = v8_sum32(v8_add32(q.v[2], q.v[3]));
            sums->of_16[2 * i] = (int16_t)first;
            sums->of_16[2 * i + 1] = (int16_t)second;
            sums->of_32[i] = (int16_t)(first + second);
            tai_store_q(to + i * TAI_BLOCK * width, &q, width);
        }
        to += TAI_SUPERBLOCK * width + sizeof *sums;
    }
}

static void tai_quantize(TaiActForm form, const float *x, uint32_t k, void *act) {
    switch (form) {
    case TAI_ACT_Q8_32:
        tai_quantize_32(x, k, act, sizeof(TaiWide), -128);
        return;
    case TAI_ACT_Q8_32N:
        tai_quantize_32(x, k, act, sizeof(TaiNarrow), -8);
        return;
    case TAI_ACT_Q8_256:
        tai_quantize_256(x, k, act, sizeof(TaiWide));
        return;
    case TAI_ACT_Q8_256N:
        tai_quantize_256(x, k, act, sizeof(TaiNarrow));
        return;
    default:
        memcpy(act, x, (size_t)k * sizeof *x);
    }
}

#endif
