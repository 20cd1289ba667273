/* How this tier multiplies bytes: vpmaddubsw, whose pairs of products are int16. The contract is in
 * kernels/vector/activations.h. */
#ifndef TAI_AVX2_DOT_H
#define TAI_AVX2_DOT_H

#include "kernels/avx2/v8.h"
#include "kernels/vector/pairs.h"
#include "kernels/vector/partial16.h"

typedef int8_t TaiNarrow;
typedef int8_t TaiWide;

enum {
    TAI_NARROW_TILE = 1,
    TAI_WIDE_TILE = 1,
    TAI_TOKENS_32 = 4,
    TAI_TOKENS_256 = 2,
    TAI_WIDE_OFFSET = 0
};

TAI_INLINE V8 tai_narrow_dot(V8 partial, V8 w, const void *a) {
    return v8_add16(partial, _mm256_maddubs_epi16(w, v8_load_splat(a)));
}
TAI_INLINE V8 tai_wide_bytes(V8 w) {
    return v8_xor(w, v8_splat8(-128));
}
/* The weights' signs go to the activations; |2 * 128 * 127| fits in 16 bits. */
TAI_INLINE V8 tai_wide_dot(V8 isum, V8 w, const void *a) {
    V8 twos = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(v8_load_splat(a), w));
    return v8_add32(isum, v8_madd16(twos, v8_splat16(1)));
}

#endif
