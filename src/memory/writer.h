/* Text and JSON into a sink, through one small buffer. Numbers are integers and fractions of them, so that
 * neither a locale nor floating-point formatting comes in. */
#ifndef TAI_WRITER_H
#define TAI_WRITER_H

#include "memory/report.h"

typedef struct TaiWriter {
    const TaiSink *sink;
    bool comma; /* JSON: before the next value */
    uint32_t fill;
    char buffer[256];
} TaiWriter;

void tai_writer_flush(TaiWriter *w);

/* At most 255 bytes at a time, longer ones are cut. */
__attribute__((format(printf, 2, 3))) void tai_put(TaiWriter *w, const char *format, ...);
/* Text from outside: control characters become '?'. */
void tai_put_text(TaiWriter *w, const char *text);
/* "4096 bytes", "67108864 bytes (64.0 MB)". */
void tai_put_bytes(TaiWriter *w, uint64_t bytes);
/* 0 .. 1 with four decimals. */
void tai_put_ratio(TaiWriter *w, double ratio);

/* key NULL: an item of an array, or the outermost value. Keys are ours, and are not escaped. */
void tai_json_open(TaiWriter *w, const char *key, char bracket);
void tai_json_close(TaiWriter *w, char bracket);
void tai_json_uint(TaiWriter *w, const char *key, uint64_t value);
void tai_json_ratio(TaiWriter *w, const char *key, double ratio);
void tai_json_bool(TaiWriter *w, const char *key, bool value);
/* text NULL: null. Bytes that are no UTF-8 become U+FFFD. */
void tai_json_string(TaiWriter *w, const char *key, const char *text);

#endif
