/* The pools of tinyai/memory.h: a pool with its lock and its counts, in memory of the process default. */
#include "memory/checked.h"
#include "memory/error.h"
#include "memory/facts.h"
#include "memory/pool.h"
#include "memory/process.h"
#include "port/fault.h"
#include "port/lock.h"
#include "tinyai/memory.h"

typedef struct PublicPool {
    TinyAIMemoryPool
        pool; /* first: a TinyAIMemoryPool of the caller's is the start of one of these */
    TaiLock lock;
    TaiOwner owner;
    size_t count;
    size_t failed;
} PublicPool;

static const char site[] = "tinyai_create_pool";

static PublicPool *of(const TinyAIMemoryPool *pool) {
    return (PublicPool *)(uintptr_t)pool;
}

static size_t used_blocks(const TinyAIMemoryPool *pool) {
    return pool->n_blocks - pool->n_free;
}

/* A block counts whole, whatever part of it was asked for. */
static void pool_facts(const void *self, TaiFacts *facts) {
    PublicPool *public = (PublicPool *)(uintptr_t)self;
    const TinyAIMemoryPool *pool = &public->pool;
    tai_lock(&public->lock);
    facts->kind = "pool";
    facts->strategy = "pooled";
    facts->nested = true;
    facts->budget_bytes = pool->n_blocks * (uint64_t)pool->block_bytes;
    facts->stats = (TinyAIMemoryStats){
        .current_usage = used_blocks(pool) * pool->block_bytes,
        .peak_usage = pool->peak_used * pool->block_bytes,
        .total_allocated = public->count * pool->block_bytes,
        .allocation_count = public->count,
        .live_allocations = used_blocks(pool),
        .failed_allocations = public->failed,
        .reserved_bytes = pool->n_blocks * pool->block_bytes,
        .free_bytes = pool->n_free * pool->block_bytes,
        .largest_free_block = pool->n_free > 0 ? pool->block_bytes : 0,
    };
    tai_unlock(&public->lock);
}

/* ---- creating ------------------------------------------------------------------------------------ */

static size_t alignment_of(size_t block_size) {
    const size_t power = block_size & -block_size;
    return power > 4096 ? 4096 : power < TINYAI_MEMORY_ALIGNMENT ? TINYAI_MEMORY_ALIGNMENT : power;
}

TinyAIMemoryPool *tinyai_create_pool(size_t total_size, size_t block_size) {
    tai_thread_begin();
    if (block_size == 0 || total_size < block_size) {
        tai_fail(tai_thread_error(), TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                 "a pool of %zu bytes with blocks of %zu has no block: block_size must be 1 .. "
                 "total_size",
                 total_size, block_size);
        return NULL;
    }
    const size_t n = total_size / block_size;
    uint64_t next_bytes;
    if (n >= TAI_POOL_END || !tai_mul(n, sizeof(uint32_t), &next_bytes) || next_bytes > SIZE_MAX) {
        tai_fail(tai_thread_error(), TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                 "a pool of %zu blocks: at most %u are possible, choose a larger block_size", n,
                 TAI_POOL_END - 1);
        return NULL;
    }
    PublicPool *public =
        tinyai_memory_alloc_at(NULL, sizeof *public, TINYAI_MEMORY_ALIGNMENT, site);
    uint32_t *next = public == NULL ? NULL
                                    : tinyai_memory_alloc_at(NULL, (size_t)next_bytes,
                                                             TINYAI_MEMORY_ALIGNMENT, site);
    void *blocks =
        next == NULL ? NULL
                     : tinyai_memory_alloc_at(NULL, n * block_size, alignment_of(block_size), site);
    if (blocks == NULL) {
        const TinyAIError why = *tai_thread_error(); /* of the failed allocation */
        tinyai_memory_free(NULL, next);
        tinyai_memory_free(NULL, public);
        *tai_thread_error() = why;
        return NULL;
    }
    *public = (PublicPool){.owner = {.self = public, .facts = pool_facts}};
    tai_pool_init(&public->pool, blocks, block_size, (uint32_t)n, next);
    tai_owner_add(&public->owner);
    return &public->pool;
}

void tinyai_destroy_pool(TinyAIMemoryPool *pool) {
    if (pool == NULL) {
        return;
    }
    tai_owner_remove(&of(pool)->owner);
    tai_process_leaked(used_blocks(pool), used_blocks(pool) * pool->block_bytes, site);
    /* In the reverse order, so that a default of static memory has it back. */
    tinyai_memory_free(NULL, pool->base);
    tinyai_memory_free(NULL, pool->next);
    tinyai_memory_free(NULL, pool);
}

/* ---- blocks ---------------------------------------------------------------------------------------- */

static void *no_block(PublicPool *public, size_t size, int32_t status, size_t allowed) {
    const TinyAIMemoryPool *pool = &public->pool;
    TinyAIError *error = tai_thread_error();
    public->failed++;
    error->asked_bytes = size;
    error->allowed_bytes = allowed;
    error->missing_bytes = size > allowed ? size - allowed : 0;
    if (status == TINYAI_E_NOMEM) {
        tai_fail(error, status, TINYAI_NO_OFFSET,
                 "%u of the pool's %u blocks of %zu bytes are in use: free blocks, or create a "
                 "larger pool",
                 pool->n_blocks - pool->n_free, pool->n_blocks, pool->block_bytes);
    } else if (size == 0) {
        tai_fail(error, status, TINYAI_NO_OFFSET, "an allocation of 0 bytes: ask for 1 .. %zu",
                 pool->block_bytes);
    } else {
        tai_fail(
            error, status, TINYAI_NO_OFFSET,
            "%zu bytes were asked for, and the pool has blocks of %zu: create it with a larger "
            "block_size",
            size, pool->block_bytes);
    }
    return NULL;
}

void *tinyai_pool_alloc(TinyAIMemoryPool *pool, size_t size) {
    tai_thread_begin();
    if (pool == NULL) {
        tai_fail(tai_thread_error(), TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                 "pool is NULL: tinyai_create_pool failed, or was not called");
        return NULL;
    }
    PublicPool *public = of(pool);
    tai_lock(&public->lock);
    void *block = NULL;
    if (size == 0 || size > pool->block_bytes) {
        no_block(public, size, TINYAI_E_ARGUMENT, pool->block_bytes);
    } else if (!tai_claim("pool block") || (block = tai_pool_take(pool)) == NULL) {
        no_block(public, size, TINYAI_E_NOMEM, 0);
    } else {
        public->count++;
    }
    tai_unlock(&public->lock);
    return block;
}

bool tinyai_pool_free(TinyAIMemoryPool *pool, void *block) {
    tai_thread_begin();
    if (block == NULL) {
        return true;
    }
    bool given = false;
    if (pool != NULL) {
        tai_lock(&of(pool)->lock);
        given = tai_pool_give(pool, block);
        tai_unlock(&of(pool)->lock);
    }
    if (!given) {
        tai_fail(
            tai_thread_error(), TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
            "%p is not a block of this pool, or was freed before: free each block once, to its own "
            "pool",
            block);
    }
    return given;
}

TinyAIPoolStats tinyai_get_pool_stats(const TinyAIMemoryPool *pool) {
    if (pool == NULL) {
        return (TinyAIPoolStats){0};
    }
    tai_process_note_stats();
    tai_lock(&of(pool)->lock);
    const TinyAIPoolStats stats = {
        .block_size = pool->block_bytes,
        .blocks = pool->n_blocks,
        .blocks_free = pool->n_free,
        .peak_blocks_used = pool->peak_used,
        .utilization = (double)used_blocks(pool) / pool->n_blocks,
    };
    tai_unlock(&of(pool)->lock);
    return stats;
}
