/* The dynamic strategy: the general allocator in one region, and several. */
#include "memory/tlsf.h"
#include "memory_model.h"

static Model model;

TEST(random_operations_equal_the_model) {
    model_seed("dynamic");
    const TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_DYNAMIC,
                                       .initial_pool_size = 300000};
    model = (Model){.memory = tinyai_create_memory(&config),
                    .strategy = config.strategy,
                    .size_log2 = 13,
                    .alignment_log2 = 12};
    CHECK(model.memory != NULL);
    const size_t largest = tinyai_memory_stats(model.memory).largest_free_block;
    model_run(&model, true);
    CHECK(model.moved > 0);
    const TinyAIMemoryStats stats = tinyai_memory_stats(model.memory);
    CHECK_EQ(stats.largest_free_block, largest); /* all of it in one piece again */
    CHECK_EQ(stats.free_bytes, largest);
    CHECK(stats.fragmentation_ratio == 0);
    tinyai_destroy_memory(model.memory);
}

TEST(small_and_large_objects_equal_the_model) {
    model_seed("dynamic, 64 B");
    const TinyAIMemoryConfig config = {.strategy = TINYAI_MEMORY_STRATEGY_DYNAMIC,
                                       .initial_pool_size = 20000};
    model = (Model){.memory = tinyai_create_memory(&config), .size_log2 = 7, .alignment_log2 = 8};
    model_run(&model, true);
    tinyai_destroy_memory(model.memory);
}

/* ---- the allocator itself, over regions of the test ------------------------------------------------ */

static _Alignas(4096) uint8_t regions[3][65536];

/* An allocator in the first of them, as large as `bytes`, at `shift`. */
static TaiTlsf *create(size_t shift, size_t bytes) {
    memset(regions, 0, sizeof regions);
    return tai_tlsf_create(regions[0] + shift, bytes, sizeof regions[0]);
}

typedef struct Walk {
    size_t used;
    size_t free;
    size_t free_bytes;
    size_t largest;
    bool neighbours; /* two free blocks side by side */
    const void *last_free_end;
} Walk;

static void count_block(void *user, const void *block, size_t bytes, TaiTlsfState state) {
    Walk *walk = user;
    if (state != TAI_TLSF_FREE) {
        walk->used++;
        return;
    }
    walk->free++;
    walk->free_bytes += bytes;
    walk->largest = bytes > walk->largest ? bytes : walk->largest;
    walk->neighbours |= (const uint8_t *)block - 16 == walk->last_free_end;
    walk->last_free_end = (const uint8_t *)block + bytes;
}

static Walk walk_all(const TaiTlsf *tlsf) {
    Walk walk = {0};
    CHECK(tai_tlsf_walk(tlsf, count_block, &walk));
    return walk;
}

TEST(several_regions_serve_as_one_allocator) {
    model_seed("regions");
    enum { N = 256 };
    void *blocks[N] = {0};
    size_t sizes[N];
    TaiTlsf *tlsf = create(0, 9000);
    CHECK(tlsf != NULL);
    CHECK(tai_tlsf_add(tlsf, regions[1], 40000));
    CHECK(tai_tlsf_add(tlsf, regions[2], 400));
    CHECK(!tai_tlsf_add(tlsf, regions[2] + 4096, 16)); /* too small for a block */
    const TaiTlsfFill empty = tai_tlsf_fill(tlsf);
    uint32_t served[3] = {0};
    for (uint32_t i = 0; i < 200000; i++) {
        const size_t at = model_below(N);
        size_t asked;
        if (blocks[at] != NULL) {
            CHECK(tai_tlsf_give(tlsf, blocks[at], &asked));
            CHECK_EQ(asked, sizes[at]);
            blocks[at] = NULL;
        } else {
            sizes[at] = model_size(12);
            blocks[at] = tai_tlsf_take(tlsf, sizes[at], (size_t)16 << model_below(6));
            for (uint32_t r = 0; r < 3 && blocks[at] != NULL; r++) {
                served[r] += (uintptr_t)blocks[at] - (uintptr_t)regions[r] < sizeof regions[r];
            }
        }
        if (i % 256 == 0) {
            const Walk walk = walk_all(tlsf);
            const TaiTlsfFill fill = tai_tlsf_fill(tlsf);
            CHECK_EQ(walk.free_bytes, fill.free_bytes);
            CHECK(fill.largest_free <= walk.largest);
            CHECK(!walk.neighbours);
        }
    }
    for (uint32_t i = 0; i < N; i++) {
        size_t asked;
        CHECK(blocks[i] == NULL || tai_tlsf_give(tlsf, blocks[i], &asked));
    }
    CHECK(served[0] > 0 && served[1] > 0 && served[2] > 0);
    const Walk walk = walk_all(tlsf);
    CHECK_EQ(walk.used, 0);
    CHECK_EQ(walk.free, 3);
    CHECK_EQ(tai_tlsf_fill(tlsf).free_bytes, empty.free_bytes);
    CHECK_EQ(tai_tlsf_fill(tlsf).largest_free, empty.largest_free);
}

TEST(the_smallest_region_for_an_allocation_is_exact) {
    for (size_t bytes = 1; bytes < 5000; bytes += 1 + bytes / 7) {
        for (size_t alignment = 16; alignment <= 4096; alignment *= 2) {
            const size_t control = tai_tlsf_control_bytes(sizeof regions[0]);
            const size_t size = tai_tlsf_bytes(bytes, alignment, control);
            for (size_t shift = 0; shift < 256; shift += 16) {
                TaiTlsf *tlsf = create(shift, size);
                uint8_t *block = tlsf == NULL ? NULL : tai_tlsf_take(tlsf, bytes, alignment);
                CHECK(block != NULL && (uintptr_t)block % alignment == 0);
                CHECK(block + bytes <= regions[0] + shift + size);
            }
            if (alignment == 16) {
                TaiTlsf *tlsf = create(0, size - 16);
                CHECK(tlsf == NULL || tai_tlsf_take(tlsf, bytes, 16) == NULL);
            }
        }
    }
}

TEST(a_block_grows_into_the_free_one_behind_it) {
    TaiTlsf *tlsf = create(0, sizeof regions[0]);
    uint8_t *a = tai_tlsf_take(tlsf, 100, 16);
    uint8_t *b = tai_tlsf_take(tlsf, 100, 16);
    uint8_t *c = tai_tlsf_take(tlsf, 100, 16);
    size_t asked;
    CHECK(!tai_tlsf_resize(tlsf, a, 130));
    CHECK(tai_tlsf_give(tlsf, b, &asked));
    CHECK(tai_tlsf_resize(tlsf, a, 200));
    CHECK(tai_tlsf_holds(tlsf, a, TAI_TLSF_USED, &asked));
    CHECK_EQ(asked, 200);
    CHECK(!tai_tlsf_resize(tlsf, a, (size_t)(c - a)));
    CHECK(tai_tlsf_resize(tlsf, a, 10)); /* and back */
    CHECK(tai_tlsf_take(tlsf, 100, 16) == a + 32);
    CHECK(!tai_tlsf_resize(tlsf, c, SIZE_MAX));
    CHECK(tai_tlsf_take(tlsf, SIZE_MAX - 3, 16) == NULL);
}

/* What a user writes into a block must not look like a header, even if it is a copy of one. */
TEST(a_copied_header_is_no_block) {
    TaiTlsf *tlsf = create(0, sizeof regions[0]);
    uint8_t *small = tai_tlsf_take(tlsf, 32, 16);
    uint8_t *large = tai_tlsf_take(tlsf, 1000, 16);
    size_t asked;
    for (size_t at = 16; at < 900; at += 48) {
        memcpy(large + at, small - 16, 16);
        memcpy(large + at + 48, small - 16, 16);
    }
    for (size_t at = 0; at < 1000; at++) {
        CHECK_EQ(tai_tlsf_give(tlsf, large + 1 + at, &asked), false);
    }
    CHECK(walk_all(tlsf).used == 2);
    small[48 - 16]++; /* large's header is overwritten: its links do not fit */
    CHECK(!tai_tlsf_give(tlsf, large, &asked));
    CHECK(!tai_tlsf_walk(tlsf, count_block, &(Walk){0}));
}

TEST_MAIN(T(random_operations_equal_the_model), T(small_and_large_objects_equal_the_model),
          T(several_regions_serve_as_one_allocator),
          T(the_smallest_region_for_an_allocation_is_exact),
          T(a_block_grows_into_the_free_one_behind_it), T(a_copied_header_is_no_block))
