#include "cli/cli.h"

int plan(const Options *options) {
    TinyAISource source;
    TinyAIError error;
    if (open_source(&source, options, &error) != 0) {
        return fail(options, &error);
    }
    TinyAIPlan result;
    const int32_t status = tinyai_plan(&source, &options->engine, &result, &error);
    tinyai_source_close(&source);
    if (status != 0) {
        return fail(options, &error);
    }
    if (options->json) {
        Json json = {.out = stdout};
        plan_json(&json, &result);
        putchar('\n');
    } else {
        plan_report(stdout, &result);
    }
    return DONE; /* the plan is the answer, also when it does not fit */
}
