/* Probes the relaxed dot products of this machine with values. */
#include <stdbool.h>
#include <string.h>
#include <wasm_simd128.h>

#include "kernels/relaxed16/relaxed16.h"

/* Engines were found whose baseline compiler is wrong where the result takes the register of an operand, so that
 * operand is used as often as can be: each of them for the first of several times, for the last, and once only. */
enum { BYTES = 16, VECTORS = 4, ROUNDS = 16 };

typedef struct Operands {
    int8_t x[VECTORS][BYTES];
    uint8_t q[VECTORS][BYTES];
} Operands;

/* Which vectors are multiplied: 0 and 1 several times, 2 and 3 once. */
typedef struct Pair {
    uint8_t x, q;
} Pair;
enum { PAIRS = 6 };
static const Pair pairs[PAIRS] = {{0, 0}, {0, 1}, {2, 2}, {3, 0}, {1, 3}, {1, 1}};

/* How the second operand is meant. */
typedef enum Reading { SEVEN_BITS, UNSIGNED, SIGNED } Reading;

enum { START = -77777 }; /* what i32 products are added to */

/* Of byte i of both vectors. */
static int32_t product(const Operands *o, Pair pair, uint32_t i, Reading reading) {
    uint8_t q = o->q[pair.q][i];
    return o->x[pair.x][i] * (reading == SIGNED ? (int8_t)q : q);
}

#define LOAD_OPERANDS                                                                              \
    v128_t x0 = wasm_v128_load(o->x[0]), x1 = wasm_v128_load(o->x[1]);                             \
    v128_t q0 = wasm_v128_load(o->q[0]), q1 = wasm_v128_load(o->q[1])

static bool dot_i16_is_right(const Operands *o) {
    LOAD_OPERANDS;
    int16_t got[PAIRS][BYTES / 2];
#define DOT wasm_i16x8_relaxed_dot_i8x16_i7x16
    wasm_v128_store(got[0], DOT(x0, q0));
    wasm_v128_store(got[1], DOT(x0, q1));
    wasm_v128_store(got[2], DOT(wasm_v128_load(o->x[2]), wasm_v128_load(o->q[2])));
    wasm_v128_store(got[3], DOT(wasm_v128_load(o->x[3]), q0));
    wasm_v128_store(got[4], DOT(x1, wasm_v128_load(o->q[3])));
    wasm_v128_store(got[5], DOT(x1, q1));
#undef DOT
    for (uint32_t p = 0; p < PAIRS; p++)
        for (uint32_t i = 0; i < BYTES; i += 2)
            if (got[p][i / 2] !=
                product(o, pairs[p], i, SEVEN_BITS) + product(o, pairs[p], i + 1, SEVEN_BITS))
                return false;
    return true;
}

/* The same, added up. */
static bool dot_i32_is_right(const Operands *o, Reading reading) {
    LOAD_OPERANDS;
    v128_t sum = wasm_i32x4_splat(START);
#define ADD_DOT(x, q) sum = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(x, q, sum)
    ADD_DOT(x0, q0);
    ADD_DOT(x0, q1);
    ADD_DOT(wasm_v128_load(o->x[2]), wasm_v128_load(o->q[2]));
    ADD_DOT(wasm_v128_load(o->x[3]), q0);
    ADD_DOT(x1, wasm_v128_load(o->q[3]));
    ADD_DOT(x1, q1);
#undef ADD_DOT
    int32_t got[BYTES / 4];
    wasm_v128_store(got, sum);
    for (uint32_t lane = 0; lane < BYTES / 4; lane++) {
        int32_t right = START;
        for (uint32_t p = 0; p < PAIRS; p++)
            for (uint32_t i = 4 * lane; i < 4 * lane + 4; i++)
                right += product(o, pairs[p], i, reading);
        if (got[lane] != right)
            return false;
    }
    return true;
}

/* The largest operands, then random ones; activations are never -128. In a volatile, since compilers that know
 * what is multiplied would do it themselves. */
static Operands operands(uint32_t round, uint8_t mask) {
    volatile Operands made;
    uint32_t rng = round;
    for (uint32_t i = 0; i < VECTORS * BYTES; i++) {
        rng = rng * 1664525u + 1013904223u;
        int32_t random = (int32_t)(rng >> 24) % 255 - 127;
        made.x[i / BYTES][i % BYTES] = (int8_t)(round == 0 ? 127 : round == 1 ? -127 : random);
        made.q[i / BYTES][i % BYTES] = (uint8_t)((round < 2 ? 0xFF : rng >> 16) & mask);
    }
    return made;
}

static uint32_t probe(void) {
    uint32_t dots = TAI_DOT_I16 | TAI_DOT_I32 | TAI_DOT_I32_UNSIGNED | TAI_DOT_I32_SIGNED;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        Operands narrow = operands(round, 0x7F), wide = operands(round, 0xFF);
        if (!dot_i16_is_right(&narrow))
            dots &= ~(uint32_t)TAI_DOT_I16;
        if (!dot_i32_is_right(&narrow, SEVEN_BITS))
            dots &= ~(uint32_t)TAI_DOT_I32;
        if (!dot_i32_is_right(&wide, UNSIGNED))
            dots &= ~(uint32_t)TAI_DOT_I32_UNSIGNED;
        if (!dot_i32_is_right(&wide, SIGNED))
            dots &= ~(uint32_t)TAI_DOT_I32_SIGNED;
    }
    return dots;
}

/* Asked once: an engine that compiles this file again for speed may then answer for other code than the first
 * calls of kernels run in. */
uint32_t tai_relaxed_dots(void) {
    const uint32_t known = 1u << 31;
    static uint32_t dots;
    if (dots == 0)
        dots = probe() | known;
    return dots & ~known;
}
