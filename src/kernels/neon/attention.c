/* Attention of this tier. */
#include "kernels/neon/neon.h"
#include "kernels/neon/v8.h"

/* Of the sixteen pairs of registers. */
#define TAI_SUMS 8

#include "kernels/vector/attention.h"

void tai_neon_kv_store(const TaiKvHead *kv, uint32_t position, const float *k, const float *v) {
    if (kv->type == TAI_KV_Q8 && v8_takes_head(kv->head_dim))
        v8_store_q8(kv, position, k, v);
    else
        tai_ref_kv_store(kv, position, k, v);
}

void tai_neon_attend(const TaiKvHead *kv, const TaiQueries *queries) {
    v8_attend(kv, queries);
}
