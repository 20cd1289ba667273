#include "format/keys.h"

#include <inttypes.h>
#include <string.h>

#include "format/index.h"
#include "memory/checked.h"

#define MAX_KEY_BYTES 65535u

/* Bytes of a value, 0 for the types without a fixed size. */
static const uint8_t value_bytes[TAI_VALUE_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

/* ---- strings and names ---------------------------------------------------------------------- */

TaiString tai_read_string(TaiCursor *in, const char *what) {
    uint64_t at = in->pos;
    uint64_t bytes = tai_cursor_u64(in, what);
    if (tai_cursor_ok(in) && bytes > UINT32_MAX) {
        tai_fail(in->error, TINYAI_E_FORMAT, at,
                 "%s at byte %" PRIu64 " claims a length of %" PRIu64
                 " bytes: the header is damaged",
                 what, at, bytes);
    }
    const uint8_t *text = tai_cursor_take(in, bytes, what);
    return text ? (TaiString){(const char *)text, (uint32_t)bytes} : (TaiString){"", 0};
}

bool tai_is_name(TaiString name, uint32_t max_bytes) {
    if (name.bytes == 0 || name.bytes > max_bytes) {
        return false;
    }
    for (uint32_t i = 0; i < name.bytes; i++) {
        if (name.text[i] < 0x20 || name.text[i] > 0x7E) {
            return false;
        }
    }
    return true;
}

/* ---- key-values ----------------------------------------------------------------------------- */

static void check_bools(TaiCursor *in, const uint8_t *values, uint64_t n, uint64_t off) {
    for (uint64_t i = 0; i < n; i++) {
        if (values[i] > 1) {
            tai_fail(in->error, TINYAI_E_FORMAT, off + i,
                     "the boolean at byte %" PRIu64 " is %u, not 0 or 1: the header is damaged",
                     off + i, values[i]);
            return;
        }
    }
}

static void skip_array(TaiCursor *in, TaiKeyValue *kv) {
    uint64_t at = in->pos;
    kv->item_type = tai_cursor_u32(in, "an array's type");
    kv->n_items = tai_cursor_u64(in, "an array's length");
    kv->off = in->pos;
    if (!tai_cursor_ok(in)) {
        return;
    }
    if (kv->item_type >= TAI_VALUE_TYPES || kv->item_type == TAI_VALUE_ARRAY) {
        tai_fail(in->error, TINYAI_E_FORMAT, at,
                 "the array at byte %" PRIu64 " has items of type %" PRIu32
                 ": nested arrays and unknown types are not allowed",
                 at, kv->item_type);
        return;
    }
    uint64_t item_bytes = value_bytes[kv->item_type];
    uint64_t least = item_bytes ? item_bytes : 8; /* a string has at least its length */
    if (kv->n_items > tai_cursor_left(in) / least) {
        tai_fail(in->error, TINYAI_E_TRUNCATED, at,
                 "the array at byte %" PRIu64 " claims %" PRIu64 " items, only %" PRIu64
                 " bytes follow: the file is incomplete or damaged",
                 at, kv->n_items, tai_cursor_left(in));
        return;
    }
    if (item_bytes) {
        uint64_t bytes = 0;
        if (!tai_mul(kv->n_items, item_bytes, &bytes)) {
            tai_fail(in->error, TINYAI_E_FORMAT, at, "the array at byte %" PRIu64 " overflows", at);
        }
        const uint8_t *items = tai_cursor_take(in, bytes, "an array");
        if (items && kv->item_type == TAI_VALUE_BOOL) {
            check_bools(in, items, kv->n_items, kv->off);
        }
        return;
    }
    uint64_t behind = in->promised;
    for (uint64_t i = 0; i < kv->n_items && tai_cursor_ok(in); i++) {
        in->promised = behind + (kv->n_items - 1 - i) * least;
        tai_read_string(in, "a string of an array");
    }
    in->promised = behind;
}

static void read_kv(TaiCursor *in, TaiKeyValue *kv) {
    uint64_t at = in->pos;
    *kv = (TaiKeyValue){.key = tai_read_string(in, "a metadata key")};
    if (tai_cursor_ok(in) && !tai_is_name(kv->key, MAX_KEY_BYTES)) {
        tai_fail(in->error, TINYAI_E_FORMAT, at,
                 "the metadata key at byte %" PRIu64
                 " is empty, too long or not printable ASCII: the header is damaged",
                 at);
    }
    at = in->pos;
    kv->type = tai_cursor_u32(in, "a metadata type");
    kv->off = in->pos;
    if (!tai_cursor_ok(in)) {
        return;
    }
    if (kv->type >= TAI_VALUE_TYPES) {
        tai_fail(in->error, TINYAI_E_FORMAT, at,
                 "metadata type %" PRIu32 " at byte %" PRIu64 " is unknown (key %.*s)", kv->type,
                 at, (int)tai_min_u64(kv->key.bytes, 64), kv->key.text);
    } else if (kv->type == TAI_VALUE_ARRAY) {
        skip_array(in, kv);
    } else if (kv->type == TAI_VALUE_STRING) {
        tai_read_string(in, "a metadata string");
    } else {
        const uint8_t *value = tai_cursor_take(in, value_bytes[kv->type], "a metadata value");
        if (value && kv->type == TAI_VALUE_BOOL) {
            check_bools(in, value, 1, kv->off);
        }
    }
}

void tai_read_keys(TaiCursor *in, TaiHeader *header, uint64_t promised, uint32_t *scratch) {
    TaiNames names = tai_names(header->kv, sizeof *header->kv, header->n_kv, scratch);
    header->keys_off = in->pos;
    for (uint32_t i = 0; i < header->n_kv && tai_cursor_ok(in); i++) {
        uint64_t at = in->pos;
        in->promised = promised + (uint64_t)(header->n_kv - 1 - i) * TAI_MIN_KEY_BYTES;
        read_kv(in, &header->kv[i]);
        if (tai_cursor_ok(in) && !tai_names_add(&names, i)) {
            tai_fail(in->error, TINYAI_E_FORMAT, at,
                     "metadata key %.*s at byte %" PRIu64 " appears twice",
                     (int)tai_min_u64(header->kv[i].key.bytes, 64), header->kv[i].key.text, at);
        }
    }
    header->keys_bytes = in->pos - header->keys_off;
}
