#include "memory/pool.h"

void tai_pool_init(TinyAIMemoryPool *pool, void *base, size_t block_bytes, uint32_t n_blocks,
                   uint32_t *next) {
    *pool = (TinyAIMemoryPool){.base = base,
                               .block_bytes = block_bytes,
                               .n_blocks = n_blocks,
                               .n_free = n_blocks,
                               .first_free = n_blocks ? 0 : TAI_POOL_END,
                               .next = next};
    for (uint32_t i = 0; i < n_blocks; i++) {
        next[i] = i + 1 < n_blocks ? i + 1 : TAI_POOL_END;
    }
}

void *tai_pool_take(TinyAIMemoryPool *pool) {
    if (pool->first_free == TAI_POOL_END) {
        return NULL;
    }
    uint32_t block = pool->first_free;
    pool->first_free = pool->next[block];
    pool->next[block] = TAI_POOL_USED;
    pool->n_free--;
    if (pool->n_blocks - pool->n_free > pool->peak_used) {
        pool->peak_used = pool->n_blocks - pool->n_free;
    }
    return pool->base + block * pool->block_bytes;
}

bool tai_pool_give(TinyAIMemoryPool *pool, const void *block) {
    uintptr_t at = (uintptr_t)block - (uintptr_t)pool->base;
    if (at >= pool->n_blocks * pool->block_bytes || at % pool->block_bytes) {
        return false;
    }
    uint32_t index = (uint32_t)(at / pool->block_bytes);
    if (pool->next[index] != TAI_POOL_USED) {
        return false;
    }
    pool->next[index] = pool->first_free;
    pool->first_free = index;
    pool->n_free++;
    return true;
}
