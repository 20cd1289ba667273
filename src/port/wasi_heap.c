/* malloc for wasi-libc's own start-up (arguments, environment, the table of given folders), and for
 * nothing else: the library never allocates. It comes out of a fixed array that counts as static
 * data, so that linear memory holds exactly what was planned. Only the last block can be freed. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define HEAP_BYTES 12288u
#define UNIT 16u /* alignment of every block, and size of the header in front of it */

typedef struct Header {
    size_t bytes; /* of the block behind it, a multiple of UNIT */
    size_t unused[3];
} Header;
_Static_assert(sizeof(Header) == UNIT, "blocks stay aligned");

static _Alignas(UNIT) unsigned char heap[HEAP_BYTES];
static size_t used;

static Header *header_of(void *block) {
    return (Header *)((unsigned char *)block - UNIT);
}

static int is_last(void *block) {
    return (unsigned char *)block + header_of(block)->bytes == heap + used;
}

/* Start-up cannot go on without its memory, and libc would end the program without a word. */
static _Noreturn void full(void) {
    static const char text[] =
        "tinyai: arguments, environment and folder names take more than 12 KiB:"
        " pass a long prompt through standard input\n";
    const ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    _exit(1);
}

static void *take(size_t bytes) {
    const size_t room = HEAP_BYTES - used; /* used and HEAP_BYTES are multiples of UNIT */
    if (room < UNIT || bytes > room - UNIT) {
        full();
    }
    Header *header = (Header *)(heap + used);
    header->bytes = (bytes + UNIT - 1) & ~(size_t)(UNIT - 1);
    used += UNIT + header->bytes;
    return (unsigned char *)header + UNIT;
}

void *malloc(size_t bytes) {
    return take(bytes);
}

void free(void *block) {
    if (block != NULL && is_last(block)) {
        used -= UNIT + header_of(block)->bytes;
    }
}

void *calloc(size_t count, size_t bytes) {
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        full();
    }
    return memset(take(total), 0, total);
}

void *realloc(void *block, size_t bytes) {
    void *moved = take(bytes);
    if (block != NULL) {
        const size_t old = header_of(block)->bytes;
        memcpy(moved, block, old < bytes ? old : bytes);
    }
    return moved;
}

/* libc.a has these in the same file as its malloc, which must stay out of the module. */
void *aligned_alloc(size_t alignment, size_t bytes) {
    if (alignment > UNIT) {
        errno = EINVAL;
        return NULL;
    }
    return take(bytes);
}

int posix_memalign(void **block, size_t alignment, size_t bytes) {
    *block = aligned_alloc(alignment, bytes);
    return *block == NULL ? errno : 0;
}

size_t malloc_usable_size(void *block) {
    return block == NULL ? 0 : header_of(block)->bytes;
}
