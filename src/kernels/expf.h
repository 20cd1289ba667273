/* Constants of tai_expf, shared by the scalar text of it (math.c) and the SIMD copies. */
#ifndef TAI_EXPF_H
#define TAI_EXPF_H

#define TAI_EXPF_MAX 89.0f     /* exp overflows above 88.72 */
#define TAI_EXPF_MIN (-104.0f) /* exp rounds to 0 below -103.97 */
#define TAI_EXPF_LOG2E 0x1.715476p+0f
#define TAI_EXPF_LN2_HI 0x1.63p-1f /* 9 bits, so that n * LN2_HI is exact */
#define TAI_EXPF_LN2_LO (-0x1.bd0106p-13f)

/* exp(r) = 1 + r + r^2 (C2 + C3 r + C4 r^2 + C5 r^3 + C6 r^4), |r| <= ln(2) / 2, error < 2^-28:
 * a least-maximum fit of our own (Lawson's iteration), rounded to f32. */
#define TAI_EXPF_C2 0x1.fffffcp-2f
#define TAI_EXPF_C3 0x1.555492p-3f
#define TAI_EXPF_C4 0x1.5558f2p-5f
#define TAI_EXPF_C5 0x1.123a2p-7f
#define TAI_EXPF_C6 0x1.6a23cep-10f

#endif
