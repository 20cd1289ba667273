/* Status codes of every TinyAI function, and the error value that goes with them.
 * The list below is the only one: js/src/status.ts is generated from it (tools/gen-abi). */
#ifndef TINYAI_STATUS_H
#define TINYAI_STATUS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, value, meaning) */
#define TINYAI_STATUS_LIST(X)                                                                      \
    X(OK, 0, "success")                                                                            \
    X(E_ARGUMENT, -1, "an option or argument is out of range")                                     \
    X(E_NOT_FOUND, -2, "the source does not exist or cannot be opened")                            \
    X(E_IO, -3, "a read failed")                                                                   \
    X(E_TRUNCATED, -4, "the file ends before what its header promises")                            \
    X(E_FORMAT, -5, "the file is malformed")                                                       \
    X(E_UNSUPPORTED, -6, "well formed, but not a kind that this build runs")                       \
    X(E_BUDGET, -7, "the memory budget is too small")                                              \
    X(E_NOMEM, -8, "the host did not give the planned memory")                                     \
    X(E_CONTEXT, -9, "more tokens than the context holds")                                         \
    X(E_TEXT, -10, "text that cannot be tokenized in the planned memory")                          \
    X(E_BUSY, -11, "the model is already generating")                                              \
    X(E_CLOSED, -12, "the model was closed")                                                       \
    X(E_WOULD_BLOCK, -13, "the bytes are not resident and this host cannot wait")                  \
    X(E_NUMERIC, -14, "the model computed values that are not finite")                             \
    X(E_HTTP, -15, "the server did not answer a range request as it must")                         \
    X(E_STALE, -16, "the source changed while it was in use")                                      \
    X(E_SIZE, -17, "the size of the source is unknown or not exact")                               \
    X(E_INTERNAL, -18, "a check of our own failed: please report it")                              \
    X(E_CORRUPT, -19, "bytes of the file do not match their hash")

typedef enum TinyAIStatus {
#define TINYAI_STATUS_ENUM(name, value, meaning) TINYAI_##name = (value),
    TINYAI_STATUS_LIST(TINYAI_STATUS_ENUM)
#undef TINYAI_STATUS_ENUM
} TinyAIStatus;

#define TINYAI_NO_OFFSET UINT64_MAX

/* What went wrong, where, and what to do. The first error of an operation wins. */
typedef struct TinyAIError {
    int32_t status; /* a TinyAIStatus */
    uint32_t reserved;
    uint64_t offset;        /* byte offset in the source, or TINYAI_NO_OFFSET */
    uint64_t asked_bytes;   /* E_BUDGET: what the configuration needs, else 0 */
    uint64_t allowed_bytes; /* E_BUDGET: what the budget allows */
    uint64_t missing_bytes; /* E_BUDGET: asked - allowed */
    char message[352];      /* a sentence in UTF-8, always terminated */
} TinyAIError;

/* "E_BUDGET" for TINYAI_E_BUDGET; "E_INTERNAL" for a value that is not in the list. */
const char *tinyai_status_name(int32_t status);

#ifdef __cplusplus
}
#endif
#endif
