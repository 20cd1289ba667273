/* The plan and the statistics, as JSON with the names of the npm package, and for people. */
#include "cli/cli.h"

#include <inttypes.h>

#include "port/port.h"

typedef struct PurposeText {
    const char *json_name;
    const char *meaning;
} PurposeText;

static const PurposeText purposes[TINYAI_PURPOSES] = {
#define PURPOSE_TEXT(name, json_name, meaning) {#json_name, meaning},
    TINYAI_PURPOSE_LIST(PURPOSE_TEXT)
#undef PURPOSE_TEXT
};

static void by_purpose_json(Json *json, const uint64_t *bytes) {
    json_open(json, "byPurpose", '{');
    for (unsigned i = 0; i < TINYAI_PURPOSES; i++) {
        json_uint(json, purposes[i].json_name, bytes[i]);
    }
    json_close(json, '}');
}

static void bytes_line(FILE *out, const char *name, uint64_t bytes, const char *remark) {
    fprintf(out, "  %-16s %13" PRIu64 "  %9s  %s\n", name, bytes, size_text(bytes).text, remark);
}

static void by_purpose_report(FILE *out, const uint64_t *bytes) {
    for (unsigned i = 0; i < TINYAI_PURPOSES; i++) {
        if (bytes[i] > 0) {
            bytes_line(out, purposes[i].json_name, bytes[i], purposes[i].meaning);
        }
    }
}

static const char *mode_name(uint32_t mode) {
    static const char *const names[] = {[TINYAI_EXEC_NORMAL] = "normal",
                                        [TINYAI_EXEC_MEMORY_OPT] = "memory-opt",
                                        [TINYAI_EXEC_STREAMING] = "streaming",
                                        [TINYAI_EXEC_ADAPTIVE] = "adaptive"};
    return names[mode];
}

/* ---- plan ---------------------------------------------------------------------------------- */

void plan_json(Json *json, const TinyAIPlan *plan) {
    json_open(json, NULL, '{');
    json_bool(json, "fits", plan->fits != 0);
    json_string(json, "mode", mode_name(plan->mode));
    json_uint(json, "budgetBytes", plan->budget_bytes);
    json_uint(json, "maxBudgetBytes", plan->max_budget_bytes);
    json_uint(json, "minBudget", plan->min_budget_bytes);
    json_uint(json, "residentBytes", plan->resident_bytes);
    json_uint(json, "peakBytes", plan->peak_bytes);
    json_uint(json, "reservedBytes", plan->reserved_bytes);
    json_uint(json, "smallestBytes", plan->smallest_bytes);
    json_uint(json, "openBytes", plan->open_bytes);
    json_uint(json, "missingBytes", plan->missing_bytes);
    by_purpose_json(json, plan->by_purpose);
    json_uint(json, "blocks", plan->blocks);
    json_uint(json, "slots", plan->slots);
    json_uint(json, "pinnedBlocks", plan->pinned_blocks);
    json_uint(json, "blockBytes", plan->block_bytes);
    json_uint(json, "promptTokensPerPass", plan->prompt_tokens_per_pass);
    json_uint(json, "streamedBytesPerToken", plan->streamed_bytes_per_token);
    json_uint(json, "contextLength", plan->context_length);
    json_uint(json, "longestContext", plan->longest_context);
    json_uint(json, "modelContext", plan->model_context);
    json_uint(json, "vocabSize", plan->vocab_size);
    json_uint(json, "headStrips", plan->head_strips);
    json_uint(json, "residentHeadStrips", plan->resident_head_strips);
    json_bool(json, "embeddingResident", plan->embedding_resident != 0);
    json_uint(json, "fileBytes", plan->file_bytes);
    json_uint(json, "headerBytes", plan->header_bytes);
    json_uint(json, "planningBytes", plan->planning_bytes);
    json_close(json, '}');
}

void plan_report(FILE *out, const TinyAIPlan *plan) {
    fprintf(out, plan->fits ? "plan: it fits\n" : "plan: it does NOT fit\n");
    bytes_line(out, "file", plan->file_bytes, "");
    bytes_line(out, "budget", plan->budget_bytes, "");
    bytes_line(out, "smallest budget", plan->min_budget_bytes, "for this context and kv type");
    if (plan->resident_bytes) {
        bytes_line(out, "all resident", plan->resident_bytes,
                   "from this budget on nothing is streamed");
    }
    if (!plan->fits) {
        bytes_line(out, "missing", plan->missing_bytes, "raise --memory or lower --context");
        return;
    }
    bytes_line(out, "peak", plan->peak_bytes, "what will be reserved at most");
    bytes_line(out, "per token", plan->streamed_bytes_per_token, "read from the file");
    fprintf(out, "memory by purpose\n");
    by_purpose_report(out, plan->by_purpose);
    fprintf(out, "layout (mode %s)\n", mode_name(plan->mode));
    fprintf(out, "  %u blocks of at most %s, %u slots, %u pinned\n", plan->blocks,
            size_text(plan->block_bytes).text, plan->slots, plan->pinned_blocks);
    fprintf(out, "  output head: %u of %u strips resident; embedding: %s\n",
            plan->resident_head_strips, plan->head_strips,
            plan->embedding_resident ? "resident" : "read by row");
    fprintf(out, "  context %u tokens (%u would fit, the model has %u)\n", plan->context_length,
            plan->longest_context, plan->model_context);
    fprintf(out, "  %u prompt tokens per pass over the weights\n", plan->prompt_tokens_per_pass);
}

/* ---- statistics ---------------------------------------------------------------------------- */

static double ms(uint64_t ns) {
    return (double)ns / 1e6;
}

static const char *const block_states[] = {
    [TINYAI_BLOCK_ABSENT] = "absent",
    [TINYAI_BLOCK_LOADING] = "loading",
    [TINYAI_BLOCK_RESIDENT] = "resident",
};

static void memory_json(Json *json, const TinyAIStats *stats) {
    json_open(json, "memory", '{');
    json_uint(json, "budgetBytes", stats->budget_bytes);
    json_uint(json, "maxBudgetBytes", stats->max_budget_bytes);
    json_uint(json, "plannedPeakBytes", stats->planned_peak_bytes);
    json_uint(json, "currentBytes", stats->current_bytes);
    json_uint(json, "peakBytes", stats->peak_bytes);
    json_uint(json, "totalAllocatedBytes", stats->total_allocated_bytes);
    json_uint(json, "allocationCount", stats->allocation_count);
    json_real(json, "fragmentation",
              stats->current_bytes == 0
                  ? 0
                  : (double)stats->padding_bytes / (double)stats->current_bytes);
    by_purpose_json(json, stats->by_purpose);
    json_uint(json, "jsBytes", 0);
    json_close(json, '}');
}

static void stream_json(Json *json, const TinyAIStats *stats) {
    json_open(json, "stream", '{');
    json_uint(json, "bytesRead", stats->bytes_read);
    json_uint(json, "requests", stats->requests);
    json_uint(json, "hits", stats->hits);
    json_uint(json, "misses", stats->misses);
    json_uint(json, "prefetched", stats->prefetched);
    json_real(json, "stalledMs", ms(stats->stalled_ns));
    json_uint(json, "retries", 0);
    json_uint(json, "passes", stats->passes);
    json_close(json, '}');
}

static void blocks_json(Json *json, const TinyAIModel *model) {
    TinyAIBlockInfo block;
    json_open(json, "blocks", '[');
    for (uint32_t i = 0; tinyai_block_info(model, i, &block) == 0; i++) {
        json_open(json, NULL, '{');
        json_uint(json, "index", i);
        json_string(json, "state", block_states[block.state]);
        json_uint(json, "bytes", block.bytes);
        json_bool(json, "pinned", block.pinned != 0);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void speed_json(Json *json, const Speed *speed) {
    json_open(json, "speed", '{');
    json_uint(json, "promptTokens", speed->prompt_tokens);
    json_real(json, "promptMs", ms(speed->prompt_ns));
    json_uint(json, "generatedTokens", speed->generated_tokens);
    json_real(json, "generateMs", ms(speed->generate_ns));
    json_close(json, '}');
}

/* Why fewer threads compute than were asked for, or NULL. */
static const char *threads_reason(const TinyAIStats *stats) {
    switch (stats->threads_missing) {
    case TINYAI_THREADS_HOST:
        return "this build has one thread: WASI has no others";
    case TINYAI_THREADS_REFUSED:
        return "the system gave no more threads";
    default:
        return NULL;
    }
}

static void engine_json(Json *json, const TinyAIStats *stats, uint32_t mode, uint64_t seed) {
    char hash[17];
    snprintf(hash, sizeof hash, "%016" PRIx64, stats->logits_hash);
    json_open(json, "engine", '{');
    json_string(json, "kernels", kernel_names[stats->kernels]);
    json_string(json, "mode", mode_name(mode));
    json_uint(json, "threads", stats->threads);
    json_string(json, "threadsReason", threads_reason(stats));
    json_string(json, "variant", tai_port_name);
    json_string(json, "logitsHash", hash);
    json_uint(json, "seed", seed);
    json_string(json, "version", TINYAI_VERSION);
    json_close(json, '}');
}

void stats_json(Json *json, const Host *host, const Speed *speed, uint64_t seed) {
    TinyAIStats stats;
    tinyai_stats(host->model, &stats);
    json_open(json, "stats", '{');
    memory_json(json, &stats);
    stream_json(json, &stats);
    blocks_json(json, host->model);
    speed_json(json, speed);
    engine_json(json, &stats, tinyai_model_plan(host->model)->mode, seed);
    json_close(json, '}');
}

static double per_second(uint64_t count, uint64_t ns) {
    return ns == 0 ? 0 : (double)count * 1e9 / (double)ns;
}

double decode_rate(const Speed *speed) {
    /* The first token comes out of the prompt's pass. */
    const uint64_t decoded = speed->generated_tokens > 0 ? speed->generated_tokens - 1 : 0;
    return per_second(decoded, speed->generate_ns);
}

/* One letter per block: P pinned, r resident, l loading, . absent. */
static void blocks_report(FILE *out, const TinyAIModel *model) {
    TinyAIBlockInfo block;
    fprintf(out, "  blocks           ");
    for (uint32_t i = 0; tinyai_block_info(model, i, &block) == 0; i++) {
        putc(block.pinned ? 'P' : ".lr"[block.state], out);
    }
    fprintf(out, "  (P pinned, r resident, l loading, . absent)\n");
}

void memory_report(FILE *out, const TinyAIModel *model, bool json) {
    char part[1024];
    uint64_t done = 0;
    uint32_t bytes;
    while ((bytes = tinyai_model_report(model, json, done, part, sizeof part)) > 0) {
        fwrite(part, 1, bytes, out);
        done += bytes;
    }
}

void stats_report(FILE *out, const Host *host, const Speed *speed) {
    TinyAIStats stats;
    tinyai_stats(host->model, &stats);
    fprintf(out, "stream\n");
    bytes_line(out, "read", stats.bytes_read, "from the file, of which:");
    bytes_line(out, "header", stats.header_bytes_read, "");
    bytes_line(out, "blocks", stats.block_bytes_read, "");
    bytes_line(out, "head", stats.head_bytes_read, "");
    bytes_line(out, "embedding", stats.embedding_bytes_read, "");
    fprintf(out,
            "  %" PRIu64 " reads in %.0f ms; %" PRIu64 " passes: %" PRIu64 " block hits, %" PRIu64
            " misses, %" PRIu64 " of them prefetched\n",
            stats.requests, ms(stats.stalled_ns), stats.passes, stats.hits, stats.misses,
            stats.prefetched);
    blocks_report(out, host->model);

    fprintf(out, "speed\n");
    fprintf(out, "  prompt           %" PRIu64 " tokens in %.0f ms (%.1f tokens/s)\n",
            speed->prompt_tokens, ms(speed->prompt_ns),
            per_second(speed->prompt_tokens, speed->prompt_ns));
    fprintf(out, "  generated        %" PRIu64 " tokens in %.0f ms (%.1f tokens/s)\n",
            speed->generated_tokens, ms(speed->generate_ns), decode_rate(speed));
    fprintf(out, "engine\n");
    fprintf(out, "  %s kernels, %u thread%s, %s, logits hash %016" PRIx64 "\n",
            kernel_names[stats.kernels], stats.threads, stats.threads == 1 ? "" : "s",
            tai_port_name, stats.logits_hash);
    if (stats.threads_missing) {
        fprintf(out, "  %s\n", threads_reason(&stats));
    }
}
