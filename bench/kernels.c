/* The kernels timed alone, in wasm; bench/kernels.mjs drives it. Memory above the static data is
 * handed out once per case. */
#include "kernels/kernels.h"

#include "kernels/panel.h"

#define EXPORT(name) __attribute__((export_name(#name)))

extern uint8_t __heap_base[];

static struct {
    const TaiKernels *kernels;
    TaiType type;
    uint32_t n_rows, k, n_tokens;
    size_t act_stride;
    uint8_t *w, *act;
    float *x, *y;
} bench;

static uint8_t *at;

static void *take(size_t bytes) {
    uint8_t *taken = at;
    at += (bytes + 63) / 64 * 64;
    return taken;
}

static uint32_t rng = 1;

static uint32_t random_bits(void) {
    return rng = rng * 1664525u + 1013904223u;
}

/* Random bytes; wherever a scale may lie, they are f16 numbers around 1 / 128. */
static void fill_weights(size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        bench.w[i] = (uint8_t)(random_bits() >> 24);
    if (!tai_is_panelled(bench.type)) {
        for (size_t i = bench.type == TAI_TYPE_F32 ? 3 : 1; i < bytes;
             i += bench.type == TAI_TYPE_F32 ? 4 : 2)
            bench.w[i] = 0x20;
        return;
    }
    /* The last 32 bytes of a panel's block are f16 scales, or 16 are. */
    size_t block = tai_panel_block_bytes(bench.type);
    for (size_t end = block; end <= bytes; end += block)
        for (size_t i = end - 31; i < end; i += 2)
            bench.w[i] = 0x20;
}

/* Returns the bytes of memory that the case takes; call with enough of them. 0: no such tier here. */
EXPORT(bench_prepare)
uint32_t bench_prepare(TaiTier tier, TaiType type, uint32_t n_rows, uint32_t k, uint32_t n_tokens) {
    bench.kernels = tai_kernels(tier);
    if (!bench.kernels)
        return 0;
    bench.type = type;
    bench.n_rows = n_rows;
    bench.k = k;
    bench.n_tokens = n_tokens;
    bench.act_stride = (size_t)tai_act_bytes(tai_act_form(type), k);
    size_t w_bytes = (size_t)tai_matrix_bytes(type, n_rows, k);
    at = __heap_base;
    at += (64 - (uintptr_t)at % 64) % 64;
    bench.w = take(w_bytes);
    bench.act = take(bench.act_stride * n_tokens);
    bench.x = take(sizeof(float) * k);
    bench.y = take(sizeof(float) * n_rows * n_tokens);
    if ((size_t)at > __builtin_wasm_memory_size(0) * 65536)
        return (uint32_t)(size_t)at;
    fill_weights(w_bytes);
    for (uint32_t i = 0; i < k; i++)
        bench.x[i] = (float)(int32_t)random_bits() * 0x1p-31f;
    for (uint32_t t = 0; t < n_tokens; t++)
        bench.kernels->quantize(tai_act_form(type), bench.x, k, bench.act + t * bench.act_stride);
    return (uint32_t)(size_t)at;
}

EXPORT(bench_matmul)
void bench_matmul(void) {
    (tai_is_panelled(bench.type) ? bench.kernels->panels : bench.kernels->matmul)(
        bench.type, bench.w, bench.n_rows, bench.k, bench.act, bench.act_stride, bench.n_tokens,
        bench.y, bench.n_rows);
}

EXPORT(bench_quantize)
void bench_quantize(void) {
    for (uint32_t t = 0; t < bench.n_tokens; t++)
        bench.kernels->quantize(tai_act_form(bench.type), bench.x, bench.k,
                                bench.act + t * bench.act_stride);
}

/* The last n_tokens of a cache of `positions`, n_heads query heads sharing a kv head. */
static struct {
    const TaiKernels *kernels;
    TaiKvHead kv;
    TaiQueries queries;
} attention;

EXPORT(bench_prepare_attend)
uint32_t bench_prepare_attend(TaiTier tier, TaiKvType type, uint32_t head_dim, uint32_t n_heads,
                              uint32_t positions, uint32_t n_tokens) {
    uint32_t stride = tai_scores_stride(positions);
    size_t n = (size_t)n_tokens * n_heads * head_dim;
    at = __heap_base;
    at += (64 - (uintptr_t)at % 64) % 64;
    attention.kernels = tai_kernels(tier);
    attention.kv = (TaiKvHead){
        take(stride / TAI_KV_GROUP * (size_t)tai_kv_group_bytes(type, head_dim)), head_dim, type};
    float *q = take(sizeof(float) * n);
    attention.queries = (TaiQueries){
        .n_heads = n_heads,
        .n_tokens = n_tokens,
        .end = positions - n_tokens + 1,
        .scale = 0.125f,
        .q = q,
        .out = take(sizeof(float) * n),
        .stride = (size_t)n_heads * head_dim,
        .scores = take(sizeof(float) * n_tokens * n_heads * stride),
        .n_scores = (size_t)n_tokens * n_heads * stride,
    };
    if ((size_t)at > __builtin_wasm_memory_size(0) * 65536)
        return (uint32_t)(size_t)at;
    for (size_t i = 0; i < n; i++)
        q[i] = (float)(int32_t)random_bits() * 0x1p-31f;
    for (uint32_t p = 0; p < positions; p++)
        attention.kernels->kv_store(&attention.kv, p, q, q);
    return (uint32_t)(size_t)at;
}

EXPORT(bench_attend)
void bench_attend(void) {
    attention.kernels->attend(&attention.kv, &attention.queries);
}

/* What else a token costs: one of these over n values. */
typedef enum Simple { NORM, ADD, SWIGLU, ROPE, KV_STORE } Simple;

static struct {
    const TaiKernels *kernels;
    Simple op;
    TaiKvHead kv;
    uint32_t n;
    float *x, *y, *out;
} simple;

enum { BENCH_HEAD_DIM = 64 };

/* n: a multiple of the head's width for ROPE and KV_STORE. */
EXPORT(bench_prepare_simple)
uint32_t bench_prepare_simple(TaiTier tier, Simple op, TaiKvType type, uint32_t n) {
    at = __heap_base;
    at += (64 - (uintptr_t)at % 64) % 64;
    simple.kernels = tai_kernels(tier);
    simple.op = op;
    simple.kv =
        (TaiKvHead){take((size_t)tai_kv_group_bytes(type, BENCH_HEAD_DIM)), BENCH_HEAD_DIM, type};
    simple.n = n;
    simple.x = take(sizeof(float) * n);
    simple.y = take(sizeof(float) * n);
    simple.out = take(sizeof(float) * n);
    if ((size_t)at > __builtin_wasm_memory_size(0) * 65536)
        return (uint32_t)(size_t)at;
    for (uint32_t i = 0; i < n; i++) {
        simple.x[i] = (float)(int32_t)random_bits() * 0x1p-31f;
        simple.y[i] = (float)(int32_t)random_bits() * 0x1p-31f;
    }
    return (uint32_t)(size_t)at;
}

EXPORT(bench_simple)
void bench_simple(void) {
    const TaiKernels *kernels = simple.kernels;
    switch (simple.op) {
    case NORM:
        kernels->rms_norm(simple.x, simple.y, simple.n, 1e-5f, simple.out);
        return;
    case ADD:
        kernels->add(simple.out, simple.y, simple.n);
        return;
    case SWIGLU:
        kernels->swiglu(simple.out, simple.y, simple.n);
        return;
    case ROPE:
        kernels->rope(simple.x, simple.n / BENCH_HEAD_DIM, BENCH_HEAD_DIM, simple.y,
                      BENCH_HEAD_DIM);
        return;
    default:
        for (uint32_t i = 0; i < simple.n; i += BENCH_HEAD_DIM)
            kernels->kv_store(&simple.kv, i / BENCH_HEAD_DIM % TAI_KV_GROUP, simple.x + i,
                              simple.y + i);
    }
}
