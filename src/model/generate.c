/* Generating: prompt in, tokens out, one forward pass per token. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "memory/checked.h"
#include "memory/error.h"
#include "model/engine.h"
#include "text/detokenize.h"
#include "text/sampler.h"

TinyAIGenerate tinyai_default_generate(void) {
    return (TinyAIGenerate){
        .sampling = tinyai_sampling_default(), .add_special = 1, .parse_special = 1};
}

static uint32_t *history(const TinyAIModel *m) {
    return tai_in(m, TAI_REGION_TEXT, m->text.history);
}

/* ---- beginning ------------------------------------------------------------------------------- */

static int32_t prompt_too_long(TinyAIModel *m, uint32_t n_ids, bool at_least) {
    return tai_fail(&m->error, TINYAI_E_CONTEXT, TINYAI_NO_OFFSET,
                    "the prompt has %s%" PRIu32 " tokens, the context holds %" PRIu32
                    ": shorten it, or open the model with a longer context",
                    at_least ? "at least " : "", n_ids, m->planned.now.context);
}

static int32_t check_generate(TinyAIModel *m, const TinyAIGenerate *how) {
    tai_error_clear(&m->error);
    if (m->job != TAI_JOB_NONE) {
        return tai_fail(&m->error, TINYAI_E_BUSY, TINYAI_NO_OFFSET,
                        "the model is generating: wait for it, or end it");
    }
    return tinyai_sampling_check(&how->sampling, &m->error);
}

static int32_t set_stops(TinyAIModel *m, const TinyAIGenerate *how) {
    tai_text_stream_init(&m->generation.text);
    for (uint32_t i = 0; i < how->n_stop; i++) {
        size_t bytes = strlen(how->stop[i]);
        int32_t status = bytes > UINT32_MAX ? TINYAI_E_ARGUMENT
                                            : tai_stop_add(&m->generation.text.stop, how->stop[i],
                                                           (uint32_t)bytes);
        if (status) {
            return tai_fail(&m->error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                            "stop string %" PRIu32
                            " is empty, not UTF-8 or too long: at most 16 of together "
                            "1024 bytes are possible",
                            i);
        }
    }
    return TINYAI_OK;
}

/* The prompt is in the history: starts its forward pass. */
static int32_t begin(TinyAISession *session, uint32_t n_prompt, const TinyAIGenerate *how) {
    TinyAIModel *m = session->model;
    TaiGeneration *g = &m->generation;
    if (set_stops(m, how)) {
        return m->error.status;
    }
    g->sampling = how->sampling;
    g->sequence = session->sequence;
    g->n_prompt = n_prompt;
    g->n_history = n_prompt;
    g->n_generated = 0;
    g->ignore_eos = how->ignore_eos != 0;
    g->finished = false;
    /* The last token needs no position of its own. */
    g->max_tokens = m->planned.now.context - n_prompt + 1;
    if (how->max_tokens) {
        g->max_tokens = (uint32_t)tai_min_u64(g->max_tokens, how->max_tokens);
    }
    tai_xxh3_init(&g->hash);
    for (uint32_t i = 0; i < n_prompt; i++) {
        tai_batch(m)[i] = (TinyAIBatchItem){.token = history(m)[i],
                                            .position = i,
                                            .sequence = session->sequence,
                                            .want_logits = i + 1 == n_prompt};
    }
    session->n_past = n_prompt;
    m->prompt_tokens = n_prompt;
    m->job = TAI_JOB_GENERATE;
    tai_forward_begin(m, n_prompt, g->max_tokens > 1);
    return TINYAI_OK;
}

int32_t tinyai_begin_generate_ids(TinyAISession *session, const uint32_t *ids, uint32_t n_ids,
                                  const TinyAIGenerate *how) {
    TinyAIModel *m = session->model;
    if (check_generate(m, how)) {
        return m->error.status;
    }
    if (n_ids == 0) {
        return tai_fail(&m->error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "the prompt is empty: give at least one token");
    }
    if (n_ids > m->planned.now.context) {
        return prompt_too_long(m, n_ids, false);
    }
    for (uint32_t i = 0; i < n_ids; i++) {
        if (ids[i] >= m->file.hp.vocab_size) {
            return tai_fail(&m->error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                            "token %" PRIu32 " of the prompt is %" PRIu32
                            ", outside the vocabulary of %" PRIu32,
                            i, ids[i], m->file.hp.vocab_size);
        }
    }
    memmove(history(m), ids, n_ids * sizeof *ids);
    return begin(session, n_ids, how);
}

int32_t tinyai_begin_generate(TinyAISession *session, const char *prompt, uint32_t prompt_bytes,
                              const TinyAIGenerate *how) {
    TinyAIModel *m = session->model;
    if (check_generate(m, how)) {
        return m->error.status;
    }
    uint32_t flags = TINYAI_TEXT_FIRST | TINYAI_TEXT_LAST;
    flags |= how->add_special ? TINYAI_TEXT_ADD_SPECIAL : 0;
    flags |= how->parse_special ? TINYAI_TEXT_PARSE_SPECIAL : 0;
    uint32_t *ids = tai_in(m, TAI_REGION_TEXT, m->text.ids);
    uint32_t n_prompt = 0;
    uint32_t done = 0;
    do {
        uint32_t n_ids;
        uint32_t used;
        if (tinyai_tokenize(m, prompt + done, prompt_bytes - done, flags, ids, m->text.ids_capacity,
                            &n_ids, &used)) {
            return m->error.status;
        }
        done += used;
        flags &= ~(uint32_t)TINYAI_TEXT_FIRST;
        if (n_ids > m->planned.now.context - n_prompt) {
            return prompt_too_long(m, n_prompt + n_ids, done < prompt_bytes);
        }
        memcpy(history(m) + n_prompt, ids, n_ids * sizeof *ids);
        n_prompt += n_ids;
    } while (done < prompt_bytes);
    if (n_prompt == 0) {
        return tai_fail(&m->error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "the prompt is empty: give at least one token");
    }
    return begin(session, n_prompt, how);
}

/* ---- tokens ---------------------------------------------------------------------------------- */

/* The text that this token made safe to show, and with the last one all that was held back. */
static void make_piece(TinyAIModel *m, uint32_t token, bool ends) {
    TaiGeneration *g = &m->generation;
    char *bytes = tai_in(m, TAI_REGION_TEXT, m->text.token);
    char *out = tai_in(m, TAI_REGION_TEXT, m->text.piece);
    uint32_t n_bytes = tai_token_bytes(&m->vocab, token, false, bytes);
    uint32_t n_out = tai_text_stream_push(&g->text, bytes, n_bytes, out);
    g->finished = ends || g->text.stop.matched;
    if (g->finished) {
        n_out += tai_text_stream_finish(&g->text, out + n_out);
    }
    m->piece =
        (TinyAIPiece){.text = out, .text_bytes = n_out, .id = token, .index = g->n_generated};
}

/* The next forward pass: the token just sampled. */
static void continue_with(TinyAIModel *m, uint32_t token) {
    TaiGeneration *g = &m->generation;
    TinyAISession *session = &m->sessions[g->sequence];
    tai_batch(m)[0] = (TinyAIBatchItem){
        .token = token, .position = session->n_past, .sequence = g->sequence, .want_logits = 1};
    session->n_past++;
    history(m)[g->n_history++] = token;
    tai_forward_begin(m, 1, g->n_generated + 1 < g->max_tokens);
}

int32_t tai_generate_token(TinyAIModel *m) {
    TaiGeneration *g = &m->generation;
    const float *logits = tinyai_logits(m);
    tai_xxh3_update(&g->hash, logits, m->file.hp.vocab_size * sizeof *logits);
    uint32_t token = 0;
    int32_t status =
        tai_sample(&g->sampling, logits, m->file.hp.vocab_size, history(m), g->n_history,
                   g->sequence, g->n_history, tai_in(m, TAI_REGION_SCRATCH, 0), &token, &m->error);
    if (status) {
        return tai_engine_fail(m, status);
    }
    bool is_end = !g->ignore_eos && tai_vocab_is_end(&m->vocab, token);
    make_piece(m, token, is_end || g->n_generated + 1 == g->max_tokens);
    g->n_generated++;
    if (g->finished) {
        m->phase = TAI_PHASE_DONE;
    } else {
        continue_with(m, token);
    }
    return TINYAI_STEP_TOKEN;
}
