/* The bundled model and what tests of the engine do with it. */
#ifndef TAI_STORY_H
#define TAI_STORY_H

#include "model/engine.h"
#include "unit/model_source.h"
#include "unit/test.h"

#define PROMPT "Once upon a time, there was a little rabbit who"
#define N_TOKENS 12u

typedef struct Run {
    uint32_t ids[64];
    uint32_t n;
    uint64_t hash;
    char text[4096];
} Run;

static ModelBytes file;

static inline TinyAIOptions options_of(uint64_t budget) {
    TinyAIOptions o = tinyai_default_options();
    o.memory_budget = budget;
    o.context_length = 96;
    return o;
}

static inline TinyAIModel *open_or_die(TinyAIOptions o) {
    TinyAISource source = model_source(&file);
    TinyAIModel *model = NULL;
    TinyAIError error;
    if (tinyai_open(&source, &o, &model, &error)) {
        TEST_FAIL("open: %s", error.message);
        exit(1);
    }
    return model;
}

static inline int collect(void *user, const TinyAIPiece *piece) {
    Run *run = user;
    run->ids[run->n++] = piece->id;
    strncat(run->text, piece->text, piece->text_bytes);
    return 0;
}

static inline TinyAIGenerate greedy(uint32_t max_tokens) {
    TinyAIGenerate how = tinyai_default_generate();
    how.sampling.temperature = 0.0f;
    how.max_tokens = max_tokens;
    return how;
}

static inline Run generate(TinyAIModel *model, const char *prompt, TinyAIGenerate how) {
    Run run = {0};
    CHECK_EQ(tinyai_session_generate(tinyai_session(model, 0), prompt, &how, collect, &run),
             TINYAI_OK);
    TinyAIStats stats;
    tinyai_stats(model, &stats);
    run.hash = stats.logits_hash;
    CHECK(tai_guards_intact(model));
    return run;
}

static inline bool same(const Run *a, const Run *b) {
    return a->n == b->n && a->hash == b->hash &&
           memcmp(a->ids, b->ids, a->n * sizeof a->ids[0]) == 0;
}

static inline TinyAIPlan plan_of(TinyAIOptions o) {
    TinyAISource source = model_source(&file);
    TinyAIPlan plan;
    TinyAIError error;
    CHECK_EQ(tinyai_plan(&source, &o, &plan, &error), TINYAI_OK);
    return plan;
}

static inline Run reference(void) {
    TinyAIModel *model = open_or_die(options_of(0));
    Run run = generate(model, PROMPT, greedy(N_TOKENS));
    tinyai_close(model);
    CHECK_EQ(run.n, N_TOKENS);
    return run;
}

/* The main of a test program that works on the model. */
#define STORY_MAIN(...)                                                                            \
    int main(int argc, char **argv) {                                                              \
        static const TestCase tests[] = {__VA_ARGS__};                                             \
        file = model_load(STORY_Q8_0);                                                             \
        int failed = test_run(tests, (int)(sizeof tests / sizeof *tests), argc > 1 ? argv[1] : 0); \
        free(file.bytes);                                                                          \
        return failed;                                                                             \
    }

#endif
