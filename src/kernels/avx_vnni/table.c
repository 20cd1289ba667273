/* This tier as a table. Its activations are those of avx2: int8 for narrow and for wide weights. */
#include "kernels/avx_vnni/avx_vnni.h"

#include "kernels/avx2/avx2.h"
#include "kernels/reference/reference.h"

const TaiKernels tai_kernels_avx_vnni = {
    .name = "avx-vnni",
    .quantize = tai_avx2_quantize,
    .matmul = tai_avx2_matmul,
    .panels = tai_avx_vnni_panels,
    .rms_norm = tai_avx2_rms_norm,
    .rope = tai_avx2_rope,
    .add = tai_avx2_add,
    .swiglu = tai_avx2_swiglu,
    .kv_store = tai_avx2_kv_store,
    .attend = tai_avx2_attend,
    .dequantize = tai_ref_dequantize,
};
