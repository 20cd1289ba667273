/* reference/norm.c and reference/elementwise.c with vectors; the last n mod 8 elements alone. */
#include "kernels/avx2/avx2.h"
#include "kernels/avx2/expf.h"
#include "kernels/math.h"

void tai_avx2_rms_norm(const float *x, const float *weight, uint32_t n, float eps, float *y) {
    __m256 sum = _mm256_setzero_ps(); /* the 8 virtual lanes */
    uint32_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 a = _mm256_loadu_ps(x + i);
        sum = _mm256_add_ps(sum, _mm256_mul_ps(a, a));
    }
    float lane[8];
    _mm256_storeu_ps(lane, sum);
    for (; i < n; i++)
        lane[i % 8] += x[i] * x[i];
    float mean = tai_lanes_sum(lane) / (float)n;
    float scale = 1.0f / __builtin_sqrtf(mean + eps);
    __m256 scales = _mm256_set1_ps(scale);
    for (i = 0; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, _mm256_mul_ps(_mm256_mul_ps(_mm256_loadu_ps(x + i), scales),
                                              _mm256_loadu_ps(weight + i)));
    for (; i < n; i++)
        y[i] = (x[i] * scale) * weight[i];
}

void tai_avx2_add(float *x, const float *y, uint32_t n) {
    uint32_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(x + i, _mm256_add_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i)));
    for (; i < n; i++)
        x[i] += y[i];
}

void tai_avx2_swiglu(float *gate, const float *up, uint32_t n) {
    uint32_t i = 0;
    __m256 one = _mm256_set1_ps(1.0f), sign = _mm256_set1_ps(-0.0f);
    for (; i + 8 <= n; i += 8) {
        __m256 g = _mm256_loadu_ps(gate + i);
        __m256 e = _mm256_add_ps(one, tai_expf8(_mm256_xor_ps(g, sign)));
        _mm256_storeu_ps(gate + i, _mm256_mul_ps(_mm256_div_ps(g, e), _mm256_loadu_ps(up + i)));
    }
    for (; i < n; i++)
        gate[i] = (gate[i] / (1.0f + tai_expf(-gate[i]))) * up[i];
}

/* Four pairs {a, b} turned by {cos, sin}: {a cos - b sin, b cos + a sin}. */
static inline __m256 turn(__m256 x, __m256 cs) {
    const __m256 even_signs = _mm256_setr_ps(-0.0f, 0, -0.0f, 0, -0.0f, 0, -0.0f, 0);
    __m256 swapped = _mm256_permute_ps(x, 0xB1);
    /* a cos - b sin is exactly a cos + b (-sin). */
    __m256 sines = _mm256_xor_ps(_mm256_movehdup_ps(cs), even_signs);
    return _mm256_add_ps(_mm256_mul_ps(x, _mm256_moveldup_ps(cs)), _mm256_mul_ps(swapped, sines));
}

void tai_avx2_rope(float *x, uint32_t n_heads, uint32_t head_dim, const float *cs,
                   uint32_t rope_dims) {
    for (uint32_t h = 0; h < n_heads; h++) {
        float *head = x + (size_t)h * head_dim;
        uint32_t i = 0;
        for (; i + 8 <= rope_dims; i += 8)
            _mm256_storeu_ps(head + i, turn(_mm256_loadu_ps(head + i), _mm256_loadu_ps(cs + i)));
        for (; i + 1 < rope_dims; i += 2) {
            float a = head[i], b = head[i + 1];
            head[i] = a * cs[i] + b * -cs[i + 1];
            head[i + 1] = a * cs[i + 1] + b * cs[i];
        }
    }
}
