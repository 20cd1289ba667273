// Measures native llama.cpp on one model, on the CPU, and prints one JSON line. It calls libllama
// directly: a binding in between would be measured too. Built and run by peer-llama.mjs.
//
//   peer-llama LIBRARY_FOLDER MODEL PROMPT_TOKENS GENERATED_TOKENS REPEATS THREADS < token ids
//
// The prompt is the token ids on stdin; where there are fewer than PROMPT_TOKENS, ids spread over
// the vocabulary follow. prefill: one batch of PROMPT_TOKENS, logits of the last. decode:
// GENERATED_TOKENS passes of one token, greedy. Settings: KV F16, everything else as llama.cpp
// chooses (repacked weights, flash attention where it has it).
#include "llama.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void no_log(enum ggml_log_level level, const char *text, void *user) {
    (void)level, (void)text, (void)user;
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static int fail(const char *what) {
    fprintf(stderr, "peer-llama: %s\n", what);
    return 1;
}

/// The best token; *margin = how far its logit is above the second one.
static llama_token best_token(const float *logits, int n, float *margin) {
    int best = 0;
    float second = -1e30f;
    for (int i = 1; i < n; i++) {
        if (logits[i] > logits[best]) {
            second = logits[best];
            best = i;
        } else if (logits[i] > second) {
            second = logits[i];
        }
    }
    *margin = logits[best] - second;
    return best;
}

int main(int argc, char **argv) {
    if (argc != 7)
        return fail("six arguments expected");
    const int n_prompt = atoi(argv[3]), n_generate = atoi(argv[4]), n_repeat = atoi(argv[5]),
              n_threads = atoi(argv[6]);
    if (n_prompt < 1 || n_generate < 1 || n_repeat < 1 || n_threads < 1)
        return fail("counts must be at least 1");

    llama_log_set(no_log, NULL);
    ggml_backend_load_all_from_path(argv[1]); // picks the build for this CPU
    llama_backend_init();

    ggml_backend_dev_t no_devices[] = {NULL};
    struct llama_model_params mp = llama_model_default_params();
    mp.devices = no_devices; // CPU only
    mp.n_gpu_layers = 0;
    struct llama_model *model = llama_model_load_from_file(argv[2], mp);
    if (!model)
        return fail("llama.cpp cannot load the model");
    const struct llama_vocab *vocab = llama_model_get_vocab(model);
    const int n_vocab = llama_vocab_n_tokens(vocab);

    struct llama_context_params cp = llama_context_default_params();
    cp.n_ctx = (uint32_t)(n_prompt + n_generate + 1);
    cp.n_batch = cp.n_ubatch = (uint32_t)n_prompt;
    cp.n_threads = cp.n_threads_batch = n_threads;
    cp.type_k = cp.type_v = GGML_TYPE_F16;
    struct llama_context *ctx = llama_init_from_model(model, cp);
    if (!ctx)
        return fail("llama.cpp cannot make a context");

    llama_token *prompt = malloc(sizeof *prompt * (size_t)n_prompt);
    llama_token *out = malloc(sizeof *out * (size_t)n_generate);
    float *margins = malloc(sizeof *margins * (size_t)n_generate);
    if (!prompt || !out || !margins)
        return fail("out of memory");
    int n_given = 0;
    while (n_given < n_prompt && scanf("%d", &prompt[n_given]) == 1)
        n_given++;
    for (int i = n_given; i < n_prompt; i++) {
        prompt[i] = i == 0 ? llama_vocab_bos(vocab)
                           : (llama_token)((unsigned)i * 7919u % (unsigned)n_vocab);
    }
    for (int i = 0; i < n_prompt; i++) {
        if (prompt[i] < 0 || prompt[i] >= n_vocab)
            return fail("a token id is not in the vocabulary");
    }

    double best_prefill_s = 1e30, best_decode_s = 1e30;
    for (int r = 0; r <= n_repeat; r++) { // round 0 warms caches and is not counted
        llama_memory_clear(llama_get_memory(ctx), true);
        double t0 = now_s();
        if (llama_decode(ctx, llama_batch_get_one(prompt, n_prompt)))
            return fail("prefill failed");
        const float *logits = llama_get_logits_ith(ctx, -1);
        double t1 = now_s();
        for (int i = 0; i < n_generate; i++) {
            out[i] = best_token(logits, n_vocab, &margins[i]);
            if (llama_decode(ctx, llama_batch_get_one(&out[i], 1)))
                return fail("decode failed");
            logits = llama_get_logits_ith(ctx, -1);
        }
        double t2 = now_s();
        if (r > 0 && t1 - t0 < best_prefill_s)
            best_prefill_s = t1 - t0;
        if (r > 0 && t2 - t1 < best_decode_s)
            best_decode_s = t2 - t1;
    }

    printf("{\"prefill_tps\": %.2f, \"decode_tps\": %.2f, \"prompt_tokens\": %d, "
           "\"generated_tokens\": %d, \"threads\": %d",
           n_prompt / best_prefill_s, n_generate / best_decode_s, n_prompt, n_generate, n_threads);
    printf(", \"llama_cpp\": \"%s\", \"cpu\": \"%s\", \"ids\": [", llama_version(),
           llama_print_system_info());
    for (int i = 0; i < n_generate; i++)
        printf("%s%d", i ? ", " : "", out[i]);
    printf("], \"margins\": [");
    for (int i = 0; i < n_generate; i++)
        printf("%s%.4f", i ? ", " : "", margins[i]);
    printf("]}\n");

    free(margins), free(out), free(prompt);
    llama_free(ctx);
    llama_model_free(model);
    llama_backend_free();
    return 0;
}
