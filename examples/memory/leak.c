/* A leak: a request that fails leaves early, and forgets its answer. The report names the line.
 *
 *     cc leak.c $(pkg-config --cflags --libs tinyai) -o leak && ./leak report.txt
 *
 * `./leak report.txt fixed`: the same with an answer that gives itself back. */
#include <stdio.h>
#include <tinyai/raii.h>

static bool is_valid(int request) {
    return request % 3 != 0;
}

static bool leaking(int request) {
    char *answer = tinyai_memory_alloc(NULL, 4096);
    if (answer == NULL || !is_valid(request))
        return false; /* here */
    tinyai_memory_free(NULL, answer);
    return true;
}

static bool fixed(int request) {
    TINYAI_AUTO_BLOCK char *answer = tinyai_memory_alloc(NULL, 4096);
    return answer != NULL && is_valid(request);
}

int main(int argc, char **argv) {
    if (argc < 2)
        return 2;
    tinyai_enable_memory_tracking(true);
    int served = 0;
    for (int request = 0; request < 12; request++)
        served += argc > 2 ? fixed(request) : leaking(request);
    const size_t left = tinyai_shutdown_memory();
    printf("%d of 12 requests served, %zu allocations left\n", served, left);
    return !tinyai_generate_memory_report(argv[1]);
}
