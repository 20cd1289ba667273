#include "text/text_stream.h"

void tai_text_stream_init(TaiTextStream *s) {
    tai_utf8_init(&s->utf8);
    tai_stop_init(&s->stop);
}

uint32_t tai_text_stream_out_bytes(uint32_t longest_token) {
    return TAI_STOP_MAX_HELD + TAI_UTF8_OUT_BYTES(longest_token);
}

uint32_t tai_text_stream_push(TaiTextStream *s, const char *bytes, uint32_t n, char *out) {
    char *text = out + s->stop.n_held;
    uint32_t n_text =
        n > 0 ? tai_utf8_push(&s->utf8, bytes, n, text) : tai_utf8_flush(&s->utf8, text);
    return tai_stop_push(&s->stop, out, n_text);
}

uint32_t tai_text_stream_finish(TaiTextStream *s, char *out) {
    uint32_t n = tai_stop_push(&s->stop, out, tai_utf8_flush(&s->utf8, out + s->stop.n_held));
    return n + tai_stop_flush(&s->stop, out + n);
}
