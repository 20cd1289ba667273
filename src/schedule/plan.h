/* The plan: from the header's shape and the options to a configuration, the best that fits the
 * budget. */
#ifndef TAI_PLAN_H
#define TAI_PLAN_H

#include "schedule/layout.h"
#include "stream/residency.h"

/* What the plan decides: what memory is reserved for, what of it is in use under the present budget, and
 * where it lies. */
typedef struct TaiPlanned {
    TaiConfig most;
    TaiConfig now;
    TaiLayout layout; /* of most */
} TaiPlanned;

/* units[n_units]: bytes of each, in the order of TaiUnitKind. Always fills in *plan; result
 * TINYAI_E_BUDGET with asked, allowed and missing in *error if it does not fit, E_ARGUMENT for
 * options that are out of range, E_UNSUPPORTED for sizes beyond this ABI. */
int32_t tai_plan(const TaiShape *shape, const TaiUnit *units, const TinyAIOptions *options,
                 TinyAIPlan *plan, TaiPlanned *planned, TinyAIError *error);

/* Plans again for another budget in the memory that is reserved: sets planned->now and what depends on it
 * in *plan, or E_BUDGET, and nothing changes. */
int32_t tai_plan_again(const TaiShape *shape, const TaiUnit *units, uint64_t budget,
                       TinyAIPlan *plan, TaiPlanned *planned, TinyAIError *error);

#endif
