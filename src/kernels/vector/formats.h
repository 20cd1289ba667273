/* What the loops have to know of each format's panel blocks, at compile time. */
#ifndef TAI_VECTOR_FORMATS_H
#define TAI_VECTOR_FORMATS_H

#include "kernels/vector/loops.h"
#include "kernels/vector/unpack.h"

/* Groups that a tile takes in one turn of its loop. */
#ifndef TAI_TURN_GROUPS
#define TAI_TURN_GROUPS 1u
#endif

typedef struct TaiFormat32 {
    TaiUnpack unpack;
    uint32_t block_bytes;
    uint32_t d, m;    /* where the scale and the minimum lie; 0: no minimum */
    int32_t offset;   /* of narrow quants: 0, 8, 16 */
    uint32_t largest; /* narrow quant */
    bool fifth_bits;
} TaiFormat32;

typedef struct TaiFormat256 {
    TaiUnpack unpack;
    uint32_t block_bytes;
    uint32_t apart;          /* of the groups that are unpacked together */
    uint32_t period;         /* groups after which all is as before but for the words' addresses */
    uint32_t period_words;   /* words that they take, in all parts alike */
    uint32_t sub;            /* columns of a sub-block, 16 or 32 */
    uint32_t scales, minima; /* where the pairs lie; the same: in nibbles, minima above */
    uint32_t d, m;           /* where d and dmin lie; 0: no minima */
    int32_t offset;          /* of narrow quants: 0, 4, 32 */
    uint32_t largest;        /* narrow quant */
} TaiFormat256;

/* The scales or minima of sub-blocks 2j and 2j + 1 as int16. */
TAI_INLINE V8 tai_pair(const TaiFormat256 *f, const uint8_t *block, uint32_t j, bool minima) {
    const uint32_t at = minima ? f->minima : f->scales;
    V8 pair = v8_load_widened((const int8_t *)block + at + sizeof(TaiPanelPair) * j);
    if (f->m == 0 || f->scales != f->minima)
        return pair;
    return v8_and(minima ? v8_shr16(pair, 4) : pair, v8_splat16(15));
}

#define TAI_AT(Block, field) (uint32_t)offsetof(TaiPanel##Block, field)

#define TAI_FORMAT_Q4_0                                                                            \
    ((TaiFormat32){tai_unpack_q4_0, sizeof(TaiPanelQ4_0), TAI_AT(Q4_0, d), 0, 8, 15, false})
#define TAI_FORMAT_Q4_1                                                                            \
    ((TaiFormat32){tai_unpack_q4_0, sizeof(TaiPanelQ4_1), TAI_AT(Q4_1, d), TAI_AT(Q4_1, m), 0, 15, \
                   false})
#define TAI_FORMAT_Q5_0                                                                            \
    ((TaiFormat32){tai_unpack_q5_0, sizeof(TaiPanelQ5_0), TAI_AT(Q5_0, d), 0, 16, 31, true})
#define TAI_FORMAT_Q5_1                                                                            \
    ((TaiFormat32){tai_unpack_q5_0, sizeof(TaiPanelQ5_1), TAI_AT(Q5_1, d), TAI_AT(Q5_1, m), 0, 31, \
                   true})
#define TAI_FORMAT_Q8_0                                                                            \
    ((TaiFormat32){tai_unpack_q8_0, sizeof(TaiPanelQ8_0), TAI_AT(Q8_0, d), 0, 128, 255, false})
#define TAI_FORMAT_IQ4_NL                                                                          \
    ((TaiFormat32){tai_unpack_iq4_nl, sizeof(TaiPanelQ4_0), TAI_AT(Q4_0, d), 0, 128, 255, false})

#define TAI_FORMAT_Q2_K                                                                            \
    ((TaiFormat256){tai_unpack_q2_k, sizeof(TaiPanelQ2_K), TAI_APART_Q2_K, 32, 8, 16,              \
                    TAI_AT(Q2_K, scales), TAI_AT(Q2_K, scales), TAI_AT(Q2_K, d),                   \
                    TAI_AT(Q2_K, dmin), 0, 3})
#define TAI_FORMAT_Q3_K                                                                            \
    ((TaiFormat256){tai_unpack_q3_k, sizeof(TaiPanelQ3_K), TAI_APART_Q2_K, 64, 0, 16,              \
                    TAI_AT(Q3_K, scales), 0, TAI_AT(Q3_K, d), 0, 4, 7})
#define TAI_FORMAT_Q4_K                                                                            \
    ((TaiFormat256){tai_unpack_q4_k, sizeof(TaiPanelQ4_K), TAI_APART_Q4_K, 16, 8, 32,              \
                    TAI_AT(Q4_K, scales), TAI_AT(Q4_K, minima), TAI_AT(Q4_K, d),                   \
                    TAI_AT(Q4_K, dmin), 0, 15})
#define TAI_FORMAT_Q5_K                                                                            \
    ((TaiFormat256){tai_unpack_q5_k, sizeof(TaiPanelQ5_K), TAI_APART_Q4_K, 64, 0, 32,              \
                    TAI_AT(Q5_K, scales), TAI_AT(Q5_K, minima), TAI_AT(Q5_K, d),                   \
                    TAI_AT(Q5_K, dmin), 0, 31})
#define TAI_FORMAT_Q6_K                                                                            \
    ((TaiFormat256){tai_unpack_q6_k, sizeof(TaiPanelQ6_K), TAI_APART_Q6_K, 64, 0, 16,              \
                    TAI_AT(Q6_K, scales), 0, TAI_AT(Q6_K, d), 0, 32, 63})
#define TAI_FORMAT_IQ4_XS                                                                          \
    ((TaiFormat256){tai_unpack_iq4_xs, sizeof(TaiPanelIQ4_XS), TAI_APART_IQ4_XS, 16, 8, 32,        \
                    TAI_AT(IQ4_XS, scales), 0, TAI_AT(IQ4_XS, d), 0, 128, 255})

#endif
