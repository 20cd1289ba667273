#include "cli/cli.h"

#include "port/port.h"

int main(int argc, char **argv) {
    Options options;
    const int finished = read_options(&options, argc, argv);
    if (finished >= 0) {
        return finished;
    }
    tai_port_catch_interrupt();

    int code = FAILED;
    switch (options.command) {
    case RUN:
        code = run(&options);
        break;
    case PLAN:
        code = plan(&options);
        break;
    case INSPECT:
        code = inspect(&options);
        break;
    case PERPLEXITY:
        code = perplexity(&options);
        break;
    case CONVERT:
        code = convert(&options);
        break;
    case VERIFY:
        code = verify(&options);
        break;
    }
    /* A full disk or a closed pipe is a failure too. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("tinyai: standard output could not be written\n", stderr);
        return code == DONE ? FAILED : code;
    }
    return code;
}
