/* The engine: one model in one piece of memory, and the state machine that runs it. It owns
 * everything from TAI_PROGRAM_BYTES to the planned peak and refuses to do I/O, to allocate and to
 * block. */
#ifndef TAI_ENGINE_H
#define TAI_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "format/xxh3.h"
#include "memory/facts.h"
#include "memory/ledger.h"
#include "memory/static.h"
#include "model/file.h"
#include "model/rooms.h"
#include "port/readers.h"
#include "port/threads.h"
#include "schedule/graph.h"
#include "schedule/plan.h"
#include "schedule/steps.h"
#include "schedule/team.h"
#include "stream/residency.h"
#include "text/text_stream.h"
#include "text/vocab.h"
#include "tinyai/tinyai.h"

struct TinyAISession {
    TinyAIModel *model;
    uint32_t sequence;
    uint32_t n_past; /* positions whose keys and values are there */
};

typedef enum TaiJob { TAI_JOB_NONE, TAI_JOB_BATCH, TAI_JOB_GENERATE } TaiJob;

typedef enum TaiPhase {
    TAI_PHASE_ROWS,   /* gathering the chunk's embedding rows */
    TAI_PHASE_UNITS,  /* computing with the units of the pass, in order */
    TAI_PHASE_LOGITS, /* logits of a wanted item are complete */
    TAI_PHASE_DONE,
} TaiPhase;

/* The forward pass that is under way: a batch goes through the blocks in chunks. */
typedef struct TaiForward {
    uint32_t n_items;  /* of the batch */
    uint32_t first;    /* item of the chunk */
    uint32_t n_tokens; /* in the chunk */
    uint32_t wanted;   /* item whose logits are computed or come next */
    uint32_t rows_asked;
    uint32_t unit;
    bool another;        /* another batch will follow */
    bool entered;        /* the unit's operations are set up */
    bool hashing;        /* they compare its bytes with their hash, before it is entered */
    bool repacking;      /* they repack it, before it is entered */
    bool pressed;        /* the pressure callback was asked for this chunk */
    TaiTensor strip;     /* of the head, being repacked */
    TaiXxh3 hash;        /* of the unit's bytes so far */
    TaiActForm act_form; /* in which form the activations of the next matrix are */
} TaiForward;

typedef struct TaiGeneration {
    TinyAISampling sampling;
    TaiTextStream text;
    TaiXxh3 hash;
    uint32_t sequence;
    uint32_t n_history; /* prompt and generated tokens */
    uint32_t n_prompt;
    uint32_t n_generated;
    uint32_t max_tokens; /* that the context and the caller allow */
    bool ignore_eos;
    bool finished; /* the last token was sampled */
} TaiGeneration;

struct TinyAIModel {
    uintptr_t linear; /* what address 0 of linear memory is on this host */
    TinyAIOptions options;
    TinyAIPlan plan;
    TaiFile file;
    TaiVocab vocab;
    TaiPlanned planned;
    TaiTextRoom text;
    TaiScratchRoom scratch;
    TaiStatic memory; /* the reserved memory, given out region by region */
    TaiLedger ledger;
    TaiResidency residency;
    TaiGraph graph;
    TaiPass pass;
    TaiSteps steps;
    TaiTeam team;
    TaiThread
        helpers[TINYAI_MAX_THREADS - 1]; /* of hosts that start them, with stacks in their region */
    uint32_t n_helpers;
    uint32_t threads_asked; /* 0: no certain number */
    const TaiKernels *kernels;
    uint32_t kernels_used; /* TINYAI_KERNELS_*: which these are */
    TaiJob job;
    TaiPhase phase;
    TaiForward forward;
    TaiGeneration generation;
    TinyAIPiece piece;
    TinyAIError error;
    TinyAISession sessions[TINYAI_MAX_SEQUENCES];
    uint64_t passes;
    uint64_t prompt_tokens;
    TinyAIPressureCallback pressure;
    void *pressure_user;
    TaiOwner owner;      /* in the report of the process */
    TinyAISource source; /* hosts that pump by themselves; else zero */
    TaiReaders *readers; /* in memory of their own; NULL: the computing thread reads */
    uint32_t n_readers;  /* threads of them that run */
    uint64_t stalled_ns; /* that tinyai_run waited for reads */
    /* Returns when no range is in flight; NULL where the host answers ranges when it likes. */
    void (*settle)(TinyAIModel *model);
    uint64_t memory_bytes; /* of the region, hosts that reserved it */
};

_Static_assert(sizeof(struct TinyAIModel) <= TAI_ENGINE_BYTES, "TAI_ENGINE_BYTES is too small");

/* Address in linear memory -> pointer. */
static inline void *tai_at(const TinyAIModel *m, uint64_t address) {
    return (void *)(m->linear + (uintptr_t)address); // NOLINT(performance-no-int-to-ptr)
}

/* Pointer to an offset of a region. */
static inline void *tai_in(const TinyAIModel *m, TaiRegionId region, uint64_t offset) {
    return tai_at(m, m->planned.layout.region[region].address + offset);
}

/* Builds the graph of a pass in m->file.graph. */
int32_t tai_schedule_build(TinyAIModel *model, TinyAIError *error);
/* Asks the pressure callback: 0, TINYAI_STEP_NEED (ask again once ranges were answered) or an error. */
int32_t tai_feel_pressure(TinyAIModel *model);
/* What the report says of a model (self: a TinyAIModel). */
void tai_model_facts(const void *self, TaiFacts *facts);

/* Where the header must lie for tai_engine_open, given the plan's reserved_bytes. */
uint64_t tai_header_address(uint64_t reserved_bytes, uint64_t header_bytes);

/* Opens a model in memory whose linear address 0 is `linear`, and which reaches from
 * TAI_PROGRAM_BYTES to reserved_bytes (what tai_engine_plan found). The header lies at
 * tai_header_address. The model's address is TAI_PROGRAM_BYTES + TAI_GUARD_BYTES. */
int32_t tai_engine_open(uintptr_t linear, uint64_t reserved_bytes, uint64_t header_bytes,
                        uint64_t file_bytes, const TinyAIOptions *options, TinyAIModel **model,
                        TinyAIError *error);

/* Takes the model off the books; what it did stays in the statistics of the process. Its memory is the
 * host's. */
void tai_engine_close(TinyAIModel *model);

/* Plans from the first `size` bytes of the file, with scratch memory of its own: TAI_HEADER_MORE if the
 * header is longer (then plan->header_bytes says how long at least: reading just that reads no tensor),
 * 0 (also if the plan does not fit: *error tells how), or an error. scratch: 64-byte aligned. */
int32_t tai_engine_plan(const uint8_t *header, uint64_t size, uint64_t file_bytes, void *scratch,
                        uint64_t scratch_bytes, const TinyAIOptions *options, TinyAIPlan *plan,
                        TinyAIError *error);
/* The same from a header that is parsed, with an index of index_bytes; directory: as in tai_file_take. Without
 * plan->planning_bytes, which the caller knows. */
int32_t tai_engine_plan_header(const TaiHeader *header, uint64_t index_bytes, void *directory,
                               uint64_t directory_bytes, const TinyAIOptions *options,
                               TinyAIPlan *plan, TinyAIError *error);

/* Threads that help computing, as many as are planned and the host gives. */
void tai_helpers_start(TinyAIModel *model);
void tai_helpers_stop(TinyAIModel *model);
/* TINYAI_THREADS_*, where so many compute. */
uint32_t tai_threads_missing(const TinyAIModel *model, uint32_t running);

/* Lets those units stay that a configuration keeps; false while ranges in flight hold a slot that has to be
 * given back. */
bool tai_pin_units(TinyAIModel *model, const TaiConfig *config);

/* True if every guard between the regions is as tai_engine_open wrote it. */
bool tai_guards_intact(const TinyAIModel *model);

/* Ends what is running with an error; returns the status. */
int32_t tai_engine_fail(TinyAIModel *model, int32_t status);

/* The batch that begins with items[0..n) already in the batch room: starts its first chunk. */
void tai_forward_begin(TinyAIModel *model, uint32_t n_items, bool another_follows);
/* Runs the forward pass: READY, NEED, LOGITS, DONE or an error. */
int32_t tai_forward_step(TinyAIModel *model, uint64_t *work);
/* Lets go of the unit being computed with. */
void tai_forward_leave(TinyAIModel *model);
TinyAIBatchItem *tai_batch(const TinyAIModel *model);

/* Sets up the operations of a unit whose bytes are in memory. */
void tai_build_unit(TinyAIModel *model, uint32_t index);
/* Dequantizes a token's embedding row into the residual stream of an item of the chunk. rows: the row, or the
 * panel that it is in. */
void tai_embed(TinyAIModel *model, uint32_t item, uint32_t token, const void *rows, bool panel);
/* Cos and sin of the chunk's positions. */
void tai_rope_angles(TinyAIModel *model);

/* Logits are complete: samples the next token. TINYAI_STEP_TOKEN or an error. */
int32_t tai_generate_token(TinyAIModel *model);

#endif
