/* Eight lanes of 32 bits, as two vectors of NEON. The same names with the same meanings as in
 * kernels/simd128/v8.h. */
#ifndef TAI_NEON_V8_H
#define TAI_NEON_V8_H

#include <arm_neon.h>
#include <stdint.h>

#include "kernels/blocks.h"

typedef struct V8 {
    int32x4_t lo, hi; /* lanes 0..3, 4..7 */
} V8;

/* One operation on lanes of some type, of each half. */
#define V8_EACH(name, type, op)                                                                    \
    TAI_INLINE V8 name(V8 a, V8 b) {                                                               \
        return (V8){vreinterpretq_s32_##type(                                                      \
                        op(vreinterpretq_##type##_s32(a.lo), vreinterpretq_##type##_s32(b.lo))),   \
                    vreinterpretq_s32_##type(                                                      \
                        op(vreinterpretq_##type##_s32(a.hi), vreinterpretq_##type##_s32(b.hi)))};  \
    }
#define V8_EACH_I32(name, op)                                                                      \
    TAI_INLINE V8 name(V8 a, V8 b) {                                                               \
        return (V8){op(a.lo, b.lo), op(a.hi, b.hi)};                                               \
    }

/* ---- memory: any alignment ---- */
TAI_INLINE int32x4_t tai_load128(const void *at) {
    return vreinterpretq_s32_u8(vld1q_u8(at));
}
TAI_INLINE V8 v8_load(const void *at) {
    return (V8){tai_load128(at), tai_load128((const uint8_t *)at + 16)};
}
TAI_INLINE void v8_store(void *at, V8 v) {
    vst1q_u8(at, vreinterpretq_u8_s32(v.lo));
    vst1q_u8((uint8_t *)at + 16, vreinterpretq_u8_s32(v.hi));
}
/* Four bytes from memory in all lanes. */
TAI_INLINE V8 v8_load_splat(const void *at) {
    int32x4_t v = vld1q_dup_s32(at);
    return (V8){v, v};
}
/* 16 int8 from memory as 16 int16. */
TAI_INLINE V8 v8_load_widened(const int8_t *at) {
    int8x16_t v = vld1q_s8(at);
    return (V8){vreinterpretq_s32_s16(vmovl_s8(vget_low_s8(v))),
                vreinterpretq_s32_s16(vmovl_high_s8(v))};
}

/* Brings a line into the cache. */
TAI_INLINE void v8_ask_for(const uint8_t *at) {
    __builtin_prefetch(at);
}

/* ---- constants ---- */
TAI_INLINE V8 v8_splat32(int32_t x) {
    int32x4_t v = vdupq_n_s32(x);
    return (V8){v, v};
}
TAI_INLINE V8 v8_zero(void) {
    return v8_splat32(0);
}
TAI_INLINE V8 v8_splat8(int8_t x) {
    int32x4_t v = vreinterpretq_s32_s8(vdupq_n_s8(x));
    return (V8){v, v};
}
TAI_INLINE V8 v8_splat16(int16_t x) {
    int32x4_t v = vreinterpretq_s32_s16(vdupq_n_s16(x));
    return (V8){v, v};
}
TAI_INLINE V8 v8_splat_f32(float x) {
    int32x4_t v = vreinterpretq_s32_f32(vdupq_n_f32(x));
    return (V8){v, v};
}

/* ---- bits ---- */
V8_EACH_I32(v8_and, vandq_s32)
V8_EACH_I32(v8_or, vorrq_s32)
V8_EACH_I32(v8_xor, veorq_s32)
/* Logical shifts of lanes of 16 bits, by a constant: bits cross from byte to byte. */
TAI_INLINE int32x4_t tai_shift16(int32x4_t a, int32_t left) {
    return vreinterpretq_s32_u16(vshlq_u16(vreinterpretq_u16_s32(a), vdupq_n_s16((int16_t)left)));
}
TAI_INLINE V8 v8_shl16(V8 a, uint32_t n) {
    return (V8){tai_shift16(a.lo, (int32_t)n), tai_shift16(a.hi, (int32_t)n)};
}
TAI_INLINE V8 v8_shr16(V8 a, uint32_t n) {
    return (V8){tai_shift16(a.lo, -(int32_t)n), tai_shift16(a.hi, -(int32_t)n)};
}
TAI_INLINE V8 v8_shl32(V8 a, uint32_t n) {
    int32x4_t left = vdupq_n_s32((int32_t)n);
    return (V8){vshlq_s32(a.lo, left), vshlq_s32(a.hi, left)};
}
/* Arithmetic. */
TAI_INLINE V8 v8_sar32(V8 a, uint32_t n) {
    int32x4_t left = vdupq_n_s32(-(int32_t)n);
    return (V8){vshlq_s32(a.lo, left), vshlq_s32(a.hi, left)};
}

/* ---- integers ---- */
V8_EACH(v8_add16, s16, vaddq_s16)
V8_EACH_I32(v8_add32, vaddq_s32)
V8_EACH_I32(v8_sub32, vsubq_s32)
V8_EACH_I32(v8_mul32, vmulq_s32)
V8_EACH_I32(v8_max32, vmaxq_s32)
V8_EACH(v8_mul16, s16, vmulq_s16)
TAI_INLINE int32x4_t tai_madd16(int32x4_t a, int32x4_t b) {
    int16x8_t p = vreinterpretq_s16_s32(a), q = vreinterpretq_s16_s32(b);
    return vpaddq_s32(vmull_s16(vget_low_s16(p), vget_low_s16(q)), vmull_high_s16(p, q));
}
/* Per lane: the two int16 of a times those of b, added. */
V8_EACH_I32(v8_madd16, tai_madd16)

/* ---- floats ---- */
TAI_INLINE float32x4_t tai_lesser(float32x4_t a, float32x4_t b) {
    return vbslq_f32(vcltq_f32(a, b), a, b);
}
TAI_INLINE float32x4_t tai_greater(float32x4_t a, float32x4_t b) {
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}
V8_EACH(v8_add, f32, vaddq_f32)
V8_EACH(v8_sub, f32, vsubq_f32)
V8_EACH(v8_mul, f32, vmulq_f32)
V8_EACH(v8_div, f32, vdivq_f32)
TAI_INLINE V8 v8_f32_of_i32(V8 a) {
    return (V8){vreinterpretq_s32_f32(vcvtq_f32_s32(a.lo)),
                vreinterpretq_s32_f32(vcvtq_f32_s32(a.hi))};
}
/* The lesser and the greater; b where a lane holds a NaN, and of two zeros: FMIN and FMAX would give the NaN. */
V8_EACH(v8_min, f32, tai_lesser)
V8_EACH(v8_max, f32, tai_greater)

/* ---- across lanes ---- */

/* The largest of eight int32. */
TAI_INLINE int32_t v8_largest32(V8 a) {
    return vmaxvq_s32(vmaxq_s32(a.lo, a.hi));
}
/* The sum of eight int32. */
TAI_INLINE int32_t v8_sum32(V8 a) {
    return vaddvq_s32(vaddq_s32(a.lo, a.hi));
}
/* Of lanes 0..3 and of lanes 4..7 the middle two exchanged. */
TAI_INLINE int32x4_t tai_swap_middle(int32x4_t a) {
    return vzip1q_s32(a, vextq_s32(a, a, 2));
}
TAI_INLINE V8 v8_swap_middle(V8 a) {
    return (V8){tai_swap_middle(a.lo), tai_swap_middle(a.hi)};
}
/* 32 int8, or 16 int16, out of lanes of 32 bits that hold such. */
TAI_INLINE int16x8_t tai_narrowed(V8 a) {
    return vmovn_high_s32(vmovn_s32(a.lo), a.hi);
}
TAI_INLINE void v8_store_i16(int16_t *at, V8 a, V8 b) {
    vst1q_s16(at, tai_narrowed(a));
    vst1q_s16(at + 8, tai_narrowed(b));
}
TAI_INLINE void v8_store_i8(int8_t *at, V8 a, V8 b, V8 c, V8 d) {
    vst1q_s8(at, vmovn_high_s16(vmovn_s16(tai_narrowed(a)), tai_narrowed(b)));
    vst1q_s8(at + 16, vmovn_high_s16(vmovn_s16(tai_narrowed(c)), tai_narrowed(d)));
}

/* ---- formats ---- */

/* Eight f16 from memory as tai_f16_weight reads them: NaN counts as infinity of its sign. */
TAI_INLINE V8 v8_load_f16(const void *at) {
    int16x8_t h = vreinterpretq_s16_u8(vld1q_u8(at));
    h = vminq_s16(h, vdupq_n_s16(0x7C00)); /* without a sign: +NaN */
    uint16x8_t bits = vminq_u16(vreinterpretq_u16_s16(h), vdupq_n_u16(0xFC00)); /* with it */
    float16x8_t x = vreinterpretq_f16_u16(bits);
    return (V8){vreinterpretq_s32_f32(vcvt_f32_f16(vget_low_f16(x))),
                vreinterpretq_s32_f32(vcvt_high_f32_f16(x))};
}
/* Eight bf16 from memory as floats. */
TAI_INLINE V8 v8_load_bf16(const void *at) {
    uint16x8_t h = vreinterpretq_u16_u8(vld1q_u8(at));
    return (V8){vreinterpretq_s32_u32(vshll_n_u16(vget_low_u16(h), 16)),
                vreinterpretq_s32_u32(vshll_high_n_u16(h, 16))};
}
/* Eight int8 from memory as floats. */
TAI_INLINE V8 v8_load_i8_as_f32(const int8_t *at) {
    int16x8_t w = vmovl_s8(vld1_s8(at));
    return v8_f32_of_i32((V8){vmovl_s16(vget_low_s16(w)), vmovl_high_s16(w)});
}
/* Of each lane's two int16 the low one, or the high one, twice. */
TAI_INLINE int32x4_t tai_low16_twice(int32x4_t a) {
    int16x8_t v = vreinterpretq_s16_s32(a);
    return vreinterpretq_s32_s16(vtrn1q_s16(v, v));
}
TAI_INLINE V8 v8_low16_twice(V8 a) {
    return (V8){tai_low16_twice(a.lo), tai_low16_twice(a.hi)};
}
TAI_INLINE int32x4_t tai_high16_twice(int32x4_t a) {
    int16x8_t v = vreinterpretq_s16_s32(a);
    return vreinterpretq_s32_s16(vtrn2q_s16(v, v));
}
TAI_INLINE V8 v8_high16_twice(V8 a) {
    return (V8){tai_high16_twice(a.lo), tai_high16_twice(a.hi)};
}
/* table[each byte of a], which is below 16; table: 16 bytes in both halves. */
V8_EACH(v8_lookup, u8, vqtbl1q_u8)
TAI_INLINE V8 v8_load_twice(const void *at) { /* 16 bytes from memory in both halves */
    int32x4_t v = tai_load128(at);
    return (V8){v, v};
}

/* ---- what moves between lanes ---- */

/* Neighbours change places: {1, 0, 3, 2, 5, 4, 7, 6}. */
TAI_INLINE V8 v8_swap_pairs(V8 a) {
    return (V8){vrev64q_s32(a.lo), vrev64q_s32(a.hi)};
}
/* Of each two neighbours the first one, or the second one, twice. */
TAI_INLINE V8 v8_first_of_pairs(V8 a) {
    return (V8){vtrn1q_s32(a.lo, a.lo), vtrn1q_s32(a.hi, a.hi)};
}
TAI_INLINE V8 v8_second_of_pairs(V8 a) {
    return (V8){vtrn2q_s32(a.lo, a.lo), vtrn2q_s32(a.hi, a.hi)};
}
/* Stores eight int32 from -128 to 127 as int8. */
TAI_INLINE void v8_store_i8x8(int8_t *at, V8 a) {
    vst1_s8(at, vmovn_s16(tai_narrowed(a)));
}

#endif
