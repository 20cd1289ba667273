/* Filling in a TinyAIError: the first error of an operation wins. */
#ifndef TAI_ERROR_H
#define TAI_ERROR_H

#include "tinyai/status.h"

/* NULL is allowed, as in tai_fail. */
void tai_error_clear(TinyAIError *error);

/* Sets status, offset (TINYAI_NO_OFFSET: none) and a printf-formatted message, unless an error is
 * already there; returns the status that stands. error may be NULL. */
__attribute__((format(printf, 4, 5))) int32_t tai_fail(TinyAIError *error, int32_t status,
                                                       uint64_t offset, const char *format, ...);

/* The calling thread's error of functions that return a pointer or bool: tinyai_last_error(NULL). */
TinyAIError *tai_thread_error(void);
/* The same without an error in it: what such a function begins with. */
TinyAIError *tai_thread_begin(void);

#endif
