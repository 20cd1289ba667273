/* Blocks of one size, O(1). Its state lies outside the blocks, so that a block may belong to a device or a
 * host while it is free or in use, and a block freed twice is found. */
#ifndef TAI_POOL_H
#define TAI_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tinyai/memory.h"

/* Invariants: n_free blocks are in the list that starts at first_free; next[i] == TAI_POOL_USED says that
 * block i is not. */
struct TinyAIMemoryPool {
    uint8_t *base;
    size_t block_bytes;
    uint32_t n_blocks;
    uint32_t n_free;
    uint32_t peak_used;
    uint32_t first_free;
    uint32_t *next; /* [n_blocks] */
};

#define TAI_POOL_USED UINT32_MAX
#define TAI_POOL_END (UINT32_MAX - 1)

/* next: n_blocks of room. All blocks are free; they are handed out from the lowest address on. */
void tai_pool_init(TinyAIMemoryPool *pool, void *base, size_t block_bytes, uint32_t n_blocks,
                   uint32_t *next);
/* NULL if none is free. */
void *tai_pool_take(TinyAIMemoryPool *pool);
/* Index of a block of the pool in use; TAI_POOL_END for what is none. */
uint32_t tai_pool_index(const TinyAIMemoryPool *pool, const void *block);
/* False, and nothing changes, for what is not a block of the pool in use. */
bool tai_pool_give(TinyAIMemoryPool *pool, const void *block);

#endif
