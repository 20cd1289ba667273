/* The tracker against a model of it that remembers everything. */
#include "memory/tracker.h"

#include <stdlib.h>

#include "unit/test.h"

#define CAPACITY 300
#define ADDRESSES 1000 /* more than fit, so that some stay untracked */
#define SITES 300      /* more than fit, so that some become "other" */
#define NAMED_SITES 255
#define SITE_BYTES 32

typedef struct ModelBlock {
    bool recorded;
    uint64_t bytes;
    uint64_t serial;
    uint32_t site;
} ModelBlock;

typedef struct Model {
    TaiTracker *tracker;
    char texts[2][SITES][SITE_BYTES]; /* each text twice: equal content, another pointer */
    uint32_t named[SITES];            /* rank in the order of first use, from 1; 0: not used yet */
    uint32_t n_used;
    TaiSiteFacts sites[SITES + 1]; /* the last is "other" */
    ModelBlock blocks[ADDRESSES];
    uint32_t n_recorded;
    uint64_t serial;
    uint64_t untracked;
    uint64_t classes[64];
    uint64_t seed;
} Model;

static Model model;
static unsigned char memory[ADDRESSES * 16]; /* only its addresses are used */

static uint32_t chance(uint32_t n) {
    model.seed = model.seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(model.seed >> 33) % n;
}

static void model_init(uint64_t seed) {
    memset(&model, 0, sizeof model);
    model.seed = seed;
    model.tracker = malloc(tai_tracker_bytes(CAPACITY)); /* its end is guarded by the sanitizer */
    tai_tracker_init(model.tracker, CAPACITY);
    for (uint32_t i = 0; i < SITES; i++) {
        for (uint32_t copy = 0; copy < 2; copy++) {
            snprintf(model.texts[copy][i], SITE_BYTES, "folder/file%u.c:%u", i % 7, i);
        }
        model.sites[i].site = model.texts[0][i];
    }
    model.sites[SITES].site = "other";
}

static void model_forget(uint32_t at) {
    ModelBlock *block = &model.blocks[at];
    if (block->recorded) {
        model.sites[block->site].live_bytes -= block->bytes;
        model.sites[block->site].live_count--;
        model.n_recorded--;
    }
    block->recorded = false;
}

static void model_add(uint32_t at, uint64_t bytes, uint32_t site) {
    if (!model.named[site]) {
        model.named[site] = ++model.n_used;
    }
    const uint32_t index = model.named[site] <= NAMED_SITES ? site : SITES;
    uint32_t size_class = 0;
    while (((uint64_t)1 << size_class) < bytes) {
        size_class++;
    }
    model.classes[size_class]++;
    model.sites[index].total_bytes += bytes;
    model.sites[index].total_count++;
    model_forget(at);
    if (model.n_recorded == CAPACITY) {
        model.untracked++;
        return;
    }
    model.n_recorded++;
    model.sites[index].live_bytes += bytes;
    model.sites[index].live_count++;
    model.blocks[at] =
        (ModelBlock){.recorded = true, .bytes = bytes, .serial = model.serial++, .site = index};
}

static const TaiSiteFacts *model_site(const char *text) {
    for (uint32_t i = 0; i <= SITES; i++) {
        if (strcmp(model.sites[i].site, text) == 0) {
            return &model.sites[i];
        }
    }
    return NULL;
}

static int descending(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static bool heavier(const TaiSiteFacts *a, const TaiSiteFacts *b) {
    return a->live_bytes != b->live_bytes ? a->live_bytes > b->live_bytes
                                          : a->total_bytes > b->total_bytes;
}

static void check_sites(const TaiFacts *facts) {
    uint32_t n_used = 0, n_heavier = 0;
    for (uint32_t i = 0; i <= SITES; i++) {
        n_used += model.sites[i].total_count > 0;
        n_heavier +=
            facts->n_sites > 0 && heavier(&model.sites[i], &facts->sites[facts->n_sites - 1]);
    }
    CHECK_EQ(facts->n_sites, n_used < TAI_FACTS_SITES ? n_used : TAI_FACTS_SITES);
    CHECK(n_heavier < TAI_FACTS_SITES);
    for (uint32_t i = 0; i < facts->n_sites; i++) {
        const TaiSiteFacts *got = &facts->sites[i], *wanted = model_site(got->site);
        CHECK(wanted != NULL);
        if (wanted) {
            CHECK_EQ(got->live_bytes, wanted->live_bytes);
            CHECK_EQ(got->live_count, wanted->live_count);
            CHECK_EQ(got->total_bytes, wanted->total_bytes);
            CHECK_EQ(got->total_count, wanted->total_count);
        }
        CHECK(i == 0 || !heavier(got, got - 1));
    }
}

static void check_facts(void) {
    TaiFacts facts;
    memset(&facts, 0, sizeof facts);
    tai_tracker_facts(model.tracker, &facts);
    CHECK(facts.tracked);
    CHECK_EQ(facts.untracked, model.untracked);
    check_sites(&facts);

    uint64_t sizes[ADDRESSES];
    const ModelBlock *oldest = NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; i < ADDRESSES; i++) {
        const ModelBlock *block = &model.blocks[i];
        if (block->recorded) {
            sizes[n++] = block->bytes;
            oldest = !oldest || block->serial < oldest->serial ? block : oldest;
        }
    }
    qsort(sizes, n, sizeof *sizes, descending);
    CHECK_EQ(facts.n_blocks, n < TAI_FACTS_BLOCKS ? n : TAI_FACTS_BLOCKS);
    for (uint32_t i = 0; i < facts.n_blocks; i++) {
        CHECK_EQ(facts.blocks[i].bytes, sizes[i]);
    }
    if (oldest) {
        CHECK_STR(facts.oldest_site, model.sites[oldest->site].site);
    } else {
        CHECK(facts.oldest_site == NULL);
    }
    uint32_t common = 0;
    for (uint32_t c = 1; c < 64; c++) {
        common = model.classes[c] > model.classes[common] ? c : common;
    }
    CHECK_EQ(facts.common_count, model.classes[common]);
    CHECK_EQ(facts.common_bytes, model.classes[common] ? (uint64_t)1 << common : 0);
}

TEST(a_million_random_operations_agree_with_the_model) {
    const uint64_t seed = 20240607;
    printf("seed %llu\n", (unsigned long long)seed);
    model_init(seed);
    check_facts();
    for (uint32_t i = 0; i < 1000000 && test_failures == 0; i++) {
        /* It fills and empties in turn, and few sites are in use at first. */
        const bool fills = i / 5000 % 2 == 0;
        const uint32_t at = chance(ADDRESSES);
        if (chance(10) < (fills ? 7u : 3u)) {
            const uint64_t bytes = 1 + chance(1u << chance(20));
            const uint32_t site = chance(i < 500000 ? 40 : SITES);
            tai_tracker_add(model.tracker, memory + 16 * (size_t)at, bytes,
                            model.texts[chance(2)][site]);
            model_add(at, bytes, site);
        } else {
            tai_tracker_remove(model.tracker, memory + 16 * (size_t)at);
            model_forget(at);
        }
        if (i % 997 == 0) {
            check_facts();
        }
    }
    CHECK(model.untracked > 1000);
    CHECK(model.sites[SITES].total_count > 1000);
    for (uint32_t at = 0; at < ADDRESSES; at++) {
        tai_tracker_remove(model.tracker, memory + 16 * (size_t)at);
        model_forget(at);
    }
    check_facts();
    for (uint32_t i = 0; i <= SITES; i++) {
        CHECK_EQ(model.sites[i].live_bytes, 0);
    }
    free(model.tracker);
}

TEST(long_sites_keep_their_end_and_unknown_ones_are_said_so) {
    const char *long_site = "/a/folder/whose/path/is/much/longer/than/any/name/may/be/file.c:4711";
    TaiTracker *tracker = malloc(tai_tracker_bytes(4));
    tai_tracker_init(tracker, 4);
    tai_tracker_add(tracker, memory, 64, NULL);
    tai_tracker_add(tracker, memory + 16, 128, long_site);
    /* the cut would fall into the character of three bytes */
    tai_tracker_add(tracker, memory + 32, 32,
                    "\xE2\x82\xAC"
                    "34567890123456789012345678901234567890123.c:1");
    TaiFacts facts;
    memset(&facts, 0, sizeof facts);
    tai_tracker_facts(tracker, &facts);
    CHECK_EQ(facts.n_blocks, 3);
    CHECK_STR(facts.blocks[0].name, long_site + strlen(long_site) - (TAI_NAME_BYTES - 1));
    CHECK_STR(facts.blocks[1].name, "unknown");
    CHECK_STR(facts.blocks[2].name, "34567890123456789012345678901234567890123.c:1");
    CHECK_STR(facts.oldest_site, "unknown");
    free(tracker);
}

TEST(of_equal_blocks_the_older_comes_first) {
    static const char *const sites[] = {"a.c:1", "b.c:2", "c.c:3"};
    TaiTracker *tracker = malloc(tai_tracker_bytes(16));
    tai_tracker_init(tracker, 16);
    for (size_t i = 0; i < 12; i++) {
        tai_tracker_add(tracker, memory + 16 * (12 - i), 64, sites[i / 4]);
    }
    tai_tracker_add(tracker, memory + 16 * 12, 64,
                    "again.c:4"); /* as if freed unseen: the youngest now */
    TaiFacts facts;
    memset(&facts, 0, sizeof facts);
    tai_tracker_facts(tracker, &facts);
    CHECK_EQ(facts.n_blocks, TAI_FACTS_BLOCKS);
    for (size_t i = 0; i < TAI_FACTS_BLOCKS; i++) {
        CHECK_STR(facts.blocks[i].name, sites[(i + 1) / 4]);
    }
    CHECK_STR(facts.oldest_site, "a.c:1");
    CHECK_EQ(facts.sites[0].live_count, 4);
    free(tracker);
}

TEST(a_tracker_without_room_counts_what_it_does_not_know) {
    TaiTracker *tracker = malloc(tai_tracker_bytes(0));
    tai_tracker_init(tracker, 0);
    tai_tracker_add(tracker, memory, 100, "a.c:1");
    tai_tracker_remove(tracker, memory);
    TaiFacts facts;
    memset(&facts, 0, sizeof facts);
    tai_tracker_facts(tracker, &facts);
    CHECK_EQ(facts.untracked, 1);
    CHECK_EQ(facts.n_blocks, 0);
    CHECK_EQ(facts.n_sites, 1);
    CHECK_EQ(facts.sites[0].total_bytes, 100);
    CHECK_EQ(facts.sites[0].live_bytes, 0);
    free(tracker);
}

TEST_MAIN(T(a_million_random_operations_agree_with_the_model),
          T(long_sites_keep_their_end_and_unknown_ones_are_said_so),
          T(of_equal_blocks_the_older_comes_first),
          T(a_tracker_without_room_counts_what_it_does_not_know))
