/* The tier of i32x4.relaxed_dot_i8x16_i7x16_add: one instruction on arm64 (sdot), and in V8 on x86-64 with
 * AVX-VNNI (vpdpbusd). */
#ifndef TAI_RELAXED32_H
#define TAI_RELAXED32_H

#include "kernels/kernels.h"

/* By how wide weights are multiplied: as simd128 does it, or with the second operand unsigned or signed. */
extern const TaiKernels tai_kernels_relaxed32;
extern const TaiKernels tai_kernels_relaxed32_unsigned;
extern const TaiKernels tai_kernels_relaxed32_signed;

/* False where the type is not narrow. */
bool tai_relaxed32_narrow(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                          size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride);
/* All forms with activations as int8. */
void tai_relaxed32_quantize(TaiActForm form, const float *x, uint32_t k, void *act);

#endif
