/* The blocks of quantized GGUF rows. All fields are bytes or 2-byte aligned, as rows are. */
#ifndef TAI_KERNEL_BLOCKS_H
#define TAI_KERNEL_BLOCKS_H

#include "kernels/kernels.h"

/* For functions that are only fast with their arguments as constants. */
#define TAI_INLINE static inline __attribute__((always_inline))

#define TAI_BLOCK 32u       /* weights per block of Q4_0, Q5_0, Q8_0 */
#define TAI_SUPERBLOCK 256u /* weights per block of Q4_K, Q6_K */

typedef struct TaiQ4_0 {
    uint16_t d;     /* f16 scale */
    uint8_t qs[16]; /* weight j in the low half of qs[j], weight j + 16 in the high half */
} TaiQ4_0;

typedef struct TaiQ5_0 {
    uint16_t d;     /* f16 scale */
    uint8_t qh[4];  /* fifth bit of weight j = bit j of this little-endian number */
    uint8_t qs[16]; /* low four bits, as in Q4_0 */
} TaiQ5_0;

typedef struct TaiQ8_0 {
    uint16_t d; /* f16 scale */
    int8_t qs[32];
} TaiQ8_0;

typedef struct TaiQ4_K {
    uint16_t d;         /* f16 scale of the eight 6-bit scales */
    uint16_t dmin;      /* f16 scale of the eight 6-bit minima */
    uint8_t scales[12]; /* scales and minima of 8 sub-blocks of 32, see reference/q4_k.c */
    uint8_t qs[128]; /* 32 bytes per two sub-blocks: low halves the first, high halves the second */
} TaiQ4_K;

typedef struct TaiQ6_K {
    uint8_t ql[128];   /* low four bits */
    uint8_t qh[64];    /* high two bits */
    int8_t scales[16]; /* per 16 weights */
    uint16_t d;        /* f16 scale */
} TaiQ6_K;

_Static_assert(sizeof(TaiQ4_0) == 18, "Q4_0 block");
_Static_assert(sizeof(TaiQ5_0) == 22, "Q5_0 block");
_Static_assert(sizeof(TaiQ8_0) == 34, "Q8_0 block");
_Static_assert(sizeof(TaiQ4_K) == 144, "Q4_K block");
_Static_assert(sizeof(TaiQ6_K) == 210, "Q6_K block");

/* Bytes of a row of k weights; k is whole blocks. */
size_t tai_kernel_row_bytes(TaiType type, uint32_t k);

/* Room for the activations of one block in any tier. */
#define TAI_ACT32_MAX_BYTES 72u
#define TAI_ACT256_MAX_BYTES 576u

#endif
