/* A strict JSON reader for tests: says whether a text is one value, and finds parts of it by path. */
#ifndef TAI_JSON_CHECK_H
#define TAI_JSON_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each takes the text from where the value begins, and returns what lies behind it, or NULL. */
static const char *json_value(const char *at);

static const char *json_string_end(const char *at) {
    if (*at++ != '"') {
        return NULL;
    }
    while (*at != '"') {
        if ((unsigned char)*at < 0x20) {
            return NULL;
        }
        if (*at == '\\') {
            at++;
            if (*at == 'u') {
                if (strspn(at + 1, "0123456789abcdefABCDEF") < 4) {
                    return NULL;
                }
                at += 4;
            } else if (!*at || !strchr("\"\\/bfnrt", *at)) {
                return NULL;
            }
        }
        at++;
    }
    return at + 1;
}

static const char *json_number_end(const char *at) {
    at += *at == '-';
    const size_t whole = strspn(at, "0123456789");
    if (whole == 0 || (*at == '0' && whole > 1)) {
        return NULL;
    }
    at += whole;
    if (*at == '.') {
        const size_t fraction = strspn(at + 1, "0123456789");
        return fraction ? at + 1 + fraction : NULL;
    }
    return at;
}

static const char *json_list_end(const char *at, char close, bool keys) {
    if (*++at == close) {
        return at + 1;
    }
    for (;;) {
        if (keys) {
            at = json_string_end(at);
            if (!at || *at++ != ':') {
                return NULL;
            }
        }
        at = json_value(at);
        if (!at) {
            return NULL;
        }
        if (*at == close) {
            return at + 1;
        }
        if (*at++ != ',') {
            return NULL;
        }
    }
}

static const char *json_value(const char *at) {
    static const char *const words[] = {"true", "false", "null"};
    for (int i = 0; i < 3; i++) {
        if (strncmp(at, words[i], strlen(words[i])) == 0) {
            return at + strlen(words[i]);
        }
    }
    return *at == '{'   ? json_list_end(at, '}', true)
           : *at == '[' ? json_list_end(at, ']', false)
           : *at == '"' ? json_string_end(at)
                        : json_number_end(at);
}

/* One value and a line end, no white space elsewhere. */
static bool json_is_valid(const char *text) {
    const char *end = json_value(text);
    return end && strcmp(end, "\n") == 0;
}

/* The text of the value at a path such as "owners.0.cache.slots", in a buffer that the next call uses
 * again; "(absent)" if there is none. The JSON must be valid. */
static const char *json_at(const char *text, const char *path) {
    static char found[1024];
    while (*path) {
        const size_t length = strcspn(path, ".");
        const bool array = *text == '[';
        long index = array ? strtol(path, NULL, 10) : 0;
        bool here = false;
        text++;
        while (*text != ']' && *text != '}') {
            if (array) {
                here = index-- == 0;
            } else {
                const char *end = json_string_end(text);
                here = (size_t)(end - text) == length + 2 && strncmp(text + 1, path, length) == 0;
                text = end + 1;
            }
            if (here) {
                break;
            }
            text = json_value(text);
            text += *text == ',';
        }
        if (!here) {
            return "(absent)";
        }
        path += length + (path[length] == '.');
    }
    snprintf(found, sizeof found, "%.*s", (int)(json_value(text) - text), text);
    return found;
}

#endif
