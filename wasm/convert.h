/* Converting between GGUF and TMAI (format/convert.h), in two instances that are thrown away: one that
 * measures, and one whose memory is what the conversion takes. The host reads and writes. */
#ifndef TINYAI_CONVERT_H
#define TINYAI_CONVERT_H

#include "exchange.h"

#define TINYAI_CONVERT_HEADER 131072u /* address of the source's header, behind the program */

typedef struct TinyAIConversion {
    uint64_t needed_bytes; /* of memory without the buffer; after tinyai_js_convert_measure */
    uint64_t source_header_bytes; /* " */
    uint64_t target_bytes;        /* after tinyai_js_convert_begin; what is not written is zero */
    uint64_t total_bytes;         /* " that will be read */
    uint64_t moved_bytes;
    uint64_t from;     /* the next copy, after tinyai_js_convert_next: in the source */
    uint64_t to;       /* in the target */
    uint32_t bytes;    /* to read */
    uint32_t into;     /* address that they go to, in the buffer */
    uint32_t to_bytes; /* to write, from the buffer's start; 0: they are needed for a hash alone */
    uint32_t buffer;   /* its address */
    uint32_t least_buffer; /* bytes of it; after tinyai_js_convert_measure */
    uint32_t
        header; /* address of the target's header, when there is no next copy: goes to offset 0 */
    uint32_t header_bytes;
    uint32_t format; /* of the target: TaiFormat */
    uint32_t n_tensors;
    uint32_t reserved;
} TinyAIConversion;

/* Address of the one TinyAIConversion. */
uint32_t tinyai_js_conversion(void);

/* Arguments and result as those of tinyai_js_plan; exchange.file_bytes and exchange.error are used. layout: of
 * quantized matrices in TMAI, TAI_LAYOUT_*. */
int32_t tinyai_js_convert_measure(uint32_t header, uint32_t header_bytes, uint32_t memory_bytes,
                                  uint32_t layout);

/* The source's header lies at TINYAI_CONVERT_HEADER; memory_bytes: at least needed_bytes and least_buffer. */
int32_t tinyai_js_convert_begin(uint32_t header_bytes, uint32_t memory_bytes, uint32_t layout);

/* 1: read `bytes` bytes at `from` to `into`, call tinyai_js_convert_moved, and write `to_bytes` bytes of the buffer
 * at `to`. 0: all is copied, and the header is there. */
int32_t tinyai_js_convert_next(void);
int32_t tinyai_js_convert_moved(void);

#endif
