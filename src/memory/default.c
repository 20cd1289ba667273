/* The process default: made at its first use, or as tinyai_init_memory says. */
#include <stdatomic.h>

#include "memory/error.h"
#include "memory/instance.h"
#include "tinyai/memory.h"

static TaiLock making;
static TinyAIMemory *_Atomic process_default;

TinyAIMemory *tai_memory_default(void) {
    return atomic_load_explicit(&process_default, memory_order_acquire);
}

static TinyAIMemory *make_default(const TinyAIMemoryConfig *config) {
    TinyAIMemory *memory = tinyai_create_memory(config);
    atomic_store_explicit(&process_default, memory, memory_order_release);
    return memory;
}

TinyAIMemory *tai_memory_or_default(TinyAIMemory *memory) {
    if (memory == NULL && (memory = tai_memory_default()) == NULL) {
        tai_lock(&making);
        memory = tai_memory_default();
        if (memory == NULL) {
            memory = make_default(&(TinyAIMemoryConfig){0});
        }
        tai_unlock(&making);
    }
    return memory;
}

int32_t tinyai_init_memory(const TinyAIMemoryConfig *config) {
    TinyAIError *error = tai_thread_begin();
    int32_t status = TINYAI_OK;
    tai_lock(&making);
    if (tai_memory_default() != NULL) {
        status =
            tai_fail(error, TINYAI_E_BUSY, TINYAI_NO_OFFSET,
                     "the process default is chosen already: call tinyai_init_memory once, before "
                     "anything else of tinyai/memory.h, or after tinyai_shutdown_memory");
    } else if (make_default(config) == NULL) {
        status = error->status;
    }
    tai_unlock(&making);
    return status;
}

size_t tinyai_shutdown_memory(void) {
    tai_lock(&making);
    TinyAIMemory *memory = atomic_exchange_explicit(&process_default, NULL, memory_order_acq_rel);
    tai_unlock(&making);
    const size_t never_freed = memory == NULL ? 0 : memory->live;
    tinyai_destroy_memory(memory);
    return never_freed;
}
