#include "memory/room.h"

#include "port/fault.h"
#include "port/port.h"

void *tai_room_reserve(TaiRoom *room, size_t bytes) {
    if (bytes > room->budget - room->reserved || !tai_claim("memory region")) {
        return NULL;
    }
    void *base = tai_port_reserve(bytes);
    if (base != NULL) {
        room->reserved += bytes;
    }
    return base;
}

void tai_room_release(TaiRoom *room, void *base, size_t bytes) {
    tai_port_release(base, bytes);
    room->reserved -= bytes;
}
