/* tinyai inspect: what the header of a file says, whether or not this version can run it. */
#include "cli/cli.h"

#include <inttypes.h>
#include <string.h>

#include "format/blocks.h"
#include "format/cursor.h"
#include "format/source_header.h"

#define SHOWN_TEXT 64u /* bytes of a string that people see */

/* ---- metadata ------------------------------------------------------------------------------ */

static const char *const type_names[TAI_VALUE_TYPES] = {
    "u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "array", "u64", "i64", "f64",
};

typedef struct Value {
    enum { UNSIGNED, SIGNED, REAL, BOOL, STRING, ARRAY } kind;
    uint64_t bits; /* of an integer, sign extended; items of an array */
    double real;
    TaiString string;
} Value;

static Value integer(uint64_t bits) {
    return (Value){.kind = UNSIGNED, .bits = bits};
}
static Value negative(int64_t value) {
    return (Value){.kind = SIGNED, .bits = (uint64_t)value};
}
static Value real(double value) {
    return (Value){.kind = REAL, .real = value};
}

static double load_f64(const uint8_t *p) {
    const uint64_t bits = tai_load_u64(p);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static Value value_of(const TaiHeader *header, const TaiKeyValue *kv) {
    const uint8_t *p = header->bytes + kv->off;
    uint64_t off = kv->off;
    switch ((TaiValueType)kv->type) {
    case TAI_VALUE_U8:
        return integer(*p);
    case TAI_VALUE_I8:
        return negative((int8_t)*p);
    case TAI_VALUE_U16:
        return integer(tai_load_u16(p));
    case TAI_VALUE_I16:
        return negative((int16_t)tai_load_u16(p));
    case TAI_VALUE_U32:
        return integer(tai_load_u32(p));
    case TAI_VALUE_I32:
        return negative((int32_t)tai_load_u32(p));
    case TAI_VALUE_U64:
        return integer(tai_load_u64(p));
    case TAI_VALUE_I64:
        return negative((int64_t)tai_load_u64(p));
    case TAI_VALUE_F32:
        return real((double)tai_load_f32(p));
    case TAI_VALUE_F64:
        return real(load_f64(p));
    case TAI_VALUE_BOOL:
        return (Value){.kind = BOOL, .bits = *p};
    case TAI_VALUE_STRING:
        return (Value){.kind = STRING, .string = tai_next_string(header, &off)};
    default:
        return (Value){.kind = ARRAY, .bits = kv->n_items};
    }
}

static const char *const format_names[TAI_FORMATS] = {"GGUF", "TMAI"};

/* ---- for people ---------------------------------------------------------------------------- */

static void put_string(TaiString string) {
    const bool cut = string.bytes > SHOWN_TEXT;
    putchar('"');
    for (uint32_t i = 0; i < string.bytes && i < SHOWN_TEXT; i++) {
        const unsigned char c = (unsigned char)string.text[i];
        putchar(c < 0x20 || c == 0x7f ? '?' : c); /* one line, and no terminal commands */
    }
    fputs(cut ? "...\"" : "\"", stdout);
    if (cut) {
        printf(" (%u bytes)", string.bytes);
    }
}

static void put_value(const TaiHeader *header, const TaiKeyValue *kv) {
    const Value value = value_of(header, kv);
    switch (value.kind) {
    case UNSIGNED:
        printf("%" PRIu64, value.bits);
        break;
    case SIGNED:
        printf("%" PRId64, (int64_t)value.bits);
        break;
    case REAL:
        printf("%.9g", value.real);
        break;
    case BOOL:
        fputs(value.bits ? "true" : "false", stdout);
        break;
    case STRING:
        put_string(value.string);
        break;
    case ARRAY:
        printf("%" PRIu64 " x %s", value.bits, type_names[kv->item_type]);
        break;
    }
    putchar('\n');
}

static const char *const layout_names[] = {"rows", "panels"}; /* TAI_LAYOUT_* */

static void put_dims(const TaiTensorInfo *tensor) {
    char text[96];
    size_t n = 0;
    for (uint32_t d = 0; d < tensor->n_dims; d++) {
        n += (size_t)snprintf(text + n, sizeof text - n, d == 0 ? "%" PRIu64 : " x %" PRIu64,
                              tensor->dims[d]);
    }
    printf("%-20s", text);
}

static void put_header(const TaiHeader *header) {
    printf("%s version %u, alignment %u\n", format_names[header->format], header->version,
           header->alignment);
    printf("file %" PRIu64 " bytes, header %" PRIu64 ", data from byte %" PRIu64 "\n\n",
           header->file_bytes, header->header_bytes, header->data_off);
    for (uint32_t i = 0; i < header->n_kv; i++) {
        const TaiKeyValue *kv = &header->kv[i];
        printf("%-44.*s %-6s ", (int)kv->key.bytes, kv->key.text, type_names[kv->type]);
        put_value(header, kv);
    }
    printf("\n%-32s %-8s %-6s %-20s %14s %14s\n", "tensor", "type", "layout", "shape (row first)",
           "offset", "bytes");
    for (uint32_t i = 0; i < header->n_tensors; i++) {
        const TaiTensorInfo *t = &header->tensors[i];
        printf("%-32.*s %-8s %-6s ", (int)t->name.bytes, t->name.text,
               tai_block_format(t->type)->name, layout_names[t->layout]);
        put_dims(t);
        printf(" %14" PRIu64 " %14" PRIu64 "\n", t->off, t->bytes);
    }
}

/* ---- as JSON ------------------------------------------------------------------------------- */

static void value_json(Json *json, const TaiHeader *header, const TaiKeyValue *kv) {
    const Value value = value_of(header, kv);
    switch (value.kind) {
    case UNSIGNED:
        json_uint(json, NULL, value.bits);
        break;
    case SIGNED:
        json_int(json, NULL, (int64_t)value.bits);
        break;
    case REAL:
        json_real(json, NULL, value.real);
        break;
    case BOOL:
        json_bool(json, NULL, value.bits != 0);
        break;
    case STRING:
        json_text_open(json, NULL);
        json_text(json, value.string.text, value.string.bytes);
        json_text_close(json);
        break;
    case ARRAY:
        json_open(json, NULL, '{');
        json_string(json, "arrayOf", type_names[kv->item_type]);
        json_uint(json, "length", value.bits);
        json_close(json, '}');
        break;
    }
}

static void tensor_json(Json *json, const TaiTensorInfo *tensor) {
    json_open(json, NULL, '{');
    json_text_open(json, "name");
    json_text(json, tensor->name.text, tensor->name.bytes);
    json_text_close(json);
    json_string(json, "type", tai_block_format(tensor->type)->name);
    json_string(json, "layout", layout_names[tensor->layout]);
    json_open(json, "shape", '[');
    for (uint32_t d = 0; d < tensor->n_dims; d++) {
        json_uint(json, NULL, tensor->dims[d]);
    }
    json_close(json, ']');
    json_uint(json, "offset", tensor->off);
    json_uint(json, "bytes", tensor->bytes);
    json_close(json, '}');
}

static void header_json(const TaiHeader *header) {
    Json json = {.out = stdout};
    json_open(&json, NULL, '{');
    json_string(&json, "format", format_names[header->format]);
    json_uint(&json, "version", header->version);
    json_uint(&json, "alignment", header->alignment);
    json_uint(&json, "fileBytes", header->file_bytes);
    json_uint(&json, "headerBytes", header->header_bytes);
    json_uint(&json, "dataOffset", header->data_off);
    json_open(&json, "metadata", '{');
    for (uint32_t i = 0; i < header->n_kv; i++) {
        json_key(&json, header->kv[i].key.text, header->kv[i].key.bytes);
        value_json(&json, header, &header->kv[i]);
    }
    json_close(&json, '}');
    json_open(&json, "tensors", '[');
    for (uint32_t i = 0; i < header->n_tensors; i++) {
        tensor_json(&json, &header->tensors[i]);
    }
    json_close(&json, ']');
    json_close(&json, '}');
    putchar('\n');
}

/* ---- the command --------------------------------------------------------------------------- */

int inspect(const Options *options) {
    TinyAISource source;
    TinyAIError error;
    tai_error_clear(&error);
    if (open_source(&source, options, &error) != 0) {
        return fail(options, &error);
    }
    TaiSourceHeader h;
    int code = DONE;
    if (tai_source_header_open(&h, &source, tai_no_header_room, &error) != 0) {
        code = fail(options, &error);
    } else if (options->json) {
        header_json(&h.header);
    } else {
        put_header(&h.header);
    }
    tai_source_header_close(&h);
    tinyai_source_close(&source);
    return code;
}
