/* Converting between GGUF and TMAI: what goes where, the header, and the hashes; quantized rows become panels, and
 * rows again. It does no I/O: the host reads what a TaiCopy says into a buffer, hands it over, writes from the
 * buffer, and writes the header last.
 *
 *     tai_convert_begin(...)
 *     while (tai_convert_next(&c, buffer_bytes, &copy)) {
 *         read copy.bytes at copy.from into buffer + copy.at
 *         tai_convert_moved(&c, buffer, ...)
 *         write copy.to_bytes at copy.to, from the buffer's start
 *     }
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
    uint64_t from;     /* in the source */
    uint64_t bytes;    /* to read */
    uint64_t at;       /* where, in the buffer */
    uint64_t to;       /* in the target; TAI_NOWHERE: padding, needed for the hash alone */
    uint64_t to_bytes; /* to write */
} TaiCopy;

/* What a conversion takes. */
typedef struct TaiConvertNeeds {
    uint64_t room_bytes;
    uint64_t least_buffer; /* TAI_CONVERT_LEAST_BUFFER, or more where rows are long */
} TaiConvertNeeds;

typedef struct TaiConvert {
    const TaiHeader *source; /* and its bytes: the caller's, needed to the end */
    TaiFormat target;
    uint32_t layout; /* in TMAI, of matrices that can have it: TAI_LAYOUT_* */
    bool has_output;
    uint8_t *header; /* of the target, after tai_convert_finish */
    uint64_t header_bytes;
    uint64_t target_bytes;
    uint64_t total_bytes; /* that are read */
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

/* layout: of the target if that is TMAI. E_UNSUPPORTED if the header would be too long. */
int32_t tai_convert_needs(const TaiHeader *source, uint32_t layout, TaiConvertNeeds *needs,
                          TinyAIError *error);

/* room: 8-byte aligned, needs.room_bytes of it. The target has the other format. */
int32_t tai_convert_begin(TaiConvert *c, const TaiHeader *source, uint32_t layout, void *room,
                          TinyAIError *error);

/* The next copy, through a buffer of needs.least_buffer bytes or more; false when there is none. */
bool tai_convert_next(TaiConvert *c, uint64_t buffer_bytes, TaiCopy *copy);
/* Its bytes are in the buffer, which is 16-byte aligned. E_CORRUPT if a piece of the source does not match its hash. */
int32_t tai_convert_moved(TaiConvert *c, uint8_t *buffer, TinyAIError *error);

void tai_convert_finish(TaiConvert *c);

#endif
