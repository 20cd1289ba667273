/* Products of narrow weights that are added up in pairs of int16, as long as those hold them. */
#ifndef TAI_VECTOR_PARTIAL16_H
#define TAI_VECTOR_PARTIAL16_H

/* Groups of quants up to `largest` that one int16 takes: each adds two products of at most 127 * largest. */
#define TAI_NARROW_GROUPS(largest) (32767u / (2 * 127 * (largest)))

TAI_INLINE V8 tai_narrow_start(V8 isum) {
    (void)isum;
    return v8_zero();
}
TAI_INLINE V8 tai_narrow_end(V8 isum, V8 partial) {
    return v8_add32(isum, v8_madd16(partial, v8_splat16(1)));
}
TAI_INLINE V8 tai_narrow_join(V8 isum, V8 a, V8 b, bool fits) {
    if (fits)
        return tai_narrow_end(isum, v8_add16(a, b));
    return tai_narrow_end(tai_narrow_end(isum, a), b);
}
TAI_INLINE V8 tai_narrow_scale_low(V8 pairs) {
    return v8_low16_twice(pairs);
}
TAI_INLINE V8 tai_narrow_scale_high(V8 pairs) {
    return v8_high16_twice(pairs);
}
TAI_INLINE V8 tai_narrow_scaled(V8 partial, V8 scale) {
    return v8_madd16(partial, scale);
}

#endif
