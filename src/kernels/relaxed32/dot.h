/* How this tier multiplies bytes: relaxed dot products into int32. Whether their second operand takes
 * all 8 bits, and how, is the machine's choice: what is compiled for wide weights says it as
 * TAI_WIDE_SIGNED. */
#ifndef TAI_RELAXED32_DOT_H
#define TAI_RELAXED32_DOT_H

#include "kernels/simd128/v8.h"
#include "kernels/vector/direct.h"

typedef int8_t TaiNarrow;
typedef int8_t TaiWide;

#define TAI_NARROW_GROUPS(largest) TAI_DIRECT_GROUPS
enum { TAI_NARROW_TILE = 5, TAI_WIDE_TILE = 5, TAI_WIDE_OFFSET = TAI_WIDE_SIGNED ? 0 : 128 };

TAI_INLINE V8 tai_narrow_dot(V8 partial, V8 w, const void *a) {
    v128_t x = wasm_v128_load32_splat(a);
    return (V8){wasm_i32x4_relaxed_dot_i8x16_i7x16_add(x, w.lo, partial.lo),
                wasm_i32x4_relaxed_dot_i8x16_i7x16_add(x, w.hi, partial.hi)};
}
TAI_INLINE V8 tai_wide_bytes(V8 w) {
    return TAI_WIDE_SIGNED ? v8_xor(w, v8_splat8(INT8_MIN)) : w;
}
TAI_INLINE V8 tai_wide_dot(V8 isum, V8 w, const void *a) {
    return tai_narrow_dot(isum, w, a);
}

#endif
