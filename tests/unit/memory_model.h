/* A simple model of a TinyAIMemory, which random operations are checked against: live blocks with a
 * pattern in each, the static part as a list in the order of addresses, and every count of the statistics
 * worked out again.
 *
 * The seed is printed; TINYAI_TEST_SEED sets another one. */
#ifndef TAI_MEMORY_MODEL_H
#define TAI_MEMORY_MODEL_H

#include <stdbool.h>
#include <stdlib.h>

#include "test.h"
#include "tinyai/memory.h"
#include "tinyai/tinyai.h"

/* Of the allocator's own files: what tinyai_last_error(NULL) gives. */
#include "memory/error.h"

#define MODEL_OPERATIONS 1000000
#define MODEL_BLOCKS 4096

/* ---- random numbers (splitmix64) ------------------------------------------------------------- */

static uint64_t model_state;

static uint64_t model_random(void) {
    uint64_t z = model_state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static size_t model_below(size_t n) {
    return (size_t)(model_random() % n);
}

/* 1 .. 2^log2 - 1: each power of two as likely as another. */
static size_t model_size(uint32_t log2) {
    const uint32_t bits = 1 + (uint32_t)model_below(log2);
    return (size_t)1 << (bits - 1) | model_below((size_t)1 << (bits - 1));
}

static void model_seed(const char *name) {
    const char *text = getenv("TINYAI_TEST_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20261122;
    printf("%s: TINYAI_TEST_SEED=%llu\n", name, (unsigned long long)seed);
    model_state = seed;
}

/* ---- blocks ------------------------------------------------------------------------------------ */

typedef struct ModelBlock {
    uint8_t *bytes;
    size_t size;
    uint8_t pattern;
} ModelBlock;

static ModelBlock model_block(void *bytes, size_t size) {
    const ModelBlock block = {bytes, size, (uint8_t)model_random()};
    memset(bytes, block.pattern, size);
    return block;
}

static bool model_holds(const ModelBlock *block, size_t size) {
    return block->bytes[0] == block->pattern &&
           memcmp(block->bytes, block->bytes + 1, size - 1) == 0;
}

static int model_by_address(const void *a, const void *b) {
    const uint8_t *const x = ((const ModelBlock *)a)->bytes;
    const uint8_t *const y = ((const ModelBlock *)b)->bytes;
    return x < y ? -1 : x > y;
}

/* ---- the model ----------------------------------------------------------------------------------- */

typedef struct Model {
    TinyAIMemory *memory;
    TinyAIMemoryStrategy strategy;
    uint32_t size_log2;    /* sizes asked for are below 2^size_log2 */
    size_t block_size;     /* POOLED: of a block */
    size_t alignment_log2; /* alignments up to that are asked for */
    ModelBlock blocks[MODEL_BLOCKS];
    size_t n_blocks;
    /* the static part, lowest address first */
    ModelBlock statics[MODEL_BLOCKS];
    size_t n_statics;
    uint8_t *base;
    size_t fill;
    size_t region; /* bytes of the static part; 0: it has none */
    /* counts */
    size_t asked; /* of blocks */
    size_t peak;
    size_t total;
    size_t count;
    size_t failed;
    size_t refused_for_room; /* of failed: E_NOMEM */
    size_t moved;
    size_t in_place;
} Model;

static size_t model_usage(const Model *m) {
    return m->asked + m->fill;
}

static void model_peak(Model *m, size_t usage) {
    m->peak = usage > m->peak ? usage : m->peak;
}

static void model_check_stats(const Model *m) {
    const TinyAIMemoryStats stats = tinyai_memory_stats(m->memory);
    CHECK_EQ(stats.current_usage, model_usage(m));
    CHECK_EQ(stats.peak_usage, m->peak);
    CHECK_EQ(stats.total_allocated, m->total);
    CHECK_EQ(stats.allocation_count, m->count);
    CHECK_EQ(stats.live_allocations, m->n_blocks + m->n_statics);
    CHECK_EQ(stats.failed_allocations, m->failed);
    CHECK(stats.current_usage + stats.free_bytes <= stats.reserved_bytes);
    CHECK(stats.largest_free_block <= stats.free_bytes);
    CHECK(stats.fragmentation_ratio >= 0 && stats.fragmentation_ratio < 1);
}

/* Contents of all blocks, and that no two overlap. */
static void model_check_blocks(const Model *m) {
    static ModelBlock all[2 * MODEL_BLOCKS];
    const size_t n = m->n_blocks + m->n_statics;
    memcpy(all, m->blocks, m->n_blocks * sizeof *all);
    memcpy(all + m->n_blocks, m->statics, m->n_statics * sizeof *all);
    qsort(all, n, sizeof *all, model_by_address);
    for (size_t i = 0; i < n; i++) {
        CHECK(model_holds(&all[i], all[i].size));
        CHECK(i == 0 || all[i - 1].bytes + all[i - 1].size <= all[i].bytes);
    }
}

static void model_count(Model *m, size_t size) {
    m->total += size;
    m->count++;
}

/* The last call returned NULL for `size` bytes. */
static void model_refused(Model *m, size_t size) {
    const TinyAIError *error = tai_thread_error();
    m->failed++;
    if (m->block_size != 0 && size > m->block_size) {
        CHECK_EQ(error->status, TINYAI_E_ARGUMENT);
        CHECK_EQ(error->allowed_bytes, m->block_size);
    } else {
        CHECK_EQ(error->status, TINYAI_E_NOMEM);
        m->refused_for_room++;
        CHECK(m->block_size == 0 || tinyai_memory_stats(m->memory).free_bytes == 0);
    }
    CHECK_EQ(error->asked_bytes, size);
    CHECK(error->allowed_bytes < size);
    CHECK_EQ(error->missing_bytes, size - error->allowed_bytes);
}

/* ---- operations on blocks -------------------------------------------------------------------------- */

/* exact: an allocation must succeed if and only if largest_free_block says so. */
static void model_alloc(Model *m, bool exact) {
    const size_t size = model_size(m->size_log2);
    const size_t alignment =
        model_below(4) != 0 ? 16 : (size_t)1 << model_below(m->alignment_log2 + 1);
    const bool checked = exact && alignment <= 16 && model_below(4) == 0;
    const size_t largest = checked ? tinyai_memory_stats(m->memory).largest_free_block : 0;
    void *bytes = tinyai_memory_alloc_aligned(m->memory, size, alignment);
    if (checked) {
        CHECK_EQ(bytes != NULL, size <= largest);
    }
    if (bytes == NULL) {
        model_refused(m, size);
        return;
    }
    CHECK_EQ((uintptr_t)bytes % alignment, 0);
    CHECK_EQ((uintptr_t)bytes % 16, 0);
    model_count(m, size);
    m->asked += size;
    model_peak(m, model_usage(m));
    m->blocks[m->n_blocks++] = model_block(bytes, size);
}

static void model_bogus(Model *m, void *bytes) {
    CHECK(!tinyai_memory_free(m->memory, bytes));
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
}

static void model_free(Model *m, size_t i) {
    CHECK(model_holds(&m->blocks[i], m->blocks[i].size));
    CHECK(tinyai_memory_free(m->memory, m->blocks[i].bytes));
    m->asked -= m->blocks[i].size;
    if (model_below(16) == 0) {
        model_bogus(m, m->blocks[i].bytes); /* a second time */
    }
    m->blocks[i] = m->blocks[--m->n_blocks];
}

static void model_realloc(Model *m, size_t i) {
    ModelBlock *block = &m->blocks[i];
    const size_t size = model_size(m->size_log2);
    const size_t kept = size < block->size ? size : block->size;
    uint8_t *bytes = tinyai_memory_realloc(m->memory, block->bytes, size);
    if (bytes == NULL) {
        model_refused(m, size);
        CHECK(model_holds(block, block->size));
        return;
    }
    CHECK_EQ((uintptr_t)bytes % 16, 0);
    model_count(m, size);
    m->asked += size;
    if (bytes != block->bytes) {
        model_peak(m, model_usage(m));
        m->moved++;
    } else {
        m->in_place++;
    }
    m->asked -= block->size;
    model_peak(m, model_usage(m));
    block->bytes = bytes;
    CHECK(model_holds(block, kept));
    *block = model_block(bytes, size);
}

/* Pointers that are no block: into one, behind one, of the stack, of nowhere. */
static void model_foreign(Model *m) {
    uint64_t here[4] = {0, 33, 0, 65};
    model_bogus(m, here);
    model_bogus(m, (void *)(uintptr_t)(16 * (1 + model_below(4))));
    if (m->n_blocks > 0) {
        const ModelBlock *block = &m->blocks[model_below(m->n_blocks)];
        const size_t inside = 1 + model_below(block->size);
        if (block->size > 1 && inside < block->size) {
            model_bogus(m, block->bytes + inside);
            CHECK(tinyai_memory_realloc(m->memory, block->bytes + inside, 8) == NULL);
            CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
            m->failed++;
        }
        CHECK(model_holds(block, block->size));
    }
}

/* ---- operations on the static part ------------------------------------------------------------------- */

static void model_static_alloc(Model *m) {
    const size_t size = model_size(m->size_log2);
    const bool aligned = m->strategy == TINYAI_MEMORY_STRATEGY_STATIC && model_below(4) == 0;
    const size_t alignment = aligned ? (size_t)1 << model_below(m->alignment_log2 + 1) : 16;
    const size_t mask = (alignment < 16 ? 16 : alignment) - 1;
    const size_t gap = -(size_t)((uintptr_t)m->base + m->fill) & mask;
    uint8_t *bytes = aligned ? tinyai_memory_alloc_aligned(m->memory, size, alignment)
                             : (uint8_t *)tinyai_memory_alloc_static(m->memory, size);
    CHECK_EQ(bytes != NULL, m->fill + gap + size <= m->region);
    if (bytes == NULL) {
        model_refused(m, size);
        return;
    }
    CHECK_EQ(bytes - m->base, m->fill + gap);
    m->fill += gap + size;
    model_count(m, size);
    model_peak(m, model_usage(m));
    m->statics[m->n_statics++] = model_block(bytes, size);
}

static void model_static_free(Model *m) {
    if (m->n_statics == 0) {
        return;
    }
    if (m->n_statics > 1) {
        model_bogus(m, m->statics[model_below(m->n_statics - 1)].bytes); /* not the last */
    }
    const ModelBlock last = m->statics[--m->n_statics];
    CHECK(model_holds(&last, last.size));
    CHECK(tinyai_memory_free(m->memory, last.bytes));
    m->fill = (size_t)(last.bytes - m->base);
    model_bogus(m, last.bytes);
}

static void model_static_realloc(Model *m) {
    if (m->n_statics == 0) {
        return;
    }
    const size_t i = model_below(4) == 0 ? model_below(m->n_statics) : m->n_statics - 1;
    const bool last = i == m->n_statics - 1;
    ModelBlock *block = &m->statics[i];
    const size_t size = model_size(m->size_log2);
    const size_t kept = size < block->size ? size : block->size;
    const size_t offset = (size_t)(block->bytes - m->base);
    const size_t end = last ? m->region : (size_t)(m->statics[i + 1].bytes - m->base);
    const bool stays = offset + size <= end;
    const size_t behind = (m->fill + 15) & ~(size_t)15;
    uint8_t *bytes = tinyai_memory_realloc(m->memory, block->bytes, size);
    CHECK_EQ(bytes != NULL, stays || (!last && behind + size <= m->region));
    if (bytes == NULL) {
        model_refused(m, size);
        CHECK(model_holds(block, block->size));
        return;
    }
    CHECK_EQ(bytes - m->base, stays ? offset : behind);
    model_count(m, size);
    block->bytes = bytes;
    CHECK(model_holds(block, kept));
    const ModelBlock resized = model_block(bytes, size);
    if (stays) {
        *block = resized;
        m->in_place++;
        m->fill = last ? offset + size : m->fill;
    } else {
        memmove(block, block + 1, (m->n_statics - 1 - i) * sizeof *block);
        m->statics[m->n_statics - 1] = resized;
        m->moved++;
        m->fill = behind + size;
    }
    model_peak(m, model_usage(m));
}

/* Back to where one of the allocations began. */
static void model_release(Model *m) {
    CHECK_EQ(tinyai_memory_mark(m->memory), m->fill);
    CHECK(!tinyai_memory_release(m->memory, m->fill + 1));
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
    const size_t kept = model_below(m->n_statics + 1);
    if (kept < m->n_statics) {
        m->fill = (size_t)(m->statics[kept].bytes - m->base);
        m->n_statics = kept;
    }
    CHECK(tinyai_memory_release(m->memory, m->fill));
}

/* ---- runs -------------------------------------------------------------------------------------------- */

/* Times of many allocations and times of many frees follow each other, so that memory runs out and empties
 * again. */
static void model_run(Model *m, bool exact) {
    const bool statics = m->strategy == TINYAI_MEMORY_STRATEGY_STATIC;
    const bool both = m->strategy == TINYAI_MEMORY_STRATEGY_HYBRID;
    if (m->region > 0) { /* where does it begin? */
        m->base = tinyai_memory_alloc_static(m->memory, 1);
        CHECK(m->base != NULL && tinyai_memory_free(m->memory, m->base));
        m->total = m->count = m->peak = 1;
    }
    for (uint32_t i = 0; i < MODEL_OPERATIONS; i++) {
        const size_t allocs = i / 5000 % 2 == 0 ? 60 : 30;
        const size_t op = model_below(100);
        if (statics || (both && model_below(16) == 0)) {
            if (op < allocs && m->n_statics < MODEL_BLOCKS) {
                model_static_alloc(m);
            } else if (op < allocs + 10) {
                model_static_realloc(m);
            } else if (op < 98) {
                model_static_free(m);
            } else {
                model_release(m);
            }
        } else if (op < allocs && m->n_blocks < MODEL_BLOCKS) {
            model_alloc(m, exact);
        } else if (op < 90) {
            if (m->n_blocks > 0) {
                model_free(m, model_below(m->n_blocks));
            }
        } else if (op < 98) {
            if (m->n_blocks > 0) {
                model_realloc(m, model_below(m->n_blocks));
            }
        } else {
            model_foreign(m);
        }
        if (i % 64 == 0) {
            model_check_stats(m);
        }
        if (i % 10000 == 0) {
            model_check_blocks(m);
        }
        if (test_failures > 20) {
            return; /* the rest would say the same */
        }
    }
    model_check_blocks(m);
    while (m->n_blocks > 0) {
        model_free(m, model_below(m->n_blocks));
    }
    if (statics || both) {
        CHECK(tinyai_memory_release(m->memory, 0));
        m->n_statics = m->fill = 0;
    }
    model_check_stats(m);
    CHECK_EQ(tinyai_memory_stats(m->memory).current_usage, 0);
    CHECK_EQ(tinyai_memory_stats(m->memory).live_allocations, 0);
    printf("  %zu allocations, %zu refused for room, realloc: %zu in place, %zu moved\n", m->count,
           m->refused_for_room, m->in_place, m->moved);
    CHECK(m->refused_for_room > 0);
    CHECK(m->in_place > 0);
}

#endif
