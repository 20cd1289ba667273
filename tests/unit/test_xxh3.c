/* XXH3-64 against vectors of another implementation, in one piece and in pieces. */
#include "format/xxh3.h"

#include <stdlib.h>

#include "test.h"

enum { LONGEST = 2000 };

static uint8_t input[LONGEST];

static void fill_input(void) { /* as tests/vectors/xxh3/make.py */
    uint32_t state = 1;
    for (int i = 0; i < LONGEST; i++) {
        state = state * 1664525u + 1013904223u;
        input[i] = (uint8_t)(state >> 24);
    }
}

/* Hash of input[n], given in pieces of `piece` bytes. */
static uint64_t in_pieces(size_t n, size_t piece) {
    TaiXxh3 state;
    tai_xxh3_init(&state);
    for (size_t at = 0; at < n; at += piece) {
        tai_xxh3_update(&state, input + at, n - at < piece ? n - at : piece);
        (void)tai_xxh3_digest(&state); /* must not disturb */
    }
    return tai_xxh3_digest(&state);
}

TEST(vectors_of_another_implementation) {
    static const size_t pieces[] = {1, 3, 63, 64, 65, 255, 256, 257, 700, 1024};
    FILE *file = fopen(TINYAI_TEST_DATA "/xxh3/xxh3.txt", "r");
    CHECK(file != NULL);
    if (!file)
        return;
    fill_input();
    int n_vectors = 0;
    char line[64];
    while (fgets(line, sizeof line, file)) { /* length, hash in hex */
        char *end;
        size_t n = strtoul(line, &end, 10);
        uint64_t wanted = strtoull(end, NULL, 16);
        CHECK(n <= LONGEST);
        if (n > LONGEST)
            break;
        n_vectors++;
        CHECK_EQ(tai_xxh3(input, n), wanted);
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
            CHECK_EQ(in_pieces(n, pieces[i]), wanted);
    }
    (void)fclose(file);
    CHECK_EQ(n_vectors, 567);
}

TEST(every_split_in_two_is_the_same) {
    fill_input();
    for (size_t n = 200; n <= LONGEST; n += 300) {
        uint64_t wanted = tai_xxh3(input, n);
        for (size_t first = 0; first <= n; first++) {
            TaiXxh3 state;
            tai_xxh3_init(&state);
            tai_xxh3_update(&state, input, first);
            tai_xxh3_update(&state, input + first, n - first);
            CHECK_EQ(tai_xxh3_digest(&state), wanted);
        }
    }
}

TEST(nothing_may_be_a_null_pointer) {
    CHECK_EQ(tai_xxh3(NULL, 0), 0x2d06800538d394c2);
}

TEST_MAIN(T(vectors_of_another_implementation), T(every_split_in_two_is_the_same),
          T(nothing_may_be_a_null_pointer))
