/* Special tokens written out in text: control, unknown and user-defined ones. */
#ifndef TAI_SPECIAL_H
#define TAI_SPECIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "text/vocab.h"

typedef struct TaiSpecialHit {
    uint32_t at, len, id;
} TaiSpecialHit;

bool tai_special_is(uint8_t type);

/* For tai_vocab_finish: fills v->specials, which has room for all, and what goes with it. */
void tai_special_build(TaiVocab *v);

/* The first special token in text[from..n), where they are recognised as llama.cpp does: the
 * longest token takes all its places first, then the next; of equally long ones the lowest id
 * first. User-defined tokens always count, control and unknown ones only with parse_special. */
bool tai_special_next(const TaiVocab *v, const char *text, uint32_t from, uint32_t n,
                      bool parse_special, TaiSpecialHit *hit);

/* True if a special token could cover both text[p - 1] and text[p], p > 0, or end between them. */
bool tai_special_touches(const TaiVocab *v, const char *text, uint32_t p, bool parse_special);

#endif
