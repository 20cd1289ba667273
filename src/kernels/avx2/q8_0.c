/* Q8_0: the block is drawn in reference/q8_0.c. */
#include "kernels/avx2/strip32.h"
#include "kernels/avx2/tiles.h"

TAI_INLINE __m256i unpack(const uint8_t *block, uint32_t i) {
    (void)i;
    return tai_load256(block + 2);
}

/* The weights' signs go to the activations; |2 * 128 * 127| fits in 16 bits. */
TAI_INLINE __m256i dot(const uint8_t *block, __m256i a) {
    __m256i w = unpack(block, 0);
    __m256i twos = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(a, w));
    return _mm256_madd_epi16(twos, _mm256_set1_epi16(1));
}

void tai_avx2_strip_q8_0(const TaiStrip *strip) {
    tai_strip32(strip, dot, false, sizeof(TaiQ8_0), 0);
}

static void fill(TaiPanel *panel, const uint8_t *const *row, uint32_t at, uint32_t n) {
    tai_fill_panel32(panel, row, at, n, sizeof(TaiQ8_0), unpack);
}

void tai_avx2_tile_q8_0(const TaiTile *tile) {
    tai_avx2_tile_of_q8_0(tile, fill);
}
