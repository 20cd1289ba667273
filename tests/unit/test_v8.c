/* The eight lanes of this build's tiers (v8.h) against their meanings. */
#include <stdbool.h>

#include "kernels/kernels.h"
#include "test.h"

#if TAI_HAVE_AVX2
#include "kernels/avx2/v8.h"
#define V8_TIER TAI_TIER_AVX2
#elif TAI_HAVE_NEON
#include "kernels/neon/v8.h"
#define V8_TIER TAI_TIER_NEON
#endif

#ifdef V8_TIER

#include "v8_cases.h"

TEST(lanes_mean_the_same_in_every_tier) {
    if (!tai_kernels(V8_TIER)) {
        printf("  skipped: this processor lacks the instructions\n");
        return;
    }
    for (uint32_t i = 0; i < N_V8_CASES; i++) {
        uint32_t n_bad = 0;
        for (uint32_t round = 0; round < 2000; round++)
            n_bad += v8_case_fails(i, round);
        if (n_bad != 0)
            printf("  v8_%s: %u of 2000 wrong\n", v8_cases[i].name, n_bad);
        CHECK_EQ(n_bad, 0);
    }
}

TEST(every_f16_is_read_as_a_weight) {
    CHECK(!tai_kernels(V8_TIER) || !v8_load_f16_fails());
}

TEST_MAIN(T(lanes_mean_the_same_in_every_tier), T(every_f16_is_read_as_a_weight))

#else

TEST(no_lanes_here) {
    printf("  skipped: this build has the reference alone\n");
}

TEST_MAIN(T(no_lanes_here))

#endif
