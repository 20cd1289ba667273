/* From token ids back to text. */
#ifndef TAI_DETOKENIZE_H
#define TAI_DETOKENIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "text/utf8.h"
#include "text/vocab.h"

/* Flags; FIRST and LAST have the values of TINYAI_TEXT_*. */
enum {
    TAI_DETOKENIZE_FIRST = 1,         /* drop the one space that the tokenizer put in front */
    TAI_DETOKENIZE_LAST = 2,          /* an incomplete character at the end becomes U+FFFD */
    TAI_DETOKENIZE_SHOW_SPECIAL = 16, /* control and unknown tokens give their text */
};

/* Bytes that one token stands for, written to out (room for v->longest bytes): blanks as spaces,
 * byte tokens as their byte, which may be part of a character. Control, unknown and unused tokens
 * give nothing; with show_special the first two give their text. Returns the count; 0 if id is no
 * token. */
uint32_t tai_token_bytes(const TaiVocab *v, uint32_t id, bool show_special, char *out);

/* The least room for tai_detokenize. */
uint32_t tai_detokenize_min_bytes(const TaiVocab *v);

/* Valid UTF-8 of as many ids as fit into cap bytes: *used ids give *n_bytes. Without LAST no
 * character is cut: the ids of an incomplete one at the end, at most 3, are left for the next call.
 * FIRST drops the space with which the text begins, unless a special token gives it. E_ARGUMENT: an
 * id outside the vocabulary, or cap below tai_detokenize_min_bytes. */
int32_t tai_detokenize(const TaiVocab *v, const uint32_t *ids, uint32_t n_ids, uint32_t flags,
                       char *out, uint32_t cap, uint32_t *n_bytes, uint32_t *used);

#endif
