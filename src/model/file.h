/* A model file of architecture `llama`: hyperparameters, where its tensors lie, and the units in
 * which it is streamed, from the header alone. Sources: the GGUF specification and its `llama`
 * keys. */
#ifndef TAI_FILE_H
#define TAI_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "format/header.h"
#include "kernels/kernels.h"
#include "schedule/layout.h"
#include "stream/residency.h"

/* The weights of a block, named as in the papers. */
typedef enum TaiRole {
    TAI_ATTN_NORM,
    TAI_WQ,
    TAI_WK,
    TAI_WV,
    TAI_WO,
    TAI_FFN_NORM,
    TAI_W_GATE,
    TAI_W_UP,
    TAI_W_DOWN,
    TAI_ROLES
} TaiRole;

typedef struct TaiTensor {
    uint64_t off;       /* in the file; 0: absent */
    uint64_t bytes;     /* in the file */
    uint64_t row_bytes; /* of a row as in GGUF, whatever the layout */
    uint32_t type;      /* a TaiType */
    uint32_t rows;
    uint32_t cols;   /* values per row */
    uint32_t layout; /* of the file: TAI_LAYOUT_ROWS or TAI_LAYOUT_PANELS */
    uint32_t from;   /* offset in the slot of its unit: where the bytes of the file land */
    uint32_t at;     /* and where it is computed with: the same, unless the unit is repacked */
} TaiTensor;

typedef struct TaiHparams {
    uint32_t n_blocks;
    uint32_t context; /* that the model was made for */
    uint32_t vocab_size;
    uint32_t embd;
    uint32_t heads;
    uint32_t kv_heads;
    uint32_t head_dim;
    uint32_t ff;
    uint32_t rope_dims;
    uint32_t longest_token; /* bytes */
    float eps;
    float rope_base;
    float rope_scale; /* positions are multiplied by it */
} TaiHparams;

typedef struct TaiFile {
    TaiHeader header; /* valid while the header's bytes are there */
    TaiHparams hp;
    TaiShape shape;
    TaiTensor embedding;    /* [vocab][embd] */
    TaiTensor head;         /* [vocab][embd]; the embedding itself if tied */
    TaiTensor final_norm;   /* [embd] */
    TaiTensor rope_factors; /* [rope_dims / 2], optional: divides the frequencies */
    bool tied;
    uint32_t strip_rows;            /* rows of the head per strip: whole panels */
    uint64_t layer_bytes;           /* of the largest block, as it lies in the file */
    uint32_t n_embedding_strips;    /* 0 if tied */
    TaiTensor (*blocks)[TAI_ROLES]; /* [n_blocks] */
    TaiUnit *units;                 /* final norm, blocks, head strips, embedding strips */
    TaiRun *runs;
    uint32_t n_units;
} TaiFile;

/* An upper bound for the directory (blocks, units, runs) of any header with this index. */
uint64_t tai_file_directory_bound(uint64_t index_bytes, uint64_t file_bytes);

/* Makes *file of a parsed header, whose index took index_bytes; directory: 64-byte aligned room of
 * directory_bytes at least shape.directory_bytes (E_NOMEM if less). 0 or an error. */
int32_t tai_file_take(TaiFile *file, const TaiHeader *header, uint64_t index_bytes, void *directory,
                      uint64_t directory_bytes, TinyAIError *error);

/* The tensor that lies next behind `before` in the file (NULL: the first one), of n; NULL behind the last. */
TaiTensor *tai_next_in_file(const TaiTensor *tensors, uint32_t n, const TaiTensor *before);
/* The rows of a strip of the head. */
TaiTensor tai_head_strip(const TaiFile *file, uint32_t strip);
/* Bytes of the file that hold a row of a matrix: the row, or the panel that it is in. */
uint64_t tai_row_range(const TaiTensor *matrix);

#endif
