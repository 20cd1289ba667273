/* Handles that give themselves back at the end of their scope, also on an early return.
 *
 * C (gcc and clang), in reverse order of declaration:
 *
 *     TINYAI_AUTO_POOL TinyAIMemoryPool *pool = tinyai_create_pool(65536, 256);
 *     if (pool == NULL)
 *         return tinyai_last_error(NULL)->status; // NULL is given back as well
 *
 * C++: std::unique_ptr with the right deleter.
 *
 *     tinyai::pool_ptr pool(tinyai_create_pool(65536, 256));
 *
 * A handle that is given away is set to NULL first (C), or released (C++). */
#ifndef TINYAI_RAII_H
#define TINYAI_RAII_H

#include "tinyai.h"

#ifdef __cplusplus

#include <memory>

namespace tinyai {

template <auto destroy> struct destroyer {
    template <typename Handle> void operator()(Handle *handle) const noexcept { destroy(handle); }
};

/* Of the process default: block_ptr<float> row(static_cast<float *>(tinyai_memory_alloc(nullptr, 4096))); */
struct block_freer {
    void operator()(void *block) const noexcept { tinyai_memory_free(nullptr, block); }
};
template <typename T> using block_ptr = std::unique_ptr<T, block_freer>;

using memory_ptr = std::unique_ptr<TinyAIMemory, destroyer<tinyai_destroy_memory>>;
using pool_ptr = std::unique_ptr<TinyAIMemoryPool, destroyer<tinyai_destroy_pool>>;
using mapped_model_ptr = std::unique_ptr<TinyAIMappedModel, destroyer<tinyaiCloseMappedModel>>;
using forward_scheduler_ptr =
    std::unique_ptr<TinyAIForwardScheduler, destroyer<tinyaiDestroyForwardScheduler>>;
using progressive_loader_ptr =
    std::unique_ptr<TinyAIProgressiveLoader, destroyer<tinyai_destroy_progressive_loader>>;
using model_ptr = std::unique_ptr<TinyAIModel, destroyer<tinyai_close>>;

} // namespace tinyai

#elif defined(__GNUC__)

#include <string.h>

/* A cleanup function takes a pointer to the variable. */
static inline void tinyai_auto_memory(TinyAIMemory **handle) {
    tinyai_destroy_memory(*handle);
}
static inline void tinyai_auto_pool(TinyAIMemoryPool **handle) {
    tinyai_destroy_pool(*handle);
}
static inline void tinyai_auto_mapped_model(TinyAIMappedModel **handle) {
    tinyaiCloseMappedModel(*handle);
}
static inline void tinyai_auto_forward_scheduler(TinyAIForwardScheduler **handle) {
    tinyaiDestroyForwardScheduler(*handle);
}
static inline void tinyai_auto_progressive_loader(TinyAIProgressiveLoader **handle) {
    tinyai_destroy_progressive_loader(*handle);
}
static inline void tinyai_auto_model(TinyAIModel **handle) {
    tinyai_close(*handle);
}

/* For a pointer of any type to an allocation of the process default. */
static inline void tinyai_auto_block(void *variable) {
    void *block;
    memcpy(&block, variable, sizeof block); /* whatever it points to */
    tinyai_memory_free(NULL, block);
}

#define TINYAI_AUTO_BLOCK __attribute__((cleanup(tinyai_auto_block)))
#define TINYAI_AUTO_MEMORY __attribute__((cleanup(tinyai_auto_memory)))
#define TINYAI_AUTO_POOL __attribute__((cleanup(tinyai_auto_pool)))
#define TINYAI_AUTO_MAPPED_MODEL __attribute__((cleanup(tinyai_auto_mapped_model)))
#define TINYAI_AUTO_FORWARD_SCHEDULER __attribute__((cleanup(tinyai_auto_forward_scheduler)))
#define TINYAI_AUTO_PROGRESSIVE_LOADER __attribute__((cleanup(tinyai_auto_progressive_loader)))
#define TINYAI_AUTO_MODEL __attribute__((cleanup(tinyai_auto_model)))

#else
#error "tinyai/raii.h needs C++17, or the cleanup attribute of gcc and clang"
#endif
#endif
