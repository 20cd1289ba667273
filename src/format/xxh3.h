/* XXH3, 64 bits, seed 0 and default secret, as specified in xxHash's doc/xxhash_spec.md. Hashes
 * blocks of .tmai files and the logits of a run; it is fast and not cryptographic. */
#ifndef TAI_XXH3_H
#define TAI_XXH3_H

#include <stddef.h>
#include <stdint.h>

#define TAI_XXH3_BUFFER                                                                            \
    256u /* four stripes; must exceed 240, the longest input hashed as a whole */

/* The hash of total_bytes so far = what acc has consumed, then buffer[0..n_buffered).
 * A stripe is consumed only once bytes follow it, so n_buffered > 0 after the first byte. */
typedef struct TaiXxh3 {
    uint64_t acc[8];
    uint64_t total_bytes;
    uint32_t n_buffered;
    uint32_t n_stripes; /* consumed of the current block of 16 */
    uint8_t buffer[TAI_XXH3_BUFFER];
} TaiXxh3;

void tai_xxh3_init(TaiXxh3 *state);
void tai_xxh3_update(TaiXxh3 *state, const void *data, size_t n_bytes);
uint64_t tai_xxh3_digest(const TaiXxh3 *state); /* leaves the state as it is */

uint64_t tai_xxh3(const void *data, size_t n_bytes);

#endif
