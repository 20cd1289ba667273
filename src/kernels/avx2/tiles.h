/* Several tokens at a time, quantized weights: 8 rows x 4 tokens of sums stay in registers.
 *
 * The rows' weights, 256 of each at a time, are first unpacked into a panel of bytes in which a
 * vector holds four neighbouring weights of each of eight rows. vpmaddubsw with four neighbouring
 * activations in all lanes then gives a lane per row: no sums across lanes, and the tokens share the
 * unpacking. Its int16 sums are themselves summed as long as they fit. */
#ifndef TAI_AVX2_TILES_H
#define TAI_AVX2_TILES_H

#include "kernels/avx2/matmul.h"
#include "kernels/avx2/vectors.h"

enum { TAI_PANEL_K = TAI_SUPERBLOCK }; /* weights of a row in a panel, at most */

/* Four bytes for each of eight rows: four weights, or two int16. */
typedef uint8_t TaiFours[TAI_TILE_ROWS][4];

typedef struct TaiPanel {
    _Alignas(32) TaiFours q[TAI_PANEL_K / 4];
    TaiFours scale[16]; /* K-quants: int16, of each sub-block twice */
    TaiFours pairs[8];  /* Q4_K: int16, minima of two sub-blocks; Q6_K: scales of two sub-blocks */
    float d[TAI_PANEL_K / TAI_BLOCK][TAI_TILE_ROWS]; /* per block of 32; K-quants: d[0] only */
    float dmin[TAI_TILE_ROWS];                       /* Q4_K */
} TaiPanel;

/* Fills a panel with weights at..at + n of row[0..7]. */
typedef void (*TaiFillPanel)(TaiPanel *panel, const uint8_t *const *row, uint32_t at, uint32_t n);

void tai_avx2_tile_of_q4_0(const TaiTile *tile, TaiFillPanel fill);
void tai_avx2_tile_of_q5_0(const TaiTile *tile, TaiFillPanel fill);
void tai_avx2_tile_of_q8_0(const TaiTile *tile, TaiFillPanel fill);
void tai_avx2_tile_of_q4_k(const TaiTile *tile, TaiFillPanel fill);
void tai_avx2_tile_of_q6_k(const TaiTile *tile, TaiFillPanel fill);

/* 32 weights as bytes, ascending: those from 32 i on of a block, or of whatever stands for it. */
typedef __m256i (*TaiUnpack)(const uint8_t *block, uint32_t i);

TAI_INLINE __m256i tai_fours_at(const TaiFours *fours) {
    return _mm256_load_si256((const __m256i *)(const void *)fours);
}

/* fours[0..7] = the 32 bytes of each of eight rows, transposed in units of 4 bytes */
TAI_INLINE void tai_put_fours(TaiFours *fours, const __m256i w[TAI_TILE_ROWS]) {
    __m256i two[8], four[8];
    for (int i = 0; i < 8; i += 2) {
        two[i] = _mm256_unpacklo_epi32(w[i], w[i + 1]);
        two[i + 1] = _mm256_unpackhi_epi32(w[i], w[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        four[i] = _mm256_unpacklo_epi64(two[i], two[i + 2]);
        four[i + 1] = _mm256_unpackhi_epi64(two[i], two[i + 2]);
        four[i + 2] = _mm256_unpacklo_epi64(two[i + 1], two[i + 3]);
        four[i + 3] = _mm256_unpackhi_epi64(two[i + 1], two[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        _mm256_store_si256((__m256i *)(void *)fours[i],
                           _mm256_permute2x128_si256(four[i], four[i + 4], 0x20));
        _mm256_store_si256((__m256i *)(void *)fours[i + 4],
                           _mm256_permute2x128_si256(four[i], four[i + 4], 0x31));
    }
}

/* The fours of n weights, from one block of each of eight rows at row[0..7] + at. */
TAI_INLINE void tai_fill_block(TaiFours *fours, const uint8_t *const *row, size_t at, uint32_t n,
                               TaiUnpack unpack) {
    for (uint32_t i = 0; i < n / 32; i++) {
        __m256i w[TAI_TILE_ROWS];
        for (uint32_t r = 0; r < TAI_TILE_ROWS; r++)
            w[r] = unpack(row[r] + at, i);
        tai_put_fours(fours + (size_t)i * 8, w);
    }
}

/* TaiFillPanel of a format with blocks of 32 that begin with their scale. */
TAI_INLINE void tai_fill_panel32(TaiPanel *panel, const uint8_t *const *row, uint32_t at,
                                 uint32_t n, uint32_t block_bytes, TaiUnpack unpack) {
    for (uint32_t b = 0; b < n / TAI_BLOCK; b++) {
        size_t offset = (size_t)(at / TAI_BLOCK + b) * block_bytes;
        tai_fill_block(panel->q + (size_t)b * 8, row, offset, TAI_BLOCK, unpack);
        _mm256_store_ps(panel->d[b], tai_gather_f16(row, offset));
    }
}

#endif
