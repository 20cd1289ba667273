// llama.cpp's own quantizer, as its tools call it: quantize IN.gguf OUT.gguf Q4_0|Q8_0|Q4_K_M THREADS
#include "llama.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum llama_ftype ftype;
} TYPES[] = {
    {"Q4_0", LLAMA_FTYPE_MOSTLY_Q4_0},
    {"Q8_0", LLAMA_FTYPE_MOSTLY_Q8_0},
    {"Q4_K_M", LLAMA_FTYPE_MOSTLY_Q4_K_M},
};

static void no_log(enum ggml_log_level level, const char *text, void *user) {
    (void)user;
    if (level == GGML_LOG_LEVEL_ERROR)
        fputs(text, stderr);
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: quantize IN OUT TYPE THREADS\n");
        return 1;
    }
    struct llama_model_quantize_params params = llama_model_quantize_default_params();
    params.nthread = atoi(argv[4]);
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        if (strcmp(argv[3], TYPES[i].name) != 0)
            continue;
        params.ftype = TYPES[i].ftype;
        llama_log_set(no_log, NULL);
        llama_backend_init();
        const uint32_t failed = llama_model_quantize(argv[1], argv[2], &params);
        llama_backend_free();
        return failed != 0;
    }
    fprintf(stderr, "quantize: no type %s here\n", argv[3]);
    return 1;
}
