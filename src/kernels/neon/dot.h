/* How this tier multiplies bytes: sdot, signed by signed. Narrow weights have at most 7 bits, so they are the
 * same numbers signed. The contract is in kernels/vector/activations.h. */
#ifndef TAI_NEON_DOT_H
#define TAI_NEON_DOT_H

#include "kernels/neon/v8.h"
#include "kernels/vector/direct.h"

typedef int8_t TaiNarrow;
typedef int8_t TaiWide;

#define TAI_NARROW_GROUPS(largest) TAI_DIRECT_GROUPS
/* 32 registers: twice as many sums as with 16, of two registers each. */
enum {
    TAI_NARROW_TILE = 1,
    TAI_WIDE_TILE = 1,
    TAI_TOKENS_32 = 4,
    TAI_TOKENS_256 = 2,
    TAI_WIDE_OFFSET = 0
};

TAI_INLINE V8 tai_narrow_dot(V8 partial, V8 w, const void *a) {
    int8x16_t x = vreinterpretq_s8_s32(v8_load_splat(a).lo);
    return (V8){vdotq_s32(partial.lo, vreinterpretq_s8_s32(w.lo), x),
                vdotq_s32(partial.hi, vreinterpretq_s8_s32(w.hi), x)};
}
TAI_INLINE V8 tai_wide_bytes(V8 w) {
    return v8_xor(w, v8_splat8(-128));
}
TAI_INLINE V8 tai_wide_dot(V8 isum, V8 w, const void *a) {
    return tai_narrow_dot(isum, w, a);
}

#endif
