/* F32, F16 and BF16 rows: little-endian numbers back to back, any length.
 *
 * The dot product takes the activations as they are, f32, and sums in 8 virtual lanes: product i
 * goes to lane i mod 8, ascending, and tai_lanes_sum ends it. A tail goes on in its lanes. */
#include "kernels/bits.h"
#include "kernels/math.h"
#include "kernels/reference/reference.h"

float tai_ref_dot_f32(const void *w, const void *act, uint32_t k) {
    const float *row = w, *x = act;
    float lane[8] = {0};
    for (uint32_t i = 0; i < k; i++)
        lane[i % 8] += row[i] * x[i];
    return tai_lanes_sum(lane);
}

float tai_ref_dot_f16(const void *w, const void *act, uint32_t k) {
    const uint16_t *row = w;
    const float *x = act;
    float lane[8] = {0};
    for (uint32_t i = 0; i < k; i++)
        lane[i % 8] += tai_f16_weight(row[i]) * x[i];
    return tai_lanes_sum(lane);
}

float tai_ref_dot_bf16(const void *w, const void *act, uint32_t k) {
    const uint16_t *row = w;
    const float *x = act;
    float lane[8] = {0};
    for (uint32_t i = 0; i < k; i++)
        lane[i % 8] += tai_bf16_to_f32(row[i]) * x[i];
    return tai_lanes_sum(lane);
}

void tai_ref_dequantize_f32(const void *w, uint32_t n, float *y) {
    const float *row = w;
    for (uint32_t i = 0; i < n; i++)
        y[i] = row[i];
}

void tai_ref_dequantize_f16(const void *w, uint32_t n, float *y) {
    const uint16_t *row = w;
    for (uint32_t i = 0; i < n; i++)
        y[i] = tai_f16_weight(row[i]);
}

void tai_ref_dequantize_bf16(const void *w, uint32_t n, float *y) {
    const uint16_t *row = w;
    for (uint32_t i = 0; i < n; i++)
        y[i] = tai_bf16_to_f32(row[i]);
}
