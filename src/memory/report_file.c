/* The report as a file. It is apart from the rest, because JS hosts have the report but no files. */
#include <string.h>

#include "memory/error.h"
#include "memory/process.h"
#include "port/port.h"

typedef struct Output {
    TaiPortOut out;
    int32_t status; /* of the first write that failed */
} Output;

static void write_piece(void *user, const char *text, size_t bytes) {
    Output *output = user;
    if (output->status == 0) {
        output->status = tai_port_file_write(&output->out, text, bytes);
    }
}

static bool ends_in_json(const char *path) {
    const size_t length = strlen(path);
    return length >= 5 && strcmp(path + length - 5, ".json") == 0;
}

bool tinyai_generate_memory_report(const char *path) {
    TinyAIError *error = tai_thread_error();
    tai_error_clear(error);
    if (path == NULL || *path == '\0') {
        tai_fail(error, TINYAI_E_ARGUMENT, TINYAI_NO_OFFSET, "the report needs a file name");
        return false;
    }
    Output output = {.status = 0};
    if (tai_port_file_create(&output.out, path, error) != 0) {
        return false;
    }
    const TaiSink sink = {.write = write_piece, .user = &output};
    TaiHabits habits;
    tai_process_habits(&habits);
    const uint32_t n = tai_owners_hold();
    tai_report_write(&sink, ends_in_json(path), n, tai_owners_facts, NULL, &habits);
    tai_owners_release();
    if (output.status != 0) {
        tai_port_file_abandon(&output.out);
    } else {
        output.status = tai_port_file_commit(&output.out);
    }
    if (output.status != 0) {
        tai_fail(error, output.status, TINYAI_NO_OFFSET,
                 "cannot write the memory report \"%.200s\": check the space left on its disk",
                 path);
    }
    return output.status == 0;
}
