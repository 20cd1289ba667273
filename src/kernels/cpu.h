/* What the processor can do. */
#ifndef TAI_CPU_H
#define TAI_CPU_H

#include "kernels/kernels.h"

/* Whether this processor and its system run the instructions of a tier for natively built code. True for tiers
 * that need none beyond what the whole build has. */
bool tai_cpu_runs(TaiTier tier);

#endif
