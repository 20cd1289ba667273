/* Cases for every kernel, made from a seed: odd shapes with the inputs of kernel_inputs.h. The same
 * seed gives the same case on every host; run_case gives what one tier makes of it. Used by
 * test_kernels.c (natively) and simd128_equal.c (in wasm), which compare tiers with the reference. */
#ifndef TAI_KERNEL_CASES_H
#define TAI_KERNEL_CASES_H

#include "format/xxh3.h"
#include "kernel_inputs.h"

enum {
    CASE_ROWS = 40,      /* weight rows, at most */
    CASE_K = 1024,       /* weights per row, at most */
    CASE_TOKENS = 20,    /* at most */
    CASE_LONG_ROWS = 24, /* the same for few cases with long rows */
    CASE_LONG_K = 5120,
    CASE_LONG_TOKENS = 12,
    CASE_POSITIONS = 160,
    CASE_HEADS = 7,
    CASE_HEAD_DIM = 128,
    CASE_SCORE_ROWS = CASE_HEADS * CASE_TOKENS,
    CASE_OUTPUTS = 96 * 1024,
};

typedef enum CaseOp {
    OP_MATMUL, /* rows of floats */
    OP_PANELS,
    OP_DEQUANTIZE,
    OP_ATTEND,
    OP_RMS_NORM,
    OP_ROPE,
    OP_ADD,
    OP_SWIGLU,
    N_OPS,
} CaseOp;

static const char *const case_op_names[N_OPS] = {"matmul",   "panels", "dequantize", "attend",
                                                 "rms_norm", "rope",   "add",        "swiglu"};

typedef struct Case {
    CaseOp op;
    TaiType type;
    TaiKvType kv;
    uint32_t n;      /* k, elements, or head_dim */
    uint32_t rows;   /* rows, or heads */
    uint32_t tokens; /* tokens, or rope_dims */
    uint32_t begin, end;
    uint32_t profile;   /* kind of numbers */
    uint32_t w_profile; /* of the weights */
} Case;

static Case make_case(uint32_t seed) {
    case_rng = (uint64_t)seed << 20;
    Case c = {0};
    uint32_t pick = case_below(20);
    c.op = pick < 5    ? OP_MATMUL
           : pick < 12 ? OP_PANELS
           : pick < 13 ? OP_DEQUANTIZE
           : pick < 16 ? OP_ATTEND
                       : pick - 16 + OP_RMS_NORM;
    c.profile = case_below(N_PROFILES);
    c.w_profile = case_below(2) ? c.profile : case_below(N_PROFILES);
    bool is_long = c.op == OP_PANELS && case_below(16) == 0;
    c.rows = 1 + case_below(is_long ? CASE_LONG_ROWS : CASE_ROWS);
    c.tokens = case_below(2) ? 1 : 1 + case_below(is_long ? CASE_LONG_TOKENS : CASE_TOKENS);
    c.n = 1 + case_below(is_long ? CASE_LONG_K : CASE_K);
    if (c.op == OP_MATMUL || c.op == OP_PANELS || c.op == OP_DEQUANTIZE) {
        bool floats = c.op == OP_MATMUL || (c.op == OP_DEQUANTIZE && case_below(4) == 0);
        c.type = floats ? float_types[case_below(N_FLOAT_TYPES)]
                        : panel_types[case_below(N_PANEL_TYPES)];
        c.n = (c.n + type_block(c.type) - 1) / type_block(c.type) * type_block(c.type);
    } else if (c.op == OP_ATTEND) {
        c.kv = (TaiKvType)case_below(3);
        c.n =
            case_below(3) ? 8 * (1 + case_below(CASE_HEAD_DIM / 8)) : 1 + case_below(CASE_HEAD_DIM);
        c.rows = 1 + case_below(CASE_HEADS);
        c.end = 1 + case_below(CASE_POSITIONS - CASE_TOKENS + 1);
        c.begin = case_below(2) ? 0 : case_below(c.end);
    } else if (c.op == OP_ROPE) {
        c.n = 2 * (1 + case_below(CASE_HEAD_DIM / 2));
        c.rows = 1 + case_below(CASE_HEADS);
        c.tokens = case_below(2) ? c.n : 2 * case_below(c.n / 2 + 1);
    }
    return c;
}

enum {
    CASE_X = CASE_LONG_TOKENS * CASE_LONG_K,    /* activations, at most */
    CASE_W_BYTES = CASE_ROWS * CASE_K * 4 + 64, /* of F32; the others are smaller */
    CASE_ACT_BYTES = CASE_X * 4 + 4096,         /* of F32 */
};
_Static_assert(CASE_X >= CASE_TOKENS * CASE_K, "tokens");
/* A panelled weight takes 17/16 bytes at most, in Q8_0. */
_Static_assert(CASE_W_BYTES >= CASE_LONG_ROWS * (CASE_LONG_K / 16 * 17) + 64, "long rows");

/* Inputs and scratch; big enough for every case. */
static struct {
    _Alignas(16) uint8_t weights[CASE_W_BYTES];
    _Alignas(16) uint8_t panels[CASE_W_BYTES];
    _Alignas(16) uint8_t act[CASE_ACT_BYTES];
    _Alignas(16) float x[CASE_X];
    _Alignas(16) float y[CASE_K];
    _Alignas(16) uint8_t cache[CASE_POSITIONS * 2 * CASE_HEAD_DIM * sizeof(float)];
    _Alignas(16) float scores[CASE_SCORE_ROWS * CASE_POSITIONS];
} in;

/* Rows begin at any even address, 4-byte for F32. */
static uint8_t *case_rows(const Case *c) {
    return in.weights + (c->type == TAI_TYPE_F32 ? 4 : 2);
}

/* Bytes from token to token; they need not lie back to back. */
static size_t case_act_stride(const Case *c) {
    return (size_t)tai_act_bytes(tai_act_form(c->type), c->n) + c->rows % 2 * 16;
}

/* Matrix product of rows, or of panels of them. */
static uint32_t run_matmul(const TaiKernels *kernels, const Case *c, float *out) {
    TaiActForm form = tai_act_form(c->type);
    size_t stride = case_act_stride(c);
    uint8_t *rows = case_rows(c);
    case_weights(c->type, rows, tai_kernel_row_bytes(c->type, c->n) * c->rows, c->w_profile);
    case_floats(in.x, (size_t)c->tokens * c->n, c->profile);
    for (uint32_t t = 0; t < c->tokens; t++)
        kernels->quantize(form, in.x + (size_t)t * c->n, c->n, in.act + t * stride);
    size_t y_stride = c->rows + 3;
    for (uint32_t i = 0; i < c->tokens * y_stride; i++)
        out[i] = 7.0f; /* the gaps stay */
    if (c->op == OP_PANELS) {
        uint8_t *panels = in.panels + c->n / TAI_BLOCK % 2 * 16; /* 16-byte aligned, not more */
        put_panels(c->type, rows, c->rows, c->n, panels);
        kernels->panels(c->type, panels, c->rows, c->n, in.act, stride, c->tokens, out, y_stride);
    } else {
        kernels->matmul(c->type, rows, c->rows, c->n, in.act, stride, c->tokens, out, y_stride);
    }
    return c->tokens * (uint32_t)y_stride;
}

static uint32_t run_dequantize(const TaiKernels *kernels, const Case *c, float *out) {
    case_weights(c->type, in.weights, tai_kernel_row_bytes(c->type, c->n), c->w_profile);
    kernels->dequantize(c->type, in.weights, c->n, out);
    return c->n;
}

/* Tokens of heads with gaps between them, with room for the scores of anything from one row to all. */
static uint32_t run_attend(const TaiKernels *kernels, const Case *c, float *out) {
    TaiKvHead kv = {in.cache, c->n, c->kv};
    uint32_t last = c->end - 1 + c->tokens;
    size_t cache_bytes = tai_scores_stride(last) / TAI_KV_GROUP * tai_kv_group_bytes(c->kv, c->n);
    /* What no token has written yet must not matter: NaN. */
    memset(in.cache, 0xFF, cache_bytes);
    for (uint32_t p = 0; p < last; p++) {
        case_floats(in.x, 2 * (size_t)c->n, c->profile);
        kernels->kv_store(&kv, p, in.x, in.x + c->n);
    }
    size_t stride = (size_t)c->rows * c->n + 3;
    case_floats(in.x, c->tokens * stride, c->profile);
    for (uint32_t i = 0; i < c->tokens * stride; i++)
        out[i] = 7.0f; /* the gaps stay */
    uint32_t rows_at_once = 1 + case_below(CASE_SCORE_ROWS);
    kernels->attend(&kv, &(TaiQueries){.n_heads = c->rows,
                                       .n_tokens = c->tokens,
                                       .begin = c->begin,
                                       .end = c->end,
                                       .scale = 0.125f,
                                       .q = in.x,
                                       .out = out,
                                       .stride = stride,
                                       .scores = in.scores,
                                       .n_scores = (size_t)rows_at_once * tai_scores_stride(last)});
    uint32_t n = c->tokens * (uint32_t)stride;
    memcpy(out + n, in.cache, cache_bytes);
    return n + (uint32_t)(cache_bytes / sizeof(float));
}

static uint32_t run_rope(const TaiKernels *kernels, const Case *c, float *out) {
    case_floats(in.y, c->tokens, PROFILE_PLAIN);
    case_floats(out, (size_t)c->rows * c->n, c->profile);
    kernels->rope(out, c->rows, c->n, in.y, c->tokens);
    return c->rows * c->n;
}

/* out[return value] = what `kernels` make of case c of `seed` */
static uint32_t run_case(const TaiKernels *kernels, uint32_t seed, float *out) {
    Case c = make_case(seed);
    switch (c.op) {
    case OP_MATMUL:
    case OP_PANELS:
        return run_matmul(kernels, &c, out);
    case OP_DEQUANTIZE:
        return run_dequantize(kernels, &c, out);
    case OP_ATTEND:
        return run_attend(kernels, &c, out);
    case OP_ROPE:
        return run_rope(kernels, &c, out);
    default:
        break;
    }
    case_floats(in.x, c.n, c.profile);
    case_floats(in.y, c.n, c.profile);
    if (c.op == OP_RMS_NORM) {
        kernels->rms_norm(in.x, in.y, c.n, 1e-5f, out);
    } else {
        memcpy(out, in.x, c.n * sizeof *out);
        (c.op == OP_ADD ? kernels->add : kernels->swiglu)(out, in.y, c.n);
    }
    return c.n;
}

/* The bits of a result; all NaN are one (their payloads differ between processors). */
static uint32_t case_bits(float x) {
    return x != x ? 0x7FC00000u : tai_f32_bits(x);
}

/* Hash of the outputs of seeds first..first + count - 1; out: CASE_OUTPUTS floats of scratch. */
static uint64_t hash_cases(const TaiKernels *kernels, uint32_t first, uint32_t count, float *out) {
    TaiXxh3 state;
    tai_xxh3_init(&state);
    for (uint32_t seed = first; seed < first + count; seed++) {
        uint32_t n = run_case(kernels, seed, out);
        for (uint32_t i = 0; i < n; i++)
            out[i] = tai_f32_from_bits(case_bits(out[i]));
        tai_xxh3_update(&state, out, n * sizeof *out);
    }
    return tai_xxh3_digest(&state);
}

/* What hash_cases(reference, 0, CASE_HASH_COUNT) must be, natively and in wasm. It changes with the
 * cases above and with nothing else: the test same_bits_natively_and_in_wasm prints the new one. */
#define CASE_HASH_COUNT 1000u
#define CASE_HASH 0x8f17731a249efebfu

#endif
