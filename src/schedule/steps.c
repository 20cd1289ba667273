#include "schedule/steps.h"

#include "memory/checked.h"

/* In multiply-adds, measured (docs/speed-log.md). Below the first, one thread is sooner done than two that have
 * to find each other; below the second, sleeping helpers come too late. */
#define FAN_OUT_WORK 100000u
#define WAKE_WORK 400000u
/* An operation is cut into equal shares, a few for each thread, so that threads end at about the same moment though
 * one was slower or began late. Weights that come from memory want long ones: a share of less than this is none. */
#define MOST_SHARES_PER_THREAD 4u
#define SHARE_WORK 1000000u

void tai_steps_clear(TaiSteps *steps) {
    steps->n_ops = 0;
    steps->op = 0;
    steps->item = 0;
}

void tai_steps_add(TaiSteps *steps, TaiOp op) {
    steps->ops[steps->n_ops++] = op;
}

/* The operation as one thread runs it. */
static void run_items(void *context, const void *job, uint32_t thread, uint32_t first,
                      uint32_t count) {
    TaiOp op = *(const TaiOp *)job;
    op.thread = thread;
    op.run(context, &op, first, count);
}

/* What a thread takes at a time. */
static uint32_t items_together(uint32_t count, uint64_t work, uint32_t threads) {
    uint64_t shares = tai_min_u64(work / threads / SHARE_WORK, MOST_SHARES_PER_THREAD);
    uint32_t parts = threads * (uint32_t)tai_max_u64(shares, 1);
    return (count + parts - 1) / parts;
}

static void run_op(TaiTeam *team, void *context, const TaiOp *op, uint32_t first, uint32_t count) {
    uint32_t threads = tai_team_threads(team);
    uint64_t work = count * op->item_work;
    if (!op->apart || threads == 1 || count == 1 || work < FAN_OUT_WORK) {
        op->run(context, op, first, count);
        return;
    }
    tai_team_run(team,
                 &(TaiTeamJob){.run = run_items,
                               .context = context,
                               .job = op,
                               .first = first,
                               .count = count,
                               .together = items_together(count, work, threads)},
                 work >= WAKE_WORK);
}

bool tai_steps_run(TaiSteps *steps, TaiTeam *team, void *context, uint64_t *work) {
    while (steps->op < steps->n_ops) {
        const TaiOp *op = &steps->ops[steps->op];
        if (*work == 0) {
            return false;
        }
        uint64_t affordable = tai_max_u64(*work / op->item_work, 1);
        uint32_t count = (uint32_t)tai_min_u64(affordable, op->items - steps->item);
        run_op(team, context, op, steps->item, count);
        *work -= tai_min_u64(*work, count * op->item_work);
        steps->item += count;
        if (steps->item == op->items) {
            steps->op++;
            steps->item = 0;
        }
    }
    return true;
}
