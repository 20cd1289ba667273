#include "cli/cli.h"

#include <math.h>
#include <string.h>

#include "text/utf8.h"

static void put_key(Json *json, const char *key) {
    if (json->comma) {
        putc(',', json->out);
    }
    json->comma = true;
    if (key != NULL) {
        fprintf(json->out, "\"%s\":", key);
    }
}

void json_key(Json *json, const char *key, size_t bytes) {
    json_text_open(json, NULL);
    json_text(json, key, bytes);
    json_text_close(json);
    putc(':', json->out);
    json->comma = false;
}

void json_open(Json *json, const char *key, char bracket) {
    put_key(json, key);
    putc(bracket, json->out);
    json->comma = false;
}

void json_close(Json *json, char bracket) {
    putc(bracket, json->out);
    json->comma = true;
}

void json_uint(Json *json, const char *key, uint64_t value) {
    put_key(json, key);
    fprintf(json->out, "%llu", (unsigned long long)value);
}

void json_int(Json *json, const char *key, int64_t value) {
    put_key(json, key);
    fprintf(json->out, "%lld", (long long)value);
}

void json_real(Json *json, const char *key, double value) {
    put_key(json, key);
    if (isfinite(value)) {
        fprintf(json->out, "%.12g", value);
    } else {
        fputs("null", json->out);
    }
}

void json_bool(Json *json, const char *key, bool value) {
    put_key(json, key);
    fputs(value ? "true" : "false", json->out);
}

void json_text_open(Json *json, const char *key) {
    put_key(json, key);
    putc('"', json->out);
}

void json_text(Json *json, const char *text, size_t bytes) {
    size_t at = 0;
    while (at < bytes) {
        const unsigned char c = (unsigned char)text[at];
        const size_t left = bytes - at;
        const uint32_t length = tai_utf8_length(text + at, left < 4 ? (uint32_t)left : 4);
        if (c == '"' || c == '\\') {
            fprintf(json->out, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            fprintf(json->out, "\\u%04x", c);
        } else if (length == 0) {
            fputs("\\ufffd", json->out);
        } else {
            fwrite(text + at, 1, length, json->out);
        }
        at += length == 0 ? 1 : length;
    }
}

void json_text_close(Json *json) {
    putc('"', json->out);
}

void json_string(Json *json, const char *key, const char *text) {
    if (!text) {
        put_key(json, key);
        fputs("null", json->out);
        return;
    }
    json_text_open(json, key);
    json_text(json, text, strlen(text));
    json_text_close(json);
}

void json_error(Json *json, const TinyAIError *error) {
    json_open(json, "error", '{');
    json_string(json, "code", tinyai_status_name(error->status));
    json_string(json, "message", error->message);
    if (error->offset != TINYAI_NO_OFFSET) {
        json_uint(json, "offset", error->offset);
    }
    if (error->status == TINYAI_E_BUDGET) {
        json_uint(json, "askedBytes", error->asked_bytes);
        json_uint(json, "allowedBytes", error->allowed_bytes);
        json_uint(json, "missingBytes", error->missing_bytes);
    }
    json_close(json, '}');
}
