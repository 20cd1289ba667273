/* The WASI host: one linear memory, which this module owns and never gives back. */
#include "port/port.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#include "port/regions.h"

#define PAGE_BYTES 65536u
#define ALIGNMENT 64u

const char tai_port_name[] = "wasi";
const char tai_port_file_hint[] =
    " A WASI program sees only the folders that it is given: wasmtime run --dir FOLDER"
    " build/wasi/tinyai.wasm run FOLDER/MODEL.gguf \"PROMPT\"";

extern unsigned char __heap_base; /* set by the linker: end of stack and static data */

static TaiReservedTable regions;
static uintptr_t dirty_end; /* memory behind the static data to here was handed out before */

static uint64_t align_up(uint64_t n) {
    return (n + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
}

/* Makes the memory reach to `end`. */
static bool grow(uint64_t end) {
    const size_t pages = (size_t)((end + PAGE_BYTES - 1) / PAGE_BYTES);
    const size_t present = __builtin_wasm_memory_size(0);
    return pages <= present || __builtin_wasm_memory_grow(0, pages - present) != SIZE_MAX;
}

void *tai_port_reserve(uint64_t bytes) {
    if (bytes == 0 || bytes > UINT32_MAX) {
        return NULL;
    }
    const uint64_t begin = align_up((uintptr_t)&__heap_base);
    const uint64_t limit = UINT32_MAX & ~(ALIGNMENT - 1);
    const uint64_t start = tai_regions_reserve(&regions, begin, limit, align_up(bytes));
    if (start == 0) {
        return NULL;
    }
    const uint64_t end = start + bytes;
    if (!grow(end)) {
        tai_regions_release(&regions, start);
        return NULL;
    }
    /* New pages are zero, used ones may not be. */
    if (dirty_end > start) {
        const uint64_t dirty_now = dirty_end < end ? dirty_end : end;
        memset((void *)(uintptr_t)start, 0, (size_t)(dirty_now - start));
    }
    if (end > dirty_end) {
        dirty_end = (uintptr_t)end;
    }
    return (void *)(uintptr_t)start;
}

void tai_port_release(void *base, uint64_t bytes) {
    (void)bytes;
    tai_regions_release(&regions, (uintptr_t)base);
}

void tai_port_discard(void *base, uint64_t bytes) {
    (void)base; /* linear memory keeps its pages */
    (void)bytes;
}

uint64_t tai_port_clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* WASI has no signals: Ctrl-C ends the whole of wasmtime, and nobody can ask for memory. */
void tai_port_catch_interrupt(void) {}

bool tai_port_interrupted(void) {
    return false;
}

void tai_port_catch_pressure(void) {}

bool tai_port_pressure(void) {
    return false;
}
