/* The reference tier as a table, and its choice of row function by weight type. */
#include "kernels/blocks.h"
#include "kernels/panel.h"
#include "kernels/reference/reference.h"

typedef struct RowKernels {
    TaiType type;
    float (*dot)(const void *w, const void *act, uint32_t k);
    void (*dequantize)(const void *w, uint32_t n, float *y);
} RowKernels;

static const RowKernels row_kernels[] = {
    {TAI_TYPE_F32, tai_ref_dot_f32, tai_ref_dequantize_f32},
    {TAI_TYPE_F16, tai_ref_dot_f16, tai_ref_dequantize_f16},
    {TAI_TYPE_BF16, tai_ref_dot_bf16, tai_ref_dequantize_bf16},
    {TAI_TYPE_Q4_0, tai_ref_dot_q4_0, tai_ref_dequantize_q4_0},
    {TAI_TYPE_Q5_0, tai_ref_dot_q5_0, tai_ref_dequantize_q5_0},
    {TAI_TYPE_Q8_0, tai_ref_dot_q8_0, tai_ref_dequantize_q8_0},
    {TAI_TYPE_Q4_K, tai_ref_dot_q4_k, tai_ref_dequantize_q4_k},
    {TAI_TYPE_Q6_K, tai_ref_dot_q6_k, tai_ref_dequantize_q6_k},
};

static const RowKernels *find(TaiType type) {
    const RowKernels *row = row_kernels;
    while (row->type != type)
        row++;
    return row;
}

void tai_ref_matmul(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                    size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride) {
    const RowKernels *kernels = find(type);
    size_t row_bytes = tai_kernel_row_bytes(type, k);
    for (uint32_t t = 0; t < n_tokens; t++)
        for (uint32_t r = 0; r < n_rows; r++)
            y[t * y_stride + r] = kernels->dot((const uint8_t *)w + r * row_bytes,
                                               (const uint8_t *)act + t * act_stride, k);
}

/* What the row functions make of a block alone, added in the order of the blocks. They begin at 0,
 * which changes no bit: a sum that began at 0 is never -0. */
void tai_ref_panels(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                    size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride) {
    const RowKernels *kernels = find(type);
    const TaiActForm form = tai_act_form(type);
    const bool small = form == TAI_ACT_Q8_32 || form == TAI_ACT_Q8_32N;
    const uint32_t block = small ? TAI_BLOCK : TAI_SUPERBLOCK;
    const size_t act_bytes = small ? sizeof(TaiAct32) : sizeof(TaiAct256);
    for (uint32_t r = 0; r < n_rows; r++) {
        const uint8_t *panel = (const uint8_t *)w + r / TAI_PANEL_ROWS * tai_panel_bytes(type, k);
        for (uint32_t t = 0; t < n_tokens; t++)
            y[t * y_stride + r] = 0;
        for (uint32_t b = 0; b < k / block; b++) {
            TaiAnyBlock weights;
            tai_panel_get_block(type, panel + b * tai_panel_block_bytes(type), r % TAI_PANEL_ROWS,
                                &weights);
            for (uint32_t t = 0; t < n_tokens; t++)
                y[t * y_stride + r] += kernels->dot(
                    &weights, (const uint8_t *)act + t * act_stride + b * act_bytes, block);
        }
    }
}

void tai_ref_dequantize(TaiType type, const void *row, uint32_t n, float *y) {
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
