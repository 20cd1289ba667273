/* Q4_0: the block is drawn in reference/q4_0.c. */
#include "kernels/avx2/strip32.h"
#include "kernels/avx2/tiles.h"

/* q, ascending: the low halves of the 16 bytes, then the high ones */
TAI_INLINE __m256i unpack(const uint8_t *block, uint32_t i) {
    (void)i;
    __m256i q = _mm256_srlv_epi64(tai_load128_twice(block + 2), _mm256_setr_epi64x(0, 0, 4, 4));
    return _mm256_and_si256(q, _mm256_set1_epi8(15));
}

/* |4 * 2 * 15 * 127| fits in 16 bits. */
TAI_INLINE __m256i dot(const uint8_t *block, __m256i a) {
    return _mm256_maddubs_epi16(unpack(block, 0), a);
}

void tai_avx2_strip_q4_0(const TaiStrip *strip) {
    tai_strip32(strip, dot, true, sizeof(TaiQ4_0), 8);
}

static void fill(TaiPanel *panel, const uint8_t *const *row, uint32_t at, uint32_t n) {
    tai_fill_panel32(panel, row, at, n, sizeof(TaiQ4_0), unpack);
}

void tai_avx2_tile_q4_0(const TaiTile *tile) {
    tai_avx2_tile_of_q4_0(tile, fill);
}
