#include "format/index.h"

#include <string.h>

#include "memory/checked.h"

#define NO_ENTRY UINT32_MAX

static uint64_t slots_for(uint64_t n) {
    uint64_t slots = 2;
    while (slots < 2 * n) {
        slots *= 2;
    }
    return slots;
}

typedef struct Layout {
    uint64_t tensors_off;
    uint64_t pieces_off;
    uint64_t scratch_off;
    uint64_t bytes;
} Layout;

static Layout layout(const TaiCounts *counts) {
    Layout at;
    at.tensors_off = counts->n_kv * sizeof(TaiKeyValue);
    at.pieces_off = at.tensors_off + counts->n_tensors * sizeof(TaiTensorInfo);
    at.scratch_off = at.pieces_off + counts->n_pieces * sizeof(TaiPiece);
    uint64_t most = tai_max_u64(counts->n_kv, counts->n_tensors);
    at.bytes = at.scratch_off + slots_for(most) * sizeof(uint32_t);
    return at;
}

uint64_t tai_index_bytes(const TaiCounts *counts) {
    return layout(counts).bytes;
}

uint32_t *tai_index_place(TaiHeader *header, const TaiCounts *counts, void *index,
                          uint64_t index_bytes, TinyAIError *error) {
    const Layout at = layout(counts);
    uint8_t *room = index;
    if (at.bytes > index_bytes) {
        tai_fail(error, TINYAI_E_INTERNAL, TINYAI_NO_OFFSET, "index of the header too small");
        return NULL;
    }
    header->n_kv = (uint32_t)counts->n_kv;
    header->n_tensors = (uint32_t)counts->n_tensors;
    header->n_pieces = (uint32_t)counts->n_pieces;
    header->kv = (TaiKeyValue *)room;
    header->tensors = (TaiTensorInfo *)(room + at.tensors_off);
    header->pieces = (TaiPiece *)(room + at.pieces_off);
    return (uint32_t *)(room + at.scratch_off);
}

/* ---- names ---------------------------------------------------------------------------------- */

/* FNV-1a, 32 bits. */
static uint32_t hash_string(TaiString string) {
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < string.bytes; i++) {
        hash = (hash ^ (uint8_t)string.text[i]) * 16777619u;
    }
    return hash;
}

static TaiString name_of(const TaiNames *names, uint32_t index) {
    TaiString name;
    memcpy(&name, (const uint8_t *)names->entries + index * names->stride, sizeof name);
    return name;
}

TaiNames tai_names(const void *entries, size_t stride, uint64_t n_entries, uint32_t *scratch) {
    TaiNames names = {entries, stride, scratch, slots_for(n_entries)};
    memset(scratch, 0xFF, names.n_slots * sizeof *scratch);
    return names;
}

bool tai_names_add(TaiNames *names, uint32_t index) {
    const TaiString name = name_of(names, index);
    const uint64_t mask = names->n_slots - 1;
    uint64_t slot = hash_string(name) & mask;
    while (names->slots[slot] != NO_ENTRY) {
        const TaiString other = name_of(names, names->slots[slot]);
        if (other.bytes == name.bytes && memcmp(other.text, name.text, name.bytes) == 0) {
            return false;
        }
        slot = (slot + 1) & mask;
    }
    names->slots[slot] = index;
    return true;
}
