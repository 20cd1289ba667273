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
                  unit->address + unit->land + run->at + unit->next_byte);
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

/* NULL: units of this kind lie at fixed addresses. */
static TaiSlots *slots_of(TaiResidency *r, uint8_t kind) {
    if (kind == TAI_UNIT_BLOCK) {
        return &r->blocks;
    }
    return kind == TAI_UNIT_HEAD ? &r->head : NULL;
}

static uint32_t in_use(const TaiSlots *slots) {
    return slots->pool.n_blocks - slots->pool.n_free;
}

/* Its slot is its own: from the start, or once it has one. */
static bool stays(const TaiUnit *unit) {
    return unit->pinned || unit->held > 0 || (unit->small && unit->has_slot);
}

/* A unit that is not there any more has no slot of its pool. */
static void vacate(TaiResidency *r, TaiUnit *unit) {
    if (unit->has_slot) {
        void *slot = (void *)(r->linear + (uintptr_t)unit->address); // NOLINT(*-no-int-to-ptr)
        tai_pool_give(&slots_of(r, unit->kind)->pool, slot);
        unit->has_slot = false;
    }
    unit->state = TINYAI_BLOCK_ABSENT;
    unit->fresh = false;
}

/* The least recently used unit that may lose its slot; NULL if all are needed or in flight. */
static TaiUnit *victim(TaiResidency *r, uint8_t kind) {
    TaiUnit *oldest = NULL;
    for (uint32_t i = 0; i < r->n_units; i++) {
        TaiUnit *unit = &r->units[i];
        if (unit->kind == kind && unit->has_slot && !stays(unit) && unit->kept != r->walk &&
            unit->pending == 0 && (!oldest || unit->used < oldest->used)) {
            oldest = unit;
        }
    }
    return oldest;
}

/* Whether a unit may take a free slot: always if one is kept for it, else as long as those that stay are
 * left theirs. */
static bool may_take(const TaiResidency *r, const TaiSlots *slots, const TaiUnit *unit) {
    uint32_t reserved = 0; /* of units that stay, there or not */
    uint32_t passing = 0;  /* in use by the others */
    for (uint32_t i = 0; i < r->n_units; i++) {
        const TaiUnit *other = &r->units[i];
        if (other->kind == unit->kind) {
            reserved += stays(other);
            passing += other->has_slot && !stays(other);
        }
    }
    return in_use(slots) < slots->active && (stays(unit) || passing + reserved < slots->active);
}

/* Gives the unit a slot: a free one, or one of a unit that is not needed soon. */
static bool place(TaiResidency *r, TaiUnit *unit) {
    TaiSlots *slots = slots_of(r, unit->kind);
    if (!slots || unit->has_slot) {
        return true;
    }
    if (slots->exhausted && !stays(unit)) {
        return false;
    }
    if (!may_take(r, slots, unit)) {
        TaiUnit *oldest = victim(r, unit->kind);
        if (!oldest) {
            return false;
        }
        vacate(r, oldest);
    }
    unit->address = (uintptr_t)tai_pool_take(&slots->pool) - r->linear;
    unit->has_slot = true;
    return true;
}

void tai_residency_slots(TaiResidency *r, TaiUnitKind kind, void *base, uint64_t slot_bytes,
                         uint32_t n_slots, uint32_t *next) {
    TaiSlots *slots = slots_of(r, (uint8_t)kind);
    tai_pool_init(&slots->pool, base, (size_t)slot_bytes, n_slots, next);
    slots->active = n_slots;
}

static uint32_t count(const TaiResidency *r, TaiUnitKind kind) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->n_units; i++) {
        n += r->units[i].kind == kind;
    }
    return n;
}

bool tai_residency_pin(TaiResidency *r, TaiUnitKind kind, uint32_t n_pinned, uint32_t active) {
    TaiSlots *slots = slots_of(r, (uint8_t)kind);
    uint32_t n = count(r, kind);
    uint32_t index = 0;
    for (uint32_t i = 0; i < r->n_units; i++) {
        TaiUnit *unit = &r->units[i];
        if (unit->kind == kind) {
            unit->pinned =
                kind == TAI_UNIT_HEAD ? index < n_pinned : tai_is_pinned(index, n_pinned, n);
            index++;
        }
    }
    slots->active = active;
    r->walk++; /* nothing is kept for the walk before */
    while (in_use(slots) > active) {
        TaiUnit *oldest = victim(r, (uint8_t)kind);
        if (!oldest) {
            return false;
        }
        vacate(r, oldest);
    }
    return true;
}

bool tai_residency_drop(TaiResidency *r, uint32_t index) {
    TaiUnit *unit = &r->units[index];
    if (unit->pending || unit->state == TINYAI_BLOCK_ABSENT) {
        return false;
    }
    vacate(r, unit);
    return true;
}

uint64_t tai_residency_slot_bytes(const TaiResidency *r, TaiUnitKind kind) {
    const TaiSlots *slots = slots_of((TaiResidency *)r, (uint8_t)kind);
    return slots ? (uint64_t)in_use(slots) * slots->pool.block_bytes : 0;
}

static void start_loading(TaiUnit *unit, bool ahead) {
    unit->state = TINYAI_BLOCK_LOADING;
    unit->next_run = 0;
    unit->next_byte = 0;
    unit->fresh = true;
    unit->ahead = ahead;
    unit->failed = false;
    unit->repacked = false;
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

void tai_residency_walk(TaiResidency *r) {
    r->walk++;
    r->blocks.exhausted = false;
    r->head.exhausted = false;
}

bool tai_residency_want_unit(TaiResidency *r, uint32_t index, bool demand) {
    TaiUnit *unit = &r->units[index];
    TaiSlots *slots = slots_of(r, unit->kind);
    unit->kept = r->walk;
    if (unit->state == TINYAI_BLOCK_ABSENT && unit->pending == 0 && (demand || !unit->avoid) &&
        place(r, unit)) {
        start_loading(unit, !demand);
    }
    if (slots && !unit->has_slot && !stays(unit)) {
        slots->exhausted = true;
    }
    if (unit->state == TINYAI_BLOCK_LOADING && !unit->failed) {
        return issue(r, index, demand ? TINYAI_RANGE_DEMAND : TINYAI_RANGE_PREFETCH);
    }
    return true;
}

void tai_residency_want(TaiResidency *r, uint32_t current, const TaiPass *pass, bool read_ahead) {
    TaiPass along = *pass;
    uint32_t unit = current;
    bool demand = true;
    tai_residency_walk(r);
    for (uint32_t seen = 0; seen < r->n_units; seen++) {
        if (!tai_residency_want_unit(r, unit, demand)) {
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
    unit->used = ++r->clock;
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
        vacate(r, unit);
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
    bool needed = p->unit == TAI_ROWS_UNIT ? r->rows_wanted : p->unit == current && !p->orphan;
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

void tai_residency_drop_untaken_units(TaiResidency *r) {
    for (uint32_t i = 0; i < TAI_RANGES; i++) {
        TaiPending *p = &r->pending[i];
        if (p->used && !p->taken && p->unit != TAI_ROWS_UNIT) {
            settle(r, p, TINYAI_E_IO);
        }
    }
}

void tai_residency_drop_untaken(TaiResidency *r) {
    tai_residency_drop_untaken_units(r);
    for (uint32_t i = 0; i < TAI_RANGES; i++) {
        TaiPending *p = &r->pending[i];
        if (p->used && !p->taken) {
            settle(r, p, TINYAI_E_IO);
        }
        p->orphan = p->used;
    }
}
