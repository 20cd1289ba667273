/* src/kernels/math.h against the C library, in units in the last place. */
#include "kernels/math.h"

#include <float.h>
#include <math.h>

#include "kernels/bits.h"
#include "test.h"

static uint64_t rng_state = 1;

static uint64_t random_bits(void) { /* splitmix64 */
    uint64_t z = rng_state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* Uniform in [low, high). */
static double uniform(double low, double high) {
    return low + (high - low) * ((double)(random_bits() >> 11) * 0x1p-53);
}

/* A double of any exponent between 2^low and 2^high. */
static double any_scale(int low, int high) {
    int exponent = low + (int)(random_bits() % (uint64_t)(high - low + 1));
    return ldexp(uniform(0.5, 1.0), exponent);
}

/* |got - wanted| in steps of doubles near `wanted`. */
static double ulps(double got, long double wanted) {
    double nearest = (double)wanted;
    if (got == nearest || (isnan(got) && isnan(nearest)))
        return 0;
    if (isinf(got) || isinf(nearest))
        return INFINITY;
    int exponent;
    (void)frexp(nearest, &exponent);
    double step = ldexp(1.0, (exponent < DBL_MIN_EXP ? DBL_MIN_EXP : exponent) - DBL_MANT_DIG);
    return (double)(fabsl((long double)got - wanted) / step);
}

static double ulps_f32(float got, double wanted) {
    float nearest = (float)wanted;
    if (got == nearest || (isnan(got) && isnan(nearest)))
        return 0;
    if (isinf(got) || isinf(nearest))
        return INFINITY;
    int exponent;
    (void)frexpf(nearest, &exponent);
    double step = ldexp(1.0, (exponent < FLT_MIN_EXP ? FLT_MIN_EXP : exponent) - FLT_MANT_DIG);
    return fabs((double)got - wanted) / step;
}

static void check_worst(const char *what, double worst, double allowed) {
    printf("  %s: %.3f ulp\n", what, worst);
    if (!(worst <= allowed))
        TEST_FAIL("%s is off by %.3f ulp, allowed %.3f", what, worst, allowed);
}

#define MAX_OF(worst, value)                                                                       \
    do {                                                                                           \
        double value_ = (value);                                                                   \
        if (!((worst) >= value_))                                                                  \
            (worst) = value_;                                                                      \
    } while (0)

TEST(expf_is_within_2_ulp) {
    double worst = 0;
    for (int i = 0; i < 2000000; i++) {
        float x = (float)uniform(-104.5, 89.5);
        MAX_OF(worst, ulps_f32(tai_expf(x), exp((double)x)));
        x = (float)any_scale(-40, 1) * (i % 2 ? 1.0f : -1.0f);
        MAX_OF(worst, ulps_f32(tai_expf(x), exp((double)x)));
    }
    check_worst("expf", worst, 2.0);
}

TEST(expf_saturates) {
    CHECK(tai_expf(0.0f) == 1.0f);
    CHECK(tai_expf(-0.0f) == 1.0f);
    CHECK(isinf(tai_expf(88.8f)));
    CHECK(isinf(tai_expf(FLT_MAX)) && isinf(tai_expf(INFINITY)));
    CHECK(tai_expf(88.72283f) < INFINITY);
    CHECK(tai_expf(-104.0f) == 0.0f);
    CHECK(tai_expf(-103.9f) > 0.0f);
    CHECK(tai_expf(-FLT_MAX) == 0.0f && tai_expf(-INFINITY) == 0.0f);
    CHECK(isnan(tai_expf(NAN)) && isnan(tai_expf(-NAN)));
}

TEST(exp_is_within_2_ulp) {
    double worst = 0;
    for (int i = 0; i < 1000000; i++) {
        double x = i % 2 ? uniform(-745, 710) : any_scale(-60, 3) * (i % 4 ? 1 : -1);
        MAX_OF(worst, ulps(tai_exp(x), expl(x)));
    }
    check_worst("exp", worst, 2.0);
    CHECK(tai_exp(0) == 1 && isinf(tai_exp(710)) && tai_exp(-746) == 0);
    CHECK(isinf(tai_exp(INFINITY)) && tai_exp(-INFINITY) == 0 && isnan(tai_exp(NAN)));
}

TEST(log_is_within_1_ulp) {
    double worst = 0;
    for (int i = 0; i < 1000000; i++) {
        double x = i % 3 == 0 ? any_scale(-1073, 1023) : uniform(0, i % 3 == 1 ? 2 : 1e6);
        if (x > 0)
            MAX_OF(worst, ulps(tai_log(x), logl(x)));
    }
    check_worst("log", worst, 1.0);
    CHECK(tai_log(1) == 0);
}

TEST(pow_is_within_2_ulp) {
    double worst = 0;
    for (int i = 0; i < 1000000; i++) {
        double x = i % 2 ? any_scale(-1000, 1000) : uniform(0.001, 2e6);
        double y = uniform(-1, 1) * 740 / (fabs(log(x)) + 0.01);
        MAX_OF(worst, ulps(tai_pow(x, y), powl(x, y)));
    }
    check_worst("pow", worst, 2.0);
    for (int i = 0; i < 64; i++)
        CHECK(ulps(tai_pow(10000, -i / 64.0), powl(10000, -i / 64.0)) <= 1);
    CHECK(tai_pow(10, 2) == 100 && tai_pow(2, -1074) == 0x1p-1074);
    CHECK(tai_pow(1, 1e308) == 1 && isinf(tai_pow(2, 1e308)) && tai_pow(2, -1e308) == 0);
    CHECK(isinf(tai_pow(2, 1024)) && tai_pow(2, -1080) == 0);
}

TEST(sincos_is_within_2_ulp) {
    double worst = 0, limit = 0x1p30;
    for (int i = 0; i < 1000000; i++) {
        double x = i % 3 == 0 ? uniform(-limit, limit) : i % 3 == 1 ? uniform(-10, 10) : 0;
        if (i % 3 == 2) /* next to a multiple of pi / 2 */
            x = (double)((long double)(random_bits() % 600000000) * 1.57079632679489661923132169L);
        double s, c;
        tai_sincos(x, &s, &c);
        MAX_OF(worst, ulps(s, sinl(x)));
        MAX_OF(worst, ulps(c, cosl(x)));
    }
    check_worst("sincos", worst, 2.0);
    double s, c;
    tai_sincos(0, &s, &c);
    CHECK(s == 0 && c == 1);
    tai_sincos(0x1p30, &s, &c);
    CHECK(s * s + c * c > 0.999999 && s * s + c * c < 1.000001);
}

/* The value of a finite f16 by its definition. */
static double f16_value(uint32_t h) {
    int e = (int)(h >> 10 & 31), m = (int)(h & 1023);
    double magnitude = e == 0 ? ldexp(m, -24) : ldexp(1024 + m, e - 25);
    return h & 0x8000 ? -magnitude : magnitude;
}

TEST(f16_to_f32_is_exact_for_all_values) {
    for (uint32_t h = 0; h < 0x10000; h++) {
        float x = tai_f16_to_f32((uint16_t)h);
        if ((h & 0x7C00) != 0x7C00)
            CHECK(x == f16_value(h) && !signbit(x) == !(h & 0x8000));
        else if (h & 0x3FF)
            CHECK(isnan(x));
        else
            CHECK(isinf(x) && !signbit(x) == !(h & 0x8000));
        uint16_t back = tai_f32_to_f16(x);
        CHECK_EQ(back, isnan(x) ? (h | 0x200) : h);
    }
}

static void check_nearest_f16(float x) {
    uint32_t h = tai_f32_to_f16(x);
    uint32_t magnitude = h & 0x7FFF;
    double value = fabs((double)x);
    if (magnitude == 0x7C00) {
        CHECK(value >= 65520.0);
        return;
    }
    double off = fabs(f16_value(magnitude) - value);
    double above = magnitude == 0x7BFF ? 65536.0 : f16_value(magnitude + 1);
    double below = magnitude == 0 ? INFINITY : f16_value(magnitude - 1);
    int even = magnitude % 2 == 0;
    CHECK(off < fabs(above - value) || (off == fabs(above - value) && even));
    CHECK(off < fabs(value - below) || (off == fabs(value - below) && even));
    CHECK_EQ(h >> 15, signbit(x) != 0);
}

TEST(f32_to_f16_rounds_to_nearest_even) {
    for (uint32_t h = 0; h < 0x7C00; h++) {
        float low = tai_f16_to_f32((uint16_t)h);
        float high = h == 0x7BFF ? 65536.0f : tai_f16_to_f32((uint16_t)(h + 1));
        float middle = (low + high) / 2;
        check_nearest_f16(middle);
        check_nearest_f16(nextafterf(middle, low));
        check_nearest_f16(-nextafterf(middle, high));
    }
    for (int i = 0; i < 1000000; i++) {
        float x = tai_f32_from_bits((uint32_t)random_bits());
        if (!isnan(x))
            check_nearest_f16(x);
    }
    CHECK_EQ(tai_f32_to_f16(INFINITY), 0x7C00);
    CHECK_EQ(tai_f32_to_f16(-FLT_MAX), 0xFC00);
}

TEST(bf16_is_the_upper_half) {
    CHECK(tai_bf16_to_f32(0x3F80) == 1.0f);
    CHECK(tai_bf16_to_f32(0xC040) == -3.0f);
    CHECK(tai_bf16_to_f32(0x0001) == 0x1p-133f);
    CHECK(isinf(tai_bf16_to_f32(0x7F80)) && isnan(tai_bf16_to_f32(0x7FC0)));
}

/* Would give 0 in one rounding (fma), and must give the error of the product's own rounding. */
TEST(multiply_and_add_round_separately) {
    volatile float a = 1.0f + 0x1p-23f, b = 1.0f - 0x1p-23f;
    float contracted = a * b + -1.0f;
    CHECK(contracted == 0.0f);
}

TEST_MAIN(T(expf_is_within_2_ulp), T(expf_saturates), T(exp_is_within_2_ulp),
          T(log_is_within_1_ulp), T(pow_is_within_2_ulp), T(sincos_is_within_2_ulp),
          T(f16_to_f32_is_exact_for_all_values), T(f32_to_f16_rounds_to_nearest_even),
          T(bf16_is_the_upper_half), T(multiply_and_add_round_separately))
