/* Out of memory: three caches of 400 000 bytes where two fit. The error says by how much, and nothing is
 * lost; the report counts what was refused.
 *
 *     cc out_of_memory.c $(pkg-config --cflags --libs tinyai) -o out_of_memory
 *     ./out_of_memory report.txt
 *
 * `./out_of_memory report.txt fixed`: the third takes what is left. */
#include <stdio.h>
#include <tinyai/raii.h>

int main(int argc, char **argv) {
    if (argc < 2)
        return 2;
    TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_STATIC,
                                 .initial_pool_size = 1024 * 1024,
                                 .track_allocations = true};
    TINYAI_AUTO_MEMORY TinyAIMemory *memory = tinyai_create_memory(&config);
    for (int cache = 0; cache < 3; cache++) {
        size_t bytes = 400000;
        const size_t left = tinyai_memory_stats(memory).largest_free_block;
        if (argc > 2 && bytes > left)
            bytes = left;
        if (tinyai_memory_alloc(memory, bytes) == NULL) {
            const TinyAIError *error = tinyai_last_error(NULL);
            printf("cache %d: %s\n", cache, error->message);
            printf("asked %llu, allowed %llu, missing %llu bytes\n",
                   (unsigned long long)error->asked_bytes, (unsigned long long)error->allowed_bytes,
                   (unsigned long long)error->missing_bytes);
        }
    }
    return !tinyai_generate_memory_report(argv[1]);
}
