/* Chooses a token from logits; tinyai/sampling.h says how. Candidates are ordered by logit
 * descending, then id ascending, so the result is defined to the last bit. */
#ifndef TAI_SAMPLER_H
#define TAI_SAMPLER_H

#include <stdint.h>

#include "tinyai/sampling.h"

uint64_t tai_sample_scratch_bytes(uint32_t n_vocab); /* 8 per token, to be 4-byte aligned */

/* sampling has passed tinyai_sampling_check; logits[n_vocab], n_vocab > 0. history: the ids of the
 * sequence so far, prompt included (ids outside the vocabulary are ignored). E_NUMERIC, with the
 * first index in *error (may be NULL): a logit that is not finite. */
int32_t tai_sample(const TinyAISampling *sampling, const float *logits, uint32_t n_vocab,
                   const uint32_t *history, uint32_t n_history, uint32_t sequence,
                   uint32_t position, void *scratch, uint32_t *token, TinyAIError *error);

#endif
