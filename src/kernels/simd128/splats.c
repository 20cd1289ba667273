/* The numbers of v8.h that stay in registers. */
#include "kernels/simd128/v8.h"

#define VALUE(bits) (int32_t)(bits),

const struct TaiSplats tai_splats = {TAI_SPLATS(VALUE)};
