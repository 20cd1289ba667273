/* Activations to this tier's forms (activations.h); the arithmetic is that of kernels/quantize.h.
 */
#include "kernels/quantize.h"

#include <string.h>

#include "kernels/simd128/activations.h"
#include "kernels/simd128/simd128.h"
#include "kernels/simd128/vectors.h"

/* The scale of x[n], n a multiple of 8. */
static TaiQuantScale scale_of(const float *x, uint32_t n) {
    v128_t magnitude = wasm_i32x4_const_splat(0x7FFFFFFF);
    v128_t amax = wasm_i32x4_const_splat(0);
    for (uint32_t i = 0; i < n; i += 4)
        amax = wasm_i32x4_max(amax, wasm_v128_and(wasm_v128_load(x + i), magnitude));
    amax = wasm_i32x4_max(amax, wasm_i32x4_shuffle(amax, amax, 2, 3, 0, 1));
    amax = wasm_i32x4_max(amax, wasm_i32x4_shuffle(amax, amax, 1, 0, 3, 2));
    return tai_quant_scale((uint32_t)wasm_i32x4_extract_lane(amax, 0));
}

/* tai_quant of 4 values, as int32 */
static inline v128_t quant4(const float *x, v128_t id) {
    v128_t q = wasm_f32x4_mul(wasm_v128_load(x), id);
    q = wasm_f32x4_pmax(wasm_f32x4_const_splat(-127.0f), q);
    q = wasm_f32x4_pmin(wasm_f32x4_const_splat(127.0f), q);
    return wasm_i32x4_sub(wasm_f32x4_add(q, wasm_f32x4_const_splat(TAI_ROUND_F32)),
                          wasm_i32x4_const_splat((int32_t)TAI_ROUND_F32_BITS));
}

/* tai_quant of 8 values, as int16 */
static inline v128_t quant8(const float *x, v128_t id) {
    return wasm_i16x8_narrow_i32x4(quant4(x, id), quant4(x + 4, id));
}

static inline v128_t even_lanes(v128_t a, v128_t b) {
    return wasm_i16x8_shuffle(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
}

static inline v128_t odd_lanes(v128_t a, v128_t b) {
    return wasm_i16x8_shuffle(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
}

static inline int32_t sum_of(v128_t i16) {
    v128_t pairs = wasm_i32x4_dot_i16x8(i16, wasm_i16x8_const_splat(1));
    return wasm_i32x4_extract_lane(pairs, 0) + wasm_i32x4_extract_lane(pairs, 1) +
           wasm_i32x4_extract_lane(pairs, 2) + wasm_i32x4_extract_lane(pairs, 3);
}

static void quantize_32(const float *x, uint32_t k, void *act) {
    int16_t *q = act;
    float *d = (float *)tai_act_d(act, k);
    for (uint32_t b = 0; b < k / TAI_BLOCK; b++, x += TAI_BLOCK, q += TAI_BLOCK) {
        TaiQuantScale scale = scale_of(x, TAI_BLOCK);
        v128_t id = wasm_f32x4_splat(scale.id);
        d[b] = scale.d;
        for (uint32_t i = 0; i < TAI_BLOCK; i += 8)
            wasm_v128_store(q + i, quant8(x + i, id));
    }
}

static void quantize_32n(const float *x, uint32_t k, void *act) {
    int16_t *q = act;
    float *d = (float *)tai_act_d(act, k);
    int32_t *sums = (int32_t *)tai_act_sums(act, k);
    for (uint32_t b = 0; b < k / TAI_BLOCK; b++, x += TAI_BLOCK, q += TAI_BLOCK) {
        TaiQuantScale scale = scale_of(x, TAI_BLOCK);
        v128_t id = wasm_f32x4_splat(scale.id);
        v128_t q0 = quant8(x, id), q1 = quant8(x + 8, id);
        v128_t q2 = quant8(x + 16, id), q3 = quant8(x + 24, id);
        d[b] = scale.d * (1.0f / TAI_ACT_N_SCALE);
        sums[b] = sum_of(wasm_i16x8_add(wasm_i16x8_add(q0, q1), wasm_i16x8_add(q2, q3))) * 8 *
                  TAI_ACT_N_SCALE;
        wasm_v128_store(q, wasm_i16x8_shl(even_lanes(q0, q1), 8));
        wasm_v128_store(q + 8, odd_lanes(q0, q1));
        wasm_v128_store(q + 16, wasm_i16x8_shl(even_lanes(q2, q3), 4));
        wasm_v128_store(q + 24, wasm_i16x8_shl(odd_lanes(q2, q3), 8));
    }
}

static void quantize_256(const float *x, uint32_t k, void *act) {
    int16_t *q = act;
    float *d = (float *)tai_act_d(act, k);
    int16_t *sums16 = (int16_t *)tai_act_sums16(act, k);
    int16_t *sums32 = (int16_t *)tai_act_sums32(act, k);
    for (uint32_t b = 0; b < k / TAI_SUPERBLOCK; b++, x += TAI_SUPERBLOCK, q += TAI_SUPERBLOCK) {
        TaiQuantScale scale = scale_of(x, TAI_SUPERBLOCK);
        v128_t id = wasm_f32x4_splat(scale.id);
        d[b] = scale.d;
        for (uint32_t i = 0; i < TAI_SUPERBLOCK; i += 16) {
            v128_t q0 = quant8(x + i, id), q1 = quant8(x + i + 8, id);
            sums16[b * 16 + i / 16] = (int16_t)sum_of(wasm_i16x8_add(q0, q1));
            wasm_v128_store(q + i, even_lanes(q0, q1));
            wasm_v128_store(q + i + 8, odd_lanes(q0, q1));
        }
        for (uint32_t i = 0; i < 8; i++)
            sums32[b * 8 + i] = (int16_t)(sums16[b * 16 + 2 * i] + sums16[b * 16 + 2 * i + 1]);
    }
}

void tai_simd_quantize(TaiActForm form, const float *x, uint32_t k, void *act) {
    switch (form) {
    case TAI_ACT_Q8_32:
        quantize_32(x, k, act);
        return;
    case TAI_ACT_Q8_32N:
        quantize_32n(x, k, act);
        return;
    case TAI_ACT_Q8_256N:
        quantize_256(x, k, act);
        return;
    default:
        memcpy(act, x, (size_t)k * sizeof *x);
    }
}
