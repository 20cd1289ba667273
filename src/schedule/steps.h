/* Bounded work: a list of operations, each a number of equal items, run a few items at a time, and those of
 * an operation that allows it by several threads. */
#ifndef TAI_STEPS_H
#define TAI_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#include "schedule/team.h"

#define TAI_MAX_OPS 24u

typedef struct TaiOp TaiOp;

/* Runs items first .. first + count - 1 of the operation. */
typedef void (*TaiOpRun)(void *context, const TaiOp *op, uint32_t first, uint32_t count);

struct TaiOp {
    TaiOpRun run;
    uint32_t items;
    uint64_t item_work; /* multiply-adds of one item, at least 1 */
    bool apart;         /* no item needs or changes what another one does: threads may share them */
    uint32_t thread;    /* that runs the items, 0 ..: for scratch of its own */
    /* What the operation reads and writes; which of these it uses is its own business. */
    const void *weights;
    const void *tensor; /* description of the weights */
    const float *in;
    float *out;
};

typedef struct TaiSteps {
    TaiOp ops[TAI_MAX_OPS];
    uint32_t n_ops;
    uint32_t op; /* the next item to run is `item` of ops[op] */
    uint32_t item;
} TaiSteps;

void tai_steps_clear(TaiSteps *steps);
void tai_steps_add(TaiSteps *steps, TaiOp op);

/* Runs items for about *work multiply-adds, at least one item, and takes what was used off *work.
 * True when the list is done. */
bool tai_steps_run(TaiSteps *steps, TaiTeam *team, void *context, uint64_t *work);

#endif
