#include "schedule/steps.h"

#include "memory/checked.h"

void tai_steps_clear(TaiSteps *steps) {
    steps->n_ops = 0;
    steps->op = 0;
    steps->item = 0;
}

void tai_steps_add(TaiSteps *steps, TaiOp op) {
    steps->ops[steps->n_ops++] = op;
}

bool tai_steps_run(TaiSteps *steps, void *context, uint64_t *work) {
    while (steps->op < steps->n_ops) {
        const TaiOp *op = &steps->ops[steps->op];
        if (*work == 0) {
            return false;
        }
        uint64_t affordable = tai_max_u64(*work / op->item_work, 1);
        uint32_t count = (uint32_t)tai_min_u64(affordable, op->items - steps->item);
        op->run(context, op, steps->item, count);
        *work -= tai_min_u64(*work, count * op->item_work);
        steps->item += count;
        if (steps->item == op->items) {
            steps->op++;
            steps->item = 0;
        }
    }
    return true;
}
