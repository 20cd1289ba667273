/* Fragmentation: short messages that stay are allocated in turns with large buffers that go. Then most of
 * the memory is free, in small pieces.
 *
 *     cc fragmentation.c $(pkg-config --cflags --libs tinyai) -o fragmentation
 *     ./fragmentation report.txt
 *
 * `./fragmentation report.txt fixed`: the messages live in a pool of their own. */
#include <stdio.h>
#include <tinyai/raii.h>

enum { MESSAGES = 120, MESSAGE_BYTES = 100, BUFFER_BYTES = 4000 };

int main(int argc, char **argv) {
    if (argc < 2)
        return 2;
    const bool fixed = argc > 2;
    TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_DYNAMIC,
                                 .initial_pool_size = 512 * 1024,
                                 .track_allocations = true};
    TINYAI_AUTO_MEMORY TinyAIMemory *memory = tinyai_create_memory(&config);
    TINYAI_AUTO_POOL TinyAIMemoryPool *messages =
        fixed ? tinyai_create_pool((size_t)MESSAGES * 112, 112) : NULL;

    void *buffers[MESSAGES];
    for (int i = 0; i < MESSAGES; i++) {
        void *message = fixed ? tinyai_pool_alloc(messages, MESSAGE_BYTES)
                              : tinyai_memory_alloc(memory, MESSAGE_BYTES);
        buffers[i] = tinyai_memory_alloc(memory, BUFFER_BYTES);
        if (message == NULL || buffers[i] == NULL)
            return 1;
    }
    for (int i = 0; i < MESSAGES; i++)
        tinyai_memory_free(memory, buffers[i]);

    const TinyAIMemoryStats stats = tinyai_memory_stats(memory);
    printf("%zu bytes are free, at most %zu of them in one piece\n", stats.free_bytes,
           stats.largest_free_block);
    return !tinyai_generate_memory_report(argv[1]);
}
