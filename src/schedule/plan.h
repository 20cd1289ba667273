/* The plan: from the header's shape and the options to a configuration, the best that fits the
 * budget. */
#ifndef TAI_PLAN_H
#define TAI_PLAN_H

#include "schedule/layout.h"
#include "stream/residency.h"

/* units[n_units]: bytes of each, in the order of TaiUnitKind. Always fills in *plan; result
 * TINYAI_E_BUDGET with asked, allowed and missing in *error if it does not fit, E_ARGUMENT for
 * options that are out of range, E_UNSUPPORTED for sizes beyond this ABI. */
int32_t tai_plan(const TaiShape *shape, const TaiUnit *units, const TinyAIOptions *options,
                 TinyAIPlan *plan, TaiConfig *config, TaiLayout *layout, TinyAIError *error);

#endif
