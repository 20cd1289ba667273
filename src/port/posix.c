/* The native host: Linux, macOS and other POSIX systems. */
#include "port/port.h"

#include <assert.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "port/fault.h"

const char tai_port_name[] = "native";
const char tai_port_file_hint[] = "";

/* Programs linked with -ffast-math switch subnormal numbers off for the whole process, and then
 * logits differ from those of other hosts. Looked at in debug builds only. */
__attribute__((unused)) static bool has_subnormals(void) {
    volatile float smallest_normal = 0x1p-126f;
    volatile float half = smallest_normal * 0.5f; /* 0 if results are flushed */
    volatile float back = half * 2.0f;            /* 0 if operands are */
    return back == smallest_normal;
}

void *tai_port_reserve(uint64_t bytes) {
    assert(has_subnormals());
    if (bytes == 0 || bytes > PTRDIFF_MAX || !tai_claim("memory")) {
        return NULL;
    }
    /* Not MAP_NORESERVE: what cannot be had should fail here, not while a token is decoded. */
    void *base =
        mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        return NULL;
    }
    tai_hold(TAI_HELD_REGION, 1);
    return base;
}

void tai_port_release(void *base, uint64_t bytes) {
    if (base != NULL) {
        munmap(base, (size_t)bytes);
        tai_hold(TAI_HELD_REGION, -1);
    }
}

void tai_port_discard(void *base, uint64_t bytes) {
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t from = ((uintptr_t)base + page - 1) & ~(page - 1);
    const uintptr_t to = ((uintptr_t)base + (uintptr_t)bytes) & ~(page - 1);
    if (base != NULL && from < to) {
        madvise((void *)from, to - from, MADV_DONTNEED); // NOLINT(performance-no-int-to-ptr)
    }
}

uint64_t tai_port_clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

void tai_port_catch_interrupt(void) {
    struct sigaction action = {0};
    action.sa_handler = on_interrupt;
    /* Without SA_RESTART a read that waits for the keyboard returns too. */
    action.sa_flags = (int)SA_RESETHAND;
    sigaction(SIGINT, &action, NULL);
    /* A file that grows beyond the user's limit is an error of the write, not the end of the program. */
    signal(SIGXFSZ, SIG_IGN);
}

bool tai_port_interrupted(void) {
    return interrupted != 0;
}

static volatile sig_atomic_t pressure;

static void on_pressure(int signal_number) {
    pressure = signal_number == SIGUSR1;
}

void tai_port_catch_pressure(void) {
    struct sigaction action = {0};
    action.sa_handler = on_pressure;
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
}

bool tai_port_pressure(void) {
    return pressure != 0;
}
