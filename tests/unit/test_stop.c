/* Stop strings, alone and behind the UTF-8 stream: cut the text anywhere, the result is the same.
 */
#include "text/stop.h"

#include "text/text_stream.h"
#include "unit/text_cases.h"

typedef struct Result {
    char text[256];
    uint32_t n;
    bool matched;
} Result;

static void put(Result *r, const char *bytes, uint32_t n) {
    CHECK(r->n + n < sizeof r->text);
    memcpy(r->text + r->n, bytes, n);
    r->n += n;
    r->text[r->n] = 0;
}

/* Streams text in pieces that end where the bits of `cuts` are set; 0 cuts nothing. */
static Result stream(const char *const *stops, uint32_t n_stops, const char *text, uint64_t cuts) {
    Result r = {{0}, 0, false};
    TaiTextStream s;
    uint32_t n = (uint32_t)strlen(text);
    char *out = malloc(tai_text_stream_out_bytes(n));
    tai_text_stream_init(&s);
    for (uint32_t i = 0; i < n_stops; i++)
        CHECK_EQ(tai_stop_add(&s.stop, stops[i], (uint32_t)strlen(stops[i])), 0);
    for (uint32_t at = 0, i = 0; i < n; i++) {
        if (i + 1 == n || (cuts >> (i % 64) & 1)) {
            uint32_t emitted = tai_text_stream_push(&s, text + at, i + 1 - at, out);
            CHECK(tai_utf8_valid(out, emitted));
            put(&r, out, emitted);
            at = i + 1;
        }
    }
    uint32_t emitted = tai_text_stream_finish(&s, out);
    put(&r, out, emitted);
    CHECK_EQ(tai_text_stream_finish(&s, out), 0);
    r.matched = s.stop.matched;
    free(out);
    return r;
}

TEST(text_ends_before_the_first_complete_stop_string) {
    const struct {
        const char *stops[4], *text, *wanted;
        bool matched;
    } cases[] = {
        {{"stop"}, "go on and stop here", "go on and ", true},
        {{"stop"}, "go on and sto", "go on and sto", false},
        {{"stop"}, "ssstosstop", "ssstos", true},
        {{"stop"}, "stop", "", true},
        {{NULL}, "nothing to stop at", "nothing to stop at", false},
        {{"\n\n", "User:"}, "One\nTwo User: x\n\n", "One\nTwo ", true},
        {{"bcd", "abcde"}, "xabcdef", "xa", true}, /* "bcd" is complete first */
        {{"bcd", "abcd"}, "xabcdef", "x", true},   /* both at once: the longest */
        {{"abcd", "bcd"}, "xabcdef", "x", true},
        {{"ab", "abcd"}, "xabcd", "x", true}, /* no waiting for the longer one */
        {{"aaab"}, "aaaaaaab!", "aaaa", true},
        {{"abab!", "ba?"}, "ababab!", "ab", true},
        {{"\xC3\xA9"}, "caf\xC3\xA8 caf\xC3\xA9", "caf\xC3\xA8 caf", true},
        {{"\xE2\x82\xAC"},
         "a\xE2\x82"
         "b\xE2\x82\xAC",
         "a\xEF\xBF\xBD"
         "b",
         true},
        {{"\xEF\xBF\xBD"},
         "a\xFF"
         "b",
         "a",
         true},
        {{"x"}, "a\xE2\x82", "a\xEF\xBF\xBD", false},
        {{"\xEF\xBF\xBD"}, "a\xE2\x82", "a", true}, /* at the very end */
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t n_stops = 0, n = (uint32_t)strlen(cases[i].text);
        while (n_stops < 4 && cases[i].stops[n_stops])
            n_stops++;
        for (uint64_t cuts = 0; cuts < 1u << (n < 12 ? n : 12); cuts++) {
            Result r =
                stream(cases[i].stops, n_stops, cases[i].text, cuts | cuts << 12 | cuts << 24);
            CHECK_STR(r.text, cases[i].wanted);
            CHECK_EQ(r.matched, cases[i].matched);
        }
    }
}

/* The end of the first stop string that is complete, and the beginning of the longest that ends
 * there. */
static Result by_search(const char *const *stops, uint32_t n_stops, const char *text) {
    Result r = {{0}, 0, false};
    uint32_t n = (uint32_t)strlen(text), cut = n;
    for (uint32_t end = 1; end <= n && !r.matched; end++) {
        for (uint32_t k = 0; k < n_stops; k++) {
            uint32_t len = (uint32_t)strlen(stops[k]);
            if (len <= end && memcmp(text + end - len, stops[k], len) == 0) {
                r.matched = true;
                cut = end - len < cut ? end - len : cut;
            }
        }
    }
    put(&r, text, cut);
    return r;
}

TEST(equals_a_search_on_random_texts) {
    int n_matched = 0;
    for (uint32_t round = 0; round < 20000; round++) {
        char text[64] = {0}, strings[16][8] = {{0}};
        const char *stops[16];
        uint32_t n_stops = random_below(5);
        for (uint32_t k = 0; k < n_stops; k++) {
            for (uint32_t i = 0, n = 1 + random_below(7); i < n; i++)
                strings[k][i] = (char)('a' + random_below(2));
            stops[k] = strings[k];
        }
        for (uint32_t i = 0, n = random_below(40); i < n; i++)
            text[i] = (char)('a' + random_below(2 + round % 2));
        Result wanted = by_search(stops, n_stops, text);
        Result r = stream(stops, n_stops, text, (uint64_t)random_below(UINT32_MAX) * round);
        CHECK_STR(r.text, wanted.text);
        CHECK_EQ(r.matched, wanted.matched);
        n_matched += r.matched;
    }
    CHECK(n_matched > 4000 && n_matched < 19000);
}

TEST(holds_back_only_what_could_become_a_stop_string) {
    const char *text = "a<|e|<|end|>";
    const uint32_t held[] = {0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 0};
    char out[64];
    TaiStop s;
    tai_stop_init(&s);
    CHECK_EQ(tai_stop_add(&s, "<|end|>", 7), 0);
    for (uint32_t i = 0; text[i]; i++) {
        out[s.n_held] = text[i];
        (void)tai_stop_push(&s, out, 1);
        CHECK_EQ(s.n_held, held[i]);
    }
    CHECK(s.matched);
    CHECK_EQ(tai_stop_flush(&s, out), 0);
}

TEST(text_behind_a_match_is_swallowed) {
    char out[64] = "abc stop def";
    TaiStop s;
    tai_stop_init(&s);
    CHECK_EQ(tai_stop_add(&s, "stop", 4), 0);
    CHECK_EQ(tai_stop_push(&s, out, 12), 4);
    CHECK(s.matched && s.n_held == 0);
    CHECK_EQ(tai_stop_push(&s, out, 12), 0);
    CHECK_EQ(tai_stop_flush(&s, out), 0);
}

TEST(limits_of_the_stop_strings) {
    TaiStop s;
    static char longest[TAI_STOP_MAX_BYTES + 1], out[2 * TAI_STOP_MAX_BYTES];
    memset(longest, 'a', sizeof longest);
    tai_stop_init(&s);
    CHECK_EQ(tai_stop_add(&s, "", 0), TINYAI_E_ARGUMENT);
    CHECK_EQ(tai_stop_add(&s, "\xA9", 1), TINYAI_E_ARGUMENT);
    CHECK_EQ(tai_stop_add(&s, longest, sizeof longest), TINYAI_E_ARGUMENT);
    CHECK_EQ(s.n_strings, 0);
    for (uint32_t i = 0; i < TAI_STOP_MAX_STRINGS; i++)
        CHECK_EQ(tai_stop_add(&s, "x", 1), 0);
    CHECK_EQ(tai_stop_add(&s, "x", 1), TINYAI_E_ARGUMENT);

    tai_stop_init(&s);
    CHECK_EQ(tai_stop_add(&s, longest, TAI_STOP_MAX_BYTES), 0);
    CHECK_EQ(tai_stop_add(&s, "x", 1), TINYAI_E_ARGUMENT);
    memset(out, 'a', TAI_STOP_MAX_HELD);
    CHECK_EQ(tai_stop_push(&s, out, TAI_STOP_MAX_HELD), 0);
    CHECK_EQ(s.n_held, TAI_STOP_MAX_HELD);
    out[s.n_held] = 'b';
    CHECK_EQ(tai_stop_push(&s, out, 1), TAI_STOP_MAX_BYTES);
    CHECK(out[TAI_STOP_MAX_HELD] == 'b' && out[0] == 'a');
}

TEST(a_token_without_text_ends_a_character) {
    char out[2048];
    TaiTextStream s;
    tai_text_stream_init(&s);
    CHECK_EQ(tai_text_stream_push(&s, "\xF0\x9F", 2, out), 0);
    CHECK_EQ(tai_text_stream_push(&s, "", 0, out), 3);
    CHECK_EQ(tai_text_stream_push(&s, "\xA6", 1, out), 3);
    CHECK_EQ(tai_text_stream_finish(&s, out), 0);
}

TEST_MAIN(T(text_ends_before_the_first_complete_stop_string), T(equals_a_search_on_random_texts),
          T(holds_back_only_what_could_become_a_stop_string), T(text_behind_a_match_is_swallowed),
          T(limits_of_the_stop_strings), T(a_token_without_text_ends_a_character))
