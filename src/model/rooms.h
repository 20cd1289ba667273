/* What a run needs besides weights: text buffers, KV cache, activations. */
#ifndef TAI_ROOMS_H
#define TAI_ROOMS_H

#include "model/file.h"

/* Offsets inside TAI_REGION_TEXT. */
typedef struct TaiTextRoom {
    uint64_t ids;       /* uint32[ids_capacity]: in and out */
    uint64_t history;   /* uint32[context]: the running generation */
    uint64_t batch;     /* TinyAIBatchItem[context] */
    uint64_t logits;    /* float[vocab_size] */
    uint64_t text;      /* char[text_capacity]: in and out */
    uint64_t token;     /* char[longest_token]: bytes of one token */
    uint64_t piece;     /* char[piece_bytes]: text on its way out */
    uint64_t tokenizer; /* scratch */
    uint64_t tokenizer_bytes;
    uint64_t bytes;
    uint32_t text_capacity;
    uint32_t ids_capacity; /* at least the context, and every id that a full text buffer can give */
} TaiTextRoom;

/* Tokens of a prompt that attention takes together at most: what they share of loading keys and values no longer
 * matters beyond, and an item of theirs stays a small part of a step. */
#define TAI_ATTENTION_TOKENS 8u

/* Offsets inside TAI_REGION_SCRATCH, placed by lifetime: what is not needed at the same time may lie at the
 * same place. T = tokens per pass. */
typedef struct TaiScratchRoom {
    uint64_t x;      /* float[T][embd]: the residual stream */
    uint64_t h;      /* float[T][embd]: normalized input, then a matrix's output */
    uint64_t act;    /* [T][act_stride]: activations in the form of the next matrix */
    uint64_t angles; /* float[T][rope_dims]: cos and sin of each pair */
    uint64_t q;      /* float[T][heads * head_dim] */
    uint64_t k;      /* float[T][kv_heads * head_dim] */
    uint64_t v;      /* float[T][kv_heads * head_dim] */
    uint64_t att;    /* float[T][heads * head_dim] */
    /* float, of each thread: at least for the heads that share a kv head, in a whole context */
    uint64_t scores;
    uint64_t gate; /* float[T][ff] */
    uint64_t up;   /* float[T][ff] */
    uint64_t act_stride;
    uint64_t scores_stride; /* bytes from one thread's to the next */
    uint64_t bytes;         /* also enough for the sampler, which runs between passes */
} TaiScratchRoom;

bool tai_text_room(const TaiFile *file, const TaiConfig *config, TaiTextRoom *room);
bool tai_scratch_room(const TaiFile *file, const TaiConfig *config, TaiScratchRoom *room);
/* Bytes of the KV cache of one (sequence, block, kv head). */
uint64_t tai_kv_head_bytes(const TaiFile *file, const TaiConfig *config);

/* TaiShape's rooms, model = the TaiFile. */
bool tai_rooms(const void *file, const TaiConfig *config, TaiRooms *rooms);

#endif
