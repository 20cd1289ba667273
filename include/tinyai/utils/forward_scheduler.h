/* The forward scheduler: in which order layers run, how long each output is needed, and where outputs lie
 * so that they take the fewest bytes. The engine's forward pass runs on the same graph and placement.
 *
 *     tinyaiAddLayerToSchedule(scheduler, 0, -1, TINYAI_DEP_NONE, bytes);
 *     tinyaiAddLayerToSchedule(scheduler, 1, 0, TINYAI_DEP_SEQUENTIAL, bytes);
 *     TinyAIScheduledLayer step;
 *     while (tinyaiNextScheduledLayer(scheduler, &step)) {
 *         compute(step.weights, tinyaiGetLayerOutput(scheduler, step.layer - 1), step.output);
 *     }
 *
 * All functions leave the reason of a failure in tinyai_last_error(NULL); NULL for a scheduler is
 * E_ARGUMENT, apart from tinyaiDestroyForwardScheduler. One thread at a time uses a model and its
 * schedulers. */
#ifndef TINYAI_UTILS_FORWARD_SCHEDULER_H
#define TINYAI_UTILS_FORWARD_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mmap_loader.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What memory is spent on. The results of a model are the same in all of them. Of a scheduler: layers run
 * in index order as far as dependencies allow, and
 *
 *     mode        layers in memory                       reads ahead
 *     NORMAL      as many as fit                         what the model's own configuration says
 *     MEMORY_OPT  one; the order needs fewest bytes      nothing
 *     STREAMING   two                                    the next layer of the schedule
 *     ADAPTIVE    as many as fit                         the next one, while two or more pass through
 *
 * Reading ahead needs reader threads (TinyAIMmapConfig). */
typedef enum TinyAIExecutionMode {
    TINYAI_EXEC_NORMAL = 0,     /* layers stay in memory first; then larger prompt chunks */
    TINYAI_EXEC_MEMORY_OPT = 1, /* the least memory, whatever the limit */
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

/* model: its layers are scheduled; it stays open until the scheduler is destroyed. memoryLimit: bytes of
 * the model's slots in use and of the activation memory together, above 0; the model's cache is limited to
 * what outputs leave of it until the scheduler is destroyed. Of several schedulers over one model, the one
 * that last began a pass limits it. NULL: E_ARGUMENT, E_NOMEM, or E_BUDGET if the limit, or the model's
 * cache, holds fewer layers than the mode needs. */
TinyAIForwardScheduler *tinyaiCreateForwardScheduler(TinyAIMappedModel *model,
                                                     TinyAIExecutionMode mode, size_t memoryLimit);
/* NULL is allowed. */
void tinyaiDestroyForwardScheduler(TinyAIForwardScheduler *scheduler);

/* Adds a layer whose output takes outputSize bytes and needs the output of dependsOn (-1, or the type NONE:
 * of none), which may be added later. A further call with the same layer adds an edge. False, and nothing
 * changes: an identical edge, another outputSize than before, a layer that the model does not have, a cycle
 * (E_ARGUMENT); outputs that the limit does not hold beside the layers in memory (E_BUDGET with the bytes
 * asked, allowed and missing); a pass is under way (E_BUSY); E_NOMEM. */
bool tinyaiAddLayerToSchedule(TinyAIForwardScheduler *scheduler, int layer, int dependsOn,
                              TinyAIDependencyType type, size_t outputSize);

/* Bytes in use now: slots of the model's cache, and live outputs, each rounded up to 64 bytes; and the most
 * of it since the scheduler was created, seen at each turn: never above memoryLimit while no other scheduler
 * limits the model. */
size_t tinyaiGetSchedulerMemoryUsage(const TinyAIForwardScheduler *scheduler);
size_t tinyaiGetSchedulerPeakMemoryUsage(const TinyAIForwardScheduler *scheduler);

/* One layer's turn; valid until the next call. */
typedef struct TinyAIScheduledLayer {
    int layer;
    const void *weights; /* the layer's bytes, as in the file */
    size_t weightsSize;
    void *output; /* outputSize bytes, 64-byte aligned, not zeroed; lives until the last layer that
                            depends on it has run. NULL if outputSize is 0 */
    size_t outputSize;
    size_t outputOffset; /* in the scheduler's activation memory */
} TinyAIScheduledLayer;

/* Ends the turn before, and begins the next: reads the layer if it is not cached, reads ahead, and gives
 * its output a place. The first turn of a pass allocates the activation memory. False at the end of a pass
 * (then status TINYAI_OK; the next call begins a new pass) or for an error (the next call tries the same
 * turn again): E_ARGUMENT for a schedule that is empty or depends on a layer that was never added, E_NOMEM,
 * or what reading the layer gave. */
bool tinyaiNextScheduledLayer(TinyAIForwardScheduler *scheduler, TinyAIScheduledLayer *step);
/* The output of a layer that had its turn in this pass and is still needed, or NULL (E_ARGUMENT). */
const void *tinyaiGetLayerOutput(const TinyAIForwardScheduler *scheduler, int layer);
/* Bytes of the activation memory: what all outputs take at the smallest possible peak. */
size_t tinyaiGetSchedulerActivationBytes(const TinyAIForwardScheduler *scheduler);

#ifdef __cplusplus
}
#endif
#endif
