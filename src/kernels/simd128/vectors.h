/* Small vector helpers of this tier.
 *
 * Four rows are worked on at a time: each gives a vector of partial sums, four of those are summed into
 * one vector with a lane per row, and all float arithmetic is on such vectors.
 *
 * V8 orders the pure operations of a loop body breadth-first: the work on four rows overlaps, needs more
 * than the 15 vector registers there are, and spills. Memory operations it keeps in order. So what a row
 * gives is parked in a volatile: the next row cannot begin before, and the rest stays in registers
 * (Q4_0 in Node 20: 21 -> 25 G multiply-adds/s). */
#ifndef TAI_SIMD128_VECTORS_H
#define TAI_SIMD128_VECTORS_H

#include <stdint.h>
#include <wasm_simd128.h>

/* The sums of a and b in pairs: {a0 + a2, b0 + b2, a1 + a3, b1 + b3}. */
static inline v128_t tai_sum_pairs(v128_t a, v128_t b) {
    return wasm_i32x4_add(wasm_i32x4_shuffle(a, b, 0, 4, 1, 5),
                          wasm_i32x4_shuffle(a, b, 2, 6, 3, 7));
}

/* {sum a, sum b, sum c, sum d} of ab = tai_sum_pairs(a, b), cd = tai_sum_pairs(c, d) */
static inline v128_t tai_sum_rows(v128_t ab, v128_t cd) {
    return wasm_i32x4_add(wasm_i64x2_shuffle(ab, cd, 0, 2), wasm_i64x2_shuffle(ab, cd, 1, 3));
}

/* Parks a vector in memory, see above. */
typedef int32_t TaiParked __attribute__((vector_size(16)));

/* {a, a, a, a, b, b, b, b}, int16 from memory: a shuffle would cost V8 three more instructions, for
 * the mask. */
static inline v128_t tai_splat_two(const int16_t *a, const int16_t *b) {
    return wasm_i64x2_shuffle(wasm_v128_load16_splat(a), wasm_v128_load16_splat(b), 0, 2);
}

/* The 16 bits at four addresses in the low halves of the four lanes. The 16 bits after them are
 * read too, and lie in the high halves. */
static inline v128_t tai_load16x4(const uint8_t *a, const uint8_t *b, const uint8_t *c,
                                  const uint8_t *d) {
    v128_t h = wasm_v128_load32_zero(a);
    h = wasm_v128_load32_lane(b, h, 1);
    h = wasm_v128_load32_lane(c, h, 2);
    return wasm_v128_load32_lane(d, h, 3);
}

/* tai_f16_weight, from the fields of f16 moved to those of f32 */
static inline v128_t tai_f16_rebias(v128_t x) {
    x = wasm_f32x4_mul(x, wasm_f32x4_const_splat(0x1p112f));
    x = wasm_f32x4_mul(x, wasm_f32x4_const_splat(0x1p112f));
    return wasm_f32x4_mul(x, wasm_f32x4_const_splat(0x1p-112f));
}

/* tai_f16_weight of the low 16 bits of each lane */
static inline v128_t tai_f16x4(v128_t h) {
    v128_t fields = wasm_i32x4_shr(wasm_i32x4_shl(h, 16), 3); /* and three times the sign */
    return tai_f16_rebias(wasm_v128_and(fields, wasm_i32x4_const_splat((int32_t)0x8FFFE000u)));
}

/* The fields of four neighbouring f16 in memory, moved to those of f32 */
static inline v128_t tai_load_f16_fields(const void *at) {
    v128_t fields = wasm_i32x4_shl(wasm_i32x4_load16x4(at), 13); /* and three times the sign */
    return wasm_v128_and(fields, wasm_i32x4_const_splat((int32_t)0x8FFFE000u));
}

/* tai_f16_weight of four neighbours in memory */
static inline v128_t tai_load_f16x4(const void *at) {
    return tai_f16_rebias(tai_load_f16_fields(at));
}

/* The same, but never with a subnormal operand, which costs Intel processors some 150 cycles; the
 * scales of K-quants are subnormal as a rule. With 1.m for the mantissa, 0.m = 2 * (1.m - 1/2) - 1:
 * less than 1.m where the exponent is 0, and not less where it is not. */
static inline v128_t tai_f16x4_small(v128_t h) {
    v128_t sign = wasm_v128_and(wasm_i32x4_shl(h, 16), wasm_i32x4_const_splat(INT32_MIN));
    v128_t fields = wasm_v128_and(wasm_i32x4_shl(h, 13), wasm_i32x4_const_splat(0x0FFFE000));
    v128_t normal = wasm_i32x4_add(fields, wasm_i32x4_const_splat(112 << 23));
    v128_t subnormal =
        wasm_f32x4_sub(wasm_f32x4_add(normal, normal), wasm_f32x4_const_splat(0x1p-14f));
    v128_t x = wasm_f32x4_pmin(subnormal, normal);
    x = wasm_f32x4_mul(x, wasm_f32x4_const_splat(0x1p112f));
    x = wasm_f32x4_mul(x, wasm_f32x4_const_splat(0x1p-112f));
    return wasm_v128_or(x, sign);
}

#endif
