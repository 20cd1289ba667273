/* How the next token is chosen from the logits. The same options, seed, sequence and position give
 * the same token on every host. */
#ifndef TINYAI_SAMPLING_H
#define TINYAI_SAMPLING_H

#include <stdint.h>

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Applied in this order: repetition penalty, top-k, top-p, min-p, temperature, draw. */
typedef struct TinyAISampling {
    /* 0 .. 100; 0 takes the best token, the lowest id of equals */
    float temperature;
    /* 0 .. 1: the fewest best tokens whose probabilities, before temperature, sum to top_p; at
     * least one; 1 keeps all */
    float top_p;
    /* 0 .. 1: tokens at least min_p times as probable as the best, before temperature; 0 keeps
     * all */
    float min_p;
    /* 0.01 .. 100: divides positive and multiplies other logits of the tokens among the last
     * repeat_last_n; 1 changes nothing */
    float repeat_penalty;
    uint32_t top_k;         /* the top_k best tokens; 0 keeps all */
    uint32_t repeat_last_n; /* tokens, prompt included; 0 penalizes none */
    uint64_t seed;
} TinyAISampling;

/* temperature 0.7, top_p 0.95, min_p 0, repeat_penalty 1, top_k 40, repeat_last_n 64, seed 0 */
TinyAISampling tinyai_sampling_default(void);

/* 0, or E_ARGUMENT with the option and its range in *error (which may be NULL). */
int32_t tinyai_sampling_check(const TinyAISampling *sampling, TinyAIError *error);

#ifdef __cplusplus
}
#endif
#endif
