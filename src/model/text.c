/* Text in and out of the model: the public forms of the tokenizer. */
#include <inttypes.h>

#include "memory/checked.h"
#include "memory/error.h"
#include "model/engine.h"
#include "text/detokenize.h"
#include "text/spm.h"

/* How much of the text is tokenized at once, at most `most` bytes: all of it if it is the end, else up to
 * the last place where cutting changes nothing. */
static uint32_t piece_of_text(const TinyAIModel *m, const char *text, uint32_t bytes,
                              uint32_t flags, uint32_t most) {
    if (bytes <= most && (flags & TINYAI_TEXT_LAST)) {
        return bytes;
    }
    return tai_spm_safe_split(&m->vocab, text, (uint32_t)tai_min_u64(bytes, most),
                              (flags & TINYAI_TEXT_PARSE_SPECIAL) != 0);
}

static int32_t encode_piece(TinyAIModel *m, const char *text, uint32_t piece, bool is_end,
                            uint32_t flags, uint32_t *ids, uint32_t capacity, uint32_t *n_ids) {
    uint32_t its_flags = is_end ? flags : flags & ~(uint32_t)TINYAI_TEXT_LAST;
    return tai_spm_encode(&m->vocab, text, piece, its_flags,
                          tai_in(m, TAI_REGION_TEXT, m->text.tokenizer), m->text.tokenizer_bytes,
                          ids, capacity, n_ids);
}

int32_t tinyai_tokenize(TinyAIModel *m, const char *text, uint32_t bytes, uint32_t flags,
                        uint32_t *ids, uint32_t capacity, uint32_t *n_ids, uint32_t *used) {
    tai_error_clear(&m->error);
    *n_ids = 0;
    *used = 0;
    /* Most texts give fewer ids than bytes; where a piece gives more than there is room for, half of it
     * is tried. */
    int32_t status = TINYAI_E_CONTEXT;
    uint32_t piece = 0;
    for (uint32_t most = m->text.text_capacity; status == TINYAI_E_CONTEXT; most = piece / 2) {
        piece = piece_of_text(m, text, bytes, flags, most);
        if (piece == 0 && bytes) {
            return tai_fail(&m->error, TINYAI_E_TEXT, TINYAI_NO_OFFSET,
                            "the text has a stretch without a blank to cut at that is longer than "
                            "the tokenizer's room (%" PRIu32 " bytes in, %" PRIu32
                            " tokens out): break it up, or open the model with a longer context",
                            m->text.text_capacity, capacity);
        }
        status = encode_piece(m, text, piece, piece == bytes, flags, ids, capacity, n_ids);
        if (piece == 0) {
            break;
        }
    }
    if (status) {
        return tai_fail(&m->error, status, TINYAI_NO_OFFSET,
                        "the text could not be tokenized (%s): it gives %" PRIu32
                        " tokens, there is room for %" PRIu32,
                        tinyai_status_name(status), *n_ids, capacity);
    }
    *used = piece;
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
