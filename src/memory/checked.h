/* The one layer of arithmetic on sizes that come from outside: u64, and every operation says
 * whether it overflowed. Values read from a file meet no other + or *. */
#ifndef TAI_CHECKED_H
#define TAI_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

static inline bool tai_add(uint64_t a, uint64_t b, uint64_t *sum) {
    return !__builtin_add_overflow(a, b, sum);
}

static inline bool tai_mul(uint64_t a, uint64_t b, uint64_t *product) {
    return !__builtin_mul_overflow(a, b, product);
}

/* Rounds up to a multiple of alignment (a power of two). */
static inline bool tai_align(uint64_t value, uint64_t alignment, uint64_t *aligned) {
    if (!tai_add(value, alignment - 1, aligned)) {
        return false;
    }
    *aligned &= ~(alignment - 1);
    return true;
}

/* The same for values that are known to be far from the top of u64. */
static inline uint64_t tai_align_up(uint64_t value, uint64_t alignment) {
    return (value + alignment - 1) & ~(alignment - 1);
}

static inline uint64_t tai_min_u64(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static inline uint64_t tai_max_u64(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

#endif
