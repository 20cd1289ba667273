/* JS hosts: the page or Node owns the memory and does the I/O. */
#include "port/port.h"

void tai_port_discard(void *base, uint64_t bytes) {
    (void)base; /* linear memory keeps its pages */
    (void)bytes;
}
