/* The plan over many shapes: the promises of rule 1 as properties. */
#include "schedule/plan.h"

#include "memory/checked.h"
#include "memory/error.h"
#include "unit/test.h"

#define MAX_UNITS 600

typedef struct Model {
    uint64_t text_bytes;
    uint64_t kv_bytes_per_position;
    uint64_t scratch_bytes_per_token;
} Model;

static bool rooms(const void *model, const TaiConfig *config, TaiRooms *out) {
    const Model *m = model;
    out->text = m->text_bytes + 28 * (uint64_t)config->context;
    out->kv = m->kv_bytes_per_position * config->context * config->sequences;
    out->scratch = m->scratch_bytes_per_token * config->chunk;
    return true;
}

static TaiUnit units[MAX_UNITS];
static Model model = {
    .text_bytes = 100000, .kv_bytes_per_position = 2000, .scratch_bytes_per_token = 9000};

static TaiShape shape_of(uint32_t n_blocks, uint32_t n_strips, bool tied) {
    TaiShape shape = {.file_bytes = 80000000,
                      .header_bytes = 40000,
                      .index_bytes = 30000,
                      .directory_bytes = 20000,
                      .tokenizer_bytes = 50001,
                      .final_bytes = 2304,
                      .slot_bytes = 1990464,
                      .strip_bytes = 262144,
                      .embedding_bytes = tied ? 0 : (uint64_t)n_strips * 262000,
                      .embedding_row_bytes = 324,
                      .n_blocks = n_blocks,
                      .n_strips = n_strips,
                      .vocab_size = 49152,
                      .model_context = 2048,
                      .rooms = rooms,
                      .model = &model};
    memset(units, 0, sizeof units);
    for (uint32_t i = 0; i < n_blocks; i++) {
        units[1 + i] = (TaiUnit){.kind = TAI_UNIT_BLOCK, .bytes = 1990000 - 32 * i};
    }
    for (uint32_t i = 0; i < n_strips; i++) {
        units[1 + n_blocks + i] = (TaiUnit){.kind = TAI_UNIT_HEAD, .bytes = 262100};
    }
    return shape;
}

static TinyAIOptions options_of(uint64_t budget, uint32_t context, uint32_t prefetch) {
    return (TinyAIOptions){.memory_budget = budget,
                           .default_budget = TINYAI_DEFAULT_BUDGET,
                           .context_length = context,
                           .kv_type = TINYAI_KV_F16,
                           .prefetch = prefetch,
                           .read_chunk_bytes = 1 << 20,
                           .sequences = 1,
                           .threads = 1,
                           .mode = TINYAI_EXEC_ADAPTIVE};
}

typedef struct Planned {
    int32_t status;
    TinyAIPlan plan;
    TaiPlanned planned;
    TinyAIError error;
} Planned;

static Planned plan_of(const TaiShape *shape, TinyAIOptions options) {
    Planned p;
    tai_error_clear(&p.error);
    p.status = tai_plan(shape, units, &options, &p.plan, &p.planned, &p.error);
    return p;
}

TEST(a_budget_one_byte_below_the_smallest_is_refused_with_what_is_missing) {
    TaiShape shape = shape_of(30, 61, true);
    uint64_t least = plan_of(&shape, options_of(0, 256, 1)).plan.min_budget_bytes;
    Planned fits = plan_of(&shape, options_of(least, 256, 1));
    CHECK_EQ(fits.status, TINYAI_OK);
    CHECK_EQ(fits.plan.peak_bytes, least);
    Planned not = plan_of(&shape, options_of(least - 1, 256, 1));
    CHECK_EQ(not.status, TINYAI_E_BUDGET);
    CHECK_EQ(not.error.asked_bytes, least);
    CHECK_EQ(not.error.allowed_bytes, least - 1);
    CHECK_EQ(not.error.missing_bytes, 1);
    CHECK_EQ(not.plan.missing_bytes, 1);
    CHECK_EQ(not.plan.fits, 0);
}

static bool same_layout(const Planned *a, const Planned *b) {
    bool same = a->planned.now.chunk == b->planned.now.chunk &&
                a->planned.now.slots == b->planned.now.slots;
    for (uint32_t i = 0; i < TAI_REGIONS; i++) {
        same = same && a->planned.layout.region[i].address == b->planned.layout.region[i].address &&
               a->planned.layout.region[i].bytes == b->planned.layout.region[i].bytes;
    }
    return same && a->plan.peak_bytes == b->plan.peak_bytes;
}

static const uint32_t modes[] = {TINYAI_EXEC_NORMAL, TINYAI_EXEC_MEMORY_OPT, TINYAI_EXEC_STREAMING,
                                 TINYAI_EXEC_ADAPTIVE};

/* The smallest budget at which a mode uses all it can. */
static uint64_t richest_peak(const TaiShape *shape, uint32_t mode) {
    TinyAIOptions options = options_of(0, 256, 1);
    options.mode = mode;
    return plan_of(shape, options).plan.peak_bytes;
}

static void sweep(const TaiShape *shape, uint32_t mode) {
    TinyAIOptions options = options_of(0, 256, 1);
    options.mode = mode;
    uint64_t least = plan_of(shape, options).plan.min_budget_bytes;
    uint64_t most = richest_peak(shape, mode) + 300000;
    uint64_t last_peak = 0;
    for (uint64_t budget = least; budget <= most; budget += (most - least) / 997) {
        options.memory_budget = budget;
        Planned first = plan_of(shape, options);
        CHECK(first.plan.peak_bytes <= budget);
        CHECK(first.plan.peak_bytes >= last_peak);
        last_peak = first.plan.peak_bytes;
        options.memory_budget = first.plan.peak_bytes;
        Planned again = plan_of(shape, options);
        CHECK(same_layout(&first, &again));
    }
    CHECK_EQ(last_peak, richest_peak(shape, mode));
}

TEST(planning_again_with_the_peak_as_budget_gives_the_same_layout) {
    const uint32_t blocks[] = {1, 2, 3, 5, 30};
    for (uint32_t b = 0; b < 5; b++) {
        for (uint32_t tied = 0; tied < 2; tied++) {
            TaiShape shape = shape_of(blocks[b], 1 + 20 * b, tied);
            for (uint32_t m = 0; m < 4; m++) {
                sweep(&shape, modes[m]);
            }
        }
    }
}

TEST(modes_need_the_same_least_and_differ_in_what_more_buys) {
    TaiShape shape = shape_of(30, 61, true);
    TinyAIOptions options = options_of(0, 256, 1);
    uint64_t least = plan_of(&shape, options).plan.min_budget_bytes;
    options.memory_budget = 40000000;
    Planned by_mode[4];
    for (uint32_t m = 0; m < 4; m++) {
        options.mode = modes[m];
        by_mode[m] = plan_of(&shape, options);
        CHECK_EQ(by_mode[m].plan.min_budget_bytes, least);
        CHECK_EQ(by_mode[m].plan.mode, modes[m]);
    }
    const TinyAIPlan *normal = &by_mode[0].plan;
    const TinyAIPlan *memory_opt = &by_mode[1].plan;
    const TinyAIPlan *streaming = &by_mode[2].plan;
    const TinyAIPlan *adaptive = &by_mode[3].plan;
    CHECK(normal->pinned_blocks > adaptive->pinned_blocks);
    CHECK(normal->prompt_tokens_per_pass < adaptive->prompt_tokens_per_pass);
    CHECK_EQ(memory_opt->peak_bytes, least);
    CHECK_EQ(memory_opt->slots, 1);
    CHECK_EQ(streaming->slots, 2);
    CHECK_EQ(streaming->pinned_blocks, 0);
    CHECK_EQ(streaming->prompt_tokens_per_pass, 256);
    CHECK_EQ(streaming->resident_bytes, 0);
    CHECK_EQ(adaptive->resident_bytes, normal->resident_bytes);
}

TEST(a_model_moves_between_the_budgets_it_was_planned_for) {
    TaiShape shape = shape_of(30, 61, true);
    TinyAIOptions options = options_of(20000000, 256, 1);
    options.max_memory_budget = 90000000;
    Planned p = plan_of(&shape, options);
    CHECK_EQ(p.status, TINYAI_OK);
    CHECK(p.plan.peak_bytes <= 20000000);
    CHECK(p.plan.reserved_bytes > 70000000 && p.plan.reserved_bytes <= 90000000);
    CHECK_EQ(p.planned.most.slots, 30);
    TinyAIPlan first = p.plan;
    for (uint64_t budget = p.plan.smallest_bytes; budget <= 90000000; budget += 100003) {
        CHECK_EQ(tai_plan_again(&shape, units, budget, &p.plan, &p.planned, &p.error), TINYAI_OK);
        CHECK(p.plan.peak_bytes <= budget);
        CHECK(p.plan.slots >= 2 && p.plan.slots <= 30);
        CHECK_EQ(p.planned.now.chunk, first.prompt_tokens_per_pass);
        bool more_fits = p.plan.peak_bytes + shape.slot_bytes <= budget;
        CHECK(p.plan.slots == 30 || !more_fits);
    }
    CHECK_EQ(p.plan.slots, 30);
    CHECK_EQ(tai_plan_again(&shape, units, 20000000, &p.plan, &p.planned, &p.error), TINYAI_OK);
    CHECK(memcmp(&p.plan, &first, sizeof first) == 0);
    uint64_t least = p.plan.smallest_bytes;
    CHECK_EQ(tai_plan_again(&shape, units, least - 1, &p.plan, &p.planned, &p.error),
             TINYAI_E_BUDGET);
    CHECK_EQ(p.error.missing_bytes, 1);
    tai_error_clear(&p.error);
    CHECK_EQ(tai_plan_again(&shape, units, 90000001, &p.plan, &p.planned, &p.error),
             TINYAI_E_BUDGET);
    CHECK_EQ(p.error.allowed_bytes, 90000000);
    CHECK(memcmp(&p.plan, &first, sizeof first) == 0);
}

TEST(regions_follow_each_other_and_add_up_to_the_peak) {
    TaiShape shape = shape_of(5, 3, false);
    Planned p = plan_of(&shape, options_of(15000000, 300, 1));
    uint64_t end = 0;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < TAI_REGIONS; i++) {
        const TaiRegion *r = &p.planned.layout.region[i];
        CHECK_EQ(r->address % TAI_ALIGNMENT, 0);
        CHECK(r->address >= end);
        end += r->bytes;
        sum += r->bytes;
    }
    CHECK_EQ(sum, p.planned.layout.run_bytes);
    CHECK(p.plan.peak_bytes ==
          tai_max_u64(p.planned.layout.run_bytes, p.planned.layout.open_bytes));
}

TEST(more_budget_buys_overlap_then_chunk_then_blocks_then_head_then_embedding) {
    TaiShape shape = shape_of(30, 61, false);
    Planned all = plan_of(&shape, options_of(0, 256, 1));
    uint32_t stage = 0;
    for (uint64_t b = all.plan.min_budget_bytes; b <= all.plan.resident_bytes; b += 4093) {
        Planned p = plan_of(&shape, options_of(b, 256, 1));
        uint32_t now = !p.planned.now.overlap               ? 0
                       : p.planned.now.chunk < 256          ? 1
                       : p.planned.now.slots < 30           ? 2
                       : p.planned.now.resident_strips < 61 ? 3
                       : !p.planned.now.embedding_resident  ? 4
                                                            : 5;
        CHECK(now >= stage);
        CHECK(p.planned.now.slots == 30 || p.planned.now.resident_strips == 0);
        stage = now;
    }
    Planned last = plan_of(&shape, options_of(all.plan.resident_bytes, 256, 1));
    CHECK_EQ(last.plan.streamed_bytes_per_token, 0);
    CHECK(last.planned.now.embedding_resident);
}

TEST(the_longest_context_fits_and_one_more_does_not) {
    TaiShape shape = shape_of(30, 61, true);
    Planned p = plan_of(&shape, options_of(6000000, 100, 1));
    uint32_t longest = p.plan.longest_context;
    CHECK(longest >= 100 && longest < 2048);
    CHECK_EQ(plan_of(&shape, options_of(6000000, longest, 1)).status, TINYAI_OK);
    CHECK_EQ(plan_of(&shape, options_of(6000000, longest + 1, 1)).status, TINYAI_E_BUDGET);
    Planned without = plan_of(&shape, options_of(6000000, 0, 1));
    CHECK_EQ(without.plan.context_length, longest);
}

TEST(without_a_budget_the_model_is_resident_up_to_the_default) {
    TaiShape shape = shape_of(30, 61, true);
    Planned p = plan_of(&shape, options_of(0, 256, 1));
    CHECK_EQ(p.plan.budget_bytes, p.plan.resident_bytes);
    TinyAIOptions small = options_of(0, 256, 1);
    small.default_budget = 20000000;
    CHECK_EQ(plan_of(&shape, small).plan.budget_bytes, 20000000);
}

TEST(options_out_of_range_are_named) {
    TaiShape shape = shape_of(2, 2, true);
    TinyAIOptions o = options_of(0, 4096, 1);
    CHECK_EQ(plan_of(&shape, o).status, TINYAI_E_ARGUMENT);
    o = options_of(0, 0, 1);
    o.read_chunk_bytes = 100;
    CHECK_EQ(plan_of(&shape, o).status, TINYAI_E_ARGUMENT);
    o = options_of((uint64_t)1 << 40, 0, 1);
    CHECK_EQ(plan_of(&shape, o).status, TINYAI_E_ARGUMENT);
    o = options_of(0, 0, 1);
    o.sequences = 17;
    CHECK_EQ(plan_of(&shape, o).status, TINYAI_E_ARGUMENT);
    o = options_of(0, 0, 1);
    o.kv_type = 3;
    CHECK_EQ(plan_of(&shape, o).status, TINYAI_E_ARGUMENT);
    o = options_of(0, 0, 1);
    o.mode = 4;
    CHECK_EQ(plan_of(&shape, o).status, TINYAI_E_ARGUMENT);
    o = options_of(20000000, 0, 1);
    o.max_memory_budget = 19999999;
    CHECK_EQ(plan_of(&shape, o).status, TINYAI_E_ARGUMENT);
}

TEST_MAIN(T(a_budget_one_byte_below_the_smallest_is_refused_with_what_is_missing),
          T(planning_again_with_the_peak_as_budget_gives_the_same_layout),
          T(modes_need_the_same_least_and_differ_in_what_more_buys),
          T(a_model_moves_between_the_budgets_it_was_planned_for),
          T(regions_follow_each_other_and_add_up_to_the_peak),
          T(more_budget_buys_overlap_then_chunk_then_blocks_then_head_then_embedding),
          T(the_longest_context_fits_and_one_more_does_not),
          T(without_a_budget_the_model_is_resident_up_to_the_default),
          T(options_out_of_range_are_named))
