#include "memory/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void tai_error_clear(TinyAIError *error) {
    if (error) {
        memset(error, 0, sizeof *error);
        error->offset = TINYAI_NO_OFFSET;
    }
}

int32_t tai_fail(TinyAIError *error, int32_t status, uint64_t offset, const char *format, ...) {
    if (!error) {
        return status;
    }
    if (error->status) {
        return error->status;
    }
    error->status = status;
    error->offset = offset;
    va_list args;
    va_start(args, format);
    vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    return status;
}

TinyAIError *tai_thread_error(void) {
    static _Thread_local TinyAIError error = {.offset = TINYAI_NO_OFFSET};
    return &error;
}

TinyAIError *tai_thread_begin(void) {
    TinyAIError *error = tai_thread_error();
    if (error->status != TINYAI_OK) {
        tai_error_clear(error);
    }
    return error;
}

const char *tinyai_status_name(int32_t status) {
    switch (status) {
#define STATUS_CASE(name, value, meaning)                                                          \
    case value:                                                                                    \
        return #name;
        TINYAI_STATUS_LIST(STATUS_CASE)
#undef STATUS_CASE
    default:
        return "E_INTERNAL";
    }
}
