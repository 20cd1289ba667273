/* exp, log, pow, sin and cos from + - * / alone. Coefficients are Taylor series (doubles) or our
 * own minimax fit (tai_expf); tests/unit/test_math.c states and checks the error bounds. */
#include "kernels/math.h"

#include "kernels/bits.h"
#include "kernels/expf.h"

/* exp(x) = 2^n * exp(r), r = x - n ln 2, |r| <= ln(2) / 2. NaN falls through every comparison. */
float tai_expf(float x) {
    x = x > TAI_EXPF_MAX ? TAI_EXPF_MAX : x;
    x = x < TAI_EXPF_MIN ? TAI_EXPF_MIN : x;
    float shifted = x * TAI_EXPF_LOG2E + TAI_ROUND_F32;
    int32_t n = tai_rounded_f32(shifted);
    float n_f = shifted - TAI_ROUND_F32;
    float r = (x - n_f * TAI_EXPF_LN2_HI) - n_f * TAI_EXPF_LN2_LO;
    float q = TAI_EXPF_C6;
    q = q * r + TAI_EXPF_C5;
    q = q * r + TAI_EXPF_C4;
    q = q * r + TAI_EXPF_C3;
    q = q * r + TAI_EXPF_C2;
    float p = 1.0f + (r + (r * r) * q);
    /* 2^n in two factors: n = 128 overflows and n = -150 underflows only in the last product, which
     * is the only one that rounds. */
    int32_t half = n >> 1;
    float scale_a = tai_f32_from_bits((uint32_t)(half + 127) << 23);
    float scale_b = tai_f32_from_bits((uint32_t)(n - half + 127) << 23);
    return (p * scale_a) * scale_b;
}

/* A sum hi + lo of two doubles, |lo| <= ulp(hi) / 2. */
typedef struct Double2 {
    double hi, lo;
} Double2;

/* a + b exactly. */
static Double2 two_sum(double a, double b) {
    double sum = a + b;
    double b_part = sum - a;
    return (Double2){sum, (a - (sum - b_part)) + (b - b_part)};
}

/* x = hi + lo with 26 bits each (Veltkamp). |x| < 2^996. */
static Double2 split(double x) {
    double c = 134217729.0 * x; /* 2^27 + 1 */
    double hi = c - (c - x);
    return (Double2){hi, x - hi};
}

/* a * b exactly (Dekker); an fma would do, but wasm has none. */
static Double2 two_product(double a, double b) {
    double p = a * b;
    Double2 as = split(a), bs = split(b);
    return (Double2){p, ((as.hi * bs.hi - p) + as.hi * bs.lo + as.lo * bs.hi) + as.lo * bs.lo};
}

/* a * b to about 100 bits. */
static Double2 product2(Double2 a, Double2 b) {
    Double2 p = two_product(a.hi, b.hi);
    return two_sum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

#define LN2_HI 0x1.62e42fefa2000p-1 /* 40 bits, so that n * LN2_HI is exact */
#define LN2_LO 0x1.9ef35793c7673p-41

/* exp(x.hi + x.lo), 0 and infinity beyond the range of doubles. */
static double exp_double2(Double2 x) {
    if (x.hi > 710.0)
        return 0x1p1023 * 2.0;
    if (x.hi < -746.0)
        return 0.0;
    double shifted = x.hi * 0x1.71547652b82fep+0 + TAI_ROUND_F64; /* 1 / ln 2 */
    int32_t n = tai_rounded_f64(shifted);
    double n_d = shifted - TAI_ROUND_F64;
    double r_hi = x.hi - n_d * LN2_HI;
    double r_lo = x.lo - n_d * LN2_LO;
    double r = r_hi + r_lo;
    double q = 1.0 / 6227020800.0; /* 1 / 13! */
    q = q * r + 1.0 / 479001600.0;
    q = q * r + 1.0 / 39916800.0;
    q = q * r + 1.0 / 3628800.0;
    q = q * r + 1.0 / 362880.0;
    q = q * r + 1.0 / 40320.0;
    q = q * r + 1.0 / 5040.0;
    q = q * r + 1.0 / 720.0;
    q = q * r + 1.0 / 120.0;
    q = q * r + 1.0 / 24.0;
    q = q * r + 1.0 / 6.0;
    q = q * r + 1.0 / 2.0;
    double p = 1.0 + (r_hi + (r_lo + (r * r) * q));
    int32_t half = n >> 1;
    double scale_a = tai_f64_from_bits((uint64_t)(uint32_t)(half + 1023) << 52);
    double scale_b = tai_f64_from_bits((uint64_t)(uint32_t)(n - half + 1023) << 52);
    return (p * scale_a) * scale_b;
}

double tai_exp(double x) {
    return exp_double2((Double2){x, 0.0});
}

/* log x for 0 < x < inf, to about 2^-65 of its value.
 * x = 2^e m, sqrt(1/2) <= m < sqrt(2), s = (m - 1) / (m + 1), z = s^2:
 * log m = 2 s (1 + z/3 + z^2/5 + z^3/7 + ...), |s| < 0.172 */
static Double2 log_double2(double x) {
    int32_t e = -1023;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        e -= 54;
    }
    uint64_t bits = tai_f64_bits(x);
    e += (int32_t)(bits >> 52 & 0x7FF);
    double m = tai_f64_from_bits((bits & 0xFFFFFFFFFFFFFu) | (uint64_t)1023 << 52);
    if (m > 0x1.6a09e667f3bcdp+0) { /* sqrt(2) */
        m *= 0.5;
        e += 1;
    }
    double f = m - 1.0;
    Double2 g = two_sum(1.0, m);
    Double2 s;
    s.hi = f / g.hi;
    Double2 back = two_product(s.hi, g.hi);
    s.lo = (((f - back.hi) - back.lo) - s.hi * g.lo) / g.hi;

    Double2 z = product2(s, s);
    double tail = 1.0 / 25.0;
    tail = tail * z.hi + 1.0 / 23.0;
    tail = tail * z.hi + 1.0 / 21.0;
    tail = tail * z.hi + 1.0 / 19.0;
    tail = tail * z.hi + 1.0 / 17.0;
    tail = tail * z.hi + 1.0 / 15.0;
    tail = tail * z.hi + 1.0 / 13.0;
    tail = tail * z.hi + 1.0 / 11.0;
    tail = tail * z.hi + 1.0 / 9.0;
    tail = tail * z.hi + 1.0 / 7.0;
    tail = tail * z.hi + 1.0 / 5.0;
    /* z / 3 needs more than a double's bits, the rest of the series does not. */
    Double2 third = product2(z, (Double2){0x1.5555555555555p-2, 0x1.5555555555555p-56});
    Double2 c = two_sum(third.hi, (z.hi * z.hi) * tail);
    c.lo += third.lo;
    Double2 sc = product2(s, c);
    Double2 log_m = two_sum(2.0 * s.hi, 2.0 * sc.hi);
    log_m.lo += 2.0 * s.lo + 2.0 * sc.lo;

    Double2 sum = two_sum(e * LN2_HI, log_m.hi);
    return two_sum(sum.hi, sum.lo + (log_m.lo + e * LN2_LO));
}

double tai_log(double x) {
    Double2 l = log_double2(x);
    return l.hi + l.lo;
}

double tai_pow(double x, double y) {
    Double2 l = log_double2(x);
    double estimate = y * l.hi;
    if (l.hi == 0.0)
        return 1.0;
    if (estimate > 746.0 || estimate < -746.0) /* saturate before the exact product can overflow */
        return exp_double2((Double2){estimate, 0.0});
    Double2 p = two_product(y, l.hi);
    return exp_double2(two_sum(p.hi, p.lo + y * l.lo));
}

/* pi / 2 = sum of these parts + 2^-167; 23 bits each, so that n * part is exact for n < 2^30.
 * Doubles below 2^30 come as near as 2^-60 to a multiple of pi / 2: 7 parts keep 53 bits even
 * there. */
static const double half_pi[7] = {
    0x1.921fb4p+0,  0x1.4442d0p-24,  0x1.846988p-48,  0x1.8cc514p-72,
    0x1.80dc1cp-95, 0x1.a25204p-120, 0x1.382228p-145,
};

/* sin(r) and cos(r) for |r.hi| <= pi / 4, by their Taylor series; r.lo enters to first order. */
static double sine_of(Double2 r) {
    double z = r.hi * r.hi;
    double q = 1.0 / 355687428096000.0; /* 1 / 17! */
    q = q * z - 1.0 / 1307674368000.0;
    q = q * z + 1.0 / 6227020800.0;
    q = q * z - 1.0 / 39916800.0;
    q = q * z + 1.0 / 362880.0;
    q = q * z - 1.0 / 5040.0;
    q = q * z + 1.0 / 120.0;
    q = q * z - 1.0 / 6.0;
    return r.hi + ((r.hi * z) * q + r.lo * (1.0 - 0.5 * z));
}

static double cosine_of(Double2 r) {
    double z = r.hi * r.hi;
    double q = 1.0 / 20922789888000.0; /* 1 / 16! */
    q = q * z - 1.0 / 87178291200.0;
    q = q * z + 1.0 / 479001600.0;
    q = q * z - 1.0 / 3628800.0;
    q = q * z + 1.0 / 40320.0;
    q = q * z - 1.0 / 720.0;
    q = q * z + 1.0 / 24.0;
    double half_z = 0.5 * z;
    double w = 1.0 - half_z;
    return w + (((1.0 - w) - half_z) + ((z * z) * q - r.hi * r.lo));
}

void tai_sincos(double x, double *sine, double *cosine) {
    double shifted = x * 0x1.45f306dc9c883p-1 + TAI_ROUND_F64; /* 2 / pi */
    uint32_t quadrant = (uint32_t)tai_rounded_f64(shifted) & 3u;
    double n = shifted - TAI_ROUND_F64;
    Double2 r = {x, 0.0};
    for (int i = 0; i < 7; i++) {
        Double2 next = two_sum(r.hi, -(n * half_pi[i]));
        r = two_sum(next.hi, next.lo + r.lo);
    }
    double s = sine_of(r), c = cosine_of(r);
    *sine = quadrant == 0 ? s : quadrant == 1 ? c : quadrant == 2 ? -s : -c;
    *cosine = quadrant == 0 ? c : quadrant == 1 ? -s : quadrant == 2 ? -c : s;
}
