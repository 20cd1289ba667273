/* The layer graph: layers, what they depend on, the order that they run in, and how long outputs live. */
#ifndef TAI_GRAPH_H
#define TAI_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "schedule/placement.h"
#include "tinyai/status.h"
#include "tinyai/utils/forward_scheduler.h"

#define TAI_NO_LAYER UINT32_MAX
#define TAI_EXACT_LAYERS 8u /* up to here the cheapest order is the cheapest there is */

typedef struct TaiGraphEdge {
    uint32_t layer; /* depends ... */
    uint32_t on;    /* ... on this one; TAI_NO_LAYER: on none, as always for TINYAI_DEP_NONE */
    uint32_t type;  /* TinyAIDependencyType */
} TaiGraphEdge;

typedef struct TaiGraphLayer {
    uint64_t output_bytes;
    uint64_t at;      /* of its output, after tai_graph_place */
    uint32_t turn;    /* its place in the order, after tai_graph_order */
    uint32_t last;    /* turn of the last layer that needs its output: its own if none does */
    uint32_t waiting; /* while layers are put in order: dependencies that have not run */
    bool added;
    bool reached; /* while a cycle is looked for */
} TaiGraphLayer;

/* Memory is the caller's. A layer is added exactly if it has an edge. */
typedef struct TaiGraph {
    TaiGraphLayer *layers; /* [n_layers] */
    TaiBuffer *buffers;    /* [n_layers]: room for tai_place */
    uint32_t *order;       /* [n_layers]: layers by turn; n_added of them */
    TaiGraphEdge *edges;   /* [most_edges] */
    uint32_t n_layers;
    uint32_t n_added;
    uint32_t n_edges;
    uint32_t most_edges;
} TaiGraph;

/* Bytes of 64-byte aligned room for a graph; the same on every host. */
uint64_t tai_graph_bytes(uint32_t n_layers, uint32_t most_edges);
void tai_graph_init(TaiGraph *graph, void *room, uint32_t n_layers, uint32_t most_edges);
/* The same graph after the content of its room was moved to a larger one. */
void tai_graph_moved(TaiGraph *graph, void *room, uint32_t most_edges);

/* As tinyaiAddLayerToSchedule, limits apart. `on` need not be added yet. E_ARGUMENT tells the reason, E_NOMEM
 * that most_edges are there; nothing changes then. */
int32_t tai_graph_add(TaiGraph *graph, uint32_t layer, uint32_t on, uint32_t type,
                      uint64_t output_bytes, TinyAIError *error);
/* Takes back what the last tai_graph_add added. */
void tai_graph_undo(TaiGraph *graph);
/* E_ARGUMENT names a layer that others depend on and that was never added. */
int32_t tai_graph_complete(const TaiGraph *graph, TinyAIError *error);

/* The order of the layers added: dependencies first, then the lower index; `cheapest`: the order whose
 * outputs, aligned to TAI_ALIGNMENT, take the fewest bytes once placed (exact for up to TAI_EXACT_LAYERS
 * layers, beyond it the better of that order and a greedy one). Also turns and lifetimes. Dependencies on
 * layers that were never added are left out: ask tai_graph_complete before. */
void tai_graph_order(TaiGraph *graph, bool cheapest);
/* Places the outputs in this order; returns the bytes of all, UINT64_MAX where they overflow. */
uint64_t tai_graph_place(TaiGraph *graph, uint64_t alignment);

#endif
