/* Asks the processor, on each kind that has tiers of its own. */
#include "kernels/cpu.h"

#if TAI_HAVE_AVX2

#include <cpuid.h>

/* __builtin_cpu_supports also knows whether the system saves the registers, but of AVX-VNNI only in
 * the newest compilers: leaf 7, subleaf 1, EAX bit 4. */
static bool has_avx_vnni(void) {
    uint32_t eax, ebx, ecx, edx;
    return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax >> 4 & 1);
}

bool tai_cpu_runs(TaiTier tier) {
    bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c");
    switch (tier) {
    case TAI_TIER_AVX2:
        return has_avx2;
    case TAI_TIER_AVX_VNNI:
        return has_avx2 && has_avx_vnni();
    case TAI_TIER_AVX512_VNNI:
        return has_avx2 && __builtin_cpu_supports("avx512vnni") &&
               __builtin_cpu_supports("avx512vl");
    default:
        return true;
    }
}

#elif TAI_HAVE_NEON && defined(__linux__)

#include <asm/hwcap.h>
#include <sys/auxv.h>

bool tai_cpu_runs(TaiTier tier) {
    return tier != TAI_TIER_NEON || (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
}

#elif TAI_HAVE_NEON && defined(__APPLE__)

#include <sys/sysctl.h>

bool tai_cpu_runs(TaiTier tier) {
    int has_dotprod = 0;
    size_t bytes = sizeof has_dotprod;
    return tier != TAI_TIER_NEON ||
           (sysctlbyname("hw.optional.arm.FEAT_DotProd", &has_dotprod, &bytes, NULL, 0) == 0 &&
            has_dotprod);
}

#elif TAI_HAVE_NEON

/* No way to ask here: only what the whole build was made for. */
bool tai_cpu_runs(TaiTier tier) {
#ifdef __ARM_FEATURE_DOTPROD
    return true;
#else
    return tier != TAI_TIER_NEON;
#endif
}

#else

bool tai_cpu_runs(TaiTier tier) {
    (void)tier;
    return true;
}

#endif
