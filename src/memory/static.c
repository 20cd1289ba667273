#include "memory/static.h"

void tai_static_init(TaiStatic *s, void *base, size_t bytes) {
    *s = (TaiStatic){.base = base, .bytes = bytes};
}

void *tai_static_alloc(TaiStatic *s, size_t bytes, size_t alignment) {
    const size_t gap = -(size_t)(uintptr_t)(s->base + s->used) & (alignment - 1);
    const size_t room = s->bytes - s->used;
    if (gap > room || bytes > room - gap) {
        return NULL;
    }
    void *block = s->base + s->used + gap;
    s->used += gap + bytes;
    if (s->used > s->peak) {
        s->peak = s->used;
    }
    return block;
}

size_t tai_static_mark(const TaiStatic *s) {
    return s->used;
}

bool tai_static_release(TaiStatic *s, size_t mark) {
    if (mark > s->used) {
        return false;
    }
    s->used = mark;
    return true;
}
