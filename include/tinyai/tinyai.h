/* TinyAI: language models inside a hard memory budget.
 *
 *     #include <stdio.h>
 *     #include <tinyai/tinyai.h>
 *
 *     static int print(void *user, const TinyAIPiece *piece) {
 *         return fwrite(piece->text, 1, piece->text_bytes, user) != piece->text_bytes;
 *     }
 *     int main(int argc, char **argv) {
 *         const char *prompt = "Once upon a time";
 *         TinyAIOptions options = tinyai_default_options();
 *         TinyAIGenerate how = tinyai_default_generate();
 *         TinyAISource file; TinyAIModel *model = NULL; TinyAIError error;
 *         options.memory_budget = 3000000; // bytes, never exceeded; the file is larger
 *         int failed = argc < 2 || tinyai_source_open_file(&file, argv[1], &error) ||
 *             tinyai_open(&file, &options, &model, &error) ||
 *             tinyai_session_generate(tinyai_session(model, 0), prompt, &how, print, stdout);
 *         tinyai_close(model); // NULL is allowed
 *         return failed;
 *     }
 *
 * Words: a *block* is one transformer block; a *slot* is memory for one block; *pinned* blocks
 * stay, the others pass through one or two slots. The *plan* is the allocation, computed from the
 * header alone. Sizes are bytes unless a name says otherwise.
 *
 * The engine never does I/O: tinyai_step computes for a bounded time and says which byte ranges of
 * the source it wants and where. tinyai_session_generate is the blocking form of that loop over a
 * TinyAISource. All functions of one model belong to one thread.
 *
 * Errors: 0 is success, negative a TinyAIStatus. Functions without an error parameter leave the
 * reason in tinyai_last_error(model). */
#ifndef TINYAI_H
#define TINYAI_H

#include <stddef.h>
#include <stdint.h>

#include "memory.h"
#include "sampling.h"
#include "status.h"
#include "utils/forward_scheduler.h"
#include "utils/mmap_loader.h"
#include "utils/progressive_loader.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TINYAI_VERSION "0.1.0"

/* ---- options and plan ---------------------------------------------------------------------- */

/* What reserved memory is for. X(NAME, jsName, meaning) */
#define TINYAI_PURPOSE_LIST(X)                                                                     \
    X(PROGRAM, program, "static data and stack of the program")                                    \
    X(ENGINE, engine, "state of the engine and directory of the file")                             \
    X(THREADS, threads, "stacks of the threads that help computing")                               \
    X(TOKENIZER, tokenizer, "vocabulary")                                                          \
    X(WEIGHTS, weights, "block slots: pinned and streaming")                                       \
    X(HEAD, head, "output head, resident and streaming strips, and final norm")                    \
    X(EMBEDDING, embedding, "embedding matrix when resident, and rows in flight")                  \
    X(KV, kv, "keys and values of the context")                                                    \
    X(ACTIVATIONS, activations, "activations, attention scores, tokenizer and sampler scratch")    \
    X(TEXT, text, "prompt, token history, logits and text on its way out")                         \
    X(HEADER, header, "file header while it is parsed")

typedef enum TinyAIPurpose {
#define TINYAI_PURPOSE_ENUM(name, js, meaning) TINYAI_PURPOSE_##name,
    TINYAI_PURPOSE_LIST(TINYAI_PURPOSE_ENUM)
#undef TINYAI_PURPOSE_ENUM
        TINYAI_PURPOSES
} TinyAIPurpose;

enum { TINYAI_KV_F32 = 0, TINYAI_KV_F16 = 1, TINYAI_KV_Q8 = 2 };
enum {
    TINYAI_KERNELS_AUTO = 0,      /* the fastest that the host has; never relaxed ones */
    TINYAI_KERNELS_SCALAR = 1,    /* every host has these */
    TINYAI_KERNELS_SIMD128 = 2,   /* WebAssembly */
    TINYAI_KERNELS_AVX2 = 3,      /* x86-64 natively */
    TINYAI_KERNELS_RELAXED16 = 4, /* WebAssembly with relaxed SIMD: which of these two is faster */
    TINYAI_KERNELS_RELAXED32 = 5, /* depends on the engine, so the host times them and asks */
    TINYAI_KERNELS_AVX_VNNI = 6,  /* x86-64 natively, where the processor has AVX-VNNI */
    TINYAI_KERNELS_AVX512_VNNI = 7, /* x86-64 natively, with AVX512-VNNI and AVX512-VL */
    TINYAI_KERNELS_NEON = 8,        /* arm64 natively, with dotprod */
};

#define TINYAI_MAX_BUDGET 0xFFFF0000u /* 4 GiB less a page: ranges carry 32-bit destinations */
#define TINYAI_DEFAULT_BUDGET (512u << 20)
#define TINYAI_DEFAULT_CONTEXT 4096u
#define TINYAI_MAX_SEQUENCES 16u
#define TINYAI_MAX_THREADS 16u

typedef struct TinyAIOptions {
    uint64_t
        memory_budget; /* bytes; 0: fully resident if that is at most default_budget, else that */
    uint64_t default_budget; /* see memory_budget; TINYAI_DEFAULT_BUDGET */
    uint64_t
        max_memory_budget;   /* bytes that memory is reserved for, at least memory_budget: how far
                                   tinyai_session_set_budget can rise; 0: memory_budget */
    uint32_t context_length; /* tokens; 0: the model's own, at most 4096, lowered until it fits */
    uint32_t kv_type;        /* TINYAI_KV_* */
    uint32_t kernels;        /* TINYAI_KERNELS_*; the result is the same, bit for bit */
    uint32_t prefetch; /* 1: read ahead while computing, for one more slot; 0: one streaming slot */
    uint32_t read_chunk_bytes; /* longest range that is asked for at once; 4 KiB .. 64 MiB */
    uint32_t sequences;        /* contexts with KV each, 1 .. TINYAI_MAX_SEQUENCES */
    uint32_t mode;             /* TINYAI_EXEC_*: what the budget is spent on first */
    uint32_t
        prefetch_threads; /* native: reader threads, 0 .. 16; their stacks are not in the budget */
    uint32_t threads;     /* that compute, the caller's included: 1 .. 16; 0: one for each of the
                             machine's processors, at most 8, or 1 if the budget has no room for so many. The result is the same, bit for bit */
} TinyAIOptions;

TinyAIOptions tinyai_default_options(void);

typedef struct TinyAIPlan {
    uint64_t budget_bytes;     /* the budget asked for, or chosen by the default rule */
    uint64_t min_budget_bytes; /* smallest budget for this context, kv type and sequences */
    uint64_t
        resident_bytes;  /* smallest budget at which nothing is streamed; 0: none in this mode */
    uint64_t peak_bytes; /* what will be used at most, <= budget_bytes when it fits */
    uint64_t
        reserved_bytes; /* the memory that is reserved for it: the peak under max_budget_bytes */
    uint64_t max_budget_bytes; /* how far the budget can rise later */
    uint64_t smallest_bytes;   /* how far it can be lowered later: blocks and head strips dropped */
    uint64_t open_bytes;       /* peak while the file is opened */
    uint64_t missing_bytes;    /* min_budget_bytes - budget_bytes, or 0 */
    uint64_t streamed_bytes_per_token; /* read from the source in each steady decode pass */
    uint64_t file_bytes;
    uint64_t header_bytes;
    uint64_t block_bytes;                 /* largest block = size of a slot */
    uint64_t planning_bytes;              /* memory the planning itself took, given back */
    uint64_t by_purpose[TINYAI_PURPOSES]; /* while running; the sum is peak_bytes or less */
    uint32_t fits;                        /* 1 or 0 */
    uint32_t blocks;
    uint32_t slots;
    uint32_t pinned_blocks;
    uint32_t prompt_tokens_per_pass;
    uint32_t context_length;
    uint32_t longest_context; /* that fits the budget, at most the model's own */
    uint32_t model_context;   /* the model's own context length */
    uint32_t head_strips;     /* pieces in which the output head is streamed */
    uint32_t resident_head_strips;
    uint32_t embedding_resident; /* 1: no embedding rows are read in steady decode */
    uint32_t vocab_size;
    uint32_t mode;    /* TINYAI_EXEC_* */
    uint32_t threads; /* that memory is planned for: 1 where the host has no more */
} TinyAIPlan;

/* ---- sources ------------------------------------------------------------------------------- */

/* Where bytes come from. read() fills all `length` bytes or fails; it may be called for any range
 * inside `size`. */
typedef struct TinyAISource {
    uint64_t size;
    void *user;
    int32_t (*read)(void *user, uint64_t offset, void *into, uint32_t length);
    void (*close)(void *user);
    uint32_t
        concurrent; /* 1: read may be called from several threads at once, with 64 KiB of stack */
} TinyAISource;

/* Opens a regular file for reading. The source is the caller's; tinyai_open takes it over (and
 * tinyai_close closes it), otherwise tinyai_source_close does. */
int32_t tinyai_source_open_file(TinyAISource *source, const char *path, TinyAIError *error);
void tinyai_source_close(TinyAISource *source);

/* ---- opening ------------------------------------------------------------------------------- */

typedef struct TinyAIModel TinyAIModel;
typedef struct TinyAISession TinyAISession;

/* Computes the plan from the header alone, in memory of its own that is given back before the
 * return. Success also when the plan does not fit: see plan->fits. */
int32_t tinyai_plan(const TinyAISource *source, const TinyAIOptions *options, TinyAIPlan *plan,
                    TinyAIError *error);

/* Reserves exactly the planned memory and opens the model in it. On success the model owns the
 * source; on failure *model is NULL, nothing is reserved and the source stays the caller's. No
 * tensor byte is read. E_BUDGET tells what is asked, allowed and missing. */
int32_t tinyai_open(const TinyAISource *source, const TinyAIOptions *options, TinyAIModel **model,
                    TinyAIError *error);

/* Gives everything back, the source included. NULL is allowed. */
void tinyai_close(TinyAIModel *model);

/* The plan the model was opened with, valid until tinyai_close. */
const TinyAIPlan *tinyai_model_plan(const TinyAIModel *model);
/* model NULL: of the calling thread's last failed call of a function that has no model or error parameter
 * (memory.h, utils/). */
const TinyAIError *tinyai_last_error(const TinyAIModel *model);

/* The session of sequence 0 .. sequences-1 (NULL outside): part of the model, nothing to free. */
TinyAISession *tinyai_session(TinyAIModel *model, uint32_t sequence);

/* ---- budget while running ------------------------------------------------------------------- */

/* Moves the model to another budget, plan->smallest_bytes to plan->max_budget_bytes, at any time: blocks and
 * head strips that stayed are dropped, or stay again when their turn comes; keys, values and what is
 * generating are untouched. 0, and tinyai_model_plan tells the new plan; E_BUDGET, and
 * nothing changes, if it cannot fit (asked, allowed and missing tell by how much); TINYAI_STEP_NEED if
 * ranges in flight hold memory that must be given back: answer them, and call again. */
int32_t tinyai_session_set_budget(TinyAISession *session, uint64_t bytes);
/* Asked before each pass over the blocks, so between any two tokens: returns the budget to go on with, 0 for
 * no change. What cannot fit is the nearest that can. */
typedef uint64_t (*TinyAIPressureCallback)(void *user, const TinyAIModel *model);
void tinyai_set_pressure_callback(TinyAIModel *model, TinyAIPressureCallback callback, void *user);

/* ---- text ---------------------------------------------------------------------------------- */

enum {
    TINYAI_TEXT_FIRST = 1, /* the start of a text: space prefix, BOS if ADD_SPECIAL */
    TINYAI_TEXT_LAST = 2,  /* the end of a text */
    TINYAI_TEXT_ADD_SPECIAL = 4,
    TINYAI_TEXT_PARSE_SPECIAL = 8,
};

/* Tokenizes as much of text as is safe to cut off (all of it with TINYAI_TEXT_LAST) and as one call
 * can take; *used tells how many bytes, 0 < *used unless bytes is 0. Long texts are tokenized by
 * calling again with the rest, without TINYAI_TEXT_FIRST. ids: room for at least `capacity` ids. */
int32_t tinyai_tokenize(TinyAIModel *model, const char *text, uint32_t bytes, uint32_t flags,
                        uint32_t *ids, uint32_t capacity, uint32_t *n_ids, uint32_t *used);

/* UTF-8 of as many ids as one call can take; *used tells how many, *bytes how much text was
 * written. Long sequences are detokenized by calling again with the rest: TINYAI_TEXT_FIRST drops
 * the space that the tokenizer put in front, TINYAI_TEXT_LAST flushes an incomplete character (as
 * U+FFFD); in between no character is cut. E_ARGUMENT if an id is outside the vocabulary. */
int32_t tinyai_detokenize(TinyAIModel *model, const uint32_t *ids, uint32_t n_ids, uint32_t flags,
                          char *into, uint32_t capacity, uint32_t *bytes, uint32_t *used);

/* ---- generating ---------------------------------------------------------------------------- */

typedef struct TinyAIGenerate {
    TinyAISampling sampling;
    uint32_t max_tokens;     /* 0: until the context is full */
    uint32_t ignore_eos;     /* 1: end-of-generation tokens do not end it */
    uint32_t add_special;    /* 1: BOS in front when the model wants it */
    uint32_t parse_special;  /* 1: special tokens written in the prompt are tokens */
    uint32_t n_stop;         /* stop strings; generation ends before the first of them */
    const char *const *stop; /* UTF-8, terminated; at most 16, 1024 bytes together */
} TinyAIGenerate;

TinyAIGenerate tinyai_default_generate(void);

/* One token and the text that it made safe to show (whole characters; empty while a character or a
 * possible stop string is incomplete). Valid until the next call. */
typedef struct TinyAIPiece {
    const char *text;
    uint32_t text_bytes;
    uint32_t id;
    uint32_t index; /* of the token in this generation */
} TinyAIPiece;

/* Called for each piece; anything but 0 ends the generation. */
typedef int (*TinyAIPieceCallback)(void *user, const TinyAIPiece *piece);

/* Generates from an empty context; blocks. Native and WASI only (under JS hosts: E_WOULD_BLOCK). */
int32_t tinyai_session_generate(TinyAISession *session, const char *prompt,
                                const TinyAIGenerate *how, TinyAIPieceCallback callback,
                                void *user);

/* ---- stepping (what the blocking form and the JS hosts are made of) ---------------------------
 */

typedef struct TinyAIBatchItem {
    uint32_t token;
    uint32_t
        position; /* at most the number of positions the sequence holds so far; cuts the rest */
    uint32_t sequence;
    uint32_t want_logits; /* 1: TINYAI_STEP_LOGITS will be returned for it */
} TinyAIBatchItem;

enum {
    TINYAI_STEP_READY = 1,  /* call again */
    TINYAI_STEP_NEED = 2,   /* nothing to compute until a wanted range arrives */
    TINYAI_STEP_TOKEN = 3,  /* a piece is ready: tinyai_piece */
    TINYAI_STEP_LOGITS = 4, /* logits of the next wanted item are ready: tinyai_logits */
    TINYAI_STEP_DONE = 5,   /* the generation or batch is complete */
};

enum { TINYAI_RANGE_DEMAND = 1, TINYAI_RANGE_PREFETCH = 2 };

/* A byte range of the source that the engine wants. `dest` belongs to the host from the moment
 * tinyai_take_ranges returns it until tinyai_complete or tinyai_cancelled. */
typedef struct TinyAIRange {
    uint32_t id;
    uint32_t flags;  /* TINYAI_RANGE_* */
    uint64_t offset; /* in the source */
    uint32_t length;
    uint32_t dest; /* address in linear memory; natively see tinyai_range_dest */
} TinyAIRange;

/* Tokenizes `prompt` into the session and starts a generation. E_CONTEXT if it does not fit, E_BUSY
 * if the model is generating. Nothing is computed yet. */
int32_t tinyai_begin_generate(TinyAISession *session, const char *prompt, uint32_t prompt_bytes,
                              const TinyAIGenerate *how);

/* The same from token ids: n_ids >= 1. */
int32_t tinyai_begin_generate_ids(TinyAISession *session, const uint32_t *ids, uint32_t n_ids,
                                  const TinyAIGenerate *how);

/* Starts a forward pass over items (at most context_length of them; copied). A sequence's first item may go
 * back to an earlier position, and what lies behind it is forgotten; each further one is at the next position. */
int32_t tinyai_begin_batch(TinyAIModel *model, const TinyAIBatchItem *items, uint32_t n_items);

/* Computes for at most about max_work multiply-adds; returns TINYAI_STEP_* or a negative status
 * (then the generation has ended and the model can be used again). */
int32_t tinyai_step(TinyAIModel *model, uint64_t max_work);

/* The same for hosts that may block: reads what is wanted from the model's source, and returns
 * anything but TINYAI_STEP_NEED. Native and WASI only. */
int32_t tinyai_run(TinyAIModel *model, uint64_t max_work);

const TinyAIPiece *tinyai_piece(const TinyAIModel *model);
const float *tinyai_logits(const TinyAIModel *model); /* [vocab_size] */
/* -log of the probability that the logits give to token, in natural units. */
double tinyai_logits_nll(const TinyAIModel *model, uint32_t token);

/* Ends the running generation or batch, if any; ranges in flight stay valid until answered. */
void tinyai_end(TinyAIModel *model);

/* Copies out wanted ranges that were not taken yet, the most urgent first. */
uint32_t tinyai_take_ranges(TinyAIModel *model, TinyAIRange *ranges, uint32_t capacity);
void *tinyai_range_dest(TinyAIModel *model, const TinyAIRange *range);
/* Answers a taken range: status 0 with all its bytes in place, or the reason why not: a failed
 * range fails the running generation if it needs it; a failed read ahead is asked for again later.
 */
int32_t tinyai_complete(TinyAIModel *model, uint32_t id, int32_t status, uint32_t bytes);
/* The host gave a taken range up, and will not write to its destination any more. */
int32_t tinyai_cancelled(TinyAIModel *model, uint32_t id);

/* ---- statistics ---------------------------------------------------------------------------- */

enum {
    TINYAI_THREADS_ALL = 0,     /* none is missing */
    TINYAI_THREADS_HOST = 1,    /* this host or build has one thread */
    TINYAI_THREADS_REFUSED = 2, /* the system gave no more */
};

typedef struct TinyAIStats {
    uint64_t budget_bytes;
    uint64_t max_budget_bytes;
    uint64_t reserved_bytes; /* memory that was reserved: for the largest budget */
    uint64_t planned_peak_bytes;
    uint64_t current_bytes;
    uint64_t peak_bytes;
    uint64_t total_allocated_bytes; /* all reservations since open, header included */
    uint64_t allocation_count;
    uint64_t padding_bytes; /* reserved for alignment only; fragmentation = padding / current */
    uint64_t by_purpose[TINYAI_PURPOSES];
    uint64_t bytes_read; /* from the source: header, blocks, head strips, embedding rows */
    uint64_t header_bytes_read;
    uint64_t block_bytes_read;
    uint64_t head_bytes_read;
    uint64_t embedding_bytes_read;
    uint64_t requests;   /* ranges answered */
    uint64_t hits;       /* blocks found resident when their turn came */
    uint64_t misses;     /* blocks that had to be read for their turn */
    uint64_t prefetched; /* misses whose reading had begun before their turn */
    uint64_t passes;
    uint64_t prompt_tokens; /* of the last generation or batch */
    uint64_t generated_tokens;
    uint64_t logits_hash;     /* XXH3-64 of the logits of all generated positions */
    uint32_t kernels;         /* TINYAI_KERNELS_*, never _AUTO */
    uint32_t threads;         /* that compute, the caller's included */
    uint32_t reader_threads;  /* that run: at most options.prefetch_threads */
    uint32_t threads_missing; /* TINYAI_THREADS_*: why they are fewer than asked for */
    uint64_t stalled_ns;      /* native, WASI: time in tinyai_run without anything to compute */
} TinyAIStats;

enum { TINYAI_BLOCK_ABSENT = 0, TINYAI_BLOCK_LOADING = 1, TINYAI_BLOCK_RESIDENT = 2 };

typedef struct TinyAIBlockInfo {
    uint64_t bytes; /* read from the source for it */
    uint32_t state; /* TINYAI_BLOCK_* */
    uint32_t pinned;
} TinyAIBlockInfo;

void tinyai_stats(const TinyAIModel *model, TinyAIStats *stats);
int32_t tinyai_block_info(const TinyAIModel *model, uint32_t block, TinyAIBlockInfo *info);

/* One unit of a pass over the model, in the order they run. */
typedef struct TinyAIScheduleStep {
    uint64_t bytes;      /* read from the source for it */
    uint32_t kind;       /* TINYAI_UNIT_* */
    uint32_t index;      /* of the block or strip */
    uint32_t depends_on; /* step whose output it needs, TINYAI_NO_STEP: none */
    uint32_t dependency; /* TINYAI_DEP_* */
    uint32_t slot;       /* of the pool of its kind, TINYAI_NO_STEP while it has none */
    uint32_t state;      /* TINYAI_BLOCK_* */
    uint32_t pinned;
    uint32_t
        prefetch; /* step whose reading begins, at the latest, while this one computes; TINYAI_NO_STEP */
} TinyAIScheduleStep;

#define TINYAI_NO_STEP UINT32_MAX
enum { TINYAI_UNIT_FINAL = 0, TINYAI_UNIT_BLOCK = 1, TINYAI_UNIT_HEAD = 2 };

/* Copies out steps first .. of the schedule; returns how many were copied. */
uint32_t tinyai_schedule(const TinyAIModel *model, uint32_t first, TinyAIScheduleStep *steps,
                         uint32_t capacity);

/* Bytes skip .. skip + capacity of the memory report of this model; returns how many were written. json: 0
 * or 1, as tinyai_generate_memory_report. */
uint32_t tinyai_model_report(const TinyAIModel *model, uint32_t json, uint64_t skip, char *into,
                             uint32_t capacity);

/* What one region of the plan holds: for tests and reports that look at memory itself. */
typedef struct TinyAIRegion {
    uint64_t address; /* in linear memory; natively: relative to tinyai_model_memory */
    uint64_t bytes;
    uint32_t purpose;
    uint32_t reserved;
} TinyAIRegion;
uint32_t tinyai_regions(const TinyAIModel *model, TinyAIRegion *regions, uint32_t capacity);

#ifdef __cplusplus
}
#endif
#endif
