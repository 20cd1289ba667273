/* See xxh3.h; names of steps are those of the specification. Hosts are little-endian. */
#include "format/xxh3.h"

#include <string.h>

#define PRIME32_1 0x9E3779B1u
#define PRIME32_2 0x85EBCA77u
#define PRIME32_3 0xC2B2AE3Du
#define PRIME64_1 0x9E3779B185EBCA87u
#define PRIME64_2 0xC2B2AE3D27D4EB4Fu
#define PRIME64_3 0x165667B19E3779F9u
#define PRIME64_4 0x85EBCA77C2B2AE63u
#define PRIME64_5 0x27D4EB2F165667C5u
#define PRIME_MX1 0x165667919E3779F9u
#define PRIME_MX2 0x9FB21C651E98DF25u

enum {
    STRIPE = 64,            /* bytes */
    STRIPES_PER_BLOCK = 16, /* (SECRET - STRIPE) / 8 */
    SECRET = 192,           /* bytes */
    SHORT_MAX = 240,        /* inputs up to this length are hashed as a whole */
};

static const uint8_t secret[SECRET] = {
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe,
    0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c, //
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb,
    0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f, //
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78,
    0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21, //
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e,
    0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c, //
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb,
    0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3, //
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e,
    0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8, //
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f,
    0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d, //
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31,
    0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64, //
    0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3,
    0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb, //
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49,
    0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e, //
    0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc,
    0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce, //
    0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28,
    0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
};

static uint32_t read32(const uint8_t *at) {
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static uint64_t read64(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static uint64_t rotate_left(uint64_t x, int bits) {
    return x << bits | x >> (64 - bits);
}

static uint64_t swap_bytes(uint64_t x) {
    x = (x & 0x00FF00FF00FF00FFu) << 8 | (x >> 8 & 0x00FF00FF00FF00FFu);
    x = (x & 0x0000FFFF0000FFFFu) << 16 | (x >> 16 & 0x0000FFFF0000FFFFu);
    return x << 32 | x >> 32;
}

/* Low half xor high half of the 128-bit product. */
static uint64_t multiply_fold(uint64_t a, uint64_t b) {
    uint64_t a_low = (uint32_t)a, a_high = a >> 32;
    uint64_t b_low = (uint32_t)b, b_high = b >> 32;
    uint64_t middle = (a_low * b_low >> 32) + a_high * b_low; /* cannot overflow */
    uint64_t carry = (uint32_t)middle + a_low * b_high;
    uint64_t high = a_high * b_high + (middle >> 32) + (carry >> 32);
    return (a * b) ^ high;
}

static uint64_t avalanche(uint64_t x) {
    x = (x ^ x >> 37) * PRIME_MX1;
    return x ^ x >> 32;
}

static uint64_t avalanche_xxh64(uint64_t x) {
    x = (x ^ x >> 33) * PRIME64_2;
    x = (x ^ x >> 29) * PRIME64_3;
    return x ^ x >> 32;
}

/* ---- up to 240 bytes --------------------------------------------------------------------------
 */

static uint64_t hash_0(void) {
    return avalanche_xxh64(read64(secret + 56) ^ read64(secret + 64));
}

static uint64_t hash_1_to_3(const uint8_t *input, uint32_t n) {
    uint32_t combined =
        input[n - 1] | n << 8 | (uint32_t)input[0] << 16 | (uint32_t)input[n / 2] << 24;
    return avalanche_xxh64((read32(secret) ^ read32(secret + 4)) ^ combined);
}

static uint64_t hash_4_to_8(const uint8_t *input, uint32_t n) {
    uint64_t combined = read32(input + n - 4) | (uint64_t)read32(input) << 32;
    uint64_t x = (read64(secret + 8) ^ read64(secret + 16)) ^ combined;
    x ^= rotate_left(x, 49) ^ rotate_left(x, 24);
    x *= PRIME_MX2;
    x ^= (x >> 35) + n;
    x *= PRIME_MX2;
    return x ^ x >> 28;
}

static uint64_t hash_9_to_16(const uint8_t *input, uint32_t n) {
    uint64_t low = (read64(secret + 24) ^ read64(secret + 32)) ^ read64(input);
    uint64_t high = (read64(secret + 40) ^ read64(secret + 48)) ^ read64(input + n - 8);
    return avalanche(n + swap_bytes(low) + high + multiply_fold(low, high));
}

/* Mixes 16 bytes of input with 16 bytes of the secret. */
static uint64_t mix_step(const uint8_t *input, uint32_t secret_off) {
    return multiply_fold(read64(input) ^ read64(secret + secret_off),
                         read64(input + 8) ^ read64(secret + secret_off + 8));
}

static uint64_t hash_17_to_128(const uint8_t *input, uint32_t n) {
    uint64_t acc = n * PRIME64_1;
    for (uint32_t i = 0; i <= (n - 1) / 32; i++) {
        acc += mix_step(input + i * 16, i * 32);
        acc += mix_step(input + n - i * 16 - 16, i * 32 + 16);
    }
    return avalanche(acc);
}

static uint64_t hash_129_to_240(const uint8_t *input, uint32_t n) {
    uint64_t acc = n * PRIME64_1;
    for (uint32_t i = 0; i < 8; i++)
        acc += mix_step(input + i * 16, i * 16);
    acc = avalanche(acc);
    for (uint32_t i = 8; i < n / 16; i++)
        acc += mix_step(input + i * 16, (i - 8) * 16 + 3);
    return avalanche(acc + mix_step(input + n - 16, 119));
}

static uint64_t hash_short(const uint8_t *input, uint32_t n) {
    if (n == 0)
        return hash_0();
    if (n <= 3)
        return hash_1_to_3(input, n);
    if (n <= 8)
        return hash_4_to_8(input, n);
    if (n <= 16)
        return hash_9_to_16(input, n);
    return n <= 128 ? hash_17_to_128(input, n) : hash_129_to_240(input, n);
}

/* ---- longer -----------------------------------------------------------------------------------
 */

static void accumulate(uint64_t acc[8], const uint8_t *stripe, uint32_t secret_off) {
    for (uint32_t i = 0; i < 8; i++) {
        uint64_t word = read64(stripe + i * 8);
        uint64_t value = word ^ read64(secret + secret_off + i * 8);
        acc[i ^ 1] += word;
        acc[i] += (uint64_t)(uint32_t)value * (value >> 32);
    }
}

static void scramble(uint64_t acc[8]) {
    for (uint32_t i = 0; i < 8; i++) {
        acc[i] ^= acc[i] >> 47;
        acc[i] ^= read64(secret + SECRET - STRIPE + i * 8);
        acc[i] *= PRIME32_1;
    }
}

/* Stripes that more bytes follow. */
static void consume(TaiXxh3 *state, const uint8_t *stripes, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        accumulate(state->acc, stripes + (size_t)i * STRIPE, state->n_stripes * 8);
        if (++state->n_stripes == STRIPES_PER_BLOCK) {
            scramble(state->acc);
            state->n_stripes = 0;
        }
    }
}

void tai_xxh3_init(TaiXxh3 *state) {
    static const uint64_t start[8] = {PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3,
                                      PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1};
    memset(state, 0, sizeof *state);
    memcpy(state->acc, start, sizeof start);
}

void tai_xxh3_update(TaiXxh3 *state, const void *data, size_t n_bytes) {
    const uint8_t *input = data;
    size_t room = TAI_XXH3_BUFFER - state->n_buffered;
    state->total_bytes += n_bytes;
    if (n_bytes == 0)
        return;
    if (n_bytes > room) {
        memcpy(state->buffer + state->n_buffered, input, room);
        consume(state, state->buffer, TAI_XXH3_BUFFER / STRIPE);
        input += room;
        n_bytes -= room;
        state->n_buffered = 0;
        if (n_bytes > TAI_XXH3_BUFFER) {
            size_t direct = (n_bytes - 1) / TAI_XXH3_BUFFER * TAI_XXH3_BUFFER;
            for (size_t at = 0; at < direct; at += TAI_XXH3_BUFFER)
                consume(state, input + at, TAI_XXH3_BUFFER / STRIPE);
            input += direct;
            n_bytes -= direct;
            /* The end of what was consumed stays, for a last stripe that overlaps it. */
            memcpy(state->buffer + TAI_XXH3_BUFFER - STRIPE, input - STRIPE, STRIPE);
        }
    }
    memcpy(state->buffer + state->n_buffered, input, n_bytes);
    state->n_buffered += (uint32_t)n_bytes;
}

/* The last 64 bytes of the input; some may lie in the previous filling of the buffer, whose end is
 * still there. */
static void last_stripe(const TaiXxh3 *state, uint8_t stripe[STRIPE]) {
    uint32_t n = state->n_buffered < STRIPE ? state->n_buffered : STRIPE;
    uint32_t n_before = STRIPE - n;
    memcpy(stripe, state->buffer + TAI_XXH3_BUFFER - n_before, n_before);
    memcpy(stripe + n_before, state->buffer + state->n_buffered - n, n);
}

uint64_t tai_xxh3_digest(const TaiXxh3 *state) {
    if (state->total_bytes <= SHORT_MAX)
        return hash_short(state->buffer, (uint32_t)state->total_bytes);
    TaiXxh3 last = *state;
    uint8_t stripe[STRIPE];
    consume(&last, state->buffer, (state->n_buffered - 1) / STRIPE);
    last_stripe(state, stripe);
    accumulate(last.acc, stripe, SECRET - STRIPE - 7);
    uint64_t hash = state->total_bytes * PRIME64_1;
    for (uint32_t i = 0; i < 8; i += 2)
        hash += multiply_fold(last.acc[i] ^ read64(secret + 11 + i * 8),
                              last.acc[i + 1] ^ read64(secret + 19 + i * 8));
    return avalanche(hash);
}

uint64_t tai_xxh3(const void *data, size_t n_bytes) {
    TaiXxh3 state;
    tai_xxh3_init(&state);
    tai_xxh3_update(&state, data, n_bytes);
    return tai_xxh3_digest(&state);
}
