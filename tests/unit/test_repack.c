/* Repacking: quantized rows become panels in a slot that is as small as it can be, whatever the tensors of a block
 * and their order, and a model gives the same logits whichever layout its file has. */
#include "model/repack.h"

#include "kernels/blocks.h"
#include "kernels/panel.h"
#include "unit/convert_bytes.h"
#include "unit/story.h"
#include "unit/text_cases.h"

/* ---- units that are made up ------------------------------------------------------------------- */

#define CASES 300u

typedef struct Case {
    TaiTensor tensors[TAI_ROLES];
    TaiUnit unit;
    uint64_t bytes; /* of the unit as it is read */
    uint64_t slot_bytes;
} Case;

static const TaiType case_types[] = {TAI_TYPE_F32,  TAI_TYPE_Q4_0, TAI_TYPE_Q8_0, TAI_TYPE_Q6_K,
                                     TAI_TYPE_BF16, TAI_TYPE_Q4_K, TAI_TYPE_Q2_K, TAI_TYPE_Q4_1};
#define CASE_TYPES (sizeof case_types / sizeof *case_types)

/* A tensor of the sizes that a test of every byte has time for; a third has no whole number of panels. */
static TaiTensor random_tensor(void) {
    TaiTensor t = {.type = case_types[random_below(CASE_TYPES)],
                   .rows = 1 + random_below(40),
                   .cols = 256 * (1 + random_below(3))};
    if (random_below(3)) {
        t.rows = (t.rows + TAI_PANEL_ROWS - 1) / TAI_PANEL_ROWS * TAI_PANEL_ROWS;
    }
    t.row_bytes = tai_kernel_row_bytes((TaiType)t.type, t.cols);
    bool panels = tai_is_panelled((TaiType)t.type) && random_below(6) == 0;
    t.layout = panels ? TAI_LAYOUT_PANELS : TAI_LAYOUT_ROWS;
    t.bytes = panels ? tai_matrix_bytes((TaiType)t.type, t.rows, t.cols) : t.rows * t.row_bytes;
    return t;
}

/* A block of tensors in an order of its own, with gaps of 0, 32 and more bytes. */
static Case random_case(void) {
    Case c = {.unit = {.kind = TAI_UNIT_BLOCK}};
    uint32_t order[TAI_ROLES] = {0};
    for (uint32_t i = 0; i < TAI_ROLES; i++) {
        uint32_t j = random_below(i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (uint32_t i = 0; i < TAI_ROLES; i++) {
        TaiTensor *t = &c.tensors[order[i]];
        *t = random_tensor();
        c.bytes = (c.bytes + 31) / 32 * 32 + 32 * (random_below(3) ? 0 : random_below(8));
        t->from = (uint32_t)c.bytes;
        t->off = 4096 + c.bytes;
        c.bytes += t->bytes;
    }
    c.slot_bytes = tai_place_unit(&c.unit, c.tensors, TAI_ROLES, c.bytes);
    return c;
}

static uint64_t computed_bytes(const TaiTensor *t) {
    return tai_matrix_bytes((TaiType)t->type, t->rows, t->cols);
}

/* The least place that the unit's first byte may land at, panel by panel. */
static uint64_t least_land(const Case *c) {
    uint64_t land = 0;
    for (uint32_t i = 0; i < TAI_ROLES; i++) {
        const TaiTensor *t = &c->tensors[i];
        const uint64_t from = t->from - c->unit.land; /* among the unit's bytes */
        if (!tai_needs_repack(t)) {
            land = t->at > from + land ? t->at - from : land;
            continue;
        }
        const uint64_t panel = tai_panel_bytes((TaiType)t->type, t->cols);
        for (uint32_t p = 0; p * TAI_PANEL_ROWS < t->rows; p++) {
            const uint64_t end = t->at + (p + 1) * panel;
            const uint64_t rows = from + p * TAI_PANEL_ROWS * t->row_bytes;
            land = end > rows + land ? end - rows : land;
        }
    }
    return land;
}

/* Repacks in a slot without a byte to spare, a few items at a time; returns it. */
static uint8_t *repacked(const Case *c, const uint8_t *bytes, uint64_t work) {
    static TinyAIModel model;
    TaiUnit units[2] = {{0}, c->unit};
    TaiTensor blocks[1][TAI_ROLES];
    uint8_t *slot = aligned_alloc(64, c->slot_bytes);
    memset(slot, 0x5C, c->slot_bytes);
    memcpy(slot + c->unit.land, bytes, c->bytes);
    memcpy(blocks[0], c->tensors, sizeof blocks[0]);
    memset(&model, 0, sizeof model);
    model.linear = (uintptr_t)slot;
    model.file.units = units;
    model.file.blocks = blocks;
    model.file.hp.n_blocks = 1;
    tai_team_init(&model.team);
    tai_build_repack(&model, 1);
    for (uint64_t left = work; !tai_steps_run(&model.steps, &model.team, &model, &left);) {
        left = work;
    }
    return slot;
}

/* The tensor in the slot has the rows that it had in the file. */
static bool is_the_same(const TaiTensor *t, const uint8_t *file, const uint8_t *slot) {
    static uint8_t row[4096];
    if (!tai_needs_repack(t)) {
        return memcmp(slot, file, t->bytes) == 0;
    }
    for (uint32_t r = 0; r < t->rows; r++) {
        const uint64_t panel = r / TAI_PANEL_ROWS * tai_panel_bytes((TaiType)t->type, t->cols);
        tai_panel_get((TaiType)t->type, slot + panel, r % TAI_PANEL_ROWS, t->cols, row);
        if (memcmp(row, file + r * t->row_bytes, t->row_bytes) != 0) {
            return false;
        }
    }
    return true;
}

TEST(any_tensors_in_any_order_are_repacked_in_the_least_slot) {
    random_state = 11;
    for (uint32_t n = 0; n < CASES; n++) {
        Case c = random_case();
        uint8_t *bytes = malloc(c.bytes);
        for (uint64_t i = 0; i < c.bytes; i++) {
            bytes[i] = (uint8_t)random_below(256);
        }
        uint8_t *slot = repacked(&c, bytes, 1 + random_below(1u << random_below(24)));
        uint64_t end = 0;
        for (uint32_t i = 0; i < TAI_ROLES; i++) {
            const TaiTensor *t = &c.tensors[i];
            CHECK(is_the_same(t, bytes + t->from - c.unit.land, slot + t->at));
            CHECK_EQ(t->at % 64, 0);
            end = tai_max_u64(end, t->at + computed_bytes(t));
        }
        CHECK(end <= c.slot_bytes);
        CHECK_EQ(c.slot_bytes, tai_align_up(c.unit.land + c.bytes, 64));
        CHECK_EQ(c.unit.land, tai_align_up(least_land(&c), 64));
        free(slot);
        free(bytes);
    }
}

TEST(a_unit_without_quantized_rows_is_computed_with_where_it_lands) {
    TaiTensor tensors[2] = {
        {.off = 96, .from = 32, .bytes = 64, .row_bytes = 64, .rows = 1, .cols = 16},
        {.off = 64, .from = 0, .bytes = 32, .row_bytes = 32, .rows = 1, .cols = 8}};
    TaiUnit unit = {.kind = TAI_UNIT_BLOCK};
    CHECK_EQ(tai_place_unit(&unit, tensors, 2, 96), 128);
    CHECK(!unit.repack && unit.land == 0);
    CHECK(tensors[0].at == 32 && tensors[1].at == 0);
}

/* ---- models ----------------------------------------------------------------------------------- */

static ModelBytes as_tmai(const ModelBytes *gguf, uint32_t layout) {
    ModelBytes out = {0};
    TinyAIError error = {0};
    out.bytes = convert_bytes(gguf->bytes, gguf->size, layout, 1, &out.size, &error);
    CHECK_EQ(error.status, TINYAI_OK);
    return out;
}

/* The same GGUF file with its tensors in another order, and gaps between them. */
static ModelBytes shuffled(const ModelBytes *gguf) {
    TaiHeader header;
    TinyAIError error = {0};
    uint64_t index_bytes = 0;
    uint64_t least = 0;
    CHECK_EQ(
        tai_header_index_bytes(gguf->bytes, gguf->size, gguf->size, &index_bytes, &least, &error),
        TINYAI_OK);
    void *index = malloc(index_bytes);
    CHECK_EQ(
        tai_header_parse(&header, gguf->bytes, gguf->size, gguf->size, index, index_bytes, &error),
        TINYAI_OK);
    uint32_t n = header.n_tensors;
    CHECK(n <= 128 && gguf->size <= 16u << 20);
    const uint64_t most = (16u << 20) + 128 * 512; /* gaps of 512 at most */
    ModelBytes out = {.size = most, .bytes = calloc(1, most)};
    memcpy(out.bytes, gguf->bytes, header.data_off);
    uint64_t end = header.data_off;
    for (uint32_t i = 0; i < n; i++) {
        /* by a stride that is prime to n, so that each comes once */
        const TaiTensorInfo *t = &header.tensors[(uint64_t)i * 10007 % n];
        uint64_t off = tai_align_up(end, 32) - header.data_off + 32 * random_below(5);
        /* info: length and text of the name, n_dims, dims, type, offset */
        uint64_t at = t->info_off + 8 + t->name.bytes + 4 + 8 * t->n_dims + 4;
        memcpy(out.bytes + at, &off, 8);
        memcpy(out.bytes + header.data_off + off, gguf->bytes + t->off, t->bytes);
        end = header.data_off + off + t->bytes;
    }
    out.size = end;
    free(index);
    return out;
}

/* Runs the model in `file` under a range of budgets. */
static void check_budgets(const Run *wanted) {
    TinyAIPlan all = plan_of(options_of(0));
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t most = all.resident_bytes - all.min_budget_bytes;
        TinyAIModel *model = open_or_die(options_of(all.min_budget_bytes + i * most / 3));
        Run run = generate(model, PROMPT, greedy(4));
        CHECK(same(&run, wanted));
        TinyAIStats stats;
        tinyai_stats(model, &stats);
        CHECK_EQ(stats.peak_bytes, tinyai_model_plan(model)->peak_bytes);
        tinyai_close(model);
    }
}

TEST(a_model_gives_the_same_logits_in_every_layout_order_and_budget) {
    static const char *const paths[] = {STORY_Q8_0, STORY_Q4_K_M, STORY_F16};
    ModelBytes bundled = file;
    random_state = 3;
    for (uint32_t i = 0; i < 3; i++) {
        ModelBytes gguf = model_load(paths[i]);
        file = gguf;
        TinyAIModel *model = open_or_die(options_of(0));
        Run wanted = generate(model, PROMPT, greedy(4));
        tinyai_close(model);
        ModelBytes others[] = {shuffled(&gguf), as_tmai(&gguf, TAI_LAYOUT_ROWS),
                               as_tmai(&gguf, TAI_LAYOUT_PANELS)};
        check_budgets(&wanted);
        for (uint32_t k = 0; k < 3; k++) {
            file = others[k];
            check_budgets(&wanted);
            free(others[k].bytes);
        }
        free(gguf.bytes);
    }
    file = bundled;
}

/* ---- ends in the middle ----------------------------------------------------------------------- */

/* Answers what is wanted until a unit is being repacked, in the smallest steps; the unit. */
static uint32_t step_into_repacking(TinyAIModel *model, uint32_t times) {
    uint32_t items = 0;
    while (items < times) {
        int32_t status = tinyai_step(model, 1);
        CHECK(status > 0 && status != TINYAI_STEP_DONE);
        TinyAIRange r;
        while (tinyai_take_ranges(model, &r, 1)) {
            memcpy(tinyai_range_dest(model, &r), file.bytes + r.offset, r.length);
            CHECK_EQ(tinyai_complete(model, r.id, TINYAI_OK, r.length), TINYAI_OK);
        }
        items = model->forward.repacking ? items + 1 : 0;
    }
    return model->forward.unit;
}

TEST(what_was_half_repacked_is_read_again) {
    Run wanted = reference();
    TinyAIPlan all = plan_of(options_of(0));
    const uint64_t budgets[] = {all.min_budget_bytes, all.resident_bytes};
    for (uint32_t i = 0; i < 6; i++) {
        TinyAIModel *model = open_or_die(options_of(budgets[i % 2]));
        TinyAIGenerate how = greedy(2);
        CHECK_EQ(tinyai_begin_generate(tinyai_session(model, 0), PROMPT, sizeof PROMPT - 1, &how),
                 TINYAI_OK);
        const TaiUnit *unit = &model->file.units[step_into_repacking(model, 1 + i * 7)];
        CHECK(!unit->repacked);
        CHECK_EQ(unit->state, TINYAI_BLOCK_RESIDENT);
        tinyai_end(model);
        CHECK_EQ(unit->state, TINYAI_BLOCK_ABSENT);
        Run run = generate(model, PROMPT, greedy(N_TOKENS));
        CHECK(same(&run, &wanted));
        tinyai_close(model);
    }
}

TEST(a_unit_that_is_being_repacked_keeps_its_slot_when_the_budget_changes) {
    Run wanted = reference();
    TinyAIPlan all = plan_of(options_of(0));
    TinyAIModel *model = open_or_die(options_of(all.resident_bytes));
    TinyAIGenerate how = greedy(N_TOKENS);
    TinyAISession *session = tinyai_session(model, 0);
    CHECK_EQ(tinyai_begin_generate(session, PROMPT, sizeof PROMPT - 1, &how), TINYAI_OK);
    const TaiUnit *unit = &model->file.units[step_into_repacking(model, 5)];
    uint64_t address = unit->address;
    CHECK_EQ(tinyai_session_set_budget(session, model->plan.smallest_bytes), TINYAI_OK);
    CHECK_EQ(unit->state, TINYAI_BLOCK_RESIDENT);
    CHECK_EQ(unit->address, address);
    for (int32_t status = 0; status != TINYAI_STEP_DONE;) {
        status = tinyai_run(model, 1000000);
        CHECK(status > 0);
    }
    TinyAIStats stats;
    tinyai_stats(model, &stats);
    CHECK_EQ(stats.logits_hash, wanted.hash);
    CHECK(tai_guards_intact(model));
    tinyai_close(model);
}

STORY_MAIN(T(any_tensors_in_any_order_are_repacked_in_the_least_slot),
           T(a_unit_without_quantized_rows_is_computed_with_where_it_lands),
           T(a_model_gives_the_same_logits_in_every_layout_order_and_budget),
           T(what_was_half_repacked_is_read_again),
           T(a_unit_that_is_being_repacked_keeps_its_slot_when_the_budget_changes))
