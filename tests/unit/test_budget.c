/* Another budget while the model is open, modes, the schedule and the report. */
#include "unit/story.h"

/* ---- moving ---------------------------------------------------------------------------------- */

/* What must hold whenever the model is idle between two steps. */
static void check_budget(const TinyAIModel *model) {
    const TinyAIPlan *plan = tinyai_model_plan(model);
    TinyAIStats stats;
    tinyai_stats(model, &stats);
    CHECK(stats.current_bytes <= plan->budget_bytes);
    CHECK_EQ(stats.current_bytes,
             plan->peak_bytes == plan->open_bytes ? stats.current_bytes : plan->peak_bytes);
    uint32_t pinned = 0;
    uint32_t there = 0;
    TinyAIBlockInfo block;
    for (uint32_t i = 0; tinyai_block_info(model, i, &block) == 0; i++) {
        pinned += block.pinned;
        there += block.state != TINYAI_BLOCK_ABSENT;
    }
    CHECK_EQ(pinned, plan->pinned_blocks);
    CHECK(there <= plan->slots);
}

static TinyAIOptions between(uint64_t budget, uint64_t most) {
    TinyAIOptions o = options_of(budget);
    o.max_memory_budget = most;
    return o;
}

/* Generates token by token, with another budget before each: up, down, and to both ends. */
static Run generate_moving(TinyAIModel *model, uint32_t readers) {
    Run run = {0};
    TinyAISession *session = tinyai_session(model, 0);
    TinyAIGenerate how = greedy(N_TOKENS);
    CHECK_EQ(tinyai_begin_generate(session, PROMPT, sizeof PROMPT - 1, &how), 0);
    uint64_t least = tinyai_model_plan(model)->smallest_bytes;
    uint64_t most = tinyai_model_plan(model)->max_budget_bytes;
    uint32_t seed = 1 + readers;
    int32_t status;
    while ((status = tinyai_run(model, 300000)) != TINYAI_STEP_DONE) {
        CHECK(status > 0);
        if (status < 0) {
            break;
        }
        if (status == TINYAI_STEP_TOKEN) {
            collect(&run, tinyai_piece(model));
        }
        seed = seed * 1664525u + 1013904223u;
        uint64_t budget = seed % 5 == 0   ? least
                          : seed % 5 == 1 ? most
                                          : least + (most - least) / 1000 * (seed / 5 % 1000);
        CHECK_EQ(tinyai_session_set_budget(session, budget), TINYAI_OK);
        check_budget(model);
    }
    TinyAIStats stats;
    tinyai_stats(model, &stats);
    run.hash = stats.logits_hash;
    return run;
}

TEST(a_budget_that_moves_in_any_step_changes_no_token) {
    Run wanted = reference();
    TinyAIPlan all = plan_of(options_of(0));
    for (uint32_t readers = 0; readers <= 3; readers += 3) {
        for (uint32_t prefetch = 0; prefetch < 2; prefetch++) {
            TinyAIOptions o =
                between((all.min_budget_bytes + all.resident_bytes) / 2, all.resident_bytes);
            o.prefetch = prefetch;
            o.prefetch_threads = readers;
            TinyAISource source = model_source(&file);
            source.concurrent = readers > 0;
            TinyAIModel *model = NULL;
            TinyAIError error;
            CHECK_EQ(tinyai_open(&source, &o, &model, &error), TINYAI_OK);
            Run run = generate_moving(model, readers + prefetch);
            CHECK(same(&run, &wanted));
            CHECK(tai_guards_intact(model));
            CHECK_EQ(tinyai_session_set_budget(tinyai_session(model, 0), all.resident_bytes), 0);
            run = generate(model, PROMPT, greedy(N_TOKENS));
            CHECK(same(&run, &wanted));
            check_budget(model);
            tinyai_close(model);
        }
    }
}

TEST(a_lower_budget_drops_blocks_and_a_higher_one_takes_them_again) {
    TinyAIPlan all = plan_of(options_of(0));
    TinyAIModel *model = open_or_die(options_of(all.resident_bytes));
    TinyAISession *session = tinyai_session(model, 0);
    generate(model, PROMPT, greedy(4));
    TinyAIStats before;
    tinyai_stats(model, &before);
    const TinyAIPlan *plan = tinyai_model_plan(model);
    CHECK_EQ(plan->streamed_bytes_per_token, 0);
    CHECK_EQ(tinyai_session_set_budget(session, plan->smallest_bytes), 0);
    TinyAIStats after;
    tinyai_stats(model, &after);
    CHECK_EQ(after.current_bytes, plan->smallest_bytes);
    CHECK_EQ(before.current_bytes - after.current_bytes, all.resident_bytes - plan->smallest_bytes);
    CHECK_EQ(after.budget_bytes, plan->smallest_bytes);
    CHECK_EQ(after.reserved_bytes, all.resident_bytes);
    CHECK_EQ(plan->pinned_blocks, 0);
    CHECK(plan->streamed_bytes_per_token > 0);
    check_budget(model);
    CHECK_EQ(tinyai_session_set_budget(session, all.resident_bytes), 0);
    CHECK_EQ(plan->streamed_bytes_per_token, 0);
    CHECK_EQ(plan->pinned_blocks, plan->blocks);
    tinyai_stats(model, &after);
    CHECK_EQ(after.current_bytes, before.current_bytes);
    tinyai_close(model);
}

TEST(a_budget_that_cannot_be_is_refused_and_nothing_changes) {
    TinyAIPlan all = plan_of(options_of(0));
    TinyAIModel *model = open_or_die(between(all.min_budget_bytes + 700000, all.resident_bytes));
    TinyAISession *session = tinyai_session(model, 0);
    TinyAIPlan before = *tinyai_model_plan(model);
    CHECK_EQ(tinyai_session_set_budget(session, before.smallest_bytes - 1), TINYAI_E_BUDGET);
    CHECK_EQ(tinyai_last_error(model)->missing_bytes, 1);
    CHECK_EQ(tinyai_last_error(model)->asked_bytes, before.smallest_bytes);
    CHECK_EQ(tinyai_session_set_budget(session, before.max_budget_bytes + 1), TINYAI_E_BUDGET);
    CHECK_EQ(tinyai_last_error(model)->allowed_bytes, before.max_budget_bytes);
    CHECK(memcmp(&before, tinyai_model_plan(model), sizeof before) == 0);
    Run run = generate(model, PROMPT, greedy(N_TOKENS));
    Run wanted = reference();
    CHECK(same(&run, &wanted));
    tinyai_close(model);
}

TEST(memory_for_a_later_budget_is_reserved_and_not_used) {
    TinyAIPlan all = plan_of(options_of(0));
    uint64_t budget = all.min_budget_bytes + 1400000;
    TinyAIModel *model = open_or_die(between(budget, all.resident_bytes));
    TinyAIPlan alone = plan_of(options_of(budget));
    const TinyAIPlan *plan = tinyai_model_plan(model);
    CHECK_EQ(plan->peak_bytes, alone.peak_bytes);
    CHECK_EQ(plan->pinned_blocks, alone.pinned_blocks);
    CHECK_EQ(plan->prompt_tokens_per_pass, alone.prompt_tokens_per_pass);
    CHECK(plan->reserved_bytes > plan->peak_bytes);
    generate(model, PROMPT, greedy(2));
    TinyAIStats stats;
    tinyai_stats(model, &stats);
    CHECK_EQ(stats.peak_bytes, plan->peak_bytes);
    tinyai_close(model);
}

typedef struct Pressure {
    uint64_t budgets[2]; /* taken in turn */
    uint32_t asked;
} Pressure;

static uint64_t alternate(void *user, const TinyAIModel *model) {
    (void)model;
    Pressure *p = user;
    return p->budgets[p->asked++ % 2];
}

TEST(the_pressure_callback_is_asked_before_each_pass) {
    Run wanted = reference();
    TinyAIPlan all = plan_of(options_of(0));
    TinyAIModel *model = open_or_die(options_of(all.resident_bytes));
    Pressure pressure = {{1, UINT64_MAX}, 0}; /* the nearest that can be */
    tinyai_set_pressure_callback(model, alternate, &pressure);
    Run run = generate(model, PROMPT, greedy(N_TOKENS));
    CHECK(same(&run, &wanted));
    TinyAIStats stats;
    tinyai_stats(model, &stats);
    CHECK_EQ(pressure.asked, stats.passes);
    CHECK_EQ(stats.budget_bytes,
             pressure.asked % 2 ? tinyai_model_plan(model)->smallest_bytes : all.resident_bytes);
    CHECK(stats.misses > 0);
    tinyai_close(model);
}

/* ---- modes ----------------------------------------------------------------------------------- */

TEST(every_mode_and_budget_gives_the_same_logits_and_its_planned_peak) {
    Run wanted = reference();
    TinyAIPlan all = plan_of(options_of(0));
    uint64_t step = (all.resident_bytes - all.min_budget_bytes) / 5;
    for (uint32_t mode = TINYAI_EXEC_NORMAL; mode <= TINYAI_EXEC_ADAPTIVE; mode++) {
        for (uint32_t i = 0; i <= 6; i++) {
            TinyAIOptions o = options_of(all.min_budget_bytes + i * step);
            o.mode = mode;
            TinyAIModel *model = open_or_die(o);
            Run run = generate(model, PROMPT, greedy(N_TOKENS));
            CHECK(same(&run, &wanted));
            TinyAIStats stats;
            tinyai_stats(model, &stats);
            CHECK_EQ(stats.peak_bytes, tinyai_model_plan(model)->peak_bytes);
            CHECK(stats.peak_bytes <= o.memory_budget);
            CHECK_EQ(tinyai_model_plan(model)->mode, mode);
            tinyai_close(model);
        }
    }
}

/* ---- the schedule ---------------------------------------------------------------------------- */

TEST(the_schedule_says_what_the_plan_and_the_blocks_say) {
    TinyAIPlan all = plan_of(options_of(0));
    TinyAIModel *model = open_or_die(options_of((all.min_budget_bytes + all.resident_bytes) / 2));
    generate(model, PROMPT, greedy(3));
    const TinyAIPlan *plan = tinyai_model_plan(model);
    TinyAIScheduleStep steps[64];
    uint32_t n = tinyai_schedule(model, 0, steps, 64);
    CHECK_EQ(n, 1 + plan->blocks + plan->head_strips);
    uint32_t pinned = 0;
    uint64_t streamed = 0;
    for (uint32_t i = 0; i < n; i++) {
        const TinyAIScheduleStep *step = &steps[i];
        CHECK(step->depends_on == TINYAI_NO_STEP || step->depends_on < i);
        CHECK_EQ(step->slot != TINYAI_NO_STEP,
                 step->kind != TINYAI_UNIT_FINAL && step->state != TINYAI_BLOCK_ABSENT);
        if (step->kind == TINYAI_UNIT_BLOCK) {
            CHECK_EQ(step->index, i - 1);
            CHECK_EQ(step->depends_on, i == 1 ? TINYAI_NO_STEP : i - 1);
            pinned += step->pinned;
        }
        if (step->kind == TINYAI_UNIT_HEAD) {
            CHECK_EQ(step->depends_on, plan->blocks);
        }
        streamed += step->pinned ? 0 : step->bytes;
        CHECK(step->prefetch == TINYAI_NO_STEP || !steps[step->prefetch].pinned);
        for (uint32_t j = 0; j < i; j++) {
            CHECK(step->slot == TINYAI_NO_STEP || step->kind != steps[j].kind ||
                  step->slot != steps[j].slot);
        }
    }
    CHECK_EQ(pinned, plan->pinned_blocks);
    CHECK(plan->streamed_bytes_per_token >= streamed);
    TinyAIScheduleStep part[3];
    CHECK_EQ(tinyai_schedule(model, n - 2, part, 3), 2);
    CHECK(memcmp(part, &steps[n - 2], 2 * sizeof *part) == 0);
    tinyai_close(model);
}

/* ---- the report ------------------------------------------------------------------------------ */

TEST(the_report_comes_in_pieces_and_has_the_ledgers_numbers) {
    TinyAIModel *model = open_or_die(options_of(3000000));
    generate(model, PROMPT, greedy(3));
    static char whole[65536];
    static char pieces[65536];
    for (uint32_t json = 0; json < 2; json++) {
        uint32_t bytes = tinyai_model_report(model, json, 0, whole, sizeof whole - 1);
        CHECK(bytes > 1000 && bytes < sizeof whole - 1);
        uint32_t done = 0;
        uint32_t n;
        while ((n = tinyai_model_report(model, json, done, pieces + done, 97)) > 0) {
            done += n;
        }
        CHECK_EQ(done, bytes);
        CHECK(memcmp(whole, pieces, bytes) == 0);
        whole[bytes] = 0;
        TinyAIStats stats;
        tinyai_stats(model, &stats);
        char number[32];
        (void)snprintf(number, sizeof number, "%llu", (unsigned long long)stats.current_bytes);
        CHECK(strstr(whole, number) != NULL);
        CHECK(strstr(whole, "Choose appropriate memory strategy") != NULL);
    }
    tinyai_close(model);
}

STORY_MAIN(T(a_budget_that_moves_in_any_step_changes_no_token),
           T(a_lower_budget_drops_blocks_and_a_higher_one_takes_them_again),
           T(a_budget_that_cannot_be_is_refused_and_nothing_changes),
           T(memory_for_a_later_budget_is_reserved_and_not_used),
           T(the_pressure_callback_is_asked_before_each_pass),
           T(every_mode_and_budget_gives_the_same_logits_and_its_planned_peak),
           T(the_schedule_says_what_the_plan_and_the_blocks_say),
           T(the_report_comes_in_pieces_and_has_the_ledgers_numbers))
