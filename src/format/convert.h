/* Converting between GGUF and TMAI: what goes where, the header, and the hashes. It does no I/O: the host
 * reads what a TaiCopy says, hands the bytes over, writes them, and writes the header last.
 *
 *     tai_convert_begin(...)
 *     while (tai_convert_next(&c, most, &copy)) { read; tai_convert_moved(&c, bytes, ...); write; }
 *     tai_convert_finish(&c); write c.header at 0
 *
 * The target is c.target_bytes long; bytes of it that are not written are zero. */
#ifndef TAI_CONVERT_H
#define TAI_CONVERT_H

#include "format/header.h"
#include "format/xxh3.h"

#define TAI_CONVERT_LEAST_BUFFER 4096u /* for bytes on their way */
#define TAI_CONVERT_BUFFER (1u << 20)  /* more makes it no faster */
#define TAI_CONVERT_PROGRAM 131072u    /* static data and stack, as in every plan */

#define TAI_NOWHERE UINT64_MAX

typedef struct TaiCopy {
    uint64_t from; /* in the source */
    uint64_t to;   /* in the target; TAI_NOWHERE: padding, needed for the hash alone */
    uint64_t bytes;
} TaiCopy;

typedef struct TaiConvert {
    const TaiHeader *source; /* and its bytes: the caller's, needed to the end */
    TaiFormat target;
    uint8_t *header; /* of the target, after tai_convert_finish */
    uint64_t header_bytes;
    uint64_t target_bytes;
    uint64_t total_bytes; /* that are copied */
    uint64_t moved_bytes;
    TaiPiece *pieces; /* of whichever side is TMAI */
    uint32_t n_pieces;
    uint64_t *off;   /* [n_tensors] in the target */
    uint32_t *order; /* tensors in the order of the pieces */
    uint32_t n_order;
    uint32_t tensor; /* where we are: in order[] */
    uint32_t piece;
    uint64_t at;  /* in the TMAI side */
    TaiCopy copy; /* the last one given */
    TaiXxh3 hash;
} TaiConvert;

/* Bytes of room that the conversion of this file needs. E_UNSUPPORTED if the header would be too long. */
int32_t tai_convert_room(const TaiHeader *source, uint64_t *room_bytes, TinyAIError *error);

/* room: 8-byte aligned, tai_convert_room of it. The target has the other format. */
int32_t tai_convert_begin(TaiConvert *c, const TaiHeader *source, void *room, TinyAIError *error);

/* The next copy, of at most `most` bytes; false when there is none. */
bool tai_convert_next(TaiConvert *c, uint64_t most, TaiCopy *copy);
/* Its bytes. E_CORRUPT if a piece of the source does not match its hash. */
int32_t tai_convert_moved(TaiConvert *c, const void *bytes, TinyAIError *error);

void tai_convert_finish(TaiConvert *c);

#endif
