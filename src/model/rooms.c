#include "model/rooms.h"

#include "memory/checked.h"
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

bool tai_scratch_room(const TaiFile *file, const TaiConfig *c, TaiScratchRoom *room) {
    const TaiHparams *hp = &file->hp;
    uint64_t t = c->chunk;
    uint64_t q_bytes = (uint64_t)hp->heads * hp->head_dim * 4;
    uint64_t kv_bytes = (uint64_t)hp->kv_heads * hp->head_dim * 4;
    uint64_t widest = tai_max_u64(tai_max_u64(hp->embd, hp->ff), q_bytes / 4);
    room->act_stride = largest_act((uint32_t)widest);
    TaiExtent attention = {0, true};
    room->x = tai_extent_put(&attention, t, (uint64_t)hp->embd * 4);
    room->h = tai_extent_put(&attention, t, (uint64_t)hp->embd * 4);
    room->act = tai_extent_put(&attention, t, room->act_stride);
    room->angles = tai_extent_put(&attention, t, (uint64_t)hp->rope_dims * 4);
    TaiExtent ffn = attention;
    room->q = tai_extent_put(&attention, t, q_bytes);
    room->k = tai_extent_put(&attention, t, kv_bytes);
    room->v = tai_extent_put(&attention, t, kv_bytes);
    room->att = tai_extent_put(&attention, t, q_bytes);
    room->scores = tai_extent_put(&attention, hp->heads / hp->kv_heads,
                                  (uint64_t)tai_scores_stride(c->context) * 4);
    room->gate = tai_extent_put(&ffn, t, (uint64_t)hp->ff * 4);
    room->up = tai_extent_put(&ffn, t, (uint64_t)hp->ff * 4);
    room->bytes =
        tai_max_u64(tai_max_u64(attention.end, ffn.end), tai_sample_scratch_bytes(hp->vocab_size));
    return attention.ok && ffn.ok;
}

uint64_t tai_kv_head_bytes(const TaiFile *file, const TaiConfig *c) {
    uint64_t groups = ((uint64_t)c->context + TAI_KV_GROUP - 1) / TAI_KV_GROUP;
    uint64_t element = c->kv_type == TINYAI_KV_F32 ? 4 : 2;
    return tai_align_up(groups * 2 * TAI_KV_GROUP * file->hp.head_dim * element, TAI_ALIGNMENT);
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
