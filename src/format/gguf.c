#include "format/gguf.h"

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
static const uint8_t value_bytes[TAI_GGUF_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

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
    *tensors_off = counts->n_kv * sizeof(TaiGgufKv);
    *scratch_off = *tensors_off + counts->n_tensors * sizeof(TaiGgufTensor);
    uint64_t most = tai_max_u64(counts->n_kv, counts->n_tensors);
    return *scratch_off + set_slots(most) * sizeof(uint32_t);
}

int32_t tai_gguf_index_bytes(const uint8_t *bytes, uint64_t size, uint64_t file_bytes,
                             uint64_t *index_bytes, uint64_t *least_bytes, TinyAIError *error) {
    TaiCursor in = tai_cursor(bytes, size, file_bytes, error);
    Counts counts = {0};
    read_counts(&in, &counts);
    *least_bytes = HEADER_BYTES + promised_bytes(counts.n_kv, counts.n_tensors);
    if (in.short_of_bytes) {
        return TAI_GGUF_MORE;
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

static TaiGgufString read_string(TaiCursor *in, const char *what) {
    uint64_t at = in->pos;
    uint64_t bytes = tai_cursor_u64(in, what);
    if (tai_cursor_ok(in) && bytes > UINT32_MAX) {
        tai_fail(in->error, TINYAI_E_FORMAT, at,
                 "%s at byte %" PRIu64 " claims a length of %" PRIu64
                 " bytes: the header is damaged",
                 what, at, bytes);
    }
    const uint8_t *text = tai_cursor_take(in, bytes, what);
    return text ? (TaiGgufString){(const char *)text, (uint32_t)bytes} : (TaiGgufString){"", 0};
}

bool tai_string_is(TaiGgufString string, const char *text) {
    return string.bytes == strlen(text) && memcmp(string.text, text, string.bytes) == 0;
}

static bool same_string(TaiGgufString a, TaiGgufString b) {
    return a.bytes == b.bytes && memcmp(a.text, b.text, a.bytes) == 0;
}

/* FNV-1a, 32 bits. */
static uint32_t hash_string(TaiGgufString string) {
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < string.bytes; i++) {
        hash = (hash ^ (uint8_t)string.text[i]) * 16777619u;
    }
    return hash;
}

/* Names of keys and tensors: printable ASCII, so that they can be shown and compared. */
static bool is_name(TaiGgufString name, uint32_t max_bytes) {
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
                        TaiGgufString (*name_of)(const void *entries, uint32_t index)) {
    TaiGgufString name = name_of(entries, index);
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

static TaiGgufString kv_name(const void *entries, uint32_t index) {
    return ((const TaiGgufKv *)entries)[index].key;
}

static TaiGgufString tensor_name(const void *entries, uint32_t index) {
    return ((const TaiGgufTensor *)entries)[index].name;
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

static void skip_array(TaiCursor *in, TaiGgufKv *kv) {
    uint64_t at = in->pos;
    kv->item_type = tai_cursor_u32(in, "an array's type");
    kv->n_items = tai_cursor_u64(in, "an array's length");
    kv->off = in->pos;
    if (!tai_cursor_ok(in)) {
        return;
    }
    if (kv->item_type >= TAI_GGUF_TYPES || kv->item_type == TAI_GGUF_ARRAY) {
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
        if (items && kv->item_type == TAI_GGUF_BOOL) {
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

static void read_kv(TaiCursor *in, TaiGgufKv *kv) {
    uint64_t at = in->pos;
    *kv = (TaiGgufKv){.key = read_string(in, "a metadata key")};
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
    if (kv->type >= TAI_GGUF_TYPES) {
        tai_fail(in->error, TINYAI_E_FORMAT, at,
                 "metadata type %" PRIu32 " at byte %" PRIu64 " is unknown (key %.*s)", kv->type,
                 at, (int)tai_min_u64(kv->key.bytes, 64), kv->key.text);
    } else if (kv->type == TAI_GGUF_ARRAY) {
        skip_array(in, kv);
    } else if (kv->type == TAI_GGUF_STRING) {
        read_string(in, "a metadata string");
    } else {
        const uint8_t *value = tai_cursor_take(in, value_bytes[kv->type], "a metadata value");
        if (value && kv->type == TAI_GGUF_BOOL) {
            check_bools(in, value, 1, kv->off);
        }
    }
}

static void read_kvs(TaiCursor *in, TaiGguf *gguf, uint32_t *set) {
    uint64_t slots = set_slots(gguf->n_kv);
    memset(set, 0xFF, slots * sizeof *set);
    for (uint32_t i = 0; i < gguf->n_kv && tai_cursor_ok(in); i++) {
        uint64_t at = in->pos;
        in->promised = promised_bytes(gguf->n_kv - 1 - i, gguf->n_tensors);
        read_kv(in, &gguf->kv[i]);
        if (tai_cursor_ok(in) && set_put(set, slots, gguf->kv, i, kv_name) != NO_ENTRY) {
            tai_fail(in->error, TINYAI_E_FORMAT, at,
                     "metadata key %.*s at byte %" PRIu64 " appears twice",
                     (int)tai_min_u64(gguf->kv[i].key.bytes, 64), gguf->kv[i].key.text, at);
        }
    }
}

/* ---- tensors -------------------------------------------------------------------------------- */

static void fail_tensor(TaiCursor *in, const TaiGgufTensor *t, int32_t status, const char *why) {
    tai_fail(in->error, status, t->info_off, "tensor %.*s described at byte %" PRIu64 ": %s",
             (int)tai_min_u64(t->name.bytes, MAX_NAME_BYTES), t->name.text, t->info_off, why);
}

static void read_dims(TaiCursor *in, TaiGgufTensor *t) {
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
static void size_tensor(TaiCursor *in, TaiGgufTensor *t) {
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

static void read_tensor(TaiCursor *in, TaiGgufTensor *t, uint32_t alignment) {
    *t = (TaiGgufTensor){.info_off = in->pos};
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
static void place_tensors(TaiCursor *in, TaiGguf *gguf) {
    for (uint32_t i = 0; i < gguf->n_tensors; i++) {
        TaiGgufTensor *t = &gguf->tensors[i];
        uint64_t end;
        if (!tai_add(gguf->data_off, t->off, &t->off) || !tai_add(t->off, t->bytes, &end)) {
            fail_tensor(in, t, TINYAI_E_FORMAT, "its offset overflows");
            return;
        }
        if (end > gguf->file_bytes) {
            tai_fail(in->error, TINYAI_E_TRUNCATED, t->info_off,
                     "tensor %.*s needs the bytes %" PRIu64 " to %" PRIu64 ", the file has %" PRIu64
                     ": it is incomplete, fetch it again",
                     (int)t->name.bytes, t->name.text, t->off, end, gguf->file_bytes);
            return;
        }
    }
}

static bool starts_before(const TaiGguf *gguf, uint32_t a, uint32_t b) {
    return gguf->tensors[a].off < gguf->tensors[b].off;
}

static void sift_down(const TaiGguf *gguf, uint32_t *order, uint32_t root, uint32_t n) {
    for (uint32_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
        if (child + 1 < n && starts_before(gguf, order[child], order[child + 1])) {
            child++;
        }
        if (!starts_before(gguf, order[root], order[child])) {
            return;
        }
        uint32_t swap = order[root];
        order[root] = order[child];
        order[child] = swap;
        root = child;
    }
}

/* Heapsort: no recursion, no memory, n log n in the worst case. */
static void sort_by_offset(const TaiGguf *gguf, uint32_t *order) {
    uint32_t n = gguf->n_tensors;
    for (uint32_t i = 0; i < n; i++) {
        order[i] = i;
    }
    for (uint32_t root = n / 2; root-- > 0;) {
        sift_down(gguf, order, root, n);
    }
    for (uint32_t end = n; end > 1; end--) {
        uint32_t last = order[end - 1];
        order[end - 1] = order[0];
        order[0] = last;
        sift_down(gguf, order, 0, end - 1);
    }
}

static void check_overlaps(TaiCursor *in, const TaiGguf *gguf, uint32_t *order) {
    sort_by_offset(gguf, order);
    const TaiGgufTensor *before = NULL; /* of those seen, all end at or before this one's end */
    for (uint32_t i = 0; i < gguf->n_tensors; i++) {
        const TaiGgufTensor *t = &gguf->tensors[order[i]];
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

static void read_tensors(TaiCursor *in, TaiGguf *gguf, uint32_t *set) {
    uint64_t slots = set_slots(gguf->n_tensors);
    memset(set, 0xFF, slots * sizeof *set);
    for (uint32_t i = 0; i < gguf->n_tensors && tai_cursor_ok(in); i++) {
        in->promised = promised_bytes(0, gguf->n_tensors - 1 - i);
        read_tensor(in, &gguf->tensors[i], gguf->alignment);
        if (tai_cursor_ok(in) && set_put(set, slots, gguf->tensors, i, tensor_name) != NO_ENTRY) {
            fail_tensor(in, &gguf->tensors[i], TINYAI_E_FORMAT, "its name appears twice");
        }
    }
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void read_alignment(TaiCursor *in, TaiGguf *gguf) {
    gguf->alignment = 32;
    if (tai_gguf_u32(gguf, "general.alignment", &gguf->alignment, in->error)) {
        return;
    }
    uint32_t a = gguf->alignment;
    if (a == 0 || (a & (a - 1)) != 0 || a > MAX_ALIGNMENT) {
        const TaiGgufKv *kv = tai_gguf_find(gguf, "general.alignment");
        tai_fail(in->error, TINYAI_E_FORMAT, kv->off,
                 "general.alignment at byte %" PRIu64 " is %" PRIu32
                 ", it must be a power of two up to %u",
                 kv->off, a, MAX_ALIGNMENT);
    }
}

static void find_data(TaiCursor *in, TaiGguf *gguf) {
    gguf->header_bytes = in->pos;
    bool any = false;
    for (uint32_t i = 0; i < gguf->n_tensors; i++) {
        any = any || gguf->tensors[i].bytes > 0;
    }
    if (!tai_align(in->pos, gguf->alignment, &gguf->data_off) ||
        (any && gguf->data_off > gguf->file_bytes)) {
        tai_fail(in->error, TINYAI_E_TRUNCATED, in->pos,
                 "the file ends at byte %" PRIu64 ", before its tensors begin: it is incomplete, "
                 "fetch it again",
                 gguf->file_bytes);
    }
}

int32_t tai_gguf_parse(TaiGguf *gguf, const uint8_t *bytes, uint64_t size, uint64_t file_bytes,
                       void *index, uint64_t index_bytes, TinyAIError *error) {
    TaiCursor in = tai_cursor(bytes, size, file_bytes, error);
    Counts counts = {0};
    read_counts(&in, &counts);
    if (in.short_of_bytes) {
        *gguf = (TaiGguf){.header_bytes = HEADER_BYTES};
        return TAI_GGUF_MORE;
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
    *gguf = (TaiGguf){.bytes = bytes,
                      .size = size,
                      .file_bytes = file_bytes,
                      .version = counts.version,
                      .n_kv = (uint32_t)counts.n_kv,
                      .n_tensors = (uint32_t)counts.n_tensors,
                      .kv = (TaiGgufKv *)room,
                      .tensors = (TaiGgufTensor *)(room + tensors_off)};
    read_kvs(&in, gguf, scratch);
    if (tai_cursor_ok(&in)) {
        read_alignment(&in, gguf);
    }
    if (tai_cursor_ok(&in)) {
        read_tensors(&in, gguf, scratch);
    }
    if (tai_cursor_ok(&in)) {
        find_data(&in, gguf);
    }
    if (tai_cursor_ok(&in)) {
        place_tensors(&in, gguf);
    }
    if (tai_cursor_ok(&in)) {
        check_overlaps(&in, gguf, scratch);
    }
    if (in.short_of_bytes) {
        gguf->header_bytes = in.needed;
        return TAI_GGUF_MORE;
    }
    return error->status;
}

/* ---- looking up ----------------------------------------------------------------------------- */

const TaiGgufKv *tai_gguf_find(const TaiGguf *gguf, const char *key) {
    for (uint32_t i = 0; i < gguf->n_kv; i++) {
        if (tai_string_is(gguf->kv[i].key, key)) {
            return &gguf->kv[i];
        }
    }
    return NULL;
}

const TaiGgufTensor *tai_gguf_tensor(const TaiGguf *gguf, const char *name) {
    for (uint32_t i = 0; i < gguf->n_tensors; i++) {
        if (tai_string_is(gguf->tensors[i].name, name)) {
            return &gguf->tensors[i];
        }
    }
    return NULL;
}

static int32_t wrong_type(const TaiGgufKv *kv, const char *wanted, TinyAIError *error) {
    return tai_fail(error, TINYAI_E_FORMAT, kv->off,
                    "metadata key %.*s at byte %" PRIu64 " has type %" PRIu32 ", expected %s",
                    (int)tai_min_u64(kv->key.bytes, 64), kv->key.text, kv->off, kv->type, wanted);
}

/* Counts are written as u32 or as u64. */
int32_t tai_gguf_u32(const TaiGguf *gguf, const char *key, uint32_t *value, TinyAIError *error) {
    const TaiGgufKv *kv = tai_gguf_find(gguf, key);
    if (!kv) {
        return TINYAI_OK;
    }
    uint64_t wide;
    if (kv->type == TAI_GGUF_U32) {
        wide = tai_load_u32(gguf->bytes + kv->off);
    } else if (kv->type == TAI_GGUF_U64) {
        wide = tai_load_u64(gguf->bytes + kv->off);
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

int32_t tai_gguf_f32(const TaiGguf *gguf, const char *key, float *value, TinyAIError *error) {
    const TaiGgufKv *kv = tai_gguf_find(gguf, key);
    if (kv && kv->type != TAI_GGUF_F32) {
        return wrong_type(kv, "a 32-bit float", error);
    }
    if (kv) {
        *value = tai_load_f32(gguf->bytes + kv->off);
    }
    return TINYAI_OK;
}

int32_t tai_gguf_bool(const TaiGguf *gguf, const char *key, bool *value, TinyAIError *error) {
    const TaiGgufKv *kv = tai_gguf_find(gguf, key);
    if (kv && kv->type != TAI_GGUF_BOOL) {
        return wrong_type(kv, "a boolean", error);
    }
    if (kv) {
        *value = gguf->bytes[kv->off] != 0;
    }
    return TINYAI_OK;
}

TaiGgufString tai_gguf_next_string(const TaiGguf *gguf, uint64_t *off) {
    TaiGgufString s = {(const char *)gguf->bytes + *off + 8,
                       (uint32_t)tai_load_u64(gguf->bytes + *off)};
    *off += 8 + (uint64_t)s.bytes; /* proved by tai_gguf_parse */
    return s;
}

int32_t tai_gguf_string(const TaiGguf *gguf, const char *key, TaiGgufString *value,
                        TinyAIError *error) {
    const TaiGgufKv *kv = tai_gguf_find(gguf, key);
    if (kv && kv->type != TAI_GGUF_STRING) {
        return wrong_type(kv, "a string", error);
    }
    if (kv) {
        uint64_t off = kv->off;
        *value = tai_gguf_next_string(gguf, &off);
    }
    return TINYAI_OK;
}
