/* Hosts without threads (WASI, JS): there are never readers, so nothing is submitted to them. */
#include "port/readers.h"

uint64_t tai_readers_bytes(uint32_t threads) {
    (void)threads;
    return 0;
}

uint32_t tai_readers_start(TaiReaders *readers, const TinyAISource *source, uint32_t threads) {
    (void)readers;
    (void)source;
    (void)threads;
    return 0;
}

void tai_readers_stop(TaiReaders *readers) {
    (void)readers;
}

bool tai_readers_submit(TaiReaders *readers, const TaiRead *read) {
    (void)readers;
    (void)read;
    return false;
}

bool tai_readers_collect(TaiReaders *readers, bool wait, TaiRead *read) {
    (void)readers;
    (void)wait;
    (void)read;
    return false;
}
