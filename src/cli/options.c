/* The command line. One table describes every option: it is parsed with, and --help prints it. */
#include "cli/cli.h"

#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "format/header.h"
#include "port/port.h"

enum {
    MEMORY = 1,
    MAX_MEMORY,
    MODE,
    CONTEXT,
    KV,
    KERNELS,
    THREADS,
    READ_CHUNK,
    NO_PREFETCH,
    READERS,
    MAX_TOKENS,
    TEMPERATURE,
    TOP_K,
    TOP_P,
    MIN_P,
    REPEAT_PENALTY,
    SEED,
    STOP,
    IGNORE_EOS,
    FILE_,
    LAYOUT,
    LOGITS_HASH,
    JSON,
    REPORT,
    HELP,
    VERSION,
    OPTIONS
};

#define MODEL_COMMANDS (RUN | PLAN | PERPLEXITY)
#define ALL_COMMANDS (MODEL_COMMANDS | INSPECT | CONVERT | VERIFY)

typedef struct Rule {
    const char *name;
    const char *value; /* NULL: takes none */
    unsigned commands;
    const char *help;
} Rule;

static const Rule rules[OPTIONS] = {
    [MEMORY] =
        {"memory", "SIZE", MODEL_COMMANDS | CONVERT | VERIFY,
         "memory budget: 2MB, 1.5GB, bytes. Default: fully resident, at most 512MB; convert: "
         "its header and 1MB; verify: of layers, 3 of them"},
    [MAX_MEMORY] = {"max-memory", "SIZE", MODEL_COMMANDS,
                    "how far the budget may rise later. Default: as --memory"},
    [MODE] = {"mode", "MODE", MODEL_COMMANDS,
              "what memory goes to first: normal, memory-opt, streaming, adaptive"},
    [CONTEXT] =
        {"context", "N", MODEL_COMMANDS,
         "tokens of context. Default: the model's own, at most 4096, lowered until it fits"},
    [KV] = {"kv", "TYPE", MODEL_COMMANDS, "keys and values as f32, f16 or q8"},
    [KERNELS] =
        {"kernels", "KIND", MODEL_COMMANDS,
         "the result is the same. auto, scalar; x86-64: avx2, avx-vnni, avx512-vnni; arm64: "
         "neon; WebAssembly: simd128, relaxed16, relaxed32"},
    [THREADS] = {"threads", "N", MODEL_COMMANDS,
                 "threads that compute, 1 to 16. Default: one per processor, at most 8"},
    [READ_CHUNK] = {"read-chunk", "SIZE", MODEL_COMMANDS, "longest single read, 4KB to 64MB"},
    [NO_PREFETCH] = {"no-prefetch", NULL, MODEL_COMMANDS, "no slot for reading ahead: less memory"},
    [READERS] = {"readers", "N", RUN | PERPLEXITY,
                 "native: threads that read ahead, 0 to 16. Default 2"},
    [MAX_TOKENS] = {"max-tokens", "N", RUN,
                    "tokens to generate. Default 0: until the context is full"},
    [TEMPERATURE] = {"temperature", "T", RUN, "0 takes the best token"},
    [TOP_K] = {"top-k", "K", RUN, "only the K best tokens; 0: all"},
    [TOP_P] = {"top-p", "P", RUN, "only the best tokens that sum to probability P; 1: all"},
    [MIN_P] = {"min-p", "P", RUN, "only tokens at least P times as probable as the best; 0: all"},
    [REPEAT_PENALTY] = {"repeat-penalty", "X", RUN,
                        "divides the logits of tokens seen lately; 1: none"},
    [SEED] = {"seed", "N", RUN, "same seed, same text on every host. Default: random"},
    [STOP] = {"stop", "TEXT", RUN, "ends the text before TEXT; may be given 16 times"},
    [IGNORE_EOS] = {"ignore-eos", NULL, RUN, "go on after the end of the text"},
    [FILE_] = {"file", "TEXT", PERPLEXITY, "the text. Default: standard input"},
    [LAYOUT] = {"layout", "LAYOUT", CONVERT,
                "quantized matrices in TMAI as panels, ready to compute with, or rows. Default: "
                "panels"},
    [LOGITS_HASH] = {"logits-hash", NULL, RUN, "print the hash of all logits"},
    [JSON] = {"json", NULL, ALL_COMMANDS, "one JSON object on standard output"},
    [REPORT] = {"report", "FILE", RUN,
                "write the memory report, as JSON to FILE.json; - for standard output"},
    [HELP] = {"help", NULL, ALL_COMMANDS, "this text"},
    [VERSION] = {"version", NULL, ALL_COMMANDS, "print the version"},
};

typedef struct CommandRule {
    const char *name;
    Command command;
    const char *operands;
    int min_operands;
    int max_operands;
    const char *help;
} CommandRule;

static const CommandRule commands[] = {
    {"run", RUN, "[MODEL] [PROMPT]", 0, 2, "continue a prompt (from standard input if not given)"},
    {"plan", PLAN, "[MODEL]", 0, 1, "what a model takes, from its header alone"},
    {"inspect", INSPECT, "[MODEL]", 0, 1, "dimensions and tensors of a file"},
    {"perplexity", PERPLEXITY, "[MODEL]", 0, 1, "how well a model predicts a text"},
    {"convert", CONVERT, "INPUT OUTPUT", 2, 2, "GGUF to TMAI, the native format, and back"},
    {"verify", VERIFY, "[MODEL]", 0, 1, "is a file whole? Compares a TMAI file with its hashes"},
};
#define COMMANDS (sizeof commands / sizeof *commands)

/* ---- help ---------------------------------------------------------------------------------- */

static void print_help(void) {
    printf("TinyAI %s: language models inside a hard memory budget\n\n", TINYAI_VERSION);
    for (size_t i = 0; i < COMMANDS; i++) {
        const CommandRule *c = &commands[i];
        printf("  tinyai %-10s %-17s %s\n", c->name, c->operands, c->help);
    }
    printf("\ntinyai COMMAND --help lists the options. Without MODEL: $TINYAI_MODEL, or the "
           "storyteller\n"
           "in models/. Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted.\n");
}

static void print_command_help(const CommandRule *command) {
    printf("tinyai %s %s [options]: %s\n\n", command->name, command->operands, command->help);
    for (int i = 1; i < OPTIONS; i++) {
        const Rule *rule = &rules[i];
        if (rule->commands & command->command) {
            printf("  --%s %s%*s%s\n", rule->name, rule->value ? rule->value : "",
                   (int)(22 - strlen(rule->name) - (rule->value ? strlen(rule->value) : 0)), "",
                   rule->help);
        }
    }
}

/* ---- values -------------------------------------------------------------------------------- */

static int usage(const char *command, const char *problem, const char *name) {
    fprintf(stderr, "tinyai: %s%s. See tinyai %s%s--help\n", problem, name, command,
            *command ? " " : "");
    return USAGE;
}

static bool read_uint(const char *text, uint64_t limit, uint64_t *value) {
    uint64_t v = 0;
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        const unsigned digit = (unsigned)*text - '0';
        if (digit > 9 || v > (limit - digit) / 10) {
            return false;
        }
        v = v * 10 + digit;
    }
    *value = v;
    return true;
}

static bool read_u32(const char *text, uint32_t *value) {
    uint64_t v;
    const bool ok = read_uint(text, UINT32_MAX, &v);
    if (ok) {
        *value = (uint32_t)v;
    }
    return ok;
}

/* A number written in the characters of `allowed`; *end is what follows it. */
static bool read_decimal(const char *text, const char *allowed, double *value, char **end) {
    if ((*text < '0' || *text > '9') && *text != '.') {
        return false; /* strtod also takes signs, blanks, "inf", "nan" */
    }
    *value = strtod(text, end);
    /* ... and hexadecimal */
    return *end != text && (size_t)(*end - text) <= strspn(text, allowed) && isfinite(*value);
}

static bool read_float(const char *text, float *value) {
    double v;
    char *end;
    const bool ok = read_decimal(text, "0123456789.eE+-", &v, &end) && *end == '\0';
    if (ok) {
        *value = (float)v;
    }
    return ok;
}

/* Bytes: a number and B, K, KB, KiB, M, ..., G, ...; 1 KB = 1024 bytes. */
static bool read_size(const char *text, uint64_t *value) {
    static const char *const suffixes[][3] = {
        {"K", "KB", "KiB"}, {"M", "MB", "MiB"}, {"G", "GB", "GiB"}};
    double v;
    char *end;
    if (!read_decimal(text, "0123456789.", &v, &end)) {
        return false;
    }
    while (*end == ' ') {
        end++;
    }
    double unit = *end == '\0' || strcasecmp(end, "B") == 0 ? 1 : 0;
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
            if (strcasecmp(end, suffixes[i][j]) == 0) {
                unit = (double)(UINT64_C(1) << (10 * (i + 1)));
            }
        }
    }
    v = floor(v * unit);
    if (unit == 0 || v < 1 || v > 0x1p53) {
        return false;
    }
    *value = (uint64_t)v;
    return true;
}

static bool read_choice(const char *text, const char *const *names, uint32_t *value) {
    for (uint32_t i = 0; names[i] != NULL; i++) {
        if (strcmp(text, names[i]) == 0) {
            *value = i;
            return true;
        }
    }
    return false;
}

const char *const kernel_names[] = {
    [TINYAI_KERNELS_AUTO] = "auto",           [TINYAI_KERNELS_SCALAR] = "scalar",
    [TINYAI_KERNELS_SIMD128] = "simd128",     [TINYAI_KERNELS_AVX2] = "avx2",
    [TINYAI_KERNELS_RELAXED16] = "relaxed16", [TINYAI_KERNELS_RELAXED32] = "relaxed32",
    [TINYAI_KERNELS_AVX_VNNI] = "avx-vnni",   [TINYAI_KERNELS_AVX512_VNNI] = "avx512-vnni",
    [TINYAI_KERNELS_NEON] = "neon",           [TINYAI_KERNELS_NEON + 1] = NULL};

/* False if the value is not one that the option takes. */
static bool set_option(Options *o, int option, const char *value) {
    static const char *const kv_names[] = {"f32", "f16", "q8", NULL}; /* TINYAI_KV_* */
    static const char *const mode_names[] = {"normal", "memory-opt", "streaming", "adaptive",
                                             NULL};                     /* TINYAI_EXEC_* */
    static const char *const layout_names[] = {"rows", "panels", NULL}; /* TAI_LAYOUT_* */
    TinyAISampling *sampling = &o->generate.sampling;
    uint64_t number;
    switch (option) {
    case MEMORY:
        return read_size(value, &o->engine.memory_budget);
    case MAX_MEMORY:
        return read_size(value, &o->engine.max_memory_budget);
    case MODE:
        return read_choice(value, mode_names, &o->engine.mode);
    case CONTEXT:
        return read_u32(value, &o->engine.context_length) && o->engine.context_length > 0;
    case KV:
        return read_choice(value, kv_names, &o->engine.kv_type);
    case KERNELS:
        return read_choice(value, kernel_names, &o->engine.kernels);
    case THREADS:
        return read_u32(value, &o->engine.threads) && o->engine.threads > 0 &&
               o->engine.threads <= TINYAI_MAX_THREADS;
    case READ_CHUNK:
        if (!read_size(value, &number) || number > UINT32_MAX) {
            return false;
        }
        o->engine.read_chunk_bytes = (uint32_t)number;
        return true;
    case NO_PREFETCH:
        o->engine.prefetch = 0;
        return true;
    case READERS:
        return read_u32(value, &o->engine.prefetch_threads) && o->engine.prefetch_threads <= 16;
    case MAX_TOKENS:
        return read_u32(value, &o->generate.max_tokens);
    case TEMPERATURE:
        return read_float(value, &sampling->temperature);
    case TOP_K:
        return read_u32(value, &sampling->top_k);
    case TOP_P:
        return read_float(value, &sampling->top_p);
    case MIN_P:
        return read_float(value, &sampling->min_p);
    case REPEAT_PENALTY:
        return read_float(value, &sampling->repeat_penalty);
    case SEED:
        return read_uint(value, (UINT64_C(1) << 53) - 1, &sampling->seed);
    case STOP:
        if (o->generate.n_stop == MAX_STOPS || *value == '\0') {
            return false;
        }
        o->stops[o->generate.n_stop++] = value;
        return true;
    case IGNORE_EOS:
        o->generate.ignore_eos = 1;
        return true;
    case FILE_:
        o->file = value;
        return true;
    case LAYOUT:
        return read_choice(value, layout_names, &o->layout);
    case LOGITS_HASH:
        return o->logits_hash = true;
    case JSON:
        return o->json = true;
    case REPORT:
        o->report = value;
        return *value != '\0';
    default:
        return false;
    }
}

/* ---- the command line ---------------------------------------------------------------------- */

static const CommandRule *find_command(const char *name) {
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

/* Help, version, or a usage error: what can be said without a command. */
static int without_command(int argc, char **argv) {
    if (argc < 2) {
        print_help();
        return USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help();
        return DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("tinyai " TINYAI_VERSION);
        return DONE;
    }
    return usage("", "unknown command ", argv[1]);
}

static void set_defaults(Options *options, Command command) {
    memset(options, 0, sizeof *options);
    options->command = command;
    options->engine = tinyai_default_options();
    options->engine.threads = 0; /* as many as the machine has */
    options->generate = tinyai_default_generate();
    options->generate.sampling.seed = tai_port_clock_ns() & UINT32_MAX;
    options->generate.stop = options->stops;
    options->generate.n_stop = 0;
    options->layout = TAI_LAYOUT_PANELS;
}

int read_options(Options *options, int argc, char **argv) {
    const CommandRule *command = argc < 2 ? NULL : find_command(argv[1]);
    if (command == NULL) {
        return without_command(argc, argv);
    }
    set_defaults(options, command->command);

    /* getopt sees the command's name as the program's. */
    argc--;
    argv++;
    struct option table[OPTIONS + 1] = {{0}};
    int n = 0;
    for (int i = 1; i < OPTIONS; i++) {
        if (rules[i].commands & command->command) {
            const int argument = rules[i].value ? required_argument : no_argument;
            table[n++] = (struct option){rules[i].name, argument, NULL, i};
        }
    }
    int option;
    while ((option = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
        if (option == HELP || option == 'h') {
            print_command_help(command);
            return DONE;
        }
        if (option == VERSION) {
            puts("tinyai " TINYAI_VERSION);
            return DONE;
        }
        if (option == '?') {
            return usage(command->name, "unknown option ", argv[optind - 1]);
        }
        if (option == ':') {
            return usage(command->name, "no value for ", argv[optind - 1]);
        }
        if (!set_option(options, option, optarg)) {
            fprintf(stderr, "tinyai: --%s does not take \"%s\". See tinyai %s --help\n",
                    rules[option].name, optarg, command->name);
            return USAGE;
        }
    }

    const int operands = argc - optind;
    if (operands > command->max_operands) {
        return usage(command->name, "too many arguments: ", argv[optind + command->max_operands]);
    }
    if (operands < command->min_operands) {
        return usage(command->name, "too few arguments: it takes ", command->operands);
    }
    options->model = operands > 0 ? argv[optind] : NULL;
    const char *second = operands > 1 ? argv[optind + 1] : NULL;
    *(command->command == CONVERT ? &options->output : &options->prompt) = second;
    return -1;
}
