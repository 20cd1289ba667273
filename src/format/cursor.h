/* A bounded cursor over bytes that are never trusted. It keeps the first error and where it
 * happened; after an error every read yields zero and the position stays. */
#ifndef TAI_CURSOR_H
#define TAI_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "memory/error.h"

typedef struct TaiCursor {
    const uint8_t *bytes; /* the first `size` bytes of the file */
    uint64_t size;        /* bytes that are here */
    uint64_t file_bytes;  /* bytes that the file has, >= size */
    uint64_t pos;         /* <= size */
    uint64_t promised;    /* bytes that must follow what is read next, as far as is known */
    uint64_t needed;      /* when short of bytes: so many from the start are needed at least */
    bool short_of_bytes;  /* stopped at the end of what is here, not of the file: read more, try
                             again */
    TinyAIError *error;
} TaiCursor;

TaiCursor tai_cursor(const uint8_t *bytes, uint64_t size, uint64_t file_bytes, TinyAIError *error);

bool tai_cursor_ok(const TaiCursor *cursor);
/* Bytes of the file behind the position: the bound for every count and length. */
uint64_t tai_cursor_left(const TaiCursor *cursor);
/* The next n bytes, or NULL; moves behind them. `what` names them in the error. */
const uint8_t *tai_cursor_take(TaiCursor *cursor, uint64_t n, const char *what);
uint32_t tai_cursor_u32(TaiCursor *cursor, const char *what);
uint64_t tai_cursor_u64(TaiCursor *cursor, const char *what);

/* Little-endian loads from anywhere. */
uint16_t tai_load_u16(const uint8_t *p);
uint32_t tai_load_u32(const uint8_t *p);
uint64_t tai_load_u64(const uint8_t *p);
float tai_load_f32(const uint8_t *p);

#endif
