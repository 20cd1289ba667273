/* Q5_0: the block is drawn in reference/q5_0.c. */
#include "kernels/avx2/strip32.h"
#include "kernels/avx2/tiles.h"

/* 16 in every byte whose bit of qh is set */
TAI_INLINE __m256i fifth_bits(const uint8_t *qh) {
    const __m256i byte_of =
        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i bit_of = _mm256_set1_epi64x((int64_t)0x8040201008040201u);
    __m256i bits = _mm256_and_si256(_mm256_shuffle_epi8(tai_splat32(qh), byte_of), bit_of);
    return _mm256_and_si256(_mm256_cmpeq_epi8(bits, bit_of), _mm256_set1_epi8(16));
}

TAI_INLINE __m256i unpack(const uint8_t *block, uint32_t i) {
    (void)i;
    __m256i q = _mm256_srlv_epi64(tai_load128_twice(block + 6), _mm256_setr_epi64x(0, 0, 4, 4));
    return _mm256_or_si256(_mm256_and_si256(q, _mm256_set1_epi8(15)), fifth_bits(block + 2));
}

/* |4 * 2 * 31 * 127| fits in 16 bits. */
TAI_INLINE __m256i dot(const uint8_t *block, __m256i a) {
    return _mm256_maddubs_epi16(unpack(block, 0), a);
}

void tai_avx2_strip_q5_0(const TaiStrip *strip) {
    tai_strip32(strip, dot, true, sizeof(TaiQ5_0), 16);
}

static void fill(TaiPanel *panel, const uint8_t *const *row, uint32_t at, uint32_t n) {
    tai_fill_panel32(panel, row, at, n, sizeof(TaiQ5_0), unpack);
}

void tai_avx2_tile_q5_0(const TaiTile *tile) {
    tai_avx2_tile_of_q5_0(tile, fill);
}
