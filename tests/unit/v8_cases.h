/* Each function of a tier's v8.h against what it means, lane by lane. Included after that v8.h: by test_v8.c
 * for the tier of a native build, by simd128_equal.c in wasm. */
#ifndef TAI_V8_CASES_H
#define TAI_V8_CASES_H

#include "kernels/bits.h"

/* 32 bytes as the lanes they may be. */
typedef union V8Lanes {
    uint8_t u8[32];
    int8_t i8[32];
    uint16_t u16[16];
    int16_t i16[16];
    uint32_t u32[8];
    int32_t i32[8];
    float f32[8];
} V8Lanes;

/* A call: inputs, what a tier made of them and what it should be. */
typedef struct V8Case {
    V8Lanes a, b;
    V8Lanes got, wanted;
    bool floats; /* compared as floats: every NaN is the same */
} V8Case;

static uint32_t v8_random_state = 1;

static uint32_t v8_random(void) {
    v8_random_state = v8_random_state * 1664525u + 1013904223u;
    return v8_random_state >> 16 | v8_random_state << 16;
}

/* Any bits, and now and then those where something ends: zeros, infinities, NaN, the least and the largest. */
static void v8_fill(V8Lanes *v) {
    static const uint32_t edges[] = {0,           0x80000000u, 0x7F800000u, 0xFF800000u,
                                     0x7FC00000u, 0xFFC00000u, 1,           0x80000001u,
                                     0x7FFFFFFFu, 0xFFFFFFFFu, 0x80008000u, 0x80808080u,
                                     0x7F7F7F7Fu, 0x7FFF7FFFu, 0x3F800000u, 0xBF800000u};
    for (int i = 0; i < 8; i++) {
        uint32_t pick = v8_random() % 32;
        v->u32[i] = pick < 16 ? edges[pick] : v8_random();
        if (pick > 28)
            v->f32[i] = (float)v->i32[i] * 0x1p-31f;
    }
}

static uint32_t v8_bits(const V8Lanes *v, int lane, bool floats) {
    return floats && v->f32[lane] != v->f32[lane] ? 0x7FC00000u : v->u32[lane];
}

static bool v8_differs(const V8Case *c) {
    for (int i = 0; i < 8; i++)
        if (v8_bits(&c->got, i, c->floats) != v8_bits(&c->wanted, i, c->floats))
            return true;
    return false;
}

#define V8_GOT(v) v8_store(&c->got, (v))
#define V8_A v8_load(&c->a)
#define V8_B v8_load(&c->b)

/* One test per line: name, what the tier says, then a loop over n lanes of what it means. */
#define V8_TEST(name, call, n, lane)                                                               \
    static void v8_case_##name(V8Case *c) {                                                        \
        V8_GOT(call);                                                                              \
        for (int i = 0; i < (n); i++)                                                              \
            lane;                                                                                  \
    }
#define V8_FLOAT_TEST(name, call, lane)                                                            \
    static void v8_case_##name(V8Case *c) {                                                        \
        c->floats = true;                                                                          \
        V8_GOT(call);                                                                              \
        for (int i = 0; i < 8; i++)                                                                \
            c->wanted.f32[i] = (lane);                                                             \
    }

static int32_t v8_pair(const V8Case *c, int i) { /* wraps where both products are 2^30 */
    return (int32_t)((uint32_t)(c->a.i16[2 * i] * c->b.i16[2 * i]) +
                     (uint32_t)(c->a.i16[2 * i + 1] * c->b.i16[2 * i + 1]));
}

/* Addresses that no vector is aligned to. */
V8_TEST(load, v8_load(c->a.u8), 32, c->wanted.u8[i] = c->a.u8[i])
V8_TEST(load_anywhere, v8_load((uint8_t *)c + 3), 32, c->wanted.u8[i] = ((uint8_t *)c)[3 + i])
V8_TEST(load_splat, v8_load_splat((uint8_t *)c + 1), 32,
        c->wanted.u8[i] = ((uint8_t *)c)[1 + i % 4])
V8_TEST(load_widened, v8_load_widened(c->a.i8 + 1), 16, c->wanted.i16[i] = c->a.i8[1 + i])
V8_TEST(load_twice, v8_load_twice(c->a.u8 + 1), 32, c->wanted.u8[i] = c->a.u8[1 + i % 16])

V8_TEST(zero, v8_zero(), 8, c->wanted.u32[i] = 0)
V8_TEST(splat8, v8_splat8(c->a.i8[0]), 32, c->wanted.i8[i] = c->a.i8[0])
V8_TEST(splat16, v8_splat16(c->a.i16[0]), 16, c->wanted.i16[i] = c->a.i16[0])
V8_TEST(splat32, v8_splat32(c->a.i32[0]), 8, c->wanted.i32[i] = c->a.i32[0])
V8_FLOAT_TEST(splat_f32, v8_splat_f32(c->a.f32[0]), c->a.f32[0])

V8_TEST(and, v8_and(V8_A, V8_B), 8, c->wanted.u32[i] = c->a.u32[i] & c->b.u32[i])
V8_TEST(or, v8_or(V8_A, V8_B), 8, c->wanted.u32[i] = c->a.u32[i] | c->b.u32[i])
V8_TEST(xor, v8_xor(V8_A, V8_B), 8, c->wanted.u32[i] = c->a.u32[i] ^ c->b.u32[i])
V8_TEST(shl16, v8_shl16(V8_A, 5), 16, c->wanted.u16[i] = (uint16_t)(c->a.u16[i] << 5))
V8_TEST(shr16, v8_shr16(V8_A, 4), 16, c->wanted.u16[i] = c->a.u16[i] >> 4)
V8_TEST(shl32, v8_shl32(V8_A, 13), 8, c->wanted.u32[i] = c->a.u32[i] << 13)
V8_TEST(sar32, v8_sar32(V8_A, 7), 8, c->wanted.i32[i] = c->a.i32[i] >> 7)

V8_TEST(add16, v8_add16(V8_A, V8_B), 16, c->wanted.u16[i] = (uint16_t)(c->a.u16[i] + c->b.u16[i]))
V8_TEST(add32, v8_add32(V8_A, V8_B), 8, c->wanted.u32[i] = c->a.u32[i] + c->b.u32[i])
V8_TEST(sub32, v8_sub32(V8_A, V8_B), 8, c->wanted.u32[i] = c->a.u32[i] - c->b.u32[i])
V8_TEST(mul32, v8_mul32(V8_A, V8_B), 8, c->wanted.u32[i] = c->a.u32[i] * c->b.u32[i])
V8_TEST(max32, v8_max32(V8_A, V8_B), 8,
        c->wanted.i32[i] = c->a.i32[i] > c->b.i32[i] ? c->a.i32[i] : c->b.i32[i])
V8_TEST(mul16, v8_mul16(V8_A, V8_B), 16,
        c->wanted.u16[i] = (uint16_t)((uint32_t)c->a.u16[i] * c->b.u16[i]))
V8_TEST(madd16, v8_madd16(V8_A, V8_B), 8, c->wanted.i32[i] = v8_pair(c, i))

V8_FLOAT_TEST(add, v8_add(V8_A, V8_B), c->a.f32[i] + c->b.f32[i])
V8_FLOAT_TEST(sub, v8_sub(V8_A, V8_B), c->a.f32[i] - c->b.f32[i])
V8_FLOAT_TEST(mul, v8_mul(V8_A, V8_B), c->a.f32[i] * c->b.f32[i])
V8_FLOAT_TEST(div, v8_div(V8_A, V8_B), c->a.f32[i] / c->b.f32[i])
V8_FLOAT_TEST(f32_of_i32, v8_f32_of_i32(V8_A), (float)c->a.i32[i])
V8_FLOAT_TEST(min, v8_min(V8_A, V8_B), c->a.f32[i] < c->b.f32[i] ? c->a.f32[i] : c->b.f32[i])
V8_FLOAT_TEST(max, v8_max(V8_A, V8_B), c->a.f32[i] > c->b.f32[i] ? c->a.f32[i] : c->b.f32[i])

V8_FLOAT_TEST(load_f16, v8_load_f16(c->a.u8 + 2), tai_f16_weight(c->a.u16[1 + i]))
V8_TEST(load_bf16, v8_load_bf16(c->a.u8 + 2), 8, c->wanted.u32[i] = (uint32_t)c->a.u16[1 + i] << 16)
V8_FLOAT_TEST(load_i8_as_f32, v8_load_i8_as_f32(c->a.i8 + 3), (float)c->a.i8[3 + i])
V8_TEST(low16_twice, v8_low16_twice(V8_A), 16, c->wanted.u16[i] = c->a.u16[i / 2 * 2])
V8_TEST(high16_twice, v8_high16_twice(V8_A), 16, c->wanted.u16[i] = c->a.u16[i / 2 * 2 + 1])
V8_TEST(lookup, v8_lookup(v8_load_twice(c->a.u8), v8_and(V8_B, v8_splat8(15))), 32,
        c->wanted.u8[i] = c->a.u8[c->b.u8[i] & 15])

static int32_t v8_largest(const V8Lanes *v) {
    int32_t largest = v->i32[0];
    for (int i = 1; i < 8; i++)
        largest = v->i32[i] > largest ? v->i32[i] : largest;
    return largest;
}

static int32_t v8_sum(const V8Lanes *v) { /* wraps */
    uint32_t sum = 0;
    for (int i = 0; i < 8; i++)
        sum += v->u32[i];
    return (int32_t)sum;
}

V8_TEST(largest32, v8_splat32(v8_largest32(V8_A)), 8, c->wanted.i32[i] = v8_largest(&c->a))
V8_TEST(sum32, v8_splat32(v8_sum32(V8_A)), 8, c->wanted.i32[i] = v8_sum(&c->a))
V8_TEST(swap_middle, v8_swap_middle(V8_A), 8,
        c->wanted.u32[i] = c->a.u32[i % 4 == 0 || i % 4 == 3 ? i : i ^ 3])

V8_TEST(swap_pairs, v8_swap_pairs(V8_A), 8, c->wanted.u32[i] = c->a.u32[i ^ 1])
V8_TEST(first_of_pairs, v8_first_of_pairs(V8_A), 8, c->wanted.u32[i] = c->a.u32[i & ~1])
V8_TEST(second_of_pairs, v8_second_of_pairs(V8_A), 8, c->wanted.u32[i] = c->a.u32[i | 1])

/* Lanes that fit: what others become is no tier's business. */
static void v8_case_store_i16(V8Case *c) {
    V8 a = v8_sar32(V8_A, 16), b = v8_sar32(V8_B, 16);
    v8_store_i16(c->got.i16, a, b);
    for (int i = 0; i < 8; i++) {
        c->wanted.i16[i] = c->a.i16[2 * i + 1];
        c->wanted.i16[8 + i] = c->b.i16[2 * i + 1];
    }
}

static void v8_case_store_i8x8(V8Case *c) {
    v8_store_i8x8(c->got.i8, v8_sar32(V8_A, 24));
    for (int i = 0; i < 8; i++)
        c->wanted.i8[i] = c->a.i8[4 * i + 3];
}

static void v8_case_store_i8(V8Case *c) {
    V8 a = v8_sar32(V8_A, 24), b = v8_sar32(V8_B, 24);
    v8_store_i8(c->got.i8, a, b, v8_sar32(v8_shl32(V8_A, 8), 24), v8_sar32(v8_shl32(V8_B, 8), 24));
    for (int i = 0; i < 8; i++) {
        c->wanted.i8[i] = c->a.i8[4 * i + 3];
        c->wanted.i8[8 + i] = c->b.i8[4 * i + 3];
        c->wanted.i8[16 + i] = c->a.i8[4 * i + 2];
        c->wanted.i8[24 + i] = c->b.i8[4 * i + 2];
    }
}

#define V8_NAMED(name) {#name, v8_case_##name}

static const struct {
    const char *name;
    void (*run)(V8Case *c);
} v8_cases[] = {
    V8_NAMED(load),
    V8_NAMED(load_anywhere),
    V8_NAMED(load_splat),
    V8_NAMED(load_widened),
    V8_NAMED(load_twice),
    V8_NAMED(zero),
    V8_NAMED(splat8),
    V8_NAMED(splat16),
    V8_NAMED(splat32),
    V8_NAMED(splat_f32),
    V8_NAMED(and),
    V8_NAMED(or),
    V8_NAMED(xor),
    V8_NAMED(shl16),
    V8_NAMED(shr16),
    V8_NAMED(shl32),
    V8_NAMED(sar32),
    V8_NAMED(add16),
    V8_NAMED(add32),
    V8_NAMED(sub32),
    V8_NAMED(mul32),
    V8_NAMED(madd16),
    V8_NAMED(add),
    V8_NAMED(sub),
    V8_NAMED(mul),
    V8_NAMED(div),
    V8_NAMED(f32_of_i32),
    V8_NAMED(min),
    V8_NAMED(max),
    V8_NAMED(load_f16),
    V8_NAMED(load_bf16),
    V8_NAMED(load_i8_as_f32),
    V8_NAMED(low16_twice),
    V8_NAMED(high16_twice),
    V8_NAMED(lookup),
    V8_NAMED(max32),
    V8_NAMED(mul16),

    V8_NAMED(largest32),
    V8_NAMED(sum32),
    V8_NAMED(swap_middle),
    V8_NAMED(store_i16),
    V8_NAMED(swap_pairs),
    V8_NAMED(first_of_pairs),
    V8_NAMED(second_of_pairs),
    V8_NAMED(store_i8x8),
    V8_NAMED(store_i8),
};
enum { N_V8_CASES = sizeof v8_cases / sizeof *v8_cases };

/* Whether function `index` of the list gives something else than it should for inputs `round`. */
static bool v8_case_fails(uint32_t index, uint32_t round) {
    V8Case c;
    memset(&c, 0, sizeof c);
    v8_random_state = round * 2654435761u + index;
    v8_fill(&c.a);
    v8_fill(&c.b);
    v8_cases[index].run(&c);
    return v8_differs(&c);
}

/* The same for all 2^16 f16. */
static bool v8_load_f16_fails(void) {
    V8Case c;
    memset(&c, 0, sizeof c);
    bool fails = false;
    for (uint32_t first = 0; first < 0x10000 && !fails; first += 8) {
        for (uint32_t i = 0; i < 8; i++)
            c.a.u16[1 + i] = (uint16_t)(first + i);
        v8_case_load_f16(&c);
        fails = v8_differs(&c);
    }
    return fails;
}

#endif
