/* The header of a source, read into memory of its own: as many bytes as it has, no byte behind it. For hosts
 * that may block. */
#ifndef TAI_SOURCE_HEADER_H
#define TAI_SOURCE_HEADER_H

#include <stdint.h>

#include "format/header.h"
#include "tinyai/tinyai.h"

/* memory: header, index, room, each 64-byte aligned. */
typedef struct TaiSourceHeader {
    TaiHeader header;
    uint8_t *memory;
    uint64_t memory_bytes;
    uint64_t index_bytes;
    uint8_t *room; /* for what is made of the header */
    uint64_t room_bytes;
} TaiSourceHeader;

/* How much room for a header with such an index; tai_no_header_room: none. */
typedef uint64_t TaiHeaderRoom(uint64_t index_bytes, uint64_t file_bytes);
uint64_t tai_no_header_room(uint64_t index_bytes, uint64_t file_bytes);

/* Reads and parses. On failure nothing is reserved: E_NOMEM, E_UNSUPPORTED (a header of 4 GiB), E_STALE, or
 * what reading or parsing gave. */
int32_t tai_source_header_open(TaiSourceHeader *h, const TinyAISource *source, TaiHeaderRoom *room,
                               TinyAIError *error);
/* What was never opened, or failed to, is allowed if it is zero. */
void tai_source_header_close(TaiSourceHeader *h);

/* Reads the first `bytes` bytes, below 4 GiB. */
int32_t tai_source_read_start(const TinyAISource *source, void *into, uint64_t bytes,
                              TinyAIError *error);

#endif
