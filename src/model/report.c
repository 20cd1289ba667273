/* What the memory report says of a model. */
#include <stdio.h>
#include <string.h>

#include "memory/checked.h"
#include "memory/process.h"
#include "memory/report.h"
#include "model/engine.h"

/* ---- weights --------------------------------------------------------------------------------- */

static uint64_t wide_bytes(const TaiTensor *t) {
    bool wide = t->type == TAI_TYPE_F32 || t->type == TAI_TYPE_F16 || t->type == TAI_TYPE_BF16;
    return wide ? t->bytes : 0;
}

static uint64_t wide_weight_bytes(const TaiFile *file) {
    uint64_t bytes = wide_bytes(&file->embedding) + (file->tied ? 0 : wide_bytes(&file->head));
    for (uint32_t b = 0; b < file->hp.n_blocks; b++) {
        for (uint32_t role = 0; role < TAI_ROLES; role++) {
            bytes += wide_bytes(&file->blocks[b][role]);
        }
    }
    return bytes;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static const char *const region_names[TAI_REGIONS] = {
    [TAI_REGION_PROGRAM] = "program",
    [TAI_REGION_ENGINE] = "engine state",
    [TAI_REGION_DIRECTORY] = "directory of the file",
    [TAI_REGION_TOKENIZER] = "vocabulary",
    [TAI_REGION_THREADS] = "stacks of computing threads",
    [TAI_REGION_TEXT] = "prompt, history, logits, text",
    [TAI_REGION_KV] = "keys and values",
    [TAI_REGION_SCRATCH] = "activations",
    [TAI_REGION_ROWS] = "embedding rows in flight",
    [TAI_REGION_EMBEDDING] = "embedding matrix",
    [TAI_REGION_FINAL] = "final norm",
    [TAI_REGION_HEAD_SLOTS] = "slots of head strips",
    [TAI_REGION_BLOCK_SLOTS] = "slots of blocks",
};

/* The regions, the largest first. */
static void list_blocks(const TinyAIModel *m, TaiFacts *facts) {
    bool listed[TAI_REGIONS] = {false};
    while (facts->n_blocks < TAI_FACTS_BLOCKS) {
        uint32_t largest = TAI_REGIONS;
        for (uint32_t i = 0; i < TAI_REGIONS; i++) {
            const TaiRegion *region = m->planned.layout.region;
            if (!listed[i] && region[i].bytes > region[i].padding &&
                (largest == TAI_REGIONS || region[i].bytes > region[largest].bytes)) {
                largest = i;
            }
        }
        if (largest == TAI_REGIONS) {
            return;
        }
        listed[largest] = true;
        TaiLiveBlock *block = &facts->blocks[facts->n_blocks++];
        block->bytes = m->planned.layout.region[largest].bytes;
        snprintf(block->name, sizeof block->name, "%s", region_names[largest]);
    }
}

void tai_model_facts(const void *self, TaiFacts *facts) {
    const TinyAIModel *m = self;
    const TaiResidency *r = &m->residency;
    facts->kind = "model";
    facts->strategy = "static, with pools of slots";
    facts->tracked = true; /* by purpose, always */
    uint64_t free_bytes = m->plan.reserved_bytes - m->ledger.current;
    facts->stats = (TinyAIMemoryStats){.current_usage = m->ledger.current,
                                       .peak_usage = m->ledger.peak,
                                       .total_allocated = m->ledger.total,
                                       .allocation_count = m->ledger.count,
                                       .live_allocations = TAI_REGIONS,
                                       .reserved_bytes = m->plan.reserved_bytes,
                                       .free_bytes = free_bytes,
                                       .largest_free_block = free_bytes,
                                       .fragmentation_ratio = 0.0};
    memcpy(facts->by_purpose, m->ledger.by_purpose, sizeof facts->by_purpose);
    facts->budget_bytes = m->plan.budget_bytes;
    facts->file_bytes = m->plan.file_bytes;
    facts->wide_weight_bytes = wide_weight_bytes(&m->file);
    facts->streamed_bytes_per_pass = m->plan.streamed_bytes_per_token;
    facts->hits = r->hits;
    facts->misses = r->misses;
    facts->passes = m->passes;
    facts->min_budget_bytes = m->plan.min_budget_bytes;
    facts->resident_bytes = m->plan.resident_bytes;
    facts->layers = m->plan.blocks;
    facts->slots = m->plan.slots;
    facts->pinned = m->plan.pinned_blocks;
    list_blocks(m, facts);
}

/* ---- a part of the report ---------------------------------------------------------------------- */

typedef struct Window {
    uint64_t skip;
    char *into;
    uint32_t capacity;
    uint32_t bytes;
} Window;

static void write_window(void *user, const char *text, size_t bytes) {
    Window *w = user;
    uint64_t skipped = tai_min_u64(w->skip, bytes);
    w->skip -= skipped;
    uint64_t n = tai_min_u64(bytes - skipped, w->capacity - w->bytes);
    memcpy(w->into + w->bytes, text + skipped, n);
    w->bytes += (uint32_t)n;
}

static void facts_of(const void *model, uint32_t index, TaiFacts *facts) {
    (void)index;
    tai_model_facts(model, facts);
}

uint32_t tinyai_model_report(const TinyAIModel *m, uint32_t json, uint64_t skip, char *into,
                             uint32_t capacity) {
    Window window = {skip, into, capacity, 0};
    TaiSink sink = {write_window, &window};
    TaiHabits habits;
    tai_process_habits(&habits);
    tai_report_write(&sink, json != 0, 1, facts_of, m, &habits);
    return window.bytes;
}
