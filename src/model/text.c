/* Text in and out of the model: the public forms of the tokenizer. */
#include <inttypes.h>

#include "memory/checked.h"
#include "memory/error.h"
#include "model/engine.h"
#include "text/detokenize.h"
#include "text/spm.h"

/* How much of the text this call tokenizes: all of it if it is the end and fits, else up to the
 * last place where cutting changes nothing. */
static uint32_t piece_of_text(const TinyAIModel *m, const char *text, uint32_t bytes,
                              uint32_t flags, uint32_t capacity) {
    uint32_t room = capacity > 4 ? capacity - 4 : 0; /* BOS, EOS and the blank in front */
    uint32_t most = (uint32_t)tai_min_u64(m->text.text_capacity, room);
    if (bytes <= most && (flags & TINYAI_TEXT_LAST)) {
        return bytes;
    }
    /* A safe border lies before the end of what it looks at. */
    return tai_spm_safe_split(&m->vocab, text, (uint32_t)tai_min_u64(bytes, most),
                              (flags & TINYAI_TEXT_PARSE_SPECIAL) != 0);
}

int32_t tinyai_tokenize(TinyAIModel *m, const char *text, uint32_t bytes, uint32_t flags,
                        uint32_t *ids, uint32_t capacity, uint32_t *n_ids, uint32_t *used) {
    tai_error_clear(&m->error);
    *n_ids = 0;
    *used = piece_of_text(m, text, bytes, flags, capacity);
    if (*used == 0 && bytes) {
        return tai_fail(
            &m->error, TINYAI_E_TEXT, TINYAI_NO_OFFSET,
            "the text has a stretch of %" PRIu32
            " bytes without a blank to cut at, longer than the tokenizer's room of %" PRIu32
            " bytes: break it up, or open the model with a longer context",
            bytes, m->text.text_capacity);
    }
    if (*used < bytes) {
        flags &= ~(uint32_t)TINYAI_TEXT_LAST;
    }
    int32_t status =
        tai_spm_encode(&m->vocab, text, *used, flags, tai_in(m, TAI_REGION_TEXT, m->text.tokenizer),
                       m->text.tokenizer_bytes, ids, capacity, n_ids);
    if (status) {
        return tai_fail(&m->error, status, TINYAI_NO_OFFSET,
                        "the text could not be tokenized (%s): it gives %" PRIu32
                        " tokens, there is room for %" PRIu32,
                        tinyai_status_name(status), *n_ids, capacity);
    }
    return TINYAI_OK;
}

int32_t tinyai_detokenize(TinyAIModel *m, const uint32_t *ids, uint32_t n_ids, uint32_t flags,
                          char *into, uint32_t capacity, uint32_t *bytes, uint32_t *used) {
    tai_error_clear(&m->error);
    int32_t status = tai_detokenize(&m->vocab, ids, n_ids, flags, into, capacity, bytes, used);
    if (status) {
        return tai_fail(&m->error, status, TINYAI_NO_OFFSET,
                        "a token id is outside the vocabulary of %" PRIu32
                        ", or the room of %" PRIu32 " bytes is too small",
                        m->vocab.n_tokens, capacity);
    }
    return TINYAI_OK;
}
