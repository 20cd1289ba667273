/* Placing buffers whose lifetimes are known so that they take the fewest bytes together. */
#ifndef TAI_PLACEMENT_H
#define TAI_PLACEMENT_H

#include <stdint.h>

#define TAI_EXACT_BUFFERS 8u   /* up to here the placement is the smallest there is */
#define TAI_SEARCH_BUFFERS 64u /* up to here a bounded search improves on fixed orders */

typedef struct TaiBuffer {
    uint64_t bytes;
    uint64_t at;    /* out: its offset, aligned */
    uint32_t first; /* it is needed from this step ... */
    uint32_t last;  /* ... to this one, both included; first <= last */
} TaiBuffer;

/* Sets at of buffers[0..n); returns the end of the highest, sizes rounded up to the alignment (a power of
 * two), or UINT64_MAX where the sizes together overflow. A buffer of 0 bytes lies at 0 and takes no room.
 * Beyond TAI_EXACT_BUFFERS buffers it is the best that a bounded search finds. A function of its arguments
 * alone, the same on every host, and fast: plans are computed by the hundreds. */
uint64_t tai_place(TaiBuffer *buffers, uint32_t n, uint64_t alignment);

/* What no placement can fall below: the most bytes that are needed at one step. UINT64_MAX as above. */
uint64_t tai_place_bound(const TaiBuffer *buffers, uint32_t n, uint64_t alignment);

#endif
