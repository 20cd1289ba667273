/* The static strategy: one fixed region, allocated from the front, given back to a mark. */
#ifndef TAI_STATIC_H
#define TAI_STATIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Invariant: used <= peak <= bytes. */
typedef struct TaiStatic {
    uint8_t *base;
    size_t bytes;
    size_t used;
    size_t peak;
} TaiStatic;

/* base: of `bytes` bytes, the caller's; alignments are of addresses, not of offsets. */
void tai_static_init(TaiStatic *s, void *base, size_t bytes);
/* NULL if it does not fit; nothing changes then. alignment: a power of two. */
void *tai_static_alloc(TaiStatic *s, size_t bytes, size_t alignment);
size_t tai_static_mark(const TaiStatic *s);
/* False for a mark above the fill. */
bool tai_static_release(TaiStatic *s, size_t mark);

#endif
