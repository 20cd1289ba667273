/* The NEON tier: arm64 with dotprod, natively. dispatch.c asks the machine before it gives out the table. */
#ifndef TAI_NEON_H
#define TAI_NEON_H

#include "kernels/kernels.h"

void tai_neon_quantize(TaiActForm form, const float *x, uint32_t k, void *act);
void tai_neon_matmul(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                     size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride);
void tai_neon_panels(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                     size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride);

extern const TaiKernels tai_kernels_neon;

#endif
