#include "model/source_header.h"

#include <inttypes.h>
#include <stddef.h>

#include "memory/checked.h"
#include "memory/error.h"
#include "model/engine.h"
#include "port/port.h"

#define COUNTS_BYTES 24u /* of the header: enough to know how long it is at least */

int32_t tai_read_start(const TinyAISource *source, void *into, uint64_t bytes, TinyAIError *error) {
    int32_t status = source->read(source->user, 0, into, (uint32_t)bytes);
    return status ? tai_fail(error, status, 0,
                             "reading %" PRIu64 " bytes at byte 0 of the source failed (%s)", bytes,
                             tinyai_status_name(status))
                  : TINYAI_OK;
}

/* One try, with the first *header_bytes of the source. */
static int32_t use_start(const TinyAISource *source, uint64_t *header_bytes, uint64_t scratch_bytes,
                         TaiHeaderUse *use, void *user, TinyAIError *error) {
    uint64_t size = *header_bytes;
    uint64_t scratch_at = tai_align_up(size, TAI_ALIGNMENT);
    uint64_t bytes = scratch_at + scratch_bytes;
    uint8_t *memory = tai_port_reserve(bytes);
    if (!memory) {
        return tai_fail(error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET,
                        "the system gave no %" PRIu64 " bytes to read the header", bytes);
    }
    int32_t status = tai_read_start(source, memory, size, error);
    if (!status) {
        status = use(user, memory, size, memory + scratch_at, scratch_bytes, header_bytes, error);
    }
    tai_port_release(memory, bytes);
    return status;
}

int32_t tai_with_header(const TinyAISource *source, TaiHeaderUse *use, void *user,
                        TinyAIError *error) {
    uint8_t counts[COUNTS_BYTES] = {0};
    uint64_t n_counts = tai_min_u64(COUNTS_BYTES, source->size);
    uint64_t header_bytes = 0;
    uint64_t scratch_bytes = 0;
    if (n_counts && tai_read_start(source, counts, n_counts, error)) {
        return error->status;
    }
    int32_t status =
        tai_engine_plan_bytes(counts, n_counts, source->size, &header_bytes, &scratch_bytes, error);
    if (status) {
        return status;
    }
    do {
        if (header_bytes > TINYAI_MAX_BUDGET) {
            return tai_fail(error, TINYAI_E_UNSUPPORTED, TINYAI_NO_OFFSET,
                            "the header of the file takes 4 GiB or more");
        }
        status = use_start(source, &header_bytes, scratch_bytes, use, user, error);
    } while (status == TAI_HEADER_MORE);
    return status;
}
