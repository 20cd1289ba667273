/* The tables of the WebAssembly tiers: all but quantize and panels is the same. What runs once per token at most,
 * over one row, is the reference's function. */
#ifndef TAI_SIMD128_TABLE_H
#define TAI_SIMD128_TABLE_H

#include "kernels/reference/reference.h"
#include "kernels/simd128/simd128.h"

#define TAI_SIMD_TABLE(tier_name, quantize_forms, multiply_panels)                                 \
    {                                                                                              \
        .name = (tier_name),                                                                       \
        .quantize = (quantize_forms),                                                              \
        .matmul = tai_simd_matmul,                                                                 \
        .panels = (multiply_panels),                                                               \
        .rms_norm = tai_simd_rms_norm,                                                             \
        .rope = tai_simd_rope,                                                                     \
        .add = tai_simd_add,                                                                       \
        .swiglu = tai_simd_swiglu,                                                                 \
        .kv_store = tai_simd_kv_store,                                                             \
        .attend = tai_simd_attend,                                                                 \
        .dequantize = tai_ref_dequantize,                                                          \
    }

#endif
