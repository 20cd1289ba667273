#include "stream/policy.h"

#define LIKELY_TURNS 6u /* and half a cycle: what is random seldom looks cyclic for that long */

static TaiUnit *layer_unit(const TaiPolicy *p, uint32_t layer) {
    return &p->residency->units[layer];
}

/* Layers that would stay if n_pinned were pinned. */
static uint32_t staying(const TaiPolicy *p, uint32_t n_pinned) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_layers; i++) {
        const TaiUnit *unit = layer_unit(p, i);
        n += unit->held || unit->small || tai_is_pinned(i, n_pinned, p->n_layers);
    }
    return n;
}

/* The most layers that may be pinned beside those that stay anyway. */
static uint32_t most_pinned(const TaiPolicy *p, uint32_t active) {
    uint32_t room = active > p->passing ? active - p->passing : 0;
    uint32_t n = room;
    while (n > 0 && staying(p, n) > room) {
        n--;
    }
    return n;
}

bool tai_policy_fit(TaiPolicy *p, uint32_t active) {
    for (uint32_t i = 0; i < p->n_layers && staying(p, 0) + p->passing > active; i++) {
        layer_unit(p, i)->small = false;
    }
    /* All layers fit: least recently used drops none. */
    bool worth = p->pins && active < p->n_layers;
    return tai_residency_pin(p->residency, TAI_UNIT_BLOCK, worth ? most_pinned(p, active) : 0,
                             active);
}

/* Small layers stay from their first turn on, while slots are left for the others. */
static void keep_small(TaiPolicy *p, uint32_t layer) {
    TaiUnit *unit = layer_unit(p, layer);
    uint32_t active = p->residency->blocks.active;
    if (unit->bytes < p->small_bytes && !unit->small && !p->pins) {
        unit->small = true;
        unit->small = staying(p, 0) + p->passing <= active;
    }
}

/* Whether the layer would be there if the least recently used had always gone first: if fewer layers than
 * slots were used since. */
static bool least_recent_hits(const TaiPolicy *p, uint32_t layer) {
    uint64_t used = layer_unit(p, layer)->used;
    uint32_t since = 0;
    for (uint32_t i = 0; i < p->n_layers; i++) {
        since += layer_unit(p, i)->used > used;
    }
    return used > 0 && since < p->residency->blocks.active;
}

/* Pinning pays only if the cycle goes on. Where it did not, and hits were lost, it must be seen for longer
 * the next time. */
static bool is_cyclic(const TaiPolicy *p) {
    uint64_t lost = p->lead < 0 ? (uint64_t)-p->lead : 0;
    return p->in_row > p->n_layers + 2 * lost * p->n_layers / p->residency->blocks.active;
}

void tai_policy_turn(TaiPolicy *p, uint32_t layer) {
    if (layer == p->last) {
        return; /* asked for once more: says nothing about the order */
    }
    bool follows = p->last != TAI_NO_UNIT && layer == (p->last + 1) % p->n_layers;
    p->in_row = follows ? p->in_row + 1 : 0;
    p->last = layer;
    const TaiUnit *unit = layer_unit(p, layer);
    p->lead += unit->state == TINYAI_BLOCK_RESIDENT && !unit->fresh;
    p->lead -= least_recent_hits(p, layer);
    keep_small(p, layer);
    bool pins = p->adaptive && (p->pins ? follows : is_cyclic(p));
    if (pins != p->pins) {
        p->pins = pins;
        tai_policy_fit(p, p->residency->blocks.active);
    }
}

uint32_t tai_policy_ahead(const TaiPolicy *p) {
    if (p->pins) {
        return p->n_layers - 1; /* as far as the slots that are left to pass through */
    }
    return p->in_row >= LIKELY_TURNS && p->in_row >= p->n_layers / 2;
}
