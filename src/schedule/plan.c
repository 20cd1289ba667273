#include "schedule/plan.h"

#include <inttypes.h>
#include <string.h>

#include "memory/checked.h"
#include "memory/error.h"

#define MIN_READ_CHUNK 4096u
#define MAX_READ_CHUNK (64u << 20)

/* ---- options --------------------------------------------------------------------------------- */

static int32_t out_of_range(TinyAIError *error, const char *option, uint64_t value, uint64_t least,
                            uint64_t most) {
    return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                    "%s is %" PRIu64 ", it must be between %" PRIu64 " and %" PRIu64, option, value,
                    least, most);
}

static int32_t check_options(const TaiShape *shape, const TinyAIOptions *o, TinyAIError *error) {
    if (o->memory_budget > TINYAI_MAX_BUDGET) {
        return out_of_range(error, "the memory budget", o->memory_budget, 0, TINYAI_MAX_BUDGET);
    }
    if (o->default_budget > TINYAI_MAX_BUDGET) {
        return out_of_range(error, "the default budget", o->default_budget, 0, TINYAI_MAX_BUDGET);
    }
    if (o->context_length > shape->model_context) {
        return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "a context of %" PRIu32
                        " tokens was asked for, the model was made for %" PRIu32
                        ": ask for at most that",
                        o->context_length, shape->model_context);
    }
    if (o->kv_type > TINYAI_KV_Q8) {
        return out_of_range(error, "the kv type", o->kv_type, TINYAI_KV_F32, TINYAI_KV_Q8);
    }
    if (o->kernels > TINYAI_KERNELS_NEON) {
        return out_of_range(error, "the kernels option", o->kernels, 0, TINYAI_KERNELS_NEON);
    }
    if (o->read_chunk_bytes < MIN_READ_CHUNK || o->read_chunk_bytes > MAX_READ_CHUNK) {
        return out_of_range(error, "the read chunk", o->read_chunk_bytes, MIN_READ_CHUNK,
                            MAX_READ_CHUNK);
    }
    if (o->max_memory_budget > TINYAI_MAX_BUDGET ||
        (o->max_memory_budget && o->max_memory_budget < o->memory_budget)) {
        return out_of_range(error, "the largest memory budget", o->max_memory_budget,
                            o->memory_budget, TINYAI_MAX_BUDGET);
    }
    if (o->mode > TINYAI_EXEC_ADAPTIVE) {
        return out_of_range(error, "the mode", o->mode, TINYAI_EXEC_NORMAL, TINYAI_EXEC_ADAPTIVE);
    }
    if (o->threads < 1 || o->threads > TINYAI_MAX_THREADS) {
        return out_of_range(error, "the number of threads", o->threads, 1, TINYAI_MAX_THREADS);
    }
    if (o->sequences < 1 || o->sequences > TINYAI_MAX_SEQUENCES) {
        return out_of_range(error, "the number of sequences", o->sequences, 1,
                            TINYAI_MAX_SEQUENCES);
    }
    return TINYAI_OK;
}

/* ---- configurations -------------------------------------------------------------------------- */

/* Peak bytes of a configuration; UINT64_MAX where a size overflows. */
static uint64_t peak_of(const TaiShape *shape, const TaiConfig *config) {
    TaiLayout layout;
    return tai_layout(shape, config, &layout) ? layout.peak_bytes : UINT64_MAX;
}

/* A head of no more strips than would pass through slots is resident for the same bytes. */
static uint32_t fewest_strips(const TaiShape *shape, bool overlap) {
    return shape->n_strips <= (overlap ? 2 : 1) ? shape->n_strips : 0;
}

static TaiConfig smallest(const TaiShape *shape, const TinyAIOptions *o, uint32_t context) {
    return (TaiConfig){.context = context,
                       .sequences = o->sequences,
                       .kv_type = o->kv_type,
                       .threads = o->threads,
                       .chunk = (uint32_t)tai_min_u64(TAI_MIN_CHUNK, context),
                       .slots = 1,
                       .resident_strips = fewest_strips(shape, false)};
}

static uint32_t largest_chunk(uint32_t context) {
    return (uint32_t)tai_min_u64(TAI_MAX_CHUNK, context);
}

/* ---- what a budget buys: each step takes the most that fits, so planning again with the peak of a plan as
 * budget gives the same plan ---- */

/* Two streaming slots, so that reading overlaps computing. False if they do not fit. */
static bool buy_overlap(const TaiShape *shape, const TinyAIOptions *o, uint64_t budget,
                        TaiConfig *c) {
    TaiConfig next = *c;
    next.overlap = o->prefetch != 0;
    next.slots = next.overlap ? (uint32_t)tai_min_u64(2, shape->n_blocks) : 1;
    next.resident_strips = fewest_strips(shape, next.overlap);
    if (peak_of(shape, &next) > budget) {
        return false;
    }
    *c = next;
    return true;
}

/* Prompt tokens per pass. False if not all were bought. */
static bool buy_chunk(const TaiShape *shape, uint64_t budget, TaiConfig *c) {
    TaiConfig next = *c;
    next.chunk = largest_chunk(c->context);
    while (next.chunk > c->chunk && peak_of(shape, &next) > budget) {
        next.chunk = (next.chunk - 1) & ~(TAI_MIN_CHUNK - 1);
    }
    c->chunk = (uint32_t)tai_max_u64(next.chunk, c->chunk);
    return c->chunk == largest_chunk(c->context);
}

/* Blocks that stay, up to `slots` in all, then strips of the head, up to `strips`. */
static bool buy_residents(const TaiShape *shape, uint64_t budget, uint32_t slots, uint32_t strips,
                          TaiConfig *c) {
    TaiConfig next = *c;
    for (next.slots = slots; next.slots > c->slots && peak_of(shape, &next) > budget;
         next.slots--) {
    }
    if (next.slots == shape->n_blocks) {
        for (next.resident_strips = strips;
             next.resident_strips > c->resident_strips && peak_of(shape, &next) > budget;
             next.resident_strips--) {
        }
    }
    *c = next;
    return next.resident_strips == shape->n_strips;
}

static void buy_embedding(const TaiShape *shape, uint64_t budget, TaiConfig *c) {
    TaiConfig next = *c;
    next.embedding_resident = shape->embedding_bytes > 0;
    if (peak_of(shape, &next) <= budget) {
        *c = next;
    }
}

static bool buy_all_residents(const TaiShape *shape, uint64_t budget, TaiConfig *c) {
    bool all = buy_residents(shape, budget, shape->n_blocks, shape->n_strips, c);
    if (all) {
        buy_embedding(shape, budget, c);
    }
    return all;
}

static TaiConfig best_config(const TaiShape *shape, const TinyAIOptions *o, uint32_t context,
                             uint64_t budget) {
    TaiConfig c = smallest(shape, o, context);
    if (o->mode == TINYAI_EXEC_MEMORY_OPT || !buy_overlap(shape, o, budget, &c)) {
        return c;
    }
    if (o->mode == TINYAI_EXEC_NORMAL) {
        buy_all_residents(shape, budget, &c);
        buy_chunk(shape, budget, &c);
    } else if (buy_chunk(shape, budget, &c) && o->mode == TINYAI_EXEC_ADAPTIVE) {
        buy_all_residents(shape, budget, &c);
    }
    return c;
}

/* What is bought with as much budget as can be used. */
static TaiConfig richest(const TaiShape *shape, const TinyAIOptions *o, uint32_t context) {
    return best_config(shape, o, context, UINT64_MAX - 1);
}

static bool may_stay(uint32_t mode) {
    return mode == TINYAI_EXEC_NORMAL || mode == TINYAI_EXEC_ADAPTIVE;
}

/* Without anything that a lower budget could drop. */
static TaiConfig stripped(const TaiShape *shape, const TaiConfig *c) {
    TaiConfig least = *c;
    least.slots = (uint32_t)tai_min_u64(c->slots, c->overlap ? 2 : 1);
    least.resident_strips =
        (uint32_t)tai_min_u64(c->resident_strips, fewest_strips(shape, c->overlap));
    return least;
}

static bool fits(const TaiShape *shape, const TinyAIOptions *o, uint32_t context, uint64_t budget) {
    TaiConfig c = smallest(shape, o, context);
    return peak_of(shape, &c) <= budget;
}

/* The longest context up to `most` that fits; 0 if none. */
static uint32_t longest_context(const TaiShape *shape, const TinyAIOptions *o, uint32_t most,
                                uint64_t budget) {
    uint32_t least = 0;
    while (least < most) {
        uint32_t middle = least + (most - least + 1) / 2;
        if (fits(shape, o, middle, budget)) {
            least = middle;
        } else {
            most = middle - 1;
        }
    }
    return least;
}

/* ---- the plan -------------------------------------------------------------------------------- */

static uint64_t streamed_bytes(const TaiShape *shape, const TaiUnit *units, const TaiConfig *c) {
    uint64_t bytes = 0;
    uint32_t pinned = tai_pinned_blocks(c, shape->n_blocks);
    for (uint32_t i = 0; i < shape->n_blocks; i++) {
        bytes += tai_is_pinned(i, pinned, shape->n_blocks) ? 0 : units[1 + i].bytes;
    }
    for (uint32_t i = c->resident_strips; i < shape->n_strips; i++) {
        bytes += units[1 + shape->n_blocks + i].bytes;
    }
    bool tied = shape->embedding_bytes == 0;
    bool in_memory = tied ? c->resident_strips == shape->n_strips : c->embedding_resident;
    return bytes + (in_memory ? 0 : shape->embedding_row_bytes);
}

static void choose_context_and_budget(const TaiShape *shape, const TinyAIOptions *o,
                                      TinyAIPlan *plan) {
    uint64_t most = tai_min_u64(TINYAI_DEFAULT_CONTEXT, shape->model_context);
    uint32_t wanted = o->context_length ? o->context_length : (uint32_t)most;
    plan->budget_bytes = o->memory_budget;
    if (!o->memory_budget) {
        TaiConfig all = richest(shape, o, wanted);
        plan->budget_bytes = tai_min_u64(peak_of(shape, &all), o->default_budget);
    }
    plan->max_budget_bytes = tai_max_u64(o->max_memory_budget, plan->budget_bytes);
    plan->longest_context = longest_context(shape, o, shape->model_context, plan->budget_bytes);
    bool lower = !o->context_length && plan->longest_context && plan->longest_context < wanted;
    plan->context_length = lower ? plan->longest_context : wanted;
}

/* What depends on the budget of now. */
static void fill_plan(const TaiShape *shape, const TaiUnit *units, const TaiConfig *now,
                      TinyAIPlan *plan) {
    TaiLayout layout;
    tai_layout(shape, now, &layout);
    plan->peak_bytes = layout.peak_bytes;
    memset(plan->by_purpose, 0, sizeof plan->by_purpose);
    for (uint32_t i = 0; i < TAI_REGIONS; i++) {
        plan->by_purpose[layout.region[i].purpose] += layout.region[i].bytes;
    }
    plan->streamed_bytes_per_token = streamed_bytes(shape, units, now);
    plan->slots = now->slots;
    plan->pinned_blocks = tai_pinned_blocks(now, shape->n_blocks);
    plan->resident_head_strips = now->resident_strips;
    plan->embedding_resident =
        shape->embedding_bytes ? now->embedding_resident : now->resident_strips == shape->n_strips;
}

static int32_t refuse(TinyAIPlan *plan, TinyAIError *error) {
    plan->missing_bytes = plan->min_budget_bytes - plan->budget_bytes;
    const char *advice = plan->longest_context ? "Raise the memory budget, or lower the context"
                                               : "Raise the memory budget, or take a smaller model";
    tai_fail(error, TINYAI_E_BUDGET, TINYAI_NO_OFFSET,
             "the model needs %" PRIu64 " bytes for a context of %" PRIu32
             " tokens, the memory budget allows %" PRIu64 ": %" PRIu64 " bytes are missing. "
             "%s (the longest that fits is %" PRIu32 ")",
             plan->min_budget_bytes, plan->context_length, plan->budget_bytes, plan->missing_bytes,
             advice, plan->longest_context);
    error->asked_bytes = plan->min_budget_bytes;
    error->allowed_bytes = plan->budget_bytes;
    error->missing_bytes = plan->missing_bytes;
    return TINYAI_E_BUDGET;
}

/* Memory is laid out for the largest budget, with the prompt chunk and overlap of the first. */
static void reserve(const TaiShape *shape, const TinyAIOptions *o, TinyAIPlan *plan,
                    TaiPlanned *planned) {
    planned->most = planned->now;
    if (plan->max_budget_bytes > plan->budget_bytes && may_stay(o->mode)) {
        buy_residents(shape, plan->max_budget_bytes, shape->n_blocks, shape->n_strips,
                      &planned->most);
    }
    tai_layout(shape, &planned->most, &planned->layout);
    TaiConfig least = stripped(shape, &planned->now);
    plan->smallest_bytes = peak_of(shape, &least);
    plan->reserved_bytes = planned->layout.peak_bytes;
    plan->open_bytes = planned->layout.open_bytes;
    plan->prompt_tokens_per_pass = planned->now.chunk;
}

int32_t tai_plan(const TaiShape *shape, const TaiUnit *units, const TinyAIOptions *options,
                 TinyAIPlan *plan, TaiPlanned *planned, TinyAIError *error) {
    memset(plan, 0, sizeof *plan);
    if (check_options(shape, options, error)) {
        return error->status;
    }
    plan->file_bytes = shape->file_bytes;
    plan->header_bytes = shape->header_bytes;
    plan->block_bytes = shape->slot_bytes;
    plan->blocks = shape->n_blocks;
    plan->model_context = shape->model_context;
    plan->head_strips = shape->n_strips;
    plan->vocab_size = shape->vocab_size;
    plan->mode = options->mode;
    plan->threads = options->threads;
    choose_context_and_budget(shape, options, plan);

    TaiConfig least = smallest(shape, options, plan->context_length);
    TaiConfig all = richest(shape, options, plan->context_length);
    plan->min_budget_bytes = peak_of(shape, &least);
    plan->resident_bytes = may_stay(options->mode) ? peak_of(shape, &all) : 0;
    if (plan->min_budget_bytes > TINYAI_MAX_BUDGET) {
        return tai_fail(
            error, TINYAI_E_UNSUPPORTED, TINYAI_NO_OFFSET,
            "the model needs more than 4 GiB even when streamed, for a context of %" PRIu32
            " tokens: lower the context",
            plan->context_length);
    }
    plan->fits = plan->min_budget_bytes <= plan->budget_bytes;
    planned->now =
        plan->fits ? best_config(shape, options, plan->context_length, plan->budget_bytes) : least;
    reserve(shape, options, plan, planned);
    fill_plan(shape, units, &planned->now, plan);
    return plan->fits ? TINYAI_OK : refuse(plan, error);
}

/* ---- another budget --------------------------------------------------------------------------- */

static int32_t refuse_again(const TinyAIPlan *plan, uint64_t budget, TinyAIError *error) {
    if (budget > plan->max_budget_bytes) {
        tai_fail(error, TINYAI_E_BUDGET, TINYAI_NO_OFFSET,
                 "a budget of %" PRIu64 " bytes is above the %" PRIu64
                 " that memory was reserved for: open the model with a larger max_memory_budget",
                 budget, plan->max_budget_bytes);
    } else {
        tai_fail(
            error, TINYAI_E_BUDGET, TINYAI_NO_OFFSET,
            "a budget of %" PRIu64 " bytes is too small: the open model needs %" PRIu64
            " with all its blocks streamed, %" PRIu64
            " more. Close it and open it with that budget, which takes fewer prompt tokens per "
            "pass",
            budget, plan->smallest_bytes, plan->smallest_bytes - budget);
    }
    error->asked_bytes = budget > plan->max_budget_bytes ? budget : plan->smallest_bytes;
    error->allowed_bytes = budget > plan->max_budget_bytes ? plan->max_budget_bytes : budget;
    error->missing_bytes = error->asked_bytes - error->allowed_bytes;
    return TINYAI_E_BUDGET;
}

int32_t tai_plan_again(const TaiShape *shape, const TaiUnit *units, uint64_t budget,
                       TinyAIPlan *plan, TaiPlanned *planned, TinyAIError *error) {
    if (budget < plan->smallest_bytes || budget > plan->max_budget_bytes) {
        return refuse_again(plan, budget, error);
    }
    planned->now = stripped(shape, &planned->most);
    buy_residents(shape, budget, planned->most.slots, planned->most.resident_strips, &planned->now);
    plan->budget_bytes = budget;
    fill_plan(shape, units, &planned->now, plan);
    return TINYAI_OK;
}
