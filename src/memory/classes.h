/* Small objects by size class, in slabs out of a heap: the pooled part of the hybrid strategy.
 *
 * Fixed classes are 16 and the powers of two and one and a half of them up to 2048:
 *
 *     16 32 48 64 96 128 192 256 384 512 768 1024 1536 2048
 *
 * A request is served by the smallest class that holds it. A class gets its first slab once it was asked
 * for half as many blocks as a slab has, further ones when it is full; until then, and where no slab can
 * be had, the heap serves its requests one by one. A slab without a block in use goes back to the heap,
 * but for one per class; that one goes back too when the heap has nothing left.
 *
 * With `follow`, every TAI_CLASSES_PERIOD requests the sizes asked for (in steps of 16) are looked at: the one
 * that loses most bytes to its class (requests * (class - size)) gets a class of its own if it made up 1/16
 * of the requests and loses 1/8 of its size or more. Up to TAI_CLASSES_OWN such classes; then one that has no
 * block in use and was asked for less than its successor makes room. Counts are halved each time, so
 * that the past fades. */
#ifndef TAI_CLASSES_H
#define TAI_CLASSES_H

#include "memory/heap.h"
#include "memory/pool.h"

#define TAI_CLASSES_LARGEST ((size_t)2048)
#define TAI_CLASSES_FIXED 14u
#define TAI_CLASSES_OWN 8u
#define TAI_CLASSES (TAI_CLASSES_FIXED + TAI_CLASSES_OWN)
#define TAI_CLASSES_SIZES (TAI_CLASSES_LARGEST / 16)
#define TAI_CLASSES_PERIOD 4096u
/* A slab with its heap header: slabs fill such a part of a region without a gap. */
#define TAI_SLAB_BYTES ((size_t)32768)

/* At an address that is a multiple of TAI_SLAB_BYTES:  TaiSlab | next[] | asked[] | blocks */
typedef struct TaiSlab {
    TinyAIMemoryPool pool;
    uint16_t *asked;      /* [pool.n_blocks] bytes that a block in use was taken for */
    struct TaiSlab *next; /* in its class's list, while it has a free block */
    struct TaiSlab *previous;
    uint32_t class;
} TaiSlab;

/* Invariant: slabs * per_slab = live + free blocks. bytes 0: no class. */
typedef struct TaiClass {
    uint32_t bytes;
    uint32_t per_slab;
    uint32_t demand; /* requests while it had no slab */
    size_t slabs;
    size_t live;
    TaiSlab *open;  /* slabs with free and used blocks */
    TaiSlab *empty; /* at most one without a used block */
} TaiClass;

typedef struct TaiClasses {
    TaiHeap *heap;
    bool follow;
    uint32_t requests; /* since the sizes were looked at */
    TaiClass classes[TAI_CLASSES];
    uint8_t class_of[TAI_CLASSES_SIZES];   /* by (bytes + 15) / 16 - 1 */
    uint16_t asked_for[TAI_CLASSES_SIZES]; /* the same */
} TaiClasses;

void tai_classes_init(TaiClasses *classes, TaiHeap *heap, bool follow);

/* 1 <= bytes <= TAI_CLASSES_LARGEST, aligned to 16. NULL: let the heap serve it. */
void *tai_classes_take(TaiClasses *classes, size_t bytes);
/* The slab of a block in use, and its index; NULL for any other pointer. */
TaiSlab *tai_classes_find(const TaiClasses *classes, const void *block, uint32_t *index);
void tai_classes_give(TaiClasses *classes, TaiSlab *slab, const void *block);
/* Gives slabs without a used block back to the heap. False if there was none. */
bool tai_classes_trim(TaiClasses *classes);
/* Bytes of free blocks. */
size_t tai_classes_free(const TaiClasses *classes);

#endif
