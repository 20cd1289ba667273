/* The check helper of all C unit tests. A test program is
 *
 *     TEST(budget_of_zero_is_refused) { CHECK(...); CHECK_EQ(got, wanted); }
 *     TEST_MAIN(T(budget_of_zero_is_refused), ...)
 *
 * A failed check prints file:line and what it saw, and the test goes on. An argument on the command
 * line runs only the tests whose names contain it. The exit status is 1 if any check failed. */
#ifndef TAI_TEST_H
#define TAI_TEST_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct TestCase {
    const char *name;
    void (*run)(void);
} TestCase;

static int test_failures;

#define TEST(name) static void name(void)
#define T(name) {#name, name}

/* Prints the place of a failure; the caller prints the rest of the line. */
#define TEST_FAIL(...)                                                                             \
    (test_failures++, (void)fprintf(stderr, "%s:%d: ", __FILE__, __LINE__),                        \
     (void)fprintf(stderr, __VA_ARGS__), (void)fputc('\n', stderr))

#define CHECK(cond) ((cond) ? (void)0 : TEST_FAIL("failed: %s", #cond))

/* Integers of any type, printed as signed numbers. */
#define CHECK_EQ(got, wanted)                                                                      \
    do {                                                                                           \
        int64_t got_ = (int64_t)(got), wanted_ = (int64_t)(wanted);                                \
        if (got_ != wanted_)                                                                       \
            TEST_FAIL("%s is %lld, not %lld", #got, (long long)got_, (long long)wanted_);          \
    } while (0)

#define CHECK_STR(got, wanted)                                                                     \
    do {                                                                                           \
        const char *got_ = (got), *wanted_ = (wanted);                                             \
        if (!got_ || strcmp(got_, wanted_) != 0)                                                   \
            TEST_FAIL("%s is \"%s\", not \"%s\"", #got, got_ ? got_ : "(null)", wanted_);          \
    } while (0)

static int test_run(const TestCase *tests, int n_tests, const char *filter) {
    int n_run = 0, n_failed = 0;
    for (int i = 0; i < n_tests; i++) {
        if (filter && !strstr(tests[i].name, filter))
            continue;
        int before = test_failures;
        tests[i].run();
        n_run++;
        if (test_failures != before) {
            n_failed++;
            fprintf(stderr, "FAIL %s\n", tests[i].name);
        }
    }
    printf("%d of %d tests passed\n", n_run - n_failed, n_run);
    return n_failed != 0 || n_run == 0;
}

#define TEST_MAIN(...)                                                                             \
    int main(int argc, char **argv) {                                                              \
        static const TestCase tests[] = {__VA_ARGS__};                                             \
        return test_run(tests, (int)(sizeof tests / sizeof *tests), argc > 1 ? argv[1] : 0);       \
    }

#endif
