/* What the memory report says of one owner of memory: an allocator, a pool, a mapped model, a model. Owners
 * that are alive are in one list, so that process statistics and report find them. */
#ifndef TAI_FACTS_H
#define TAI_FACTS_H

#include "tinyai/memory.h"
#include "tinyai/tinyai.h"

#define TAI_FACTS_BLOCKS 10u /* largest live blocks that are named */
#define TAI_FACTS_SITES 16u  /* call sites that are named, most live bytes first */
#define TAI_NAME_BYTES 48u

typedef struct TaiLiveBlock {
    uint64_t bytes;
    char name[TAI_NAME_BYTES]; /* call site, or what it is for; "" if neither is known */
} TaiLiveBlock;

typedef struct TaiSiteFacts {
    const char *site; /* "file:line"; lives as long as the owner */
    uint64_t live_bytes;
    uint64_t live_count;
    uint64_t total_bytes;
    uint64_t total_count;
} TaiSiteFacts;

/* Counts are 0, texts NULL where they do not apply. */
typedef struct TaiFacts {
    const char *kind;     /* "allocator", "pool", "mapped model", "model" */
    const char *strategy; /* "static", "pooled", "dynamic", "hybrid" */
    TinyAIMemoryStats stats;
    uint64_t budget_bytes;
    bool nested;  /* allocated from another owner: shown, but not added to the sums */
    bool tracked; /* allocations are recorded with their call sites */
    uint32_t n_blocks;
    TaiLiveBlock blocks[TAI_FACTS_BLOCKS];
    uint32_t n_sites;
    TaiSiteFacts sites[TAI_FACTS_SITES];
    const char *oldest_site; /* of the oldest live block; lives as long as the owner */
    uint64_t untracked;      /* allocations that found no room in the table of live blocks */
    uint64_t common_bytes;   /* the power of two to which most requests rounded up, ... */
    uint64_t common_count;   /* ... and how many did; 0: not recorded */
    /* of a model */
    uint64_t by_purpose[TINYAI_PURPOSES];
    uint64_t file_bytes;
    uint64_t wide_weight_bytes; /* weights of 16 bits or more per value */
    uint64_t streamed_bytes_per_pass;
    uint64_t hits;
    uint64_t misses;
    uint64_t passes;
    uint64_t min_budget_bytes;
    uint64_t resident_bytes; /* smallest budget at which nothing is streamed */
    uint32_t layers;
    uint32_t slots;
    uint32_t pinned;
} TaiFacts;

typedef struct TaiOwner {
    struct TaiOwner *next;
    const void *self;
    void (*facts)(const void *self, TaiFacts *facts); /* fills in zeroed facts */
} TaiOwner;

/* facts() is called from any thread while the list is locked: it must neither add nor remove an owner, nor
 * wait for a thread that does. */
void tai_owner_add(TaiOwner *owner);
void tai_owner_remove(TaiOwner *owner); /* nothing, if it is not in the list */

/* Between hold and release no owner comes or goes: hold tells how many there are, the oldest is 0. */
uint32_t tai_owners_hold(void);
void tai_owners_facts(const void *unused, uint32_t index, TaiFacts *facts);
void tai_owners_release(void);

/* It says what its bytes are for, as models do. */
bool tai_has_purposes(const TaiFacts *facts);

/* Copies `text` (NULL: "") into a name; of a long one the end, which tells more than the beginning. */
void tai_name_copy(char into[TAI_NAME_BYTES], const char *text);

#endif
