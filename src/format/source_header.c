#include "format/source_header.h"

#include <inttypes.h>
#include <string.h>

#include "memory/checked.h"
#include "port/port.h"

#define COUNTS_BYTES 24u /* of the header: enough to know how long it is at least */
#define ALIGNMENT 64u

uint64_t tai_no_header_room(uint64_t index_bytes, uint64_t file_bytes) {
    (void)index_bytes;
    (void)file_bytes;
    return 0;
}

int32_t tai_source_read_start(const TinyAISource *source, void *into, uint64_t bytes,
                              TinyAIError *error) {
    int32_t status = bytes ? source->read(source->user, 0, into, (uint32_t)bytes) : TINYAI_OK;
    return status ? tai_fail(error, status, 0,
                             "reading %" PRIu64 " bytes at byte 0 of the file failed (%s)", bytes,
                             tinyai_status_name(status))
                  : TINYAI_OK;
}

void tai_source_header_close(TaiSourceHeader *h) {
    tai_port_release(h->memory, h->memory_bytes);
    h->memory = NULL;
}

/* Parses the first `size` bytes of a source that began with counts[0..n_counts). 0, TAI_HEADER_MORE or an
 * error. */
static int32_t read_whole(TaiSourceHeader *h, const TinyAISource *source, uint64_t size,
                          const uint8_t *counts, uint64_t n_counts, TinyAIError *error) {
    uint64_t index_at = tai_align_up(size, ALIGNMENT);
    uint64_t room_at = tai_align_up(index_at + h->index_bytes, ALIGNMENT);
    h->memory_bytes = room_at + h->room_bytes;
    h->memory = tai_port_reserve(h->memory_bytes);
    if (!h->memory) {
        return tai_fail(error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET,
                        "the system gave no %" PRIu64 " bytes to read the header", h->memory_bytes);
    }
    h->room = h->memory + room_at;
    if (tai_source_read_start(source, h->memory, size, error)) {
        return error->status;
    }
    /* The index has room for the counts that were read first. */
    if (memcmp(h->memory, counts, (size_t)n_counts) != 0) {
        return tai_fail(error, TINYAI_E_STALE, 0, "the file changed while it was read");
    }
    return tai_header_parse(&h->header, h->memory, size, source->size, h->memory + index_at,
                            h->index_bytes, error);
}

int32_t tai_source_header_open(TaiSourceHeader *h, const TinyAISource *source, TaiHeaderRoom *room,
                               TinyAIError *error) {
    uint8_t counts[COUNTS_BYTES];
    uint64_t n_counts = tai_min_u64(COUNTS_BYTES, source->size);
    uint64_t size = 0;
    memset(h, 0, sizeof *h);
    if (tai_source_read_start(source, counts, n_counts, error)) {
        return error->status;
    }
    int32_t status =
        tai_header_index_bytes(counts, n_counts, source->size, &h->index_bytes, &size, error);
    if (status) {
        return status;
    }
    h->room_bytes = room(h->index_bytes, source->size);
    /* Each try reads as much as the one before proved the header to have. */
    do {
        tai_source_header_close(h);
        if (size > TINYAI_MAX_BUDGET) {
            return tai_fail(error, TINYAI_E_UNSUPPORTED, TINYAI_NO_OFFSET,
                            "the header of the file takes 4 GiB or more");
        }
        status = read_whole(h, source, size, counts, n_counts, error);
        size = h->header.header_bytes;
    } while (status == TAI_HEADER_MORE);
    if (status) {
        tai_source_header_close(h);
    }
    return status;
}
