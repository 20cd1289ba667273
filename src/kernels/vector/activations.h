/* Activations in the forms of the vector tiers, and what a tier's dot.h must bring.
 *
 * A tier stores activations as int8 in their order, or as int16 in the order of pairs.h, for narrow and for
 * wide weights each. Beside them lie the sums that correct for the offsets of unsigned weights.
 *
 *     TaiNarrow, TaiWide          int8_t or int16_t
 *     TAI_NARROW_GROUPS(largest)  groups of four products that a partial sum takes, of quants <= largest
 *     TAI_NARROW_TILE, TAI_WIDE_TILE  tokens of a tile of a product with many; 1: two_panels.h has the tiles
 *     TAI_WIDE_OFFSET             what tai_wide_bytes leaves added to a wide weight: 128 or 0
 *
 *     tai_narrow_dot(partial, w, a)   partial + the four products of bytes w and activations at a
 *     tai_narrow_start, _end, _join, _scaled, _scale_low, _scale_high   direct.h or partial16.h: partial sums
 *     tai_wide_bytes(w)               weights + 128, as the machine wants them
 *     tai_wide_dot(isum, w, a)        isum + the four products */
#ifndef TAI_VECTOR_ACTIVATIONS_H
#define TAI_VECTOR_ACTIVATIONS_H

#include "kernels/blocks.h"

typedef struct TaiNarrow32 {
    TaiNarrow q[TAI_BLOCK];
    float d;
    int32_t minus_8_sum; /* -8 times the sum of q, not in the tier's units but of the int8 */
} TaiNarrow32;

typedef struct TaiWide32 {
    TaiWide q[TAI_BLOCK];
    float d;
    int32_t minus_128_sum;
} TaiWide32;

typedef struct TaiSums256 {
    float d;
    int16_t of_16[16]; /* sums of q over 16 columns */
    int16_t of_32[8];
} TaiSums256;

typedef struct TaiNarrow256 {
    TaiNarrow q[TAI_SUPERBLOCK];
    TaiSums256 sums;
} TaiNarrow256;

typedef struct TaiWide256 {
    TaiWide q[TAI_SUPERBLOCK];
    TaiSums256 sums;
} TaiWide256;

_Static_assert(sizeof(TaiNarrow32) <= TAI_ACT32_MAX_BYTES, "room of a block of 32");
_Static_assert(sizeof(TaiWide32) <= TAI_ACT32_MAX_BYTES, "room of a block of 32");
_Static_assert(sizeof(TaiNarrow256) <= TAI_ACT256_MAX_BYTES, "room of a block of 256");
_Static_assert(sizeof(TaiWide256) <= TAI_ACT256_MAX_BYTES, "room of a block of 256");

#endif
