/* Elementary functions with one result on every host: only + - * / sqrt, comparisons and integer
 * operations, so IEEE 754 fixes every bit. */
#ifndef TAI_MATH_H
#define TAI_MATH_H

#include <stdint.h>

float tai_expf(float x); /* f32 arithmetic; SIMD tiers repeat the same operations per lane */
double tai_exp(double x);
double tai_log(double x);                                /* x > 0 */
double tai_pow(double x, double y);                      /* x > 0 */
void tai_sincos(double x, double *sine, double *cosine); /* |x| <= 2^30 */

float tai_f16_to_f32(uint16_t h);
uint16_t
tai_f32_to_f16(float x); /* round to nearest even; overflow gives infinity, NaN stays NaN */
float tai_bf16_to_f32(uint16_t h);

/* The fixed tree that ends every float reduction over 8 virtual lanes. */
static inline float tai_lanes_sum(const float lane[8]) {
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

#endif
