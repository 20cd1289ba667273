/* Hosts that have files and may block (native, WASI): planning, opening and generating over a
 * TinyAISource. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "format/source_header.h"
#include "memory/checked.h"
#include "memory/error.h"
#include "model/engine.h"
#include "port/fault.h"
#include "port/port.h"

#define STEP_WORK 50000000u
#define SLICE_WORK                                                                                 \
    4000000u /* multiply-adds until readers hear of what is wanted: a millisecond or two */

/* More seldom help: they share the memory's bandwidth. */
#define MOST_THREADS_BY_DEFAULT 8u

/* ---- planning -------------------------------------------------------------------------------- */

/* With as many threads as this host can have: the plan needs no room for others. */
static TinyAIOptions options_here(const TinyAIOptions *options) {
    TinyAIOptions here = *options;
    if (here.threads == 0) {
        here.threads = (uint32_t)tai_min_u64(tai_threads_cores(), MOST_THREADS_BY_DEFAULT);
    }
    if (here.threads <= TINYAI_MAX_THREADS) { /* or else it is refused */
        here.threads = (uint32_t)tai_min_u64(here.threads, tai_threads_most());
    }
    return here;
}

static int32_t plan_header(const TaiSourceHeader *h, const TinyAIOptions *options, TinyAIPlan *plan,
                           TinyAIError *error) {
    return tai_engine_plan_header(&h->header, h->index_bytes, h->room, h->room_bytes, options, plan,
                                  error);
}

/* If nobody says how many threads: as many as fit the budget, and the least budget is that of one. */
static int32_t plan_threads(const TaiSourceHeader *h, const TinyAIOptions *options,
                            TinyAIPlan *plan, TinyAIError *error) {
    TinyAIOptions here = options_here(options);
    if (options->threads != 0 || here.threads == 1) {
        return plan_header(h, &here, plan, error);
    }
    TinyAIOptions alone = here;
    alone.threads = 1;
    int32_t status = plan_header(h, &alone, plan, error);
    if (status || !plan->fits) {
        return status;
    }
    const TinyAIPlan of_one = *plan;
    here.context_length = of_one.context_length; /* more threads may not cost context */
    status = plan_header(h, &here, plan, error);
    if (status || !plan->fits) {
        tai_error_clear(error);
        *plan = of_one;
    }
    plan->min_budget_bytes = of_one.min_budget_bytes;
    return TINYAI_OK;
}

/* As tinyai_plan, and *error tells also why a plan does not fit. */
static int32_t plan_source(const TinyAISource *source, const TinyAIOptions *options,
                           TinyAIPlan *plan, TinyAIError *error) {
    TaiSourceHeader h;
    memset(plan, 0, sizeof *plan);
    int32_t status = tai_source_header_open(&h, source, tai_file_directory_bound, error);
    if (!status) {
        status = plan_threads(&h, options, plan, error);
        plan->planning_bytes = h.memory_bytes;
        tai_source_header_close(&h);
    }
    return status;
}

int32_t tinyai_plan(const TinyAISource *source, const TinyAIOptions *options, TinyAIPlan *plan,
                    TinyAIError *error) {
    tai_error_clear(error);
    int32_t status = plan_source(source, options, plan, error);
    if (!status) {
        tai_error_clear(error);
    }
    return status;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* A failed read is the engine's to judge. */
static void answer(TinyAIModel *m, const TaiRead *read) {
    tinyai_complete(m, read->id, read->status, read->status ? 0 : read->length);
}

/* Hands all wanted ranges to the readers, and reads what they do not take. */
static void read_wanted(TinyAIModel *m) {
    TinyAIRange range;
    while (tinyai_take_ranges(m, &range, 1)) {
        TaiRead read = {.id = range.id,
                        .length = range.length,
                        .offset = range.offset,
                        .into = tinyai_range_dest(m, &range)};
        if (m->readers && tai_readers_submit(m->readers, &read)) {
            continue;
        }
        uint64_t start = tai_port_clock_ns();
        read.status = m->source.read(m->source.user, read.offset, read.into, read.length);
        m->stalled_ns += tai_port_clock_ns() - start;
        answer(m, &read);
    }
}

/* Tells the engine what the readers have read: with wait at least one range, if any is in flight. */
static bool collect(TinyAIModel *m, bool wait) {
    TaiRead read;
    if (!m->readers) {
        return false;
    }
    uint64_t start = wait ? tai_port_clock_ns() : 0;
    bool any = tai_readers_collect(m->readers, wait, &read);
    m->stalled_ns += wait ? tai_port_clock_ns() - start : 0;
    for (bool more = any; more; more = tai_readers_collect(m->readers, false, &read)) {
        answer(m, &read);
    }
    return any;
}

static void settle(TinyAIModel *m) {
    while (collect(m, true)) {
    }
}

/* The readers' state lies outside the budget, as their stacks do: WASI, where the budget is all there is, has
 * no readers. */
static int32_t start_readers(TinyAIModel *m, TinyAIError *error) {
    uint32_t threads = m->source.concurrent ? m->options.prefetch_threads : 0;
    uint64_t bytes = tai_readers_bytes(threads);
    if (!bytes) {
        return TINYAI_OK;
    }
    TaiReaders *readers = tai_port_reserve(bytes);
    if (!readers) {
        return tai_fail(error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET,
                        "the system gave no %" PRIu64 " bytes for the reader threads", bytes);
    }
    m->n_readers = tai_readers_start(readers, &m->source, threads);
    if (m->n_readers) {
        m->readers = readers;
    } else {
        tai_port_release(readers, bytes); /* slower, but nothing is wrong */
    }
    return TINYAI_OK;
}

static void stop_readers(TinyAIModel *m) {
    if (m->readers) {
        tai_readers_stop(m->readers);
        tai_port_release(m->readers, tai_readers_bytes(m->n_readers));
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

static int32_t open_planned(const TinyAISource *source, const TinyAIOptions *options,
                            const TinyAIPlan *plan, TinyAIModel **model, TinyAIError *error) {
    uint64_t bytes = plan->reserved_bytes - TAI_PROGRAM_BYTES;
    uint8_t *memory = tai_port_reserve(bytes);
    if (!memory) {
        return tai_fail(error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET,
                        "the system gave no %" PRIu64 " bytes for the model", bytes);
    }
    uintptr_t linear = (uintptr_t)memory - TAI_PROGRAM_BYTES;
    TinyAIOptions here = *options;
    here.threads = plan->threads;
    uint64_t header_at = tai_header_address(plan->reserved_bytes, plan->header_bytes);
    int32_t status = tai_source_read_start(source, memory + (header_at - TAI_PROGRAM_BYTES),
                                           plan->header_bytes, error);
    if (!status) {
        status = tai_engine_open(linear, plan->reserved_bytes, plan->header_bytes, source->size,
                                 &here, model, error);
    }
    if (status) {
        tai_port_release(memory, bytes);
        return status;
    }
    (*model)->source = *source;
    (*model)->memory_bytes = bytes;
    (*model)->settle = settle;
    (*model)->threads_asked = options->threads;
    status = start_readers(*model, error);
    if (status) {
        tai_engine_close(*model);
        *model = NULL;
        tai_port_release(memory, bytes);
        return status;
    }
    tai_helpers_start(*model);
    return TINYAI_OK;
}

int32_t tinyai_open(const TinyAISource *source, const TinyAIOptions *options, TinyAIModel **model,
                    TinyAIError *error) {
    TinyAIPlan plan = {0};
    *model = NULL;
    tai_error_clear(error);
    int32_t status = plan_source(source, options, &plan, error);
    if (!status && !plan.fits) {
        status = TINYAI_E_BUDGET; /* *error tells by how much */
    }
    return status ? status : open_planned(source, options, &plan, model, error);
}

void tinyai_close(TinyAIModel *m) {
    if (!m) {
        return;
    }
    TinyAISource source = m->source;
    stop_readers(m);
    tai_helpers_stop(m);
    tai_engine_close(m);
    tai_port_release((void *)(m->linear + TAI_PROGRAM_BYTES), // NOLINT(performance-no-int-to-ptr)
                     m->memory_bytes);
    tinyai_source_close(&source);
}

/* ---- running ---------------------------------------------------------------------------------- */

static bool is_decoding(const TinyAIModel *m) {
    return m->job == TAI_JOB_GENERATE && m->generation.n_generated > 0;
}

int32_t tinyai_run(TinyAIModel *m, uint64_t max_work) {
    tai_fault_forbid(is_decoding(m));
    int32_t status = TINYAI_STEP_READY;
    uint64_t left = max_work;
    do {
        uint64_t work = tai_min_u64(left, SLICE_WORK);
        collect(m, status == TINYAI_STEP_NEED);
        status = tinyai_step(m, work);
        read_wanted(m);
        left -= status == TINYAI_STEP_READY ? work : 0;
    } while (status == TINYAI_STEP_NEED || (status == TINYAI_STEP_READY && left));
    tai_fault_forbid(false);
    return status;
}

int32_t tinyai_session_generate(TinyAISession *session, const char *prompt,
                                const TinyAIGenerate *how, TinyAIPieceCallback callback,
                                void *user) {
    TinyAIModel *m = session->model;
    size_t bytes = strlen(prompt);
    if (bytes > TINYAI_MAX_BUDGET) {
        tai_error_clear(&m->error);
        return tai_fail(&m->error, TINYAI_E_TEXT, TINYAI_NO_OFFSET, "the prompt is too long");
    }
    int32_t status = tinyai_begin_generate(session, prompt, (uint32_t)bytes, how);
    while (status == TINYAI_OK || status == TINYAI_STEP_READY || status == TINYAI_STEP_TOKEN) {
        status = tinyai_run(m, STEP_WORK);
        if (status == TINYAI_STEP_TOKEN && callback(user, tinyai_piece(m))) {
            tinyai_end(m);
            return TINYAI_OK;
        }
    }
    return status == TINYAI_STEP_DONE ? TINYAI_OK : status;
}
