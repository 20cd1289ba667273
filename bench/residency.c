/* Layers that miss per pass when N layers are asked for in a cycle and C slots hold some of them, once the
 * cache is steady: what the mapped model does (the policy over the residency, without and with reading
 * ahead), least recently used, and Belady's optimum, which knows the future: one JSON line per N and C. All
 * of it is counted, nothing is timed. */
#include <stdio.h>

#include "stream/policy.h"

#define LEAST_LAYERS 6u
#define MOST_LAYERS 48u
#define WARM_PASSES 3u
#define SLOT_BYTES 4096u
/* Nothing is written: slots are addresses only. */
#define BASE ((void *)(uintptr_t)(1 << 20)) // NOLINT(performance-no-int-to-ptr)

/* ---- the cache of the mapped model ----------------------------------------------------------- */

static TaiUnit units[MOST_LAYERS];
static TaiRun runs[MOST_LAYERS];
static uint32_t pool[MOST_LAYERS];

static void turn(TaiPolicy *policy, uint32_t layer, bool read_ahead) {
    TaiResidency *r = policy->residency;
    TinyAIRange range;
    tai_policy_turn(policy, layer);
    uint32_t ahead = read_ahead ? tai_policy_ahead(policy) : 0;
    tai_residency_walk(r);
    for (uint32_t i = 0; i <= ahead; i++) {
        tai_residency_want_unit(r, (layer + i) % r->n_units, i == 0);
    }
    while (tai_residency_take(r, &range, 1)) {
        tai_residency_answer(r, range.id, TINYAI_OK, layer);
    }
    tai_residency_turn(r, layer);
}

static uint32_t cache_misses(uint32_t n, uint32_t slots, bool adaptive, bool read_ahead) {
    TaiResidency r = {.units = units, .runs = runs, .n_units = n, .read_chunk_bytes = SLOT_BYTES};
    TaiPolicy policy = {.residency = &r,
                        .n_layers = n,
                        .passing = read_ahead ? 2 : 1,
                        .adaptive = adaptive,
                        .last = TAI_NO_UNIT};
    for (uint32_t i = 0; i < n; i++) {
        units[i] =
            (TaiUnit){.kind = TAI_UNIT_BLOCK, .first_run = i, .n_runs = 1, .bytes = SLOT_BYTES};
        runs[i] = (TaiRun){.off = (uint64_t)i * SLOT_BYTES, .bytes = SLOT_BYTES};
    }
    tai_residency_slots(&r, TAI_UNIT_BLOCK, BASE, SLOT_BYTES, slots, pool);
    for (uint32_t t = 0; t < WARM_PASSES * n; t++) {
        turn(&policy, t % n, read_ahead);
    }
    uint64_t before = r.misses;
    for (uint32_t t = 0; t < n; t++) {
        turn(&policy, t, read_ahead);
    }
    return (uint32_t)(r.misses - before);
}

/* ---- Belady's optimum ------------------------------------------------------------------------ */

/* Drops the layer that is asked for last. Its misses differ from pass to pass, with a period of at most
 * n - 1 passes: the mean of a period. */
static double belady_misses(uint32_t n, uint32_t slots) {
    bool cached[MOST_LAYERS] = {false};
    uint32_t n_cached = 0;
    uint32_t misses = 0;
    for (uint32_t pass = 0; pass < WARM_PASSES + n - 1; pass++) {
        misses = pass == WARM_PASSES ? 0 : misses;
        for (uint32_t layer = 0; layer < n; layer++) {
            if (cached[layer]) {
                continue;
            }
            misses++;
            /* The layer that was asked for just now comes last, the one before it last but one. */
            for (uint32_t back = 1; n_cached == slots; back++) {
                uint32_t last = (layer + n - back) % n;
                n_cached -= cached[last];
                cached[last] = false;
            }
            cached[layer] = true;
            n_cached++;
        }
    }
    return (double)misses / (n - 1);
}

int main(void) {
    for (uint32_t n = LEAST_LAYERS; n <= MOST_LAYERS; n++) {
        for (uint32_t slots = 1; slots <= n; slots++) {
            printf("{\"layers\":%u,\"slots\":%u,\"adaptive\":%u,\"adaptivePrefetch\":%u,\"lru\":%u,"
                   "\"belady\":%.3f}\n",
                   n, slots, cache_misses(n, slots, true, false),
                   cache_misses(n, slots, true, true), cache_misses(n, slots, false, false),
                   belady_misses(n, slots));
        }
    }
    return 0;
}
