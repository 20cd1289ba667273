/* Random and extreme inputs for every kernel, made from a seed. The same seed gives the same case
 * on every host; run_case gives what one tier makes of it. Used by test_kernels.c (the reference
 * tier natively) and simd128_equal.c (both tiers in wasm). */
#ifndef TAI_KERNEL_CASES_H
#define TAI_KERNEL_CASES_H

#include "format/xxh3.h"
#include "kernels/bits.h"
#include "kernels/blocks.h"
#include "kernels/kernels.h"
#include "kernels/math.h"

enum {
    CASE_ROWS = 19,   /* weight rows, at most */
    CASE_K = 1024,    /* weights per row, at most */
    CASE_TOKENS = 11, /* at most */
    CASE_POSITIONS = 160,
    CASE_HEADS = 7,
    CASE_HEAD_DIM = 128,
    CASE_SCORE_ROWS = CASE_HEADS * CASE_TOKENS,
    CASE_OUTPUTS = 96 * 1024,
};

typedef enum CaseOp {
    OP_MATMUL,
    OP_DEQUANTIZE,
    OP_ATTEND,
    OP_RMS_NORM,
    OP_ROPE,
    OP_ADD,
    OP_SWIGLU,
    N_OPS,
} CaseOp;

static const char *const case_op_names[N_OPS] = {"matmul", "dequantize", "attend", "rms_norm",
                                                 "rope",   "add",        "swiglu"};

static const TaiType case_types[] = {TAI_TYPE_F32,  TAI_TYPE_F16,  TAI_TYPE_BF16, TAI_TYPE_Q4_0,
                                     TAI_TYPE_Q5_0, TAI_TYPE_Q8_0, TAI_TYPE_Q4_K, TAI_TYPE_Q6_K};
enum { N_CASE_TYPES = sizeof case_types / sizeof *case_types };

typedef struct Case {
    CaseOp op;
    TaiType type;
    TaiKvType kv;
    uint32_t n;      /* k, elements, or head_dim */
    uint32_t rows;   /* rows, or heads */
    uint32_t tokens; /* tokens, or rope_dims */
    uint32_t begin, end;
    uint32_t profile; /* kind of numbers */
} Case;

static uint64_t case_rng;

static uint64_t case_random(void) { /* splitmix64 */
    uint64_t z = case_rng += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static uint32_t case_below(uint32_t limit) {
    return (uint32_t)(case_random() >> 32) % limit;
}

/* 0 = plain numbers; the others look for trouble. */
enum {
    PROFILE_PLAIN,
    PROFILE_WIDE,    /* magnitudes from 2^-40 to 2^40 */
    PROFILE_SPARSE,  /* mostly zero, whole blocks of it */
    PROFILE_EXTREME, /* +-1 only: every q is +-127; weights all ones or all zeros in their bits */
    PROFILE_TINY,    /* subnormal, and around the least that is quantized */
    PROFILE_SPECIAL, /* with infinities and NaN, and too large to be quantized */
    N_PROFILES,
};

static float case_float(uint32_t profile) {
    uint64_t bits = case_random();
    float unit = (float)(int32_t)(bits >> 32) * 0x1p-31f;
    uint32_t pick = (uint32_t)bits % 64;
    switch (profile) {
    case PROFILE_WIDE:
        return unit * tai_f32_from_bits((87 + (uint32_t)bits % 81) << 23);
    case PROFILE_SPARSE:
        return pick == 0 ? unit : 0.0f;
    case PROFILE_EXTREME:
        return pick < 32 ? 1.0f : -1.0f;
    case PROFILE_TINY:
        return unit * tai_f32_from_bits((uint32_t)bits % 64 << 23);
    case PROFILE_SPECIAL:
        if (pick < 3)
            return tai_f32_from_bits(pick == 0   ? 0x7F800000u
                                     : pick == 1 ? 0xFF800000u
                                                 : 0x7FC00000u);
        if (pick < 6)
            return unit * 3e38f;
        return pick < 9 ? unit * 0x1p81f : unit * 100.0f;
    default:
        return unit;
    }
}

static void case_floats(float *x, size_t n, uint32_t profile) {
    for (size_t i = 0; i < n; i++)
        x[i] = case_float(profile);
}

static void put_u16(uint8_t *at, uint16_t value) {
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

/* An f16 scale that suits the profile. */
static uint16_t case_scale(uint32_t profile) {
    uint32_t bits = (uint32_t)case_random();
    if (profile == PROFILE_SPECIAL)
        return (uint16_t)bits; /* any, infinity and NaN included */
    if (profile == PROFILE_TINY)
        return (uint16_t)(bits & 0x83FF); /* subnormal */
    if (profile == PROFILE_EXTREME)
        return (uint16_t)(0x7BFF | (bits & 0x8000)); /* 65504 */
    return (uint16_t)((bits & 0x83FF) | (8 + bits / 65536 % 8) << 10);
}

/* Fills rows of weights: any bits, then scales that suit the profile. */
static void case_weights(TaiType type, uint8_t *w, size_t bytes, uint32_t profile) {
    uint8_t fill = case_random() % 2 ? 0xFF : 0x00;
    for (size_t i = 0; i < bytes; i++)
        w[i] = profile == PROFILE_EXTREME ? fill : (uint8_t)case_random();
    size_t block = tai_kernel_row_bytes(type, TAI_SUPERBLOCK) / (TAI_SUPERBLOCK / TAI_BLOCK);
    switch (type) {
    case TAI_TYPE_F32:
        for (size_t i = 0; i < bytes; i += 4) {
            uint32_t bits = tai_f32_bits(case_float(profile));
            put_u16(w + i, (uint16_t)bits);
            put_u16(w + i + 2, (uint16_t)(bits >> 16));
        }
        return;
    case TAI_TYPE_F16:
        for (size_t i = 0; i < bytes; i += 2)
            put_u16(w + i, profile == PROFILE_SPECIAL ? (uint16_t)case_random()
                                                      : tai_f32_to_f16(case_float(profile)));
        return;
    case TAI_TYPE_BF16:
        for (size_t i = 0; i < bytes; i += 2)
            put_u16(w + i, (uint16_t)(tai_f32_bits(case_float(profile)) >> 16));
        return;
    case TAI_TYPE_Q4_K:
        for (size_t i = 0; i < bytes; i += sizeof(TaiQ4_K)) {
            put_u16(w + i, case_scale(profile));
            put_u16(w + i + 2, case_scale(profile));
        }
        return;
    case TAI_TYPE_Q6_K:
        for (size_t i = 0; i < bytes; i += sizeof(TaiQ6_K))
            put_u16(w + i + sizeof(TaiQ6_K) - 2, case_scale(profile));
        return;
    default: /* blocks of 32 that begin with their scale */
        for (size_t i = 0; i < bytes; i += block)
            put_u16(w + i, case_scale(profile));
    }
}

static Case make_case(uint32_t seed) {
    case_rng = (uint64_t)seed << 20;
    Case c = {0};
    uint32_t pick = case_below(16);
    c.op = pick < 8    ? OP_MATMUL
           : pick < 9  ? OP_DEQUANTIZE
           : pick < 12 ? OP_ATTEND
                       : pick - 12 + OP_RMS_NORM;
    c.type = case_types[case_below(N_CASE_TYPES)];
    c.profile = case_below(N_PROFILES);
    c.rows = 1 + case_below(CASE_ROWS);
    c.tokens = case_below(2) ? 1 : 1 + case_below(CASE_TOKENS);
    c.n = 1 + case_below(CASE_K);
    if (c.op == OP_MATMUL || c.op == OP_DEQUANTIZE) {
        uint32_t block = tai_act_form(c.type) == TAI_ACT_F32       ? 1
                         : tai_act_form(c.type) == TAI_ACT_Q8_256N ? TAI_SUPERBLOCK
                                                                   : TAI_BLOCK;
        c.n = (c.n + block - 1) / block * block;
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

/* Inputs and scratch; big enough for every case. */
static struct {
    _Alignas(16) uint8_t weights[CASE_ROWS * CASE_K * 4];
    _Alignas(16) uint8_t act[CASE_TOKENS * CASE_K * 4 + 4096];
    _Alignas(16) float x[CASE_TOKENS * CASE_K];
    _Alignas(16) float y[CASE_K];
    _Alignas(16) uint8_t cache[CASE_POSITIONS * 2 * CASE_HEAD_DIM * sizeof(float)];
    _Alignas(16) float scores[CASE_SCORE_ROWS * CASE_POSITIONS];
} in;

static uint32_t run_matmul(const TaiKernels *kernels, const Case *c, float *out) {
    TaiActForm form = tai_act_form(c->type);
    size_t stride = (size_t)tai_act_bytes(form, c->n);
    /* Rows begin at any even address, 4-byte for F32. */
    uint8_t *w = in.weights + (c->type == TAI_TYPE_F32 ? 4 : 2);
    case_weights(c->type, w, tai_kernel_row_bytes(c->type, c->n) * c->rows, c->profile);
    case_floats(in.x, (size_t)c->tokens * c->n, c->profile);
    for (uint32_t t = 0; t < c->tokens; t++)
        kernels->quantize(form, in.x + (size_t)t * c->n, c->n, in.act + t * stride);
    size_t y_stride = c->rows + 3;
    for (uint32_t i = 0; i < c->tokens * y_stride; i++)
        out[i] = 7.0f; /* the gaps stay */
    kernels->matmul(c->type, w, c->rows, c->n, in.act, stride, c->tokens, out, y_stride);
    return c->tokens * (uint32_t)y_stride;
}

static uint32_t run_dequantize(const TaiKernels *kernels, const Case *c, float *out) {
    case_weights(c->type, in.weights, tai_kernel_row_bytes(c->type, c->n), c->profile);
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

/* What hash_cases(reference, 0, CASE_HASH_COUNT) must be, natively and in wasm. */
#define CASE_HASH_COUNT 1000u
#define CASE_HASH 0xe9ee4f0ee74f7193u

#endif
