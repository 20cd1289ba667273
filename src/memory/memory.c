/* tinyai/memory.h: what all strategies have in common. Choosing and making an instance is in create.c, the
 * process default in default.c. */
#include "tinyai/memory.h"

#include <string.h>

#include "memory/error.h"
#include "memory/instance.h"
#include "memory/process.h"
#include "port/fault.h"

/* ---- counting (all under the instance's lock) ---------------------------------------------------- */

static size_t usage(const TinyAIMemory *memory) {
    return memory->asked + memory->stack.fill.used;
}

/* Tells the process of a change since the usage was `before`. */
static void count_usage(TinyAIMemory *memory, size_t before) {
    const size_t now = usage(memory);
    if (now >= before) {
        tai_process_add(now - before);
        memory->peak = now > memory->peak ? now : memory->peak;
    } else {
        tai_process_sub(before - now);
    }
}

/* A block is the caller's now. */
static void count_block(TinyAIMemory *memory, size_t bytes, bool in_static) {
    memory->total += bytes;
    memory->count++;
    if (!in_static) {
        memory->asked += bytes;
    }
}

static TinyAIMemoryStats stats_of(const TinyAIMemory *memory) {
    TinyAIMemoryStats stats = {
        .current_usage = usage(memory),
        .peak_usage = memory->peak,
        .total_allocated = memory->total,
        .allocation_count = memory->count,
        .live_allocations = memory->live + memory->stack.live,
        .failed_allocations = memory->failed,
        .reserved_bytes = memory->room.reserved,
    };
    memory->strategy->fill(memory, &stats);
    if (stats.free_bytes > 0 && memory->strategy != &tai_strategy_pooled) {
        stats.fragmentation_ratio =
            1.0 - (double)stats.largest_free_block / (double)stats.free_bytes;
    }
    return stats;
}

/* ---- tracking ------------------------------------------------------------------------------------- */

static bool tracks(const TinyAIMemory *memory) {
    return memory->track || tai_tracking_enabled();
}

static void record(TinyAIMemory *memory, const void *block, size_t bytes, const char *site) {
    if (memory->tracker == NULL && !tai_memory_make_tracker(memory)) {
        return;
    }
    tai_tracker_add(memory->tracker, block, bytes, site);
}

static void forget(TinyAIMemory *memory, const void *block) {
    if (memory->tracker != NULL) {
        tai_tracker_remove(memory->tracker, block);
    }
}

static void forget_ended(void *user, void *block) {
    forget(user, block);
}

/* ---- errors ---------------------------------------------------------------------------------------- */

/* Under the lock. most: the largest allocation that the allocator itself would have made. */
static void *no_room(TinyAIMemory *memory, size_t bytes, size_t most) {
    TinyAIError *error = tai_thread_error();
    const TinyAIMemoryStats stats = stats_of(memory);
    if (most >= bytes) { /* the host refused, or the alignment did not fit */
        most = stats.largest_free_block < bytes ? stats.largest_free_block : 0;
    }
    memory->failed++;
    error->asked_bytes = bytes;
    error->allowed_bytes = most;
    error->missing_bytes = bytes - most;
    tai_fail(
        error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET,
        "no room for %zu bytes in %s memory: %zu at once would fit, %zu are missing (%zu bytes are "
        "free in all, %zu of %zu are reserved): %s",
        bytes, memory->strategy->name, most, bytes - most, stats.free_bytes, memory->room.reserved,
        memory->room.budget, memory->strategy->advice);
    return NULL;
}

/* False, with the reason, for a request that no state of the allocator could serve. */
static bool is_possible(const TinyAIMemory *memory, size_t bytes, size_t alignment) {
    if (bytes == 0) {
        tai_fail(tai_thread_error(), TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                 "an allocation of 0 bytes: ask for one or more");
    } else if (alignment == 0 || (alignment & (alignment - 1)) != 0 ||
               alignment > TAI_MEMORY_MAX_ALIGNMENT) {
        tai_fail(tai_thread_error(), TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                 "an alignment of %zu: powers of two up to %zu are possible", alignment,
                 TAI_MEMORY_MAX_ALIGNMENT);
    } else if (alignment > memory->largest_alignment) {
        tai_fail(
            tai_thread_error(), TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
            "an alignment of %zu: blocks of %zu bytes are aligned to %zu; a block_size that is a "
            "multiple of %zu gives more",
            alignment, memory->largest_block, memory->largest_alignment, alignment);
    } else if (bytes > memory->largest_block) {
        TinyAIError *error = tai_thread_error();
        error->asked_bytes = bytes;
        error->allowed_bytes = memory->largest_block;
        error->missing_bytes = bytes - memory->largest_block;
        tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                 "%zu bytes were asked for, and pooled memory has blocks of %zu: choose a larger "
                 "block_size, or another strategy",
                 bytes, memory->largest_block);
    } else {
        return true;
    }
    return false;
}

static bool not_found(const void *block) {
    tai_fail(tai_thread_error(), TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
             "%p is not an allocation of this memory, or was freed before: free each block once, "
             "where it "
             "was allocated",
             block);
    return false;
}

/* ---- allocating -------------------------------------------------------------------------------------- */

static void *take(TinyAIMemory *memory, size_t bytes, size_t alignment, bool in_static) {
    if (!tai_claim("allocation")) {
        return NULL;
    }
    return in_static ? tai_stack_take(&memory->stack, bytes, alignment)
                     : memory->strategy->take(memory, bytes, alignment);
}

static void *alloc(TinyAIMemory *memory, size_t bytes, size_t alignment, const char *site,
                   bool in_static) {
    tai_lock(&memory->lock);
    void *block = NULL;
    if (!is_possible(memory, bytes, alignment)) {
        memory->failed++;
    } else {
        const size_t before = usage(memory);
        if (alignment < TINYAI_MEMORY_ALIGNMENT) {
            alignment = TINYAI_MEMORY_ALIGNMENT;
        }
        block = take(memory, bytes, alignment, in_static);
        if (block == NULL) {
            no_room(memory, bytes,
                    in_static ? tai_stack_free(&memory->stack) : memory->strategy->most(memory));
        } else {
            memory->live += !in_static;
            count_block(memory, bytes, in_static);
            count_usage(memory, before);
            if (tracks(memory)) {
                record(memory, block, bytes, site);
            }
        }
    }
    tai_unlock(&memory->lock);
    return block;
}

void *tinyai_memory_alloc_at(TinyAIMemory *memory, size_t bytes, size_t alignment,
                             const char *site) {
    tai_thread_begin();
    memory = tai_memory_or_default(memory);
    return memory == NULL
               ? NULL
               : alloc(memory, bytes, alignment, site, memory->strategy == &tai_strategy_static);
}

void *tinyai_memory_alloc_static_at(TinyAIMemory *memory, size_t bytes, const char *site) {
    tai_thread_begin();
    memory = tai_memory_or_default(memory);
    return memory == NULL ? NULL
                          : alloc(memory, bytes, TINYAI_MEMORY_ALIGNMENT, site,
                                  memory->strategy == &tai_strategy_static ||
                                      memory->strategy == &tai_strategy_hybrid);
}

/* Under the lock: block has `had` bytes of content and cannot have `bytes` where it is. */
static void *move(TinyAIMemory *memory, void *block, size_t had, size_t bytes, bool in_static) {
    const size_t before = usage(memory);
    void *moved = take(memory, bytes, TINYAI_MEMORY_ALIGNMENT, in_static);
    if (moved == NULL) {
        return no_room(memory, bytes,
                       in_static ? tai_stack_free(&memory->stack) : memory->strategy->most(memory));
    }
    count_block(memory, bytes, in_static);
    count_usage(memory, before); /* for a moment both are in use */
    memcpy(moved, block, had < bytes ? had : bytes);
    const size_t both = usage(memory);
    if (in_static) {
        tai_stack_retire(&memory->stack, block);
    } else {
        size_t asked;
        memory->strategy->give(memory, block, &asked);
        memory->asked -= asked;
    }
    count_usage(memory, both);
    return moved;
}

static void *resize(TinyAIMemory *memory, void *block, size_t bytes) {
    if (!is_possible(memory, bytes, TINYAI_MEMORY_ALIGNMENT)) {
        memory->failed++;
        return NULL;
    }
    const bool in_static = tai_stack_holds(&memory->stack, block);
    const size_t before = usage(memory);
    size_t asked;
    size_t had;
    switch (memory->strategy->resize(memory, block, bytes, &asked, &had)) {
    case TAI_FOUND:
        memory->asked -= asked;
        count_block(memory, bytes, in_static);
        count_usage(memory, before);
        return block;
    case TAI_FOUND_TO_MOVE:
        return move(memory, block, had, bytes, in_static);
    default:
        memory->failed++;
        not_found(block);
        return NULL;
    }
}

void *tinyai_memory_realloc_at(TinyAIMemory *memory, void *block, size_t bytes, const char *site) {
    tai_thread_begin();
    if (block == NULL) {
        return tinyai_memory_alloc_at(memory, bytes, TINYAI_MEMORY_ALIGNMENT, site);
    }
    memory = tai_memory_or_default(memory);
    if (memory == NULL) {
        return NULL;
    }
    tai_lock(&memory->lock);
    void *resized = resize(memory, block, bytes);
    if (resized != NULL) {
        forget(memory, block);
        if (tracks(memory)) {
            record(memory, resized, bytes, site);
        }
    }
    tai_unlock(&memory->lock);
    return resized;
}

bool tinyai_memory_free(TinyAIMemory *memory, void *block) {
    tai_thread_begin();
    if (block == NULL) {
        return true;
    }
    memory = memory == NULL ? tai_memory_default() : memory;
    if (memory == NULL) {
        return not_found(block);
    }
    tai_lock(&memory->lock);
    const bool in_static = tai_stack_holds(&memory->stack, block);
    const size_t before = usage(memory);
    size_t asked;
    const TaiFound found = memory->strategy->give(memory, block, &asked);
    if (found == TAI_FOUND) {
        memory->asked -= asked;
        memory->live -= !in_static;
        count_usage(memory, before);
        forget(memory, block);
    }
    tai_unlock(&memory->lock);
    if (found == TAI_FOUND_BELOW) {
        tai_fail(
            tai_thread_error(), TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
            "%p is not the last allocation of static memory: take a mark before, and release to it",
            block);
    }
    return found == TAI_FOUND || (found == TAI_NOT_FOUND && not_found(block));
}

/* ---- marks ------------------------------------------------------------------------------------------- */

size_t tinyai_memory_mark(const TinyAIMemory *memory) {
    TinyAIMemory *marked =
        memory == NULL ? tai_memory_default() : (TinyAIMemory *)(uintptr_t)memory;
    if (marked == NULL) {
        return 0;
    }
    tai_lock(&marked->lock);
    const size_t mark = tai_static_mark(&marked->stack.fill);
    tai_unlock(&marked->lock);
    return mark;
}

bool tinyai_memory_release(TinyAIMemory *memory, size_t mark) {
    tai_thread_begin();
    memory = tai_memory_or_default(memory);
    if (memory == NULL) {
        return false;
    }
    if (memory->strategy != &tai_strategy_static && memory->strategy != &tai_strategy_hybrid) {
        tai_fail(tai_thread_error(), TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                 "%s memory has no marks: free its allocations one by one", memory->strategy->name);
        return false;
    }
    tai_lock(&memory->lock);
    const size_t before = usage(memory);
    const size_t fill = memory->stack.fill.used;
    const bool released = tai_stack_release(&memory->stack, mark,
                                            memory->tracker == NULL ? NULL : forget_ended, memory);
    count_usage(memory, before);
    tai_unlock(&memory->lock);
    if (!released) {
        tai_fail(
            tai_thread_error(), TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
            "a mark of %zu lies above the fill of %zu: release in the reverse order of the marks",
            mark, fill);
    }
    return released;
}

/* ---- monitoring -------------------------------------------------------------------------------------- */

TinyAIMemoryStats tinyai_memory_stats(const TinyAIMemory *memory) {
    tai_process_note_stats();
    TinyAIMemory *asked = memory == NULL ? tai_memory_default() : (TinyAIMemory *)(uintptr_t)memory;
    if (asked == NULL) {
        return (TinyAIMemoryStats){0};
    }
    tai_lock(&asked->lock);
    const TinyAIMemoryStats stats = stats_of(asked);
    tai_unlock(&asked->lock);
    return stats;
}

/* Keeps the largest blocks, in order. */
static void keep_largest(void *user, const void *block, size_t bytes) {
    TaiFacts *facts = user;
    (void)block; /* without a tracker nothing is known but its size */
    const bool full = facts->n_blocks == TAI_FACTS_BLOCKS;
    if (full && facts->blocks[TAI_FACTS_BLOCKS - 1].bytes >= bytes) {
        return;
    }
    uint32_t place = full ? TAI_FACTS_BLOCKS - 1 : facts->n_blocks++;
    for (; place > 0 && facts->blocks[place - 1].bytes < bytes; place--) {
        facts->blocks[place] = facts->blocks[place - 1];
    }
    facts->blocks[place] = (TaiLiveBlock){.bytes = bytes};
}

void tai_memory_facts(const void *self, TaiFacts *facts) {
    TinyAIMemory *memory = (TinyAIMemory *)(uintptr_t)self;
    tai_lock(&memory->lock);
    facts->kind = "allocator";
    facts->strategy = memory->strategy->name;
    facts->stats = stats_of(memory);
    facts->budget_bytes = memory->room.budget;
    if (memory->tracker != NULL) {
        tai_tracker_facts(memory->tracker, facts);
    } else {
        TaiVisit visit = {keep_largest, facts};
        memory->strategy->walk(memory, &visit);
    }
    tai_unlock(&memory->lock);
}
