/* Attention of this tier. */
#include "kernels/simd128/simd128.h"
#include "kernels/simd128/v8.h"

/* Two registers each: eight of the fifteen that V8 has on x86-64. */
#define TAI_SUMS 4

#include "kernels/vector/attention.h"

void tai_simd_kv_store(const TaiKvHead *kv, uint32_t position, const float *k, const float *v) {
    if (kv->type == TAI_KV_Q8 && v8_takes_head(kv->head_dim))
        v8_store_q8(kv, position, k, v);
    else
        tai_ref_kv_store(kv, position, k, v);
}

void tai_simd_attend(const TaiKvHead *kv, const TaiQueries *queries) {
    v8_attend(kv, queries);
}
