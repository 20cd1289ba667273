/* The team with real threads, more of them than this machine may have processors: every item runs exactly
 * once whoever runs it, and threads come and go without a loss. */
#include "schedule/team.h"

#include <pthread.h>
#include <stdlib.h>

#include "port/threads.h"
#include "unit/test.h"

#define MAX_HELPERS 7u
#define MAX_ITEMS 1000u

typedef struct Crew {
    TaiTeam team;
    TaiThread threads[MAX_HELPERS];
    void *stacks[MAX_HELPERS];
    uint32_t n;
} Crew;

static void help(void *team) {
    tai_team_help(team);
}

static void crew_start(Crew *crew, uint32_t helpers) {
    tai_team_init(&crew->team);
    crew->n = helpers;
    for (uint32_t i = 0; i < helpers; i++) {
        crew->stacks[i] = aligned_alloc(TAI_CACHE_LINE, TAI_THREAD_STACK_BYTES);
        CHECK(tai_thread_start(&crew->threads[i], help, &crew->team, crew->stacks[i]));
    }
    while (tai_team_threads(&crew->team) < 1 + helpers) {
        tai_spin(&crew->team.helpers, tai_team_threads(&crew->team) - 1);
    }
}

static void crew_end(Crew *crew) {
    tai_team_stop(&crew->team);
    for (uint32_t i = 0; i < crew->n; i++) {
        tai_thread_join(&crew->threads[i]);
        free(crew->stacks[i]);
    }
    CHECK_EQ(tai_team_threads(&crew->team), 1);
}

/* ---- what the threads do ----------------------------------------------------------------------- */

typedef struct Count {
    uint32_t
        runs[MAX_ITEMS]; /* not atomic: two threads on one item are a race that a sanitizer sees */
    uint32_t by_thread[1 + MAX_HELPERS];
    uint32_t spin; /* of work per item */
    uint32_t threads;
    atomic_uint out_of_range;
    TaiTeam *team;
} Count;

static void count_items(void *context, const void *job, uint32_t thread, uint32_t first,
                        uint32_t count) {
    Count *c = context;
    if (thread >= c->threads || job != c) {
        atomic_fetch_add(&c->out_of_range, 1);
        return;
    }
    for (uint32_t i = first; i < first + count; i++) {
        c->runs[i]++;
        c->by_thread[thread]++;
        for (volatile uint32_t spin = 0; spin < c->spin; spin++) {
        }
    }
}

static void run_once(Crew *crew, Count *c, uint32_t first, uint32_t count, uint32_t together) {
    memset(c->runs, 0, sizeof c->runs);
    c->threads = 1 + crew->n;
    tai_team_run(&crew->team,
                 &(TaiTeamJob){.run = count_items,
                               .context = c,
                               .job = c,
                               .first = first,
                               .count = count,
                               .together = together},
                 true);
    for (uint32_t i = 0; i < MAX_ITEMS; i++) {
        if (c->runs[i] != (i >= first && i < first + count)) {
            TEST_FAIL("item %u ran %u times of %u from %u by %u", i, c->runs[i], count, first,
                      together);
            return;
        }
    }
}

TEST(every_item_of_every_job_runs_exactly_once) {
    for (uint32_t helpers = 0; helpers <= MAX_HELPERS; helpers++) {
        Crew crew;
        Count c = {0};
        crew_start(&crew, helpers);
        for (uint32_t job = 0; job < 400; job++) {
            run_once(&crew, &c, job % 5, 1 + job * 7 % 600, 1 + job % 11);
        }
        CHECK_EQ(c.out_of_range, 0);
        crew_end(&crew);
    }
}

TEST(helpers_take_part_and_also_after_they_slept) {
    Crew crew;
    Count c = {.spin = 2000};
    crew_start(&crew, 1);
    for (uint32_t i = 0; i < 20; i++) {
        for (uint64_t look = 0; atomic_load(&crew.team.sleepers) == 0 && look < 10000; look++) {
            tai_spin(&crew.team.sleepers, 0);
        }
        CHECK_EQ(atomic_load(&crew.team.sleepers), 1);
        run_once(&crew, &c, 0, MAX_ITEMS, 4);
    }
    CHECK(c.by_thread[1] > 0);
    CHECK_EQ(c.by_thread[0] + c.by_thread[1], 20 * MAX_ITEMS);
    crew_end(&crew);
}

TEST(a_job_that_wakes_nobody_is_done_all_the_same) {
    Crew crew;
    Count c = {.threads = 3};
    crew_start(&crew, 2);
    while (atomic_load(&crew.team.sleepers) < 2) {
        tai_spin(&crew.team.sleepers, atomic_load(&crew.team.sleepers));
    }
    tai_team_run(
        &crew.team,
        &(TaiTeamJob){.run = count_items, .context = &c, .job = &c, .count = 50, .together = 1},
        false);
    /* One that was about to sleep may have taken part. */
    CHECK_EQ(c.by_thread[0] + c.by_thread[1] + c.by_thread[2], 50);
    crew_end(&crew);
}

/* As a helper does that a trap throws out of an item (wasm/threads.h); its thread ends. */
static void throw_helper_out(void *context, const void *job, uint32_t thread, uint32_t first,
                             uint32_t count) {
    Count *c = context;
    (void)job;
    (void)first;
    (void)count;
    while (thread == 0 && !tai_team_failed(c->team)) {
    }
    if (thread > 0) {
        tai_team_fail(c->team);
        pthread_exit(NULL);
    }
}

TEST(the_owner_does_not_wait_for_a_helper_that_failed) {
    Crew crew;
    Count c = {.team = &crew.team};
    crew_start(&crew, 1);
    tai_team_run(&crew.team,
                 &(TaiTeamJob){.run = throw_helper_out, .context = &c, .count = 50, .together = 1},
                 true);
    CHECK(tai_team_failed(&crew.team));
    crew_end(&crew);
}

TEST(teams_come_and_go) {
    for (uint32_t i = 0; i < 200; i++) {
        Crew crew;
        Count c = {0};
        crew_start(&crew, 1 + i % 3);
        if (i % 2) {
            run_once(&crew, &c, 0, 100, 3);
        }
        crew_end(&crew);
    }
}

TEST(two_teams_do_not_disturb_each_other) {
    Crew a;
    Crew b;
    Count c = {.spin = 100};
    Count d = {.spin = 100};
    crew_start(&a, 2);
    crew_start(&b, 2);
    for (uint32_t i = 0; i < 100; i++) {
        run_once(&a, &c, 0, 64, 1);
        run_once(&b, &d, 1, 65, 2);
    }
    crew_end(&a);
    run_once(&b, &d, 0, 64, 1);
    crew_end(&b);
}

TEST_MAIN(T(every_item_of_every_job_runs_exactly_once),
          T(helpers_take_part_and_also_after_they_slept),
          T(a_job_that_wakes_nobody_is_done_all_the_same),
          T(the_owner_does_not_wait_for_a_helper_that_failed), T(teams_come_and_go),
          T(two_teams_do_not_disturb_each_other))
