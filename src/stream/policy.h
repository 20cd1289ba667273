/* Which layers stay, from the pattern in which they are asked for. */
#ifndef TAI_POLICY_H
#define TAI_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* Layers asked for one after the other around the whole cycle are cyclic: then pinning misses least. Any
 * other order is left to least recently used. */
typedef struct TaiPolicy {
    uint32_t n_layers;
    uint32_t last;   /* layer asked for before */
    uint32_t in_row; /* turns that followed the cycle, one after the other */
} TaiPolicy;

#endif
