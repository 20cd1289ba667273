/* Every claim of every command may fail: the exit code and the message say so, no half file is left, and the
 * next run of the command is right. */
#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "faults/faults.h"

static const char story[] = TINYAI_TEST_DATA "/../../models/storyteller/storyteller-q8_0.gguf";
#define HELDOUT TINYAI_TEST_DATA "/storyteller/heldout.txt"

/* ---- a folder, and what a command prints ----------------------------------------------------------- */

static char folder[64];
static char tmai[128];   /* made before the tests */
static char target[128]; /* what convert writes */
static char short_text[128];

typedef struct Printed {
    char out[16384];
    char err[4096];
    int code;
} Printed;

static Printed printed;

static void set_path(char *path, const char *name) {
    snprintf(path, 128, "%s/%s", folder, name);
}

static uint32_t files_in_folder(void) {
    uint32_t n = 0;
    DIR *dir = opendir(folder);
    CHECK(dir != NULL);
    for (const struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        n += entry->d_name[0] != '.';
    }
    if (dir) {
        closedir(dir);
    }
    return n;
}

/* Turns a stream to a new file without a name; returns what it was. */
static int redirect(FILE *stream) {
    char path[128];
    set_path(path, "printed");
    (void)fflush(stream);
    const int before = dup(fileno(stream));
    const int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (before < 0 || file < 0) {
        perror(path);
        exit(2);
    }
    unlink(path);
    dup2(file, fileno(stream));
    close(file);
    return before;
}

static void turn_back(FILE *stream, int before, char *text, size_t room) {
    (void)fflush(stream);
    const ssize_t n = pread(fileno(stream), text, room - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    dup2(before, fileno(stream));
    close(before);
}

static int dispatch(const Options *options) {
    switch (options->command) {
    case RUN:
        return run(options);
    case PLAN:
        return plan(options);
    case INSPECT:
        return inspect(options);
    case PERPLEXITY:
        return perplexity(options);
    case CONVERT:
        return convert(options);
    case VERIFY:
        return verify(options);
    }
    return USAGE;
}

/* The words of a command line, ended by NULL. */
static void command(const char **words) {
    char *argv[16] = {"tinyai"};
    int argc = 1;
    while (words[argc - 1] != NULL) {
        argv[argc] = (char *)words[argc - 1];
        argc++;
    }
    optind = 1; /* getopt starts anew */
    Options options;
    const int out = redirect(stdout);
    const int err = redirect(stderr);
    const int finished = read_options(&options, argc, argv);
    printed.code = finished >= 0 ? finished : dispatch(&options);
    turn_back(stderr, err, printed.err, sizeof printed.err);
    turn_back(stdout, out, printed.out, sizeof printed.out);
}

/* The status that the message ends with: "... (E_NOMEM)". */
static int32_t printed_status(TinyAIError *error) {
    if (printed.code == DONE) {
        return 0;
    }
    CHECK_EQ(printed.code, FAILED);
    snprintf(error->message, sizeof error->message, "%s", printed.err);
    for (int32_t status = TINYAI_E_ARGUMENT; status >= TINYAI_E_CORRUPT; status--) {
        char name[32];
        snprintf(name, sizeof name, "(%s)", tinyai_status_name(status));
        if (strstr(printed.err, name)) {
            error->status = status;
        }
    }
    return error->status;
}

/* ---- the commands ----------------------------------------------------------------------------------- */

static const char *plan_words[] = {"plan", story, "--context", "32", NULL};
static const char *inspect_words[] = {"inspect", story, NULL};
static const char *run_words[] = {"run", story,       "Once upon", "--max-tokens",
                                  "2",   "--context", "32",        "--temperature",
                                  "0",   "--memory",  "2400000",   NULL};
static const char *perplexity_words[] = {"perplexity", story, "--file", short_text,
                                         "--context",  "32",  NULL};
static const char *verify_words[] = {"verify", tmai, NULL};
static const char *convert_words[] = {"convert", story, target, NULL};
static const char *convert_back_words[] = {"convert", tmai, target, NULL};

static char wanted_out[sizeof printed.out];
static uint32_t n_files; /* in the folder */

/* Runs it once without faults, so that there is something to compare with. */
static void know(const char **words) {
    command(words);
    CHECK_EQ(printed.code, DONE);
    memcpy(wanted_out, printed.out, sizeof wanted_out);
    unlink(target);
    n_files = files_in_folder();
}

static void check_again(const char **words, bool done) {
    if (done) {
        CHECK_STR(printed.out, wanted_out);
    } else {
        CHECK_STR(printed.out, ""); /* nothing that looks like a result */
    }
    command(words);
    CHECK_EQ(printed.code, DONE);
    CHECK_STR(printed.out, wanted_out);
}

static bool same_files(const char *path_a, const char *path_b) {
    FILE *a = fopen(path_a, "rb");
    FILE *b = fopen(path_b, "rb");
    bool same = a != NULL && b != NULL;
    static char part_a[65536];
    static char part_b[65536];
    for (size_t n = sizeof part_a; same && n == sizeof part_a;) {
        n = fread(part_a, 1, sizeof part_a, a);
        same = fread(part_b, 1, sizeof part_b, b) == n && memcmp(part_a, part_b, n) == 0;
    }
    if (a) {
        fclose(a);
    }
    if (b) {
        fclose(b);
    }
    return same;
}

/* The input of a conversion comes back from its output. */
static void check_converted(bool done) {
    CHECK_EQ(files_in_folder(), n_files + done); /* no half file under any name */
    check_again(convert_words, done);
    CHECK(same_files(target, tmai));
}

#define COMMAND(name)                                                                              \
    static int32_t run_##name(TinyAIError *error) {                                                \
        command(name##_words);                                                                     \
        return printed_status(error);                                                              \
    }

#define PRINTING_COMMAND(name)                                                                     \
    COMMAND(name)                                                                                  \
    static void verify_##name(bool done) {                                                         \
        check_again(name##_words, done);                                                           \
    }

PRINTING_COMMAND(plan)
PRINTING_COMMAND(inspect)
PRINTING_COMMAND(run)
PRINTING_COMMAND(perplexity)
PRINTING_COMMAND(verify)
COMMAND(convert)
COMMAND(convert_back)

static void verify_convert_back(bool done) {
    CHECK_EQ(files_in_folder(), n_files + done);
    check_again(convert_back_words, done);
    /* The same tensors, if not the same metadata order: converting once more gives the .tmai again. */
    char again[128];
    set_path(again, "again.tmai");
    const char *words[] = {"convert", target, again, NULL};
    command(words);
    CHECK(same_files(again, tmai));
    unlink(again);
}

static void nothing(void) {}

static void remove_target(void) {
    unlink(target);
}

/* words: of the command; to: where convert writes. */
static void sweep_command(const char **words, const char *to, const Operation *op) {
    set_path(target, to);
    know(words);
    sweep(op);
}

TEST(every_claim_of_every_command_may_fail) {
    sweep_command(plan_words, "none",
                  &(Operation){"tinyai plan", NULL, run_plan, verify_plan, nothing, 2});
    sweep_command(inspect_words, "none",
                  &(Operation){"tinyai inspect", NULL, run_inspect, verify_inspect, nothing, 2});
    sweep_command(run_words, "none",
                  &(Operation){"tinyai run", NULL, run_run, verify_run, nothing, 4});
    sweep_command(
        perplexity_words, "none",
        &(Operation){"tinyai perplexity", NULL, run_perplexity, verify_perplexity, nothing, 4});
    sweep_command(verify_words, "none",
                  &(Operation){"tinyai verify", NULL, run_verify, verify_verify, nothing, 4});
    sweep_command(convert_words, "target.tmai",
                  &(Operation){"tinyai convert to .tmai", NULL, run_convert, check_converted,
                               remove_target, 3});
    sweep_command(convert_back_words, "target.gguf",
                  &(Operation){"tinyai convert to .gguf", NULL, run_convert_back,
                               verify_convert_back, remove_target, 3});
}

static void make_files(void) {
    snprintf(folder, sizeof folder, "/tmp/tinyai-faults-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        exit(2);
    }
    set_path(tmai, "story.tmai");
    set_path(short_text, "text");
    char text[120];
    FILE *heldout = fopen(HELDOUT, "rb");
    FILE *file = fopen(short_text, "wb");
    if (!heldout || !file || fread(text, 1, sizeof text, heldout) != sizeof text ||
        fwrite(text, 1, sizeof text, file) != sizeof text) {
        perror(short_text);
        exit(2);
    }
    fclose(heldout);
    fclose(file);
    const char *words[] = {"convert", story, tmai, NULL};
    command(words);
    if (printed.code != DONE) {
        (void)fprintf(stderr, "%s", printed.err);
        exit(2);
    }
}

int main(int argc, char **argv) {
    static const TestCase tests[] = {T(every_claim_of_every_command_may_fail)};
    make_files();
    const int failed = test_run(tests, (int)(sizeof tests / sizeof *tests), argc > 1 ? argv[1] : 0);
    unlink(tmai);
    unlink(short_text);
    return rmdir(folder) != 0 || failed;
}
