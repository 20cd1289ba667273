/* The table of GGUF's tensor types: how many values a block holds and how many bytes it takes. */
#ifndef TAI_BLOCKS_H
#define TAI_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct TaiBlockFormat {
    const char *name;
    uint32_t values; /* per block */
    uint32_t bytes;  /* per block */
    bool has_kernels;
} TaiBlockFormat;

/* The format of a GGUF type id, or NULL for ids that are unknown or were removed. */
const TaiBlockFormat *tai_block_format(uint32_t type);

/* Bytes of a row of n values; false where n is no multiple of the block or the size overflows. */
bool tai_row_bytes(const TaiBlockFormat *format, uint64_t n, uint64_t *bytes);

#endif
