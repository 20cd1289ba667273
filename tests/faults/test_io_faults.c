/* Reads that fail at every place, with and without reader threads: a named error before a token is made of
 * bytes that are not there, or the right tokens; and the model works on as soon as its source does. */
#include <stdatomic.h>
#include <stdlib.h>

#include "port/fault.h"
#include "tinyai/tinyai.h"
#include "unit/test.h"

#define STORY TINYAI_TEST_DATA "/../../models/storyteller/storyteller-q8_0.gguf"
#define PROMPT "Once upon"
#define READERS 3u

/* ---- the source ----------------------------------------------------------------------------------- */

typedef enum Fault { FAILS_ONCE, FAILS_FOR_EVER, ENDS_EARLY, FAULTS } Fault;

static const char *const fault_names[FAULTS] = {"failing once", "failing for ever",
                                                "half a read, and the file ends"};

/* The story file; its n-th read since it was armed goes wrong. */
typedef struct Faulty {
    TinyAISource file;
    atomic_int n_reads;
    int nth; /* 0: none */
    Fault fault;
    atomic_bool hit;
} Faulty;

static Faulty faulty;

static int32_t faulty_read(void *user, uint64_t offset, void *into, uint32_t length) {
    Faulty *f = user;
    const int number = atomic_fetch_add(&f->n_reads, 1) + 1;
    if (f->nth && (number == f->nth || (f->fault == FAILS_FOR_EVER && number > f->nth))) {
        atomic_store(&f->hit, true);
        if (f->fault != ENDS_EARLY) {
            return TINYAI_E_IO;
        }
        const int32_t status = f->file.read(f->file.user, offset, into, length / 2);
        return status ? status : TINYAI_E_STALE;
    }
    return f->file.read(f->file.user, offset, into, length);
}

static void arm(int nth, Fault fault) {
    faulty.nth = nth;
    faulty.fault = fault;
    atomic_store(&faulty.n_reads, 0);
    atomic_store(&faulty.hit, false);
}

static TinyAISource faulty_source(void) {
    return (TinyAISource){
        .size = faulty.file.size, .user = &faulty, .read = faulty_read, .concurrent = 1};
}

/* ---- what is run ---------------------------------------------------------------------------------- */

static uint64_t min_budget;
static uint64_t wanted_hash;

static int ignore(void *user, const TinyAIPiece *piece) {
    (void)user;
    (void)piece;
    return 0;
}

static int32_t open_model(TinyAIModel **model, uint32_t readers, TinyAIError *error) {
    const TinyAISource source = faulty_source();
    TinyAIOptions options = tinyai_default_options();
    options.context_length = 32;
    options.memory_budget = readers ? min_budget + 900000 : min_budget; /* one or two slots */
    options.prefetch_threads = readers;
    return tinyai_open(&source, &options, model, error);
}

static int32_t generate(TinyAIModel *model, uint64_t *hash) {
    TinyAIGenerate how = tinyai_default_generate();
    how.sampling.temperature = 0.0f;
    how.max_tokens = 2;
    const int32_t status =
        tinyai_session_generate(tinyai_session(model, 0), PROMPT, &how, ignore, NULL);
    TinyAIStats stats;
    tinyai_stats(model, &stats);
    *hash = stats.logits_hash;
    return status;
}

static TinyAIModel *open_or_die(uint32_t readers) {
    TinyAIModel *model;
    TinyAIError error;
    if (open_model(&model, readers, &error)) {
        TEST_FAIL("%s", error.message);
        exit(2);
    }
    return model;
}

static void check_error(Fault fault, int32_t status, const TinyAIError *error) {
    CHECK_EQ(status, fault == ENDS_EARLY ? TINYAI_E_STALE : TINYAI_E_IO);
    CHECK_EQ(error->status, status);
    CHECK(strstr(error->message, "byte") != NULL); /* where */
}

static void check_nothing_held(void) {
    CHECK_EQ(tai_held(TAI_HELD_REGION), 0);
    CHECK_EQ(tai_held(TAI_HELD_THREAD), 0);
    CHECK_EQ(tai_held(TAI_HELD_FILE), 1); /* the story */
}

TEST(opening_says_which_read_failed_and_the_next_opening_works) {
    for (uint32_t fault = 0; fault < FAULTS; fault++) {
        int n = 1;
        for (;; n++) {
            arm(n, (Fault)fault);
            TinyAIModel *model;
            TinyAIError error;
            const int32_t status = open_model(&model, READERS, &error);
            const bool hit = atomic_load(&faulty.hit);
            arm(0, FAILS_ONCE);
            if (hit) {
                CHECK(model == NULL);
                check_error((Fault)fault, status, &error);
                check_nothing_held();
                model = open_or_die(READERS);
            }
            uint64_t hash;
            CHECK_EQ(generate(model, &hash), TINYAI_OK);
            CHECK(hash == wanted_hash);
            tinyai_close(model);
            check_nothing_held();
            if (!hit) {
                break;
            }
        }
        printf("open: %d reads, %s\n", n - 1, fault_names[fault]);
        CHECK(n - 1 >= 3);
    }
}

/* What a fault left behind in the model meets the next run, and the one after it. */
static void sweep_generate(uint32_t readers, Fault fault) {
    int n = 1;
    int n_errors = 0;
    for (;; n++) {
        TinyAIModel *model = open_or_die(readers);
        uint64_t hash;
        arm(n, fault);
        const int32_t status = generate(model, &hash);
        const bool hit = atomic_load(&faulty.hit);
        arm(0, FAILS_ONCE);
        if (status != TINYAI_OK) {
            CHECK(hit);
            check_error(fault, status, tinyai_last_error(model));
            n_errors++;
            CHECK_EQ(generate(model, &hash), TINYAI_OK);
        } else {
            CHECK(fault != FAILS_FOR_EVER || !hit || readers); /* a read ahead is tried again */
        }
        CHECK(hash == wanted_hash);
        CHECK_EQ(generate(model, &hash), TINYAI_OK);
        CHECK(hash == wanted_hash);
        tinyai_close(model);
        check_nothing_held();
        if (!hit) {
            break;
        }
    }
    printf("generate with %u readers: %d reads, %s; %d errors\n", readers, n - 1,
           fault_names[fault], n_errors);
    CHECK(n - 1 >= 10 && n_errors > 0);
}

TEST(generating_says_which_read_failed_and_the_next_run_is_right) {
    for (uint32_t fault = 0; fault < FAULTS; fault++) {
        sweep_generate(0, (Fault)fault);
        sweep_generate(READERS, (Fault)fault);
    }
}

int main(int argc, char **argv) {
    static const TestCase tests[] = {
        T(opening_says_which_read_failed_and_the_next_opening_works),
        T(generating_says_which_read_failed_and_the_next_run_is_right),
    };
    TinyAIError error;
    if (tinyai_source_open_file(&faulty.file, STORY, &error)) {
        (void)fprintf(stderr, "%s\n", error.message);
        return 2;
    }
    TinyAIOptions options = tinyai_default_options();
    options.context_length = 32;
    TinyAIPlan plan;
    if (tinyai_plan(&faulty.file, &options, &plan, &error)) {
        return 2;
    }
    min_budget = plan.min_budget_bytes;
    TinyAIModel *model = open_or_die(0);
    CHECK_EQ(generate(model, &wanted_hash), TINYAI_OK);
    tinyai_close(model);
    const int failed = test_run(tests, (int)(sizeof tests / sizeof *tests), argc > 1 ? argv[1] : 0);
    tinyai_source_close(&faulty.file);
    return failed;
}
