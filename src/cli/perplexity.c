/* tinyai perplexity: how well a model predicts a text.
 *
 * The text is tokenized whole and without special tokens, in consecutive windows of context - 1
 * tokens, each with BOS in front and positions from 0. Every token is predicted once. A model
 * without BOS sees the token before the window instead; then the very first token is not predicted.
 *
 * Text of any length passes through fixed memory: a piece of text becomes tokens, tokens become
 * items of a batch, and a full batch is computed. Where a batch is cut changes nothing in the
 * result. */
#include "cli/cli.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "memory/error.h"
#include "port/port.h"

#define PIECE_BYTES 2048u
#define PIECE_TOKENS 512u
#define BATCH_ITEMS 512u

typedef struct Window {
    /* Items of the window that are not computed yet, and the token that each is to predict. While
     * the last item waits for the next token, n_items = n_targets + 1. */
    TinyAIBatchItem items[BATCH_ITEMS];
    uint32_t targets[BATCH_ITEMS];
    uint32_t n_items;
    uint32_t n_targets;
    uint32_t position; /* of the next item in the window */
    uint32_t first;    /* token in front of a window */
    bool has_bos;
    bool has_first;
} Window;

typedef struct Perplexity {
    Host host;
    TaiPortFile file; /* the text; without a name it is standard input */
    bool has_file;
    uint64_t n_read; /* bytes of the text so far */
    Window window;
    double nll;
    uint64_t n_predicted;
    char text[PIECE_BYTES];
    uint32_t ids[PIECE_TOKENS];
} Perplexity;

_Static_assert(sizeof(Perplexity) <= SCRATCH_BYTES, "it lies in the scratch memory");

/* ---- a window ------------------------------------------------------------------------------ */

/* Computes the items whose next token is known. */
static int32_t predict(Perplexity *p) {
    Window *w = &p->window;
    if (w->n_targets == 0) {
        return TINYAI_STEP_DONE;
    }
    if (tinyai_begin_batch(p->host.model, w->items, w->n_targets) != 0) {
        p->host.error = *tinyai_last_error(p->host.model);
        return p->host.error.status;
    }
    int32_t step;
    uint32_t done = 0;
    while ((step = next_step(&p->host)) == TINYAI_STEP_LOGITS) {
        p->nll += tinyai_logits_nll(p->host.model, w->targets[done++]);
    }
    if (step != TINYAI_STEP_DONE) {
        return step;
    }
    p->n_predicted += done;
    w->n_items = 0;
    w->n_targets = 0;
    return TINYAI_STEP_DONE;
}

static void add_item(Window *w, uint32_t token) {
    w->items[w->n_items++] =
        (TinyAIBatchItem){.token = token, .position = w->position++, .want_logits = 1};
}

/* The next token of the text. 0 or more: go on. */
static int32_t add_token(Perplexity *p, uint32_t token) {
    Window *w = &p->window;
    const uint32_t context = tinyai_model_plan(p->host.model)->context_length;
    if (!w->has_first) { /* no BOS, and the text begins */
        w->first = token;
        w->has_first = true;
        return TINYAI_STEP_DONE;
    }
    if (w->position == 0) {
        add_item(w, w->first);
    }
    w->targets[w->n_targets++] = token;
    if (!w->has_bos) {
        w->first = token;
    }

    const bool full = w->position + 1 >= context; /* context - 1 tokens are predicted */
    int32_t status = TINYAI_STEP_DONE;
    if (full || w->n_items == BATCH_ITEMS) {
        status = predict(p);
    }
    if (full) {
        w->position = 0;
    } else if (status == TINYAI_STEP_DONE) {
        add_item(w, token);
    }
    return status;
}

/* ---- the text ------------------------------------------------------------------------------ */

/* Tokenizes what can be: all of it at the end of the text. *bytes becomes what is left. */
static int32_t add_text(Perplexity *p, uint32_t *bytes, uint32_t *flags) {
    uint32_t at = 0;
    int32_t status = TINYAI_STEP_DONE;
    while (at < *bytes) {
        uint32_t n_ids = 0;
        uint32_t used = 0;
        if (tinyai_tokenize(p->host.model, p->text + at, *bytes - at, *flags, p->ids, PIECE_TOKENS,
                            &n_ids, &used) != 0) {
            p->host.error = *tinyai_last_error(p->host.model);
            return p->host.error.status;
        }
        *flags &= ~(uint32_t)TINYAI_TEXT_FIRST;
        for (uint32_t i = 0; i < n_ids; i++) {
            status = add_token(p, p->ids[i]);
            if (status != TINYAI_STEP_DONE) {
                return status;
            }
        }
        at += used;
        if (!(*flags & TINYAI_TEXT_LAST) && *bytes - at < PIECE_BYTES / 2) {
            break; /* better cut with more text behind it */
        }
    }
    *bytes -= at;
    memmove(p->text, p->text + at, *bytes);
    return status;
}

/* At most `room` bytes of the text; 0 at its end. */
static int32_t read_text(Perplexity *p, char *into, uint32_t room, uint32_t *n) {
    int32_t status = 0;
    if (p->has_file) {
        const uint64_t left = p->file.size - p->n_read;
        *n = left < room ? (uint32_t)left : room;
        status = tai_port_file_read(p->file.handle, p->n_read, into, *n);
    } else {
        *n = (uint32_t)fread(into, 1, room, stdin);
        status = ferror(stdin) ? TINYAI_E_IO : 0;
    }
    if (status != 0) {
        tai_error_clear(&p->host.error);
        tai_fail(&p->host.error, status, p->n_read,
                 "the text could not be read to its end. Copy it to a regular file.");
    }
    p->n_read += *n;
    return status;
}

static int32_t add_all_text(Perplexity *p) {
    uint32_t flags = TINYAI_TEXT_FIRST;
    uint32_t bytes = 0; /* of p->text that are waiting */
    int32_t status = TINYAI_STEP_DONE;
    while (status == TINYAI_STEP_DONE && !(flags & TINYAI_TEXT_LAST)) {
        uint32_t n = 0;
        const int32_t failed = read_text(p, p->text + bytes, PIECE_BYTES - bytes, &n);
        if (failed != 0) {
            return tai_port_interrupted() ? STEP_INTERRUPTED : failed;
        }
        bytes += n;
        if (n == 0) {
            flags |= TINYAI_TEXT_LAST;
        }
        status = add_text(p, &bytes, &flags);
    }
    return status == TINYAI_STEP_DONE ? predict(p) : status;
}

/* BOS is what the tokenizer puts in front of nothing. */
static int32_t find_bos(Perplexity *p) {
    uint32_t n_ids = 0;
    uint32_t used = 0;
    const uint32_t flags = TINYAI_TEXT_FIRST | TINYAI_TEXT_LAST | TINYAI_TEXT_ADD_SPECIAL;
    const int32_t status =
        tinyai_tokenize(p->host.model, "", 0, flags, p->ids, PIECE_TOKENS, &n_ids, &used);
    if (status == 0) {
        p->window.has_bos = p->window.has_first = n_ids > 0;
        p->window.first = p->ids[0];
    }
    return status;
}

/* ---- the command --------------------------------------------------------------------------- */

static void put_result(Perplexity *p, const Options *options, uint64_t ns) {
    const double perplexity = exp(p->nll / (double)p->n_predicted);
    const uint32_t context = tinyai_model_plan(p->host.model)->context_length;
    if (!options->json) {
        printf("perplexity %.5f\nnll        %.4f\ntokens     %llu, in windows of context %u\n",
               perplexity, p->nll, (unsigned long long)p->n_predicted, context);
        return;
    }
    const Speed speed = {.prompt_tokens = p->n_predicted, .prompt_ns = ns};
    Json json = {.out = stdout};
    json_open(&json, NULL, '{');
    json_real(&json, "perplexity", perplexity);
    json_real(&json, "nll", p->nll);
    json_uint(&json, "tokens", p->n_predicted);
    json_uint(&json, "contextLength", context);
    stats_json(&json, &p->host, &speed, 0);
    json_close(&json, '}');
    putchar('\n');
}

static int no_text(const Options *options) {
    TinyAIError error;
    tai_error_clear(&error);
    tai_fail(&error, TINYAI_E_TEXT, TINYAI_NO_OFFSET,
             "there is nothing to predict: the text is empty. Pass one with --file TEXT");
    return fail(options, &error);
}

static int measure(Perplexity *p, const Options *options) {
    if (find_bos(p) != 0) {
        return fail(options, tinyai_last_error(p->host.model));
    }
    const uint64_t start = tai_port_clock_ns();
    const int32_t status = add_all_text(p);
    if (status == STEP_INTERRUPTED) {
        return INTERRUPTED;
    }
    if (status < 0) {
        return fail(options, &p->host.error);
    }
    if (p->n_predicted == 0) {
        return no_text(options);
    }
    put_result(p, options, tai_port_clock_ns() - start);
    return DONE;
}

int perplexity(const Options *options) {
    Perplexity *p = (Perplexity *)(void *)scratch;
    TinyAIError error;
    if (options->file == NULL && isatty(STDIN_FILENO)) {
        fputs("tinyai: no text: pass --file TEXT, or pipe it in. See tinyai perplexity --help\n",
              stderr);
        return USAGE;
    }
    memset(p, 0, sizeof *p);
    if (options->file != NULL) {
        if (tai_port_file_open(&p->file, options->file, &error) != 0) {
            return fail(options, &error);
        }
        p->has_file = true;
    }
    int code;
    if (open_model(&p->host, options, &error) == 0) {
        code = measure(p, options);
        tinyai_close(p->host.model);
    } else {
        code = fail(options, &error);
    }
    if (p->has_file) {
        tai_port_file_close(p->file.handle);
    }
    return code;
}
