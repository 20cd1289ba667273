/* A TinyAIMemory: one strategy's state, its room in the host's memory, and what is counted about it. */
#ifndef TAI_INSTANCE_H
#define TAI_INSTANCE_H

#include "memory/chunks.h"
#include "memory/classes.h"
#include "memory/facts.h"
#include "memory/heap.h"
#include "memory/room.h"
#include "memory/stack.h"
#include "memory/tlsf.h"
#include "memory/tracker.h"
#include "port/lock.h"
#include "tinyai/memory.h"

#define TAI_MEMORY_MAX_ALIGNMENT ((size_t)4096)

typedef enum TaiFound {
    TAI_FOUND,         /* and done */
    TAI_FOUND_TO_MOVE, /* resize: it cannot be done in place */
    TAI_FOUND_BELOW,   /* give: a live allocation of the static part, but not the last one */
    TAI_NOT_FOUND      /* not a live allocation of this instance */
} TaiFound;

typedef struct TaiVisit {
    void (*block)(void *user, const void *block, size_t bytes);
    void *user;
} TaiVisit;

/* What a strategy does. `asked` is set to the bytes that leave memory->asked with the block: 0 for the
 * static part, whose fill is counted as a whole. */
typedef struct TaiStrategy {
    const char *name;
    const char *advice; /* when it is full: what to do */
    /* Bytes of the region for the strategy's state, of which initial_pool_size is the strategy's `initial`;
     * SIZE_MAX if there is no such size. */
    size_t (*bytes)(const TinyAIMemoryConfig *config);
    /* The largest initial_pool_size for which bytes() is at most that. */
    size_t (*initial_in)(const TinyAIMemoryConfig *config, size_t bytes);
    /* region: config's bytes() of it, aligned to 64. False: too small for anything. */
    bool (*begin)(TinyAIMemory *memory, const TinyAIMemoryConfig *config, void *region);
    /* Gives back the regions that it reserved later. */
    void (*end)(TinyAIMemory *memory);
    void *(*take)(TinyAIMemory *memory, size_t bytes, size_t alignment);
    TaiFound (*give)(TinyAIMemory *memory, void *block, size_t *asked);
    /* had: bytes that are the caller's so far. */
    TaiFound (*resize)(TinyAIMemory *memory, void *block, size_t bytes, size_t *asked, size_t *had);
    /* The largest allocation that would succeed now, growing included. */
    size_t (*most)(const TinyAIMemory *memory);
    /* Sets free_bytes and largest_free_block. */
    void (*fill)(const TinyAIMemory *memory, TinyAIMemoryStats *stats);
    /* Live allocations, one by one. */
    void (*walk)(const TinyAIMemory *memory, TaiVisit *visit);
} TaiStrategy;

extern const TaiStrategy tai_strategy_dynamic;
extern const TaiStrategy tai_strategy_static;
extern const TaiStrategy tai_strategy_pooled;
extern const TaiStrategy tai_strategy_hybrid;

/* Invariant: current usage = asked + stack.fill.used, which is what the process was told. */
struct TinyAIMemory {
    const TaiStrategy *strategy;
    TaiLock lock;
    TaiOwner owner;
    TaiRoom room;
    void *region; /* the strategy's first bytes, and behind them this struct */
    size_t region_bytes;
    size_t largest_block; /* POOLED: block_size; others: SIZE_MAX */
    size_t largest_alignment;
    size_t asked; /* bytes of live allocations outside the static part */
    size_t live;  /* their number */
    size_t peak;
    size_t total;
    size_t count;
    size_t failed;
    bool track;          /* this instance's own wish */
    bool fixed_room;     /* config.budget was given: the tracker must find its room within it */
    TaiTracker *tracker; /* NULL until it is wanted for the whole process, or here */
    size_t tracker_bytes;
    TaiStack stack; /* STATIC, HYBRID; empty for others */
    union {
        TaiTlsf *tlsf;    /* DYNAMIC */
        TaiChunks chunks; /* POOLED */
        struct {          /* HYBRID */
            TaiHeap heap;
            TaiClasses classes;
        };
    };
};

void tai_memory_facts(const void *self, TaiFacts *facts); /* of its TaiOwner */
/* Reserves the tracker's room; false if there is none. Under the instance's lock. */
bool tai_memory_make_tracker(TinyAIMemory *memory);

/* The process default if there is one. */
TinyAIMemory *tai_memory_default(void);
/* memory, or for NULL the process default, which is made if there is none. NULL: the thread's error says
 * why. */
TinyAIMemory *tai_memory_or_default(TinyAIMemory *memory);

#endif
