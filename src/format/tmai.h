/* TMAI, the native format: docs/tmai.md specifies it. Here its header is read; convert.h writes it. */
#ifndef TAI_TMAI_H
#define TAI_TMAI_H

#include "format/cursor.h"
#include "format/index.h"

#define TAI_TMAI_MAGIC "TMAI"
#define TAI_TMAI_VERSION 1u
#define TAI_TMAI_PAGE 4096u /* the header is whole pages */

/* The header: this start, the pieces, the tensors, the key-values, zeros. */
enum {
    TAI_TMAI_AT_VERSION = 4,
    TAI_TMAI_AT_HEADER_BYTES = 8,
    TAI_TMAI_AT_KEYS = 12,
    TAI_TMAI_AT_TENSORS = 16,
    TAI_TMAI_AT_PIECES = 20,
    TAI_TMAI_AT_FEATURES = 24,
    TAI_TMAI_AT_FILE_BYTES = 32,
    TAI_TMAI_AT_HASH = 40,
    TAI_TMAI_AT_KEYS_BYTES = 48,
    TAI_TMAI_AT_RESERVED = 56,
    TAI_TMAI_START_BYTES = 64
};

/* A piece. */
enum {
    TAI_TMAI_PIECE_OFF = 0,
    TAI_TMAI_PIECE_SIZE = 8,
    TAI_TMAI_PIECE_HASH = 16,
    TAI_TMAI_PIECE_KIND = 24,
    TAI_TMAI_PIECE_INDEX = 28,
    TAI_TMAI_PIECE_BYTES = 32
};

/* A tensor; its name is padded with zeros. */
enum {
    TAI_TMAI_TENSOR_NAME = 0,
    TAI_TMAI_TENSOR_TYPE = 64,
    TAI_TMAI_TENSOR_LAYOUT = 68,
    TAI_TMAI_TENSOR_N_DIMS = 72,
    TAI_TMAI_TENSOR_PIECE = 76,
    TAI_TMAI_TENSOR_DIMS = 80,
    TAI_TMAI_TENSOR_OFF = 112,
    TAI_TMAI_TENSOR_SIZE = 120,
    TAI_TMAI_TENSOR_BYTES = 128
};

/* XXH3-64 of a whole header, its own field taken as zero. */
uint64_t tai_tmai_header_hash(const uint8_t *header, uint64_t header_bytes);

/* What the start of the header says; *least_bytes: of the whole header. Errors are the cursor's. */
void tai_tmai_counts(TaiCursor *in, TaiCounts *counts, uint64_t *least_bytes);
/* tai_header_parse of this format. */
int32_t tai_tmai_parse(TaiHeader *header, const uint8_t *bytes, uint64_t size, uint64_t file_bytes,
                       void *index, uint64_t index_bytes, TinyAIError *error);

#endif
