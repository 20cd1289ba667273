/* The static strategy with a memory for what lies in it: a bit per 16 bytes says where an allocation
 * begins. It tells live allocations from other pointers, how large they are, and how many a release ends,
 * without a byte between them. */
#ifndef TAI_STACK_H
#define TAI_STACK_H

#include "memory/static.h"

#define TAI_STACK_UNIT ((size_t)16)

/* Invariant: bit i of starts is set for each of `live` allocations that begin at base + 16 i; all lie
 * below base + used. */
typedef struct TaiStack {
    TaiStatic fill;
    uint64_t *starts; /* [tai_stack_index_bytes(fill.bytes) / 8] */
    size_t live;
} TaiStack;

/* Bytes of the index over a region: one bit per 16 bytes, in whole words. */
size_t tai_stack_index_bytes(size_t bytes);
/* base: aligned to 16. index: zero, tai_stack_index_bytes(bytes) of them. */
void tai_stack_init(TaiStack *stack, void *base, size_t bytes, void *index);

/* alignment: 16 or a larger power of two. */
void *tai_stack_take(TaiStack *stack, size_t bytes, size_t alignment);
/* Does the address lie in the region? */
bool tai_stack_holds(const TaiStack *stack, const void *address);
/* Bytes from a live allocation to the next one or the fill; 0 for any other pointer. At most
 * region / 1024 steps. */
size_t tai_stack_extent(const TaiStack *stack, const void *block);
bool tai_stack_is_last(const TaiStack *stack, const void *block);
/* In place; false if it cannot be. block: live. */
bool tai_stack_resize(TaiStack *stack, void *block, size_t bytes);
/* Ends the last allocation, and gives its bytes back. */
void tai_stack_give(TaiStack *stack, void *block);
/* Ends an allocation whose bytes stay taken until a release. */
void tai_stack_retire(TaiStack *stack, void *block);
/* Ends all allocations from mark on; `ended`, if not NULL, is called with each. False for a mark above the
 * fill. */
bool tai_stack_release(TaiStack *stack, size_t mark, void (*ended)(void *user, void *block),
                       void *user);
/* Calls visit for each live allocation. */
void tai_stack_walk(const TaiStack *stack,
                    void (*visit)(void *user, const void *block, size_t bytes), void *user);

/* The largest allocation that fits now. */
size_t tai_stack_free(const TaiStack *stack);

#endif
