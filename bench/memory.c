/* The memory strategies and the system's malloc on the same traces; prints one JSON object per line:
 *
 *     {"allocator", "trace", "operations", "nsPerOperation", "peakLiveBytes", "reservedBytes", "overhead",
 *      "fragmentationRatio"}
 *
 * nsPerOperation is the best of five runs; of each object the first 16 bytes and one per page are written,
 * and that counts. overhead = reservedBytes / peakLiveBytes. reservedBytes: of a strategy, what it reserved
 * under the smallest budget in which the trace succeeds (to 1/64), under which it is timed, too; of malloc,
 * by how much the resident set of a process grew at most in the first run (VmHWM after it - VmRSS before, of
 * /proc/self/status; null where there is none). fragmentationRatio: at the end of the churn, while the
 * long-lived objects are live; null for malloc, which does not tell.
 *
 * An operation is an allocation or a free. The traces come from splitmix64 with a fixed seed:
 *
 *     mixed   sizes 16 B .. 64 KiB, log-uniform (a power of two, then uniform up to the next). Of four
 *             objects three are short-lived (they end after 1 .. 64 operations) and one is long-lived; the
 *             oldest long-lived ones end when more than 4 MB are live.
 *     fixed   the same lifetimes, all objects of 1024 bytes: what POOLED is for.
 *     small   the same lifetimes, sizes 16 B .. 1 KiB, log-uniform.
 *     phases  the sizes of mixed, but all objects of a phase of 256 end together: what STATIC is for (mark
 *             before, release after). The others free one by one, the last one first.
 *
 * Usage: tinyai-memory-bench [NAME]    NAME: what malloc is called (mimalloc, when it is preloaded); then
 * only that is measured. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port/port.h"
#include "tinyai/memory.h"

#define OPERATIONS 1000000u
#define LIVE_BYTES ((size_t)4 << 20)
#define RUNS 5
#define PHASE 256u
#define FIXED_BYTES 1024u
#define NONE UINT32_MAX

/* ---- traces ------------------------------------------------------------------------------------- */

/* bytes > 0: allocate object `object`; 0: free it. */
typedef struct Operation {
    uint32_t object;
    uint32_t bytes;
} Operation;

typedef struct Trace {
    const char *name;
    uint32_t n_operations;
    uint32_t n_objects;
    size_t peak_live;
    bool phases;
    bool fixed;
    Operation operations[OPERATIONS];
    uint32_t size[OPERATIONS]; /* of an object */
    size_t live;
} Trace;

static uint64_t state;

static uint64_t random_bits(void) {
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint32_t below(uint32_t n) {
    return (uint32_t)(random_bits() % n);
}

static uint32_t log_uniform(uint32_t low_log2, uint32_t high_log2) {
    const uint32_t power = 1u << (low_log2 + below(high_log2 - low_log2));
    return power + below(power);
}

static uint32_t add_alloc(Trace *trace, uint32_t bytes) {
    const uint32_t object = trace->n_objects++;
    trace->operations[trace->n_operations++] = (Operation){object, bytes};
    trace->size[object] = bytes;
    trace->live += bytes;
    trace->peak_live = trace->live > trace->peak_live ? trace->live : trace->peak_live;
    return object;
}

static void add_free(Trace *trace, uint32_t object) {
    trace->operations[trace->n_operations++] = (Operation){object, 0};
    trace->live -= trace->size[object];
}

/* Short-lived objects wait in a wheel for their turn, long-lived ones in a queue. */
static void make_churn(Trace *trace, uint32_t low_log2, uint32_t high_log2) {
    static uint32_t wheel[64][64];
    static uint32_t in_wheel[64];
    static uint32_t queue[OPERATIONS];
    uint32_t first = 0;
    uint32_t end = 0;
    memset(in_wheel, 0, sizeof in_wheel);
    for (uint32_t turn = 0; trace->n_operations + 80 < OPERATIONS; turn++) {
        uint32_t *due = wheel[turn % 64];
        while (in_wheel[turn % 64] > 0) {
            add_free(trace, due[--in_wheel[turn % 64]]);
        }
        const uint32_t bytes = trace->fixed ? FIXED_BYTES : log_uniform(low_log2, high_log2);
        const uint32_t object = add_alloc(trace, bytes);
        const uint32_t ends = (turn + 1 + below(63)) % 64;
        if (below(4) != 0 && in_wheel[ends] < 64) {
            wheel[ends][in_wheel[ends]++] = object;
        } else {
            queue[end++] = object;
        }
        while (trace->live > LIVE_BYTES && first < end) {
            /* Not strictly the oldest: one of the older half, so that holes are left. */
            const uint32_t pick = first + below((end - first + 1) / 2);
            const uint32_t freed = queue[pick];
            queue[pick] = queue[first++];
            add_free(trace, freed);
        }
    }
}

static void make_phases(Trace *trace) {
    while (trace->n_operations + 2 * PHASE < OPERATIONS) {
        const uint32_t from = trace->n_objects;
        for (uint32_t i = 0; i < PHASE; i++) {
            add_alloc(trace, log_uniform(4, 16));
        }
        for (uint32_t i = PHASE; i > 0; i--) {
            add_free(trace, from + i - 1);
        }
    }
}

static Trace *make_trace(const char *name) {
    static Trace trace;
    memset(&trace, 0, sizeof trace);
    state = 20261122;
    trace.name = name;
    trace.phases = strcmp(name, "phases") == 0;
    trace.fixed = strcmp(name, "fixed") == 0;
    if (trace.phases) {
        make_phases(&trace);
    } else {
        make_churn(&trace, 4, strcmp(name, "small") == 0 ? 10 : 16);
    }
    return &trace;
}

/* ---- running ------------------------------------------------------------------------------------- */

typedef struct Result {
    double ns;
    size_t reserved;
    double fragmentation; /* < 0: not known */
} Result;

static void *blocks[OPERATIONS];

static void touch(uint8_t *block, uint32_t bytes) {
    memset(block, 1, 16);
    for (uint32_t at = 4096; at < bytes; at += 4096) {
        block[at] = 1;
    }
}

/* Through `memory`, NULL: malloc. Objects in `phases` end by marks if it has any. Nanoseconds per
 * operation; < 0: out of memory. Objects that the trace does not free are live afterwards. */
static double run(const Trace *trace, TinyAIMemory *memory, bool marks) {
    const uint64_t begin = tai_port_clock_ns();
    size_t mark = 0;
    for (uint32_t i = 0; i < trace->n_operations; i++) {
        const Operation op = trace->operations[i];
        if (op.bytes == 0) {
            if (memory == NULL) {
                free(blocks[op.object]);
            } else if (!marks) {
                tinyai_memory_free(memory, blocks[op.object]);
            } else if (op.object % PHASE == 0) { /* the last of its phase */
                tinyai_memory_release(memory, mark);
            }
            blocks[op.object] = NULL;
            continue;
        }
        if (marks && op.object % PHASE == 0) {
            mark = tinyai_memory_mark(memory);
        }
        void *block = memory == NULL ? malloc(op.bytes) : tinyai_memory_alloc(memory, op.bytes);
        if (block == NULL) {
            return -1;
        }
        touch(block, op.bytes);
        blocks[op.object] = block;
    }
    return (double)(tai_port_clock_ns() - begin) / trace->n_operations;
}

static void free_rest(const Trace *trace, TinyAIMemory *memory) {
    for (uint32_t i = 0; i < trace->n_objects; i++) {
        if (blocks[i] != NULL) {
            if (memory == NULL) {
                free(blocks[i]);
            } else {
                tinyai_memory_free(memory, blocks[i]);
            }
            blocks[i] = NULL;
        }
    }
}

static void keep_best(Result *result, double ns) {
    result->ns = result->ns == 0 || ns < result->ns ? ns : result->ns;
}

/* ---- a strategy ----------------------------------------------------------------------------------- */

static TinyAIMemory *create(TinyAIMemoryConfig config, size_t budget) {
    config.budget = budget;
    if (config.initial_pool_size == 0) { /* STATIC, DYNAMIC: one region */
        config.initial_pool_size = budget;
    }
    return tinyai_create_memory(&config);
}

static bool succeeds(const Trace *trace, TinyAIMemoryConfig config, size_t budget) {
    TinyAIMemory *memory = create(config, budget);
    const bool done =
        memory != NULL && run(trace, memory, config.strategy == TINYAI_MEMORY_STRATEGY_STATIC) >= 0;
    tinyai_destroy_memory(memory);
    memset(blocks, 0, sizeof blocks);
    return done;
}

static size_t smallest_budget(const Trace *trace, TinyAIMemoryConfig config) {
    const size_t step = trace->peak_live / 64;
    size_t low = trace->peak_live; /* does not succeed: there is bookkeeping */
    size_t high = 4 * trace->peak_live;
    while (high - low > step) {
        const size_t middle = low + (high - low) / 2;
        if (succeeds(trace, config, middle)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return high;
}

static Result measure_strategy(const Trace *trace, TinyAIMemoryConfig config) {
    Result result = {0};
    const size_t budget = smallest_budget(trace, config);
    for (int i = 0; i < RUNS; i++) {
        TinyAIMemory *memory = create(config, budget);
        const double ns =
            memory == NULL ? -1
                           : run(trace, memory, config.strategy == TINYAI_MEMORY_STRATEGY_STATIC);
        if (ns < 0) {
            fprintf(stderr, "%s: out of memory at 4 times its live bytes\n", trace->name);
            exit(1);
        }
        keep_best(&result, ns);
        const TinyAIMemoryStats stats = tinyai_memory_stats(memory);
        result.reserved = stats.reserved_bytes;
        result.fragmentation = stats.fragmentation_ratio;
        tinyai_destroy_memory(memory);
        memset(blocks, 0, sizeof blocks);
    }
    return result;
}

/* ---- malloc --------------------------------------------------------------------------------------- */

/* Bytes of a line of /proc/self/status; 0 if there is none. */
static size_t status_bytes(const char *name) {
    char line[256];
    unsigned long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && kilobytes == 0 && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            kilobytes = strtoul(line + strlen(name), NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kilobytes * 1024;
}

static Result measure_malloc(const Trace *trace) {
    Result result = {.fragmentation = -1};
    memset(blocks, 0, sizeof blocks); /* resident before it counts */
    const size_t before = status_bytes("VmRSS:");
    for (int i = 0; i < RUNS; i++) {
        const double ns = run(trace, NULL, false);
        if (ns < 0) {
            fprintf(stderr, "malloc: out of memory\n");
            exit(1);
        }
        keep_best(&result, ns);
        if (i == 0 && before > 0) {
            result.reserved = status_bytes("VmHWM:") - before;
        }
        free_rest(trace, NULL);
    }
    return result;
}

/* ---- all ------------------------------------------------------------------------------------------ */

static void print(const char *allocator, const Trace *trace, const Result *result) {
    printf(
        "{\"allocator\": \"%s\", \"trace\": \"%s\", \"operations\": %u, \"nsPerOperation\": %.1f, "
        "\"peakLiveBytes\": %zu, ",
        allocator, trace->name, trace->n_operations, result->ns, trace->peak_live);
    if (result->reserved > 0) {
        printf("\"reservedBytes\": %zu, \"overhead\": %.4f, ", result->reserved,
               (double)result->reserved / (double)trace->peak_live);
    } else {
        printf("\"reservedBytes\": null, \"overhead\": null, ");
    }
    if (result->fragmentation >= 0) {
        printf("\"fragmentationRatio\": %.4f}\n", result->fragmentation);
    } else {
        printf("\"fragmentationRatio\": null}\n");
    }
    fflush(stdout);
}

typedef struct Case {
    const char *allocator;
    const char *trace; /* NULL: all */
    TinyAIMemoryConfig config;
} Case;

static const Case cases[] = {
    {"static", "phases", {.strategy = TINYAI_MEMORY_STRATEGY_STATIC}},
    {"pooled",
     "fixed",
     {.strategy = TINYAI_MEMORY_STRATEGY_POOLED,
      .initial_pool_size = 256 << 10,
      .block_size = FIXED_BYTES}},
    {"dynamic", NULL, {.strategy = TINYAI_MEMORY_STRATEGY_DYNAMIC}},
    {"dynamic, tracked",
     NULL,
     {.strategy = TINYAI_MEMORY_STRATEGY_DYNAMIC, .track_allocations = true}},
    {"hybrid", NULL, {.strategy = TINYAI_MEMORY_STRATEGY_HYBRID, .initial_pool_size = 4096}},
    {"hybrid, optimized",
     NULL,
     {.strategy = TINYAI_MEMORY_STRATEGY_HYBRID,
      .initial_pool_size = 4096,
      .enable_optimization = true}},
};

/* In a process of its own: the resident set of the others does not count. */
static int measure_malloc_apart(const char *name, const Trace *trace) {
    const pid_t child = fork();
    if (child == 0) {
        const Result result = measure_malloc(trace);
        print(name, trace, &result);
        _exit(0);
    }
    int status = 1;
    return child < 0 || waitpid(child, &status, 0) < 0 || status != 0;
}

int main(int argc, char **argv) {
    static const char *const traces[] = {"mixed", "small", "fixed", "phases"};
    for (size_t t = 0; t < sizeof traces / sizeof *traces; t++) {
        const Trace *trace = make_trace(traces[t]);
        if (measure_malloc_apart(argc > 1 ? argv[1] : "malloc", trace) != 0) {
            return 1;
        }
        for (size_t c = 0; argc < 2 && c < sizeof cases / sizeof *cases; c++) {
            if (cases[c].trace == NULL || strcmp(cases[c].trace, trace->name) == 0) {
                const Result result = measure_strategy(trace, cases[c].config);
                print(cases[c].allocator, trace, &result);
            }
        }
    }
    return 0;
}
