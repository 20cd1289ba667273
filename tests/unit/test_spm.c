/* The tokenizer: against llama.cpp's ids, and against a slow, literal tokenizer on random
 * vocabularies. */
#include "text/spm.h"

#include <math.h>
#include <time.h>

#include "text/utf8.h"
#include "unit/text_cases.h"

enum { NORMAL = 1, UNKNOWN, CONTROL, USER, UNUSED, BYTE }; /* token types */

/* Encodes with scratch and room that are exactly as large as needed, so that the sanitizer sees
 * more. */
static uint32_t encode(const TaiVocab *v, const char *text, uint32_t n, uint32_t flags,
                       uint32_t *ids) {
    uint64_t scratch_bytes = tai_spm_scratch_bytes(n);
    void *scratch = malloc(scratch_bytes);
    char *copy = malloc(n + 1);
    uint32_t n_ids = 99;
    memcpy(copy, text, n);
    CHECK_EQ(tai_spm_encode(v, copy, n, flags, scratch, scratch_bytes, ids, 4 * n + 8, &n_ids), 0);
    free(copy);
    free(scratch);
    return n_ids;
}

/* ---- golden.json ---------------------------------------------------------------------------- */

/* The value of "name" behind json. */
static const char *value_of(const char *json, const char *name) {
    char key[32];
    snprintf(key, sizeof key, "\"%s\": ", name);
    const char *at = strstr(json, key);
    return at ? at + strlen(key) : NULL;
}

/* Unquotes a JSON string. The file is UTF-8 and has only the escapes below. */
static uint32_t unquote(const char *json, char *out) {
    uint32_t n = 0;
    for (json++; *json != '"'; json++) {
        if (*json == '\\') {
            json++;
            const char *from = "nrt\"\\", *to = "\n\r\t\"\\";
            CHECK(strchr(from, *json) != NULL);
            out[n++] = to[strchr(from, *json) - from];
        } else {
            out[n++] = *json;
        }
    }
    return n;
}

TEST(golden_vectors_of_llama_cpp) {
    uint64_t size;
    char *json = read_vector("storyteller/golden.json", &size);
    const char *at = value_of(json, "tokenization");
    TaiVocab v;
    vocab_storyteller(&v);
    int n_vectors = 0;
    for (; (at = value_of(at, "text")) != NULL; n_vectors++) {
        char text[256];
        uint32_t n = unquote(at, text), ids[1100], wanted[256], n_wanted = 0;
        uint32_t flags = TAI_SPM_FIRST | TAI_SPM_LAST;
        flags |= value_of(at, "add_special")[0] == 't' ? TAI_SPM_ADD_SPECIAL : 0;
        flags |= value_of(at, "parse_special")[0] == 't' ? TAI_SPM_PARSE_SPECIAL : 0;
        for (const char *list = value_of(at, "ids"); *list != ']'; list++)
            if (*list >= '0' && *list <= '9')
                wanted[n_wanted++] = (uint32_t)strtoul(list, (char **)(uintptr_t)&list, 10), list--;

        uint32_t n_ids = encode(&v, text, n, flags, ids);
        CHECK_EQ(n_ids, n_wanted);
        if (n_ids != n_wanted || memcmp(ids, wanted, 4 * n_ids) != 0)
            TEST_FAIL("vector %d differs: %.*s", n_vectors, (int)n, text);
    }
    CHECK_EQ(n_vectors, 40);
    vocab_free(&v);
    free(json);
}

/* ---- a slow tokenizer, written after what llama.cpp does --------------------------------------
 */

typedef struct Piece {
    uint32_t at, len;
    uint32_t token; /* TAI_NO_TOKEN: text */
} Piece;

static void insert(Piece *pieces, uint32_t *n, uint32_t at, Piece piece) {
    memmove(pieces + at + 1, pieces + at, (*n - at) * sizeof *pieces);
    pieces[at] = piece;
    ++*n;
}

/* Takes all places of one special token out of the text pieces. */
static void take(Piece *pieces, uint32_t *n, const char *text, const char *token, uint32_t len,
                 uint32_t id) {
    for (uint32_t i = 0; i < *n; i++) {
        Piece whole = pieces[i];
        for (uint32_t k = 0; whole.token == TAI_NO_TOKEN && k + len <= whole.len; k++) {
            if (memcmp(text + whole.at + k, token, len) != 0)
                continue;
            pieces[i] = (Piece){whole.at + k, len, id};
            if (k > 0)
                insert(pieces, n, i++, (Piece){whole.at, k, TAI_NO_TOKEN});
            if (k + len < whole.len)
                insert(pieces, n, i + 1,
                       (Piece){whole.at + k + len, whole.len - k - len, TAI_NO_TOKEN});
            break;
        }
    }
}

static uint32_t slow_find(const TaiVocab *v, const char *bytes, uint32_t len) {
    for (uint32_t id = v->n_tokens; id-- > 0;) {
        uint32_t n;
        const char *text = tai_vocab_text(v, id, &n);
        bool plain = v->types[id] == NORMAL || v->types[id] == UNUSED || v->types[id] == USER;
        if (plain && n == len && memcmp(text, bytes, n) == 0)
            return id;
    }
    return TAI_NO_TOKEN;
}

static uint32_t slow_plain(const TaiVocab *v, const char *text, uint32_t n, bool prefix,
                           uint32_t *ids) {
    char escaped[1024];
    uint32_t start[300], n_symbols = 0, n_escaped = 0, n_ids = 0;
    for (uint32_t i = 0; i < n + prefix;) {
        uint32_t at = i - prefix; /* wraps for the prefix itself */
        bool blank = i < prefix || text[at] == ' ';
        uint32_t len = blank ? 1 : tai_utf8_length(text + at, n - at);
        len = len == 0 ? 1 : len;
        start[n_symbols++] = n_escaped;
        memcpy(escaped + n_escaped, blank ? "\xE2\x96\x81" : text + at, blank ? 3 : len);
        n_escaped += blank ? 3 : len;
        i += len;
    }
    start[n_symbols] = n_escaped;
    for (;;) {
        uint32_t best = TAI_NO_TOKEN, best_token = 0;
        for (uint32_t i = 0; i + 1 < n_symbols; i++) {
            uint32_t token = slow_find(v, escaped + start[i], start[i + 2] - start[i]);
            if (token != TAI_NO_TOKEN &&
                (best == TAI_NO_TOKEN || v->scores[token] > v->scores[best_token]))
                best = i, best_token = token;
        }
        if (best == TAI_NO_TOKEN)
            break;
        memmove(start + best + 1, start + best + 2, (n_symbols - best - 1) * sizeof *start);
        n_symbols--;
    }
    for (uint32_t i = 0; i < n_symbols; i++) {
        uint32_t token = slow_find(v, escaped + start[i], start[i + 1] - start[i]);
        for (uint32_t k = start[i]; token == TAI_NO_TOKEN && k < start[i + 1]; k++)
            ids[n_ids++] = v->byte_token[(uint8_t)escaped[k]];
        if (token != TAI_NO_TOKEN)
            ids[n_ids++] = token;
    }
    return n_ids;
}

static uint32_t slow_encode(const TaiVocab *v, const char *text, uint32_t n, uint32_t flags,
                            uint32_t *ids) {
    Piece pieces[300] = {{0, n, TAI_NO_TOKEN}};
    uint32_t n_pieces = n > 0, n_ids = 0;
    for (uint32_t len = 40; len > 0; len--) {
        for (uint32_t id = 0; id < v->n_tokens; id++) {
            uint32_t token_len;
            const char *token = tai_vocab_text(v, id, &token_len);
            bool marked = v->types[id] == CONTROL || v->types[id] == UNKNOWN;
            if (token_len == len &&
                (v->types[id] == USER || (marked && (flags & TAI_SPM_PARSE_SPECIAL))))
                take(pieces, &n_pieces, text, token, len, id);
        }
    }
    if ((flags & TAI_SPM_ADD_SPECIAL) && (flags & TAI_SPM_FIRST) && v->add_bos)
        ids[n_ids++] = v->bos;
    bool prefix = (flags & TAI_SPM_FIRST) != 0;
    for (uint32_t i = 0; i < n_pieces; i++) {
        if (pieces[i].token == TAI_NO_TOKEN)
            n_ids += slow_plain(v, text + pieces[i].at, pieces[i].len,
                                prefix && v->add_space_prefix, ids + n_ids);
        else
            ids[n_ids++] = pieces[i].token;
        prefix = pieces[i].token != TAI_NO_TOKEN;
    }
    if ((flags & TAI_SPM_ADD_SPECIAL) && (flags & TAI_SPM_LAST) && v->add_eos)
        ids[n_ids++] = v->eos;
    return n_ids;
}

/* ---- random vocabularies and texts ------------------------------------------------------------
 */

static const char *const letters[] = {"a", "b", "\xC3\xA9", "\xF0\x9F\xA6\x8A", "<", ">", "\n"};
static const char BLANK[] = "\xE2\x96\x81";

/* Up to `most` random letters; each of the two blanks with the given probability in 8. */
static uint32_t random_text(char *out, uint32_t most, uint32_t n_letters, uint32_t spaces,
                            uint32_t blanks, uint32_t junk) {
    uint32_t n = 0;
    for (uint32_t i = random_below(most) + 1; i > 0; i--) {
        uint32_t dice = random_below(8);
        const char *letter = letters[random_below(n_letters)];
        char byte[2] = {(char)(128 + random_below(128)), 0};
        if (dice < spaces)
            letter = " ";
        else if (dice < spaces + blanks)
            letter = BLANK;
        else if (dice < spaces + blanks + junk)
            letter = byte;
        memcpy(out + n, letter, strlen(letter));
        n += (uint32_t)strlen(letter);
    }
    out[n] = 0;
    return n;
}

/* bos, eos, unk, 256 byte tokens and n random ones; blanks in the middle only if `loose`. */
static void random_vocab(TaiVocab *v, uint32_t n, bool loose) {
    static char texts[400][64];
    static TestToken tokens[400];
    uint32_t n_letters = 1 + random_below(7), used = 0;
    for (uint32_t i = 0; i < 256; i++) {
        snprintf(texts[used], sizeof *texts, "<0x%02X>", i);
        tokens[used] = (TestToken){texts[used], 0, BYTE};
        used++;
    }
    const char *named[] = {"<unk>", "<s>", "</s>"};
    for (uint32_t i = 0; i < 3; i++)
        tokens[used++] = (TestToken){named[i], 0, i ? CONTROL : UNKNOWN};
    for (uint32_t i = 0; i < n; i++) {
        uint32_t type = random_below(10);
        char *text = texts[used];
        if (type < 2) {
            random_text(text, 4, n_letters, 1, loose, 0);
        } else if (loose) {
            random_text(text, 4, n_letters, 0, 2, 0);
        } else {
            uint32_t blanks = random_below(3);
            for (uint32_t k = 0; k < blanks; k++)
                memcpy(text + 3 * (size_t)k, BLANK, 3);
            random_text(text + 3 * (size_t)blanks, 3, n_letters, 0, 0, 0);
        }
        tokens[used++] = (TestToken){text, (float)random_below(6) - 3.0F,
                                     type == 0   ? CONTROL
                                     : type == 1 ? USER
                                     : type == 2 ? UNUSED
                                                 : NORMAL};
    }
    vocab_begin(v, tokens, used);
    v->unk = 256;
    v->bos = 257;
    v->eos = 258;
    v->add_bos = random_below(4) > 0;
    v->add_eos = random_below(4) == 0;
    v->add_space_prefix = random_below(4) > 0;
    CHECK_EQ(tai_vocab_finish(v, NULL), 0);
}

TEST(equals_a_slow_tokenizer_on_random_vocabularies) {
    int n_splitting = 0;
    for (uint32_t round = 0; round < 800; round++) {
        TaiVocab v;
        random_state = round;
        bool loose = random_below(2) == 0;
        random_vocab(&v, 1 + random_below(60), loose);
        n_splitting += v.splits_at_blanks;
        CHECK(loose || v.splits_at_blanks);
        for (uint32_t i = 0; i < 6; i++) {
            char text[256];
            uint32_t ids[1024], wanted[1024];
            uint32_t n = random_text(text, 40, 1 + random_below(7), random_below(4),
                                     random_below(2), random_below(2));
            uint32_t flags = random_below(16);
            uint32_t n_ids = encode(&v, text, n, flags, ids);
            uint32_t n_wanted = slow_encode(&v, text, n, flags, wanted);
            if (n_ids != n_wanted || memcmp(ids, wanted, 4 * n_ids) != 0)
                TEST_FAIL("round %u, text %u differs", round, i);
        }
        vocab_free(&v);
    }
    CHECK(n_splitting > 400 && n_splitting < 780);
}

/* ---- cutting -------------------------------------------------------------------------------- */

/* Ids of text[0..n) that is cut wherever safe_split says, looking at `window` bytes at a time. */
static uint32_t encode_in_parts(const TaiVocab *v, const char *text, uint32_t n, uint32_t window,
                                uint32_t flags, uint32_t *ids, uint32_t *n_parts) {
    uint32_t n_ids = 0, at = 0;
    *n_parts = 0;
    while (at < n) {
        uint32_t seen = n - at < window ? n - at : window, used = 0;
        for (; at + seen < n && used == 0; seen++)
            used = tai_spm_safe_split(v, text + at, seen, (flags & TAI_SPM_PARSE_SPECIAL) != 0);
        uint32_t part = used > 0 ? used : n - at;
        n_ids += encode(v, text + at, part,
                        (flags & ~3u) | (at == 0 ? TAI_SPM_FIRST : 0) |
                            (at + part == n ? TAI_SPM_LAST : 0),
                        ids + n_ids);
        at += part;
        ++*n_parts;
    }
    return n_ids;
}

TEST(safe_splits_change_nothing) {
    uint64_t n_cuts = 0;
    for (uint32_t round = 0; round < 800; round++) {
        TaiVocab v;
        random_state = round;
        random_vocab(&v, 1 + random_below(60), false);
        for (uint32_t i = 0; i < 4; i++) {
            char text[256];
            uint32_t ids[2000], wanted[1024], n_parts;
            uint32_t n = random_text(text, 40, 1 + random_below(7), 1 + random_below(3),
                                     random_below(2), random_below(2));
            uint32_t flags = TAI_SPM_FIRST | TAI_SPM_LAST | (random_below(4) << 2);
            uint32_t n_wanted = encode(&v, text, n, flags, wanted);
            uint32_t n_ids =
                encode_in_parts(&v, text, n, 1 + random_below(20), flags, ids, &n_parts);
            n_cuts += n_parts - 1;
            if (n_ids != n_wanted || memcmp(ids, wanted, 4 * n_ids) != 0)
                TEST_FAIL("round %u, text %u differs", round, i);
        }
        vocab_free(&v);
    }
    CHECK(n_cuts > 600);
}

TEST(safe_splits_are_found_at_words_only) {
    TaiVocab v;
    vocab_storyteller(&v);
    CHECK(v.splits_at_blanks);
    const char *text = "<|user|>Tell me a story.<|end|> and  more";
    CHECK_EQ(tai_spm_safe_split(&v, text, (uint32_t)strlen(text), true), 35);
    CHECK_EQ(tai_spm_safe_split(&v, text, 35, true), 17); /* not behind <|end|> */
    CHECK_EQ(tai_spm_safe_split(&v, text, 35, false), 31);
    CHECK_EQ(tai_spm_safe_split(&v, text, 17, true), 15);
    CHECK_EQ(tai_spm_safe_split(&v, text, 12, true), 0);
    CHECK_EQ(tai_spm_safe_split(&v, text, 0, true), 0);
    CHECK_EQ(tai_spm_safe_split(&v, "   a", 4, true), 0);
    CHECK_EQ(tai_spm_safe_split(&v, "a ", 2, true), 1);
    vocab_free(&v);
}

/* ---- limits --------------------------------------------------------------------------------- */

TEST(a_megabyte_of_one_letter_takes_no_quadratic_time) {
    const TestToken tokens[] = {{"<unk>", 0, UNKNOWN}, {"<s>", 0, CONTROL},   {"</s>", 0, CONTROL},
                                {"a", -9, NORMAL},     {"aa", -1, NORMAL},    {"aaaa", -2, NORMAL},
                                {"aaa", -3, NORMAL},   {"aaaaa", -4, NORMAL}, {" ", 0, NORMAL}};
    const uint32_t n = 1u << 20;
    TaiVocab v;
    char *text = malloc(n);
    uint32_t *ids = malloc(4 * n), n_ids = 0;
    uint64_t scratch_bytes = tai_spm_scratch_bytes(n);
    void *scratch = malloc(scratch_bytes);
    CHECK(scratch_bytes <= 24 * (uint64_t)n);
    vocab_begin(&v, tokens, 9);
    v.add_space_prefix = false;
    CHECK_EQ(tai_vocab_finish(&v, NULL), 0);
    clock_t begin = clock();
    memset(text, 'a', n);
    CHECK_EQ(tai_spm_encode(&v, text, n, 1, scratch, scratch_bytes, ids, n, &n_ids), 0);
    CHECK_EQ(n_ids, n / 4);
    for (uint32_t i = 0; i < n_ids; i++)
        if (ids[i] != 5)
            TEST_FAIL("id %u is %u", i, ids[i]);
    memset(text, 'b', n); /* no token: the unknown one for each */
    CHECK_EQ(tai_spm_encode(&v, text, n, 1, scratch, scratch_bytes, ids, n, &n_ids), 0);
    CHECK_EQ(n_ids, n);
    CHECK_EQ(ids[n - 1], 0);
    memset(text, ' ', n);
    text[n - 1] = 'a';
    CHECK_EQ(tai_spm_encode(&v, text, n, 1, scratch, scratch_bytes, ids, n, &n_ids), 0);
    CHECK_EQ(n_ids, n);
    CHECK((double)(clock() - begin) / CLOCKS_PER_SEC < 20); /* 0.5 s without a sanitizer */
    free(scratch);
    free(ids);
    free(text);
    vocab_free(&v);
}

TEST(many_special_tokens_side_by_side_take_no_quadratic_time) {
    /* Lines of all lengths up to 31, as in some vocabularies: 31 at a time, then the rest. */
    char lines[31][32] = {{0}};
    TestToken tokens[34] = {{"<unk>", 0, UNKNOWN}, {"<s>", 0, CONTROL}, {"</s>", 0, CONTROL}};
    for (uint32_t i = 0; i < 31; i++) {
        memset(lines[i], '\n', i + 1);
        tokens[i + 3] = (TestToken){lines[i], 0, USER};
    }
    const uint32_t n = 200000;
    TaiVocab v;
    char *text = malloc(n);
    uint32_t *ids = malloc(4 * n), n_ids = 0, scratch[64];
    vocab_begin(&v, tokens, 34);
    CHECK_EQ(tai_vocab_finish(&v, NULL), 0);
    memset(text, '\n', n);
    clock_t begin = clock();
    CHECK_EQ(tai_spm_encode(&v, text, n, 1, scratch, sizeof scratch, ids, n, &n_ids), 0);
    CHECK((double)(clock() - begin) / CLOCKS_PER_SEC < 20);
    CHECK_EQ(n_ids, n / 31 + 1);
    CHECK_EQ(ids[0], 33);
    CHECK_EQ(ids[n_ids - 1], 2 + n % 31);
    free(ids);
    free(text);
    vocab_free(&v);
}

TEST(a_run_longer_than_the_scratch_is_refused) {
    TaiVocab v;
    uint32_t ids[64], n_ids;
    vocab_storyteller(&v);
    const char *text = " supercalifragilistic words and words and more of them";
    uint64_t bytes = tai_spm_scratch_bytes(21); /* the first word, and the prefix comes on top */
    void *scratch = malloc(bytes);
    uint32_t n = (uint32_t)strlen(text);
    CHECK_EQ(tai_spm_encode(&v, text, n, 1, scratch, bytes, ids, 64, &n_ids), 0);
    for (uint32_t i = 0; i < bytes - 4; i++) {
        n_ids = 99;
        CHECK_EQ(tai_spm_encode(&v, text, n, 1, scratch, i, ids, 64, &n_ids), TINYAI_E_TEXT);
        CHECK_EQ(n_ids, 0);
    }
    CHECK_EQ(tai_spm_encode(&v, text, 0, 1, scratch, 0, ids, 64, &n_ids), 0);
    CHECK_EQ(n_ids, 0);
    free(scratch);
    vocab_free(&v);
}

TEST(more_ids_than_room_are_counted) {
    TaiVocab v;
    uint32_t all[64], ids[64], n_all, n_ids;
    char scratch[4096];
    vocab_storyteller(&v);
    const char *text = "Once upon a time, there was a fox.";
    uint32_t flags = TAI_SPM_FIRST | TAI_SPM_LAST | TAI_SPM_ADD_SPECIAL, n = (uint32_t)strlen(text);
    v.add_eos = true;
    CHECK_EQ(tai_spm_encode(&v, text, n, flags, scratch, sizeof scratch, all, 64, &n_all), 0);
    CHECK_EQ(n_all, 12);
    CHECK_EQ(all[11], 2);
    for (uint32_t cap = 0; cap < n_all; cap++) {
        memset(ids, 0xFF, sizeof ids);
        CHECK_EQ(tai_spm_encode(&v, text, n, flags, scratch, sizeof scratch, ids, cap, &n_ids),
                 TINYAI_E_CONTEXT);
        CHECK_EQ(n_ids, n_all);
        CHECK(memcmp(ids, all, 4 * cap) == 0);
        CHECK_EQ(ids[cap], UINT32_MAX);
    }
    vocab_free(&v);
}

/* ---- the vocabulary ------------------------------------------------------------------------- */

/* Status of finishing a vocabulary of <unk>, <s>, </s> and one more token. */
static int32_t finish_with(TestToken token, uint32_t eot, TinyAIError *error) {
    TestToken tokens[] = {{"<unk>", 0, UNKNOWN}, {"<s>", 0, CONTROL}, {"</s>", 0, CONTROL}, token};
    TaiVocab v;
    memset(error, 0, sizeof *error);
    vocab_begin(&v, tokens, 4);
    v.eot = eot;
    int32_t status = tai_vocab_finish(&v, error);
    CHECK_EQ(error->status, status);
    vocab_free(&v);
    return status;
}

TEST(malformed_vocabularies_are_refused_by_name) {
    const char *malformed[] = {"<0x-1>", "<0x1>", "<0x0G>",  "<0x00",
                               "0x00",   "",      "<0x000>", "<0X00>"};
    TinyAIError error;
    CHECK_EQ(finish_with((TestToken){"<0x0a>", 0, BYTE}, TAI_NO_TOKEN, &error), 0);
    for (uint32_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        CHECK_EQ(finish_with((TestToken){malformed[i], 0, BYTE}, TAI_NO_TOKEN, &error),
                 TINYAI_E_FORMAT);
        CHECK(strstr(error.message, "token 3 is a byte token") != NULL);
    }
    CHECK_EQ(finish_with((TestToken){"x", 0, 0}, 3, &error), TINYAI_E_FORMAT);
    CHECK_EQ(finish_with((TestToken){"x", 0, 7}, 3, &error), TINYAI_E_FORMAT);
    CHECK_STR(error.message, "token 3 has the type 7, which is not in 1..6");
    CHECK_EQ(finish_with((TestToken){"x", 0, 1}, 4, &error), TINYAI_E_FORMAT);
    CHECK_STR(error.message, "the end-of-turn token is 4, but the vocabulary has only 4 tokens");
    CHECK_EQ(finish_with((TestToken){"x", NAN, 1}, 3, &error), TINYAI_E_FORMAT);
    CHECK_STR(error.message, "the score of token 3 is not a number");
}

TEST(vocabularies_beyond_the_limits_are_refused) {
    TaiVocab v;
    static char room[4096], longer[TAI_MAX_TOKEN_BYTES + 1];
    CHECK_EQ(tai_vocab_init(&v, room, 0, 0), TINYAI_E_FORMAT);
    CHECK_EQ(tai_vocab_init(&v, room, TAI_MAX_TOKENS + 1, 0), TINYAI_E_FORMAT);
    CHECK_EQ(tai_vocab_init(&v, room, 1, TAI_MAX_VOCAB_TEXT + 1ull), TINYAI_E_FORMAT);
    CHECK(tai_vocab_bytes(TAI_MAX_TOKENS, TAI_MAX_VOCAB_TEXT) < 2ull << 30);
    CHECK(tai_vocab_bytes(49152, 400000) < 1130000);

    CHECK_EQ(tai_vocab_init(&v, room, 2, 5), 0);
    CHECK_EQ(tai_vocab_finish(&v, NULL), TINYAI_E_FORMAT); /* none of 2 */
    CHECK_EQ(tai_vocab_add(&v, "abc", 3), 0);
    CHECK_EQ(tai_vocab_add(&v, "abc", 3), TINYAI_E_FORMAT); /* 6 of 5 bytes */
    CHECK_EQ(tai_vocab_add(&v, longer, sizeof longer), TINYAI_E_FORMAT);
    CHECK_EQ(tai_vocab_add(&v, "ab", 2), 0);
    CHECK_EQ(tai_vocab_add(&v, "", 0), TINYAI_E_FORMAT); /* 3 of 2 */
    v.bos = v.eos = TAI_NO_TOKEN;
    CHECK_EQ(tai_vocab_finish(&v, NULL), 0);
}

TEST(equal_token_texts_are_legal_and_the_last_one_counts) {
    const TestToken tokens[] = {{"<unk>", 0, UNKNOWN}, {"<s>", 0, CONTROL}, {"</s>", 0, CONTROL},
                                {"ab", 0, NORMAL},     {"ab", 0, NORMAL},   {"ab", 0, CONTROL},
                                {"", 0, NORMAL},       {"", 0, CONTROL}};
    TaiVocab v;
    vocab_begin(&v, tokens, 8);
    CHECK_EQ(tai_vocab_finish(&v, NULL), 0);
    CHECK_EQ(tai_vocab_find(&v, "ab", 2), 4);
    CHECK_EQ(tai_vocab_find(&v, "", 0), TAI_NO_TOKEN);
    CHECK_EQ(tai_vocab_find(&v, "abc", 3), TAI_NO_TOKEN);
    CHECK_EQ(tai_vocab_find(&v, "<s>", 3), TAI_NO_TOKEN); /* plain text never becomes control */
    vocab_free(&v);
}

TEST(a_vocabulary_may_be_all_user_defined) {
    char texts[1000][16];
    TestToken tokens[1000];
    TaiVocab v;
    for (uint32_t i = 0; i < 1000; i++) {
        snprintf(texts[i], sizeof *texts, "[%u]", i);
        tokens[i] = (TestToken){texts[i], 0, USER};
    }
    vocab_begin(&v, tokens, 1000);
    CHECK_EQ(tai_vocab_finish(&v, NULL), 0);
    uint32_t ids[64];
    v.add_space_prefix = false;
    CHECK_EQ(encode(&v, "[1][999][0]", 11, 3, ids), 3);
    CHECK(ids[0] == 1 && ids[1] == 999 && ids[2] == 0);
    vocab_free(&v);

    for (uint32_t i = 0; i < 1000; i++) /* they would need room in both indexes */
        snprintf(texts[i], sizeof *texts, "[%u\xE2\x96\x81]", i);
    TinyAIError error = {0};
    vocab_begin(&v, tokens, 1000);
    CHECK_EQ(tai_vocab_finish(&v, &error), TINYAI_E_UNSUPPORTED);
    CHECK_STR(error.message, "too many user-defined tokens of the vocabulary hold blanks");
    vocab_free(&v);
}

TEST(end_tokens_are_eos_eot_and_the_well_known_ones) {
    const TestToken tokens[] = {{"<unk>", 0, UNKNOWN},   {"<s>", 0, CONTROL},
                                {"</s>", 0, CONTROL},    {"<|eot_id|>", 0, NORMAL},
                                {"<|im_end|>", 0, USER}, {"<end_of_turn>", 0, CONTROL},
                                {"<|end|>", 0, CONTROL}, {"mine", 0, NORMAL}};
    TaiVocab v;
    vocab_begin(&v, tokens, 8);
    v.eot = 7;
    CHECK_EQ(tai_vocab_finish(&v, NULL), 0);
    const bool wanted[] = {false, false, true, true, true, true, true, true};
    for (uint32_t id = 0; id < 8; id++)
        CHECK_EQ(tai_vocab_is_end(&v, id), wanted[id]);
    CHECK(!tai_vocab_is_end(&v, TAI_NO_TOKEN));
    CHECK_EQ(v.types[3], CONTROL);
    CHECK_EQ(v.types[4], CONTROL);
    CHECK_EQ(v.types[7], NORMAL);
    vocab_free(&v);
}

TEST(byte_tokens_may_be_normal_or_the_bytes_themselves) {
    const TestToken tokens[] = {{"<unk>", 0, UNKNOWN}, {"<s>", 0, CONTROL},   {"</s>", 0, CONTROL},
                                {"<0x41>", 0, BYTE},   {"<0x42>", 0, NORMAL}, {"C", 0, NORMAL}};
    TaiVocab v;
    vocab_begin(&v, tokens, 6);
    CHECK_EQ(tai_vocab_finish(&v, NULL), 0);
    CHECK_EQ(v.byte_token['A'], 3);
    CHECK_EQ(v.byte_token['B'], 4);
    CHECK_EQ(v.byte_token['C'], 5);
    CHECK_EQ(v.byte_token['D'], TAI_NO_TOKEN);
    uint32_t ids[32];
    CHECK_EQ(encode(&v, "ABD", 3, 0, ids), 3);
    CHECK(ids[0] == 3 && ids[1] == 4 && ids[2] == v.unk);
    v.unk = TAI_NO_TOKEN;
    uint32_t n_ids;
    char scratch[256];
    CHECK_EQ(tai_spm_encode(&v, "D", 1, 0, scratch, sizeof scratch, ids, 32, &n_ids),
             TINYAI_E_TEXT);
    vocab_free(&v);
}

TEST(words_are_only_split_where_no_merge_can_cross) {
    const struct {
        const char *token;
        bool splits;
    } cases[] = {{"\xE2\x96\x81\xE2\x96\x81"
                  "a",
                  true},
                 {"a\xE2\x96\x81", false}, /* a + blank */
                 {"\xE2\x96\x81"
                  "a\xE2\x96\x81"
                  "b",
                  true},                    /* no two parts of it are tokens */
                 {"ab\xE2\x96\x81", true}}; /* ab is none */
    for (uint32_t i = 0; i < 4; i++) {
        const TestToken tokens[] = {{"<unk>", 0, UNKNOWN},
                                    {"<s>", 0, CONTROL},
                                    {"</s>", 0, CONTROL},
                                    {cases[i].token, 0, NORMAL},
                                    {"<a\xE2\x96\x81>", 0, CONTROL}};
        TaiVocab v;
        vocab_begin(&v, tokens, 5);
        CHECK_EQ(tai_vocab_finish(&v, NULL), 0);
        CHECK_EQ(v.splits_at_blanks, cases[i].splits);
        CHECK_EQ(tai_spm_safe_split(&v, "a b", 3, false), cases[i].splits);
        vocab_free(&v);
    }
}

TEST_MAIN(T(golden_vectors_of_llama_cpp), T(equals_a_slow_tokenizer_on_random_vocabularies),
          T(safe_splits_change_nothing), T(safe_splits_are_found_at_words_only),
          T(a_megabyte_of_one_letter_takes_no_quadratic_time),
          T(many_special_tokens_side_by_side_take_no_quadratic_time),
          T(a_run_longer_than_the_scratch_is_refused), T(more_ids_than_room_are_counted),
          T(malformed_vocabularies_are_refused_by_name),
          T(vocabularies_beyond_the_limits_are_refused),
          T(equal_token_texts_are_legal_and_the_last_one_counts),
          T(a_vocabulary_may_be_all_user_defined),
          T(end_tokens_are_eos_eot_and_the_well_known_ones),
          T(byte_tokens_may_be_normal_or_the_bytes_themselves),
          T(words_are_only_split_where_no_merge_can_cross))
