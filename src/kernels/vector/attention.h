/* Attention: the sums and their orders are those of reference/attention.c.
 *
 * A row is one query: a head of a token. Rows are worked on in batches, as many as have room for their scores;
 * what a group of 32 positions holds is loaded and converted once for the batch. Of keys a lane is a position,
 * of values a channel; up to four rows go through them side by side.
 *
 * Before this the tier's file includes its v8.h and says as TAI_SUMS how many V8 of sums stay in registers. */
#ifndef TAI_VECTOR_ATTENTION_H
#define TAI_VECTOR_ATTENTION_H

#include <string.h>

#include "kernels/kv.h"
#include "kernels/math.h"
#include "kernels/reference/reference.h"
#include "kernels/vector/expf.h"
#include "kernels/vector/kv_store.h"

enum {
    ROWS = 4,              /* side by side */
    BATCH = 64,            /* rows, at most */
    CHANNELS = 64,         /* of values that are converted at once */
    CONVERTED = 8192u / 4, /* floats that are converted at once */
};

/* Functions of their own, called through tables, or a wasm optimizer puts all of it into one: V8 compiles a
 * function anew once it is hot, but never while it runs. */
#define TAI_KERNEL static __attribute__((noinline))

typedef struct Row {
    const float *q; /* [head_dim] */
    float *out; /* [head_dim]; at first the quantized query: pairs of int16, see quantize_queries */
    float *scores; /* of position 0, then the weights */
    uint32_t end;  /* it sees the positions before */
    float d;       /* of the quantized query */
    float sum;     /* of the weights */
} Row;

/* Rows in the order of their tokens: none ends before the one ahead of it. */
typedef struct Batch {
    const TaiKvHead *kv;
    uint32_t begin;
    float scale;
    uint32_t n;
    uint32_t end; /* of the last row */
    Row rows[BATCH];
} Batch;

/* The first row that sees a position; all later ones do. */
static uint32_t first_row(const Batch *b, uint32_t position) {
    uint32_t row = 0;
    while (b->rows[row].end <= position)
        row++;
    return row;
}

/* ---- scores ----------------------------------------------------------------------------------- */

/* Panels of eight positions, f32: K[channel][8], channels `stride` floats apart. */
typedef struct Keys {
    const float *at;
    size_t stride;
    size_t panel;   /* floats from a panel to the next */
    uint32_t first; /* position */
    uint32_t n_panels;
} Keys;

/* scores[at..at + 8) of n rows. A position per lane, so a virtual lane of the channels is a vector of its own;
 * they come in the order of the tree of tai_lanes_sum, `width` of them side by side. */
TAI_INLINE void score_panel(uint32_t n, uint32_t width, const float *keys, size_t stride,
                            const Row *rows, uint32_t head_dim, V8 scale, uint32_t at) {
    static const uint8_t lanes[8] = {0, 4, 2, 6, 1, 5, 3, 7};
    V8 sums[8][ROWS];
    for (uint32_t first = 0; first < 8; first += width) {
        V8 sum[8][ROWS];
        for (uint32_t i = 0; i < width; i++)
            for (uint32_t r = 0; r < n; r++)
                sum[i][r] = v8_zero();
        for (uint32_t c = 0; c < head_dim; c += 8)
            for (uint32_t i = 0; i < width; i++) {
                uint32_t channel = c + lanes[first + i];
                V8 key = v8_load(keys + channel * stride);
                for (uint32_t r = 0; r < n; r++)
                    sum[i][r] = v8_add(sum[i][r], v8_mul(v8_load_splat(rows[r].q + channel), key));
            }
        for (uint32_t i = 0; i < width; i++)
            for (uint32_t r = 0; r < n; r++)
                sums[first + i][r] = sum[i][r];
    }
    for (uint32_t r = 0; r < n; r++) {
        V8 even = v8_add(v8_add(sums[0][r], sums[1][r]), v8_add(sums[2][r], sums[3][r]));
        V8 odd = v8_add(v8_add(sums[4][r], sums[5][r]), v8_add(sums[6][r], sums[7][r]));
        v8_store(rows[r].scores + at, v8_mul(v8_add(even, odd), scale));
    }
}

#define SCORE_KERNEL(n, width)                                                                     \
    TAI_KERNEL void score_##n(const Keys *keys, const Row *rows, uint32_t head_dim, float scale) { \
        for (uint32_t i = 0; i < keys->n_panels; i++)                                              \
            score_panel(n, width, keys->at + i * keys->panel, keys->stride, rows, head_dim,        \
                        v8_splat_f32(scale), keys->first + i * TAI_KV_PANEL);                      \
    }
SCORE_KERNEL(1, TAI_SUMS)
SCORE_KERNEL(2, TAI_SUMS / 2)
SCORE_KERNEL(3, TAI_SUMS / 4)
SCORE_KERNEL(4, TAI_SUMS / 4)

static void (*const score[ROWS])(const Keys *keys, const Row *rows, uint32_t head_dim,
                                 float scale) = {score_1, score_2, score_3, score_4};

/* `n_panels` panels from position p on, of a group that holds it. */
static Keys keys_of(const TaiKvHead *kv, uint32_t p, uint32_t n_panels, float *converted) {
    size_t index = tai_kv_keys(kv, p) + p % TAI_KV_GROUP;
    if (kv->type == TAI_KV_F32)
        return (Keys){(const float *)kv->groups + index, TAI_KV_GROUP, TAI_KV_PANEL, p, n_panels};
    const uint16_t *at = (const uint16_t *)kv->groups + index;
    size_t panel = (size_t)kv->head_dim * TAI_KV_PANEL;
    for (uint32_t i = 0; i < n_panels; i++)
        for (uint32_t c = 0; c < kv->head_dim; c++)
            v8_store(converted + i * panel + (size_t)c * TAI_KV_PANEL,
                     v8_load_f16(at + (size_t)c * TAI_KV_GROUP + (size_t)i * TAI_KV_PANEL));
    return (Keys){converted, TAI_KV_PANEL, panel, p, n_panels};
}

/* Scores of the n_panels panels from position p on. */
TAI_KERNEL void score_float(const Batch *b, uint32_t p, uint32_t n_panels) {
    _Alignas(32) float converted[CONVERTED];
    Keys keys = keys_of(b->kv, p, n_panels, converted);
    for (uint32_t row = first_row(b, p); row < b->n; row += ROWS) {
        uint32_t n = b->n - row < ROWS ? b->n - row : ROWS;
        score[n - 1](&keys, b->rows + row, b->kv->head_dim, b->scale);
    }
}

/* ---- scores of int8 ---------------------------------------------------------------------------- */

/* Each word of four channels as two pairs of int16, {q0, q2} and {q1, q3}. */
static void quantize_queries(Batch *b) {
    for (uint32_t row = 0; row < b->n; row++) {
        int8_t q[TAI_HEAD_DIM_MAX];
        b->rows[row].d = v8_quantize_head(b->rows[row].q, b->kv->head_dim, q);
        uint8_t *pairs = (uint8_t *)b->rows[row].out;
        for (uint32_t c = 0; c < b->kv->head_dim; c += TAI_KV_WORD) {
            const int16_t both[4] = {q[c], q[c + 2], q[c + 1], q[c + 3]};
            memcpy(pairs + (size_t)c * 2, both, sizeof both);
        }
    }
}

/* The products of even and of odd channels come times 256, which spares the bytes' extension of their signs:
 * at most 256 * 256 * 127^2 < 2^31. */
TAI_INLINE void score_words(uint32_t n, const int8_t *keys, V8 key_scales, const Row *rows,
                            uint32_t head_dim, V8 scale, uint32_t at) {
    V8 sum[ROWS];
    for (uint32_t r = 0; r < n; r++)
        sum[r] = v8_zero();
    for (uint32_t c = 0; c < head_dim; c += TAI_KV_WORD) {
        V8 k = v8_load(keys + c * TAI_KV_PANEL);
        V8 even = v8_shl16(k, 8);
        V8 odd = v8_and(k, v8_splat16((int16_t)0xFF00));
        for (uint32_t r = 0; r < n; r++) {
            const uint8_t *q = (const uint8_t *)rows[r].out + c * 2;
            sum[r] = v8_add32(sum[r], v8_madd16(even, v8_load_splat(q)));
            sum[r] = v8_add32(sum[r], v8_madd16(odd, v8_load_splat(q + 4)));
        }
    }
    for (uint32_t r = 0; r < n; r++) {
        V8 d = v8_mul(v8_splat_f32(rows[r].d), key_scales);
        V8 dot = v8_f32_of_i32(v8_sar32(sum[r], 8));
        v8_store(rows[r].scores + at, v8_mul(v8_mul(dot, d), scale));
    }
}

/* Of the group that begins at position `first`, what its last row sees. */
#define WORDS_KERNEL(n)                                                                            \
    TAI_KERNEL void words_##n(const TaiKvGroup *group, uint32_t first, const Row *rows,            \
                              uint32_t head_dim, float scale) {                                    \
        uint32_t seen = rows[(n) - 1].end - first;                                                 \
        for (uint32_t i = 0; i < TAI_KV_GROUP && i < seen; i += TAI_KV_PANEL)                      \
            score_words(n, group->k + i * head_dim, v8_load(group->k_scales + i), rows, head_dim,  \
                        v8_splat_f32(scale), first + i);                                           \
    }
WORDS_KERNEL(1)
WORDS_KERNEL(2)
WORDS_KERNEL(3)
WORDS_KERNEL(4)

static void (*const words[ROWS])(const TaiKvGroup *group, uint32_t first, const Row *rows,
                                 uint32_t head_dim,
                                 float scale) = {words_1, words_2, words_3, words_4};

/* Scores of the whole group that begins at position p. */
static void score_int8(const Batch *b, uint32_t p) {
    TaiKvGroup group = tai_kv_group(b->kv, p);
    for (uint32_t row = first_row(b, p); row < b->n; row += ROWS) {
        uint32_t n = b->n - row < ROWS ? b->n - row : ROWS;
        words[n - 1](&group, p, b->rows + row, b->kv->head_dim, b->scale);
    }
}

/* ---- softmax ----------------------------------------------------------------------------------- */

/* The largest score from `first` to `end`, whole vectors; NaN counts as smallest. */
static V8 largest_of(const float *scores, uint32_t first, uint32_t end) {
    V8 largest = v8_splat_f32(-__builtin_inff());
    for (uint32_t p = first; p < end; p += 8)
        largest = v8_max(v8_load(scores + p), largest);
    float lane[8];
    v8_store(lane, largest);
    for (uint32_t i = 1; i < 8; i++)
        lane[0] = lane[0] < lane[i] ? lane[i] : lane[0];
    return v8_splat_f32(lane[0]);
}

/* scores[begin..end) = exp(score - largest), and 0 around them to whole vectors; returns their sum */
TAI_KERNEL float softmax(float *scores, uint32_t begin, uint32_t end) {
    uint32_t first = begin - begin % 8;
    for (uint32_t p = first; p < begin; p++)
        scores[p] = -__builtin_inff();
    for (uint32_t p = end; p % 8 != 0; p++)
        scores[p] = -__builtin_inff();
    V8 largest = largest_of(scores, first, end);
    const float *constants = tai_expf_constants();
    V8 sum = v8_zero(); /* the 8 virtual lanes */
    for (uint32_t p = first; p < end;) {
        uint32_t limit = end - p < EXP_VALUES ? end : p + EXP_VALUES;
        ExpBlock block;
        for (uint32_t i = 0; p + i < limit; i += 8)
            v8_exp_put(&block, i, v8_sub(v8_load(scores + p + i), largest), constants);
        for (uint32_t i = 0; p < limit; i += 8, p += 8) {
            V8 e = v8_exp_get(&block, i, constants);
            v8_store(scores + p, e);
            sum = v8_add(sum, e);
        }
    }
    float lane[8];
    v8_store(lane, sum);
    return tai_lanes_sum(lane);
}

/* ---- values ------------------------------------------------------------------------------------ */

/* V[position][channel] as f32, positions `stride` floats apart, of one group. */
typedef struct Values {
    const float *at;
    size_t stride;
    uint32_t first; /* position */
    uint32_t channel;
    uint32_t n_channels; /* whole vectors */
} Values;

/* out[at..at + 8 width) of n rows += the n_positions' values, each times its weight */
TAI_INLINE void add_values(uint32_t n, uint32_t width, const Values *values, uint32_t n_positions,
                           const Row *rows, uint32_t at) {
    V8 sum[ROWS][8];
    const float *weights[ROWS];
    for (uint32_t r = 0; r < n; r++) {
        weights[r] = rows[r].scores + values->first;
        for (uint32_t i = 0; i < width; i++)
            sum[r][i] = v8_load(rows[r].out + values->channel + at + (size_t)i * 8);
    }
    const float *v = values->at + at;
    for (uint32_t p = 0; p < n_positions; p++, v += values->stride)
        for (uint32_t i = 0; i < width; i++) {
            V8 value = v8_load(v + (size_t)i * 8);
            for (uint32_t r = 0; r < n; r++)
                sum[r][i] = v8_add(sum[r][i], v8_mul(v8_load_splat(weights[r] + p), value));
        }
    for (uint32_t r = 0; r < n; r++)
        for (uint32_t i = 0; i < width; i++)
            v8_store(rows[r].out + values->channel + at + (size_t)i * 8, sum[r][i]);
}

#define VALUES_KERNEL(n, width)                                                                    \
    TAI_KERNEL void values_##n(const Values *values, uint32_t n_positions, const Row *rows) {      \
        uint32_t c = 0;                                                                            \
        for (; c + 8 * (width) <= values->n_channels; c += 8 * (width))                            \
            add_values(n, width, values, n_positions, rows, c);                                    \
        for (; c < values->n_channels; c += 8)                                                     \
            add_values(n, 1, values, n_positions, rows, c);                                        \
    }
VALUES_KERNEL(1, 4)
VALUES_KERNEL(2, TAI_SUMS / 2)
VALUES_KERNEL(3, TAI_SUMS / 4)
VALUES_KERNEL(4, TAI_SUMS / 4)

static void (*const add[ROWS])(const Values *values, uint32_t n_positions,
                               const Row *rows) = {values_1, values_2, values_3, values_4};

/* n_positions positions from p on, n_channels channels from c on. */
static Values values_of(const TaiKvHead *kv, uint32_t p, uint32_t n_positions, uint32_t c,
                        uint32_t n_channels, float *converted) {
    size_t head_dim = kv->head_dim;
    if (kv->type == TAI_KV_F32)
        return (Values){(const float *)kv->groups + tai_kv_value(kv, p) + c, head_dim, p, c,
                        n_channels};
    if (kv->type == TAI_KV_F16) {
        const uint16_t *v = (const uint16_t *)kv->groups + tai_kv_value(kv, p) + c;
        for (uint32_t i = 0; i < n_positions; i++)
            for (uint32_t j = 0; j < n_channels; j += 8)
                v8_store(converted + (size_t)i * CHANNELS + j, v8_load_f16(v + i * head_dim + j));
    } else {
        const int8_t *v = tai_kv_group(kv, p).v + p % TAI_KV_GROUP * head_dim + c;
        for (uint32_t i = 0; i < n_positions; i++)
            for (uint32_t j = 0; j < n_channels; j += 8)
                v8_store(converted + (size_t)i * CHANNELS + j,
                         v8_load_i8_as_f32(v + i * head_dim + j));
    }
    return (Values){converted, CHANNELS, p, c, n_channels};
}

/* How many of the positions p .. limit - 1 a row sees. */
static uint32_t seen(const Row *row, uint32_t p, uint32_t limit) {
    return (row->end < limit ? row->end : limit) - p;
}

/* Adds the values of the positions p .. limit - 1, of one group, and of n_channels channels from c on. Rows
 * side by side see equally many of them. */
TAI_KERNEL void add_channels(const Batch *b, uint32_t p, uint32_t limit, uint32_t c,
                             uint32_t n_channels) {
    _Alignas(32) float converted[TAI_KV_GROUP * CHANNELS];
    Values values = values_of(b->kv, p, limit - p, c, n_channels, converted);
    for (uint32_t row = first_row(b, p), n; row < b->n; row += n) {
        uint32_t n_positions = seen(&b->rows[row], p, limit);
        n = 1;
        while (n < ROWS && row + n < b->n && seen(&b->rows[row + n], p, limit) == n_positions)
            n++;
        add[n - 1](&values, n_positions, b->rows + row);
    }
}

/* The weights of a group that belong to values of int8 take over their scales. */
static void scale_weights(const Batch *b, uint32_t p) {
    TaiKvGroup group = tai_kv_group(b->kv, p);
    uint32_t start = p - p % TAI_KV_GROUP;
    for (uint32_t row = first_row(b, p); row < b->n; row++)
        for (uint32_t i = 0; i < TAI_KV_GROUP; i += 8) {
            float *weights = b->rows[row].scores + start + i;
            v8_store(weights, v8_mul(v8_load(weights), v8_load(group.v_scales + i)));
        }
}

/* ---- all of it --------------------------------------------------------------------------------- */

static void score_all(Batch *b) {
    uint32_t end = b->end;
    if (b->kv->type == TAI_KV_Q8) {
        quantize_queries(b);
        for (uint32_t p = b->begin - b->begin % TAI_KV_GROUP; p < end; p += TAI_KV_GROUP)
            score_int8(b, p);
        return;
    }
    uint32_t most = CONVERTED / TAI_KV_PANEL / b->kv->head_dim;
    for (uint32_t p = b->begin - b->begin % TAI_KV_PANEL, n_panels; p < end;
         p += n_panels * TAI_KV_PANEL) {
        uint32_t left = TAI_KV_GROUP - p % TAI_KV_GROUP;
        left = left < end - p ? left : end - p;
        n_panels = (left + TAI_KV_PANEL - 1) / TAI_KV_PANEL;
        n_panels = n_panels < most ? n_panels : most;
        score_float(b, p, n_panels);
    }
}

static void add_all_values(const Batch *b) {
    uint32_t head_dim = b->kv->head_dim, end = b->end;
    for (uint32_t row = 0; row < b->n; row++)
        memset(b->rows[row].out, 0, head_dim * sizeof(float));
    for (uint32_t p = b->begin, limit; p < end; p = limit) {
        limit = p - p % TAI_KV_GROUP + TAI_KV_GROUP;
        limit = limit < end ? limit : end;
        if (b->kv->type == TAI_KV_Q8)
            scale_weights(b, p);
        for (uint32_t c = 0; c < head_dim; c += CHANNELS)
            add_channels(b, p, limit, c, head_dim - c < CHANNELS ? head_dim - c : CHANNELS);
    }
    for (uint32_t row = 0; row < b->n; row++) {
        V8 sum = v8_splat_f32(b->rows[row].sum);
        float *out = b->rows[row].out;
        for (uint32_t c = 0; c < head_dim; c += 8)
            v8_store(out + c, v8_div(v8_load(out + c), sum));
    }
}

/* Rows from `first` on: head first % n_heads of token first / n_heads, and so on. */
static void take_rows(Batch *b, const TaiQueries *queries, uint32_t first, size_t stride) {
    uint32_t token = first / queries->n_heads, head = first % queries->n_heads;
    for (uint32_t i = 0; i < b->n; i++) {
        b->end = queries->end + token;
        size_t at = token * queries->stride + (size_t)head * b->kv->head_dim;
        b->rows[i] = (Row){.q = queries->q + at,
                           .out = queries->out + at,
                           .scores = queries->scores + i * stride,
                           .end = b->end};
        head++;
        if (head == queries->n_heads) {
            head = 0;
            token++;
        }
    }
}

/* attend of TaiKernels. */
static void v8_attend(const TaiKvHead *kv, const TaiQueries *queries) {
    if (!v8_takes_head(kv->head_dim)) {
        tai_ref_attend(kv, queries);
        return;
    }
    Batch b = {.kv = kv, .begin = queries->begin, .scale = queries->scale};
    size_t stride = tai_scores_stride(queries->end - 1 + queries->n_tokens);
    size_t room = queries->n_scores / stride;
    uint32_t most = room < BATCH ? (uint32_t)room : BATCH;
    uint32_t n_rows = queries->n_tokens * queries->n_heads;
    for (uint32_t first = 0; first < n_rows; first += b.n) {
        b.n = n_rows - first < most ? n_rows - first : most;
        take_rows(&b, queries, first, stride);
        score_all(&b);
        for (uint32_t i = 0; i < b.n; i++)
            b.rows[i].sum = softmax(b.rows[i].scores, b.begin, b.rows[i].end);
        add_all_values(&b);
    }
}

#endif
