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

static void begin_decoding(void) {
    open_model();
    TinyAIGenerate how = tinyai_default_generate();
    how.max_tokens = 3;
    CHECK_EQ(tinyai_begin_generate(tinyai_session(model, 0), PROMPT, sizeof PROMPT - 1, &how), 0);
    int32_t status;
    do {
        status = tinyai_run(model, 1u << 30);
    } while (status == TINYAI_STEP_READY);
    CHECK_EQ(status, TINYAI_STEP_TOKEN);
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

static const Operation operations[] = {
    {"plan", open_source, run_plan, verify_plan, close_source, 1},
    {"open", NULL, run_open, verify_open, close_model, 4 + READERS},
    {"prefill", open_model, run_prefill, verify_model, close_model, 0},
    {"decode", begin_decoding, run_decode, verify_model, close_model, 0},
    {"generate", open_model, run_generate, verify_model, close_model, 0},
    {"close", open_model, run_close, verify_closed, close_model, 0},
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

/* ---- the guard between two tokens ----------------------------------------------------------------- */

/* The exit status of a process that does this. */
static int status_of_process(void (*doing)(void)) {
    const pid_t child = fork();
    if (child == 0) {
        doing();
        _Exit(0);
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
    CHECK_EQ(status_of_process(claim_elsewhere), test_failures != 0);
}

int main(int argc, char **argv) {
    static const TestCase tests[] = {
        T(every_claim_may_fail_once_and_for_ever),
        T(a_thread_that_cannot_be_started_is_done_without_and_said),
        T(a_claim_between_two_tokens_ends_the_program),
    };
    options = tinyai_default_options();
    options.context_length = 32;
    TinyAIError error;
    open_source();
    if (tinyai_plan(&source, &options, &plan, &error)) {
        return 2;
    }
    options.memory_budget = plan.min_budget_bytes;
    options.prefetch_threads = READERS;
    if (tinyai_plan(&source, &options, &wanted_plan, &error)) {
        return 2;
    }
    close_source();
    open_model();
    wanted_hash = hash_of_next_run();
    close_model();
    return test_run(tests, (int)(sizeof tests / sizeof *tests), argc > 1 ? argv[1] : 0);
}
