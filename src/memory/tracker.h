/* Who allocated what: the live blocks of one allocator with their call sites, in a fixed amount of memory.
 * It takes no lock: its allocator calls it under its own. All functions but the facts take O(1) on average.
 *
 * A table that is full goes on counting per site, but does not know the further blocks: they are counted as
 * untracked, and so is the memory report's word for them. */
#ifndef TAI_TRACKER_H
#define TAI_TRACKER_H

#include <stddef.h>
#include <stdint.h>

#include "memory/facts.h"

typedef struct TaiTracker TaiTracker;

/* Bytes of room for `live_capacity` live blocks, aligned to 8; SIZE_MAX where that overflows. */
size_t tai_tracker_bytes(uint32_t live_capacity);
/* tracker: tai_tracker_bytes(live_capacity) of room. */
void tai_tracker_init(TaiTracker *tracker, uint32_t live_capacity);

/* site: any text that lives as long as the tracker; NULL: unknown. A block that is there already (it was
 * freed while nobody recorded) is replaced. */
void tai_tracker_add(TaiTracker *tracker, const void *block, size_t bytes, const char *site);
/* Nothing for a block that is not there. */
void tai_tracker_remove(TaiTracker *tracker, const void *block);

/* Fills in what facts say of blocks and sites: tracked, blocks, sites, oldest_site, untracked, common_*. */
void tai_tracker_facts(const TaiTracker *tracker, TaiFacts *facts);

#endif
