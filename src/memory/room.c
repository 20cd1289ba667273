#include "memory/room.h"

#include "port/port.h"

void *tai_room_reserve(TaiRoom *room, size_t bytes) {
    void *base = bytes > room->budget - room->reserved ? NULL : tai_port_reserve(bytes);
    if (base != NULL) {
        room->reserved += bytes;
    }
    return base;
}

void tai_room_release(TaiRoom *room, void *base, size_t bytes) {
    tai_port_release(base, bytes);
    room->reserved -= bytes;
}
