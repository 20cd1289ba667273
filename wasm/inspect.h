/* The header of a file as an index, for `inspect`: whether or not this version can run the model. Used in
 * a throw-away instance, as planning is; its statics are part of the program in every instance. */
#ifndef TINYAI_INSPECT_H
#define TINYAI_INSPECT_H

#include "exchange.h"

typedef struct TinyAIInspectHeader {
    uint64_t header_bytes; /* up to the end of the tensor descriptions */
    uint64_t data_off;     /* of the first tensor, in the file */
    uint32_t version;
    uint32_t alignment;
    uint32_t n_keys;
    uint32_t n_tensors;
    uint32_t format; /* TaiFormat: MODEL_FORMATS in abi.ts */
    uint32_t reserved;
} TinyAIInspectHeader;

typedef struct TinyAIInspectKey {
    uint64_t key_off; /* in the file, as all offsets here */
    uint64_t value_off;
    uint64_t n_items; /* of an array */
    uint32_t key_bytes;
    uint32_t value_bytes; /* of a string, whose value_off is its first byte */
    uint32_t type;        /* TaiValueType: GGUF_TYPES in abi.ts */
    uint32_t item_type;   /* of an array */
} TinyAIInspectKey;

typedef struct TinyAIInspectTensor {
    uint64_t name_off;
    uint64_t off; /* of the data */
    uint64_t bytes;
    uint64_t dims[4]; /* dims[0] is the row */
    uint32_t name_bytes;
    uint32_t n_dims;
    uint32_t type_address; /* name of the type, terminated */
    uint32_t layout;       /* TAI_LAYOUT_* */
} TinyAIInspectTensor;

/* Arguments and result as those of tinyai_js_plan; exchange.file_bytes and exchange.error are used. */
int32_t tinyai_js_inspect(uint32_t header, uint32_t header_bytes, uint32_t memory_bytes);

/* After success: the address of a TinyAIInspectHeader; of the index-th key or tensor, valid until the next
 * call, or 0. */
uint32_t tinyai_js_inspect_header(void);
uint32_t tinyai_js_inspect_key(uint32_t index);
uint32_t tinyai_js_inspect_tensor(uint32_t index);

#endif
