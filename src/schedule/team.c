#include "schedule/team.h"

#include "port/threads.h"

/* The state of a job: OPEN while helpers may enter it, WAITED while the owner sleeps until the last of them
 * has left, and below these the number of helpers inside. */
#define OPEN 0x80000000u
#define WAITED 0x40000000u
#define INSIDE 0x3FFFFFFFu

void tai_team_init(TaiTeam *team) {
    atomic_store(&team->state, 0);
    atomic_store(&team->taken, 0);
    atomic_store(&team->epoch, 0);
    atomic_store(&team->sleepers, 0);
    atomic_store(&team->helpers, 0);
    atomic_store(&team->stopping, false);
    atomic_store(&team->failed, false);
}

uint32_t tai_team_threads(const TaiTeam *team) {
    return 1 + atomic_load_explicit(&team->helpers, memory_order_relaxed);
}

/* Takes items until none is left. */
static void work(TaiTeam *team, uint32_t thread) {
    const TaiTeamJob *job = &team->job;
    for (;;) {
        uint32_t at = atomic_fetch_add_explicit(&team->taken, job->together, memory_order_relaxed);
        if (at >= job->count) {
            return;
        }
        uint32_t left = job->count - at;
        job->run(job->context, job->job, thread, job->first + at,
                 left < job->together ? left : job->together);
    }
}

/* ---- helpers ----------------------------------------------------------------------------------- */

static bool enter(TaiTeam *team) {
    uint32_t state = atomic_load_explicit(&team->state, memory_order_relaxed);
    while (state & OPEN) {
        if (atomic_compare_exchange_weak_explicit(&team->state, &state, state + 1,
                                                  memory_order_acquire, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

static void leave(TaiTeam *team) {
    uint32_t before = atomic_fetch_sub_explicit(&team->state, 1, memory_order_release);
    if (before == (WAITED | 1)) {
        tai_wake(&team->state, 1);
    }
}

/* The owner changes the epoch first and then looks for sleepers; here it is the other way round, so one of
 * the two sees the other. */
static void sleep_until_changed(TaiTeam *team, uint32_t seen) {
    atomic_fetch_add(&team->sleepers, 1);
    while (atomic_load(&team->epoch) == seen) {
        tai_wait(&team->epoch, seen);
    }
    atomic_fetch_sub(&team->sleepers, 1);
}

void tai_team_help(TaiTeam *team) {
    uint32_t seen = atomic_load(&team->epoch);
    uint32_t thread = atomic_fetch_add(&team->helpers, 1) + 1;
    while (!atomic_load_explicit(&team->stopping, memory_order_relaxed)) {
        if (enter(team)) {
            work(team, thread);
            leave(team);
        }
        if (!tai_spin(&team->epoch, seen)) {
            sleep_until_changed(team, seen);
        }
        seen = atomic_load(&team->epoch);
    }
    atomic_fetch_sub(&team->helpers, 1);
}

void tai_team_fail(TaiTeam *team) {
    atomic_store(&team->failed, true);
    atomic_fetch_sub(&team->helpers, 1);
    leave(team);
}

bool tai_team_failed(const TaiTeam *team) {
    return atomic_load_explicit(&team->failed, memory_order_relaxed);
}

void tai_team_stop(TaiTeam *team) {
    atomic_store(&team->stopping, true);
    atomic_fetch_add(&team->epoch, 1);
    tai_wake(&team->epoch, TINYAI_MAX_THREADS);
}

/* ---- the owner ---------------------------------------------------------------------------------- */

/* After this nobody is inside. A helper that is does at most the items it has taken; if its core is another
 * program's, sleeping may give it ours. */
static void close_job(TaiTeam *team) {
    uint32_t state = atomic_fetch_and_explicit(&team->state, ~OPEN, memory_order_acquire) & ~OPEN;
    while (state & INSIDE) {
        if (!tai_spin(&team->state, state) &&
            atomic_compare_exchange_strong(&team->state, &state, state | WAITED)) {
            tai_wait(&team->state, state | WAITED);
        }
        state = atomic_load_explicit(&team->state, memory_order_acquire);
    }
    atomic_store_explicit(&team->state, 0, memory_order_relaxed);
}

void tai_team_run(TaiTeam *team, const TaiTeamJob *job, bool wake) {
    team->job = *job;
    atomic_store_explicit(&team->taken, 0, memory_order_relaxed);
    atomic_store_explicit(&team->state, OPEN, memory_order_release);
    atomic_fetch_add(&team->epoch, 1);
    if (wake && atomic_load(&team->sleepers)) {
        tai_wake(&team->epoch, TINYAI_MAX_THREADS);
    }
    work(team, 0);
    close_job(team);
}
