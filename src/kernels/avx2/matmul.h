/* The row kernels of this tier: each weight type has a strip of eight rows, and a tile. */
#ifndef TAI_AVX2_MATMUL_H
#define TAI_AVX2_MATMUL_H

#include "kernels/blocks.h"
#include "kernels/tiling.h"

#define TAI_ROW_KERNELS(type)                                                                      \
    void tai_avx2_strip_##type(const TaiStrip *strip);                                             \
    void tai_avx2_tile_##type(const TaiTile *tile)

TAI_ROW_KERNELS(f32);
TAI_ROW_KERNELS(f16);
TAI_ROW_KERNELS(bf16);
TAI_ROW_KERNELS(q4_0);
TAI_ROW_KERNELS(q5_0);
TAI_ROW_KERNELS(q8_0);
TAI_ROW_KERNELS(q4_k);
TAI_ROW_KERNELS(q6_k);

#endif
