/* Attention: the sums and their orders are those of reference/attention.c.
 *
 * Keys are taken for eight positions at a time, a position per lane, values for 16 channels, a channel
 * per lane. What is stored as f16 is first converted, once for all query heads. */
#include <string.h>

#include "kernels/kv.h"
#include "kernels/math.h"
#include "kernels/reference/reference.h"
#include "kernels/simd128/expf.h"
#include "kernels/simd128/simd128.h"
#include "kernels/simd128/vectors.h"

enum {
    POSITIONS = 8,
    CHANNELS = 16,
    HEADS = 16,         /* that share a conversion, at most */
    HEAD_DIM_MAX = 256, /* beyond it, the scratch on the stack would be too large */
};

/* A rectangle of keys or values as f32, rows `stride` floats apart. */
typedef struct Rect {
    const float *at;
    size_t stride;
} Rect;

/* n_rows rows of n columns (a multiple of 4) from element `index` on, rows `stride` elements apart. */
static Rect rect_of(const TaiKvHead *kv, size_t index, size_t stride, uint32_t n_rows, uint32_t n,
                    float *scratch) {
    if (kv->type == TAI_KV_F32)
        return (Rect){(const float *)kv->groups + index, stride};
    for (uint32_t r = 0; r < n_rows; r++)
        for (uint32_t i = 0; i < n; i += 4) {
            const uint16_t *at = (const uint16_t *)kv->groups + index + r * stride + i;
            wasm_v128_store(scratch + (size_t)r * n + i, tai_load_f16x4(at));
        }
    return (Rect){scratch, n};
}

/* Eight positions. */
typedef struct Eight {
    v128_t low, high;
} Eight;

static inline Eight add8(Eight a, Eight b) {
    return (Eight){wasm_f32x4_add(a.low, b.low), wasm_f32x4_add(a.high, b.high)};
}

static inline void add_product(Eight *sum, const float *q, const float *key) {
    v128_t x = wasm_v128_load32_splat(q);
    sum->low = wasm_f32x4_add(sum->low, wasm_f32x4_mul(x, wasm_v128_load(key)));
    sum->high = wasm_f32x4_add(sum->high, wasm_f32x4_mul(x, wasm_v128_load(key + 4)));
}

/* Virtual lane `lane` plus virtual lane `lane` + 4 of q . K, for eight positions. */
static Eight two_lanes(Rect keys, const float *q, uint32_t head_dim, uint32_t lane) {
    v128_t zero = wasm_f32x4_const_splat(0);
    Eight a = {zero, zero}, b = {zero, zero};
    uint32_t c = lane;
    for (; c + 4 < head_dim; c += 8) {
        add_product(&a, q + c, keys.at + c * keys.stride);
        add_product(&b, q + c + 4, keys.at + (c + 4) * keys.stride);
    }
    if (c < head_dim)
        add_product(&a, q + c, keys.at + c * keys.stride);
    return add8(a, b);
}

/* scores[8] = scale * (q . K), with the tree of tai_lanes_sum */
static void score8(Rect keys, const float *q, uint32_t head_dim, v128_t scale, float *scores) {
    Eight even = add8(two_lanes(keys, q, head_dim, 0), two_lanes(keys, q, head_dim, 2));
    Eight odd = add8(two_lanes(keys, q, head_dim, 1), two_lanes(keys, q, head_dim, 3));
    Eight sum = add8(even, odd);
    wasm_v128_store(scores, wasm_f32x4_mul(sum.low, scale));
    wasm_v128_store(scores + 4, wasm_f32x4_mul(sum.high, scale));
}

/* Scores of the positions begin..end - 1; those around them, begin and end rounded to whole groups of
 * 8, become minus infinity. */
static void all_scores(const TaiKvHead *kv, const float *q, uint32_t n_heads, uint32_t begin,
                       uint32_t end, float scale, float *scores) {
    float scratch[HEAD_DIM_MAX * POSITIONS];
    uint32_t stride = tai_scores_stride(end);
    for (uint32_t p = begin - begin % POSITIONS; p < end; p += POSITIONS) {
        size_t index = tai_kv_keys(kv, p) + p % TAI_KV_GROUP;
        Rect keys = rect_of(kv, index, TAI_KV_GROUP, kv->head_dim, POSITIONS, scratch);
        for (uint32_t h = 0; h < n_heads; h++)
            score8(keys, q + (size_t)h * kv->head_dim, kv->head_dim, wasm_f32x4_splat(scale),
                   scores + (size_t)h * stride + p);
    }
    for (uint32_t h = 0; h < n_heads; h++) {
        for (uint32_t p = begin - begin % POSITIONS; p < begin; p++)
            scores[(size_t)h * stride + p] = -__builtin_inff();
        for (uint32_t p = end; p % POSITIONS != 0; p++)
            scores[(size_t)h * stride + p] = -__builtin_inff();
    }
}

/* scores = exp(score - largest), 0 for minus infinity; returns their sum */
static float softmax(float *scores, uint32_t begin, uint32_t end) {
    v128_t largest = wasm_f32x4_const_splat(-__builtin_inff());
    uint32_t first = begin - begin % POSITIONS;
    for (uint32_t p = first; p < end; p += 4)
        largest = wasm_f32x4_pmax(largest, wasm_v128_load(scores + p));
    largest = wasm_f32x4_pmax(largest, wasm_i32x4_shuffle(largest, largest, 2, 3, 0, 1));
    largest = wasm_f32x4_pmax(largest, wasm_i32x4_shuffle(largest, largest, 1, 0, 3, 2));
    v128_t low = wasm_f32x4_const_splat(0), high = low; /* the 8 virtual lanes */
    for (uint32_t p = first; p < end; p += POSITIONS) {
        v128_t a = tai_expf4(wasm_f32x4_sub(wasm_v128_load(scores + p), largest));
        v128_t b = tai_expf4(wasm_f32x4_sub(wasm_v128_load(scores + p + 4), largest));
        wasm_v128_store(scores + p, a);
        wasm_v128_store(scores + p + 4, b);
        low = wasm_f32x4_add(low, a);
        high = wasm_f32x4_add(high, b);
    }
    float lane[8];
    wasm_v128_store(lane, low);
    wasm_v128_store(lane + 4, high);
    return tai_lanes_sum(lane);
}

/* out[16] += the n positions' values, each times its weight */
static void add_values(Rect values, const float *weights, uint32_t n, float *out) {
    v128_t sum0 = wasm_v128_load(out), sum1 = wasm_v128_load(out + 4);
    v128_t sum2 = wasm_v128_load(out + 8), sum3 = wasm_v128_load(out + 12);
    const float *v = values.at;
    for (uint32_t p = 0; p < n; p++, v += values.stride) {
        v128_t x = wasm_v128_load32_splat(weights + p);
        sum0 = wasm_f32x4_add(sum0, wasm_f32x4_mul(x, wasm_v128_load(v)));
        sum1 = wasm_f32x4_add(sum1, wasm_f32x4_mul(x, wasm_v128_load(v + 4)));
        sum2 = wasm_f32x4_add(sum2, wasm_f32x4_mul(x, wasm_v128_load(v + 8)));
        sum3 = wasm_f32x4_add(sum3, wasm_f32x4_mul(x, wasm_v128_load(v + 12)));
    }
    wasm_v128_store(out, sum0);
    wasm_v128_store(out + 4, sum1);
    wasm_v128_store(out + 8, sum2);
    wasm_v128_store(out + 12, sum3);
}

/* out[h] = sum over positions of weight * value, then divided by sums[h] */
static void all_values(const TaiKvHead *kv, const float *weights, uint32_t n_heads, uint32_t begin,
                       uint32_t end, const float *sums, float *out) {
    float scratch[TAI_KV_GROUP * CHANNELS];
    uint32_t head_dim = kv->head_dim, stride = tai_scores_stride(end);
    memset(out, 0, (size_t)n_heads * head_dim * sizeof *out);
    for (uint32_t p = begin; p < end;) {
        uint32_t n = TAI_KV_GROUP - p % TAI_KV_GROUP;
        n = n < end - p ? n : end - p;
        for (uint32_t c = 0; c < head_dim; c += CHANNELS) {
            Rect values = rect_of(kv, tai_kv_value(kv, p) + c, head_dim, n, CHANNELS, scratch);
            for (uint32_t h = 0; h < n_heads; h++)
                add_values(values, weights + (size_t)h * stride + p, n,
                           out + (size_t)h * head_dim + c);
        }
        p += n;
    }
    for (uint32_t h = 0; h < n_heads; h++)
        for (uint32_t c = 0; c < head_dim; c += 4) {
            float *o = out + (size_t)h * head_dim + c;
            wasm_v128_store(o, wasm_f32x4_div(wasm_v128_load(o), wasm_f32x4_splat(sums[h])));
        }
}

static void some_heads(const TaiKvHead *kv, const float *q, uint32_t n_heads, uint32_t begin,
                       uint32_t end, float scale, float *scores, float *out) {
    float sums[HEADS];
    all_scores(kv, q, n_heads, begin, end, scale, scores);
    for (uint32_t h = 0; h < n_heads; h++)
        sums[h] = softmax(scores + (size_t)h * tai_scores_stride(end), begin, end);
    all_values(kv, scores, n_heads, begin, end, sums, out);
}

void tai_simd_attend(const TaiKvHead *kv, const float *q, uint32_t n_heads, uint32_t begin,
                     uint32_t end, float scale, float *scores, float *out) {
    if (kv->head_dim % CHANNELS != 0 || kv->head_dim > HEAD_DIM_MAX) {
        tai_ref_attend(kv, q, n_heads, begin, end, scale, scores, out);
        return;
    }
    for (uint32_t h = 0; h < n_heads; h += HEADS)
        some_heads(kv, q + (size_t)h * kv->head_dim, n_heads - h < HEADS ? n_heads - h : HEADS,
                   begin, end, scale, scores + (size_t)h * tai_scores_stride(end),
                   out + (size_t)h * kv->head_dim);
}
