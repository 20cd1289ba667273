/* How this tier multiplies bytes: vpdpbusd in its AVX-512 form, unsigned weights of all 8 bits times int8. The contract is in
 * kernels/vector/activations.h. */
#ifndef TAI_AVX512_VNNI_DOT_H
#define TAI_AVX512_VNNI_DOT_H

#include "kernels/avx2/v8.h"
#include "kernels/vector/direct.h"

typedef int8_t TaiNarrow;
typedef int8_t TaiWide;

#define TAI_NARROW_GROUPS(largest) TAI_DIRECT_GROUPS
enum {
    TAI_NARROW_TILE = 1,
    TAI_WIDE_TILE = 1,
    TAI_TOKENS_32 = 8,
    TAI_TOKENS_256 = 4,
    TAI_WIDE_OFFSET = 128
};

TAI_INLINE V8 tai_narrow_dot(V8 partial, V8 w, const void *a) {
    return _mm256_dpbusd_epi32(partial, w, v8_load_splat(a));
}
TAI_INLINE V8 tai_wide_bytes(V8 w) {
    return w;
}
TAI_INLINE V8 tai_wide_dot(V8 isum, V8 w, const void *a) {
    return _mm256_dpbusd_epi32(isum, w, v8_load_splat(a));
}

#endif
