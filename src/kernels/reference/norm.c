/* y = x * (1 / sqrt(mean(x^2) + eps)) * weight, in this order; the sum in 8 virtual lanes. */
#include "kernels/math.h"
#include "kernels/reference/reference.h"

void tai_ref_rms_norm(const float *x, const float *weight, uint32_t n, float eps, float *y) {
    float lane[8] = {0};
    for (uint32_t i = 0; i < n; i++)
        lane[i % 8] += x[i] * x[i];
    float mean = tai_lanes_sum(lane) / (float)n;
    float scale = 1.0f / __builtin_sqrtf(mean + eps);
    for (uint32_t i = 0; i < n; i++)
        y[i] = (x[i] * scale) * weight[i];
}
