/* Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3" (SC 2011). No state: the same key and counter give the same bits. */
#ifndef TAI_RNG_H
#define TAI_RNG_H

#include <stdint.h>

void tai_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* A number in [0, 1) with 53 random bits, for one draw of one position of one sequence. */
double tai_random(uint64_t seed, uint32_t sequence, uint32_t position);

#endif
