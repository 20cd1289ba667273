/* What is counted for the whole process, over owners made by hand, and the report as a file. One process
 * runs all tests, so each looks at differences. */
#include "memory/process.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "memory/error.h"
#include "memory/tracker.h"
#include "unit/json_check.h"
#include "unit/test.h"

/* An allocator without memory: it only counts, as real ones do. */
typedef struct Owner {
    TaiOwner link;
    const char *strategy;
    TinyAIMemoryStats stats;
    bool nested;
    TaiTracker *tracker;
} Owner;

static void owner_facts(const void *self, TaiFacts *facts) {
    const Owner *owner = self;
    facts->kind = "allocator";
    facts->strategy = owner->strategy;
    facts->stats = owner->stats;
    facts->budget_bytes = owner->stats.reserved_bytes;
    facts->nested = owner->nested;
    if (owner->tracker) {
        tai_tracker_facts(owner->tracker, facts);
    }
}

static void owner_open(Owner *owner, size_t reserved, bool nested) {
    *owner = (Owner){.link = {.self = owner, .facts = owner_facts},
                     .strategy = "dynamic",
                     .stats = {.reserved_bytes = reserved, .free_bytes = reserved},
                     .nested = nested};
    owner->stats.largest_free_block = reserved;
    if (tai_tracking_enabled()) {
        owner->tracker = malloc(tai_tracker_bytes(16));
        tai_tracker_init(owner->tracker, 16);
    }
    tai_owner_add(&owner->link);
}

static void owner_alloc(Owner *owner, size_t bytes, const void *block, const char *site) {
    owner->stats.current_usage += bytes;
    owner->stats.total_allocated += bytes;
    owner->stats.allocation_count++;
    owner->stats.live_allocations++;
    owner->stats.free_bytes -= bytes;
    if (owner->tracker) {
        tai_tracker_add(owner->tracker, block, bytes, site);
    }
    if (!owner->nested) {
        tai_process_add(bytes);
    }
}

static void owner_free(Owner *owner, size_t bytes, const void *block) {
    owner->stats.current_usage -= bytes;
    owner->stats.live_allocations--;
    owner->stats.free_bytes += bytes;
    if (owner->tracker) {
        tai_tracker_remove(owner->tracker, block);
    }
    if (!owner->nested) {
        tai_process_sub(bytes);
    }
}

static void owner_close(Owner *owner) {
    TaiFacts facts;
    memset(&facts, 0, sizeof facts);
    owner_facts(owner, &facts);
    tai_owner_remove(&owner->link);
    tai_process_sub(owner->stats.current_usage);
    tai_process_leaked(owner->stats.live_allocations, owner->stats.current_usage,
                       facts.oldest_site);
    tai_process_retire(&owner->stats);
    free(owner->tracker);
}

/* ---- sums ------------------------------------------------------------------------------------- */

TEST(statistics_are_the_sum_over_owners_and_over_those_that_are_gone) {
    const TinyAIMemoryStats before = tinyai_get_memory_stats();
    CHECK_EQ(before.current_usage, 0);
    Owner a, b, inner;
    owner_open(&a, 10000, false);
    owner_open(&b, 5000, false);
    owner_open(&inner, 1000, true);
    owner_alloc(&a, 1000, "", NULL);
    owner_alloc(&inner, 64, "", NULL); /* already counted by a */
    owner_alloc(&b, 300, "", NULL);
    owner_alloc(&b, 30, "", NULL);
    b.stats.failed_allocations = 2;

    TinyAIMemoryStats stats = tinyai_get_memory_stats();
    CHECK_EQ(stats.current_usage, 1330);
    CHECK_EQ(stats.total_allocated - before.total_allocated, 1330);
    CHECK_EQ(stats.allocation_count - before.allocation_count, 3);
    CHECK_EQ(stats.live_allocations, 3);
    CHECK_EQ(stats.failed_allocations - before.failed_allocations, 2);
    CHECK_EQ(stats.reserved_bytes, 15000);
    CHECK_EQ(stats.free_bytes, 15000 - 1330);
    CHECK_EQ(stats.largest_free_block, 10000);
    CHECK(stats.fragmentation_ratio == 1.0 - 10000.0 / 13670.0);

    owner_free(&b, 300, "");
    owner_free(&b, 30, "");
    owner_close(&b);
    stats = tinyai_get_memory_stats();
    CHECK_EQ(stats.current_usage, 1000);
    CHECK_EQ(stats.total_allocated - before.total_allocated, 1330);
    CHECK_EQ(stats.allocation_count - before.allocation_count, 3);
    CHECK_EQ(stats.failed_allocations - before.failed_allocations, 2);
    CHECK_EQ(stats.reserved_bytes, 10000);

    owner_free(&a, 1000, "");
    tai_owner_remove(&inner.link);
    tai_owner_remove(&inner.link); /* twice is nothing */
    owner_close(&a);
    stats = tinyai_get_memory_stats();
    CHECK_EQ(stats.current_usage, 0);
    CHECK_EQ(stats.live_allocations, 0);
    CHECK_EQ(stats.reserved_bytes, 0);
    CHECK(stats.fragmentation_ratio == 0.0);
}

TEST(the_peak_is_that_of_the_sum_not_the_sum_of_peaks) {
    Owner a, b;
    owner_open(&a, 1 << 20, false);
    owner_open(&b, 1 << 20, false);
    size_t peak = tinyai_get_memory_stats().peak_usage, now = 0;
    uint64_t seed = 7;
    size_t sizes[2][16] = {{0}};
    for (int i = 0; i < 20000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        Owner *owner = seed >> 63 ? &a : &b;
        size_t *size = &sizes[seed >> 63][(seed >> 40) % 16];
        if (*size) {
            owner_free(owner, *size, size);
            now -= *size;
            *size = 0;
        } else {
            *size = 1 + (size_t)(seed >> 45) % 5000;
            owner_alloc(owner, *size, size, NULL);
            now += *size;
        }
        peak = now > peak ? now : peak;
    }
    const TinyAIMemoryStats stats = tinyai_get_memory_stats();
    CHECK_EQ(stats.current_usage, now);
    CHECK_EQ(stats.current_usage, a.stats.current_usage + b.stats.current_usage);
    CHECK_EQ(stats.peak_usage, peak);
    tai_process_add(peak - now);
    CHECK_EQ(tinyai_get_memory_stats().peak_usage, peak);
    tai_process_add(1); /* one byte more is a new peak */
    CHECK_EQ(tinyai_get_memory_stats().peak_usage, peak + 1);
    tai_process_sub(peak - now + 1);
    for (int i = 0; i < 32; i++) {
        if (sizes[i / 16][i % 16]) {
            owner_free(i / 16 ? &a : &b, sizes[i / 16][i % 16], &sizes[i / 16][i % 16]);
        }
    }
    owner_close(&a);
    owner_close(&b);
    CHECK_EQ(tinyai_get_memory_stats().current_usage, 0);
}

#define THREADS 4
#define STEP ((size_t)1 << 30)

static pthread_barrier_t all_there;

static void *climb(void *unused) {
    (void)unused;
    for (int i = 0; i < 20000; i++) {
        tai_process_add(STEP);
        if (i == 10000) {
            pthread_barrier_wait(&all_there); /* each thread holds one step at this moment */
        }
        tai_process_sub(STEP);
    }
    return NULL;
}

TEST(the_peak_of_threads_is_exact) {
    pthread_t threads[THREADS];
    CHECK(tinyai_get_memory_stats().peak_usage < STEP);
    pthread_barrier_init(&all_there, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_create(&threads[i], NULL, climb, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&all_there);
    CHECK_EQ(tinyai_get_memory_stats().peak_usage, THREADS * STEP);
    CHECK_EQ(tinyai_get_memory_stats().current_usage, 0);
}

/* ---- habits ----------------------------------------------------------------------------------- */

TEST(habits_count) {
    TaiHabits before, after;
    tai_process_habits(&before);
    tinyai_get_memory_stats();
    tai_process_note_stats();
    tai_process_note_loader();
    tai_process_note_tokens(20);
    tai_process_note_tokens(1);
    tai_process_habits(&after);
    CHECK_EQ(after.stats_read - before.stats_read, 2);
    CHECK_EQ(after.progressive_loaders - before.progressive_loaders, 1);
    CHECK_EQ(after.timed_tokens - before.timed_tokens, 21);
    CHECK(!before.tracking);
    tinyai_enable_memory_tracking(true);
    tai_process_habits(&after);
    CHECK(after.tracking && tai_tracking_enabled());
    tinyai_enable_memory_tracking(false);
    CHECK(!tai_tracking_enabled());
}

/* ---- the file --------------------------------------------------------------------------------- */

static char folder[64] = "/tmp/tinyai-report-XXXXXX";
static char path[128];

static const char *in_folder(const char *name) {
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *file_text(const char *name) {
    static char text[32768];
    FILE *file = fopen(in_folder(name), "rb");
    CHECK(file != NULL);
    const size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[n] = '\0';
    if (file) {
        fclose(file);
    }
    return text;
}

TEST(a_leak_is_named_with_the_site_of_the_oldest_allocation) {
    char blocks[4];
    Owner a;
    tinyai_enable_memory_tracking(true);
    owner_open(&a, 4096, false);
    owner_alloc(&a, 8, &blocks[0], "early.c:1");
    owner_alloc(&a, 100, &blocks[1], "lost.c:2");
    owner_alloc(&a, 200, &blocks[2], "later.c:3");
    owner_free(&a, 8, &blocks[0]);

    CHECK(tinyai_generate_memory_report(in_folder("alive.txt")));
    CHECK(strstr(file_text("alive.txt"),
                 "not freed yet          2 allocations, 300 bytes: first at lost.c:2\n") != NULL);
    CHECK(strstr(file_text("alive.txt"), "[none] Memory leaks (0 allocations") != NULL);

    owner_close(&a);
    CHECK(tinyai_generate_memory_report(in_folder("gone.txt")));
    CHECK(strstr(file_text("gone.txt"), "[found] Memory leaks (2 allocations, 300 bytes were never "
                                        "freed: first at lost.c:2).") != NULL);
    CHECK(strstr(file_text("gone.txt"), "not freed yet") == NULL);
    CHECK_EQ(tinyai_get_memory_stats().current_usage, 0);
    tinyai_enable_memory_tracking(false);
}

TEST(call_sites_are_in_the_report_while_tracking_is_on) {
    char block;
    for (int on = 0; on < 2; on++) {
        Owner a;
        tinyai_enable_memory_tracking(on);
        owner_open(&a, 4096, false);
        owner_alloc(&a, 100, &block, "row.c:7");
        CHECK(tinyai_generate_memory_report(in_folder("sites.json")));
        const char *json = file_text("sites.json");
        CHECK(json_is_valid(json));
        CHECK_STR(json_at(json, "tracking"), on ? "true" : "false");
        CHECK_STR(json_at(json, "owners.0.tracked"), on ? "true" : "false");
        CHECK_STR(json_at(json, "owners.0.currentBytes"), "100");
        CHECK_STR(json_at(json, "process.currentBytes"), "100");
        CHECK_STR(json_at(json, "owners.0.notFreedYet.firstSite"), on ? "\"row.c:7\"" : "null");
        CHECK_STR(json_at(json, "owners.0.largestBlocks.0"),
                  on ? "{\"bytes\":100,\"name\":\"row.c:7\"}" : "(absent)");
        CHECK_STR(json_at(json, "owners.0.callSites.0.liveCount"), on ? "1" : "(absent)");
        CHECK_STR(json_at(json, "checklist.3.state"), on ? "\"done\"" : "\"not done\"");
        owner_free(&a, 100, &block);
        owner_close(&a);
    }
    tinyai_enable_memory_tracking(false);
}

TEST(the_same_facts_give_the_same_bytes) {
    CHECK(tinyai_generate_memory_report(in_folder("one.txt")));
    static char first[32768];
    snprintf(first, sizeof first, "%s", file_text("one.txt"));
    CHECK(tinyai_generate_memory_report(in_folder("one.txt"))); /* over the first */
    CHECK_STR(file_text("one.txt"), first);
    CHECK(strncmp(first, "TinyAI memory report\n", 21) == 0);
}

TEST(a_report_that_cannot_be_written_says_where) {
    CHECK(!tinyai_generate_memory_report(in_folder("no/such/folder.txt")));
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_NOT_FOUND);
    CHECK(strstr(tai_thread_error()->message, "no/such/folder.txt") != NULL);
    CHECK(!tinyai_generate_memory_report(NULL));
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
    CHECK(!tinyai_generate_memory_report(""));
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
    CHECK(tinyai_generate_memory_report(in_folder("fine.txt")));
    CHECK_EQ(tai_thread_error()->status, TINYAI_OK);
}

TEST(a_full_disk_is_an_error_with_the_name_and_leaves_the_file_as_it_was) {
    static char before[32768];
    snprintf(before, sizeof before, "%s", file_text("one.txt"));
    struct rlimit limit, small;
    signal(SIGXFSZ, SIG_IGN); /* then a write beyond the limit fails, as on a full disk */
    getrlimit(RLIMIT_FSIZE, &limit);
    small = limit;
    small.rlim_cur = 100;
    setrlimit(RLIMIT_FSIZE, &small);
    const bool done = tinyai_generate_memory_report(in_folder("one.txt"));
    setrlimit(RLIMIT_FSIZE, &limit);
    CHECK(!done);
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_IO);
    CHECK(strstr(tai_thread_error()->message, "one.txt") != NULL);
    CHECK_STR(file_text("one.txt"), before);
}

TEST(a_folder_is_not_replaced_by_a_report) {
    CHECK(!tinyai_generate_memory_report(folder));
    CHECK_EQ(tai_thread_error()->status, TINYAI_E_ARGUMENT);
    CHECK(strstr(tai_thread_error()->message, folder) != NULL);
}

TEST(no_other_file_is_left_behind) {
    static const char *const names[] = {"alive.txt", "gone.txt", "sites.json", "one.txt",
                                        "fine.txt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        unlink(in_folder(names[i]));
    }
    CHECK_EQ(rmdir(folder), 0); /* nothing else was left behind */
}

int main(void) {
    static const TestCase tests[] = {
        T(statistics_are_the_sum_over_owners_and_over_those_that_are_gone),
        T(the_peak_is_that_of_the_sum_not_the_sum_of_peaks),
        T(the_peak_of_threads_is_exact),
        T(habits_count),
        T(a_leak_is_named_with_the_site_of_the_oldest_allocation),
        T(call_sites_are_in_the_report_while_tracking_is_on),
        T(the_same_facts_give_the_same_bytes),
        T(a_report_that_cannot_be_written_says_where),
        T(a_full_disk_is_an_error_with_the_name_and_leaves_the_file_as_it_was),
        T(a_folder_is_not_replaced_by_a_report),
        T(no_other_file_is_left_behind),
    };
    if (!mkdtemp(folder)) {
        perror(folder);
        return 1;
    }
    return test_run(tests, (int)(sizeof tests / sizeof *tests), NULL);
}
