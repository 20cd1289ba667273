#include "memory/classes.h"

#define NO_CLASS UINT32_MAX
#define PAYLOAD (TAI_SLAB_BYTES - TAI_TLSF_UNIT)
#define PER_BLOCK (sizeof(uint32_t) + sizeof(uint16_t)) /* of next[] and asked[] */

/* Sets class_of anew: the smallest class that holds each size. */
static void assign(TaiClasses *classes) {
    for (uint32_t i = 0; i < TAI_CLASSES_SIZES; i++) {
        const uint32_t size = (i + 1) * 16;
        uint32_t best = NO_CLASS;
        for (uint32_t c = 0; c < TAI_CLASSES; c++) {
            const uint32_t bytes = classes->classes[c].bytes;
            if (bytes >= size && (best == NO_CLASS || bytes < classes->classes[best].bytes)) {
                best = c;
            }
        }
        classes->class_of[i] = (uint8_t)best;
    }
}

static void set_class(TaiClass *class, uint32_t bytes) {
    const size_t room = PAYLOAD - sizeof(TaiSlab) - 16; /* 16: the blocks' alignment */
    *class = (TaiClass){.bytes = bytes, .per_slab = (uint32_t)(room / (bytes + PER_BLOCK))};
}

void tai_classes_init(TaiClasses *classes, TaiHeap *heap, bool follow) {
    *classes = (TaiClasses){.heap = heap, .follow = follow};
    set_class(&classes->classes[0], 16);
    uint32_t c = 1;
    for (uint32_t power = 32; power <= TAI_CLASSES_LARGEST; power *= 2) {
        set_class(&classes->classes[c++], power);
        if (power < TAI_CLASSES_LARGEST) {
            set_class(&classes->classes[c++], power + power / 2);
        }
    }
    assign(classes);
}

/* ---- slabs -------------------------------------------------------------------------------------- */

static void link_open(TaiClass *class, TaiSlab *slab) {
    slab->previous = NULL;
    slab->next = class->open;
    if (slab->next != NULL) {
        slab->next->previous = slab;
    }
    class->open = slab;
}

static void unlink_open(TaiClass *class, TaiSlab *slab) {
    if (slab->next != NULL) {
        slab->next->previous = slab->previous;
    }
    if (slab->previous != NULL) {
        slab->previous->next = slab->next;
    } else {
        class->open = slab->next;
    }
}

static TaiSlab *make_slab(TaiClasses *classes, uint32_t index) {
    TaiClass *class = &classes->classes[index];
    TaiSlab *slab = tai_heap_take(classes->heap, PAYLOAD, TAI_SLAB_BYTES);
    if (slab == NULL) {
        return NULL;
    }
    tai_tlsf_set_state(slab, TAI_TLSF_OWN);
    uint32_t *next = (uint32_t *)(slab + 1);
    slab->asked = (uint16_t *)(next + class->per_slab);
    const uintptr_t end = (uintptr_t)(slab->asked + class->per_slab);
    uint8_t *base = (uint8_t *)slab + (((end + 15) & ~(uintptr_t)15) - (uintptr_t)slab);
    tai_pool_init(&slab->pool, base, class->bytes, class->per_slab, next);
    slab->class = index;
    class->slabs++;
    return slab;
}

static void drop_slab(TaiClasses *classes, TaiClass *class, TaiSlab *slab) {
    size_t asked;
    tai_tlsf_set_state(slab, TAI_TLSF_USED);
    tai_tlsf_give(classes->heap->tlsf, slab, &asked);
    class->slabs--;
    class->demand = 0;
}

static bool drop_empty(TaiClasses *classes, TaiClass *class) {
    if (class->empty == NULL) {
        return false;
    }
    drop_slab(classes, class, class->empty);
    class->empty = NULL;
    return true;
}

bool tai_classes_trim(TaiClasses *classes) {
    bool dropped = false;
    for (uint32_t c = 0; c < TAI_CLASSES; c++) {
        dropped |= drop_empty(classes, &classes->classes[c]);
    }
    return dropped;
}

/* ---- following the sizes ------------------------------------------------------------------------- */

/* The size that should get a class of its own, as an index of asked_for; TAI_CLASSES_SIZES if none. */
static uint32_t worst_served(const TaiClasses *classes) {
    uint32_t worst = TAI_CLASSES_SIZES;
    uint32_t most = 0;
    for (uint32_t i = 0; i < TAI_CLASSES_SIZES; i++) {
        const uint32_t size = (i + 1) * 16;
        const uint32_t lost = classes->classes[classes->class_of[i]].bytes - size;
        const uint32_t count = classes->asked_for[i];
        if (count >= TAI_CLASSES_PERIOD / 16 && lost >= size / 8 && count * lost > most) {
            most = count * lost;
            worst = i;
        }
    }
    return worst;
}

/* A place for a class that is asked for `count` times. */
static TaiClass *place_for(TaiClasses *classes, uint32_t count) {
    TaiClass *place = NULL;
    for (uint32_t c = TAI_CLASSES_FIXED; c < TAI_CLASSES; c++) {
        TaiClass *class = &classes->classes[c];
        const uint32_t asked_for =
            class->bytes == 0 ? 0 : classes->asked_for[class->bytes / 16 - 1];
        if (class->live == 0 && (class->bytes == 0 || asked_for < count)) {
            place = class;
            count =
                asked_for; /* a better one is asked for less; nothing is less than a free place */
        }
    }
    return place;
}

static void follow(TaiClasses *classes) {
    const uint32_t worst = worst_served(classes);
    TaiClass *place =
        worst == TAI_CLASSES_SIZES ? NULL : place_for(classes, classes->asked_for[worst]);
    if (place != NULL) {
        drop_empty(classes, place);
        set_class(place, (worst + 1) * 16);
        assign(classes);
    }
    for (uint32_t i = 0; i < TAI_CLASSES_SIZES; i++) {
        classes->asked_for[i] /= 2;
    }
    classes->requests = 0;
}

/* ---- blocks --------------------------------------------------------------------------------------- */

void *tai_classes_take(TaiClasses *classes, size_t bytes) {
    const uint32_t size = (uint32_t)((bytes + 15) / 16 - 1);
    if (classes->follow) {
        if (classes->requests == TAI_CLASSES_PERIOD) {
            follow(classes);
        }
        classes->requests++;
        classes->asked_for[size]++;
    }
    const uint32_t index = classes->class_of[size];
    TaiClass *class = &classes->classes[index];
    TaiSlab *slab = class->open;
    if (slab == NULL) {
        slab = class->empty;
        class->empty = NULL;
        if (slab == NULL) {
            if (class->slabs == 0 && ++class->demand < class->per_slab / 2) {
                return NULL;
            }
            slab = make_slab(classes, index);
            if (slab == NULL) {
                return NULL;
            }
        }
        link_open(class, slab);
    }
    const uint32_t block_index = slab->pool.first_free;
    void *block = tai_pool_take(&slab->pool);
    slab->asked[block_index] = (uint16_t)bytes;
    class->live++;
    if (slab->pool.n_free == 0) {
        unlink_open(class, slab);
    }
    return block;
}

TaiSlab *tai_classes_find(const TaiClasses *classes, const void *block, uint32_t *index) {
    TaiSlab *slab = (TaiSlab *)((uintptr_t)block & ~(uintptr_t)(TAI_SLAB_BYTES - 1));
    if (classes->heap->tlsf == NULL ||
        !tai_tlsf_holds(classes->heap->tlsf, slab, TAI_TLSF_OWN, NULL)) {
        return NULL;
    }
    *index = tai_pool_index(&slab->pool, block);
    return *index == TAI_POOL_END ? NULL : slab;
}

void tai_classes_give(TaiClasses *classes, TaiSlab *slab, const void *block) {
    TaiClass *class = &classes->classes[slab->class];
    if (slab->pool.n_free == 0) {
        link_open(class, slab);
    }
    tai_pool_give(&slab->pool, block);
    class->live--;
    if (slab->pool.n_free == slab->pool.n_blocks) {
        unlink_open(class, slab);
        if (class->empty != NULL) {
            drop_slab(classes, class, slab);
        } else {
            class->empty = slab;
        }
    }
}

size_t tai_classes_free(const TaiClasses *classes) {
    size_t bytes = 0;
    for (uint32_t c = 0; c < TAI_CLASSES; c++) {
        const TaiClass *class = &classes->classes[c];
        bytes += (class->slabs * class->per_slab - class->live) * class->bytes;
    }
    return bytes;
}
