/* What is counted for the whole process: bytes in use and the most they ever were, what owners that are
 * gone did, and habits for the report's checklist. All functions may be called from any thread. */
#ifndef TAI_PROCESS_H
#define TAI_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "memory/report.h"

/* Call sites are to be recorded (tinyai_enable_memory_tracking). */
bool tai_tracking_enabled(void);

/* Each owner that is not nested in another one says each change of its current_usage, so that the peak of
 * the sum is exact. Two relaxed atomic operations; no lock. */
void tai_process_add(size_t bytes);
void tai_process_sub(size_t bytes);

/* The last statistics of an owner that is gone, after tai_owner_remove: its totals stay counted. What it
 * still had in use leaves by tai_process_sub like any other. Not for nested owners. */
void tai_process_retire(const TinyAIMemoryStats *last);
/* An owner is destroyed with this still allocated. first_site: of the oldest, copied; NULL: not known. */
void tai_process_leaked(size_t allocations, size_t bytes, const char *first_site);

void tai_process_note_stats(void);        /* statistics were read */
void tai_process_note_loader(void);       /* a progressive loader was created */
void tai_process_note_tokens(uint64_t n); /* so many generated tokens were timed */

void tai_process_habits(TaiHabits *habits);

#endif
