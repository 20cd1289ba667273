/* Strings, names and key-values: encoded the same in GGUF and TMAI. */
#ifndef TAI_KEYS_H
#define TAI_KEYS_H

#include "format/cursor.h"
#include "format/header.h"

#define TAI_MIN_KEY_BYTES 13u /* length, no key, type, one byte of value */
#define TAI_NAME_BYTES 64u    /* of a tensor, at most */

/* A length and so many bytes. */
TaiString tai_read_string(TaiCursor *in, const char *what);

/* Names of keys and tensors are printable ASCII, so that they can be shown and compared. */
bool tai_is_name(TaiString name, uint32_t max_bytes);

/* Reads header->n_kv key-values, each key at most once. promised: bytes that must follow them. */
void tai_read_keys(TaiCursor *in, TaiHeader *header, uint64_t promised, uint32_t *scratch);

#endif
