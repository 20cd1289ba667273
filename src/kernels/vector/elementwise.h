/* reference/norm.c and reference/elementwise.c on eight lanes; the last n mod 8 elements alone. The tier's
 * v8.h comes first. */
#ifndef TAI_VECTOR_ELEMENTWISE_H
#define TAI_VECTOR_ELEMENTWISE_H

#include "kernels/math.h"
#include "kernels/vector/expf.h"

TAI_INLINE void v8_rms_norm(const float *x, const float *weight, uint32_t n, float eps, float *y) {
    V8 sum = v8_zero(); /* the 8 virtual lanes */
    uint32_t i = 0;
    for (; i + 8 <= n; i += 8) {
        V8 a = v8_load(x + i);
        sum = v8_add(sum, v8_mul(a, a));
    }
    float lane[8];
    v8_store(lane, sum);
    for (; i < n; i++)
        lane[i % 8] += x[i] * x[i];
    float mean = tai_lanes_sum(lane) / (float)n;
    float scale = 1.0f / __builtin_sqrtf(mean + eps);
    V8 scales = v8_splat_f32(scale);
    for (i = 0; i + 8 <= n; i += 8)
        v8_store(y + i, v8_mul(v8_mul(v8_load(x + i), scales), v8_load(weight + i)));
    for (; i < n; i++)
        y[i] = (x[i] * scale) * weight[i];
}

TAI_INLINE void v8_add_rows(float *x, const float *y, uint32_t n) {
    uint32_t i = 0;
    for (; i + 8 <= n; i += 8)
        v8_store(x + i, v8_add(v8_load(x + i), v8_load(y + i)));
    for (; i < n; i++)
        x[i] += y[i];
}

TAI_INLINE void v8_swiglu(float *gate, const float *up, uint32_t n) {
    const float *constants = tai_expf_constants();
    V8 sign = v8_splat32(INT32_MIN), one = v8_load_splat(constants + EXPF_1);
    uint32_t i = 0;
    while (i + 8 <= n) {
        uint32_t most = (n - i) / 8 * 8, count = most < EXP_VALUES ? most : EXP_VALUES;
        ExpBlock block;
        for (uint32_t j = 0; j < count; j += 8)
            v8_exp_put(&block, j, v8_xor(v8_load(gate + i + j), sign), constants);
        for (uint32_t j = 0; j < count; j += 8, i += 8) {
            V8 e = v8_add(one, v8_exp_get(&block, j, constants));
            v8_store(gate + i, v8_mul(v8_div(v8_load(gate + i), e), v8_load(up + i)));
        }
    }
    for (; i < n; i++)
        gate[i] = (gate[i] / (1.0f + tai_expf(-gate[i]))) * up[i];
}

/* All heads turn by the same angles: four pairs of them at a time. */
TAI_INLINE void v8_rope(float *x, uint32_t n_heads, uint32_t head_dim, const float *cs,
                        uint32_t rope_dims) {
    static const uint32_t first_of_pairs[8] = {0x80000000u, 0, 0x80000000u, 0,
                                               0x80000000u, 0, 0x80000000u, 0};
    V8 signs = v8_load(first_of_pairs);
    uint32_t i = 0;
    for (; i + 8 <= rope_dims; i += 8) {
        V8 angles = v8_load(cs + i);
        V8 cosines = v8_first_of_pairs(angles);
        /* a cos - b sin is exactly a cos + b (-sin). */
        V8 sines = v8_xor(v8_second_of_pairs(angles), signs);
        for (uint32_t h = 0; h < n_heads; h++) {
            float *at = x + (size_t)h * head_dim + i;
            V8 pairs = v8_load(at);
            v8_store(at, v8_add(v8_mul(pairs, cosines), v8_mul(v8_swap_pairs(pairs), sines)));
        }
    }
    for (; i + 1 < rope_dims; i += 2)
        for (uint32_t h = 0; h < n_heads; h++) {
            float *pair = x + (size_t)h * head_dim + i;
            float a = pair[0], b = pair[1];
            pair[0] = a * cs[i] + b * -cs[i + 1];
            pair[1] = a * cs[i + 1] + b * cs[i];
        }
}

#endif
