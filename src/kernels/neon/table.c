/* The NEON tier as a table; what runs once per token at most, over one row, is the reference's
 * function. */
#include "kernels/neon/neon.h"
#include "kernels/reference/reference.h"

const TaiKernels tai_kernels_neon = {
    .name = "neon",
    .quantize = tai_neon_quantize,
    .matmul = tai_neon_matmul,
    .panels = tai_neon_panels,
    .rms_norm = tai_neon_rms_norm,
    .rope = tai_neon_rope,
    .add = tai_neon_add,
    .swiglu = tai_neon_swiglu,
    .kv_store = tai_neon_kv_store,
    .attend = tai_neon_attend,
    .dequantize = tai_ref_dequantize,
};
