/* GGUF v2 and v3: the header as an index of key-values and tensors over its bytes.
 * Source: the GGUF specification of ggml (docs/gguf.md). It owns no memory: the caller keeps the
 * bytes and gives room for the index. It checks all that can be checked without knowing the
 * architecture. */
#ifndef TAI_GGUF_H
#define TAI_GGUF_H

#include <stdbool.h>
#include <stdint.h>

#include "memory/error.h"

typedef enum TaiGgufType {
    TAI_GGUF_U8,
    TAI_GGUF_I8,
    TAI_GGUF_U16,
    TAI_GGUF_I16,
    TAI_GGUF_U32,
    TAI_GGUF_I32,
    TAI_GGUF_F32,
    TAI_GGUF_BOOL,
    TAI_GGUF_STRING,
    TAI_GGUF_ARRAY,
    TAI_GGUF_U64,
    TAI_GGUF_I64,
    TAI_GGUF_F64,
    TAI_GGUF_TYPES
} TaiGgufType;

typedef struct TaiGgufString {
    const char *text; /* not terminated */
    uint32_t bytes;
} TaiGgufString;

typedef struct TaiGgufKv {
    TaiGgufString key;
    uint32_t type;      /* TaiGgufType */
    uint32_t item_type; /* of an array */
    uint64_t n_items;   /* of an array */
    uint64_t off;       /* of the value, or of an array's first item, in the file */
} TaiGgufKv;

typedef struct TaiGgufTensor {
    TaiGgufString name;
    uint32_t type; /* has a TaiBlockFormat */
    uint32_t n_dims;
    uint64_t dims[4];  /* dims[0] is the row; unused ones are 1 */
    uint64_t off;      /* of the data, in the file */
    uint64_t bytes;    /* of the data */
    uint64_t info_off; /* of its description, in the file: for messages */
} TaiGgufTensor;

typedef struct TaiGguf {
    const uint8_t *bytes;
    uint64_t size; /* bytes of the file that are here */
    uint64_t file_bytes;
    uint64_t
        header_bytes; /* up to the end of the tensor descriptions; with TAI_GGUF_MORE: at least */
    uint64_t data_off;
    uint32_t version;
    uint32_t alignment;
    uint32_t n_kv;
    uint32_t n_tensors;
    TaiGgufKv *kv;
    TaiGgufTensor *tensors; /* in the order of the file's directory */
} TaiGguf;

#define TAI_GGUF_MORE 1 /* the header is longer than the bytes that are here */

/* Bytes of index that a header needs, and bytes that it has at least, from its first 24 bytes. 0,
 * TAI_GGUF_MORE or an error. */
int32_t tai_gguf_index_bytes(const uint8_t *bytes, uint64_t size, uint64_t file_bytes,
                             uint64_t *index_bytes, uint64_t *least_bytes, TinyAIError *error);

/* Parses the header; index: 8-byte aligned room of index_bytes. 0, TAI_GGUF_MORE or an error. */
int32_t tai_gguf_parse(TaiGguf *gguf, const uint8_t *bytes, uint64_t size, uint64_t file_bytes,
                       void *index, uint64_t index_bytes, TinyAIError *error);

const TaiGgufKv *tai_gguf_find(const TaiGguf *gguf, const char *key);
const TaiGgufTensor *tai_gguf_tensor(const TaiGguf *gguf, const char *name);

/* Typed values. Absent: *value is left as it is and the result is 0; a wrong type is E_FORMAT. */
int32_t tai_gguf_u32(const TaiGguf *gguf, const char *key, uint32_t *value, TinyAIError *error);
int32_t tai_gguf_f32(const TaiGguf *gguf, const char *key, float *value, TinyAIError *error);
int32_t tai_gguf_bool(const TaiGguf *gguf, const char *key, bool *value, TinyAIError *error);
int32_t tai_gguf_string(const TaiGguf *gguf, const char *key, TaiGgufString *value,
                        TinyAIError *error);
bool tai_string_is(TaiGgufString string, const char *text);

/* Walks an array of strings that tai_gguf_parse accepted: *off starts at kv->off. */
TaiGgufString tai_gguf_next_string(const TaiGguf *gguf, uint64_t *off);

#endif
