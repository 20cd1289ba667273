/* The tier of i16x8.relaxed_dot_i8x16_i7x16: one instruction on x86-64. */
#ifndef TAI_RELAXED16_H
#define TAI_RELAXED16_H

#include "kernels/kernels.h"

extern const TaiKernels tai_kernels_relaxed16;

/* What this machine's relaxed dot products give, found out with numbers that no compiler knows. Engines are
 * free in what they make of operands with bit 7 set, and one is known to be wrong without it. */
enum {
    TAI_DOT_I16 = 1,          /* the i16 product is right where the second operand has 7 bits */
    TAI_DOT_I32 = 2,          /* the i32 product is */
    TAI_DOT_I32_UNSIGNED = 4, /* it takes 8 bits there, unsigned */
    TAI_DOT_I32_SIGNED = 8,   /* it takes 8 bits there, signed */
};
uint32_t tai_relaxed_dots(void);

#endif
