/* The engine on the bundled model, through the public API and step by step: the same logits
 * whatever the budget, the ledger equal to the plan and to what memory shows, and nothing lost
 * after a fault. */
#include "memory/checked.h"
#include "model/engine.h"

#include "unit/story.h"

/* ---- budgets --------------------------------------------------------------------------------- */

TEST(every_budget_gives_the_same_logits_and_its_planned_peak) {
    Run wanted = reference();
    TinyAIPlan all = plan_of(options_of(0));
    uint64_t step = (all.resident_bytes - all.min_budget_bytes) / 13;
    for (uint32_t i = 0; i <= 14; i++) {
        for (uint32_t prefetch = 0; prefetch < 2; prefetch++) {
            TinyAIOptions o = options_of(all.min_budget_bytes + i * step);
            o.prefetch = prefetch;
            o.read_chunk_bytes = 4096u << (i % 5 * 2);
            TinyAIModel *model = open_or_die(o);
            Run run = generate(model, PROMPT, greedy(N_TOKENS));
            CHECK(same(&run, &wanted));
            TinyAIStats stats;
            tinyai_stats(model, &stats);
            CHECK_EQ(stats.peak_bytes, tinyai_model_plan(model)->peak_bytes);
            CHECK(stats.peak_bytes <= o.memory_budget);
            uint64_t sum = 0;
            for (uint32_t p = 0; p < TINYAI_PURPOSES; p++) {
                sum += stats.by_purpose[p];
            }
            CHECK_EQ(sum, stats.current_bytes);
            tinyai_close(model);
        }
    }
}

TEST(bytes_read_per_token_are_what_the_plan_says) {
    TinyAIPlan all = plan_of(options_of(0));
    for (uint64_t budget = all.min_budget_bytes; budget <= all.resident_bytes + 200000;
         budget += 200000) {
        TinyAIModel *model = open_or_die(options_of(budget));
        TinyAIGenerate how = greedy(0);
        how.ignore_eos = 1;
        CHECK_EQ(tinyai_begin_generate(tinyai_session(model, 0), PROMPT, sizeof PROMPT - 1, &how),
                 0);
        uint64_t at[16] = {0};
        for (uint32_t n = 0; n < 16;) {
            int32_t status = tinyai_run(model, 1000000);
            CHECK(status > 0);
            if (status == TINYAI_STEP_TOKEN) {
                TinyAIStats stats;
                tinyai_stats(model, &stats);
                at[n++] = stats.bytes_read;
            }
        }
        CHECK_EQ(at[15] - at[5], 10 * tinyai_model_plan(model)->streamed_bytes_per_token);
        tinyai_close(model);
    }
}

TEST(a_budget_that_is_too_small_reads_no_tensor_byte) {
    TinyAIPlan all = plan_of(options_of(0));
    file.highest_read = 0;
    file.closed = 0;
    TinyAISource source = model_source(&file);
    TinyAIOptions o = options_of(all.min_budget_bytes - 1);
    TinyAIModel *model = NULL;
    TinyAIError error;
    CHECK_EQ(tinyai_open(&source, &o, &model, &error), TINYAI_E_BUDGET);
    CHECK(model == NULL);
    CHECK_EQ(error.asked_bytes, all.min_budget_bytes);
    CHECK_EQ(error.allowed_bytes, all.min_budget_bytes - 1);
    CHECK_EQ(error.missing_bytes, 1);
    CHECK_EQ(file.highest_read, all.header_bytes);
    CHECK_EQ(file.closed, 0);
}

/* ---- threads --------------------------------------------------------------------------------- */

static TinyAIModel *with_threads(uint32_t threads, uint64_t budget) {
    TinyAIOptions o = options_of(budget);
    o.threads = threads;
    return open_or_die(o);
}

TEST(every_number_of_threads_gives_the_same_logits) {
    Run wanted = reference();
    for (uint32_t threads = 1; threads <= 5; threads++) {
        TinyAIModel *model = with_threads(threads, 0);
        TinyAIStats stats;
        tinyai_stats(model, &stats);
        CHECK_EQ(stats.threads, threads);
        CHECK_EQ(stats.threads_missing, TINYAI_THREADS_ALL);
        for (uint32_t i = 0; i < 3; i++) {
            Run run = generate(model, PROMPT, greedy(N_TOKENS));
            CHECK(same(&run, &wanted));
        }
        tinyai_close(model);
    }
}

TEST(stacks_and_scores_of_threads_are_planned) {
    TinyAIOptions o = options_of(0);
    TinyAIPlan one = plan_of(o);
    CHECK_EQ(one.threads, 1);
    o.threads = 3;
    TinyAIPlan three = plan_of(o);
    CHECK_EQ(three.threads, 3);
    CHECK_EQ(three.by_purpose[TINYAI_PURPOSE_THREADS] - one.by_purpose[TINYAI_PURPOSE_THREADS],
             2 * TAI_THREAD_STACK_BYTES);
    CHECK(three.min_budget_bytes - one.min_budget_bytes >= 2 * TAI_THREAD_STACK_BYTES);
    TinyAIModel *model = with_threads(3, three.min_budget_bytes);
    Run run = generate(model, PROMPT, greedy(N_TOKENS));
    Run wanted = reference();
    CHECK(same(&run, &wanted));
    TinyAIStats stats;
    tinyai_stats(model, &stats);
    CHECK_EQ(stats.peak_bytes, three.min_budget_bytes);
    tinyai_close(model);
}

TEST(as_many_threads_as_processors_by_the_number_0) {
    TinyAIModel *model = with_threads(0, 0);
    TinyAIStats stats;
    tinyai_stats(model, &stats);
    CHECK_EQ(stats.threads, tai_min_u64(tai_threads_cores(), 8));
    tinyai_close(model);
}

TEST(more_threads_than_can_be_are_refused) {
    TinyAISource source = model_source(&file);
    TinyAIOptions o = options_of(0);
    o.threads = TINYAI_MAX_THREADS + 1;
    TinyAIModel *model = NULL;
    TinyAIError error;
    CHECK_EQ(tinyai_open(&source, &o, &model, &error), TINYAI_E_ARGUMENT);
    CHECK_STR(error.message, "the number of threads is 17, it must be between 1 and 16");
}

TEST(threads_end_with_a_model_that_is_closed_while_it_computes) {
    for (uint32_t i = 0; i < 30; i++) {
        TinyAIModel *model = with_threads(2 + i % 3, 0);
        TinyAIGenerate how = greedy(0);
        CHECK_EQ(tinyai_begin_generate(tinyai_session(model, 0), PROMPT, sizeof PROMPT - 1, &how),
                 0);
        for (uint32_t step = 0; step < i; step++) {
            CHECK(tinyai_run(model, 300000) > 0);
        }
        tinyai_close(model);
    }
}

/* ---- memory shows what the ledger says --------------------------------------------------------
 */

/* Opens at the smallest budget in a region of ours, filled with a pattern. */
TEST(the_highest_byte_ever_written_is_the_planned_peak) {
    TinyAIPlan plan = plan_of(options_of(0));
    TinyAIOptions o = options_of(plan.min_budget_bytes);
    plan = plan_of(o);
    uint64_t extra = 65536;
    uint64_t bytes = plan.peak_bytes - TAI_PROGRAM_BYTES + extra;
    uint8_t *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    memset(memory, 0x5C, bytes);
    uintptr_t linear = (uintptr_t)memory - TAI_PROGRAM_BYTES;
    memcpy((uint8_t *)linear + tai_header_address(plan.peak_bytes, plan.header_bytes), file.bytes,
           plan.header_bytes);
    TinyAIModel *model;
    TinyAIError error = {0};
    CHECK_EQ(
        tai_engine_open(linear, plan.peak_bytes, plan.header_bytes, file.size, &o, &model, &error),
        TINYAI_OK);
    model->source = model_source(&file);
    generate(model, PROMPT, greedy(N_TOKENS));
    uint64_t highest = bytes;
    while (highest > 0 && memory[highest - 1] == 0x5C) {
        highest--;
    }
    uint64_t used = highest + TAI_PROGRAM_BYTES;
    CHECK(used <= plan.peak_bytes);
    CHECK(used * 100 > plan.peak_bytes * 98);
    tai_engine_close(model);
    free(memory);
}

TEST(a_write_past_a_region_is_found_by_the_guard_behind_it) {
    TinyAIModel *model = open_or_die(options_of(0));
    CHECK(tai_guards_intact(model));
    uint8_t *behind_kv =
        tai_at(model, model->planned.layout.region[TAI_REGION_SCRATCH].address - 64);
    *behind_kv ^= 1;
    CHECK(!tai_guards_intact(model));
    TinyAIGenerate how = greedy(2);
    Run run = {0};
    CHECK_EQ(tinyai_session_generate(tinyai_session(model, 0), PROMPT, &how, collect, &run),
             TINYAI_E_INTERNAL);
    tinyai_close(model);
}

/* ---- batches --------------------------------------------------------------------------------- */

static uint64_t hash_batch(TinyAIModel *model, const TinyAIBatchItem *items, uint32_t n,
                           uint32_t split) {
    TaiXxh3 hash;
    tai_xxh3_init(&hash);
    for (uint32_t first = 0; first < n; first += split) {
        uint32_t some = first + split < n ? split : n - first;
        CHECK_EQ(tinyai_begin_batch(model, items + first, some), TINYAI_OK);
        for (int32_t status = 0; status != TINYAI_STEP_DONE;) {
            status = tinyai_run(model, 300000);
            CHECK(status > 0);
            if (status < 0) {
                return 0;
            }
            if (status == TINYAI_STEP_LOGITS) {
                tai_xxh3_update(&hash, tinyai_logits(model), 2048 * sizeof(float));
            }
        }
    }
    return tai_xxh3_digest(&hash);
}

TEST(logits_do_not_depend_on_how_a_batch_is_split) {
    TinyAIBatchItem items[40];
    for (uint32_t i = 0; i < 40; i++) {
        items[i] = (TinyAIBatchItem){
            .token = i == 0 ? 1 : 300 + i * 37 % 1500, .position = i, .want_logits = 1};
    }
    const uint32_t splits[] = {40, 1, 3, 17};
    for (uint32_t kv = TINYAI_KV_F32; kv <= TINYAI_KV_Q8; kv++) {
        TinyAIOptions o = options_of(0);
        o.kv_type = kv;
        uint64_t least = plan_of(o).min_budget_bytes;
        uint64_t wanted = 0;
        for (uint32_t s = 0; s < 4; s++) {
            for (uint32_t small = 0; small < 2; small++) {
                o.memory_budget = small ? least : 0;
                TinyAIModel *model = open_or_die(o);
                uint64_t hash = hash_batch(model, items, 40, splits[s]);
                wanted = wanted ? wanted : hash;
                CHECK(hash == wanted);
                CHECK(tai_guards_intact(model));
                tinyai_close(model);
            }
        }
    }
}

/* Items of two sequences one by one, in runs of five, and each sequence alone: attention takes neighbours that
 * follow one another together. */
TEST(logits_do_not_depend_on_what_lies_between_the_tokens_of_a_sequence) {
    TinyAIOptions o = options_of(0);
    o.sequences = 2;
    uint64_t wanted = 0;
    const uint32_t runs[] = {1, 5, 30};
    for (uint32_t k = 0; k < 3; k++) {
        TinyAIBatchItem items[60];
        for (uint32_t i = 0; i < 60; i++) {
            uint32_t run = i / runs[k];
            uint32_t sequence = run % 2;
            uint32_t position = run / 2 * runs[k] + i % runs[k];
            items[i] = (TinyAIBatchItem){.token = 300 + (position * 37 + sequence * 11) % 1500,
                                         .position = position,
                                         .sequence = sequence,
                                         .want_logits = position == 29 && sequence == 1};
        }
        TinyAIModel *model = open_or_die(o);
        uint64_t hash = hash_batch(model, items, 60, 60);
        wanted = wanted ? wanted : hash;
        CHECK(hash == wanted);
        tinyai_close(model);
    }
}

TEST(sequences_do_not_see_each_other) {
    TinyAIOptions o = options_of(0);
    o.sequences = 2;
    TinyAIModel *model = open_or_die(o);
    TinyAIBatchItem items[20];
    for (uint32_t i = 0; i < 20; i++) {
        items[i] = (TinyAIBatchItem){
            .token = 300 + i % 10, .position = i / 2, .sequence = i % 2, .want_logits = i % 2};
    }
    uint64_t both = hash_batch(model, items, 20, 20);
    TinyAIBatchItem alone[10];
    for (uint32_t i = 0; i < 10; i++) {
        alone[i] = items[2 * i + 1];
        alone[i].sequence = 0;
    }
    CHECK(hash_batch(model, alone, 10, 10) == both);
    tinyai_close(model);
}

TEST(a_batch_that_cannot_be_is_refused_with_the_item) {
    TinyAIModel *model = open_or_die(options_of(0));
    TinyAIBatchItem gap = {.token = 5, .position = 3};
    CHECK_EQ(tinyai_begin_batch(model, &gap, 1), TINYAI_E_ARGUMENT);
    TinyAIBatchItem token = {.token = 99999};
    CHECK_EQ(tinyai_begin_batch(model, &token, 1), TINYAI_E_ARGUMENT);
    TinyAIBatchItem far = {.token = 5, .position = 96};
    CHECK_EQ(tinyai_begin_batch(model, &far, 1), TINYAI_E_CONTEXT);
    TinyAIBatchItem other = {.token = 5, .sequence = 1};
    CHECK_EQ(tinyai_begin_batch(model, &other, 1), TINYAI_E_ARGUMENT);
    CHECK_EQ(tinyai_begin_batch(model, &gap, 0), TINYAI_E_CONTEXT);
    TinyAIBatchItem twice[] = {
        {.token = 5}, {.token = 6, .position = 1}, {.token = 7, .position = 1}};
    CHECK_EQ(tinyai_begin_batch(model, twice, 3), TINYAI_E_ARGUMENT);
    CHECK_STR(tinyai_last_error(model)->message, "item 2: position 1 comes after position 1 in "
                                                 "the same batch; begin another one to go back");
    Run wanted = reference();
    Run run = generate(model, PROMPT, greedy(N_TOKENS));
    CHECK(same(&run, &wanted));
    tinyai_close(model);
}

/* ---- faults and ends --------------------------------------------------------------------------
 */

TEST(any_read_may_fail_and_the_next_generation_is_right) {
    Run wanted = reference();
    TinyAIPlan all = plan_of(options_of(0));
    const uint64_t budgets[] = {all.min_budget_bytes, all.resident_bytes};
    for (uint32_t b = 0; b < 2; b++) {
        uint64_t failed = 1;
        for (uint64_t n = 1; failed; n++) {
            TinyAIModel *model = open_or_die(options_of(budgets[b]));
            TinyAIGenerate how = greedy(3);
            Run run = {0};
            file.reads = 0;
            file.fail_at = n;
            int32_t status =
                tinyai_session_generate(tinyai_session(model, 0), PROMPT, &how, collect, &run);
            failed = file.reads >= n;
            file.fail_at = 0;
            CHECK(status == TINYAI_OK || status == TINYAI_E_IO);
            if (status) {
                CHECK_EQ(tinyai_last_error(model)->status, TINYAI_E_IO);
                CHECK(tinyai_last_error(model)->offset != TINYAI_NO_OFFSET);
            } else {
                CHECK(memcmp(run.ids, wanted.ids, sizeof run.ids[0] * 3) == 0);
            }
            if (n < 20 || n % 7 == 0) {
                Run again = generate(model, PROMPT, greedy(N_TOKENS));
                CHECK(same(&again, &wanted));
            }
            tinyai_close(model);
        }
    }
}

TEST(opening_fails_cleanly_when_its_reads_fail) {
    for (uint64_t n = 1; n <= 3; n++) {
        TinyAISource source = model_source(&file);
        TinyAIOptions o = options_of(0);
        TinyAIModel *model = NULL;
        TinyAIError error;
        file.reads = 0;
        file.fail_at = n;
        file.closed = 0;
        CHECK_EQ(tinyai_open(&source, &o, &model, &error), TINYAI_E_IO);
        CHECK(model == NULL);
        CHECK_EQ(file.closed, 0);
        file.fail_at = 0;
    }
}

/* Steps a random number of times, answers a random part of the ranges, ends, answers the rest late.
 */
TEST(ending_anywhere_loses_nothing) {
    Run wanted = reference();
    TinyAIPlan all = plan_of(options_of(0));
    TinyAIModel *model = open_or_die(options_of(all.min_budget_bytes + 300000));
    uint32_t seed = 1;
    for (uint32_t round = 0; round < 60; round++) {
        TinyAIGenerate how = greedy(N_TOKENS);
        CHECK_EQ(tinyai_begin_generate(tinyai_session(model, 0), PROMPT, sizeof PROMPT - 1, &how),
                 0);
        TinyAIRange flying[TAI_RANGES];
        uint32_t n = 0;
        for (uint32_t steps = 0; steps < round * 5; steps++) {
            CHECK(tinyai_step(model, 200000) > 0);
            n += tinyai_take_ranges(model, flying + n, TAI_RANGES - n);
            seed = seed * 1664525u + 1013904223u;
            if (n && seed >> 30) {
                TinyAIRange r = flying[--n];
                memcpy(tinyai_range_dest(model, &r), file.bytes + r.offset, r.length);
                CHECK_EQ(tinyai_complete(model, r.id, TINYAI_OK, r.length), TINYAI_OK);
            }
        }
        tinyai_end(model);
        for (uint32_t i = 0; i < n; i++) {
            CHECK_EQ(tinyai_cancelled(model, flying[i].id), TINYAI_OK);
        }
        CHECK_EQ(tinyai_cancelled(model, 0xFFFFFF), TINYAI_E_ARGUMENT);
        if (round % 10 == 9) {
            Run run = generate(model, PROMPT, greedy(N_TOKENS));
            CHECK(same(&run, &wanted));
        }
    }
    tinyai_close(model);
}

TEST(a_second_generation_is_refused_while_one_runs) {
    TinyAIModel *model = open_or_die(options_of(0));
    TinyAISession *session = tinyai_session(model, 0);
    TinyAIGenerate how = greedy(4);
    CHECK_EQ(tinyai_begin_generate(session, PROMPT, sizeof PROMPT - 1, &how), TINYAI_OK);
    CHECK_EQ(tinyai_begin_generate(session, PROMPT, sizeof PROMPT - 1, &how), TINYAI_E_BUSY);
    TinyAIBatchItem item = {.token = 1};
    CHECK_EQ(tinyai_begin_batch(model, &item, 1), TINYAI_E_BUSY);
    tinyai_end(model);
    CHECK_EQ(tinyai_begin_generate(session, PROMPT, sizeof PROMPT - 1, &how), TINYAI_OK);
    tinyai_close(model);
}

TEST(a_short_completion_counts_as_a_failed_read) {
    TinyAIModel *model = open_or_die(options_of(0));
    TinyAIGenerate how = greedy(4);
    CHECK_EQ(tinyai_begin_generate(tinyai_session(model, 0), PROMPT, sizeof PROMPT - 1, &how), 0);
    CHECK_EQ(tinyai_step(model, 1000), TINYAI_STEP_NEED);
    TinyAIRange range;
    CHECK_EQ(tinyai_take_ranges(model, &range, 1), 1);
    CHECK_EQ(range.flags, TINYAI_RANGE_DEMAND);
    CHECK_EQ(tinyai_complete(model, range.id, TINYAI_OK, range.length - 1), TINYAI_OK);
    CHECK_EQ(tinyai_step(model, 1000), TINYAI_E_IO);
    tinyai_close(model);
}

/* ---- generating -------------------------------------------------------------------------------
 */

TEST(a_prompt_longer_than_the_context_is_refused_with_the_count) {
    TinyAIModel *model = open_or_die(options_of(0));
    char prompt[2000];
    memset(prompt, 0, sizeof prompt);
    for (uint32_t i = 0; i < 300; i++) {
        memcpy(prompt + i * 6, " tiger", 6);
    }
    TinyAIGenerate how = greedy(4);
    CHECK_EQ(tinyai_begin_generate(tinyai_session(model, 0), prompt, 1800, &how), TINYAI_E_CONTEXT);
    CHECK(strstr(tinyai_last_error(model)->message, "96") != NULL);
    tinyai_close(model);
}

TEST(generation_ends_when_the_context_is_full) {
    TinyAIModel *model = open_or_die(options_of(0));
    uint32_t ids[96];
    for (uint32_t i = 0; i < 96; i++) {
        ids[i] = i == 0 ? 1 : 300 + i;
    }
    TinyAIGenerate how = greedy(0);
    how.ignore_eos = 1;
    for (uint32_t n_prompt = 94; n_prompt <= 96; n_prompt++) {
        CHECK_EQ(tinyai_begin_generate_ids(tinyai_session(model, 0), ids, n_prompt, &how),
                 TINYAI_OK);
        uint32_t tokens = 0;
        for (int32_t status = 0; status != TINYAI_STEP_DONE;) {
            status = tinyai_run(model, 1u << 30);
            CHECK(status > 0);
            tokens += status == TINYAI_STEP_TOKEN;
        }
        CHECK_EQ(tokens, 97 - n_prompt);
    }
    tinyai_close(model);
}

TEST(a_stop_string_ends_the_text_before_it) {
    TinyAIModel *model = open_or_die(options_of(0));
    Run whole = generate(model, PROMPT, greedy(30));
    const char *stop[] = {"climber", "very proud"};
    TinyAIGenerate how = greedy(30);
    how.n_stop = 2;
    how.stop = stop;
    Run run = generate(model, PROMPT, how);
    const char *end = strstr(whole.text, "very proud");
    CHECK(end != NULL);
    CHECK(end && strlen(run.text) == (size_t)(end - whole.text));
    CHECK(strncmp(run.text, whole.text, strlen(run.text)) == 0);
    tinyai_close(model);
}

TEST(the_same_seed_gives_the_same_text_and_another_one_another) {
    TinyAIModel *model = open_or_die(options_of(0));
    TinyAIGenerate how = tinyai_default_generate();
    how.max_tokens = 30;
    how.sampling.seed = 7;
    Run first = generate(model, PROMPT, how);
    Run second = generate(model, PROMPT, how);
    how.sampling.seed = 8;
    Run third = generate(model, PROMPT, how);
    CHECK(same(&first, &second));
    CHECK(!same(&first, &third));
    tinyai_close(model);
}

TEST(long_texts_are_tokenized_in_pieces_with_the_same_ids) {
    ModelBytes text = model_load(TINYAI_TEST_DATA "/storyteller/heldout.txt");
    TinyAIModel *model = open_or_die(options_of(0));
    static uint32_t ids[2][8192];
    uint32_t count[2] = {0, 0};
    for (uint32_t way = 0; way < 2; way++) {
        uint32_t done = 0;
        uint32_t capacity = way ? 4000 : 700;
        while (done < text.size) {
            uint32_t flags = TINYAI_TEXT_LAST | (done ? 0 : TINYAI_TEXT_FIRST);
            uint32_t n;
            uint32_t used;
            CHECK_EQ(tinyai_tokenize(model, (char *)text.bytes + done, (uint32_t)text.size - done,
                                     flags, ids[way] + count[way], capacity, &n, &used),
                     TINYAI_OK);
            CHECK(used > 0);
            count[way] += n;
            done += used;
        }
    }
    CHECK_EQ(count[0], 5694);
    CHECK_EQ(count[1], 5694);
    CHECK(memcmp(ids[0], ids[1], sizeof ids[0][0] * 5694) == 0);
    tinyai_close(model);
    free(text.bytes);
}

TEST(closing_closes_the_source_and_null_is_allowed) {
    file.closed = 0;
    tinyai_close(open_or_die(options_of(0)));
    CHECK_EQ(file.closed, 1);
    tinyai_close(NULL);
}

STORY_MAIN(T(every_number_of_threads_gives_the_same_logits),
           T(stacks_and_scores_of_threads_are_planned),
           T(as_many_threads_as_processors_by_the_number_0),
           T(more_threads_than_can_be_are_refused),
           T(threads_end_with_a_model_that_is_closed_while_it_computes),
           T(every_budget_gives_the_same_logits_and_its_planned_peak),
           T(bytes_read_per_token_are_what_the_plan_says),
           T(a_budget_that_is_too_small_reads_no_tensor_byte),
           T(the_highest_byte_ever_written_is_the_planned_peak),
           T(a_write_past_a_region_is_found_by_the_guard_behind_it),
           T(logits_do_not_depend_on_how_a_batch_is_split),
           T(logits_do_not_depend_on_what_lies_between_the_tokens_of_a_sequence),
           T(sequences_do_not_see_each_other), T(a_batch_that_cannot_be_is_refused_with_the_item),
           T(any_read_may_fail_and_the_next_generation_is_right),
           T(opening_fails_cleanly_when_its_reads_fail), T(ending_anywhere_loses_nothing),
           T(a_second_generation_is_refused_while_one_runs),
           T(a_short_completion_counts_as_a_failed_read),
           T(a_prompt_longer_than_the_context_is_refused_with_the_count),
           T(generation_ends_when_the_context_is_full), T(a_stop_string_ends_the_text_before_it),
           T(the_same_seed_gives_the_same_text_and_another_one_another),
           T(long_texts_are_tokenized_in_pieces_with_the_same_ids),
           T(closing_closes_the_source_and_null_is_allowed))
