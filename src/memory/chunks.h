/* The pooled strategy: blocks of one size in chunks, each a pool in a region of its own.
 *
 * A further chunk is as large as the first, or half of all blocks so far if that is more, or what the
 * budget leaves: so there are few chunks (TAI_CHUNKS is more than any budget needs), and the chunk of a
 * block is found in at most log2(TAI_CHUNKS) steps. */
#ifndef TAI_CHUNKS_H
#define TAI_CHUNKS_H

#include "memory/pool.h"
#include "memory/room.h"

#define TAI_CHUNKS 96u

/* A chunk lies behind its blocks:  gap | blocks | TaiChunk | next[] | asked[]  */
typedef struct TaiChunk {
    TinyAIMemoryPool pool;
    uint32_t *asked;       /* [pool.n_blocks] bytes that a block in use was taken for */
    struct TaiChunk *open; /* the next chunk with a free block */
    void *region;          /* to give back; NULL: the caller's */
    size_t region_bytes;
} TaiChunk;

typedef struct TaiChunks {
    TaiRoom *room;
    size_t block_bytes; /* a multiple of 16 */
    size_t alignment;   /* of every block: the largest power of two in block_bytes, 16 .. 4096 */
    size_t first_blocks;
    size_t n_blocks;
    size_t n_free;
    TaiChunk *open; /* chunks with a free block */
    uint32_t n_chunks;
    TaiChunk *chunks[TAI_CHUNKS]; /* by address */
} TaiChunks;

/* Bytes of a region for n blocks; SIZE_MAX if there is no such size. */
size_t tai_chunk_bytes(size_t block_bytes, size_t n_blocks);
/* Blocks that `bytes` bytes hold, at most what one chunk can have. */
size_t tai_chunk_blocks(size_t block_bytes, size_t bytes);

/* With a first chunk of n_blocks >= 1 blocks in `region`, tai_chunk_bytes of them, aligned to 16. */
void tai_chunks_init(TaiChunks *chunks, TaiRoom *room, size_t block_bytes, size_t n_blocks,
                     void *region);
/* Gives back the chunks behind the first. */
void tai_chunks_end(TaiChunks *chunks);

/* asked <= block_bytes. NULL: nothing is free, and it cannot grow. */
void *tai_chunks_take(TaiChunks *chunks, uint32_t asked);
/* The chunk of a block in use and its index; NULL for any other pointer. */
TaiChunk *tai_chunks_find(const TaiChunks *chunks, const void *block, uint32_t *index);
/* chunk: of the block. */
void tai_chunks_give(TaiChunks *chunks, TaiChunk *chunk, const void *block);
/* Does the budget leave room for another block? */
bool tai_chunks_can_grow(const TaiChunks *chunks);

#endif
