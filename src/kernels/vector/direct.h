/* Products of narrow weights that are added up in int32 at once. */
#ifndef TAI_VECTOR_DIRECT_H
#define TAI_VECTOR_DIRECT_H

#include "kernels/vector/pairs.h"

#define TAI_DIRECT_GROUPS 64u

TAI_INLINE V8 tai_narrow_start(V8 isum) {
    return isum;
}
TAI_INLINE V8 tai_narrow_end(V8 isum, V8 partial) {
    (void)isum; /* went into the partial sum */
    return partial;
}
TAI_INLINE V8 tai_narrow_join(V8 isum, V8 a, V8 b, bool fits) {
    (void)isum;
    (void)fits;
    return v8_add32(a, b);
}
TAI_INLINE V8 tai_narrow_scale_low(V8 pairs) {
    return tai_low32(pairs);
}
TAI_INLINE V8 tai_narrow_scale_high(V8 pairs) {
    return tai_high32(pairs);
}
TAI_INLINE V8 tai_narrow_scaled(V8 partial, V8 scale) {
    return v8_mul32(partial, scale);
}

#endif
