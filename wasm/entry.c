/* Entry points for JS hosts: one model per instance, structures exchanged through one block of
 * memory. exchange.h documents them. */
#include "exchange.h"

#include <string.h>

#include "kernels/kernels.h"
#include "memory/checked.h"
#include "memory/error.h"
#include "model/engine.h"
#include "threads.h"

extern unsigned char __heap_base; // NOLINT(bugprone-reserved-identifier): the linker's name

static TinyAIExchange exchange;
static TinyAIModel *model;

static uint32_t address_of(const void *p) {
    return (uint32_t)(uintptr_t)p;
}

static void *at(uint32_t address) {
    return (void *)(uintptr_t)address; // NOLINT(performance-no-int-to-ptr)
}

/* Copies the model's error out. */
static int32_t report(int32_t status) {
    if (status < 0) {
        exchange.error = *tinyai_last_error(model);
    }
    return status;
}

TinyAIModel *tinyai_js_model(void) {
    return model;
}

uint32_t tinyai_js_exchange(void) {
    if (exchange.options.sequences == 0) {
        exchange.options = tinyai_default_options();
        exchange.sampling = tinyai_sampling_default();
    }
    return address_of(&exchange);
}

uint32_t tinyai_js_program_bytes(void) {
    return (uint32_t)tai_align_up(address_of(&__heap_base), TAI_ALIGNMENT);
}

int32_t tinyai_js_plan(uint32_t header, uint32_t header_bytes, uint32_t memory_bytes) {
    tai_error_clear(&exchange.error);
    uint64_t scratch = tai_align_up((uint64_t)header + header_bytes, TAI_ALIGNMENT);
    if (scratch > memory_bytes) {
        return tai_fail(&exchange.error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET, "no room for planning");
    }
    return tai_engine_plan(at(header), header_bytes, exchange.file_bytes, at((uint32_t)scratch),
                           memory_bytes - scratch, &exchange.options, &exchange.plan,
                           &exchange.error);
}

uint32_t tinyai_js_header_address(uint32_t peak_bytes, uint32_t header_bytes) {
    return (uint32_t)tai_header_address(peak_bytes, header_bytes);
}

int32_t tinyai_js_open(uint32_t header_bytes, uint32_t peak_bytes) {
    tai_error_clear(&exchange.error);
    if (tinyai_js_program_bytes() > TAI_PROGRAM_BYTES) {
        return tai_fail(&exchange.error, TINYAI_E_INTERNAL, TINYAI_NO_OFFSET,
                        "this build has more static data than the plan counts");
    }
    int32_t status = tai_engine_open(0, peak_bytes, header_bytes, exchange.file_bytes,
                                     &exchange.options, &model, &exchange.error);
    if (status) {
        return status;
    }
    exchange.plan = model->plan;
    exchange.text_address = address_of(tai_in(model, TAI_REGION_TEXT, model->text.text));
    exchange.text_capacity = model->text.text_capacity;
    exchange.ids_address = address_of(tai_in(model, TAI_REGION_TEXT, model->text.ids));
    exchange.ids_capacity = model->text.ids_capacity;
    exchange.batch_address = address_of(tai_batch(model));
    exchange.logits_address = address_of(tinyai_logits(model));
    exchange.add_bos = model->vocab.add_bos;
    exchange.bos_id = model->vocab.bos;
    return TINYAI_OK;
}

int32_t tinyai_js_tokenize(uint32_t text_bytes, uint32_t flags) {
    return report(tinyai_tokenize(model, at(exchange.text_address), text_bytes, flags,
                                  at(exchange.ids_address), exchange.ids_capacity, &exchange.n_ids,
                                  &exchange.used));
}

int32_t tinyai_js_detokenize(uint32_t n_ids, uint32_t flags) {
    return report(tinyai_detokenize(model, at(exchange.ids_address), n_ids, flags,
                                    at(exchange.text_address), exchange.text_capacity,
                                    &exchange.text_bytes, &exchange.used));
}

int32_t tinyai_js_begin_generate(uint32_t n_ids) {
    const char *stops[TAI_STOP_MAX_STRINGS];
    TinyAIGenerate how = {.sampling = exchange.sampling,
                          .max_tokens = exchange.max_tokens,
                          .ignore_eos = exchange.ignore_eos,
                          .n_stop = exchange.n_stop,
                          .stop = stops};
    const char *text = at(exchange.text_address);
    for (uint32_t i = 0; i < how.n_stop && i < TAI_STOP_MAX_STRINGS; i++) {
        stops[i] = text;
        text += strlen(text) + 1;
    }
    if (how.n_stop > TAI_STOP_MAX_STRINGS) {
        tai_error_clear(&exchange.error);
        return tai_fail(&exchange.error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "at most 16 stop strings are possible");
    }
    return report(
        tinyai_begin_generate_ids(tinyai_session(model, 0), at(exchange.ids_address), n_ids, &how));
}

int32_t tinyai_js_begin_batch(uint32_t n_items) {
    return report(tinyai_begin_batch(model, tai_batch(model), n_items));
}

int32_t tinyai_js_step(uint32_t max_work) {
    int32_t status = tinyai_step(model, max_work);
    if (status == TINYAI_STEP_TOKEN) {
        const TinyAIPiece *piece = tinyai_piece(model);
        exchange.piece_address = address_of(piece->text);
        exchange.piece_bytes = piece->text_bytes;
        exchange.piece_id = piece->id;
        exchange.piece_index = piece->index;
    }
    return report(status);
}

void tinyai_js_end(void) {
    tinyai_end(model);
}

double tinyai_js_logits_nll(uint32_t token) {
    return tinyai_logits_nll(model, token);
}

uint32_t tinyai_js_take_ranges(void) {
    return tinyai_take_ranges(model, exchange.ranges, TINYAI_EXCHANGE_RANGES);
}

int32_t tinyai_js_complete(uint32_t id, int32_t status, uint32_t bytes) {
    return report(tinyai_complete(model, id, status, bytes));
}

int32_t tinyai_js_cancelled(uint32_t id) {
    return report(tinyai_cancelled(model, id));
}

void tinyai_js_stats(void) {
    tinyai_stats(model, &exchange.stats);
}

int32_t tinyai_js_block(uint32_t block) {
    return tinyai_block_info(model, block, &exchange.block);
}

uint32_t tinyai_js_regions(void) {
    return tinyai_regions(model, exchange.regions, TINYAI_EXCHANGE_REGIONS);
}

int32_t tinyai_js_set_budget(uint32_t bytes) {
    const int32_t status = tinyai_session_set_budget(tinyai_session(model, 0), bytes);
    if (status == TINYAI_OK) {
        exchange.plan = *tinyai_model_plan(model);
    }
    return report(status);
}

uint32_t tinyai_js_schedule(uint32_t first) {
    return tinyai_schedule(model, first, exchange.steps, TINYAI_EXCHANGE_STEPS);
}

uint32_t tinyai_js_report(uint32_t json, uint32_t skip) {
    return tinyai_model_report(model, json, skip, at(exchange.text_address),
                               exchange.text_capacity);
}
