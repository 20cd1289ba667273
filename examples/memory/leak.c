/* A leak: a request that fails leaves early, and forgets its pool. The report names the line.
 *
 *     cc leak.c $(pkg-config --cflags --libs tinyai) -o leak && ./leak report.txt
 *
 * `./leak report.txt fixed`: the same with a handle that gives itself back. */
#include <stdio.h>
#include <tinyai/raii.h>

static bool is_valid(int request) {
    return request % 3 != 0;
}

static bool leaking(int request) {
    TinyAIMemoryPool *pool = tinyai_create_pool(64 * 1024, 256);
    if (pool == NULL || !is_valid(request))
        return false; /* here */
    tinyai_destroy_pool(pool);
    return true;
}

static bool fixed(int request) {
    TINYAI_AUTO_POOL TinyAIMemoryPool *pool = tinyai_create_pool(64 * 1024, 256);
    return pool != NULL && is_valid(request);
}

int main(int argc, char **argv) {
    if (argc < 2)
        return 2;
    tinyai_enable_memory_tracking(true);
    int served = 0;
    for (int request = 0; request < 12; request++)
        served += argc > 2 ? fixed(request) : leaking(request);
    printf("%d requests served\n", served);
    return !tinyai_generate_memory_report(argv[1]);
}
