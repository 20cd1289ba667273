/* Memory with a strategy: allocators over fixed regions, pools of equal blocks, and what is known about
 * them. The engine's own memory is made of the same parts.
 *
 *     TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_DYNAMIC, .track_allocations = true};
 *     TinyAIMemory *memory = tinyai_create_memory(&config);
 *     float *row = tinyai_memory_alloc(memory, 4096);
 *     tinyai_memory_free(memory, row);
 *     tinyai_destroy_memory(memory); // NULL is allowed
 *
 * Where a TinyAIMemory is asked for, NULL means the process default: DYNAMIC, in an arena of
 * TINYAI_DEFAULT_ARENA_BYTES that is reserved at its first use, or what tinyai_init_memory chose.
 * All functions may be called from any thread where the host has threads. Functions that return a pointer
 * or bool leave the reason of a failure in tinyai_last_error(NULL), per thread. */
#ifndef TINYAI_MEMORY_H
#define TINYAI_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- strategies ------------------------------------------------------------------------------ */

typedef enum TinyAIMemoryStrategy {
    TINYAI_MEMORY_STRATEGY_DYNAMIC = 0, /* any size, any order: O(1), coalescing */
    TINYAI_MEMORY_STRATEGY_STATIC = 1,  /* one region, bump allocation; freed back to a mark */
    TINYAI_MEMORY_STRATEGY_POOLED = 2,  /* blocks of one size: O(1), no fragmentation */
    TINYAI_MEMORY_STRATEGY_HYBRID = 3   /* static, pools by size class, and dynamic for the rest */
} TinyAIMemoryStrategy;

#define TINYAI_DEFAULT_ARENA_BYTES ((size_t)64 << 20)
#define TINYAI_DEFAULT_BLOCK_SIZE ((size_t)4096)
#define TINYAI_MEMORY_ALIGNMENT ((size_t)16) /* of every allocation that asks for no other */

/* Fields that are 0 mean their default. */
typedef struct TinyAIMemoryConfig {
    TinyAIMemoryStrategy strategy;
    /* STATIC: bytes of the region, all of them the caller's. POOLED: bytes of the first chunk of blocks, in
     * whole blocks. DYNAMIC: bytes of the region, its tables (a few KiB) and 16 bytes per allocation
     * included. HYBRID: bytes of its static part. 0: TINYAI_DEFAULT_ARENA_BYTES or the budget, whichever is
     * less (HYBRID: a quarter of that). */
    size_t initial_pool_size;
    size_t block_size;        /* POOLED: bytes of a block; 0: TINYAI_DEFAULT_BLOCK_SIZE */
    bool track_allocations;   /* records call sites of this instance */
    bool enable_optimization; /* HYBRID: size classes follow the sizes that are asked for */
    /* Bytes it may reserve in all, bookkeeping and call sites included: reserved_bytes never exceeds it, and
     * initial_pool_size is lowered to what it leaves. 0: what initial_pool_size needs (STATIC, DYNAMIC), or
     * TINYAI_DEFAULT_ARENA_BYTES if that is more (POOLED, HYBRID); the table of call sites comes on top. */
    size_t budget;
} TinyAIMemoryConfig;

typedef struct TinyAIMemory TinyAIMemory;

/* An allocator of its own region. NULL: E_ARGUMENT (which field, what is allowed) or E_NOMEM. */
TinyAIMemory *tinyai_create_memory(const TinyAIMemoryConfig *config);
/* Gives all its memory back, what is still allocated included. NULL is allowed. */
void tinyai_destroy_memory(TinyAIMemory *memory);
/* Makes the process default, before its first use: once (E_BUSY after it). */
int32_t tinyai_init_memory(const TinyAIMemoryConfig *config);
/* Gives the process default back, the pools in it included (destroy those before); returns the number of
 * allocations that were never freed. What lies in a static part lives until now, and does not count. The
 * next use makes a new one. */
size_t tinyai_shutdown_memory(void);

/* ---- allocating ------------------------------------------------------------------------------ */

/* `site` is "file:line" or any text that lives as long as the instance; the macros fill it in. */
void *tinyai_memory_alloc_at(TinyAIMemory *memory, size_t bytes, size_t alignment,
                             const char *site);
void *tinyai_memory_realloc_at(TinyAIMemory *memory, void *block, size_t bytes, const char *site);

#define TINYAI_SITE_TEXT(line) #line
#define TINYAI_SITE_LINE(line) TINYAI_SITE_TEXT(line)
#define TINYAI_SITE __FILE__ ":" TINYAI_SITE_LINE(__LINE__)

/* At least `bytes` bytes (bytes > 0), not zeroed. NULL: E_NOMEM (asked, allowed and missing bytes in the
 * error), or E_ARGUMENT: POOLED refuses what is larger than a block. */
#define tinyai_memory_alloc(memory, bytes)                                                         \
    tinyai_memory_alloc_at((memory), (bytes), TINYAI_MEMORY_ALIGNMENT, TINYAI_SITE)
/* alignment: a power of two up to 4096. */
#define tinyai_memory_alloc_aligned(memory, bytes, alignment)                                      \
    tinyai_memory_alloc_at((memory), (bytes), (alignment), TINYAI_SITE)
/* As C's realloc (bytes > 0), and the old block is untouched where it fails. A block that moves is aligned to
 * TINYAI_MEMORY_ALIGNMENT. STATIC: the last allocation grows in place; the bytes of another one that moves
 * stay taken until a release. */
#define tinyai_memory_realloc(memory, block, bytes)                                                \
    tinyai_memory_realloc_at((memory), (block), (bytes), TINYAI_SITE)

/* NULL is allowed. False, and nothing changes: E_ARGUMENT for a pointer that is not an allocation of this
 * instance or was freed before. STATIC: the last allocation only; others end by tinyai_memory_release. */
bool tinyai_memory_free(TinyAIMemory *memory, void *block);

/* STATIC and HYBRID: the fill of the static part now (others: 0), and back to it: what was allocated there
 * since is gone. A mark is good until a release goes below it. False: E_ARGUMENT for another strategy or a
 * mark that lies above the fill. */
size_t tinyai_memory_mark(const TinyAIMemory *memory);
bool tinyai_memory_release(TinyAIMemory *memory, size_t mark);

/* HYBRID: memory that lives as long as the instance, from its static part; others: as tinyai_memory_alloc. */
#define tinyai_memory_alloc_static(memory, bytes)                                                  \
    tinyai_memory_alloc_static_at((memory), (bytes), TINYAI_SITE)
void *tinyai_memory_alloc_static_at(TinyAIMemory *memory, size_t bytes, const char *site);

/* ---- pools ----------------------------------------------------------------------------------- */

typedef struct TinyAIMemoryPool TinyAIMemoryPool;

/* total_size / block_size blocks, in memory of the process default; the pool's own bookkeeping is not taken
 * from total_size. NULL: E_ARGUMENT (no whole block), E_NOMEM. */
TinyAIMemoryPool *tinyai_create_pool(size_t total_size, size_t block_size);
/* NULL is allowed. */
void tinyai_destroy_pool(TinyAIMemoryPool *pool);
/* A block for `size` bytes, aligned to the largest power of two, up to 4096, that block_size is a multiple
 * of. NULL:
 * E_ARGUMENT (size is 0 or above block_size), E_NOMEM (no block is free). O(1). */
void *tinyai_pool_alloc(TinyAIMemoryPool *pool, size_t size);
/* NULL is allowed. False, and nothing changes: E_ARGUMENT for what is not a block of this pool, or is free
 * already. O(1). */
bool tinyai_pool_free(TinyAIMemoryPool *pool, void *block);

typedef struct TinyAIPoolStats {
    size_t block_size;
    size_t blocks;
    size_t blocks_free;
    size_t peak_blocks_used;
    double utilization; /* blocks in use / blocks, 0 .. 1 */
} TinyAIPoolStats;
TinyAIPoolStats tinyai_get_pool_stats(const TinyAIMemoryPool *pool);

/* ---- monitoring ------------------------------------------------------------------------------ */

/* A realloc counts as an allocation of its new size; the old one is freed by it. */
typedef struct TinyAIMemoryStats {
    size_t current_usage;    /* bytes asked for by live allocations; a static part's whole fill */
    size_t peak_usage;       /* the most of current_usage so far; a realloc that moves holds both */
    size_t total_allocated;  /* bytes of all allocations so far */
    size_t allocation_count; /* allocations so far */
    size_t live_allocations; /* allocations not freed yet */
    size_t failed_allocations; /* refused so far */
    size_t reserved_bytes;     /* that the host gave for it, bookkeeping included */
    size_t free_bytes;         /* of reserved_bytes, not allocated and not bookkeeping */
    /* The largest allocation that would succeed now without growing; HYBRID: of the static part or of the
     * rest. */
    size_t largest_free_block;
    /* 1 - largest_free_block / free_bytes. 0 if nothing is free, and for POOLED, where every free block
     * serves every request. */
    double fragmentation_ratio;
} TinyAIMemoryStats;

TinyAIMemoryStats tinyai_memory_stats(const TinyAIMemory *memory);

/* Records call sites of all instances and of the process default from now on (true), or not (false). */
void tinyai_enable_memory_tracking(bool enable);
/* Of the whole process: all instances together, the memory of open models included. */
TinyAIMemoryStats tinyai_get_memory_stats(void);
/* Writes what is known about the process's memory for a person, or as JSON when the name ends in .json: by
 * purpose, by call site while tracking, largest live blocks, leaks, fragmentation, and the guide's
 * checklist with numbers and advice. False: tinyai_last_error(NULL) tells
 * the reason and names the path. */
bool tinyai_generate_memory_report(const char *path);

#ifdef __cplusplus
}
#endif
#endif
