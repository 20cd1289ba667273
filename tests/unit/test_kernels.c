/* The reference kernels against plain arithmetic in double precision, every other tier of this build
 * against the reference, and the sizes of dispatch.c. */
#include "kernels/kernels.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "kernel_cases.h"
#include "kernels/reference/reference.h"
#include "test.h"

static float out[CASE_OUTPUTS], wanted_out[CASE_OUTPUTS];

static const TaiKernels *reference(void) {
    return tai_kernels(TAI_TIER_SCALAR);
}

static uint32_t mismatches(const float *wanted, const float *got, uint32_t n) {
    uint32_t n_bad = 0;
    for (uint32_t i = 0; i < n; i++)
        n_bad += case_bits(wanted[i]) != case_bits(got[i]);
    return n_bad;
}

TEST(tiers_of_this_build) {
    CHECK(tai_kernels(TAI_TIER_SCALAR) != NULL);
    CHECK_STR(tai_kernels(TAI_TIER_SCALAR)->name, "scalar");
    CHECK((tai_kernels(TAI_TIER_SIMD128) != NULL) == TAI_HAVE_SIMD128);
    CHECK(tai_kernels(TAI_TIER_AVX2) == NULL || TAI_HAVE_AVX2);
}

/* Values per block of a quantized form, and the bytes of one in the reference tier. */
static uint32_t form_block(TaiActForm form) {
    return form == TAI_ACT_Q8_256 || form == TAI_ACT_Q8_256N ? TAI_SUPERBLOCK : TAI_BLOCK;
}
static size_t form_bytes(TaiActForm form) {
    return form_block(form) == TAI_BLOCK ? sizeof(TaiAct32) : sizeof(TaiAct256);
}

TEST(sizes) {
    CHECK_EQ(tai_act_bytes(TAI_ACT_F32, 3), 16);
    CHECK_EQ(tai_act_bytes(TAI_ACT_F32, 0x7FFFFFFF), 0x200000000 - 16 + 16);
    for (TaiActForm form = TAI_ACT_F32; form < TAI_ACT_FORMS; form++)
        for (uint32_t k = 256; k < 4096; k += 256) {
            uint64_t bytes = tai_act_bytes(form, k);
            CHECK_EQ(bytes % 16, 0);
            CHECK(form == TAI_ACT_F32 || bytes >= k / form_block(form) * form_bytes(form));
        }
    CHECK_EQ(tai_scores_stride(1), 32);
    CHECK_EQ(tai_scores_stride(32), 32);
    CHECK_EQ(tai_scores_stride(33), 64);
}

/* Decoders against an implementation that is not ours, see tests/vectors/blocks/README.md. */
TEST(blocks_decode_as_elsewhere) {
    FILE *file = fopen(TINYAI_TEST_DATA "/blocks/blocks.txt", "r");
    CHECK(file != NULL);
    if (!file)
        return;
    static char line[4096];
    int n_blocks = 0;
    while (fgets(line, sizeof line, file)) { /* type, number of weights, block in hex */
        char *at;
        TaiType type = (TaiType)strtoul(line, &at, 10);
        uint32_t n = (uint32_t)strtoul(at, &at, 10);
        TaiAnyBlock block;
        size_t n_bytes = tai_kernel_row_bytes(type, n);
        for (size_t i = 0; i < n_bytes; i++) {
            char pair[3] = {at[1 + 2 * i], at[2 + 2 * i], 0};
            block.bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
        }
        reference()->dequantize(type, &block, n, out);
        at = fgets(line, sizeof line, file); /* the weights' bits */
        CHECK(at != NULL);
        if (!at)
            break;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t bits = (uint32_t)strtoul(at, &at, 16);
            /* A zero may have either sign there. */
            CHECK(tai_f32_bits(out[i]) == bits || (out[i] == 0 && bits << 1 == 0));
        }
        n_blocks++;
    }
    (void)fclose(file);
    CHECK_EQ(n_blocks, 24);
}

/* values[k] = what the quantized activations stand for */
static void act_values(TaiActForm form, const void *act, uint32_t k, double *values) {
    for (uint32_t i = 0; i < k; i++) {
        if (form == TAI_ACT_F32) {
            values[i] = ((const float *)act)[i];
        } else if (form_block(form) == TAI_SUPERBLOCK) {
            const TaiAct256 *a = (const TaiAct256 *)act + i / 256;
            values[i] = (double)a->d * a->q[i % 256];
        } else {
            const TaiAct32 *a = (const TaiAct32 *)act + i / 32;
            values[i] = (double)a->d * a->q[i % 32];
        }
    }
}

TEST(matmul_is_the_dot_product_of_the_dequantized_row) {
    static double values[CASE_K];
    static float row[CASE_K];
    for (uint32_t seed = 0; seed < 2000; seed++) {
        Case c = make_case(seed);
        if ((c.op != OP_MATMUL && c.op != OP_PANELS) || c.profile == PROFILE_SPECIAL ||
            c.w_profile == PROFILE_SPECIAL || c.n > CASE_K)
            continue;
        run_case(reference(), seed, out);
        size_t row_bytes = tai_kernel_row_bytes(c.type, c.n);
        size_t stride = case_act_stride(&c);
        const uint8_t *w = case_rows(&c);
        for (uint32_t t = 0; t < c.tokens; t++) {
            act_values(tai_act_form(c.type), in.act + t * stride, c.n, values);
            for (uint32_t r = 0; r < c.rows; r++) {
                reference()->dequantize(c.type, w + r * row_bytes, c.n, row);
                double sum = 0, size = 0;
                for (uint32_t i = 0; i < c.n; i++) {
                    sum += row[i] * values[i];
                    size += fabs(row[i] * values[i]);
                }
                double got = out[t * (c.rows + 3) + r];
                if (isfinite(size)) /* F16 weights of the wide profile overflow */
                    CHECK(fabs(got - sum) <= 2e-5 * size + 1e-40);
            }
        }
    }
}

TEST(panels_compute_what_rows_do) {
    uint32_t seen = 0;
    for (uint32_t seed = 0; seed < 4000; seed++) {
        Case c = make_case(seed);
        if (c.op != OP_PANELS)
            continue;
        uint32_t n = run_case(reference(), seed, out);
        memcpy(wanted_out, out, n * sizeof *out); /* the gaps */
        reference()->matmul(c.type, case_rows(&c), c.rows, c.n, in.act, case_act_stride(&c),
                            c.tokens, wanted_out, c.rows + 3);
        CHECK_EQ(mismatches(wanted_out, out, n), 0);
        seen++;
    }
    CHECK(seen > 1000);
}

TEST(quantization_is_near_and_symmetric) {
    for (uint32_t seed = 0; seed < 500; seed++) {
        static double values[CASE_K];
        case_rng = seed;
        TaiActForm form = TAI_ACT_Q8_32 + seed % 4;
        uint32_t block = form_block(form);
        case_floats(in.x, CASE_K, seed % PROFILE_SPECIAL);
        reference()->quantize(form, in.x, CASE_K, in.act);
        act_values(form, in.act, CASE_K, values);
        for (uint32_t b = 0; b < CASE_K; b += block) {
            double amax = 0;
            for (uint32_t i = b; i < b + block; i++)
                amax = fmax(amax, fabs((double)in.x[i]));
            for (uint32_t i = b; i < b + block; i++)
                CHECK(fabs(values[i] - (double)in.x[i]) <= amax / 254 * 1.0001 + 0x1p-79);
        }
    }
}

static TaiAct32 quantized(const float *x) {
    TaiAct32 a;
    reference()->quantize(TAI_ACT_Q8_32, x, 32, &a);
    return a;
}

TEST(quantization_at_the_edges) {
    float x[32] = {0};
    CHECK(quantized(x).d == 0 && quantized(x).q[5] == 0);
    x[3] = 127.0f, x[4] = -127.0f, x[5] = 2.5f, x[6] = 3.5f, x[7] = -2.5f, x[8] = 0.5f;
    TaiAct32 a = quantized(x);
    CHECK(a.d == 1.0f);
    CHECK_EQ(a.q[3], 127);
    CHECK_EQ(a.q[4], -127);
    CHECK_EQ(a.q[5], 2); /* ties to even */
    CHECK_EQ(a.q[6], 4);
    CHECK_EQ(a.q[7], -2);
    CHECK_EQ(a.q[8], 0);
    x[9] = 0x1p80f;
    a = quantized(x);
    CHECK_EQ(a.q[9], 127);
    CHECK(isfinite(a.d));
    x[9] = 0x1.1p80f;
    a = quantized(x);
    CHECK(isinf(a.d));
    x[10] = INFINITY;
    a = quantized(x);
    CHECK(isinf(a.d));
    x[11] = -NAN;
    a = quantized(x);
    CHECK(isnan(a.d));
    for (int i = 0; i < 32; i++)
        x[i] = 0x1p-81f;
    a = quantized(x);
    CHECK(a.d == 0 && a.q[0] == 0);
}

/* W1 of the reliability list: an infinite or NaN scale must reach the output, not vanish. */
TEST(a_scale_that_is_not_finite_shows) {
    for (int i = 0; i < CASE_K; i++)
        in.x[i] = 1.0f + (float)(i % 7);
    for (uint32_t t = 0; t < N_PANEL_TYPES; t++) {
        TaiType type = panel_types[t];
        size_t bytes = tai_kernel_row_bytes(type, 256);
        static const uint16_t scales[] = {0x7C00, 0x7E00};
        for (uint32_t s = 0; s < 2; s++) {
            memset(in.weights, 0x35, bytes);
            put_u16(in.weights + block_scales(type).at, scales[s]);
            reference()->quantize(tai_act_form(type), in.x, 256, in.act);
            reference()->matmul(type, in.weights, 1, 256, in.act, 0, 1, out, 1);
            CHECK(!isfinite(out[0]));
        }
    }
}

TEST(f16_weights_are_f16_except_for_NaN) {
    for (uint32_t h = 0; h < 0x10000; h++) {
        float wanted = tai_f16_to_f32((uint16_t)h);
        if (isnan(wanted))
            wanted = copysignf(INFINITY, wanted);
        CHECK_EQ(tai_f32_bits(tai_f16_weight((uint16_t)h)), tai_f32_bits(wanted));
    }
}

TEST(rms_norm_add_swiglu_rope) {
    for (uint32_t n = 1; n < 100; n++) {
        case_rng = n;
        case_floats(in.x, n, PROFILE_PLAIN);
        case_floats(in.y, n, PROFILE_PLAIN);
        double squares = 0;
        for (uint32_t i = 0; i < n; i++)
            squares += (double)in.x[i] * in.x[i];
        reference()->rms_norm(in.x, in.y, n, 1e-5f, out);
        for (uint32_t i = 0; i < n; i++)
            CHECK(fabs(out[i] - in.x[i] / sqrt(squares / n + 1e-5) * in.y[i]) < 1e-6);
        memcpy(out, in.x, n * sizeof *out);
        reference()->add(out, in.y, n);
        for (uint32_t i = 0; i < n; i++)
            CHECK(out[i] == in.x[i] + in.y[i]);
        memcpy(out, in.x, n * sizeof *out);
        reference()->swiglu(out, in.y, n);
        for (uint32_t i = 0; i < n; i++)
            CHECK(fabs(out[i] - in.x[i] / (1 + exp(-(double)in.x[i])) * in.y[i]) < 1e-6);
    }
    /* Two heads of 4, of which the first pair is turned by 90 degrees. */
    float x[8] = {1, 2, 3, 4, 5, 6, 7, 8}, cs[2] = {0, 1};
    static const float wanted[8] = {-2, 1, 3, 4, -6, 5, 7, 8};
    reference()->rope(x, 2, 4, cs, 2);
    for (int i = 0; i < 8; i++)
        CHECK(x[i] == wanted[i]);
}

static void check_attention(TaiKvType type, uint32_t head_dim, uint32_t begin, uint32_t end) {
    static float keys[CASE_POSITIONS][CASE_HEAD_DIM], values[CASE_POSITIONS][CASE_HEAD_DIM];
    /* Of a weight near 1: half a step of 1 / 127, and what errors of q . K do to the weights. */
    static const double bound[] = {[TAI_KV_F32] = 1e-5, [TAI_KV_F16] = 3e-3, [TAI_KV_Q8] = 3e-2};
    TaiKvHead kv = {in.cache, head_dim, type};
    for (uint32_t p = 0; p < end; p++) {
        case_floats(keys[p], head_dim, PROFILE_PLAIN);
        case_floats(values[p], head_dim, PROFILE_PLAIN);
        reference()->kv_store(&kv, p, keys[p], values[p]);
    }
    case_floats(in.x, 2 * (size_t)head_dim, PROFILE_PLAIN);
    reference()->attend(&kv, &(TaiQueries){.n_heads = 2,
                                           .n_tokens = 1,
                                           .begin = begin,
                                           .end = end,
                                           .scale = 0.5f,
                                           .q = in.x,
                                           .out = out,
                                           .scores = in.scores,
                                           .n_scores = tai_scores_stride(end)});
    for (uint32_t h = 0; h < 2; h++) {
        double e[CASE_POSITIONS], sum = 0;
        for (uint32_t p = begin; p < end; p++) {
            double dot = 0;
            for (uint32_t c = 0; c < head_dim; c++)
                dot += (double)in.x[h * head_dim + c] * keys[p][c];
            sum += e[p] = exp(0.5 * dot);
        }
        for (uint32_t c = 0; c < head_dim; c++) {
            double wanted = 0;
            for (uint32_t p = begin; p < end; p++)
                wanted += e[p] / sum * values[p][c];
            CHECK(fabs(out[h * head_dim + c] - wanted) < bound[type]);
        }
    }
}

TEST(attention_is_the_softmax_average) {
    for (uint32_t i = 0; i < 200; i++) {
        case_rng = i;
        uint32_t head_dim = 1 + case_below(CASE_HEAD_DIM);
        uint32_t end = 1 + case_below(CASE_POSITIONS);
        check_attention((TaiKvType)(i % 3), head_dim, case_below(end), end);
    }
}

/* Shows that nothing of an output depends on the host; wasm must give this number too. */
TEST(same_bits_natively_and_in_wasm) {
    uint64_t hash = hash_cases(reference(), 0, CASE_HASH_COUNT, out);
    printf("  hash of %u cases: %016llx\n", CASE_HASH_COUNT, (unsigned long long)hash);
    CHECK_EQ(hash, CASE_HASH);
}

/* The tiers of this build and machine that must equal the reference. */
static uint32_t fast_tiers(const TaiKernels *tiers[TAI_TIERS]) {
    uint32_t n = 0;
    for (TaiTier tier = TAI_TIER_SCALAR + 1; tier < TAI_TIERS; tier++) {
        const TaiKernels *kernels = tai_kernels(tier);
        if (kernels)
            tiers[n++] = kernels;
    }
    if (n == 0)
        printf("  skipped: this build or machine has the reference alone\n");
    return n;
}

TEST(every_tier_equals_the_reference) {
    const TaiKernels *tiers[TAI_TIERS];
    uint32_t n_tiers = fast_tiers(tiers);
    for (uint32_t i = 0; i < n_tiers; i++) {
        uint32_t seen[N_OPS] = {0};
        for (uint32_t seed = 0; seed < 4000; seed++) {
            uint32_t n = run_case(reference(), seed, wanted_out);
            CHECK_EQ(run_case(tiers[i], seed, out), n);
            uint32_t n_bad = mismatches(wanted_out, out, n);
            Case c = make_case(seed);
            if (n_bad != 0)
                printf(
                    "  %s, case %u: %s of type %d, profiles %u and %u, n %u, rows %u, tokens %u: "
                    "%u of %u numbers differ\n",
                    tiers[i]->name, seed, case_op_names[c.op], (int)c.type, c.profile, c.w_profile,
                    c.n, c.rows, c.tokens, n_bad, n);
            CHECK_EQ(n_bad, 0);
            seen[c.op]++;
        }
        for (uint32_t op = 0; op < N_OPS; op++)
            CHECK(seen[op] > 100);
    }
}

enum { EXTREME_ROWS = 9, EXTREME_TOKENS = 6, EXTREME_K = 512 };

/* Weights all `fill` in their bytes but for scales of 1, activations all +-127: the largest sums. */
static void run_extreme(const TaiKernels *kernels, TaiType type, uint8_t fill, uint32_t signs,
                        float *y) {
    size_t bytes = tai_kernel_row_bytes(type, EXTREME_K) * EXTREME_ROWS;
    memset(in.weights, fill, bytes);
    set_scales(type, in.weights, bytes, 0x3C00);
    put_panels(type, in.weights, EXTREME_ROWS, EXTREME_K, in.panels);
    size_t stride = (size_t)tai_act_bytes(tai_act_form(type), EXTREME_K);
    for (uint32_t t = 0; t < EXTREME_TOKENS; t++) {
        for (uint32_t i = 0; i < EXTREME_K; i++)
            in.x[i] = signs >> ((i + t) % 8) & 1 ? -1.0f : 1.0f;
        kernels->quantize(tai_act_form(type), in.x, EXTREME_K, in.act + t * stride);
    }
    kernels->panels(type, in.panels, EXTREME_ROWS, EXTREME_K, in.act, stride, EXTREME_TOKENS, y,
                    EXTREME_ROWS);
}

TEST(the_largest_sums_of_a_block_fit) {
    static const uint8_t fills[] = {0x00, 0xFF, 0x80, 0x7F, 0x0F, 0xF0, 0x88};
    static const uint32_t signs[] = {0x00, 0xFF, 0x55, 0x33, 0x0F, 0x01};
    const TaiKernels *tiers[TAI_TIERS];
    uint32_t n_tiers = fast_tiers(tiers);
    for (uint32_t i = 0; i < n_tiers; i++)
        for (size_t t = 0; t < N_PANEL_TYPES; t++)
            for (size_t f = 0; f < sizeof fills; f++)
                for (size_t s = 0; s < sizeof signs / sizeof *signs; s++) {
                    run_extreme(reference(), panel_types[t], fills[f], signs[s], wanted_out);
                    run_extreme(tiers[i], panel_types[t], fills[f], signs[s], out);
                    CHECK_EQ(mismatches(wanted_out, out, EXTREME_ROWS * EXTREME_TOKENS), 0);
                }
}

/* A copy of exactly `bytes`, so that the sanitizer sees an access beyond them. */
static void *copy_of(const void *from, size_t bytes) {
    void *copy = aligned_alloc(16, bytes);
    CHECK(copy != NULL);
    if (copy)
        memcpy(copy, from, bytes);
    return copy;
}

TEST(panels_stay_within_their_bounds) {
    for (TaiTier tier = TAI_TIER_SCALAR; tier < TAI_TIERS; tier++) {
        const TaiKernels *kernels = tai_kernels(tier);
        if (!kernels)
            continue;
        for (uint32_t i = 0; i < N_PANEL_TYPES * 32; i++) {
            TaiType type = panel_types[i / 32];
            uint32_t k = 256, rows = i % 32 + 1, tokens = i % 7 + 1;
            size_t act_bytes = (size_t)tai_act_bytes(tai_act_form(type), k);
            case_rng = i;
            case_weights(type, in.weights, tai_kernel_row_bytes(type, k) * rows, PROFILE_PLAIN);
            put_panels(type, in.weights, rows, k, in.panels);
            case_floats(in.x, (size_t)tokens * k, PROFILE_PLAIN);
            void *w = copy_of(in.panels, (size_t)tai_matrix_bytes(type, rows, k));
            uint8_t *act = copy_of(in.act, act_bytes * tokens);
            float *y = malloc(sizeof *y * rows * tokens);
            CHECK(y != NULL);
            if (w && act && y) {
                for (uint32_t t = 0; t < tokens; t++) {
                    float *x = copy_of(in.x + (size_t)t * k, k * sizeof *x);
                    kernels->quantize(tai_act_form(type), x, k, act + t * act_bytes);
                    free(x);
                }
                kernels->panels(type, w, rows, k, act, act_bytes, tokens, y, rows);
            }
            free(w), free(act), free(y);
        }
    }
}

TEST_MAIN(T(tiers_of_this_build), T(sizes), T(blocks_decode_as_elsewhere),
          T(matmul_is_the_dot_product_of_the_dequantized_row), T(panels_compute_what_rows_do),
          T(quantization_is_near_and_symmetric), T(quantization_at_the_edges),
          T(a_scale_that_is_not_finite_shows), T(f16_weights_are_f16_except_for_NaN),
          T(rms_norm_add_swiglu_rope), T(attention_is_the_softmax_average),
          T(same_bits_natively_and_in_wasm), T(every_tier_equals_the_reference),
          T(the_largest_sums_of_a_block_fit), T(panels_stay_within_their_bounds))
