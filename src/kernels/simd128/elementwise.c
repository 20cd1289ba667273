/* reference/norm.c and reference/elementwise.c with vectors; the last n mod 4 or 8 elements alone. */
#include "kernels/math.h"
#include "kernels/simd128/expf.h"
#include "kernels/simd128/simd128.h"

void tai_simd_rms_norm(const float *x, const float *weight, uint32_t n, float eps, float *y) {
    v128_t low = wasm_f32x4_const_splat(0), high = low; /* the 8 virtual lanes */
    uint32_t i = 0;
    for (; i + 8 <= n; i += 8) {
        v128_t a = wasm_v128_load(x + i), b = wasm_v128_load(x + i + 4);
        low = wasm_f32x4_add(low, wasm_f32x4_mul(a, a));
        high = wasm_f32x4_add(high, wasm_f32x4_mul(b, b));
    }
    float lane[8];
    wasm_v128_store(lane, low);
    wasm_v128_store(lane + 4, high);
    for (; i < n; i++)
        lane[i % 8] += x[i] * x[i];
    float mean = tai_lanes_sum(lane) / (float)n;
    float scale = 1.0f / __builtin_sqrtf(mean + eps);
    v128_t scales = wasm_f32x4_splat(scale);
    for (i = 0; i + 4 <= n; i += 4)
        wasm_v128_store(y + i, wasm_f32x4_mul(wasm_f32x4_mul(wasm_v128_load(x + i), scales),
                                              wasm_v128_load(weight + i)));
    for (; i < n; i++)
        y[i] = (x[i] * scale) * weight[i];
}

void tai_simd_add(float *x, const float *y, uint32_t n) {
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4)
        wasm_v128_store(x + i, wasm_f32x4_add(wasm_v128_load(x + i), wasm_v128_load(y + i)));
    for (; i < n; i++)
        x[i] += y[i];
}

void tai_simd_swiglu(float *gate, const float *up, uint32_t n) {
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        v128_t g = wasm_v128_load(gate + i);
        v128_t e = wasm_f32x4_add(wasm_f32x4_const_splat(1.0f), tai_expf4(wasm_f32x4_neg(g)));
        wasm_v128_store(gate + i, wasm_f32x4_mul(wasm_f32x4_div(g, e), wasm_v128_load(up + i)));
    }
    for (; i < n; i++)
        gate[i] = (gate[i] / (1.0f + tai_expf(-gate[i]))) * up[i];
}

/* Two pairs {a, b, a', b'} turned by {cos, sin, cos', sin'}. */
static inline v128_t turn(v128_t x, v128_t cs) {
    v128_t cosines = wasm_i32x4_shuffle(cs, cs, 0, 0, 2, 2);
    v128_t sines = wasm_i32x4_shuffle(cs, cs, 1, 1, 3, 3);
    v128_t swapped = wasm_i32x4_shuffle(x, x, 1, 0, 3, 2);
    /* a cos - b sin is exactly a cos + b (-sin). */
    sines = wasm_v128_xor(sines, wasm_i32x4_const(INT32_MIN, 0, INT32_MIN, 0));
    return wasm_f32x4_add(wasm_f32x4_mul(x, cosines), wasm_f32x4_mul(swapped, sines));
}

void tai_simd_rope(float *x, uint32_t n_heads, uint32_t head_dim, const float *cs,
                   uint32_t rope_dims) {
    for (uint32_t h = 0; h < n_heads; h++) {
        float *head = x + (size_t)h * head_dim;
        uint32_t i = 0;
        for (; i + 4 <= rope_dims; i += 4)
            wasm_v128_store(head + i, turn(wasm_v128_load(head + i), wasm_v128_load(cs + i)));
        if (i + 2 <= rope_dims)
            wasm_v128_store64_lane(
                head + i, turn(wasm_v128_load64_zero(head + i), wasm_v128_load64_zero(cs + i)), 0);
    }
}
