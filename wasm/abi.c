/* Prints js/src/abi.ts: the status list, the purposes, the constants and the layout of the exchange
 * block, so that the JS side repeats nothing of it by hand. A native program, run by tools/gen-abi;
 * all fields have fixed widths, so the layout is the same in wasm. A test compares the committed
 * file with this program's output.
 *
 * Each structure lists all its fields in order; one that is missing here leaves a hole, and the
 * program fails. */
#include "convert.h"
#include "inspect.h"
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/convert.h"
#include "format/header.h"

static const char *struct_name;
static size_t end_of_fields;

static size_t align_up(size_t value, size_t to) {
    return (value + to - 1) / to * to;
}

static void fail(const char *field) {
    fprintf(stderr, "gen-abi: %s: a field before %s is missing in wasm/abi.c\n", struct_name,
            field);
    exit(1);
}

static void begin(const char *name, size_t bytes) {
    struct_name = name;
    end_of_fields = 0;
    printf("\nexport const %s = {\n  size: %zu,\n", name, bytes);
}

/* align: of the field's elements */
static void pass(const char *name, size_t at, size_t bytes, size_t align) {
    if (at != align_up(end_of_fields, align)) {
        fail(name);
    }
    end_of_fields = at + bytes;
}

static void field(const char *name, size_t at, size_t bytes, size_t align, const char *type) {
    pass(name, at, bytes, align);
    printf("  %s: %s(%zu),\n", name, type, at);
}

static void end(size_t bytes) {
    if (bytes - end_of_fields >= 8) { /* less is padding */
        fail("its end");
    }
    printf("} as const\n");
}

#define TYPE_OF(value)                                                                             \
    _Generic((value), uint64_t: "u64", uint32_t: "u32", int32_t: "i32", float: "f32", char: "utf8")

#define BEGIN(type, js) begin(js, sizeof(type))
#define END(type) end(sizeof(type))
#define FIELD(type, name)                                                                          \
    field(#name, offsetof(type, name), sizeof(((type *)0)->name), sizeof(((type *)0)->name),       \
          TYPE_OF(((type *)0)->name))
/* One that JavaScript never reads: pages load every name that is printed. */
#define UNREAD(type, name)                                                                         \
    pass(#name, offsetof(type, name), sizeof(((type *)0)->name), sizeof(((type *)0)->name))
/* Arrays of numbers and of characters: the type is that of an element. */
#define ARRAY(type, name)                                                                          \
    field(#name, offsetof(type, name), sizeof(((type *)0)->name), sizeof(((type *)0)->name[0]),    \
          TYPE_OF(((type *)0)->name[0]))
#define STRUCT(type, name)                                                                         \
    field(#name, offsetof(type, name), sizeof(((type *)0)->name), 8, "struct")

static void print_lists(void) {
    printf("/** Every status: name, value. */\nexport const STATUS = {\n");
#define PRINT(name, value, meaning) printf("  %s: %d,\n", #name, value);
    TINYAI_STATUS_LIST(PRINT)
#undef PRINT
    printf("} as const\n\n/** What each status means. */\nexport const MEANING = {\n");
#define PRINT(name, value, meaning) printf("  %s: '%s',\n", #name, meaning);
    TINYAI_STATUS_LIST(PRINT)
#undef PRINT
    printf("} as const\n\n/** What reserved memory is for, in the order of by_purpose. */\n");
    printf("export const PURPOSES = [\n");
#define PRINT(name, js, meaning) printf("  '%s', // %s\n", #js, meaning);
    TINYAI_PURPOSE_LIST(PRINT)
#undef PRINT
    printf("] as const\n");
}

#define CONSTANT(name)                                                                             \
    printf("export const %s = %llu\n", &#name[strlen("TINYAI_")], (unsigned long long)(name))

static void print_constants(void) {
    printf("\nexport const VERSION = '%s'\n", TINYAI_VERSION);
    CONSTANT(TINYAI_KV_F32);
    CONSTANT(TINYAI_KV_F16);
    CONSTANT(TINYAI_KV_Q8);
    CONSTANT(TINYAI_KERNELS_AUTO);
    CONSTANT(TINYAI_KERNELS_SCALAR);
    CONSTANT(TINYAI_KERNELS_SIMD128);
    CONSTANT(TINYAI_KERNELS_RELAXED16);
    CONSTANT(TINYAI_KERNELS_RELAXED32);
    CONSTANT(TINYAI_EXEC_NORMAL);
    CONSTANT(TINYAI_EXEC_MEMORY_OPT);
    CONSTANT(TINYAI_EXEC_STREAMING);
    CONSTANT(TINYAI_EXEC_ADAPTIVE);
    CONSTANT(TINYAI_MAX_BUDGET);
    CONSTANT(TINYAI_DEFAULT_BUDGET);
    CONSTANT(TINYAI_DEFAULT_CONTEXT);
    CONSTANT(TINYAI_TEXT_FIRST);
    CONSTANT(TINYAI_TEXT_LAST);
    CONSTANT(TINYAI_TEXT_ADD_SPECIAL);
    CONSTANT(TINYAI_TEXT_PARSE_SPECIAL);
    CONSTANT(TINYAI_STEP_READY);
    CONSTANT(TINYAI_STEP_NEED);
    CONSTANT(TINYAI_STEP_TOKEN);
    CONSTANT(TINYAI_STEP_LOGITS);
    CONSTANT(TINYAI_STEP_DONE);
    CONSTANT(TINYAI_RANGE_DEMAND);
    CONSTANT(TINYAI_RANGE_PREFETCH);
    CONSTANT(TINYAI_BLOCK_ABSENT);
    CONSTANT(TINYAI_BLOCK_LOADING);
    CONSTANT(TINYAI_BLOCK_RESIDENT);
    CONSTANT(TINYAI_UNIT_FINAL);
    CONSTANT(TINYAI_UNIT_BLOCK);
    CONSTANT(TINYAI_UNIT_HEAD);
    CONSTANT(TINYAI_DEP_NONE);
    CONSTANT(TINYAI_DEP_SEQUENTIAL);
    CONSTANT(TINYAI_DEP_RESIDUAL);
    CONSTANT(TINYAI_DEP_ATTENTION);
    CONSTANT(TINYAI_NO_STEP);
    CONSTANT(TINYAI_MAX_THREADS);
    CONSTANT(TINYAI_EXCHANGE_RANGES);
    CONSTANT(TINYAI_EXCHANGE_REGIONS);
    CONSTANT(TINYAI_EXCHANGE_STEPS);
    CONSTANT(TINYAI_PROBE_BYTES);
    CONSTANT(TINYAI_PROBE_ROWS);
    CONSTANT(TINYAI_PROBE_COLUMNS);
}

/* As functions, because each field would otherwise repeat their words, and pages load them. */
static void print_field_types(void) {
    static const char *const types[] = {"u32", "i32", "u64", "f32", "utf8", "struct"};
    printf(
        "\n/** A field of a structure: its offset and type; of an array, that of an element. */\n");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        printf("/* @__NO_SIDE_EFFECTS__ */\nconst %s = (at: number) => ({ at, type: '%s' }) as "
               "const\n",
               types[i], types[i]);
    }
}

static void print_options(void) {
    BEGIN(TinyAIOptions, "Options");
    FIELD(TinyAIOptions, memory_budget);
    FIELD(TinyAIOptions, default_budget);
    FIELD(TinyAIOptions, max_memory_budget);
    FIELD(TinyAIOptions, context_length);
    FIELD(TinyAIOptions, kv_type);
    FIELD(TinyAIOptions, kernels);
    FIELD(TinyAIOptions, prefetch);
    FIELD(TinyAIOptions, read_chunk_bytes);
    UNREAD(TinyAIOptions, sequences);
    FIELD(TinyAIOptions, mode);
    UNREAD(TinyAIOptions, prefetch_threads);
    FIELD(TinyAIOptions, threads);
    END(TinyAIOptions);

    BEGIN(TinyAISampling, "Sampling");
    FIELD(TinyAISampling, temperature);
    FIELD(TinyAISampling, top_p);
    FIELD(TinyAISampling, min_p);
    FIELD(TinyAISampling, repeat_penalty);
    FIELD(TinyAISampling, top_k);
    FIELD(TinyAISampling, repeat_last_n);
    FIELD(TinyAISampling, seed);
    END(TinyAISampling);
}

static void print_plan(void) {
    BEGIN(TinyAIPlan, "Plan");
    FIELD(TinyAIPlan, budget_bytes);
    FIELD(TinyAIPlan, min_budget_bytes);
    FIELD(TinyAIPlan, resident_bytes);
    FIELD(TinyAIPlan, peak_bytes);
    FIELD(TinyAIPlan, reserved_bytes);
    FIELD(TinyAIPlan, max_budget_bytes);
    FIELD(TinyAIPlan, smallest_bytes);
    FIELD(TinyAIPlan, open_bytes);
    FIELD(TinyAIPlan, missing_bytes);
    FIELD(TinyAIPlan, streamed_bytes_per_token);
    FIELD(TinyAIPlan, file_bytes);
    FIELD(TinyAIPlan, header_bytes);
    FIELD(TinyAIPlan, block_bytes);
    FIELD(TinyAIPlan, planning_bytes);
    ARRAY(TinyAIPlan, by_purpose);
    FIELD(TinyAIPlan, fits);
    FIELD(TinyAIPlan, blocks);
    FIELD(TinyAIPlan, slots);
    FIELD(TinyAIPlan, pinned_blocks);
    FIELD(TinyAIPlan, prompt_tokens_per_pass);
    FIELD(TinyAIPlan, context_length);
    FIELD(TinyAIPlan, longest_context);
    FIELD(TinyAIPlan, model_context);
    FIELD(TinyAIPlan, head_strips);
    FIELD(TinyAIPlan, resident_head_strips);
    FIELD(TinyAIPlan, embedding_resident);
    FIELD(TinyAIPlan, vocab_size);
    FIELD(TinyAIPlan, mode);
    FIELD(TinyAIPlan, threads);
    END(TinyAIPlan);

    BEGIN(TinyAIError, "ErrorInfo");
    FIELD(TinyAIError, status);
    UNREAD(TinyAIError, reserved);
    FIELD(TinyAIError, offset);
    FIELD(TinyAIError, asked_bytes);
    FIELD(TinyAIError, allowed_bytes);
    FIELD(TinyAIError, missing_bytes);
    ARRAY(TinyAIError, message);
    END(TinyAIError);
}

static void print_stats(void) {
    BEGIN(TinyAIStats, "Stats");
    FIELD(TinyAIStats, budget_bytes);
    FIELD(TinyAIStats, max_budget_bytes);
    FIELD(TinyAIStats, reserved_bytes);
    FIELD(TinyAIStats, planned_peak_bytes);
    FIELD(TinyAIStats, current_bytes);
    FIELD(TinyAIStats, peak_bytes);
    FIELD(TinyAIStats, total_allocated_bytes);
    FIELD(TinyAIStats, allocation_count);
    FIELD(TinyAIStats, padding_bytes);
    ARRAY(TinyAIStats, by_purpose);
    FIELD(TinyAIStats, bytes_read);
    FIELD(TinyAIStats, header_bytes_read);
    UNREAD(TinyAIStats, block_bytes_read);
    UNREAD(TinyAIStats, head_bytes_read);
    UNREAD(TinyAIStats, embedding_bytes_read);
    FIELD(TinyAIStats, requests);
    FIELD(TinyAIStats, hits);
    FIELD(TinyAIStats, misses);
    FIELD(TinyAIStats, prefetched);
    FIELD(TinyAIStats, passes);
    FIELD(TinyAIStats, prompt_tokens);
    FIELD(TinyAIStats, generated_tokens);
    FIELD(TinyAIStats, logits_hash);
    FIELD(TinyAIStats, kernels);
    FIELD(TinyAIStats, threads);
    UNREAD(TinyAIStats, reader_threads);
    UNREAD(TinyAIStats, threads_missing);
    UNREAD(TinyAIStats, stalled_ns);
    END(TinyAIStats);

    BEGIN(TinyAIBlockInfo, "BlockInfo");
    FIELD(TinyAIBlockInfo, bytes);
    FIELD(TinyAIBlockInfo, state);
    FIELD(TinyAIBlockInfo, pinned);
    END(TinyAIBlockInfo);

    BEGIN(TinyAIScheduleStep, "ScheduleStep");
    FIELD(TinyAIScheduleStep, bytes);
    FIELD(TinyAIScheduleStep, kind);
    FIELD(TinyAIScheduleStep, index);
    FIELD(TinyAIScheduleStep, depends_on);
    FIELD(TinyAIScheduleStep, dependency);
    FIELD(TinyAIScheduleStep, slot);
    FIELD(TinyAIScheduleStep, state);
    FIELD(TinyAIScheduleStep, pinned);
    FIELD(TinyAIScheduleStep, prefetch);
    END(TinyAIScheduleStep);

    BEGIN(TinyAIRegion, "Region");
    FIELD(TinyAIRegion, address);
    FIELD(TinyAIRegion, bytes);
    FIELD(TinyAIRegion, purpose);
    UNREAD(TinyAIRegion, reserved);
    END(TinyAIRegion);
}

static void print_stepping(void) {
    BEGIN(TinyAIRange, "Range");
    FIELD(TinyAIRange, id);
    FIELD(TinyAIRange, flags);
    FIELD(TinyAIRange, offset);
    FIELD(TinyAIRange, length);
    FIELD(TinyAIRange, dest);
    END(TinyAIRange);

    BEGIN(TinyAIBatchItem, "BatchItem");
    FIELD(TinyAIBatchItem, token);
    FIELD(TinyAIBatchItem, position);
    FIELD(TinyAIBatchItem, sequence);
    FIELD(TinyAIBatchItem, want_logits);
    END(TinyAIBatchItem);
}

static void print_exchange(void) {
    BEGIN(TinyAIExchange, "Exchange");
    FIELD(TinyAIExchange, file_bytes);
    STRUCT(TinyAIExchange, options);
    STRUCT(TinyAIExchange, plan);
    STRUCT(TinyAIExchange, error);
    STRUCT(TinyAIExchange, stats);
    STRUCT(TinyAIExchange, block);
    STRUCT(TinyAIExchange, ranges);
    STRUCT(TinyAIExchange, regions);
    STRUCT(TinyAIExchange, steps);
    STRUCT(TinyAIExchange, sampling);
    FIELD(TinyAIExchange, max_tokens);
    FIELD(TinyAIExchange, ignore_eos);
    FIELD(TinyAIExchange, n_stop);
    FIELD(TinyAIExchange, text_address);
    FIELD(TinyAIExchange, text_capacity);
    FIELD(TinyAIExchange, ids_address);
    FIELD(TinyAIExchange, ids_capacity);
    FIELD(TinyAIExchange, batch_address);
    FIELD(TinyAIExchange, logits_address);
    FIELD(TinyAIExchange, n_ids);
    FIELD(TinyAIExchange, used);
    FIELD(TinyAIExchange, text_bytes);
    FIELD(TinyAIExchange, piece_address);
    FIELD(TinyAIExchange, piece_bytes);
    FIELD(TinyAIExchange, piece_id);
    UNREAD(TinyAIExchange, piece_index);
    UNREAD(TinyAIExchange, add_bos);
    FIELD(TinyAIExchange, bos_id);
    END(TinyAIExchange);
}

static void print_inspect(void) {
    static const char *const types[TAI_VALUE_TYPES] = {
        [TAI_VALUE_U8] = "u8",       [TAI_VALUE_I8] = "i8",     [TAI_VALUE_U16] = "u16",
        [TAI_VALUE_I16] = "i16",     [TAI_VALUE_U32] = "u32",   [TAI_VALUE_I32] = "i32",
        [TAI_VALUE_F32] = "f32",     [TAI_VALUE_BOOL] = "bool", [TAI_VALUE_STRING] = "string",
        [TAI_VALUE_ARRAY] = "array", [TAI_VALUE_U64] = "u64",   [TAI_VALUE_I64] = "i64",
        [TAI_VALUE_F64] = "f64",
    };
    printf("\n/** Types of metadata values, by number. */\nexport const GGUF_TYPES = [\n");
    for (int i = 0; i < TAI_VALUE_TYPES; i++) {
        printf("  '%s',\n", types[i]);
    }
    printf("] as const\n");

    BEGIN(TinyAIInspectHeader, "InspectHeader");
    FIELD(TinyAIInspectHeader, header_bytes);
    FIELD(TinyAIInspectHeader, data_off);
    FIELD(TinyAIInspectHeader, version);
    FIELD(TinyAIInspectHeader, alignment);
    FIELD(TinyAIInspectHeader, n_keys);
    FIELD(TinyAIInspectHeader, n_tensors);
    FIELD(TinyAIInspectHeader, format);
    FIELD(TinyAIInspectHeader, reserved);
    END(TinyAIInspectHeader);

    BEGIN(TinyAIInspectKey, "InspectKey");
    FIELD(TinyAIInspectKey, key_off);
    FIELD(TinyAIInspectKey, value_off);
    FIELD(TinyAIInspectKey, n_items);
    FIELD(TinyAIInspectKey, key_bytes);
    FIELD(TinyAIInspectKey, value_bytes);
    FIELD(TinyAIInspectKey, type);
    FIELD(TinyAIInspectKey, item_type);
    END(TinyAIInspectKey);

    BEGIN(TinyAIInspectTensor, "InspectTensor");
    FIELD(TinyAIInspectTensor, name_off);
    FIELD(TinyAIInspectTensor, off);
    FIELD(TinyAIInspectTensor, bytes);
    ARRAY(TinyAIInspectTensor, dims);
    FIELD(TinyAIInspectTensor, name_bytes);
    FIELD(TinyAIInspectTensor, n_dims);
    FIELD(TinyAIInspectTensor, type_address);
    FIELD(TinyAIInspectTensor, layout);
    END(TinyAIInspectTensor);
}

static void print_convert(void) {
    printf("\n/** Formats of model files, by number. */\n");
    printf("export const MODEL_FORMATS = ['gguf', 'tmai'] as const\n");
    printf("/** How the values of a tensor lie, by number. */\n");
    printf("export const TENSOR_LAYOUTS = ['rows', 'panels'] as const\n");
    printf("export const CONVERT_BUFFER = %u\n", TAI_CONVERT_BUFFER);
    CONSTANT(TINYAI_CONVERT_HEADER);

    BEGIN(TinyAIConversion, "Conversion");
    FIELD(TinyAIConversion, needed_bytes);
    FIELD(TinyAIConversion, source_header_bytes);
    FIELD(TinyAIConversion, target_bytes);
    FIELD(TinyAIConversion, total_bytes);
    FIELD(TinyAIConversion, moved_bytes);
    FIELD(TinyAIConversion, from);
    FIELD(TinyAIConversion, to);
    FIELD(TinyAIConversion, bytes);
    FIELD(TinyAIConversion, into);
    FIELD(TinyAIConversion, to_bytes);
    FIELD(TinyAIConversion, buffer);
    FIELD(TinyAIConversion, least_buffer);
    FIELD(TinyAIConversion, header);
    FIELD(TinyAIConversion, header_bytes);
    FIELD(TinyAIConversion, format);
    FIELD(TinyAIConversion, n_tensors);
    FIELD(TinyAIConversion, reserved);
    END(TinyAIConversion);
}

int main(void) {
    printf(
        "// Generated by tools/gen-abi from include/tinyai/ and wasm/exchange.h: do not edit.\n\n");
    print_lists();
    print_constants();
    print_field_types();
    print_options();
    print_plan();
    print_stats();
    print_stepping();
    print_exchange();
    print_inspect();
    print_convert();
    return fflush(stdout) != 0 || ferror(stdout) != 0;
}
