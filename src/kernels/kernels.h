/* Kernels: the arithmetic of a forward pass, and nothing else. They depend on no other folder.
 *
 * reference/ is the numeric definition of TinyAI; every other tier equals it bit for bit:
 * - Quantized weights: activations are quantized to int8 with d = amax / 127 (f32, round to nearest
 *   even, clamp +-127), per 32 values (Q4_0 .. Q8_0, IQ4_NL) or per 256 (Q2_K .. Q6_K, IQ4_XS). The
 *   dot product of a block is exact integer arithmetic; then one written-out float expression per
 *   block is added in ascending block order. One output row is one lane: a row is never split.
 * - F32, F16, BF16 weights x f32 activations, and all other float reductions: 8 virtual lanes
 *   (index mod 8), ascending, and the tree of tai_lanes_sum at the end.
 * - Multiply and add round separately; exp, sin, cos, pow, log are ours (math.h in this folder).
 */
#ifndef TAI_KERNELS_H
#define TAI_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Weight types that have kernels; values are the type ids of GGUF. */
typedef enum TaiType {
    TAI_TYPE_F32 = 0,
    TAI_TYPE_F16 = 1,
    TAI_TYPE_Q4_0 = 2,
    TAI_TYPE_Q4_1 = 3,
    TAI_TYPE_Q5_0 = 6,
    TAI_TYPE_Q5_1 = 7,
    TAI_TYPE_Q8_0 = 8,
    TAI_TYPE_Q2_K = 10,
    TAI_TYPE_Q3_K = 11,
    TAI_TYPE_Q4_K = 12,
    TAI_TYPE_Q5_K = 13,
    TAI_TYPE_Q6_K = 14,
    TAI_TYPE_IQ4_NL = 20,
    TAI_TYPE_IQ4_XS = 23,
    TAI_TYPE_BF16 = 30,
} TaiType;

/* In which form a matrix of some weight type reads its activations. The bytes of a form belong to
 * the tier; the count of bytes does not (tai_act_bytes), so that a plan does not depend on the
 * tier. Several types may share a form; the engine quantizes once per form and input.
 * Narrow weights are unsigned with at most 7 bits, possibly with an offset (q - 8). Wide ones take
 * all 8 bits: Q8_0, and the table values of IQ4_NL and IQ4_XS. Some instructions can only do the former. */
typedef enum TaiActForm {
    TAI_ACT_F32 = 0,     /* the floats themselves */
    TAI_ACT_Q8_32 = 1,   /* int8 per 32 values, for wide weights: Q8_0, IQ4_NL */
    TAI_ACT_Q8_32N = 2,  /* int8 per 32 values, for narrow weights: Q4_0, Q4_1, Q5_0, Q5_1 */
    TAI_ACT_Q8_256 = 3,  /* int8 per 256 values, for wide weights: IQ4_XS */
    TAI_ACT_Q8_256N = 4, /* int8 per 256 values, for narrow weights: Q2_K .. Q6_K */
    TAI_ACT_FORMS = 5,
} TaiActForm;

typedef enum TaiKvType { TAI_KV_F32 = 0, TAI_KV_F16 = 1, TAI_KV_Q8 = 2 } TaiKvType;

#define TAI_KV_GROUP 32u /* positions per group of the KV cache */

/* Keys and values of one (block, kv head), in groups of TAI_KV_GROUP positions. kv.h draws a group. */
typedef struct TaiKvHead {
    void *groups; /* tai_kv_group_bytes each, 16-byte aligned */
    uint32_t head_dim;
    TaiKvType type;
} TaiKvHead;

/* The queries of n_tokens consecutive positions of one sequence, of the n_heads query heads that share a kv
 * head. Token t sees the positions begin .. end - 1 + t, whose keys and values the cache holds. */
typedef struct TaiQueries {
    uint32_t n_heads, n_tokens;
    uint32_t begin, end; /* begin < end */
    float scale;         /* of q . K */
    const float *q;      /* [n_tokens][n_heads][head_dim], tokens `stride` floats apart */
    float *out;          /* the same shape */
    size_t stride;
    float *
        scores; /* scratch, 16-byte aligned: n_scores floats, of which each query that is worked on at the same
                    * time takes tai_scores_stride(end - 1 + n_tokens): one must fit */
    size_t n_scores;
} TaiQueries;

typedef struct TaiKernels {
    const char *name; /* "scalar", "simd128", "avx2" */

    /* act = x[k] in `form`; act is 16-byte aligned and tai_act_bytes(form, k) long; k is whole
     * blocks of the form, except for TAI_ACT_F32. */
    void (*quantize)(TaiActForm form, const float *x, uint32_t k, void *act);

    /* y[t * y_stride + r] = w[r] . act[t]   for r < n_rows, t < n_tokens
     * w: n_rows rows of k weights as in GGUF, back to back, no alignment promised beyond 2 bytes
     *    (4 for F32; rows of F16/BF16/F32 may have any k); act: n_tokens activations in
     *    tai_act_form(type), act_stride bytes apart. */
    void (*matmul)(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                   size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride);

    /* The same for panelled types, w: panels (panel.h), 16-byte aligned, the last one filled up. */
    void (*panels)(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                   size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride);

    /* y[n] = x / sqrt(mean(x^2) + eps) * weight; y may be x. */
    void (*rms_norm)(const float *x, const float *weight, uint32_t n, float eps, float *y);

    /* Rotates pairs (x[2i], x[2i+1]) of each head by cs = {cos, sin}[rope_dims / 2]. */
    void (*rope)(float *x, uint32_t n_heads, uint32_t head_dim, const float *cs,
                 uint32_t rope_dims);

    void (*add)(float *x, const float *y, uint32_t n);        /* x += y */
    void (*swiglu)(float *gate, const float *up, uint32_t n); /* gate = gate * sigmoid(gate) * up */

    /* Writes k[head_dim] and v[head_dim] of `position` into the cache, in its type. */
    void (*kv_store)(const TaiKvHead *kv, uint32_t position, const float *k, const float *v);

    /* out = softmax(q . K * scale) V for each query: exact maximum first, then exp, then the sum by absolute
     * position in 8 lanes, then V with positions ascending, divided once at the end. The bits of a query do not
     * depend on which others are asked for in the same call. Bytes of the cache from the last position to the
     * end of its group may be read (their values do not matter). */
    void (*attend)(const TaiKvHead *kv, const TaiQueries *queries);

    /* y[n] = the n weights of one row as f32 (embedding rows). */
    void (*dequantize)(TaiType type, const void *row, uint32_t n, float *y);
} TaiKernels;

typedef enum TaiTier {
    TAI_TIER_SCALAR = 0,
    TAI_TIER_SIMD128 = 1, /* WebAssembly: i32x4.dot_i16x8 */
    TAI_TIER_AVX2 = 2,    /* x86-64 natively, with F16C: vpmaddubsw */
    TAI_TIER_RELAXED16 =
        3, /* WebAssembly: i16x8.relaxed_dot, which must be right (tai_relaxed_dots) */
    TAI_TIER_RELAXED32 = 4,   /* WebAssembly: i32x4.relaxed_dot_add, which must be right */
    TAI_TIER_AVX_VNNI = 5,    /* x86-64 natively: vpdpbusd, in 256 bits */
    TAI_TIER_AVX512_VNNI = 6, /* the same instruction where only AVX-512 has it */
    TAI_TIER_NEON = 7,        /* arm64 natively, with dotprod: sdot */
    TAI_TIERS = 8,
} TaiTier;

/* The kernels of a tier, or NULL where this build or machine does not have it. */
const TaiKernels *tai_kernels(TaiTier tier);

TaiActForm tai_act_form(TaiType type);
/* Bytes of k activations in `form`, the same for all tiers, a multiple of 16. k < 2^31. */
uint64_t tai_act_bytes(TaiActForm form, uint32_t k);
/* Bytes of a group of the KV cache, a multiple of 16. */
uint64_t tai_kv_group_bytes(TaiKvType type, uint32_t head_dim);
/* Floats that one query's scores take for positions 0..end-1 (end rounded up to a whole group). */
uint32_t tai_scores_stride(uint32_t end);

#endif
