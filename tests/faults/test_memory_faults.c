/* Claims of memory.h that fail: strategies, pools, the process default, call sites. */
#include <stdlib.h>

#include "faults/faults.h"

/* ---- the four strategies ------------------------------------------------------------------------- */

/* Small, so that POOLED and HYBRID have to grow. */
static const TinyAIMemoryConfig configs[] = {
    {.strategy = TINYAI_MEMORY_STRATEGY_DYNAMIC, .initial_pool_size = 64 << 10},
    {.strategy = TINYAI_MEMORY_STRATEGY_STATIC, .initial_pool_size = 64 << 10},
    {.strategy = TINYAI_MEMORY_STRATEGY_POOLED, .initial_pool_size = 8 << 10, .block_size = 512},
    {.strategy = TINYAI_MEMORY_STRATEGY_HYBRID,
     .initial_pool_size = 4 << 10,
     .enable_optimization = true},
    {.strategy = TINYAI_MEMORY_STRATEGY_DYNAMIC,
     .initial_pool_size = 64 << 10,
     .budget = 256 << 10,
     .track_allocations = true},
};
static const char *const names[] = {"dynamic", "static", "pooled", "hybrid", "tracked dynamic"};

#define BLOCKS 40u

static const TinyAIMemoryConfig *config; /* of the operation */
static TinyAIMemory *memory;
static uint8_t *blocks[BLOCKS];
static uint32_t n_blocks;

static int32_t status_of(bool done, TinyAIError *error) {
    if (!done) {
        *error = *tinyai_last_error(NULL);
    }
    return done ? 0 : error->status;
}

static size_t size_of(uint32_t i) {
    return 16 + (i * 97u) % 480; /* at most a block of the pooled strategy */
}

static bool allocate_one(void) {
    uint8_t *block = tinyai_memory_alloc(memory, size_of(n_blocks));
    if (block != NULL) {
        memset(block, (int)n_blocks, size_of(n_blocks));
        blocks[n_blocks++] = block;
    }
    return block != NULL;
}

static void check_contents(void) {
    for (uint32_t i = 0; i < n_blocks; i++) {
        for (size_t b = 0; b < size_of(i); b++) {
            if (blocks[i][b] != (uint8_t)i) {
                TEST_FAIL("%zu of block %u is %u", b, i, blocks[i][b]);
                return;
            }
        }
    }
}

static int32_t run_create(TinyAIError *error) {
    memory = tinyai_create_memory(config);
    return status_of(memory != NULL, error);
}

static void create(void) {
    TinyAIError error;
    n_blocks = 0;
    if (run_create(&error)) {
        TEST_FAIL("%s", error.message);
        exit(2);
    }
}

/* The rest of the blocks, whatever failed before. */
static void verify_memory(bool done) {
    if (memory == NULL) {
        CHECK(!done);
        create();
    }
    check_contents();
    while (n_blocks < BLOCKS && allocate_one()) {
    }
    CHECK_EQ(n_blocks, BLOCKS);
    check_contents();
    if (config->strategy == TINYAI_MEMORY_STRATEGY_STATIC) {
        CHECK(tinyai_memory_release(memory, 0));
    }
    for (uint32_t i = 0; i < n_blocks && config->strategy != TINYAI_MEMORY_STRATEGY_STATIC; i++) {
        CHECK(tinyai_memory_free(memory, blocks[i]));
    }
    CHECK_EQ(tinyai_memory_stats(memory).current_usage, 0);
}

static void destroy(void) {
    tinyai_destroy_memory(memory);
    memory = NULL;
    n_blocks = 0;
}

/* All blocks but the last: then comes the n-th allocation. */
static void create_and_fill(uint32_t n) {
    create();
    while (n_blocks < n && allocate_one()) {
    }
    CHECK_EQ(n_blocks, n);
}

static uint32_t n_before; /* blocks that lie there when the claim fails */

static void prepare_allocate(void) {
    create_and_fill(n_before);
}

static int32_t run_allocate(TinyAIError *error) {
    return status_of(allocate_one(), error);
}

static int32_t run_realloc(TinyAIError *error) {
    uint8_t *moved = tinyai_memory_realloc(memory, blocks[0], 500);
    if (moved != NULL) {
        blocks[0] = moved;
    }
    return status_of(moved != NULL, error);
}

static void prepare_realloc(void) {
    create_and_fill(BLOCKS);
    CHECK(tinyai_memory_free(memory, blocks[--n_blocks]));
}

static void sweep_named(const char *what, Operation op) {
    char name[80];
    snprintf(name, sizeof name, "%s, %s memory", what, names[config - configs]);
    op.name = name;
    sweep(&op);
}

TEST(creating_memory) {
    for (config = configs; config < configs + sizeof configs / sizeof *configs; config++) {
        sweep_named("create", (Operation){NULL, NULL, run_create, verify_memory, destroy,
                                          1 + config->track_allocations});
    }
}

TEST(allocating) {
    for (config = configs; config < configs + sizeof configs / sizeof *configs; config++) {
        const Operation op = {names[config - configs], prepare_allocate, run_allocate,
                              verify_memory,           destroy,          1};
        uint64_t n_claims = 0;
        /* Without the host's memory for a slab, HYBRID looks for a single block. */
        may_fall_back = config->strategy == TINYAI_MEMORY_STRATEGY_HYBRID;
        for (n_before = 0; n_before < BLOCKS; n_before++) {
            n_claims += fail_all(&op);
        }
        printf("allocate %u blocks of %s memory: K = %llu\n", BLOCKS, op.name,
               (unsigned long long)n_claims);
    }
    may_fall_back = false;
}

TEST(reallocating) {
    for (config = configs; config < configs + sizeof configs / sizeof *configs; config++) {
        if (config->strategy == TINYAI_MEMORY_STRATEGY_DYNAMIC ||
            config->strategy == TINYAI_MEMORY_STRATEGY_HYBRID) {
            sweep_named("reallocate",
                        (Operation){NULL, prepare_realloc, run_realloc, verify_memory, destroy, 1});
        }
    }
}

/* ---- the process default and its pools ------------------------------------------------------------- */

static TinyAIMemoryPool *pool;
static void *pool_block;

static int32_t run_init(TinyAIError *error) {
    return status_of(tinyai_init_memory(&configs[0]) == 0, error);
}

static void verify_init(bool done) {
    TinyAIError error;
    CHECK(done || run_init(&error) == 0);
    void *block = tinyai_memory_alloc(NULL, 100);
    CHECK(block != NULL);
    CHECK(tinyai_memory_free(NULL, block));
}

static void shut_down(void) {
    CHECK_EQ(tinyai_shutdown_memory(), 0);
}

static void begin_default(void) {
    TinyAIError error;
    CHECK_EQ(run_init(&error), 0);
}

static int32_t run_create_pool(TinyAIError *error) {
    pool = tinyai_create_pool(16 << 10, 1024);
    return status_of(pool != NULL, error);
}

static int32_t run_pool_alloc(TinyAIError *error) {
    pool_block = tinyai_pool_alloc(pool, 1000);
    return status_of(pool_block != NULL, error);
}

static void create_pool(void) {
    TinyAIError error;
    begin_default();
    CHECK_EQ(run_create_pool(&error), 0);
}

static void verify_pool(bool done) {
    CHECK_EQ(pool != NULL, done);
    void *all[16];
    if (!done) {
        TinyAIError error;
        CHECK_EQ(run_create_pool(&error), 0);
    }
    for (uint32_t i = 0; i < 16; i++) {
        all[i] = tinyai_pool_alloc(pool, 1024);
        CHECK(all[i] != NULL);
    }
    CHECK(tinyai_pool_alloc(pool, 1) == NULL);
    for (uint32_t i = 0; i < 16; i++) {
        CHECK(tinyai_pool_free(pool, all[i]));
    }
}

static void verify_pool_alloc(bool done) {
    CHECK_EQ(pool_block != NULL, done);
    CHECK(tinyai_pool_free(pool, pool_block));
    pool_block = NULL;
    verify_pool(true);
}

static void destroy_pool(void) {
    tinyai_destroy_pool(pool);
    pool = NULL;
    shut_down();
}

TEST(the_process_default_and_pools) {
    const Operation operations[] = {
        {"tinyai_init_memory", NULL, run_init, verify_init, shut_down, 1},
        {"create a pool", begin_default, run_create_pool, verify_pool, destroy_pool, 3},
        {"allocate from a pool", create_pool, run_pool_alloc, verify_pool_alloc, destroy_pool, 1},
    };
    for (uint32_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        sweep(&operations[i]);
    }
}

TEST_MAIN(T(creating_memory), T(allocating), T(reallocating), T(the_process_default_and_pools))
