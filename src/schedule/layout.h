/* The layout: where everything lies in memory. One function computes it, once to count for the plan
 * and once to place for the run, so the two cannot drift apart. It depends on the header and the
 * options alone: neither on the host nor on the kernel tier. */
#ifndef TAI_LAYOUT_H
#define TAI_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "tinyai/tinyai.h"

/* Static data and stack of the program: linear memory below it is the program's. The same number on
 * every host, so that a plan is the same on every host; the builds assert that they need no more.
 */
#define TAI_PROGRAM_BYTES 131072u
/* The engine's own state (struct TinyAIModel), the same number for every pointer width. */
#define TAI_ENGINE_BYTES 16384u

#define TAI_ALIGNMENT 64u
/* Before each region behind the program lie bytes that never change while the model is open. */
#define TAI_GUARD_BYTES 64u
#define TAI_MAX_CHUNK 512u
#define TAI_MIN_CHUNK 8u

struct TaiConfig;

/* Bytes that the model needs besides its weights, for some configuration. */
typedef struct TaiRooms {
    uint64_t text;    /* prompt, history, logits, text in and out */
    uint64_t kv;      /* keys and values */
    uint64_t scratch; /* activations */
} TaiRooms;

/* What the header says about sizes. */
typedef struct TaiShape {
    uint64_t file_bytes;
    uint64_t header_bytes;
    uint64_t index_bytes;     /* of the header's index, while it is parsed */
    uint64_t directory_bytes; /* tensors, units and runs */
    uint64_t tokenizer_bytes;
    uint64_t final_bytes;         /* final norm and RoPE factors */
    uint64_t slot_bytes;          /* what the largest block takes, with the room to repack it */
    uint64_t strip_bytes;         /* a strip of the output head, as well */
    uint64_t embedding_bytes;     /* a separate embedding matrix; 0 if it is the output head's */
    uint64_t embedding_row_bytes; /* that are read for one row of it */
    uint32_t n_blocks;
    uint32_t n_strips;
    uint32_t vocab_size;
    uint32_t model_context;
    /* Fills in *rooms; false if a size overflows. The model's business: activations are not known
     * here. */
    bool (*rooms)(const void *model, const struct TaiConfig *config, TaiRooms *rooms);
    const void *model;
} TaiShape;

/* What the plan decides. */
typedef struct TaiConfig {
    uint32_t context;
    uint32_t sequences;
    uint32_t kv_type;
    uint32_t threads;         /* that compute, the caller's included */
    uint32_t chunk;           /* tokens per pass */
    uint32_t slots;           /* C */
    uint32_t resident_strips; /* of the output head */
    bool overlap;             /* units that do not stay pass through two slots */
    bool embedding_resident;
} TaiConfig; /* budgets that a model moves between differ in slots and resident_strips alone */

typedef enum TaiRegionId {
    TAI_REGION_PROGRAM,
    TAI_REGION_ENGINE,
    TAI_REGION_DIRECTORY,
    TAI_REGION_TOKENIZER,
    TAI_REGION_THREADS, /* stacks of the helpers */
    TAI_REGION_TEXT,
    TAI_REGION_KV,
    TAI_REGION_SCRATCH, /* activations; the sampler's lists between passes */
    TAI_REGION_ROWS,    /* embedding rows in flight */
    TAI_REGION_EMBEDDING,
    TAI_REGION_FINAL,
    TAI_REGION_HEAD_SLOTS,
    TAI_REGION_BLOCK_SLOTS,
    TAI_REGIONS
} TaiRegionId;

typedef struct TaiRegion {
    uint64_t address; /* of its first byte, in linear memory; its guard lies before */
    uint64_t bytes;   /* alignment and guard included */
    uint64_t padding; /* of bytes: alignment and guard */
    uint32_t purpose;
} TaiRegion;

typedef struct TaiLayout {
    TaiRegion region[TAI_REGIONS];
    uint64_t run_bytes;  /* end of the last region */
    uint64_t open_bytes; /* peak while the header is parsed: it overlays regions not used yet */
    uint64_t peak_bytes;
    uint64_t block_pool; /* offsets in the directory region: room for the pools of slots */
    uint64_t head_pool;
    uint64_t graph; /* and for the graph of a pass */
} TaiLayout;

/* A position that only grows while things are placed one behind the other, each aligned; `ok`
 * becomes false for good where it overflows. */
typedef struct TaiExtent {
    uint64_t end;
    bool ok;
} TaiExtent;

/* Places n * bytes; returns where. */
uint64_t tai_extent_put(TaiExtent *extent, uint64_t n, uint64_t bytes);

/* Computes the layout; false if a size overflows. */
bool tai_layout(const TaiShape *shape, const TaiConfig *config, TaiLayout *layout);

/* Slots by use: of blocks, config->slots in all. */
uint32_t tai_pinned_blocks(const TaiConfig *config, uint32_t n_blocks);
/* Of head strips: the resident ones and those that the others pass through. */
uint32_t tai_head_slots(const TaiConfig *config, uint32_t n_strips);

#endif
