/* Eight lanes of 32 bits, as one 256-bit vector. The same names with the same meanings as in
 * kernels/simd128/v8.h; the tiers avx2, avx-vnni and avx512-vnni share it. */
#ifndef TAI_AVX2_V8_H
#define TAI_AVX2_V8_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "kernels/blocks.h"

typedef __m256i V8;

#define V8_EACH(name, op)                                                                          \
    TAI_INLINE V8 name(V8 a, V8 b) {                                                               \
        return op(a, b);                                                                           \
    }
#define V8_EACH_FLOAT(name, op)                                                                    \
    TAI_INLINE V8 name(V8 a, V8 b) {                                                               \
        return _mm256_castps_si256(op(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b)));            \
    }

/* ---- memory: any alignment ---- */
TAI_INLINE V8 v8_load(const void *at) {
    return _mm256_loadu_si256(at);
}
TAI_INLINE void v8_store(void *at, V8 v) {
    _mm256_storeu_si256(at, v);
}
/* Four bytes from memory in all lanes. */
TAI_INLINE V8 v8_load_splat(const void *at) {
    int32_t x;
    memcpy(&x, at, sizeof x);
    return _mm256_set1_epi32(x);
}
/* 16 int8 from memory as 16 int16. */
TAI_INLINE V8 v8_load_widened(const int8_t *at) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)at));
}

/* Brings a line into the cache. */
TAI_INLINE void v8_ask_for(const uint8_t *at) {
    _mm_prefetch((const char *)at, _MM_HINT_T0);
}

/* ---- constants ---- */
TAI_INLINE V8 v8_zero(void) {
    return _mm256_setzero_si256();
}
TAI_INLINE V8 v8_splat8(int8_t x) {
    return _mm256_set1_epi8(x);
}
TAI_INLINE V8 v8_splat16(int16_t x) {
    return _mm256_set1_epi16(x);
}
TAI_INLINE V8 v8_splat32(int32_t x) {
    return _mm256_set1_epi32(x);
}
TAI_INLINE V8 v8_splat_f32(float x) {
    return _mm256_castps_si256(_mm256_set1_ps(x));
}

/* ---- bits ---- */
V8_EACH(v8_and, _mm256_and_si256)
V8_EACH(v8_or, _mm256_or_si256)
V8_EACH(v8_xor, _mm256_xor_si256)
/* Logical shifts of lanes of 16 bits, by a constant: bits cross from byte to byte. */
TAI_INLINE V8 v8_shl16(V8 a, uint32_t n) {
    return _mm256_slli_epi16(a, (int)n);
}
TAI_INLINE V8 v8_shr16(V8 a, uint32_t n) {
    return _mm256_srli_epi16(a, (int)n);
}
TAI_INLINE V8 v8_shl32(V8 a, uint32_t n) {
    return _mm256_slli_epi32(a, (int)n);
}
/* Arithmetic. */
TAI_INLINE V8 v8_sar32(V8 a, uint32_t n) {
    return _mm256_srai_epi32(a, (int)n);
}

/* ---- integers ---- */
V8_EACH(v8_add16, _mm256_add_epi16)
V8_EACH(v8_add32, _mm256_add_epi32)
V8_EACH(v8_sub32, _mm256_sub_epi32)
V8_EACH(v8_mul32, _mm256_mullo_epi32)
V8_EACH(v8_max32, _mm256_max_epi32)
V8_EACH(v8_mul16, _mm256_mullo_epi16)
/* Per lane: the two int16 of a times those of b, added. */
V8_EACH(v8_madd16, _mm256_madd_epi16)

/* ---- floats ---- */
V8_EACH_FLOAT(v8_add, _mm256_add_ps)
V8_EACH_FLOAT(v8_sub, _mm256_sub_ps)
V8_EACH_FLOAT(v8_mul, _mm256_mul_ps)
V8_EACH_FLOAT(v8_div, _mm256_div_ps)
TAI_INLINE V8 v8_f32_of_i32(V8 a) {
    return _mm256_castps_si256(_mm256_cvtepi32_ps(a));
}
/* The lesser and the greater; b where a lane holds a NaN, and of two zeros. */
V8_EACH_FLOAT(v8_min, _mm256_min_ps)
V8_EACH_FLOAT(v8_max, _mm256_max_ps)

/* ---- across lanes ---- */

/* The largest of eight int32. */
TAI_INLINE int32_t v8_largest32(V8 a) {
    __m128i m = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4E));
    return _mm_cvtsi128_si32(_mm_max_epi32(m, _mm_shuffle_epi32(m, 0xB1)));
}
/* The sum of eight int32. */
TAI_INLINE int32_t v8_sum32(V8 a) {
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xB1)));
}
/* Of lanes 0..3 and of lanes 4..7 the middle two exchanged. */
TAI_INLINE V8 v8_swap_middle(V8 a) {
    return _mm256_shuffle_epi32(a, 0xD8);
}
/* 32 int8, or 16 int16, out of lanes of 32 bits that hold such. Packing is done in each half. */
TAI_INLINE void v8_store_i16(int16_t *at, V8 a, V8 b) {
    v8_store(at, _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xD8));
}
TAI_INLINE void v8_store_i8(int8_t *at, V8 a, V8 b, V8 c, V8 d) {
    V8 fours = _mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
    v8_store(at, _mm256_permutevar8x32_epi32(fours, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
}

/* ---- formats ---- */

/* Eight f16 from memory as tai_f16_weight reads them: NaN counts as infinity of its sign, which
 * F16C does not know. */
TAI_INLINE V8 v8_load_f16(const void *at) {
    __m128i h = _mm_loadu_si128(at);
    h = _mm_min_epi16(h, _mm_set1_epi16(0x7C00));          /* without a sign: +NaN */
    h = _mm_min_epu16(h, _mm_set1_epi16((int16_t)0xFC00)); /* with it: -NaN */
    return _mm256_castps_si256(_mm256_cvtph_ps(h));
}
/* Eight bf16 from memory as floats. */
TAI_INLINE V8 v8_load_bf16(const void *at) {
    return _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(at)), 16);
}
/* Eight int8 from memory as floats. */
TAI_INLINE V8 v8_load_i8_as_f32(const int8_t *at) {
    return v8_f32_of_i32(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)at)));
}
/* Of each lane's two int16 the low one, or the high one, twice: four lanes are four pairs of bytes. */
TAI_INLINE V8 v8_low16_twice(V8 a) {
    __m256i from = _mm256_set_epi32(0x0D0C0D0C, 0x09080908, 0x05040504, 0x01000100, 0x0D0C0D0C,
                                    0x09080908, 0x05040504, 0x01000100);
    return _mm256_shuffle_epi8(a, from);
}
TAI_INLINE V8 v8_high16_twice(V8 a) {
    __m256i from = _mm256_set_epi32(0x0F0E0F0E, 0x0B0A0B0A, 0x07060706, 0x03020302, 0x0F0E0F0E,
                                    0x0B0A0B0A, 0x07060706, 0x03020302);
    return _mm256_shuffle_epi8(a, from);
}
/* table[each byte of a], which is below 16; table: 16 bytes in both halves. */
V8_EACH(v8_lookup, _mm256_shuffle_epi8)
TAI_INLINE V8 v8_load_twice(const void *at) { /* 16 bytes from memory in both halves */
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(at));
}

/* ---- what moves between lanes ---- */

/* Neighbours change places: {1, 0, 3, 2, 5, 4, 7, 6}. */
TAI_INLINE V8 v8_swap_pairs(V8 a) {
    return _mm256_shuffle_epi32(a, 0xB1);
}
/* Of each two neighbours the first one, or the second one, twice. */
TAI_INLINE V8 v8_first_of_pairs(V8 a) {
    return _mm256_shuffle_epi32(a, 0xA0);
}
TAI_INLINE V8 v8_second_of_pairs(V8 a) {
    return _mm256_shuffle_epi32(a, 0xF5);
}
/* Stores eight int32 from -128 to 127 as int8. */
TAI_INLINE void v8_store_i8x8(int8_t *at, V8 a) {
    __m128i w = _mm_packs_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    _mm_storel_epi64((__m128i *)(void *)at, _mm_packs_epi16(w, w));
}

#endif
