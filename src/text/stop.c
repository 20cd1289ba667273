/* Each stop string is followed by its own automaton (Knuth, Morris, Pratt): state[k] is the length
 * of the longest beginning of string k that the text so far ends with. So the text that could still
 * become a stop string is the longest of them, and string k is complete when its state is its
 * length. */
#include "text/stop.h"

#include <string.h>

#include "text/utf8.h"
#include "tinyai/status.h"

void tai_stop_init(TaiStop *s) {
    memset(s, 0, sizeof *s);
}

/* The longest beginning of string k that the text ends with, after one more byte. */
static uint16_t advance(const TaiStop *s, uint32_t k, uint16_t state, char byte) {
    const char *text = s->text + s->start[k];
    const uint16_t *border = s->border + s->start[k];
    while (state > 0 && text[state] != byte) {
        state = border[state - 1];
    }
    return text[state] == byte ? (uint16_t)(state + 1) : 0;
}

int32_t tai_stop_add(TaiStop *s, const char *bytes, uint32_t n) {
    if (n == 0 || s->n_strings == TAI_STOP_MAX_STRINGS ||
        n > TAI_STOP_MAX_BYTES - s->start[s->n_strings] || !tai_utf8_valid(bytes, n)) {
        return TINYAI_E_ARGUMENT;
    }
    uint32_t k = s->n_strings++;
    uint32_t start = s->start[k];
    memcpy(s->text + start, bytes, n);
    s->start[k + 1] = (uint16_t)(start + n);
    s->border[start] = 0;
    for (uint32_t i = 1; i < n; i++) {
        s->border[start + i] = advance(s, k, s->border[start + i - 1], bytes[i]);
    }
    return TINYAI_OK;
}

/* Takes one byte. Returns the length of the longest string that it completes, or 0; *n_held becomes
 * what is to be held back. */
static uint32_t take(TaiStop *s, char byte, uint32_t *n_held) {
    uint32_t complete = 0;
    *n_held = 0;
    for (uint32_t k = 0; k < s->n_strings; k++) {
        uint32_t length = (uint32_t)(s->start[k + 1] - s->start[k]);
        s->state[k] = advance(s, k, s->state[k], byte);
        if (s->state[k] == length && length > complete) {
            complete = length;
        }
        if (s->state[k] > *n_held) {
            *n_held = s->state[k];
        }
    }
    return complete;
}

uint32_t tai_stop_push(TaiStop *s, char *out, uint32_t n) {
    if (s->matched) {
        return 0;
    }
    uint32_t n_held = s->n_held, total = s->n_held + n;
    memcpy(out, s->held, s->n_held);
    for (uint32_t i = s->n_held; i < total; i++) {
        uint32_t complete = take(s, out[i], &n_held);
        if (complete > 0) {
            s->matched = true;
            s->n_held = 0;
            return i + 1 - complete;
        }
    }
    s->n_held = n_held;
    memcpy(s->held, out + total - n_held, n_held);
    return total - n_held;
}

uint32_t tai_stop_flush(TaiStop *s, char *out) {
    uint32_t n = s->n_held;
    memcpy(out, s->held, n);
    s->n_held = 0;
    return n;
}
