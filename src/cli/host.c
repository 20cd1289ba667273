/* The model: opening it, stepping it, and saying its errors. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "memory/error.h"
#include "port/port.h"

#define DEFAULT_MODEL "models/storyteller/storyteller-q8_0.gguf"

/* Multiply-adds of one step: a few milliseconds, after which Ctrl-C is looked at. */
#define STEP_WORK ((uint64_t)1 << 24)

_Alignas(16) unsigned char scratch[SCRATCH_BYTES];

int32_t refuse_url(const char *url, TinyAIError *error) {
    tai_error_clear(error);
    if (strstr(url, "://") == NULL) {
        return 0;
    }
    return tai_fail(error, TINYAI_E_UNSUPPORTED, TINYAI_NO_OFFSET,
                    "cannot open \"%.80s\": this command reads files, not URLs. Download the file "
                    "and pass its path, or use the command of the npm package.%s",
                    url, tai_port_file_hint);
}

const char *model_path(const Options *options) {
    const char *model = options->model != NULL ? options->model : getenv("TINYAI_MODEL");
    return model != NULL && *model != '\0' ? model : DEFAULT_MODEL;
}

int32_t open_source(TinyAISource *source, const Options *options, TinyAIError *error) {
    const char *model = model_path(options);
    const int32_t status = refuse_url(model, error);
    return status ? status : tinyai_source_open_file(source, model, error);
}

/* ---- the model ------------------------------------------------------------------------------ */

int32_t open_model(Host *host, const Options *options, TinyAIError *error) {
    memset(host, 0, sizeof *host);
    TinyAISource source;
    int32_t status = open_source(&source, options, error);
    if (status != 0) {
        return status;
    }
    status = tinyai_open(&source, &options->engine, &host->model, error);
    if (status != 0) {
        tinyai_source_close(&source);
    }
    return status;
}

int32_t next_step(Host *host) {
    while (!tai_port_interrupted()) {
        const int32_t step = tinyai_run(host->model, STEP_WORK);
        if (step < 0) {
            host->error = *tinyai_last_error(host->model);
        }
        if (step != TINYAI_STEP_READY) {
            return step;
        }
    }
    tinyai_end(host->model);
    return STEP_INTERRUPTED;
}

/* ---- errors -------------------------------------------------------------------------------- */

int say_error(const TinyAIError *error) {
    fflush(stdout);
    live_line_clear();
    fprintf(stderr, "tinyai: %s (%s)\n", error->message, tinyai_status_name(error->status));
    return error->status == TINYAI_E_ARGUMENT ? USAGE : FAILED;
}

int fail(const Options *options, const TinyAIError *error) {
    if (options->json) {
        Json json = {.out = stdout};
        json_open(&json, NULL, '{');
        json_error(&json, error);
        json_close(&json, '}');
        putchar('\n');
    }
    return say_error(error);
}
