/* The NEON tier: arm64 with dotprod, natively. dispatch.c asks the machine before it gives out the table. */
#ifndef TAI_NEON_H
#define TAI_NEON_H

#include "kernels/kernels.h"

void tai_neon_quantize(TaiActForm form, const float *x, uint32_t k, void *act);
void tai_neon_matmul(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                     size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride);
void tai_neon_panels(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                     size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride);

void tai_neon_rms_norm(const float *x, const float *weight, uint32_t n, float eps, float *y);
void tai_neon_rope(float *x, uint32_t n_heads, uint32_t head_dim, const float *cs,
                   uint32_t rope_dims);
void tai_neon_add(float *x, const float *y, uint32_t n);
void tai_neon_swiglu(float *gate, const float *up, uint32_t n);
void tai_neon_kv_store(const TaiKvHead *kv, uint32_t position, const float *k, const float *v);
void tai_neon_attend(const TaiKvHead *kv, const TaiQueries *queries);

extern const TaiKernels tai_kernels_neon;

#endif
