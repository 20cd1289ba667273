/* tinyai run: continues a prompt. */
#include "cli/cli.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "memory/error.h"
#include "port/port.h"

typedef struct Run {
    const Options *options;
    Host host;
    Json json;
    FILE *report; /* or NULL */
    Speed speed;
    uint64_t budget;  /* as it was opened */
    size_t ids_bytes; /* of scratch: ids of the generated tokens, for --json */
} Run;

/* ---- the prompt ---------------------------------------------------------------------------- */

/* Standard input into scratch, without the newline at its end. */
static int32_t read_prompt(const char **prompt, uint32_t *bytes, TinyAIError *error) {
    size_t n = fread(scratch, 1, SCRATCH_BYTES, stdin);
    if (n == SCRATCH_BYTES && getchar() != EOF) {
        return tai_fail(error, TINYAI_E_CONTEXT, TINYAI_NO_OFFSET,
                        "the prompt on standard input is longer than %u bytes. Shorten it.",
                        SCRATCH_BYTES);
    }
    if (ferror(stdin) && !tai_port_interrupted()) {
        return tai_fail(error, TINYAI_E_IO, n, "the prompt on standard input could not be read");
    }
    if (n > 0 && scratch[n - 1] == '\n') {
        n -= n > 1 && scratch[n - 2] == '\r' ? 2 : 1;
    }
    *prompt = (const char *)scratch;
    *bytes = (uint32_t)n;
    return 0;
}

/* ---- generated ids, in up to 5 bytes of 7 bits, low bits first
 * ------------------------------------
 */

static void remember_id(Run *r, uint32_t id) {
    while (id >= 0x80) {
        scratch[r->ids_bytes++] = (unsigned char)(id | 0x80);
        id >>= 7;
    }
    scratch[r->ids_bytes++] = (unsigned char)id;
}

static void ids_json(Run *r) {
    json_open(&r->json, "tokens", '[');
    for (size_t at = 0; at < r->ids_bytes;) {
        uint32_t id = 0;
        for (unsigned shift = 0;; shift += 7) {
            const unsigned char part = scratch[at++];
            id |= (uint32_t)(part & 0x7f) << shift;
            if (part < 0x80) {
                break;
            }
        }
        json_uint(&r->json, NULL, id);
    }
    json_close(&r->json, ']');
}

/* Without a limit that scratch can hold, --json could lose tokens at the end. */
static int32_t check_id_room(const Run *r, TinyAIError *error) {
    const TinyAIPlan *plan = tinyai_model_plan(r->host.model);
    const uint32_t room = SCRATCH_BYTES / (plan->vocab_size <= 1u << 21 ? 3 : 5);
    const uint32_t context = plan->context_length;
    const uint32_t limit = r->options->generate.max_tokens;
    if (!r->options->json || context <= room || (limit != 0 && limit <= room)) {
        return 0;
    }
    return tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                    "--json holds at most %u tokens here. Pass --max-tokens %u or less.", room,
                    room);
}

/* ---- output -------------------------------------------------------------------------------- */

static void say_settings(const Run *r) {
    const TinyAIPlan *plan = tinyai_model_plan(r->host.model);
    const Options *options = r->options;
    note("file %s, budget %s%s, context %u%s, %u of %u blocks pinned, %s read per token",
         size_text(plan->file_bytes).text, size_text(plan->budget_bytes).text,
         options->engine.memory_budget == 0 ? " (default)" : "", plan->context_length,
         options->engine.context_length == 0 ? " (default)" : "", plan->pinned_blocks, plan->blocks,
         size_text(plan->streamed_bytes_per_token).text);
}

static void put_piece(Run *r, const TinyAIPiece *piece) {
    if (r->options->json) {
        json_text(&r->json, piece->text, piece->text_bytes);
        remember_id(r, piece->id);
    } else if (piece->text_bytes > 0) {
        put_text(stdout, piece->text, piece->text_bytes);
        fflush(stdout);
    }
}

static void finish_json(Run *r, int32_t status) {
    json_text_close(&r->json);
    ids_json(r);
    if (status < 0) {
        json_error(&r->json, &r->host.error);
    }
    stats_json(&r->json, &r->host, &r->speed, r->options->generate.sampling.seed);
    json_close(&r->json, '}');
    putchar('\n');
}

static void finish_text(Run *r) {
    putchar('\n');
    fflush(stdout);
    if (r->options->logits_hash) {
        TinyAIStats stats;
        tinyai_stats(r->host.model, &stats);
        fprintf(stderr, "logits hash %016llx\n", (unsigned long long)stats.logits_hash);
    }
    note("%llu tokens, %.1f tokens/s", (unsigned long long)r->speed.generated_tokens,
         decode_rate(&r->speed));
}

static bool is_json(const char *name) {
    size_t bytes = strlen(name);
    return bytes > 5 && strcmp(name + bytes - 5, ".json") == 0;
}

/* As JSON it is the memory report alone, the same as in the npm package. */
static void put_report(Run *r) {
    if (r->report == NULL) {
        return;
    }
    if (r->report == stdout) {
        putchar('\n');
    }
    bool json = is_json(r->options->report);
    memory_report(r->report, r->host.model, json);
    if (!json) {
        putc('\n', r->report);
        stats_report(r->report, &r->host, &r->speed);
    }
}

/* ---- pressure ------------------------------------------------------------------------------ */

/* SIGUSR1 asks for memory back, SIGUSR2 lets it be taken again. */
static uint64_t follow_pressure(void *user, const TinyAIModel *model) {
    const Run *r = user;
    return tai_port_pressure() ? tinyai_model_plan(model)->smallest_bytes : r->budget;
}

/* ---- generating ---------------------------------------------------------------------------- */

static int32_t generate(Run *r) {
    const uint64_t start = tai_port_clock_ns();
    uint64_t first = 0;
    uint64_t shown = start;
    int32_t step;
    while ((step = next_step(&r->host)) == TINYAI_STEP_TOKEN) {
        const uint64_t now = tai_port_clock_ns();
        r->speed.generated_tokens++;
        if (first == 0) {
            first = now;
        }
        r->speed.generate_ns = now - first;
        put_piece(r, tinyai_piece(r->host.model));
        if (now - shown > 200000000u) {
            live_line((double)(r->speed.generated_tokens - 1), (double)(now - first) / 1e9);
            shown = now;
        }
    }
    live_line_clear();
    TinyAIStats stats;
    tinyai_stats(r->host.model, &stats);
    r->speed.prompt_tokens = stats.prompt_tokens;
    r->speed.prompt_ns = (first == 0 ? tai_port_clock_ns() : first) - start;
    return step;
}

static int run_prompt(Run *r, const char *prompt, uint32_t bytes) {
    const Options *options = r->options;
    TinyAISession *session = tinyai_session(r->host.model, 0);
    if (tinyai_begin_generate(session, prompt, bytes, &options->generate) != 0) {
        return fail(options, tinyai_last_error(r->host.model));
    }
    if (options->json) {
        json_open(&r->json, NULL, '{');
        json_text_open(&r->json, "text");
    }
    const int32_t status = generate(r);
    if (options->json) {
        finish_json(r, status);
    } else {
        finish_text(r);
    }
    if (status < 0) {
        return say_error(&r->host.error);
    }
    put_report(r);
    return status == STEP_INTERRUPTED ? INTERRUPTED : DONE;
}

static int run_model(Run *r) {
    const Options *options = r->options;
    TinyAIError error;
    tai_error_clear(&error);
    const char *prompt = options->prompt;
    uint32_t bytes = prompt == NULL ? 0 : (uint32_t)strlen(prompt);
    if (check_id_room(r, &error) != 0 ||
        (prompt == NULL && read_prompt(&prompt, &bytes, &error) != 0)) {
        return fail(options, &error);
    }
    if (tai_port_interrupted()) {
        return INTERRUPTED;
    }
    if (!options->json) {
        say_settings(r);
    }
    return run_prompt(r, prompt, bytes);
}

/* Opened before the work, so that a wrong name costs nothing. NULL also for "none". */
static bool open_report(Run *r) {
    const char *name = r->options->report;
    if (name == NULL) {
        return true;
    }
    if (strcmp(name, "-") == 0) {
        r->report = r->options->json ? NULL : stdout; /* the JSON object has the statistics */
        return true;
    }
    r->report = fopen(tai_port_path(name), "w");
    if (r->report == NULL) {
        fprintf(stderr, "tinyai: cannot write the report \"%s\": %s\n", name, strerror(errno));
    }
    return r->report != NULL;
}

static bool close_report(Run *r) {
    if (r->report == NULL || r->report == stdout || fclose(r->report) == 0) {
        return true;
    }
    fprintf(stderr, "tinyai: the report \"%s\" could not be written\n", r->options->report);
    return false;
}

/* What is missing on the command line, or NULL. */
static const char *usage_problem(const Options *options) {
    const char *model = options->model;
    if (options->prompt != NULL) {
        return NULL;
    }
    if (model != NULL && strpbrk(model, " \n\t") != NULL && access(model, F_OK) != 0) {
        return "there is no such file. To continue a text, name a model before it, or pipe it in";
    }
    return isatty(STDIN_FILENO) ? "no prompt: tinyai run MODEL PROMPT, or pipe it in" : NULL;
}

int run(const Options *options) {
    Run r = {.options = options, .json = {.out = stdout}};
    const char *problem = usage_problem(options);
    if (problem != NULL) {
        fprintf(stderr, "tinyai: %s. See tinyai run --help\n", problem);
        return USAGE;
    }
    TinyAIError error;
    if (open_model(&r.host, options, &error) != 0) {
        return fail(options, &error);
    }
    r.budget = tinyai_model_plan(r.host.model)->budget_bytes;
    tai_port_catch_pressure();
    tinyai_set_pressure_callback(r.host.model, follow_pressure, &r);
    int code = open_report(&r) ? run_model(&r) : FAILED;
    if (!close_report(&r) && code == DONE) {
        code = FAILED;
    }
    tinyai_close(r.host.model);
    return code;
}
