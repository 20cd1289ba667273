/* Every claim that can run out asks here first: memory, threads, files, mappings. In normal builds the
 * answer is always yes and costs nothing; builds with TAI_FAULTS (tests/faults) make the n-th claim fail,
 * once or from then on, and stop where a claim is made while tokens are decoded. */
#ifndef TAI_FAULT_H
#define TAI_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef TAI_FAULTS
bool tai_claim(const char *what); /* false: behave as if the host refused */
void tai_fault_arm(uint64_t nth, bool for_ever); /* nth 0: no failure; resets the count */
uint64_t tai_fault_claims(void); /* claims since it was armed */
void tai_fault_forbid(bool forbidden); /* between two decoded tokens: a claim ends the program */
#else
static inline bool tai_claim(const char *what) {
    (void)what;
    return true;
}
static inline void tai_fault_forbid(bool forbidden) {
    (void)forbidden;
}
#endif

#endif
