/* Conversions between f32 and the two 16-bit formats. */
#include "kernels/bits.h"
#include "kernels/math.h"

/* f16: s eeeee mmmmmmmmmm. value = (-1)^s * 2^(e-15) * 1.m, 2^-14 * 0.m for e = 0, inf/NaN for 31.
 * Shifted into the fields of an f32, the magnitude lacks only the difference of the biases,
 * 2^(127-15): one exact multiplication that also normalizes the subnormals. */
float tai_f16_to_f32(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    uint32_t magnitude = (uint32_t)(h & 0x7FFFu) << 13;
    if (magnitude >= 0x0F800000u) /* e = 31: fill up the wider exponent */
        return tai_f32_from_bits(sign | 0x70000000u | magnitude);
    return tai_f32_from_bits(sign | tai_f32_bits(tai_f32_from_bits(magnitude) * 0x1p112f));
}

uint16_t tai_f32_to_f16(float x) {
    uint32_t bits = tai_f32_bits(x);
    uint32_t sign = bits >> 16 & 0x8000u;
    uint32_t magnitude = bits & 0x7FFFFFFFu;
    uint32_t h;
    if (magnitude > 0x7F800000u) /* NaN: quiet, with what fits of its payload */
        h = 0x7E00u | (magnitude >> 13 & 0x3FFu);
    else if (magnitude >= 0x477FF000u) /* 65520, half way to 2^16 */
        h = 0x7C00u;
    else if (magnitude < 0x38800000u) /* below 2^-14: the ulp of 0.5f is the f16 subnormal step */
        h = tai_f32_bits(tai_f32_from_bits(magnitude) + 0.5f) - 0x3F000000u;
    else /* rebias, then round to nearest even; a carry moves into the exponent as it should */
        h = (magnitude - 0x38000000u + 0xFFFu + (magnitude >> 13 & 1u)) >> 13;
    return (uint16_t)(sign | h);
}

/* bf16 is the upper half of an f32. */
float tai_bf16_to_f32(uint16_t h) {
    return tai_f32_from_bits((uint32_t)h << 16);
}
