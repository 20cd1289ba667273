/* The memory report, as text for a person or as JSON, piece by piece into a sink: it needs no memory, and
 * the same facts give the same bytes. */
#ifndef TAI_REPORT_H
#define TAI_REPORT_H

#include "memory/facts.h"

typedef struct TaiSink {
    void (*write)(void *user, const char *text, size_t bytes);
    void *user;
} TaiSink;

/* What the owners together did, for the sums, the leaks and the checklist. */
typedef struct TaiHabits {
    bool tracking;       /* call sites are recorded everywhere */
    uint64_t stats_read; /* times that statistics were asked for */
    uint64_t leaks;      /* allocations never freed when their owner was destroyed, so far */
    uint64_t leaked_bytes;
    char leak_site[TAI_NAME_BYTES]; /* of the first of them, or "" */
    uint64_t progressive_loaders;   /* created so far */
    uint64_t timed_tokens;          /* generated tokens whose time was taken */
    TinyAIMemoryStats process;      /* of all owners together; reserved_bytes 0: not known */
} TaiHabits;

/* facts(context, i, into) fills in the i-th of n owners (zeroed before). */
void tai_report_write(const TaiSink *sink, bool json, uint32_t n_owners,
                      void (*facts)(const void *context, uint32_t index, TaiFacts *into),
                      const void *context, const TaiHabits *habits);

#endif
