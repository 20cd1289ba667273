/* Placement against all orders of the buffers, and its promises on larger sets. */
#include "schedule/placement.h"

#include "unit/test.h"

#define SEED 20240611u
#define MOST 300

static uint64_t seed;

static uint32_t chance(uint32_t n) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static void random_buffers(TaiBuffer *buffers, uint32_t n, uint32_t n_steps, uint32_t most_bytes) {
    for (uint32_t i = 0; i < n; i++) {
        uint32_t a = chance(n_steps), b = chance(n_steps);
        buffers[i] = (TaiBuffer){.bytes = 1 + chance(most_bytes),
                                 .at = chance(1000), /* what was there before does not matter */
                                 .first = a < b ? a : b,
                                 .last = a < b ? b : a};
    }
}

/* ---- the smallest peak, by looking at everything ------------------------------------------------ */

typedef struct Exhaustive {
    const TaiBuffer *buffers;
    uint64_t sizes[8];
    uint64_t at[8];
    uint32_t chosen[8];
    uint32_t n;
    uint64_t bound; /* a placement this small ends the search: there is none below */
    uint64_t best;
} Exhaustive;

static int meet(const TaiBuffer *a, const TaiBuffer *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest offset for `i` where it overlaps none of those chosen: 0, or the end of one of them. */
static uint64_t lowest(const Exhaustive *x, uint32_t i, uint32_t n_chosen) {
    uint64_t lowest = UINT64_MAX;
    for (uint32_t c = 0; c <= n_chosen; c++) {
        uint64_t at = c == n_chosen ? 0 : x->at[x->chosen[c]] + x->sizes[x->chosen[c]];
        int free = 1;
        for (uint32_t d = 0; d < n_chosen && free; d++) {
            uint32_t j = x->chosen[d];
            free = !meet(&x->buffers[i], &x->buffers[j]) || at >= x->at[j] + x->sizes[j] ||
                   x->at[j] >= at + x->sizes[i];
        }
        if (free && at < lowest)
            lowest = at;
    }
    return lowest;
}

static void all_orders(Exhaustive *x, uint32_t n_chosen, uint64_t peak) {
    if (peak >= x->best || x->best == x->bound)
        return;
    if (n_chosen == x->n) {
        x->best = peak;
        return;
    }
    for (uint32_t i = 0; i < x->n; i++) {
        int used = 0;
        for (uint32_t c = 0; c < n_chosen; c++)
            used |= x->chosen[c] == i;
        if (used)
            continue;
        x->at[i] = lowest(x, i, n_chosen);
        x->chosen[n_chosen] = i;
        uint64_t end = x->at[i] + x->sizes[i];
        all_orders(x, n_chosen + 1, end > peak ? end : peak);
    }
}

static uint64_t most_live(const TaiBuffer *buffers, uint32_t n, uint64_t alignment) {
    uint64_t most = 0;
    for (uint32_t step = 0; step < MOST; step++) {
        uint64_t live = 0;
        for (uint32_t i = 0; i < n; i++)
            if (buffers[i].first <= step && step <= buffers[i].last)
                live += (buffers[i].bytes + alignment - 1) / alignment * alignment;
        most = live > most ? live : most;
    }
    return most;
}

static uint64_t smallest_peak(const TaiBuffer *buffers, uint32_t n, uint64_t alignment) {
    Exhaustive x = {
        .buffers = buffers, .n = n, .best = UINT64_MAX, .bound = most_live(buffers, n, alignment)};
    for (uint32_t i = 0; i < n; i++)
        x.sizes[i] = (buffers[i].bytes + alignment - 1) / alignment * alignment;
    all_orders(&x, 0, 0);
    return x.best;
}

/* Places, checks what every placement promises, returns the peak. */
static uint64_t checked_place(TaiBuffer *buffers, uint32_t n, uint64_t alignment) {
    uint64_t peak = tai_place(buffers, n, alignment);
    uint64_t highest = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t end = buffers[i].at + (buffers[i].bytes + alignment - 1) / alignment * alignment;
        highest = end > highest ? end : highest;
        CHECK_EQ(buffers[i].at % alignment, 0);
        for (uint32_t j = 0; j < i; j++)
            if (meet(&buffers[i], &buffers[j]) &&
                buffers[j].at < buffers[i].at + buffers[i].bytes &&
                buffers[i].at < buffers[j].at + buffers[j].bytes)
                TEST_FAIL("of %u buffers, %u and %u overlap", n, j, i);
    }
    CHECK_EQ(peak, highest);
    CHECK_EQ(tai_place_bound(buffers, n, alignment), most_live(buffers, n, alignment));
    CHECK(peak >= most_live(buffers, n, alignment));
    return peak;
}

/* ---- tests -------------------------------------------------------------------------------------- */

TEST(random_buffers_take_the_smallest_peak) {
    static const uint64_t alignments[] = {1, 16, 64};
    seed = SEED;
    printf("seed %u\n", SEED);
    for (int round = 0; round < 4000; round++) {
        TaiBuffer buffers[8];
        uint32_t n = 1 + chance(8);
        uint64_t alignment = alignments[chance(3)];
        random_buffers(buffers, n, 2 + chance(9), chance(2) ? 5 : 300);
        uint64_t peak = checked_place(buffers, n, alignment);
        uint64_t smallest = smallest_peak(buffers, n, alignment);
        if (peak != smallest)
            TEST_FAIL("round %d: %llu, not %llu", round, (unsigned long long)peak,
                      (unsigned long long)smallest);
    }
}

/* Sets where no placement reaches the bound are rare (one in millions of random ones): this one needs 8 of
 * 7, however it is turned, named or scaled. */
TEST(the_bound_is_not_always_reached) {
    static const TaiBuffer hard[8] = {
        {.bytes = 4, .first = 0, .last = 0}, {.bytes = 3, .first = 1, .last = 2},
        {.bytes = 5, .first = 7, .last = 8}, {.bytes = 1, .first = 0, .last = 4},
        {.bytes = 1, .first = 3, .last = 6}, {.bytes = 3, .first = 1, .last = 5},
        {.bytes = 2, .first = 5, .last = 5}, {.bytes = 1, .first = 4, .last = 8}};
    CHECK_EQ(most_live(hard, 8, 1), 7);
    CHECK_EQ(smallest_peak(hard, 8, 1), 8);
    seed = SEED;
    for (int round = 0; round < 200; round++) {
        TaiBuffer buffers[8] = {{0}};
        uint32_t scale = 1 + chance(1000), turned = chance(2);
        for (uint32_t i = 0; i < 8; i++) {
            uint32_t to = chance(i + 1); /* shuffled */
            buffers[i] = buffers[to];
            buffers[to] = hard[i];
        }
        for (uint32_t i = 0; i < 8; i++) {
            uint32_t first = buffers[i].first;
            buffers[i].bytes *= scale;
            buffers[i].first = turned ? 8 - buffers[i].last : first;
            buffers[i].last = turned ? 8 - first : buffers[i].last;
        }
        CHECK_EQ(checked_place(buffers, 8, 1), 8 * scale);
        CHECK_EQ(checked_place(buffers, 8, 64), smallest_peak(buffers, 8, 64));
    }
}

TEST(larger_sets_are_valid_and_near_the_bound) {
    seed = SEED;
    uint64_t peaks = 0, bounds = 0;
    for (int round = 0; round < 200; round++) {
        TaiBuffer buffers[MOST];
        uint32_t n = round % 20 == 0 ? MOST : 9 + chance(56);
        random_buffers(buffers, n, n, 5000);
        uint64_t peak = checked_place(buffers, n, 64);
        uint64_t bound = most_live(buffers, n, 64);
        CHECK(peak <= bound + bound / 4);
        peaks += n <= TAI_SEARCH_BUFFERS ? peak : 0;
        bounds += n <= TAI_SEARCH_BUFFERS ? bound : 0;
    }
    printf("9 to 64 buffers: %.2f %% above the bound\n",
           100 * ((double)peaks / (double)bounds - 1));
    CHECK(peaks <= bounds + bounds / 50);
}

TEST(the_result_depends_on_the_arguments_alone) {
    seed = SEED;
    for (int round = 0; round < 50; round++) {
        TaiBuffer once[40], again[40];
        random_buffers(once, 40, 20, 900);
        memcpy(again, once, sizeof once);
        for (int i = 0; i < 40; i++)
            again[i].at = chance(UINT32_MAX);
        CHECK_EQ(tai_place(once, 40, 64), tai_place(again, 40, 64));
        CHECK(memcmp(once, again, sizeof once) == 0);
    }
}

TEST(nothing_and_empty_buffers_take_no_room) {
    TaiBuffer buffers[3] = {{.bytes = 0, .at = 7, .first = 0, .last = 5},
                            {.bytes = 10, .first = 0, .last = 5},
                            {.bytes = 0, .at = 9, .first = 2, .last = 2}};
    CHECK_EQ(tai_place(buffers, 0, 64), 0);
    CHECK_EQ(tai_place(buffers, 3, 64), 64);
    CHECK_EQ(buffers[0].at, 0);
    CHECK_EQ(buffers[1].at, 0);
    CHECK_EQ(buffers[2].at, 0);
}

TEST(sizes_that_overflow_are_refused) {
    TaiBuffer buffers[2] = {{.bytes = UINT64_MAX - 10, .first = 0, .last = 0},
                            {.bytes = 5, .first = 1, .last = 1}};
    CHECK(tai_place(buffers, 1, 64) == UINT64_MAX); /* rounded up */
    CHECK(tai_place(buffers, 2, 1) == UINT64_MAX - 10);
    buffers[1].bytes = 10;
    CHECK(tai_place(buffers, 2, 1) == UINT64_MAX);
    buffers[1].bytes = UINT64_MAX;
    CHECK(tai_place(buffers, 2, 1) == UINT64_MAX);
    CHECK(tai_place_bound(buffers, 2, 1) == UINT64_MAX);
}

TEST_MAIN(T(random_buffers_take_the_smallest_peak), T(the_bound_is_not_always_reached),
          T(larger_sets_are_valid_and_near_the_bound), T(the_result_depends_on_the_arguments_alone),
          T(nothing_and_empty_buffers_take_no_room), T(sizes_that_overflow_are_refused))
