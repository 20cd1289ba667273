/* Matrix times activations: cuts the rows into strips. */
#include "kernels/simd128/matmul.h"

#include <string.h>

#include "kernels/reference/reference.h"
#include "kernels/simd128/simd128.h"

static TaiStrip strip_of(TaiType type) {
    switch (type) {
    case TAI_TYPE_Q4_0:
        return tai_simd_strip_q4_0;
    case TAI_TYPE_Q5_0:
        return tai_simd_strip_q5_0;
    case TAI_TYPE_Q8_0:
        return tai_simd_strip_q8_0;
    case TAI_TYPE_Q4_K:
        return tai_simd_strip_q4_k;
    case TAI_TYPE_Q6_K:
        return tai_simd_strip_q6_k;
    default:
        return 0;
    }
}

void tai_simd_matmul(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                     size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride) {
    TaiStrip strip = strip_of(type);
    if (!strip) {
        tai_ref_matmul(type, w, n_rows, k, act, act_stride, n_tokens, y, y_stride);
        return;
    }
    size_t row_bytes = tai_kernel_row_bytes(type, k);
    for (uint32_t r = 0; r < n_rows; r += TAI_STRIP) {
        /* A strip beyond the end repeats the last row; what it makes of it is dropped. */
        const uint8_t *row[TAI_STRIP];
        for (uint32_t i = 0; i < TAI_STRIP; i++)
            row[i] = (const uint8_t *)w + (r + i < n_rows ? r + i : n_rows - 1) * row_bytes;
        uint32_t n = n_rows - r < TAI_STRIP ? n_rows - r : TAI_STRIP;
        for (uint32_t t = 0; t < n_tokens; t++) {
            float sums[TAI_STRIP];
            strip(row, k, (const uint8_t *)act + t * act_stride, sums);
            memcpy(y + t * y_stride + r, sums, n * sizeof *y);
        }
    }
}
