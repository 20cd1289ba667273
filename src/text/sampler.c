/* Candidates lie in a heap with the best on top; taking the top off puts it behind the heap. So the
 * best come out in order one by one, and only as many as are needed are ever ordered: for 150,000
 * tokens and top-k 40 that is one pass and 40 sifts. */
#include "text/sampler.h"

#include <float.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/math.h"
#include "memory/error.h"
#include "text/rng.h"

/* ---- options -------------------------------------------------------------------------------- */

TinyAISampling tinyai_sampling_default(void) {
    TinyAISampling s;
    memset(&s, 0, sizeof s);
    s.temperature = 0.7F;
    s.top_p = 0.95F;
    s.min_p = 0.0F;
    s.repeat_penalty = 1.0F;
    s.top_k = 40;
    s.repeat_last_n = 64;
    s.seed = 0;
    return s;
}

static bool within(float x, float low, float high) {
    return x >= low && x <= high; /* false for a NaN */
}

int32_t tinyai_sampling_check(const TinyAISampling *s, TinyAIError *error) {
    const struct {
        const char *name;
        float value, low, high;
    } options[] = {
        {"temperature", s->temperature, 0.0F, 100.0F},
        {"top_p", s->top_p, 0.0F, 1.0F},
        {"min_p", s->min_p, 0.0F, 1.0F},
        {"repeat_penalty", s->repeat_penalty, 0.01F, 100.0F},
    };
    if (error) {
        tai_error_clear(error);
    }
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (!within(options[i].value, options[i].low, options[i].high)) {
            return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                            "%s is %g, but must be from %g to %g", options[i].name,
                            (double)options[i].value, (double)options[i].low,
                            (double)options[i].high);
        }
    }
    return TINYAI_OK;
}

/* ---- candidates ----------------------------------------------------------------------------- */

typedef struct Candidate {
    float logit;
    uint32_t id;
} Candidate;

/* items[0 .. n_heap) is a heap; items[n - 1 - i] is the i-th best for i < n - n_heap. */
typedef struct Candidates {
    Candidate *items;
    uint32_t n;
    uint32_t n_heap;
} Candidates;

uint64_t tai_sample_scratch_bytes(uint32_t n_vocab) {
    return (uint64_t)n_vocab * sizeof(Candidate);
}

static bool is_better(Candidate a, Candidate b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

static void sift_down(Candidate *items, uint32_t root, uint32_t n) {
    Candidate item = items[root];
    for (uint32_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && is_better(items[child + 1], items[child])) {
            child++;
        }
        if (!is_better(items[child], item)) {
            break;
        }
        items[root] = items[child];
    }
    items[root] = item;
}

static void make_heap(Candidates *c) {
    for (uint32_t i = c->n / 2; i-- > 0;) {
        sift_down(c->items, i, c->n);
    }
    c->n_heap = c->n;
}

static Candidate best_of(const Candidates *c) {
    Candidate best = c->items[0];
    for (uint32_t i = 1; i < c->n; i++) {
        if (is_better(c->items[i], best)) {
            best = c->items[i];
        }
    }
    return best;
}

/* The i-th best, i < n. */
static Candidate nth(Candidates *c, uint32_t i) {
    while (c->n - c->n_heap <= i) {
        Candidate best = c->items[0];
        c->items[0] = c->items[--c->n_heap];
        c->items[c->n_heap] = best;
        sift_down(c->items, 0, c->n_heap);
    }
    return c->items[c->n - 1 - i];
}

/* ---- penalty -------------------------------------------------------------------------------- */

static float penalized(float logit, float penalty) {
    logit = logit > 0 ? logit / penalty : logit * penalty;
    return logit > FLT_MAX ? FLT_MAX : logit < -FLT_MAX ? -FLT_MAX : logit;
}

/* Computed from the logit itself, so a token that occurs twice is penalized once. items are in
 * order of id. */
static void penalize(const TinyAISampling *sampling, const float *logits, Candidates *c,
                     const uint32_t *history, uint32_t n_history) {
    uint32_t n = sampling->repeat_last_n < n_history ? sampling->repeat_last_n : n_history;
    if (sampling->repeat_penalty == 1.0F) {
        return;
    }
    for (uint32_t i = n_history - n; i < n_history; i++) {
        uint32_t id = history[i];
        if (id < c->n) {
            c->items[id].logit = penalized(logits[id], sampling->repeat_penalty);
        }
    }
}

/* ---- the set to draw from ------------------------------------------------------------------- */

/* exp((logit - best) / temperature), 1 for the best */
static double weight(float logit, float best, float temperature) {
    double x = ((double)logit - (double)best) / (double)temperature;
    return x < -700.0 ? 0.0 : tai_exp(x);
}

/* Sum of the weights of the n_kept best. If that is all of them, they need no order. */
static double total_weight(Candidates *c, uint32_t n_kept, float best, float temperature) {
    double total = 0;
    for (uint32_t i = 0; i < n_kept; i++) {
        float logit = n_kept == c->n ? c->items[i].logit : nth(c, i).logit;
        total += weight(logit, best, temperature);
    }
    return total;
}

/* How many of the n_kept best have a probability that sums to top_p. */
static uint32_t keep_top_p(Candidates *c, uint32_t n_kept, float best, float top_p) {
    if (top_p >= 1.0F) {
        return n_kept;
    }
    double enough = (double)top_p * total_weight(c, n_kept, best, 1.0F);
    double sum = 0;
    for (uint32_t i = 0; i < n_kept; i++) {
        sum += weight(nth(c, i).logit, best, 1.0F);
        if (sum >= enough) {
            return i + 1;
        }
    }
    return n_kept;
}

static uint32_t keep_min_p(Candidates *c, uint32_t n_kept, float best, float min_p) {
    if (min_p <= 0.0F) {
        return n_kept;
    }
    for (uint32_t i = 1; i < n_kept; i++) {
        if (weight(nth(c, i).logit, best, 1.0F) < (double)min_p) {
            return i;
        }
    }
    return n_kept;
}

static uint32_t draw(Candidates *c, uint32_t n_kept, float best, float temperature, double random) {
    double left = random * total_weight(c, n_kept, best, temperature);
    uint32_t id = nth(c, 0).id;
    for (uint32_t i = 0; i < n_kept; i++) {
        double w = weight(nth(c, i).logit, best, temperature);
        if (w == 0) {
            break; /* as are all that follow: only rounding comes this far, and takes the last
                      before */
        }
        id = nth(c, i).id;
        left -= w;
        if (left < 0) {
            break;
        }
    }
    return id;
}

int32_t tai_sample(const TinyAISampling *sampling, const float *logits, uint32_t n_vocab,
                   const uint32_t *history, uint32_t n_history, uint32_t sequence,
                   uint32_t position, void *scratch, uint32_t *token, TinyAIError *error) {
    Candidates c = {scratch, n_vocab, n_vocab};
    for (uint32_t id = 0; id < n_vocab; id++) {
        if (!within(logits[id], -FLT_MAX, FLT_MAX)) {
            return tai_fail(error, TINYAI_E_NUMERIC, TINYAI_NO_OFFSET,
                            "the logit of token %u is not finite: the weights are damaged", id);
        }
        c.items[id] = (Candidate){logits[id], id};
    }
    penalize(sampling, logits, &c, history, n_history);
    if (sampling->temperature == 0.0F) {
        *token = best_of(&c).id;
        return TINYAI_OK;
    }
    make_heap(&c);
    float best = c.items[0].logit;
    uint32_t n_kept = sampling->top_k == 0 || sampling->top_k > n_vocab ? n_vocab : sampling->top_k;
    n_kept = keep_top_p(&c, n_kept, best, sampling->top_p);
    n_kept = keep_min_p(&c, n_kept, best, sampling->min_p);
    if (n_kept == 1) {
        *token = nth(&c, 0).id;
        return TINYAI_OK;
    }
    *token = draw(&c, n_kept, best, sampling->temperature,
                  tai_random(sampling->seed, sequence, position));
    return TINYAI_OK;
}
