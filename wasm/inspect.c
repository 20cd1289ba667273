#include "inspect.h"

#include <string.h>

#include "format/blocks.h"
#include "format/header.h"
#include "memory/checked.h"
#include "memory/error.h"

static TaiHeader parsed;

static uint32_t address_of(const void *p) {
    return (uint32_t)(uintptr_t)p;
}

static void *at(uint32_t address) {
    return (void *)(uintptr_t)address; // NOLINT(performance-no-int-to-ptr)
}

static uint64_t off_of(const void *p) {
    return (uint64_t)((const uint8_t *)p - parsed.bytes);
}

int32_t tinyai_js_inspect(uint32_t header, uint32_t header_bytes, uint32_t memory_bytes) {
    TinyAIExchange *exchange = at(tinyai_js_exchange());
    tai_error_clear(&exchange->error);
    uint64_t index_bytes = 0;
    uint64_t *least_bytes = &exchange->plan.header_bytes;
    int32_t status = tai_header_index_bytes(at(header), header_bytes, exchange->file_bytes,
                                            &index_bytes, least_bytes, &exchange->error);
    if (status || header_bytes < *least_bytes) {
        return status ? status : TAI_HEADER_MORE;
    }
    uint64_t index = tai_align_up((uint64_t)header + header_bytes, 64);
    if (index > memory_bytes || index_bytes > memory_bytes - index) {
        return tai_fail(&exchange->error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET,
                        "no room for the index of the header");
    }
    status = tai_header_parse(&parsed, at(header), header_bytes, exchange->file_bytes,
                              at((uint32_t)index), index_bytes, &exchange->error);
    *least_bytes = parsed.header_bytes;
    return status;
}

uint32_t tinyai_js_inspect_header(void) {
    static TinyAIInspectHeader result;
    result = (TinyAIInspectHeader){.header_bytes = parsed.header_bytes,
                                   .data_off = parsed.data_off,
                                   .version = parsed.version,
                                   .alignment = parsed.alignment,
                                   .n_keys = parsed.n_kv,
                                   .n_tensors = parsed.n_tensors,
                                   .format = parsed.format};
    return address_of(&result);
}

uint32_t tinyai_js_inspect_key(uint32_t index) {
    static TinyAIInspectKey result;
    if (index >= parsed.n_kv) {
        return 0;
    }
    const TaiKeyValue *kv = &parsed.kv[index];
    result = (TinyAIInspectKey){.key_off = off_of(kv->key.text),
                                .key_bytes = kv->key.bytes,
                                .type = kv->type,
                                .item_type = kv->item_type,
                                .n_items = kv->n_items,
                                .value_off = kv->off};
    if (kv->type == TAI_VALUE_STRING) {
        uint64_t off = kv->off;
        const TaiString value = tai_next_string(&parsed, &off);
        result.value_off = off_of(value.text);
        result.value_bytes = value.bytes;
    }
    return address_of(&result);
}

uint32_t tinyai_js_inspect_tensor(uint32_t index) {
    static TinyAIInspectTensor result;
    if (index >= parsed.n_tensors) {
        return 0;
    }
    const TaiTensorInfo *tensor = &parsed.tensors[index];
    result = (TinyAIInspectTensor){.name_off = off_of(tensor->name.text),
                                   .name_bytes = tensor->name.bytes,
                                   .type_address = address_of(tai_block_format(tensor->type)->name),
                                   .n_dims = tensor->n_dims,
                                   .layout = tensor->layout,
                                   .off = tensor->off,
                                   .bytes = tensor->bytes};
    memcpy(result.dims, tensor->dims, sizeof result.dims);
    return address_of(&result);
}
