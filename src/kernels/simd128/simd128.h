/* The SIMD128 tier: WebAssembly's 128-bit vectors, without relaxed operations. */
#ifndef TAI_SIMD128_H
#define TAI_SIMD128_H

#include "kernels/kernels.h"

void tai_simd_quantize(TaiActForm form, const float *x, uint32_t k, void *act);
void tai_simd_matmul(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                     size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride);

extern const TaiKernels tai_kernels_simd128;

#endif
