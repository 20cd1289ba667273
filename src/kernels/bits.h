/* The bit patterns of floats, and the two conversions to integers that are safe for any input. */
#ifndef TAI_BITS_H
#define TAI_BITS_H

#include <stdint.h>
#include <string.h>

static inline uint32_t tai_f32_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float tai_f32_from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint64_t tai_f64_bits(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double tai_f64_from_bits(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* An f16 of a weight, a scale or the KV cache. Its fields, moved to those of an f32, lack only the
 * difference of the biases, 2^(127 - 15): an exact product, subnormals included. The next one
 * overflows where the exponent was 31, so that infinity and NaN both read as infinity: two
 * multiplications, where vectors would need four operations to tell them apart. (tai_f16_to_f32
 * does.) */
static inline float tai_f16_weight(uint16_t h) {
    float x = tai_f32_from_bits((uint32_t)(h & 0x8000u) << 16 | (uint32_t)(h & 0x7FFFu) << 13);
    return ((x * 0x1p112f) * 0x1p112f) * 0x1p-112f;
}

/* Adding 1.5 * 2^23 rounds |x| < 2^22 to the nearest integer, ties to even, and leaves that integer
 * in the low bits. A float -> int cast would be undefined (and trap in wasm) for NaN and large
 * values; here those give some integer. */
#define TAI_ROUND_F32 12582912.0f
#define TAI_ROUND_F32_BITS 0x4B400000u
/* The same for doubles below 2^51. */
#define TAI_ROUND_F64 6755399441055744.0

/* The integer that x + TAI_ROUND_F32 holds. */
static inline int32_t tai_rounded_f32(float sum) {
    return (int32_t)(tai_f32_bits(sum) - TAI_ROUND_F32_BITS);
}

static inline int32_t tai_rounded_f64(double sum) {
    return (int32_t)(uint32_t)tai_f64_bits(sum);
}

#endif
