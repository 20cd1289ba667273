/* Sorting numbers in place. */
#ifndef TAI_ORDER_H
#define TAI_ORDER_H

#include <stdbool.h>
#include <stdint.h>

/* Fills order[0..n) with 0..n-1, sorted by `before`. */
void tai_order(uint32_t *order, uint32_t n,
               bool (*before)(const void *context, uint32_t a, uint32_t b), const void *context);

#endif
