/* The residency by simulation: passes over units whose ranges are answered in random order. */
#include "stream/residency.h"

#include "unit/test.h"

#define MAX_BLOCKS 40
#define MAX_STRIPS 5
#define MAX_UNITS (1 + MAX_BLOCKS + MAX_STRIPS)
#define BLOCK_BYTES 10000u
#define SLOT_BYTES (1u << 16)

/* Nothing is written: slots are addresses only. */
#define ADDRESS(at) ((void *)(uintptr_t)(at)) // NOLINT(performance-no-int-to-ptr)

typedef struct Sim {
    TaiResidency r;
    TaiUnit units[MAX_UNITS];
    TaiRun runs[2 * MAX_UNITS];
    uint32_t block_pool[MAX_BLOCKS];
    uint32_t head_pool[MAX_STRIPS];
    uint32_t n_blocks;
    uint32_t n_pinned;
    uint32_t slots;
    uint32_t head_slots;
    TinyAIRange flying[TAI_RANGES];
    uint32_t n_flying;
    uint64_t seed;
} Sim;

static uint32_t chance(Sim *s, uint32_t n) {
    s->seed = s->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(s->seed >> 33) % n;
}

/* n_pinned blocks, and `passing` slots for the others and for the strips; two runs per block. */
static Sim simulate(uint32_t n_blocks, uint32_t n_pinned, uint32_t passing, uint32_t n_strips,
                    uint32_t chunk, uint64_t seed) {
    Sim s = {.n_blocks = n_blocks,
             .n_pinned = n_pinned,
             .slots = n_pinned + passing,
             .head_slots = passing ? passing : 1,
             .seed = seed};
    uint64_t address = 1 << 20;
    s.r = (TaiResidency){.n_units = 1 + n_blocks + n_strips, .read_chunk_bytes = chunk};
    for (uint32_t u = 0; u < s.r.n_units; u++) {
        bool block = u >= 1 && u <= n_blocks;
        s.units[u] = (TaiUnit){.first_run = 2 * u,
                               .n_runs = 2,
                               .bytes = BLOCK_BYTES + u,
                               .kind = u == 0  ? TAI_UNIT_FINAL
                                       : block ? TAI_UNIT_BLOCK
                                               : TAI_UNIT_HEAD,
                               .address = address,
                               .pinned = u == 0};
        s.runs[2 * u] = (TaiRun){.off = u * 100000u, .bytes = 6000, .at = 0};
        s.runs[2 * u + 1] =
            (TaiRun){.off = u * 100000u + 50000, .bytes = BLOCK_BYTES + u - 6000, .at = 6016};
        address += 1 << 16;
    }
    return s;
}

static void bind(Sim *s) {
    s->r.units = s->units;
    s->r.runs = s->runs;
    s->r.linear = 0;
    tai_residency_slots(&s->r, TAI_UNIT_BLOCK, ADDRESS(1 << 28), SLOT_BYTES, s->slots,
                        s->block_pool);
    tai_residency_slots(&s->r, TAI_UNIT_HEAD, ADDRESS(1 << 29), SLOT_BYTES, s->head_slots,
                        s->head_pool);
    CHECK(tai_residency_pin(&s->r, TAI_UNIT_BLOCK, s->n_pinned, s->slots));
}

static void take(Sim *s) {
    s->n_flying += tai_residency_take(&s->r, s->flying + s->n_flying, TAI_RANGES - s->n_flying);
    for (uint32_t i = 0; i < s->n_flying; i++) {
        for (uint32_t j = i + 1; j < s->n_flying; j++) {
            uint32_t a = s->flying[i].dest;
            uint32_t b = s->flying[j].dest;
            CHECK(a + s->flying[i].length <= b || b + s->flying[j].length <= a);
        }
    }
}

static void answer_one(Sim *s, int32_t status, uint32_t current) {
    uint32_t i = chance(s, s->n_flying);
    CHECK(tai_residency_answer(&s->r, s->flying[i].id, status, current));
    s->flying[i] = s->flying[--s->n_flying];
}

/* One pass; false if it got stuck. */
static bool pass(Sim *s, bool another) {
    TaiPass along = {.last = s->r.n_units - 1, .loop_first = 1 + s->n_blocks, .another = another};
    for (uint32_t u = 0; u < s->r.n_units; u++) {
        for (uint32_t tries = 0;; tries++) {
            tai_residency_want(&s->r, u, &along, true);
            take(s);
            if (s->units[u].state == TINYAI_BLOCK_RESIDENT) {
                break;
            }
            if (s->n_flying == 0 || tries > 10000) {
                return false;
            }
            answer_one(s, TINYAI_OK, u);
        }
        tai_residency_turn(&s->r, u);
        while (s->n_flying && chance(s, 3) == 0) {
            answer_one(s, TINYAI_OK, u);
        }
    }
    return true;
}

TEST(misses_per_steady_pass_are_as_promised_for_every_number_of_slots) {
    for (uint32_t n = 1; n <= MAX_BLOCKS; n++) {
        for (uint32_t c = 1; c <= n; c++) {
            for (uint32_t ring = 1; ring <= 2; ring++) {
                if (ring > c) {
                    continue;
                }
                uint32_t passing = c == n ? 0 : ring;
                Sim s = simulate(n, c - passing, passing, 3, 4096, n * 100 + c);
                bind(&s);
                CHECK(pass(&s, true));
                CHECK(pass(&s, true));
                uint64_t misses = s.r.misses;
                uint64_t hits = s.r.hits;
                CHECK(pass(&s, true));
                uint64_t expected = c == n ? 0 : ring == 1 ? n - c + 1 : n - c + 2;
                CHECK_EQ(s.r.misses - misses, expected);
                CHECK_EQ(s.r.hits - hits, n - expected);
            }
        }
    }
}

TEST(bytes_read_over_passes_are_exactly_the_streamed_units) {
    Sim s = simulate(12, 5, 2, 4, 5000, 7);
    bind(&s);
    uint32_t passes = 9;
    for (uint32_t i = 0; i < passes; i++) {
        CHECK(pass(&s, i + 1 < passes));
    }
    while (s.n_flying) {
        answer_one(&s, TINYAI_OK, TAI_NO_UNIT);
    }
    uint64_t blocks = 0;
    uint64_t strips = 0;
    for (uint32_t u = 1; u < s.r.n_units; u++) {
        uint64_t times = s.units[u].pinned ? 1 : passes;
        *(s.units[u].kind == TAI_UNIT_BLOCK ? &blocks : &strips) += times * s.units[u].bytes;
    }
    CHECK_EQ(s.r.bytes_read[TAI_UNIT_BLOCK], blocks);
    CHECK_EQ(s.r.bytes_read[TAI_UNIT_HEAD], strips);
    CHECK_EQ(s.r.n_pending, 0);
}

TEST(reading_ahead_hides_all_but_the_first_block) {
    Sim s = simulate(10, 0, 2, 1, 1 << 20, 3);
    bind(&s);
    CHECK(pass(&s, true));
    CHECK(pass(&s, true));
    CHECK_EQ(s.r.misses, 20);
    CHECK(s.r.prefetched >= 19);
}

TEST(pinned_blocks_are_spread_evenly) {
    for (uint32_t n = 1; n <= 64; n++) {
        for (uint32_t p = 0; p <= n; p++) {
            uint32_t count = 0;
            uint32_t longest_gap = 0;
            uint32_t gap = 0;
            for (uint32_t i = 0; i < n; i++) {
                bool pinned = tai_is_pinned(i, p, n);
                count += pinned;
                gap = pinned ? 0 : gap + 1;
                longest_gap = gap > longest_gap ? gap : longest_gap;
            }
            CHECK_EQ(count, p);
            CHECK(p == 0 || longest_gap <= (n + p - 1) / p);
        }
    }
}

TEST(a_failed_read_of_the_current_unit_is_reported_and_can_be_tried_again) {
    Sim s = simulate(3, 0, 1, 1, 1 << 20, 5);
    bind(&s);
    TaiPass along = {.last = 4, .loop_first = 4};
    tai_residency_want(&s.r, 1, &along, false);
    take(&s);
    CHECK_EQ(s.n_flying, 2);
    answer_one(&s, TINYAI_E_IO, 1);
    CHECK_EQ(s.r.failed_status, TINYAI_E_IO);
    answer_one(&s, TINYAI_OK, 1);
    CHECK_EQ(s.units[1].state, TINYAI_BLOCK_ABSENT);
    s.r.failed_status = 0;
    tai_residency_want(&s.r, 1, &along, false);
    take(&s);
    answer_one(&s, TINYAI_OK, 1);
    answer_one(&s, TINYAI_OK, 1);
    CHECK_EQ(s.units[1].state, TINYAI_BLOCK_RESIDENT);
}

TEST(a_failed_read_ahead_fails_nothing_and_waits_for_its_turn) {
    Sim s = simulate(3, 0, 2, 1, 1 << 20, 5);
    bind(&s);
    TaiPass along = {.last = 4, .loop_first = 4};
    tai_residency_want(&s.r, 1, &along, true);
    take(&s);
    while (s.n_flying) {
        uint32_t i = s.n_flying - 1;
        uint32_t unit = (uint32_t)(s.flying[i].offset / 100000);
        tai_residency_answer(&s.r, s.flying[i].id, unit == 2 ? TINYAI_E_IO : TINYAI_OK, 1);
        s.n_flying--;
    }
    CHECK_EQ(s.r.failed_status, TINYAI_OK);
    tai_residency_want(&s.r, 1, &along, true);
    take(&s);
    for (uint32_t i = 0; i < s.n_flying; i++) {
        CHECK(s.flying[i].offset / 100000 != 2);
        CHECK(s.flying[i].offset / 100000 != 3); /* it would take the slot that 2 needs first */
    }
    tai_residency_want(&s.r, 2, &along, true);
    take(&s);
    bool asked = false;
    for (uint32_t i = 0; i < s.n_flying; i++) {
        asked = asked || s.flying[i].offset / 100000 == 2;
    }
    CHECK(asked);
}

TEST(ranges_that_the_host_never_took_can_be_dropped) {
    Sim s = simulate(6, 0, 2, 1, 1000, 5);
    bind(&s);
    TaiPass along = {.last = 7, .loop_first = 7, .another = true};
    tai_residency_want(&s.r, 1, &along, true);
    CHECK(s.r.n_pending > 10);
    tai_residency_drop_untaken(&s.r);
    CHECK_EQ(s.r.n_pending, 0);
    CHECK(pass(&s, true));
}

TEST(a_read_that_fails_after_its_run_has_ended_fails_no_later_run) {
    Sim s = simulate(3, 0, 1, 1, 1 << 20, 5);
    bind(&s);
    TaiPass along = {.last = 4, .loop_first = 4};
    tai_residency_want(&s.r, 1, &along, false);
    take(&s);
    CHECK_EQ(s.n_flying, 2);
    tai_residency_drop_untaken(&s.r);           /* the run ends */
    tai_residency_want(&s.r, 1, &along, false); /* the next one needs the same unit */
    answer_one(&s, TINYAI_E_IO, 1);
    answer_one(&s, TINYAI_E_IO, 1);
    CHECK_EQ(s.r.failed_status, TINYAI_OK);
    CHECK_EQ(s.units[1].state, TINYAI_BLOCK_ABSENT);
    tai_residency_want(&s.r, 1, &along, false);
    take(&s);
    CHECK_EQ(s.n_flying, 2);
    answer_one(&s, TINYAI_E_IO, 1); /* of this run */
    CHECK_EQ(s.r.failed_status, TINYAI_E_IO);
}

TEST(random_runs_with_faults_never_stick_nor_overlap) {
    for (uint64_t seed = 1; seed <= 300; seed++) {
        Sim s = simulate(2 + seed % 9, seed % 3, 1 + seed % 2, 1 + seed % 4, 3000, seed);
        bind(&s);
        for (uint32_t run = 0; run < 6; run++) {
            TaiPass along = {
                .last = s.r.n_units - 1, .loop_first = 1 + s.n_blocks, .another = true};
            uint32_t stop_at = chance(&s, s.r.n_units);
            for (uint32_t u = 0; u < stop_at; u++) {
                uint32_t tries = 0;
                for (; tries < 5000 && s.units[u].state != TINYAI_BLOCK_RESIDENT; tries++) {
                    tai_residency_want(&s.r, u, &along, true);
                    take(&s);
                    if (s.n_flying) {
                        answer_one(&s, chance(&s, 10) == 0 ? TINYAI_E_IO : TINYAI_OK, u);
                    }
                }
                CHECK(tries < 5000);
                tai_residency_want(&s.r, u, &along, true);
                CHECK_EQ(s.units[u].state, TINYAI_BLOCK_RESIDENT);
                tai_residency_turn(&s.r, u);
            }
            s.r.failed_status = 0;
            tai_residency_drop_untaken(&s.r);
        }
        CHECK(pass(&s, true));
    }
}

/* ---- slots that change while units use them -------------------------------------------------- */

static uint32_t slots_in_use(const Sim *s) {
    return (uint32_t)(tai_residency_slot_bytes(&s->r, TAI_UNIT_BLOCK) / SLOT_BYTES);
}

static uint32_t resident_blocks(const Sim *s) {
    uint32_t n = 0;
    for (uint32_t u = 1; u <= s->n_blocks; u++) {
        n += s->units[u].state == TINYAI_BLOCK_RESIDENT;
    }
    return n;
}

static uint64_t misses_of_a_pass(Sim *s) {
    uint64_t before = s->r.misses;
    CHECK(pass(s, true));
    return s->r.misses - before;
}

TEST(pins_and_slots_go_down_and_up_between_passes) {
    Sim s = simulate(12, 6, 2, 2, 1 << 20, 11);
    bind(&s);
    CHECK(pass(&s, true));
    CHECK(pass(&s, true));
    CHECK_EQ(misses_of_a_pass(&s), 6);
    for (uint32_t slots = 8; slots >= 2; slots--) {
        while (!tai_residency_pin(&s.r, TAI_UNIT_BLOCK, slots - 2, slots)) {
            CHECK(s.n_flying > 0);
            answer_one(&s, TINYAI_OK, TAI_NO_UNIT);
        }
        CHECK(slots_in_use(&s) <= slots);
        CHECK(pass(&s, true)); /* while what passed before is still on its way */
        CHECK_EQ(misses_of_a_pass(&s), 12 - slots + 2);
        CHECK(slots_in_use(&s) <= slots);
    }
    for (uint32_t slots = 2; slots <= 8; slots++) {
        CHECK(tai_residency_pin(&s.r, TAI_UNIT_BLOCK, slots - 2, slots));
        CHECK(pass(&s, true)); /* pinned ones take their slots */
        CHECK_EQ(misses_of_a_pass(&s), 12 - slots + 2);
    }
}

TEST(a_slot_in_flight_is_given_back_when_its_ranges_are_answered) {
    Sim s = simulate(6, 0, 2, 1, 1 << 20, 11);
    bind(&s);
    TaiPass along = {.last = 7, .loop_first = 7, .another = true};
    tai_residency_want(&s.r, 1, &along, true);
    take(&s);
    CHECK_EQ(slots_in_use(&s), 2);
    CHECK(!tai_residency_pin(&s.r, TAI_UNIT_BLOCK, 0, 1));
    CHECK_EQ(slots_in_use(&s), 2);
    CHECK(!tai_residency_drop(&s.r, 1));
    while (s.n_flying) {
        CHECK(!tai_residency_pin(&s.r, TAI_UNIT_BLOCK, 0, 1) || slots_in_use(&s) == 1);
        answer_one(&s, TINYAI_OK, 1);
    }
    CHECK(tai_residency_pin(&s.r, TAI_UNIT_BLOCK, 0, 1));
    CHECK_EQ(slots_in_use(&s), 1);
    CHECK_EQ(resident_blocks(&s), 1);
    CHECK(pass(&s, true));
    CHECK_EQ(misses_of_a_pass(&s), 6);
}

TEST(a_unit_that_becomes_pinned_while_it_is_there_stays_in_its_slot) {
    Sim s = simulate(6, 0, 3, 1, 1 << 20, 11);
    bind(&s);
    CHECK(pass(&s, false));
    uint32_t pinned = 0;
    CHECK(tai_residency_pin(&s.r, TAI_UNIT_BLOCK, 2, 3));
    for (uint32_t u = 1; u <= 6; u++) {
        pinned = s.units[u].pinned && s.units[u].has_slot ? u : pinned;
    }
    CHECK(pinned != 0);
    uint64_t address = s.units[pinned].address;
    CHECK(pass(&s, true));
    CHECK_EQ(s.units[pinned].state, TINYAI_BLOCK_RESIDENT);
    CHECK_EQ(s.units[pinned].address, address);
}

TEST(dropped_units_are_read_again_and_stay_verified) {
    Sim s = simulate(4, 3, 1, 1, 1 << 20, 11);
    bind(&s);
    CHECK(!tai_residency_drop(&s.r, 2)); /* not there yet */
    CHECK(pass(&s, true));
    s.units[2].verified = true;
    uint32_t used = slots_in_use(&s);
    CHECK(tai_residency_drop(&s.r, 2));
    CHECK(!tai_residency_drop(&s.r, 2));
    CHECK_EQ(slots_in_use(&s), used - 1);
    CHECK(s.units[2].verified);
    CHECK(pass(&s, true));
    CHECK_EQ(s.units[2].state, TINYAI_BLOCK_RESIDENT);
}

TEST(a_held_unit_is_passed_by) {
    Sim s = simulate(8, 2, 2, 1, 1 << 20, 11);
    bind(&s);
    s.units[3].held = 1;
    CHECK(pass(&s, true));
    uint64_t address = s.units[3].address;
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(misses_of_a_pass(&s), 8 - 3);
        CHECK_EQ(s.units[3].address, address);
    }
    s.units[3].held = 0;
    CHECK(pass(&s, true));
    CHECK_EQ(misses_of_a_pass(&s), 8 - 2);
}

TEST(head_strips_are_pinned_from_the_first_on) {
    Sim s = simulate(2, 0, 1, 5, 1 << 20, 11);
    bind(&s);
    tai_residency_slots(&s.r, TAI_UNIT_HEAD, ADDRESS(1 << 29), SLOT_BYTES, 4, s.head_pool);
    CHECK(tai_residency_pin(&s.r, TAI_UNIT_HEAD, 3, 4));
    CHECK(pass(&s, true));
    uint64_t strips = s.r.bytes_read[TAI_UNIT_HEAD];
    CHECK(pass(&s, true));
    while (s.n_flying) {
        answer_one(&s, TINYAI_OK, TAI_NO_UNIT);
    }
    uint64_t streamed = s.units[6].bytes + s.units[7].bytes;
    CHECK_EQ(s.r.bytes_read[TAI_UNIT_HEAD] - strips, streamed);
    CHECK_EQ(tai_residency_slot_bytes(&s.r, TAI_UNIT_HEAD), 4 * SLOT_BYTES);
    CHECK_EQ(tai_residency_slot_bytes(&s.r, TAI_UNIT_FINAL), 0);
}

/* Pins, slots, holds and drops at random moments, with faults: slots never overlap (take checks), no more
 * are in use than allowed, and the passes go on. */
TEST(random_changes_of_slots_never_stick_nor_overlap) {
    for (uint64_t seed = 1; seed <= 200; seed++) {
        Sim s = simulate(3 + seed % 12, 1 + seed % 2, 2, 1 + seed % 4, 3000, seed);
        bind(&s);
        for (uint32_t round = 0; round < 12; round++) {
            uint32_t active = 1 + chance(&s, s.slots);
            while (!tai_residency_pin(&s.r, TAI_UNIT_BLOCK, chance(&s, active), active)) {
                CHECK(s.n_flying > 0);
                answer_one(&s, chance(&s, 5) == 0 ? TINYAI_E_IO : TINYAI_OK, TAI_NO_UNIT);
            }
            CHECK(slots_in_use(&s) <= active);
            tai_residency_drop(&s.r, 1 + chance(&s, s.n_blocks));
            s.r.failed_status = 0;
            CHECK(pass(&s, true));
            CHECK(slots_in_use(&s) <= active);
        }
    }
}

TEST_MAIN(T(misses_per_steady_pass_are_as_promised_for_every_number_of_slots),
          T(bytes_read_over_passes_are_exactly_the_streamed_units),
          T(reading_ahead_hides_all_but_the_first_block), T(pinned_blocks_are_spread_evenly),
          T(a_failed_read_of_the_current_unit_is_reported_and_can_be_tried_again),
          T(a_failed_read_ahead_fails_nothing_and_waits_for_its_turn),
          T(ranges_that_the_host_never_took_can_be_dropped),
          T(a_read_that_fails_after_its_run_has_ended_fails_no_later_run),
          T(random_runs_with_faults_never_stick_nor_overlap),
          T(pins_and_slots_go_down_and_up_between_passes),
          T(a_slot_in_flight_is_given_back_when_its_ranges_are_answered),
          T(a_unit_that_becomes_pinned_while_it_is_there_stays_in_its_slot),
          T(dropped_units_are_read_again_and_stay_verified), T(a_held_unit_is_passed_by),
          T(head_strips_are_pinned_from_the_first_on),
          T(random_changes_of_slots_never_stick_nor_overlap))
