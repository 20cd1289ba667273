/* How this tier multiplies bytes: relaxed dot products into int16 for narrow weights; wide ones are computed
 * with by the simd128 tier, in its form. */
#ifndef TAI_RELAXED16_DOT_H
#define TAI_RELAXED16_DOT_H

#include "kernels/simd128/v8.h"
#include "kernels/vector/pairs.h"
#include "kernels/vector/partial16.h"

typedef int8_t TaiNarrow;
typedef int16_t TaiWide;

enum { TAI_NARROW_TILE = 5, TAI_WIDE_TILE = 4, TAI_WIDE_OFFSET = 128 };

TAI_INLINE V8 tai_narrow_dot(V8 partial, V8 w, const void *a) {
    v128_t x = wasm_v128_load32_splat(a);
    return (V8){wasm_i16x8_add(partial.lo, wasm_i16x8_relaxed_dot_i8x16_i7x16(x, w.lo)),
                wasm_i16x8_add(partial.hi, wasm_i16x8_relaxed_dot_i8x16_i7x16(x, w.hi))};
}
TAI_INLINE V8 tai_wide_bytes(V8 w) {
    return w;
}
TAI_INLINE V8 tai_wide_dot(V8 isum, V8 w, const void *a) {
    return tai_pairs_dot(isum, w, a);
}

#endif
