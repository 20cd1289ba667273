#include "schedule/layout.h"

#include <stddef.h>

#include "memory/checked.h"
#include "port/threads.h"
#include "schedule/graph.h"

uint64_t tai_extent_put(TaiExtent *e, uint64_t n, uint64_t bytes) {
    uint64_t at = 0;
    uint64_t size = 0;
    e->ok = e->ok && tai_align(e->end, TAI_ALIGNMENT, &at) && tai_mul(n, bytes, &size) &&
            tai_add(at, size, &e->end);
    return at;
}

/* A region is preceded by its guard, so whoever writes past the end of one is found by the next. Empty ones
 * have theirs too: the bytes of a layout are then the sum of what its parts need, and a slot more or less
 * changes the peak by exactly a slot. */
static void put_region(TaiExtent *e, TaiLayout *layout, TaiRegionId id, uint32_t purpose,
                       uint64_t bytes) {
    TaiRegion *region = &layout->region[id];
    uint64_t start = e->end;
    region->purpose = purpose;
    tai_extent_put(e, 1, TAI_GUARD_BYTES);
    region->address = tai_extent_put(e, 1, bytes);
    region->bytes = e->end - start;
    region->padding = region->bytes - bytes;
}

/* Slots that units which do not stay pass through. */
static uint32_t passing(const TaiConfig *config) {
    return config->overlap ? 2 : 1;
}

uint32_t tai_pinned_blocks(const TaiConfig *config, uint32_t n_blocks) {
    return config->slots < n_blocks ? config->slots - passing(config) : n_blocks;
}

uint32_t tai_head_slots(const TaiConfig *config, uint32_t n_strips) {
    return config->resident_strips < n_strips ? config->resident_strips + passing(config)
                                              : n_strips;
}

/* n slots of `bytes` each: both come from the file. */
static uint64_t slots(TaiExtent *e, uint64_t n, uint64_t bytes) {
    uint64_t all = 0;
    e->ok = e->ok && tai_mul(n, bytes, &all);
    return all;
}

bool tai_layout(const TaiShape *s, const TaiConfig *c, TaiLayout *layout) {
    TaiRooms rooms;
    if (!s->rooms(s->model, c, &rooms)) {
        return false;
    }
    TaiExtent e = {TAI_PROGRAM_BYTES, true};
    uint64_t rows = slots(&e, c->chunk, tai_align_up(s->embedding_row_bytes, TAI_ALIGNMENT));
    uint64_t embedding =
        c->embedding_resident ? tai_align_up(s->embedding_bytes, TAI_ALIGNMENT) : 0;
    uint64_t head = slots(&e, tai_head_slots(c, s->n_strips), s->strip_bytes);
    uint64_t blocks = slots(&e, c->slots, s->slot_bytes);
    TaiExtent directory = {s->directory_bytes, e.ok};
    layout->block_pool = tai_extent_put(&directory, s->n_blocks, sizeof(uint32_t));
    layout->head_pool = tai_extent_put(&directory, s->n_strips, sizeof(uint32_t));
    layout->graph =
        tai_extent_put(&directory, 1, tai_graph_bytes(s->n_blocks + 2, s->n_blocks + 2));
    e.ok = directory.ok;

    layout->region[TAI_REGION_PROGRAM] =
        (TaiRegion){.address = 0, .bytes = TAI_PROGRAM_BYTES, .purpose = TINYAI_PURPOSE_PROGRAM};
    put_region(&e, layout, TAI_REGION_ENGINE, TINYAI_PURPOSE_ENGINE, TAI_ENGINE_BYTES);
    put_region(&e, layout, TAI_REGION_DIRECTORY, TINYAI_PURPOSE_ENGINE, directory.end);
    put_region(&e, layout, TAI_REGION_TOKENIZER, TINYAI_PURPOSE_TOKENIZER, s->tokenizer_bytes);
    uint64_t permanent = e.end;
    put_region(&e, layout, TAI_REGION_THREADS, TINYAI_PURPOSE_THREADS,
               (c->threads - 1) * (uint64_t)TAI_THREAD_STACK_BYTES);
    put_region(&e, layout, TAI_REGION_TEXT, TINYAI_PURPOSE_TEXT, rooms.text);
    put_region(&e, layout, TAI_REGION_KV, TINYAI_PURPOSE_KV, rooms.kv);
    put_region(&e, layout, TAI_REGION_SCRATCH, TINYAI_PURPOSE_ACTIVATIONS, rooms.scratch);
    put_region(&e, layout, TAI_REGION_ROWS, TINYAI_PURPOSE_EMBEDDING, rows);
    put_region(&e, layout, TAI_REGION_EMBEDDING, TINYAI_PURPOSE_EMBEDDING, embedding);
    put_region(&e, layout, TAI_REGION_FINAL, TINYAI_PURPOSE_HEAD, s->final_bytes);
    put_region(&e, layout, TAI_REGION_HEAD_SLOTS, TINYAI_PURPOSE_HEAD, head);
    put_region(&e, layout, TAI_REGION_BLOCK_SLOTS, TINYAI_PURPOSE_WEIGHTS, blocks);
    layout->run_bytes = e.end;

    TaiExtent open = {permanent, e.ok};
    tai_extent_put(&open, 1, s->index_bytes);
    tai_extent_put(&open, 1, s->header_bytes);
    layout->open_bytes = open.end;
    layout->peak_bytes = tai_max_u64(layout->run_bytes, layout->open_bytes);
    return e.ok && open.ok;
}
