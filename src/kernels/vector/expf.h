/* tai_expf (math.c) on eight lanes: the same operations in the same order. The tier's v8.h comes first. */
#ifndef TAI_VECTOR_EXPF_H
#define TAI_VECTOR_EXPF_H

#include "kernels/bits.h"
#include "kernels/expf.h"

/* The constants, read from memory: V8 takes three instructions to build one, each time. */
enum {
    EXPF_MAX,
    EXPF_MIN,
    EXPF_LOG2E,
    EXPF_ROUND,
    EXPF_LN2_HI,
    EXPF_LN2_LO,
    EXPF_C6,
    EXPF_C5,
    EXPF_C4,
    EXPF_C3,
    EXPF_C2,
    EXPF_1,
    EXPF_CONSTANTS
};

static inline const float *tai_expf_constants(void) {
    static const float constants[EXPF_CONSTANTS] = {
        [EXPF_MAX] = TAI_EXPF_MAX,       [EXPF_MIN] = TAI_EXPF_MIN,
        [EXPF_LOG2E] = TAI_EXPF_LOG2E,   [EXPF_ROUND] = TAI_ROUND_F32,
        [EXPF_LN2_HI] = TAI_EXPF_LN2_HI, [EXPF_LN2_LO] = TAI_EXPF_LN2_LO,
        [EXPF_C6] = TAI_EXPF_C6,         [EXPF_C5] = TAI_EXPF_C5,
        [EXPF_C4] = TAI_EXPF_C4,         [EXPF_C3] = TAI_EXPF_C3,
        [EXPF_C2] = TAI_EXPF_C2,         [EXPF_1] = 1.0f,
    };
    const float *at = constants;
    __asm__("" : "+r"(at)); /* the compiler does not know what lies there */
    return at;
}

/* exp(x) = 2^n exp(r), in two halves. */
typedef struct ExpParts {
    V8 n; /* int32 */
    V8 r;
} ExpParts;

/* c: tai_expf_constants() */
TAI_INLINE ExpParts v8_exp_reduce(V8 x, const float *c) {
    x = v8_min(v8_load_splat(c + EXPF_MAX), x); /* NaN stays */
    x = v8_max(v8_load_splat(c + EXPF_MIN), x);
    V8 magic = v8_load_splat(c + EXPF_ROUND);
    V8 shifted = v8_add(v8_mul(x, v8_load_splat(c + EXPF_LOG2E)), magic);
    V8 n_f = v8_sub(shifted, magic);
    V8 r = v8_sub(x, v8_mul(n_f, v8_load_splat(c + EXPF_LN2_HI)));
    r = v8_sub(r, v8_mul(n_f, v8_load_splat(c + EXPF_LN2_LO)));
    return (ExpParts){v8_sub32(shifted, magic), r}; /* minus TAI_ROUND_F32_BITS */
}

TAI_INLINE V8 v8_exp_finish(ExpParts x, const float *c) {
    V8 r = x.r;
    V8 q = v8_load_splat(c + EXPF_C6);
    q = v8_add(v8_mul(q, r), v8_load_splat(c + EXPF_C5));
    q = v8_add(v8_mul(q, r), v8_load_splat(c + EXPF_C4));
    q = v8_add(v8_mul(q, r), v8_load_splat(c + EXPF_C3));
    q = v8_add(v8_mul(q, r), v8_load_splat(c + EXPF_C2));
    V8 one = v8_load_splat(c + EXPF_1);
    V8 p = v8_add(one, v8_add(r, v8_mul(v8_mul(r, r), q)));
    /* 2^a 2^b = 2^n: the bits of 1.0 plus a << 23. */
    V8 half = v8_sar32(x.n, 1);
    p = v8_mul(p, v8_add32(v8_shl32(half, 23), one));
    return v8_mul(p, v8_add32(v8_shl32(v8_sub32(x.n, half), 23), one));
}

/* A processor finds no work beyond the long chain of dependent operations that an exponential is, if the next
 * one begins only behind it. In two loops over a few vectors, with shorter chains, they take a quarter less. */
enum { EXP_VECTORS = 8, EXP_VALUES = 8 * EXP_VECTORS };

typedef struct ExpBlock {
    int32_t n[EXP_VALUES];
    float r[EXP_VALUES];
} ExpBlock;

TAI_INLINE void v8_exp_put(ExpBlock *block, uint32_t at, V8 x, const float *c) {
    ExpParts parts = v8_exp_reduce(x, c);
    v8_store(block->n + at, parts.n);
    v8_store(block->r + at, parts.r);
}

TAI_INLINE V8 v8_exp_get(const ExpBlock *block, uint32_t at, const float *c) {
    return v8_exp_finish((ExpParts){v8_load(block->n + at), v8_load(block->r + at)}, c);
}

#endif
