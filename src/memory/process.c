#include "memory/process.h"

#include <stdatomic.h>
#include <string.h>

#include "port/lock.h"

static atomic_bool tracking;
static atomic_size_t in_use;
static atomic_size_t most_in_use;

static struct {
    TaiLock lock;
    TinyAIMemoryStats gone; /* totals of owners that are gone */
    TaiHabits habits;       /* but tracking and process */
} counted;

void tinyai_enable_memory_tracking(bool enable) {
    atomic_store_explicit(&tracking, enable, memory_order_relaxed);
}

bool tai_tracking_enabled(void) {
    return atomic_load_explicit(&tracking, memory_order_relaxed);
}

/* ---- bytes in use ---------------------------------------------------------------------------- */

/* Each value that the sum ever has is the result of one addition, and meets the peak right after it. */
void tai_process_add(size_t bytes) {
    const size_t now = atomic_fetch_add_explicit(&in_use, bytes, memory_order_relaxed) + bytes;
    size_t most = atomic_load_explicit(&most_in_use, memory_order_relaxed);
    while (now > most &&
           !atomic_compare_exchange_weak_explicit(&most_in_use, &most, now, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

void tai_process_sub(size_t bytes) {
    atomic_fetch_sub_explicit(&in_use, bytes, memory_order_relaxed);
}

/* ---- sums ------------------------------------------------------------------------------------ */

/* size_t has 32 bits in linear memory, and totals grow for as long as a program runs. */
static size_t plus(size_t a, size_t b) {
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static void add_totals(TinyAIMemoryStats *sum, const TinyAIMemoryStats *one) {
    sum->total_allocated = plus(sum->total_allocated, one->total_allocated);
    sum->allocation_count = plus(sum->allocation_count, one->allocation_count);
    sum->failed_allocations = plus(sum->failed_allocations, one->failed_allocations);
}

void tai_process_retire(const TinyAIMemoryStats *last) {
    tai_lock(&counted.lock);
    add_totals(&counted.gone, last);
    tai_unlock(&counted.lock);
}

/* A frame of its own: facts are large. */
__attribute__((noinline)) static void add_owner(TinyAIMemoryStats *sum, uint32_t index) {
    TaiFacts facts;
    memset(&facts, 0, sizeof facts);
    tai_owners_facts(NULL, index, &facts);
    if (facts.nested) {
        return;
    }
    const TinyAIMemoryStats *one = &facts.stats;
    add_totals(sum, one);
    sum->live_allocations = plus(sum->live_allocations, one->live_allocations);
    sum->reserved_bytes = plus(sum->reserved_bytes, one->reserved_bytes);
    sum->free_bytes = plus(sum->free_bytes, one->free_bytes);
    if (one->largest_free_block > sum->largest_free_block) {
        sum->largest_free_block = one->largest_free_block;
    }
}

static TinyAIMemoryStats all_together(void) {
    tai_lock(&counted.lock);
    TinyAIMemoryStats sum = counted.gone;
    tai_unlock(&counted.lock);
    const uint32_t n = tai_owners_hold();
    for (uint32_t i = 0; i < n; i++) {
        add_owner(&sum, i);
    }
    tai_owners_release();
    sum.current_usage = atomic_load_explicit(&in_use, memory_order_relaxed);
    sum.peak_usage = atomic_load_explicit(&most_in_use, memory_order_relaxed);
    if (sum.peak_usage < sum.current_usage) {
        sum.peak_usage =
            sum.current_usage; /* another thread is between the two in tai_process_add */
    }
    /* No allocation spans two owners, so free memory of several counts as fragmented. */
    if (sum.free_bytes > 0) {
        sum.fragmentation_ratio = 1.0 - (double)sum.largest_free_block / (double)sum.free_bytes;
    }
    return sum;
}

TinyAIMemoryStats tinyai_get_memory_stats(void) {
    tai_process_note_stats();
    return all_together();
}

/* ---- habits ---------------------------------------------------------------------------------- */

void tai_process_leaked(size_t allocations, size_t bytes, const char *first_site) {
    if (allocations == 0) {
        return;
    }
    tai_lock(&counted.lock);
    if (counted.habits.leak_site[0] == '\0') {
        tai_name_copy(counted.habits.leak_site, first_site);
    }
    counted.habits.leaks += allocations;
    counted.habits.leaked_bytes += bytes;
    tai_unlock(&counted.lock);
}

static void note(uint64_t *counter, uint64_t n) {
    tai_lock(&counted.lock);
    *counter += n;
    tai_unlock(&counted.lock);
}

void tai_process_note_stats(void) {
    note(&counted.habits.stats_read, 1);
}

void tai_process_note_loader(void) {
    note(&counted.habits.progressive_loaders, 1);
}

void tai_process_note_tokens(uint64_t n) {
    note(&counted.habits.timed_tokens, n);
}

void tai_process_habits(TaiHabits *habits) {
    tai_lock(&counted.lock);
    *habits = counted.habits;
    tai_unlock(&counted.lock);
    habits->tracking = tai_tracking_enabled();
    habits->process = all_together();
}
