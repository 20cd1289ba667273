/* What file.c and file_out.c say of a path. */
#ifndef TAI_PATH_ERROR_H
#define TAI_PATH_ERROR_H

#include "tinyai/status.h"

/* Fills *error (NULL is allowed) with: cannot `verb` "path": what hint. Long paths keep their end, which tells
 * more than their beginning. Returns the status. */
int32_t tai_path_error(TinyAIError *error, int32_t status, const char *verb, const char *path,
                       const char *what, const char *hint);

#endif
