/* The block of linear memory through which the JS side and the engine exchange structures:
 * fixed-width fields only, so that offsets are the same on every host. wasm/abi.c publishes the
 * offsets, and js/src/abi.ts is generated from them: the JS side never repeats a layout. */
#ifndef TINYAI_EXCHANGE_H
#define TINYAI_EXCHANGE_H

#include "tinyai/tinyai.h"

#define TINYAI_EXCHANGE_RANGES 16u
#define TINYAI_EXCHANGE_REGIONS 16u
#define TINYAI_EXCHANGE_STEPS 16u

typedef struct TinyAIExchange {
    uint64_t file_bytes;                             /* in: size of the source, for plan and open */
    TinyAIOptions options;                           /* in: plan and open; preset to the defaults */
    TinyAIPlan plan;                                 /* out: plan and open */
    TinyAIError error;                               /* out: reason of the last negative status */
    TinyAIStats stats;                               /* out: tinyai_js_stats */
    TinyAIBlockInfo block;                           /* out: tinyai_js_block */
    TinyAIRange ranges[TINYAI_EXCHANGE_RANGES];      /* out: tinyai_js_take_ranges */
    TinyAIRegion regions[TINYAI_EXCHANGE_REGIONS];   /* out: tinyai_js_regions */
    TinyAIScheduleStep steps[TINYAI_EXCHANGE_STEPS]; /* out: tinyai_js_schedule */
    TinyAISampling sampling;                         /* in: tinyai_js_begin_generate */
    uint32_t max_tokens;                             /* in: "; 0: until the context is full */
    uint32_t ignore_eos;                             /* in: " */
    uint32_t n_stop;       /* in: "; the stop strings lie in the text buffer, each ended by a NUL */
    uint32_t text_address; /* out after open: text buffer, in and out */
    uint32_t text_capacity;  /* bytes */
    uint32_t ids_address;    /* out after open: uint32 ids, in and out */
    uint32_t ids_capacity;   /* ids; at least context_length */
    uint32_t batch_address;  /* out after open: TinyAIBatchItem[plan.context_length] */
    uint32_t logits_address; /* out after open: float[plan.vocab_size] */
    uint32_t n_ids;          /* out: tokenize */
    uint32_t used;           /* out: bytes of text (tokenize) or ids (detokenize) consumed */
    uint32_t text_bytes;     /* out: detokenize */
    uint32_t piece_address;  /* out: step returned TOKEN: UTF-8 */
    uint32_t piece_bytes;
    uint32_t piece_id;
    uint32_t piece_index;
    uint32_t add_bos; /* out after open: the vocabulary wants BOS */
    uint32_t bos_id;  /* out after open, or 0xFFFFFFFF */
} TinyAIExchange;

/* The address of the exchange block; also presets options and sampling to the defaults once. */
uint32_t tinyai_js_exchange(void);

/* Plans in a throw-away instance. header: address of the first header_bytes of the file;
 * memory from the end of the header to memory_bytes is scratch (4 * header_bytes + 1 MiB is always
 * enough; header may be put at tinyai_js_program_bytes()). Returns 0 (see plan.fits), 1: the header
 * is longer than what was given, at least plan.header_bytes: try again with more of it, in a new
 * instance; or a negative status. */
int32_t tinyai_js_plan(uint32_t header, uint32_t header_bytes, uint32_t memory_bytes);

/* Opens the model in this instance, whose memory has at least peak_bytes = plan.peak_bytes. The
 * first header_bytes = plan.header_bytes of the file must lie at tinyai_js_header_address(). */
uint32_t tinyai_js_header_address(uint32_t peak_bytes, uint32_t header_bytes);
int32_t tinyai_js_open(uint32_t header_bytes, uint32_t peak_bytes);
uint32_t tinyai_js_program_bytes(void); /* first address that the engine does not use before open */

/* Text in the text buffer -> ids in the ids buffer (exchange.n_ids, exchange.used); flags
 * TINYAI_TEXT_*. */
int32_t tinyai_js_tokenize(uint32_t text_bytes, uint32_t flags);
/* Ids in the ids buffer -> text in the text buffer (exchange.text_bytes, exchange.used). */
int32_t tinyai_js_detokenize(uint32_t n_ids, uint32_t flags);

/* Starts a generation from the prompt in the ids buffer. */
int32_t tinyai_js_begin_generate(uint32_t n_ids);
/* Starts a forward pass over the items in the batch buffer. */
int32_t tinyai_js_begin_batch(uint32_t n_items);
/* TINYAI_STEP_* or a negative status; piece_* are set on TINYAI_STEP_TOKEN. */
int32_t tinyai_js_step(uint32_t max_work);
void tinyai_js_end(void);
double tinyai_js_logits_nll(uint32_t token);

uint32_t tinyai_js_take_ranges(void); /* count; exchange.ranges */
int32_t tinyai_js_complete(uint32_t id, int32_t status, uint32_t bytes);
int32_t tinyai_js_cancelled(uint32_t id);

void tinyai_js_stats(void);              /* exchange.stats */
int32_t tinyai_js_block(uint32_t block); /* exchange.block */
uint32_t tinyai_js_regions(void);        /* count; exchange.regions */

/* 0 (exchange.plan is the new plan), TINYAI_STEP_NEED (answer the ranges in flight, and call again), or
 * E_BUDGET. */
int32_t tinyai_js_set_budget(uint32_t bytes);
uint32_t tinyai_js_schedule(uint32_t first); /* count; exchange.steps */
/* Bytes skip .. of the memory report into the text buffer; returns how many, 0 at its end. */
uint32_t tinyai_js_report(uint32_t json, uint32_t skip);

#endif
