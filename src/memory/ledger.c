#include "memory/ledger.h"

#include <string.h>

#include "memory/process.h"
#include "port/fault.h"

bool tai_ledger_reserve(TaiLedger *ledger, uint32_t purpose, uint64_t bytes, uint64_t padding) {
    if (!tai_claim("ledger")) {
        return false;
    }
    tai_process_add((size_t)bytes);
    ledger->by_purpose[purpose] += bytes;
    ledger->current += bytes;
    ledger->total += bytes;
    ledger->padding += padding;
    ledger->count++;
    if (ledger->current > ledger->peak) {
        ledger->peak = ledger->current;
    }
    return true;
}

void tai_ledger_release(TaiLedger *ledger, uint32_t purpose, uint64_t bytes, uint64_t padding) {
    tai_process_sub((size_t)bytes);
    ledger->by_purpose[purpose] -= bytes;
    ledger->current -= bytes;
    ledger->padding -= padding;
}

void tai_ledger_close(TaiLedger *ledger) {
    tai_process_sub((size_t)ledger->current);
    memset(ledger->by_purpose, 0, sizeof ledger->by_purpose);
    ledger->current = 0;
    ledger->padding = 0;
}
