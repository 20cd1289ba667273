/* Q4_K: the block is drawn in reference/q4_k.c, the activations in activations.h. */
#include "kernels/avx2/activations.h"
#include "kernels/avx2/tiles.h"
#include "kernels/avx2/vectors.h"

enum { BLOCK = sizeof(TaiQ4_K), SCALES = 4, QS = 16 };

/* The 8 scales and the 8 minima of a block, as int16. */
typedef struct Scales {
    __m128i s, m;
} Scales;

TAI_INLINE Scales scales_of(const uint8_t *block) {
    uint32_t word[3];
    memcpy(word, block + SCALES, sizeof word);
    uint32_t s_high = (word[2] & 0x0F0F0F0Fu) | (word[0] >> 2 & 0x30303030u);
    uint32_t m_high = (word[2] >> 4 & 0x0F0F0F0Fu) | (word[1] >> 2 & 0x30303030u);
    uint64_t s = (word[0] & 0x3F3F3F3Fu) | (uint64_t)s_high << 32;
    uint64_t m = (word[1] & 0x3F3F3F3Fu) | (uint64_t)m_high << 32;
    return (Scales){_mm_cvtepu8_epi16(_mm_cvtsi64_si128((int64_t)s)),
                    _mm_cvtepu8_epi16(_mm_cvtsi64_si128((int64_t)m))};
}

/* The 32 weights of sub-block i. */
TAI_INLINE __m256i unpack(const uint8_t *block, uint32_t i) {
    __m256i q = tai_load256(block + QS + (size_t)(i / 2) * 32);
    return _mm256_and_si256(i % 2 == 0 ? q : _mm256_srli_epi16(q, 4), _mm256_set1_epi8(15));
}

/* Lanes whose sums are isum and msum of a block of a row, or, further on, of several rows. */
typedef struct Sums {
    __m256i isum, msum;
} Sums;

/* q: the 256 activations of the block; sums: of its sub-blocks, 8 int16 */
TAI_INLINE Sums row_sums(const uint8_t *block, const int8_t *q, __m128i sums) {
    Scales scales = scales_of(block);
    __m256i all = _mm256_broadcastsi128_si256(scales.s), isum = _mm256_setzero_si256();
    for (uint32_t i = 0; i < 8; i++) {
        __m256i twos = _mm256_maddubs_epi16(unpack(block, i), tai_load256(q + (size_t)i * 32));
        /* bytes 2 i and 2 i + 1 everywhere */
        __m256i scale = _mm256_shuffle_epi8(all, _mm256_set1_epi16((int16_t)(0x0100 + 0x0202 * i)));
        isum = _mm256_add_epi32(isum, _mm256_madd_epi16(twos, scale));
    }
    return (Sums){isum, _mm256_zextsi128_si256(_mm_madd_epi16(scales.m, sums))};
}

TAI_INLINE Sums two_rows(const uint8_t *const *row, size_t at, const int8_t *q, __m128i sums) {
    Sums a = row_sums(row[0] + at, q, sums), b = row_sums(row[1] + at, q, sums);
    return (Sums){tai_sum_pairs(a.isum, b.isum), tai_sum_pairs(a.msum, b.msum)};
}

TAI_INLINE Sums four_rows(const uint8_t *const *row, size_t at, const int8_t *q, __m128i sums) {
    Sums ab = two_rows(row, at, q, sums), cd = two_rows(row + 2, at, q, sums);
    return (Sums){tai_sum_fours(ab.isum, cd.isum), tai_sum_fours(ab.msum, cd.msum)};
}

void tai_avx2_strip_q4_k(const TaiStrip *strip) {
    const uint8_t *const *row = strip->row;
    uint32_t k = strip->k;
    const int8_t *q = strip->act;
    const float *d = tai_act_d(strip->act, k);
    const int16_t *sums32 = tai_act_sums32(strip->act, k);
    __m256 total = _mm256_setzero_ps();
    size_t at = 0;
    for (uint32_t b = 0; b < k / TAI_SUPERBLOCK; b++, at += BLOCK) {
        __m128i sums = _mm_loadu_si128((const __m128i *)(const void *)(sums32 + (size_t)b * 8));
        Sums low = four_rows(row, at, q, sums), high = four_rows(row + 4, at, q, sums);
        __m256 isum = _mm256_cvtepi32_ps(tai_sum_halves(low.isum, high.isum));
        __m256 msum = _mm256_cvtepi32_ps(tai_sum_halves(low.msum, high.msum));
        __m256 da = _mm256_set1_ps(d[b]);
        __m256 scale = _mm256_mul_ps(tai_gather_f16(row, at), da);
        __m256 minimum = _mm256_mul_ps(tai_gather_f16(row, at + 2), da);
        total = _mm256_add_ps(
            total, _mm256_sub_ps(_mm256_mul_ps(scale, isum), _mm256_mul_ps(minimum, msum)));
        q += TAI_SUPERBLOCK;
    }
    _mm256_storeu_ps(strip->y, total);
}

static void fill(TaiPanel *panel, const uint8_t *const *row, uint32_t at, uint32_t n) {
    size_t offset = (size_t)(at / TAI_SUPERBLOCK) * BLOCK;
    __m256i s[TAI_TILE_ROWS], m[TAI_TILE_ROWS];
    for (uint32_t r = 0; r < TAI_TILE_ROWS; r++) {
        Scales scales = scales_of(row[r] + offset);
        s[r] = _mm256_set_m128i(_mm_unpackhi_epi16(scales.s, scales.s),
                                _mm_unpacklo_epi16(scales.s, scales.s));
        m[r] = _mm256_zextsi128_si256(scales.m);
    }
    tai_put_fours(panel->scale, s);
    tai_put_fours(panel->pairs, m);
    tai_fill_block(panel->q, row, offset, n, unpack);
    _mm256_store_ps(panel->d[0], tai_gather_f16(row, offset));
    _mm256_store_ps(panel->dmin, tai_gather_f16(row, offset + 2));
}

void tai_avx2_tile_q4_k(const TaiTile *tile) {
    tai_avx2_tile_of_q4_k(tile, fill);
}
