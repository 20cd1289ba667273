/* The SIMD128 tier as a table. */
#include "kernels/simd128/table.h"

const TaiKernels tai_kernels_simd128 =
    TAI_SIMD_TABLE("simd128", tai_simd_quantize, tai_simd_panels);
