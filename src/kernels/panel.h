/* Panels: how quantized matrices lie while they are computed with. One layout per format for all tiers, for
 * one token as for many.
 *
 * A panel is eight rows. It goes through them block by block (32 or 256 columns), and in each block it holds the
 * eight rows' quants interleaved by 32-bit words, then their scales:
 *
 *     | word 0 of rows 0..7 | word 1 of rows 0..7 | ... | scales of rows 0..7 |    32 bytes per word of quants
 *
 * A word is what GGUF has at that place of a row's block (4 columns of 8 bits; 4 + 4 columns in nibbles; ...),
 * so columns keep GGUF's order inside a word and making a panel moves words, with few exceptions that its file
 * names. A vector of 32 bytes then has a row in each 32-bit lane: no sums across lanes, no short strides.
 *
 * The blocks, with the bytes of each part. "words n": n times 32 bytes, word w of row r at 32 w + 4 r. "f16": 16
 * bytes, one number per row. "pairs": for each two sub-blocks 2j, 2j + 1 in turn 16 bytes, those of row r at
 * 16 j + 2 r.
 *
 *     Q4_0    qs words 4 | d f16                                                                    144
 *     Q4_1    qs words 4 | d f16 | m f16                                                            160
 *     Q5_0    qs words 4 | qh words 1: bit g of byte i is the fifth bit of column 4g + i | d f16      176
 *     Q5_1    qs words 4 | qh as in Q5_0 | d f16 | m f16                                            192
 *     Q8_0    qs words 8, each byte the quant + 128 | d f16                                         272
 *     IQ4_NL  as Q4_0
 *     Q2_K    qs words 16 | scales and minima in nibbles, as in GGUF, pairs 8 | d f16 | dmin f16      672
 *     Q3_K    qs words 16 | hmask words 8 | scales int8 (minus 32) pairs 8 | d f16                    912
 *     Q4_K    qs words 32 | scales uint8 pairs 4 | minima uint8 pairs 4 | d f16 | dmin f16            1184
 *     Q5_K    qs words 32 | qh words 8 | scales pairs 4 | minima pairs 4 | d f16 | dmin f16           1440
 *     Q6_K    ql words 32 | qh words 16 | scales int8 pairs 8 | d f16                               1680
 *     IQ4_XS  qs words 32 | scales int8 (minus 32) pairs 4 | d f16                                  1104
 *
 * No bit of a block is lost: tai_panel_get gives back the same bytes that tai_panel_put took. What a layout adds
 * (6-bit scales become bytes) is at most 6 % of the file's size. Rows that fill up the last panel are zero in
 * all bytes, so that they compute 0. The functions below take panelled types alone, except for tai_is_panelled and
 * tai_matrix_bytes. */
#ifndef TAI_PANEL_H
#define TAI_PANEL_H

#include "kernels/kernels.h"

#define TAI_PANEL_ROWS 8u

/* Whether matrices of a type are computed with as panels (quantized types) or as rows (F32, F16, BF16). */
bool tai_is_panelled(TaiType type);

/* Bytes of a block of eight rows, a multiple of 16. */
size_t tai_panel_block_bytes(TaiType type);
/* Bytes of a panel of rows of k columns; k is whole blocks. */
size_t tai_panel_bytes(TaiType type, uint32_t k);
/* Bytes of n_rows rows of k columns as panels, or as rows for types that are not panelled. */
uint64_t tai_matrix_bytes(TaiType type, uint64_t n_rows, uint32_t k);

/* Makes one panel of n_rows (1..8) GGUF rows of k columns, row_bytes of tai_kernel_row_bytes apart. panel may lie
 * before rows in the same memory, as long as panel + tai_panel_bytes <= rows; the panel is 16-byte aligned. */
void tai_panel_put(TaiType type, const void *rows, uint32_t n_rows, uint32_t k, void *panel);

/* The GGUF bytes of row r (0..7) of a panel, and of one of its blocks: panel_block lies a multiple of
 * tai_panel_block_bytes into the panel. */
void tai_panel_get(TaiType type, const void *panel, uint32_t r, uint32_t k, void *row);
void tai_panel_get_block(TaiType type, const void *panel_block, uint32_t r, void *block);

/* y[k] = row r of a panel as f32. */
void tai_panel_dequantize(TaiType type, const void *panel, uint32_t r, uint32_t k, float *y);

#endif
