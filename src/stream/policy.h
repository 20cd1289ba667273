/* Which layers stay, from the order in which they are asked for. Layers asked for one after the other
 * around the whole cycle are expected to go on so: then pinning some, spread evenly, misses least. Any
 * other order is left to least recently used. Layers that are small may stay in any order. */
#ifndef TAI_POLICY_H
#define TAI_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "stream/residency.h"

typedef struct TaiPolicy {
    TaiResidency *residency; /* its units are the layers */
    uint32_t n_layers;
    uint32_t passing;     /* slots that are always left to layers that do not stay */
    uint64_t small_bytes; /* layers below this size stay */
    bool adaptive;        /* false: nothing is pinned */
    bool pins;            /* layers are pinned now */
    uint32_t last;        /* layer asked for before; TAI_NO_UNIT: none */
    uint32_t in_row;      /* turns that followed the cycle, one after the other */
    int64_t lead;         /* hits so far, less those that least recently used would have had */
} TaiPolicy;

/* A layer is asked for: call before it is loaded. */
void tai_policy_turn(TaiPolicy *policy, uint32_t layer);
/* Slots or held layers changed: what stays must fit again. False, call again: as tai_residency_pin. */
bool tai_policy_fit(TaiPolicy *policy, uint32_t active);
/* How many of the layers that follow in the cycle are worth dropping others for, before they are asked
 * for. Free slots cost nothing: those may be read into in any case. */
uint32_t tai_policy_ahead(const TaiPolicy *policy);

#endif
