#include "model/rooms.h"

#include <stddef.h>

#include "memory/checked.h"
#include "schedule/graph.h"
#include "text/sampler.h"
#include "text/spm.h"
#include "text/text_stream.h"

#define MIN_TEXT_BYTES 4096u
#define MAX_TEXT_BYTES 32768u
#define TEXT_BYTES_PER_TOKEN 4u
#define SPECIAL_IDS 8u /* BOS, EOS and the blank in front, generously */

bool tai_text_room(const TaiFile *file, const TaiConfig *c, TaiTextRoom *room) {
    const TaiHparams *hp = &file->hp;
    uint64_t capacity = (uint64_t)c->context * TEXT_BYTES_PER_TOKEN;
    capacity = tai_min_u64(tai_max_u64(capacity, MIN_TEXT_BYTES), MAX_TEXT_BYTES);
    /* One token always fits on its way out. */
    capacity = tai_max_u64(capacity, 4 * (uint64_t)hp->longest_token + 64);
    room->text_capacity = (uint32_t)capacity;
    room->ids_capacity = (uint32_t)tai_max_u64(c->context, capacity + SPECIAL_IDS);
    room->tokenizer_bytes = tai_spm_scratch_bytes(room->text_capacity);
    TaiExtent e = {0, true};
    room->ids = tai_extent_put(&e, room->ids_capacity, sizeof(uint32_t));
    room->history = tai_extent_put(&e, c->context, sizeof(uint32_t));
    room->batch = tai_extent_put(&e, c->context, sizeof(TinyAIBatchItem));
    room->logits = tai_extent_put(&e, hp->vocab_size, sizeof(float));
    room->text = tai_extent_put(&e, 1, room->text_capacity);
    room->token = tai_extent_put(&e, 1, hp->longest_token);
    room->piece = tai_extent_put(&e, 1, tai_text_stream_out_bytes(hp->longest_token));
    room->tokenizer = tai_extent_put(&e, 1, room->tokenizer_bytes);
    room->bytes = e.end;
    return e.ok;
}

/* Activations of one token in the largest form that a matrix of this width can ask for. */
static uint64_t largest_act(uint32_t width) {
    uint64_t most = 0;
    for (uint32_t form = 0; form < TAI_ACT_FORMS; form++) {
        most = tai_max_u64(most, tai_act_bytes((TaiActForm)form, width));
    }
    return tai_align_up(most, TAI_ALIGNMENT);
}

/* What computing a block leaves behind, in the order in which it is computed. */
typedef enum Activation {
    ANGLES,
    X,
    H,
    ACT,
    Q,
    K,
    V,
    STORED, /* k and v are in the cache: no output of its own */
    SCORES,
    ATT,
    ADDED, /* the first half is in the residual stream */
    GATE,
    UP,
    DOWN, /* the second half is, and the next block follows */
    ACTIVATIONS
} Activation;

typedef struct Need {
    uint8_t layer;
    uint8_t on;
    uint8_t type;
} Need;

static const Need needs[] = {
    {Q, ACT, TINYAI_DEP_SEQUENTIAL},         {K, ACT, TINYAI_DEP_SEQUENTIAL},
    {V, ACT, TINYAI_DEP_SEQUENTIAL},         {STORED, Q, TINYAI_DEP_SEQUENTIAL},
    {STORED, K, TINYAI_DEP_SEQUENTIAL},      {STORED, V, TINYAI_DEP_SEQUENTIAL},
    {STORED, ANGLES, TINYAI_DEP_SEQUENTIAL}, {ATT, Q, TINYAI_DEP_ATTENTION},
    {ATT, SCORES, TINYAI_DEP_SEQUENTIAL},    {ADDED, ATT, TINYAI_DEP_SEQUENTIAL},
    {ADDED, X, TINYAI_DEP_RESIDUAL},         {GATE, ACT, TINYAI_DEP_SEQUENTIAL},
    {UP, ACT, TINYAI_DEP_SEQUENTIAL},        {DOWN, GATE, TINYAI_DEP_SEQUENTIAL},
    {DOWN, UP, TINYAI_DEP_SEQUENTIAL},       {DOWN, ACT, TINYAI_DEP_SEQUENTIAL},
    {DOWN, H, TINYAI_DEP_SEQUENTIAL},        {DOWN, X, TINYAI_DEP_RESIDUAL},
    {DOWN, ANGLES, TINYAI_DEP_SEQUENTIAL}, /* the same for all blocks */
};
#define N_NEEDS (sizeof needs / sizeof *needs)
#define GRAPH_BYTES 2048u

/* Lifetimes follow from what needs what, and places from lifetimes. False if a size overflows. */
static bool place_activations(const uint64_t bytes[ACTIVATIONS], TaiScratchRoom *room) {
    _Alignas(TAI_ALIGNMENT) uint8_t memory[GRAPH_BYTES];
    TaiGraph graph;
    tai_graph_init(&graph, memory, ACTIVATIONS, N_NEEDS + ACTIVATIONS);
    for (uint32_t i = 0; i < ACTIVATIONS; i++) {
        tai_graph_add(&graph, i, TAI_NO_LAYER, TINYAI_DEP_NONE, bytes[i], NULL);
    }
    for (uint32_t i = 0; i < N_NEEDS; i++) {
        tai_graph_add(&graph, needs[i].layer, needs[i].on, needs[i].type, bytes[needs[i].layer],
                      NULL);
    }
    tai_graph_order(&graph, false);
    room->bytes = tai_graph_place(&graph, TAI_ALIGNMENT);
    room->angles = graph.layers[ANGLES].at;
    room->x = graph.layers[X].at;
    room->h = graph.layers[H].at;
    room->act = graph.layers[ACT].at;
    room->q = graph.layers[Q].at;
    room->k = graph.layers[K].at;
    room->v = graph.layers[V].at;
    room->scores = graph.layers[SCORES].at;
    room->att = graph.layers[ATT].at;
    room->gate = graph.layers[GATE].at;
    room->up = graph.layers[UP].at;
    return room->bytes != UINT64_MAX;
}

/* Of each thread, in bytes. Scores of one token have room at any depth. More tokens at a time are worth nothing but
 * what is free at that moment: the feed-forward half has its gate and up where attention has its queries, scores and
 * result. */
static uint64_t scores_stride(const TaiHparams *hp, const TaiConfig *c, uint64_t q_bytes) {
    uint64_t token = (uint64_t)(hp->heads / hp->kv_heads) * tai_scores_stride(c->context) * 4;
    uint64_t feed_forward = 2 * (uint64_t)hp->ff * 4;
    uint64_t room = feed_forward > 2 * q_bytes ? c->chunk * (feed_forward - 2 * q_bytes) : 0;
    uint64_t share = room / c->threads & ~(uint64_t)(TAI_ALIGNMENT - 1);
    uint64_t most = tai_min_u64(c->chunk, TAI_ATTENTION_TOKENS) * token;
    return tai_align_up(tai_max_u64(token, tai_min_u64(share, most)), TAI_ALIGNMENT);
}

bool tai_scratch_room(const TaiFile *file, const TaiConfig *c, TaiScratchRoom *room) {
    const TaiHparams *hp = &file->hp;
    uint64_t t = c->chunk;
    uint64_t q_bytes = (uint64_t)hp->heads * hp->head_dim * 4;
    uint64_t kv_bytes = (uint64_t)hp->kv_heads * hp->head_dim * 4;
    uint64_t widest = tai_max_u64(tai_max_u64(hp->embd, hp->ff), q_bytes / 4);
    room->act_stride = largest_act((uint32_t)widest);
    room->scores_stride = scores_stride(hp, c, q_bytes);
    /* At most 512 tokens of 2^32 bytes each: no overflow. */
    const uint64_t bytes[ACTIVATIONS] = {[ANGLES] = t * hp->rope_dims * 4,
                                         [X] = t * hp->embd * 4,
                                         [H] = t * hp->embd * 4,
                                         [ACT] = t * room->act_stride,
                                         [Q] = t * q_bytes,
                                         [K] = t * kv_bytes,
                                         [V] = t * kv_bytes,
                                         [SCORES] = c->threads * room->scores_stride,
                                         [ATT] = t * q_bytes,
                                         [GATE] = t * hp->ff * 4,
                                         [UP] = t * hp->ff * 4};
    bool placed = place_activations(bytes, room);
    room->bytes = tai_max_u64(room->bytes, tai_sample_scratch_bytes(hp->vocab_size));
    return placed;
}

_Static_assert((int)TINYAI_KV_F32 == (int)TAI_KV_F32 && (int)TINYAI_KV_F16 == (int)TAI_KV_F16 &&
                   (int)TINYAI_KV_Q8 == (int)TAI_KV_Q8,
               "the option's numbers are the kernels'");

uint64_t tai_kv_head_bytes(const TaiFile *file, const TaiConfig *c) {
    uint64_t groups = ((uint64_t)c->context + TAI_KV_GROUP - 1) / TAI_KV_GROUP;
    uint64_t group = tai_kv_group_bytes((TaiKvType)c->kv_type, file->hp.head_dim);
    return tai_align_up(groups * group, TAI_ALIGNMENT);
}

bool tai_rooms(const void *model, const TaiConfig *config, TaiRooms *rooms) {
    const TaiFile *file = model;
    TaiTextRoom text;
    TaiScratchRoom scratch;
    uint64_t heads = (uint64_t)config->sequences * file->hp.n_blocks;
    if (!tai_text_room(file, config, &text) || !tai_scratch_room(file, config, &scratch) ||
        !tai_mul(heads, file->hp.kv_heads, &heads) ||
        !tai_mul(heads, tai_kv_head_bytes(file, config), &rooms->kv)) {
        return false;
    }
    rooms->text = text.bytes;
    rooms->scratch = scratch.bytes;
    return true;
}
