#include "memory/heap.h"

#define HEAD ((sizeof(TaiHeapRegion) + 15) & ~(size_t)15)

void tai_heap_init(TaiHeap *heap, TaiRoom *room) {
    *heap = (TaiHeap){.room = room};
}

void tai_heap_end(TaiHeap *heap) {
    for (TaiHeapRegion *region = heap->regions, *next; region != NULL; region = next) {
        next = region->next;
        tai_room_release(heap->room, region, region->bytes);
    }
}

static size_t control_bytes(const TaiHeap *heap) {
    return heap->tlsf == NULL ? tai_tlsf_control_bytes(heap->room->budget) : 0;
}

/* A region that holds `bytes` bytes, and if the budget allows it as much again as there is. */
static bool grow(TaiHeap *heap, size_t bytes, size_t alignment) {
    const size_t left = heap->room->budget - heap->room->reserved;
    const size_t need = tai_tlsf_bytes(bytes, alignment, HEAD + control_bytes(heap));
    if (need > left) {
        return false;
    }
    size_t size = heap->bytes > TAI_HEAP_FIRST_BYTES ? heap->bytes : TAI_HEAP_FIRST_BYTES;
    size = size < left ? size : left & ~(size_t)15;
    size = size > need ? size : need;
    void *base = tai_room_reserve(heap->room, size);
    if (base == NULL && size > need) {
        size = need;
        base = tai_room_reserve(heap->room, size);
    }
    if (base == NULL) {
        return false;
    }
    uint8_t *inside = (uint8_t *)base + HEAD;
    if (heap->tlsf == NULL) {
        heap->tlsf = tai_tlsf_create(inside, size - HEAD, heap->room->budget);
    } else {
        tai_tlsf_add(heap->tlsf, inside, size - HEAD);
    }
    TaiHeapRegion *region = base;
    *region = (TaiHeapRegion){.next = heap->regions, .bytes = size};
    heap->regions = region;
    heap->bytes += size;
    return true;
}

void *tai_heap_take_here(TaiHeap *heap, size_t bytes, size_t alignment) {
    return heap->tlsf == NULL ? NULL : tai_tlsf_take(heap->tlsf, bytes, alignment);
}

void *tai_heap_take(TaiHeap *heap, size_t bytes, size_t alignment) {
    void *block = tai_heap_take_here(heap, bytes, alignment);
    if (block == NULL && grow(heap, bytes, alignment)) {
        block = tai_heap_take_here(heap, bytes, alignment);
    }
    return block;
}

size_t tai_heap_most(const TaiHeap *heap) {
    const size_t left = heap->room->budget - heap->room->reserved;
    const size_t none = tai_tlsf_bytes(0, TAI_TLSF_UNIT, HEAD + control_bytes(heap));
    /* A block of 0 bytes has 16 of payload. */
    const size_t grown = left < none ? 0 : (left - none + TAI_TLSF_UNIT) & ~(TAI_TLSF_UNIT - 1);
    const size_t here = heap->tlsf == NULL ? 0 : tai_tlsf_fill(heap->tlsf).largest_free;
    return grown > here ? grown : here;
}
