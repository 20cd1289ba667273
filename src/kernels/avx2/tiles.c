/* The loops over panels, see tiles.h. */
#include "kernels/avx2/tiles.h"

#include "kernels/avx2/activations.h"

/* The activations of four tokens, k long, and where the panel's begin in them. */
typedef struct Tokens {
    const uint8_t *act[TAI_TILE_TOKENS];
    uint32_t k, at;
} Tokens;

/* Per token, a vector of eight rows. */
typedef struct Sums {
    __m256i of[TAI_TILE_TOKENS];
} Sums;

/* The activations of one of the four tokens, from weight `at` on. */
typedef const int8_t *Act;

TAI_INLINE Act act_of(const Tokens *tokens, uint32_t t, uint32_t at) {
    return (const int8_t *)tokens->act[t] + at;
}

/* The int16 sums of n times 4 products of 8 rows and 4 tokens: weights unsigned, see the bounds at the
 * callers. */
TAI_INLINE Sums multiply(const TaiFours *fours, uint32_t n, const Act a[TAI_TILE_TOKENS]) {
    Sums s;
    for (uint32_t i = 0; i < n; i++) {
        __m256i w = tai_fours_at(fours + i);
        for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++) {
            __m256i twos = _mm256_maddubs_epi16(w, tai_splat32(a[t] + 4 * (size_t)i));
            s.of[t] = i == 0 ? twos : _mm256_add_epi16(s.of[t], twos);
        }
    }
    return s;
}

/* sums += the twos in `twos`, times `scale` */
TAI_INLINE void add_scaled(Sums *sums, Sums twos, __m256i scale) {
    for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++)
        sums->of[t] = _mm256_add_epi32(sums->of[t], _mm256_madd_epi16(twos.of[t], scale));
}

TAI_INLINE Sums no_sums(void) {
    __m256i zero = _mm256_setzero_si256();
    return (Sums){{zero, zero, zero, zero}};
}

TAI_INLINE void add_to(float *y, __m256 x) {
    _mm256_storeu_ps(y, _mm256_add_ps(_mm256_loadu_ps(y), x));
}

/* ---- blocks of 32 ----------------------------------------------------------------------------- */

/* The sums of one block of each row, less nothing for the offset of the weights. */
typedef Sums (*BlockSums)(const TaiFours *fours, const Act a[TAI_TILE_TOKENS]);

/* |8 * 2 * 15 * 127| fits in 16 bits. */
TAI_INLINE Sums block_q4_0(const TaiFours *fours, const Act a[TAI_TILE_TOKENS]) {
    Sums sums = no_sums();
    add_scaled(&sums, multiply(fours, 8, a), _mm256_set1_epi16(1));
    return sums;
}

/* |4 * 2 * 31 * 127| fits in 16 bits. */
TAI_INLINE Sums block_q5_0(const TaiFours *fours, const Act a[TAI_TILE_TOKENS]) {
    const Act second[TAI_TILE_TOKENS] = {a[0] + 16, a[1] + 16, a[2] + 16, a[3] + 16};
    Sums sums = no_sums();
    add_scaled(&sums, multiply(fours, 4, a), _mm256_set1_epi16(1));
    add_scaled(&sums, multiply(fours + 4, 4, second), _mm256_set1_epi16(1));
    return sums;
}

/* The weights' signs go to the activations; |2 * 128 * 127| fits in 16 bits. */
TAI_INLINE Sums block_q8_0(const TaiFours *fours, const Act a[TAI_TILE_TOKENS]) {
    Sums sums = no_sums();
    for (uint32_t i = 0; i < 8; i++) {
        __m256i w = tai_fours_at(fours + i);
        __m256i size = _mm256_abs_epi8(w);
        for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++) {
            __m256i x = _mm256_sign_epi8(tai_splat32(a[t] + 4 * (size_t)i), w);
            __m256i fours_of_t =
                _mm256_madd_epi16(_mm256_maddubs_epi16(size, x), _mm256_set1_epi16(1));
            sums.of[t] = _mm256_add_epi32(sums.of[t], fours_of_t);
        }
    }
    return sums;
}

/* y += isum * (d * da), see reference/q4_0.c; offset: what the weights have too much: 0, 8 or 16 */
TAI_INLINE void add_panel32(const TaiPanel *panel, uint32_t n, const Tokens *tokens, float *y,
                            size_t y_stride, BlockSums block_sums, uint32_t offset) {
    const float *d[TAI_TILE_TOKENS];
    const int32_t *act_sums[TAI_TILE_TOKENS];
    __m256 total[TAI_TILE_TOKENS];
    for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++) {
        d[t] = tai_act_d(tokens->act[t], tokens->k) + tokens->at / TAI_BLOCK;
        act_sums[t] = tai_act_sums(tokens->act[t], tokens->k) + tokens->at / TAI_BLOCK;
        total[t] = _mm256_loadu_ps(y + t * y_stride);
    }
    for (uint32_t b = 0; b < n / TAI_BLOCK; b++) {
        uint32_t at = tokens->at + b * TAI_BLOCK;
        const Act a[TAI_TILE_TOKENS] = {act_of(tokens, 0, at), act_of(tokens, 1, at),
                                        act_of(tokens, 2, at), act_of(tokens, 3, at)};
        Sums sums = block_sums(panel->q + (size_t)b * 8, a);
        __m256 dw = _mm256_load_ps(panel->d[b]);
        for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++) {
            __m256i isum = sums.of[t];
            if (offset != 0) {
                __m256i sum = _mm256_set1_epi32(act_sums[t][b]);
                isum = _mm256_sub_epi32(
                    isum, offset == TAI_ACT_SUM_FACTOR ? sum : _mm256_slli_epi32(sum, 1));
            }
            __m256 scale = _mm256_mul_ps(dw, _mm256_set1_ps(d[t][b]));
            total[t] = _mm256_add_ps(total[t], _mm256_mul_ps(_mm256_cvtepi32_ps(isum), scale));
        }
    }
    for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++)
        _mm256_storeu_ps(y + t * y_stride, total[t]);
}

static void add_q4_0(const TaiPanel *panel, uint32_t n, const Tokens *tokens, float *y,
                     size_t y_stride) {
    add_panel32(panel, n, tokens, y, y_stride, block_q4_0, 8);
}

static void add_q5_0(const TaiPanel *panel, uint32_t n, const Tokens *tokens, float *y,
                     size_t y_stride) {
    add_panel32(panel, n, tokens, y, y_stride, block_q5_0, 16);
}

static void add_q8_0(const TaiPanel *panel, uint32_t n, const Tokens *tokens, float *y,
                     size_t y_stride) {
    add_panel32(panel, n, tokens, y, y_stride, block_q8_0, 0);
}

/* ---- K-quants --------------------------------------------------------------------------------- */

/* The sums of n pairs of int16 for 8 rows, with the n pairs at sums[0..3]. */
TAI_INLINE Sums multiply_pairs(const TaiFours *pairs, uint32_t n,
                               const int16_t *const sums[TAI_TILE_TOKENS]) {
    Sums s = no_sums();
    for (uint32_t i = 0; i < n; i++) {
        __m256i w = tai_fours_at(pairs + i);
        for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++)
            s.of[t] = _mm256_add_epi32(s.of[t],
                                       _mm256_madd_epi16(w, tai_splat32(sums[t] + 2 * (size_t)i)));
    }
    return s;
}

/* y += (d * da) * isum - (dmin * da) * msum, see reference/q4_k.c */
static void add_q4_k(const TaiPanel *panel, uint32_t n, const Tokens *tokens, float *y,
                     size_t y_stride) {
    const int16_t *sums32[TAI_TILE_TOKENS];
    for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++)
        sums32[t] = tai_act_sums32(tokens->act[t], tokens->k) + tokens->at / TAI_BLOCK;
    Sums isum = no_sums();
    for (uint32_t sub = 0; sub < n / 32; sub++) { /* |8 * 2 * 15 * 127| fits in 16 bits */
        uint32_t at = tokens->at + sub * 32;
        const Act a[TAI_TILE_TOKENS] = {act_of(tokens, 0, at), act_of(tokens, 1, at),
                                        act_of(tokens, 2, at), act_of(tokens, 3, at)};
        add_scaled(&isum, multiply(panel->q + (size_t)sub * 8, 8, a),
                   tai_fours_at(panel->scale + sub));
    }
    Sums msum = multiply_pairs(panel->pairs, 4, sums32);
    for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++) {
        const float *d = tai_act_d(tokens->act[t], tokens->k);
        __m256 da = _mm256_set1_ps(d[tokens->at / TAI_SUPERBLOCK]);
        __m256 weights = _mm256_mul_ps(_mm256_mul_ps(_mm256_load_ps(panel->d[0]), da),
                                       _mm256_cvtepi32_ps(isum.of[t]));
        __m256 minima = _mm256_mul_ps(_mm256_mul_ps(_mm256_load_ps(panel->dmin), da),
                                      _mm256_cvtepi32_ps(msum.of[t]));
        add_to(y + t * y_stride, _mm256_sub_ps(weights, minima));
    }
}

/* y += (d * da) * isum, see reference/q6_k.c */
static void add_q6_k(const TaiPanel *panel, uint32_t n, const Tokens *tokens, float *y,
                     size_t y_stride) {
    const int16_t *sums16[TAI_TILE_TOKENS];
    for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++)
        sums16[t] = tai_act_sums16(tokens->act[t], tokens->k) + tokens->at / 16;
    Sums isum = no_sums();
    for (uint32_t half = 0; half < n / 8; half++) { /* |2 * 2 * 63 * 127| fits in 16 bits */
        uint32_t at = tokens->at + half * 8;
        const Act a[TAI_TILE_TOKENS] = {act_of(tokens, 0, at), act_of(tokens, 1, at),
                                        act_of(tokens, 2, at), act_of(tokens, 3, at)};
        add_scaled(&isum, multiply(panel->q + (size_t)half * 2, 2, a),
                   tai_fours_at(panel->scale + half / 2));
    }
    Sums offset = multiply_pairs(panel->pairs, 8, sums16);
    for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++) {
        const float *d = tai_act_d(tokens->act[t], tokens->k);
        __m256 da = _mm256_set1_ps(d[tokens->at / TAI_SUPERBLOCK]);
        __m256i sum = _mm256_sub_epi32(isum.of[t], _mm256_slli_epi32(offset.of[t], 5));
        add_to(y + t * y_stride, _mm256_mul_ps(_mm256_mul_ps(_mm256_load_ps(panel->d[0]), da),
                                               _mm256_cvtepi32_ps(sum)));
    }
}

/* ---- tiles ------------------------------------------------------------------------------------ */

/* y[t * y_stride + 0..7] += n weights of the panel's rows times token t */
typedef void (*AddPanel)(const TaiPanel *panel, uint32_t n, const Tokens *tokens, float *y,
                         size_t y_stride);

TAI_INLINE void tile_of(const TaiTile *tile, TaiFillPanel fill, AddPanel add) {
    TaiPanel panel;
    for (uint32_t t = 0; t < tile->n_tokens; t++)
        memset(tile->y + t * tile->y_stride, 0, TAI_TILE_ROWS * sizeof *tile->y);
    for (uint32_t at = 0; at < tile->k; at += TAI_PANEL_K) {
        uint32_t n = tile->k - at < TAI_PANEL_K ? tile->k - at : TAI_PANEL_K;
        fill(&panel, tile->row, at, n);
        for (uint32_t t = 0; t < tile->n_tokens; t += TAI_TILE_TOKENS) {
            Tokens tokens = {.k = tile->k, .at = at};
            for (uint32_t i = 0; i < TAI_TILE_TOKENS; i++)
                tokens.act[i] = tile->act + (t + i) * tile->act_stride;
            add(&panel, n, &tokens, tile->y + t * tile->y_stride, tile->y_stride);
        }
    }
}

void tai_avx2_tile_of_q4_0(const TaiTile *tile, TaiFillPanel fill) {
    tile_of(tile, fill, add_q4_0);
}

void tai_avx2_tile_of_q5_0(const TaiTile *tile, TaiFillPanel fill) {
    tile_of(tile, fill, add_q5_0);
}

void tai_avx2_tile_of_q8_0(const TaiTile *tile, TaiFillPanel fill) {
    tile_of(tile, fill, add_q8_0);
}

void tai_avx2_tile_of_q4_k(const TaiTile *tile, TaiFillPanel fill) {
    tile_of(tile, fill, add_q4_k);
}

void tai_avx2_tile_of_q6_k(const TaiTile *tile, TaiFillPanel fill) {
    tile_of(tile, fill, add_q6_k);
}
