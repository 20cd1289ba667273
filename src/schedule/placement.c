#include "schedule/placement.h"

#include <stdbool.h>
#include <stddef.h>

#include "memory/checked.h"

#define UNPLACED UINT64_MAX
#define SEARCH_STEPS 1500u /* beyond TAI_EXACT_BUFFERS; a step costs about n * n comparisons */

static uint64_t rounded(const TaiBuffer *b, uint64_t alignment) {
    return tai_align_up(b->bytes, alignment);
}

static bool together(const TaiBuffer *a, const TaiBuffer *b) {
    return a->first <= b->last && b->first <= a->last;
}

static bool live_at(const TaiBuffer *b, uint32_t step) {
    return b->first <= step && step <= b->last;
}

/* ---- orders ------------------------------------------------------------------------------------
 * Each buffer in turn takes the lowest offset that is free for its whole life. Some order of the buffers
 * gives the smallest peak; these are the ones that often do. */

typedef enum Order { BY_BYTES, BY_LIFETIME, BY_AREA, BY_START, BY_END, ORDERS } Order;

/* The buffer with the largest key is placed first. */
static uint64_t order_key(const TaiBuffer *b, Order order) {
    uint64_t lifetime = (uint64_t)b->last - b->first + 1;
    uint64_t area;
    switch (order) {
    case BY_LIFETIME:
        return lifetime;
    case BY_AREA:
        return tai_mul(b->bytes, lifetime, &area) ? area : UINT64_MAX;
    case BY_START:
        return UINT64_MAX - b->first;
    case BY_END:
        return b->last;
    default:
        return b->bytes;
    }
}

static TaiBuffer *next_in_order(TaiBuffer *buffers, uint32_t n, Order order) {
    TaiBuffer *next = NULL;
    uint64_t next_key = 0;
    for (TaiBuffer *b = buffers; b < buffers + n; b++) {
        if (b->at == UNPLACED) {
            uint64_t key = order_key(b, order);
            if (!next || key > next_key || (key == next_key && b->bytes > next->bytes)) {
                next = b;
                next_key = key;
            }
        }
    }
    return next;
}

static uint64_t lowest_free(const TaiBuffer *buffers, uint32_t n, const TaiBuffer *b,
                            uint64_t alignment) {
    uint64_t at = 0;
    uint64_t bytes = rounded(b, alignment);
    for (uint32_t i = 0; i < n;) {
        const TaiBuffer *other = &buffers[i];
        uint64_t end = other->at + rounded(other, alignment);
        if (other->at != UNPLACED && together(b, other) && other->at < at + bytes && at < end) {
            at = end;
            i = 0; /* what was passed before may lie above */
        } else {
            i++;
        }
    }
    return at;
}

/* Marks all that take room as not placed; returns how many those are. */
static uint32_t take_up(TaiBuffer *buffers, uint32_t n) {
    uint32_t n_taken = 0;
    for (uint32_t i = 0; i < n; i++) {
        buffers[i].at = buffers[i].bytes ? UNPLACED : 0;
        n_taken += buffers[i].bytes != 0;
    }
    return n_taken;
}

static uint64_t place_in_order(TaiBuffer *buffers, uint32_t n, uint64_t alignment, Order order) {
    uint64_t peak = 0;
    take_up(buffers, n);
    for (TaiBuffer *b; (b = next_in_order(buffers, n, order));) {
        b->at = lowest_free(buffers, n, b, alignment);
        peak = tai_max_u64(peak, b->at + rounded(b, alignment));
    }
    return peak;
}

/* ---- search ------------------------------------------------------------------------------------
 * Some smallest placement has no buffer that could lie lower. Built from the lowest offset upwards, each
 * buffer of it lies on top of those below that it meets, and never so high that another one that is still
 * to come would fit below it. The search walks through these placements alone, depth first, and turns back
 * where the buffers to come cannot stay below the best peak. */

typedef struct Search {
    TaiBuffer *buffers; /* [n] */
    uint32_t n;
    uint32_t depth; /* buffers placed; they are chosen[0 .. depth) */
    uint64_t alignment;
    uint64_t best; /* peak; its offsets are best_at once the search has improved it */
    bool improved;
    uint8_t chosen[TAI_SEARCH_BUFFERS];
    uint64_t best_at[TAI_SEARCH_BUFFERS];
    uint64_t
        to_come[TAI_SEARCH_BUFFERS]; /* [i]: bytes not placed yet that are live when i begins */
} Search;

static void count_to_come(Search *s, uint32_t index, bool placed) {
    const TaiBuffer *b = &s->buffers[index];
    uint64_t bytes = rounded(b, s->alignment);
    for (uint32_t i = 0; i < s->n; i++) {
        if (live_at(b, s->buffers[i].first)) {
            s->to_come[i] += placed ? 0 - bytes : bytes;
        }
    }
}

/* The offset on top of all placed buffers that it meets. */
static uint64_t on_top(const Search *s, const TaiBuffer *b) {
    uint64_t at = 0;
    for (uint32_t d = 0; d < s->depth; d++) {
        const TaiBuffer *below = &s->buffers[s->chosen[d]];
        if (together(b, below)) {
            at = tai_max_u64(at, below->at + rounded(below, s->alignment));
        }
    }
    return at;
}

/* What can lie next, lowest offset first, then lower index: the candidate after `previous`, which was
 * tried at previous_at; n if there is none. */
static uint32_t next_candidate(const Search *s, uint32_t previous, uint64_t previous_at,
                               uint64_t *at) {
    uint64_t most_to_come = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        most_to_come = tai_max_u64(most_to_come, s->to_come[i]);
    }
    if (most_to_come >= s->best) {
        return s->n;
    }
    uint64_t too_high = s->best - most_to_come; /* this much is still to lie above it, and itself */
    uint32_t next = s->n;
    for (uint32_t i = 0; i < s->n; i++) {
        const TaiBuffer *b = &s->buffers[i];
        if (b->at != UNPLACED) {
            continue;
        }
        uint64_t top = on_top(s, b);
        too_high = tai_min_u64(too_high, top + rounded(b, s->alignment));
        bool after =
            top > previous_at || (top == previous_at && (previous == s->n || i > previous));
        if (after && (next == s->n || top < *at)) {
            next = i;
            *at = top;
        }
    }
    return next < s->n && *at < too_high ? next : s->n;
}

/* Looks for a placement below s->best until it has one of `bound` bytes, or all were seen, or `steps`
 * buffers were placed. */
static void search(Search *s, uint32_t n_taken, uint64_t bound, uint32_t steps) {
    uint32_t previous = s->n; /* tried last at this depth */
    uint64_t previous_at = 0;
    while (s->best > bound) {
        uint64_t at = 0; /* set where there is a candidate */
        uint32_t next = next_candidate(s, previous, previous_at, &at);
        if (next == s->n || steps == 0) {
            if (s->depth == 0) {
                return;
            }
            previous = s->chosen[--s->depth];
            previous_at = s->buffers[previous].at;
            s->buffers[previous].at = UNPLACED;
            count_to_come(s, previous, false);
            continue;
        }
        steps--;
        s->buffers[next].at = at;
        s->chosen[s->depth++] = (uint8_t)next;
        count_to_come(s, next, true);
        previous = next; /* offsets rise, and index where they are equal */
        previous_at = at;
        if (s->depth == n_taken) {
            s->improved = true;
            s->best = 0;
            for (uint32_t i = 0; i < s->n; i++) {
                s->best_at[i] = s->buffers[i].at;
                s->best =
                    tai_max_u64(s->best, s->best_at[i] + rounded(&s->buffers[i], s->alignment));
            }
        }
    }
}

/* Improves on a peak of `best`; false if it found nothing below it, and offsets are undefined then. */
static bool place_by_search(TaiBuffer *buffers, uint32_t n, uint64_t alignment, uint64_t bound,
                            uint64_t *best) {
    Search s = {.buffers = buffers, .n = n, .alignment = alignment, .best = *best};
    uint32_t n_taken = take_up(buffers, n);
    for (uint32_t i = 0; i < n; i++) {
        count_to_come(&s, i, false);
    }
    search(&s, n_taken, bound, n_taken <= TAI_EXACT_BUFFERS ? UINT32_MAX : SEARCH_STEPS);
    *best = s.best;
    for (uint32_t i = 0; i < n && s.improved; i++) {
        buffers[i].at = s.best_at[i];
    }
    return s.improved;
}

/* ---- both -------------------------------------------------------------------------------------- */

uint64_t tai_place_bound(const TaiBuffer *buffers, uint32_t n, uint64_t alignment) {
    uint64_t total = 0, bound = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t bytes;
        if (!tai_align(buffers[i].bytes, alignment, &bytes) || !tai_add(total, bytes, &total) ||
            total == UINT64_MAX) {
            return UINT64_MAX;
        }
    }
    for (uint32_t i = 0; i < n; i++) { /* the most is live where some buffer begins */
        uint64_t live = 0;
        for (uint32_t j = 0; j < n; j++) {
            live += live_at(&buffers[j], buffers[i].first) ? rounded(&buffers[j], alignment) : 0;
        }
        bound = tai_max_u64(bound, live);
    }
    return bound;
}

uint64_t tai_place(TaiBuffer *buffers, uint32_t n, uint64_t alignment) {
    uint64_t bound = tai_place_bound(buffers, n, alignment);
    if (bound == UINT64_MAX) {
        return bound;
    }
    uint64_t best = UINT64_MAX;
    Order best_order = BY_BYTES;
    for (Order order = 0; order < ORDERS; order++) {
        uint64_t peak = place_in_order(buffers, n, alignment, order);
        if (peak == bound) {
            return peak;
        }
        if (peak < best) {
            best = peak;
            best_order = order;
        }
    }
    if (n > TAI_SEARCH_BUFFERS || !place_by_search(buffers, n, alignment, bound, &best)) {
        best = place_in_order(buffers, n, alignment, best_order);
    }
    return best;
}
