/* GGUF v2 and v3. Source: the GGUF specification of ggml (docs/gguf.md). */
#ifndef TAI_GGUF_H
#define TAI_GGUF_H

#include "format/header.h"

/* tai_header_index_bytes and tai_header_parse of this format. */
int32_t tai_gguf_index_bytes(const uint8_t *bytes, uint64_t size, uint64_t file_bytes,
                             uint64_t *index_bytes, uint64_t *least_bytes, TinyAIError *error);
int32_t tai_gguf_parse(TaiHeader *header, const uint8_t *bytes, uint64_t size, uint64_t file_bytes,
                       void *index, uint64_t index_bytes, TinyAIError *error);

#endif
