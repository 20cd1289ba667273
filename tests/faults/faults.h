/* The loop of all fault tests: the n-th claim fails, for n = 1, 2, 3 ... until nothing is left to fail; once
 * each, and then from the n-th on for ever.
 *
 * A new operation is one more row of the table in test_faults.c. */
#ifndef TAI_FAULTS_TEST_H
#define TAI_FAULTS_TEST_H

#include "port/fault.h"
#include "tinyai/tinyai.h"
#include "unit/test.h"

typedef struct Operation {
    const char *name;
    void (*prepare)(void);              /* what it needs, without faults; NULL: nothing */
    int32_t (*run)(TinyAIError *error); /* with faults: a status, and its error */
    /* Without faults: what it left behind works, and gives what is right. done: run succeeded. */
    void (*verify)(bool done);
    void (*finish)(void);  /* gives everything back */
    uint64_t least_claims; /* it makes at least so many, or the loop would prove nothing */
} Operation;

/* The operations may do without any claim, not only without threads. */
static bool may_fall_back;

typedef struct Held {
    int64_t of[TAI_HELD_KINDS];
    size_t bytes; /* tinyai_get_memory_stats().current_usage */
} Held;

static Held held_now(void) {
    Held held = {0};
    for (uint32_t i = 0; i < TAI_HELD_KINDS; i++) {
        held.of[i] = tai_held((TaiHeld)i);
    }
    held.bytes = tinyai_get_memory_stats().current_usage;
    return held;
}

static void check_held(const Operation *op, uint64_t n, const char *when, Held wanted) {
    static const char *const names[] = {"regions", "files", "threads"};
    const Held held = held_now();
    if (held.bytes != wanted.bytes) {
        TEST_FAIL("%s, claim %llu, %s: %zu bytes in use, not %zu", op->name, (unsigned long long)n,
                  when, held.bytes, wanted.bytes);
    }
    for (uint32_t i = 0; i < TAI_HELD_KINDS; i++) {
        if (held.of[i] != wanted.of[i]) {
            TEST_FAIL("%s, claim %llu, %s: %lld %s, not %lld", op->name, (unsigned long long)n,
                      when, (long long)held.of[i], names[i], (long long)wanted.of[i]);
        }
    }
}

/* An error that says what ran out. */
static void check_named(const Operation *op, uint64_t n, int32_t status, const TinyAIError *error,
                        const char *refused) {
    const bool is_file = strcmp(refused, "a file handle") == 0;
    const bool named = is_file
                           ? strstr(error->message, "too many files") != NULL
                           : strstr(error->message, "bytes") || strstr(error->message, "memory");
    if (status != (is_file ? TINYAI_E_IO : TINYAI_E_NOMEM) || error->status != status || !named) {
        TEST_FAIL("%s, claim %llu (%s): status %d, error %s: \"%s\"", op->name,
                  (unsigned long long)n, refused, status, tinyai_status_name(error->status),
                  error->message);
    }
}

/* Threads are for speed alone. */
static bool can_be_missed(const char *claim) {
    return strcmp(claim, "a reader thread") == 0 || strcmp(claim, "a computing thread") == 0;
}

/* One run with the n-th claim refused; false if there was nothing to refuse. */
static bool run_with_fault(const Operation *op, uint64_t n, bool for_ever) {
    const Held base = held_now();
    if (op->prepare) {
        op->prepare();
    }
    const Held before = held_now();
    TinyAIError error;
    memset(&error, 0, sizeof error);
    tai_fault_arm(n, for_ever);
    const int32_t status = op->run(&error);
    const char *refused = tai_fault_refused();
    tai_fault_arm(0, false);
    if (status != 0 && refused == NULL) {
        TEST_FAIL("%s failed by itself: %s", op->name, error.message);
    } else if (status != 0) {
        check_named(op, n, status, &error, refused);
        check_held(op, n, "after the error", before);
    } else if (refused != NULL && !may_fall_back && !can_be_missed(refused)) {
        TEST_FAIL("%s went on without %s", op->name, refused);
    }
    op->verify(status == 0);
    op->finish();
    check_held(op, n, "at the end", base);
    return refused != NULL;
}

/* Fails all claims of one operation; returns how many there are. */
static uint64_t fail_all(const Operation *op) {
    uint64_t n = 0;
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        n = 0;
        while (run_with_fault(op, n + 1, for_ever != 0)) {
            n++;
        }
        if (n < op->least_claims) {
            TEST_FAIL("%s claims %llu times, not %llu", op->name, (unsigned long long)n,
                      (unsigned long long)op->least_claims);
        }
    }
    return n;
}

static void sweep(const Operation *op) {
    const uint64_t n = fail_all(op);
    printf("%s: K = %llu, each failed once and for ever\n", op->name, (unsigned long long)n);
}

#endif
