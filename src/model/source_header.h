/* Reading the header of a source where the host may block. */
#ifndef TAI_SOURCE_HEADER_H
#define TAI_SOURCE_HEADER_H

#include "tinyai/tinyai.h"

/* The first `bytes` bytes of the source. 0 or a status. */
int32_t tai_read_start(const TinyAISource *source, void *into, uint64_t bytes, TinyAIError *error);

/* What is done with the first `size` bytes of a source; scratch: 64-byte aligned room for index and directory,
 * as in tai_engine_plan_bytes. TAI_HEADER_MORE if the header is longer: then *header_bytes says how long at
 * least. */
typedef int32_t TaiHeaderUse(void *user, const uint8_t *header, uint64_t size, void *scratch,
                             uint64_t scratch_bytes, uint64_t *header_bytes, TinyAIError *error);

/* Calls `use` with as much of the source as the header has, in memory that is given back before the return.
 * Each try reads as much as the one before proved the header to have, so no byte behind it is read. */
int32_t tai_with_header(const TinyAISource *source, TaiHeaderUse *use, void *user,
                        TinyAIError *error);

#endif
