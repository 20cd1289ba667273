/* Planning and opening: from the bytes of a header to an engine in its place. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "format/cursor.h"
#include "memory/checked.h"
#include "memory/error.h"
#include "memory/process.h"
#include "model/engine.h"
#include "schedule/plan.h"

#define GUARD_BYTE 0xA5u
#define MODEL_ADDRESS (TAI_PROGRAM_BYTES + TAI_GUARD_BYTES)

/* ---- planning -------------------------------------------------------------------------------- */

int32_t tai_engine_plan_header(const TaiHeader *header, uint64_t index_bytes, void *directory,
                               uint64_t directory_bytes, const TinyAIOptions *options,
                               TinyAIPlan *plan, TinyAIError *error) {
    TaiFile file;
    int32_t status = tai_file_take(&file, header, index_bytes, directory, directory_bytes, error);
    if (status) {
        return status;
    }
    TaiPlanned planned;
    status = tai_plan(&file.shape, file.units, options, plan, &planned, error);
    return status == TINYAI_E_BUDGET ? TINYAI_OK : status;
}

int32_t tai_engine_plan(const uint8_t *header, uint64_t size, uint64_t file_bytes, void *scratch,
                        uint64_t scratch_bytes, const TinyAIOptions *options, TinyAIPlan *plan,
                        TinyAIError *error) {
    uint64_t index_bytes = 0;
    TaiHeader parsed = {0};
    memset(plan, 0, sizeof *plan);
    int32_t status =
        tai_header_index_bytes(header, size, file_bytes, &index_bytes, &plan->header_bytes, error);
    if (status) {
        return status;
    }
    if (size < plan->header_bytes) {
        return TAI_HEADER_MORE;
    }
    uint64_t directory_at = tai_align_up(index_bytes, TAI_ALIGNMENT);
    if (directory_at > scratch_bytes) {
        return tai_fail(error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET, "planning needs more memory");
    }
    status = tai_header_parse(&parsed, header, size, file_bytes, scratch, index_bytes, error);
    plan->header_bytes = parsed.header_bytes;
    if (status) {
        return status;
    }
    status = tai_engine_plan_header(&parsed, index_bytes, (uint8_t *)scratch + directory_at,
                                    scratch_bytes - directory_at, options, plan, error);
    plan->planning_bytes = size + scratch_bytes;
    return status;
}

/* ---- opening --------------------------------------------------------------------------------- */

uint64_t tai_header_address(uint64_t reserved_bytes, uint64_t header_bytes) {
    return (reserved_bytes - header_bytes) & ~(uint64_t)(TAI_ALIGNMENT - 1);
}

/* An array of the vocabulary, one item per token; NULL if it is absent. */
static const TaiKeyValue *vocab_array(const TinyAIModel *m, const char *key, uint32_t item_type,
                                      TinyAIError *error) {
    const TaiKeyValue *kv = tai_header_find(&m->file.header, key);
    if (kv && (kv->type != TAI_VALUE_ARRAY || kv->item_type != item_type ||
               kv->n_items != m->vocab.n_tokens)) {
        tai_fail(error, TINYAI_E_FORMAT, kv->off,
                 "metadata key %s at byte %" PRIu64 " must be an array of %" PRIu32 " %s", key,
                 kv->off, m->vocab.n_tokens,
                 item_type == TAI_VALUE_F32 ? "floats" : "32-bit integers");
    }
    return kv;
}

static void read_token_types(TinyAIModel *m, TinyAIError *error) {
    const TaiKeyValue *scores = vocab_array(m, "tokenizer.ggml.scores", TAI_VALUE_F32, error);
    const TaiKeyValue *types = vocab_array(m, "tokenizer.ggml.token_type", TAI_VALUE_I32, error);
    if (!scores) {
        tai_fail(
            error, TINYAI_E_FORMAT, TINYAI_NO_OFFSET,
            "metadata key tokenizer.ggml.scores is missing: text cannot be tokenized without it");
    }
    if (!scores || error->status) {
        return;
    }
    const uint8_t *bytes = m->file.header.bytes;
    for (uint32_t i = 0; i < m->vocab.n_tokens; i++) {
        m->vocab.scores[i] = tai_load_f32(bytes + scores->off + 4 * (uint64_t)i);
        if (types) {
            uint32_t type = tai_load_u32(bytes + types->off + 4 * (uint64_t)i);
            m->vocab.types[i] = (uint8_t)tai_min_u64(type, UINT8_MAX);
        }
    }
}

static void read_special(TinyAIModel *m, TinyAIError *error) {
    const TaiHeader *header = &m->file.header;
    TaiVocab *v = &m->vocab;
    if (tai_header_u32(header, "tokenizer.ggml.bos_token_id", &v->bos, error) ||
        tai_header_u32(header, "tokenizer.ggml.eos_token_id", &v->eos, error) ||
        tai_header_u32(header, "tokenizer.ggml.eot_token_id", &v->eot, error) ||
        tai_header_u32(header, "tokenizer.ggml.unknown_token_id", &v->unk, error) ||
        tai_header_bool(header, "tokenizer.ggml.add_bos_token", &v->add_bos, error) ||
        tai_header_bool(header, "tokenizer.ggml.add_eos_token", &v->add_eos, error)) {
        return;
    }
    tai_header_bool(header, "tokenizer.ggml.add_space_prefix", &v->add_space_prefix, error);
    if (v->add_bos && v->bos == TAI_NO_TOKEN) {
        tai_fail(error, TINYAI_E_FORMAT, TINYAI_NO_OFFSET,
                 "tokenizer.ggml.add_bos_token is true, but there is no BOS token");
    }
}

static void build_vocab(TinyAIModel *m, TinyAIError *error) {
    const TaiKeyValue *tokens = tai_header_find(&m->file.header, "tokenizer.ggml.tokens");
    uint64_t off = tokens->off;
    uint64_t text_bytes = 0;
    for (uint64_t i = 0; i < tokens->n_items; i++) {
        text_bytes += tai_next_string(&m->file.header, &off).bytes;
    }
    int32_t status = tai_vocab_init(&m->vocab, tai_in(m, TAI_REGION_TOKENIZER, 0),
                                    (uint32_t)tokens->n_items, text_bytes);
    off = tokens->off;
    for (uint64_t i = 0; i < tokens->n_items && !status; i++) {
        TaiString token = tai_next_string(&m->file.header, &off);
        status = tai_vocab_add(&m->vocab, token.text, token.bytes);
    }
    if (status) {
        tai_fail(error, status, tokens->off, "the vocabulary is malformed");
        return;
    }
    read_token_types(m, error);
    if (!error->status) {
        read_special(m, error);
    }
    if (!error->status) {
        tai_vocab_finish(&m->vocab, error);
    }
}

typedef struct KernelsChoice {
    uint32_t option;
    TaiTier tier;
    bool only_if_asked;  /* its speed depends on more than what this build and processor have */
    const char *missing; /* why an option may be refused */
} KernelsChoice;

/* The fastest first; every host has the last. */
static const KernelsChoice kernels_choices[] = {
    {TINYAI_KERNELS_AVX512_VNNI, TAI_TIER_AVX512_VNNI, false,
     "avx512-vnni kernels need a native build and x86-64 with AVX512-VNNI and AVX512-VL"},
    {TINYAI_KERNELS_AVX_VNNI, TAI_TIER_AVX_VNNI, false,
     "avx-vnni kernels need a native build and x86-64 with AVX-VNNI"},
    {TINYAI_KERNELS_AVX2, TAI_TIER_AVX2, false,
     "avx2 kernels need a native build and x86-64 with AVX2 and F16C"},
    {TINYAI_KERNELS_NEON, TAI_TIER_NEON, false,
     "neon kernels need a native build and arm64 with dotprod"},
    {TINYAI_KERNELS_RELAXED16, TAI_TIER_RELAXED16, false,
     "relaxed16 kernels need WebAssembly with relaxed SIMD"},
    {TINYAI_KERNELS_RELAXED32, TAI_TIER_RELAXED32, true,
     "relaxed32 kernels need WebAssembly with relaxed SIMD"},
    {TINYAI_KERNELS_SIMD128, TAI_TIER_SIMD128, false, "simd128 kernels need WebAssembly"},
    {TINYAI_KERNELS_SCALAR, TAI_TIER_SCALAR, false, ""},
};

static bool is_chosen(const KernelsChoice *choice, uint32_t wanted) {
    if (wanted != TINYAI_KERNELS_AUTO) {
        return choice->option == wanted;
    }
    return !choice->only_if_asked && tai_kernels(choice->tier);
}

static void choose_kernels(TinyAIModel *m, TinyAIError *error) {
    uint32_t wanted = m->options.kernels;
    const KernelsChoice *choice = kernels_choices;
    while (!is_chosen(choice, wanted)) {
        choice++;
    }
    m->kernels = tai_kernels(choice->tier);
    m->kernels_used = choice->option;
    if (!m->kernels) {
        tai_fail(error, TINYAI_E_UNSUPPORTED, TINYAI_NO_OFFSET, "%s: ask for auto or scalar",
                 choice->missing);
    }
}

/* The regions that are used from the start; the others overlap the header while it is parsed. */
static bool is_permanent(uint32_t region) {
    return region <= TAI_REGION_TOKENIZER;
}

/* Bytes of a region that the present budget leaves unused: slots for a later, larger one. */
static uint64_t unused_bytes(const TinyAIModel *m, uint32_t region) {
    const TaiConfig *most = &m->planned.most;
    const TaiConfig *now = &m->planned.now;
    const TaiShape *shape = &m->file.shape;
    if (region == TAI_REGION_BLOCK_SLOTS) {
        return (most->slots - now->slots) * shape->slot_bytes;
    }
    if (region == TAI_REGION_HEAD_SLOTS) {
        return (tai_head_slots(most, shape->n_strips) - tai_head_slots(now, shape->n_strips)) *
               shape->strip_bytes;
    }
    return 0;
}

/* Takes a region out of the reserved memory, with its guard before it. That it comes to lie where the layout
 * says is what makes the plan the allocation. */
static void take_region(TinyAIModel *m, uint32_t id, TinyAIError *error) {
    const TaiRegion *region = &m->planned.layout.region[id];
    if (!tai_ledger_reserve(&m->ledger, region->purpose, region->bytes - unused_bytes(m, id),
                            region->padding)) {
        tai_fail(error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET,
                 "no memory for a region of %" PRIu64 " bytes", region->bytes);
    } else if (id != TAI_REGION_PROGRAM) {
        void *guard = tai_static_alloc(&m->memory, TAI_GUARD_BYTES, TAI_ALIGNMENT);
        void *place =
            tai_static_alloc(&m->memory, (size_t)(region->bytes - region->padding), TAI_ALIGNMENT);
        if (!guard || place != tai_at(m, region->address)) {
            tai_fail(error, TINYAI_E_INTERNAL, TINYAI_NO_OFFSET,
                     "a region of %" PRIu64 " bytes is not where it was planned", region->bytes);
            return;
        }
        memset(guard, GUARD_BYTE, TAI_GUARD_BYTES);
    }
}

static void take_regions(TinyAIModel *m, bool permanent, TinyAIError *error) {
    for (uint32_t id = 0; id < TAI_REGIONS && !error->status; id++) {
        if (is_permanent(id) == permanent) {
            take_region(m, id, error);
        }
    }
}

bool tai_guards_intact(const TinyAIModel *m) {
    for (uint32_t id = TAI_REGION_PROGRAM + 1; id < TAI_REGIONS; id++) {
        const uint8_t *guard = tai_at(m, m->planned.layout.region[id].address - TAI_GUARD_BYTES);
        for (uint32_t b = 0; b < TAI_GUARD_BYTES; b++) {
            if (guard[b] != GUARD_BYTE) {
                return false;
            }
        }
    }
    return true;
}

bool tai_pin_units(TinyAIModel *m, const TaiConfig *c) {
    const TaiShape *shape = &m->file.shape;
    bool blocks = tai_residency_pin(&m->residency, TAI_UNIT_BLOCK,
                                    tai_pinned_blocks(c, shape->n_blocks), c->slots);
    bool head = tai_residency_pin(&m->residency, TAI_UNIT_HEAD, c->resident_strips,
                                  tai_head_slots(c, shape->n_strips));
    return blocks && head;
}

/* Final norm and a resident embedding have fixed places; blocks and head strips get pools of slots. */
static void place_units(TinyAIModel *m) {
    TaiResidency *r = &m->residency;
    const TaiShape *shape = &m->file.shape;
    uint64_t embedding_at = m->planned.layout.region[TAI_REGION_EMBEDDING].address;
    *r = (TaiResidency){.units = m->file.units,
                        .runs = m->file.runs,
                        .n_units = m->file.n_units,
                        .read_chunk_bytes = m->options.read_chunk_bytes,
                        .linear = m->linear};
    for (uint32_t i = 0; i < r->n_units; i++) {
        TaiUnit *unit = &r->units[i];
        if (unit->kind == TAI_UNIT_FINAL) {
            unit->pinned = true;
            unit->address = m->planned.layout.region[TAI_REGION_FINAL].address;
        } else if (unit->kind == TAI_UNIT_EMBEDDING) {
            unit->pinned = true; /* visited only if the embedding is resident */
            unit->address = embedding_at;
            embedding_at += unit->bytes;
        }
    }
    tai_residency_slots(r, TAI_UNIT_BLOCK, tai_in(m, TAI_REGION_BLOCK_SLOTS, 0), shape->slot_bytes,
                        m->planned.most.slots,
                        tai_in(m, TAI_REGION_DIRECTORY, m->planned.layout.block_pool));
    tai_residency_slots(r, TAI_UNIT_HEAD, tai_in(m, TAI_REGION_HEAD_SLOTS, 0), shape->strip_bytes,
                        tai_head_slots(&m->planned.most, shape->n_strips),
                        tai_in(m, TAI_REGION_DIRECTORY, m->planned.layout.head_pool));
    tai_pin_units(m, &m->planned.now);
    if (!m->planned.now.embedding_resident) {
        r->n_units -= m->file.n_embedding_strips;
    }
}

/* The vocabulary, while the header's bytes lie behind it. */
static void read_header(TinyAIModel *m, TinyAIError *error) {
    size_t mark = tai_static_mark(&m->memory);
    uint64_t overlay = m->planned.layout.open_bytes - (TAI_PROGRAM_BYTES + mark);
    if (!tai_ledger_reserve(&m->ledger, TINYAI_PURPOSE_HEADER, overlay, 0)) {
        tai_fail(error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET, "no memory for the header");
        return;
    }
    if (!tai_static_alloc(&m->memory, (size_t)overlay, 1)) {
        tai_fail(error, TINYAI_E_INTERNAL, TINYAI_NO_OFFSET, "the header does not fit its plan");
    }
    if (!error->status) {
        build_vocab(m, error);
    }
    tai_static_release(&m->memory, mark);
    tai_ledger_release(&m->ledger, TINYAI_PURPOSE_HEADER, overlay, 0);
}

static void open_parsed(TinyAIModel *m, uint64_t reserved_bytes, TinyAIError *error) {
    if (tai_plan(&m->file.shape, m->file.units, &m->options, &m->plan, &m->planned, error)) {
        return;
    }
    if (m->plan.reserved_bytes != reserved_bytes) {
        tai_fail(error, TINYAI_E_INTERNAL, TINYAI_NO_OFFSET,
                 "the plan is %" PRIu64 " bytes, the memory was made for %" PRIu64,
                 m->plan.reserved_bytes, reserved_bytes);
        return;
    }
    tai_static_init(&m->memory, tai_at(m, TAI_PROGRAM_BYTES),
                    (size_t)(reserved_bytes - TAI_PROGRAM_BYTES));
    take_regions(m, true, error);
    if (!error->status) {
        read_header(m, error);
    }
    if (!error->status) {
        choose_kernels(m, error);
    }
    take_regions(m, false, error);
}

int32_t tai_engine_open(uintptr_t linear, uint64_t reserved_bytes, uint64_t header_bytes,
                        uint64_t file_bytes, const TinyAIOptions *options, TinyAIModel **model,
                        TinyAIError *error) {
    TinyAIModel *m = (TinyAIModel *)(linear + MODEL_ADDRESS); // NOLINT(performance-no-int-to-ptr)
    uint64_t header_at = tai_header_address(reserved_bytes, header_bytes);
    const uint8_t *header =
        (uint8_t *)(linear + (uintptr_t)header_at); // NOLINT(performance-no-int-to-ptr)
    uint64_t index_bytes = 0;
    uint64_t least_bytes = 0;
    *model = NULL;
    int32_t status =
        tai_header_index_bytes(header, header_bytes, file_bytes, &index_bytes, &least_bytes, error);
    if (status) {
        return status > 0 ? tai_fail(error, TINYAI_E_INTERNAL, 0, "the header is incomplete")
                          : status;
    }
    uint64_t directory_at =
        tai_align_up(MODEL_ADDRESS + TAI_ENGINE_BYTES, TAI_ALIGNMENT) + TAI_GUARD_BYTES;
    if (index_bytes > header_at || header_at - index_bytes < directory_at) {
        return tai_fail(error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET, "no room for the header's index");
    }
    uint64_t index_at = (header_at - index_bytes) & ~(uint64_t)(TAI_ALIGNMENT - 1);
    memset(m, 0, sizeof *m);
    m->linear = linear;
    m->options = *options;
    tai_error_clear(&m->error);
    tai_team_init(&m->team);
    TaiHeader parsed;
    status = tai_header_parse(&parsed, header, header_bytes, file_bytes, tai_at(m, index_at),
                              index_bytes, error);
    if (!status) {
        status = tai_file_take(&m->file, &parsed, index_bytes, tai_at(m, directory_at),
                               index_at - directory_at, error);
    }
    if (status) {
        return status > 0 ? tai_fail(error, TINYAI_E_STALE, TINYAI_NO_OFFSET,
                                     "the header changed since it was planned: open the file again")
                          : status;
    }
    open_parsed(m, reserved_bytes, error);
    if (error->status) {
        tai_ledger_close(&m->ledger);
        return error->status;
    }
    /* The header is not needed any more: from here on its place is the run's. */
    memset(&m->file.header, 0, sizeof m->file.header);
    tai_text_room(&m->file, &m->planned.now, &m->text);
    tai_scratch_room(&m->file, &m->planned.now, &m->scratch);
    place_units(m);
    if (tai_schedule_build(m, error)) {
        tai_ledger_close(&m->ledger);
        return error->status;
    }
    for (uint32_t s = 0; s < TINYAI_MAX_SEQUENCES; s++) {
        m->sessions[s] = (TinyAISession){.model = m, .sequence = s};
    }
    m->phase = TAI_PHASE_DONE;
    m->owner = (TaiOwner){.self = m, .facts = tai_model_facts};
    tai_owner_add(&m->owner);
    *model = m;
    return TINYAI_OK;
}

void tai_engine_close(TinyAIModel *m) {
    TaiFacts facts = {0};
    tai_owner_remove(&m->owner);
    tai_model_facts(m, &facts);
    tai_ledger_close(&m->ledger);
    tai_process_retire(&facts.stats);
}
