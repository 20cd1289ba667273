/* Reader threads: reads that run beside the computing thread, where the host has threads (natively). WASI
 * and JS hosts have none: tai_readers_start gives 0 threads there, and the caller reads by itself.
 *
 * One thread, the owner, calls all functions of a TaiReaders. Reads are begun in the order in which they
 * were submitted; they finish in any. */
#ifndef TAI_READERS_H
#define TAI_READERS_H

#include <stdbool.h>
#include <stdint.h>

#include "tinyai/tinyai.h"

#define TAI_MAX_READERS 16u
#define TAI_READS 64u /* submitted and not yet collected, at most */
#define TAI_READER_STACK_BYTES 65536u

typedef struct TaiRead {
    uint32_t id;
    uint32_t length;
    uint64_t offset;
    void *into;     /* the readers' from submit to collect */
    int32_t status; /* when collected: what source->read returned */
} TaiRead;

typedef struct TaiReaders TaiReaders;

/* Bytes of room that tai_readers_start needs, aligned to 64; 0 for 0 threads, and where the host has none. */
uint64_t tai_readers_bytes(uint32_t threads);
/* Starts up to `threads` threads that call source->read, which must be safe to call from several threads
 * at once, with a stack of TAI_READER_STACK_BYTES. Copies *source. Returns how many run (fewer or 0: the
 * host gave no more; nothing else needs them). Stacks are the host's. With 0, and only then, there is
 * nothing to stop, and nothing may be submitted. */
uint32_t tai_readers_start(TaiReaders *readers, const TinyAISource *source, uint32_t threads);
/* Waits for what is being read, drops the rest, collected or not, and ends the threads. */
void tai_readers_stop(TaiReaders *readers);

/* False if TAI_READS are under way already. */
bool tai_readers_submit(TaiReaders *readers, const TaiRead *read);
/* A finished read; with wait it waits for one. False if none is under way (wait) or none is finished. */
bool tai_readers_collect(TaiReaders *readers, bool wait, TaiRead *read);

#endif
