#include "format/pieces.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kernels/panel.h"
#include "memory/checked.h"

#define STRIP_BYTES 262144u
#define MAX_BLOCK 99999u

bool tai_block_name(TaiString name, uint32_t *block, TaiString *rest) {
    uint32_t i = 4;
    if (name.bytes < 6 || memcmp(name.text, "blk.", 4) != 0) {
        return false;
    }
    uint32_t number = 0;
    for (; i < name.bytes && name.text[i] >= '0' && name.text[i] <= '9' && number <= MAX_BLOCK;
         i++) {
        number = number * 10 + (uint32_t)(name.text[i] - '0');
    }
    if (i == 4 || i == name.bytes || name.text[i] != '.' || number > MAX_BLOCK) {
        return false;
    }
    *block = number;
    *rest = (TaiString){name.text + i + 1, name.bytes - i - 1};
    return true;
}

static bool begins_with(TaiString name, const char *prefix) {
    const size_t n = strlen(prefix);
    return name.bytes >= n && memcmp(name.text, prefix, n) == 0;
}

TaiPieceKind tai_piece_of(TaiString tensor, bool has_output, uint32_t *block) {
    TaiString rest;
    if (tai_block_name(tensor, block, &rest)) {
        return TAI_PIECE_BLOCK;
    }
    *block = 0;
    if (tai_string_is(tensor, "output.weight")) {
        return TAI_PIECE_HEAD;
    }
    if (tai_string_is(tensor, "token_embd.weight")) {
        return has_output ? TAI_PIECE_EMBEDDING : TAI_PIECE_HEAD;
    }
    return begins_with(tensor, "output_norm.") || begins_with(tensor, "rope_") ? TAI_PIECE_FINAL
                                                                               : TAI_PIECE_OTHER;
}

bool tai_has_output(const TaiHeader *header) {
    return tai_header_tensor(header, "output.weight") != NULL;
}

uint64_t tai_strip_rows(uint64_t row_bytes, uint64_t rows) {
    const uint64_t fitting = STRIP_BYTES / row_bytes / TAI_PANEL_ROWS * TAI_PANEL_ROWS;
    return tai_min_u64(tai_max_u64(fitting, TAI_PANEL_ROWS), rows);
}

const TaiPiece *tai_find_piece(const TaiHeader *header, TaiPieceKind kind, uint32_t index) {
    uint32_t from = 0; /* they ascend by kind, then index */
    uint32_t to = header->n_pieces;
    while (from < to) {
        const uint32_t middle = from + (to - from) / 2;
        const TaiPiece *p = &header->pieces[middle];
        if (p->kind == (uint32_t)kind && p->index == index) {
            return p;
        }
        if (p->kind < (uint32_t)kind || (p->kind == (uint32_t)kind && p->index < index)) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return NULL;
}

const char *tai_piece_text(const TaiPiece *piece, char into[TAI_PIECE_TEXT]) {
    static const char *const names[TAI_PIECE_KINDS] = {
        [TAI_PIECE_FINAL] = "the final norm",
        [TAI_PIECE_BLOCK] = "block",
        [TAI_PIECE_HEAD] = "strip of the output matrix, number",
        [TAI_PIECE_EMBEDDING] = "strip of the embedding, number",
        [TAI_PIECE_OTHER] = "other tensor, number",
    };
    if (piece->kind == TAI_PIECE_FINAL) {
        snprintf(into, TAI_PIECE_TEXT, "%s", names[TAI_PIECE_FINAL]);
    } else {
        snprintf(into, TAI_PIECE_TEXT, "%s %" PRIu32, names[piece->kind % TAI_PIECE_KINDS],
                 piece->index);
    }
    return into;
}
