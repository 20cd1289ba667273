/* How this tier multiplies bytes: as pairs of int16. The contract is in kernels/vector/activations.h. */
#ifndef TAI_SIMD128_DOT_H
#define TAI_SIMD128_DOT_H

#include "kernels/simd128/v8.h"
#include "kernels/vector/direct.h"
#include "kernels/vector/pairs.h"

typedef int16_t TaiNarrow;
typedef int16_t TaiWide;

#define TAI_NARROW_GROUPS(largest) TAI_DIRECT_GROUPS
enum { TAI_NARROW_TILE = 4, TAI_WIDE_TILE = 4, TAI_WIDE_OFFSET = 128 };

TAI_INLINE V8 tai_narrow_dot(V8 partial, V8 w, const void *a) {
    return tai_pairs_dot(partial, w, a);
}
TAI_INLINE V8 tai_wide_bytes(V8 w) {
    return w;
}
TAI_INLINE V8 tai_wide_dot(V8 isum, V8 w, const void *a) {
    return tai_pairs_dot(isum, w, a);
}

#endif
