/* A general allocator that grows, region by region, inside a budget: what the hybrid strategy allocates
 * from. Regions stay until the end. */
#ifndef TAI_HEAP_H
#define TAI_HEAP_H

#include "memory/room.h"
#include "memory/tlsf.h"

#define TAI_HEAP_FIRST_BYTES ((size_t)256 << 10)

typedef struct TaiHeapRegion {
    struct TaiHeapRegion *next;
    size_t bytes;
} TaiHeapRegion;

typedef struct TaiHeap {
    TaiRoom *room;
    TaiTlsf *tlsf; /* NULL before the first allocation */
    TaiHeapRegion *regions;
    size_t bytes; /* of all regions */
} TaiHeap;

void tai_heap_init(TaiHeap *heap, TaiRoom *room);
void tai_heap_end(TaiHeap *heap);

/* NULL: no block is free that is large enough, and it cannot grow by so much. */
void *tai_heap_take(TaiHeap *heap, size_t bytes, size_t alignment);
/* The same out of the regions that it has. */
void *tai_heap_take_here(TaiHeap *heap, size_t bytes, size_t alignment);
/* The largest allocation that would succeed if the host gives what the budget leaves. */
size_t tai_heap_most(const TaiHeap *heap);

#endif
