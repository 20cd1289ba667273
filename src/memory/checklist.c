#include "memory/checklist.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- evidence -------------------------------------------------------------------------------- */

static bool is(const char *text, const char *wanted) {
    return text && strcmp(text, wanted) == 0;
}

static bool fragmented(const TaiFacts *f) {
    return (is(f->strategy, "dynamic") || is(f->strategy, "hybrid")) &&
           f->stats.fragmentation_ratio > 0.5 &&
           f->stats.free_bytes >= f->stats.reserved_bytes / 16;
}

static bool churns(const TaiFacts *f) {
    return is(f->strategy, "dynamic") && f->stats.allocation_count > 1000 &&
           f->common_count > f->stats.allocation_count / 2;
}

static void add_model(TaiEvidence *e, const TaiFacts *f) {
    const bool streams = f->slots < f->layers || f->streamed_bytes_per_pass > 0;
    e->models++;
    e->streaming += streams;
    e->oversized += !streams && f->budget_bytes > 0 && f->file_bytes > f->budget_bytes;
    e->slow += f->misses > f->hits && f->misses > f->layers;
    e->file_bytes += f->file_bytes;
    e->wide_bytes += f->wide_weight_bytes;
    e->streamed_bytes += f->streamed_bytes_per_pass;
    e->resident_bytes += f->resident_bytes;
}

void tai_evidence_add(TaiEvidence *e, const TaiFacts *f) {
    const uint64_t refused = f->stats.failed_allocations;
    e->refused += refused;
    if (f->layers > 0) {
        add_model(e, f);
    }
    /* a model's slots are a pool of equal blocks */
    e->pools += is(f->kind, "pool") || is(f->strategy, "pooled") || is(f->strategy, "hybrid") ||
                f->slots > 0;
    e->insistent += refused > (f->stats.allocation_count + refused) / 100;
    if (f->nested) {
        return;
    }
    e->owners++;
    e->recorded += f->tracked || tai_has_purposes(f);
    e->budgeted += f->budget_bytes > 0;
    if (!f->strategy) {
        return;
    }
    const bool fixed = is(f->strategy, "static") || is(f->strategy, "pooled");
    e->strategies++;
    e->misfits += fragmented(f) || (fixed && refused > 0);
    if (fragmented(f) && f->stats.fragmentation_ratio > e->worst_fragmentation) {
        e->worst_fragmentation = f->stats.fragmentation_ratio;
    }
    if (churns(f) && f->common_count > e->churn_count) {
        e->churn_count = f->common_count;
        e->churn_bytes = f->common_bytes;
    }
}

static uint32_t percent(double ratio) {
    return (uint32_t)(ratio * 100.0 + 0.5);
}

/* ---- verdicts -------------------------------------------------------------------------------- */

__attribute__((format(printf, 4, 5))) static void judge(TaiVerdict *v, TaiState state,
                                                        const char *advice, const char *why, ...) {
    va_list args;
    va_start(args, why);
    vsnprintf(v->why, sizeof v->why, why, args);
    va_end(args);
    v->state = state;
    v->advice = state == TAI_ITEM_NOT_DONE || state == TAI_ISSUE_FOUND ? advice : NULL;
}

static void choose_strategy(const TaiEvidence *e, TaiVerdict *v) {
    v->number = e->misfits;
    judge(v,
          e->strategies == 0 ? TAI_ITEM_NOT_APPLICABLE
          : e->misfits       ? TAI_ITEM_NOT_DONE
                             : TAI_ITEM_DONE,
          "Where sizes repeat, use POOLED or HYBRID; where a STATIC or POOLED instance refuses, "
          "raise its budget or use DYNAMIC.",
          "owners whose strategy does not suit their use: %" PRIu32 " of %" PRIu32, e->misfits,
          e->strategies);
}

static void configure_pools(const TaiEvidence *e, TaiVerdict *v) {
    v->number = e->pools;
    if (e->churn_count) {
        judge(v, TAI_ITEM_NOT_DONE,
              "Give these a pool (tinyai_create_pool) of that block size, or use HYBRID with "
              "enable_optimization.",
              "pools in use: %" PRIu32 "; outside them %" PRIu64 " allocations of up to %" PRIu64
              " bytes",
              e->pools, e->churn_count, e->churn_bytes);
    } else {
        judge(v, e->pools ? TAI_ITEM_DONE : TAI_ITEM_NOT_APPLICABLE, NULL,
              "pools in use: %" PRIu32 "; outside them no size is on record as repeated", e->pools);
    }
}

static void load_progressively(const TaiEvidence *e, const TaiHabits *h, TaiVerdict *v) {
    const bool crowded = e->refused > 0;
    v->number = e->streaming + h->progressive_loaders;
    judge(v,
          v->number                 ? TAI_ITEM_DONE
          : e->models == 0          ? TAI_ITEM_NOT_APPLICABLE
          : e->oversized || crowded ? TAI_ITEM_NOT_DONE
                                    : TAI_ITEM_NOT_APPLICABLE,
          "Give the model a smaller budget, so that its layers are streamed, or load them with "
          "tinyai_create_progressive_loader.",
          "models that stream, and loaders: %" PRIu64 "; models: %" PRIu32 "%s", v->number,
          e->models,
          v->number || e->models == 0 ? ""
          : e->oversized              ? ", and a file is larger than its budget"
          : crowded                   ? ", and other allocations were refused"
                                      : ", all smaller than their budget");
}

static void enable_tracking(const TaiEvidence *e, const TaiHabits *h, TaiVerdict *v) {
    v->number = e->recorded;
    judge(v,
          h->tracking               ? TAI_ITEM_DONE
          : e->owners == 0          ? TAI_ITEM_NOT_APPLICABLE
          : e->recorded < e->owners ? TAI_ITEM_NOT_DONE
                                    : TAI_ITEM_DONE,
          "Call tinyai_enable_memory_tracking(true), or set track_allocations.",
          "owners recorded by call site or purpose: %" PRIu32 " of %" PRIu32, e->recorded,
          e->owners);
}

static void monitor(const TaiHabits *h, TaiVerdict *v) {
    v->number = h->stats_read;
    judge(v, h->stats_read ? TAI_ITEM_DONE : TAI_ITEM_NOT_DONE,
          "Read tinyai_get_memory_stats, or model.stats() in JavaScript, now and then.",
          "readings of the statistics: %" PRIu64, h->stats_read);
}

static void handle_out_of_memory(const TaiEvidence *e, TaiVerdict *v) {
    v->number = e->refused;
    judge(v,
          e->owners == 0                            ? TAI_ITEM_NOT_APPLICABLE
          : e->insistent || e->budgeted < e->owners ? TAI_ITEM_NOT_DONE
                                                    : TAI_ITEM_DONE,
          "Set a budget, and ask for less or free something when an allocation returns NULL: "
          "tinyai_last_error(NULL) tells the missing bytes.",
          "refused allocations: %" PRIu64 "; owners with a budget: %" PRIu32 " of %" PRIu32,
          e->refused, e->budgeted, e->owners);
}

static const char *place(const TaiHabits *h) {
    return h->leak_site[0] ? h->leak_site : "a place not recorded";
}

static void clean_up(const TaiEvidence *e, const TaiHabits *h, TaiVerdict *v) {
    v->number = h->leaks;
    judge(v,
          h->leaks         ? TAI_ITEM_NOT_DONE
          : e->owners == 0 ? TAI_ITEM_NOT_APPLICABLE
                           : TAI_ITEM_DONE,
          "Free what was allocated before its owner is destroyed, or release a mark.",
          "allocations never freed: %" PRIu64, h->leaks);
}

static void mix_precision(const TaiEvidence *e, TaiVerdict *v) {
    const double share = e->file_bytes ? (double)e->wide_bytes / (double)e->file_bytes : 0.0;
    v->number = percent(share);
    judge(v,
          e->models == 0 ? TAI_ITEM_NOT_APPLICABLE
          : share > 0.1  ? TAI_ITEM_NOT_DONE
                         : TAI_ITEM_DONE,
          "Use a quantized file of the model: Q8_0 takes about half of 16 bits, Q4_K about a "
          "quarter.",
          "%" PRIu64 " %% of the model files, %" PRIu64 " bytes, are weights of 16 bits or more",
          v->number, e->wide_bytes);
}

static void prune(const TaiEvidence *e, TaiVerdict *v) {
    v->number = e->file_bytes;
    judge(v, TAI_ITEM_NOT_APPLICABLE, NULL,
          "this version prunes no models; the model files have %" PRIu64 " bytes", e->file_bytes);
}

static void monitor_performance(const TaiEvidence *e, const TaiHabits *h, TaiVerdict *v) {
    v->number = h->timed_tokens;
    judge(v,
          h->timed_tokens  ? TAI_ITEM_DONE
          : e->models == 0 ? TAI_ITEM_NOT_APPLICABLE
                           : TAI_ITEM_NOT_DONE,
          "Generate with --report or --json, or read speed in model.stats().",
          "generated tokens that were timed: %" PRIu64, h->timed_tokens);
}

void tai_checklist_item(uint32_t index, const TaiEvidence *e, const TaiHabits *h, TaiVerdict *v) {
    static const char *const items[TAI_CHECKLIST_ITEMS] = {
        "Choose appropriate memory strategy",
        "Configure memory pools if needed",
        "Implement progressive loading for large models",
        "Enable memory tracking",
        "Monitor memory usage",
        "Handle out-of-memory conditions",
        "Implement cleanup procedures",
        "Consider mixed precision quantization",
        "Evaluate model pruning options",
        "Set up performance monitoring",
    };
    v->item = items[index];
    switch (index) {
    case 0:
        choose_strategy(e, v);
        break;
    case 1:
        configure_pools(e, v);
        break;
    case 2:
        load_progressively(e, h, v);
        break;
    case 3:
        enable_tracking(e, h, v);
        break;
    case 4:
        monitor(h, v);
        break;
    case 5:
        handle_out_of_memory(e, v);
        break;
    case 6:
        clean_up(e, h, v);
        break;
    case 7:
        mix_precision(e, v);
        break;
    case 8:
        prune(e, v);
        break;
    default:
        monitor_performance(e, h, v);
        break;
    }
}

void tai_common_issue(uint32_t index, const TaiEvidence *e, const TaiHabits *h, TaiVerdict *v) {
    static const char *const issues[TAI_ISSUES] = {"Memory leaks", "Fragmentation",
                                                   "Out-of-memory errors", "Poor performance"};
    v->item = issues[index];
    switch (index) {
    case 0:
        v->number = h->leaks;
        judge(v, h->leaks ? TAI_ISSUE_FOUND : TAI_ISSUE_NONE,
              "Free them, or keep them in an instance that goes as a whole.",
              "%" PRIu64 " allocation%s, %" PRIu64 " bytes were never freed%s%s", h->leaks,
              h->leaks == 1 ? "" : "s", h->leaked_bytes, h->leaks ? ": first at " : "",
              h->leaks ? place(h) : "");
        break;
    case 1:
        v->number = percent(e->worst_fragmentation);
        judge(v, v->number ? TAI_ISSUE_FOUND : TAI_ISSUE_NONE,
              "Keep long-lived and short-lived allocations apart, and put equal sizes into a pool.",
              "%" PRIu64 " %% of the free bytes of a fragmented owner lie outside its largest free "
              "block",
              v->number);
        break;
    case 2:
        v->number = e->refused;
        judge(v, e->refused ? TAI_ISSUE_FOUND : TAI_ISSUE_NONE,
              "Raise the budget, or free more before asking.", "refused allocations: %" PRIu64,
              e->refused);
        break;
    default:
        v->number = e->streamed_bytes;
        judge(v, e->slow ? TAI_ISSUE_FOUND : TAI_ISSUE_NONE,
              "Raise the budget: each slot more saves reading a block per pass.",
              "%" PRIu64 " bytes are read per pass over the layers; a budget of %" PRIu64
              " bytes reads none",
              e->streamed_bytes, e->resident_bytes);
        break;
    }
}
