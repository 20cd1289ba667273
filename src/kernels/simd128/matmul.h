/* What the row kernels of this tier have in common. */
#ifndef TAI_SIMD128_MATMUL_H
#define TAI_SIMD128_MATMUL_H

#include "kernels/blocks.h"

enum { TAI_STRIP = 4 }; /* rows that a kernel works on at a time */

/* y[4] = row[0..3] . act, each row k weights; rows may be the same */
typedef void (*TaiStrip)(const uint8_t *const row[TAI_STRIP], uint32_t k, const void *act,
                         float *y);

void tai_simd_strip_q4_0(const uint8_t *const row[TAI_STRIP], uint32_t k, const void *act,
                         float *y);
void tai_simd_strip_q5_0(const uint8_t *const row[TAI_STRIP], uint32_t k, const void *act,
                         float *y);
void tai_simd_strip_q8_0(const uint8_t *const row[TAI_STRIP], uint32_t k, const void *act,
                         float *y);
void tai_simd_strip_q4_k(const uint8_t *const row[TAI_STRIP], uint32_t k, const void *act,
                         float *y);
void tai_simd_strip_q6_k(const uint8_t *const row[TAI_STRIP], uint32_t k, const void *act,
                         float *y);

#endif
