/* Making and ending instances: what a config means, and where an instance lies. One region holds the
 * strategy's first bytes and behind them the instance; the tracker has a region of its own. */
#include <string.h>

#include "memory/checked.h"
#include "memory/error.h"
#include "memory/instance.h"
#include "memory/process.h"
#include "tinyai/memory.h"

#define SELF_BYTES ((sizeof(TinyAIMemory) + 63) & ~(size_t)63)
#define LARGEST_BLOCK_SIZE ((size_t)1 << 31)
/* Of a region that can be addressed, and counted in units of the general allocator. */
#define LARGEST_BYTES                                                                              \
    ((size_t)(SIZE_MAX / 2 < TAI_TLSF_LARGEST - 1 ? SIZE_MAX / 2 : TAI_TLSF_LARGEST - 1))

static const TaiStrategy *const strategies[] = {
    [TINYAI_MEMORY_STRATEGY_DYNAMIC] = &tai_strategy_dynamic,
    [TINYAI_MEMORY_STRATEGY_STATIC] = &tai_strategy_static,
    [TINYAI_MEMORY_STRATEGY_POOLED] = &tai_strategy_pooled,
    [TINYAI_MEMORY_STRATEGY_HYBRID] = &tai_strategy_hybrid,
};

/* ---- the config --------------------------------------------------------------------------------------- */

static int32_t check(const TinyAIMemoryConfig *config, TinyAIError *error) {
    if (config == NULL) {
        return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "config is NULL: give a TinyAIMemoryConfig");
    }
    if ((uint32_t)config->strategy >= sizeof strategies / sizeof *strategies) {
        return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "strategy: %d is none of TINYAI_MEMORY_STRATEGY_*", (int)config->strategy);
    }
    if (config->initial_pool_size > LARGEST_BYTES || config->budget > LARGEST_BYTES) {
        return tai_fail(
            error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET, "%s: at most %zu bytes are possible",
            config->budget > LARGEST_BYTES ? "budget" : "initial_pool_size", LARGEST_BYTES);
    }
    if (config->block_size > LARGEST_BLOCK_SIZE) {
        return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "block_size: %zu bytes, at most %zu are possible", config->block_size,
                        LARGEST_BLOCK_SIZE);
    }
    if (config->budget != 0 && config->budget < config->initial_pool_size) {
        error->asked_bytes = config->initial_pool_size;
        error->allowed_bytes = config->budget;
        error->missing_bytes = config->initial_pool_size - config->budget;
        return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "budget: %zu bytes are less than the initial_pool_size of %zu",
                        config->budget, config->initial_pool_size);
    }
    return TINYAI_OK;
}

/* Puts in the defaults, but for the budget. */
static TinyAIMemoryConfig completed(const TinyAIMemoryConfig *given) {
    TinyAIMemoryConfig config = *given;
    if (config.initial_pool_size == 0) {
        config.initial_pool_size = TINYAI_DEFAULT_ARENA_BYTES;
        if (config.budget != 0 && config.budget < config.initial_pool_size) {
            config.initial_pool_size = config.budget;
        }
        if (config.strategy == TINYAI_MEMORY_STRATEGY_HYBRID) {
            config.initial_pool_size /= 4;
        }
    }
    if (config.block_size == 0) {
        config.block_size = TINYAI_DEFAULT_BLOCK_SIZE;
    }
    return config;
}

/* Live blocks that the tracker has room for: one per 4 KiB of the budget. */
static uint32_t tracker_capacity(size_t budget) {
    return (uint32_t)tai_max_u64(256, tai_min_u64(budget / 4096, 16384));
}

/* ---- making ----------------------------------------------------------------------------------------------- */

static bool make_tracker(TinyAIMemory *memory, size_t bytes, uint32_t capacity) {
    memory->tracker = tai_room_reserve(&memory->room, bytes);
    if (memory->tracker != NULL) {
        memory->tracker_bytes = bytes;
        tai_tracker_init(memory->tracker, capacity);
    }
    return memory->tracker != NULL;
}

bool tai_memory_make_tracker(TinyAIMemory *memory) {
    const uint32_t capacity = tracker_capacity(memory->room.budget);
    const size_t bytes = tai_tracker_bytes(capacity);
    if (memory->fixed_room) {
        return make_tracker(memory, bytes, capacity);
    }
    memory->room.budget += bytes; /* comes on top of what nobody limited */
    if (!make_tracker(memory, bytes, capacity)) {
        memory->room.budget -= bytes;
    }
    return memory->tracker != NULL;
}

static TinyAIMemory *too_small(const TinyAIMemoryConfig *given, const TinyAIMemoryConfig *config,
                               TinyAIError *error) {
    const char *field = given->budget != 0 ? "budget" : "initial_pool_size";
    const size_t bytes = given->budget != 0 ? given->budget : config->initial_pool_size;
    if (config->strategy == TINYAI_MEMORY_STRATEGY_POOLED) {
        tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                 "%s: %zu bytes hold no block of %zu (block_size)%s", field, bytes,
                 config->block_size,
                 given->budget != 0 ? " beside the bookkeeping; give more" : "; give more");
    } else {
        tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                 "%s: %zu bytes are too few for the bookkeeping of %s memory; give more", field,
                 bytes, strategies[config->strategy]->name);
    }
    return NULL;
}

/* Lowers initial_pool_size to what the budget leaves. False if it leaves nothing. */
static bool fit(TinyAIMemoryConfig *config) {
    const TaiStrategy *strategy = strategies[config->strategy];
    size_t bookkeeping = SELF_BYTES;
    if (config->track_allocations) {
        bookkeeping += tai_tracker_bytes(tracker_capacity(config->budget));
    }
    if (config->budget <= bookkeeping) {
        return false;
    }
    const size_t room = (config->budget - bookkeeping) & ~(size_t)63;
    if (strategy->bytes(config) > room) {
        config->initial_pool_size = strategy->initial_in(config, room);
    }
    return true;
}

static TinyAIMemory *make(const TinyAIMemoryConfig *given, TinyAIError *error) {
    TinyAIMemoryConfig config = completed(given);
    const TaiStrategy *strategy = strategies[config.strategy];
    if (config.budget != 0 && !fit(&config)) {
        return too_small(given, &config, error);
    }
    uint64_t self_offset;
    uint64_t bytes;
    if (!tai_align(strategy->bytes(&config), 64, &self_offset) ||
        !tai_add(self_offset, SELF_BYTES, &bytes) || bytes > SIZE_MAX / 2) {
        tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                 "initial_pool_size: %zu bytes are more than can be addressed",
                 config.initial_pool_size);
        return NULL;
    }
    TaiRoom room = {.budget = config.budget};
    if (room.budget == 0) {
        const bool grows = config.strategy == TINYAI_MEMORY_STRATEGY_POOLED ||
                           config.strategy == TINYAI_MEMORY_STRATEGY_HYBRID;
        room.budget = (size_t)(grows ? tai_max_u64(bytes, TINYAI_DEFAULT_ARENA_BYTES) : bytes);
    }
    void *region = tai_room_reserve(&room, (size_t)bytes);
    if (region == NULL) {
        error->asked_bytes = error->missing_bytes = bytes;
        tai_fail(
            error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET,
            "the host did not give the %zu bytes of %s memory: choose a smaller initial_pool_size",
            (size_t)bytes, strategy->name);
        return NULL;
    }
    TinyAIMemory *memory = (TinyAIMemory *)((uint8_t *)region + self_offset);
    memory->strategy = strategy;
    memory->room = room;
    memory->region = region;
    memory->region_bytes = (size_t)bytes;
    memory->largest_block = SIZE_MAX;
    memory->largest_alignment = TAI_MEMORY_MAX_ALIGNMENT;
    memory->track = config.track_allocations;
    memory->fixed_room = config.budget != 0;
    memory->owner = (TaiOwner){.self = memory, .facts = tai_memory_facts};
    if (!strategy->begin(memory, &config, region)) {
        tai_room_release(&room, region, (size_t)bytes);
        return too_small(given, &config, error);
    }
    if (memory->track && !tai_memory_make_tracker(memory)) {
        strategy->end(memory);
        tai_room_release(&room, region, (size_t)bytes);
        tai_fail(
            error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET,
            "the host did not give the bytes that recording call sites takes: create it without "
            "track_allocations");
        return NULL;
    }
    tai_owner_add(&memory->owner);
    return memory;
}

TinyAIMemory *tinyai_create_memory(const TinyAIMemoryConfig *config) {
    TinyAIError *error = tai_thread_begin();
    return check(config, error) != TINYAI_OK ? NULL : make(config, error);
}

/* ---- ending ------------------------------------------------------------------------------------------------ */

/* Frames of their own: facts are large. */
__attribute__((noinline)) static void leave(TinyAIMemory *memory) {
    TaiFacts facts;
    memset(&facts, 0, sizeof facts);
    tai_memory_facts(memory, &facts);
    tai_process_sub(facts.stats.current_usage);
    tai_process_retire(&facts.stats);
    tai_process_leaked(memory->live, memory->asked, facts.oldest_site);
}

void tinyai_destroy_memory(TinyAIMemory *memory) {
    if (memory == NULL) {
        return;
    }
    tai_owner_remove(&memory->owner);
    leave(memory);
    memory->strategy->end(memory);
    TaiRoom room = memory->room;
    if (memory->tracker != NULL) {
        tai_room_release(&room, memory->tracker, memory->tracker_bytes);
    }
    tai_room_release(&room, memory->region, memory->region_bytes);
}
