/* Reader threads: reads that run beside the computing thread, where the host has threads (natively). WASI
 * has none: tai_readers_start gives 0 threads there, and the caller reads by itself. */
#ifndef TAI_READERS_H
#define TAI_READERS_H

#include <stdbool.h>
#include <stdint.h>

#include "tinyai/tinyai.h"

#define TAI_MAX_READERS 16u
#define TAI_READS 64u /* submitted and not yet collected, at most */

typedef struct TaiRead {
    uint32_t id;
    uint32_t length;
    uint64_t offset;
    void *into;
    int32_t status; /* when collected */
} TaiRead;

typedef struct TaiReaders TaiReaders;

/* Bytes of room that tai_readers_start needs: 64-byte aligned, on every host the same for a count. */
uint64_t tai_readers_bytes(uint32_t threads);
/* Starts up to `threads` threads that call source->read, which must be safe to call from several threads.
 * Returns how many run (fewer or 0: the host gave no more); stacks are the host's, 64 KiB each. */
uint32_t tai_readers_start(TaiReaders *readers, const TinyAISource *source, uint32_t threads);
/* Waits for what is being read, drops the rest, ends the threads. */
void tai_readers_stop(TaiReaders *readers);

/* False if TAI_READS are under way already. */
bool tai_readers_submit(TaiReaders *readers, const TaiRead *read);
/* A finished read; with wait it waits for one. False if none is under way (wait) or none is finished. */
bool tai_readers_collect(TaiReaders *readers, bool wait, TaiRead *read);

#endif
