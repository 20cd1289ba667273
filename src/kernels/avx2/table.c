/* The AVX2 tier as a table; what runs once per token at most, over one row, is the reference's
 * function. */
#include "kernels/avx2/avx2.h"
#include "kernels/reference/reference.h"

const TaiKernels tai_kernels_avx2 = {
    .name = "avx2",
    .quantize = tai_avx2_quantize,
    .matmul = tai_avx2_matmul,
    .panels = tai_avx2_panels,
    .rms_norm = tai_avx2_rms_norm,
    .rope = tai_avx2_rope,
    .add = tai_avx2_add,
    .swiglu = tai_avx2_swiglu,
    .kv_store = tai_avx2_kv_store,
    .attend = tai_avx2_attend,
    .dequantize = tai_ref_dequantize,
};
