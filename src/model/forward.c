/* The arithmetic of the `llama` architecture as lists of operations: RMSNorm, rotary positions,
 * grouped-query attention, SwiGLU. Shapes: T tokens in the chunk, E = embd, Q = heads * head_dim,
 * K = kv_heads * head_dim, F = ff. All matrices are [rows][cols], y = W x. */
#include <stddef.h>

#include "kernels/math.h"
#include "kernels/panel.h"
#include "memory/checked.h"
#include "model/engine.h"

/* Rows that one item of a matrix operation covers, whole panels: enough to amortize a call, few enough to
 * stop soon. */
#define ROWS_PER_ITEM (2 * TAI_PANEL_ROWS)

/* What a value costs, in multiply-adds of a matrix, measured with the simd128 kernels. A step stops by these
 * counts, so they must not be too small. */
#define ATTENTION_WORK 4u /* with its share of exp and conversions */
#define NORM_WORK 12u
#define QUANTIZE_WORK 8u
#define SWIGLU_WORK 64u
#define STORE_WORK 24u

static float *scratch(const TinyAIModel *m, uint64_t offset) {
    return tai_in(m, TAI_REGION_SCRATCH, offset);
}

static TinyAIBatchItem *chunk_items(const TinyAIModel *m) {
    return tai_batch(m) + m->forward.first;
}

/* ---- operations ------------------------------------------------------------------------------ */

/* in, out: [T][E] */
static void run_norm(void *context, const TaiOp *op, uint32_t first, uint32_t count) {
    const TinyAIModel *m = context;
    uint32_t embd = m->file.hp.embd;
    for (uint32_t t = first; t < first + count; t++) {
        m->kernels->rms_norm(op->in + (size_t)t * embd, op->weights, embd, m->file.hp.eps,
                             op->out + (size_t)t * embd);
    }
}

/* x += h, then h = norm(x): the end of one half of a block and the start of the next. */
static void run_add_norm(void *context, const TaiOp *op, uint32_t first, uint32_t count) {
    const TinyAIModel *m = context;
    uint32_t embd = m->file.hp.embd;
    float *x = scratch(m, m->scratch.x);
    for (uint32_t t = first; t < first + count; t++) {
        m->kernels->add(x + (size_t)t * embd, op->out + (size_t)t * embd, embd);
    }
    run_norm(context, op, first, count);
}

/* x += h */
static void run_add(void *context, const TaiOp *op, uint32_t first, uint32_t count) {
    const TinyAIModel *m = context;
    uint32_t embd = m->file.hp.embd;
    for (uint32_t t = first; t < first + count; t++) {
        m->kernels->add(op->out + (size_t)t * embd, op->in + (size_t)t * embd, embd);
    }
}

/* in: [T][cols of op->tensor], into the form that the tensor's type reads. */
static void run_quantize(void *context, const TaiOp *op, uint32_t first, uint32_t count) {
    const TinyAIModel *m = context;
    const TaiTensor *tensor = op->tensor;
    uint8_t *act = (uint8_t *)scratch(m, m->scratch.act);
    for (uint32_t t = first; t < first + count; t++) {
        m->kernels->quantize(tai_act_form((TaiType)tensor->type), op->in + (size_t)t * tensor->cols,
                             tensor->cols, act + t * m->scratch.act_stride);
    }
}

/* gate = silu(gate) * up, then the activations of the down projection. */
static void run_swiglu(void *context, const TaiOp *op, uint32_t first, uint32_t count) {
    const TinyAIModel *m = context;
    uint32_t ff = m->file.hp.ff;
    const float *up = scratch(m, m->scratch.up);
    for (uint32_t t = first; t < first + count; t++) {
        m->kernels->swiglu(op->out + (size_t)t * ff, up + (size_t)t * ff, ff);
    }
    run_quantize(context, op, first, count);
}

/* out: [tokens][rows of op->tensor], one item = ROWS_PER_ITEM rows for all tokens of the
 * activations. */
static void matmul(const TinyAIModel *m, const TaiOp *op, uint32_t first, uint32_t count,
                   uint32_t rows, uint32_t n_tokens) {
    const TaiTensor *w = op->tensor;
    uint32_t row = first * ROWS_PER_ITEM;
    uint32_t n = (uint32_t)tai_min_u64((uint64_t)count * ROWS_PER_ITEM, rows - row);
    /* With many tokens a few rows at a time stay in the cache while all tokens pass by. */
    uint32_t together = n_tokens > 1 ? ROWS_PER_ITEM : n;
    TaiType type = (TaiType)w->type;
    bool panels = tai_is_panelled(type);
    uint64_t row_bytes = panels ? tai_panel_bytes(type, w->cols) / TAI_PANEL_ROWS : w->row_bytes;
    for (uint32_t r = row; r < row + n; r += together) {
        uint32_t some = (uint32_t)tai_min_u64(together, row + n - r);
        const uint8_t *weights = (const uint8_t *)op->weights + r * row_bytes;
        (panels ? m->kernels->panels
                : m->kernels->matmul)(type, weights, some, w->cols, scratch(m, m->scratch.act),
                                      m->scratch.act_stride, n_tokens, op->out + r, w->rows);
    }
}

static void run_matmul(void *context, const TaiOp *op, uint32_t first, uint32_t count) {
    const TinyAIModel *m = context;
    matmul(m, op, first, count, ((const TaiTensor *)op->tensor)->rows, m->forward.n_tokens);
}

/* Keys and values of one kv head, of the sequence that item belongs to, in the block being
 * computed. */
static TaiKvHead kv_head(const TinyAIModel *m, const TinyAIBatchItem *item, uint32_t head) {
    const TaiHparams *hp = &m->file.hp;
    uint32_t block = m->forward.unit - 1;
    uint64_t index = ((uint64_t)item->sequence * hp->n_blocks + block) * hp->kv_heads + head;
    uint64_t bytes = tai_kv_head_bytes(&m->file, &m->planned.now);
    return (TaiKvHead){.groups = tai_in(m, TAI_REGION_KV, index * bytes),
                       .head_dim = hp->head_dim,
                       .type = (TaiKvType)m->planned.now.kv_type};
}

/* Rotates q [Q] and k [K] of a token, and stores k and v in the cache. */
static void run_store(void *context, const TaiOp *op, uint32_t first, uint32_t count) {
    const TinyAIModel *m = context;
    const TaiHparams *hp = &m->file.hp;
    (void)op;
    for (uint32_t t = first; t < first + count; t++) {
        const TinyAIBatchItem *item = &chunk_items(m)[t];
        const float *angles = scratch(m, m->scratch.angles) + (size_t)t * hp->rope_dims;
        float *q = scratch(m, m->scratch.q) + (size_t)t * hp->heads * hp->head_dim;
        float *k = scratch(m, m->scratch.k) + (size_t)t * hp->kv_heads * hp->head_dim;
        const float *v = scratch(m, m->scratch.v) + (size_t)t * hp->kv_heads * hp->head_dim;
        m->kernels->rope(q, hp->heads, hp->head_dim, angles, hp->rope_dims);
        m->kernels->rope(k, hp->kv_heads, hp->head_dim, angles, hp->rope_dims);
        for (uint32_t head = 0; head < hp->kv_heads; head++) {
            TaiKvHead kv = kv_head(m, item, head);
            m->kernels->kv_store(&kv, item->position, k + (size_t)head * hp->head_dim,
                                 v + (size_t)head * hp->head_dim);
        }
    }
}

/* 1 / sqrt(head_dim), with the correctly rounded square root that every host has. */
static float attention_scale(const TaiHparams *hp) {
    return 1.0f / __builtin_sqrtf((float)hp->head_dim);
}

/* How many of the tokens t .. end - 1 stand at consecutive positions of one sequence. */
static uint32_t run_of_tokens(const TinyAIModel *m, uint32_t t, uint32_t end) {
    const TinyAIBatchItem *items = chunk_items(m);
    uint32_t n = 1;
    while (t + n < end && items[t + n].sequence == items[t].sequence &&
           items[t + n].position == items[t].position + n) {
        n++;
    }
    return n;
}

/* The query heads that share a kv head, of tokens t .. t + n - 1, consecutive positions of one sequence. */
static void attend(const TinyAIModel *m, const TaiOp *op, uint32_t head, uint32_t t, uint32_t n) {
    const TaiHparams *hp = &m->file.hp;
    const TinyAIBatchItem *item = &chunk_items(m)[t];
    uint32_t sharing = hp->heads / hp->kv_heads;
    size_t stride = (size_t)hp->heads * hp->head_dim;
    size_t at = t * stride + (size_t)head * sharing * hp->head_dim;
    TaiKvHead kv = kv_head(m, item, head);
    TaiQueries queries = {.n_heads = sharing,
                          .n_tokens = n,
                          .begin = 0,
                          .end = item->position + 1,
                          .scale = attention_scale(hp),
                          .q = op->in + at,
                          .out = op->out + at,
                          .stride = stride,
                          .scores =
                              scratch(m, m->scratch.scores + op->thread * m->scratch.scores_stride),
                          .n_scores = (size_t)(m->scratch.scores_stride / sizeof(float))};
    m->kernels->attend(&kv, &queries);
}

/* One item = one kv head of a tile of tokens. */
static void run_attend(void *context, const TaiOp *op, uint32_t first, uint32_t count) {
    const TinyAIModel *m = context;
    uint32_t kv_heads = m->file.hp.kv_heads;
    for (uint32_t i = first; i < first + count; i++) {
        uint32_t t = i / kv_heads * TAI_ATTENTION_TOKENS;
        uint32_t end = (uint32_t)tai_min_u64(t + TAI_ATTENTION_TOKENS, m->forward.n_tokens);
        while (t < end) {
            uint32_t n = run_of_tokens(m, t, end);
            attend(m, op, i % kv_heads, t, n);
            t += n;
        }
    }
}

/* Final norm of the wanted token, into the activations of the head. */
static void run_final_norm(void *context, const TaiOp *op, uint32_t first, uint32_t count) {
    const TinyAIModel *m = context;
    uint32_t t = m->forward.wanted - m->forward.first;
    run_norm(context, op, t, 1);
    const TaiTensor *head = op->tensor;
    m->kernels->quantize(tai_act_form((TaiType)head->type), op->out + (size_t)t * head->cols,
                         head->cols, scratch(m, m->scratch.act));
    (void)first;
    (void)count;
}

/* A strip of the head for the wanted token; op->out: its first logit. */
static void run_head(void *context, const TaiOp *op, uint32_t first, uint32_t count) {
    const TinyAIModel *m = context;
    const TaiTensor *head = op->tensor;
    uint32_t before =
        (uint32_t)(op->out - (const float *)tai_in(m, TAI_REGION_TEXT, m->text.logits));
    uint32_t rows = (uint32_t)tai_min_u64(m->file.strip_rows, head->rows - before);
    matmul(m, op, first, count, rows, 1);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void add_per_token(TinyAIModel *m, TaiOpRun run, uint64_t work, TaiOp op) {
    op.run = run;
    op.items = m->forward.n_tokens;
    op.apart = true;
    op.item_work = work;
    tai_steps_add(&m->steps, op);
}

static void add_matmul(TinyAIModel *m, const uint8_t *slot, const TaiTensor *w, float *out) {
    tai_steps_add(&m->steps,
                  (TaiOp){.run = run_matmul,
                          .items = (w->rows + ROWS_PER_ITEM - 1) / ROWS_PER_ITEM,
                          .item_work = (uint64_t)ROWS_PER_ITEM * w->cols * m->forward.n_tokens,
                          .apart = true,
                          .weights = slot + w->at,
                          .tensor = w,
                          .out = out});
}

/* W in -> out; quantizes the input only where the matrix before did not read it in the same form. */
static void add_projection(TinyAIModel *m, const uint8_t *slot, const TaiTensor *w, const float *in,
                           float *out, bool same_input) {
    TaiActForm form = tai_act_form((TaiType)w->type);
    if (!same_input || form != m->forward.act_form) {
        add_per_token(m, run_quantize, QUANTIZE_WORK * (uint64_t)w->cols,
                      (TaiOp){.tensor = w, .in = in});
    }
    m->forward.act_form = form;
    add_matmul(m, slot, w, out);
}

/* Of a whole tile for one kv head, at the furthest position of the chunk. */
static uint64_t attention_work(const TinyAIModel *m) {
    uint32_t furthest = 0;
    for (uint32_t t = 0; t < m->forward.n_tokens; t++) {
        furthest = (uint32_t)tai_max_u64(furthest, chunk_items(m)[t].position);
    }
    uint64_t tokens = tai_min_u64(m->forward.n_tokens, TAI_ATTENTION_TOKENS);
    uint64_t rows = tokens * (m->file.hp.heads / m->file.hp.kv_heads);
    return 2 * ATTENTION_WORK * rows * m->file.hp.head_dim * ((uint64_t)furthest + 1);
}

static void build_block(TinyAIModel *m, const uint8_t *slot, const TaiTensor *w) {
    const TaiHparams *hp = &m->file.hp;
    const TaiScratchRoom *room = &m->scratch;
    float *x = scratch(m, room->x);
    float *h = scratch(m, room->h);
    float *q = scratch(m, room->q);
    float *att = scratch(m, room->att);
    float *gate = scratch(m, room->gate);
    add_per_token(m, run_norm, NORM_WORK * (uint64_t)hp->embd,
                  (TaiOp){.weights = slot + w[TAI_ATTN_NORM].at, .in = x, .out = h});
    add_projection(m, slot, &w[TAI_WQ], h, q, false);
    add_projection(m, slot, &w[TAI_WK], h, scratch(m, room->k), true);
    add_projection(m, slot, &w[TAI_WV], h, scratch(m, room->v), true);
    add_per_token(m, run_store,
                  STORE_WORK * (uint64_t)(hp->heads + 2 * hp->kv_heads) * hp->head_dim, (TaiOp){0});
    uint32_t tiles = (m->forward.n_tokens + TAI_ATTENTION_TOKENS - 1) / TAI_ATTENTION_TOKENS;
    tai_steps_add(&m->steps, (TaiOp){.run = run_attend,
                                     .items = tiles * hp->kv_heads,
                                     .item_work = attention_work(m),
                                     .apart = true,
                                     .in = q,
                                     .out = att});
    add_projection(m, slot, &w[TAI_WO], att, h, false);
    add_per_token(m, run_add_norm, NORM_WORK * (uint64_t)hp->embd,
                  (TaiOp){.weights = slot + w[TAI_FFN_NORM].at, .in = x, .out = h});
    add_projection(m, slot, &w[TAI_W_GATE], h, gate, false);
    add_projection(m, slot, &w[TAI_W_UP], h, scratch(m, room->up), true);
    add_per_token(m, run_swiglu, SWIGLU_WORK * (uint64_t)hp->ff,
                  (TaiOp){.tensor = &w[TAI_W_DOWN], .in = gate, .out = gate});
    add_matmul(m, slot, &w[TAI_W_DOWN], h);
    add_per_token(m, run_add, hp->embd, (TaiOp){.in = h, .out = x});
}

static void build_head(TinyAIModel *m, const uint8_t *slot, uint32_t strip) {
    const TaiTensor *head = &m->file.head;
    float *logits = tai_in(m, TAI_REGION_TEXT, m->text.logits);
    if (strip == 0) {
        tai_steps_add(&m->steps,
                      (TaiOp){.run = run_final_norm,
                              .items = 1,
                              .item_work = (NORM_WORK + QUANTIZE_WORK) * (uint64_t)head->cols,
                              .weights = tai_in(m, TAI_REGION_FINAL, m->file.final_norm.at),
                              .tensor = head,
                              .in = scratch(m, m->scratch.x),
                              .out = scratch(m, m->scratch.h)});
    }
    uint32_t before = strip * m->file.strip_rows;
    uint32_t rows = (uint32_t)tai_min_u64(m->file.strip_rows, head->rows - before);
    tai_steps_add(&m->steps, (TaiOp){.run = run_head,
                                     .items = (rows + ROWS_PER_ITEM - 1) / ROWS_PER_ITEM,
                                     .item_work = (uint64_t)ROWS_PER_ITEM * head->cols,
                                     .apart = true,
                                     .weights = slot,
                                     .tensor = head,
                                     .out = logits + before});
}

void tai_build_unit(TinyAIModel *m, uint32_t index) {
    const TaiUnit *unit = &m->file.units[index];
    tai_steps_clear(&m->steps);
    if (unit->kind == TAI_UNIT_BLOCK) {
        build_block(m, tai_at(m, unit->address), m->file.blocks[index - 1]);
    } else if (unit->kind == TAI_UNIT_HEAD) {
        build_head(m, tai_at(m, unit->address), index - 1 - m->file.hp.n_blocks);
    } else if (index == 0) {
        tai_rope_angles(m); /* the final unit brings the factors of the frequencies */
    }
}

/* ---- before the blocks ----------------------------------------------------------------------- */

void tai_embed(TinyAIModel *m, uint32_t item, uint32_t token, const void *rows, bool panel) {
    TaiType type = (TaiType)m->file.embedding.type;
    uint32_t embd = m->file.hp.embd;
    float *x = scratch(m, m->scratch.x) + (size_t)item * embd;
    if (panel) {
        tai_panel_dequantize(type, rows, token % TAI_PANEL_ROWS, embd, x);
    } else {
        m->kernels->dequantize(type, rows, embd, x);
    }
}

/* Pair i of a position p turns by p * scale * base^(-2i / rope_dims) / factor[i]. In double,
 * rounded once: the angle must be right to the last bit of a float for any position. */
void tai_rope_angles(TinyAIModel *m) {
    const TaiHparams *hp = &m->file.hp;
    const float *factors =
        m->file.rope_factors.off ? tai_in(m, TAI_REGION_FINAL, m->file.rope_factors.at) : NULL;
    for (uint32_t i = 0; i < hp->rope_dims / 2; i++) {
        double exponent = -2.0 * (double)i / (double)hp->rope_dims;
        double frequency = tai_pow((double)hp->rope_base, exponent) * (double)hp->rope_scale;
        frequency = factors ? frequency / (double)factors[i] : frequency;
        for (uint32_t t = 0; t < m->forward.n_tokens; t++) {
            double sine;
            double cosine;
            tai_sincos((double)chunk_items(m)[t].position * frequency, &sine, &cosine);
            float *pair = scratch(m, m->scratch.angles) + (size_t)t * hp->rope_dims + 2 * (size_t)i;
            pair[0] = (float)cosine;
            pair[1] = (float)sine;
        }
    }
}
