/* What the tests of src/text share: random numbers, small vocabularies and that of the bundled
 * model. */
#ifndef TAI_TEXT_CASES_H
#define TAI_TEXT_CASES_H

#include <stdio.h>
#include <stdlib.h>

#include "format/header.h"
#include "text/vocab.h"
#include "unit/test.h"

static uint64_t random_state = 1;

static inline uint32_t random_below(uint32_t n) { /* splitmix64 */
    uint64_t z = random_state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ z >> 31) % n);
}

typedef struct TestToken {
    const char *text;
    float score;
    uint8_t type;
} TestToken;

/* A vocabulary of these tokens, not finished; free(v->offsets) gives it back. */
static inline void vocab_begin(TaiVocab *v, const TestToken *tokens, uint32_t n) {
    uint64_t text_bytes = 0;
    for (uint32_t i = 0; i < n; i++)
        text_bytes += strlen(tokens[i].text);
    /* not initialised, and not a byte more than it says: the sanitizer watches */
    CHECK_EQ(tai_vocab_init(v, malloc(tai_vocab_bytes(n, text_bytes)), n, text_bytes), 0);
    for (uint32_t i = 0; i < n; i++) {
        CHECK_EQ(tai_vocab_add(v, tokens[i].text, (uint32_t)strlen(tokens[i].text)), 0);
        v->scores[i] = tokens[i].score;
        v->types[i] = tokens[i].type;
    }
}

static inline void vocab_free(TaiVocab *v) {
    free(v->offsets);
}

/* The bytes of a file under tests/vectors/, with a NUL behind them. */
static inline char *read_vector(const char *name, uint64_t *bytes) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", TINYAI_TEST_DATA, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "cannot open %s\n", path);
        exit(1);
    }
    enum { MOST = 8 << 20 };
    char *data = malloc(MOST + 1);
    *bytes = fread(data, 1, MOST, file);
    data[*bytes] = 0;
    fclose(file);
    return data;
}

/* The vocabulary of the bundled model. */
static inline void vocab_storyteller(TaiVocab *v) {
    uint64_t size, index_bytes, least_bytes;
    uint8_t *file = (uint8_t *)read_vector("storyteller/storyteller-q4_0.gguf", &size);
    TinyAIError error = {0};
    TaiHeader header;
    CHECK_EQ(tai_header_index_bytes(file, size, size, &index_bytes, &least_bytes, &error), 0);
    void *index = malloc(index_bytes);
    CHECK_EQ(tai_header_parse(&header, file, size, size, index, index_bytes, &error), 0);

    const TaiKeyValue *tokens = tai_header_find(&header, "tokenizer.ggml.tokens");
    const TaiKeyValue *scores = tai_header_find(&header, "tokenizer.ggml.scores");
    const TaiKeyValue *types = tai_header_find(&header, "tokenizer.ggml.token_type");
    uint32_t n = (uint32_t)tokens->n_items;
    TestToken *list = calloc(n, sizeof *list);
    uint64_t off = tokens->off;
    for (uint32_t i = 0; i < n; i++) {
        TaiString text = tai_next_string(&header, &off);
        char *copy = calloc(1, text.bytes + 1);
        memcpy(copy, text.text, text.bytes);
        int32_t type;
        memcpy(&type, file + types->off + 4 * i, 4);
        memcpy(&list[i].score, file + scores->off + 4 * i, 4);
        list[i].type = (uint8_t)type;
        list[i].text = copy;
    }
    vocab_begin(v, list, n);
    v->eot = 5;
    CHECK_EQ(tai_vocab_finish(v, &error), 0);
    CHECK_STR(error.message, "");
    for (uint32_t i = 0; i < n; i++)
        free((char *)(uintptr_t)list[i].text);
    free(list);
    free(index);
    free(file);
}

#endif
