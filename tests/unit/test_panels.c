/* Panels: rows come out of them as they went in, and the reference computes the same with them. */
#include "kernels/panel.h"

#include <stdlib.h>

#include "kernels/blocks.h"
#include "kernels/reference/reference.h"
#include "test.h"

static uint64_t rng;
static uint64_t case_random(void) {
    return (rng = rng * 6364136223846793005u + 1442695040888963407u) >> 33;
}
static const TaiType panelled[] = {TAI_TYPE_Q4_0, TAI_TYPE_Q5_0, TAI_TYPE_Q8_0, TAI_TYPE_Q4_K,
                                   TAI_TYPE_Q6_K};
enum { N_PANELLED = sizeof panelled / sizeof *panelled };

static _Alignas(16) uint8_t rows[8 * 4096], panel[8 * 4096 + 64], back[4096];

TEST(rows_come_back_bit_for_bit) {
    for (uint32_t t = 0; t < N_PANELLED; t++)
        for (uint32_t n = 1; n <= TAI_PANEL_ROWS; n++)
            for (uint32_t k = 256; k <= 1024; k += 256) {
                TaiType type = panelled[t];
                size_t row_bytes = tai_kernel_row_bytes(type, k), bytes = tai_panel_bytes(type, k);
                rng = t * 100 + n * 10 + k;
                for (size_t i = 0; i < n * row_bytes; i++)
                    rows[i] = (uint8_t)case_random();
                memset(panel, 0xA5, sizeof panel);
                tai_panel_put(type, rows, n, k, panel);
                for (uint32_t r = 0; r < n; r++) {
                    tai_panel_get(type, panel, r, k, back);
                    CHECK(memcmp(back, rows + r * row_bytes, row_bytes) == 0);
                }
                CHECK_EQ(panel[bytes], 0xA5);
            }
}

TEST(the_reference_computes_the_same_with_panels_as_with_rows) {
    for (uint32_t t = 0; t < N_PANELLED; t++)
        for (uint32_t n = 1; n <= TAI_PANEL_ROWS; n++) {
            static float x[512], in_rows[8], in_panels[8];
            static _Alignas(16) uint8_t act[4096];
            TaiType type = panelled[t];
            rng = t * 100 + n;
            for (size_t i = 0; i < sizeof rows; i++)
                rows[i] = (uint8_t)(case_random() & 0xBB); /* scales that are finite */
            for (uint32_t i = 0; i < 512; i++)
                x[i] = (float)case_random() - 0x1p30f;
            tai_ref_quantize(tai_act_form(type), x, 512, act);
            tai_panel_put(type, rows, n, 512, panel);
            tai_ref_matmul(type, rows, n, 512, act, 0, 1, in_rows, 8);
            tai_ref_panels(type, panel, n, 512, act, 0, 1, in_panels, 8);
            CHECK(memcmp(in_rows, in_panels, n * sizeof(float)) == 0);
        }
}

TEST_MAIN(T(rows_come_back_bit_for_bit),
          T(the_reference_computes_the_same_with_panels_as_with_rows))
