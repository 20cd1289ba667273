/* UTF-8: one character, and a stream that lets only whole, valid characters through. */
#ifndef TAI_UTF8_H
#define TAI_UTF8_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes of the well-formed character at the start of text[0..n), or 0. */
uint32_t tai_utf8_length(const char *text, uint32_t n);

bool tai_utf8_valid(const char *text, uint32_t n);

/* Replaces ill-formed parts by U+FFFD as browsers do (WHATWG: one per maximal subpart). */
typedef struct TaiUtf8Stream {
    uint8_t pending[4];   /* the beginning of a character */
    uint8_t n_pending;    /* < length */
    uint8_t length;       /* of that character */
    uint8_t lower, upper; /* what its next byte may be */
} TaiUtf8Stream;

void tai_utf8_init(TaiUtf8Stream *s);

/* Room that `n` pushed bytes may need: an ill-formed byte becomes three. */
#define TAI_UTF8_OUT_BYTES(n) (3u * ((n) + 1u))

/* Each writes to out and returns how many bytes. */
uint32_t tai_utf8_push(TaiUtf8Stream *s, const char *bytes, uint32_t n, char *out);
uint32_t tai_utf8_flush(TaiUtf8Stream *s, char *out); /* at most 3 */

#endif
