/* The kernels timed alone, natively:
 *
 *     build/native-release/tinyai-kernels-bench [TYPE|all [rows [k [tokens…]]]]
 *
 * prints, for a weight type or each and each tier that this processor has, G multiply-adds per second at each number of
 * tokens (1 and 64 by default). Runs are short and interleaved, and the best counts: another process on the same
 * core only spoils some of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/panel.h"

enum { MAX_COUNTS = 8, ROUNDS = 200 };

static const struct {
    const char *name;
    TaiType type;
} types[] = {{"F32", TAI_TYPE_F32},   {"F16", TAI_TYPE_F16},   {"BF16", TAI_TYPE_BF16},
             {"Q4_0", TAI_TYPE_Q4_0}, {"Q4_1", TAI_TYPE_Q4_1}, {"Q5_0", TAI_TYPE_Q5_0},
             {"Q5_1", TAI_TYPE_Q5_1}, {"Q8_0", TAI_TYPE_Q8_0}, {"IQ4_NL", TAI_TYPE_IQ4_NL},
             {"Q2_K", TAI_TYPE_Q2_K}, {"Q3_K", TAI_TYPE_Q3_K}, {"Q4_K", TAI_TYPE_Q4_K},
             {"Q5_K", TAI_TYPE_Q5_K}, {"Q6_K", TAI_TYPE_Q6_K}, {"IQ4_XS", TAI_TYPE_IQ4_XS}};

static const TaiTier tiers[] = {TAI_TIER_AVX2, TAI_TIER_AVX_VNNI, TAI_TIER_AVX512_VNNI,
                                TAI_TIER_NEON};
enum { N_TIERS = sizeof tiers / sizeof *tiers };

static uint32_t rng = 1;

static uint32_t random_bits(void) {
    return rng = rng * 1664525u + 1013904223u;
}

/* Memory that starts at a cache line; nothing here is given back. */
static void *take(size_t bytes) {
    void *taken = NULL;
    if (posix_memalign(&taken, 64, (bytes + 63) / 64 * 64) != 0) {
        (void)fprintf(stderr, "no memory for %zu bytes\n", bytes);
        exit(1);
    }
    return taken;
}

typedef struct Matrix {
    TaiType type;
    uint32_t n_rows, k;
    uint8_t *w;
} Matrix;

/* Random bytes, and 2^-7 in the last 32 bytes of each block, where f16 numbers are. */
static Matrix random_matrix(TaiType type, uint32_t n_rows, uint32_t k) {
    size_t bytes = (size_t)tai_matrix_bytes(type, n_rows, k);
    Matrix m = {type, n_rows, k, take(bytes)};
    for (size_t i = 0; i < bytes; i++)
        m.w[i] = (uint8_t)(random_bits() >> 24);
    size_t block = tai_is_panelled(type) ? tai_panel_block_bytes(type) : 4;
    size_t n_set = tai_is_panelled(type) ? 32 : 4;
    for (size_t at = 0; at + block <= bytes; at += block)
        for (size_t i = block - n_set; i < block; i += 2)
            memcpy(m.w + at + i, &(uint16_t){0x2000}, 2);
    return m;
}

/* A tier's product of a matrix with some tokens. */
typedef struct Run {
    const TaiKernels *kernels;
    const Matrix *matrix;
    uint32_t n_tokens;
    size_t act_stride;
    uint8_t *act;
    float *y;
    double best; /* seconds */
} Run;

static Run prepare(const TaiKernels *kernels, const Matrix *m, uint32_t n_tokens) {
    TaiActForm form = tai_act_form(m->type);
    Run run = {.kernels = kernels, .matrix = m, .n_tokens = n_tokens, .best = 1e9};
    run.act_stride = (size_t)tai_act_bytes(form, m->k);
    run.act = take(run.act_stride * n_tokens);
    run.y = take(sizeof(float) * m->n_rows * n_tokens);
    float *x = take(sizeof(float) * m->k);
    for (uint32_t t = 0; t < n_tokens; t++) {
        for (uint32_t i = 0; i < m->k; i++)
            x[i] = (float)(int32_t)random_bits() * 0x1p-31f;
        kernels->quantize(form, x, m->k, run.act + t * run.act_stride);
    }
    free(x);
    return run;
}

static double now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void time_once(Run *run) {
    const Matrix *m = run->matrix;
    double start = now();
    (tai_is_panelled(m->type) ? run->kernels->panels : run->kernels->matmul)(
        m->type, m->w, m->n_rows, m->k, run->act, run->act_stride, run->n_tokens, run->y,
        m->n_rows);
    double seconds = now() - start;
    if (seconds < run->best)
        run->best = seconds;
}

static double giga_multiply_adds(const Run *run) {
    const Matrix *m = run->matrix;
    return (double)m->n_rows * m->k * run->n_tokens / run->best * 1e-9;
}

int main(int argc, char **argv) {
    const char *only = argc > 1 ? argv[1] : "all";
    uint32_t n_rows = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1024;
    uint32_t k = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 2048;
    uint32_t counts[MAX_COUNTS] = {1, 64};
    uint32_t n_counts = 2;
    if (argc > 4)
        for (n_counts = 0; n_counts < MAX_COUNTS && (int)n_counts + 4 < argc; n_counts++)
            counts[n_counts] = (uint32_t)strtoul(argv[n_counts + 4], NULL, 10);
    printf("G multiply-adds/s, %u rows of %u (fewer rows for many tokens), one thread\n%-8s",
           n_rows, k, "");
    for (uint32_t i = 0; i < N_TIERS; i++)
        for (uint32_t c = 0; c < n_counts && tai_kernels(tiers[i]); c++)
            printf("%12s%4u", tai_kernels(tiers[i])->name, counts[c]);
    putchar('\n');
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        if (strcmp(only, "all") != 0 && strcmp(only, types[t].name) != 0)
            continue;
        static Run runs[N_TIERS * MAX_COUNTS];
        static Matrix matrices[MAX_COUNTS];
        uint32_t n_runs = 0;
        for (uint32_t c = 0; c < n_counts; c++) {
            uint32_t rows = counts[c] < n_rows / 16 ? n_rows / counts[c] : 16;
            matrices[c] = random_matrix(types[t].type, counts[c] == 1 ? n_rows : rows * 4, k);
        }
        for (uint32_t i = 0; i < N_TIERS; i++)
            for (uint32_t c = 0; c < n_counts && tai_kernels(tiers[i]); c++)
                runs[n_runs++] = prepare(tai_kernels(tiers[i]), &matrices[c], counts[c]);
        for (uint32_t round = 0; round < ROUNDS; round++)
            for (uint32_t i = 0; i < n_runs; i++)
                time_once(&runs[i]);
        printf("%-8s", types[t].name);
        for (uint32_t i = 0; i < n_runs; i++)
            printf("%16.1f", giga_multiply_adds(&runs[i]));
        putchar('\n');
        (void)fflush(stdout);
        for (uint32_t i = 0; i < n_runs; i++) {
            free(runs[i].act);
            free(runs[i].y);
        }
        for (uint32_t c = 0; c < n_counts; c++)
            free(matrices[c].w);
    }
    return 0;
}
