/* The engine's public functions: batches, steps, ranges, statistics. */
#include "model/engine.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "kernels/math.h"
#include "memory/error.h"
#include "memory/process.h"

/* ---- options --------------------------------------------------------------------------------- */

TinyAIOptions tinyai_default_options(void) {
    return (TinyAIOptions){.default_budget = TINYAI_DEFAULT_BUDGET,
                           .kv_type = TINYAI_KV_Q8,
                           .kernels = TINYAI_KERNELS_AUTO,
                           .prefetch = 1,
                           .read_chunk_bytes = 1u << 20,
                           .sequences = 1,
                           .mode = TINYAI_EXEC_ADAPTIVE,
                           .threads = 1,
                           .prefetch_threads = 2};
}

/* ---- accessors ------------------------------------------------------------------------------- */

const TinyAIPlan *tinyai_model_plan(const TinyAIModel *m) {
    return &m->plan;
}

const TinyAIError *tinyai_last_error(const TinyAIModel *m) {
    return m ? &m->error : tai_thread_error();
}

TinyAISession *tinyai_session(TinyAIModel *m, uint32_t sequence) {
    return m && sequence < m->planned.now.sequences ? &m->sessions[sequence] : NULL;
}

const float *tinyai_logits(const TinyAIModel *m) {
    return tai_in(m, TAI_REGION_TEXT, m->text.logits);
}

const TinyAIPiece *tinyai_piece(const TinyAIModel *m) {
    return &m->piece;
}

double tinyai_logits_nll(const TinyAIModel *m, uint32_t token) {
    const float *logits = tinyai_logits(m);
    double most = (double)logits[0];
    for (uint32_t i = 1; i < m->file.hp.vocab_size; i++) {
        most = (double)logits[i] > most ? (double)logits[i] : most;
    }
    double sum = 0.0;
    for (uint32_t i = 0; i < m->file.hp.vocab_size; i++) {
        sum += tai_exp((double)logits[i] - most);
    }
    return token < m->file.hp.vocab_size ? most + tai_log(sum) - (double)logits[token] : 0.0;
}

/* ---- batches --------------------------------------------------------------------------------- */

/* begun: whether the batch has an item of this sequence before. The first one may go back to an earlier position;
 * a second item of a position would be computed beside what has to see it. */
static int32_t check_item(TinyAIModel *m, const TinyAIBatchItem *item, uint32_t index,
                          const bool *begun) {
    if (item->token >= m->file.hp.vocab_size) {
        return tai_fail(&m->error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "item %" PRIu32 ": token %" PRIu32 " is outside the vocabulary of %" PRIu32,
                        index, item->token, m->file.hp.vocab_size);
    }
    if (item->sequence >= m->planned.now.sequences) {
        return tai_fail(&m->error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "item %" PRIu32 ": sequence %" PRIu32 " was not planned, %" PRIu32 " were",
                        index, item->sequence, m->planned.now.sequences);
    }
    if (item->position >= m->planned.now.context) {
        return tai_fail(&m->error, TINYAI_E_CONTEXT, TINYAI_NO_OFFSET,
                        "item %" PRIu32 ": position %" PRIu32 " is outside the context of %" PRIu32
                        " tokens",
                        index, item->position, m->planned.now.context);
    }
    if (item->position > m->sessions[item->sequence].n_past) {
        return tai_fail(&m->error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "item %" PRIu32 ": position %" PRIu32
                        " leaves a gap, the sequence holds %" PRIu32 " positions",
                        index, item->position, m->sessions[item->sequence].n_past);
    }
    if (begun[item->sequence] && item->position < m->sessions[item->sequence].n_past) {
        return tai_fail(&m->error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "item %" PRIu32 ": position %" PRIu32 " comes after position %" PRIu32
                        " in the same batch; begin another one to go back",
                        index, item->position, m->sessions[item->sequence].n_past - 1);
    }
    return TINYAI_OK;
}

/* What was not computed to the end is not there. */
static void forget_unfinished(TinyAIModel *m) {
    for (uint32_t i = m->forward.first; i < m->forward.n_items; i++) {
        const TinyAIBatchItem *item = &tai_batch(m)[i];
        TinyAISession *session = &m->sessions[item->sequence];
        if (item->position < session->n_past) {
            session->n_past = item->position;
        }
    }
}

int32_t tinyai_begin_batch(TinyAIModel *m, const TinyAIBatchItem *items, uint32_t n_items) {
    tai_error_clear(&m->error);
    if (m->job != TAI_JOB_NONE) {
        return tai_fail(&m->error, TINYAI_E_BUSY, TINYAI_NO_OFFSET,
                        "the model is busy: wait for what it is doing, or end it");
    }
    if (n_items == 0 || n_items > m->planned.now.context) {
        return tai_fail(&m->error, TINYAI_E_CONTEXT, TINYAI_NO_OFFSET,
                        "a batch of %" PRIu32 " tokens: between 1 and the context of %" PRIu32
                        " are possible",
                        n_items, m->planned.now.context);
    }
    uint32_t before[TINYAI_MAX_SEQUENCES];
    for (uint32_t s = 0; s < TINYAI_MAX_SEQUENCES; s++) {
        before[s] = m->sessions[s].n_past;
    }
    bool begun[TINYAI_MAX_SEQUENCES] = {false};
    for (uint32_t i = 0; i < n_items; i++) {
        if (check_item(m, &items[i], i, begun)) {
            for (uint32_t s = 0; s < TINYAI_MAX_SEQUENCES; s++) {
                m->sessions[s].n_past = before[s];
            }
            return m->error.status;
        }
        begun[items[i].sequence] = true;
        m->sessions[items[i].sequence].n_past = items[i].position + 1;
    }
    memmove(tai_batch(m), items, n_items * sizeof *items);
    m->prompt_tokens = n_items;
    m->generation.n_generated = 0;
    m->job = TAI_JOB_BATCH;
    tai_forward_begin(m, n_items, false);
    return TINYAI_OK;
}

/* ---- stepping -------------------------------------------------------------------------------- */

void tinyai_end(TinyAIModel *m) {
    if (m->job != TAI_JOB_NONE && m->phase != TAI_PHASE_DONE) {
        forget_unfinished(m);
    }
    tai_forward_leave(m);
    m->job = TAI_JOB_NONE;
    m->phase = TAI_PHASE_DONE;
    m->residency.rows_wanted = false;
    tai_residency_drop_untaken(&m->residency);
}

int32_t tai_engine_fail(TinyAIModel *m, int32_t status) {
    tinyai_end(m);
    return status;
}

static int32_t check_logits(TinyAIModel *m) {
    const float *logits = tinyai_logits(m);
    for (uint32_t i = 0; i < m->file.hp.vocab_size; i++) {
        if (!(logits[i] - logits[i] == 0.0f)) {
            tai_fail(&m->error, TINYAI_E_NUMERIC, TINYAI_NO_OFFSET,
                     "logit %" PRIu32 " is not finite: the weights of the model are damaged", i);
            return tai_engine_fail(m, TINYAI_E_NUMERIC);
        }
    }
    return TINYAI_STEP_LOGITS;
}

/* What ran has come to its end. A region that wrote past its end is a mistake of ours, and better said than
 * computed on with. */
static int32_t done(TinyAIModel *m) {
    if (m->job == TAI_JOB_GENERATE) {
        tai_process_note_tokens(m->generation.n_generated);
    }
    m->job = TAI_JOB_NONE;
    if (!tai_guards_intact(m)) {
        return tai_fail(&m->error, TINYAI_E_INTERNAL, TINYAI_NO_OFFSET,
                        "memory between two regions of the plan was overwritten: please report it");
    }
    return TINYAI_STEP_DONE;
}

int32_t tinyai_step(TinyAIModel *m, uint64_t max_work) {
    uint64_t work = max_work ? max_work : 1;
    if (m->job == TAI_JOB_NONE) {
        return m->error.status ? m->error.status : TINYAI_STEP_DONE;
    }
    if (m->job == TAI_JOB_GENERATE && m->generation.finished) {
        return done(m);
    }
    int32_t status = tai_forward_step(m, &work);
    if (tai_team_failed(&m->team)) {
        tai_fail(
            &m->error, TINYAI_E_INTERNAL, TINYAI_NO_OFFSET,
            "a thread that helped computing failed: please report it, and open the model again");
        return tai_engine_fail(m, TINYAI_E_INTERNAL);
    }
    if (status == TINYAI_STEP_LOGITS && m->job == TAI_JOB_GENERATE) {
        return tai_generate_token(m);
    }
    if (status == TINYAI_STEP_LOGITS) {
        return check_logits(m);
    }
    return status == TINYAI_STEP_DONE ? done(m) : status;
}

/* ---- ranges ---------------------------------------------------------------------------------- */

uint32_t tinyai_take_ranges(TinyAIModel *m, TinyAIRange *ranges, uint32_t capacity) {
    return tai_residency_take(&m->residency, ranges, capacity);
}

void *tinyai_range_dest(TinyAIModel *m, const TinyAIRange *range) {
    return tai_at(m, range->dest);
}

static uint32_t current_unit(const TinyAIModel *m) {
    return m->job == TAI_JOB_NONE ? TAI_NO_UNIT : m->forward.unit;
}

static int32_t answer(TinyAIModel *m, uint32_t id, int32_t status, uint32_t current) {
    if (tai_residency_answer(&m->residency, id, status, current)) {
        return TINYAI_OK;
    }
    return tai_fail(&m->error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                    "range %" PRIu32 " is not in flight", id);
}

int32_t tinyai_complete(TinyAIModel *m, uint32_t id, int32_t status, uint32_t bytes) {
    if (status == TINYAI_OK && bytes != tai_residency_length(&m->residency, id)) {
        status = TINYAI_E_IO;
    }
    return answer(m, id, status, current_unit(m));
}

int32_t tinyai_cancelled(TinyAIModel *m, uint32_t id) {
    return answer(m, id, TINYAI_E_IO, TAI_NO_UNIT);
}

/* ---- statistics ------------------------------------------------------------------------------ */

void tinyai_stats(const TinyAIModel *m, TinyAIStats *s) {
    tai_process_note_stats();
    uint32_t threads = tai_team_threads(&m->team);
    const TaiResidency *r = &m->residency;
    *s = (TinyAIStats){.budget_bytes = m->plan.budget_bytes,
                       .max_budget_bytes = m->plan.max_budget_bytes,
                       .reserved_bytes = m->plan.reserved_bytes,
                       .planned_peak_bytes = m->plan.peak_bytes,
                       .current_bytes = m->ledger.current,
                       .peak_bytes = m->ledger.peak,
                       .total_allocated_bytes = m->ledger.total,
                       .allocation_count = m->ledger.count,
                       .padding_bytes = m->ledger.padding,
                       .header_bytes_read = m->plan.header_bytes,
                       .block_bytes_read = r->bytes_read[TAI_UNIT_BLOCK],
                       .head_bytes_read =
                           r->bytes_read[TAI_UNIT_HEAD] + r->bytes_read[TAI_UNIT_FINAL],
                       .embedding_bytes_read = r->bytes_read[TAI_UNIT_EMBEDDING],
                       .requests = r->requests,
                       .hits = r->hits,
                       .misses = r->misses,
                       .prefetched = r->prefetched,
                       .passes = m->passes,
                       .prompt_tokens = m->prompt_tokens,
                       .generated_tokens = m->generation.n_generated,
                       .logits_hash = tai_xxh3_digest(&m->generation.hash),
                       .kernels = m->kernels_used,
                       .threads = threads,
                       .threads_missing = tai_threads_missing(m, threads),
                       .reader_threads = m->n_readers,
                       .stalled_ns = m->stalled_ns};
    memcpy(s->by_purpose, m->ledger.by_purpose, sizeof s->by_purpose);
    s->bytes_read =
        s->header_bytes_read + s->block_bytes_read + s->head_bytes_read + s->embedding_bytes_read;
}

int32_t tinyai_block_info(const TinyAIModel *m, uint32_t block, TinyAIBlockInfo *info) {
    if (block >= m->file.hp.n_blocks) {
        return TINYAI_E_ARGUMENT;
    }
    const TaiUnit *unit = &m->file.units[1 + block];
    *info = (TinyAIBlockInfo){.bytes = unit->bytes, .state = unit->state, .pinned = unit->pinned};
    return TINYAI_OK;
}

uint32_t tinyai_regions(const TinyAIModel *m, TinyAIRegion *regions, uint32_t capacity) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < TAI_REGIONS && n < capacity; i++) {
        const TaiRegion *r = &m->planned.layout.region[i];
        regions[n++] =
            (TinyAIRegion){.address = r->address, .bytes = r->bytes, .purpose = r->purpose};
    }
    return n;
}
