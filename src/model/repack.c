#include "model/repack.h"

#include <stddef.h>
#include <string.h>

#include "kernels/panel.h"
#include "memory/checked.h"
#include "model/engine.h"

#define MOVE_ITEM_BYTES 65536u
/* What a byte costs, in multiply-adds of a matrix, rather too much than too little (see forward.c). */
#define REPACK_WORK 4u
#define MOVE_WORK 2u

bool tai_needs_repack(const TaiTensor *t) {
    return t->off && t->layout == TAI_LAYOUT_ROWS && tai_is_panelled((TaiType)t->type);
}

/* ---- places ---------------------------------------------------------------------------------- */

static uint32_t panels_of(const TaiTensor *t) {
    return (t->rows + TAI_PANEL_ROWS - 1) / TAI_PANEL_ROWS;
}

/* What was placed of a unit. */
typedef struct Room {
    uint64_t end;  /* of its computed tensors */
    uint64_t land; /* least place of its first byte */
} Room;

/* At least enough for the unit's byte `from` to land at `at` or behind it. */
static void land_behind(Room *room, uint64_t at, uint64_t from) {
    room->land = tai_max_u64(room->land, at > from ? at - from : 0);
}

static void place(Room *room, TaiTensor *t) {
    uint64_t at = tai_align_up(room->end, TAI_ALIGNMENT);
    if (tai_needs_repack(t)) {
        /* The distance of a panel's end and its rows grows or shrinks with each by the same: the first or the
         * last is the worst. */
        uint64_t panel = tai_panel_bytes((TaiType)t->type, t->cols);
        uint64_t before = panels_of(t) - 1;
        room->end = at + (before + 1) * panel;
        land_behind(room, at + panel, t->from);
        land_behind(room, room->end, t->from + before * TAI_PANEL_ROWS * t->row_bytes);
    } else {
        room->end = at + t->bytes;
        land_behind(room, at, t->from);
    }
    t->at = (uint32_t)at; /* a unit that does not fit into 32 bits is refused by the plan */
}

uint64_t tai_place_unit(TaiUnit *unit, TaiTensor *tensors, uint32_t n, uint64_t bytes) {
    Room room = {0};
    TaiTensor *t = tai_next_in_file(tensors, n, NULL);
    for (; t; t = tai_next_in_file(tensors, n, t)) {
        place(&room, t);
        unit->repack = unit->repack || tai_needs_repack(t);
    }
    uint64_t land = unit->repack ? tai_align_up(room.land, TAI_ALIGNMENT) : 0;
    for (uint32_t i = 0; i < n; i++) {
        tensors[i].from += (uint32_t)land;
        tensors[i].at = unit->repack ? tensors[i].at : tensors[i].from;
    }
    unit->land = (uint32_t)land;
    return tai_align_up(land + bytes, TAI_ALIGNMENT);
}

/* ---- operations ------------------------------------------------------------------------------ */

/* in: rows, out: panels, which may lie in one another's place; one item = one panel. */
static void run_repack(void *context, const TaiOp *op, uint32_t first, uint32_t count) {
    const TaiTensor *t = op->tensor;
    const uint8_t *rows = op->weights;
    uint8_t *panels = (uint8_t *)op->out;
    uint64_t panel_bytes = tai_panel_bytes((TaiType)t->type, t->cols);
    (void)context;
    for (uint32_t p = first; p < first + count; p++) {
        uint32_t row = p * TAI_PANEL_ROWS;
        tai_panel_put((TaiType)t->type, rows + row * t->row_bytes,
                      (uint32_t)tai_min_u64(TAI_PANEL_ROWS, t->rows - row), t->cols,
                      panels + p * panel_bytes);
    }
}

/* A tensor as it is, from its first byte on: it moves towards the slot's start. */
static void run_move(void *context, const TaiOp *op, uint32_t first, uint32_t count) {
    const TaiTensor *t = op->tensor;
    uint64_t begin = (uint64_t)first * MOVE_ITEM_BYTES;
    uint64_t bytes = tai_min_u64((uint64_t)count * MOVE_ITEM_BYTES, t->bytes - begin);
    (void)context;
    memmove((uint8_t *)op->out + begin, (const uint8_t *)op->weights + begin, (size_t)bytes);
}

static void add_repack(TinyAIModel *m, uint8_t *slot, const TaiTensor *t) {
    TaiOp op = {.weights = slot + t->from, .tensor = t, .out = (float *)(slot + t->at)};
    if (tai_needs_repack(t)) {
        op.run = run_repack;
        op.items = panels_of(t);
        op.item_work = TAI_PANEL_ROWS * t->row_bytes * REPACK_WORK;
    } else {
        op.run = run_move;
        op.items = (uint32_t)((t->bytes + MOVE_ITEM_BYTES - 1) / MOVE_ITEM_BYTES);
        op.item_work = (uint64_t)MOVE_ITEM_BYTES * MOVE_WORK;
    }
    tai_steps_add(&m->steps, op);
}

void tai_build_repack(TinyAIModel *m, uint32_t index) {
    const TaiUnit *unit = &m->file.units[index];
    uint8_t *slot = tai_at(m, unit->address);
    tai_steps_clear(&m->steps);
    if (unit->kind == TAI_UNIT_HEAD) {
        m->forward.strip = tai_head_strip(&m->file, index - 1 - m->file.hp.n_blocks);
        m->forward.strip.from = unit->land;
        add_repack(m, slot, &m->forward.strip);
        return;
    }
    const TaiTensor *tensors = m->file.blocks[index - 1];
    const TaiTensor *t = tai_next_in_file(tensors, TAI_ROLES, NULL);
    for (; t; t = tai_next_in_file(tensors, TAI_ROLES, t)) {
        add_repack(m, slot, t);
    }
}
