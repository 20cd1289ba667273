// Measures native llama.cpp on one model, on the CPU, and prints one JSON line. It calls libllama
// directly: a binding in between would be measured too. Built and run by peer-llama.mjs.
//
//   peer-llama LIBRARY_FOLDER MODEL PROMPT_TOKENS GENERATED_TOKENS DEPTH REPEATS THREADS < token ids
//
// The prompt is the token ids on stdin; where there are too few, ids spread over the vocabulary follow. prefill:
// PROMPT_TOKENS at once, logits of the last. decode: GENERATED_TOKENS passes of one token, greedy. With a DEPTH above 0
// both are measured once more with that many tokens before them. Settings: KV F16, everything else as llama.cpp chooses
// (repacked weights, flash attention where it has it).
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

static struct {
    struct llama_context *ctx;
    llama_token *prompt, *out;
    float *margins;
    int n_vocab, n_prompt, n_generate;
} run;

/// The prompt behind `depth` tokens, then the generation; returns 0, or 1 after telling what failed.
static int measure(int depth, double *prefill_s, double *decode_s) {
    llama_memory_clear(llama_get_memory(run.ctx), true);
    if (depth > 0 && llama_decode(run.ctx, llama_batch_get_one(run.prompt, depth)))
        return fail("the prefill of the depth failed");
    llama_synchronize(run.ctx);
    const double t0 = now_s();
    if (llama_decode(run.ctx, llama_batch_get_one(run.prompt + depth, run.n_prompt)))
        return fail("prefill failed");
    const float *logits = llama_get_logits_ith(run.ctx, -1);
    const double t1 = now_s();
    for (int i = 0; i < run.n_generate; i++) {
        run.out[i] = best_token(logits, run.n_vocab, &run.margins[i]);
        if (llama_decode(run.ctx, llama_batch_get_one(&run.out[i], 1)))
            return fail("decode failed");
        logits = llama_get_logits_ith(run.ctx, -1);
    }
    *prefill_s = t1 - t0;
    *decode_s = now_s() - t1;
    return 0;
}

/// Ids from stdin, then ids spread over the vocabulary.
static int read_prompt(const struct llama_vocab *vocab, int n_tokens) {
    int n_given = 0;
    while (n_given < n_tokens && scanf("%d", &run.prompt[n_given]) == 1)
        n_given++;
    for (int i = n_given; i < n_tokens; i++) {
        run.prompt[i] = i == 0 ? llama_vocab_bos(vocab)
                               : (llama_token)((unsigned)i * 7919u % (unsigned)run.n_vocab);
    }
    for (int i = 0; i < n_tokens; i++) {
        if (run.prompt[i] < 0 || run.prompt[i] >= run.n_vocab)
            return fail("a token id is not in the vocabulary");
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 8)
        return fail("seven arguments expected");
    const int n_prompt = atoi(argv[3]), n_generate = atoi(argv[4]), depth = atoi(argv[5]),
              n_repeat = atoi(argv[6]), n_threads = atoi(argv[7]);
    if (n_prompt < 1 || n_generate < 1 || depth < 0 || n_repeat < 1 || n_threads < 1)
        return fail("counts must be at least 1, the depth at least 0");

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

    struct llama_context_params cp = llama_context_default_params();
    cp.n_ctx = (uint32_t)(depth + n_prompt + n_generate + 1);
    cp.n_batch = (uint32_t)(depth > n_prompt ? depth : n_prompt); // computed in pieces of n_ubatch
    cp.n_threads = cp.n_threads_batch = n_threads;
    cp.type_k = cp.type_v = GGML_TYPE_F16;
    run.ctx = llama_init_from_model(model, cp);
    if (!run.ctx)
        return fail("llama.cpp cannot make a context");

    run.n_vocab = llama_vocab_n_tokens(vocab);
    run.n_prompt = n_prompt;
    run.n_generate = n_generate;
    run.prompt = malloc(sizeof *run.prompt * (size_t)(depth + n_prompt));
    run.out = malloc(sizeof *run.out * (size_t)n_generate);
    run.margins = malloc(sizeof *run.margins * (size_t)n_generate);
    if (!run.prompt || !run.out || !run.margins)
        return fail("out of memory");
    if (read_prompt(vocab, depth + n_prompt))
        return 1;

    double deep_prefill_s = 0, deep_decode_s = 0, best_prefill_s = 1e30, best_decode_s = 1e30;
    if (depth > 0 && measure(depth, &deep_prefill_s, &deep_decode_s))
        return 1;
    for (int r = 0; r <= n_repeat; r++) { // round 0 warms caches and is not counted
        double prefill_s, decode_s;
        if (measure(0, &prefill_s, &decode_s))
            return 1;
        if (r > 0 && prefill_s < best_prefill_s)
            best_prefill_s = prefill_s;
        if (r > 0 && decode_s < best_decode_s)
            best_decode_s = decode_s;
    }

    printf("{\"prefill_tps\": %.2f, \"decode_tps\": %.2f, \"prompt_tokens\": %d, "
           "\"generated_tokens\": %d, \"threads\": %d",
           n_prompt / best_prefill_s, n_generate / best_decode_s, n_prompt, n_generate, n_threads);
    if (depth > 0)
        printf(", \"depth\": %d, \"deep_prefill_tps\": %.2f, \"deep_decode_tps\": %.2f", depth,
               n_prompt / deep_prefill_s, n_generate / deep_decode_s);
    printf(", \"llama_cpp\": \"%s\", \"cpu\": \"%s\", \"ids\": [", llama_version(),
           llama_print_system_info());
    for (int i = 0; i < n_generate; i++)
        printf("%s%d", i ? ", " : "", run.out[i]);
    printf("], \"margins\": [");
    for (int i = 0; i < n_generate; i++)
        printf("%s%.4f", i ? ", " : "", run.margins[i]);
    printf("]}\n");

    free(run.margins), free(run.out), free(run.prompt);
    llama_free(run.ctx);
    llama_model_free(model);
    llama_backend_free();
    return 0;
}
