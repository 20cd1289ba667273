/* Attention: the sums and their orders are those of reference/attention.c.
 *
 * Keys are taken for eight positions at a time, a position per lane, values for 32 or 8 channels, a
 * channel per lane. What is stored as f16 is first converted, once for all query heads. */
#include "kernels/avx2/avx2.h"
#include "kernels/avx2/expf.h"
#include "kernels/avx2/vectors.h"
#include "kernels/kv.h"
#include "kernels/math.h"
#include "kernels/reference/reference.h"

enum {
    POSITIONS = 8,
    CHANNELS = 32,      /* of values, side by side */
    HEADS = 16,         /* that share a conversion, at most */
    HEAD_DIM_MAX = 256, /* beyond it, the scratch on the stack would be too large */
};

/* A rectangle of keys or values as f32, rows `stride` floats apart. */
typedef struct Rect {
    const float *at;
    size_t stride;
} Rect;

/* n_rows rows of n columns (a multiple of 8) from element `index` on, rows `stride` elements apart. */
static Rect rect_of(const TaiKvHead *kv, size_t index, size_t stride, uint32_t n_rows, uint32_t n,
                    float *scratch) {
    if (kv->type == TAI_KV_F32)
        return (Rect){(const float *)kv->groups + index, stride};
    for (uint32_t r = 0; r < n_rows; r++)
        for (uint32_t i = 0; i < n; i += 8) {
            const uint16_t *at = (const uint16_t *)kv->groups + index + r * stride + i;
            _mm256_storeu_ps(scratch + (size_t)r * n + i, tai_load_f16x8(at));
        }
    return (Rect){scratch, n};
}

TAI_INLINE __m256 add_product(__m256 sum, float q, const float *key) {
    return _mm256_add_ps(sum, _mm256_mul_ps(_mm256_set1_ps(q), _mm256_loadu_ps(key)));
}

/* scores[8] = scale * (q . K): a register per virtual lane, then the tree of tai_lanes_sum */
static void score8(Rect keys, const float *q, uint32_t head_dim, __m256 scale, float *scores) {
    const float *key = keys.at;
    size_t stride = keys.stride;
    __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
    for (uint32_t c = 0; c < head_dim; c += 8, key += 8 * stride) {
        s0 = add_product(s0, q[c], key);
        s1 = add_product(s1, q[c + 1], key + stride);
        s2 = add_product(s2, q[c + 2], key + 2 * stride);
        s3 = add_product(s3, q[c + 3], key + 3 * stride);
        s4 = add_product(s4, q[c + 4], key + 4 * stride);
        s5 = add_product(s5, q[c + 5], key + 5 * stride);
        s6 = add_product(s6, q[c + 6], key + 6 * stride);
        s7 = add_product(s7, q[c + 7], key + 7 * stride);
    }
    __m256 even = _mm256_add_ps(_mm256_add_ps(s0, s4), _mm256_add_ps(s2, s6));
    __m256 odd = _mm256_add_ps(_mm256_add_ps(s1, s5), _mm256_add_ps(s3, s7));
    _mm256_storeu_ps(scores, _mm256_mul_ps(_mm256_add_ps(even, odd), scale));
}

/* Scores of the positions begin..end - 1; those around them, begin and end rounded to whole groups of
 * 8, become minus infinity. */
static void all_scores(const TaiKvHead *kv, const float *q, uint32_t n_heads, uint32_t begin,
                       uint32_t end, float scale, float *scores) {
    _Alignas(32) float scratch[HEAD_DIM_MAX * POSITIONS];
    uint32_t stride = tai_scores_stride(end);
    for (uint32_t p = begin - begin % POSITIONS; p < end; p += POSITIONS) {
        size_t index = tai_kv_keys(kv, p) + p % TAI_KV_GROUP;
        Rect keys = rect_of(kv, index, TAI_KV_GROUP, kv->head_dim, POSITIONS, scratch);
        for (uint32_t h = 0; h < n_heads; h++)
            score8(keys, q + (size_t)h * kv->head_dim, kv->head_dim, _mm256_set1_ps(scale),
                   scores + (size_t)h * stride + p);
    }
    for (uint32_t h = 0; h < n_heads; h++) {
        for (uint32_t p = begin - begin % POSITIONS; p < begin; p++)
            scores[(size_t)h * stride + p] = -__builtin_inff();
        for (uint32_t p = end; p % POSITIONS != 0; p++)
            scores[(size_t)h * stride + p] = -__builtin_inff();
    }
}

/* The largest score; NaN counts as smallest. */
static __m256 largest_of(const float *scores, uint32_t first, uint32_t end) {
    __m256 largest = _mm256_set1_ps(-__builtin_inff());
    for (uint32_t p = first; p < end; p += POSITIONS) /* the second operand where one is NaN */
        largest = _mm256_max_ps(_mm256_loadu_ps(scores + p), largest);
    largest = _mm256_max_ps(largest, _mm256_permute2f128_ps(largest, largest, 0x01));
    largest = _mm256_max_ps(largest, _mm256_permute_ps(largest, 0x4E));
    return _mm256_max_ps(largest, _mm256_permute_ps(largest, 0xB1));
}

/* scores = exp(score - largest), 0 for minus infinity; returns their sum */
static float softmax(float *scores, uint32_t begin, uint32_t end) {
    uint32_t first = begin - begin % POSITIONS;
    __m256 largest = largest_of(scores, first, end);
    __m256 sum = _mm256_setzero_ps(); /* the 8 virtual lanes */
    for (uint32_t p = first; p < end; p += POSITIONS) {
        __m256 e = tai_expf8(_mm256_sub_ps(_mm256_loadu_ps(scores + p), largest));
        _mm256_storeu_ps(scores + p, e);
        sum = _mm256_add_ps(sum, e);
    }
    float lane[8];
    _mm256_storeu_ps(lane, sum);
    return tai_lanes_sum(lane);
}

/* out[8 n_vectors] += the n positions' values, each times its weight; n_vectors <= 4 */
TAI_INLINE void add_values(Rect values, const float *weights, uint32_t n, uint32_t n_vectors,
                           float *out) {
    __m256 sum[CHANNELS / 8];
    for (uint32_t i = 0; i < n_vectors; i++)
        sum[i] = _mm256_loadu_ps(out + i * 8);
    const float *v = values.at;
    for (uint32_t p = 0; p < n; p++, v += values.stride)
        for (uint32_t i = 0; i < n_vectors; i++)
            sum[i] = add_product(sum[i], weights[p], v + i * 8);
    for (uint32_t i = 0; i < n_vectors; i++)
        _mm256_storeu_ps(out + i * 8, sum[i]);
}

/* out[h] = sum over positions of weight * value, then divided by sums[h] */
static void all_values(const TaiKvHead *kv, const float *weights, uint32_t n_heads, uint32_t begin,
                       uint32_t end, const float *sums, float *out) {
    _Alignas(32) float scratch[TAI_KV_GROUP * CHANNELS];
    uint32_t head_dim = kv->head_dim, stride = tai_scores_stride(end);
    memset(out, 0, (size_t)n_heads * head_dim * sizeof *out);
    for (uint32_t p = begin; p < end;) {
        uint32_t n = TAI_KV_GROUP - p % TAI_KV_GROUP;
        n = n < end - p ? n : end - p;
        for (uint32_t c = 0; c < head_dim;) {
            uint32_t width = head_dim - c < CHANNELS ? 8 : CHANNELS;
            Rect values = rect_of(kv, tai_kv_value(kv, p) + c, head_dim, n, width, scratch);
            for (uint32_t h = 0; h < n_heads; h++) {
                const float *weights_h = weights + (size_t)h * stride + p;
                float *out_h = out + (size_t)h * head_dim + c;
                if (width == CHANNELS)
                    add_values(values, weights_h, n, CHANNELS / 8, out_h);
                else
                    add_values(values, weights_h, n, 1, out_h);
            }
            c += width;
        }
        p += n;
    }
    for (uint32_t h = 0; h < n_heads; h++)
        for (uint32_t c = 0; c < head_dim; c += 8) {
            float *o = out + (size_t)h * head_dim + c;
            _mm256_storeu_ps(o, _mm256_div_ps(_mm256_loadu_ps(o), _mm256_set1_ps(sums[h])));
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

void tai_avx2_attend(const TaiKvHead *kv, const float *q, uint32_t n_heads, uint32_t begin,
                     uint32_t end, float scale, float *scores, float *out) {
    if (kv->head_dim % 8 != 0 || kv->head_dim > HEAD_DIM_MAX) {
        tai_ref_attend(kv, q, n_heads, begin, end, scale, scores, out);
        return;
    }
    for (uint32_t h = 0; h < n_heads; h += HEADS)
        some_heads(kv, q + (size_t)h * kv->head_dim, n_heads - h < HEADS ? n_heads - h : HEADS,
                   begin, end, scale, scores + (size_t)h * tai_scores_stride(end),
                   out + (size_t)h * kv->head_dim);
}
