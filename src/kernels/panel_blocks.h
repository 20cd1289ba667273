/* The blocks of panels as structs, one per format: what panel.h describes in words. Index [w][r] is
 * word w of row r, [j][r][i] sub-block 2j + i of row r, [r] row r. */
#ifndef TAI_PANEL_BLOCKS_H
#define TAI_PANEL_BLOCKS_H

#include "kernels/panel.h"

typedef uint32_t TaiPanelWord[TAI_PANEL_ROWS];     /* 32 bytes of quants */
typedef int8_t TaiPanelPair[TAI_PANEL_ROWS][2];    /* signed scales of two sub-blocks */
typedef uint8_t TaiPanelPairU8[TAI_PANEL_ROWS][2]; /* unsigned scales or minima */
typedef uint16_t TaiPanelF16[TAI_PANEL_ROWS];

/* Also IQ4_NL. */
typedef struct TaiPanelQ4_0 {
    TaiPanelWord qs[4]; /* byte i of word w: column 4w + i low, 4w + i + 16 high */
    TaiPanelF16 d;
} TaiPanelQ4_0;

typedef struct TaiPanelQ4_1 {
    TaiPanelWord qs[4];
    TaiPanelF16 d, m;
} TaiPanelQ4_1;

typedef struct TaiPanelQ5_0 {
    TaiPanelWord qs[4]; /* as in Q4_0 */
    TaiPanelWord qh;    /* bit g of byte i: fifth bit of column 4g + i, so that of word w's low
                           nibbles is bit w and that of its high ones bit w + 4 */
    TaiPanelF16 d;
} TaiPanelQ5_0;

typedef struct TaiPanelQ5_1 {
    TaiPanelWord qs[4];
    TaiPanelWord qh; /* as in Q5_0 */
    TaiPanelF16 d, m;
} TaiPanelQ5_1;

typedef struct TaiPanelQ8_0 {
    TaiPanelWord qs[8]; /* byte i of word w: quant of column 4w + i, plus 128 */
    TaiPanelF16 d;
} TaiPanelQ8_0;

typedef struct TaiPanelQ2_K {
    TaiPanelWord qs[16];      /* words 8h..8h + 7: columns 128h + 32s + 0..31 in bits 2s, 2s + 1 */
    TaiPanelPairU8 scales[8]; /* of 16 columns: scale in the low half, minimum in the high half */
    TaiPanelF16 d, dmin;
} TaiPanelQ2_K;

typedef struct TaiPanelQ3_K {
    TaiPanelWord qs[16];    /* as in Q2_K */
    TaiPanelWord hmask[8];  /* bit s of byte i of word w: third bit of column 32s + 4w + i */
    TaiPanelPair scales[8]; /* of 16 columns, -32..31 */
    TaiPanelF16 d;
} TaiPanelQ3_K;

typedef struct TaiPanelQ4_K {
    TaiPanelWord qs[32]; /* words 8c..8c + 7: columns 64c + 0..31 low, 64c + 32..63 high */
    TaiPanelPairU8 scales[4], minima[4]; /* of 32 columns, 0..63 */
    TaiPanelF16 d, dmin;
} TaiPanelQ4_K;

typedef struct TaiPanelQ5_K {
    TaiPanelWord qs[32]; /* as in Q4_K */
    TaiPanelWord qh[8];  /* bit s of byte i of word w: fifth bit of column 32s + 4w + i */
    TaiPanelPairU8 scales[4], minima[4];
    TaiPanelF16 d, dmin;
} TaiPanelQ5_K;

typedef struct TaiPanelQ6_K {
    TaiPanelWord
        ql[32]; /* words 16h..: bytes 0..63 of half h: columns 128h + 0..63 low, + 64.. high */
    TaiPanelWord qh[16];    /* words 8h..: bits 2s, 2s + 1: columns 128h + 32s + 0..31 */
    TaiPanelPair scales[8]; /* of 16 columns */
    TaiPanelF16 d;
} TaiPanelQ6_K;

typedef struct TaiPanelIQ4_XS {
    TaiPanelWord qs[32];    /* words 4s..4s + 3: columns 32s + 0..15 low, 32s + 16..31 high */
    TaiPanelPair scales[4]; /* of 32 columns, -32..31 */
    TaiPanelF16 d;
} TaiPanelIQ4_XS;

_Static_assert(sizeof(TaiPanelQ4_0) == 144, "Q4_0 panel block");
_Static_assert(sizeof(TaiPanelQ4_1) == 160, "Q4_1 panel block");
_Static_assert(sizeof(TaiPanelQ5_0) == 176, "Q5_0 panel block");
_Static_assert(sizeof(TaiPanelQ5_1) == 192, "Q5_1 panel block");
_Static_assert(sizeof(TaiPanelQ8_0) == 272, "Q8_0 panel block");
_Static_assert(sizeof(TaiPanelQ2_K) == 672, "Q2_K panel block");
_Static_assert(sizeof(TaiPanelQ3_K) == 912, "Q3_K panel block");
_Static_assert(sizeof(TaiPanelQ4_K) == 1184, "Q4_K panel block");
_Static_assert(sizeof(TaiPanelQ5_K) == 1440, "Q5_K panel block");
_Static_assert(sizeof(TaiPanelQ6_K) == 1680, "Q6_K panel block");
_Static_assert(sizeof(TaiPanelIQ4_XS) == 1104, "IQ4_XS panel block");

#endif
