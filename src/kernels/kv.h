/* A group of 32 positions in the KV cache of one head.
 *
 * F32, F16: elements of the type,
 *
 *     K[head_dim][32]         a lane is a position
 *     V[32][head_dim]         a lane is a channel
 *
 * Q8: int8 with one f32 scale per position, width = head_dim rounded up to whole vectors with zeros,
 *
 *     K[4][width / 4][8][4]   four panels of eight positions: a 32-bit lane holds four channels of a position
 *     scales of K[32]
 *     V[32][width]
 *     scales of V[32] */
#ifndef TAI_KV_H
#define TAI_KV_H

#include "kernels/kernels.h"

enum {
    TAI_KV_PANEL = 8, /* positions of a panel */
    TAI_KV_WORD = 4,  /* channels of a word */
};

/* Index of K[group][0][0] in elements, F32 and F16. */
static inline size_t tai_kv_keys(const TaiKvHead *kv, uint32_t position) {
    return (size_t)(position / TAI_KV_GROUP) * 2 * TAI_KV_GROUP * kv->head_dim;
}

/* Index of V[position][0]. */
static inline size_t tai_kv_value(const TaiKvHead *kv, uint32_t position) {
    return tai_kv_keys(kv, position) +
           (size_t)(TAI_KV_GROUP + position % TAI_KV_GROUP) * kv->head_dim;
}

/* Channels of a position with what fills them up, Q8. */
static inline uint32_t tai_kv_width(uint32_t head_dim) {
    return (head_dim + 7) / 8 * 8;
}

typedef struct TaiKvGroup {
    int8_t *k;       /* [4][width / 4][8][4] */
    float *k_scales; /* [32] */
    int8_t *v;       /* [32][width] */
    float *v_scales; /* [32] */
} TaiKvGroup;

/* The group of a position, Q8. */
static inline TaiKvGroup tai_kv_group(const TaiKvHead *kv, uint32_t position) {
    size_t quants = (size_t)TAI_KV_GROUP * tai_kv_width(kv->head_dim);
    size_t part = quants + TAI_KV_GROUP * sizeof(float);
    uint8_t *k = (uint8_t *)kv->groups + position / TAI_KV_GROUP * 2 * part;
    return (TaiKvGroup){(int8_t *)k, (float *)(void *)(k + quants), (int8_t *)(k + part),
                        (float *)(void *)(k + part + quants)};
}

/* Where in K of its group word 0 of a position lies; its next ones follow TAI_KV_PANEL words apart. */
static inline size_t tai_kv_first_word(const TaiKvHead *kv, uint32_t position) {
    uint32_t p = position % TAI_KV_GROUP;
    return (size_t)(p / TAI_KV_PANEL) * TAI_KV_PANEL * tai_kv_width(kv->head_dim) +
           (size_t)(p % TAI_KV_PANEL) * TAI_KV_WORD;
}

#endif
