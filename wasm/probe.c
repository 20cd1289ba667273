/* Kernels on trial, see probe.h. */
#include "probe.h"

#include <inttypes.h>

#include "format/blocks.h"
#include "kernels/bits.h"
#include "kernels/blocks.h"
#include "kernels/panel.h"
#include "memory/checked.h"
#include "memory/error.h"

static const TaiTier tiers[] = {
    [TINYAI_KERNELS_SCALAR] = TAI_TIER_SCALAR,
    [TINYAI_KERNELS_SIMD128] = TAI_TIER_SIMD128,
    [TINYAI_KERNELS_RELAXED16] = TAI_TIER_RELAXED16,
    [TINYAI_KERNELS_RELAXED32] = TAI_TIER_RELAXED32,
};

static const uint8_t types[] = {
    TAI_TYPE_Q4_0, TAI_TYPE_Q4_1, TAI_TYPE_Q5_0, TAI_TYPE_Q5_1, TAI_TYPE_Q8_0, TAI_TYPE_IQ4_NL,
    TAI_TYPE_Q2_K, TAI_TYPE_Q3_K, TAI_TYPE_Q4_K, TAI_TYPE_Q5_K, TAI_TYPE_Q6_K, TAI_TYPE_IQ4_XS,
};

/* The values' matrices: more than a whole panel, more tokens than a tile has, one block of 256. */
enum { VALUE_ROWS = 13, VALUE_COLUMNS = 256, VALUE_TOKENS = 7 };
enum { ALIGNMENT = 64 };
enum { CHECKED_ROWS = 64 }; /* of the timed matrix: the definition is slow */

static struct {
    const uint8_t *panels;
    uint8_t *act;
    const float *x, *wanted;
    float *y;
    uint32_t kernels; /* that act was made for */
} timed;

/* ---- memory: from the end of the program upwards ------------------------------------------------- */

static void *at(uint32_t address) {
    return (void *)(uintptr_t)address; // NOLINT(performance-no-int-to-ptr)
}

static uint32_t next_free;

static void take_from_start(void) {
    next_free = tinyai_js_program_bytes();
}

static void *take(uint64_t bytes) {
    void *p = at(next_free);
    next_free = (uint32_t)tai_align_up(next_free + bytes, ALIGNMENT);
    return p;
}

/* ---- what is computed with: the same on every host ------------------------------------------------ */

static uint32_t random_state;

static uint32_t random_next(void) { /* xorshift */
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

/* Integers that 127 is among, so that each becomes the same int8. */
static float *random_input(uint32_t n) {
    float *x = take(sizeof(float) * (uint64_t)n);
    for (uint32_t i = 0; i < n; i++) {
        x[i] = i % TAI_KV_GROUP == 0 ? 127.0f : (float)(random_next() % 255) - 127.0f;
    }
    return x;
}

/* An f16 of 2^-4 to 2^-3, of either sign. */
static void put_scale(uint8_t *at) {
    uint32_t bits = (random_next() & 0x83FFu) | 0x2C00u;
    at[0] = (uint8_t)bits;
    at[1] = (uint8_t)(bits >> 8);
}

/* Any byte is a quant. The scales of a GGUF block are its first or its last four bytes, or two of them. */
static void random_rows(TaiType type, uint8_t *rows, size_t bytes) {
    const uint32_t block = tai_block_format(type)->bytes;
    for (size_t i = 0; i < bytes; i++) {
        rows[i] = (uint8_t)(random_next() >> 8);
    }
    for (uint8_t *at = rows; at < rows + bytes; at += block) {
        put_scale(at);
        put_scale(at + 2);
        put_scale(at + block - 4);
        put_scale(at + block - 2);
    }
}

static uint8_t *random_panels(TaiType type, uint32_t n_rows, uint32_t k) {
    const size_t panel_bytes = tai_panel_bytes(type, k);
    const size_t row_bytes = tai_kernel_row_bytes(type, k);
    uint8_t *panels = take(tai_matrix_bytes(type, n_rows, k));
    const uint32_t mark = next_free;
    uint8_t *rows = take(row_bytes * TAI_PANEL_ROWS);
    for (uint32_t r = 0; r < n_rows; r += TAI_PANEL_ROWS) {
        const uint32_t n = n_rows - r < TAI_PANEL_ROWS ? n_rows - r : TAI_PANEL_ROWS;
        random_rows(type, rows, n * row_bytes);
        tai_panel_put(type, rows, n, k, panels + r / TAI_PANEL_ROWS * panel_bytes);
    }
    next_free = mark;
    return panels;
}

/* ---- values -------------------------------------------------------------------------------------- */

static uint32_t count_different(const float *a, const float *b, uint32_t n) {
    uint32_t n_bad = 0;
    for (uint32_t i = 0; i < n; i++) {
        n_bad += tai_f32_bits(a[i]) != tai_f32_bits(b[i]);
    }
    return n_bad;
}

/* y[VALUE_TOKENS][VALUE_ROWS], the first n_tokens of them */
static void multiply_values(const TaiKernels *kernels, TaiType type, const uint8_t *panels,
                            const float *x, uint32_t n_tokens, float *y) {
    const TaiActForm form = tai_act_form(type);
    const size_t stride = tai_act_bytes(form, VALUE_COLUMNS);
    const uint32_t mark = next_free;
    uint8_t *act = take(stride * n_tokens);
    for (uint32_t t = 0; t < n_tokens; t++) {
        kernels->quantize(form, x + (size_t)t * VALUE_COLUMNS, VALUE_COLUMNS, act + t * stride);
    }
    kernels->panels(type, panels, VALUE_ROWS, VALUE_COLUMNS, act, stride, n_tokens, y, VALUE_ROWS);
    next_free = mark;
}

/* How many of the numbers of a type are wrong: all tokens at once, and the first alone. */
static uint32_t wrong_values(const TaiKernels *kernels, TaiType type) {
    float *wanted = take(sizeof(float) * VALUE_ROWS * VALUE_TOKENS);
    float *got = take(sizeof(float) * VALUE_ROWS * VALUE_TOKENS);
    const float *x = random_input(VALUE_COLUMNS * VALUE_TOKENS);
    const uint8_t *panels = random_panels(type, VALUE_ROWS, VALUE_COLUMNS);
    multiply_values(tai_kernels(TAI_TIER_SCALAR), type, panels, x, VALUE_TOKENS, wanted);
    multiply_values(kernels, type, panels, x, VALUE_TOKENS, got);
    const uint32_t n_bad = count_different(wanted, got, VALUE_ROWS * VALUE_TOKENS);
    multiply_values(kernels, type, panels, x, 1, got);
    return n_bad + count_different(wanted, got, VALUE_ROWS);
}

uint32_t tinyai_js_probe_has(uint32_t kernels) {
    const bool relaxed = kernels == TINYAI_KERNELS_RELAXED16 || kernels == TINYAI_KERNELS_RELAXED32;
    return !relaxed || TAI_HAVE_RELAXED ? 1 : 0;
}

int32_t tinyai_js_probe_values(uint32_t kernels) {
    TinyAIExchange *exchange = at(tinyai_js_exchange());
    TinyAIError *error = &exchange->error;
    const TaiKernels *tested = tai_kernels(tiers[kernels]);
    tai_error_clear(error);
    if (!tested) {
        return tai_fail(error, TINYAI_E_UNSUPPORTED, TINYAI_NO_OFFSET,
                        "the relaxed dot product computes wrong values on this host");
    }
    random_state = 1;
    for (uint32_t i = 0; i < sizeof types; i++) {
        take_from_start();
        const uint32_t n_bad = wrong_values(tested, types[i]);
        if (n_bad > 0) {
            return tai_fail(error, TINYAI_E_UNSUPPORTED, TINYAI_NO_OFFSET,
                            "%s kernels compute wrong values on this host: %" PRIu32
                            " of %d numbers of a %s product",
                            tested->name, n_bad, VALUE_ROWS * (VALUE_TOKENS + 1),
                            tai_block_format(types[i])->name);
        }
    }
    return TINYAI_OK;
}

/* ---- time ---------------------------------------------------------------------------------------- */

static void multiply_timed(const TaiKernels *kernels, uint32_t n_rows, float *y) {
    kernels->panels(TAI_TYPE_Q4_0, timed.panels, n_rows, TINYAI_PROBE_COLUMNS, timed.act, 0, 1, y,
                    n_rows);
}

static void quantize_timed(uint32_t kernels) {
    tai_kernels(tiers[kernels])->quantize(TAI_ACT_Q8_32N, timed.x, TINYAI_PROBE_COLUMNS, timed.act);
    timed.kernels = kernels;
}

void tinyai_js_probe_begin(void) {
    random_state = 2;
    take_from_start();
    timed.y = take(sizeof(float) * TINYAI_PROBE_ROWS);
    timed.act = take(tai_act_bytes(TAI_ACT_Q8_32N, TINYAI_PROBE_COLUMNS));
    timed.x = random_input(TINYAI_PROBE_COLUMNS);
    timed.panels = random_panels(TAI_TYPE_Q4_0, TINYAI_PROBE_ROWS, TINYAI_PROBE_COLUMNS);
    float *wanted = take(sizeof(float) * CHECKED_ROWS);
    quantize_timed(TINYAI_KERNELS_SCALAR);
    multiply_timed(tai_kernels(TAI_TIER_SCALAR), CHECKED_ROWS, wanted);
    timed.wanted = wanted;
}

uint32_t tinyai_js_probe_run(uint32_t kernels, uint32_t times) {
    if (timed.kernels != kernels) {
        quantize_timed(kernels);
    }
    for (uint32_t i = 0; i < times; i++) {
        multiply_timed(tai_kernels(tiers[kernels]), TINYAI_PROBE_ROWS, timed.y);
    }
    return count_different(timed.wanted, timed.y, CHECKED_ROWS);
}
