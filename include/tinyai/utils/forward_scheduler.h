/* The forward scheduler: in which order layers run, how long each output is needed, and where outputs lie
 * so that they take the fewest bytes. The engine's forward pass runs on it. */
#ifndef TINYAI_UTILS_FORWARD_SCHEDULER_H
#define TINYAI_UTILS_FORWARD_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mmap_loader.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What memory is spent on. The results of a model are the same in all of them. */
typedef enum TinyAIExecutionMode {
    TINYAI_EXEC_NORMAL = 0,     /* layers stay in memory first; then larger prompt chunks */
    TINYAI_EXEC_MEMORY_OPT = 1, /* the least memory, whatever the limit; outputs in the cheapest order */
    TINYAI_EXEC_STREAMING = 2,  /* two slots: reading overlaps computing, nothing stays */
    TINYAI_EXEC_ADAPTIVE = 3    /* overlap first, then larger chunks, then layers that stay */
} TinyAIExecutionMode;

typedef enum TinyAIDependencyType {
    TINYAI_DEP_NONE = 0,       /* no input: `dependsOn` is ignored */
    TINYAI_DEP_SEQUENTIAL = 1, /* reads the output of `dependsOn` */
    TINYAI_DEP_RESIDUAL = 2,   /* adds the output of `dependsOn` to its own */
    TINYAI_DEP_ATTENTION = 3   /* attends to the output of `dependsOn` */
} TinyAIDependencyType;

typedef struct TinyAIForwardScheduler TinyAIForwardScheduler;

/* model: its layers are scheduled, and its cache counts against memoryLimit (bytes, above 0). NULL:
 * tinyai_last_error(NULL) tells why; E_BUDGET if the limit holds no layer. */
TinyAIForwardScheduler *tinyaiCreateForwardScheduler(TinyAIMappedModel *model,
                                                     TinyAIExecutionMode mode, size_t memoryLimit);
/* NULL is allowed. */
void tinyaiDestroyForwardScheduler(TinyAIForwardScheduler *scheduler);

/* Adds a layer whose output takes outputSize bytes and needs the output of dependsOn (-1, or the type NONE:
 * of none). A further call with the same layer adds an edge. False, and nothing changes: an identical edge,
 * another outputSize than before, a layer that the model does not have, a cycle, or a limit that cannot
 * hold it. */
bool tinyaiAddLayerToSchedule(TinyAIForwardScheduler *scheduler, int layer, int dependsOn,
                              TinyAIDependencyType type, size_t outputSize);

/* Bytes in use now: cached layers and live outputs; and the most of it so far. */
size_t tinyaiGetSchedulerMemoryUsage(const TinyAIForwardScheduler *scheduler);
size_t tinyaiGetSchedulerPeakMemoryUsage(const TinyAIForwardScheduler *scheduler);

/* One layer's turn. */
typedef struct TinyAIScheduledLayer {
    int layer;
    const void *weights; /* the layer's bytes, as in the file */
    size_t weightsSize;
    void *output;        /* outputSize bytes; lives until the last layer that depends on it has run */
    size_t outputSize;
    size_t outputOffset; /* in the scheduler's activation memory */
} TinyAIScheduledLayer;

/* Ends the turn before, and begins the next: reads the layer if it is not cached, reads ahead, and gives
 * its output a place. False at the end of a pass (then status TINYAI_OK; the next call begins a new pass)
 * or for an error. */
bool tinyaiNextScheduledLayer(TinyAIForwardScheduler *scheduler, TinyAIScheduledLayer *step);
/* The output of a layer that ran in this pass and is still needed, or NULL. */
const void *tinyaiGetLayerOutput(const TinyAIForwardScheduler *scheduler, int layer);
/* Bytes that all outputs take at the smallest possible peak. */
size_t tinyaiGetSchedulerActivationBytes(const TinyAIForwardScheduler *scheduler);

#ifdef __cplusplus
}
#endif
#endif
