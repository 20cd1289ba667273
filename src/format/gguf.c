#include "format/gguf.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "format/cursor.h"
#include "format/index.h"
#include "format/keys.h"
#include "format/tensors.h"
#include "memory/checked.h"

#define HEADER_BYTES 24u     /* magic, version, two counts */
#define MIN_TENSOR_BYTES 32u /* length, name, n_dims, one dim, type, offset */

/* ---- counts --------------------------------------------------------------------------------- */

typedef struct Start {
    uint32_t version;
    TaiCounts counts;
} Start;

static void read_count(TaiCursor *in, uint64_t min_bytes, const char *what, uint64_t *count) {
    uint64_t at = in->pos;
    *count = tai_cursor_u64(in, what);
    if (tai_cursor_ok(in) && *count > TAI_MAX_ENTRIES) {
        tai_fail(in->error, TINYAI_E_FORMAT, at,
                 "%s at byte %" PRIu64 " is %" PRIu64
                 ", at most %u are possible: the header is damaged",
                 what, at, *count, TAI_MAX_ENTRIES);
    }
    if (tai_cursor_ok(in) && *count > tai_cursor_left(in) / min_bytes) {
        tai_fail(in->error, TINYAI_E_TRUNCATED, at,
                 "%s at byte %" PRIu64 " is %" PRIu64 ", but only %" PRIu64
                 " bytes follow: the file is incomplete or damaged",
                 what, at, *count, tai_cursor_left(in));
    }
}

static void read_start(TaiCursor *in, Start *start) {
    if (in->file_bytes == 0) {
        tai_fail(in->error, TINYAI_E_TRUNCATED, 0,
                 "the file is empty: expected a GGUF or TMAI model");
        return;
    }
    const uint8_t *magic = tai_cursor_take(in, 4, "the magic number");
    if (magic && memcmp(magic, "GGUF", 4) != 0) {
        tai_fail(
            in->error, TINYAI_E_FORMAT, 0,
            "not a model file: it starts with the bytes %02x %02x %02x %02x, not with \"GGUF\" "
            "or \"TMAI\"",
            magic[0], magic[1], magic[2], magic[3]);
    }
    start->version = tai_cursor_u32(in, "the version");
    if (tai_cursor_ok(in) && start->version != 2 && start->version != 3) {
        bool swapped = start->version != 0 && (start->version & 0xFFFFu) == 0;
        tai_fail(in->error, TINYAI_E_UNSUPPORTED, 4,
                 swapped ? "the file is big-endian GGUF (version field %" PRIu32
                           " at byte 4): convert it to little-endian"
                         : "GGUF version %" PRIu32
                           " at byte 4 is not supported: versions 2 and 3 are",
                 start->version);
    }
    read_count(in, MIN_TENSOR_BYTES, "the number of tensors", &start->counts.n_tensors);
    read_count(in, TAI_MIN_KEY_BYTES, "the number of metadata entries", &start->counts.n_kv);
}

/* What so many entries take at least. */
static uint64_t promised_bytes(uint64_t n_kv, uint64_t n_tensors) {
    return n_kv * TAI_MIN_KEY_BYTES + n_tensors * MIN_TENSOR_BYTES;
}

void tai_gguf_counts(TaiCursor *in, TaiCounts *counts, uint64_t *least_bytes) {
    Start start = {0};
    read_start(in, &start);
    *counts = start.counts;
    *least_bytes = HEADER_BYTES + promised_bytes(start.counts.n_kv, start.counts.n_tensors);
}

/* ---- tensors -------------------------------------------------------------------------------- */

static void read_tensor(TaiCursor *in, TaiTensorInfo *t, uint32_t alignment) {
    *t = (TaiTensorInfo){.info_off = in->pos, .piece = TAI_NO_PIECE};
    t->name = tai_read_string(in, "a tensor's name");
    if (tai_cursor_ok(in) && !tai_is_name(t->name, TAI_NAME_BYTES)) {
        t->name.bytes = 0;
        tai_fail_tensor(in->error, t, TINYAI_E_FORMAT,
                        "its name is empty, longer than 64 bytes or not ASCII");
    }
    t->n_dims = tai_cursor_u32(in, "a tensor's number of dimensions");
    if (tai_cursor_ok(in) && (t->n_dims < 1 || t->n_dims > 4)) {
        tai_size_tensor(t, in->error); /* what follows cannot be read: let it say why */
        return;
    }
    for (uint32_t d = 0; d < 4; d++) {
        t->dims[d] = d < t->n_dims ? tai_cursor_u64(in, "a tensor's dimension") : 1;
    }
    t->type = tai_cursor_u32(in, "a tensor's type");
    t->off = tai_cursor_u64(in, "a tensor's offset");
    if (!tai_cursor_ok(in) || tai_size_tensor(t, in->error)) {
        return;
    }
    if (t->off & (alignment - 1)) {
        tai_fail_tensor(in->error, t, TINYAI_E_FORMAT,
                        "its offset is no multiple of the file's alignment");
    }
}

/* Makes offsets absolute and proves every tensor to lie inside the file. */
static void place_tensors(TaiCursor *in, TaiHeader *header) {
    for (uint32_t i = 0; i < header->n_tensors; i++) {
        TaiTensorInfo *t = &header->tensors[i];
        uint64_t end;
        if (!tai_add(header->data_off, t->off, &t->off) || !tai_add(t->off, t->bytes, &end)) {
            tai_fail_tensor(in->error, t, TINYAI_E_FORMAT, "its offset overflows");
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

static void check_overlaps(const TaiHeader *header, uint32_t *order, TinyAIError *error) {
    tai_order_by_offset(header, order);
    const TaiTensorInfo *before = NULL; /* of those seen, all end at or before this one's end */
    for (uint32_t i = 0; i < header->n_tensors; i++) {
        const TaiTensorInfo *t = &header->tensors[order[i]];
        if (t->bytes == 0) {
            continue;
        }
        if (before && t->off - before->off < before->bytes) {
            tai_fail(error, TINYAI_E_FORMAT, t->info_off,
                     "tensors %.*s and %.*s overlap at byte %" PRIu64, (int)before->name.bytes,
                     before->name.text, (int)t->name.bytes, t->name.text, t->off);
            return;
        }
        before = t;
    }
}

static void read_tensors(TaiCursor *in, TaiHeader *header, uint32_t *scratch) {
    TaiNames names =
        tai_names(header->tensors, sizeof *header->tensors, header->n_tensors, scratch);
    for (uint32_t i = 0; i < header->n_tensors && tai_cursor_ok(in); i++) {
        in->promised = promised_bytes(0, header->n_tensors - 1 - i);
        read_tensor(in, &header->tensors[i], header->alignment);
        if (tai_cursor_ok(in) && !tai_names_add(&names, i)) {
            tai_fail_tensor(in->error, &header->tensors[i], TINYAI_E_FORMAT,
                            "its name appears twice");
        }
    }
}

/* ---- the whole ------------------------------------------------------------------------------ */

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

int32_t tai_gguf_parse(TaiHeader *header, const uint8_t *bytes, uint64_t size, uint64_t file_bytes,
                       void *index, uint64_t index_bytes, TinyAIError *error) {
    TaiCursor in = tai_cursor(bytes, size, file_bytes, error);
    Start start = {0};
    read_start(&in, &start);
    if (in.short_of_bytes) {
        *header = (TaiHeader){.header_bytes = HEADER_BYTES};
        return TAI_HEADER_MORE;
    }
    if (error->status) {
        return error->status;
    }
    *header = (TaiHeader){.bytes = bytes,
                          .size = size,
                          .file_bytes = file_bytes,
                          .format = TAI_FORMAT_GGUF,
                          .version = start.version};
    uint32_t *scratch = tai_index_place(header, &start.counts, index, index_bytes, error);
    if (!scratch) {
        return error->status;
    }
    tai_read_keys(&in, header, promised_bytes(0, header->n_tensors), scratch);
    if (tai_cursor_ok(&in)) {
        tai_header_gguf_alignment(header, &header->alignment, error);
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
        check_overlaps(header, scratch, error);
    }
    if (in.short_of_bytes) {
        header->header_bytes = in.needed;
        return TAI_HEADER_MORE;
    }
    return error->status;
}
