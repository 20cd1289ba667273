/* The order of layers whose outputs take the fewest bytes. */
#ifndef TAI_CHEAPEST_H
#define TAI_CHEAPEST_H

#include "schedule/graph.h"

/* What tai_graph_order does for `cheapest`; the graph is in index order. */
void tai_cheapest_order(TaiGraph *graph);

/* Shared by all orders: turns and lifetimes from graph->order. */
void tai_graph_set_turns(TaiGraph *graph);
/* Sets each layer's `waiting`. */
void tai_graph_count_waiting(TaiGraph *graph);
/* The layer has run: those that depend on it wait for one less. */
void tai_graph_ran(TaiGraph *graph, uint32_t layer);

#endif
