#include "memory/report.h"

#include <inttypes.h>
#include <string.h>

#include "memory/checklist.h"
#include "memory/writer.h"

static const struct {
    const char *js;
    const char *meaning;
} purposes[] = {
#define PURPOSE(name, js, meaning) {#js, meaning},
    TINYAI_PURPOSE_LIST(PURPOSE)
#undef PURPOSE
};

/* A model's allocations are its regions, which live as long as itself. */
static bool can_leak(const TaiFacts *f) {
    return f->layers == 0 && f->stats.live_allocations > 0;
}

/* ---- for a person ---------------------------------------------------------------------------- */

static void bytes_line(TaiWriter *w, const char *name, uint64_t bytes) {
    tai_put(w, "  %-22s ", name);
    tai_put_bytes(w, bytes);
    tai_put(w, "\n");
}

static void stats_text(TaiWriter *w, const TinyAIMemoryStats *s) {
    bytes_line(w, "in use", s->current_usage);
    bytes_line(w, "in use at most", s->peak_usage);
    bytes_line(w, "allocated so far", s->total_allocated);
    tai_put(w, "  %-22s %zu, of which %zu are live; %zu were refused\n", "allocations",
            s->allocation_count, s->live_allocations, s->failed_allocations);
    bytes_line(w, "reserved", s->reserved_bytes);
    bytes_line(w, "free", s->free_bytes);
    bytes_line(w, "largest free block", s->largest_free_block);
    tai_put(w, "  %-22s ", "fragmentation");
    tai_put_ratio(w, s->fragmentation_ratio);
    tai_put(w, ": the share of the free bytes that lies outside the largest free block\n");
}

static void purposes_text(TaiWriter *w, const TaiFacts *f) {
    if (!tai_has_purposes(f)) {
        return;
    }
    tai_put(w, "  by purpose\n");
    for (uint32_t i = 0; i < TINYAI_PURPOSES; i++) {
        if (f->by_purpose[i]) {
            tai_put(w, "    %12" PRIu64 "  %-12s %s\n", f->by_purpose[i], purposes[i].js,
                    purposes[i].meaning);
        }
    }
}

static void blocks_text(TaiWriter *w, const TaiFacts *f) {
    if (f->n_blocks > 0) {
        tai_put(w, "  largest live blocks\n");
    }
    for (uint32_t i = 0; i < f->n_blocks; i++) {
        tai_put(w, "    %12" PRIu64 "  ", f->blocks[i].bytes);
        tai_put_text(w, f->blocks[i].name);
        tai_put(w, "\n");
    }
}

static void sites_text(TaiWriter *w, const TaiFacts *f) {
    if (f->n_sites > 0) {
        tai_put(w, "  call sites: live bytes, live, bytes so far, allocations so far\n");
    }
    for (uint32_t i = 0; i < f->n_sites; i++) {
        const TaiSiteFacts *s = &f->sites[i];
        tai_put(w, "    %12" PRIu64 " %8" PRIu64 " %12" PRIu64 " %8" PRIu64 "  ", s->live_bytes,
                s->live_count, s->total_bytes, s->total_count);
        tai_put_text(w, s->site);
        tai_put(w, "\n");
    }
    if (f->untracked) {
        tai_put(w, "    %" PRIu64 " allocations more found no room in the record of live blocks\n",
                f->untracked);
    }
}

static void unfreed_text(TaiWriter *w, const TaiFacts *f) {
    if (can_leak(f)) {
        tai_put(w, "  %-22s %zu allocation%s, %zu bytes: first at ", "not freed yet",
                f->stats.live_allocations, f->stats.live_allocations == 1 ? "" : "s",
                f->stats.current_usage);
        tai_put_text(w, f->oldest_site ? f->oldest_site : "a place not recorded");
        tai_put(w, "\n");
    }
}

static void cache_text(TaiWriter *w, const TaiFacts *f) {
    if (f->layers == 0) {
        return;
    }
    tai_put(w,
            "  %-22s %" PRIu32 " slots for %" PRIu32 " layers, %" PRIu32 " pinned; %" PRIu64
            " hits, %" PRIu64 " misses in %" PRIu64 " passes\n",
            "cache", f->slots, f->layers, f->pinned, f->hits, f->misses, f->passes);
    bytes_line(w, "read per pass", f->streamed_bytes_per_pass);
    bytes_line(w, "file", f->file_bytes);
    if (f->min_budget_bytes) {
        bytes_line(w, "smallest budget", f->min_budget_bytes);
    }
    if (f->resident_bytes) {
        bytes_line(w, "budget to read none", f->resident_bytes);
    }
}

static void owner_text(TaiWriter *w, uint32_t index, const TaiFacts *f) {
    tai_put(w, "\n%" PRIu32 ". %s%s%s%s\n", index + 1, f->kind, f->strategy ? ", " : "",
            f->strategy ? f->strategy : "", f->nested ? ", in memory of another of these" : "");
    if (f->budget_bytes) {
        bytes_line(w, "budget", f->budget_bytes);
    }
    stats_text(w, &f->stats);
    purposes_text(w, f);
    cache_text(w, f);
    blocks_text(w, f);
    sites_text(w, f);
    unfreed_text(w, f);
}

static void verdict_text(TaiWriter *w, const TaiVerdict *v, const char *state) {
    tai_put(w, "  [%s] %s (", state, v->item);
    tai_put_text(w, v->why); /* may name a call site */
    tai_put(w, ")%s%s\n", v->advice ? ". " : "", v->advice ? v->advice : "");
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void stats_json(TaiWriter *w, const TinyAIMemoryStats *s) {
    tai_json_uint(w, "currentBytes", s->current_usage);
    tai_json_uint(w, "peakBytes", s->peak_usage);
    tai_json_uint(w, "totalAllocatedBytes", s->total_allocated);
    tai_json_uint(w, "allocationCount", s->allocation_count);
    tai_json_uint(w, "liveAllocations", s->live_allocations);
    tai_json_uint(w, "failedAllocations", s->failed_allocations);
    tai_json_uint(w, "reservedBytes", s->reserved_bytes);
    tai_json_uint(w, "freeBytes", s->free_bytes);
    tai_json_uint(w, "largestFreeBlockBytes", s->largest_free_block);
    tai_json_ratio(w, "fragmentation", s->fragmentation_ratio);
}

static void purposes_json(TaiWriter *w, const TaiFacts *f) {
    if (!tai_has_purposes(f)) {
        return;
    }
    tai_json_open(w, "byPurpose", '{');
    for (uint32_t i = 0; i < TINYAI_PURPOSES; i++) {
        tai_json_uint(w, purposes[i].js, f->by_purpose[i]);
    }
    tai_json_close(w, '}');
}

static void cache_json(TaiWriter *w, const TaiFacts *f) {
    if (f->layers == 0) {
        return;
    }
    tai_json_open(w, "cache", '{');
    tai_json_uint(w, "layers", f->layers);
    tai_json_uint(w, "slots", f->slots);
    tai_json_uint(w, "pinned", f->pinned);
    tai_json_uint(w, "hits", f->hits);
    tai_json_uint(w, "misses", f->misses);
    tai_json_uint(w, "passes", f->passes);
    tai_json_uint(w, "streamedBytesPerPass", f->streamed_bytes_per_pass);
    tai_json_uint(w, "fileBytes", f->file_bytes);
    tai_json_uint(w, "minBudgetBytes", f->min_budget_bytes);
    tai_json_uint(w, "residentBytes", f->resident_bytes);
    tai_json_close(w, '}');
}

static void blocks_json(TaiWriter *w, const TaiFacts *f) {
    tai_json_open(w, "largestBlocks", '[');
    for (uint32_t i = 0; i < f->n_blocks; i++) {
        tai_json_open(w, NULL, '{');
        tai_json_uint(w, "bytes", f->blocks[i].bytes);
        tai_json_string(w, "name", f->blocks[i].name);
        tai_json_close(w, '}');
    }
    tai_json_close(w, ']');
}

static void sites_json(TaiWriter *w, const TaiFacts *f) {
    tai_json_open(w, "callSites", '[');
    for (uint32_t i = 0; i < f->n_sites; i++) {
        const TaiSiteFacts *s = &f->sites[i];
        tai_json_open(w, NULL, '{');
        tai_json_string(w, "site", s->site);
        tai_json_uint(w, "liveBytes", s->live_bytes);
        tai_json_uint(w, "liveCount", s->live_count);
        tai_json_uint(w, "totalBytes", s->total_bytes);
        tai_json_uint(w, "totalCount", s->total_count);
        tai_json_close(w, '}');
    }
    tai_json_close(w, ']');
    tai_json_uint(w, "untrackedAllocations", f->untracked);
}

static void lost_json(TaiWriter *w, const char *key, uint64_t allocations, uint64_t bytes,
                      const char *first_site) {
    tai_json_open(w, key, '{');
    tai_json_uint(w, "allocations", allocations);
    tai_json_uint(w, "bytes", bytes);
    tai_json_string(w, "firstSite", first_site);
    tai_json_close(w, '}');
}

static void owner_json(TaiWriter *w, const TaiFacts *f) {
    tai_json_open(w, NULL, '{');
    tai_json_string(w, "kind", f->kind);
    tai_json_string(w, "strategy", f->strategy);
    tai_json_bool(w, "nested", f->nested);
    tai_json_bool(w, "tracked", f->tracked);
    tai_json_uint(w, "budgetBytes", f->budget_bytes);
    stats_json(w, &f->stats);
    purposes_json(w, f);
    cache_json(w, f);
    blocks_json(w, f);
    sites_json(w, f);
    if (can_leak(f)) {
        lost_json(w, "notFreedYet", f->stats.live_allocations, f->stats.current_usage,
                  f->oldest_site);
    }
    tai_json_close(w, '}');
}

static void verdict_json(TaiWriter *w, const TaiVerdict *v, const char *state) {
    tai_json_open(w, NULL, '{');
    tai_json_string(w, "item", v->item);
    tai_json_string(w, "state", state);
    tai_json_uint(w, "number", v->number);
    tai_json_string(w, "why", v->why);
    tai_json_string(w, "advice", v->advice);
    tai_json_close(w, '}');
}

/* ---- both ------------------------------------------------------------------------------------ */

typedef struct Report {
    TaiWriter writer;
    bool json;
    const TaiHabits *habits;
    TaiEvidence evidence;
} Report;

static void begin(Report *r) {
    TaiWriter *w = &r->writer;
    const TaiHabits *h = r->habits;
    const bool known = h->process.reserved_bytes > 0;
    if (!r->json) {
        tai_put(w, "TinyAI memory report\n");
        tai_put(w, "\nAll memory of the process\n");
        if (known) {
            stats_text(w, &h->process);
        } else {
            tai_put(w, "  nothing is reserved\n");
        }
        tai_put(w, "  %-22s %s\n", "call site tracking", h->tracking ? "on" : "off");
        return;
    }
    tai_json_open(w, NULL, '{');
    tai_json_bool(w, "tracking", h->tracking);
    tai_json_open(w, "process", '{');
    stats_json(w, &h->process);
    tai_json_close(w, '}');
    tai_json_open(w, "owners", '[');
}

/* A frame of its own: facts are large. */
__attribute__((noinline)) static void
owner(Report *r, uint32_t index, void (*facts)(const void *context, uint32_t index, TaiFacts *into),
      const void *context) {
    TaiFacts f;
    memset(&f, 0, sizeof f);
    facts(context, index, &f);
    tai_evidence_add(&r->evidence, &f);
    if (r->json) {
        owner_json(&r->writer, &f);
    } else {
        owner_text(&r->writer, index, &f);
    }
}

static void verdicts(Report *r, const char *title, const char *key, uint32_t n,
                     void (*judge)(uint32_t, const TaiEvidence *, const TaiHabits *,
                                   TaiVerdict *)) {
    static const char *const states[] = {"done", "not done", "not applicable", "none", "found"};
    TaiVerdict verdict;
    if (r->json) {
        tai_json_open(&r->writer, key, '[');
    } else {
        tai_put(&r->writer, "\n%s\n", title);
    }
    for (uint32_t i = 0; i < n; i++) {
        judge(i, &r->evidence, r->habits, &verdict);
        if (r->json) {
            verdict_json(&r->writer, &verdict, states[verdict.state]);
        } else {
            verdict_text(&r->writer, &verdict, states[verdict.state]);
        }
    }
    if (r->json) {
        tai_json_close(&r->writer, ']');
    }
}

void tai_report_write(const TaiSink *sink, bool json, uint32_t n_owners,
                      void (*facts)(const void *context, uint32_t index, TaiFacts *into),
                      const void *context, const TaiHabits *habits) {
    Report r;
    memset(&r, 0, sizeof r);
    r.writer.sink = sink;
    r.json = json;
    r.habits = habits;
    begin(&r);
    for (uint32_t i = 0; i < n_owners; i++) {
        owner(&r, i, facts, context);
    }
    if (json) {
        tai_json_close(&r.writer, ']');
        lost_json(&r.writer, "leaks", habits->leaks, habits->leaked_bytes,
                  habits->leak_site[0] ? habits->leak_site : NULL);
    }
    verdicts(&r, "Common issues", "issues", TAI_ISSUES, tai_common_issue);
    verdicts(&r, "Checklist", "checklist", TAI_CHECKLIST_ITEMS, tai_checklist_item);
    if (json) {
        tai_json_close(&r.writer, '}');
        tai_put(&r.writer, "\n");
    }
    tai_writer_flush(&r.writer);
}
