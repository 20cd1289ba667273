/* The SIMD128 tier as a table; where a vector would gain nothing, it is the reference's function.
 */
#include "kernels/reference/reference.h"
#include "kernels/simd128/simd128.h"

const TaiKernels tai_kernels_simd128 = {
    .name = "simd128",
    .quantize = tai_simd_quantize,
    .matmul = tai_simd_matmul,
    .rms_norm = tai_ref_rms_norm,
    .rope = tai_ref_rope,
    .add = tai_ref_add,
    .swiglu = tai_ref_swiglu,
    .kv_store = tai_ref_kv_store,
    .attend = tai_ref_attend,
    .dequantize = tai_ref_dequantize,
};
