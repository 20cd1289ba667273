#include "memory/writer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void tai_writer_flush(TaiWriter *w) {
    if (w->fill) {
        w->sink->write(w->sink->user, w->buffer, w->fill);
    }
    w->fill = 0;
}

static void put(TaiWriter *w, const char *text, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; i++) {
        if (w->fill == sizeof w->buffer) {
            tai_writer_flush(w);
        }
        w->buffer[w->fill++] = text[i];
    }
}

/* ---- text ------------------------------------------------------------------------------------ */

void tai_put(TaiWriter *w, const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put(w, text, (uint32_t)strlen(text));
}

static bool is_control(char c) {
    return (unsigned char)c < 0x20 || c == 0x7f;
}

void tai_put_text(TaiWriter *w, const char *text) {
    for (; *text; text++) {
        put(w, is_control(*text) ? "?" : text, 1);
    }
}

/* Three figures at most, in units of 1024. */
void tai_put_bytes(TaiWriter *w, uint64_t bytes) {
    static const char units[] = "KMGTPE";
    tai_put(w, "%" PRIu64 " bytes", bytes);
    if (bytes < 10240) {
        return;
    }
    uint64_t unit = 1024;
    uint32_t i = 0;
    while (bytes / unit >= 1000) {
        unit *= 1024;
        i++;
    }
    /* the remainder first: bytes * 10 could overflow */
    const uint64_t tenths = (bytes / unit) * 10 + (bytes % unit) / (unit / 10 + 1);
    if (tenths < 1000) {
        tai_put(w, " (%" PRIu64 ".%" PRIu64 " %cB)", tenths / 10, tenths % 10, units[i]);
    } else {
        tai_put(w, " (%" PRIu64 " %cB)", tenths / 10, units[i]);
    }
}

/* In parts per `parts`; 0 for what is no ratio. */
static uint32_t parts_of(double ratio, uint32_t parts) {
    if (!(ratio > 0.0)) {
        return 0;
    }
    return ratio < 1.0 ? (uint32_t)(ratio * parts + 0.5) : parts;
}

void tai_put_ratio(TaiWriter *w, double ratio) {
    const uint32_t parts = parts_of(ratio, 10000);
    tai_put(w, "%" PRIu32 ".%04" PRIu32, parts / 10000, parts % 10000);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void put_key(TaiWriter *w, const char *key) {
    if (w->comma) {
        put(w, ",", 1);
    }
    w->comma = true;
    if (key) {
        tai_put(w, "\"%s\":", key);
    }
}

void tai_json_open(TaiWriter *w, const char *key, char bracket) {
    put_key(w, key);
    put(w, &bracket, 1);
    w->comma = false;
}

void tai_json_close(TaiWriter *w, char bracket) {
    put(w, &bracket, 1);
    w->comma = true;
}

void tai_json_uint(TaiWriter *w, const char *key, uint64_t value) {
    put_key(w, key);
    tai_put(w, "%" PRIu64, value);
}

void tai_json_ratio(TaiWriter *w, const char *key, double ratio) {
    const uint32_t parts = parts_of(ratio, 1000000);
    put_key(w, key);
    tai_put(w, "%" PRIu32 ".%06" PRIu32, parts / 1000000, parts % 1000000);
}

void tai_json_bool(TaiWriter *w, const char *key, bool value) {
    put_key(w, key);
    tai_put(w, "%s", value ? "true" : "false");
}

/* Bytes of the UTF-8 character that text begins with, 0 if it begins with none (also the terminator):
 * no overlong forms, no surrogates, nothing above U+10FFFF. */
static uint32_t character_bytes(const char *text) {
    const unsigned char *c = (const unsigned char *)text;
    if (c[0] < 0x80) {
        return c[0] ? 1 : 0;
    }
    const uint32_t n = c[0] >= 0xF0 ? 4 : c[0] >= 0xE0 ? 3 : 2;
    if (c[0] < 0xC2 || c[0] > 0xF4 || (c[0] == 0xE0 && c[1] < 0xA0) ||
        (c[0] == 0xED && c[1] > 0x9F) || (c[0] == 0xF0 && c[1] < 0x90) ||
        (c[0] == 0xF4 && c[1] > 0x8F)) {
        return 0;
    }
    for (uint32_t i = 1; i < n; i++) {
        if ((c[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return n;
}

void tai_json_string(TaiWriter *w, const char *key, const char *text) {
    put_key(w, key);
    if (!text) {
        tai_put(w, "null");
        return;
    }
    put(w, "\"", 1);
    while (*text) {
        const uint32_t bytes = character_bytes(text);
        if (*text == '"' || *text == '\\') {
            tai_put(w, "\\%c", *text);
        } else if (is_control(*text)) {
            tai_put(w, "\\u%04x", (unsigned)*text);
        } else if (bytes == 0) {
            tai_put(w, "\\ufffd");
        } else {
            put(w, text, bytes);
        }
        text += bytes ? bytes : 1;
    }
    put(w, "\"", 1);
}
