/* Stop strings over a stream of text. Text that could still become a stop string is held back; the
 * first stop string that is complete ends the text before it (of several that end at the same byte,
 * the longest). The result does not depend on how the text is cut into pieces. */
#ifndef TAI_STOP_H
#define TAI_STOP_H

#include <stdbool.h>
#include <stdint.h>

#define TAI_STOP_MAX_STRINGS 16u
#define TAI_STOP_MAX_BYTES 1024u /* of all strings together */
#define TAI_STOP_MAX_HELD (TAI_STOP_MAX_BYTES - 1u)

typedef struct TaiStop {
    uint32_t n_strings;
    uint32_t n_held;
    bool matched;
    uint16_t start[TAI_STOP_MAX_STRINGS + 1]; /* of each string in text */
    uint16_t state[TAI_STOP_MAX_STRINGS];     /* bytes of it that the text so far ends with */
    uint16_t border[TAI_STOP_MAX_BYTES];      /* at string byte i: the longest proper prefix of the
                                                 string that its first i + 1 bytes end with */
    char text[TAI_STOP_MAX_BYTES];
    char held[TAI_STOP_MAX_HELD];
} TaiStop;

void tai_stop_init(TaiStop *s);

/* E_ARGUMENT: empty, not UTF-8, or more than 16 strings or 1024 bytes together. */
int32_t tai_stop_add(TaiStop *s, const char *bytes, uint32_t n);

/* Pushes the n bytes that lie at out + s->n_held; the bytes to emit then begin at out. Returns how
 * many. Sets s->matched when a stop string is complete; later text is then swallowed. */
uint32_t tai_stop_push(TaiStop *s, char *out, uint32_t n);

/* The held text, now that no more comes: to out (room for TAI_STOP_MAX_HELD bytes). */
uint32_t tai_stop_flush(TaiStop *s, char *out);

#endif
