/* Products by pairs of int16: what every machine has. Of a group's columns 0..3 the even ones meet the
 * bytes w & 0x00FF, the odd ones w >> 8, so the activations lie as {0, 2, 1, 3}. */
#ifndef TAI_VECTOR_PAIRS_H
#define TAI_VECTOR_PAIRS_H

typedef struct TaiPairs {
    V8 even, odd; /* columns 0 and 2, 1 and 3 of a group, as int16 */
} TaiPairs;

TAI_INLINE TaiPairs tai_pairs_of_bytes(V8 w) {
    return (TaiPairs){v8_and(w, v8_splat16(0x00FF)), v8_shr16(w, 8)};
}

/* The two int16 of each lane as int32. */
TAI_INLINE V8 tai_low32(V8 pairs) {
    return v8_sar32(v8_shl32(pairs, 16), 16);
}
TAI_INLINE V8 tai_high32(V8 pairs) {
    return v8_sar32(pairs, 16);
}

/* isum + the four products of a group. */
TAI_INLINE V8 tai_pairs_dot(V8 isum, V8 w, const void *act) {
    const int16_t *a = act;
    TaiPairs p = tai_pairs_of_bytes(w);
    isum = v8_add32(isum, v8_madd16(p.even, v8_load_splat(a)));
    return v8_add32(isum, v8_madd16(p.odd, v8_load_splat(a + 2)));
}

#endif
