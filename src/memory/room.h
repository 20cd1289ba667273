/* What an allocator has of the host's memory: regions, counted, never more than its budget. */
#ifndef TAI_ROOM_H
#define TAI_ROOM_H

#include <stddef.h>

/* Invariant: reserved <= budget. */
typedef struct TaiRoom {
    size_t reserved;
    size_t budget;
} TaiRoom;

/* A region as tai_port_reserve gives it. NULL: the budget or the host does not allow it; nothing changes. */
void *tai_room_reserve(TaiRoom *room, size_t bytes);
void tai_room_release(TaiRoom *room, void *base, size_t bytes);

#endif
