/* Placing buffers whose lifetimes are known so that they take the fewest bytes together. */
#ifndef TAI_PLACEMENT_H
#define TAI_PLACEMENT_H

#include <stdint.h>

#define TAI_PLACEMENT_BUFFERS 64u /* exact up to 8 at a time, else the best of several orders */

typedef struct TaiBuffer {
    uint64_t bytes;
    uint64_t at;    /* out: its offset, aligned */
    uint32_t first; /* it is needed from this step ... */
    uint32_t last;  /* ... to this one, both included */
} TaiBuffer;

/* Sets at of buffers[0..n); returns the end of the highest, or UINT64_MAX where a size overflows.
 * alignment: a power of two. A function of its arguments alone, with at most a few thousand placements
 * tried, so that planning stays fast and the same everywhere. */
uint64_t tai_place(TaiBuffer *buffers, uint32_t n, uint64_t alignment);

#endif
