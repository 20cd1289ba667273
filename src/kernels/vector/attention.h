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
    ROWS = 4,         /* side by side */
    BATCH = 64,       /* rows, at most */
    CHANNELS = 32,    /* of values that are converted at once */
    KEYS_AT_ONCE = 8, /* KiB of keys that are converted at once */
};

/* Functions of their own: V8 compiles a function anew once it is hot, but never while it runs. */
#define TAI_KERNEL static __attribute__((noinline))

typedef struct Batch {
    const TaiKvHead *kv;
    const TaiQueries *queries;
    uint32_t first;  /* row = token * n_heads + head */
    uint32_t n;      /* rows, at most BATCH */
    uint32_t end;    /* of the last row */
    uint32_t stride; /* floats of scores per row */
    float d[BATCH];  /* scales of quantized queries, then the sums of the weights */
} Batch;

static uint32_t token_of(const Batch *b, uint32_t row) {
    return (b->first + row) / b->queries->n_heads;
}

/* Where the query and the result of a row begin. */
static size_t row_at(const Batch *b, uint32_t row) {
    uint32_t head = (b->first + row) % b->queries->n_heads;
    return token_of(b, row) * b->queries->stride + (size_t)head * b->kv->head_dim;
}

static uint32_t row_end(const Batch *b, uint32_t row) {
    return b->queries->end + token_of(b, row);
}

static float *row_scores(const Batch *b, uint32_t row) {
    return b->queries->scores + (size_t)row * b->stride;
}

/* The first row that sees a position; all later ones do. */
static uint32_t first_row(const Batch *b, uint32_t position) {
    uint32_t end = b->queries->end;
    uint32_t token = position < end ? 0 : position - end + 1;
    uint32_t row = token * b->queries->n_heads;
    return row > b->first ? row - b->first : 0;
}

/* ---- scores ----------------------------------------------------------------------------------- */

/* Panels of eight positions, f32: K[channel][8], channels `stride` floats apart. */
typedef struct Keys {
    const float *at;
    size_t stride;
    size_t panel; /* floats from a panel to the next */
    uint32_t n_panels;
} Keys;

/* Rows that are worked on side by side. */
typedef struct ScoreRows {
    const float *q[ROWS];
    float *scores[ROWS]; /* of the first panel's first position */
} ScoreRows;

/* A position per lane, so a virtual lane of the channels is a vector of its own; they are summed in the order
 * of the tree of tai_lanes_sum, `width` of them side by side. */
TAI_INLINE void score_panel(uint32_t n, uint32_t width, const float *keys, size_t stride,
                            const ScoreRows *rows, uint32_t head_dim, V8 scale, size_t at) {
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
                    sum[i][r] = v8_add(sum[i][r], v8_mul(v8_load_splat(rows->q[r] + channel), key));
            }
        for (uint32_t i = 0; i < width; i++)
            for (uint32_t r = 0; r < n; r++)
                sums[first + i][r] = sum[i][r];
    }
    for (uint32_t r = 0; r < n; r++) {
        V8 even = v8_add(v8_add(sums[0][r], sums[1][r]), v8_add(sums[2][r], sums[3][r]));
        V8 odd = v8_add(v8_add(sums[4][r], sums[5][r]), v8_add(sums[6][r], sums[7][r]));
        v8_store(rows->scores[r] + at, v8_mul(v8_add(even, odd), scale));
    }
}

#define SCORE_KERNEL(n, width)                                                                     \
    TAI_KERNEL void score_##n(const Keys *keys, const ScoreRows *rows, uint32_t head_dim,          \
                              float scale) {                                                       \
        for (uint32_t i = 0; i < keys->n_panels; i++)                                              \
            score_panel(n, width, keys->at + i * keys->panel, keys->stride, rows, head_dim,        \
                        v8_splat_f32(scale), (size_t)i * TAI_KV_PANEL);                            \
    }
SCORE_KERNEL(1, TAI_SUMS)
SCORE_KERNEL(2, TAI_SUMS / 2)
SCORE_KERNEL(3, TAI_SUMS / 4)
SCORE_KERNEL(4, TAI_SUMS / 4)

/* `n_panels` panels from position p on, of a group that holds it. */
static Keys keys_of(const TaiKvHead *kv, uint32_t p, uint32_t n_panels, float *converted) {
    size_t index = tai_kv_keys(kv, p) + p % TAI_KV_GROUP;
    if (kv->type == TAI_KV_F32)
        return (Keys){(const float *)kv->groups + index, TAI_KV_GROUP, TAI_KV_PANEL, n_panels};
    const uint16_t *at = (const uint16_t *)kv->groups + index;
    size_t panel = (size_t)kv->head_dim * TAI_KV_PANEL;
    for (uint32_t c = 0; c < kv->head_dim; c++)
        for (uint32_t i = 0; i < n_panels; i++)
            v8_store(converted + i * panel + (size_t)c * TAI_KV_PANEL,
                     v8_load_f16(at + (size_t)c * TAI_KV_GROUP + (size_t)i * TAI_KV_PANEL));
    return (Keys){converted, TAI_KV_PANEL, panel, n_panels};
}

/* Scores of the n_panels panels from position p on. */
static void score_rows(const Batch *b, uint32_t p, uint32_t n_panels) {
    _Alignas(32) float converted[KEYS_AT_ONCE * 1024 / sizeof(float)];
    Keys keys = keys_of(b->kv, p, n_panels, converted);
    for (uint32_t row = first_row(b, p); row < b->n; row += ROWS) {
        uint32_t n = b->n - row < ROWS ? b->n - row : ROWS;
        ScoreRows rows;
        for (uint32_t r = 0; r < n; r++) {
            rows.q[r] = b->queries->q + row_at(b, row + r);
            rows.scores[r] = row_scores(b, row + r) + p;
        }
        uint32_t head_dim = b->kv->head_dim;
        float scale = b->queries->scale;
        switch (n) {
        case 1:
            score_1(&keys, &rows, head_dim, scale);
            break;
        case 2:
            score_2(&keys, &rows, head_dim, scale);
            break;
        case 3:
            score_3(&keys, &rows, head_dim, scale);
            break;
        default:
            score_4(&keys, &rows, head_dim, scale);
        }
    }
}

/* ---- scores of int8 ---------------------------------------------------------------------------- */

/* The queries as pairs of int16, {q0, q2} and {q1, q3} of each word of four channels, lie where their results
 * will. */
static void quantize_queries(Batch *b) {
    for (uint32_t row = 0; row < b->n; row++) {
        size_t at = row_at(b, row);
        int8_t q[TAI_HEAD_DIM_MAX];
        b->d[row] = v8_quantize_head(b->queries->q + at, b->kv->head_dim, q);
        uint8_t *pairs = (uint8_t *)(b->queries->out + at);
        for (uint32_t c = 0; c < b->kv->head_dim; c += 4) {
            const int16_t both[4] = {q[c], q[c + 2], q[c + 1], q[c + 3]};
            memcpy(pairs + (size_t)c * 2, both, sizeof both);
        }
    }
}

typedef struct WordRows {
    const uint8_t *q[ROWS]; /* pairs */
    float d[ROWS];
    float *scores[ROWS];
} WordRows;

/* The products of even and of odd channels come times 256, which spares the bytes' extension of their signs:
 * at most 256 * 256 * 127^2 < 2^31. */
TAI_INLINE void score_words(uint32_t n, const int8_t *keys, const float *key_scales,
                            const WordRows *rows, uint32_t head_dim, V8 scale, size_t at) {
    V8 sum[ROWS];
    for (uint32_t r = 0; r < n; r++)
        sum[r] = v8_zero();
    for (uint32_t c = 0; c < head_dim; c += 4) {
        V8 k = v8_load(keys + c * TAI_KV_PANEL);
        V8 even = v8_shl16(k, 8);
        V8 odd = v8_and(k, v8_splat16((int16_t)0xFF00));
        for (uint32_t r = 0; r < n; r++) {
            const uint8_t *q = rows->q[r] + c * 2;
            sum[r] = v8_add32(sum[r], v8_madd16(even, v8_load_splat(q)));
            sum[r] = v8_add32(sum[r], v8_madd16(odd, v8_load_splat(q + 4)));
        }
    }
    for (uint32_t r = 0; r < n; r++) {
        V8 d = v8_mul(v8_splat_f32(rows->d[r]), v8_load(key_scales + at));
        V8 dot = v8_f32_of_i32(v8_sar32(sum[r], 8));
        v8_store(rows->scores[r] + at, v8_mul(v8_mul(dot, d), scale));
    }
}

#define WORDS_KERNEL(n)                                                                            \
    TAI_KERNEL void words_##n(const TaiKvGroup *group, const WordRows *rows, uint32_t head_dim,    \
                              float scale) {                                                       \
        for (uint32_t i = 0; i < TAI_KV_GROUP; i += TAI_KV_PANEL)                                  \
            score_words(n, group->k + i * head_dim, group->k_scales, rows, head_dim,               \
                        v8_splat_f32(scale), i);                                                   \
    }
WORDS_KERNEL(1)
WORDS_KERNEL(2)
WORDS_KERNEL(3)
WORDS_KERNEL(4)

/* Scores of the whole group of position p. */
static void score_rows_q8(const Batch *b, uint32_t p) {
    TaiKvGroup group = tai_kv_group(b->kv, p);
    for (uint32_t row = first_row(b, p); row < b->n; row += ROWS) {
        uint32_t n = b->n - row < ROWS ? b->n - row : ROWS;
        WordRows rows;
        for (uint32_t r = 0; r < n; r++) {
            rows.q[r] = (const uint8_t *)(b->queries->out + row_at(b, row + r));
            rows.d[r] = b->d[row + r];
            rows.scores[r] = row_scores(b, row + r) + p;
        }
        uint32_t head_dim = b->kv->head_dim;
        float scale = b->queries->scale;
        switch (n) {
        case 1:
            words_1(&group, &rows, head_dim, scale);
            break;
        case 2:
            words_2(&group, &rows, head_dim, scale);
            break;
        case 3:
            words_3(&group, &rows, head_dim, scale);
            break;
        default:
            words_4(&group, &rows, head_dim, scale);
        }
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
    V8 sum = v8_zero(); /* the 8 virtual lanes */
    for (uint32_t p = first; p < end; p += 8) {
        V8 e = v8_expf(v8_sub(v8_load(scores + p), largest));
        v8_store(scores + p, e);
        sum = v8_add(sum, e);
    }
    float lane[8];
    v8_store(lane, sum);
    return tai_lanes_sum(lane);
}

/* ---- values ------------------------------------------------------------------------------------ */

/* V[position][channel] as f32, positions `stride` floats apart. */
typedef struct Values {
    const float *at;
    size_t stride;
} Values;

typedef struct ValueRows {
    const float *weights[ROWS]; /* of the first position */
    float *out[ROWS];
} ValueRows;

/* out[8 width] += the n_positions' values, each times its weight; out `at` floats on */
TAI_INLINE void add_values(uint32_t n, uint32_t width, const Values *values, uint32_t n_positions,
                           const ValueRows *rows, size_t at) {
    V8 sum[ROWS][8];
    for (uint32_t r = 0; r < n; r++)
        for (uint32_t i = 0; i < width; i++)
            sum[r][i] = v8_load(rows->out[r] + at + (size_t)i * 8);
    const float *v = values->at + at;
    for (uint32_t p = 0; p < n_positions; p++, v += values->stride) {
        V8 value[8];
        for (uint32_t i = 0; i < width; i++)
            value[i] = v8_load(v + (size_t)i * 8);
        for (uint32_t r = 0; r < n; r++) {
            V8 weight = v8_load_splat(rows->weights[r] + p);
            for (uint32_t i = 0; i < width; i++)
                sum[r][i] = v8_add(sum[r][i], v8_mul(weight, value[i]));
        }
    }
    for (uint32_t r = 0; r < n; r++)
        for (uint32_t i = 0; i < width; i++)
            v8_store(rows->out[r] + at + (size_t)i * 8, sum[r][i]);
}

#define VALUES_KERNEL(n, width)                                                                    \
    TAI_KERNEL void values_##n(const Values *values, uint32_t n_channels, uint32_t n_positions,    \
                               const ValueRows *rows) {                                            \
        uint32_t c = 0;                                                                            \
        for (; c + 8 * (width) <= n_channels; c += 8 * (width))                                    \
            add_values(n, width, values, n_positions, rows, c);                                    \
        for (; c < n_channels; c += 8)                                                             \
            add_values(n, 1, values, n_positions, rows, c);                                        \
    }
VALUES_KERNEL(1, 4)
VALUES_KERNEL(2, TAI_SUMS / 2)
VALUES_KERNEL(3, TAI_SUMS / 4)
VALUES_KERNEL(4, TAI_SUMS / 4)

/* n_positions positions from p on, n_channels channels (whole vectors) from c on. */
static Values values_of(const TaiKvHead *kv, uint32_t p, uint32_t n_positions, uint32_t c,
                        uint32_t n_channels, float *converted) {
    size_t head_dim = kv->head_dim;
    if (kv->type == TAI_KV_F32)
        return (Values){(const float *)kv->groups + tai_kv_value(kv, p) + c, head_dim};
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
    return (Values){converted, CHANNELS};
}

/* How many of the positions p .. limit - 1 a row sees. */
static uint32_t seen(const Batch *b, uint32_t row, uint32_t p, uint32_t limit) {
    uint32_t end = row_end(b, row);
    return (end < limit ? end : limit) - p;
}

/* Adds the values of the positions p .. limit - 1, of one group, and of n_channels channels from c on. Rows
 * side by side see equally many of them. */
static void add_channels(const Batch *b, uint32_t p, uint32_t limit, uint32_t c,
                         uint32_t n_channels) {
    _Alignas(32) float converted[TAI_KV_GROUP * CHANNELS];
    Values values = values_of(b->kv, p, limit - p, c, n_channels, converted);
    for (uint32_t row = first_row(b, p), n; row < b->n; row += n) {
        uint32_t n_positions = seen(b, row, p, limit);
        ValueRows rows;
        for (n = 0; n < ROWS && row + n < b->n && seen(b, row + n, p, limit) == n_positions; n++) {
            rows.weights[n] = row_scores(b, row + n) + p;
            rows.out[n] = b->queries->out + row_at(b, row + n) + c;
        }
        switch (n) {
        case 1:
            values_1(&values, n_channels, n_positions, &rows);
            break;
        case 2:
            values_2(&values, n_channels, n_positions, &rows);
            break;
        case 3:
            values_3(&values, n_channels, n_positions, &rows);
            break;
        default:
            values_4(&values, n_channels, n_positions, &rows);
        }
    }
}

/* The weights of a group that belong to values of int8 take over their scales. */
static void scale_weights(const Batch *b, uint32_t p) {
    TaiKvGroup group = tai_kv_group(b->kv, p);
    uint32_t start = p - p % TAI_KV_GROUP;
    for (uint32_t row = first_row(b, p); row < b->n; row++)
        for (uint32_t i = 0; i < TAI_KV_GROUP; i += 8) {
            float *weights = row_scores(b, row) + start + i;
            v8_store(weights, v8_mul(v8_load(weights), v8_load(group.v_scales + i)));
        }
}

/* ---- all of it --------------------------------------------------------------------------------- */

static void score_all(Batch *b) {
    const TaiKvHead *kv = b->kv;
    if (kv->type == TAI_KV_Q8)
        quantize_queries(b);
    uint32_t begin = b->queries->begin;
    uint32_t most = KEYS_AT_ONCE * 1024 / (uint32_t)sizeof(float) / TAI_KV_PANEL / kv->head_dim;
    for (uint32_t p = begin - begin % 8; p < b->end;) {
        uint32_t left = TAI_KV_GROUP - p % TAI_KV_GROUP;
        if (kv->type == TAI_KV_Q8) {
            score_rows_q8(b, p - p % TAI_KV_GROUP);
        } else {
            left = left < b->end - p ? left : b->end - p;
            uint32_t n_panels = (left + TAI_KV_PANEL - 1) / TAI_KV_PANEL;
            n_panels = n_panels < most ? n_panels : most;
            score_rows(b, p, n_panels);
            left = n_panels * TAI_KV_PANEL;
        }
        p += left;
    }
}

static void add_all_values(const Batch *b) {
    uint32_t head_dim = b->kv->head_dim;
    for (uint32_t row = 0; row < b->n; row++)
        memset(b->queries->out + row_at(b, row), 0, head_dim * sizeof(float));
    for (uint32_t p = b->queries->begin, limit; p < b->end; p = limit) {
        limit = p - p % TAI_KV_GROUP + TAI_KV_GROUP;
        limit = limit < b->end ? limit : b->end;
        if (b->kv->type == TAI_KV_Q8)
            scale_weights(b, p);
        for (uint32_t c = 0; c < head_dim; c += CHANNELS)
            add_channels(b, p, limit, c, head_dim - c < CHANNELS ? head_dim - c : CHANNELS);
    }
    for (uint32_t row = 0; row < b->n; row++) {
        V8 sum = v8_splat_f32(b->d[row]);
        float *out = b->queries->out + row_at(b, row);
        for (uint32_t c = 0; c < head_dim; c += 8)
            v8_store(out + c, v8_div(v8_load(out + c), sum));
    }
}

/* attend of TaiKernels. */
static void v8_attend(const TaiKvHead *kv, const TaiQueries *queries) {
    if (!v8_takes_head(kv->head_dim)) {
        tai_ref_attend(kv, queries);
        return;
    }
    Batch b;
    b.kv = kv;
    b.queries = queries;
    b.stride = tai_scores_stride(queries->end - 1 + queries->n_tokens);
    uint32_t n_rows = queries->n_tokens * queries->n_heads;
    size_t room = queries->n_scores / b.stride;
    uint32_t most = room < BATCH ? (uint32_t)room : BATCH;
    for (b.first = 0; b.first < n_rows; b.first += b.n) {
        b.n = n_rows - b.first < most ? n_rows - b.first : most;
        b.end = row_end(&b, b.n - 1);
        score_all(&b);
        for (uint32_t row = 0; row < b.n; row++)
            b.d[row] = softmax(row_scores(&b, row), queries->begin, row_end(&b, row));
        add_all_values(&b);
    }
}

#endif
