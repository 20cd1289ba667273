/* A program that does its own computing on a model's layers: scheduled, with outputs that live as long as a later
 * layer needs them; and loaded by hand, as in the guide's pattern for progressive loading.
 *
 *     cc layers.c $(pkg-config --cflags --libs tinyai) -o layers && ./layers model.gguf */
#include <stdio.h>
#include <tinyai/raii.h>

enum { WIDTH = 256 };

/* Stands for the computing: adds what the layer reads to the sum of its bytes. */
static uint32_t compute(const TinyAIScheduledLayer *step, const uint32_t *input) {
    const unsigned char *weights = step->weights;
    uint32_t sum = input ? input[0] : 0;
    for (size_t i = 0; i < step->weightsSize; i++)
        sum = sum * 31 + weights[i];
    return ((uint32_t *)step->output)[0] = sum;
}

static bool scheduled(TinyAIMappedModel *model) {
    const int n = tinyaiGetMappedLayerCount(model);
    TINYAI_AUTO_FORWARD_SCHEDULER TinyAIForwardScheduler *scheduler =
        tinyaiCreateForwardScheduler(model, TINYAI_EXEC_STREAMING, (size_t)4 << 20);
    for (int layer = 0; layer < n; layer++) {
        const TinyAIDependencyType type = layer ? TINYAI_DEP_SEQUENTIAL : TINYAI_DEP_NONE;
        if (!tinyaiAddLayerToSchedule(scheduler, layer, layer - 1, type, WIDTH * sizeof(uint32_t)))
            return false;
    }
    uint32_t last = 0;
    TinyAIScheduledLayer step;
    while (tinyaiNextScheduledLayer(scheduler, &step))
        last = compute(&step, step.layer ? tinyaiGetLayerOutput(scheduler, step.layer - 1) : NULL);
    printf("scheduled: %d layers to %08x; outputs take %zu bytes, the peak is %zu\n", n,
           (unsigned)last, tinyaiGetSchedulerActivationBytes(scheduler),
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
