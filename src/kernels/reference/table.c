/* The reference tier as a table, and its choice of functions by weight type. */
#include "kernels/blocks.h"
#include "kernels/panel.h"
#include "kernels/reference/reference.h"

/* The types whose matrices are rows of floats. */
typedef struct RowKernels {
    TaiType type;
    float (*dot)(const void *w, const void *act, uint32_t k);
    void (*dequantize)(const void *w, uint32_t n, float *y);
} RowKernels;

static const RowKernels row_kernels[] = {
    {TAI_TYPE_F32, tai_ref_dot_f32, tai_ref_dequantize_f32},
    {TAI_TYPE_F16, tai_ref_dot_f16, tai_ref_dequantize_f16},
    {TAI_TYPE_BF16, tai_ref_dot_bf16, tai_ref_dequantize_bf16},
};

static const RowKernels *find(TaiType type) {
    const RowKernels *row = row_kernels;
    while (row->type != type)
        row++;
    return row;
}

void tai_ref_matmul(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                    size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride) {
    if (tai_is_panelled(type)) {
        tai_ref_rows(type, w, n_rows, k, act, act_stride, n_tokens, y, y_stride);
        return;
    }
    const RowKernels *kernels = find(type);
    size_t row_bytes = tai_kernel_row_bytes(type, k);
    for (uint32_t t = 0; t < n_tokens; t++)
        for (uint32_t r = 0; r < n_rows; r++)
            y[t * y_stride + r] = kernels->dot((const uint8_t *)w + r * row_bytes,
                                               (const uint8_t *)act + t * act_stride, k);
}

void tai_ref_dequantize(TaiType type, const void *row, uint32_t n, float *y) {
    if (tai_is_panelled(type))
        tai_ref_dequantize_blocks(type, row, n, y);
    else
        find(type)->dequantize(row, n, y);
}

const TaiKernels tai_kernels_reference = {
    .name = "scalar",
    .quantize = tai_ref_quantize,
    .matmul = tai_ref_matmul,
    .panels = tai_ref_panels,
    .rms_norm = tai_ref_rms_norm,
    .rope = tai_ref_rope,
    .add = tai_ref_add,
    .swiglu = tai_ref_swiglu,
    .kv_store = tai_ref_kv_store,
    .attend = tai_ref_attend,
    .dequantize = tai_ref_dequantize,
};
