/* Activations to this tier's forms (activations.h); the arithmetic is that of kernels/quantize.h. */
#include "kernels/quantize.h"

#include "kernels/avx2/activations.h"
#include "kernels/avx2/avx2.h"
#include "kernels/avx2/vectors.h"

/* The scale of x[n], n a multiple of 8. */
static inline TaiQuantScale scale_of(const float *x, uint32_t n) {
    __m256i magnitude = _mm256_set1_epi32(0x7FFFFFFF), amax = _mm256_setzero_si256();
    for (uint32_t i = 0; i < n; i += 8)
        amax = _mm256_max_epi32(amax, _mm256_and_si256(tai_load256(x + i), magnitude));
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(amax), _mm256_extracti128_si256(amax, 1));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0xB1));
    return tai_quant_scale((uint32_t)_mm_cvtsi128_si32(four));
}

/* tai_quant of 8 values, as int32. The conversion rounds to nearest even too. */
TAI_INLINE __m256i quant8(const float *x, __m256 id) {
    __m256 q = _mm256_mul_ps(_mm256_loadu_ps(x), id);
    q = _mm256_max_ps(q, _mm256_set1_ps(-127.0f)); /* the second operand where q is NaN */
    q = _mm256_min_ps(q, _mm256_set1_ps(127.0f));
    return _mm256_cvtps_epi32(q);
}

/* q[32] = tai_quant of 32 values; returns them */
TAI_INLINE __m256i quant32(const float *x, float id, int8_t *q) {
    __m256 ids = _mm256_set1_ps(id);
    __m256i low = _mm256_packs_epi32(quant8(x, ids), quant8(x + 8, ids));
    __m256i high = _mm256_packs_epi32(quant8(x + 16, ids), quant8(x + 24, ids));
    /* Packed per half: fours 0 2 4 6 and 1 3 5 7. */
    __m256i all = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high),
                                              _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256((__m256i *)(void *)q, all);
    return all;
}

/* The sums of 16 int8 each. */
typedef struct Sums {
    int32_t low, high;
} Sums;

TAI_INLINE Sums sums_of(__m256i q) {
    __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), q);
    __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    fours = _mm256_add_epi32(fours, _mm256_shuffle_epi32(fours, 0x4E));
    fours = _mm256_add_epi32(fours, _mm256_shuffle_epi32(fours, 0xB1));
    return (Sums){_mm_cvtsi128_si32(_mm256_castsi256_si128(fours)),
                  _mm_cvtsi128_si32(_mm256_extracti128_si256(fours, 1))};
}

static void quantize_32(const float *x, uint32_t k, void *act) {
    int8_t *q = act;
    float *d = (float *)tai_act_d(act, k);
    int32_t *sums = (int32_t *)tai_act_sums(act, k);
    for (uint32_t b = 0; b < k / TAI_BLOCK; b++, x += TAI_BLOCK, q += TAI_BLOCK) {
        TaiQuantScale scale = scale_of(x, TAI_BLOCK);
        Sums sum = sums_of(quant32(x, scale.id, q));
        d[b] = scale.d;
        sums[b] = (sum.low + sum.high) * TAI_ACT_SUM_FACTOR;
    }
}

static void quantize_256(const float *x, uint32_t k, void *act) {
    int8_t *q = act;
    float *d = (float *)tai_act_d(act, k);
    int16_t *sums16 = (int16_t *)tai_act_sums16(act, k);
    int16_t *sums32 = (int16_t *)tai_act_sums32(act, k);
    for (uint32_t b = 0; b < k / TAI_SUPERBLOCK; b++) {
        TaiQuantScale scale = scale_of(x, TAI_SUPERBLOCK);
        d[b] = scale.d;
        for (uint32_t i = 0; i < TAI_SUPERBLOCK / 32; i++, x += 32, q += 32) {
            Sums sum = sums_of(quant32(x, scale.id, q));
            *sums16++ = (int16_t)sum.low;
            *sums16++ = (int16_t)sum.high;
            *sums32++ = (int16_t)(sum.low + sum.high);
        }
    }
}

void tai_avx2_quantize(TaiActForm form, const float *x, uint32_t k, void *act) {
    if (form == TAI_ACT_F32)
        memcpy(act, x, (size_t)k * sizeof *x);
    else if (form == TAI_ACT_Q8_256N)
        quantize_256(x, k, act);
    else
        quantize_32(x, k, act);
}
