/* The `tinyai` command for native hosts and WASI: run, plan, inspect, perplexity, convert, verify, over
 * files. Built on tinyai.h and port.h, and on the index of a header. It allocates nothing: under WASI its static
 * data is part of the budget. */
#ifndef TAI_CLI_H
#define TAI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tinyai/tinyai.h"

enum { DONE = 0, FAILED = 1, USAGE = 2, INTERRUPTED = 130 }; /* exit codes */

/* ---- options.c ----------------------------------------------------------------------------- */

typedef enum Command {
    RUN = 1,
    PLAN = 2,
    INSPECT = 4,
    PERPLEXITY = 8,
    CONVERT = 16,
    VERIFY = 32
} Command;

extern const char *const kernel_names[]; /* [TINYAI_KERNELS_*], NULL at the end */

#define MAX_STOPS 16 /* tinyai.h allows no more */

typedef struct Options {
    Command command;
    const char *model;
    const char *prompt; /* NULL: from standard input */
    const char *output; /* of convert */
    uint32_t layout;    /* of convert: of quantized matrices in TMAI, TAI_LAYOUT_* */
    const char *file;   /* text for perplexity; NULL: from standard input */
    const char *report; /* file for the report, "-" for standard output, or NULL */
    const char *stops[MAX_STOPS];
    TinyAIOptions engine;
    TinyAIGenerate generate;
    bool json;
    bool logits_hash;
} Options;

/* Reads the command line. Returns -1, or the exit code if there is nothing left to do (help,
 * version, usage errors). */
int read_options(Options *options, int argc, char **argv);

/* ---- the commands: they return the exit code ----------------------------------------------- */

int run(const Options *options);
int plan(const Options *options);
int inspect(const Options *options);
int perplexity(const Options *options);
int convert(const Options *options);
int verify(const Options *options);

/* ---- host.c -------------------------------------------------------------------------------- */

/* A model, which owns its file. */
typedef struct Host {
    TinyAIModel *model;
    TinyAIError error; /* why next_step returned a negative status */
} Host;

/* E_UNSUPPORTED if a path is a URL. */
int32_t refuse_url(const char *url, TinyAIError *error);
/* The file that `options` name, or the default. */
const char *model_path(const Options *options);
int32_t open_source(TinyAISource *source, const Options *options, TinyAIError *error);
int32_t open_model(Host *host, const Options *options, TinyAIError *error);

#define STEP_INTERRUPTED 0

/* Runs the model until there is something for the caller: TINYAI_STEP_TOKEN, _LOGITS, _DONE, a
 * negative status (see host->error), or STEP_INTERRUPTED after Ctrl-C. */
int32_t next_step(Host *host);

/* Says an error on standard error. Returns the exit code: USAGE for E_ARGUMENT, else FAILED. */
int say_error(const TinyAIError *error);
/* The same, and {"error":...} on standard output with --json. */
int fail(const Options *options, const TinyAIError *error);

/* ---- scratch memory (host.c) ---------------------------------------------------------------- */

/* The command's only big buffer: the prompt, then what --json has to remember. */
#ifdef __wasi__
#define SCRATCH_BYTES (16u << 10)
#else
#define SCRATCH_BYTES (1u << 20)
#endif
extern _Alignas(16) unsigned char scratch[SCRATCH_BYTES];

/* ---- json.c -------------------------------------------------------------------------------- */

/* Writes JSON as it goes. `key` is NULL for items of an array and for the outermost value. */
typedef struct Json {
    FILE *out;
    bool comma; /* before the next value */
} Json;

void json_open(Json *json, const char *key, char bracket);
void json_close(Json *json, char bracket);
/* A key that comes from outside; its value follows with key NULL. */
void json_key(Json *json, const char *key, size_t bytes);
void json_uint(Json *json, const char *key, uint64_t value);
void json_int(Json *json, const char *key, int64_t value);
void json_real(Json *json, const char *key, double value);
void json_bool(Json *json, const char *key, bool value);
void json_string(Json *json, const char *key, const char *text); /* NULL: null */
/* A string in pieces: open, any number of pieces, close. Bytes that are not UTF-8 become U+FFFD. */
void json_text_open(Json *json, const char *key);
void json_text(Json *json, const char *text, size_t bytes);
void json_text_close(Json *json);
void json_error(Json *json, const TinyAIError *error);

/* ---- report.c ------------------------------------------------------------------------------ */

typedef struct Speed {
    uint64_t prompt_tokens;
    uint64_t generated_tokens;
    uint64_t prompt_ns;   /* to the first token */
    uint64_t generate_ns; /* from the first token to the last */
} Speed;

double decode_rate(const Speed *speed); /* tokens per second */

void plan_report(FILE *out, const TinyAIPlan *plan);
void plan_json(Json *json, const TinyAIPlan *plan);
/* The engine's memory report; then what else is known of the run, for people. */
void memory_report(FILE *out, const TinyAIModel *model, bool json);
void stats_report(FILE *out, const Host *host, const Speed *speed);
/* The members of a stats object that were open before. */
void stats_json(Json *json, const Host *host, const Speed *speed, uint64_t seed);

/* ---- terminal.c ---------------------------------------------------------------------------- */

/* "2.4 MB", for people. */
typedef struct SizeText {
    char text[16];
} SizeText;
SizeText size_text(uint64_t bytes);

/* A note for people on standard error: dim on a terminal. */
__attribute__((format(printf, 1, 2))) void note(const char *format, ...);

/* Text from a model or file: on a terminal without control characters, which could do anything to
 * it. */
void put_text(FILE *out, const char *text, size_t bytes);

/* One line that is overwritten, on a terminal only, and not while text appears on the same. */
void live_line(double tokens, double seconds);
void live_share(const char *what, uint64_t done, uint64_t total);
void live_line_clear(void);

#endif
