#include "convert.h"

#include <string.h>

#include "format/convert.h"
#include "memory/checked.h"
#include "memory/error.h"
#include "schedule/layout.h"

_Static_assert(TAI_CONVERT_PROGRAM == TAI_PROGRAM_BYTES, "counted as in every plan");
_Static_assert(TINYAI_CONVERT_HEADER == TAI_CONVERT_PROGRAM, "the header lies behind it");

static TaiHeader source;
static TaiConvert state;
static TinyAIConversion conversion;
static uint32_t buffer_bytes;

static uint32_t address_of(const void *p) {
    return (uint32_t)(uintptr_t)p;
}

static void *at(uint64_t address) {
    return (void *)(uintptr_t)address; // NOLINT(performance-no-int-to-ptr)
}

static TinyAIError *error_of(void) {
    TinyAIExchange *exchange = at(tinyai_js_exchange());
    return &exchange->error;
}

static uint64_t file_bytes(void) {
    const TinyAIExchange *exchange = at(tinyai_js_exchange());
    return exchange->file_bytes;
}

/* Parses the header, its index behind it; *end: of the index. */
static int32_t parse(uint64_t header, uint64_t header_bytes, uint64_t memory_bytes, uint64_t *end) {
    TinyAIExchange *exchange = at(tinyai_js_exchange());
    uint64_t index_bytes = 0;
    uint64_t *least_bytes = &exchange->plan.header_bytes;
    int32_t status = tai_header_index_bytes(at(header), header_bytes, file_bytes(), &index_bytes,
                                            least_bytes, error_of());
    if (status || header_bytes < *least_bytes) {
        return status ? status : TAI_HEADER_MORE;
    }
    const uint64_t index = tai_align_up(header + header_bytes, TAI_ALIGNMENT);
    if (index > memory_bytes || index_bytes > memory_bytes - index) {
        return tai_fail(error_of(), TINYAI_E_NOMEM, TINYAI_NO_OFFSET,
                        "no room for the index of the header");
    }
    status = tai_header_parse(&source, at(header), header_bytes, file_bytes(), at(index),
                              index_bytes, error_of());
    *least_bytes = source.header_bytes;
    *end = tai_align_up(index + index_bytes, TAI_ALIGNMENT);
    return status;
}

uint32_t tinyai_js_conversion(void) {
    return address_of(&conversion);
}

int32_t tinyai_js_convert_measure(uint32_t header, uint32_t header_bytes, uint32_t memory_bytes,
                                  uint32_t layout) {
    uint64_t end = 0;
    TaiConvertNeeds needs = {0};
    tai_error_clear(error_of());
    int32_t status = parse(header, header_bytes, memory_bytes, &end);
    if (status == 0) {
        status = tai_convert_needs(&source, layout, &needs, error_of());
    }
    if (status == 0) {
        /* The index is as large behind the header alone as it is here. */
        const uint64_t index_bytes =
            end - tai_align_up((uint64_t)header + header_bytes, TAI_ALIGNMENT);
        conversion.source_header_bytes = source.header_bytes;
        conversion.needed_bytes =
            tai_align_up(TINYAI_CONVERT_HEADER + source.header_bytes, TAI_ALIGNMENT) + index_bytes +
            tai_align_up(needs.room_bytes, TAI_ALIGNMENT);
        /* A row has at most 2^31 values: more than 32 bits are more than fits into memory. */
        conversion.least_buffer = (uint32_t)tai_min_u64(needs.least_buffer, UINT32_MAX);
    }
    return status;
}

int32_t tinyai_js_convert_begin(uint32_t header_bytes, uint32_t memory_bytes, uint32_t layout) {
    uint64_t end = 0;
    TaiConvertNeeds needs = {0};
    tai_error_clear(error_of());
    int32_t status = parse(TINYAI_CONVERT_HEADER, header_bytes, memory_bytes, &end);
    if (status == TAI_HEADER_MORE) {
        return tai_fail(error_of(), TINYAI_E_STALE, TINYAI_NO_OFFSET,
                        "the header changed since it was measured");
    }
    if (status || (status = tai_convert_needs(&source, layout, &needs, error_of())) != 0) {
        return status;
    }
    const uint64_t buffer = tai_align_up(end + needs.room_bytes, TAI_ALIGNMENT);
    if (buffer > memory_bytes || memory_bytes - buffer < needs.least_buffer) {
        return tai_fail(error_of(), TINYAI_E_NOMEM, TINYAI_NO_OFFSET, "no room for the conversion");
    }
    buffer_bytes = (uint32_t)(memory_bytes - buffer);
    status = tai_convert_begin(&state, &source, layout, at(end), error_of());
    conversion.buffer = (uint32_t)buffer;
    conversion.target_bytes = state.target_bytes;
    conversion.total_bytes = state.total_bytes;
    conversion.header = address_of(state.header);
    conversion.header_bytes = (uint32_t)state.header_bytes;
    conversion.format = state.target;
    conversion.n_tensors = source.n_tensors;
    return status;
}

int32_t tinyai_js_convert_next(void) {
    TaiCopy copy;
    if (!tai_convert_next(&state, buffer_bytes, &copy)) {
        tai_convert_finish(&state);
        return 0;
    }
    conversion.from = copy.from;
    conversion.to = copy.to == TAI_NOWHERE ? 0 : copy.to;
    conversion.bytes = (uint32_t)copy.bytes;
    conversion.into = conversion.buffer + (uint32_t)copy.at;
    conversion.to_bytes = (uint32_t)copy.to_bytes;
    return 1;
}

int32_t tinyai_js_convert_moved(void) {
    const int32_t status = tai_convert_moved(&state, at(conversion.buffer), error_of());
    conversion.moved_bytes = state.moved_bytes;
    return status;
}
