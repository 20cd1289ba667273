/* Out of memory, files or threads at every single claim of every operation: a named error, everything given
 * back, and the next run right. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults/faults.h"
#include "port/port.h"

#define STORY TINYAI_TEST_DATA "/../../models/storyteller/storyteller-q8_0.gguf"
#define PROMPT "Once upon"
#define READERS 3u

/* ---- what the operations work on ---------------------------------------------------------------- */

static TinyAIOptions options; /* streamed, with readers: every way of claiming is there */
static TinyAIPlan wanted_plan;
static uint64_t wanted_hash;

static TinyAISource source;
static TinyAIModel *model;
static TinyAIPlan plan;

static int ignore(void *user, const TinyAIPiece *piece) {
    (void)user;
    (void)piece;
    return 0;
}

static int32_t generate(uint32_t tokens) {
    TinyAIGenerate how = tinyai_default_generate();
    how.sampling.temperature = 0.0f;
    how.max_tokens = tokens;
    return tinyai_session_generate(tinyai_session(model, 0), PROMPT, &how, ignore, NULL);
}

static uint64_t hash_of_next_run(void) {
    TinyAIStats stats;
    const int32_t status = generate(3);
    if (status != 0) {
        TEST_FAIL("generate: %s", tinyai_last_error(model)->message);
    }
    tinyai_stats(model, &stats);
    return stats.logits_hash;
}

static int32_t status_of(int32_t status, TinyAIError *error) {
    if (status != 0) {
        *error = *tinyai_last_error(model);
    }
    return status;
}

/* ---- plan ---------------------------------------------------------------------------------------- */

static void open_source(void) {
    TinyAIError error;
    if (tinyai_source_open_file(&source, STORY, &error)) {
        TEST_FAIL("%s", error.message);
        exit(2);
    }
}

static void close_source(void) {
    tinyai_source_close(&source);
}

static int32_t run_plan(TinyAIError *error) {
    return tinyai_plan(&source, &options, &plan, error);
}

static void verify_plan(bool done) {
    TinyAIError error;
    CHECK(!done || memcmp(&plan, &wanted_plan, sizeof plan) == 0);
    CHECK_EQ(run_plan(&error), 0);
    CHECK(memcmp(&plan, &wanted_plan, sizeof plan) == 0);
}

/* ---- open ---------------------------------------------------------------------------------------- */

/* The file and the model in it, as a caller opens them. */
static int32_t run_open(TinyAIError *error) {
    int32_t status = tinyai_source_open_file(&source, STORY, error);
    if (status != 0) {
        return status;
    }
    status = tinyai_open(&source, &options, &model, error);
    if (status != 0) {
        tinyai_source_close(&source);
    }
    return status;
}

static void open_model(void) {
    TinyAIError error;
    if (run_open(&error)) {
        TEST_FAIL("%s", error.message);
        exit(2);
    }
}

static void verify_open(bool done) {
    CHECK_EQ(model != NULL, done);
    if (!done) {
        open_model();
    }
    CHECK(hash_of_next_run() == wanted_hash);
}

static void close_model(void) {
    tinyai_close(model);
    model = NULL;
}

/* ---- running ------------------------------------------------------------------------------------- */

static int32_t run_prefill(TinyAIError *error) {
    return status_of(generate(1), error);
}

static int32_t run_generate(TinyAIError *error) {
    return status_of(generate(3), error);
}

static void begin_decoding_open(void) {
    TinyAIGenerate how = tinyai_default_generate();
    how.max_tokens = 3;
    CHECK_EQ(tinyai_begin_generate(tinyai_session(model, 0), PROMPT, sizeof PROMPT - 1, &how), 0);
    int32_t status;
    do {
        status = tinyai_run(model, 1u << 30);
    } while (status == TINYAI_STEP_READY);
    CHECK_EQ(status, TINYAI_STEP_TOKEN);
}

static void begin_decoding(void) {
    open_model();
    begin_decoding_open();
}

static int32_t run_decode(TinyAIError *error) {
    int32_t status;
    do {
        status = tinyai_run(model, 1u << 30);
    } while (status > 0 && status != TINYAI_STEP_DONE);
    return status_of(status == TINYAI_STEP_DONE ? 0 : status, error);
}

static void verify_model(bool done) {
    (void)done;
    CHECK(hash_of_next_run() == wanted_hash);
}

static int32_t run_close(TinyAIError *error) {
    (void)error;
    close_model();
    return 0;
}

static void verify_closed(bool done) {
    CHECK(done);
    open_model();
    CHECK(hash_of_next_run() == wanted_hash);
}

/* ---- another budget ------------------------------------------------------------------------------- */

#define MORE_BYTES 3000000u

/* A model that may rise, still at its first budget. */
static void open_to_rise(void) {
    const TinyAIOptions before = options;
    options.max_memory_budget = options.memory_budget + MORE_BYTES;
    open_model();
    options = before;
}

static void begin_decoding_to_rise(void) {
    open_to_rise();
    begin_decoding_open();
}

static int32_t run_rise(TinyAIError *error) {
    return status_of(
        tinyai_session_set_budget(tinyai_session(model, 0), options.memory_budget + MORE_BYTES),
        error);
}

static void verify_budget(bool done) {
    CHECK_EQ(tinyai_model_plan(model)->budget_bytes,
             options.memory_budget + (done ? MORE_BYTES : 0));
    tinyai_end(model);
    CHECK(hash_of_next_run() == wanted_hash);
    CHECK_EQ(
        tinyai_session_set_budget(tinyai_session(model, 0), options.memory_budget + MORE_BYTES), 0);
    CHECK(hash_of_next_run() == wanted_hash);
    CHECK_EQ(tinyai_session_set_budget(tinyai_session(model, 0), options.memory_budget), 0);
    CHECK(hash_of_next_run() == wanted_hash);
}

/* The next blocks are read while it rises and falls. */
static int32_t run_rise_and_fall(TinyAIError *error) {
    int32_t status = run_rise(error);
    for (uint32_t i = 0; i < 20 && status == 0; i++) {
        const int32_t step = tinyai_run(model, 100000);
        status = step < 0 ? status_of(step, error) : 0;
    }
    return status ? status
                  : status_of(
                        tinyai_session_set_budget(tinyai_session(model, 0), options.memory_budget),
                        error);
}

static void verify_fallen(bool done) {
    (void)done;
    verify_budget(false);
}

/* ---- the mapped model ----------------------------------------------------------------------------- */

static TinyAIMappedModel *mapped;
static TinyAIProgressiveLoader *loader;

static int32_t status_of_thread(bool done, TinyAIError *error) {
    if (!done) {
        *error = *tinyai_last_error(NULL);
    }
    return done ? 0 : error->status;
}

static int32_t run_map(TinyAIError *error) {
    TinyAIMmapConfig config = tinyaiCreateDefaultMmapConfig();
    config.maxCacheSize = wanted_plan.block_bytes * 3;
    config.prefetchThreads = READERS;
    mapped = tinyaiOpenMappedModel(STORY, &config);
    return status_of_thread(mapped != NULL, error);
}

static void open_mapped(void) {
    TinyAIError error;
    if (run_map(&error)) {
        TEST_FAIL("%s", error.message);
        exit(2);
    }
}

static void close_mapped(void) {
    tinyaiCloseMappedModel(mapped);
    mapped = NULL;
}

/* All layers are as in the file. */
static uint64_t sum_of_layers(void) {
    uint64_t sum = 0;
    for (int layer = 0; layer < tinyaiGetMappedLayerCount(mapped); layer++) {
        const uint8_t *bytes = tinyaiGetMappedLayer(mapped, layer);
        if (bytes == NULL) {
            TEST_FAIL("layer %d: %s", layer, tinyai_last_error(NULL)->message);
            return 0;
        }
        for (size_t i = 0; i < tinyaiGetMappedLayerSize(mapped, layer); i++) {
            sum = sum * 31 + bytes[i];
        }
    }
    return sum;
}

static uint64_t wanted_sum;

static void verify_map(bool done) {
    CHECK_EQ(mapped != NULL, done);
    if (!done) {
        open_mapped();
    }
    CHECK(sum_of_layers() == wanted_sum);
}

static int32_t run_layers(TinyAIError *error) {
    for (int layer = 0; layer < 3 * tinyaiGetMappedLayerCount(mapped); layer++) {
        const bool done =
            tinyaiGetMappedLayer(mapped, layer % tinyaiGetMappedLayerCount(mapped)) != NULL;
        if (!done) {
            return status_of_thread(done, error);
        }
    }
    return 0;
}

static void verify_layers(bool done) {
    verify_map(done);
}

static int32_t run_loader(TinyAIError *error) {
    const TinyAIProgressiveConfig config = {
        .enable_prefetch = true, .prefetch_window = 1, .enable_unload = true, .model = mapped};
    loader = tinyai_create_progressive_loader(&config);
    return status_of_thread(loader != NULL, error);
}

static void open_loader(void) {
    TinyAIError error;
    open_mapped();
    if (run_loader(&error)) {
        TEST_FAIL("%s", error.message);
        exit(2);
    }
}

static void verify_loader(bool done) {
    CHECK_EQ(loader != NULL, done);
    if (!done) {
        TinyAIError error;
        CHECK_EQ(run_loader(&error), 0);
    }
    for (int i = 0; i < 2 * tinyaiGetMappedLayerCount(mapped); i++) {
        CHECK_EQ(tinyai_load_next_layer(loader), i % tinyaiGetMappedLayerCount(mapped));
    }
}

static int32_t run_loader_turns(TinyAIError *error) {
    for (int i = 0; i < 3 * tinyaiGetMappedLayerCount(mapped); i++) {
        if (tinyai_load_next_layer(loader) < 0) {
            return status_of_thread(false, error);
        }
        if (tinyai_memory_pressure(loader)) {
            tinyai_unload_unused_layers(loader);
        }
    }
    return 0;
}

static void verify_loader_turns(bool done) {
    CHECK(done);
    CHECK(tinyai_load_layer(loader, 0));
}

static void close_loader(void) {
    tinyai_destroy_progressive_loader(loader);
    loader = NULL;
    close_mapped();
}

/* ---- the report ------------------------------------------------------------------------------------ */

static char report_path[64];

static int32_t run_report(TinyAIError *error) {
    return status_of_thread(tinyai_generate_memory_report(report_path), error);
}

static void verify_report(bool done) {
    CHECK_EQ(access(report_path, F_OK) == 0, done);
    CHECK(tinyai_generate_memory_report(report_path));
    CHECK(hash_of_next_run() == wanted_hash);
}

static void finish_report(void) {
    CHECK_EQ(unlink(report_path), 0);
    close_model();
}

static const Operation operations[] = {
    {"plan", open_source, run_plan, verify_plan, close_source, 1},
    {"open", NULL, run_open, verify_open, close_model, 4 + READERS},
    {"prefill", open_model, run_prefill, verify_model, close_model, 0},
    {"decode", begin_decoding, run_decode, verify_model, close_model, 0},
    {"generate", open_model, run_generate, verify_model, close_model, 0},
    {"close", open_model, run_close, verify_closed, close_model, 0},
    {"set budget", open_to_rise, run_rise, verify_budget, close_model, 2},
    {"set budget between two tokens", begin_decoding_to_rise, run_rise, verify_budget, close_model,
     2},
    {"set budget up and down", begin_decoding_to_rise, run_rise_and_fall, verify_fallen,
     close_model, 2},
    {"open a mapped model", NULL, run_map, verify_map, close_mapped, 3 + READERS},
    {"load layers", open_mapped, run_layers, verify_layers, close_mapped, 0},
    {"create a progressive loader", open_mapped, run_loader, verify_loader, close_loader, 1},
    {"progressive loading", open_loader, run_loader_turns, verify_loader_turns, close_loader, 0},
    {"report", open_model, run_report, verify_report, finish_report, 1},
};

TEST(every_claim_may_fail_once_and_for_ever) {
    for (uint32_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        sweep(&operations[i]);
    }
}

/* ---- fewer threads -------------------------------------------------------------------------------- */

TEST(a_thread_that_cannot_be_started_is_done_without_and_said) {
    tai_fault_arm(0, false);
    open_model();
    const uint64_t n_claims = tai_fault_claims(); /* the threads are the last of them */
    close_model();
    for (uint32_t threads = 0; threads <= READERS; threads++) {
        tai_fault_arm(n_claims - READERS + 1 + threads, true);
        open_model();
        TinyAIStats stats;
        tinyai_stats(model, &stats);
        CHECK_EQ(stats.reader_threads, threads);
        CHECK_EQ(tai_held(TAI_HELD_THREAD), threads);
        tai_fault_arm(0, false);
        CHECK(hash_of_next_run() == wanted_hash);
        close_model();
    }
}

TEST(a_computing_thread_that_cannot_be_started_is_done_without_and_said) {
    const uint32_t helpers = 2;
    options.threads = 1 + helpers;
    tai_fault_arm(0, false);
    open_model();
    const uint64_t n_claims = tai_fault_claims(); /* the helpers are the last of them */
    close_model();
    for (uint32_t running = 0; running <= helpers; running++) {
        tai_fault_arm(n_claims - helpers + 1 + running, true);
        open_model();
        TinyAIStats stats;
        tinyai_stats(model, &stats);
        CHECK_EQ(stats.threads, 1 + running);
        CHECK_EQ(stats.threads_missing,
                 running < helpers ? TINYAI_THREADS_REFUSED : TINYAI_THREADS_ALL);
        CHECK_EQ(tai_held(TAI_HELD_THREAD), READERS + running);
        tai_fault_arm(0, false);
        CHECK(hash_of_next_run() == wanted_hash);
        close_model();
        CHECK_EQ(tai_held(TAI_HELD_THREAD), 0);
    }
    options.threads = 1;
}

/* ---- the guard between two tokens ----------------------------------------------------------------- */

/* The exit status of a process that does this. */
static int status_of_process(void (*doing)(void)) {
    const int before = test_failures;
    const pid_t child = fork();
    if (child == 0) {
        doing();
        _Exit(test_failures != before);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static TinyAISource story;
static bool read_claims;

static int32_t claiming_read(void *user, uint64_t offset, void *into, uint32_t length) {
    (void)user;
    if (read_claims) {
        tai_port_release(tai_port_reserve(64), 64);
    }
    return story.read(story.user, offset, into, length);
}

static int claim_from_now_on(void *user, const TinyAIPiece *piece) {
    (void)piece;
    read_claims = user != NULL;
    tai_port_release(tai_port_reserve(64), 64); /* the callback itself may */
    return 0;
}

/* A streamed model whose source claims memory in each read after the first token. */
static void generate_claiming(void *user) {
    TinyAIError error;
    CHECK_EQ(tinyai_source_open_file(&story, STORY, &error), 0);
    const TinyAISource claiming = {.size = story.size, .read = claiming_read};
    read_claims = true; /* a prompt may */
    CHECK_EQ(tinyai_open(&claiming, &options, &model, &error), 0);
    TinyAIGenerate how = tinyai_default_generate();
    how.max_tokens = 3;
    CHECK_EQ(
        tinyai_session_generate(tinyai_session(model, 0), PROMPT, &how, claim_from_now_on, user),
        0);
    close_model();
    tinyai_source_close(&story);
}

static void claim_while_decoding(void) {
    generate_claiming(&read_claims);
}

static void claim_elsewhere(void) {
    generate_claiming(NULL);
}

TEST(a_claim_between_two_tokens_ends_the_program) {
    CHECK_EQ(status_of_process(claim_while_decoding), TAI_FAULT_EXIT);
    CHECK_EQ(status_of_process(claim_elsewhere), 0);
}

int main(int argc, char **argv) {
    static const TestCase tests[] = {
        T(every_claim_may_fail_once_and_for_ever),
        T(a_thread_that_cannot_be_started_is_done_without_and_said),
        T(a_computing_thread_that_cannot_be_started_is_done_without_and_said),
        T(a_claim_between_two_tokens_ends_the_program),
    };
    options = tinyai_default_options();
    options.context_length = 32;
    TinyAIError error;
    open_source();
    if (tinyai_plan(&source, &options, &plan, &error)) {
        return 2;
    }
    options.memory_budget = plan.min_budget_bytes + 900000; /* two slots */
    options.prefetch_threads = READERS;
    if (tinyai_plan(&source, &options, &wanted_plan, &error)) {
        return 2;
    }
    close_source();
    open_model();
    wanted_hash = hash_of_next_run();
    close_model();
    open_mapped();
    wanted_sum = sum_of_layers();
    close_mapped();
    snprintf(report_path, sizeof report_path, "/tmp/tinyai-faults-%d.txt", (int)getpid());
    return test_run(tests, (int)(sizeof tests / sizeof *tests), argc > 1 ? argv[1] : 0);
}
