/* Activations as int8. */
#include "kernels/avx2/avx2.h"

#include "kernels/avx2/dot.h"
#include "kernels/vector/quantize.h"

void tai_avx2_quantize(TaiActForm form, const float *x, uint32_t k, void *act) {
    if (form == TAI_ACT_F32)
        memcpy(act, x, (size_t)k * sizeof *x);
    else if (form == TAI_ACT_Q8_32)
        tai_quantize_32(x, k, act, sizeof(TaiWide), -128);
    else if (form == TAI_ACT_Q8_32N)
        tai_quantize_32(x, k, act, sizeof(TaiNarrow), -8);
    else if (form == TAI_ACT_Q8_256)
        tai_quantize_256(x, k, act, sizeof(TaiWide));
    else
        tai_quantize_256(x, k, act, sizeof(TaiNarrow));
}
