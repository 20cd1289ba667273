/* The native host: memory, time, files, Ctrl-C. */
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port/port.h"
#include "port/regions.h"
#include "test.h"
#include "tinyai/tinyai.h"

/* ---- a folder for the files of a test ------------------------------------------------------- */

static char folder[64];
static char path[512];

static const char *in_folder(const char *name) {
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/tinyai-port-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        exit(1);
    }
}

static void remove_folder(void) {
    static const char *const names[] = {"file", "large", "pipe"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        unlink(in_folder(names[i]));
    }
    CHECK_EQ(rmdir(folder), 0);
}

static void write_file(const char *name, const void *bytes, size_t n) {
    FILE *file = fopen(in_folder(name), "wb");
    CHECK(file != NULL && fwrite(bytes, 1, n, file) == n);
    if (file != NULL) {
        fclose(file);
    }
}

/* ---- memory and time ------------------------------------------------------------------------ */

TEST(a_region_is_zero_and_aligned) {
    const uint64_t bytes = 3 * 65536 + 7;
    for (int round = 0; round < 2; round++) {
        unsigned char *base = tai_port_reserve(bytes);
        CHECK(base != NULL);
        if (base == NULL) {
            return;
        }
        CHECK_EQ((uintptr_t)base % 64, 0);
        uint64_t n_zero = 0;
        for (uint64_t i = 0; i < bytes; i++) {
            n_zero += base[i] == 0;
        }
        CHECK_EQ(n_zero, bytes);
        memset(base, 0xA5, bytes); /* the next round must not see it */
        tai_port_release(base, bytes);
    }
}

TEST(impossible_regions_are_null) {
    CHECK(tai_port_reserve(0) == NULL);
    CHECK(tai_port_reserve(UINT64_C(1) << 60) == NULL);
    CHECK(tai_port_reserve(UINT64_MAX) == NULL);
    tai_port_release(NULL, 100);
}

TEST(regions_live_side_by_side) {
    enum { REGIONS = 20 };
    unsigned char *base[REGIONS];
    for (uint32_t i = 0; i < REGIONS; i++) {
        base[i] = tai_port_reserve(1000 * (i + 1));
        CHECK(base[i] != NULL);
        memset(base[i], (int)i, (size_t)1000 * (i + 1));
    }
    for (uint32_t i = 0; i < REGIONS; i++) {
        CHECK_EQ(base[i][0], i);
        CHECK_EQ(base[i][1000 * (i + 1) - 1], i);
        tai_port_release(base[i], 1000 * (uint64_t)(i + 1));
    }
}

TEST(only_whole_pages_inside_are_discarded) {
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    unsigned char *base = tai_port_reserve(5 * page);
    memset(base, 0xA5, 5 * page);
    tai_port_discard(base + 1, 3 * page); /* pages 1 and 2 lie inside whole */
    uint64_t n_kept = 0;
    for (uint64_t i = 0; i < 5 * page; i++) {
        const bool inside = i >= page && i < 3 * page;
        n_kept += base[i] == 0xA5;
        CHECK(base[i] == 0xA5 || (inside && base[i] == 0));
    }
#ifdef __linux__
    CHECK_EQ(n_kept, 3 * page);
#endif
    tai_port_discard(base + 1, page); /* less than a whole page */
    tai_port_discard(base, 0);
    tai_port_discard(NULL, 3 * page);
    CHECK_EQ(base[page - 1], 0xA5);
    memset(base, 0x5A, 5 * page); /* it can be used again */
    CHECK_EQ(base[2 * page], 0x5A);
    tai_port_release(base, 5 * page);
}

/* ---- the table of linear memory (WASI) -------------------------------------------------------- */

#define BEGIN 1024u
#define LIMIT 100000u

static uint64_t place(TaiReservedTable *t, uint64_t bytes) {
    return tai_regions_reserve(t, BEGIN, LIMIT, bytes);
}

TEST(one_region_after_the_other_starts_at_the_same_address) {
    TaiReservedTable t = {0};
    for (uint64_t bytes = 64; bytes < 10000; bytes *= 2) {
        CHECK_EQ(place(&t, bytes), BEGIN);
        tai_regions_release(&t, BEGIN);
        CHECK_EQ(t.n, 0);
    }
}

TEST(a_region_takes_the_smallest_gap_that_holds_it) {
    TaiReservedTable t = {0};
    const uint64_t a = place(&t, 1000);
    const uint64_t b = place(&t, 10);
    const uint64_t c = place(&t, 300);
    const uint64_t d = place(&t, 10);
    CHECK(a == BEGIN && b == a + 1000 && c == b + 10 && d == c + 300);
    tai_regions_release(&t, a);
    tai_regions_release(&t, c);
    CHECK_EQ(place(&t, 200), c);
    CHECK_EQ(place(&t, 101), a);       /* 100 are left behind c */
    CHECK_EQ(place(&t, 100), c + 200); /* fills its gap to the last byte */
    CHECK_EQ(place(&t, 1000), d + 10); /* no gap: at the end */
    tai_regions_release(&t, d);        /* joins nothing: its neighbours are in use */
    CHECK_EQ(place(&t, 10), d);
    tai_regions_release(&t, a);
    tai_regions_release(&t, 77); /* not there */
    CHECK_EQ(place(&t, 1000), a);
}

TEST(what_is_given_back_at_the_end_is_used_first) {
    TaiReservedTable t = {0};
    const uint64_t a = place(&t, 1000);
    const uint64_t b = place(&t, 1000);
    tai_regions_release(&t, b);
    CHECK_EQ(place(&t, 5000), b); /* joined with the memory behind it */
    tai_regions_release(&t, b);
    tai_regions_release(&t, a);
    CHECK_EQ(place(&t, LIMIT - BEGIN), BEGIN);
}

TEST(a_full_table_and_a_full_memory_refuse) {
    TaiReservedTable t = {0};
    CHECK_EQ(place(&t, LIMIT - BEGIN + 1), 0);
    CHECK_EQ(place(&t, UINT64_MAX), 0);
    for (uint32_t i = 0; i < TAI_PORT_REGIONS; i++) {
        CHECK_EQ(place(&t, 64), BEGIN + i * 64);
    }
    CHECK_EQ(place(&t, 64), 0);
    tai_regions_release(&t, BEGIN + 3 * 64);
    CHECK_EQ(place(&t, LIMIT), 0);
    CHECK_EQ(place(&t, 64), BEGIN + 3 * 64);
}

TEST(random_regions_never_overlap_nor_move) {
    TaiReservedTable t = {0};
    TaiReserved live[TAI_PORT_REGIONS];
    uint32_t n = 0;
    uint32_t seed = 1;
    uint32_t n_refused = 0;
    for (uint32_t round = 0; round < 200000; round++) {
        seed = seed * 1664525u + 1013904223u;
        if (seed >> 31 && n > 0) {
            const uint32_t i = (seed >> 8) % n;
            tai_regions_release(&t, live[i].start);
            live[i] = live[--n];
        } else {
            const uint64_t bytes = 1 + (seed >> 8) % 20000;
            const uint64_t start = place(&t, bytes);
            n_refused += start == 0;
            for (uint32_t i = 0; i < n && start; i++) {
                CHECK(start + bytes <= live[i].start || start >= live[i].end);
            }
            if (start) {
                CHECK(start >= BEGIN && start + bytes <= LIMIT && n < TAI_PORT_REGIONS);
                live[n++] = (TaiReserved){start, start + bytes};
            }
        }
        CHECK_EQ(t.n, n);
    }
    CHECK(n_refused > 100 && n_refused < 100000);
}

TEST(time_does_not_run_backwards) {
    uint64_t before = tai_port_clock_ns();
    for (int i = 0; i < 1000; i++) {
        const uint64_t now = tai_port_clock_ns();
        CHECK(now >= before);
        before = now;
    }
}

/* ---- reading -------------------------------------------------------------------------------- */

TEST(reads_are_exact) {
    make_folder();
    write_file("file", "0123456789", 10);
    TaiPortFile file;
    TinyAIError error;
    CHECK_EQ(tai_port_file_open(&file, in_folder("file"), &error), 0);
    CHECK_EQ(file.size, 10);
    char text[16] = "";
    CHECK_EQ(tai_port_file_read(file.handle, 3, text, 4), 0);
    CHECK_STR(text, "3456");
    CHECK_EQ(tai_port_file_read(file.handle, 10, text, 0), 0);
    CHECK_EQ(tai_port_file_read(file.handle, 8, text, 3), TINYAI_E_STALE);
    CHECK_EQ(tai_port_file_read(file.handle, UINT64_MAX - 1, text, 3), TINYAI_E_STALE);
    CHECK_EQ(tai_port_file_read(file.handle, INT64_MAX, text, 3), TINYAI_E_STALE);
    tai_port_file_close(file.handle);
    CHECK_EQ(tai_port_file_read(file.handle, 0, text, 3), TINYAI_E_IO);
    remove_folder();
}

TEST(a_file_that_shrinks_is_stale) {
    make_folder();
    write_file("file", "0123456789", 10);
    TaiPortFile file;
    CHECK_EQ(tai_port_file_open(&file, in_folder("file"), NULL), 0);
    CHECK_EQ(truncate(in_folder("file"), 5), 0);
    char text[16];
    CHECK_EQ(tai_port_file_read(file.handle, 2, text, 8), TINYAI_E_STALE);
    tai_port_file_close(file.handle);
    remove_folder();
}

TEST(offsets_have_64_bits) {
    make_folder();
    const uint64_t size = (UINT64_C(5) << 30) + 3; /* sparse: takes no room */
    write_file("large", "", 0);
    CHECK_EQ(truncate(in_folder("large"), (off_t)size), 0);
    FILE *out = fopen(in_folder("large"), "r+b");
    CHECK(out != NULL && fseeko(out, (off_t)size - 4, SEEK_SET) == 0 && fputs("end!", out) >= 0);
    if (out != NULL) {
        fclose(out);
    }
    TinyAISource source;
    TinyAIError error;
    CHECK_EQ(tinyai_source_open_file(&source, in_folder("large"), &error), 0);
    CHECK_EQ(source.size, size);
    CHECK_EQ(source.concurrent, 1);
    char text[8] = "";
    CHECK_EQ(source.read(source.user, size - 4, text, 4), 0);
    CHECK_STR(text, "end!");
    CHECK_EQ(source.read(source.user, (UINT64_C(4) << 30) - 2, text, 4), 0);
    CHECK_STR(text, "");
    tinyai_source_close(&source);
    tinyai_source_close(&source); /* does nothing */
    tinyai_source_close(NULL);
    remove_folder();
}

TEST(a_path_loses_the_folder_that_it_starts_in) {
    CHECK_STR(tai_port_path("a/b"), "a/b");
    CHECK_STR(tai_port_path("./a/./b"), "a/./b");
    CHECK_STR(tai_port_path(".//./a"), "a");
    CHECK_STR(tai_port_path("../a"), "../a");
    CHECK_STR(tai_port_path(".a"), ".a");
    CHECK_STR(tai_port_path("/a"), "/a");
    CHECK_STR(tai_port_path("."), ".");
    CHECK_STR(tai_port_path("./"), ".");
}

/* ---- refused -------------------------------------------------------------------------------- */

static void check_refused(const char *name, int32_t status, const char *why) {
    TaiPortFile file;
    TinyAIError error;
    memset(&error, 0xFF, sizeof error);
    CHECK_EQ(tai_port_file_open(&file, name, &error), status);
    CHECK_EQ(error.status, status);
    CHECK(error.offset == TINYAI_NO_OFFSET);
    CHECK_EQ(error.asked_bytes, 0);
    if (strstr(error.message, why) == NULL) {
        TEST_FAIL("\"%s\" does not say \"%s\"", error.message, why);
    }
    CHECK_EQ(tai_port_file_open(&file, name, NULL), status);
}

TEST(what_is_no_readable_file_is_refused_with_a_reason) {
    make_folder();
    check_refused(in_folder("missing"), TINYAI_E_NOT_FOUND, "no such file");
    check_refused("", TINYAI_E_NOT_FOUND, "no such file");
    check_refused(folder, TINYAI_E_IO, "folder");
    write_file("file", "x", 1);
    check_refused(in_folder("file/inside"), TINYAI_E_NOT_FOUND, "not a folder");
    CHECK_EQ(mkfifo(in_folder("pipe"), 0600), 0);
    check_refused(in_folder("pipe"), TINYAI_E_SIZE, "not a regular file"); /* and nobody waits */
    remove_folder();
}

TEST(a_file_without_permission_is_refused) {
    make_folder();
    write_file("file", "x", 1);
    CHECK_EQ(chmod(in_folder("file"), 0), 0);
    if (geteuid() == 0) {
        CHECK_EQ(chmod(folder, 0700), 0);
        CHECK_EQ(seteuid(65534), 0); /* root may read everything */
        check_refused(in_folder("file"), TINYAI_E_NOT_FOUND, "permission");
        CHECK_EQ(seteuid(0), 0);
    } else {
        check_refused(in_folder("file"), TINYAI_E_NOT_FOUND, "permission");
    }
    remove_folder();
}

TEST(a_long_path_is_shown_by_its_end) {
    char name[400];
    memset(name, 'a', sizeof name);
    snprintf(name + 300, 100, "%s", "/the-end.gguf");
    check_refused(name, TINYAI_E_IO, "the-end.gguf\""); /* one part of 300 bytes: too long */
    for (int i = 0; i < 300; i += 2) {
        memcpy(name + i, "\xC3\xA4", 2); /* not cut within a character */
    }
    name[100] = '/';
    name[101] = 'x';
    check_refused(name, TINYAI_E_NOT_FOUND, "...\xC3\xA4");
}

/* ---- Ctrl-C --------------------------------------------------------------------------------- */

TEST(an_interrupt_is_remembered) {
    CHECK(!tai_port_interrupted());
    tai_port_catch_interrupt();
    CHECK(!tai_port_interrupted());
    raise(SIGINT);
    CHECK(tai_port_interrupted());
}

TEST_MAIN(T(a_region_is_zero_and_aligned), T(impossible_regions_are_null),
          T(regions_live_side_by_side), T(only_whole_pages_inside_are_discarded),
          T(one_region_after_the_other_starts_at_the_same_address),
          T(a_region_takes_the_smallest_gap_that_holds_it),
          T(what_is_given_back_at_the_end_is_used_first), T(a_full_table_and_a_full_memory_refuse),
          T(random_regions_never_overlap_nor_move), T(time_does_not_run_backwards),
          T(reads_are_exact), T(a_file_that_shrinks_is_stale), T(offsets_have_64_bits),
          T(a_path_loses_the_folder_that_it_starts_in),
          T(what_is_no_readable_file_is_refused_with_a_reason),
          T(a_file_without_permission_is_refused), T(a_long_path_is_shown_by_its_end),
          T(an_interrupt_is_remembered))
