/* The NEON tier: arm64 with dotprod, natively. dispatch.c asks the machine before it gives out the table. */
#ifndef TAI_NEON_H
#define TAI_NEON_H

#include "kernels/kernels.h"

extern const TaiKernels tai_kernels_neon;

#endif
