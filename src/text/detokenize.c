#include "text/detokenize.h"

#include <string.h>

#include "text/special.h"

static const char BLANK[3] = {'\xE2', '\x96', '\x81'}; /* U+2581 stands for a space */

/* Copies text with blanks as spaces. */
static uint32_t copy_unescaped(const char *text, uint32_t len, char *out) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < len;) {
        if (len - i >= sizeof BLANK && memcmp(text + i, BLANK, sizeof BLANK) == 0) {
            out[n++] = ' ';
            i += sizeof BLANK;
        } else {
            out[n++] = text[i++];
        }
    }
    return n;
}

/* The byte of a byte token: its text is known to be <0xHH>. */
static char byte_value(const char *text) {
    uint32_t value = 0;
    for (int i = 3; i < 5; i++) {
        uint32_t digit = text[i] <= '9' ? (uint32_t)(text[i] - '0') : ((uint32_t)text[i] & 7) + 9;
        value = 16 * value + digit;
    }
    return (char)value;
}

uint32_t tai_token_bytes(const TaiVocab *v, uint32_t id, bool show_special, char *out) {
    if (id >= v->n_tokens) {
        return 0;
    }
    uint32_t len;
    const char *text = tai_vocab_text(v, id, &len);
    switch (v->types[id]) {
    case TAI_TOKEN_NORMAL:
        return copy_unescaped(text, len, out);
    case TAI_TOKEN_BYTE:
        out[0] = byte_value(text);
        return 1;
    case TAI_TOKEN_UNUSED:
        return 0;
    case TAI_TOKEN_USER_DEFINED: /* is text as it was written, blanks included */
        break;
    default:
        len = show_special ? len : 0;
    }
    memcpy(out, text, len);
    return len;
}

uint32_t tai_detokenize_min_bytes(const TaiVocab *v) {
    return v->longest + TAI_UTF8_OUT_BYTES(v->longest);
}

/* The text of one token, without its first space if that is to be dropped. */
static uint32_t put_token(const TaiVocab *v, uint32_t id, uint32_t flags, bool *drop_space,
                          char *out) {
    uint32_t len = tai_token_bytes(v, id, (flags & TAI_DETOKENIZE_SHOW_SPECIAL) != 0, out);
    if (*drop_space && len > 0) {
        *drop_space = false;
        if (out[0] == ' ' && !tai_special_is(v->types[id])) {
            memmove(out, out + 1, --len);
        }
    }
    return len;
}

/* The bytes of a token are put at the end of `out`, then go through the stream to the beginning:
 * room for both is what tai_detokenize_min_bytes asks for. A token without text ends an incomplete
 * character, as in tai_text_stream_push. */
int32_t tai_detokenize(const TaiVocab *v, const uint32_t *ids, uint32_t n_ids, uint32_t flags,
                       char *out, uint32_t cap, uint32_t *n_bytes, uint32_t *used) {
    bool drop_space = (flags & TAI_DETOKENIZE_FIRST) != 0 && v->add_space_prefix;
    uint32_t i, n = 0, least = tai_detokenize_min_bytes(v);
    TaiUtf8Stream utf8;
    tai_utf8_init(&utf8);
    *n_bytes = *used = 0;
    if (n_ids > 0 && cap < least) {
        return TINYAI_E_ARGUMENT;
    }
    for (i = 0; i < n_ids && cap - n >= least; i++) {
        if (ids[i] >= v->n_tokens) {
            return TINYAI_E_ARGUMENT;
        }
        char *bytes = out + cap - v->longest;
        uint32_t len = put_token(v, ids[i], flags, &drop_space, bytes);
        n += len > 0 ? tai_utf8_push(&utf8, bytes, len, out + n) : tai_utf8_flush(&utf8, out + n);
        if (utf8.n_pending == 0 || utf8.n_pending == len) { /* a border of characters: behind, or */
            *used = utf8.n_pending == 0 ? i + 1 : i;        /* before this token */
            *n_bytes = n;
        }
    }
    /* Without any border, in tokens that are cut inside characters on both sides, go on anyway. */
    bool stuck = *used == 0 && (i < n_ids || i > 3);
    if (stuck || (i == n_ids && (flags & TAI_DETOKENIZE_LAST) != 0)) {
        n += tai_utf8_flush(&utf8, out + n);
        *used = i;
        *n_bytes = n;
    }
    return TINYAI_OK;
}
