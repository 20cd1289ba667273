/* Another budget while the model is open: blocks and head strips stay or go, everything else is as it was. */
#include <inttypes.h>

#include "memory/checked.h"
#include "memory/error.h"
#include "model/engine.h"
#include "port/fault.h"
#include "port/port.h"

/* ---- the ledger's view ----------------------------------------------------------------------- */

typedef struct Change {
    uint32_t purpose;
    uint64_t from;
    uint64_t to;
} Change;

static Change change_of(const TinyAIPlan *from, const TinyAIPlan *to, uint32_t purpose) {
    return (Change){purpose, from->by_purpose[purpose], to->by_purpose[purpose]};
}

static bool claim(TaiLedger *ledger, const Change *c) {
    return c->to <= c->from || tai_ledger_reserve(ledger, c->purpose, c->to - c->from, 0);
}

static void give_back(TaiLedger *ledger, uint32_t purpose, uint64_t from, uint64_t to) {
    if (from > to) {
        tai_ledger_release(ledger, purpose, from - to, 0);
    }
}

/* The one claim that may come between two tokens: their memory is reserved already, and the ledger follows.
 * Claims what is more; false, and nothing changes, if one of the claims fails. */
static bool claim_both(TinyAIModel *m, const Change *blocks, const Change *head) {
    bool forbidden = tai_fault_forbid(false);
    bool first = claim(&m->ledger, blocks);
    bool both = first && claim(&m->ledger, head);
    tai_fault_forbid(forbidden);
    if (first && !both) {
        give_back(&m->ledger, blocks->purpose, blocks->to, blocks->from);
    }
    return both;
}

/* ---- slots ----------------------------------------------------------------------------------- */

/* Pages of free slots are not needed any more. */
static void discard_free(const TaiSlots *slots) {
    const TinyAIMemoryPool *pool = &slots->pool;
    for (uint32_t i = 0; i < pool->n_blocks; i++) {
        if (pool->next[i] != TAI_POOL_USED) {
            tai_port_discard(pool->base + (size_t)i * pool->block_bytes, pool->block_bytes);
        }
    }
}

/* False where only the host can say when its reads are done. */
static bool settle_units(TinyAIModel *m, const TaiConfig *c) {
    tai_residency_drop_untaken_units(&m->residency);
    if (tai_pin_units(m, c)) {
        return true;
    }
    if (m->settle) {
        m->settle(m);
    }
    return tai_pin_units(m, c);
}

int32_t tinyai_session_set_budget(TinyAISession *session, uint64_t bytes) {
    TinyAIModel *m = session->model;
    TinyAIPlan plan = m->plan;
    TaiPlanned planned = m->planned;
    tai_error_clear(&m->error);
    int32_t status =
        tai_plan_again(&m->file.shape, m->file.units, bytes, &plan, &planned, &m->error);
    if (status) {
        return status;
    }
    Change blocks = change_of(&m->plan, &plan, TINYAI_PURPOSE_WEIGHTS);
    Change head = change_of(&m->plan, &plan, TINYAI_PURPOSE_HEAD);
    if (!claim_both(m, &blocks, &head)) {
        return tai_fail(&m->error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET,
                        "the budget cannot rise to %" PRIu64 " bytes now: it stays at %" PRIu64,
                        bytes, m->plan.budget_bytes);
    }
    if (!settle_units(m, &planned.now)) {
        give_back(&m->ledger, blocks.purpose, blocks.to, blocks.from);
        give_back(&m->ledger, head.purpose, head.to, head.from);
        return TINYAI_STEP_NEED;
    }
    give_back(&m->ledger, blocks.purpose, blocks.from, blocks.to);
    give_back(&m->ledger, head.purpose, head.from, head.to);
    discard_free(&m->residency.blocks);
    discard_free(&m->residency.head);
    m->plan = plan;
    m->planned.now = planned.now;
    return TINYAI_OK;
}

/* ---- pressure -------------------------------------------------------------------------------- */

void tinyai_set_pressure_callback(TinyAIModel *m, TinyAIPressureCallback callback, void *user) {
    m->pressure = callback;
    m->pressure_user = user;
}

int32_t tai_feel_pressure(TinyAIModel *m) {
    uint64_t bytes = m->pressure ? m->pressure(m->pressure_user, m) : 0;
    if (bytes == 0) {
        return TINYAI_OK;
    }
    bytes = tai_max_u64(tai_min_u64(bytes, m->plan.max_budget_bytes), m->plan.smallest_bytes);
    if (bytes == m->plan.budget_bytes) {
        return TINYAI_OK;
    }
    int32_t status = tinyai_session_set_budget(&m->sessions[0], bytes);
    tai_error_clear(&m->error); /* a budget that cannot rise now is no reason to stop */
    return status;
}
