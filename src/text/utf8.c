#include "text/utf8.h"

#include <string.h>

/* Begins a character with `byte`: its length and what the second byte may be (Unicode table 3-7).
 * False if no character begins so. */
static bool begin(TaiUtf8Stream *s, uint8_t byte) {
    s->lower = 0x80;
    s->upper = 0xBF;
    if (byte < 0x80) {
        s->length = 1;
    } else if (byte >= 0xC2 && byte <= 0xDF) {
        s->length = 2;
    } else if (byte >= 0xE0 && byte <= 0xEF) {
        s->length = 3;
        s->lower = byte == 0xE0 ? 0xA0 : 0x80; /* no overlong forms */
        s->upper = byte == 0xED ? 0x9F : 0xBF; /* no surrogates */
    } else if (byte >= 0xF0 && byte <= 0xF4) {
        s->length = 4;
        s->lower = byte == 0xF0 ? 0x90 : 0x80;
        s->upper = byte == 0xF4 ? 0x8F : 0xBF; /* at most U+10FFFF */
    } else {
        return false;
    }
    s->pending[0] = byte;
    s->n_pending = 1;
    return true;
}

/* Adds a byte to the pending character; false if it does not belong there. */
static bool extend(TaiUtf8Stream *s, uint8_t byte) {
    if (byte < s->lower || byte > s->upper) {
        return false;
    }
    s->lower = 0x80;
    s->upper = 0xBF;
    s->pending[s->n_pending++] = byte;
    return true;
}

void tai_utf8_init(TaiUtf8Stream *s) {
    memset(s, 0, sizeof *s);
}

uint32_t tai_utf8_flush(TaiUtf8Stream *s, char *out) {
    if (s->n_pending == 0) {
        return 0;
    }
    s->n_pending = 0;
    memcpy(out, "\xEF\xBF\xBD", 3);
    return 3;
}

uint32_t tai_utf8_push(TaiUtf8Stream *s, const char *bytes, uint32_t n, char *out) {
    uint32_t n_out = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)bytes[i];
        if (s->n_pending == 0 || !extend(s, byte)) {
            n_out += tai_utf8_flush(s, out + n_out);
            if (!begin(s, byte)) {
                s->n_pending = 1; /* a character by itself, and ill-formed */
                n_out += tai_utf8_flush(s, out + n_out);
            }
        }
        if (s->n_pending == s->length) {
            memcpy(out + n_out, s->pending, s->length);
            n_out += s->length;
            s->n_pending = 0;
        }
    }
    return n_out;
}

uint32_t tai_utf8_length(const char *text, uint32_t n) {
    TaiUtf8Stream s;
    if (n == 0 || !begin(&s, (uint8_t)text[0])) {
        return 0;
    }
    for (uint32_t i = 1; i < s.length; i++) {
        if (i == n || !extend(&s, (uint8_t)text[i])) {
            return 0;
        }
    }
    return s.length;
}

bool tai_utf8_valid(const char *text, uint32_t n) {
    while (n > 0) {
        uint32_t len = tai_utf8_length(text, n);
        if (len == 0) {
            return false;
        }
        text += len;
        n -= len;
    }
    return true;
}
