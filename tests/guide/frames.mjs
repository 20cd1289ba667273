// The frames of the guide's snippets: for each of them, what a reader would have declared before it (`lines`: each
// a name of the reader's own or the handle of an earlier snippet, in one line, by a public call or a constant), and
// what must be true after it (`after`). docs/memory.md shows exactly these lines. `before` and `after` are the
// test's: statements around the snippet. `files` looks at what the program left in its folder.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a frame may declare. */
export const READERS_OWN = [
  'size',
  'pool_size',
  'object_size',
  'num_objects',
  'layerIndex',
  'prevLayer',
  'residualLayer',
  'outputSize',
  'num_layers',
  'processing',
  'memory_pressure',
  'process_layer',
  'load_next_layer',
  'unload_unused_layers',
]
export const HANDLES = ['config', 'pool', 'model', 'scheduler', 'loader']

/** Sections whose snippet belongs to a part of TinyAI that is still to come. */
export const PENDING = ['Mixed Precision Quantization', 'Model Pruning']

const openModel = 'TinyAIMappedModel *model = tinyaiOpenMappedModel("path/to/model.tmai", NULL);'
// Nothing is read ahead, so that it is known what is cached.
const openPlain =
  'TinyAIMappedModel *model = tinyaiOpenMappedModel("path/to/model.tmai", &(TinyAIMmapConfig){.maxCacheSize = 4000000});'
const createScheduler =
  'TinyAIForwardScheduler *scheduler = tinyaiCreateForwardScheduler(model, TINYAI_EXEC_MEMORY_OPT, 100 * 1024 * 1024);'
const createPool = 'TinyAIMemoryPool *pool = tinyai_create_pool(1024 * 1024, 4096);'
const numLayers = 'int num_layers = tinyaiGetMappedLayerCount(model);'
const memoryPressure = '#define memory_pressure tinyai_memory_pressure(loader)'

/** The guide's checklist, as it stands at its end. */
export function checklist(guide) {
  const items = [...guide.matchAll(/^- \[ \] (.*\S)\s*$/gm)].map(([, item]) => item)
  assert.equal(items.length, 10)
  return items
}

/** By section, and by number within it: "Section/1" is the first snippet of that section. */
export const FRAMES = {
  'Memory Allocation Strategies/1': {
    after: `
    TinyAIMemory *memory = tinyai_create_memory(&config);
    CHECK(memory != NULL);
    const size_t mark = tinyai_memory_mark(memory);
    char *first = tinyai_memory_alloc(memory, 4096), *next = tinyai_memory_alloc(memory, 4096);
    CHECK(next == first + 4096); // a bump of a pointer, no header in between
    for (int i = 2; i < 256; i++)
        CHECK(tinyai_memory_alloc(memory, 4096) != NULL);
    CHECK(tinyai_memory_stats(memory).current_usage == config.initial_pool_size);
    CHECK(tinyai_memory_alloc(memory, 16) == NULL && last_status() == TINYAI_E_NOMEM); // no growth
    CHECK(tinyai_memory_release(memory, mark));
    CHECK(tinyai_memory_stats(memory).current_usage == 0);
    CHECK(tinyai_memory_alloc(memory, 1024 * 1024) == first);
    tinyai_destroy_memory(memory);`,
  },
  'Memory Allocation Strategies/2': {
    after: `
    TinyAIMemory *memory = tinyai_create_memory(&config);
    CHECK(memory != NULL);
    void *blocks[513];
    for (int i = 0; i < 512; i++)
        CHECK((blocks[i] = tinyai_memory_alloc(memory, 4096)) != NULL);
    const size_t reserved = tinyai_memory_stats(memory).reserved_bytes;
    CHECK((blocks[512] = tinyai_memory_alloc(memory, 1)) != NULL); // a second chunk
    CHECK(tinyai_memory_stats(memory).reserved_bytes > reserved);
    CHECK(tinyai_memory_alloc(memory, 4097) == NULL && last_status() == TINYAI_E_ARGUMENT);
    for (int i = 0; i < 512; i += 2)
        CHECK(tinyai_memory_free(memory, blocks[i]));
    CHECK(!tinyai_memory_free(memory, blocks[0])); // twice
    CHECK(!tinyai_memory_free(memory, &config));   // not ours
    for (int i = 0; i < 512; i += 2)
        CHECK((blocks[i] = tinyai_memory_alloc(memory, 4096)) != NULL); // every hole can be used
    CHECK(tinyai_memory_stats(memory).live_allocations == 513);
    tinyai_destroy_memory(memory);`,
  },
  'Memory Allocation Strategies/3': {
    after: `
    TinyAIMemory *memory = tinyai_create_memory(&config);
    CHECK(memory != NULL);
    const size_t largest = tinyai_memory_stats(memory).largest_free_block;
    void *blocks[100];
    for (size_t i = 0; i < 100; i++)
        CHECK((blocks[i] = tinyai_memory_alloc(memory, 1 + i * i * 7)) != NULL);
    CHECK(tinyai_generate_memory_report("tracked.txt")); // names the line above
    for (size_t i = 0; i < 100; i += 2)
        CHECK(tinyai_memory_free(memory, blocks[i]));
    CHECK(tinyai_memory_stats(memory).fragmentation_ratio > 0);
    for (size_t i = 1; i < 100; i += 2)
        CHECK(tinyai_memory_free(memory, blocks[i]));
    CHECK(tinyai_memory_stats(memory).largest_free_block == largest); // one piece again
    CHECK(tinyai_memory_stats(memory).fragmentation_ratio == 0);
    tinyai_destroy_memory(memory);`,
    files(folder, { program }) {
      const report = readFileSync(join(folder, 'tracked.txt'), 'utf8')
      assert.match(report, new RegExp(`${program}\\.c:\\d+`), 'the report names the call site')
    },
  },
  'Memory Allocation Strategies/4': {
    after: `
    TinyAIMemory *memory = tinyai_create_memory(&config);
    CHECK(memory != NULL);
    const size_t mark = tinyai_memory_mark(memory);
    char *weights = tinyai_memory_alloc_static(memory, 8192); // lives as long as the instance
    CHECK(weights != NULL && tinyai_memory_mark(memory) >= mark + 8192);
    const size_t after_weights = tinyai_memory_mark(memory);
    void *large = tinyai_memory_alloc(memory, 300000); // dynamic
    CHECK(large != NULL);
    for (int round = 0; round < 4; round++) {
        void *objects[200]; // of one size: a pool
        for (int i = 0; i < 200; i++)
            CHECK((objects[i] = tinyai_memory_alloc(memory, 100)) != NULL);
        for (int i = 0; i < 200; i++)
            CHECK(tinyai_memory_free(memory, objects[i]));
    }
    CHECK(tinyai_memory_mark(memory) == after_weights); // neither came from the static part
    CHECK(tinyai_memory_free(memory, large));
    CHECK(tinyai_memory_stats(memory).live_allocations == 1);
    tinyai_destroy_memory(memory);`,
  },
  'Memory Pools/1': {
    lines: ['const size_t size = 1000;'],
    after: `
    CHECK(data != NULL);
    TinyAIPoolStats stats = tinyai_get_pool_stats(pool);
    CHECK(stats.block_size == 4096 && stats.blocks == 256 && stats.blocks_free == 256);
    CHECK(stats.peak_blocks_used == 1); // the snippet's
    CHECK(!tinyai_pool_free(pool, data)); // it did free it
    char *low = NULL, *high = NULL;
    for (int i = 0; i < 256; i++) {
        char *block = tinyai_pool_alloc(pool, size);
        CHECK(block != NULL);
        low = low == NULL || block < low ? block : low;
        high = high == NULL || block > high ? block : high;
    }
    CHECK(high == low + 255 * 4096); // side by side
    CHECK((char *)data >= low && (char *)data <= high);
    CHECK(tinyai_get_pool_stats(pool).utilization == 1.0);
    CHECK(tinyai_pool_alloc(pool, size) == NULL && last_status() == TINYAI_E_NOMEM);
    CHECK(tinyai_pool_alloc(pool, 4097) == NULL && last_status() == TINYAI_E_ARGUMENT);
    tinyai_destroy_pool(pool);`,
  },
  'Memory-Mapped Model Loading/1': {
    after: `
    CHECK(model != NULL);
    CHECK(tinyaiGetMappedLayerCount(model) == 5);
    TinyAIMmapStats stats = tinyaiGetMmapStats(model);
    CHECK(stats.cachedLayers == 0 && stats.misses == 0); // no layer is read yet
    CHECK(stats.cacheCapacity <= config.maxCacheSize);
    CHECK(tinyaiGetMappedLayer(model, 4) != NULL);
    CHECK(tinyaiGetMmapStats(model).misses == 1);
    CHECK(tinyaiGetMmapStats(model).bytesRead >= tinyaiGetMappedLayerSize(model, 4));
    tinyaiCloseMappedModel(model);`,
  },
  'Memory-Mapped Model Loading/2': {
    after: `
    TinyAIMappedModel *model = tinyaiOpenMappedModel("path/to/model.tmai", &config);
    CHECK(model != NULL);
    TinyAIMmapStats stats = tinyaiGetMmapStats(model);
    CHECK(stats.cacheCapacity <= 100 * 1024 * 1024);
    CHECK(stats.readerThreads == (THREADS ? 2 : 0));
    for (int layer = 0; layer < 5; layer++)
        CHECK(tinyaiGetMappedLayer(model, layer) != NULL);
    stats = tinyaiGetMmapStats(model);
    CHECK(stats.misses == 5 && stats.peakCachedBytes <= 100 * 1024 * 1024);
    CHECK(stats.prefetched == (THREADS ? 4 : 0)); // all but the first
    tinyaiCloseMappedModel(model);`,
  },
  'Forward Pass Scheduling/1': {
    lines: [openModel],
    after: `
    CHECK(scheduler != NULL);
    CHECK(tinyaiGetSchedulerMemoryUsage(scheduler) == 0);
    size_t most = 0;
    for (int layer = 0; layer < 5; layer++)
        CHECK(tinyaiAddLayerToSchedule(scheduler, layer, layer - 1, layer == 0 ? TINYAI_DEP_NONE : TINYAI_DEP_SEQUENTIAL, 4096));
    CHECK(run_pass(scheduler, &most) == 5);
    CHECK(most > 0 && most <= tinyaiGetSchedulerPeakMemoryUsage(scheduler));
    CHECK(tinyaiGetSchedulerPeakMemoryUsage(scheduler) <= 100 * 1024 * 1024);
    // The least memory: one layer at a time, although the limit holds all of them.
    CHECK(tinyaiGetMmapStats(model).peakCachedBytes < 2 * tinyaiGetMappedLayerSize(model, 0));
    tinyaiDestroyForwardScheduler(scheduler);
    tinyaiCloseMappedModel(model);`,
  },
  'Forward Pass Scheduling/2': {
    lines: [
      openModel,
      createScheduler,
      'const int layerIndex = 2;',
      'const int prevLayer = 1;',
      'const int residualLayer = 0;',
      'const size_t outputSize = 4096;',
    ],
    before: `
    CHECK(tinyaiAddLayerToSchedule(scheduler, 0, -1, TINYAI_DEP_NONE, outputSize));
    CHECK(tinyaiAddLayerToSchedule(scheduler, 1, 0, TINYAI_DEP_SEQUENTIAL, outputSize));`,
    after: `
    // Both edges are there: the same again is refused, and so is another size.
    CHECK(!tinyaiAddLayerToSchedule(scheduler, layerIndex, prevLayer, TINYAI_DEP_SEQUENTIAL, outputSize));
    CHECK(!tinyaiAddLayerToSchedule(scheduler, layerIndex, residualLayer, TINYAI_DEP_RESIDUAL, outputSize));
    CHECK(!tinyaiAddLayerToSchedule(scheduler, layerIndex, residualLayer, TINYAI_DEP_ATTENTION, outputSize + 1));
    CHECK(!tinyaiAddLayerToSchedule(scheduler, 0, layerIndex, TINYAI_DEP_SEQUENTIAL, outputSize)); // a cycle
    TinyAIScheduledLayer step;
    for (int layer = 0; layer <= layerIndex; layer++)
        CHECK(tinyaiNextScheduledLayer(scheduler, &step) && step.layer == layer);
    // In its turn both inputs are still there, each in a place of its own.
    const char *previous = tinyaiGetLayerOutput(scheduler, prevLayer);
    const char *residual = tinyaiGetLayerOutput(scheduler, residualLayer);
    CHECK(previous != NULL && residual != NULL && previous != residual);
    CHECK(step.output != previous && step.output != residual);
    CHECK(tinyaiGetSchedulerActivationBytes(scheduler) == 3 * outputSize);
    CHECK(!tinyaiNextScheduledLayer(scheduler, &step) && last_status() == TINYAI_OK);
    tinyaiDestroyForwardScheduler(scheduler);
    tinyaiCloseMappedModel(model);`,
  },
  'Progressive Loading/1': {
    after: `
    CHECK(tinyai_create_progressive_loader(&config) == NULL); // no model is open yet
    CHECK(strstr(tinyai_last_error(NULL)->message, "model") != NULL);
    TinyAIMappedModel *model = tinyaiOpenMappedModel("path/to/model.tmai", NULL);
    TinyAIProgressiveLoader *loader = tinyai_create_progressive_loader(&config);
    CHECK(loader != NULL);
    CHECK(tinyai_load_layer(loader, 0));
    CHECK(!tinyai_memory_pressure(loader)); // 768 MB hold the whole model
    // The window of two is read ahead: it is there without a further demand.
    CHECK(tinyai_load_layer(loader, 1) && tinyai_load_layer(loader, 2));
    CHECK(tinyaiGetMmapStats(model).prefetched >= (THREADS ? 2 : 0));
    tinyai_destroy_progressive_loader(loader);
    tinyaiCloseMappedModel(model);`,
  },
  'Progressive Loading/2': {
    lines: [
      openPlain,
      'TinyAIProgressiveConfig config = {.enable_unload = true, .memory_threshold = 2000000};',
      numLayers,
      '#define process_layer(layer) tinyaiGetMappedLayer(model, layer)',
      memoryPressure,
    ],
    after: `
    // 2 000 000 bytes hold three layers, so with each layer from the third on the second before it went.
    CHECK(num_layers == 5 && n_cached(model) == 2);
    CHECK(tinyaiGetMmapStats(model).misses == 5);
    for (int layer = -1; layer < num_layers + 1; layer++)
        CHECK(tinyai_unload_layer(loader, layer) == (layer == 3 || layer == 4));
    CHECK(n_cached(model) == 0);
    tinyai_destroy_progressive_loader(loader);
    tinyaiCloseMappedModel(model);`,
  },
  'Usage Tracking/1': {
    lines: [createPool],
    after: `
    CHECK(stats.current_usage >= 1024 * 1024 && stats.peak_usage >= stats.current_usage);
    CHECK(stats.total_allocated >= stats.peak_usage && stats.allocation_count >= 1);
    CHECK(stats.fragmentation_ratio >= 0 && stats.fragmentation_ratio <= 1);
    void *tracked = tinyai_memory_alloc(NULL, 5000);
    TinyAIMemoryStats now = tinyai_get_memory_stats();
    CHECK(now.current_usage >= stats.current_usage + 5000);
    CHECK(now.allocation_count == stats.allocation_count + 1);
    CHECK(tinyai_generate_memory_report("tracked.txt"));
    CHECK(tinyai_memory_free(NULL, tracked));
    CHECK(tinyai_get_memory_stats().current_usage == stats.current_usage);
    tinyai_destroy_pool(pool);
    CHECK(tinyai_get_memory_stats().current_usage + 1024 * 1024 <= stats.current_usage);
    CHECK(tinyai_get_memory_stats().peak_usage == now.peak_usage);`,
    files(folder, { stdout, program }) {
      const [, current] = /^Current usage: (\d+) bytes$/m.exec(stdout)
      const [, peak] = /^Peak usage: (\d+) bytes$/m.exec(stdout)
      assert.ok(Number(current) >= 1024 * 1024 && Number(peak) >= Number(current), stdout)
      const report = readFileSync(join(folder, 'tracked.txt'), 'utf8')
      assert.match(report, new RegExp(`${program}\\.c:\\d+`), 'the report names the call site')
    },
  },
  'Usage Tracking/2': {
    lines: [createPool],
    after: `
    CHECK(tinyai_generate_memory_report("memory_report.json"));
    CHECK(!tinyai_generate_memory_report("missing/folder/report.txt"));
    CHECK(last_status() != TINYAI_OK);
    CHECK(strstr(tinyai_last_error(NULL)->message, "missing/folder/report.txt") != NULL);
    tinyai_destroy_pool(pool);`,
    files(folder, { items }) {
      const report = readFileSync(join(folder, 'memory_report.txt'), 'utf8')
      const lines = report.split('\n')
      for (const item of items)
        assert.equal(lines.filter((line) => line.includes(item)).length, 1, `${item}\n${report}`)
      const { checklist } = JSON.parse(readFileSync(join(folder, 'memory_report.json'), 'utf8'))
      assert.deepEqual(
        checklist.map(({ item }) => item),
        items,
      )
    },
  },
  'Performance Analysis/1': {
    lines: [openModel, createScheduler],
    before: `
    for (int layer = 0; layer < 5; layer++)
        CHECK(tinyaiAddLayerToSchedule(scheduler, layer, layer - 1, layer == 0 ? TINYAI_DEP_NONE : TINYAI_DEP_SEQUENTIAL, 8192));
    size_t most = 0;
    CHECK(run_pass(scheduler, &most) == 5);
    TinyAIScheduledLayer step;
    CHECK(tinyaiNextScheduledLayer(scheduler, &step)); // in the middle of the second pass`,
    after: `
    CHECK(memUsage == tinyaiGetMmapStats(model).cachedBytes + step.outputSize);
    CHECK(peakMemUsage == most); // two outputs, and the layers that were cached with them
    CHECK(peakMemUsage == tinyaiGetMmapStats(model).peakCachedBytes + 2 * 8192);
    CHECK(memUsage < peakMemUsage);
    tinyaiDestroyForwardScheduler(scheduler);
    tinyaiCloseMappedModel(model);`,
  },
  'Common Patterns/1': {
    lines: [
      'const size_t pool_size = 64 * 1024;',
      'const size_t object_size = 256;',
      'const int num_objects = 1000;',
    ],
    after: `
    TinyAIPoolStats stats = tinyai_get_pool_stats(pool);
    CHECK(stats.blocks == 256 && stats.blocks_free == 256 && stats.peak_blocks_used == 1);
    tinyai_destroy_pool(pool);`,
  },
  'Common Patterns/2': {
    lines: [
      openPlain,
      'TinyAIProgressiveLoader *loader = tinyai_create_progressive_loader(&(TinyAIProgressiveConfig){.memory_threshold = 2000000});',
      'int layerIndex = -1;',
      numLayers,
      '#define processing (layerIndex + 1 < num_layers)',
      memoryPressure,
      '#define unload_unused_layers() tinyai_unload_unused_layers(loader)',
      '#define load_next_layer() (layerIndex = tinyai_load_next_layer(loader))',
      '#define process_layer() tinyaiGetMappedLayer(model, layerIndex)',
    ],
    after: `
    // Three layers fit. Before the fourth all but the third went; then the last two came.
    CHECK(layerIndex == 4 && n_cached(model) == 3 && memory_pressure);
    CHECK(tinyaiGetMmapStats(model).misses == 5);
    CHECK(!tinyai_load_layer(loader, 0) && last_status() == TINYAI_E_BUDGET); // nothing makes room here
    CHECK(unload_unused_layers() == 2 && n_cached(model) == 1 && !memory_pressure);
    CHECK(unload_unused_layers() == 0 && n_cached(model) == 1);
    CHECK(load_next_layer() == 0 && n_cached(model) == 2); // after the last the first again
    CHECK(tinyai_unload_layer(loader, 4) && n_cached(model) == 1);
    CHECK(!tinyai_unload_layer(loader, 4) && !tinyai_unload_layer(loader, -1));
    CHECK(tinyai_load_layer(loader, 3) && n_cached(model) == 2);
    CHECK(load_next_layer() == 4 && n_cached(model) == 3);
    tinyai_destroy_progressive_loader(loader);
    tinyaiCloseMappedModel(model);`,
  },
}

/** What docs/memory.md shows: the lines of each snippet that needs some. */
export function framesText() {
  return Object.entries(FRAMES)
    .filter(([, { lines }]) => lines)
    .map(
      ([name, { lines }]) =>
        `${name.replace('/', ', ')}:\n\n\`\`\`c\n${lines.join('\n')}\n\`\`\`\n`,
    )
    .join('\n')
}
