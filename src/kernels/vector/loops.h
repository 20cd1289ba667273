/* How loops are compiled. */
#ifndef TAI_VECTOR_LOOPS_H
#define TAI_VECTOR_LOOPS_H

/* Loops that are gone in the code, and loops that stay. LLVM moves what is used once to its use: in a long stretch
 * of WebAssembly chains of sums then stand one after the other and wait, with all their operands in registers that
 * there are not. What a loop carries around stays where it is. */
#ifdef __clang__
#define TAI_UNROLL _Pragma("clang loop unroll(full)")
#define TAI_LOOP _Pragma("clang loop unroll(disable)")
#else
#define TAI_UNROLL _Pragma("GCC unroll 64")
#define TAI_LOOP
#endif

#endif
