/* The four strategies, each in terms of what it is made of. */
#include "memory/instance.h"

#include "memory/checked.h"

static size_t sum_or_max(size_t a, size_t b) {
    uint64_t sum;
    return tai_add(a, b, &sum) && sum < SIZE_MAX / 2 ? (size_t)sum : SIZE_MAX;
}

static void no_end(TinyAIMemory *memory) {
    (void)memory;
}

/* ---- static: region | index ---------------------------------------------------------------------- */

static size_t index_offset(size_t region_bytes) {
    return sum_or_max(region_bytes, 7) & ~(size_t)7;
}

static size_t static_bytes(const TinyAIMemoryConfig *config) {
    return sum_or_max(index_offset(config->initial_pool_size),
                      tai_stack_index_bytes(config->initial_pool_size));
}

/* 1024 bytes have 8 bytes of index, the last ones in part. */
static size_t static_initial_in(const TinyAIMemoryConfig *config, size_t bytes) {
    (void)config;
    const size_t whole = bytes / 1032 * 1024;
    const size_t rest = bytes % 1032;
    return rest > 16 ? whole + ((rest - 8) & ~(size_t)7) : whole;
}

static void stack_begin(TinyAIMemory *memory, const TinyAIMemoryConfig *config, void *region) {
    const size_t bytes = config->initial_pool_size;
    tai_stack_init(&memory->stack, region, bytes, (uint8_t *)region + index_offset(bytes));
}

static bool static_begin(TinyAIMemory *memory, const TinyAIMemoryConfig *config, void *region) {
    stack_begin(memory, config, region);
    return config->initial_pool_size > 0;
}

static void *static_take(TinyAIMemory *memory, size_t bytes, size_t alignment) {
    return tai_stack_take(&memory->stack, bytes, alignment);
}

static TaiFound static_give(TinyAIMemory *memory, void *block, size_t *asked) {
    *asked = 0;
    if (tai_stack_extent(&memory->stack, block) == 0) {
        return TAI_NOT_FOUND;
    }
    if (!tai_stack_is_last(&memory->stack, block)) {
        return TAI_FOUND_BELOW;
    }
    tai_stack_give(&memory->stack, block);
    return TAI_FOUND;
}

static TaiFound static_resize(TinyAIMemory *memory, void *block, size_t bytes, size_t *asked,
                              size_t *had) {
    *asked = 0;
    *had = tai_stack_extent(&memory->stack, block);
    if (*had == 0) {
        return TAI_NOT_FOUND;
    }
    return tai_stack_resize(&memory->stack, block, bytes) ? TAI_FOUND : TAI_FOUND_TO_MOVE;
}

static size_t static_most(const TinyAIMemory *memory) {
    return tai_stack_free(&memory->stack);
}

static void static_fill(const TinyAIMemory *memory, TinyAIMemoryStats *stats) {
    stats->free_bytes = stats->largest_free_block = tai_stack_free(&memory->stack);
}

static void static_walk(const TinyAIMemory *memory, TaiVisit *visit) {
    tai_stack_walk(&memory->stack, visit->block, visit->user);
}

const TaiStrategy tai_strategy_static = {
    .name = "static",
    .advice = "release to a mark, or give it a larger initial_pool_size",
    .bytes = static_bytes,
    .initial_in = static_initial_in,
    .begin = static_begin,
    .end = no_end,
    .take = static_take,
    .give = static_give,
    .resize = static_resize,
    .most = static_most,
    .fill = static_fill,
    .walk = static_walk,
};

/* ---- pooled: one chunk, and others in regions of their own ---------------------------------------- */

static size_t stride_of(const TinyAIMemoryConfig *config) {
    return (config->block_size + 15) & ~(size_t)15;
}

static size_t pooled_bytes(const TinyAIMemoryConfig *config) {
    const size_t stride = stride_of(config);
    return tai_chunk_bytes(stride, config->initial_pool_size / stride);
}

static size_t pooled_initial_in(const TinyAIMemoryConfig *config, size_t bytes) {
    const size_t stride = stride_of(config);
    return tai_chunk_blocks(stride, bytes) * stride;
}

static bool pooled_begin(TinyAIMemory *memory, const TinyAIMemoryConfig *config, void *region) {
    const size_t stride = stride_of(config);
    const size_t n = config->initial_pool_size / stride;
    if (n == 0) {
        return false;
    }
    tai_chunks_init(&memory->chunks, &memory->room, stride, n, region);
    memory->largest_block = config->block_size;
    memory->largest_alignment = memory->chunks.alignment;
    return true;
}

static void pooled_end(TinyAIMemory *memory) {
    tai_chunks_end(&memory->chunks);
}

static void *pooled_take(TinyAIMemory *memory, size_t bytes, size_t alignment) {
    (void)alignment; /* every block has largest_alignment */
    return tai_chunks_take(&memory->chunks, (uint32_t)bytes);
}

static TaiFound pooled_give(TinyAIMemory *memory, void *block, size_t *asked) {
    uint32_t index;
    TaiChunk *chunk = tai_chunks_find(&memory->chunks, block, &index);
    if (chunk == NULL) {
        return TAI_NOT_FOUND;
    }
    *asked = chunk->asked[index];
    tai_chunks_give(&memory->chunks, chunk, block);
    return TAI_FOUND;
}

static TaiFound pooled_resize(TinyAIMemory *memory, void *block, size_t bytes, size_t *asked,
                              size_t *had) {
    uint32_t index;
    TaiChunk *chunk = tai_chunks_find(&memory->chunks, block, &index);
    if (chunk == NULL) {
        return TAI_NOT_FOUND;
    }
    *had = *asked = chunk->asked[index];
    chunk->asked[index] = (uint32_t)bytes; /* at most block_size: checked by the caller */
    return TAI_FOUND;
}

static size_t pooled_most(const TinyAIMemory *memory) {
    return memory->chunks.n_free > 0 || tai_chunks_can_grow(&memory->chunks) ? memory->largest_block
                                                                             : 0;
}

static void pooled_fill(const TinyAIMemory *memory, TinyAIMemoryStats *stats) {
    stats->free_bytes = memory->chunks.n_free * memory->chunks.block_bytes;
    stats->largest_free_block = memory->chunks.n_free > 0 ? memory->largest_block : 0;
}

static void pooled_walk(const TinyAIMemory *memory, TaiVisit *visit) {
    for (uint32_t c = 0; c < memory->chunks.n_chunks; c++) {
        const TaiChunk *chunk = memory->chunks.chunks[c];
        for (uint32_t i = 0; i < chunk->pool.n_blocks; i++) {
            if (chunk->pool.next[i] == TAI_POOL_USED) {
                visit->block(visit->user, chunk->pool.base + i * chunk->pool.block_bytes,
                             chunk->asked[i]);
            }
        }
    }
}

const TaiStrategy tai_strategy_pooled = {
    .name = "pooled",
    .advice = "free blocks, or give it a larger budget",
    .bytes = pooled_bytes,
    .initial_in = pooled_initial_in,
    .begin = pooled_begin,
    .end = pooled_end,
    .take = pooled_take,
    .give = pooled_give,
    .resize = pooled_resize,
    .most = pooled_most,
    .fill = pooled_fill,
    .walk = pooled_walk,
};

/* ---- dynamic: one region ----------------------------------------------------------------------------- */

static size_t dynamic_bytes(const TinyAIMemoryConfig *config) {
    return config->initial_pool_size;
}

static size_t dynamic_initial_in(const TinyAIMemoryConfig *config, size_t bytes) {
    (void)config;
    return bytes;
}

static bool dynamic_begin(TinyAIMemory *memory, const TinyAIMemoryConfig *config, void *region) {
    const size_t bytes = config->initial_pool_size;
    memory->tlsf = tai_tlsf_create(region, bytes, bytes);
    return memory->tlsf != NULL;
}

static void *dynamic_take(TinyAIMemory *memory, size_t bytes, size_t alignment) {
    return tai_tlsf_take(memory->tlsf, bytes, alignment);
}

static TaiFound dynamic_give(TinyAIMemory *memory, void *block, size_t *asked) {
    return tai_tlsf_give(memory->tlsf, block, asked) ? TAI_FOUND : TAI_NOT_FOUND;
}

static TaiFound tlsf_resize(TaiTlsf *tlsf, void *block, size_t bytes, size_t *asked, size_t *had) {
    if (!tai_tlsf_holds(tlsf, block, TAI_TLSF_USED, asked)) {
        return TAI_NOT_FOUND;
    }
    *had = *asked;
    return tai_tlsf_resize(tlsf, block, bytes) ? TAI_FOUND : TAI_FOUND_TO_MOVE;
}

static TaiFound dynamic_resize(TinyAIMemory *memory, void *block, size_t bytes, size_t *asked,
                               size_t *had) {
    return tlsf_resize(memory->tlsf, block, bytes, asked, had);
}

static size_t dynamic_most(const TinyAIMemory *memory) {
    return tai_tlsf_fill(memory->tlsf).largest_free;
}

static void dynamic_fill(const TinyAIMemory *memory, TinyAIMemoryStats *stats) {
    const TaiTlsfFill fill = tai_tlsf_fill(memory->tlsf);
    stats->free_bytes = fill.free_bytes;
    stats->largest_free_block = fill.largest_free;
}

static void visit_used(void *user, const void *block, size_t bytes, TaiTlsfState state) {
    const TaiVisit *visit = user;
    if (state == TAI_TLSF_USED) {
        visit->block(visit->user, block, bytes);
    }
}

static void dynamic_walk(const TinyAIMemory *memory, TaiVisit *visit) {
    tai_tlsf_walk(memory->tlsf, visit_used, visit);
}

const TaiStrategy tai_strategy_dynamic = {
    .name = "dynamic",
    .advice = "free what is not needed, or give it a larger initial_pool_size",
    .bytes = dynamic_bytes,
    .initial_in = dynamic_initial_in,
    .begin = dynamic_begin,
    .end = no_end,
    .take = dynamic_take,
    .give = dynamic_give,
    .resize = dynamic_resize,
    .most = dynamic_most,
    .fill = dynamic_fill,
    .walk = dynamic_walk,
};

/* ---- hybrid: a static part, slabs by size class, and a heap that grows --------------------------------- */

static bool hybrid_begin(TinyAIMemory *memory, const TinyAIMemoryConfig *config, void *region) {
    stack_begin(memory, config, region);
    tai_heap_init(&memory->heap, &memory->room);
    tai_classes_init(&memory->classes, &memory->heap, config->enable_optimization);
    return true;
}

static void hybrid_end(TinyAIMemory *memory) {
    tai_heap_end(&memory->heap);
}

static void *hybrid_take(TinyAIMemory *memory, size_t bytes, size_t alignment) {
    void *block = NULL;
    if (bytes <= TAI_CLASSES_LARGEST && alignment <= TINYAI_MEMORY_ALIGNMENT) {
        block = tai_classes_take(&memory->classes, bytes);
    }
    if (block == NULL) {
        block = tai_heap_take(&memory->heap, bytes, alignment);
    }
    if (block == NULL && tai_classes_trim(&memory->classes)) {
        block = tai_heap_take_here(&memory->heap, bytes, alignment);
    }
    return block;
}

static TaiFound hybrid_give(TinyAIMemory *memory, void *block, size_t *asked) {
    if (tai_stack_holds(&memory->stack, block)) {
        return static_give(memory, block, asked);
    }
    uint32_t index;
    TaiSlab *slab = tai_classes_find(&memory->classes, block, &index);
    if (slab != NULL) {
        *asked = slab->asked[index];
        tai_classes_give(&memory->classes, slab, block);
        return TAI_FOUND;
    }
    return memory->heap.tlsf != NULL && tai_tlsf_give(memory->heap.tlsf, block, asked)
               ? TAI_FOUND
               : TAI_NOT_FOUND;
}

static TaiFound hybrid_resize(TinyAIMemory *memory, void *block, size_t bytes, size_t *asked,
                              size_t *had) {
    if (tai_stack_holds(&memory->stack, block)) {
        return static_resize(memory, block, bytes, asked, had);
    }
    uint32_t index;
    TaiSlab *slab = tai_classes_find(&memory->classes, block, &index);
    if (slab != NULL) {
        *had = *asked = slab->asked[index];
        if (bytes > slab->pool.block_bytes) {
            return TAI_FOUND_TO_MOVE;
        }
        slab->asked[index] = (uint16_t)bytes;
        return TAI_FOUND;
    }
    return memory->heap.tlsf == NULL ? TAI_NOT_FOUND
                                     : tlsf_resize(memory->heap.tlsf, block, bytes, asked, had);
}

static size_t hybrid_most(const TinyAIMemory *memory) {
    return tai_heap_most(&memory->heap);
}

static void hybrid_fill(const TinyAIMemory *memory, TinyAIMemoryStats *stats) {
    const TaiTlsfFill heap =
        memory->heap.tlsf == NULL ? (TaiTlsfFill){0} : tai_tlsf_fill(memory->heap.tlsf);
    const size_t stack = tai_stack_free(&memory->stack);
    stats->free_bytes = stack + tai_classes_free(&memory->classes) + heap.free_bytes;
    stats->largest_free_block = stack > heap.largest_free ? stack : heap.largest_free;
}

static void visit_heap(void *user, const void *block, size_t bytes, TaiTlsfState state) {
    const TaiVisit *visit = user;
    if (state != TAI_TLSF_OWN) {
        visit_used(user, block, bytes, state);
        return;
    }
    const TaiSlab *slab = block;
    for (uint32_t i = 0; i < slab->pool.n_blocks; i++) {
        if (slab->pool.next[i] == TAI_POOL_USED) {
            visit->block(visit->user, slab->pool.base + i * slab->pool.block_bytes, slab->asked[i]);
        }
    }
}

static void hybrid_walk(const TinyAIMemory *memory, TaiVisit *visit) {
    static_walk(memory, visit);
    if (memory->heap.tlsf != NULL) {
        tai_tlsf_walk(memory->heap.tlsf, visit_heap, visit);
    }
}

const TaiStrategy tai_strategy_hybrid = {
    .name = "hybrid",
    .advice = "free what is not needed, or give it a larger budget",
    .bytes = static_bytes,
    .initial_in = static_initial_in,
    .begin = hybrid_begin,
    .end = hybrid_end,
    .take = hybrid_take,
    .give = hybrid_give,
    .resize = hybrid_resize,
    .most = hybrid_most,
    .fill = hybrid_fill,
    .walk = hybrid_walk,
};
