/* The KV cache and attention over it.
 *
 *     s[p] = scale * (q . K[p])     8 virtual lanes over the channels, tai_lanes_sum
 *     m = largest s[p]              NaN counts as smallest
 *     e[p] = exp(s[p] - m)
 *     z = sum of e[p]               8 virtual lanes over the absolute positions, tai_lanes_sum
 *     out[c] = (sum over p of e[p] * V[p][c]) / z     positions ascending
 *
 * With a cache of int8, q is quantized as the keys are, one scale d for the head (quantize.h), and
 *
 *     q . K[p] = (float)(integer dot product) * (d of q * d of K[p])
 *     out[c]   = (sum over p of (e[p] * d of V[p]) * (float)V[p][c]) / z
 *
 * Nothing depends on how the positions were grouped, or on the queries that are asked for together:
 * prefill and decode agree bit for bit. */
#include "kernels/bits.h"
#include "kernels/kv.h"
#include "kernels/math.h"
#include "kernels/quantize.h"
#include "kernels/reference/reference.h"

/* ---- the cache -------------------------------------------------------------------------------- */

static float kv_get(const TaiKvHead *kv, size_t index) {
    if (kv->type == TAI_KV_F16)
        return tai_f16_weight(((const uint16_t *)kv->groups)[index]);
    return ((const float *)kv->groups)[index];
}

static void kv_set(const TaiKvHead *kv, size_t index, float x) {
    if (kv->type == TAI_KV_F16)
        ((uint16_t *)kv->groups)[index] = tai_f32_to_f16(x);
    else
        ((float *)kv->groups)[index] = x;
}

/* Byte c of a position's keys in its group. */
static size_t key_byte(const TaiKvHead *kv, uint32_t position, uint32_t c) {
    return tai_kv_first_word(kv, position) + c / TAI_KV_WORD * TAI_KV_WORD * TAI_KV_PANEL +
           c % TAI_KV_WORD;
}

static void store_q8(const TaiKvHead *kv, uint32_t position, const float *k, const float *v) {
    TaiKvGroup group = tai_kv_group(kv, position);
    uint32_t p = position % TAI_KV_GROUP, width = tai_kv_width(kv->head_dim);
    TaiQuantScale k_scale = tai_ref_quant_scale(k, kv->head_dim);
    TaiQuantScale v_scale = tai_ref_quant_scale(v, kv->head_dim);
    group.k_scales[p] = k_scale.d;
    group.v_scales[p] = v_scale.d;
    for (uint32_t c = 0; c < width; c++) {
        bool is_channel = c < kv->head_dim;
        group.k[key_byte(kv, position, c)] = is_channel ? tai_quant(k[c], k_scale.id) : 0;
        group.v[(size_t)p * width + c] = is_channel ? tai_quant(v[c], v_scale.id) : 0;
    }
}

void tai_ref_kv_store(const TaiKvHead *kv, uint32_t position, const float *k, const float *v) {
    if (kv->type == TAI_KV_Q8) {
        store_q8(kv, position, k, v);
        return;
    }
    size_t keys = tai_kv_keys(kv, position) + position % TAI_KV_GROUP;
    size_t value = tai_kv_value(kv, position);
    for (uint32_t c = 0; c < kv->head_dim; c++) {
        kv_set(kv, keys + (size_t)c * TAI_KV_GROUP, k[c]);
        kv_set(kv, value + c, v[c]);
    }
}

/* ---- attention -------------------------------------------------------------------------------- */

/* q[head_dim] . K[position] */
static float dot_key(const TaiKvHead *kv, const float *q, uint32_t position) {
    size_t keys = tai_kv_keys(kv, position) + position % TAI_KV_GROUP;
    float lane[8] = {0};
    for (uint32_t c = 0; c < kv->head_dim; c++)
        lane[c % 8] += q[c] * kv_get(kv, keys + (size_t)c * TAI_KV_GROUP);
    return tai_lanes_sum(lane);
}

/* The same of a query that is quantized. */
static float dot_key_q8(const TaiKvHead *kv, const int8_t *q, float d, uint32_t position) {
    TaiKvGroup group = tai_kv_group(kv, position);
    int32_t dot = 0;
    for (uint32_t c = 0; c < kv->head_dim; c++)
        dot += q[c] * group.k[key_byte(kv, position, c)];
    return (float)dot * (d * group.k_scales[position % TAI_KV_GROUP]);
}

/* scores[begin..end) = scale * (q . K); q8: room for head_dim bytes */
static void scores_of(const TaiKvHead *kv, const float *q, uint32_t begin, uint32_t end,
                      float scale, float *scores, int8_t *q8) {
    if (kv->type != TAI_KV_Q8) {
        for (uint32_t p = begin; p < end; p++)
            scores[p] = dot_key(kv, q, p) * scale;
        return;
    }
    TaiQuantScale q_scale = tai_ref_quant_scale(q, kv->head_dim);
    for (uint32_t c = 0; c < kv->head_dim; c++)
        q8[c] = tai_quant(q[c], q_scale.id);
    for (uint32_t p = begin; p < end; p++)
        scores[p] = dot_key_q8(kv, q8, q_scale.d, p) * scale;
}

/* scores[begin..end) = exp(score - largest); returns their sum */
static float softmax(float *scores, uint32_t begin, uint32_t end) {
    float largest = -__builtin_inff();
    for (uint32_t p = begin; p < end; p++)
        largest = largest < scores[p] ? scores[p] : largest;
    float lane[8] = {0};
    for (uint32_t p = begin; p < end; p++) {
        scores[p] = tai_expf(scores[p] - largest);
        lane[p % 8] += scores[p];
    }
    return tai_lanes_sum(lane);
}

/* weight * V[position][c] */
static float weighted(const TaiKvHead *kv, float weight, uint32_t position, uint32_t c) {
    if (kv->type != TAI_KV_Q8)
        return weight * kv_get(kv, tai_kv_value(kv, position) + c);
    TaiKvGroup group = tai_kv_group(kv, position);
    uint32_t p = position % TAI_KV_GROUP;
    return (weight * group.v_scales[p]) * (float)group.v[p * tai_kv_width(kv->head_dim) + c];
}

void tai_ref_attend(const TaiKvHead *kv, const TaiQueries *queries) {
    uint32_t begin = queries->begin;
    for (uint32_t t = 0; t < queries->n_tokens; t++)
        for (uint32_t h = 0; h < queries->n_heads; h++) {
            size_t at = t * queries->stride + (size_t)h * kv->head_dim;
            uint32_t end = queries->end + t;
            float *scores = queries->scores;
            /* The quantized query lies where the result will. */
            scores_of(kv, queries->q + at, begin, end, queries->scale, scores,
                      (int8_t *)(queries->out + at));
            float sum = softmax(scores, begin, end);
            for (uint32_t c = 0; c < kv->head_dim; c++) {
                float all = 0;
                for (uint32_t p = begin; p < end; p++)
                    all += weighted(kv, scores[p], p, c);
                queries->out[at + c] = all / sum;
            }
        }
}
