/* Probes the relaxed dot products of this machine with values. */
#include <stdbool.h>
#include <string.h>
#include <wasm_simd128.h>

#include "kernels/relaxed16/relaxed16.h"

enum { N = 16 };

/* How the second operand is meant. */
typedef enum Reading { SEVEN_BITS, UNSIGNED, SIGNED } Reading;

static int32_t weight(uint8_t byte, Reading reading) {
    return reading == SIGNED ? (int8_t)byte : byte;
}

static bool dot_i16_is_right(v128_t a, v128_t w, const int8_t *x, const uint8_t *q) {
    int16_t got[8];
    wasm_v128_store(got, wasm_i16x8_relaxed_dot_i8x16_i7x16(a, w));
    for (uint32_t i = 0; i < 8; i++)
        if (got[i] != x[2 * i] * q[2 * i] + x[2 * i + 1] * q[2 * i + 1])
            return false;
    return true;
}

static bool dot_i32_is_right(v128_t a, v128_t w, const int8_t *x, const uint8_t *q,
                             Reading reading) {
    int32_t got[4];
    wasm_v128_store(got, wasm_i32x4_relaxed_dot_i8x16_i7x16_add(a, w, wasm_i32x4_splat(-77777)));
    for (uint32_t i = 0; i < 4; i++) {
        int32_t right = -77777;
        for (uint32_t j = 4 * i; j < 4 * i + 4; j++)
            right += x[j] * weight(q[j], reading);
        if (got[i] != right)
            return false;
    }
    return true;
}

/* The largest and random operands. The activations never hold -128; x86's products of pairs saturate where both
 * operands have 8 bits. */
static void operands(uint32_t round, uint8_t mask, volatile int8_t *x, volatile uint8_t *q) {
    uint32_t rng = round;
    for (uint32_t i = 0; i < N; i++) {
        rng = rng * 1664525u + 1013904223u;
        int32_t random = (int32_t)(rng >> 24) - 127;
        x[i] = (int8_t)(round == 0 ? 127 : round == 1 ? -127 : random == 128 ? 0 : random);
        q[i] = (uint8_t)((round < 2 ? 0xFF : rng >> 16) & mask);
    }
}

static uint32_t in_round(uint32_t round) {
    volatile int8_t x_memory[N];
    volatile uint8_t q_memory[N];
    int8_t x[N];
    uint8_t q[N];
    uint32_t dots = 0;
    for (uint32_t wide = 0; wide < 2; wide++) {
        operands(round, wide ? 0xFF : 0x7F, x_memory, q_memory);
        for (uint32_t i = 0; i < N; i++) {
            x[i] = x_memory[i];
            q[i] = q_memory[i];
        }
        v128_t a = wasm_v128_load(x), w = wasm_v128_load(q);
        if (wide) {
            dots |= dot_i32_is_right(a, w, x, q, UNSIGNED) ? TAI_DOT_I32_UNSIGNED : 0;
            dots |= dot_i32_is_right(a, w, x, q, SIGNED) ? TAI_DOT_I32_SIGNED : 0;
        } else {
            dots |= dot_i16_is_right(a, w, x, q) ? TAI_DOT_I16 : 0;
            dots |= dot_i32_is_right(a, w, x, q, SEVEN_BITS) ? TAI_DOT_I32 : 0;
        }
    }
    return dots;
}

uint32_t tai_relaxed_dots(void) {
    uint32_t dots = TAI_DOT_I16 | TAI_DOT_I32 | TAI_DOT_I32_UNSIGNED | TAI_DOT_I32_SIGNED;
    for (uint32_t round = 0; round < 16; round++)
        dots &= in_round(round);
    return dots;
}
