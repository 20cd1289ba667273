/* Reader threads by themselves, and a model that reads through them. */
#include "port/readers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "model/engine.h"
#include "unit/test.h"

#define STORY_Q8_0 TINYAI_TEST_DATA "/../../models/storyteller/storyteller-q8_0.gguf"
#define PROMPT "Once upon a time, there was a little rabbit who"

/* ---- a source that counts, and that the test can hold up ---------------------------------------- */

/* Byte i of the source is i * 7 + i / 256. A read waits until `gate` readers are inside, or for ever while
 * the gate is shut. */
typedef struct Gated {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    int inside;
    int most_inside;
    int gate; /* readers that go on together; SHUT: none goes on */
    int n_reads;
    int fail_at; /* number of the read that fails, from 1 */
    unsigned nap_us;
} Gated;

#define SHUT 1000
#define GATED_BYTES 100000u

static uint8_t byte_at(uint64_t i) {
    return (uint8_t)(i * 7 + i / 256);
}

static int32_t gated_read(void *user, uint64_t offset, void *into, uint32_t length) {
    Gated *g = user;
    pthread_mutex_lock(&g->lock);
    const int number = ++g->n_reads;
    g->inside++;
    g->most_inside = g->inside > g->most_inside ? g->inside : g->most_inside;
    pthread_cond_broadcast(&g->moved);
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 20; /* a test that hangs says less than one that fails */
    int late = 0;
    while (g->most_inside < g->gate && !late) {
        late = pthread_cond_timedwait(&g->moved, &g->lock, &limit);
    }
    g->inside--;
    pthread_mutex_unlock(&g->lock);
    if (g->nap_us) {
        usleep(g->nap_us);
    }
    for (uint32_t i = 0; i < length; i++) {
        ((uint8_t *)into)[i] = byte_at(offset + i);
    }
    return late ? TINYAI_E_INTERNAL : number == g->fail_at ? TINYAI_E_HTTP : TINYAI_OK;
}

static void open_gate(Gated *g) {
    pthread_mutex_lock(&g->lock);
    g->gate = 0;
    pthread_cond_broadcast(&g->moved);
    pthread_mutex_unlock(&g->lock);
}

static void wait_until_inside(Gated *g, int n) {
    pthread_mutex_lock(&g->lock);
    while (g->inside < n) {
        pthread_cond_wait(&g->moved, &g->lock);
    }
    pthread_mutex_unlock(&g->lock);
}

static Gated gated(int gate) {
    return (Gated){
        .lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER, .gate = gate};
}

static TaiReaders *start(Gated *g, uint32_t threads) {
    const TinyAISource source = {
        .size = GATED_BYTES, .user = g, .read = gated_read, .concurrent = 1};
    TaiReaders *readers = aligned_alloc(64, tai_readers_bytes(threads));
    CHECK_EQ(tai_readers_start(readers, &source, threads), threads);
    return readers;
}

static void stop(TaiReaders *readers) {
    tai_readers_stop(readers);
    free(readers);
}

static bool is_right(const TaiRead *read) {
    const uint8_t *got = read->into;
    for (uint32_t i = 0; i < read->length; i++) {
        if (got[i] != byte_at(read->offset + i)) {
            return false;
        }
    }
    return true;
}

/* ---- the readers by themselves ------------------------------------------------------------------ */

TEST(every_read_comes_back_once_with_its_bytes) {
    enum { READS = 2000, LENGTH = 100 };
    static uint8_t room[TAI_READS][LENGTH];
    static uint8_t seen[READS];
    memset(seen, 0, sizeof seen);
    Gated g = gated(0);
    TaiReaders *readers = start(&g, 3);
    uint32_t submitted = 0;
    uint32_t collected = 0;
    uint32_t free_rooms[TAI_READS];
    uint32_t n_free = TAI_READS;
    for (uint32_t i = 0; i < TAI_READS; i++) {
        free_rooms[i] = i;
    }
    while (collected < READS) {
        while (submitted < READS && n_free > 0) {
            uint8_t *into = room[free_rooms[n_free - 1]];
            const TaiRead read = {.id = submitted,
                                  .length = 1 + submitted % LENGTH,
                                  .offset = (submitted * 7919u) % (GATED_BYTES - LENGTH),
                                  .into = into};
            CHECK(tai_readers_submit(readers, &read));
            n_free--;
            submitted++;
        }
        TaiRead done;
        CHECK(tai_readers_collect(readers, true, &done));
        CHECK_EQ(done.status, TINYAI_OK);
        CHECK(is_right(&done));
        CHECK(done.id < READS && seen[done.id]++ == 0);
        free_rooms[n_free++] = (uint32_t)((uint8_t(*)[LENGTH])done.into - room);
        collected++;
    }
    TaiRead none;
    CHECK(!tai_readers_collect(readers, true, &none)); /* and does not wait */
    CHECK(!tai_readers_collect(readers, false, &none));
    CHECK_EQ(g.n_reads, READS);
    stop(readers);
}

TEST(all_threads_read_at_once) {
    enum { THREADS = TAI_MAX_READERS };
    Gated g = gated(THREADS); /* nobody goes on before all are inside */
    TaiReaders *readers = start(&g, THREADS);
    uint8_t room[THREADS][8];
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK(tai_readers_submit(readers, &(TaiRead){.id = i, .length = 8, .into = room[i]}));
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        TaiRead done;
        CHECK(tai_readers_collect(readers, true, &done));
        CHECK_EQ(done.status, TINYAI_OK);
    }
    CHECK_EQ(g.most_inside, THREADS);
    stop(readers);
}

TEST(the_status_of_a_read_comes_back_with_it) {
    Gated g = gated(0);
    g.fail_at = 3;
    TaiReaders *readers = start(&g, 1);
    uint8_t room[8];
    for (uint32_t i = 1; i <= 5; i++) {
        CHECK(tai_readers_submit(readers, &(TaiRead){.id = i, .length = 8, .into = room}));
        TaiRead done;
        CHECK(tai_readers_collect(readers, true, &done));
        CHECK_EQ(done.id, i);
        CHECK_EQ(done.status, i == 3 ? TINYAI_E_HTTP : TINYAI_OK);
    }
    stop(readers);
}

TEST(a_full_queue_refuses_until_one_is_collected) {
    Gated g = gated(SHUT);
    TaiReaders *readers = start(&g, 2);
    static uint8_t room[TAI_READS + 1][8];
    for (uint32_t i = 0; i <= TAI_READS; i++) {
        CHECK_EQ(tai_readers_submit(readers, &(TaiRead){.id = i, .length = 8, .into = room[i]}),
                 i < TAI_READS);
    }
    TaiRead done;
    CHECK(!tai_readers_collect(readers, false, &done)); /* the gate is shut */
    open_gate(&g);
    CHECK(tai_readers_collect(readers, true, &done));
    CHECK(tai_readers_submit(readers, &(TaiRead){.length = 8, .into = room[TAI_READS]}));
    CHECK(!tai_readers_submit(readers, &(TaiRead){.length = 8, .into = room[TAI_READS]}));
    stop(readers);
}

static void *open_gate_later(void *user) {
    usleep(20000);
    open_gate(user);
    return NULL;
}

TEST(stopping_waits_for_what_is_read_and_drops_the_rest) {
    for (uint32_t round = 0; round < 5; round++) {
        Gated g = gated(SHUT);
        TaiReaders *readers = start(&g, 2);
        uint8_t *room = malloc((size_t)TAI_READS * 1000);
        for (uint32_t i = 0; i < TAI_READS; i++) {
            CHECK(tai_readers_submit(
                readers, &(TaiRead){.id = i, .length = 1000, .into = room + (size_t)i * 1000}));
        }
        wait_until_inside(&g, 2);
        pthread_t other;
        CHECK_EQ(pthread_create(&other, NULL, open_gate_later, &g), 0);
        stop(readers);
        free(room); /* who still wrote to it would be found */
        pthread_join(other, NULL);
        CHECK(g.n_reads >= 2 && g.n_reads < (int)TAI_READS);
        CHECK_EQ(g.inside, 0);
    }
}

TEST(stopping_without_work_and_with_all_work_done) {
    Gated g = gated(0);
    stop(start(&g, 4));
    TaiReaders *readers = start(&g, 1);
    uint8_t room[2][8];
    TaiRead done;
    CHECK(tai_readers_submit(readers, &(TaiRead){.length = 8, .into = room[0]}));
    CHECK(tai_readers_submit(readers, &(TaiRead){.length = 8, .into = room[1]}));
    CHECK(tai_readers_collect(readers, true, &done)); /* the other one is dropped, read or not */
    tai_readers_stop(readers);
    /* The same room serves again. */
    const TinyAISource source = {.size = GATED_BYTES, .user = &g, .read = gated_read};
    CHECK_EQ(tai_readers_start(readers, &source, 1), 1);
    CHECK(!tai_readers_collect(readers, true, &done));
    stop(readers);
}

TEST(no_threads_need_no_room_and_more_than_possible_are_not_started) {
    CHECK_EQ(tai_readers_bytes(0), 0);
    CHECK_EQ(tai_readers_bytes(1) % 64, 0);
    CHECK_EQ(tai_readers_start(NULL, NULL, 0), 0);
    Gated g = gated(0);
    const TinyAISource source = {.size = GATED_BYTES, .user = &g, .read = gated_read};
    TaiReaders *readers = aligned_alloc(64, tai_readers_bytes(1000));
    CHECK_EQ(tai_readers_start(readers, &source, 1000), TAI_MAX_READERS);
    stop(readers);
}

/* ---- a model that reads through them ------------------------------------------------------------ */

/* The story file behind a counter that may let a read fail. */
typedef struct Counted {
    TinyAISource file;
    atomic_int n_reads;
    int fail_from; /* reads with this number and higher fail, 0: none */
    int fail_to;
    unsigned nap_us;
} Counted;

static int32_t counted_read(void *user, uint64_t offset, void *into, uint32_t length) {
    Counted *c = user;
    const int number = atomic_fetch_add(&c->n_reads, 1) + 1;
    if (c->nap_us) {
        usleep(c->nap_us);
    }
    return number >= c->fail_from && number < c->fail_to
               ? TINYAI_E_IO
               : c->file.read(c->file.user, offset, into, length);
}

static void counted_close(void *user) {
    tinyai_source_close(&((Counted *)user)->file);
}

static uint64_t min_budget(void) {
    TinyAISource source;
    TinyAIOptions options = tinyai_default_options();
    TinyAIPlan plan = {0};
    TinyAIError error;
    options.context_length = 96;
    CHECK_EQ(tinyai_source_open_file(&source, STORY_Q8_0, &error), TINYAI_OK);
    CHECK_EQ(tinyai_plan(&source, &options, &plan, &error), TINYAI_OK);
    tinyai_source_close(&source);
    return plan.min_budget_bytes;
}

/* One block is read while another computes. */
static uint64_t two_slots(void) {
    return min_budget() + 900000;
}

static TinyAIModel *open_counted(Counted *c, uint64_t budget, uint32_t threads) {
    *c = (Counted){0};
    TinyAIOptions options = tinyai_default_options();
    options.memory_budget = budget;
    options.context_length = 96;
    options.prefetch_threads = threads;
    options.read_chunk_bytes = 16384; /* many ranges in flight */
    TinyAIModel *model = NULL;
    TinyAIError error;
    if (tinyai_source_open_file(&c->file, STORY_Q8_0, &error)) {
        TEST_FAIL("%s", error.message);
        exit(2);
    }
    const TinyAISource source = {.size = c->file.size,
                                 .user = c,
                                 .read = counted_read,
                                 .close = counted_close,
                                 .concurrent = c->file.concurrent};
    if (tinyai_open(&source, &options, &model, &error)) {
        TEST_FAIL("%s", error.message);
        exit(2);
    }
    TinyAIStats stats;
    tinyai_stats(model, &stats);
    CHECK_EQ(stats.reader_threads, threads);
    return model;
}

static int ignore(void *user, const TinyAIPiece *piece) {
    (void)user;
    (void)piece;
    return 0;
}

static int32_t generate(TinyAIModel *model, TinyAIStats *stats) {
    TinyAIGenerate how = tinyai_default_generate();
    how.sampling.temperature = 0.0f;
    how.max_tokens = 6;
    const int32_t status =
        tinyai_session_generate(tinyai_session(model, 0), PROMPT, &how, ignore, NULL);
    tinyai_stats(model, stats);
    return status;
}

TEST(a_model_computes_the_same_with_any_number_of_readers) {
    Counted c;
    TinyAIStats wanted;
    TinyAIStats stats;
    const uint64_t budget = two_slots();
    TinyAIModel *model = open_counted(&c, budget, 0);
    CHECK_EQ(generate(model, &wanted), TINYAI_OK);
    tinyai_close(model);
    for (uint32_t threads = 1; threads <= 4; threads++) {
        model = open_counted(&c, threads == 4 ? min_budget() : budget, threads);
        c.nap_us = threads == 3 ? 100 : 0;
        for (uint32_t round = 0; round < 2; round++) {
            CHECK_EQ(generate(model, &stats), TINYAI_OK);
            CHECK(stats.logits_hash == wanted.logits_hash);
        }
        CHECK(c.nap_us == 0 || stats.stalled_ns > 0);
        CHECK_EQ(tinyai_model_plan(model)->slots, threads == 4 ? 1 : 2);
        tinyai_close(model);
    }
}

TEST(a_read_that_fails_in_a_thread_ends_the_generation_and_the_next_is_right) {
    Counted c;
    TinyAIStats wanted;
    TinyAIStats stats;
    TinyAIModel *model = open_counted(&c, min_budget(), 0);
    CHECK_EQ(generate(model, &wanted), TINYAI_OK);
    tinyai_close(model);
    uint32_t n_failed = 0;
    for (int n = 1; n < 200; n += 7) {
        model = open_counted(&c, two_slots(), 3);
        c.fail_from = atomic_load(&c.n_reads) + n;
        c.fail_to = c.fail_from + 1 + n % 3;
        const int32_t status = generate(model, &stats);
        CHECK(status == TINYAI_OK ||
              status == TINYAI_E_IO); /* a failed read ahead is tried again */
        n_failed += status == TINYAI_E_IO;
        CHECK(status == TINYAI_OK || tinyai_last_error(model)->message[0] != '\0');
        c.fail_from = c.fail_to = 0;
        CHECK_EQ(generate(model, &stats), TINYAI_OK);
        CHECK(stats.logits_hash == wanted.logits_hash);
        tinyai_close(model);
    }
    CHECK(n_failed > 0);
}

TEST(closing_and_ending_while_readers_read) {
    Counted c;
    TinyAIStats wanted;
    TinyAIStats stats;
    TinyAIModel *model = open_counted(&c, min_budget(), 0);
    CHECK_EQ(generate(model, &wanted), TINYAI_OK);
    tinyai_close(model);
    TinyAIGenerate how = tinyai_default_generate();
    for (uint32_t steps = 1; steps < 30; steps += 3) {
        model = open_counted(&c, two_slots(), 4);
        c.nap_us = 300;
        TinyAISession *session = tinyai_session(model, 0);
        CHECK_EQ(tinyai_begin_generate(session, PROMPT, sizeof PROMPT - 1, &how), TINYAI_OK);
        for (uint32_t i = 0; i < steps; i++) {
            CHECK(tinyai_run(model, 100000) > 0);
        }
        if (steps % 2) {
            tinyai_end(model);
            CHECK_EQ(generate(model, &stats), TINYAI_OK);
            CHECK(stats.logits_hash == wanted.logits_hash);
            CHECK_EQ(tinyai_begin_generate(session, PROMPT, sizeof PROMPT - 1, &how), TINYAI_OK);
            CHECK(tinyai_run(model, 100000) > 0);
        }
        tinyai_close(model);
    }
}

TEST(settling_leaves_no_range_in_flight) {
    Counted c;
    TinyAIStats wanted;
    TinyAIStats stats;
    TinyAIModel *model = open_counted(&c, min_budget(), 0);
    CHECK_EQ(generate(model, &wanted), TINYAI_OK);
    tinyai_close(model);
    TinyAIGenerate how = tinyai_default_generate();
    uint32_t n_flying = 0;
    model = open_counted(&c, two_slots(), 2);
    c.nap_us = 1000;
    for (uint32_t steps = 1; steps < 30; steps += 4) {
        CHECK_EQ(tinyai_begin_generate(tinyai_session(model, 0), PROMPT, sizeof PROMPT - 1, &how),
                 TINYAI_OK);
        for (uint32_t i = 0; i < steps; i++) {
            CHECK(tinyai_run(model, 100000) > 0);
        }
        tinyai_end(model);
        n_flying += model->residency.n_pending;
        model->settle(model);
        CHECK_EQ(model->residency.n_pending, 0);
    }
    CHECK(n_flying > 0);
    CHECK_EQ(generate(model, &stats), TINYAI_OK);
    CHECK(stats.logits_hash == wanted.logits_hash);
    tinyai_close(model);
}

TEST_MAIN(T(every_read_comes_back_once_with_its_bytes), T(all_threads_read_at_once),
          T(the_status_of_a_read_comes_back_with_it),
          T(a_full_queue_refuses_until_one_is_collected),
          T(stopping_waits_for_what_is_read_and_drops_the_rest),
          T(stopping_without_work_and_with_all_work_done),
          T(no_threads_need_no_room_and_more_than_possible_are_not_started),
          T(a_model_computes_the_same_with_any_number_of_readers),
          T(a_read_that_fails_in_a_thread_ends_the_generation_and_the_next_is_right),
          T(closing_and_ending_while_readers_read), T(settling_leaves_no_range_in_flight))
