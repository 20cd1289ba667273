/* A file as a TinyAISource. Its only state is the file's handle, which lies in `user` itself. */
#include "port/port.h"
#include "tinyai/tinyai.h"

static int handle_of(void *user) {
    return (int)(intptr_t)user;
}

static int32_t read_file(void *user, uint64_t offset, void *into, uint32_t length) {
    return tai_port_file_read(handle_of(user), offset, into, length);
}

static void close_file(void *user) {
    tai_port_file_close(handle_of(user));
}

int32_t tinyai_source_open_file(TinyAISource *source, const char *path, TinyAIError *error) {
    TaiPortFile file;
    const int32_t status = tai_port_file_open(&file, path, error);
    if (status == 0) {
        source->size = file.size;
        source->user = (void *)(intptr_t)file.handle;
        source->read = read_file;
        source->close = close_file;
        source->concurrent = 1; /* pread has no position that threads could share */
    }
    return status;
}

void tinyai_source_close(TinyAISource *source) {
    if (source != NULL && source->close != NULL) {
        source->close(source->user);
        source->close = NULL; /* a second close does nothing */
    }
}
