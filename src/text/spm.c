/* A run of text is cut into characters, the symbols; then, again and again, the adjacent pair whose
 * concatenation is the token with the highest score becomes one symbol (the leftmost of equals).
 * The best pair is at the root of a winner tree over all pairs, so n characters take O(n log n). */
#include "text/spm.h"

#include <string.h>

#include "text/special.h"
#include "text/utf8.h"

static const char BLANK[3] = {'\xE2', '\x96', '\x81'}; /* U+2581 stands for a space */

/* ---- a run and its place in the scratch ------------------------------------------------------ */

/* Symbols are named by their index at the beginning; a merged one keeps the index of its left part.
 * Symbol i has the bytes text[start[i] .. start[next[i]]); next of the last is n. */
typedef struct Run {
    const TaiVocab *v;
    uint32_t capacity; /* symbols */
    uint32_t n;        /* symbols at the beginning */
    uint32_t n_text;
    uint32_t *start; /* [capacity + 1] */
    uint32_t *next;  /* [capacity] */
    uint32_t *prev;  /* [capacity]; of the first: n */
    uint32_t *pair;  /* [capacity] the token that symbol i and the next one make, or TAI_NO_TOKEN */
    uint32_t *
        tree; /* [capacity] node k > 0 has the nodes 2k and 2k + 1 below it; node n + i is pair i */
    char *text; /* [3 * capacity]: a space is one byte outside and three in here */
} Run;

#define WORDS_PER_SYMBOL 5u
#define BYTES_PER_SYMBOL (4 * WORDS_PER_SYMBOL + 3)
#define FIXED_BYTES 4u /* the last start */

uint64_t tai_spm_scratch_bytes(uint32_t max_run_bytes) {
    uint64_t symbols = (uint64_t)max_run_bytes + 1; /* and the prefix */
    return (symbols * BYTES_PER_SYMBOL + FIXED_BYTES + 3) & ~(uint64_t)3;
}

static void run_init(Run *run, const TaiVocab *v, void *scratch, uint64_t scratch_bytes) {
    uint64_t capacity =
        scratch_bytes < FIXED_BYTES ? 0 : (scratch_bytes - FIXED_BYTES) / BYTES_PER_SYMBOL;
    if (capacity > TAI_MAX_TEXT_BYTES + 1) {
        capacity = TAI_MAX_TEXT_BYTES + 1; /* so that every index fits */
    }
    memset(run, 0, sizeof *run);
    run->v = v;
    run->capacity = (uint32_t)capacity;
    run->start = scratch;
    run->next = run->start + capacity + 1;
    run->prev = run->next + capacity;
    run->pair = run->prev + capacity;
    run->tree = run->pair + capacity;
    run->text = (char *)(run->tree + capacity);
}

static bool run_add(Run *run, const char *bytes, uint32_t len) {
    if (run->n == run->capacity || len > 3 * (uint64_t)run->capacity - run->n_text) {
        return false;
    }
    memcpy(run->text + run->n_text, bytes, len);
    run->start[run->n++] = run->n_text;
    run->n_text += len;
    return true;
}

/* ---- merging -------------------------------------------------------------------------------- */

static uint32_t end_of(const Run *run, uint32_t symbol) {
    return run->start[run->next[symbol]];
}

/* The token that a symbol and the next one make. */
static uint32_t find_pair(const Run *run, uint32_t symbol) {
    uint32_t next = run->next[symbol];
    if (next == run->n) {
        return TAI_NO_TOKEN;
    }
    uint32_t from = run->start[symbol];
    return tai_vocab_find(run->v, run->text + from, end_of(run, next) - from);
}

static uint32_t winner(const Run *run, uint32_t node) {
    return node < run->n ? run->tree[node] : node - run->n;
}

static uint32_t better(const Run *run, uint32_t a, uint32_t b) {
    uint32_t a_token = run->pair[a], b_token = run->pair[b];
    if (a_token == TAI_NO_TOKEN || b_token == TAI_NO_TOKEN) {
        return a_token == TAI_NO_TOKEN ? b : a;
    }
    float a_score = run->v->scores[a_token], b_score = run->v->scores[b_token];
    if (a_score != b_score) {
        return a_score > b_score ? a : b;
    }
    return a < b ? a : b;
}

static void play(Run *run, uint32_t node) {
    run->tree[node] = better(run, winner(run, 2 * node), winner(run, 2 * node + 1));
}

static void set_pair(Run *run, uint32_t symbol, uint32_t token) {
    if (run->pair[symbol] == token) {
        return;
    }
    run->pair[symbol] = token;
    for (uint32_t node = (run->n + symbol) / 2; node > 0; node /= 2) {
        play(run, node);
    }
}

static void merge(Run *run, uint32_t left) {
    uint32_t right = run->next[left], next = run->next[right];
    run->next[left] = next;
    if (next != run->n) {
        run->prev[next] = left;
    }
    set_pair(run, right, TAI_NO_TOKEN);
    set_pair(run, left, find_pair(run, left));
    if (run->prev[left] != run->n) {
        set_pair(run, run->prev[left], find_pair(run, run->prev[left]));
    }
}

static void merge_all(Run *run) {
    run->start[run->n] = run->n_text;
    for (uint32_t i = 0; i < run->n; i++) {
        run->next[i] = i + 1;
        run->prev[i] = i > 0 ? i - 1 : run->n;
    }
    for (uint32_t i = 0; i < run->n; i++) {
        run->pair[i] = find_pair(run, i);
    }
    for (uint32_t node = run->n; node-- > 1;) {
        play(run, node);
    }
    uint32_t best;
    while (run->n > 1 && run->pair[best = winner(run, 1)] != TAI_NO_TOKEN) {
        merge(run, best);
    }
}

/* ---- output --------------------------------------------------------------------------------- */

typedef struct Output {
    uint32_t *ids;
    uint32_t cap;
    uint32_t n; /* counts on behind cap; about 3.5 per byte of text at most, so it never wraps */
} Output;

static void emit(Output *out, uint32_t id) {
    if (out->n < out->cap) {
        out->ids[out->n] = id;
    }
    out->n++;
}

/* A character that is no token: its byte tokens, or the unknown token. */
static int32_t emit_bytes(const TaiVocab *v, const char *bytes, uint32_t len, Output *out) {
    bool all = true;
    for (uint32_t i = 0; i < len; i++) {
        all = all && v->byte_token[(uint8_t)bytes[i]] != TAI_NO_TOKEN;
    }
    if (!all) {
        emit(out, v->unk);
        return v->unk == TAI_NO_TOKEN ? TINYAI_E_TEXT : TINYAI_OK;
    }
    for (uint32_t i = 0; i < len; i++) {
        emit(out, v->byte_token[(uint8_t)bytes[i]]);
    }
    return TINYAI_OK;
}

/* Tokenizes the collected run, and begins a new one. */
static int32_t run_flush(Run *run, Output *out) {
    int32_t status = TINYAI_OK;
    if (run->n > 0) {
        merge_all(run);
    }
    for (uint32_t i = 0; i < run->n && status == 0; i = run->next[i]) {
        const char *bytes = run->text + run->start[i];
        uint32_t len = end_of(run, i) - run->start[i];
        uint32_t id = tai_vocab_find(run->v, bytes, len);
        if (id != TAI_NO_TOKEN) {
            emit(out, id);
        } else {
            status = emit_bytes(run->v, bytes, len, out);
        }
    }
    run->n = run->n_text = 0;
    return status;
}

/* ---- text ----------------------------------------------------------------------------------- */

static bool is_blank(const char *symbol, uint32_t len) {
    return len == sizeof BLANK && memcmp(symbol, BLANK, sizeof BLANK) == 0;
}

/* Text without special tokens in it. */
static int32_t encode_plain(Run *run, const char *text, uint32_t n, bool prefix, Output *out) {
    bool after_blank = prefix;
    if (prefix && !run_add(run, BLANK, sizeof BLANK)) {
        return TINYAI_E_TEXT;
    }
    for (uint32_t at = 0, step; at < n; at += step) {
        const char *symbol = text + at;
        uint32_t len = tai_utf8_length(symbol, n - at);
        step = len = len > 0 ? len : 1;
        if (*symbol == ' ') {
            symbol = BLANK;
            len = sizeof BLANK;
        }
        bool blank = is_blank(symbol, len);
        if (run->v->splits_at_blanks && blank && !after_blank) {
            int32_t status = run_flush(run, out);
            if (status != 0) {
                return status;
            }
        }
        after_blank = blank;
        if (!run_add(run, symbol, len)) {
            return TINYAI_E_TEXT;
        }
    }
    return run_flush(run, out);
}

/* The space prefix goes before the first plain text, and before plain text behind a special token.
 */
static int32_t encode_text(Run *run, const char *text, uint32_t n, uint32_t flags, Output *out) {
    bool prefix = (flags & TAI_SPM_FIRST) != 0;
    for (uint32_t at = 0; at < n;) {
        TaiSpecialHit hit;
        bool found =
            tai_special_next(run->v, text, at, n, (flags & TAI_SPM_PARSE_SPECIAL) != 0, &hit);
        uint32_t end = found ? hit.at : n;
        if (end > at) {
            int32_t status =
                encode_plain(run, text + at, end - at, prefix && run->v->add_space_prefix, out);
            if (status != 0) {
                return status;
            }
        }
        if (!found) {
            break;
        }
        emit(out, hit.id);
        prefix = true;
        at = hit.at + hit.len;
    }
    return TINYAI_OK;
}

int32_t tai_spm_encode(const TaiVocab *v, const char *text, uint32_t n, uint32_t flags,
                       void *scratch, uint64_t scratch_bytes, uint32_t *ids, uint32_t cap,
                       uint32_t *n_ids) {
    Run run;
    Output out = {ids, cap, 0};
    *n_ids = 0;
    if (n > TAI_MAX_TEXT_BYTES) {
        return TINYAI_E_TEXT;
    }
    run_init(&run, v, scratch, scratch_bytes);
    bool add_special = (flags & TAI_SPM_ADD_SPECIAL) != 0;
    if (add_special && (flags & TAI_SPM_FIRST) != 0 && v->add_bos && v->bos != TAI_NO_TOKEN) {
        emit(&out, v->bos);
    }
    int32_t status = encode_text(&run, text, n, flags, &out);
    if (status != 0) {
        return status;
    }
    if (add_special && (flags & TAI_SPM_LAST) != 0 && v->add_eos && v->eos != TAI_NO_TOKEN) {
        emit(&out, v->eos);
    }
    *n_ids = out.n;
    return out.n > cap ? TINYAI_E_CONTEXT : TINYAI_OK;
}

/* ---- cutting -------------------------------------------------------------------------------- */

static bool ends_with_blank(const char *text, uint32_t n) {
    return text[n - 1] == ' ' ||
           (n >= sizeof BLANK && is_blank(text + n - sizeof BLANK, sizeof BLANK));
}

uint32_t tai_spm_safe_split(const TaiVocab *v, const char *text, uint32_t n, bool parse_special) {
    if (!v->splits_at_blanks || n == 0) {
        return 0;
    }
    for (uint32_t p = n - 1; p > 0; p--) {
        if (text[p] == ' ' && !ends_with_blank(text, p) &&
            !tai_special_touches(v, text, p, parse_special)) {
            return p;
        }
    }
    return 0;
}
