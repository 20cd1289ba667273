/* How the tensors of a model are grouped into pieces, by their names alone: what the engine streams as a
 * unit is a piece of a TMAI file. */
#ifndef TAI_PIECES_H
#define TAI_PIECES_H

#include "format/header.h"

#define TAI_PIECE_ALIGNMENT 64u
#define TAI_PIECE_TEXT 48u

/* Splits "blk.12.attn_q.weight" into 12 and "attn_q.weight"; false for other names. */
bool tai_block_name(TaiString name, uint32_t *block, TaiString *rest);

/* Kind of the piece that a tensor belongs to, and of a block its number (else 0). has_output: the model
 * has output.weight, so that the embedding is not the output matrix too. */
TaiPieceKind tai_piece_of(TaiString tensor, bool has_output, uint32_t *block);
bool tai_has_output(const TaiHeader *header);

/* Rows of a strip of a matrix, about 256 KiB: whole panels. row_bytes: as in GGUF, whatever the layout. */
uint64_t tai_strip_rows(uint64_t row_bytes, uint64_t rows);
static inline bool tai_is_strip(uint32_t kind) {
    return kind == TAI_PIECE_HEAD || kind == TAI_PIECE_EMBEDDING;
}

/* NULL if there is none. */
const TaiPiece *tai_find_piece(const TaiHeader *header, TaiPieceKind kind, uint32_t index);

/* "block 3", for messages; returns into. */
const char *tai_piece_text(const TaiPiece *piece, char into[TAI_PIECE_TEXT]);

#endif
