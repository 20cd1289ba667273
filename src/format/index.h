/* Room for what a header says, and names that must be different. */
#ifndef TAI_INDEX_H
#define TAI_INDEX_H

#include <stddef.h>

#include "format/header.h"

#define TAI_MAX_ENTRIES 65536u /* keys, tensors: no later product can overflow u64 */

typedef struct TaiCounts {
    uint64_t n_kv;
    uint64_t n_tensors;
    uint64_t n_pieces;
} TaiCounts;

uint64_t tai_index_bytes(const TaiCounts *counts);

/* Places header->kv, tensors and pieces in 8-byte aligned room of index_bytes. Returns the scratch that
 * follows them, for one name set or one order of the tensors at a time; NULL if the room is too small. */
uint32_t *tai_index_place(TaiHeader *header, const TaiCounts *counts, void *index,
                          uint64_t index_bytes, TinyAIError *error);

/* A hash set over an array of structures that begin with a TaiString. */
typedef struct TaiNames {
    const void *entries;
    size_t stride;
    uint32_t *slots; /* [n_slots], a power of two, at most half full */
    uint64_t n_slots;
} TaiNames;

TaiNames tai_names(const void *entries, size_t stride, uint64_t n_entries, uint32_t *scratch);
/* False if an entry of that name is there already. */
bool tai_names_add(TaiNames *names, uint32_t index);

#endif
