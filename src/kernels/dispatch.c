/* Which kernels there are, and the sizes that are the same for all of them. */
#include "kernels/blocks.h"
#include "kernels/cpu.h"
#include "kernels/kv.h"
#include "kernels/reference/reference.h"
#if TAI_HAVE_AVX2
#include "kernels/avx2/avx2.h"
#endif
#if TAI_HAVE_AVX_VNNI
#include "kernels/avx_vnni/avx_vnni.h"
#endif
#if TAI_HAVE_AVX512_VNNI
#include "kernels/avx512_vnni/avx512_vnni.h"
#endif
#if TAI_HAVE_NEON
#include "kernels/neon/neon.h"
#endif
#if TAI_HAVE_SIMD128
#include "kernels/simd128/simd128.h"
#endif
#if TAI_HAVE_RELAXED
#include "kernels/relaxed16/relaxed16.h"
#include "kernels/relaxed32/relaxed32.h"

static const TaiKernels *relaxed_kernels(TaiTier tier) {
    uint32_t dots = tai_relaxed_dots();
    if (tier == TAI_TIER_RELAXED16)
        return dots & TAI_DOT_I16 ? &tai_kernels_relaxed16 : 0;
    if (!(dots & TAI_DOT_I32))
        return 0;
    return dots & TAI_DOT_I32_UNSIGNED ? &tai_kernels_relaxed32_unsigned
           : dots & TAI_DOT_I32_SIGNED ? &tai_kernels_relaxed32_signed
                                       : &tai_kernels_relaxed32;
}
#endif

const TaiKernels *tai_kernels(TaiTier tier) {
    if (tier == TAI_TIER_SCALAR)
        return &tai_kernels_reference;
#if TAI_HAVE_SIMD128
    if (tier == TAI_TIER_SIMD128)
        return &tai_kernels_simd128;
#endif
#if TAI_HAVE_RELAXED
    if (tier == TAI_TIER_RELAXED16 || tier == TAI_TIER_RELAXED32)
        return relaxed_kernels(tier);
#endif
#if TAI_HAVE_AVX2
    if (tier == TAI_TIER_AVX2 && tai_cpu_runs(tier))
        return &tai_kernels_avx2;
#endif
#if TAI_HAVE_AVX_VNNI
    if (tier == TAI_TIER_AVX_VNNI && tai_cpu_runs(tier))
        return &tai_kernels_avx_vnni;
#endif
#if TAI_HAVE_AVX512_VNNI
    if (tier == TAI_TIER_AVX512_VNNI && tai_cpu_runs(tier))
        return &tai_kernels_avx512_vnni;
#endif
#if TAI_HAVE_NEON
    if (tier == TAI_TIER_NEON && tai_cpu_runs(tier))
        return &tai_kernels_neon;
#endif
    return 0;
}

typedef struct TypeTraits {
    TaiType type;
    TaiActForm form;
    uint32_t block; /* weights */
    uint32_t block_bytes;
} TypeTraits;

static const TypeTraits type_traits[] = {
    {TAI_TYPE_F32, TAI_ACT_F32, 1, 4},
    {TAI_TYPE_F16, TAI_ACT_F32, 1, 2},
    {TAI_TYPE_BF16, TAI_ACT_F32, 1, 2},
    {TAI_TYPE_Q4_0, TAI_ACT_Q8_32N, TAI_BLOCK, sizeof(TaiQ4_0)},
    {TAI_TYPE_Q4_1, TAI_ACT_Q8_32N, TAI_BLOCK, sizeof(TaiQ4_1)},
    {TAI_TYPE_Q5_0, TAI_ACT_Q8_32N, TAI_BLOCK, sizeof(TaiQ5_0)},
    {TAI_TYPE_Q5_1, TAI_ACT_Q8_32N, TAI_BLOCK, sizeof(TaiQ5_1)},
    {TAI_TYPE_Q8_0, TAI_ACT_Q8_32, TAI_BLOCK, sizeof(TaiQ8_0)},
    {TAI_TYPE_Q2_K, TAI_ACT_Q8_256N, TAI_SUPERBLOCK, sizeof(TaiQ2_K)},
    {TAI_TYPE_Q3_K, TAI_ACT_Q8_256N, TAI_SUPERBLOCK, sizeof(TaiQ3_K)},
    {TAI_TYPE_Q4_K, TAI_ACT_Q8_256N, TAI_SUPERBLOCK, sizeof(TaiQ4_K)},
    {TAI_TYPE_Q5_K, TAI_ACT_Q8_256N, TAI_SUPERBLOCK, sizeof(TaiQ5_K)},
    {TAI_TYPE_Q6_K, TAI_ACT_Q8_256N, TAI_SUPERBLOCK, sizeof(TaiQ6_K)},
    {TAI_TYPE_IQ4_NL, TAI_ACT_Q8_32, TAI_BLOCK, sizeof(TaiIQ4_NL)},
    {TAI_TYPE_IQ4_XS, TAI_ACT_Q8_256, TAI_SUPERBLOCK, sizeof(TaiIQ4_XS)},
};

static const TypeTraits *traits_of(TaiType type) {
    const TypeTraits *traits = type_traits;
    while (traits->type != type)
        traits++;
    return traits;
}

TaiActForm tai_act_form(TaiType type) {
    return traits_of(type)->form;
}

size_t tai_kernel_row_bytes(TaiType type, uint32_t k) {
    const TypeTraits *traits = traits_of(type);
    return (size_t)(k / traits->block) * traits->block_bytes;
}

/* The largest block of any tier: simd128 widens int8 to int16 and adds the sums that correct for
 * the offsets of unsigned weights (simd128/activations.h). */
uint64_t tai_act_bytes(TaiActForm form, uint32_t k) {
    uint64_t bytes = (uint64_t)k * sizeof(float);
    if (form == TAI_ACT_Q8_32 || form == TAI_ACT_Q8_32N)
        bytes = ((uint64_t)k + TAI_BLOCK - 1) / TAI_BLOCK * TAI_ACT32_MAX_BYTES;
    else if (form == TAI_ACT_Q8_256 || form == TAI_ACT_Q8_256N)
        bytes = ((uint64_t)k + TAI_SUPERBLOCK - 1) / TAI_SUPERBLOCK * TAI_ACT256_MAX_BYTES;
    return (bytes + 15) / 16 * 16;
}

uint64_t tai_kv_group_bytes(TaiKvType type, uint32_t head_dim) {
    if (type == TAI_KV_Q8)
        return 2 * (uint64_t)TAI_KV_GROUP * (tai_kv_width(head_dim) + sizeof(float));
    return 2 * (uint64_t)TAI_KV_GROUP * head_dim * (type == TAI_KV_F32 ? 4 : 2);
}

uint32_t tai_scores_stride(uint32_t end) {
    return (end + TAI_KV_GROUP - 1) / TAI_KV_GROUP * TAI_KV_GROUP;
}
