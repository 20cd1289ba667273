/* The memory report from facts made by hand: what it says, and that each rule of the checklist flips. */
#include "memory/report.h"

#include "memory/checklist.h"
#include "unit/json_check.h"
#include "unit/test.h"

/* ---- writing into a buffer -------------------------------------------------------------------- */

static char written[32768];
static size_t n_written;

static void collect(void *user, const char *text, size_t bytes) {
    CHECK(user == written);
    CHECK(n_written + bytes < sizeof written);
    memcpy(written + n_written, text, bytes);
    n_written += bytes;
}

static void copy_facts(const void *context, uint32_t index, TaiFacts *into) {
    for (size_t i = 0; i < sizeof *into; i++) {
        CHECK(((const unsigned char *)into)[i] == 0); /* as promised */
    }
    *into = ((const TaiFacts *)context)[index];
}

static const char *report(bool json, const TaiFacts *facts, uint32_t n, const TaiHabits *habits) {
    const TaiSink sink = {.write = collect, .user = written};
    memset(written, 0, sizeof written);
    n_written = 0;
    tai_report_write(&sink, json, n, copy_facts, facts, habits);
    return written;
}

static bool contains(const char *text, const char *part) {
    const bool found = strstr(text, part) != NULL;
    if (!found) {
        fprintf(stderr, "missing: \"%s\"\n", part);
    }
    return found;
}

/* ---- facts ------------------------------------------------------------------------------------ */

static TaiFacts allocator(const char *strategy) {
    return (TaiFacts){.kind = "allocator",
                      .strategy = strategy,
                      .budget_bytes = 1 << 20,
                      .tracked = true,
                      .stats = {.current_usage = 3000,
                                .peak_usage = 5000,
                                .total_allocated = 90000,
                                .allocation_count = 2000,
                                .live_allocations = 2,
                                .reserved_bytes = 1 << 20,
                                .free_bytes = 1000000,
                                .largest_free_block = 968750,
                                .fragmentation_ratio = 0.03125}};
}

static TaiFacts model(void) {
    return (TaiFacts){.kind = "model",
                      .budget_bytes = 4000000,
                      .stats = {.current_usage = 3500000,
                                .peak_usage = 3600000,
                                .live_allocations = 12,
                                .reserved_bytes = 3600000},
                      .by_purpose = {[TINYAI_PURPOSE_PROGRAM] = 131072,
                                     [TINYAI_PURPOSE_WEIGHTS] = 3000000,
                                     [TINYAI_PURPOSE_KV] = 368928},
                      .file_bytes = 9000000,
                      .wide_weight_bytes = 90000,
                      .streamed_bytes_per_pass = 4500000,
                      .hits = 400,
                      .misses = 200,
                      .passes = 50,
                      .min_budget_bytes = 2500000,
                      .resident_bytes = 9900000,
                      .layers = 12,
                      .slots = 6,
                      .pinned = 4};
}

/* Resident, and smaller than its budget. */
static TaiFacts small_model(void) {
    TaiFacts f = model();
    f.budget_bytes = 20000000;
    f.streamed_bytes_per_pass = 0;
    f.slots = 12;
    f.pinned = 12;
    f.misses = 12;
    return f;
}

/* ---- the whole text --------------------------------------------------------------------------- */

static const char wanted_text[] =
    "TinyAI memory report\n"
    "\n"
    "All memory of the process\n"
    "  in use                 3503000 bytes (3.3 MB)\n"
    "  in use at most         3605000 bytes (3.4 MB)\n"
    "  allocated so far       90000 bytes (87.8 KB)\n"
    "  allocations            2000, of which 14 are live; 0 were refused\n"
    "  reserved               4648576 bytes (4.4 MB)\n"
    "  free                   1000000 bytes (976 KB)\n"
    "  largest free block     968750 bytes (946 KB)\n"
    "  fragmentation          0.0313: the share of the free bytes that lies outside the largest "
    "free "
    "block\n"
    "  call site tracking     on\n"
    "\n"
    "1. allocator, dynamic\n"
    "  budget                 1048576 bytes (1.0 MB)\n"
    "  in use                 3000 bytes\n"
    "  in use at most         5000 bytes\n"
    "  allocated so far       90000 bytes (87.8 KB)\n"
    "  allocations            2000, of which 2 are live; 0 were refused\n"
    "  reserved               1048576 bytes (1.0 MB)\n"
    "  free                   1000000 bytes (976 KB)\n"
    "  largest free block     968750 bytes (946 KB)\n"
    "  fragmentation          0.0313: the share of the free bytes that lies outside the largest "
    "free "
    "block\n"
    "  largest live blocks\n"
    "            2000  cache.c:20\n"
    "            1000  row.c:10\n"
    "  call sites: live bytes, live, bytes so far, allocations so far\n"
    "            2000        1         2000        1  cache.c:20\n"
    "            1000        1        88000     1999  row.c:10\n"
    "    7 allocations more found no room in the record of live blocks\n"
    "  not freed yet          2 allocations, 3000 bytes: first at row.c:10\n"
    "\n"
    "2. model\n"
    "  budget                 4000000 bytes (3.8 MB)\n"
    "  in use                 3500000 bytes (3.3 MB)\n"
    "  in use at most         3600000 bytes (3.4 MB)\n"
    "  allocated so far       0 bytes\n"
    "  allocations            0, of which 12 are live; 0 were refused\n"
    "  reserved               3600000 bytes (3.4 MB)\n"
    "  free                   0 bytes\n"
    "  largest free block     0 bytes\n"
    "  fragmentation          0.0000: the share of the free bytes that lies outside the largest "
    "free "
    "block\n"
    "  by purpose\n"
    "          131072  program      static data and stack of the program\n"
    "         3000000  weights      block slots: pinned and streaming\n"
    "          368928  kv           keys and values of the context\n"
    "  cache                  6 slots for 12 layers, 4 pinned; 400 hits, 200 misses in 50 passes\n"
    "  read per pass          4500000 bytes (4.2 MB)\n"
    "  file                   9000000 bytes (8.5 MB)\n"
    "  smallest budget        2500000 bytes (2.3 MB)\n"
    "  budget to read none    9900000 bytes (9.4 MB)\n"
    "\n"
    "Common issues\n"
    "  [found] Memory leaks (3 allocations, 640 bytes were never freed: first at lost.c:30). Free "
    "them, or keep them in an instance that goes as a whole.\n"
    "  [none] Fragmentation (0 % of the free bytes of a fragmented owner lie outside its largest "
    "free block)\n"
    "  [none] Out-of-memory errors (refused allocations: 0)\n"
    "  [none] Poor performance (4500000 bytes are read per pass over the layers; a budget of "
    "9900000 bytes reads "
    "none)\n"
    "\n"
    "Checklist\n"
    "  [done] Choose appropriate memory strategy (owners whose strategy does not suit their use: 0 "
    "of 1)\n"
    "  [done] Configure memory pools if needed (pools in use: 1; outside them no size is on record "
    "as repeated)\n"
    "  [done] Implement progressive loading for large models (models that stream, and loaders: 1; "
    "models: 1)\n"
    "  [done] Enable memory tracking (owners recorded by call site or purpose: 2 of 2)\n"
    "  [done] Monitor memory usage (readings of the statistics: 5)\n"
    "  [done] Handle out-of-memory conditions (refused allocations: 0; owners with a budget: 2 of "
    "2)\n"
    "  [not done] Implement cleanup procedures (allocations never freed: 3). Free what was "
    "allocated before its owner is destroyed, or release a mark.\n"
    "  [done] Consider mixed precision quantization (1 % of the model files, 90000 bytes, are "
    "weights of 16 bits or more)\n"
    "  [not applicable] Evaluate model pruning options (this version prunes no models; the model "
    "files have 9000000 bytes)\n"
    "  [done] Set up performance monitoring (generated tokens that were timed: 40)\n";

static TaiHabits busy_habits(void) {
    return (TaiHabits){.tracking = true,
                       .stats_read = 5,
                       .leaks = 3,
                       .leaked_bytes = 640,
                       .leak_site = "lost.c:30",
                       .timed_tokens = 40,
                       .process = {.current_usage = 3503000,
                                   .peak_usage = 3605000,
                                   .total_allocated = 90000,
                                   .allocation_count = 2000,
                                   .live_allocations = 14,
                                   .reserved_bytes = 4648576,
                                   .free_bytes = 1000000,
                                   .largest_free_block = 968750,
                                   .fragmentation_ratio = 0.03125}};
}

static void tracked_allocator(TaiFacts *f) {
    *f = allocator("dynamic");
    f->n_blocks = 2;
    f->blocks[0] = (TaiLiveBlock){.bytes = 2000, .name = "cache.c:20"};
    f->blocks[1] = (TaiLiveBlock){.bytes = 1000, .name = "row.c:10"};
    f->n_sites = 2;
    f->sites[0] = (TaiSiteFacts){"cache.c:20", 2000, 1, 2000, 1};
    f->sites[1] = (TaiSiteFacts){"row.c:10", 1000, 1, 88000, 1999};
    f->oldest_site = "row.c:10";
    f->untracked = 7;
}

TEST(the_text_says_all_facts) {
    const TaiHabits habits = busy_habits();
    TaiFacts facts[2];
    tracked_allocator(&facts[0]);
    facts[1] = model();
    const char *text = report(false, facts, 2, &habits);
    size_t same = 0;
    while (text[same] && text[same] == wanted_text[same]) {
        same++;
    }
    if (text[same] != wanted_text[same]) {
        TEST_FAIL("the text differs from byte %zu on:\n%s", same, text + same);
    }
}

TEST(the_json_says_the_same_facts) {
    const TaiHabits habits = busy_habits();
    TaiFacts facts[2];
    tracked_allocator(&facts[0]);
    facts[1] = model();
    facts[1].nested = true;
    const char *json = report(true, facts, 2, &habits);
    CHECK(json_is_valid(json));
    if (test_failures) {
        return;
    }
    static const char *const wanted[][2] = {
        {"tracking", "true"},
        {"process.currentBytes", "3503000"},
        {"process.peakBytes", "3605000"},
        {"process.fragmentation", "0.031250"},
        {"owners.0.kind", "\"allocator\""},
        {"owners.0.strategy", "\"dynamic\""},
        {"owners.0.nested", "false"},
        {"owners.0.tracked", "true"},
        {"owners.0.budgetBytes", "1048576"},
        {"owners.0.currentBytes", "3000"},
        {"owners.0.peakBytes", "5000"},
        {"owners.0.totalAllocatedBytes", "90000"},
        {"owners.0.allocationCount", "2000"},
        {"owners.0.liveAllocations", "2"},
        {"owners.0.failedAllocations", "0"},
        {"owners.0.reservedBytes", "1048576"},
        {"owners.0.freeBytes", "1000000"},
        {"owners.0.largestFreeBlockBytes", "968750"},
        {"owners.0.fragmentation", "0.031250"},
        {"owners.0.byPurpose", "(absent)"},
        {"owners.0.cache", "(absent)"},
        {"owners.0.largestBlocks.1", "{\"bytes\":1000,\"name\":\"row.c:10\"}"},
        {"owners.0.callSites.1", "{\"site\":\"row.c:10\",\"liveBytes\":1000,\"liveCount\":1,"
                                 "\"totalBytes\":88000,\"totalCount\":1999}"},
        {"owners.0.untrackedAllocations", "7"},
        {"owners.0.notFreedYet", "{\"allocations\":2,\"bytes\":3000,\"firstSite\":\"row.c:10\"}"},
        {"owners.1.kind", "\"model\""},
        {"owners.1.strategy", "null"},
        {"owners.1.nested", "true"},
        {"owners.1.notFreedYet", "(absent)"}, /* its regions are meant to stay */
        {"owners.1.byPurpose",
         "{\"program\":131072,\"engine\":0,\"threads\":0,\"tokenizer\":0,\"weights\":3000000,"
         "\"head\":0,"
         "\"embedding\":0,\"kv\":368928,\"activations\":0,\"text\":0,\"header\":0}"},
        {"owners.1.cache",
         "{\"layers\":12,\"slots\":6,\"pinned\":4,\"hits\":400,\"misses\":200,\"passes\":50,"
         "\"streamedBytesPerPass\":4500000,\"fileBytes\":9000000,\"minBudgetBytes\":2500000,"
         "\"residentBytes\":9900000}"},
        {"owners.2", "(absent)"},
        {"leaks", "{\"allocations\":3,\"bytes\":640,\"firstSite\":\"lost.c:30\"}"},
        {"issues.0.state", "\"found\""},
        {"issues.3.number", "4500000"},
        {"checklist.6",
         "{\"item\":\"Implement cleanup procedures\",\"state\":\"not done\","
         "\"number\":3,\"why\":\"allocations never freed: 3\",\"advice\":\"Free what "
         "was allocated before its owner is destroyed, or release a mark.\"}"},
        {"checklist.9.advice", "null"},
        {"checklist.10", "(absent)"},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const char *got = json_at(json, wanted[i][0]);
        if (strcmp(got, wanted[i][1]) != 0) {
            TEST_FAIL("%s is %s, not %s", wanted[i][0], got, wanted[i][1]);
        }
    }
}

TEST(exact_numbers_and_hostile_names_survive_json) {
    const TaiHabits habits = {.process = {.fragmentation_ratio = 1.0}};
    TaiFacts f = allocator("dynamic");
    f.budget_bytes = UINT64_MAX;
    f.stats.fragmentation_ratio = 0.0 / 1.0;
    f.n_blocks = 3;
    f.blocks[0] = (TaiLiveBlock){.bytes = 1, .name = "quote\" back\\slash \n\x1b[2J"};
    f.blocks[1] = (TaiLiveBlock){.bytes = 1, .name = "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x98"};
    /* a lone tail, overlong, a surrogate, above the last code point, cut off at the end */
    f.blocks[2] =
        (TaiLiveBlock){.bytes = 1, .name = "\x80|\xC0\xAF|\xED\xA0\x80|\xF4\x90\x80\x80|\xE2\x82"};
    const char *json = report(true, &f, 1, &habits);
    CHECK(json_is_valid(json));
    CHECK_STR(json_at(json, "owners.0.budgetBytes"), "18446744073709551615");
    CHECK_STR(json_at(json, "owners.0.fragmentation"), "0.000000");
    CHECK_STR(json_at(json, "process.fragmentation"), "1.000000");
    CHECK_STR(json_at(json, "owners.0.largestBlocks.0.name"),
              "\"quote\\\" back\\\\slash \\u000a\\u001b[2J\"");
    CHECK_STR(json_at(json, "owners.0.largestBlocks.1.name"),
              "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\x98\"");
    CHECK_STR(json_at(json, "owners.0.largestBlocks.2.name"),
              "\"\\ufffd|\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd\\ufffd|"
              "\\ufffd\\ufffd\"");
    const char *text = report(false, &f, 1, &habits);
    CHECK(contains(text, "quote\" back\\slash ??[2J\n"));
    CHECK(contains(text, "budget                 18446744073709551615 bytes (15.9 EB)\n"));
}

TEST(a_report_of_nothing_is_a_report) {
    const TaiHabits habits = {.tracking = false};
    CHECK(json_is_valid(report(true, NULL, 0, &habits)));
    CHECK_STR(json_at(written, "owners"), "[]");
    CHECK_STR(json_at(written, "leaks.firstSite"), "null");
    CHECK(contains(report(false, NULL, 0, &habits), "\n  nothing is reserved\n"));
}

/* ---- the rules -------------------------------------------------------------------------------- */

static TaiVerdict verdict(uint32_t item, const TaiFacts *facts, uint32_t n,
                          const TaiHabits *habits) {
    TaiEvidence evidence = {0};
    TaiVerdict v;
    for (uint32_t i = 0; i < n; i++) {
        tai_evidence_add(&evidence, &facts[i]);
    }
    tai_checklist_item(item, &evidence, habits, &v);
    return v;
}

static void expect(uint32_t item, const TaiFacts *facts, uint32_t n, const TaiHabits *habits,
                   TaiState state, uint64_t number) {
    const TaiVerdict v = verdict(item, facts, n, habits);
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)v.number);
    if (v.state != state || v.number != number) {
        TEST_FAIL("%s: state %d, not %d; number %s, not %llu (%s)", v.item, (int)v.state,
                  (int)state, digits, (unsigned long long)number, v.why);
    }
    CHECK(strstr(v.why, digits) != NULL);
    CHECK((v.advice != NULL) == (state == TAI_ITEM_NOT_DONE));
}

static const TaiHabits idle;

TEST(strategy_flips_with_fragmentation_and_with_refusals_of_fixed_memory) {
    TaiFacts f = allocator("dynamic");
    expect(0, NULL, 0, &idle, TAI_ITEM_NOT_APPLICABLE, 0);
    expect(0, &f, 1, &idle, TAI_ITEM_DONE, 0);
    f.stats.failed_allocations = 5; /* a dynamic instance is only full */
    expect(0, &f, 1, &idle, TAI_ITEM_DONE, 0);
    f.stats.fragmentation_ratio = 0.51;
    expect(0, &f, 1, &idle, TAI_ITEM_NOT_DONE, 1);
    f.stats.free_bytes = f.stats.reserved_bytes / 16 - 1; /* nearly full: nothing to fragment */
    expect(0, &f, 1, &idle, TAI_ITEM_DONE, 0);
    TaiFacts two[2] = {allocator("static"), allocator("pooled")};
    two[1].stats.fragmentation_ratio = 0.99; /* all blocks are of one size */
    expect(0, two, 2, &idle, TAI_ITEM_DONE, 0);
    two[0].stats.failed_allocations = 1;
    expect(0, two, 2, &idle, TAI_ITEM_NOT_DONE, 1);
    two[1].stats.failed_allocations = 1;
    expect(0, two, 2, &idle, TAI_ITEM_NOT_DONE, 2);
}

TEST(pools_flip_with_repeated_sizes) {
    TaiFacts f[2] = {allocator("dynamic"), allocator("pooled")};
    expect(1, f, 1, &idle, TAI_ITEM_NOT_APPLICABLE, 0);
    expect(1, f, 2, &idle, TAI_ITEM_DONE, 1);
    f[0].common_bytes = 64;
    f[0].common_count = 1000;
    expect(1, f, 2, &idle, TAI_ITEM_DONE, 1);
    f[0].common_count = 1001;
    expect(1, f, 2, &idle, TAI_ITEM_NOT_DONE, 1);
    CHECK_STR(verdict(1, f, 2, &idle).why,
              "pools in use: 1; outside them 1001 allocations of up to 64 bytes");
    f[0].stats.allocation_count = 1000; /* too few to matter */
    expect(1, f, 2, &idle, TAI_ITEM_DONE, 1);
    f[0].kind = "pool";
    f[0].strategy = NULL;
    f[1] = model();
    expect(1, f, 2, &idle, TAI_ITEM_DONE, 2);
}

TEST(progressive_loading_flips_with_the_models_size) {
    TaiFacts f[2] = {small_model(), allocator("dynamic")};
    expect(2, &f[1], 1, &idle, TAI_ITEM_NOT_APPLICABLE, 0);
    expect(2, f, 2, &idle, TAI_ITEM_NOT_APPLICABLE, 0);
    f[1].stats.failed_allocations = 1;
    expect(2, f, 2, &idle, TAI_ITEM_NOT_DONE, 0);
    f[1].stats.failed_allocations = 0;
    f[0].budget_bytes = f[0].file_bytes - 1;
    expect(2, f, 2, &idle, TAI_ITEM_NOT_DONE, 0);
    expect(2, f, 2, &(TaiHabits){.progressive_loaders = 2}, TAI_ITEM_DONE, 2);
    f[0].slots--;
    expect(2, f, 2, &idle, TAI_ITEM_DONE, 1);
}

TEST(tracking_flips_with_each_owner) {
    TaiFacts f[2] = {allocator("dynamic"), model()};
    expect(3, f, 0, &idle, TAI_ITEM_NOT_APPLICABLE, 0);
    expect(3, f, 2, &idle, TAI_ITEM_DONE, 2);
    f[0].tracked = false;
    expect(3, f, 2, &idle, TAI_ITEM_NOT_DONE, 1);
    expect(3, f, 2, &(TaiHabits){.tracking = true}, TAI_ITEM_DONE, 1);
    f[0].nested = true;
    expect(3, f, 2, &idle, TAI_ITEM_DONE, 1);
    memset(f[1].by_purpose, 0, sizeof f[1].by_purpose);
    expect(3, f, 2, &idle, TAI_ITEM_NOT_DONE, 0);
}

TEST(monitoring_flips_with_the_first_reading) {
    expect(4, NULL, 0, &idle, TAI_ITEM_NOT_DONE, 0);
    expect(4, NULL, 0, &(TaiHabits){.stats_read = 1}, TAI_ITEM_DONE, 1);
}

TEST(out_of_memory_flips_with_budgets_and_insistence) {
    TaiFacts f[2] = {allocator("dynamic"), model()};
    expect(5, f, 0, &idle, TAI_ITEM_NOT_APPLICABLE, 0);
    expect(5, f, 2, &idle, TAI_ITEM_DONE, 0);
    f[0].stats.failed_allocations = 20; /* of 2020 */
    expect(5, f, 2, &idle, TAI_ITEM_DONE, 20);
    f[0].stats.failed_allocations = 21;
    expect(5, f, 2, &idle, TAI_ITEM_NOT_DONE, 21);
    f[0].stats.failed_allocations = 0;
    f[0].budget_bytes = 0;
    expect(5, f, 2, &idle, TAI_ITEM_NOT_DONE, 0);
    f[0].nested = true;
    expect(5, f, 2, &idle, TAI_ITEM_DONE, 0);
}

TEST(cleanup_flips_with_a_leak) {
    const TaiFacts f = allocator("dynamic");
    expect(6, &f, 0, &idle, TAI_ITEM_NOT_APPLICABLE, 0);
    expect(6, &f, 1, &idle, TAI_ITEM_DONE, 0);
    expect(6, &f, 0, &(TaiHabits){.leaks = 1, .leaked_bytes = 8}, TAI_ITEM_NOT_DONE, 1);
}

TEST(mixed_precision_flips_with_the_share_of_wide_weights) {
    TaiFacts f[2] = {model(), model()};
    expect(7, f, 0, &idle, TAI_ITEM_NOT_APPLICABLE, 0);
    expect(7, f, 1, &idle, TAI_ITEM_DONE, 1);
    f[0].wide_weight_bytes = 900000;
    expect(7, f, 1, &idle, TAI_ITEM_DONE, 10);
    f[0].wide_weight_bytes = 990000;
    expect(7, f, 1, &idle, TAI_ITEM_NOT_DONE, 11);
    expect(7, f, 2, &idle, TAI_ITEM_DONE, 6); /* of both files */
}

TEST(pruning_is_said_to_be_no_part_of_this_version) {
    const TaiFacts f = model();
    expect(8, &f, 1, &idle, TAI_ITEM_NOT_APPLICABLE, 9000000);
}

TEST(performance_monitoring_flips_with_timed_tokens) {
    const TaiFacts f = model();
    expect(9, &f, 0, &idle, TAI_ITEM_NOT_APPLICABLE, 0);
    expect(9, &f, 1, &idle, TAI_ITEM_NOT_DONE, 0);
    expect(9, &f, 1, &(TaiHabits){.timed_tokens = 1}, TAI_ITEM_DONE, 1);
}

static void expect_issue(uint32_t issue, const TaiFacts *f, const TaiHabits *habits, TaiState state,
                         const char *why) {
    TaiEvidence evidence = {0};
    TaiVerdict v;
    tai_evidence_add(&evidence, f);
    tai_common_issue(issue, &evidence, habits, &v);
    CHECK_EQ(v.state, state);
    CHECK_STR(v.why, why);
    CHECK((v.advice != NULL) == (state == TAI_ISSUE_FOUND));
}

TEST(each_common_issue_is_named_when_it_is_there) {
    TaiFacts f = allocator("hybrid");
    expect_issue(0, &f, &idle, TAI_ISSUE_NONE, "0 allocations, 0 bytes were never freed");
    expect_issue(0, &f, &(TaiHabits){.leaks = 2, .leaked_bytes = 96, .leak_site = "a.c:1"},
                 TAI_ISSUE_FOUND, "2 allocations, 96 bytes were never freed: first at a.c:1");
    expect_issue(0, &f, &(TaiHabits){.leaks = 2, .leaked_bytes = 96}, TAI_ISSUE_FOUND,
                 "2 allocations, 96 bytes were never freed: first at a place not recorded");
    f.stats.fragmentation_ratio = 0.75;
    expect_issue(1, &f, &idle, TAI_ISSUE_FOUND,
                 "75 % of the free bytes of a fragmented owner lie outside its largest free block");
    expect_issue(2, &f, &idle, TAI_ISSUE_NONE, "refused allocations: 0");
    f.stats.failed_allocations = 3;
    expect_issue(2, &f, &idle, TAI_ISSUE_FOUND, "refused allocations: 3");
    f = model();
    expect_issue(
        3, &f, &idle, TAI_ISSUE_NONE,
        "4500000 bytes are read per pass over the layers; a budget of 9900000 bytes reads none");
    f.misses = 401;
    expect_issue(
        3, &f, &idle, TAI_ISSUE_FOUND,
        "4500000 bytes are read per pass over the layers; a budget of 9900000 bytes reads none");
    f.hits = 0;
    f.misses = 12; /* the first pass reads all of them */
    expect_issue(
        3, &f, &idle, TAI_ISSUE_NONE,
        "4500000 bytes are read per pass over the layers; a budget of 9900000 bytes reads none");
}

TEST_MAIN(T(the_text_says_all_facts), T(the_json_says_the_same_facts),
          T(exact_numbers_and_hostile_names_survive_json), T(a_report_of_nothing_is_a_report),
          T(strategy_flips_with_fragmentation_and_with_refusals_of_fixed_memory),
          T(pools_flip_with_repeated_sizes), T(progressive_loading_flips_with_the_models_size),
          T(tracking_flips_with_each_owner), T(monitoring_flips_with_the_first_reading),
          T(out_of_memory_flips_with_budgets_and_insistence), T(cleanup_flips_with_a_leak),
          T(mixed_precision_flips_with_the_share_of_wide_weights),
          T(pruning_is_said_to_be_no_part_of_this_version),
          T(performance_monitoring_flips_with_timed_tokens),
          T(each_common_issue_is_named_when_it_is_there))
