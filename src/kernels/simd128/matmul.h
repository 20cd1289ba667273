/* The row kernels of this tier: each weight type has a strip of four rows, and a tile. */
#ifndef TAI_SIMD128_MATMUL_H
#define TAI_SIMD128_MATMUL_H

#include "kernels/blocks.h"
#include "kernels/tiling.h"

#define TAI_STRIP_ROWS 4u

#define TAI_ROW_KERNELS(type)                                                                      \
    void tai_simd_strip_##type(const TaiStrip *strip);                                             \
    void tai_simd_tile_##type(const TaiTile *tile)

TAI_ROW_KERNELS(f32);
TAI_ROW_KERNELS(f16);
TAI_ROW_KERNELS(bf16);

#endif
