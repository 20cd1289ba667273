/* What a host that can block does for a model: opens its file, and reads what it asks for. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "memory/error.h"
#include "port/port.h"

#define DEFAULT_MODEL "models/storyteller/storyteller-q8_0.gguf"

/* Multiply-adds of one step: a few milliseconds, after which Ctrl-C is looked at. */
#define STEP_WORK ((uint64_t)1 << 24)

_Alignas(16) unsigned char scratch[SCRATCH_BYTES];

static int32_t refuse_url(const char *url, TinyAIError *error) {
    tai_error_clear(error);
    return tai_fail(error, TINYAI_E_UNSUPPORTED, TINYAI_NO_OFFSET,
                    "cannot open \"%.80s\": this command reads files, not URLs. Download the file "
                    "and pass its path, or use the command of the npm package.%s",
                    url, tai_port_file_hint);
}

int32_t open_source(TinyAISource *source, const Options *options, TinyAIError *error) {
    const char *model = options->model;
    if (model == NULL) {
        model = getenv("TINYAI_MODEL");
    }
    if (model == NULL || *model == '\0') {
        model = DEFAULT_MODEL;
    }
    if (strstr(model, "://") != NULL) {
        return refuse_url(model, error);
    }
    return tinyai_source_open_file(source, model, error);
}

int32_t open_model(Host *host, const Options *options, TinyAIError *error) {
    memset(host, 0, sizeof *host);
    const int32_t status = open_source(&host->source, options, error);
    if (status != 0) {
        return status;
    }
    const int32_t opened = tinyai_open(&host->source, &options->engine, &host->model, error);
    if (opened != 0) {
        tinyai_source_close(&host->source);
    }
    return opened;
}

/* Reads all ranges that the model wants now. False: it wanted none, or Ctrl-C. */
static bool read_ranges(Host *host) {
    const uint64_t start = tai_port_clock_ns();
    TinyAIRange ranges[8];
    uint32_t n_read = 0;
    uint32_t n;
    while ((n = tinyai_take_ranges(host->model, ranges, 8)) > 0) {
        for (uint32_t i = 0; i < n; i++) {
            const TinyAIRange *range = &ranges[i];
            if (tai_port_interrupted()) {
                tinyai_cancelled(host->model, range->id);
                continue;
            }
            const int32_t status =
                host->source.read(host->source.user, range->offset,
                                  tinyai_range_dest(host->model, range), range->length);
            tinyai_complete(host->model, range->id, status, status == 0 ? range->length : 0);
            n_read++;
        }
    }
    host->stalled_ns += tai_port_clock_ns() - start;
    return n_read > 0;
}

static int32_t no_progress(Host *host) {
    tai_error_clear(&host->error);
    tai_fail(&host->error, TINYAI_E_INTERNAL, TINYAI_NO_OFFSET,
             "the engine waits for bytes that it did not ask for. Please report this.");
    tinyai_end(host->model);
    return TINYAI_E_INTERNAL;
}

int32_t pump(Host *host) {
    while (!tai_port_interrupted()) {
        const int32_t step = tinyai_step(host->model, STEP_WORK);
        if (step < 0) {
            host->error = *tinyai_last_error(host->model);
            return step;
        }
        if (step == TINYAI_STEP_NEED) {
            if (!read_ranges(host) && !tai_port_interrupted()) {
                return no_progress(host);
            }
        } else if (step != TINYAI_STEP_READY) {
            return step;
        }
    }
    tinyai_end(host->model);
    return PUMP_INTERRUPTED;
}

int say_error(const TinyAIError *error) {
    fflush(stdout);
    live_line_clear();
    fprintf(stderr, "tinyai: %s (%s)\n", error->message, tinyai_status_name(error->status));
    return FAILED;
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
