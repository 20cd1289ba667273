#include "format/tensors.h"

#include <inttypes.h>

#include "format/blocks.h"
#include "format/keys.h"
#include "format/order.h"
#include "memory/checked.h"

#define MAX_DIM (UINT64_C(1) << 31)
#define MAX_ELEMENTS (UINT64_C(1) << 40)

int32_t tai_fail_tensor(TinyAIError *error, const TaiTensorInfo *t, int32_t status,
                        const char *why) {
    return tai_fail(error, status, t->info_off, "tensor %.*s described at byte %" PRIu64 ": %s",
                    (int)tai_min_u64(t->name.bytes, TAI_NAME_BYTES), t->name.text, t->info_off,
                    why);
}

int32_t tai_size_tensor(TaiTensorInfo *t, TinyAIError *error) {
    if (t->n_dims < 1 || t->n_dims > 4) {
        return tai_fail_tensor(error, t, TINYAI_E_FORMAT, "it must have 1 to 4 dimensions");
    }
    uint64_t elements = 1;
    for (uint32_t d = 0; d < 4; d++) {
        if (t->dims[d] > MAX_DIM || !tai_mul(elements, t->dims[d], &elements) ||
            elements > MAX_ELEMENTS) {
            return tai_fail_tensor(error, t, TINYAI_E_FORMAT, "its dimensions are too large");
        }
    }
    const TaiBlockFormat *format = tai_block_format(t->type);
    if (!format) {
        return tai_fail_tensor(error, t, TINYAI_E_UNSUPPORTED,
                               "its type is unknown or was removed from GGUF");
    }
    bool fits = tai_row_bytes(format, t->dims[0], &t->bytes); /* rows are whole blocks */
    for (uint32_t d = 1; d < 4 && fits; d++) {
        fits = tai_mul(t->bytes, t->dims[d], &t->bytes);
    }
    return fits ? TINYAI_OK
                : tai_fail_tensor(error, t, TINYAI_E_FORMAT,
                                  "its rows are no whole number of blocks of its type");
}

static bool starts_before(const void *context, uint32_t a, uint32_t b) {
    const TaiHeader *header = context;
    return header->tensors[a].off < header->tensors[b].off;
}

void tai_order_by_offset(const TaiHeader *header, uint32_t *order) {
    tai_order(order, header->n_tensors, starts_before, header);
}
