/* The vocabulary of a SentencePiece model: texts, scores and types of its tokens, and the indexes
 * that the tokenizer needs. Lives in one region that the caller hands in; allocates nothing.
 *
 *     tai_vocab_init, tai_vocab_add for each token in order, then fill scores[], types[] and change
 *     the special ids and flags that the file states, then tai_vocab_finish.
 */
#ifndef TAI_VOCAB_H
#define TAI_VOCAB_H

#include <stdbool.h>
#include <stdint.h>

#include "tinyai/status.h"

#define TAI_NO_TOKEN UINT32_MAX
#define TAI_MAX_TOKENS (1u << 20)
#define TAI_MAX_TOKEN_BYTES 65535u
#define TAI_MAX_VOCAB_TEXT (1u << 30)
#define TAI_MAX_END_TOKENS 24u

enum {
    TAI_TOKEN_NORMAL = 1,
    TAI_TOKEN_UNKNOWN = 2,
    TAI_TOKEN_CONTROL = 3,
    TAI_TOKEN_USER_DEFINED = 4,
    TAI_TOKEN_UNUSED = 5,
    TAI_TOKEN_BYTE = 6,
};

typedef struct TaiVocab {
    uint32_t n_tokens;
    uint32_t longest; /* bytes of the longest token text */
    float *scores;    /* [n_tokens]; 0 until the caller sets them */
    uint8_t *types;   /* [n_tokens]; NORMAL until the caller sets them */

    /* TAI_NO_TOKEN = none. Preset to what llama.cpp takes for granted: bos 1, eos 2, unk 0. */
    uint32_t bos, eos, eot, unk;
    bool add_bos;          /* preset true */
    bool add_eos;          /* preset false */
    bool add_space_prefix; /* preset true */

    /* Set by tai_vocab_finish. True: no merge crosses the border between a non-blank and a blank,
     * so text may be tokenized word by word with the same result. */
    bool splits_at_blanks;
    uint32_t byte_token[256]; /* TAI_NO_TOKEN where there is none */
    uint32_t end_tokens[TAI_MAX_END_TOKENS];
    uint32_t n_end_tokens;

    /* The rest belongs to vocab.c and special.c. */
    uint32_t n_added;
    uint32_t text_capacity;
    char *text;        /* texts of all tokens back to back */
    uint32_t *offsets; /* [n_tokens + 1] into text */
    uint32_t *index;   /* [n_index] = hash[n_hash], gap, specials[n_specials] */
    uint32_t n_index;
    uint32_t n_hash;
    /* User-defined tokens, then control and unknown ones, each part sorted by text and id. */
    uint32_t *specials;
    uint32_t n_specials;
    uint32_t n_user_defined;
    uint32_t longest_special;
    uint8_t special_first[256]; /* which part has tokens that begin with this byte: bits 0 and 1 */
} TaiVocab;

/* Bytes of the region of a vocabulary whose token texts take text_bytes together; UINT64_MAX if
 * that is more than a vocabulary may have. The region must be 4-byte aligned. */
uint64_t tai_vocab_bytes(uint32_t n_tokens, uint64_t text_bytes);

int32_t tai_vocab_init(TaiVocab *v, void *region, uint32_t n_tokens, uint64_t text_bytes);

/* Copies the text of the next token. E_FORMAT if it is longer than TAI_MAX_TOKEN_BYTES or the texts
 * are more than announced. */
int32_t tai_vocab_add(TaiVocab *v, const char *bytes, uint32_t len);

/* Builds the indexes. E_FORMAT, with the token id in *error (may be NULL): a type or special id out
 * of range, a score that is not a number, a byte token that is not <0xHH>. */
int32_t tai_vocab_finish(TaiVocab *v, TinyAIError *error);

/* Text of token id < n_tokens, not terminated; blanks are U+2581 in normal tokens. */
const char *tai_vocab_text(const TaiVocab *v, uint32_t id, uint32_t *len);

/* The token that plain text can become by merging: normal and unused ones, and user-defined ones
 * that hold a U+2581. The last id of equal texts, as in llama.cpp; TAI_NO_TOKEN if none. */
uint32_t tai_vocab_find(const TaiVocab *v, const char *bytes, uint32_t len);

/* True for eos, eot and the tokens that are known to end a generation by their text (which are made
 * control tokens, whatever the file says). */
bool tai_vocab_is_end(const TaiVocab *v, uint32_t id);

#endif
