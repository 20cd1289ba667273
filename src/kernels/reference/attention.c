/* The KV cache and attention over it.
 *
 *     s[p] = scale * (q . K[p])     8 virtual lanes over the channels, tai_lanes_sum
 *     m = largest s[p]              NaN counts as smallest
 *     e[p] = exp(s[p] - m)
 *     z = sum of e[p]               8 virtual lanes over the absolute positions, tai_lanes_sum
 *     out[c] = (sum over p of e[p] * V[p][c]) / z     positions ascending
 *
 * Nothing depends on how the positions were grouped: prefill and decode agree bit for bit. */
#include "kernels/bits.h"
#include "kernels/kv.h"
#include "kernels/math.h"
#include "kernels/reference/reference.h"

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

void tai_ref_kv_store(const TaiKvHead *kv, uint32_t position, const float *k, const float *v) {
    size_t keys = tai_kv_keys(kv, position) + position % TAI_KV_GROUP;
    size_t value = tai_kv_value(kv, position);
    for (uint32_t c = 0; c < kv->head_dim; c++) {
        kv_set(kv, keys + (size_t)c * TAI_KV_GROUP, k[c]);
        kv_set(kv, value + c, v[c]);
    }
}

/* q[head_dim] . K[position] */
static float dot_key(const TaiKvHead *kv, const float *q, uint32_t position) {
    size_t keys = tai_kv_keys(kv, position) + position % TAI_KV_GROUP;
    float lane[8] = {0};
    for (uint32_t c = 0; c < kv->head_dim; c++)
        lane[c % 8] += q[c] * kv_get(kv, keys + (size_t)c * TAI_KV_GROUP);
    return tai_lanes_sum(lane);
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

void tai_ref_attend(const TaiKvHead *kv, const float *q, uint32_t n_heads, uint32_t begin,
                    uint32_t end, float scale, float *scores, float *out) {
    for (uint32_t h = 0; h < n_heads; h++) {
        const float *q_h = q + (size_t)h * kv->head_dim;
        float *scores_h = scores + (size_t)h * tai_scores_stride(end);
        float *out_h = out + (size_t)h * kv->head_dim;
        for (uint32_t p = begin; p < end; p++)
            scores_h[p] = dot_key(kv, q_h, p) * scale;
        float sum = softmax(scores_h, begin, end);
        for (uint32_t c = 0; c < kv->head_dim; c++) {
            float weighted = 0;
            for (uint32_t p = begin; p < end; p++)
                weighted += scores_h[p] * kv_get(kv, tai_kv_value(kv, p) + c);
            out_h[c] = weighted / sum;
        }
    }
}
