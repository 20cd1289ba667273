#include "schedule/cheapest.h"

#include <string.h>

#include "memory/checked.h"
#include "schedule/layout.h"

/* ---- up to TAI_EXACT_LAYERS layers: search -------------------------------------------------------
 * A set of layers is a bit mask over the layers added, in index order. */

typedef struct Search {
    TaiGraph *graph;
    uint64_t bytes[TAI_EXACT_LAYERS]; /* of outputs, rounded up */
    uint32_t layer[TAI_EXACT_LAYERS]; /* its number in the graph */
    uint8_t needs[TAI_EXACT_LAYERS];  /* sets */
    uint8_t users[TAI_EXACT_LAYERS];
    uint32_t best_order[TAI_EXACT_LAYERS];
    uint32_t n;
    uint64_t best;  /* placed bytes of best_order */
    uint64_t bound; /* bytes of live outputs that no order stays below */
} Search;

static bool has(uint32_t set, uint32_t i) {
    return set >> i & 1;
}

/* Layers of `ran` have run, and i may run next. */
static bool ready(const Search *s, uint32_t ran, uint32_t i) {
    return !has(ran, i) && (s->needs[i] & ~ran) == 0;
}

/* Bytes of outputs that are live in the turn of i, after the layers of `ran`. */
static uint64_t live_bytes(const Search *s, uint32_t ran, uint32_t i) {
    uint64_t live = s->bytes[i];
    for (uint32_t j = 0; j < s->n; j++) {
        live += has(ran, j) && (s->users[j] & ~ran) ? s->bytes[j] : 0;
    }
    return live;
}

/* The bytes of live outputs that the best order needs: the limit rises to the smallest turn that it
 * refused, until all layers can run below it. */
static uint64_t smallest_live_peak(const Search *s) {
    uint32_t all = (1u << s->n) - 1;
    uint32_t reached[(1u << TAI_EXACT_LAYERS) / 32];
    uint64_t limit = 0;
    for (;;) {
        uint64_t refused = UINT64_MAX;
        memset(reached, 0, sizeof reached);
        reached[0] = 1; /* the empty set */
        for (uint32_t ran = 0; ran < all; ran++) {
            for (uint32_t i = 0; i < s->n && has(reached[ran / 32], ran % 32); i++) {
                if (!ready(s, ran, i)) {
                    continue;
                }
                uint64_t live = live_bytes(s, ran, i);
                if (live <= limit) {
                    uint32_t then = ran | 1u << i;
                    reached[then / 32] |= 1u << then % 32;
                } else {
                    refused = tai_min_u64(refused, live);
                }
            }
        }
        if (has(reached[all / 32], all % 32)) {
            return limit;
        }
        limit = refused;
    }
}

static void place_order(Search *s) {
    tai_graph_set_turns(s->graph);
    uint64_t bytes = tai_graph_place(s->graph, TAI_ALIGNMENT);
    if (bytes < s->best) {
        s->best = bytes;
        memcpy(s->best_order, s->graph->order, s->n * sizeof *s->best_order);
    }
}

/* Tries the orders that begin with graph->order[0 .. turn) and keep fewer than `limit` bytes live. */
static void try_orders(Search *s, uint32_t turn, uint32_t ran, uint64_t limit) {
    if (turn == s->n) {
        place_order(s);
        return;
    }
    for (uint32_t i = 0; i < s->n && s->best > s->bound; i++) {
        if (ready(s, ran, i) && live_bytes(s, ran, i) < tai_min_u64(limit, s->best)) {
            s->graph->order[turn] = s->layer[i];
            try_orders(s, turn + 1, ran | 1u << i, limit);
        }
    }
}

static void search_orders(TaiGraph *graph) {
    Search s = {.graph = graph, .best = UINT64_MAX};
    uint32_t index_of[TAI_EXACT_LAYERS]; /* by turn in the order that stands */
    for (uint32_t i = 0; i < graph->n_layers; i++) {
        if (graph->layers[i].added) {
            index_of[graph->layers[i].turn] = s.n;
            s.layer[s.n] = i;
            s.bytes[s.n++] = tai_align_up(graph->layers[i].output_bytes, TAI_ALIGNMENT);
        }
    }
    for (const TaiGraphEdge *e = graph->edges; e < graph->edges + graph->n_edges; e++) {
        if (e->on != TAI_NO_LAYER && graph->layers[e->on].added) {
            uint32_t from = index_of[graph->layers[e->on].turn];
            uint32_t to = index_of[graph->layers[e->layer].turn];
            s.needs[to] |= (uint8_t)(1u << from);
            s.users[from] |= (uint8_t)(1u << to);
        }
    }
    s.bound = smallest_live_peak(&s);
    place_order(&s); /* the order that stands: kept unless another is better */
    try_orders(&s, 0, 0, s.bound + 1);
    try_orders(&s, 0, 0, UINT64_MAX);
    memcpy(graph->order, s.best_order, s.n * sizeof *s.best_order);
}

/* ---- more layers: greedy -------------------------------------------------------------------------
 * Next is always the layer after which the fewest bytes stay live. While layers are put in order, `last`
 * counts the edges of layers to come that read an output. */

/* Bytes that the outputs take which only this layer still reads. */
static uint64_t freed_bytes(TaiGraph *graph, uint32_t layer) {
    const TaiGraphEdge *end = graph->edges + graph->n_edges;
    uint64_t freed = 0;
    for (const TaiGraphEdge *e = graph->edges; e < end; e++) {
        if (e->layer == layer && e->on != TAI_NO_LAYER && --graph->layers[e->on].last == 0) {
            freed += tai_align_up(graph->layers[e->on].output_bytes, TAI_ALIGNMENT);
        }
    }
    for (const TaiGraphEdge *e = graph->edges; e < end; e++) {
        if (e->layer == layer && e->on != TAI_NO_LAYER) {
            graph->layers[e->on].last++;
        }
    }
    return freed;
}

static void count_readers(TaiGraph *graph, uint32_t layer, bool ran) {
    for (const TaiGraphEdge *e = graph->edges; e < graph->edges + graph->n_edges; e++) {
        if (e->on != TAI_NO_LAYER && (e->layer == layer || !ran)) {
            graph->layers[e->on].last += ran ? UINT32_MAX : 1;
        }
    }
}

static void greedy_order(TaiGraph *graph) {
    tai_graph_count_waiting(graph);
    for (uint32_t i = 0; i < graph->n_layers; i++) {
        graph->layers[i].last = 0;
    }
    count_readers(graph, TAI_NO_LAYER, false);
    for (uint32_t turn = 0; turn < graph->n_added; turn++) {
        uint32_t best = TAI_NO_LAYER;
        uint64_t best_kept = 0, best_freed = 0;
        for (uint32_t i = 0; i < graph->n_layers; i++) {
            if (graph->layers[i].waiting) {
                continue;
            }
            uint64_t kept = graph->layers[i].last
                                ? tai_align_up(graph->layers[i].output_bytes, TAI_ALIGNMENT)
                                : 0;
            uint64_t freed = freed_bytes(graph, i);
            /* kept - freed is smaller, without negative numbers */
            if (best == TAI_NO_LAYER || kept + best_freed < best_kept + freed) {
                best = i;
                best_kept = kept;
                best_freed = freed;
            }
        }
        graph->order[turn] = best;
        count_readers(graph, best, true);
        tai_graph_ran(graph, best);
    }
    tai_graph_set_turns(graph);
}

void tai_cheapest_order(TaiGraph *graph) {
    uint64_t by_index = tai_graph_place(graph, TAI_ALIGNMENT);
    if (by_index == UINT64_MAX || graph->n_added < 2) {
        return; /* sizes that overflow: no order helps */
    }
    if (graph->n_added <= TAI_EXACT_LAYERS) {
        search_orders(graph);
        tai_graph_set_turns(graph);
        return;
    }
    greedy_order(graph);
    if (tai_graph_place(graph, TAI_ALIGNMENT) >= by_index) {
        tai_graph_order(graph, false);
    }
}
