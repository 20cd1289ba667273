/* The team: threads that share the items of one operation. One thread, the owner, hands out a job and works on
 * it too; tai_team_run returns when all items are done and no helper looks at the job any more. Helpers do
 * nothing but run items: no I/O, no errors, nothing of the thread's own. Which thread runs which items differs
 * from run to run; what an item computes must not depend on it.
 *
 * The owner never waits for a helper that has not begun: one that comes late, because it slept or another
 * program has its core, finds the job closed. Helpers spin for a moment and then sleep. */
#ifndef TAI_TEAM_H
#define TAI_TEAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Bytes that no two threads should write to at the same time. */
#define TAI_CACHE_LINE 64

/* Runs items first .. first + count - 1. thread: 0 the owner, 1 .. n the helpers. */
typedef void (*TaiTeamItems)(void *context, const void *job, uint32_t thread, uint32_t first,
                             uint32_t count);

typedef struct TaiTeamJob {
    TaiTeamItems run;
    void *context;
    const void *job;
    uint32_t first; /* item */
    uint32_t count;
    uint32_t together; /* items that a thread takes at a time, at least 1 */
} TaiTeamJob;

typedef struct TaiTeam {
    /* Whether the job is open, whether the owner sleeps, and how many helpers are inside: team.c. */
    _Alignas(TAI_CACHE_LINE) atomic_uint state;
    _Alignas(TAI_CACHE_LINE) atomic_uint taken; /* items of the job that some thread took */
    _Alignas(TAI_CACHE_LINE) atomic_uint epoch; /* counts jobs; helpers wait for it to change */
    atomic_uint sleepers;
    atomic_uint helpers; /* in tai_team_help */
    atomic_bool stopping;
    atomic_bool failed;
    TaiTeamJob job; /* the owner's while it is closed and nobody is inside */
} TaiTeam;

/* A team without helpers. */
void tai_team_init(TaiTeam *team);

/* Makes the calling thread a helper until tai_team_stop. */
void tai_team_help(TaiTeam *team);

/* Of a helper that was thrown out of tai_team_help by a trap: what it was computing is lost, and the owner must
 * not wait for it. */
void tai_team_fail(TaiTeam *team);
bool tai_team_failed(const TaiTeam *team);

/* Threads that a job can have, the owner included. */
uint32_t tai_team_threads(const TaiTeam *team);

/* Runs all items of the job. wake: it is worth waking helpers that sleep. */
void tai_team_run(TaiTeam *team, const TaiTeamJob *job, bool wake);

/* Sends the helpers away; they return from tai_team_help soon after. No job is running. */
void tai_team_stop(TaiTeam *team);

#endif
