/* Q6_K: the block is drawn in reference/q6_k.c, the activations in activations.h. */
#include "kernels/avx2/activations.h"
#include "kernels/avx2/tiles.h"
#include "kernels/avx2/vectors.h"

enum { BLOCK = sizeof(TaiQ6_K), QH = 128, SCALES = 192, D = 208 };

TAI_INLINE __m128i scales_of(const uint8_t *block) {
    return _mm_loadu_si128((const __m128i *)(const void *)(block + SCALES));
}

/* Run i: two sub-blocks of 16 weights, q without its offset. */
TAI_INLINE __m256i unpack(const uint8_t *block, uint32_t i) {
    uint32_t half = i / 4, run = i % 4;
    __m256i low = tai_load256(block + (size_t)half * 64 + (size_t)(run % 2) * 32);
    __m256i high = tai_load256(block + QH + (size_t)half * 32);
    if (run >= 2)
        low = _mm256_srli_epi16(low, 4);
    high = run == 0   ? _mm256_slli_epi16(high, 4)
           : run == 1 ? _mm256_slli_epi16(high, 2)
           : run == 2 ? high
                      : _mm256_srli_epi16(high, 2);
    return _mm256_or_si256(_mm256_and_si256(low, _mm256_set1_epi8(0x0F)),
                           _mm256_and_si256(high, _mm256_set1_epi8(0x30)));
}

/* Lanes whose sum is isum of a block of a row; sums: of its sub-blocks, 16 int16 */
TAI_INLINE __m256i row_sums(const uint8_t *block, const int8_t *q, __m256i sums) {
    __m128i scales = scales_of(block);
    __m256i offset = _mm256_madd_epi16(_mm256_cvtepi8_epi16(scales), sums);
    __m256i isum = _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_slli_epi32(offset, 5));
    /* The even sub-blocks' scales in the low half, the odd ones' in the high half. */
    __m256i all = _mm256_cvtepi8_epi16(_mm_shuffle_epi8(
        scales, _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15)));
    for (uint32_t i = 0; i < 8; i++) {
        __m256i twos = _mm256_maddubs_epi16(unpack(block, i), tai_load256(q + (size_t)i * 32));
        /* bytes 2 i and 2 i + 1 of each half everywhere in it */
        __m256i scale = _mm256_shuffle_epi8(all, _mm256_set1_epi16((int16_t)(0x0100 + 0x0202 * i)));
        isum = _mm256_add_epi32(isum, _mm256_madd_epi16(twos, scale));
    }
    return isum;
}

TAI_INLINE __m256i four_rows(const uint8_t *const *row, size_t at, const int8_t *q, __m256i sums) {
    __m256i ab = tai_sum_pairs(row_sums(row[0] + at, q, sums), row_sums(row[1] + at, q, sums));
    __m256i cd = tai_sum_pairs(row_sums(row[2] + at, q, sums), row_sums(row[3] + at, q, sums));
    return tai_sum_fours(ab, cd);
}

void tai_avx2_strip_q6_k(const TaiStrip *strip) {
    const uint8_t *const *row = strip->row;
    uint32_t k = strip->k;
    const int8_t *q = strip->act;
    const float *d = tai_act_d(strip->act, k);
    const int16_t *sums16 = tai_act_sums16(strip->act, k);
    __m256 total = _mm256_setzero_ps();
    size_t at = 0;
    for (uint32_t b = 0; b < k / TAI_SUPERBLOCK; b++, at += BLOCK) {
        __m256i sums = tai_load256(sums16 + (size_t)b * 16);
        __m256i isum = tai_sum_halves(four_rows(row, at, q, sums), four_rows(row + 4, at, q, sums));
        __m256 scale = _mm256_mul_ps(tai_gather_f16(row, at + D), _mm256_set1_ps(d[b]));
        total = _mm256_add_ps(total, _mm256_mul_ps(scale, _mm256_cvtepi32_ps(isum)));
        q += TAI_SUPERBLOCK;
    }
    _mm256_storeu_ps(strip->y, total);
}

static void fill(TaiPanel *panel, const uint8_t *const *row, uint32_t at, uint32_t n) {
    size_t offset = (size_t)(at / TAI_SUPERBLOCK) * BLOCK;
    __m256i first[TAI_TILE_ROWS], second[TAI_TILE_ROWS], pairs[TAI_TILE_ROWS];
    for (uint32_t r = 0; r < TAI_TILE_ROWS; r++) {
        __m128i scales = scales_of(row[r] + offset);
        first[r] = _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(scales, scales));
        second[r] = _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(scales, scales));
        pairs[r] = _mm256_cvtepi8_epi16(scales);
    }
    tai_put_fours(panel->scale, first);
    tai_put_fours(panel->scale + 8, second);
    tai_put_fours(panel->pairs, pairs);
    tai_fill_block(panel->q, row, offset, n, unpack);
    _mm256_store_ps(panel->d[0], tai_gather_f16(row, offset + D));
}

void tai_avx2_tile_q6_k(const TaiTile *tile) {
    tai_avx2_tile_of_q6_k(tile, fill);
}
