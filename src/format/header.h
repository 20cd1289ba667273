/* The header of a model file, GGUF or TMAI, as an index of key-values, tensors and pieces over its
 * bytes. It owns no memory: the caller keeps the bytes and gives room for the index. All that can be
 * checked without knowing the architecture is checked. */
#ifndef TAI_HEADER_H
#define TAI_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "memory/error.h"

typedef enum TaiFormat { TAI_FORMAT_GGUF, TAI_FORMAT_TMAI, TAI_FORMATS } TaiFormat;

typedef enum TaiValueType {
    TAI_VALUE_U8,
    TAI_VALUE_I8,
    TAI_VALUE_U16,
    TAI_VALUE_I16,
    TAI_VALUE_U32,
    TAI_VALUE_I32,
    TAI_VALUE_F32,
    TAI_VALUE_BOOL,
    TAI_VALUE_STRING,
    TAI_VALUE_ARRAY,
    TAI_VALUE_U64,
    TAI_VALUE_I64,
    TAI_VALUE_F64,
    TAI_VALUE_TYPES
} TaiValueType;

typedef struct TaiString {
    const char *text; /* not terminated */
    uint32_t bytes;
} TaiString;

typedef struct TaiKeyValue {
    TaiString key;
    uint32_t type;      /* TaiValueType */
    uint32_t item_type; /* of an array */
    uint64_t n_items;   /* of an array */
    uint64_t off;       /* of the value, or of an array's first item, in the file */
} TaiKeyValue;

typedef struct TaiTensorInfo {
    TaiString name;
    uint32_t type;   /* has a TaiBlockFormat */
    uint32_t layout; /* of the values: TAI_LAYOUT_*; GGUF has rows alone */
    uint32_t n_dims;
    uint32_t piece;    /* TMAI: the first one that holds it, or TAI_NO_PIECE */
    uint64_t dims[4];  /* dims[0] is the row; unused ones are 1 */
    uint64_t off;      /* of the data, in the file */
    uint64_t bytes;    /* of the data */
    uint64_t info_off; /* of its description, in the file: for messages */
} TaiTensorInfo;

#define TAI_LAYOUT_ROWS 0u /* row behind row, as in GGUF */
#define TAI_LAYOUT_PANELS                                                                          \
    1u /* panels of eight rows, as quantized matrices are computed with: kernels/panel.h */
#define TAI_NO_PIECE UINT32_MAX

/* What a piece holds; the numbers are those of the file. */
typedef enum TaiPieceKind {
    TAI_PIECE_FINAL,     /* final norm and other small tensors */
    TAI_PIECE_BLOCK,     /* a transformer block */
    TAI_PIECE_HEAD,      /* a strip of the output matrix */
    TAI_PIECE_EMBEDDING, /* a strip of the embedding matrix, unless that is the output matrix */
    TAI_PIECE_OTHER,     /* a tensor that is none of these */
    TAI_PIECE_KINDS
} TaiPieceKind;

/* TMAI: bytes that are read and checked as a whole. */
typedef struct TaiPiece {
    uint64_t off; /* in the file */
    uint64_t bytes;
    uint64_t hash;  /* XXH3-64 of the bytes */
    uint32_t kind;  /* TaiPieceKind */
    uint32_t index; /* of the block, of the strip in its matrix, of the other tensor */
} TaiPiece;

typedef struct TaiHeader {
    const uint8_t *bytes;
    uint64_t size; /* bytes of the file that are here */
    uint64_t file_bytes;
    uint64_t
        header_bytes;  /* GGUF: up to the end of the tensor descriptions; TMAI: whole pages; with
                              TAI_HEADER_MORE: at least */
    uint64_t keys_off; /* the key-values are the bytes keys_off .. keys_off + keys_bytes */
    uint64_t keys_bytes;
    uint64_t data_off;
    uint32_t format; /* TaiFormat */
    uint32_t version;
    uint32_t alignment; /* of tensors */
    uint32_t n_kv;
    uint32_t n_tensors;
    uint32_t n_pieces; /* 0 in GGUF */
    TaiKeyValue *kv;
    TaiTensorInfo *tensors; /* in the order of the file's directory */
    TaiPiece *pieces;       /* in the order of the file */
} TaiHeader;

#define TAI_HEADER_MORE 1 /* the header is longer than the bytes that are here */

/* Bytes of index that a header needs, and bytes that it has at least, from its first 24 bytes. 0,
 * TAI_HEADER_MORE or an error. */
int32_t tai_header_index_bytes(const uint8_t *bytes, uint64_t size, uint64_t file_bytes,
                               uint64_t *index_bytes, uint64_t *least_bytes, TinyAIError *error);

/* Parses the header; index: 8-byte aligned room of index_bytes. 0, TAI_HEADER_MORE or an error. */
int32_t tai_header_parse(TaiHeader *header, const uint8_t *bytes, uint64_t size,
                         uint64_t file_bytes, void *index, uint64_t index_bytes,
                         TinyAIError *error);

const TaiKeyValue *tai_header_find(const TaiHeader *header, const char *key);
const TaiTensorInfo *tai_header_tensor(const TaiHeader *header, const char *name);

/* Typed values. Absent: *value is left as it is and the result is 0; a wrong type is E_FORMAT. */
int32_t tai_header_u32(const TaiHeader *header, const char *key, uint32_t *value,
                       TinyAIError *error);
int32_t tai_header_f32(const TaiHeader *header, const char *key, float *value, TinyAIError *error);
int32_t tai_header_bool(const TaiHeader *header, const char *key, bool *value, TinyAIError *error);
/* Of tensors in a GGUF file with these key-values: general.alignment, or 32. */
int32_t tai_header_gguf_alignment(const TaiHeader *header, uint32_t *alignment, TinyAIError *error);
int32_t tai_header_string(const TaiHeader *header, const char *key, TaiString *value,
                          TinyAIError *error);
bool tai_string_is(TaiString string, const char *text);

/* Walks an array of strings that tai_header_parse accepted: *off starts at kv->off. */
TaiString tai_next_string(const TaiHeader *header, uint64_t *off);

#endif
