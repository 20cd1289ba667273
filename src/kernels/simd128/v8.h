/* Eight lanes of 32 bits, as two vectors of WebAssembly. What the kernels in kernels/vector/ are written in; each
 * tier has a v8.h with these names. A lane holds a float, an int32, two int16 or four bytes. */
#ifndef TAI_SIMD128_V8_H
#define TAI_SIMD128_V8_H

#include <stdint.h>
#include <wasm_simd128.h>

#include "kernels/bits.h"
#include "kernels/blocks.h"

typedef struct V8 {
    v128_t lo, hi; /* lanes 0..3, 4..7 */
} V8;

#define V8_EACH(name, op)                                                                          \
    TAI_INLINE V8 name(V8 a, V8 b) {                                                               \
        return (V8){op(a.lo, b.lo), op(a.hi, b.hi)};                                               \
    }

/* ---- memory: any alignment ---- */
TAI_INLINE V8 v8_load(const void *at) {
    return (V8){wasm_v128_load(at), wasm_v128_load((const uint8_t *)at + 16)};
}
TAI_INLINE void v8_store(void *at, V8 v) {
    wasm_v128_store(at, v.lo);
    wasm_v128_store((uint8_t *)at + 16, v.hi);
}
/* Four bytes from memory in all lanes. */
TAI_INLINE V8 v8_load_splat(const void *at) {
    v128_t v = wasm_v128_load32_splat(at);
    return (V8){v, v};
}
/* 16 int8 from memory as 16 int16. */
TAI_INLINE V8 v8_load_widened(const int8_t *at) {
    return (V8){wasm_i16x8_load8x8(at), wasm_i16x8_load8x8(at + 8)};
}

/* There is no instruction for it, and a load that nothing waits for costs more than it saves: panels are one
 * stream, which hardware prefetchers follow. */
TAI_INLINE void v8_ask_for(const uint8_t *at) {
    (void)at;
}

/* ---- constants ---- */

/* V8 builds a constant vector anew at each use, in three instructions. One that is loaded stays in a register; so
 * those that loops use lie in memory, in a file of their own so that no compiler looks. */
#define TAI_SPLATS(one)                                                                            \
    one(0x0F0F0F0F) one(0x10101010) one(0x30303030) one(0x03030303) one(0x04040404)                \
        one(0x00FF00FF) one(0x00010001) one(0x7FFFFFFF) /* quants, a sign */                       \
        one(0x8FFFE000) one(0x77800000) one(0x07800000) /* f16: fields, 2^112, 2^-112 */           \
        one(0xC2FE0000) one(0x42FE0000) one(0x4B400000) /* -127, 127, TAI_ROUND_F32 */
#define TAI_SPLAT_MEMBER(bits) int32_t x##bits;
extern const struct TaiSplats {
    TAI_SPLATS(TAI_SPLAT_MEMBER)
} tai_splats;

TAI_INLINE V8 v8_zero(void) {
    return (V8){wasm_i32x4_const_splat(0), wasm_i32x4_const_splat(0)};
}
TAI_INLINE V8 v8_splat32(int32_t x) {
#define TAI_SPLAT_CASE(bits)                                                                       \
    case bits:                                                                                     \
        v = wasm_v128_load32_splat(&tai_splats.x##bits);                                           \
        break;
    v128_t v;
    switch ((uint32_t)x) {
        TAI_SPLATS(TAI_SPLAT_CASE)
    default:
        v = wasm_i32x4_splat(x);
    }
    return (V8){v, v};
}
TAI_INLINE V8 v8_splat8(int8_t x) {
    return v8_splat32((int32_t)((uint8_t)x * 0x01010101u));
}
TAI_INLINE V8 v8_splat16(int16_t x) {
    return v8_splat32((int32_t)((uint16_t)x * 0x00010001u));
}
TAI_INLINE V8 v8_splat_f32(float x) {
    return v8_splat32((int32_t)tai_f32_bits(x));
}

/* ---- bits ---- */
V8_EACH(v8_and, wasm_v128_and)
V8_EACH(v8_or, wasm_v128_or)
V8_EACH(v8_xor, wasm_v128_xor)
/* Logical shifts of lanes of 16 bits, by a constant: bits cross from byte to byte. */
TAI_INLINE V8 v8_shl16(V8 a, uint32_t n) {
    return (V8){wasm_i16x8_shl(a.lo, n), wasm_i16x8_shl(a.hi, n)};
}
TAI_INLINE V8 v8_shr16(V8 a, uint32_t n) {
    return (V8){wasm_u16x8_shr(a.lo, n), wasm_u16x8_shr(a.hi, n)};
}
TAI_INLINE V8 v8_shl32(V8 a, uint32_t n) {
    return (V8){wasm_i32x4_shl(a.lo, n), wasm_i32x4_shl(a.hi, n)};
}
/* Arithmetic. */
TAI_INLINE V8 v8_sar32(V8 a, uint32_t n) {
    return (V8){wasm_i32x4_shr(a.lo, n), wasm_i32x4_shr(a.hi, n)};
}

/* ---- integers ---- */
V8_EACH(v8_add16, wasm_i16x8_add)
V8_EACH(v8_add32, wasm_i32x4_add)
V8_EACH(v8_sub32, wasm_i32x4_sub)
V8_EACH(v8_mul32, wasm_i32x4_mul)
V8_EACH(v8_max32, wasm_i32x4_max)
V8_EACH(v8_mul16, wasm_i16x8_mul)
/* Per lane: the two int16 of a times those of b, added. */
V8_EACH(v8_madd16, wasm_i32x4_dot_i16x8)

/* ---- floats ---- */
V8_EACH(v8_add, wasm_f32x4_add)
V8_EACH(v8_sub, wasm_f32x4_sub)
V8_EACH(v8_mul, wasm_f32x4_mul)
V8_EACH(v8_div, wasm_f32x4_div)
TAI_INLINE V8 v8_f32_of_i32(V8 a) {
    return (V8){wasm_f32x4_convert_i32x4(a.lo), wasm_f32x4_convert_i32x4(a.hi)};
}
/* The lesser and the greater; b where a lane holds a NaN (a < b ? a : b is what the reference writes). */
TAI_INLINE V8 v8_min(V8 a, V8 b) {
    return (V8){wasm_f32x4_pmin(b.lo, a.lo), wasm_f32x4_pmin(b.hi, a.hi)};
}
TAI_INLINE V8 v8_max(V8 a, V8 b) {
    return (V8){wasm_f32x4_pmax(b.lo, a.lo), wasm_f32x4_pmax(b.hi, a.hi)};
}

/* ---- across lanes ---- */

TAI_INLINE v128_t tai_swap_halves(v128_t a) {
    return wasm_i64x2_shuffle(a, a, 1, 0);
}
TAI_INLINE v128_t tai_swap_lanes(v128_t a) {
    return wasm_i32x4_shuffle(a, a, 1, 0, 3, 2);
}
/* The largest of eight int32. */
TAI_INLINE int32_t v8_largest32(V8 a) {
    v128_t m = wasm_i32x4_max(a.lo, a.hi);
    m = wasm_i32x4_max(m, tai_swap_halves(m));
    return wasm_i32x4_extract_lane(wasm_i32x4_max(m, tai_swap_lanes(m)), 0);
}
/* The sum of eight int32. */
TAI_INLINE int32_t v8_sum32(V8 a) {
    v128_t s = wasm_i32x4_add(a.lo, a.hi);
    s = wasm_i32x4_add(s, tai_swap_halves(s));
    return wasm_i32x4_extract_lane(wasm_i32x4_add(s, tai_swap_lanes(s)), 0);
}
/* Of lanes 0..3 and of lanes 4..7 the middle two exchanged. */
TAI_INLINE V8 v8_swap_middle(V8 a) {
    return (V8){wasm_i32x4_shuffle(a.lo, a.lo, 0, 2, 1, 3),
                wasm_i32x4_shuffle(a.hi, a.hi, 0, 2, 1, 3)};
}
/* 32 int8, or 16 int16, out of lanes of 32 bits that hold such. */
TAI_INLINE void v8_store_i16(int16_t *at, V8 a, V8 b) {
    wasm_v128_store(at, wasm_i16x8_narrow_i32x4(a.lo, a.hi));
    wasm_v128_store(at + 8, wasm_i16x8_narrow_i32x4(b.lo, b.hi));
}
TAI_INLINE void v8_store_i8(int8_t *at, V8 a, V8 b, V8 c, V8 d) {
    wasm_v128_store(at, wasm_i8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(a.lo, a.hi),
                                                wasm_i16x8_narrow_i32x4(b.lo, b.hi)));
    wasm_v128_store(at + 16, wasm_i8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(c.lo, c.hi),
                                                     wasm_i16x8_narrow_i32x4(d.lo, d.hi)));
}

/* ---- formats ---- */

/* tai_f16_weight of four f16. */
TAI_INLINE v128_t tai_load_f16x4(const void *at) {
    /* The fields of f16 moved to those of f32, and three times the sign. */
    v128_t fields = wasm_i32x4_shl(wasm_i32x4_load16x4(at), 13);
    v128_t x = wasm_v128_and(fields, v8_splat32((int32_t)0x8FFFE000u).lo);
    x = wasm_f32x4_mul(x, v8_splat_f32(0x1p112f).lo);
    x = wasm_f32x4_mul(x, v8_splat_f32(0x1p112f).lo);
    return wasm_f32x4_mul(x, v8_splat_f32(0x1p-112f).lo);
}
/* Eight f16 from memory as tai_f16_weight reads them. */
TAI_INLINE V8 v8_load_f16(const void *at) {
    return (V8){tai_load_f16x4(at), tai_load_f16x4((const uint8_t *)at + 8)};
}
/* Eight bf16 from memory as floats. */
TAI_INLINE V8 v8_load_bf16(const void *at) {
    return (V8){wasm_i32x4_shl(wasm_u32x4_load16x4(at), 16),
                wasm_i32x4_shl(wasm_u32x4_load16x4((const uint8_t *)at + 8), 16)};
}
/* Eight int8 from memory as floats. */
TAI_INLINE V8 v8_load_i8_as_f32(const int8_t *at) {
    v128_t w = wasm_i16x8_load8x8(at);
    return v8_f32_of_i32((V8){wasm_i32x4_extend_low_i16x8(w), wasm_i32x4_extend_high_i16x8(w)});
}
/* Of each lane's two int16 the low one, or the high one, twice. */
TAI_INLINE V8 v8_low16_twice(V8 a) {
    return (V8){wasm_i16x8_shuffle(a.lo, a.lo, 0, 0, 2, 2, 4, 4, 6, 6),
                wasm_i16x8_shuffle(a.hi, a.hi, 0, 0, 2, 2, 4, 4, 6, 6)};
}
TAI_INLINE V8 v8_high16_twice(V8 a) {
    return (V8){wasm_i16x8_shuffle(a.lo, a.lo, 1, 1, 3, 3, 5, 5, 7, 7),
                wasm_i16x8_shuffle(a.hi, a.hi, 1, 1, 3, 3, 5, 5, 7, 7)};
}
/* table[each byte of a], which is below 16; table: 16 bytes in both halves. */
TAI_INLINE V8 v8_lookup(V8 table, V8 a) {
#ifdef __wasm_relaxed_simd__ /* the same below 16, without a check */
    return (V8){wasm_i8x16_relaxed_swizzle(table.lo, a.lo),
                wasm_i8x16_relaxed_swizzle(table.hi, a.hi)};
#else
    return (V8){wasm_i8x16_swizzle(table.lo, a.lo), wasm_i8x16_swizzle(table.hi, a.hi)};
#endif
}
TAI_INLINE V8 v8_load_twice(const void *at) { /* 16 bytes from memory in both halves */
    return (V8){wasm_v128_load(at), wasm_v128_load(at)};
}

/* ---- what moves between lanes ---- */

/* Neighbours change places: {1, 0, 3, 2, 5, 4, 7, 6}. */
TAI_INLINE V8 v8_swap_pairs(V8 a) {
    return (V8){wasm_i32x4_shuffle(a.lo, a.lo, 1, 0, 3, 2),
                wasm_i32x4_shuffle(a.hi, a.hi, 1, 0, 3, 2)};
}
/* Of each two neighbours the first one, or the second one, twice. */
TAI_INLINE V8 v8_first_of_pairs(V8 a) {
    return (V8){wasm_i32x4_shuffle(a.lo, a.lo, 0, 0, 2, 2),
                wasm_i32x4_shuffle(a.hi, a.hi, 0, 0, 2, 2)};
}
TAI_INLINE V8 v8_second_of_pairs(V8 a) {
    return (V8){wasm_i32x4_shuffle(a.lo, a.lo, 1, 1, 3, 3),
                wasm_i32x4_shuffle(a.hi, a.hi, 1, 1, 3, 3)};
}
/* Stores eight int32 from -128 to 127 as int8. */
TAI_INLINE void v8_store_i8x8(int8_t *at, V8 a) {
    v128_t w = wasm_i16x8_narrow_i32x4(a.lo, a.hi);
    wasm_v128_store64_lane(at, wasm_i8x16_narrow_i16x8(w, w), 0);
}

#endif
