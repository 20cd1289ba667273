/* The tiers of a wasm module against the reference, in one module without imports but its memory;
 * tests/js/kernels-equal.test.mjs drives it. */
#include "kernel_cases.h"
#include "kernels/simd128/v8.h"
#include "v8_cases.h"
#if TAI_HAVE_RELAXED
#include "kernels/relaxed16/relaxed16.h"
#endif

#define EXPORT(name) __attribute__((export_name(#name)))

static float wanted[CASE_OUTPUTS], got[CASE_OUTPUTS];

#if TAI_HAVE_RELAXED
/* What relaxed dot products give here: TAI_DOT_*. */
EXPORT(relaxed_dots)
uint32_t relaxed_dots(void) {
    return tai_relaxed_dots();
}
#endif

EXPORT(has_tier)
uint32_t has_tier(uint32_t tier) {
    return tai_kernels((TaiTier)tier) != 0;
}

/* How many numbers of case `seed` differ in their bits from the reference. */
EXPORT(case_mismatches)
uint32_t case_mismatches(uint32_t tier, uint32_t seed) {
    uint32_t n = run_case(tai_kernels(TAI_TIER_SCALAR), seed, wanted);
    uint32_t n_bad = n == run_case(tai_kernels((TaiTier)tier), seed, got) ? 0 : 1;
    for (uint32_t i = 0; i < n; i++)
        n_bad += case_bits(wanted[i]) != case_bits(got[i]);
    return n_bad;
}

/* What case `seed` is, for messages and for counting what was covered. */
EXPORT(case_op)
uint32_t case_op(uint32_t seed) {
    return (uint32_t)make_case(seed).op;
}

EXPORT(case_type)
uint32_t case_type(uint32_t seed) {
    Case c = make_case(seed);
    return c.op == OP_ATTEND ? (uint32_t)c.kv : (uint32_t)c.type;
}

EXPORT(case_profile)
uint32_t case_profile(uint32_t seed) {
    return make_case(seed).profile;
}

static uint32_t case_shape[6];

/* Address of {n, rows, tokens, begin, end, profile of the weights}. */
EXPORT(case_shape_of)
uint32_t *case_shape_of(uint32_t seed) {
    Case c = make_case(seed);
    uint32_t shape[6] = {c.n, c.rows, c.tokens, c.begin, c.end, c.w_profile};
    memcpy(case_shape, shape, sizeof shape);
    return case_shape;
}

/* 1 if the reference gives here what it gives natively (test_kernels.c). */
EXPORT(reference_hash_is_right)
uint32_t reference_hash_is_right(void) {
    return hash_cases(tai_kernels(TAI_TIER_SCALAR), 0, CASE_HASH_COUNT, got) == CASE_HASH;
}

/* 1 if a wrong answer would be seen: the comparison is itself compared. */
EXPORT(comparison_sees_one_bit)
uint32_t comparison_sees_one_bit(void) {
    return case_bits(1.0f) != case_bits(1.0f + 0x1p-23f) && case_bits(0.0f) != case_bits(-0.0f);
}

/* How many inputs of n, for each function of v8.h, give something else than it means. */
EXPORT(lanes_mismatches)
uint32_t lanes_mismatches(uint32_t n) {
    uint32_t n_bad = v8_load_f16_fails();
    for (uint32_t i = 0; i < N_V8_CASES; i++)
        for (uint32_t round = 0; round < n; round++)
            n_bad += v8_case_fails(i, round);
    return n_bad;
}
