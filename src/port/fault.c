/* Claims that fail on purpose, in builds with TAI_FAULTS only. What is armed counts in all threads. */
#include "port/fault.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t fail_at;
static bool fail_for_ever;
static atomic_uint_fast64_t claims;
static _Atomic(const char *) refused;
static atomic_int_fast64_t held[TAI_HELD_KINDS];
static _Thread_local bool is_forbidden;

bool tai_claim(const char *what) {
    if (is_forbidden) {
        (void)fprintf(stderr, "tinyai: %s was claimed between two decoded tokens\n", what);
        _Exit(TAI_FAULT_EXIT);
    }
    const uint64_t number = atomic_fetch_add(&claims, 1) + 1;
    const bool fails = fail_at != 0 && (fail_for_ever ? number >= fail_at : number == fail_at);
    if (fails) {
        const char *none = NULL;
        atomic_compare_exchange_strong(&refused, &none, what);
    }
    return !fails;
}

void tai_hold(TaiHeld kind, int32_t change) {
    atomic_fetch_add(&held[kind], change);
}

int64_t tai_held(TaiHeld kind) {
    return atomic_load(&held[kind]);
}

void tai_fault_arm(uint64_t nth, bool for_ever) {
    fail_at = nth;
    fail_for_ever = for_ever;
    atomic_store(&claims, 0);
    atomic_store(&refused, NULL);
}

uint64_t tai_fault_claims(void) {
    return atomic_load(&claims);
}

const char *tai_fault_refused(void) {
    return atomic_load(&refused);
}

bool tai_fault_forbid(bool forbidden) {
    const bool before = is_forbidden;
    is_forbidden = forbidden;
    return before;
}
