#include "stream/residency.h"

#include <stddef.h>

#include "memory/checked.h"

bool tai_is_pinned(uint32_t block, uint32_t n_pinned, uint32_t n_blocks) {
    uint64_t before = (uint64_t)block * n_pinned / n_blocks;
    uint64_t behind = ((uint64_t)block + 1) * n_pinned / n_blocks;
    return behind > before;
}

/* ---- the table of ranges --------------------------------------------------------------------- */

static TaiPending *free_entry(TaiResidency *r) {
    for (uint32_t i = 0; i < TAI_RANGES; i++) {
        if (!r->pending[i].used) {
            return &r->pending[i];
        }
    }
    return NULL;
}

static void put_range(TaiResidency *r, TaiPending *entry, uint32_t unit, uint32_t flags,
                      uint64_t off, uint32_t bytes, uint64_t address) {
    *entry = (TaiPending){.range = {.id = r->next_id++,
                                    .flags = flags,
                                    .offset = off,
                                    .length = bytes,
                                    .dest = (uint32_t)address},
                          .unit = unit,
                          .used = true};
    r->n_pending++;
}

/* Puts ranges of a loading unit into the table until it is covered or the table is full (false). */
static bool issue(TaiResidency *r, uint32_t index, uint32_t flags) {
    TaiUnit *unit = &r->units[index];
    while (unit->next_run < unit->n_runs) {
        TaiPending *entry = free_entry(r);
        if (!entry) {
            return false;
        }
        const TaiRun *run = &r->runs[unit->first_run + unit->next_run];
        uint32_t bytes = run->bytes - unit->next_byte;
        if (bytes > r->read_chunk_bytes) {
            bytes = r->read_chunk_bytes;
        }
        put_range(r, entry, index, flags, run->off + unit->next_byte, bytes,
                  unit->address + run->at + unit->next_byte);
        unit->pending++;
        unit->next_byte += bytes;
        if (unit->next_byte == run->bytes) {
            unit->next_run++;
            unit->next_byte = 0;
        }
    }
    return true;
}

/* ---- slots ----------------------------------------------------------------------------------- */

static TaiRing *ring_of(TaiResidency *r, const TaiUnit *unit) {
    return unit->kind == TAI_UNIT_HEAD ? &r->head : &r->blocks;
}

static uint32_t slot_of(const TaiRing *ring, uint32_t unit) {
    for (uint32_t s = 0; s < ring->n_slots; s++) {
        if (ring->owner[s] == unit) {
            return s;
        }
    }
    return TAI_RING_SLOTS;
}

/* A unit that is not there any more owns no slot of its ring. */
static void vacate(TaiResidency *r, uint32_t index) {
    TaiUnit *unit = &r->units[index];
    TaiRing *ring = ring_of(r, unit);
    uint32_t slot = unit->pinned ? TAI_RING_SLOTS : slot_of(ring, index);
    if (slot < TAI_RING_SLOTS) {
        ring->owner[slot] = TAI_NO_UNIT;
    }
    unit->state = TINYAI_BLOCK_ABSENT;
    unit->fresh = false;
}

/* Gives the unit a slot: its own, or one of the ring that is not among `kept` and has nothing in
 * flight. */
static bool place(TaiResidency *r, uint32_t index, const bool kept[TAI_RING_SLOTS]) {
    TaiUnit *unit = &r->units[index];
    if (unit->pinned) {
        return true;
    }
    TaiRing *ring = ring_of(r, unit);
    for (uint32_t s = 0; s < ring->n_slots && s < TAI_RING_SLOTS; s++) {
        uint32_t owner = ring->owner[s];
        if (kept[s] || (owner != TAI_NO_UNIT && r->units[owner].pending)) {
            continue;
        }
        if (owner != TAI_NO_UNIT) {
            vacate(r, owner);
        }
        ring->owner[s] = index;
        unit->address = ring->address[s];
        return true;
    }
    return false;
}

static void start_loading(TaiUnit *unit, bool ahead) {
    unit->state = TINYAI_BLOCK_LOADING;
    unit->next_run = 0;
    unit->next_byte = 0;
    unit->fresh = true;
    unit->ahead = ahead;
    unit->failed = false;
}

/* ---- wanting --------------------------------------------------------------------------------- */

/* Moves along the pass; false at its end when no other follows. */
static bool next_unit(uint32_t *unit, TaiPass *pass) {
    if (*unit < pass->last) {
        (*unit)++;
        return true;
    }
    if (pass->loops) {
        pass->loops--;
        *unit = pass->loop_first;
        return true;
    }
    *unit = 0;
    return pass->another;
}

/* Wants one unit; false when the table is full. Slots of units met so far are `kept`. */
static bool want_unit(TaiResidency *r, uint32_t index, bool demand,
                      bool kept_blocks[TAI_RING_SLOTS], bool kept_head[TAI_RING_SLOTS]) {
    TaiUnit *unit = &r->units[index];
    bool *kept = unit->kind == TAI_UNIT_HEAD ? kept_head : kept_blocks;
    if (unit->state == TINYAI_BLOCK_ABSENT && unit->pending == 0 && (demand || !unit->avoid)) {
        if (place(r, index, kept)) {
            start_loading(unit, !demand);
        }
    }
    if (!unit->pinned) {
        uint32_t slot = slot_of(ring_of(r, unit), index);
        if (slot < TAI_RING_SLOTS) {
            kept[slot] = true;
        } else {
            /* It got no slot, so nothing behind it may take one before it. */
            kept[0] = kept[1] = true;
        }
    }
    if (unit->state == TINYAI_BLOCK_LOADING && !unit->failed) {
        return issue(r, index, demand ? TINYAI_RANGE_DEMAND : TINYAI_RANGE_PREFETCH);
    }
    return true;
}

void tai_residency_want(TaiResidency *r, uint32_t current, const TaiPass *pass, bool read_ahead) {
    bool kept_blocks[TAI_RING_SLOTS] = {false, false};
    bool kept_head[TAI_RING_SLOTS] = {false, false};
    TaiPass along = *pass;
    uint32_t unit = current;
    bool demand = true;
    for (uint32_t seen = 0; seen < r->n_units; seen++) {
        if (!want_unit(r, unit, demand, kept_blocks, kept_head)) {
            return;
        }
        demand = false;
        if (!read_ahead || !next_unit(&unit, &along)) {
            return;
        }
    }
}

void tai_residency_turn(TaiResidency *r, uint32_t index) {
    TaiUnit *unit = &r->units[index];
    if (unit->kind == TAI_UNIT_BLOCK) {
        if (unit->fresh) {
            r->misses++;
            r->prefetched += unit->ahead;
        } else {
            r->hits++;
        }
    }
    unit->fresh = false;
}

bool tai_residency_want_row(TaiResidency *r, uint64_t off, uint32_t bytes, uint64_t address) {
    TaiPending *entry = free_entry(r);
    if (!entry) {
        return false;
    }
    put_range(r, entry, TAI_ROWS_UNIT, TINYAI_RANGE_DEMAND, off, bytes, address);
    r->rows_pending++;
    return true;
}

/* ---- the host's side ------------------------------------------------------------------------- */

/* The untaken entry to hand out next: what is computed with next comes first, then the oldest. */
static TaiPending *most_urgent(TaiResidency *r) {
    TaiPending *best = NULL;
    for (uint32_t i = 0; i < TAI_RANGES; i++) {
        TaiPending *p = &r->pending[i];
        if (!p->used || p->taken) {
            continue;
        }
        if (!best || p->range.flags < best->range.flags ||
            (p->range.flags == best->range.flags &&
             p->range.id - best->range.id > UINT32_MAX / 2)) {
            best = p;
        }
    }
    return best;
}

uint32_t tai_residency_take(TaiResidency *r, TinyAIRange *ranges, uint32_t capacity) {
    uint32_t n = 0;
    for (TaiPending *p = most_urgent(r); p && n < capacity; p = most_urgent(r)) {
        p->taken = true;
        ranges[n++] = p->range;
    }
    return n;
}

static void settle_row(TaiResidency *r, const TaiPending *p, int32_t status) {
    r->rows_pending--;
    if (status == TINYAI_OK) {
        r->bytes_read[TAI_UNIT_EMBEDDING] += p->range.length;
    }
}

static void settle_unit(TaiResidency *r, const TaiPending *p, int32_t status) {
    TaiUnit *unit = &r->units[p->unit];
    unit->pending--;
    if (status == TINYAI_OK) {
        r->bytes_read[unit->kind] += p->range.length;
    } else {
        unit->failed = true;
    }
    if (unit->pending) {
        return;
    }
    if (unit->failed) {
        vacate(r, p->unit);
    } else if (unit->next_run == unit->n_runs) {
        unit->state = TINYAI_BLOCK_RESIDENT;
        unit->avoid = false;
    }
}

static TaiPending *in_flight(const TaiResidency *r, uint32_t id) {
    for (uint32_t i = 0; i < TAI_RANGES; i++) {
        const TaiPending *p = &r->pending[i];
        if (p->used && p->taken && p->range.id == id) {
            return (TaiPending *)p;
        }
    }
    return NULL;
}

uint32_t tai_residency_length(const TaiResidency *r, uint32_t id) {
    const TaiPending *p = in_flight(r, id);
    return p ? p->range.length : 0;
}

/* Takes a range out of the table and accounts for it. */
static void settle(TaiResidency *r, TaiPending *p, int32_t status) {
    p->used = false;
    r->n_pending--;
    if (p->unit == TAI_ROWS_UNIT) {
        settle_row(r, p, status);
    } else {
        settle_unit(r, p, status);
    }
}

bool tai_residency_answer(TaiResidency *r, uint32_t id, int32_t status, uint32_t current) {
    TaiPending *p = in_flight(r, id);
    if (!p) {
        return false;
    }
    bool needed = p->unit == TAI_ROWS_UNIT ? r->rows_wanted : p->unit == current;
    settle(r, p, status);
    if (status == TINYAI_OK) {
        r->requests++;
    } else if (!needed) {
        if (p->unit != TAI_ROWS_UNIT) {
            r->units[p->unit].avoid = true;
        }
    } else if (r->failed_status == TINYAI_OK) {
        r->failed_status = status;
        r->failed_off = p->range.offset;
    }
    return true;
}

void tai_residency_drop_untaken(TaiResidency *r) {
    for (uint32_t i = 0; i < TAI_RANGES; i++) {
        if (r->pending[i].used && !r->pending[i].taken) {
            settle(r, &r->pending[i], TINYAI_E_IO);
        }
    }
}
