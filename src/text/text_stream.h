/* The text of a generation: token bytes in, text that is safe to show out. Whole valid UTF-8
 * characters only, nothing that could be the beginning of a stop string, nothing from a stop string
 * on. */
#ifndef TAI_TEXT_STREAM_H
#define TAI_TEXT_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "text/stop.h"
#include "text/utf8.h"

typedef struct TaiTextStream {
    TaiUtf8Stream utf8;
    TaiStop stop; /* tai_stop_add(&stream.stop, …) before the first push */
} TaiTextStream;

void tai_text_stream_init(TaiTextStream *s);

/* Room for what one push or finish writes, when no token gives more than longest_token bytes. */
uint32_t tai_text_stream_out_bytes(uint32_t longest_token);

/* The bytes of one token (tai_token_bytes). Returns how many bytes of text were written to out. A
 * token without text (n is 0) ends an incomplete character. s->stop.matched: a stop string was met.
 */
uint32_t tai_text_stream_push(TaiTextStream *s, const char *bytes, uint32_t n, char *out);

/* The rest, at the end of the generation. */
uint32_t tai_text_stream_finish(TaiTextStream *s, char *out);

#endif
