#include "memory/ledger.h"

#include "port/fault.h"

bool tai_ledger_reserve(TaiLedger *ledger, uint32_t purpose, uint64_t bytes, uint64_t padding) {
    if (!tai_claim("ledger")) {
        return false;
    }
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
    ledger->by_purpose[purpose] -= bytes;
    ledger->current -= bytes;
    ledger->padding -= padding;
}
