/* tinyai convert: GGUF to TMAI and back, through memory that does not grow with the model. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "format/convert.h"
#include "format/source_header.h"
#include "memory/checked.h"
#include "memory/error.h"
#include "port/port.h"

#define ALIGNMENT 64u

static const char *const format_names[TAI_FORMATS] = {"gguf", "tmai"};

typedef struct Converter {
    TinyAIError error;
    TaiPortFile input;
    uint64_t header_bytes; /* of the input */
    uint64_t index_bytes;
    uint32_t layout; /* of the output */
    TaiConvertNeeds needs;
    /* one region: header, index, room, buffer */
    uint8_t *memory;
    uint64_t memory_bytes;
    uint64_t buffer_bytes;
    TaiHeader header;
    TaiConvert convert;
    TaiPortOut output;
} Converter;

/* ---- memory --------------------------------------------------------------------------------- */

static uint64_t index_at(const Converter *c) {
    return tai_align_up(c->header_bytes, ALIGNMENT);
}
static uint64_t room_at(const Converter *c) {
    return tai_align_up(index_at(c) + c->index_bytes, ALIGNMENT);
}
static uint64_t buffer_at(const Converter *c) {
    return tai_align_up(room_at(c) + c->needs.room_bytes, ALIGNMENT);
}

static void release(Converter *c) {
    tai_port_release(c->memory, c->memory_bytes);
    c->memory = NULL;
}

static int32_t reserve(Converter *c, uint64_t bytes) {
    c->memory_bytes = bytes;
    c->memory = bytes <= TINYAI_MAX_BUDGET ? tai_port_reserve(bytes) : NULL;
    return c->memory ? 0
                     : tai_fail(&c->error, TINYAI_E_NOMEM, TINYAI_NO_OFFSET,
                                "the system gave no %" PRIu64 " bytes for the conversion", bytes);
}

/* ---- the header ----------------------------------------------------------------------------- */

static int32_t read_input(Converter *c, uint64_t offset, void *into, uint64_t bytes) {
    const int32_t status = tai_port_file_read(c->input.handle, offset, into, bytes);
    return status == 0
               ? 0
               : tai_fail(&c->error, status, offset,
                          "reading %" PRIu64 " bytes at byte %" PRIu64 " of the input failed (%s)",
                          bytes, offset, tinyai_status_name(status));
}

static int32_t read_at(void *user, uint64_t offset, void *into, uint32_t bytes) {
    return tai_port_file_read(((TaiPortFile *)user)->handle, offset, into, bytes);
}

static TinyAISource source_of(Converter *c) {
    return (TinyAISource){.size = c->input.size, .user = &c->input, .read = read_at};
}

/* How much memory the conversion needs. It knows when it has seen the whole header. */
static int32_t measure(Converter *c) {
    const TinyAISource source = source_of(c);
    TaiSourceHeader h;
    int32_t status = tai_source_header_open(&h, &source, tai_no_header_room, &c->error);
    if (status == 0) {
        c->header_bytes = h.header.header_bytes;
        c->index_bytes = h.index_bytes;
        status = tai_convert_needs(&h.header, c->layout, &c->needs, &c->error);
        tai_source_header_close(&h);
    }
    return status;
}

/* Into memory that was reserved. */
static int32_t parse(Converter *c) {
    const TinyAISource source = source_of(c);
    if (tai_source_read_start(&source, c->memory, c->header_bytes, &c->error)) {
        return c->error.status;
    }
    return tai_header_parse(&c->header, c->memory, c->header_bytes, c->input.size,
                            c->memory + index_at(c), c->index_bytes, &c->error);
}

/* The buffer is what a budget leaves, up to what is of use. */
static int32_t choose_buffer(Converter *c, uint64_t budget) {
    const uint64_t needed = TAI_CONVERT_PROGRAM + buffer_at(c);
    const uint64_t least = needed + c->needs.least_buffer;
    c->buffer_bytes = tai_max_u64(TAI_CONVERT_BUFFER, c->needs.least_buffer);
    if (budget != 0 && budget < least) {
        tai_fail(&c->error, TINYAI_E_BUDGET, TINYAI_NO_OFFSET,
                 "converting this file needs at least %" PRIu64 " bytes, --memory allows %" PRIu64
                 ": %" PRIu64 " are missing",
                 least, budget, least - budget);
        c->error.asked_bytes = least;
        c->error.allowed_bytes = budget;
        c->error.missing_bytes = least - budget;
        return TINYAI_E_BUDGET;
    }
    if (budget != 0) {
        c->buffer_bytes = tai_min_u64(budget - needed, c->buffer_bytes);
    }
    return 0;
}

static int32_t prepare(Converter *c, uint64_t budget) {
    if (measure(c) || choose_buffer(c, budget) || reserve(c, buffer_at(c) + c->buffer_bytes)) {
        return c->error.status;
    }
    const int32_t status = parse(c);
    if (status != 0) {
        return status < 0 ? status
                          : tai_fail(&c->error, TINYAI_E_STALE, TINYAI_NO_OFFSET,
                                     "the input changed while it was read");
    }
    return tai_convert_begin(&c->convert, &c->header, c->layout, c->memory + room_at(c), &c->error);
}

/* ---- copying -------------------------------------------------------------------------------- */

static int32_t copy_all(Converter *c) {
    uint8_t *buffer = c->memory + buffer_at(c);
    TaiCopy copy;
    if (tai_port_file_resize(&c->output, c->convert.target_bytes)) {
        return c->error.status;
    }
    while (tai_convert_next(&c->convert, c->buffer_bytes, &copy)) {
        if (tai_port_interrupted() || read_input(c, copy.from, buffer + copy.at, copy.bytes) ||
            tai_convert_moved(&c->convert, buffer, &c->error) ||
            (copy.to != TAI_NOWHERE &&
             tai_port_file_write_at(&c->output, copy.to, buffer, copy.to_bytes))) {
            return c->error.status;
        }
        live_share("converting", c->convert.moved_bytes, c->convert.total_bytes);
    }
    tai_convert_finish(&c->convert);
    return tai_port_file_write_at(&c->output, 0, c->convert.header, c->convert.header_bytes);
}

/* The file under its name, or nothing. */
static int32_t write_output(Converter *c, const char *path) {
    if (tai_port_file_create(&c->output, path, &c->error)) {
        return c->error.status;
    }
    const int32_t status = copy_all(c);
    if (status != 0 || tai_port_interrupted()) {
        tai_port_file_abandon(&c->output);
        return status;
    }
    return tai_port_file_commit(&c->output);
}

/* ---- the command ---------------------------------------------------------------------------- */

/* A name that promises the other format would mislead everyone after us. */
static int32_t check_name(Converter *c, const char *path) {
    const char *dot = strrchr(path, '.');
    const TaiFormat source =
        c->convert.target == TAI_FORMAT_TMAI ? TAI_FORMAT_GGUF : TAI_FORMAT_TMAI;
    if (dot != NULL && strcasecmp(dot + 1, format_names[source]) == 0) {
        return tai_fail(&c->error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "the input is %s, so the output is %s: give it a name that ends in .%s",
                        format_names[source], format_names[c->convert.target],
                        format_names[c->convert.target]);
    }
    return 0;
}

static int32_t check_target(Converter *c, const char *path) {
    if (tai_port_file_is(c->input.handle, path)) {
        return tai_fail(&c->error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET,
                        "the output is the input: name another file");
    }
    return 0;
}

static void say_done(const Converter *c, const Options *options) {
    const uint64_t peak = TAI_CONVERT_PROGRAM + c->memory_bytes;
    if (!options->json) {
        note("%s: %s, %u tensors, %s; memory %s", options->output, format_names[c->convert.target],
             c->header.n_tensors, size_text(c->convert.target_bytes).text, size_text(peak).text);
        return;
    }
    Json json = {.out = stdout};
    json_open(&json, NULL, '{');
    json_string(&json, "format", format_names[c->convert.target]);
    json_uint(&json, "tensors", c->header.n_tensors);
    json_uint(&json, "headerBytes", c->convert.header_bytes);
    json_uint(&json, "fileBytes", c->convert.target_bytes);
    json_uint(&json, "peakBytes", peak);
    json_close(&json, '}');
    putchar('\n');
}

static int32_t convert_open(Converter *c, const Options *options) {
    int32_t status = check_target(c, options->output);
    if (status == 0) {
        status = prepare(c, options->engine.memory_budget);
    }
    if (status == 0) {
        status = check_name(c, options->output);
    }
    if (status == 0) {
        status = write_output(c, options->output);
    }
    live_line_clear();
    if (status == 0 && !tai_port_interrupted()) {
        say_done(c, options);
    }
    release(c);
    return status;
}

int convert(const Options *options) {
    Converter c = {.layout = options->layout};
    tai_error_clear(&c.error);
    if (refuse_url(options->model, &c.error) || refuse_url(options->output, &c.error) ||
        tai_port_file_open(&c.input, options->model, &c.error)) {
        return fail(options, &c.error);
    }
    const int32_t status = convert_open(&c, options);
    tai_port_file_close(c.input.handle);
    if (status != 0) {
        return fail(options, &c.error);
    }
    return tai_port_interrupted() ? INTERRUPTED : DONE;
}
