/* The sampler: what is kept, how often it is drawn, and the random numbers behind it. */
#include "text/sampler.h"

#include <math.h>
#include <stddef.h>

#include "text/rng.h"
#include "unit/text_cases.h"

/* Draws with scratch that is exactly as large as needed. */
static uint32_t sample_with(const TinyAISampling *how, const float *logits, uint32_t n,
                            const uint32_t *history, uint32_t n_history, uint32_t position) {
    void *scratch = malloc(tai_sample_scratch_bytes(n));
    uint32_t token = UINT32_MAX;
    CHECK_EQ(tai_sample(how, logits, n, history, n_history, 0, position, scratch, &token, NULL), 0);
    CHECK(token < n);
    free(scratch);
    return token;
}

static uint32_t sample(const TinyAISampling *how, const float *logits, uint32_t n,
                       uint32_t position) {
    return sample_with(how, logits, n, NULL, 0, position);
}

/* Everything kept, temperature 1. */
static TinyAISampling plain(void) {
    TinyAISampling how = tinyai_sampling_default();
    how.temperature = 1;
    how.top_k = 0;
    how.top_p = 1;
    return how;
}

static float uniform(float low, float high) {
    return low + (high - low) * (float)random_below(1u << 24) / (float)(1u << 24);
}

/* ---- random numbers ------------------------------------------------------------------------- */

TEST(philox_known_answers) {
    /* from the authors' distribution, Random123, kat_vectors: philox 4x32 10 */
    const uint32_t ones = UINT32_MAX;
    const struct {
        uint32_t counter[4], key[2], out[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{ones, ones, ones, ones}, {ones, ones}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        tai_philox4x32(cases[i].counter, cases[i].key, out);
        for (int k = 0; k < 4; k++)
            CHECK_EQ(out[k], cases[i].out[k]);
    }
}

TEST(random_numbers_depend_on_seed_sequence_and_position) {
    CHECK_EQ(tai_random(0, 0, 0) * 0x1p53, (0x6627e8d5ull >> 5) << 26 | 0xe169c58du >> 6);
    double sum = 0;
    for (uint32_t i = 0; i < 4096; i++) {
        double x = tai_random(7, 3, i);
        CHECK(x >= 0 && x < 1);
        CHECK(x != tai_random(7, 4, i) && x != tai_random(8, 3, i));
        CHECK(x != tai_random(7 + (1ull << 32), 3, i) && x != tai_random(7, 3, i + 1));
        CHECK(x == tai_random(7, 3, i));
        sum += x;
    }
    CHECK(fabs(sum / 4096 - 0.5) < 0.02); /* 4.4 standard deviations */
}

/* ---- distributions -------------------------------------------------------------------------- */

/* Exact probabilities by the rules of sampling.h, with a full sort and the C library. */
static void exact(const TinyAISampling *how, const float *logits, uint32_t n, double *p) {
    uint32_t order[64];
    double sum = 0, kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = i;
        for (; at > 0 && logits[order[at - 1]] < logits[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
        p[i] = 0;
    }
    uint32_t n_kept = how->top_k == 0 || how->top_k > n ? n : how->top_k;
    for (uint32_t i = 0; i < n_kept; i++)
        sum += exp((double)logits[order[i]]);
    for (uint32_t i = 0; i < n_kept; i++) {
        if (how->top_p < 1 && i > 0 && kept / sum >= (double)how->top_p)
            n_kept = i;
        kept += exp((double)logits[order[i]]);
    }
    for (uint32_t i = 1; i < n_kept; i++)
        if (exp((double)logits[order[i]] - (double)logits[order[0]]) < (double)how->min_p)
            n_kept = i;
    sum = 0;
    for (uint32_t i = 0; i < n_kept; i++)
        sum += p[order[i]] = exp((double)logits[order[i]] / (double)how->temperature);
    for (uint32_t i = 0; i < n_kept; i++)
        p[order[i]] /= sum;
}

TEST(tokens_are_drawn_as_often_as_their_probability_says) {
    const TinyAISampling base = plain();
    TinyAISampling cases[9];
    for (int i = 0; i < 9; i++)
        cases[i] = base;
    cases[1].temperature = 0.5F;
    cases[2].temperature = 2.0F;
    cases[3].top_k = 5;
    cases[4].top_p = 0.7F;
    cases[5].min_p = 0.2F;
    cases[6] = tinyai_sampling_default();
    cases[7].top_k = 12, cases[7].top_p = 0.9F, cases[7].min_p = 0.05F, cases[7].temperature = 1.5F;
    cases[8].top_p = 0;
    float logits[40];
    double p[40];
    const uint32_t n = 40, draws = 20000;
    random_state = 5;
    for (uint32_t i = 0; i < n; i++)
        logits[i] = i % 7 == 3 ? 1.25F : uniform(-2, 3); /* some are equal */
    for (int c = 0; c < 9; c++) {
        uint32_t count[40] = {0}, n_kept = 0;
        double chi2 = 0;
        exact(&cases[c], logits, n, p);
        for (uint32_t i = 0; i < draws; i++)
            count[sample(&cases[c], logits, n, i)]++;
        for (uint32_t i = 0; i < n; i++) {
            if (p[i] == 0 && count[i] > 0)
                TEST_FAIL("case %d: token %u was drawn and should not", c, i);
            if (p[i] > 0) {
                double wanted = p[i] * draws, off = count[i] - wanted;
                chi2 += off * off / wanted;
                n_kept++;
            }
        }
        /* mean k - 1, variance 2 (k - 1); 4.5 deviations */
        if (chi2 > n_kept - 1 + 4.5 * sqrt(2.0 * n_kept))
            TEST_FAIL("case %d: chi-squared %g of %u tokens", c, chi2, n_kept);
    }
}

/* ---- order and ties ------------------------------------------------------------------------- */

TEST(temperature_0_takes_the_best_and_the_lowest_of_equals) {
    TinyAISampling how = tinyai_sampling_default();
    const float logits[] = {1, 5, -2, 5, 5, 0}, zeros[] = {-0.0F, 0.0F, -0.0F};
    how.temperature = 0;
    CHECK_EQ(sample(&how, logits, 6, 0), 1);
    CHECK_EQ(sample(&how, zeros, 3, 0), 0);
    CHECK_EQ(sample(&how, logits, 1, 0), 0);
    for (uint32_t round = 0; round < 500; round++) {
        float many[300];
        uint32_t n = 1 + random_below(300), best = 0;
        for (uint32_t i = 0; i < n; i++) {
            many[i] = (float)random_below(50);
            best = many[i] > many[best] ? i : best;
        }
        CHECK_EQ(sample(&how, many, n, round), best);
    }
}

TEST(of_equal_logits_the_lowest_ids_are_kept) {
    TinyAISampling how = plain();
    float logits[100] = {0};
    how.top_k = 3;
    logits[70] = 1;
    bool drawn[100] = {false};
    for (uint32_t i = 0; i < 300; i++)
        drawn[sample(&how, logits, 100, i)] = true;
    for (uint32_t i = 0; i < 100; i++)
        CHECK_EQ(drawn[i], i == 0 || i == 1 || i == 70);
}

TEST(extreme_logits_and_options_are_no_trouble) {
    const float extremes[] = {3.4e38F, -3.4e38F, 1e-45F, 0, -1e-45F, 3.4e38F, -1, 88};
    const float temperatures[] = {1e-45F, 1e-30F, 0.01F, 1, 100};
    const float top_ps[] = {0, 1e-45F, 0.5F, 0.99999994F, 1};
    for (uint32_t round = 0; round < 4000; round++) {
        float logits[8];
        uint32_t history[4], n = 1 + random_below(8);
        TinyAISampling how = {temperatures[random_below(5)],
                              top_ps[random_below(5)],
                              top_ps[random_below(5)],
                              random_below(2) ? 0.01F : 100,
                              random_below(10),
                              random_below(6),
                              round};
        CHECK_EQ(tinyai_sampling_check(&how, NULL), 0);
        for (uint32_t i = 0; i < n; i++)
            logits[i] = extremes[random_below(8)];
        for (uint32_t i = 0; i < 4; i++)
            history[i] = random_below(10);
        (void)sample_with(&how, logits, n, history, 4, round);
    }
}

TEST(a_large_vocabulary_is_not_sorted_for_a_small_top_k) {
    const uint32_t n = 150000;
    float *logits = malloc(n * sizeof *logits);
    TinyAISampling how = tinyai_sampling_default();
    how.temperature = 100;
    how.top_p = 1;
    for (uint32_t i = 0; i < n; i++)
        logits[i] = uniform(-20, 20);
    for (uint32_t i = 0; i < 40; i++)
        logits[i * 3701] = 21;
    for (uint32_t i = 0; i < 40; i++) {
        uint32_t token = sample(&how, logits, n, i);
        CHECK(token % 3701 == 0);
    }
    how.top_k = 0; /* all of them */
    bool others = false;
    for (uint32_t i = 0; i < 20; i++)
        others = sample(&how, logits, n, i) % 3701 != 0 || others;
    CHECK(others);
    how.top_k = n;
    how.top_p = 0.999F;
    (void)sample(&how, logits, n, 0);
    free(logits);
}

/* ---- penalty -------------------------------------------------------------------------------- */

TEST(repeated_tokens_are_penalized_once) {
    TinyAISampling how = plain();
    how.temperature = 0;
    how.repeat_penalty = 2;
    const float logits[] = {4, 3, 2.5F, -1};
    const uint32_t history[] = {0, 1, 1, UINT32_MAX, 4};
    CHECK_EQ(sample_with(&how, logits, 4, history, 0, 0), 0);
    CHECK_EQ(sample_with(&how, logits, 4, history, 1, 0), 1); /* 0: 4 / 2 = 2 */
    CHECK_EQ(sample_with(&how, logits, 4, history, 5, 0), 2); /* 0: 2, 1: 1.5 */
    how.repeat_last_n = 4;
    CHECK_EQ(sample_with(&how, logits, 4, history, 5, 0), 0); /* only 1 among the last 4 */
    how.repeat_last_n = 0;
    CHECK_EQ(sample_with(&how, logits, 4, history, 5, 0), 0);

    how.repeat_last_n = UINT32_MAX;
    const float twice[] = {4, 1.5F, 1.25F}, negative[] = {-1, -1.5F, -3};
    const uint32_t repeated[] = {0, 0, 0, 0};
    CHECK_EQ(sample_with(&how, twice, 3, repeated, 4, 0), 0);    /* 4 / 2 = 2, not 4 / 16 */
    CHECK_EQ(sample_with(&how, negative, 3, repeated, 4, 0), 1); /* -1 * 2 = -2 */
}

TEST(a_penalty_does_not_overflow) {
    TinyAISampling how = plain();
    how.repeat_penalty = 0.01F;
    const float logits[] = {3e38F, 3.1e38F};
    const uint32_t history[] = {0, 1};
    bool drawn[2] = {false};
    for (uint32_t i = 0; i < 64; i++)
        drawn[sample_with(&how, logits, 2, history, 2, i)] = true;
    CHECK(drawn[0] && drawn[1]); /* both at the greatest float now */
}

/* ---- errors --------------------------------------------------------------------------------- */

TEST(logits_that_are_not_finite_are_named) {
    const float bad[] = {INFINITY, -INFINITY, NAN};
    for (int i = 0; i < 3; i++) {
        float logits[] = {0, 1, bad[i], bad[(i + 1) % 3]};
        TinyAISampling how = tinyai_sampling_default();
        TinyAIError error = {0};
        uint64_t scratch[4];
        uint32_t token = 77;
        CHECK_EQ(tai_sample(&how, logits, 4, NULL, 0, 0, 0, scratch, &token, &error),
                 TINYAI_E_NUMERIC);
        CHECK_EQ(tai_sample(&how, logits, 4, NULL, 0, 0, 0, scratch, &token, NULL),
                 TINYAI_E_NUMERIC);
        CHECK_EQ(token, 77);
        CHECK_EQ(error.status, TINYAI_E_NUMERIC);
        CHECK_STR(error.message, "the logit of token 2 is not finite: the weights are damaged");
    }
}

TEST(options_out_of_range_are_refused_by_name) {
    const struct {
        size_t off;
        float value;
        const char *message;
    } cases[] = {
        {offsetof(TinyAISampling, temperature), -0.1F,
         "temperature is -0.1, but must be from 0 to 100"},
        {offsetof(TinyAISampling, temperature), 101,
         "temperature is 101, but must be from 0 to 100"},
        {offsetof(TinyAISampling, top_p), 1.5F, "top_p is 1.5, but must be from 0 to 1"},
        {offsetof(TinyAISampling, min_p), INFINITY, "min_p is inf, but must be from 0 to 1"},
        {offsetof(TinyAISampling, repeat_penalty), 0,
         "repeat_penalty is 0, but must be from 0.01 to 100"},
    };
    TinyAIError error;
    memset(&error, 0xAB, sizeof error);
    TinyAISampling how = tinyai_sampling_default();
    CHECK_EQ(tinyai_sampling_check(&how, &error), 0);
    CHECK_EQ(error.status, 0);
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        how = tinyai_sampling_default();
        memcpy((char *)&how + cases[i].off, &cases[i].value, sizeof(float));
        CHECK_EQ(tinyai_sampling_check(&how, &error), TINYAI_E_ARGUMENT);
        CHECK_STR(error.message, cases[i].message);
        float nan = NAN;
        memcpy((char *)&how + cases[i].off, &nan, sizeof nan);
        CHECK_EQ(tinyai_sampling_check(&how, NULL), TINYAI_E_ARGUMENT);
    }
}

/* The same on every host: these were drawn once, natively, and must never change. */
TEST(the_same_seed_draws_the_same_tokens_for_ever) {
    float logits[1000];
    TinyAISampling how = tinyai_sampling_default();
    how.seed = 42;
    random_state = 9;
    for (uint32_t i = 0; i < 1000; i++)
        logits[i] = uniform(-5, 5);
    const uint32_t wanted[] = {111, 830, 802, 97, 99, 99, 232, 558};
    for (uint32_t i = 0; i < 8; i++)
        CHECK_EQ(sample(&how, logits, 1000, i), wanted[i]);
}

TEST_MAIN(T(philox_known_answers), T(random_numbers_depend_on_seed_sequence_and_position),
          T(tokens_are_drawn_as_often_as_their_probability_says),
          T(temperature_0_takes_the_best_and_the_lowest_of_equals),
          T(of_equal_logits_the_lowest_ids_are_kept), T(extreme_logits_and_options_are_no_trouble),
          T(a_large_vocabulary_is_not_sorted_for_a_small_top_k),
          T(repeated_tokens_are_penalized_once), T(a_penalty_does_not_overflow),
          T(logits_that_are_not_finite_are_named), T(options_out_of_range_are_refused_by_name),
          T(the_same_seed_draws_the_same_tokens_for_ever))
