/* The AVX2 tier: x86-64 with 256-bit vectors and F16C, natively. One vector of f32 is exactly the 8
 * virtual lanes of the definition. Only files of this folder are compiled for these processors;
 * dispatch.c asks the machine before it gives out the table. */
#ifndef TAI_AVX2_H
#define TAI_AVX2_H

#include "kernels/kernels.h"

void tai_avx2_quantize(TaiActForm form, const float *x, uint32_t k, void *act);
void tai_avx2_matmul(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                     size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride);
void tai_avx2_panels(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                     size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride);

void tai_avx2_rms_norm(const float *x, const float *weight, uint32_t n, float eps, float *y);
void tai_avx2_rope(float *x, uint32_t n_heads, uint32_t head_dim, const float *cs,
                   uint32_t rope_dims);
void tai_avx2_add(float *x, const float *y, uint32_t n);
void tai_avx2_swiglu(float *gate, const float *up, uint32_t n);
void tai_avx2_kv_store(const TaiKvHead *kv, uint32_t position, const float *k, const float *v);
void tai_avx2_attend(const TaiKvHead *kv, const TaiQueries *queries);

extern const TaiKernels tai_kernels_avx2;

#endif
