/* The layer graph: layers, what they depend on, the order that they run in, and how long outputs live. */
#ifndef TAI_GRAPH_H
#define TAI_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "schedule/placement.h"
#include "tinyai/status.h"
#include "tinyai/utils/forward_scheduler.h"

#define TAI_NO_LAYER UINT32_MAX

typedef struct TaiGraphEdge {
    uint32_t layer; /* depends ... */
    uint32_t on;    /* ... on this one; TAI_NO_LAYER for TINYAI_DEP_NONE */
    uint32_t type;  /* TinyAIDependencyType */
} TaiGraphEdge;

typedef struct TaiGraphLayer {
    uint64_t output_bytes;
    bool added;
    uint32_t turn; /* its place in the order, after tai_graph_order */
    uint32_t last; /* turn of the last layer that needs its output: its own if none does */
    uint64_t at;   /* of its output, after tai_graph_place */
} TaiGraphLayer;

/* Memory is the caller's. */
typedef struct TaiGraph {
    TaiGraphLayer *layers; /* [n_layers] */
    TaiGraphEdge *edges;   /* [most_edges] */
    uint32_t *order;       /* [n_layers]: layers by turn */
    TaiBuffer *buffers;    /* [n_layers]: room for tai_place */
    uint32_t n_layers;
    uint32_t n_added;
    uint32_t n_edges;
    uint32_t most_edges;
} TaiGraph;

/* Bytes of 64-byte aligned room for a graph. */
uint64_t tai_graph_bytes(uint32_t n_layers, uint32_t most_edges);
void tai_graph_init(TaiGraph *graph, void *room, uint32_t n_layers, uint32_t most_edges);
/* As tinyaiAddLayerToSchedule, limits apart: E_ARGUMENT tells the reason, and nothing changes. */
int32_t tai_graph_add(TaiGraph *graph, uint32_t layer, uint32_t on, uint32_t type,
                      uint64_t output_bytes, TinyAIError *error);
/* The order of the layers added: dependencies first, then the lower index; `cheapest`: the order that needs
 * the fewest bytes of outputs (exact for up to 8 layers). Also turns and lifetimes. */
void tai_graph_order(TaiGraph *graph, bool cheapest);
/* Places the outputs; returns the bytes of all. */
uint64_t tai_graph_place(TaiGraph *graph, uint64_t alignment);

#endif
