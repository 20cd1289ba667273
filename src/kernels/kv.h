/* Addresses in the KV cache of one head; the layout is drawn at TaiKvHead. */
#ifndef TAI_KV_H
#define TAI_KV_H

#include "kernels/kernels.h"

/* Index of K[group][0][0]: each group holds 32 positions of K, then of V. */
static inline size_t tai_kv_keys(const TaiKvHead *kv, uint32_t position) {
    return (size_t)(position / TAI_KV_GROUP) * 2 * TAI_KV_GROUP * kv->head_dim;
}

/* Index of V[position][0]. */
static inline size_t tai_kv_value(const TaiKvHead *kv, uint32_t position) {
    return tai_kv_keys(kv, position) +
           (size_t)(TAI_KV_GROUP + position % TAI_KV_GROUP) * kv->head_dim;
}

#endif
