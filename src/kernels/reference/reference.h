/* The reference tier: the numeric definition of TinyAI as plain C. Read kernels.h first.
 * Each block format has a file with its bytes and its decoder, quantized.c computes with what those
 * give; the exact order of operations there is the definition, and every multiplication, addition and
 * division is one rounding (-ffp-contract=off). */
#ifndef TAI_REFERENCE_H
#define TAI_REFERENCE_H

#include "kernels/kernels.h"
#include "kernels/quantize.h"

/* Activations of this tier: forms Q8_32 and Q8_32N are arrays of the first struct, Q8_256 and
 * Q8_256N of the second. value = d * q. */
typedef struct TaiAct32 {
    float d;
    int8_t q[32];
} TaiAct32;

typedef struct TaiAct256 {
    float d;
    int8_t q[256];
} TaiAct256;

/* The scale of x[n]. */
TaiQuantScale tai_ref_quant_scale(const float *x, uint32_t n);
void tai_ref_quantize(TaiActForm form, const float *x, uint32_t k, void *act);

/* w[k] . act, one row */
float tai_ref_dot_f32(const void *w, const void *act, uint32_t k);
float tai_ref_dot_f16(const void *w, const void *act, uint32_t k);
float tai_ref_dot_bf16(const void *w, const void *act, uint32_t k);

/* y[n] = the first n weights of a row */
void tai_ref_dequantize_f32(const void *w, uint32_t n, float *y);
void tai_ref_dequantize_f16(const void *w, uint32_t n, float *y);
void tai_ref_dequantize_bf16(const void *w, uint32_t n, float *y);

/* y[t * y_stride + r] = rows, or rows in panels, of a quantized type . act[t] */
void tai_ref_rows(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                  size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride);
void tai_ref_panels(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                    size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride);
void tai_ref_dequantize_blocks(TaiType type, const void *row, uint32_t n, float *y);

void tai_ref_matmul(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                    size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride);
void tai_ref_dequantize(TaiType type, const void *row, uint32_t n, float *y);

void tai_ref_rms_norm(const float *x, const float *weight, uint32_t n, float eps, float *y);
void tai_ref_rope(float *x, uint32_t n_heads, uint32_t head_dim, const float *cs,
                  uint32_t rope_dims);
void tai_ref_add(float *x, const float *y, uint32_t n);
void tai_ref_swiglu(float *gate, const float *up, uint32_t n);

void tai_ref_kv_store(const TaiKvHead *kv, uint32_t position, const float *k, const float *v);
void tai_ref_attend(const TaiKvHead *kv, const TaiQueries *queries);

extern const TaiKernels tai_kernels_reference;

#endif
