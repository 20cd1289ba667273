/* The contract between TinyAI and its host: memory, time, files, Ctrl-C. One file per host
 * implements it (posix.c, wasi.c; file.c is shared by the hosts that have POSIX calls). JS hosts
 * own their memory and their I/O: of all this, emscripten.c has only tai_port_discard. Reader threads
 * have a contract of their own (readers.h).
 *
 * Nothing here calls malloc. */
#ifndef TAI_PORT_H
#define TAI_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "tinyai/status.h"

/* ---- memory -------------------------------------------------------------------------------- */

/* Reserves `bytes` bytes, all zero and aligned to 64. NULL if bytes is 0 or the host does not give
 * them; nothing has changed then.
 *
 * Natively each region is a mapping of its own. WASI has one linear memory, in which regions begin right
 * behind the static data: a region takes the smallest gap between others that holds it, or else begins
 * behind the highest one, and only then the memory grows, once, to the region's end. So one region after
 * the other takes the bytes of the largest alone. WASI holds TAI_PORT_REGIONS at a time, and NULL is
 * the answer to one more. */
void *tai_port_reserve(uint64_t bytes);
#define TAI_PORT_REGIONS 16u

/* Gives back what tai_port_reserve(bytes) returned; NULL is allowed. Linear memory cannot shrink:
 * WASI keeps the pages for later regions. */
void tai_port_release(void *base, uint64_t bytes);

/* The content of a part of a region is not needed any more: it may be as it was or zero from now on, and
 * natively its whole pages go back to the system until they are written again. `base` may be any address;
 * a part smaller than a page, or NULL, does nothing. */
void tai_port_discard(void *base, uint64_t bytes);

/* ---- time ---------------------------------------------------------------------------------- */

/* Nanoseconds since some fixed moment; never runs backwards. */
uint64_t tai_port_clock_ns(void);

/* ---- files --------------------------------------------------------------------------------- */

typedef struct TaiPortFile {
    int handle;
    uint64_t size; /* bytes, when it was opened */
} TaiPortFile;

/* Opens a regular file for reading. On failure *error says what, where and what to do (E_NOT_FOUND,
 * E_IO, E_SIZE), and its status is returned. `error` may be NULL. */
int32_t tai_port_file_open(TaiPortFile *file, const char *path, TinyAIError *error);

/* Reads exactly `bytes` bytes at `offset`: 0, E_STALE if the file ended before them (it was long
 * enough when it was opened, or the caller asked for too much), or E_IO. `into` may be partly
 * written when it fails. */
int32_t tai_port_file_read(int handle, uint64_t offset, void *into, uint64_t bytes);

void tai_port_file_close(int handle);

/* ---- files written -------------------------------------------------------------------------- */

/* A file that appears under its name when it is complete, or not at all: it is written beside it as
 * PATH.UNIQUE.partial, and renamed at the end. Whatever ends the program before leaves that file alone. */
typedef struct TaiPortOut {
    int handle;         /* -1: committed or abandoned */
    const char *path;   /* the caller's, until then */
    uint64_t unique;    /* part of the name it is written under */
    uint64_t offset;    /* where tai_port_file_write goes on */
    TinyAIError *error; /* the caller's, may be NULL: what went wrong in any of these functions */
} TaiPortOut;

/* A target that exists must be a regular file. On failure nothing is left, and there is nothing to abandon. */
int32_t tai_port_file_create(TaiPortOut *out, const char *path, TinyAIError *error);
/* Makes it so long; what was never written is zero. */
int32_t tai_port_file_resize(TaiPortOut *out, uint64_t bytes);
/* All of the bytes, or E_IO. */
int32_t tai_port_file_write(TaiPortOut *out, const void *from, uint64_t bytes);
int32_t tai_port_file_write_at(TaiPortOut *out, uint64_t offset, const void *from, uint64_t bytes);
/* Makes it safe on the disk and gives it its name, replacing what had it. On failure it is abandoned. */
int32_t tai_port_file_commit(TaiPortOut *out);
/* Removes it; nothing after tai_port_file_commit. */
void tai_port_file_abandon(TaiPortOut *out);

/* Whether the open file is what `path` names now. */
bool tai_port_file_is(int handle, const char *path);

/* The path without "./" in front, which wasi-libc does not find in the folders that it was given.
 */
const char *tai_port_path(const char *path);

/* A sentence with a leading blank that is put behind "cannot open" messages, or "": what is special
 * about files on this host. */
extern const char tai_port_file_hint[];

/* ---- the command's needs ------------------------------------------------------------------- */

/* From now on Ctrl-C does not end the program but makes tai_port_interrupted() true; a second
 * Ctrl-C ends it. Nor does a file that grows beyond the user's limit: writing it fails. Hosts without
 * signals do nothing. */
void tai_port_catch_interrupt(void);
bool tai_port_interrupted(void);

/* True from a SIGUSR1 on, until a SIGUSR2: whoever runs the program wants memory back. Hosts without signals:
 * always false. */
void tai_port_catch_pressure(void);
bool tai_port_pressure(void);

extern const char tai_port_name[]; /* "native", "wasi" */

#endif
