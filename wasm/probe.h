/* What a host asks before it chooses a tier: whether its kernels compute the right values here, and how fast they
 * are. Used in a throw-away instance whose memory is TINYAI_PROBE_BYTES, and before any model is opened in it.
 * kernels: TINYAI_KERNELS_*, not _AUTO. */
#ifndef TINYAI_PROBE_H
#define TINYAI_PROBE_H

#include "exchange.h"

#define TINYAI_PROBE_BYTES 0x60000u /* the program, and 256 KiB for what is computed with */
#define TINYAI_PROBE_ROWS 512u /* the matrix that is timed, Q4_0: as large as a small model's */
#define TINYAI_PROBE_COLUMNS 576u

/* 1 if the module has the tier: only then the others may be asked. */
uint32_t tinyai_js_probe_has(uint32_t kernels);

/* Random matrices of every quantized type, for one token and for several: 0 if each number is that of the
 * definition, else E_UNSUPPORTED, and exchange.error says what is wrong. */
int32_t tinyai_js_probe_values(uint32_t kernels);

/* Makes the matrix that is timed, and an input. */
void tinyai_js_probe_begin(void);
/* Multiplies them `times` times. Returns how many of the outputs that were looked at are wrong: an engine may
 * compile a function a second time, and that code computes anew. */
uint32_t tinyai_js_probe_run(uint32_t kernels, uint32_t times);

#endif
