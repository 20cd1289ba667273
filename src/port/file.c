/* Files of the hosts that have POSIX calls: native and WASI. It keeps no state. */
#define _FILE_OFFSET_BITS 64 /* files above 2 GiB on 32-bit systems */

#include "port/port.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port/fault.h"
#include "port/path_error.h"

_Static_assert(sizeof(off_t) == 8, "file offsets have 64 bits");

/* Linux and macOS cut or refuse single reads of 2 GiB and more. */
#define LONGEST_READ ((uint64_t)1 << 30)

int32_t tai_path_error(TinyAIError *error, int32_t status, const char *verb, const char *path,
                       const char *what, const char *hint) {
    if (error == NULL) {
        return status;
    }
    const size_t room = 120;
    const size_t length = strlen(path);
    const char *shown = length > room ? path + (length - room) : path;
    while (((unsigned char)*shown & 0xC0) == 0x80) {
        shown++; /* not from within a UTF-8 character */
    }
    memset(error, 0, sizeof *error);
    error->status = status;
    error->offset = TINYAI_NO_OFFSET;
    snprintf(error->message, sizeof error->message, "cannot %s \"%s%s\": %s%s", verb,
             length > room ? "..." : "", shown, what, hint);
    return status;
}

static int32_t cannot_open(TinyAIError *error, int32_t status, const char *path, const char *what) {
    return tai_path_error(error, status, "open", path, what,
                          status == TINYAI_E_NOT_FOUND ? tai_port_file_hint : "");
}

static int32_t open_failed(TinyAIError *error, const char *path, int reason) {
    switch (reason) {
    case ENOENT:
        return cannot_open(error, TINYAI_E_NOT_FOUND, path,
                           "there is no such file. Check the path.");
    case EMFILE:
    case ENFILE:
        return cannot_open(error, TINYAI_E_IO, path,
                           "too many files are open. Close some, or raise the limit.");
    case ENOTDIR:
        return cannot_open(error, TINYAI_E_NOT_FOUND, path,
                           "a part of the path is a file, not a folder. Check the path.");
    case EACCES:
    case EPERM:
        return cannot_open(
            error, TINYAI_E_NOT_FOUND, path,
            "no permission to read it. Check the rights of the file and its folders.");
#ifdef ENOTCAPABLE
    case ENOTCAPABLE: /* WASI: outside the folders that were passed */
        return cannot_open(error, TINYAI_E_NOT_FOUND, path, "it is in none of the folders given.");
#endif
    default: {
        char what[96];
        snprintf(what, sizeof what, "%s.", strerror(reason));
        return cannot_open(error, TINYAI_E_IO, path, what);
    }
    }
}

const char *tai_port_path(const char *path) {
    const char *rest = path;
    while (rest[0] == '.' && rest[1] == '/') {
        rest += 2;
        while (*rest == '/') {
            rest++;
        }
    }
    return *rest == '\0' && rest != path ? "." : rest;
}

/* -1 and errno on failure. */
static int open_for_reading(const char *path) {
    if (!tai_claim("a file handle")) {
        errno = EMFILE;
        return -1;
    }
    int handle;
    do {
        /* O_NONBLOCK: a pipe without a writer is refused later, instead of being waited for here. */
        handle = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    } while (handle < 0 && errno == EINTR);
    return handle;
}

int32_t tai_port_file_open(TaiPortFile *file, const char *path, TinyAIError *error) {
    const int handle = open_for_reading(tai_port_path(path));
    if (handle < 0) {
        return open_failed(error, path, errno);
    }
    tai_hold(TAI_HELD_FILE, 1);

    struct stat about;
    int32_t status = 0;
    if (fstat(handle, &about) != 0) {
        status = open_failed(error, path, errno);
    } else if (S_ISDIR(about.st_mode)) {
        status = cannot_open(error, TINYAI_E_IO, path, "it is a folder. Name a file in it.");
    } else if (!S_ISREG(about.st_mode)) {
        status = cannot_open(
            error, TINYAI_E_SIZE, path,
            "it is not a regular file, so that it has no size. Copy it to a file first.");
    }
    if (status != 0) {
        tai_port_file_close(handle);
        return status;
    }
    file->handle = handle;
    file->size = (uint64_t)about.st_size;
    return 0;
}

int32_t tai_port_file_read(int handle, uint64_t offset, void *into, uint64_t bytes) {
    if (offset > INT64_MAX || bytes > INT64_MAX - offset) {
        return TINYAI_E_STALE; /* no file is that long */
    }
    unsigned char *to = into;
    while (bytes > 0) {
        const size_t part = (size_t)(bytes < LONGEST_READ ? bytes : LONGEST_READ);
        const ssize_t got = pread(handle, to, part, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return TINYAI_E_IO;
        }
        if (got == 0) {
            return TINYAI_E_STALE;
        }
        to += got;
        offset += (uint64_t)got;
        bytes -= (uint64_t)got;
    }
    return 0;
}

void tai_port_file_close(int handle) {
    close(handle);
    tai_hold(TAI_HELD_FILE, -1);
}
