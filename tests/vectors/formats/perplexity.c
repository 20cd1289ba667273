// Perplexity of a text with llama.cpp, as ours is defined: perplexity LIBRARIES MODEL WINDOW < text
// Prints two sums and two counts: "nll tokens" of the whole text in windows of WINDOW - 1 tokens, BOS before each; then
// of the parts between empty lines ("\n\n\n"), each alone. KV F32, no flash attention, one thread.
#include "llama.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    double nll;
    long tokens;
} Sum;

static void no_log(enum ggml_log_level level, const char *text, void *user) {
    (void)level, (void)text, (void)user;
}

static double nll_of(const float *logits, int n, llama_token token) {
    double sum = 0, max = logits[0];
    for (int i = 1; i < n; i++)
        max = fmax(max, logits[i]);
    for (int i = 0; i < n; i++)
        sum += exp(logits[i] - max);
    return max + log(sum) - logits[token];
}

// BOS and n tokens from an empty cache; each token is predicted by what is before it.
static void add_window(struct llama_context *context, const struct llama_vocab *vocab,
                       const llama_token *ids, int n, Sum *sum) {
    struct llama_batch batch = llama_batch_init(n + 1, 0, 1);
    batch.n_tokens = n + 1;
    for (int i = 0; i <= n; i++) {
        batch.token[i] = i == 0 ? llama_vocab_bos(vocab) : ids[i - 1];
        batch.pos[i] = i;
        batch.n_seq_id[i] = 1;
        batch.seq_id[i][0] = 0;
        batch.logits[i] = 1;
    }
    llama_memory_clear(llama_get_memory(context), true);
    if (llama_decode(context, batch) != 0)
        exit(1);
    for (int i = 0; i < n; i++)
        sum->nll += nll_of(llama_get_logits_ith(context, i), llama_vocab_n_tokens(vocab), ids[i]);
    sum->tokens += n;
    llama_batch_free(batch);
}

static void add_text(struct llama_context *context, const struct llama_vocab *vocab,
                     const char *text, int bytes, Sum *sum) {
    llama_token *ids = malloc(sizeof *ids * (bytes + 16));
    int n = llama_tokenize(vocab, text, bytes, ids, bytes + 16, false, false);
    int window = (int)llama_n_ctx(context) - 1;
    for (int at = 0; at < n; at += window)
        add_window(context, vocab, ids + at, n - at < window ? n - at : window, sum);
    free(ids);
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: perplexity LIBRARIES MODEL WINDOW < text\n");
        return 1;
    }
    static char text[1 << 20];
    size_t bytes = fread(text, 1, sizeof text - 1, stdin);

    llama_log_set(no_log, NULL);
    ggml_backend_load_all_from_path(argv[1]);
    llama_backend_init();
    struct llama_model *model = llama_model_load_from_file(argv[2], llama_model_default_params());
    struct llama_context_params params = llama_context_default_params();
    params.n_ctx = params.n_batch = params.n_ubatch = (uint32_t)atoi(argv[3]);
    params.n_threads = params.n_threads_batch = 1;
    params.type_k = params.type_v = GGML_TYPE_F32;
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    struct llama_context *context = model ? llama_init_from_model(model, params) : NULL;
    if (!context) {
        fprintf(stderr, "perplexity: cannot open %s\n", argv[2]);
        return 1;
    }
    const struct llama_vocab *vocab = llama_model_get_vocab(model);

    Sum whole = {0}, parts = {0};
    add_text(context, vocab, text, (int)bytes, &whole);
    for (char *part = text; part;) {
        char *end = strstr(part, "\n\n\n");
        add_text(context, vocab, part, (int)(end ? end - part : text + bytes - part), &parts);
        part = end ? end + 3 : NULL;
    }
    printf("%.6f %ld %.6f %ld\n", whole.nll, whole.tokens, parts.nll, parts.tokens);
    return 0;
}
