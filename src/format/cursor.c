#include "format/cursor.h"

#include <inttypes.h>
#include <string.h>

#include "memory/checked.h"

TaiCursor tai_cursor(const uint8_t *bytes, uint64_t size, uint64_t file_bytes, TinyAIError *error) {
    return (TaiCursor){
        .bytes = bytes, .size = size, .file_bytes = file_bytes, .pos = 0, .error = error};
}

bool tai_cursor_ok(const TaiCursor *cursor) {
    return !cursor->short_of_bytes && cursor->error->status == TINYAI_OK;
}

uint64_t tai_cursor_left(const TaiCursor *cursor) {
    return cursor->file_bytes - cursor->pos;
}

const uint8_t *tai_cursor_take(TaiCursor *cursor, uint64_t n, const char *what) {
    if (!tai_cursor_ok(cursor)) {
        return NULL;
    }
    if (n > tai_cursor_left(cursor)) {
        tai_fail(cursor->error, TINYAI_E_TRUNCATED, cursor->pos,
                 "the file ends inside its header: %s at byte %" PRIu64 " needs %" PRIu64
                 " bytes, %" PRIu64 " are left. The file is damaged or incomplete: fetch it again",
                 what, cursor->pos, n, tai_cursor_left(cursor));
        return NULL;
    }
    if (n > cursor->size - cursor->pos) {
        cursor->short_of_bytes = true;
        cursor->needed = cursor->pos + n; /* both are at most the file's size */
        cursor->needed += tai_min_u64(cursor->promised, cursor->file_bytes - cursor->needed);
        return NULL;
    }
    const uint8_t *taken = cursor->bytes + cursor->pos;
    cursor->pos += n;
    return taken;
}

uint32_t tai_cursor_u32(TaiCursor *cursor, const char *what) {
    const uint8_t *p = tai_cursor_take(cursor, 4, what);
    return p ? tai_load_u32(p) : 0;
}

uint64_t tai_cursor_u64(TaiCursor *cursor, const char *what) {
    const uint8_t *p = tai_cursor_take(cursor, 8, what);
    return p ? tai_load_u64(p) : 0;
}

uint16_t tai_load_u16(const uint8_t *p) {
    return (uint16_t)(p[0] | (p[1] << 8));
}

uint32_t tai_load_u32(const uint8_t *p) {
    return (uint32_t)tai_load_u16(p) | ((uint32_t)tai_load_u16(p + 2) << 16);
}

uint64_t tai_load_u64(const uint8_t *p) {
    return (uint64_t)tai_load_u32(p) | ((uint64_t)tai_load_u32(p + 4) << 32);
}

float tai_load_f32(const uint8_t *p) {
    uint32_t bits = tai_load_u32(p);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
