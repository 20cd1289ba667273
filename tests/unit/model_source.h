/* A source for engine tests: a model file in memory, with counters and faults. */
#ifndef TAI_MODEL_SOURCE_H
#define TAI_MODEL_SOURCE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tinyai/tinyai.h"

#define STORY_Q8_0 TINYAI_TEST_DATA "/../../models/storyteller/storyteller-q8_0.gguf"
#define STORY_F16 TINYAI_TEST_DATA "/storyteller/storyteller-f16.gguf"
#define STORY_Q4_K_M TINYAI_TEST_DATA "/storyteller/storyteller-q4_k_m.gguf"

typedef struct ModelBytes {
    uint8_t *bytes;
    uint64_t size;
    uint64_t reads;
    uint64_t bytes_read;
    uint64_t highest_read; /* end of the furthest range that was read */
    uint64_t fail_at;      /* the read with this number fails (from 1), 0: none */
    int closed;
} ModelBytes;

static int32_t model_read(void *user, uint64_t offset, void *into, uint32_t length) {
    ModelBytes *m = user;
    m->reads++;
    if (offset > m->size || length > m->size - offset) {
        return TINYAI_E_STALE;
    }
    if (m->reads == m->fail_at) {
        return TINYAI_E_IO;
    }
    memcpy(into, m->bytes + offset, length);
    m->bytes_read += length;
    if (offset + length > m->highest_read) {
        m->highest_read = offset + length;
    }
    return TINYAI_OK;
}

static void model_closed(void *user) {
    ((ModelBytes *)user)->closed++;
}

static ModelBytes model_load(const char *path) {
    ModelBytes m = {0};
    FILE *file = fopen(path, "rb");
    struct stat info = {0};
    if (file && fstat(fileno(file), &info) == 0 && info.st_size > 0) {
        m.size = (uint64_t)info.st_size;
        m.bytes = malloc(m.size);
    }
    if (!m.bytes || fread(m.bytes, 1, m.size, file) != m.size) {
        (void)fprintf(stderr, "%s: cannot be read whole\n", path);
        exit(2);
    }
    fclose(file);
    return m;
}

static TinyAISource model_source(ModelBytes *m) {
    return (TinyAISource){.size = m->size, .user = m, .read = model_read, .close = model_closed};
}

#endif
