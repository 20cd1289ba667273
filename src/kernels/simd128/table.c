/* The SIMD128 tier as a table; what runs once per token at most, over one row,
 * is the reference's function.
 */
#include "kernels/reference/reference.h"
#include "kernels/simd128/simd128.h"

const TaiKernels tai_kernels_simd128 = {
    .name = "simd128",
    .quantize = tai_simd_quantize,
    .matmul = tai_simd_matmul,
    .rms_norm = tai_simd_rms_norm,
    .rope = tai_simd_rope,
    .add = tai_simd_add,
    .swiglu = tai_simd_swiglu,
    .kv_store = tai_simd_kv_store,
    .attend = tai_simd_attend,
    .dequantize = tai_ref_dequantize,
};
