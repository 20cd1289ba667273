/* The NEON tier as a table. */
#include "kernels/neon/neon.h"
#include "kernels/reference/reference.h"

const TaiKernels tai_kernels_neon = {
    .name = "neon",
    .quantize = tai_ref_quantize,
    .matmul = tai_ref_matmul,
    .rms_norm = tai_ref_rms_norm,
    .rope = tai_ref_rope,
    .add = tai_ref_add,
    .swiglu = tai_ref_swiglu,
    .kv_store = tai_ref_kv_store,
    .attend = tai_ref_attend,
    .dequantize = tai_ref_dequantize,
};
