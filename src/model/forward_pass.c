/* The forward pass as a state machine: a batch in chunks, each chunk through all units, layer by
 * layer. It computes with what is resident and wants what is not. */
#include <inttypes.h>

#include "kernels/panel.h"
#include "memory/checked.h"
#include "memory/error.h"
#include "model/engine.h"
#include "model/repack.h"

TinyAIBatchItem *tai_batch(const TinyAIModel *m) {
    return tai_in(m, TAI_REGION_TEXT, m->text.batch);
}

static uint32_t first_head_unit(const TinyAIModel *m) {
    return 1 + m->file.hp.n_blocks;
}

/* The next item from `item` on that wants logits, or n_items. */
static uint32_t next_wanted(const TinyAIModel *m, uint32_t item, uint32_t end) {
    while (item < end && !tai_batch(m)[item].want_logits) {
        item++;
    }
    return item;
}

static uint32_t chunk_end(const TinyAIModel *m) {
    return m->forward.first + m->forward.n_tokens;
}

/* ---- chunks ---------------------------------------------------------------------------------- */

static void begin_chunk(TinyAIModel *m, uint32_t first) {
    TaiForward *f = &m->forward;
    f->first = first;
    f->n_tokens = (uint32_t)tai_min_u64(m->planned.now.chunk, f->n_items - first);
    f->rows_asked = 0;
    f->unit = 0;
    f->pressed = false;
    f->wanted = next_wanted(m, first, chunk_end(m));
    uint32_t wants = 0;
    for (uint32_t i = first; i < chunk_end(m); i++) {
        wants += tai_batch(m)[i].want_logits != 0;
    }
    m->pass = (TaiPass){.last = wants ? m->residency.n_units - 1 : m->file.hp.n_blocks,
                        .loop_first = first_head_unit(m),
                        .loops = wants ? wants - 1 : 0,
                        .another = f->another || chunk_end(m) < f->n_items};
    m->passes++;
    m->phase = TAI_PHASE_ROWS;
}

void tai_forward_begin(TinyAIModel *m, uint32_t n_items, bool another_follows) {
    m->forward.n_items = n_items;
    m->residency.failed_status = TINYAI_OK;
    m->forward.another = another_follows;
    begin_chunk(m, 0);
}

/* ---- embedding rows -------------------------------------------------------------------------- */

/* Whether a unit's bytes are there, in the layout that they are computed with in. */
static bool is_ready(const TaiUnit *unit) {
    return unit->state == TINYAI_BLOCK_RESIDENT && (!unit->repack || unit->repacked);
}

/* Where the row of a token lies among rows of a matrix, or the panel that it is in. */
static uint64_t row_at(const TaiTensor *matrix, uint32_t row, bool panel) {
    return panel ? row / TAI_PANEL_ROWS * tai_panel_bytes((TaiType)matrix->type, matrix->cols)
                 : row * matrix->row_bytes;
}

/* Where the row of a token lies in memory, or NULL if its matrix is not resident; *panel: as a row of a panel. */
static const void *resident_row(const TinyAIModel *m, uint32_t token, bool *panel) {
    if (!m->plan.embedding_resident) {
        return NULL;
    }
    /* Either the head's strips, or the strips of a separate embedding, which lie back to back. */
    uint32_t first = first_head_unit(m) + (m->file.tied ? 0 : m->file.shape.n_strips);
    uint32_t end = m->file.tied ? first + m->file.shape.n_strips : m->file.n_units;
    for (uint32_t u = first; u < end; u++) {
        if (!is_ready(&m->file.units[u])) {
            return NULL;
        }
    }
    const TaiTensor *matrix = &m->file.embedding;
    if (!m->file.tied) {
        *panel = matrix->layout == TAI_LAYOUT_PANELS;
        return tai_in(m, TAI_REGION_EMBEDDING, row_at(matrix, token, *panel));
    }
    *panel = tai_is_panelled((TaiType)matrix->type);
    const TaiUnit *strip = &m->file.units[first + token / m->file.strip_rows];
    return tai_at(m, strip->address + row_at(matrix, token % m->file.strip_rows, *panel));
}

static uint64_t row_slot(const TinyAIModel *m, uint32_t i) {
    uint64_t stride = tai_align_up(m->file.shape.embedding_row_bytes, TAI_ALIGNMENT);
    return m->planned.layout.region[TAI_REGION_ROWS].address + i * stride;
}

/* READY when the chunk's residual stream holds its embeddings. */
static int32_t gather_rows(TinyAIModel *m) {
    TaiForward *f = &m->forward;
    TaiResidency *r = &m->residency;
    if (!f->pressed) {
        int32_t status = tai_feel_pressure(m);
        if (status == TINYAI_STEP_NEED) {
            return status;
        }
        f->pressed = true;
    }
    if (f->rows_asked == 0 && r->rows_pending) {
        return TINYAI_STEP_NEED; /* rows of an ended generation are still on their way here */
    }
    const TinyAIBatchItem *items = tai_batch(m) + f->first;
    const TaiTensor *matrix = &m->file.embedding;
    bool panel = matrix->layout == TAI_LAYOUT_PANELS;
    bool resident = f->rows_asked == 0 && resident_row(m, items[0].token, &panel);
    if (!resident) {
        r->rows_wanted = true;
        while (f->rows_asked < f->n_tokens &&
               tai_residency_want_row(
                   r, matrix->off + row_at(matrix, items[f->rows_asked].token, panel),
                   (uint32_t)m->file.shape.embedding_row_bytes, row_slot(m, f->rows_asked))) {
            f->rows_asked++;
        }
        tai_residency_want(r, 0, &m->pass, m->options.prefetch != 0);
        if (f->rows_asked < f->n_tokens || r->rows_pending) {
            return TINYAI_STEP_NEED;
        }
        r->rows_wanted = false;
    }
    for (uint32_t i = 0; i < f->n_tokens; i++) {
        const void *rows =
            resident ? resident_row(m, items[i].token, &panel) : tai_at(m, row_slot(m, i));
        tai_embed(m, i, items[i].token, rows, panel);
    }
    return TINYAI_STEP_READY;
}

/* ---- units ----------------------------------------------------------------------------------- */

/* The unit whose turn it is keeps its place, whatever becomes of the budget. */
static void hold(TinyAIModel *m, bool held) {
    m->file.units[m->forward.unit].held = held;
}

/* A unit of a file that has hashes is compared with its own once, in bounded steps, before it is used. */
#define HASH_ITEM_BYTES 65536u
#define HASH_WORK 4u /* per byte, in multiply-adds */

static void run_hash(void *context, const TaiOp *op, uint32_t first, uint32_t count) {
    TinyAIModel *m = context;
    const TaiRun *run = op->tensor;
    uint64_t from = (uint64_t)first * HASH_ITEM_BYTES;
    uint64_t bytes = tai_min_u64((uint64_t)count * HASH_ITEM_BYTES, run->bytes - from);
    tai_xxh3_update(&m->forward.hash, (const uint8_t *)op->weights + from, bytes);
}

static void begin_hash(TinyAIModel *m, const TaiUnit *unit) {
    tai_steps_clear(&m->steps);
    for (uint32_t i = 0; i < unit->n_runs; i++) {
        const TaiRun *run = &m->file.runs[unit->first_run + i];
        tai_steps_add(&m->steps,
                      (TaiOp){.run = run_hash,
                              .items = (run->bytes + HASH_ITEM_BYTES - 1) / HASH_ITEM_BYTES,
                              .item_work = (uint64_t)HASH_ITEM_BYTES * HASH_WORK,
                              .weights = tai_at(m, unit->address + unit->land + run->at),
                              .tensor = run});
    }
    tai_xxh3_init(&m->forward.hash);
    hold(m, true);
    m->forward.hashing = true;
}

static int32_t corrupt(TinyAIModel *m, uint32_t index) {
    uint64_t offset = m->file.runs[m->file.units[index].first_run].off;
    tai_fail(&m->error, TINYAI_E_CORRUPT, offset,
             "the %" PRIu32 " bytes at byte %" PRIu64
             " of the file do not match their hash: the file is damaged, get or convert it again",
             m->file.units[index].bytes, offset);
    int32_t status = tai_engine_fail(m, TINYAI_E_CORRUPT);
    tai_residency_drop(&m->residency, index);
    return status;
}

/* READY when the unit's bytes may be used; out of work: READY with the unit not verified. */
static int32_t verify(TinyAIModel *m, uint64_t *work) {
    TaiUnit *unit = &m->file.units[m->forward.unit];
    if (!m->forward.hashing) {
        begin_hash(m, unit);
    }
    if (!tai_steps_run(&m->steps, &m->team, m, work)) {
        return TINYAI_STEP_READY;
    }
    m->forward.hashing = false;
    if (tai_xxh3_digest(&m->forward.hash) != unit->hash) {
        return corrupt(m, m->forward.unit);
    }
    unit->verified = true;
    return TINYAI_STEP_READY;
}

/* The unit as the kernels take it; out of work: not yet. */
static void repack(TinyAIModel *m, uint64_t *work) {
    if (!m->forward.repacking) {
        tai_build_repack(m, m->forward.unit);
        hold(m, true);
        m->forward.repacking = true;
    }
    if (tai_steps_run(&m->steps, &m->team, m, work)) {
        m->forward.repacking = false;
        m->file.units[m->forward.unit].repacked = true;
    }
}

static void enter(TinyAIModel *m) {
    tai_residency_turn(&m->residency, m->forward.unit);
    tai_build_unit(m, m->forward.unit);
    hold(m, true);
    m->forward.entered = true;
}

void tai_forward_leave(TinyAIModel *m) {
    hold(m, false);
    if (m->forward.repacking) {
        tai_residency_drop(&m->residency, m->forward.unit); /* half of it is rows, half panels */
    }
    m->forward.entered = false;
    m->forward.hashing = false;
    m->forward.repacking = false;
}

/* Computes with the units of the pass: READY (out of work), NEED, LOGITS, or DONE with the chunk. */
static int32_t run_units(TinyAIModel *m, uint64_t *work) {
    TaiForward *f = &m->forward;
    for (;;) {
        tai_residency_want(&m->residency, f->unit, &m->pass, m->options.prefetch != 0);
        if (m->file.units[f->unit].state != TINYAI_BLOCK_RESIDENT) {
            return TINYAI_STEP_NEED;
        }
        const TaiUnit *unit = &m->file.units[f->unit];
        if (unit->has_hash && !unit->verified) {
            int32_t status = verify(m, work);
            if (status != TINYAI_STEP_READY || !unit->verified) {
                return status;
            }
        }
        if (unit->repack && !unit->repacked) {
            repack(m, work);
            if (!unit->repacked) {
                return TINYAI_STEP_READY;
            }
        }
        if (!f->entered) {
            enter(m);
        }
        if (!tai_steps_run(&m->steps, &m->team, m, work)) {
            return TINYAI_STEP_READY;
        }
        tai_forward_leave(m);
        if (f->unit == m->pass.last) {
            return f->wanted < chunk_end(m) ? TINYAI_STEP_LOGITS : TINYAI_STEP_DONE;
        }
        f->unit++;
    }
}

/* After the logits of one wanted item: the head again for the next, or the chunk is complete. */
static bool next_logits(TinyAIModel *m) {
    TaiForward *f = &m->forward;
    f->wanted = next_wanted(m, f->wanted + 1, chunk_end(m));
    if (f->wanted == chunk_end(m)) {
        return false;
    }
    m->pass.loops--;
    f->unit = m->pass.loop_first;
    return true;
}

static int32_t failed_read(TinyAIModel *m) {
    int32_t status = m->residency.failed_status;
    tai_fail(&m->error, status, m->residency.failed_off,
             "reading the model failed at byte %" PRIu64 " of the source (%s). "
             "The model can be used again once the source can be read",
             m->residency.failed_off, tinyai_status_name(status));
    return tai_engine_fail(m, status);
}

/* ---- the machine ----------------------------------------------------------------------------- */

int32_t tai_forward_step(TinyAIModel *m, uint64_t *work) {
    if (m->residency.failed_status) {
        return failed_read(m);
    }
    if (m->phase == TAI_PHASE_LOGITS) {
        m->phase = next_logits(m) ? TAI_PHASE_UNITS : TAI_PHASE_DONE;
    } else if (m->phase == TAI_PHASE_ROWS) {
        int32_t status = gather_rows(m);
        if (status != TINYAI_STEP_READY) {
            return status;
        }
        m->phase = TAI_PHASE_UNITS;
    }
    if (m->phase == TAI_PHASE_UNITS) {
        int32_t status = run_units(m, work);
        if (status == TINYAI_STEP_LOGITS) {
            m->phase = TAI_PHASE_LOGITS;
        }
        if (status != TINYAI_STEP_DONE) {
            return status;
        }
        m->phase = TAI_PHASE_DONE;
    }
    if (chunk_end(m) < m->forward.n_items) {
        begin_chunk(m, chunk_end(m));
        return TINYAI_STEP_READY;
    }
    return TINYAI_STEP_DONE;
}
