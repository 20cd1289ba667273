/* A program of another project: it finds TinyAI through pkg-config or CMake. */
#include <stdio.h>
#include <tinyai/raii.h>
#include <tinyai/tinyai.h>

int main(int argc, char **argv) {
    TINYAI_AUTO_MAPPED_MODEL TinyAIMappedModel *model =
        argc > 1 ? tinyaiOpenMappedModel(argv[1], NULL) : NULL;
    printf("TinyAI %s: %d layers\n", TINYAI_VERSION, model ? tinyaiGetMappedLayerCount(model) : 0);
    return model == NULL;
}
