/* The policy over a residency whose reads succeed at once, against an LRU model of its own. */
#include "stream/policy.h"

#include "unit/test.h"

#define MAX_LAYERS 48u
#define SLOT_BYTES 4096u
#define TURNS 3000u /* of a random trace */
/* Nothing is written: slots are addresses only. */
#define BASE ((void *)(uintptr_t)(1 << 20)) // NOLINT(performance-no-int-to-ptr)

typedef struct Cache {
    TaiResidency r;
    TaiPolicy policy;
    TaiUnit units[MAX_LAYERS];
    TaiRun runs[MAX_LAYERS];
    uint32_t pool[MAX_LAYERS];
} Cache;

static void setup(Cache *c, uint32_t n, uint32_t slots, bool adaptive, uint32_t passing) {
    *c = (Cache){
        .r = {.units = c->units, .runs = c->runs, .n_units = n, .read_chunk_bytes = SLOT_BYTES},
        .policy = {.residency = &c->r,
                   .n_layers = n,
                   .passing = passing,
                   .adaptive = adaptive,
                   .last = TAI_NO_UNIT}};
    for (uint32_t i = 0; i < n; i++) {
        c->units[i] =
            (TaiUnit){.kind = TAI_UNIT_BLOCK, .first_run = i, .n_runs = 1, .bytes = 1000 + i};
        c->runs[i] = (TaiRun){.off = (uint64_t)i * SLOT_BYTES, .bytes = 1000 + i};
    }
    tai_residency_slots(&c->r, TAI_UNIT_BLOCK, BASE, SLOT_BYTES, slots, c->pool);
}

static void answer_all(Cache *c, uint32_t current) {
    TinyAIRange range;
    while (tai_residency_take(&c->r, &range, 1)) {
        CHECK(tai_residency_answer(&c->r, range.id, TINYAI_OK, current));
    }
}

/* One turn; with read_ahead also of what is expected to follow, as the mapped model does. */
static void turn(Cache *c, uint32_t layer, bool read_ahead) {
    tai_policy_turn(&c->policy, layer);
    uint32_t ahead = read_ahead ? tai_policy_ahead(&c->policy) : 0;
    tai_residency_walk(&c->r);
    for (uint32_t i = 0; i <= ahead; i++) {
        tai_residency_want_unit(&c->r, (layer + i) % c->r.n_units, i == 0);
    }
    answer_all(c, layer);
    CHECK_EQ(c->units[layer].state, TINYAI_BLOCK_RESIDENT);
    tai_residency_turn(&c->r, layer);
    CHECK(tai_residency_slot_bytes(&c->r, TAI_UNIT_BLOCK) <=
          (uint64_t)c->r.blocks.active * SLOT_BYTES);
}

static void turns(Cache *c, uint32_t n_passes, bool read_ahead) {
    for (uint32_t p = 0; p < n_passes; p++) {
        for (uint32_t i = 0; i < c->r.n_units; i++) {
            turn(c, i, read_ahead);
        }
    }
}

static uint64_t steady_misses(uint32_t n, uint32_t slots, bool adaptive, uint32_t passing) {
    Cache c;
    setup(&c, n, slots, adaptive, passing);
    turns(&c, 3, passing == 2);
    uint64_t before = c.r.misses;
    turns(&c, 4, passing == 2);
    CHECK_EQ((c.r.misses - before) % 4, 0);
    return (c.r.misses - before) / 4;
}

TEST(a_cyclic_order_misses_as_promised_for_every_number_of_slots) {
    for (uint32_t n = 6; n <= MAX_LAYERS; n++) {
        for (uint32_t slots = 1; slots <= n; slots++) {
            CHECK_EQ(steady_misses(n, slots, true, 1), slots == n ? 0 : n - slots + 1);
            if (slots >= 2) {
                CHECK_EQ(steady_misses(n, slots, true, 2), slots == n ? 0 : n - slots + 2);
            }
        }
    }
}

TEST(least_recently_used_misses_every_time_in_a_cyclic_order) {
    CHECK_EQ(steady_misses(12, 11, false, 1), 12);
    CHECK_EQ(steady_misses(12, 12, false, 1), 0);
}

/* ---- against LRU ----------------------------------------------------------------------------- */

typedef struct Lru {
    uint32_t layers[MAX_LAYERS]; /* most recently used first */
    uint32_t n;
    uint64_t hits;
} Lru;

static void lru_turn(Lru *lru, uint32_t slots, uint32_t layer) {
    uint32_t at = 0;
    while (at < lru->n && lru->layers[at] != layer) {
        at++;
    }
    if (at < lru->n) {
        lru->hits++;
    } else if (lru->n < slots) {
        lru->n++;
    } else {
        at--;
    }
    memmove(lru->layers + 1, lru->layers, at * sizeof *lru->layers);
    lru->layers[0] = layer;
}

typedef enum Pattern {
    UNIFORM,
    ZIPF,
    SHORT_RUNS,
    RUNS,
    LONG_RUNS,
    VERY_LONG_RUNS,
    PATTERNS
} Pattern;
static const char *const pattern_names[] = {"uniform",           "zipf",
                                            "runs of 1/2 cycle", "runs of 1 cycle",
                                            "runs of 2 cycles",  "runs of 4 cycles"};

static uint32_t chance(uint64_t *seed, uint32_t n) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return n ? (uint32_t)(*seed >> 33) % n : 0;
}

/* Layer i with weight 1 / (i + 1). */
static uint32_t zipf(uint64_t *seed, uint32_t n) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += 1000000 / (i + 1);
    }
    uint32_t left = chance(seed, sum);
    uint32_t layer = 0;
    while (left >= 1000000 / (layer + 1)) {
        left -= 1000000 / (layer + 1);
        layer++;
    }
    return layer;
}

static uint32_t next_layer(Pattern pattern, uint64_t *seed, uint32_t n, uint32_t last) {
    switch (pattern) {
    case UNIFORM:
        return chance(seed, n);
    case ZIPF:
        return zipf(seed, n);
    default: /* runs of about 1/2, 1, 2 and 4 cycles */
        return chance(seed, 1 + (n << pattern >> (SHORT_RUNS + 1))) == 0 ? chance(seed, n)
                                                                         : (last + 1) % n;
    }
}

/* Hits of the policy less those of LRU on the same trace. */
static int64_t lead(Pattern pattern, uint64_t seed, uint32_t n, uint32_t slots, bool adaptive,
                    uint32_t passing) {
    Cache c;
    Lru lru = {.n = 0};
    setup(&c, n, slots, adaptive, passing);
    uint32_t layer = 0;
    for (uint32_t i = 0; i < TURNS; i++) {
        layer = next_layer(pattern, &seed, n, layer);
        turn(&c, layer, passing == 2);
        /* The same layer twice in a row is a hit for both. */
        lru_turn(&lru, slots, layer);
    }
    CHECK_EQ(c.r.hits + c.r.misses, TURNS);
    /* A miss whose reading began before does not wait: reading ahead may pay with hits for those. */
    return (int64_t)(c.r.hits + (passing == 2 ? c.r.prefetched : 0)) - (int64_t)lru.hits;
}

TEST(without_adapting_it_is_least_recently_used_exactly) {
    for (uint32_t pattern = 0; pattern < PATTERNS; pattern++) {
        for (uint32_t slots = 1; slots <= 12; slots++) {
            CHECK_EQ(lead(pattern, 7 + slots, 12, slots, false, 1), 0);
        }
    }
}

static int64_t least_lead(Pattern pattern, uint32_t n, uint32_t slots) {
    int64_t least = INT64_MAX;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        for (uint32_t passing = 1; passing <= 2; passing++) {
            int64_t more = lead(pattern, seed, n, slots, true, passing);
            least = more < least ? more : least;
        }
    }
    return least;
}

/* Runs that end when they have just been taken for the cycle cost hits: whoever adapts can be misled. But
 * not again and again: a cacheful in all. */
TEST(random_orders_hit_at_least_as_often_as_with_least_recently_used) {
    for (uint32_t pattern = 0; pattern < PATTERNS; pattern++) {
        for (uint32_t n = 6; n <= 48; n += 7) {
            for (uint32_t slots = 2; slots <= n; slots += 1 + n / 12) {
                bool misleads = pattern == SHORT_RUNS || pattern == RUNS;
                int64_t least = least_lead((Pattern)pattern, n, slots);
                if (least < (misleads ? -(int64_t)slots : 0)) {
                    TEST_FAIL("%s, %u layers, %u slots: %lld hits more", pattern_names[pattern], n,
                              slots, (long long)least);
                }
            }
        }
    }
}

/* ---- layers that stay ------------------------------------------------------------------------ */

TEST(small_layers_stay_as_far_as_slots_allow) {
    Cache c;
    setup(&c, 12, 5, false, 1);
    c.policy.small_bytes = 1000 + 3; /* layers 0, 1, 2 */
    turns(&c, 2, false);
    uint64_t misses = c.r.misses;
    turns(&c, 1, false);
    CHECK_EQ(c.r.misses - misses, 12 - 3);
    setup(&c, 12, 5, false, 1);
    c.policy.small_bytes = 1 << 20; /* all of them: 4 stay, one slot is left */
    turns(&c, 2, false);
    misses = c.r.misses;
    turns(&c, 1, false);
    CHECK_EQ(c.r.misses - misses, 12 - 4);
}

TEST(held_and_small_layers_count_against_those_that_are_pinned) {
    Cache c;
    setup(&c, 12, 6, true, 1);
    c.units[3].held = 1;
    c.units[7].held = 1;
    c.policy.small_bytes = 1000 + 2;
    turns(&c, 6, false);
    uint64_t misses = c.r.misses;
    turns(&c, 1, false);
    CHECK_EQ(c.r.misses - misses, 12 - 5);
    CHECK(c.units[3].has_slot && c.units[7].has_slot && c.units[0].has_slot);
}

TEST(the_first_turn_out_of_the_cycle_pins_nothing_any_more) {
    Cache c;
    setup(&c, 12, 6, true, 1);
    turns(&c, 3, false);
    uint32_t pinned = 0;
    for (uint32_t i = 0; i < 12; i++) {
        pinned += c.units[i].pinned;
    }
    CHECK_EQ(pinned, 5);
    turn(&c, 5, false);
    for (uint32_t i = 0; i < 12; i++) {
        CHECK(!c.units[i].pinned);
    }
}

TEST(fewer_slots_drop_what_does_not_fit) {
    Cache c;
    setup(&c, 12, 8, true, 1);
    c.policy.small_bytes = 1000 + 4;
    turns(&c, 4, false);
    CHECK(tai_policy_fit(&c.policy, 3));
    CHECK(tai_residency_slot_bytes(&c.r, TAI_UNIT_BLOCK) <= 3 * SLOT_BYTES);
    turns(&c, 3, false);
    uint64_t misses = c.r.misses;
    turns(&c, 1, false);
    CHECK_EQ(c.r.misses - misses, 12 - 2);
    CHECK(tai_policy_fit(&c.policy, 8));
    turns(&c, 3, false);
    misses = c.r.misses;
    turns(&c, 1, false);
    CHECK_EQ(c.r.misses - misses, 12 - 7);
}

TEST_MAIN(T(a_cyclic_order_misses_as_promised_for_every_number_of_slots),
          T(least_recently_used_misses_every_time_in_a_cyclic_order),
          T(without_adapting_it_is_least_recently_used_exactly),
          T(random_orders_hit_at_least_as_often_as_with_least_recently_used),
          T(small_layers_stay_as_far_as_slots_allow),
          T(held_and_small_layers_count_against_those_that_are_pinned),
          T(the_first_turn_out_of_the_cycle_pins_nothing_any_more),
          T(fewer_slots_drop_what_does_not_fit))
