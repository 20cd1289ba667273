#include "text/vocab.h"

#include <string.h>

#include "memory/error.h"
#include "text/special.h"
#include "text/utf8.h"

static const char BLANK[3] = {'\xE2', '\x96', '\x81'}; /* U+2581 */

/* ---- the region ----------------------------------------------------------------------------- */

/* The hash of mergeable tokens and the list of special tokens share one array. A token is in one of
 * them and rarely in both, so 4/3 slots a token keep the hash at most 3/4 full. */
static uint32_t index_slots(uint32_t n_tokens) {
    return n_tokens + n_tokens / 3 + 64;
}

uint64_t tai_vocab_bytes(uint32_t n_tokens, uint64_t text_bytes) {
    if (n_tokens > TAI_MAX_TOKENS || text_bytes > TAI_MAX_VOCAB_TEXT) {
        return UINT64_MAX;
    }
    uint64_t words = (uint64_t)n_tokens + 1   /* offsets */
                     + n_tokens               /* scores */
                     + index_slots(n_tokens); /* index */
    return 4 * words + n_tokens + text_bytes;
}

int32_t tai_vocab_init(TaiVocab *v, void *region, uint32_t n_tokens, uint64_t text_bytes) {
    if (n_tokens == 0 || tai_vocab_bytes(n_tokens, text_bytes) == UINT64_MAX) {
        return TINYAI_E_FORMAT;
    }
    memset(v, 0, sizeof *v);
    v->n_tokens = n_tokens;
    v->text_capacity = (uint32_t)text_bytes;
    v->n_index = index_slots(n_tokens);

    v->offsets = region;
    v->index = v->offsets + n_tokens + 1;
    v->scores = (float *)(void *)(v->index + v->n_index);
    v->types = (uint8_t *)(v->scores + n_tokens);
    v->text = (char *)(v->types + n_tokens);
    v->offsets[0] = 0;
    memset(v->scores, 0, n_tokens * sizeof *v->scores);
    memset(v->types, TAI_TOKEN_NORMAL, n_tokens);

    v->bos = n_tokens > 1 ? 1 : TAI_NO_TOKEN;
    v->eos = n_tokens > 2 ? 2 : TAI_NO_TOKEN;
    v->unk = 0;
    v->eot = TAI_NO_TOKEN;
    v->add_bos = true;
    v->add_space_prefix = true;
    return TINYAI_OK;
}

int32_t tai_vocab_add(TaiVocab *v, const char *bytes, uint32_t len) {
    if (v->n_added == v->n_tokens || len > TAI_MAX_TOKEN_BYTES ||
        len > v->text_capacity - v->offsets[v->n_added]) {
        return TINYAI_E_FORMAT;
    }
    uint32_t at = v->offsets[v->n_added];
    if (len > 0) {
        memcpy(v->text + at, bytes, len);
    }
    v->offsets[++v->n_added] = at + len;
    if (len > v->longest) {
        v->longest = len;
    }
    return TINYAI_OK;
}

const char *tai_vocab_text(const TaiVocab *v, uint32_t id, uint32_t *len) {
    *len = v->offsets[id + 1] - v->offsets[id];
    return v->text + v->offsets[id];
}

/* ---- checks --------------------------------------------------------------------------------- */

static int32_t check_id(const TaiVocab *v, uint32_t id, const char *name, TinyAIError *error) {
    if (id != TAI_NO_TOKEN && id >= v->n_tokens) {
        return tai_fail(error, TINYAI_E_FORMAT, TINYAI_NO_OFFSET,
                        "the %s token is %u, but the vocabulary has only %u tokens", name, id,
                        v->n_tokens);
    }
    return TINYAI_OK;
}

static int32_t check(const TaiVocab *v, TinyAIError *error) {
    int32_t status;
    if (v->n_added != v->n_tokens) {
        return tai_fail(error, TINYAI_E_FORMAT, TINYAI_NO_OFFSET,
                        "the vocabulary has %u of its %u tokens", v->n_added, v->n_tokens);
    }
    for (uint32_t id = 0; id < v->n_tokens; id++) {
        if (v->types[id] < TAI_TOKEN_NORMAL || v->types[id] > TAI_TOKEN_BYTE) {
            return tai_fail(error, TINYAI_E_FORMAT, TINYAI_NO_OFFSET,
                            "token %u has the type %u, which is not in 1..6", id, v->types[id]);
        }
        if (v->scores[id] != v->scores[id]) {
            return tai_fail(error, TINYAI_E_FORMAT, TINYAI_NO_OFFSET,
                            "the score of token %u is not a number", id);
        }
    }
    if ((status = check_id(v, v->bos, "BOS", error)) != 0 ||
        (status = check_id(v, v->eos, "EOS", error)) != 0 ||
        (status = check_id(v, v->eot, "end-of-turn", error)) != 0) {
        return status;
    }
    return check_id(v, v->unk, "unknown", error);
}

/* ---- the hash of mergeable tokens ----------------------------------------------------------- */

static uint32_t hash_slot(const TaiVocab *v, const char *bytes, uint32_t len) {
    uint64_t h = 0xCBF29CE484222325u; /* FNV-1a, then mixed so that the high bits are good */
    for (uint32_t i = 0; i < len; i++) {
        h = (h ^ (uint8_t)bytes[i]) * 0x100000001B3u;
    }
    h = (h ^ (h >> 32)) * 0x9E3779B97F4A7C15u;
    return (uint32_t)(((h >> 32) * v->n_hash) >> 32);
}

static bool text_is(const TaiVocab *v, uint32_t id, const char *bytes, uint32_t len) {
    uint32_t n;
    const char *text = tai_vocab_text(v, id, &n);
    return n == len && memcmp(text, bytes, len) == 0;
}

/* The slot that holds these bytes, or the free one where they belong. */
static uint32_t probe(const TaiVocab *v, const char *bytes, uint32_t len, uint64_t *work) {
    uint32_t slot = hash_slot(v, bytes, len);
    while (v->index[slot] != TAI_NO_TOKEN && !text_is(v, v->index[slot], bytes, len)) {
        slot = slot + 1 == v->n_hash ? 0 : slot + 1;
        ++*work;
    }
    return slot;
}

static bool has_blank(const char *text, uint32_t len) {
    for (uint32_t i = 0; i + sizeof BLANK <= len; i++) {
        if (memcmp(text + i, BLANK, sizeof BLANK) == 0) {
            return true;
        }
    }
    return false;
}

/* Every place of a user-defined token is taken before merging begins, but text is compared with it
 * before blanks are replaced: so only one that holds U+2581 can still come out of a merge. */
static bool is_mergeable(const TaiVocab *v, uint32_t id) {
    uint32_t len;
    const char *text = tai_vocab_text(v, id, &len);
    uint8_t type = v->types[id];
    return len > 0 && (type == TAI_TOKEN_NORMAL || type == TAI_TOKEN_UNUSED ||
                       (type == TAI_TOKEN_USER_DEFINED && has_blank(text, len)));
}

static int32_t build_hash(TaiVocab *v, TinyAIError *error) {
    uint64_t n_mergeable = 0, work = 0;
    uint32_t n_special = 0;
    for (uint32_t id = 0; id < v->n_tokens; id++) {
        n_mergeable += is_mergeable(v, id);
        n_special += tai_special_is(v->types[id]);
    }
    v->n_hash = v->n_index - n_special;
    v->specials = v->index + v->n_hash;
    if (n_mergeable * 10 > (uint64_t)v->n_hash * 9) {
        return tai_fail(error, TINYAI_E_UNSUPPORTED, TINYAI_NO_OFFSET,
                        "too many user-defined tokens of the vocabulary hold blanks");
    }
    memset(v->index, 0xFF, v->n_hash * sizeof *v->index);
    for (uint32_t id = v->n_tokens; id-- > 0;) { /* downwards: the last of equal texts is kept */
        if (is_mergeable(v, id)) {
            uint32_t len;
            const char *text = tai_vocab_text(v, id, &len);
            uint32_t slot = probe(v, text, len, &work);
            if (v->index[slot] == TAI_NO_TOKEN) {
                v->index[slot] = id;
            }
        }
        if (work > 64 * (uint64_t)v->n_tokens + 4096) { /* chance gives about 1.5 a token */
            return tai_fail(error, TINYAI_E_FORMAT, TINYAI_NO_OFFSET,
                            "the token texts of the vocabulary are made to collide");
        }
    }
    return TINYAI_OK;
}

uint32_t tai_vocab_find(const TaiVocab *v, const char *bytes, uint32_t len) {
    uint64_t work = 0;
    return len == 0 || len > v->longest ? TAI_NO_TOKEN : v->index[probe(v, bytes, len, &work)];
}

/* ---- byte tokens ---------------------------------------------------------------------------- */

/* The value of a hexadecimal digit, or 16. */
static uint32_t hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return (uint32_t)(c - '0');
    }
    if (c >= 'A' && c <= 'F') {
        return (uint32_t)(c - 'A') + 10;
    }
    return c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10 : 16;
}

/* The byte that a text of the form <0xHH> stands for, or 256. */
static uint32_t byte_of(const char *text, uint32_t len) {
    if (len != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>') {
        return 256;
    }
    uint32_t high = hex_digit(text[3]), low = hex_digit(text[4]);
    return high < 16 && low < 16 ? 16 * high + low : 256;
}

static int32_t find_byte_tokens(TaiVocab *v, TinyAIError *error) {
    memset(v->byte_token, 0xFF, sizeof v->byte_token);
    for (uint32_t id = 0; id < v->n_tokens; id++) {
        uint32_t len;
        const char *text = tai_vocab_text(v, id, &len);
        if (v->types[id] == TAI_TOKEN_BYTE) {
            uint32_t byte = byte_of(text, len);
            if (byte > 255) {
                return tai_fail(error, TINYAI_E_FORMAT, TINYAI_NO_OFFSET,
                                "token %u is a byte token, but its text is not of the form <0xHH>",
                                id);
            }
            v->byte_token[byte] = id;
        }
    }
    /* Vocabularies without types have them as normal tokens, or the bytes themselves. */
    for (uint32_t byte = 0; byte < 256; byte++) {
        const char *digits = "0123456789ABCDEF";
        char name[6] = {'<', '0', 'x', digits[byte >> 4], digits[byte & 15], '>'};
        char itself = (char)byte;
        if (v->byte_token[byte] == TAI_NO_TOKEN) {
            v->byte_token[byte] = tai_vocab_find(v, name, sizeof name);
        }
        if (v->byte_token[byte] == TAI_NO_TOKEN) {
            v->byte_token[byte] = tai_vocab_find(v, &itself, 1);
        }
    }
    return TINYAI_OK;
}

/* ---- end tokens ----------------------------------------------------------------------------- */

/* What models are known to end a turn or a text with. */
static const char *const end_markers[] = {
    "</s>",       "<eos>",      "<|end|>",    "<end_of_turn>", "<turn|>",
    "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|endoftext|>", "<|end_of_text|>",
    "<EOT>",      "_<EOT>",     "[EOT]",      "[EOS]",         "<end_of_utterance>",
    "<|return|>", "<|call|>",
};

static bool is_end_marker(const char *text, uint32_t len) {
    for (uint32_t i = 0; i < sizeof end_markers / sizeof *end_markers; i++) {
        if (strlen(end_markers[i]) == len && memcmp(end_markers[i], text, len) == 0) {
            return true;
        }
    }
    return false;
}

static void add_end(TaiVocab *v, uint32_t id) {
    if (id != TAI_NO_TOKEN && v->n_end_tokens < TAI_MAX_END_TOKENS && !tai_vocab_is_end(v, id)) {
        v->end_tokens[v->n_end_tokens++] = id;
    }
}

/* Files often give such a token another type; as llama.cpp, we know better, so that it is neither
 * found in plain text nor shown. */
static void find_end_tokens(TaiVocab *v) {
    v->n_end_tokens = 0;
    add_end(v, v->eos);
    add_end(v, v->eot);
    for (uint32_t id = 0; id < v->n_tokens; id++) {
        uint32_t len;
        const char *text = tai_vocab_text(v, id, &len);
        if (is_end_marker(text, len)) {
            v->types[id] = TAI_TOKEN_CONTROL;
            add_end(v, id);
        }
    }
}

bool tai_vocab_is_end(const TaiVocab *v, uint32_t id) {
    for (uint32_t i = 0; i < v->n_end_tokens; i++) {
        if (v->end_tokens[i] == id) {
            return true;
        }
    }
    return false;
}

/* ---- words ---------------------------------------------------------------------------------- */

/* A blank that follows something else than a blank. */
static bool crosses_words(const char *text, uint32_t len) {
    for (uint32_t i = 1; i + sizeof BLANK <= len; i++) {
        if (memcmp(text + i, BLANK, sizeof BLANK) == 0 &&
            (i < sizeof BLANK || memcmp(text + i - sizeof BLANK, BLANK, sizeof BLANK) != 0)) {
            return true;
        }
    }
    return false;
}

/* A part that merging can have made before: a token, or one character, or an ill-formed byte. */
static bool is_part(const TaiVocab *v, const char *text, uint32_t len) {
    return len == 1 || tai_utf8_length(text, len) == len ||
           tai_vocab_find(v, text, len) != TAI_NO_TOKEN;
}

/* Whether some merge of two parts gives this text. Long texts are not looked at: yes. */
static bool can_arise(const TaiVocab *v, const char *text, uint32_t len) {
    if (len > 256) {
        return true;
    }
    for (uint32_t cut = 1; cut < len; cut++) {
        if (is_part(v, text, cut) && is_part(v, text + cut, len - cut)) {
            return true;
        }
    }
    return false;
}

static bool splits_at_blanks(const TaiVocab *v) {
    for (uint32_t id = 0; id < v->n_tokens; id++) {
        uint32_t len;
        const char *text = tai_vocab_text(v, id, &len);
        if (is_mergeable(v, id) && crosses_words(text, len) && can_arise(v, text, len)) {
            return false;
        }
    }
    return true;
}

int32_t tai_vocab_finish(TaiVocab *v, TinyAIError *error) {
    int32_t status = check(v, error);
    if (status == 0) {
        find_end_tokens(v); /* sets types */
        status = build_hash(v, error);
    }
    if (status == 0) {
        status = find_byte_tokens(v, error);
    }
    if (status == 0) {
        tai_special_build(v);
        v->splits_at_blanks = splits_at_blanks(v);
    }
    return status;
}
