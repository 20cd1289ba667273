/* A program that does its own computing on a model's layers: scheduled, with outputs that live as long as a later
 * layer needs them; and loaded by hand, as in the guide's pattern for progressive loading.
 *
 *     cc layers.c $(pkg-config --cflags --libs tinyai) -o layers && ./layers model.gguf */
#include <stdio.h>
#include <string.h>
#include <tinyai/raii.h>

enum { WIDTH = 256 };

/* Each layer reads the one before, and adds the one before that (residual): three outputs live at a time. */
static bool add_layer(TinyAIForwardScheduler *scheduler, int layer) {
    const size_t bytes = WIDTH * sizeof(uint32_t);
    const TinyAIDependencyType type = layer ? TINYAI_DEP_SEQUENTIAL : TINYAI_DEP_NONE;
    return tinyaiAddLayerToSchedule(scheduler, layer, layer - 1, type, bytes) &&
           (layer < 2 ||
            tinyaiAddLayerToSchedule(scheduler, layer, layer - 2, TINYAI_DEP_RESIDUAL, bytes));
}

/* Stands for the computing: adds what the layer reads to sums over its bytes. */
static uint32_t compute(const TinyAIForwardScheduler *scheduler, const TinyAIScheduledLayer *step) {
    const unsigned char *weights = step->weights;
    uint32_t *output = step->output;
    memset(output, 0, step->outputSize); /* another layer's output was here */
    for (int input = step->layer - 2; input < step->layer; input++) {
        const uint32_t *from = input < 0 ? NULL : tinyaiGetLayerOutput(scheduler, input);
        for (size_t i = 0; from != NULL && i < WIDTH; i++)
            output[i] += from[i];
    }
    for (size_t i = 0; i < step->weightsSize; i++)
        output[i % WIDTH] = output[i % WIDTH] * 31 + weights[i];
    return output[0];
}

static bool scheduled(TinyAIMappedModel *model) {
    const int n = tinyaiGetMappedLayerCount(model);
    TINYAI_AUTO_FORWARD_SCHEDULER TinyAIForwardScheduler *scheduler =
        tinyaiCreateForwardScheduler(model, TINYAI_EXEC_STREAMING, (size_t)4 << 20);
    if (scheduler == NULL)
        return false;
    for (int layer = 0; layer < n; layer++)
        if (!add_layer(scheduler, layer))
            return false;
    uint32_t last = 0;
    TinyAIScheduledLayer step;
    while (tinyaiNextScheduledLayer(scheduler, &step))
        last = compute(scheduler, &step);
    printf(
        "scheduled: %d layers to %08x; outputs take %zu bytes, not %zu; %zu in use, at most %zu\n",
        n, (unsigned)last, tinyaiGetSchedulerActivationBytes(scheduler),
        (size_t)n * WIDTH * sizeof(uint32_t), tinyaiGetSchedulerMemoryUsage(scheduler),
        tinyaiGetSchedulerPeakMemoryUsage(scheduler));
    return tinyai_last_error(NULL)->status == TINYAI_OK;
}

static bool by_hand(TinyAIMappedModel *model) {
    TinyAIProgressiveConfig config = {.model = model,
                                      .memory_threshold = 3 * tinyaiGetMappedLayerSize(model, 0)};
    TINYAI_AUTO_PROGRESSIVE_LOADER TinyAIProgressiveLoader *loader =
        tinyai_create_progressive_loader(&config);
    const int n = tinyaiGetMappedLayerCount(model);
    int dropped = 0;
    for (int i = 0; loader != NULL && i < 2 * n; i++) {
        if (tinyai_memory_pressure(loader))
            dropped += tinyai_unload_unused_layers(loader);
        const int layer = tinyai_load_next_layer(loader);
        if (layer < 0 || tinyaiGetMappedLayer(model, layer) == NULL)
            return false;
    }
    printf("by hand: two passes over %d layers, %d dropped in between\n", n, dropped);
    return loader != NULL;
}

int main(int argc, char **argv) {
    TinyAIMmapConfig config = {.maxCacheSize = (size_t)4 << 20};
    TINYAI_AUTO_MAPPED_MODEL TinyAIMappedModel *model =
        argc > 1 ? tinyaiOpenMappedModel(argv[1], &config) : NULL;
    if (model == NULL || !scheduled(model) || !by_hand(model)) {
        (void)fprintf(stderr, "layers: %s\n",
                      argc > 1 ? tinyai_last_error(NULL)->message : "name a model");
        return 1;
    }
    return 0;
}
