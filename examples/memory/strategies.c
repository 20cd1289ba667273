/* One program, each strategy where it fits: a service that keeps weights for good, answers requests from scratch
 * memory, and collects text whose length nobody knows before.
 *
 *     cc strategies.c $(pkg-config --cflags --libs tinyai) -o strategies && ./strategies report.txt */
#include <stdio.h>
#include <string.h>
#include <tinyai/raii.h>

typedef struct Text {
    char *bytes;
    size_t length;
    size_t capacity;
} Text;

/* `site` is the caller's, so that the report names what the text is for. */
static bool append(Text *text, const char *words, const char *site) {
    const size_t length = text->length + strlen(words);
    if (length >= text->capacity) {
        const size_t capacity = 2 * length + 16;
        char *bytes = tinyai_memory_realloc_at(NULL, text->bytes, capacity, site);
        if (bytes == NULL)
            return false; /* the old text is untouched */
        text->bytes = bytes;
        text->capacity = capacity;
    }
    strcpy(text->bytes + text->length, words);
    text->length = length;
    return true;
}

/* STATIC: what a request takes is given back as a whole. */
static size_t answer(TinyAIMemory *scratch, int request) {
    const size_t mark = tinyai_memory_mark(scratch);
    float *row = tinyai_memory_alloc_aligned(scratch, 4096 * sizeof *row, 64); /* a cache line */
    char *words = tinyai_memory_alloc(scratch, (size_t)100 * (size_t)(request + 1));
    const size_t used = row && words ? tinyai_memory_stats(scratch).current_usage : 0;
    tinyai_memory_release(scratch, mark);
    return used;
}

int main(int argc, char **argv) {
    if (argc < 2)
        return 2;
    /* HYBRID, as the process default: weights stay, objects of few sizes come and go. */
    TinyAIMemoryConfig all = {.strategy = TINYAI_MEMORY_STRATEGY_HYBRID,
                              .initial_pool_size = 1024 * 1024,
                              .track_allocations = true,
                              .enable_optimization = true};
    TinyAIMemoryConfig requests = {.strategy = TINYAI_MEMORY_STRATEGY_STATIC,
                                   .initial_pool_size = 64 * 1024};
    if (tinyai_init_memory(&all) != TINYAI_OK)
        return 1;
    TINYAI_AUTO_MEMORY TinyAIMemory *scratch = tinyai_create_memory(&requests);
    TINYAI_AUTO_POOL TinyAIMemoryPool *sessions = tinyai_create_pool((size_t)8 * 1024, 1024);
    const float *weights = tinyai_memory_alloc_static(NULL, 500000);
    const float *biases = tinyai_memory_alloc_static_at(NULL, 4096, "biases");
    if (scratch == NULL || sessions == NULL || weights == NULL || biases == NULL)
        return 1;

    size_t most = 0;
    Text log = {.bytes = tinyai_memory_alloc(NULL, 16), .capacity = 16};
    for (int request = 0; request < 20; request++) {
        void *session = tinyai_pool_alloc(sessions, 1024);
        const size_t used = answer(scratch, request);
        most = used > most ? used : most;
        if (session == NULL || !append(&log, "answered; ", "the log"))
            return 1;
        tinyai_pool_free(sessions, session);
    }
    /* The last one is shrunk to what it is. */
    log.bytes = tinyai_memory_realloc(NULL, log.bytes, log.length + 1);

    const TinyAIPoolStats pool = tinyai_get_pool_stats(sessions);
    printf("log of %zu bytes; scratch: at most %zu, now %zu bytes; sessions: at most %zu of %zu\n",
           log.length, most, tinyai_memory_stats(scratch).current_usage, pool.peak_blocks_used,
           pool.blocks);
    return !tinyai_generate_memory_report(argv[1]);
}
