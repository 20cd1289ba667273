/* Every claim that can run out asks here first: memory, threads, files, mappings. In normal builds the
 * answer is always yes and costs nothing; builds with TAI_FAULTS (preset native-faults, tests/faults) make
 * the n-th claim fail, once or from then on, count what is held, and stop where a claim is made while
 * tokens are decoded. */
#ifndef TAI_FAULT_H
#define TAI_FAULT_H

#include <stdbool.h>
#include <stdint.h>

typedef enum TaiHeld { TAI_HELD_REGION, TAI_HELD_FILE, TAI_HELD_THREAD, TAI_HELD_KINDS } TaiHeld;

#ifdef TAI_FAULTS
bool tai_claim(const char *what);                /* false: behave as if the host refused */
void tai_hold(TaiHeld kind, int32_t change);     /* the host gave one (1) or got it back (-1) */
int64_t tai_held(TaiHeld kind);                  /* now, of the whole process */
void tai_fault_arm(uint64_t nth, bool for_ever); /* nth 0: no failure; resets the count */
uint64_t tai_fault_claims(void);                 /* claims since it was armed */
const char *tai_fault_refused(void);             /* what was refused first since then, or NULL */
/* Between two decoded tokens: a claim of this thread says its name and ends the program with
 * TAI_FAULT_EXIT. Returns what held before. */
bool tai_fault_forbid(bool forbidden);
#define TAI_FAULT_EXIT 70
#else
static inline bool tai_claim(const char *what) {
    (void)what;
    return true;
}
static inline void tai_hold(TaiHeld kind, int32_t change) {
    (void)kind;
    (void)change;
}
static inline bool tai_fault_forbid(bool forbidden) {
    (void)forbidden;
    return false;
}
#endif

#endif
