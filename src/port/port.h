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

/* A file that is written beside its name and appears under it only when it is whole. */
typedef struct TaiPortOut {
    int handle;
    char path[512];
    char temporary[520];
} TaiPortOut;

/* On failure *error says why (E_NOT_FOUND, E_IO, E_ARGUMENT), and nothing is left behind. */
int32_t tai_port_file_create(TaiPortOut *out, const char *path, TinyAIError *error);
/* 0 or E_IO: then abandon it. */
int32_t tai_port_file_write(TaiPortOut *out, const void *bytes, uint64_t n_bytes);
/* Ends the writing: 0 and the file has its name, or E_IO and nothing is left behind. */
int32_t tai_port_file_commit(TaiPortOut *out);
void tai_port_file_abandon(TaiPortOut *out);

/* The path without "./" in front, which wasi-libc does not find in the folders that it was given.
 */
const char *tai_port_path(const char *path);

/* A sentence with a leading blank that is put behind "cannot open" messages, or "": what is special
 * about files on this host. */
extern const char tai_port_file_hint[];

/* ---- the command's needs ------------------------------------------------------------------- */

/* From now on Ctrl-C does not end the program but makes tai_port_interrupted() true; a second
 * Ctrl-C ends it. Hosts without signals do nothing. */
void tai_port_catch_interrupt(void);
bool tai_port_interrupted(void);

/* True from a SIGUSR1 on, until a SIGUSR2: whoever runs the program wants memory back. Hosts without signals:
 * always false. */
void tai_port_catch_pressure(void);
bool tai_port_pressure(void);

extern const char tai_port_name[]; /* "native", "wasi" */

#endif
