/* Files that are written, of the hosts that have POSIX calls: native and WASI. */
#define _FILE_OFFSET_BITS 64 /* files above 2 GiB on 32-bit systems */

#include "port/port.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port/fault.h"
#include "port/path_error.h"

#define LONGEST_WRITE ((uint64_t)1 << 30) /* see file.c */
#define PATH_ROOM 1024u                   /* on the stack, which is small */
#define TRIES 16

static int32_t fail(TinyAIError *error, int32_t status, const char *path, const char *what) {
    return tai_path_error(error, status, "write", path, what, "");
}

static int32_t failed(TinyAIError *error, const char *path, int reason) {
    switch (reason) {
    case ENOSPC:
#ifdef EDQUOT
    case EDQUOT:
#endif
        return fail(error, TINYAI_E_IO, path,
                    "the disk is full. Free some space, or write it to another disk.");
    case EFBIG:
        return fail(error, TINYAI_E_IO, path,
                    "files here cannot be so large. Write it to another disk, or raise the limit.");
    case ENOENT:
    case ENOTDIR:
        return fail(error, TINYAI_E_NOT_FOUND, path, "there is no such folder. Create it first.");
    case EACCES:
    case EPERM:
    case EROFS:
        return fail(error, TINYAI_E_NOT_FOUND, path,
                    "no permission to write there. Check the rights of the folder.");
#ifdef ENOTCAPABLE
    case ENOTCAPABLE: /* WASI: outside the folders that were passed */
        return fail(error, TINYAI_E_NOT_FOUND, path, "it is in none of the folders given.");
#endif
    case EMFILE:
    case ENFILE:
        return fail(error, TINYAI_E_IO, path,
                    "too many files are open. Close some, or raise the limit.");
    default: {
        char what[96];
        snprintf(what, sizeof what, "%s.", strerror(reason));
        return fail(error, TINYAI_E_IO, path, what);
    }
    }
}

/* The name it has until it is complete; false if the path is too long. */
static bool partial_path(const TaiPortOut *out, char into[PATH_ROOM]) {
    const int n = snprintf(into, PATH_ROOM, "%s.%08" PRIx32 ".partial", tai_port_path(out->path),
                           (uint32_t)(out->unique ^ out->unique >> 32));
    return n > 0 && (unsigned)n < PATH_ROOM;
}

static int32_t check_target(const char *path, TinyAIError *error) {
    struct stat about;
    if (*path == '\0' || path[strlen(path) - 1] == '/' ||
        (stat(tai_port_path(path), &about) == 0 && !S_ISREG(about.st_mode))) {
        return fail(error, TINYAI_E_ARGUMENT, path, "it is not a regular file. Name a file.");
    }
    return 0;
}

/* A handle, or -1 and errno. */
static int create_exclusively(const char *path) {
    if (!tai_claim("a file handle")) {
        errno = EMFILE;
        return -1;
    }
    int handle;
    do {
        handle = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (handle < 0 && errno == EINTR);
    return handle;
}

int32_t tai_port_file_create(TaiPortOut *out, const char *path, TinyAIError *error) {
    *out = (TaiPortOut){.handle = -1, .path = path, .error = error};
    const int32_t status = check_target(path, error);
    if (status != 0) {
        return status;
    }
    for (int i = 0; i < TRIES; i++) {
        char partial[PATH_ROOM];
        out->unique = tai_port_clock_ns() + (uint64_t)i;
        if (!partial_path(out, partial)) {
            return fail(error, TINYAI_E_ARGUMENT, path, "the path is too long.");
        }
        out->handle = create_exclusively(partial);
        if (out->handle >= 0 || errno != EEXIST) {
            break;
        }
    }
    if (out->handle < 0) {
        return failed(error, path, errno);
    }
    tai_hold(TAI_HELD_FILE, 1);
    return 0;
}

int32_t tai_port_file_resize(TaiPortOut *out, uint64_t bytes) {
    int result = -1;
    errno = EFBIG;
    if (bytes <= INT64_MAX) {
        do {
            result = ftruncate(out->handle, (off_t)bytes);
        } while (result != 0 && errno == EINTR);
    }
    return result != 0 ? failed(out->error, out->path, errno) : 0;
}

int32_t tai_port_file_write_at(TaiPortOut *out, uint64_t offset, const void *from, uint64_t bytes) {
    const unsigned char *at = from;
    if (offset > INT64_MAX || bytes > INT64_MAX - offset) {
        return failed(out->error, out->path, EFBIG);
    }
    while (bytes > 0) {
        const size_t part = (size_t)(bytes < LONGEST_WRITE ? bytes : LONGEST_WRITE);
        const ssize_t put = pwrite(out->handle, at, part, (off_t)offset);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return failed(out->error, out->path, put < 0 ? errno : EIO);
        }
        at += put;
        offset += (uint64_t)put;
        bytes -= (uint64_t)put;
    }
    return 0;
}

int32_t tai_port_file_write(TaiPortOut *out, const void *from, uint64_t bytes) {
    const int32_t status = tai_port_file_write_at(out, out->offset, from, bytes);
    out->offset += bytes;
    return status;
}

/* The name itself is safe when the folder is. Not every system can do that: then it is as safe as the
 * system makes it. */
static void sync_folder(const char *path) {
    char folder[PATH_ROOM];
    const char *slash = strrchr(path, '/');
    const size_t n = slash == NULL ? 0 : (size_t)(slash - path);
    if (n >= PATH_ROOM) {
        return;
    }
    memcpy(folder, path, n);
    folder[n] = '\0';
    const int handle = open(slash == NULL ? "." : n == 0 ? "/" : folder, O_RDONLY | O_CLOEXEC);
    if (handle >= 0) {
        fsync(handle);
        close(handle);
    }
}

int32_t tai_port_file_commit(TaiPortOut *out) {
    char partial[PATH_ROOM];
    int wrong = partial_path(out, partial) && fsync(out->handle) == 0 ? 0 : errno;
    if (close(out->handle) != 0 && wrong == 0) {
        wrong = errno;
    }
    out->handle = -1;
    tai_hold(TAI_HELD_FILE, -1);
    if (wrong == 0 && rename(partial, tai_port_path(out->path)) != 0) {
        wrong = errno;
    }
    if (wrong != 0) {
        unlink(partial);
        return failed(out->error, out->path, wrong);
    }
    sync_folder(tai_port_path(out->path));
    return 0;
}

void tai_port_file_abandon(TaiPortOut *out) {
    char partial[PATH_ROOM];
    if (out->handle >= 0 && partial_path(out, partial)) {
        close(out->handle);
        unlink(partial);
        tai_hold(TAI_HELD_FILE, -1);
    }
    out->handle = -1;
}

bool tai_port_file_is(int handle, const char *path) {
    struct stat open_one;
    struct stat named;
    return fstat(handle, &open_one) == 0 && stat(tai_port_path(path), &named) == 0 &&
           open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}
