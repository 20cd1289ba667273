/* Layers: a model's layers run in order by arithmetic of one's own; here each output is a checksum of its
 * layer's bytes and of its inputs: the layer before, and the one before that (residual). The scheduler reads the
 * layers, two in memory at a time, and lays outputs that are not needed at the same time over each other.
 *
 *     cc layers.c $(pkg-config --cflags --libs tinyai) -o layers && ./layers model.gguf */
#include <stdint.h>
#include <stdio.h>
#include <tinyai/raii.h>

enum { LANES = 4096, OUTPUT_BYTES = LANES * sizeof(uint32_t) };

static int failed(void) {
    (void)fprintf(stderr, "layers: %s\n", tinyai_last_error(NULL)->message);
    return 1;
}

static bool add_layers(TinyAIForwardScheduler *scheduler, int n) {
    bool ok = tinyaiAddLayerToSchedule(scheduler, 0, -1, TINYAI_DEP_NONE, OUTPUT_BYTES);
    for (int i = 1; i < n && ok; i++) {
        ok = tinyaiAddLayerToSchedule(scheduler, i, i - 1, TINYAI_DEP_SEQUENTIAL, OUTPUT_BYTES);
        if (ok && i > 1)
            ok = tinyaiAddLayerToSchedule(scheduler, i, i - 2, TINYAI_DEP_RESIDUAL, OUTPUT_BYTES);
    }
    return ok;
}

static void add_input(uint32_t *output, const uint32_t *input) {
    for (int lane = 0; lane < LANES && input != NULL; lane++)
        output[lane] += 31 * input[lane];
}

static void compute(const TinyAIForwardScheduler *scheduler, const TinyAIScheduledLayer *step) {
    const uint8_t *weights = step->weights;
    uint32_t *output = step->output;
    for (int lane = 0; lane < LANES; lane++)
        output[lane] = 0; /* another output was here before */
    for (size_t i = 0; i < step->weightsSize; i++)
        output[i % LANES] = 31 * output[i % LANES] + weights[i];
    for (int back = 1; back <= 2; back++)
        if (step->layer >= back)
            add_input(output, tinyaiGetLayerOutput(scheduler, step->layer - back));
}

static uint32_t sum(const uint32_t *output) {
    uint32_t total = 0;
    for (int lane = 0; lane < LANES; lane++)
        total = 31 * total + output[lane];
    return total;
}

int main(int argc, char **argv) {
    if (argc < 2)
        return 2;
    TINYAI_AUTO_MAPPED_MODEL TinyAIMappedModel *model = tinyaiOpenMappedModel(argv[1], NULL);
    if (model == NULL)
        return failed();
    const int n = tinyaiGetMappedLayerCount(model);
    const TinyAIMmapStats cache = tinyaiGetMmapStats(model);
    const size_t layer_bytes = cache.cacheCapacity / (size_t)cache.slots;
    const size_t limit = 2 * layer_bytes + (size_t)3 * OUTPUT_BYTES;
    TINYAI_AUTO_FORWARD_SCHEDULER TinyAIForwardScheduler *scheduler =
        tinyaiCreateForwardScheduler(model, TINYAI_EXEC_STREAMING, limit);
    if (scheduler == NULL || !add_layers(scheduler, n))
        return failed();

    TinyAIScheduledLayer step;
    while (tinyaiNextScheduledLayer(scheduler, &step)) {
        compute(scheduler, &step);
        printf("layer %d: output at %zu, checksum %08x\n", step.layer, step.outputOffset,
               (unsigned)sum(step.output));
    }
    if (tinyai_last_error(NULL)->status != TINYAI_OK)
        return failed();
    printf("%zu bytes in use, at most %zu of %zu\n", tinyaiGetSchedulerMemoryUsage(scheduler),
           tinyaiGetSchedulerPeakMemoryUsage(scheduler), limit);
    printf("outputs take %zu bytes, one behind the other they would take %zu\n",
           tinyaiGetSchedulerActivationBytes(scheduler), (size_t)n * OUTPUT_BYTES);
    return 0;
}
