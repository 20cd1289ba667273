/* Matrix times activations, on this tier's row kernels. */
#include "kernels/simd128/matmul.h"

#include "kernels/simd128/simd128.h"

static const TaiRowKernels row_kernels[] = {
    {TAI_TYPE_F32, tai_simd_strip_f32, tai_simd_tile_f32},
    {TAI_TYPE_F16, tai_simd_strip_f16, tai_simd_tile_f16},
    {TAI_TYPE_BF16, tai_simd_strip_bf16, tai_simd_tile_bf16},
};

/* WebAssembly has no prefetch instruction, but one plain load per cache line is a stream that hardware
 * prefetchers follow. */
static size_t fetch(const uint8_t *w, size_t from, size_t to) {
    for (; from < to; from += TAI_CACHE_LINE_BYTES)
        (void)*(const volatile uint8_t *)(w + from);
    return from;
}

static const TaiTiling tiling = {row_kernels, TAI_STRIP_ROWS, fetch};

void tai_simd_matmul(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                     size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride) {
    tai_tiled_matmul(&tiling,
                     (TaiProduct){type, w, n_rows, k, act, act_stride, n_tokens, y, y_stride});
}
