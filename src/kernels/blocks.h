/* The blocks of quantized GGUF rows. All fields are bytes or 2-byte aligned, as rows are. */
#ifndef TAI_KERNEL_BLOCKS_H
#define TAI_KERNEL_BLOCKS_H

#include "kernels/kernels.h"

/* For functions that are only fast with their arguments as constants. */
#define TAI_INLINE static inline __attribute__((always_inline))

#define TAI_CACHE_LINE_BYTES 64u

#define TAI_BLOCK 32u       /* weights per block of Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL */
#define TAI_SUPERBLOCK 256u /* weights per block of Q2_K .. Q6_K, IQ4_XS */

typedef struct TaiQ4_0 {
    uint16_t d;     /* f16 scale */
    uint8_t qs[16]; /* weight j in the low half of qs[j], weight j + 16 in the high half */
} TaiQ4_0;

typedef struct TaiQ4_1 {
    uint16_t d, m;  /* f16 scale and minimum */
    uint8_t qs[16]; /* as in Q4_0 */
} TaiQ4_1;

typedef struct TaiQ5_0 {
    uint16_t d;     /* f16 scale */
    uint8_t qh[4];  /* fifth bit of weight j = bit j of this little-endian number */
    uint8_t qs[16]; /* low four bits, as in Q4_0 */
} TaiQ5_0;

typedef struct TaiQ5_1 {
    uint16_t d, m;  /* f16 scale and minimum */
    uint8_t qh[4];  /* as in Q5_0 */
    uint8_t qs[16]; /* as in Q4_0 */
} TaiQ5_1;

typedef struct TaiQ8_0 {
    uint16_t d; /* f16 scale */
    int8_t qs[32];
} TaiQ8_0;

typedef struct TaiIQ4_NL {
    uint16_t d;     /* f16 scale */
    uint8_t qs[16]; /* indices into a table of 16 values, placed as in Q4_0 */
} TaiIQ4_NL;

extern const int8_t tai_iq4_values[16]; /* of IQ4_NL and IQ4_XS */

typedef struct TaiQ2_K {
    uint8_t scales[16]; /* per 16 weights: scale in the low half, minimum in the high half */
    uint8_t qs[64];     /* 2 bits each: 32 bytes per half of the block, four runs of 32 weights */
    uint16_t d;         /* f16 scale of the scales */
    uint16_t dmin;      /* f16 scale of the minima */
} TaiQ2_K;

typedef struct TaiQ3_K {
    uint8_t hmask[32];  /* third bits: bit s of hmask[l] is that of weight 32 s + l */
    uint8_t qs[64];     /* low two bits, as in Q2_K */
    uint8_t scales[12]; /* per 16 weights 6 bits, see reference/q3_k.c */
    uint16_t d;         /* f16 scale */
} TaiQ3_K;

typedef struct TaiQ4_K {
    uint16_t d;         /* f16 scale of the eight 6-bit scales */
    uint16_t dmin;      /* f16 scale of the eight 6-bit minima */
    uint8_t scales[12]; /* scales and minima of 8 sub-blocks of 32, see reference/q4_k.c */
    uint8_t qs[128]; /* 32 bytes per two sub-blocks: low halves the first, high halves the second */
} TaiQ4_K;

typedef struct TaiQ5_K {
    uint16_t d, dmin;   /* as in Q4_K */
    uint8_t scales[12]; /* as in Q4_K */
    uint8_t qh[32];     /* fifth bits: bit s of qh[l] is that of weight 32 s + l */
    uint8_t qs[128];    /* low four bits, as in Q4_K */
} TaiQ5_K;

typedef struct TaiQ6_K {
    uint8_t ql[128];   /* low four bits */
    uint8_t qh[64];    /* high two bits */
    int8_t scales[16]; /* per 16 weights */
    uint16_t d;        /* f16 scale */
} TaiQ6_K;

typedef struct TaiIQ4_XS {
    uint16_t d;          /* f16 scale */
    uint16_t scales_h;   /* high two bits of the eight 6-bit scales */
    uint8_t scales_l[4]; /* low four bits of two scales each */
    uint8_t qs[128];     /* per 32 weights 16 bytes as in IQ4_NL */
} TaiIQ4_XS;

_Static_assert(sizeof(TaiQ4_0) == 18, "Q4_0 block");
_Static_assert(sizeof(TaiQ4_1) == 20, "Q4_1 block");
_Static_assert(sizeof(TaiQ5_0) == 22, "Q5_0 block");
_Static_assert(sizeof(TaiQ5_1) == 24, "Q5_1 block");
_Static_assert(sizeof(TaiQ8_0) == 34, "Q8_0 block");
_Static_assert(sizeof(TaiIQ4_NL) == 18, "IQ4_NL block");
_Static_assert(sizeof(TaiQ2_K) == 84, "Q2_K block");
_Static_assert(sizeof(TaiQ3_K) == 110, "Q3_K block");
_Static_assert(sizeof(TaiQ4_K) == 144, "Q4_K block");
_Static_assert(sizeof(TaiQ5_K) == 176, "Q5_K block");
_Static_assert(sizeof(TaiQ6_K) == 210, "Q6_K block");
_Static_assert(sizeof(TaiIQ4_XS) == 136, "IQ4_XS block");

/* Room for one block of any type; the largest is that of Q6_K. */
typedef union TaiAnyBlock {
    uint8_t bytes[sizeof(TaiQ6_K)];
    uint16_t alignment;
} TaiAnyBlock;

/* Bytes of a row of k weights; k is whole blocks. */
size_t tai_kernel_row_bytes(TaiType type, uint32_t k);

/* Room for the activations of one block in any tier. The largest widen int8 to int16 and keep sums:
 * of 32 (2 bytes), or of each 16 and each 32 (2 bytes each); and d. */
#define TAI_ACT32_MAX_BYTES 72u
#define TAI_ACT256_MAX_BYTES 576u

#endif
