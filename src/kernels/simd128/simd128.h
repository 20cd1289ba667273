/* The SIMD128 tier: WebAssembly's 128-bit vectors, without relaxed operations. */
#ifndef TAI_SIMD128_H
#define TAI_SIMD128_H

#include "kernels/kernels.h"

extern const TaiKernels tai_kernels_simd128;

#endif
