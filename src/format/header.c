#include "format/header.h"

#include <inttypes.h>
#include <string.h>

#include "format/cursor.h"
#include "format/gguf.h"
#include "format/index.h"
#include "format/tmai.h"
#include "memory/checked.h"

#define MAX_ALIGNMENT 65536u

/* ---- either format ---------------------------------------------------------------------------- */

static bool is_tmai(const uint8_t *bytes, uint64_t size) {
    return size >= 4 && memcmp(bytes, TAI_TMAI_MAGIC, 4) == 0;
}

int32_t tai_header_index_bytes(const uint8_t *bytes, uint64_t size, uint64_t file_bytes,
                               uint64_t *index_bytes, uint64_t *least_bytes, TinyAIError *error) {
    TaiCursor in = tai_cursor(bytes, size, file_bytes, error);
    TaiCounts counts = {0};
    if (is_tmai(bytes, size)) {
        tai_tmai_counts(&in, &counts, least_bytes);
    } else {
        tai_gguf_counts(&in, &counts, least_bytes);
    }
    if (in.short_of_bytes) {
        return TAI_HEADER_MORE;
    }
    if (error->status) {
        return error->status;
    }
    *index_bytes = tai_index_bytes(&counts);
    return TINYAI_OK;
}

int32_t tai_header_parse(TaiHeader *header, const uint8_t *bytes, uint64_t size,
                         uint64_t file_bytes, void *index, uint64_t index_bytes,
                         TinyAIError *error) {
    return is_tmai(bytes, size)
               ? tai_tmai_parse(header, bytes, size, file_bytes, index, index_bytes, error)
               : tai_gguf_parse(header, bytes, size, file_bytes, index, index_bytes, error);
}

/* ---- looking up ----------------------------------------------------------------------------- */

const TaiKeyValue *tai_header_find(const TaiHeader *header, const char *key) {
    for (uint32_t i = 0; i < header->n_kv; i++) {
        if (tai_string_is(header->kv[i].key, key)) {
            return &header->kv[i];
        }
    }
    return NULL;
}

const TaiTensorInfo *tai_header_tensor(const TaiHeader *header, const char *name) {
    for (uint32_t i = 0; i < header->n_tensors; i++) {
        if (tai_string_is(header->tensors[i].name, name)) {
            return &header->tensors[i];
        }
    }
    return NULL;
}

static int32_t wrong_type(const TaiKeyValue *kv, const char *wanted, TinyAIError *error) {
    return tai_fail(error, TINYAI_E_FORMAT, kv->off,
                    "metadata key %.*s at byte %" PRIu64 " has type %" PRIu32 ", expected %s",
                    (int)tai_min_u64(kv->key.bytes, 64), kv->key.text, kv->off, kv->type, wanted);
}

/* Counts are written as u32 or as u64. */
int32_t tai_header_u32(const TaiHeader *header, const char *key, uint32_t *value,
                       TinyAIError *error) {
    const TaiKeyValue *kv = tai_header_find(header, key);
    if (!kv) {
        return TINYAI_OK;
    }
    uint64_t wide;
    if (kv->type == TAI_VALUE_U32) {
        wide = tai_load_u32(header->bytes + kv->off);
    } else if (kv->type == TAI_VALUE_U64) {
        wide = tai_load_u64(header->bytes + kv->off);
    } else {
        return wrong_type(kv, "an unsigned 32-bit integer", error);
    }
    if (wide > UINT32_MAX) {
        return tai_fail(error, TINYAI_E_FORMAT, kv->off,
                        "metadata key %s at byte %" PRIu64 " is %" PRIu64 ": too large", key,
                        kv->off, wide);
    }
    *value = (uint32_t)wide;
    return TINYAI_OK;
}

int32_t tai_header_f32(const TaiHeader *header, const char *key, float *value, TinyAIError *error) {
    const TaiKeyValue *kv = tai_header_find(header, key);
    if (kv && kv->type != TAI_VALUE_F32) {
        return wrong_type(kv, "a 32-bit float", error);
    }
    if (kv) {
        *value = tai_load_f32(header->bytes + kv->off);
    }
    return TINYAI_OK;
}

int32_t tai_header_bool(const TaiHeader *header, const char *key, bool *value, TinyAIError *error) {
    const TaiKeyValue *kv = tai_header_find(header, key);
    if (kv && kv->type != TAI_VALUE_BOOL) {
        return wrong_type(kv, "a boolean", error);
    }
    if (kv) {
        *value = header->bytes[kv->off] != 0;
    }
    return TINYAI_OK;
}

TaiString tai_next_string(const TaiHeader *header, uint64_t *off) {
    TaiString s = {(const char *)header->bytes + *off + 8,
                   (uint32_t)tai_load_u64(header->bytes + *off)};
    *off += 8 + (uint64_t)s.bytes; /* proved by tai_header_parse */
    return s;
}

int32_t tai_header_string(const TaiHeader *header, const char *key, TaiString *value,
                          TinyAIError *error) {
    const TaiKeyValue *kv = tai_header_find(header, key);
    if (kv && kv->type != TAI_VALUE_STRING) {
        return wrong_type(kv, "a string", error);
    }
    if (kv) {
        uint64_t off = kv->off;
        *value = tai_next_string(header, &off);
    }
    return TINYAI_OK;
}

bool tai_string_is(TaiString string, const char *text) {
    return string.bytes == strlen(text) && memcmp(string.text, text, string.bytes) == 0;
}

int32_t tai_header_gguf_alignment(const TaiHeader *header, uint32_t *alignment,
                                  TinyAIError *error) {
    *alignment = 32;
    if (tai_header_u32(header, "general.alignment", alignment, error)) {
        return error->status;
    }
    const uint32_t a = *alignment;
    if (a == 0 || (a & (a - 1)) != 0 || a > MAX_ALIGNMENT) {
        const uint64_t off = tai_header_find(header, "general.alignment")->off;
        return tai_fail(error, TINYAI_E_FORMAT, off,
                        "general.alignment at byte %" PRIu64 " is %" PRIu32
                        ", it must be a power of two up to %u",
                        off, a, MAX_ALIGNMENT);
    }
    return TINYAI_OK;
}
