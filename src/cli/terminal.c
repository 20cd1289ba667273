/* What people see on a terminal besides the text itself. */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

/* Three figures, as in js/src/size.ts. */
SizeText size_text(uint64_t bytes) {
    static const char *const units[] = {"bytes", "KB", "MB", "GB"};
    double value = (double)bytes;
    unsigned unit = 0;
    while (value >= 1000.0 && unit < 3) {
        value /= 1024.0;
        unit++;
    }
    const int decimals = unit == 0 || value >= 100.0 ? 0 : value >= 10.0 ? 1 : 2;
    SizeText size;
    snprintf(size.text, sizeof size.text, "%.*f %s", decimals, value, units[unit]);
    return size;
}

static bool has_colour(void) {
    const char *no_color = getenv("NO_COLOR"); /* no-color.org */
    return isatty(STDERR_FILENO) && (no_color == NULL || *no_color == '\0');
}

void note(const char *format, ...) {
    const bool colour = has_colour();
    va_list args;
    va_start(args, format);
    fputs(colour ? "\033[2m" : "", stderr);
    vfprintf(stderr, format, args);
    fputs(colour ? "\033[0m\n" : "\n", stderr);
    va_end(args);
}

void put_text(FILE *out, const char *text, size_t bytes) {
    if (!isatty(fileno(out))) {
        fwrite(text, 1, bytes, out);
        return;
    }
    for (size_t i = 0; i < bytes; i++) {
        const unsigned char c = (unsigned char)text[i];
        const bool control = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
        putc(control ? '?' : c, out);
    }
}

static bool line_shown;

void live_line(double tokens, double seconds) {
    if (isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO) && seconds > 0) {
        fprintf(stderr, "\r%.0f tokens, %.1f tokens/s", tokens, tokens / seconds);
        fflush(stderr);
        line_shown = true;
    }
}

/* At most a hundred times. */
void live_share(const char *what, uint64_t done, uint64_t total) {
    static uint32_t shown;
    const uint32_t share = total > 0 ? (uint32_t)((double)done * 100.0 / (double)total) : 100;
    if (isatty(STDERR_FILENO) && (!line_shown || share != shown)) {
        fprintf(stderr, "\r%s %u%%, %s of %s", what, share, size_text(done).text,
                size_text(total).text);
        fflush(stderr);
        line_shown = true;
        shown = share;
    }
}

void live_line_clear(void) {
    if (line_shown) {
        fputs("\r\033[K", stderr);
        line_shown = false;
    }
}
