/* Poor performance: passes over a model whose cache lacks one layer, without a policy. Least recently used
 * goes first, and that is the one needed next: each layer is read again in each pass. The report shows it.
 *
 *     cc slow.c $(pkg-config --cflags --libs tinyai) -o slow && ./slow report.txt model.gguf
 *
 * `./slow report.txt model.gguf fixed`: adaptive caching keeps the other layers. */
#include <stdio.h>
#include <tinyai/raii.h>

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    TinyAIMmapConfig config = tinyaiCreateDefaultMmapConfig();
    config.prefetchEnabled = false;
    config.prefetchThreads = 0;
    config.adaptiveCaching = argc > 3;
    config.maxCacheSize = 2600000; /* four layers of the bundled model's five */
    TINYAI_AUTO_MAPPED_MODEL TinyAIMappedModel *model = tinyaiOpenMappedModel(argv[2], &config);
    if (model == NULL) {
        (void)fprintf(stderr, "slow: %s\n", tinyai_last_error(NULL)->message);
        return 1;
    }
    for (int pass = 0; pass < 20; pass++)
        for (int layer = 0; layer < tinyaiGetMappedLayerCount(model); layer++)
            if (tinyaiGetMappedLayer(model, layer) == NULL)
                return 1;
    const TinyAIMmapStats stats = tinyaiGetMmapStats(model);
    printf("%llu hits, %llu misses, %llu bytes read\n", (unsigned long long)stats.hits,
           (unsigned long long)stats.misses, (unsigned long long)stats.bytesRead);
    return !tinyai_generate_memory_report(argv[1]);
}
