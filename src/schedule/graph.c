#include "schedule/graph.h"

#include <string.h>

#include "memory/checked.h"
#include "memory/error.h"
#include "schedule/cheapest.h"
#include "schedule/layout.h"

#define DONE UINT32_MAX /* waiting: it has run */

/* ---- room -------------------------------------------------------------------------------------- */

/* Plans count it, and are the same on every host. */
_Static_assert(sizeof(TaiGraphLayer) == 32 && sizeof(TaiBuffer) == 24, "sizes on every host");

/* Edges come last, so that a larger room begins with the same bytes. */
static uint64_t edges_off(uint32_t n_layers) {
    return n_layers * (uint64_t)(sizeof(TaiGraphLayer) + sizeof(TaiBuffer) + sizeof(uint32_t));
}

uint64_t tai_graph_bytes(uint32_t n_layers, uint32_t most_edges) {
    return tai_align_up(edges_off(n_layers) + most_edges * (uint64_t)sizeof(TaiGraphEdge),
                        TAI_ALIGNMENT);
}

void tai_graph_moved(TaiGraph *graph, void *room, uint32_t most_edges) {
    graph->layers = room;
    graph->buffers = (TaiBuffer *)(graph->layers + graph->n_layers);
    graph->order = (uint32_t *)(graph->buffers + graph->n_layers);
    graph->edges = (TaiGraphEdge *)((uint8_t *)room + edges_off(graph->n_layers));
    graph->most_edges = most_edges;
}

void tai_graph_init(TaiGraph *graph, void *room, uint32_t n_layers, uint32_t most_edges) {
    *graph = (TaiGraph){.n_layers = n_layers};
    tai_graph_moved(graph, room, most_edges);
    memset(graph->layers, 0, n_layers * sizeof *graph->layers);
}

/* ---- adding ------------------------------------------------------------------------------------ */

static const char *type_name(uint32_t type) {
    static const char *const names[] = {"NONE", "SEQUENTIAL", "RESIDUAL", "ATTENTION"};
    return names[type];
}

/* Does `from` depend on `target`, over any number of edges? */
static bool depends(TaiGraph *graph, uint32_t from, uint32_t target) {
    for (uint32_t i = 0; i < graph->n_layers; i++) {
        graph->layers[i].reached = i == from;
    }
    /* Edges are mostly added in the order of the layers: backwards, one round follows them all. */
    for (bool more = true; more && !graph->layers[target].reached;) {
        more = false;
        for (uint32_t i = graph->n_edges; i-- > 0;) {
            const TaiGraphEdge *edge = &graph->edges[i];
            if (edge->on != TAI_NO_LAYER && graph->layers[edge->layer].reached &&
                !graph->layers[edge->on].reached) {
                graph->layers[edge->on].reached = true;
                more = true;
            }
        }
    }
    return graph->layers[target].reached;
}

static int32_t check_edge(TaiGraph *graph, const TaiGraphEdge *new, uint64_t output_bytes,
                          TinyAIError *error) {
    const TaiGraphLayer *layer = &graph->layers[new->layer];
    if (layer->added && layer->output_bytes != output_bytes) {
        return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "layer %u was added with an output of %llu bytes, now it is to have %llu: "
                        "an output has one size",
                        new->layer, (unsigned long long)layer->output_bytes,
                        (unsigned long long)output_bytes);
    }
    for (const TaiGraphEdge *e = graph->edges; e < graph->edges + graph->n_edges; e++) {
        if (e->layer == new->layer && e->on == new->on && e->type == new->type) {
            return new->on == TAI_NO_LAYER
                       ? tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                                  "layer %u was already added with %s on no layer", new->layer,
                                  type_name(new->type))
                       : tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                                  "layer %u was already added with %s on layer %u", new->layer,
                                  type_name(new->type), new->on);
        }
    }
    if (new->on == new->layer) {
        return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "layer %u cannot depend on itself", new->layer);
    }
    if (new->on != TAI_NO_LAYER &&
        graph->layers[new->on].added &&depends(graph, new->on, new->layer)) {
        return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "layer %u cannot depend on layer %u, which already depends on layer %u: "
                        "that would be a cycle",
                        new->layer, new->on, new->layer);
    }
    return TINYAI_OK;
}

static int32_t unknown_layer(const TaiGraph *graph, uint32_t layer, TinyAIError *error) {
    return tai_fail(
        error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET, "there is no layer %lld: layers are 0 to %lld",
        layer == TAI_NO_LAYER ? -1LL : (long long)layer, (long long)graph->n_layers - 1);
}

int32_t tai_graph_add(TaiGraph *graph, uint32_t layer, uint32_t on, uint32_t type,
                      uint64_t output_bytes, TinyAIError *error) {
    if (type > TINYAI_DEP_ATTENTION) {
        return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "there is no dependency type %u: types are 0 (NONE) to 3 (ATTENTION)",
                        type);
    }
    TaiGraphEdge edge = {layer, type == TINYAI_DEP_NONE ? TAI_NO_LAYER : on, type};
    if (layer >= graph->n_layers) {
        return unknown_layer(graph, layer, error);
    }
    if (edge.on != TAI_NO_LAYER && edge.on >= graph->n_layers) {
        return unknown_layer(graph, edge.on, error);
    }
    int32_t status = check_edge(graph, &edge, output_bytes, error);
    if (status) {
        return status;
    }
    if (graph->n_edges == graph->most_edges) {
        return tai_fail(error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET,
                        "the graph has room for %u dependencies, and all are there",
                        graph->most_edges);
    }
    graph->edges[graph->n_edges++] = edge;
    graph->n_added += !graph->layers[layer].added;
    graph->layers[layer].added = true;
    graph->layers[layer].output_bytes = output_bytes;
    return TINYAI_OK;
}

void tai_graph_undo(TaiGraph *graph) {
    uint32_t layer = graph->edges[--graph->n_edges].layer;
    for (const TaiGraphEdge *e = graph->edges; e < graph->edges + graph->n_edges; e++) {
        if (e->layer == layer) {
            return;
        }
    }
    graph->layers[layer].added = false;
    graph->n_added--;
}

int32_t tai_graph_complete(const TaiGraph *graph, TinyAIError *error) {
    for (const TaiGraphEdge *e = graph->edges; e < graph->edges + graph->n_edges; e++) {
        if (e->on != TAI_NO_LAYER && !graph->layers[e->on].added) {
            return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                            "layer %u depends on layer %u, which was never added: add it, or let "
                            "layer %u depend on none (-1)",
                            e->layer, e->on, e->layer);
        }
    }
    return TINYAI_OK;
}

/* ---- order ------------------------------------------------------------------------------------- */

void tai_graph_count_waiting(TaiGraph *graph) {
    for (uint32_t i = 0; i < graph->n_layers; i++) {
        graph->layers[i].waiting = graph->layers[i].added ? 0 : DONE;
    }
    for (const TaiGraphEdge *e = graph->edges; e < graph->edges + graph->n_edges; e++) {
        graph->layers[e->layer].waiting += e->on != TAI_NO_LAYER && graph->layers[e->on].added;
    }
}

void tai_graph_ran(TaiGraph *graph, uint32_t layer) {
    graph->layers[layer].waiting = DONE;
    for (const TaiGraphEdge *e = graph->edges; e < graph->edges + graph->n_edges; e++) {
        graph->layers[e->layer].waiting -= e->on == layer;
    }
}

void tai_graph_set_turns(TaiGraph *graph) {
    for (uint32_t turn = 0; turn < graph->n_added; turn++) {
        graph->layers[graph->order[turn]].turn = turn;
        graph->layers[graph->order[turn]].last = turn;
    }
    for (const TaiGraphEdge *e = graph->edges; e < graph->edges + graph->n_edges; e++) {
        if (e->on != TAI_NO_LAYER) {
            TaiGraphLayer *on = &graph->layers[e->on];
            uint32_t turn = graph->layers[e->layer].turn;
            on->last = on->last > turn ? on->last : turn;
        }
    }
}

void tai_graph_order(TaiGraph *graph, bool cheapest) {
    tai_graph_count_waiting(graph);
    for (uint32_t turn = 0; turn < graph->n_added; turn++) {
        uint32_t next = 0;
        while (graph->layers[next].waiting) { /* there are no cycles: some layer is ready */
            next++;
        }
        graph->order[turn] = next;
        tai_graph_ran(graph, next);
    }
    tai_graph_set_turns(graph);
    if (cheapest) {
        tai_cheapest_order(graph);
    }
}

uint64_t tai_graph_place(TaiGraph *graph, uint64_t alignment) {
    for (uint32_t turn = 0; turn < graph->n_added; turn++) {
        const TaiGraphLayer *layer = &graph->layers[graph->order[turn]];
        graph->buffers[turn] =
            (TaiBuffer){.bytes = layer->output_bytes, .first = turn, .last = layer->last};
    }
    uint64_t bytes = tai_place(graph->buffers, graph->n_added, alignment);
    for (uint32_t turn = 0; turn < graph->n_added; turn++) {
        graph->layers[graph->order[turn]].at = graph->buffers[turn].at;
    }
    return bytes;
}
