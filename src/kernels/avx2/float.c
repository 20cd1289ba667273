/* F32, F16 and BF16 matrices. */
#include "kernels/avx2/avx2.h"
#include "kernels/avx2/v8.h"
#include "kernels/vector/float_rows.h"

void tai_avx2_matmul(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                     size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride) {
    tai_float_matmul((TaiProduct){type, w, n_rows, k, act, act_stride, n_tokens, y, y_stride});
}
