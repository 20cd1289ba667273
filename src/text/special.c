/* The texts of the special tokens are sorted, so the tokens that begin with given bytes are a range
 * of the list, which narrows with each byte like the path through a trie. */
#include "text/special.h"

#include <string.h>

enum { USER_DEFINED = 1, MARKED = 2 }; /* bits of special_first[]; MARKED: control or unknown */

bool tai_special_is(uint8_t type) {
    return type == TAI_TOKEN_USER_DEFINED || type == TAI_TOKEN_CONTROL || type == TAI_TOKEN_UNKNOWN;
}

/* ---- the sorted list ------------------------------------------------------------------------ */

static bool is_user_defined(const TaiVocab *v, uint32_t id) {
    return v->types[id] == TAI_TOKEN_USER_DEFINED;
}

static bool sorts_before(const TaiVocab *v, uint32_t a, uint32_t b) {
    if (is_user_defined(v, a) != is_user_defined(v, b)) {
        return is_user_defined(v, a);
    }
    uint32_t a_len, b_len;
    const char *a_text = tai_vocab_text(v, a, &a_len);
    const char *b_text = tai_vocab_text(v, b, &b_len);
    int order = memcmp(a_text, b_text, a_len < b_len ? a_len : b_len);
    if (order != 0) {
        return order < 0;
    }
    return a_len != b_len ? a_len < b_len : a < b;
}

/* Lets the item at `root` sink to its place in the heap items[0..n), whose top sorts last. */
static void sift_down(const TaiVocab *v, uint32_t *items, uint32_t root, uint32_t n) {
    uint32_t item = items[root];
    for (uint32_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && sorts_before(v, items[child], items[child + 1])) {
            child++;
        }
        if (!sorts_before(v, item, items[child])) {
            break;
        }
        items[root] = items[child];
    }
    items[root] = item;
}

/* Heapsort: no recursion and no bad case, whatever the file holds. */
static void sort(const TaiVocab *v, uint32_t *items, uint32_t n) {
    for (uint32_t i = n / 2; i-- > 0;) {
        sift_down(v, items, i, n);
    }
    for (uint32_t end = n; end-- > 1;) {
        uint32_t last = items[end];
        items[end] = items[0];
        items[0] = last;
        sift_down(v, items, 0, end);
    }
}

void tai_special_build(TaiVocab *v) {
    uint32_t n = 0;
    v->n_user_defined = 0;
    v->longest_special = 0;
    memset(v->special_first, 0, sizeof v->special_first);
    for (uint32_t id = 0; id < v->n_tokens; id++) {
        uint32_t len;
        const char *text = tai_vocab_text(v, id, &len);
        if (!tai_special_is(v->types[id]) || len == 0) {
            continue;
        }
        v->specials[n++] = id;
        v->n_user_defined += is_user_defined(v, id);
        v->special_first[(uint8_t)text[0]] |= is_user_defined(v, id) ? USER_DEFINED : MARKED;
        if (len > v->longest_special) {
            v->longest_special = len;
        }
    }
    v->n_specials = n;
    sort(v, v->specials, n);
}

/* ---- narrowing ------------------------------------------------------------------------------ */

/* The specials low <= i < high are those whose first `depth` bytes are the bytes given so far. */
typedef struct Range {
    uint32_t low, high, depth;
} Range;

static Range all_of(const TaiVocab *v, int kind) {
    Range r = {0, v->n_user_defined, 0};
    if (kind == MARKED) {
        r.low = v->n_user_defined;
        r.high = v->n_specials;
    }
    return r;
}

/* First i in the range whose byte at `depth` is >= byte; a text that ends there sorts before all.
 */
static uint32_t lower_bound(const TaiVocab *v, Range r, uint32_t byte) {
    while (r.low < r.high) {
        uint32_t middle = r.low + (r.high - r.low) / 2, len;
        const char *text = tai_vocab_text(v, v->specials[middle], &len);
        if (len > r.depth && (uint8_t)text[r.depth] >= byte) {
            r.high = middle;
        } else {
            r.low = middle + 1;
        }
    }
    return r.low;
}

/* Adds a byte; false when no special begins so. */
static bool narrow(const TaiVocab *v, Range *r, char byte) {
    r->low = lower_bound(v, *r, (uint8_t)byte);
    if ((uint8_t)byte != 255) {
        r->high = lower_bound(v, *r, (uint8_t)byte + 1u);
    }
    r->depth++;
    return r->low < r->high;
}

/* The special whose text is exactly the bytes given so far: it sorts first in the range. */
static uint32_t complete(const TaiVocab *v, const Range *r) {
    uint32_t len;
    tai_vocab_text(v, v->specials[r->low], &len);
    return len == r->depth ? v->specials[r->low] : TAI_NO_TOKEN;
}

/* ---- recognising ---------------------------------------------------------------------------- */

/* Which of two candidates llama.cpp would let take its place first. */
static bool beats(const TaiSpecialHit *a, const TaiSpecialHit *b) {
    if (a->len != b->len) {
        return a->len > b->len;
    }
    return a->id != b->id ? a->id < b->id : a->at < b->at;
}

/* The best candidate that begins at `at` and ends within text[..n); len 0 if none. */
static TaiSpecialHit best_at(const TaiVocab *v, const char *text, uint32_t at, uint32_t n,
                             bool parse_special) {
    TaiSpecialHit best = {at, 0, TAI_NO_TOKEN};
    int last = parse_special ? MARKED : USER_DEFINED;
    for (int kind = USER_DEFINED; kind <= last; kind++) {
        if ((v->special_first[(uint8_t)text[at]] & kind) == 0) {
            continue;
        }
        Range r = all_of(v, kind);
        while (r.depth < n - at && narrow(v, &r, text[at + r.depth])) {
            TaiSpecialHit hit = {at, r.depth, complete(v, &r)};
            if (hit.id != TAI_NO_TOKEN && beats(&hit, &best)) {
                best = hit;
            }
        }
    }
    return best;
}

/* The best candidate that begins in text[from..to) and ends within text[..n); len 0 if none. */
static TaiSpecialHit best_in(const TaiVocab *v, const char *text, uint32_t from, uint32_t to,
                             uint32_t n, bool parse_special) {
    TaiSpecialHit best = {from, 0, TAI_NO_TOKEN};
    for (uint32_t at = from; at < to; at++) {
        TaiSpecialHit hit = best_at(v, text, at, n, parse_special);
        if (hit.len > 0 && beats(&hit, &best)) {
            best = hit;
        }
    }
    return best;
}

/* The first candidate in text[from..n); len 0 if none. */
static TaiSpecialHit first_in(const TaiVocab *v, const char *text, uint32_t from, uint32_t n,
                              bool parse_special) {
    TaiSpecialHit hit = {n, 0, TAI_NO_TOKEN};
    for (uint32_t at = from; at < n && hit.len == 0; at++) {
        hit = best_at(v, text, at, n, parse_special);
    }
    return hit;
}

/* A candidate that no overlapping one beats is taken. So: from the first candidate, follow the
 * overlaps to better ones until none is better. That one is taken; if it is not the first, look
 * again at the text before it. Overlaps are followed to the right only: what lies to the left was
 * beaten on the way. */
bool tai_special_next(const TaiVocab *v, const char *text, uint32_t from, uint32_t n,
                      bool parse_special, TaiSpecialHit *hit) {
    TaiSpecialHit taken = {n, 0, TAI_NO_TOKEN};
    for (;;) {
        TaiSpecialHit first = first_in(v, text, from, taken.at, parse_special);
        if (first.len == 0) {
            *hit = taken;
            return taken.len > 0;
        }
        TaiSpecialHit best = first, next;
        while (next = best_in(v, text, best.at + 1, best.at + best.len, taken.at, parse_special),
               next.len > 0 && beats(&next, &best)) {
            best = next;
        }
        taken = best;
        from = first.at;
    }
}

bool tai_special_touches(const TaiVocab *v, const char *text, uint32_t p, bool parse_special) {
    int last = parse_special ? MARKED : USER_DEFINED;
    for (uint32_t at = p > v->longest_special ? p - v->longest_special : 0; at < p; at++) {
        for (int kind = USER_DEFINED; kind <= last; kind++) {
            if ((v->special_first[(uint8_t)text[at]] & kind) == 0) {
                continue;
            }
            Range r = all_of(v, kind);
            while (r.depth < p - at && narrow(v, &r, text[at + r.depth])) {
            }
            if (r.low < r.high && r.depth == p - at &&
                (complete(v, &r) != TAI_NO_TOKEN || narrow(v, &r, text[p]))) {
                return true;
            }
        }
    }
    return false;
}
