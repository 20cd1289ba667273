/* Which parts of one linear memory are reserved: a small table, sorted by address. Everything between its
 * entries and behind the last is free, so what is given back joins its neighbours by itself. */
#ifndef TAI_REGIONS_H
#define TAI_REGIONS_H

#include <stdint.h>

#include "port/port.h"

typedef struct TaiReserved {
    uint64_t start;
    uint64_t end;
} TaiReserved;

/* Invariant: of[0].start < of[0].end <= of[1].start < ... */
typedef struct TaiReservedTable {
    TaiReserved of[TAI_PORT_REGIONS];
    uint32_t n;
} TaiReservedTable;

static inline uint64_t tai_regions_end(const TaiReservedTable *t, uint64_t begin) {
    return t->n ? t->of[t->n - 1].end : begin;
}

/* Reserves `bytes` bytes between begin and limit where they fit best: in the smallest gap that holds them,
 * else behind the last region. Returns where they start, 0 if there is no place or the table is full. */
static inline uint64_t tai_regions_reserve(TaiReservedTable *t, uint64_t begin, uint64_t limit,
                                           uint64_t bytes) {
    const uint64_t last_end = tai_regions_end(t, begin);
    uint64_t start = last_end;
    uint64_t room = limit > last_end ? limit - last_end : 0; /* where it would go */
    uint32_t index = t->n;
    uint64_t smallest = UINT64_MAX;
    uint64_t gap_start = begin;
    for (uint32_t i = 0; i < t->n; i++) {
        const uint64_t gap = t->of[i].start - gap_start;
        if (gap >= bytes && gap < smallest) {
            start = gap_start;
            room = smallest = gap;
            index = i;
        }
        gap_start = t->of[i].end;
    }
    if (room < bytes || t->n == TAI_PORT_REGIONS) {
        return 0;
    }
    for (uint32_t i = t->n; i > index; i--) {
        t->of[i] = t->of[i - 1];
    }
    t->of[index] = (TaiReserved){.start = start, .end = start + bytes};
    t->n++;
    return start;
}

/* Takes out the region that starts there; nothing if there is none. */
static inline void tai_regions_release(TaiReservedTable *t, uint64_t start) {
    uint32_t i = 0;
    while (i < t->n && t->of[i].start != start) {
        i++;
    }
    if (i == t->n) {
        return;
    }
    for (t->n--; i < t->n; i++) {
        t->of[i] = t->of[i + 1];
    }
}

#endif
