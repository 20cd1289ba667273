/* The avx512_vnni tier: vpdpbusd for the products of bytes; the rest is what the avx2 tier has. */
#ifndef TAI_AVX512_VNNI_H
#define TAI_AVX512_VNNI_H

#include "kernels/kernels.h"

void tai_avx512_vnni_panels(TaiType type, const void *w, uint32_t n_rows, uint32_t k,
                            const void *act, size_t act_stride, uint32_t n_tokens, float *y,
                            size_t y_stride);

extern const TaiKernels tai_kernels_avx512_vnni;

#endif
