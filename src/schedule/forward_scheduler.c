/* The forward scheduler over a mapped model: a layer graph, one block of memory for all outputs, and the
 * model's cache limited to what they leave. It computes nothing and reads nothing by itself. */
#include "tinyai/utils/forward_scheduler.h"

#include <string.h>

#include "memory/checked.h"
#include "memory/error.h"
#include "schedule/graph.h"
#include "schedule/layout.h"
#include "stream/mapped_model.h"
#include "tinyai/memory.h"

#define FIRST_EDGES 16u

/* Invariant: model's slots in use + activation_bytes <= limit. */
struct TinyAIForwardScheduler {
    TinyAIMappedModel *model;
    TinyAIExecutionMode mode;
    uint64_t limit;
    uint32_t slots; /* of the model that may be in use */
    TaiGraph graph;
    void *graph_room;
    uint64_t activation_bytes; /* placed outputs */
    uint8_t *activation;       /* NULL before the first pass */
    uint64_t allocated_bytes;  /* of it */
    uint32_t turn;             /* running, or to be begun next; 0 and not running: between passes */
    bool running;
    uint64_t live_bytes; /* of outputs */
    uint64_t peak_bytes;
};

static TinyAIError *begin(void) {
    TinyAIError *error = tai_thread_error();
    tai_error_clear(error);
    return error;
}

static bool given(const TinyAIForwardScheduler *s, TinyAIError *error) {
    if (!s) {
        tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                 "the scheduler is NULL: tinyaiCreateForwardScheduler failed or was not called");
    }
    return s != NULL;
}

/* NULL: the thread's error is E_NOMEM. No size here is above SIZE_MAX: outputs stay below the limit. */
static void *allocate(uint64_t bytes, const char *what) {
    return tinyai_memory_alloc_at(NULL, (size_t)bytes, TAI_ALIGNMENT, what);
}

/* ---- limit ------------------------------------------------------------------------------------- */

static uint32_t least_slots(const TinyAIMappedModel *model, TinyAIExecutionMode mode) {
    return mode == TINYAI_EXEC_STREAMING && model->n_layers > 1 ? 2 : 1;
}

static uint32_t most_slots(const TinyAIMappedModel *model, TinyAIExecutionMode mode) {
    bool few = mode == TINYAI_EXEC_MEMORY_OPT || mode == TINYAI_EXEC_STREAMING;
    return few ? least_slots(model, mode) : model->n_layers;
}

/* Limits the model's cache to what outputs of activation_bytes leave. */
static int32_t limit_cache(TinyAIForwardScheduler *s, uint64_t activation_bytes,
                           TinyAIError *error) {
    uint64_t slot = tai_mapped_slot_bytes(s->model);
    uint32_t least = least_slots(s->model, s->mode);
    uint64_t asked;
    if (!tai_add(least * slot, activation_bytes, &asked)) {
        asked = UINT64_MAX;
    }
    if (asked > s->limit) {
        tai_fail(error, TINYAI_E_BUDGET, TINYAI_NO_OFFSET,
                 "memoryLimit allows %llu bytes, and %llu are needed: %u layer(s) of %llu bytes in "
                 "memory, and %llu bytes of outputs. Allow %llu more",
                 (unsigned long long)s->limit, (unsigned long long)asked, least,
                 (unsigned long long)slot, (unsigned long long)activation_bytes,
                 (unsigned long long)(asked - s->limit));
        error->asked_bytes = asked;
        error->allowed_bytes = s->limit;
        error->missing_bytes = asked - s->limit;
        return TINYAI_E_BUDGET;
    }
    uint64_t slots =
        tai_min_u64((s->limit - activation_bytes) / slot, most_slots(s->model, s->mode));
    int32_t status = tai_mapped_limit(s->model, slots * slot, error);
    if (!status) {
        s->slots = (uint32_t)slots;
    }
    return status;
}

/* ---- create and destroy ------------------------------------------------------------------------ */

static int32_t check_arguments(const TinyAIMappedModel *model, TinyAIExecutionMode mode,
                               size_t memory_limit, TinyAIError *error) {
    if (!model) {
        return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "model is NULL: open one with tinyaiOpenMappedModel");
    }
    if ((uint32_t)mode > TINYAI_EXEC_ADAPTIVE) {
        return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "there is no mode %d: modes are 0 (NORMAL) to 3 (ADAPTIVE)", (int)mode);
    }
    if (memory_limit == 0) {
        return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "memoryLimit is 0: it must hold a layer and the outputs");
    }
    uint64_t slot = tai_mapped_slot_bytes(model);
    uint64_t capacity = tinyaiGetMmapStats(model).cacheCapacity;
    uint64_t asked = least_slots(model, mode) * slot;
    if (capacity < asked) {
        tai_fail(error, TINYAI_E_BUDGET, TINYAI_NO_OFFSET,
                 "STREAMING needs two layers of %llu bytes in memory, and the model's cache holds "
                 "one: open it with a maxCacheSize of %llu, or take another mode",
                 (unsigned long long)slot, (unsigned long long)asked);
        error->asked_bytes = asked;
        error->allowed_bytes = capacity;
        error->missing_bytes = asked - capacity;
        return TINYAI_E_BUDGET;
    }
    return TINYAI_OK;
}

TinyAIForwardScheduler *tinyaiCreateForwardScheduler(TinyAIMappedModel *model,
                                                     TinyAIExecutionMode mode, size_t memoryLimit) {
    TinyAIError *error = begin();
    if (check_arguments(model, mode, memoryLimit, error)) {
        return NULL;
    }
    TinyAIForwardScheduler *s = allocate(sizeof *s, "forward scheduler");
    if (!s) {
        return NULL;
    }
    *s = (TinyAIForwardScheduler){.model = model, .mode = mode, .limit = memoryLimit};
    s->graph.n_layers = model->n_layers;
    if (limit_cache(s, 0, error)) {
        TinyAIError kept = *error;
        tinyai_memory_free(NULL, s);
        *error = kept;
        return NULL;
    }
    tai_mapped_use(model);
    s->peak_bytes = tai_mapped_cached_bytes(model);
    return s;
}

void tinyaiDestroyForwardScheduler(TinyAIForwardScheduler *s) {
    if (!s) {
        return;
    }
    tai_mapped_limit(s->model, s->model->config.maxCacheSize, NULL);
    tai_mapped_unuse(s->model);
    tinyai_memory_free(NULL, s->activation);
    tinyai_memory_free(NULL, s->graph_room);
    tinyai_memory_free(NULL, s);
}

/* ---- adding layers ----------------------------------------------------------------------------- */

/* Room for one more edge. */
static int32_t grow_graph(TinyAIForwardScheduler *s, TinyAIError *error) {
    TaiGraph *graph = &s->graph;
    if (graph->n_edges < graph->most_edges) {
        return TINYAI_OK;
    }
    uint32_t most = graph->most_edges ? 2 * graph->most_edges : FIRST_EDGES;
    void *room = allocate(tai_graph_bytes(graph->n_layers, most), "layer graph");
    if (!room) {
        return error->status;
    }
    if (s->graph_room) {
        memcpy(room, s->graph_room, (size_t)tai_graph_bytes(graph->n_layers, graph->most_edges));
        tai_graph_moved(graph, room, most);
        tinyai_memory_free(NULL, s->graph_room);
    } else {
        tai_graph_init(graph, room, graph->n_layers, most);
    }
    s->graph_room = room;
    return TINYAI_OK;
}

static uint64_t order_and_place(TinyAIForwardScheduler *s) {
    tai_graph_order(&s->graph, s->mode == TINYAI_EXEC_MEMORY_OPT);
    return tai_graph_place(&s->graph, TAI_ALIGNMENT);
}

static int32_t add(TinyAIForwardScheduler *s, int layer, int on, TinyAIDependencyType type,
                   size_t output_bytes, TinyAIError *error) {
    if (s->running || s->turn > 0) {
        return tai_fail(error, TINYAI_E_BUSY, TINYAI_NO_OFFSET,
                        "a pass is under way, at turn %u of %u: add layers before it begins or "
                        "after its end",
                        s->turn, s->graph.n_added);
    }
    if (type != TINYAI_DEP_NONE && on < -1) {
        return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "layer %d depends on layer %d: give a layer, or -1 for none", layer, on);
    }
    if (grow_graph(s, error) ||
        tai_graph_add(&s->graph, layer < 0 ? TAI_NO_LAYER : (uint32_t)layer,
                      on < 0 ? TAI_NO_LAYER : (uint32_t)on, (uint32_t)type, output_bytes, error)) {
        return error->status;
    }
    uint64_t bytes = order_and_place(s);
    if (limit_cache(s, bytes, error)) {
        tai_graph_undo(&s->graph);
        order_and_place(s);
        return error->status;
    }
    s->activation_bytes = bytes;
    return TINYAI_OK;
}

bool tinyaiAddLayerToSchedule(TinyAIForwardScheduler *s, int layer, int dependsOn,
                              TinyAIDependencyType type, size_t outputSize) {
    TinyAIError *error = begin();
    return given(s, error) && !add(s, layer, dependsOn, type, outputSize, error);
}

/* ---- a pass ------------------------------------------------------------------------------------ */

static const TaiGraphLayer *layer_at(const TinyAIForwardScheduler *s, uint32_t turn) {
    return &s->graph.layers[s->graph.order[turn]];
}

static void *output_of(const TinyAIForwardScheduler *s, const TaiGraphLayer *layer) {
    return layer->output_bytes ? s->activation + layer->at : NULL;
}

static uint64_t usage(const TinyAIForwardScheduler *s) {
    return tai_mapped_cached_bytes(s->model) + s->live_bytes;
}

static void note_peak(TinyAIForwardScheduler *s) {
    s->peak_bytes = tai_max_u64(s->peak_bytes, usage(s));
}

/* Outputs that were needed for the last time are gone. */
static void end_turn(TinyAIForwardScheduler *s) {
    if (s->running) {
        for (uint32_t turn = 0; turn <= s->turn; turn++) {
            const TaiGraphLayer *layer = layer_at(s, turn);
            s->live_bytes -=
                layer->last == s->turn ? tai_align_up(layer->output_bytes, TAI_ALIGNMENT) : 0;
        }
        s->running = false;
        s->turn++;
    }
}

static int32_t begin_pass(TinyAIForwardScheduler *s, TinyAIError *error) {
    if (s->graph.n_added == 0) {
        return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "the schedule is empty: add layers with tinyaiAddLayerToSchedule");
    }
    if (tai_graph_complete(&s->graph, error) || limit_cache(s, s->activation_bytes, error)) {
        return error->status;
    }
    if (s->allocated_bytes != s->activation_bytes) {
        tinyai_memory_free(NULL, s->activation);
        s->allocated_bytes = 0;
        s->activation = allocate(s->activation_bytes, "activation memory");
        if (!s->activation) {
            return error->status;
        }
        s->allocated_bytes = s->activation_bytes;
    }
    return TINYAI_OK;
}

/* Makes the layer resident, and begins to read the one whose turn comes next. */
static int32_t load(TinyAIForwardScheduler *s, uint32_t layer, TinyAIError *error) {
    if (s->mode == TINYAI_EXEC_NORMAL) {
        return tai_mapped_load(s->model, layer, TAI_AHEAD_LIKELY, error);
    }
    int32_t status = tai_mapped_load(s->model, layer, 0, error);
    if (status || s->mode == TINYAI_EXEC_MEMORY_OPT) {
        return status;
    }
    uint32_t pinned = (uint32_t)tinyaiGetMmapStats(s->model).pinnedLayers;
    if (s->slots >= pinned + 2) {
        tai_mapped_ahead(s->model, &s->graph.order[(s->turn + 1) % s->graph.n_added], 1);
    }
    return TINYAI_OK;
}

bool tinyaiNextScheduledLayer(TinyAIForwardScheduler *s, TinyAIScheduledLayer *step) {
    TinyAIError *error = begin();
    if (!given(s, error)) {
        return false;
    }
    if (!step) {
        tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                 "step is NULL: it is where the layer's turn is described");
        return false;
    }
    end_turn(s);
    if (s->turn > 0 && s->turn == s->graph.n_added) {
        s->turn = 0;
        return false;
    }
    if (s->turn == 0 && begin_pass(s, error)) {
        return false;
    }
    uint32_t index = s->graph.order[s->turn];
    if (load(s, index, error)) {
        note_peak(s); /* what was read before it failed */
        return false;
    }
    const TaiGraphLayer *layer = &s->graph.layers[index];
    s->running = true;
    s->live_bytes += tai_align_up(layer->output_bytes, TAI_ALIGNMENT);
    note_peak(s);
    *step = (TinyAIScheduledLayer){.layer = (int)index,
                                   .weights = tai_mapped_layer(s->model, index),
                                   .weightsSize = (size_t)tai_mapped_layer_bytes(s->model, index),
                                   .output = output_of(s, layer),
                                   .outputSize = (size_t)layer->output_bytes,
                                   .outputOffset = (size_t)layer->at};
    return true;
}

/* ---- questions --------------------------------------------------------------------------------- */

const void *tinyaiGetLayerOutput(const TinyAIForwardScheduler *s, int layer) {
    TinyAIError *error = begin();
    if (!given(s, error)) {
        return NULL;
    }
    const TaiGraphLayer *asked = NULL;
    if (s->graph_room && layer >= 0 && (uint32_t)layer < s->graph.n_layers) {
        asked = &s->graph.layers[layer];
    }
    uint32_t begun = s->turn + s->running; /* turns of this pass */
    if (!asked || !asked->added || asked->turn >= begun || asked->last < s->turn) {
        tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                 "layer %d has no output now: it had no turn in this pass, or all layers that "
                 "depend on it have run",
                 layer);
        return NULL;
    }
    return output_of(s, asked);
}

size_t tinyaiGetSchedulerMemoryUsage(const TinyAIForwardScheduler *s) {
    return given(s, begin()) ? (size_t)usage(s) : 0;
}

size_t tinyaiGetSchedulerPeakMemoryUsage(const TinyAIForwardScheduler *s) {
    return given(s, begin()) ? (size_t)s->peak_bytes : 0;
}

size_t tinyaiGetSchedulerActivationBytes(const TinyAIForwardScheduler *s) {
    return given(s, begin()) ? (size_t)s->activation_bytes : 0;
}
