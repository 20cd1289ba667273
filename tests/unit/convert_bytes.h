/* A whole file converted in memory, through a buffer of exactly so many bytes, or the least that is possible. */
#ifndef TAI_CONVERT_BYTES_H
#define TAI_CONVERT_BYTES_H

#include <stdlib.h>
#include <string.h>

#include "format/convert.h"
#include "memory/checked.h"
#include "unit/test.h"

/* Returns the target, *target_bytes long, the caller's to free; NULL where nothing began. */
static inline uint8_t *convert_parsed(const TaiHeader *header, uint32_t layout,
                                      uint64_t buffer_bytes, uint64_t *target_bytes,
                                      TinyAIError *error) {
    TaiConvertNeeds needs;
    TaiConvert c;
    TaiCopy copy;
    if (tai_convert_needs(header, layout, &needs, error)) {
        return NULL;
    }
    void *room = malloc(needs.room_bytes);
    CHECK_EQ(tai_convert_begin(&c, header, layout, room, error), 0);
    uint8_t *target = calloc(1, c.target_bytes);
    /* Less is possible where there are no panels. */
    const bool panels = needs.least_buffer > TAI_CONVERT_LEAST_BUFFER;
    buffer_bytes = panels ? tai_max_u64(buffer_bytes, needs.least_buffer) : buffer_bytes;
    uint8_t *buffer = malloc(buffer_bytes);
    while (!error->status && tai_convert_next(&c, buffer_bytes, &copy)) {
        CHECK(copy.bytes > 0 && copy.at + copy.bytes <= buffer_bytes);
        CHECK(copy.to_bytes <= buffer_bytes && copy.to_bytes <= c.target_bytes);
        memcpy(buffer + copy.at, header->bytes + copy.from, copy.bytes);
        if (tai_convert_moved(&c, buffer, error) == 0 && copy.to != TAI_NOWHERE) {
            memcpy(target + copy.to, buffer, copy.to_bytes);
        }
    }
    if (!error->status) {
        CHECK_EQ(c.moved_bytes, c.total_bytes);
        tai_convert_finish(&c);
        memcpy(target, c.header, c.header_bytes);
    }
    *target_bytes = c.target_bytes;
    free(buffer);
    free(room);
    return target;
}

/* The same from the bytes of the whole file. */
static inline uint8_t *convert_bytes(const uint8_t *bytes, uint64_t n, uint32_t layout,
                                     uint64_t buffer_bytes, uint64_t *target_bytes,
                                     TinyAIError *error) {
    TaiHeader header;
    uint64_t index_bytes = 0;
    uint64_t least = 0;
    CHECK_EQ(tai_header_index_bytes(bytes, n, n, &index_bytes, &least, error), 0);
    void *index = malloc(index_bytes);
    CHECK_EQ(tai_header_parse(&header, bytes, n, n, index, index_bytes, error), 0);
    uint8_t *target = convert_parsed(&header, layout, buffer_bytes, target_bytes, error);
    free(index);
    return target;
}

#endif
