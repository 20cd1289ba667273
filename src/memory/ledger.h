/* The ledger: the one place that counts reserved bytes, by purpose.
 * Invariants: current = sum of by_purpose; current <= peak. */
#ifndef TAI_LEDGER_H
#define TAI_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "tinyai/tinyai.h"

typedef struct TaiLedger {
    uint64_t by_purpose[TINYAI_PURPOSES]; /* bytes reserved now */
    uint64_t current;
    uint64_t peak;
    uint64_t total;   /* bytes of all reservations so far */
    uint64_t count;   /* reservations so far */
    uint64_t padding; /* bytes of current that only align what follows */
} TaiLedger;

/* `padding` bytes of `bytes` are alignment. False, and nothing changes, where a test makes the claim fail. */
bool tai_ledger_reserve(TaiLedger *ledger, uint32_t purpose, uint64_t bytes, uint64_t padding);
void tai_ledger_release(TaiLedger *ledger, uint32_t purpose, uint64_t bytes, uint64_t padding);

/* Releases all that is reserved. */
void tai_ledger_close(TaiLedger *ledger);

#endif
