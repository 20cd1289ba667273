/* Text out: token bytes, UTF-8 that streams, and the way back from ids to text. */
#include "text/detokenize.h"

#include "text/spm.h"
#include "unit/text_cases.h"

/* ---- UTF-8 ---------------------------------------------------------------------------------- */

typedef struct Utf8Case {
    const char *in, *out;
} Utf8Case;

#define FFFD "\xEF\xBF\xBD"

static const Utf8Case utf8_cases[] = {
    {"", ""},
    {"plain", "plain"},
    {"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\xA6\x8A \xEF\xBF\xBF \xF4\x8F\xBF\xBF",
     "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\xA6\x8A \xEF\xBF\xBF \xF4\x8F\xBF\xBF"},
    /* tables 3-8 to 3-11 of the Unicode Standard, "U+FFFD substitution of maximal subparts" */
    {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A"},
    {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A"},
    {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD "B"},
    {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", FFFD FFFD FFFD FFFD "A"},
    {"\xF0\x9F\xA6", FFFD},
    {"\xE2\x82\xE2\x82\xAC", FFFD "\xE2\x82\xAC"},
    {"\xF5\xF8\xFF", FFFD FFFD FFFD},
};

TEST(utf8_streams_the_same_wherever_it_is_cut) {
    for (uint32_t i = 0; i < sizeof utf8_cases / sizeof *utf8_cases; i++) {
        const char *in = utf8_cases[i].in;
        uint32_t n = (uint32_t)strlen(in);
        for (uint32_t first = 0; first <= n; first++) {
            for (uint32_t second = first; second <= n; second++) {
                char out[64];
                TaiUtf8Stream s;
                tai_utf8_init(&s);
                uint32_t used = tai_utf8_push(&s, in, first, out);
                CHECK(tai_utf8_valid(out, used));
                used += tai_utf8_push(&s, in + first, second - first, out + used);
                CHECK(tai_utf8_valid(out, used));
                used += tai_utf8_push(&s, in + second, n - second, out + used);
                used += tai_utf8_flush(&s, out + used);
                CHECK_EQ(tai_utf8_flush(&s, out + used), 0);
                out[used] = 0;
                CHECK_STR(out, utf8_cases[i].out);
            }
        }
    }
}

/* The UTF-8 of a code point, by the definition; returns its length. */
static uint32_t encode_utf8(uint32_t code, char *out) {
    uint32_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (uint32_t i = n; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 63));
    out[0] = (char)(n == 1 ? code : (0xF00u >> n & 0xFF) | code);
    return n;
}

TEST(utf8_characters_are_those_of_the_definition_and_no_others) {
    char b[4];
    for (uint32_t code = 0; code < 0x110000; code++) {
        uint32_t n = encode_utf8(code, b);
        bool surrogate = code >= 0xD800 && code < 0xE000;
        if (tai_utf8_length(b, n) != (surrogate ? 0 : n) || tai_utf8_length(b, n - 1) != 0)
            TEST_FAIL("U+%04X", code);
    }
    uint32_t count[5] = {0}; /* of all beginnings, before two bytes that fit */
    for (uint32_t i = 0; i < 65536; i++) {
        const char any[4] = {(char)(i >> 8), (char)i, '\x80', '\xBF'};
        count[tai_utf8_length(any, 4)]++;
    }
    CHECK_EQ(count[1], 128 * 256);
    CHECK_EQ(count[2], (0x800 - 0x80));
    CHECK_EQ(count[3], (0x10000 - 0x800 - 0x800) / 64);
    CHECK_EQ(count[4], (0x110000 - 0x10000) / 4096);
}

/* ---- token bytes ---------------------------------------------------------------------------- */

static const TestToken tokens[] = {
    {"<unk>", 0, 2},
    {"<s>", 0, 3},
    {"</s>", 0, 3},
    {"\xE2\x96\x81"
     "fox",
     0, 1},                             /* 3 */
    {"\xE2\x96\x81\xE2\x96\x81", 0, 1}, /* 4 */
    {"a\xE2\x96\x81"
     "b",
     0, 1},                   /* 5 */
    {"  \xE2\x96\x81", 0, 4}, /* 6: user-defined, as written */
    {"<0xE2>", 0, 6},         /* 7 */
    {"<0x82>", 0, 6},         /* 8 */
    {"<0xac>", 0, 6},         /* 9 */
    {"spare", 0, 5},          /* 10 */
    {"", 0, 1},               /* 11 */
    {"\xE2\x96", 0, 1},       /* 12: no blank */
    {"\x82\xAC\xE2", 0, 1},   /* 13: between two euros */
};

static void make_vocab(TaiVocab *v) {
    vocab_begin(v, tokens, sizeof tokens / sizeof *tokens);
    CHECK_EQ(tai_vocab_finish(v, NULL), 0);
}

static const char *token_text(const TaiVocab *v, uint32_t id, bool show_special) {
    static char out[64];
    char *exact = malloc(v->longest);
    uint32_t n = tai_token_bytes(v, id, show_special, exact);
    memcpy(out, exact, n);
    out[n] = 0;
    free(exact);
    return out;
}

TEST(tokens_give_the_bytes_that_llama_cpp_gives) {
    TaiVocab v;
    make_vocab(&v);
    CHECK_STR(token_text(&v, 0, false), "");
    CHECK_STR(token_text(&v, 0, true), "<unk>");
    CHECK_STR(token_text(&v, 1, false), "");
    CHECK_STR(token_text(&v, 2, true), "</s>");
    CHECK_STR(token_text(&v, 3, false), " fox");
    CHECK_STR(token_text(&v, 4, false), "  ");
    CHECK_STR(token_text(&v, 5, false), "a b");
    CHECK_STR(token_text(&v, 6, false), "  \xE2\x96\x81");
    CHECK_STR(token_text(&v, 7, false), "\xE2");
    CHECK_STR(token_text(&v, 9, true), "\xAC");
    CHECK_STR(token_text(&v, 10, true), "");
    CHECK_STR(token_text(&v, 11, false), "");
    CHECK_STR(token_text(&v, 12, false), "\xE2\x96");
    CHECK_STR(token_text(&v, 14, true), "");
    CHECK_STR(token_text(&v, UINT32_MAX, true), "");
    vocab_free(&v);
}

/* ---- sequences ------------------------------------------------------------------------------ */

/* All of ids in calls of `step` ids and `cap` bytes; terminated. */
static uint32_t detokenize(const TaiVocab *v, const uint32_t *ids, uint32_t n_ids, uint32_t step,
                           uint32_t cap, uint32_t flags, char *out) {
    uint32_t n = 0;
    for (uint32_t at = 0; at < n_ids;) {
        char *room = malloc(cap);
        uint32_t bytes, used, count = n_ids - at < step ? n_ids - at : step;
        uint32_t now = flags | (at == 0 ? TAI_DETOKENIZE_FIRST : 0) |
                       (at + count == n_ids ? TAI_DETOKENIZE_LAST : 0);
        CHECK_EQ(tai_detokenize(v, ids + at, count, now, room, cap, &bytes, &used), 0);
        CHECK(used > 0 && used <= count && (used + 3 >= count || bytes + 60 > cap));
        CHECK(tai_utf8_valid(room, bytes));
        memcpy(out + n, room, bytes);
        n += bytes;
        at += used > 0 ? used : n_ids;
        free(room);
    }
    out[n] = 0;
    return n;
}

TEST(sequences_come_out_the_same_in_pieces_of_any_size) {
    const struct {
        uint32_t ids[8], n_ids, flags;
        const char *text;
    } cases[] = {
        {{1, 3, 3, 2}, 4, 0, "fox fox"},                /* one space dropped, behind BOS */
        {{1, 3, 3, 2}, 4, 16, "<s> fox fox</s>"},       /* the text begins with <s> */
        {{4, 3}, 2, 0, "  fox"},                        /* one space, not two */
        {{6, 3}, 2, 0, "  \xE2\x96\x81 fox"},           /* special tokens are as written */
        {{3, 7, 8, 9, 3}, 5, 0, "fox\xE2\x82\xAC fox"}, /* one character of three tokens */
        {{7, 8, 9, 7, 8, 9}, 6, 0, "\xE2\x82\xAC\xE2\x82\xAC"},
        {{7, 8, 7, 8, 9}, 5, 0, FFFD "\xE2\x82\xAC"},
        {{9, 8, 3, 7}, 4, 0, FFFD FFFD " fox" FFFD},
        {{7, 1, 8, 9}, 4, 0, FFFD FFFD FFFD}, /* a control token ends a character */
        {{12, 3}, 2, 0, FFFD " fox"},
        {{11, 10, 3}, 3, 0, "fox"},
        {{13, 13, 13, 13, 13, 13, 9}, 7, 0, NULL}, /* no border of characters at all */
    };
    TaiVocab v;
    make_vocab(&v);
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (uint32_t step = 4; step <= 8; step++) {
            for (uint32_t cap = tai_detokenize_min_bytes(&v); cap < 64; cap++) {
                char out[64];
                detokenize(&v, cases[i].ids, cases[i].n_ids, step, cap, cases[i].flags, out);
                if (cases[i].text)
                    CHECK_STR(out, cases[i].text);
            }
        }
    }
    vocab_free(&v);
}

TEST(bad_ids_and_small_rooms_are_refused) {
    TaiVocab v;
    make_vocab(&v);
    char out[64];
    uint32_t bytes, used, least = tai_detokenize_min_bytes(&v);
    const uint32_t good[] = {3}, bad[] = {3, 14}, none[] = {TAI_NO_TOKEN};
    CHECK_EQ(tai_detokenize(&v, good, 1, 3, out, least, &bytes, &used), 0);
    CHECK_EQ(tai_detokenize(&v, good, 1, 3, out, least - 1, &bytes, &used), TINYAI_E_ARGUMENT);
    CHECK_EQ(tai_detokenize(&v, bad, 2, 3, out, 64, &bytes, &used), TINYAI_E_ARGUMENT);
    CHECK_EQ(tai_detokenize(&v, none, 1, 3, out, 64, &bytes, &used), TINYAI_E_ARGUMENT);
    CHECK_EQ(tai_detokenize(&v, none, 0, 3, out, 0, &bytes, &used), 0);
    CHECK(bytes == 0 && used == 0);
    vocab_free(&v);
}

TEST(text_comes_back_from_its_tokens) {
    TaiVocab v;
    vocab_storyteller(&v);
    uint64_t size;
    char *heldout = read_vector("storyteller/heldout.txt", &size);
    const char *fixed[] = {"",           " ",
                           "   leading", "trailing  ",
                           "\n\t\r\n",   "caf\xC3\xA9 \xF0\x9F\xA6\x8A",
                           "a",          "<s>not special</s>",
                           heldout};
    uint64_t scratch_bytes = tai_spm_scratch_bytes((uint32_t)size);
    void *scratch = malloc(scratch_bytes);
    static uint32_t ids[1 << 16];
    static char out[1 << 16];
    char text[256];
    for (uint32_t i = 0; i < 2000; i++) {
        uint32_t n = 0, n_ids;
        for (uint32_t k = random_below(30); k > 0; k--) { /* any characters, most of them short */
            const char *some[] = {" ",   "e", "the", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\xA6\x8A",
                                  "\x01"};
            uint32_t which = random_below(7);
            memcpy(text + n, some[which], strlen(some[which]));
            n += (uint32_t)strlen(some[which]);
        }
        text[n] = 0;
        const char *from = i < sizeof fixed / sizeof *fixed ? fixed[i] : text;
        uint32_t flags = TAI_SPM_FIRST | TAI_SPM_LAST | (i % 2 ? TAI_SPM_ADD_SPECIAL : 0);
        CHECK_EQ(tai_spm_encode(&v, from, (uint32_t)strlen(from), flags, scratch, scratch_bytes,
                                ids, sizeof ids / sizeof *ids, &n_ids),
                 0);
        detokenize(&v, ids, n_ids, 5 + random_below(20), 256 + random_below(64), 0, out);
        CHECK_STR(out, from);
    }
    free(scratch);
    free(heldout);
    vocab_free(&v);
}

TEST(any_bytes_come_back_from_their_tokens) {
    TaiVocab v;
    vocab_storyteller(&v);
    v.add_space_prefix = false;
    for (uint32_t i = 0; i < 5000; i++) {
        char text[16], back[256], scratch[1024];
        uint32_t n = random_below(16), n_ids, ids[64], n_back = 0;
        for (uint32_t k = 0; k < n; k++)
            text[k] = (char)(random_below(2) ? 128 + random_below(128) : ' ' + random_below(96));
        CHECK_EQ(tai_spm_encode(&v, text, n, 3, scratch, sizeof scratch, ids, 64, &n_ids), 0);
        for (uint32_t k = 0; k < n_ids; k++)
            n_back += tai_token_bytes(&v, ids[k], false, back + n_back);
        CHECK(n_back == n && memcmp(text, back, n) == 0);
    }
    vocab_free(&v);
}

TEST_MAIN(T(utf8_streams_the_same_wherever_it_is_cut),
          T(utf8_characters_are_those_of_the_definition_and_no_others),
          T(tokens_give_the_bytes_that_llama_cpp_gives),
          T(sequences_come_out_the_same_in_pieces_of_any_size),
          T(bad_ids_and_small_rooms_are_refused), T(text_comes_back_from_its_tokens),
          T(any_bytes_come_back_from_their_tokens))
