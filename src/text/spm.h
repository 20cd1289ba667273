/* SentencePiece-BPE tokenizer, equal to llama.cpp's for `tokenizer.ggml.model` = "llama".
 *
 * Two intended differences, where llama.cpp is wrong: plain text never merges into a control,
 * unknown or byte token; and ill-formed UTF-8 becomes byte tokens one byte at a time, so that it
 * never swallows the character behind it. */
#ifndef TAI_SPM_H
#define TAI_SPM_H

#include <stdbool.h>
#include <stdint.h>

#include "text/vocab.h"

#define TAI_MAX_TEXT_BYTES (1u << 30)

/* Flags, with the values of TINYAI_TEXT_*. */
enum {
    TAI_SPM_FIRST = 1, /* the start of a text: space prefix, and BOS if ADD_SPECIAL */
    TAI_SPM_LAST = 2,  /* the end of a text: EOS if ADD_SPECIAL and the vocabulary wants it */
    TAI_SPM_ADD_SPECIAL = 4,
    TAI_SPM_PARSE_SPECIAL = 8, /* control tokens written in the text are tokens */
};

/* Scratch (4-byte aligned) for any text of which no run is longer than max_run_bytes: 23 per byte.
 * A run is a word with the blanks before it if v->splits_at_blanks, else all text between special
 * tokens. */
uint64_t tai_spm_scratch_bytes(uint32_t max_run_bytes);

/* *n_ids tells the full count also with E_CONTEXT (more than cap ids; the first cap are written).
 * E_TEXT: a run is longer than the scratch allows. */
int32_t tai_spm_encode(const TaiVocab *v, const char *text, uint32_t n, uint32_t flags,
                       void *scratch, uint64_t scratch_bytes, uint32_t *ids, uint32_t cap,
                       uint32_t *n_ids);

/* The largest p, 0 < p < n, at which a text that begins with text[0..n) may be cut, whatever
 * follows: encoding the first p bytes, and the rest without FIRST, gives the ids of the whole. 0 if
 * none. */
uint32_t tai_spm_safe_split(const TaiVocab *v, const char *text, uint32_t n, bool parse_special);

#endif
