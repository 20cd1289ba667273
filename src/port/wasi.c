/* The WASI host: one linear memory, which this module owns and never gives back. */
#include "port/port.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#define PAGE_BYTES 65536u

const char tai_port_name[] = "wasi";
const char tai_port_file_hint[] =
    " A WASI program sees only the folders that it is given: wasmtime run --dir FOLDER"
    " build/wasi/tinyai.wasm run FOLDER/MODEL.gguf \"PROMPT\"";

extern unsigned char __heap_base; /* set by the linker: end of stack and static data */

static uintptr_t dirty_end; /* memory from the region's start to here was handed out before */
static bool reserved;

void *tai_port_reserve(uint64_t bytes) {
    const uint64_t base = ((uint64_t)(uintptr_t)&__heap_base + 63) & ~(uint64_t)63;
    if (reserved || bytes == 0 || bytes > UINT32_MAX - base) {
        return NULL;
    }
    const uint64_t end = base + bytes;
    const size_t pages = (size_t)((end + PAGE_BYTES - 1) / PAGE_BYTES);
    const size_t present = __builtin_wasm_memory_size(0);
    if (pages > present && __builtin_wasm_memory_grow(0, pages - present) == SIZE_MAX) {
        return NULL;
    }
    /* New pages are zero, used ones may not be. */
    if (dirty_end > base) {
        const uint64_t dirty_now = dirty_end < end ? dirty_end : end;
        memset((void *)(uintptr_t)base, 0, (size_t)(dirty_now - base));
    }
    if (end > dirty_end) {
        dirty_end = (uintptr_t)end;
    }
    reserved = true;
    return (void *)(uintptr_t)base;
}

void tai_port_release(void *base, uint64_t bytes) {
    (void)bytes;
    if (base != NULL) {
        reserved = false;
    }
}

uint64_t tai_port_clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* WASI has no signals: Ctrl-C ends the whole of wasmtime. */
void tai_port_catch_interrupt(void) {}

bool tai_port_interrupted(void) {
    return false;
}
