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
    if (o->kv_type > TINYAI_KV_F16) {
        return out_of_range(error, "the kv type", o->kv_type, TINYAI_KV_F32, TINYAI_KV_F16);
    }
    if (o->kernels > TINYAI_KERNELS_SIMD128) {
        return out_of_range(error, "the kernels option", o->kernels, 0, TINYAI_KERNELS_SIMD128);
    }
    if (o->read_chunk_bytes < MIN_READ_CHUNK || o->read_chunk_bytes > MAX_READ_CHUNK) {
        return out_of_range(error, "the read chunk", o->read_chunk_bytes, MIN_READ_CHUNK,
                            MAX_READ_CHUNK);
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
                       .chunk = (uint32_t)tai_min_u64(TAI_MIN_CHUNK, context),
                       .slots = 1,
                       .resident_strips = fewest_strips(shape, false)};
}

static uint32_t largest_chunk(uint32_t context) {
    return (uint32_t)tai_min_u64(TAI_MAX_CHUNK, context);
}

static TaiConfig fully_resident(const TaiShape *shape, const TinyAIOptions *o, uint32_t context) {
    TaiConfig c = smallest(shape, o, context);
    c.overlap = o->prefetch != 0;
    c.chunk = largest_chunk(context);
    c.slots = shape->n_blocks;
    c.resident_strips = shape->n_strips;
    c.embedding_resident = shape->embedding_bytes > 0;
    return c;
}

/* More budget first buys overlap, then prompt tokens per pass, then pinned blocks, then the output
 * head, then a separate embedding matrix. Each step takes the most that fits, so planning again
 * with the peak of a plan as budget gives the same plan. */
static TaiConfig best_config(const TaiShape *shape, const TinyAIOptions *o, uint32_t context,
                             uint64_t budget) {
    TaiConfig next = smallest(shape, o, context);
    TaiConfig best = next;
    next.overlap = o->prefetch != 0;
    next.slots = next.overlap ? (uint32_t)tai_min_u64(2, shape->n_blocks) : 1;
    next.resident_strips = fewest_strips(shape, next.overlap);
    if (peak_of(shape, &next) > budget) {
        return best;
    }
    next.chunk = largest_chunk(context);
    while (peak_of(shape, &next) > budget) {
        next.chunk = (next.chunk - 1) & ~(TAI_MIN_CHUNK - 1);
    }
    best = next;
    if (best.chunk < largest_chunk(context)) {
        return best;
    }
    for (next.slots = shape->n_blocks; peak_of(shape, &next) > budget; next.slots--) {
    }
    best = next;
    if (best.slots < shape->n_blocks) {
        return best;
    }
    for (next.resident_strips = shape->n_strips; peak_of(shape, &next) > budget;
         next.resident_strips--) {
    }
    best = next;
    if (best.resident_strips < shape->n_strips || !shape->embedding_bytes) {
        return best;
    }
    next.embedding_resident = true;
    return peak_of(shape, &next) <= budget ? next : best;
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
        TaiConfig all = fully_resident(shape, o, wanted);
        plan->budget_bytes = tai_min_u64(peak_of(shape, &all), o->default_budget);
    }
    plan->longest_context = longest_context(shape, o, shape->model_context, plan->budget_bytes);
    bool lower = !o->context_length && plan->longest_context && plan->longest_context < wanted;
    plan->context_length = lower ? plan->longest_context : wanted;
}

static void fill_plan(const TaiShape *shape, const TaiUnit *units, const TaiConfig *c,
                      const TaiLayout *layout, TinyAIPlan *plan) {
    plan->peak_bytes = layout->peak_bytes;
    plan->open_bytes = layout->open_bytes;
    for (uint32_t i = 0; i < TAI_REGIONS; i++) {
        plan->by_purpose[layout->region[i].purpose] += layout->region[i].bytes;
    }
    plan->streamed_bytes_per_token = streamed_bytes(shape, units, c);
    plan->slots = c->slots;
    plan->pinned_blocks = tai_pinned_blocks(c, shape->n_blocks);
    plan->prompt_tokens_per_pass = c->chunk;
    plan->resident_head_strips = c->resident_strips;
    plan->embedding_resident =
        shape->embedding_bytes ? c->embedding_resident : c->resident_strips == shape->n_strips;
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

int32_t tai_plan(const TaiShape *shape, const TaiUnit *units, const TinyAIOptions *options,
                 TinyAIPlan *plan, TaiConfig *config, TaiLayout *layout, TinyAIError *error) {
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
    choose_context_and_budget(shape, options, plan);

    TaiConfig least = smallest(shape, options, plan->context_length);
    TaiConfig all = fully_resident(shape, options, plan->context_length);
    plan->min_budget_bytes = peak_of(shape, &least);
    plan->resident_bytes = peak_of(shape, &all);
    if (plan->min_budget_bytes > TINYAI_MAX_BUDGET) {
        return tai_fail(
            error, TINYAI_E_UNSUPPORTED, TINYAI_NO_OFFSET,
            "the model needs more than 4 GiB even when streamed, for a context of %" PRIu32
            " tokens: lower the context",
            plan->context_length);
    }
    plan->fits = plan->min_budget_bytes <= plan->budget_bytes;
    *config =
        plan->fits ? best_config(shape, options, plan->context_length, plan->budget_bytes) : least;
    tai_layout(shape, config, layout);
    fill_plan(shape, units, config, layout, plan);
    return plan->fits ? TINYAI_OK : refuse(plan, error);
}
