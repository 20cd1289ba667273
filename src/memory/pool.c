#include "memory/pool.h"

void tai_pool_init(TinyAIMemoryPool *pool, void *base, size_t block_bytes, uint32_t n_blocks,
                   uint32_t *next) {
    *pool = (TinyAIMemoryPool){.base = base,
                               .block_bytes = block_bytes,
                               .n_blocks = n_blocks,
                               .n_free = n_blocks,
                               .first_free = n_blocks > 0 ? 0 : TAI_POOL_END,
                               .next = next};
    for (uint32_t i = 0; i < n_blocks; i++) {
        next[i] = i + 1 < n_blocks ? i + 1 : TAI_POOL_END;
    }
}

void *tai_pool_take(TinyAIMemoryPool *pool) {
    const uint32_t index = pool->first_free;
    if (index == TAI_POOL_END) {
        return NULL;
    }
    pool->first_free = pool->next[index];
    pool->next[index] = TAI_POOL_USED;
    pool->n_free--;
    const uint32_t used = pool->n_blocks - pool->n_free;
    if (used > pool->peak_used) {
        pool->peak_used = used;
    }
    return pool->base + index * pool->block_bytes;
}

uint32_t tai_pool_index(const TinyAIMemoryPool *pool, const void *block) {
    /* Below base it wraps around, and lies above the end. */
    const size_t offset = (size_t)((uintptr_t)block - (uintptr_t)pool->base);
    if (offset >= pool->n_blocks * pool->block_bytes || offset % pool->block_bytes != 0) {
        return TAI_POOL_END;
    }
    const size_t index = offset / pool->block_bytes;
    if (pool->next[index] != TAI_POOL_USED) {
        return TAI_POOL_END;
    }
    return (uint32_t)index;
}

bool tai_pool_give(TinyAIMemoryPool *pool, const void *block) {
    const uint32_t index = tai_pool_index(pool, block);
    if (index == TAI_POOL_END) {
        return false;
    }
    pool->next[index] = pool->first_free;
    pool->first_free = index;
    pool->n_free++;
    return true;
}
