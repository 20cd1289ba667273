#include "format/header.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "format/blocks.h"
#include "format/cursor.h"
#include "memory/checked.h"

/* Caps, chosen so that no later product can overflow u64. */
#define MAX_ENTRIES 65536u
#define MAX_ALIGNMENT 65536u
#define MAX_DIM (UINT64_C(1) << 31)
#define MAX_ELEMENTS (UINT64_C(1) << 40)
#define MAX_KEY_BYTES 65535u
#define MAX_NAME_BYTES 64u
#define HEADER_BYTES 24u     /* magic, version, two counts */
#define MIN_KV_BYTES 13u     /* length, no key, type, one byte of value */
#define MIN_TENSOR_BYTES 32u /* length, name, n_dims, one dim, type, offset */
#define NO_ENTRY UINT32_MAX

/* Bytes of a value, 0 for the types without a fixed size. */
static const uint8_t value_bytes[TAI_VALUE_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

/* ---- counts and index ----------------------------------------------------------------------- */

typedef struct Counts {
    uint32_t version;
    uint64_t n_tensors;
    uint64_t n_kv;
} Counts;

static void read_count(TaiCursor *in, uint64_t min_bytes, const char *what, uint64_t *count) {
    uint64_t at = in->pos;
    *count = tai_cursor_u64(in, what);
    if (tai_cursor_ok(in) && *count > MAX_ENTRIES) {
        tai_fail(in->error, TINYAI_E_FORMAT, at,
                 "%s at byte %" PRIu64 " is %" PRIu64
                 ", at most %u are possible: the header is damaged",
                 what, at, *count, MAX_ENTRIES);
    }
    if (tai_cursor_ok(in) && *count > tai_cursor_left(in) / min_bytes) {
        tai_fail(in->error, TINYAI_E_TRUNCATED, at,
                 "%s at byte %" PRIu64 " is %" PRIu64 ", but only %" PRIu64
                 " bytes follow: the file is incomplete or damaged",
                 what, at, *count, tai_cursor_left(in));
    }
}

static void read_counts(TaiCursor *in, Counts *counts) {
    if (in->file_bytes == 0) {
        tai_fail(in->error, TINYAI_E_TRUNCATED, 0, "the file is empty: expected a GGUF model");
        return;
    }
    const uint8_t *magic = tai_cursor_take(in, 4, "the magic number");
    if (magic && memcmp(magic, "GGUF", 4) != 0) {
        tai_fail(in->error, TINYAI_E_FORMAT, 0,
                 "not a GGUF file: it starts with the bytes %02x %02x %02x %02x, not with \"GGUF\"",
                 magic[0], magic[1], magic[2], magic[3]);
    }
    counts->version = tai_cursor_u32(in, "the version");
    if (tai_cursor_ok(in) && counts->version != 2 && counts->version != 3) {
        bool swapped = counts->version != 0 && (counts->version & 0xFFFFu) == 0;
        tai_fail(in->error, TINYAI_E_UNSUPPORTED, 4,
                 swapped ? "the file is big-endian GGUF (version field %" PRIu32
                           " at byte 4): convert it to little-endian"
                         : "GGUF version %" PRIu32
                           " at byte 4 is not supported: versions 2 and 3 are",
                 counts->version);
    }
    read_count(in, MIN_TENSOR_BYTES, "the number of tensors", &counts->n_tensors);
    read_count(in, MIN_KV_BYTES, "the number of metadata entries", &counts->n_kv);
}

/* What so many entries take at least. */
static uint64_t promised_bytes(uint64_t n_kv, uint64_t n_tensors) {
    return n_kv * MIN_KV_BYTES + n_tensors * MIN_TENSOR_BYTES;
}

/* A hash set over n entries: a power of two of u32 slots, at most half full. */
static uint64_t set_slots(uint64_t n) {
    uint64_t slots = 2;
    while (slots < 2 * n) {
        slots *= 2;
    }
    return slots;
}

/* The index: kv entries, tensors, and one scratch array that serves as the hash set of either and
 * then as the order of tensors by offset. All factors are capped, nothing can overflow. */
static uint64_t index_layout(const Counts *counts, uint64_t *tensors_off, uint64_t *scratch_off) {
    *tensors_off = counts->n_kv * sizeof(TaiKeyValue);
    *scratch_off = *tensors_off + counts->n_tensors * sizeof(TaiTensorInfo);
    uint64_t most = tai_max_u64(counts->n_kv, counts->n_tensors);
    return *scratch_off + set_slots(most) * sizeof(uint32_t);
}

int32_t tai_header_index_bytes(const uint8_t *bytes, uint64_t size, uint64_t file_bytes,
                               uint64_t *index_bytes, uint64_t *least_bytes, TinyAIError *error) {
    TaiCursor in = tai_cursor(bytes, size, file_bytes, error);
    Counts counts = {0};
    read_counts(&in, &counts);
    *least_bytes = HEADER_BYTES + promised_bytes(counts.n_kv, counts.n_tensors);
    if (in.short_of_bytes) {
        return TAI_HEADER_MORE;
    }
    if (error->status) {
        return error->status;
    }
    uint64_t tensors_off;
    uint64_t scratch_off;
    *index_bytes = index_layout(&counts, &tensors_off, &scratch_off);
    return TINYAI_OK;
}

/* ---- strings and names ---------------------------------------------------------------------- */

static TaiString read_string(TaiCursor *in, const char *what) {
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

bool tai_string_is(TaiString string, const char *text) {
    return string.bytes == strlen(text) && memcmp(string.text, text, string.bytes) == 0;
}

static bool same_string(TaiString a, TaiString b) {
    return a.bytes == b.bytes && memcmp(a.text, b.text, a.bytes) == 0;
}

/* FNV-1a, 32 bits. */
static uint32_t hash_string(TaiString string) {
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < string.bytes; i++) {
        hash = (hash ^ (uint8_t)string.text[i]) * 16777619u;
    }
    return hash;
}

/* Names of keys and tensors: printable ASCII, so that they can be shown and compared. */
static bool is_name(TaiString name, uint32_t max_bytes) {
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

/* Puts entry `index` into the set; names(entries, i) gives the name of entry i. Returns the entry
 * of the same name that was there before, or NO_ENTRY. */
static uint32_t set_put(uint32_t *set, uint64_t slots, const void *entries, uint32_t index,
                        TaiString (*name_of)(const void *entries, uint32_t index)) {
    TaiString name = name_of(entries, index);
    for (uint64_t slot = hash_string(name) & (slots - 1);; slot = (slot + 1) & (slots - 1)) {
        if (set[slot] == NO_ENTRY) {
            set[slot] = index;
            return NO_ENTRY;
        }
        if (same_string(name_of(entries, set[slot]), name)) {
            return set[slot];
        }
    }
}

static TaiString kv_name(const void *entries, uint32_t index) {
    return ((const TaiKeyValue *)entries)[index].key;
}

static TaiString tensor_name(const void *entries, uint32_t index) {
    return ((const TaiTensorInfo *)entries)[index].name;
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
        read_string(in, "a string of an array");
    }
    in->promised = behind;
}

static void read_kv(TaiCursor *in, TaiKeyValue *kv) {
    uint64_t at = in->pos;
    *kv = (TaiKeyValue){.key = read_string(in, "a metadata key")};
    if (tai_cursor_ok(in) && !is_name(kv->key, MAX_KEY_BYTES)) {
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
        read_string(in, "a metadata string");
    } else {
        const uint8_t *value = tai_cursor_take(in, value_bytes[kv->type], "a metadata value");
        if (value && kv->type == TAI_VALUE_BOOL) {
            check_bools(in, value, 1, kv->off);
        }
    }
}

static void read_kvs(TaiCursor *in, TaiHeader *header, uint32_t *set) {
    uint64_t slots = set_slots(header->n_kv);
    memset(set, 0xFF, slots * sizeof *set);
    for (uint32_t i = 0; i < header->n_kv && tai_cursor_ok(in); i++) {
        uint64_t at = in->pos;
        in->promised = promised_bytes(header->n_kv - 1 - i, header->n_tensors);
        read_kv(in, &header->kv[i]);
        if (tai_cursor_ok(in) && set_put(set, slots, header->kv, i, kv_name) != NO_ENTRY) {
            tai_fail(in->error, TINYAI_E_FORMAT, at,
                     "metadata key %.*s at byte %" PRIu64 " appears twice",
                     (int)tai_min_u64(header->kv[i].key.bytes, 64), header->kv[i].key.text, at);
        }
    }
}

/* ---- tensors -------------------------------------------------------------------------------- */

static void fail_tensor(TaiCursor *in, const TaiTensorInfo *t, int32_t status, const char *why) {
    tai_fail(in->error, status, t->info_off, "tensor %.*s described at byte %" PRIu64 ": %s",
             (int)tai_min_u64(t->name.bytes, MAX_NAME_BYTES), t->name.text, t->info_off, why);
}

static void read_dims(TaiCursor *in, TaiTensorInfo *t) {
    t->n_dims = tai_cursor_u32(in, "a tensor's number of dimensions");
    if (tai_cursor_ok(in) && (t->n_dims < 1 || t->n_dims > 4)) {
        fail_tensor(in, t, TINYAI_E_FORMAT, "it must have 1 to 4 dimensions");
        return;
    }
    uint64_t elements = 1;
    for (uint32_t d = 0; d < 4; d++) {
        t->dims[d] = d < t->n_dims ? tai_cursor_u64(in, "a tensor's dimension") : 1;
        if (t->dims[d] > MAX_DIM || !tai_mul(elements, t->dims[d], &elements) ||
            elements > MAX_ELEMENTS) {
            fail_tensor(in, t, TINYAI_E_FORMAT, "its dimensions are too large");
            return;
        }
    }
}

/* Fills in bytes: rows are whole blocks. */
static void size_tensor(TaiCursor *in, TaiTensorInfo *t) {
    const TaiBlockFormat *format = tai_block_format(t->type);
    if (!format) {
        fail_tensor(in, t, TINYAI_E_UNSUPPORTED, "its type is unknown or was removed from GGUF");
        return;
    }
    uint64_t row_bytes;
    bool fits = tai_row_bytes(format, t->dims[0], &row_bytes);
    for (uint32_t d = 1; d < 4 && fits; d++) {
        fits = tai_mul(row_bytes, t->dims[d], &row_bytes);
    }
    if (!fits) {
        fail_tensor(in, t, TINYAI_E_FORMAT, "its rows are no whole number of blocks of its type");
        return;
    }
    t->bytes = row_bytes;
}

static void read_tensor(TaiCursor *in, TaiTensorInfo *t, uint32_t alignment) {
    *t = (TaiTensorInfo){.info_off = in->pos};
    t->name = read_string(in, "a tensor's name");
    if (tai_cursor_ok(in) && !is_name(t->name, MAX_NAME_BYTES)) {
        t->name.bytes = 0;
        fail_tensor(in, t, TINYAI_E_FORMAT, "its name is empty, longer than 64 bytes or not ASCII");
    }
    read_dims(in, t);
    t->type = tai_cursor_u32(in, "a tensor's type");
    t->off = tai_cursor_u64(in, "a tensor's offset");
    if (!tai_cursor_ok(in)) {
        return;
    }
    size_tensor(in, t);
    if (t->off & (alignment - 1)) {
        fail_tensor(in, t, TINYAI_E_FORMAT, "its offset is no multiple of the file's alignment");
    }
}

/* Makes offsets absolute and proves every tensor to lie inside the file. */
static void place_tensors(TaiCursor *in, TaiHeader *header) {
    for (uint32_t i = 0; i < header->n_tensors; i++) {
        TaiTensorInfo *t = &header->tensors[i];
        uint64_t end;
        if (!tai_add(header->data_off, t->off, &t->off) || !tai_add(t->off, t->bytes, &end)) {
            fail_tensor(in, t, TINYAI_E_FORMAT, "its offset overflows");
            return;
        }
        if (end > header->file_bytes) {
            tai_fail(in->error, TINYAI_E_TRUNCATED, t->info_off,
                     "tensor %.*s needs the bytes %" PRIu64 " to %" PRIu64 ", the file has %" PRIu64
                     ": it is incomplete, fetch it again",
                     (int)t->name.bytes, t->name.text, t->off, end, header->file_bytes);
            return;
        }
    }
}

static bool starts_before(const TaiHeader *header, uint32_t a, uint32_t b) {
    return header->tensors[a].off < header->tensors[b].off;
}

static void sift_down(const TaiHeader *header, uint32_t *order, uint32_t root, uint32_t n) {
    for (uint32_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
        if (child + 1 < n && starts_before(header, order[child], order[child + 1])) {
            child++;
        }
        if (!starts_before(header, order[root], order[child])) {
            return;
        }
        uint32_t swap = order[root];
        order[root] = order[child];
        order[child] = swap;
        root = child;
    }
}

/* Heapsort: no recursion, no memory, n log n in the worst case. */
static void sort_by_offset(const TaiHeader *header, uint32_t *order) {
    uint32_t n = header->n_tensors;
    for (uint32_t i = 0; i < n; i++) {
        order[i] = i;
    }
    for (uint32_t root = n / 2; root-- > 0;) {
        sift_down(header, order, root, n);
    }
    for (uint32_t end = n; end > 1; end--) {
        uint32_t last = order[end - 1];
        order[end - 1] = order[0];
        order[0] = last;
        sift_down(header, order, 0, end - 1);
    }
}

static void check_overlaps(TaiCursor *in, const TaiHeader *header, uint32_t *order) {
    sort_by_offset(header, order);
    const TaiTensorInfo *before = NULL; /* of those seen, all end at or before this one's end */
    for (uint32_t i = 0; i < header->n_tensors; i++) {
        const TaiTensorInfo *t = &header->tensors[order[i]];
        if (t->bytes == 0) {
            continue;
        }
        if (before && t->off - before->off < before->bytes) {
            tai_fail(in->error, TINYAI_E_FORMAT, t->info_off,
                     "tensors %.*s and %.*s overlap at byte %" PRIu64, (int)before->name.bytes,
                     before->name.text, (int)t->name.bytes, t->name.text, t->off);
            return;
        }
        before = t;
    }
}

static void read_tensors(TaiCursor *in, TaiHeader *header, uint32_t *set) {
    uint64_t slots = set_slots(header->n_tensors);
    memset(set, 0xFF, slots * sizeof *set);
    for (uint32_t i = 0; i < header->n_tensors && tai_cursor_ok(in); i++) {
        in->promised = promised_bytes(0, header->n_tensors - 1 - i);
        read_tensor(in, &header->tensors[i], header->alignment);
        if (tai_cursor_ok(in) && set_put(set, slots, header->tensors, i, tensor_name) != NO_ENTRY) {
            fail_tensor(in, &header->tensors[i], TINYAI_E_FORMAT, "its name appears twice");
        }
    }
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void read_alignment(TaiCursor *in, TaiHeader *header) {
    header->alignment = 32;
    if (tai_header_u32(header, "general.alignment", &header->alignment, in->error)) {
        return;
    }
    uint32_t a = header->alignment;
    if (a == 0 || (a & (a - 1)) != 0 || a > MAX_ALIGNMENT) {
        const TaiKeyValue *kv = tai_header_find(header, "general.alignment");
        tai_fail(in->error, TINYAI_E_FORMAT, kv->off,
                 "general.alignment at byte %" PRIu64 " is %" PRIu32
                 ", it must be a power of two up to %u",
                 kv->off, a, MAX_ALIGNMENT);
    }
}

static void find_data(TaiCursor *in, TaiHeader *header) {
    header->header_bytes = in->pos;
    bool any = false;
    for (uint32_t i = 0; i < header->n_tensors; i++) {
        any = any || header->tensors[i].bytes > 0;
    }
    if (!tai_align(in->pos, header->alignment, &header->data_off) ||
        (any && header->data_off > header->file_bytes)) {
        tai_fail(in->error, TINYAI_E_TRUNCATED, in->pos,
                 "the file ends at byte %" PRIu64 ", before its tensors begin: it is incomplete, "
                 "fetch it again",
                 header->file_bytes);
    }
}

int32_t tai_header_parse(TaiHeader *header, const uint8_t *bytes, uint64_t size,
                         uint64_t file_bytes, void *index, uint64_t index_bytes,
                         TinyAIError *error) {
    TaiCursor in = tai_cursor(bytes, size, file_bytes, error);
    Counts counts = {0};
    read_counts(&in, &counts);
    if (in.short_of_bytes) {
        *header = (TaiHeader){.header_bytes = HEADER_BYTES};
        return TAI_HEADER_MORE;
    }
    if (error->status) {
        return error->status;
    }
    uint64_t tensors_off;
    uint64_t scratch_off;
    if (index_layout(&counts, &tensors_off, &scratch_off) > index_bytes) {
        return tai_fail(error, TINYAI_E_INTERNAL, TINYAI_NO_OFFSET,
                        "index of the header too small");
    }
    uint8_t *room = index;
    uint32_t *scratch = (uint32_t *)(room + scratch_off);
    *header = (TaiHeader){.bytes = bytes,
                          .size = size,
                          .file_bytes = file_bytes,
                          .version = counts.version,
                          .n_kv = (uint32_t)counts.n_kv,
                          .n_tensors = (uint32_t)counts.n_tensors,
                          .kv = (TaiKeyValue *)room,
                          .tensors = (TaiTensorInfo *)(room + tensors_off)};
    read_kvs(&in, header, scratch);
    if (tai_cursor_ok(&in)) {
        read_alignment(&in, header);
    }
    if (tai_cursor_ok(&in)) {
        read_tensors(&in, header, scratch);
    }
    if (tai_cursor_ok(&in)) {
        find_data(&in, header);
    }
    if (tai_cursor_ok(&in)) {
        place_tensors(&in, header);
    }
    if (tai_cursor_ok(&in)) {
        check_overlaps(&in, header, scratch);
    }
    if (in.short_of_bytes) {
        header->header_bytes = in.needed;
        return TAI_HEADER_MORE;
    }
    return error->status;
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
