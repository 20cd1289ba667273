#include "format/tensors.h"

#include <inttypes.h>

#include "format/blocks.h"
#include "format/keys.h"
#include "format/order.h"
#include "kernels/panel.h"
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
    if (!fits) {
        return tai_fail_tensor(error, t, TINYAI_E_FORMAT,
                               "its rows are no whole number of blocks of its type");
    }
    if (t->layout == TAI_LAYOUT_PANELS && !tai_is_panelled((TaiType)t->type)) {
        return tai_fail_tensor(error, t, TINYAI_E_FORMAT, "there are no panels of its type");
    }
    t->bytes = tai_tensor_rows_bytes(t, t->layout, tai_tensor_rows(t));
    return TINYAI_OK;
}

uint64_t tai_tensor_rows(const TaiTensorInfo *t) {
    return t->dims[1] * t->dims[2] * t->dims[3]; /* capped by tai_size_tensor */
}

uint64_t tai_tensor_row_bytes(const TaiTensorInfo *t) {
    const TaiBlockFormat *format = tai_block_format(t->type);
    return t->dims[0] / format->values * format->bytes;
}

uint64_t tai_tensor_rows_bytes(const TaiTensorInfo *t, uint32_t layout, uint64_t n) {
    return layout == TAI_LAYOUT_PANELS ? tai_matrix_bytes((TaiType)t->type, n, (uint32_t)t->dims[0])
                                       : n * tai_tensor_row_bytes(t);
}

static bool starts_before(const void *context, uint32_t a, uint32_t b) {
    const TaiHeader *header = context;
    return header->tensors[a].off < header->tensors[b].off;
}

void tai_order_by_offset(const TaiHeader *header, uint32_t *order) {
    tai_order(order, header->n_tensors, starts_before, header);
}
