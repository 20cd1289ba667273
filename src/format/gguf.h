/* GGUF v2 and v3. Source: the GGUF specification of ggml (docs/gguf.md). */
#ifndef TAI_GGUF_H
#define TAI_GGUF_H

#include "format/cursor.h"
#include "format/index.h"

/* What the start of the header says; *least_bytes: of the whole header. Errors are the cursor's. */
void tai_gguf_counts(TaiCursor *in, TaiCounts *counts, uint64_t *least_bytes);
/* tai_header_parse of this format. */
int32_t tai_gguf_parse(TaiHeader *header, const uint8_t *bytes, uint64_t size, uint64_t file_bytes,
                       void *index, uint64_t index_bytes, TinyAIError *error);

#endif
