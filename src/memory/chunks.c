#include "memory/chunks.h"

#include "memory/checked.h"

#define HEAD ((sizeof(TaiChunk) + 15) & ~(size_t)15)
#define PER_BLOCK (2 * sizeof(uint32_t)) /* of next[] and asked[] */

static size_t alignment_of(size_t block_bytes) {
    const size_t power = block_bytes & -block_bytes;
    return power < 4096 ? power : 4096;
}

/* Regions are aligned to 16 at least. */
static size_t gap_bytes(size_t block_bytes) {
    return alignment_of(block_bytes) - 16;
}

size_t tai_chunk_bytes(size_t block_bytes, size_t n_blocks) {
    uint64_t bytes;
    if (n_blocks >= TAI_POOL_END || !tai_mul(block_bytes + PER_BLOCK, n_blocks, &bytes) ||
        !tai_add(bytes, HEAD + gap_bytes(block_bytes), &bytes) || bytes > SIZE_MAX / 2) {
        return SIZE_MAX;
    }
    return (size_t)bytes;
}

size_t tai_chunk_blocks(size_t block_bytes, size_t bytes) {
    const size_t fixed = HEAD + gap_bytes(block_bytes);
    if (bytes < fixed) {
        return 0;
    }
    const size_t n = (bytes - fixed) / (block_bytes + PER_BLOCK);
    return n < TAI_POOL_END ? n : TAI_POOL_END - 1;
}

static void add(TaiChunks *chunks, void *region, size_t region_bytes, size_t n_blocks) {
    const size_t mask = chunks->alignment - 1;
    uint8_t *base = (uint8_t *)region + (-(size_t)(uintptr_t)region & mask);
    TaiChunk *chunk = (TaiChunk *)(base + n_blocks * chunks->block_bytes);
    uint32_t *next = (uint32_t *)((uint8_t *)chunk + HEAD);
    tai_pool_init(&chunk->pool, base, chunks->block_bytes, (uint32_t)n_blocks, next);
    chunk->asked = next + n_blocks;
    chunk->region = region;
    chunk->region_bytes = region_bytes;
    chunk->open = chunks->open;
    chunks->open = chunk;
    uint32_t place = chunks->n_chunks++;
    for (; place > 0 && chunks->chunks[place - 1]->pool.base > base; place--) {
        chunks->chunks[place] = chunks->chunks[place - 1];
    }
    chunks->chunks[place] = chunk;
    chunks->n_blocks += n_blocks;
    chunks->n_free += n_blocks;
}

void tai_chunks_init(TaiChunks *chunks, TaiRoom *room, size_t block_bytes, size_t n_blocks,
                     void *region) {
    *chunks = (TaiChunks){.room = room,
                          .block_bytes = block_bytes,
                          .alignment = alignment_of(block_bytes),
                          .first_blocks = n_blocks};
    add(chunks, region, 0, n_blocks);
    chunks->open->region = NULL; /* the caller's */
}

void tai_chunks_end(TaiChunks *chunks) {
    for (uint32_t i = 0; i < chunks->n_chunks; i++) {
        const TaiChunk *chunk = chunks->chunks[i];
        if (chunk->region != NULL) {
            tai_room_release(chunks->room, chunk->region, chunk->region_bytes);
        }
    }
}

static size_t left_blocks(const TaiChunks *chunks) {
    return tai_chunk_blocks(chunks->block_bytes, chunks->room->budget - chunks->room->reserved);
}

bool tai_chunks_can_grow(const TaiChunks *chunks) {
    return chunks->n_chunks < TAI_CHUNKS && left_blocks(chunks) > 0;
}

static bool grow(TaiChunks *chunks) {
    if (!tai_chunks_can_grow(chunks)) {
        return false;
    }
    const size_t left = left_blocks(chunks);
    const size_t half = chunks->n_blocks / 2;
    size_t n = half > chunks->first_blocks ? half : chunks->first_blocks;
    n = n < left ? n : left;
    const size_t bytes = tai_chunk_bytes(chunks->block_bytes, n);
    void *region = tai_room_reserve(chunks->room, bytes);
    if (region == NULL) {
        return false;
    }
    add(chunks, region, bytes, n);
    return true;
}

void *tai_chunks_take(TaiChunks *chunks, uint32_t asked) {
    if (chunks->open == NULL && !grow(chunks)) {
        return NULL;
    }
    TaiChunk *chunk = chunks->open;
    const uint32_t index = chunk->pool.first_free;
    void *block = tai_pool_take(&chunk->pool);
    chunk->asked[index] = asked;
    chunks->n_free--;
    if (chunk->pool.n_free == 0) {
        chunks->open = chunk->open;
    }
    return block;
}

TaiChunk *tai_chunks_find(const TaiChunks *chunks, const void *block, uint32_t *index) {
    uint32_t low = 0;
    uint32_t high = chunks->n_chunks;
    while (high - low > 1) { /* chunks[low] begins at or below the block, if any does */
        const uint32_t middle = (low + high) / 2;
        if ((uintptr_t)chunks->chunks[middle]->pool.base <= (uintptr_t)block) {
            low = middle;
        } else {
            high = middle;
        }
    }
    TaiChunk *chunk = chunks->chunks[low];
    *index = tai_pool_index(&chunk->pool, block);
    return *index == TAI_POOL_END ? NULL : chunk;
}

void tai_chunks_give(TaiChunks *chunks, TaiChunk *chunk, const void *block) {
    if (chunk->pool.n_free == 0) {
        chunk->open = chunks->open;
        chunks->open = chunk;
    }
    tai_pool_give(&chunk->pool, block);
    chunks->n_free++;
}
