/* The scheduler's placements against the lower bound, and what they cost: one JSON line per kind of graph and
 * number of layers. Graphs are the same in each run; only times differ. */
#include <stdio.h>

#include "port/port.h"
#include "schedule/graph.h"
#include "schedule/layout.h"

#define MOST_LAYERS 64u
#define MOST_EDGES 512u
#define N_GRAPHS 200u

static uint64_t seed;

static uint32_t chance(uint32_t n) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

/* Each layer reads up to three earlier ones, anywhere. */
static void random_graph(TaiGraph *graph, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        uint64_t bytes = 64 * (1 + (uint64_t)chance(100));
        tai_graph_add(graph, i, TAI_NO_LAYER, TINYAI_DEP_NONE, bytes, NULL);
        for (uint32_t k = chance(4); i > 0 && k > 0; k--) { /* the same again is refused */
            tai_graph_add(graph, i, chance(i), TINYAI_DEP_SEQUENTIAL, bytes, NULL);
        }
    }
}

/* Each layer reads the one before; most add what lies two to five layers back. Outputs have one of few widths,
 * as in a model. */
static void residual_chain(TaiGraph *graph, uint32_t n) {
    static const uint64_t widths[] = {1024, 1024, 4096, 2752};
    for (uint32_t i = 0; i < n; i++) {
        uint64_t bytes = widths[chance(4)];
        tai_graph_add(graph, i, i ? i - 1 : TAI_NO_LAYER, TINYAI_DEP_SEQUENTIAL, bytes, NULL);
        uint32_t back = 2 + chance(4);
        if (i >= back && chance(3)) {
            tai_graph_add(graph, i, i - back, TINYAI_DEP_RESIDUAL, bytes, NULL);
        }
    }
}

typedef struct Figures {
    uint32_t at_bound;
    double over_bound, worst; /* peak / bound: sum, and the most of one graph */
    double us, most_us;
} Figures;

static void measure(TaiGraph *graph, Figures *f) {
    uint64_t start = tai_port_clock_ns();
    uint64_t peak = tai_graph_place(graph, TAI_ALIGNMENT);
    double us = (double)(tai_port_clock_ns() - start) / 1000;
    uint64_t bound = tai_place_bound(graph->buffers, graph->n_added, TAI_ALIGNMENT);
    double over = (double)peak / (double)bound;
    f->at_bound += peak == bound;
    f->over_bound += over;
    f->worst = over > f->worst ? over : f->worst;
    f->us += us;
    f->most_us = us > f->most_us ? us : f->most_us;
}

static void run(const char *kind, void (*build)(TaiGraph *, uint32_t), uint32_t n) {
    static _Alignas(64) uint8_t room[16384];
    TaiGraph graph;
    Figures f = {0};
    double saved = 0, order_us = 0;
    if (tai_graph_bytes(n, MOST_EDGES) > sizeof room) {
        return;
    }
    seed = n;
    for (uint32_t k = 0; k < N_GRAPHS; k++) {
        tai_graph_init(&graph, room, n, MOST_EDGES);
        build(&graph, n);
        tai_graph_order(&graph, false);
        measure(&graph, &f);
        double by_index = (double)tai_graph_place(&graph, TAI_ALIGNMENT);
        uint64_t start = tai_port_clock_ns();
        tai_graph_order(&graph, true);
        order_us += (double)(tai_port_clock_ns() - start) / 1000;
        saved += 1 - (double)tai_graph_place(&graph, TAI_ALIGNMENT) / by_index;
    }
    printf("{\"graphs\":\"%s\",\"layers\":%u,\"count\":%u,\"atBound\":%u,\"peakOverBound\":%.4f,"
           "\"worstOverBound\":%.4f,\"placeUs\":%.1f,\"mostPlaceUs\":%.1f,"
           "\"cheapestOrderUs\":%.1f,\"cheapestOrderSaves\":%.4f}\n",
           kind, n, N_GRAPHS, f.at_bound, f.over_bound / N_GRAPHS, f.worst, f.us / N_GRAPHS,
           f.most_us, order_us / N_GRAPHS, saved / N_GRAPHS);
}

int main(void) {
    static const uint32_t sizes[] = {4, 6, 8, 12, 16, 24, 32, 48, MOST_LAYERS};
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        run("random", random_graph, sizes[i]);
        run("residual chain", residual_chain, sizes[i]);
    }
    return 0;
}
