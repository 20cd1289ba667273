#include "memory/stack.h"

#define NONE SIZE_MAX

size_t tai_stack_index_bytes(size_t bytes) {
    const size_t units = bytes / TAI_STACK_UNIT + (bytes % TAI_STACK_UNIT != 0);
    return (units / 64 + (units % 64 != 0)) * 8;
}

void tai_stack_init(TaiStack *stack, void *base, size_t bytes, void *index) {
    tai_static_init(&stack->fill, base, bytes);
    stack->starts = index;
    stack->live = 0;
}

static size_t unit_of(const TaiStack *stack, const void *block) {
    return (size_t)((const uint8_t *)block - stack->fill.base) / TAI_STACK_UNIT;
}

static void *block_of(const TaiStack *stack, size_t unit) {
    return stack->fill.base + unit * TAI_STACK_UNIT;
}

/* The first allocation that begins at unit or behind it. */
static size_t next_start(const TaiStack *stack, size_t unit) {
    const size_t end = (stack->fill.used + TAI_STACK_UNIT - 1) / TAI_STACK_UNIT;
    if (unit >= end) {
        return NONE;
    }
    uint64_t word = stack->starts[unit / 64] >> (unit % 64);
    if (word != 0) {
        return unit + (size_t)__builtin_ctzll(word);
    }
    for (size_t w = unit / 64 + 1; w * 64 < end; w++) {
        if (stack->starts[w] != 0) {
            return w * 64 + (size_t)__builtin_ctzll(stack->starts[w]);
        }
    }
    return NONE;
}

static void end_start(TaiStack *stack, size_t unit) {
    stack->starts[unit / 64] &= ~((uint64_t)1 << (unit % 64));
    stack->live--;
}

void *tai_stack_take(TaiStack *stack, size_t bytes, size_t alignment) {
    void *block = tai_static_alloc(&stack->fill, bytes, alignment);
    if (block != NULL) {
        const size_t unit = unit_of(stack, block);
        stack->starts[unit / 64] |= (uint64_t)1 << (unit % 64);
        stack->live++;
    }
    return block;
}

bool tai_stack_holds(const TaiStack *stack, const void *address) {
    return (uintptr_t)address - (uintptr_t)stack->fill.base < stack->fill.bytes;
}

size_t tai_stack_extent(const TaiStack *stack, const void *block) {
    const size_t offset = (size_t)((uintptr_t)block - (uintptr_t)stack->fill.base);
    if (offset >= stack->fill.used || offset % TAI_STACK_UNIT != 0) {
        return 0;
    }
    const size_t unit = offset / TAI_STACK_UNIT;
    if (next_start(stack, unit) != unit) {
        return 0;
    }
    const size_t next = next_start(stack, unit + 1);
    return (next == NONE ? stack->fill.used : next * TAI_STACK_UNIT) - offset;
}

bool tai_stack_is_last(const TaiStack *stack, const void *block) {
    return next_start(stack, unit_of(stack, block) + 1) == NONE;
}

bool tai_stack_resize(TaiStack *stack, void *block, size_t bytes) {
    if (!tai_stack_is_last(stack, block)) {
        return bytes <= tai_stack_extent(stack, block);
    }
    const size_t fill = stack->fill.used;
    tai_static_release(&stack->fill, unit_of(stack, block) * TAI_STACK_UNIT);
    if (tai_static_alloc(&stack->fill, bytes, 1) == NULL) {
        stack->fill.used = fill;
        return false;
    }
    return true;
}

void tai_stack_give(TaiStack *stack, void *block) {
    const size_t unit = unit_of(stack, block);
    end_start(stack, unit);
    tai_static_release(&stack->fill, unit * TAI_STACK_UNIT);
}

void tai_stack_retire(TaiStack *stack, void *block) {
    end_start(stack, unit_of(stack, block));
}

bool tai_stack_release(TaiStack *stack, size_t mark, void (*ended)(void *user, void *block),
                       void *user) {
    if (mark > stack->fill.used) {
        return false;
    }
    size_t unit = (mark + TAI_STACK_UNIT - 1) / TAI_STACK_UNIT;
    while ((unit = next_start(stack, unit)) != NONE) {
        if (ended != NULL) {
            ended(user, block_of(stack, unit));
        }
        end_start(stack, unit);
    }
    return tai_static_release(&stack->fill, mark);
}

void tai_stack_walk(const TaiStack *stack,
                    void (*visit)(void *user, const void *block, size_t bytes), void *user) {
    for (size_t unit = next_start(stack, 0); unit != NONE; unit = next_start(stack, unit + 1)) {
        const void *block = block_of(stack, unit);
        visit(user, block, tai_stack_extent(stack, block));
    }
}

size_t tai_stack_free(const TaiStack *stack) {
    const size_t room = stack->fill.bytes - stack->fill.used;
    const size_t gap = -stack->fill.used & (TAI_STACK_UNIT - 1);
    return room > gap ? room - gap : 0;
}
