/* Strategies: memory by how long it lives. A program that draws frames keeps its table to the end (static part
 * of HYBRID), its events as long as they are shown (a pool), its log as it grows (realloc), and what a frame
 * needs until the frame is over (STATIC, back to a mark).
 *
 *     cc strategies.c $(pkg-config --cflags --libs tinyai) -o strategies && ./strategies */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <tinyai/raii.h>

enum { FRAMES = 200, SHOWN = 48, TABLE = 4096, MOST_ROWS = 40, ROW_BYTES = 1000 };

typedef struct Event {
    int frame;
    float position[3];
    char name[40];
} Event;

typedef struct Log {
    char *text;
    size_t length;
    size_t capacity;
} Log;

static bool append(Log *log, const char *line) {
    const size_t bytes = strlen(line);
    if (log->length + bytes > log->capacity) {
        const size_t capacity = 2 * (log->capacity + bytes);
        char *text = tinyai_memory_realloc(NULL, log->text, capacity);
        if (text == NULL)
            return false; /* the old text is still there */
        log->text = text;
        log->capacity = capacity;
    }
    memcpy(log->text + log->length, line, bytes);
    log->length += bytes;
    return true;
}

/* Rows for vector instructions: each begins at a cache line. All are gone at the release. */
static bool draw(TinyAIMemory *scratch, int frame, const float *table) {
    const size_t mark = tinyai_memory_mark(scratch);
    for (int row = 0; row < 1 + frame % MOST_ROWS; row++) {
        float *pixels = tinyai_memory_alloc_aligned(scratch, ROW_BYTES, 64);
        if (pixels == NULL || (uintptr_t)pixels % 64 != 0)
            return false;
        memcpy(pixels, table + row, ROW_BYTES);
    }
    return tinyai_memory_release(scratch, mark);
}

/* A ring of the events that are shown: the oldest makes room for the newest. */
static bool show(TinyAIMemoryPool *pool, Event **shown, int frame, Log *log) {
    Event **place = &shown[frame % SHOWN];
    tinyai_pool_free(pool, *place);
    *place = tinyai_pool_alloc(pool, sizeof **place);
    if (*place == NULL)
        return false;
    **place = (Event){.frame = frame, .position = {0, (float)frame, 1}};
    (void)snprintf((*place)->name, sizeof(*place)->name, "frame %d\n", frame);
    return append(log, (*place)->name);
}

static int run(void) {
    TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_STATIC,
                                 .initial_pool_size = (size_t)MOST_ROWS * 1024};
    TINYAI_AUTO_MEMORY TinyAIMemory *scratch = tinyai_create_memory(&config);
    TINYAI_AUTO_POOL TinyAIMemoryPool *pool =
        tinyai_create_pool((size_t)64 * sizeof(Event), sizeof(Event));
    TINYAI_AUTO_BLOCK char *first_line = tinyai_memory_alloc(NULL, 64);
    float *table = tinyai_memory_alloc_static(NULL, TABLE * sizeof *table);
    if (scratch == NULL || pool == NULL || first_line == NULL || table == NULL)
        return 1;
    for (int i = 0; i < TABLE; i++)
        table[i] = (float)i;

    Event *shown[SHOWN] = {NULL};
    Log log = {.text = NULL};
    (void)snprintf(first_line, 64, "%d frames\n", FRAMES);
    bool ok = append(&log, first_line);
    for (int frame = 0; frame < FRAMES && ok; frame++)
        ok = draw(scratch, frame, table) && show(pool, shown, frame, &log);

    const TinyAIMemoryStats frames = tinyai_memory_stats(scratch);
    printf("scratch: %zu allocations, at most %zu bytes at a time, %zu now\n",
           frames.allocation_count, frames.peak_usage, frames.current_usage);
    const TinyAIPoolStats events = tinyai_get_pool_stats(pool);
    printf("pool: %zu of %zu blocks free, %.0f %% in use\n", events.blocks_free, events.blocks,
           100 * events.utilization);
    const TinyAIMemoryStats all = tinyai_memory_stats(NULL);
    printf("default: %zu bytes in %zu allocations, %zu of them for the log\n", all.current_usage,
           all.live_allocations, log.capacity);
    tinyai_memory_free(NULL, log.text);
    return !ok;
}

int main(void) {
    const TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_HYBRID,
                                       .initial_pool_size = TABLE * sizeof(float),
                                       .enable_optimization = true,
                                       .budget = 1024 * 1024};
    if (tinyai_init_memory(&config) != TINYAI_OK) {
        (void)fprintf(stderr, "strategies: %s\n", tinyai_last_error(NULL)->message);
        return 1;
    }
    const int failed = run();
    printf("%zu allocations left\n", tinyai_shutdown_memory());
    return failed;
}
