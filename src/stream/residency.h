/* Residency: which pieces of the file are in memory, and which byte ranges are wanted next. The one
 * cache of layers: the engine, the mapped model and the progressive loader all run on it.
 *
 * A *unit* is what is loaded and dropped as a whole: the final norm, a transformer block, a strip
 * of the output head, a strip of the embedding matrix. Units are numbered in execution order. Blocks and
 * head strips live in the slots of a pool each: pinned and held units keep theirs, the others pass through
 * what is left, least recently used first. It never reads; it fills a table of ranges for the host. */
#ifndef TAI_RESIDENCY_H
#define TAI_RESIDENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "memory/pool.h"
#include "tinyai/tinyai.h"

#define TAI_RANGES 64u /* wanted ranges at a time */
#define TAI_NO_UNIT UINT32_MAX
#define TAI_ROWS_UNIT (UINT32_MAX - 1) /* embedding rows, which belong to no unit */

typedef enum TaiUnitKind {
    TAI_UNIT_FINAL,
    TAI_UNIT_BLOCK,
    TAI_UNIT_HEAD,
    TAI_UNIT_EMBEDDING
} TaiUnitKind;

/* Bytes that are contiguous in the file and in the slot. */
typedef struct TaiRun {
    uint64_t off; /* in the file */
    uint32_t bytes;
    uint32_t at; /* in the slot, behind its unit's `land` */
} TaiRun;

typedef struct TaiUnit {
    uint64_t address;   /* of its slot; meaningless while it has none */
    uint64_t hash;      /* XXH3-64 of its bytes in the file, run behind run; see has_hash */
    uint64_t used;      /* clock of its last turn: least recently used goes first */
    uint64_t kept;      /* number of the last walk that met it: what is needed soon stays */
    uint32_t first_run; /* its runs are runs[first_run .. first_run + n_runs) */
    uint32_t n_runs;
    uint32_t bytes;    /* read from the file: the sum of its runs */
    uint32_t land;     /* offset in the slot that its runs count from: room to repack it in place */
    uint32_t next_run; /* while loading: where the next range starts */
    uint32_t next_byte;
    uint16_t pending; /* ranges of it in the table */
    uint16_t held;    /* callers that want it to stay (progressive loaders) */
    uint8_t kind;     /* TaiUnitKind */
    uint8_t state;    /* TINYAI_BLOCK_* */
    bool pinned;      /* stays, by plan or policy */
    bool small;       /* stays once loaded, by policy */
    bool has_slot;    /* of its pool */
    bool has_hash;    /* .tmai: its bytes must match */
    bool verified;    /* they did, once */
    bool repack;      /* what is read must be repacked before it is used */
    bool repacked;    /* it was, since it was read */
    bool fresh;       /* loaded or loading, and its turn has not come since */
    bool ahead;       /* its loading began before its turn */
    bool failed;      /* a range failed or was given up: becomes absent when none is pending */
    bool avoid;       /* reading ahead failed: load only on demand */
} TaiUnit;

/* Slots for units of one kind: a pool of which a budget may leave some unused.
 * Invariant: slots in use <= active <= pool.n_blocks. */
typedef struct TaiSlots {
    TinyAIMemoryPool pool;
    uint32_t active;
    bool exhausted; /* in this walk a unit got none, so nothing behind it may take one before it */
} TaiSlots;

typedef struct TaiPending {
    TinyAIRange range;
    uint32_t unit;
    bool used;
    bool taken;  /* the host has it */
    bool orphan; /* what wanted it has ended: its failure fails nothing that came later */
} TaiPending;

/* The cycle that units are visited in: first..last, again from `loop_first` while loops are left,
 * then from the start if another pass follows. */
typedef struct TaiPass {
    uint32_t last;
    uint32_t loop_first;
    uint32_t loops; /* further rounds of loop_first..last */
    bool another;   /* another pass will follow */
} TaiPass;

typedef struct TaiResidency {
    TaiUnit *units; /* [n_units] */
    TaiRun *runs;
    uint32_t n_units;
    uint32_t read_chunk_bytes;
    uintptr_t linear; /* what address 0 is on this host */
    uint64_t clock;   /* turns so far */
    uint64_t walk;    /* walks so far */
    TaiSlots blocks;
    TaiSlots head;
    TaiPending pending[TAI_RANGES];
    uint32_t n_pending;
    uint32_t next_id;
    uint32_t rows_pending; /* embedding rows wanted and not yet there */
    bool rows_wanted;      /* the rows that are pending are for the running pass */
    int32_t failed_status; /* of a demanded range; TINYAI_OK: none */
    uint64_t failed_off;
    uint64_t bytes_read[4]; /* by TaiUnitKind; embedding rows count as TAI_UNIT_EMBEDDING */
    uint64_t requests;
    uint64_t hits;
    uint64_t misses;
    uint64_t prefetched;
} TaiResidency;

/* Which of n_blocks are pinned: n_pinned of them, spread evenly, so that reading one streamed block
 * can overlap computing the pinned ones before it. */
bool tai_is_pinned(uint32_t block, uint32_t n_pinned, uint32_t n_blocks);

/* Gives the units of a kind (blocks or head strips) their slots: n_slots of slot_bytes from base on, all
 * active. next: n_slots of room for the pool. */
void tai_residency_slots(TaiResidency *r, TaiUnitKind kind, void *base, uint64_t slot_bytes,
                         uint32_t n_slots, uint32_t *next);

/* From now on n_pinned units of a kind stay once they are loaded (blocks: spread evenly; head strips: the
 * first ones), and at most `active` slots are in use. Drops what has to go: false if ranges in flight hold
 * a slot that has to be given back; then what could be dropped was, and the call must be repeated once they
 * are answered. */
bool tai_residency_pin(TaiResidency *r, TaiUnitKind kind, uint32_t n_pinned, uint32_t active);

/* Drops a unit; false while ranges of it are in flight or it is not there. */
bool tai_residency_drop(TaiResidency *r, uint32_t index);
/* Bytes of slots in use, of a kind. */
uint64_t tai_residency_slot_bytes(const TaiResidency *r, TaiUnitKind kind);

/* Wants ranges for `current` and, reading ahead along the pass, for what follows it as far as slots
 * and the table have room. */
void tai_residency_want(TaiResidency *r, uint32_t current, const TaiPass *pass, bool read_ahead);
/* The same where no pass says what follows: begins a walk, then wants one unit after the other in the order
 * of need, the current one first and on demand. False when the table is full. */
void tai_residency_walk(TaiResidency *r);
bool tai_residency_want_unit(TaiResidency *r, uint32_t index, bool demand);

/* The unit's turn has come: counts the hit or miss. Call once per turn, when it is resident. */
void tai_residency_turn(TaiResidency *r, uint32_t index);

/* Wants one embedding row; false if the table is full now. */
bool tai_residency_want_row(TaiResidency *r, uint64_t off, uint32_t bytes, uint64_t address);

uint32_t tai_residency_take(TaiResidency *r, TinyAIRange *ranges, uint32_t capacity);
/* Length of a range in flight, 0 if there is none of that id. */
uint32_t tai_residency_length(const TaiResidency *r, uint32_t id);
/* status TINYAI_OK: the bytes are there; anything else: they are not. `current`: the unit needed
 * now, or TAI_NO_UNIT; its failure is kept in failed_status. False for an id that is not in flight.
 */
bool tai_residency_answer(TaiResidency *r, uint32_t id, int32_t status, uint32_t current);
/* Ends what is wanted: forgets ranges that the host has not taken, and makes orphans of those it has. */
void tai_residency_drop_untaken(TaiResidency *r);
/* The same, but embedding rows, which have no slot and are not wanted a second time, stay wanted. */
void tai_residency_drop_untaken_units(TaiResidency *r);

#endif
