/* The schedule of a pass: which units run in which order, and why, as a graph of dependencies. */
#include "model/engine.h"

/* The graph's layers: the final norm, the blocks, the output head. A block reads what the one before wrote;
 * the head reads the last block. The final norm's weights come first, since they are small and stay. */
static int32_t add_layer(TinyAIModel *m, uint32_t layer, TinyAIError *error) {
    uint32_t n_blocks = m->file.hp.n_blocks;
    uint64_t stream = (uint64_t)m->file.hp.embd * sizeof(float); /* of one token */
    if (layer <= 1) {
        return tai_graph_add(&m->graph, layer, TAI_NO_LAYER, TINYAI_DEP_NONE, layer * stream,
                             error);
    }
    uint64_t bytes = layer <= n_blocks ? stream : m->file.hp.vocab_size * sizeof(float);
    return tai_graph_add(&m->graph, layer, layer - 1, TINYAI_DEP_SEQUENTIAL, bytes, error);
}

int32_t tai_schedule_build(TinyAIModel *m, TinyAIError *error) {
    uint32_t n = m->file.hp.n_blocks + 2;
    tai_graph_init(&m->graph, tai_in(m, TAI_REGION_DIRECTORY, m->planned.layout.graph), n, n);
    for (uint32_t layer = 0; layer < n; layer++) {
        if (add_layer(m, layer, error)) {
            return error->status;
        }
    }
    tai_graph_order(&m->graph, false);
    return TINYAI_OK;
}

static uint32_t slot_of(const TinyAIModel *m, const TaiUnit *unit) {
    const TaiSlots *slots = unit->kind == TAI_UNIT_HEAD ? &m->residency.head : &m->residency.blocks;
    if (!unit->has_slot) {
        return TINYAI_NO_STEP;
    }
    uint64_t base = (uint64_t)((uintptr_t)slots->pool.base - m->linear);
    return (uint32_t)((unit->address - base) / slots->pool.block_bytes);
}

/* Units that a pass visits: all but resident strips of a separate embedding. */
static uint32_t steps_of_pass(const TinyAIModel *m) {
    return m->file.n_units - m->file.n_embedding_strips;
}

/* The next unit of the pass that has to be read again: reading ahead goes that far. */
static uint32_t read_ahead_during(const TinyAIModel *m, uint32_t unit) {
    uint32_t n = steps_of_pass(m);
    for (uint32_t step = 1; step < n && m->planned.now.overlap; step++) {
        uint32_t next = (unit + step) % n;
        if (!m->file.units[next].pinned) {
            return next;
        }
    }
    return TINYAI_NO_STEP;
}

uint32_t tinyai_schedule(const TinyAIModel *m, uint32_t first, TinyAIScheduleStep *steps,
                         uint32_t capacity) {
    uint32_t head_layer = m->file.hp.n_blocks + 1;
    uint32_t copied = 0;
    for (uint32_t i = first; i < steps_of_pass(m) && copied < capacity; i++, copied++) {
        uint32_t layer = m->graph.order[i < head_layer ? i : head_layer];
        uint32_t index = layer < head_layer ? layer : i;
        const TaiUnit *unit = &m->file.units[index];
        const TaiGraphEdge *edge = &m->graph.edges[layer];
        steps[copied] =
            (TinyAIScheduleStep){.bytes = unit->bytes,
                                 .kind = unit->kind,
                                 .index = unit->kind == TAI_UNIT_HEAD    ? index - head_layer
                                          : unit->kind == TAI_UNIT_BLOCK ? index - 1
                                                                         : 0,
                                 .depends_on = edge->on == TAI_NO_LAYER ? TINYAI_NO_STEP : edge->on,
                                 .dependency = edge->type,
                                 .slot = slot_of(m, unit),
                                 .state = unit->state,
                                 .pinned = unit->pinned,
                                 .prefetch = read_ahead_during(m, index)};
    }
    return copied;
}
