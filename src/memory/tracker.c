#include "memory/tracker.h"

#include <string.h>

/* The last site is "other": it takes what comes when all others have a text. */
#define SITES 256u
#define OTHER (SITES - 1)
#define RECENT 256u
#define SIZE_CLASSES 65u /* class c: sizes above 2^(c-1), up to 2^c */

typedef struct Block {
    const void *address; /* NULL: the slot is empty */
    size_t bytes;
    uint64_t serial : 48; /* counts allocations: the oldest is the smallest */
    uint64_t site : 16;
} Block;

/* The site that a text pointer meant last: the same pointer mostly comes again. */
typedef struct Recent {
    const char *text;
    uint32_t site;
} Recent;

/* Live blocks lie in a table with linear probing, at most two thirds full. A removed block's successors move
 * up, so that nothing is left behind and a search ends at the first empty slot. Invariants: the slots from a
 * block's home to its place are all in use; n_live <= capacity < n_slots. */
struct TaiTracker {
    uint32_t capacity;
    uint32_t n_slots;
    uint32_t n_live;
    uint32_t n_sites; /* of those with a text */
    uint64_t serial;
    uint64_t untracked;
    uint64_t classes[SIZE_CLASSES];
    TaiSiteFacts sites[SITES];
    Recent recent[RECENT];
    Block blocks[];
};

static uint64_t slots_for(uint32_t live_capacity) {
    return (uint64_t)live_capacity + live_capacity / 2 + 1;
}

size_t tai_tracker_bytes(uint32_t live_capacity) {
    const uint64_t bytes = sizeof(TaiTracker) + slots_for(live_capacity) * sizeof(Block);
    return slots_for(live_capacity) > UINT32_MAX || bytes > SIZE_MAX ? SIZE_MAX : (size_t)bytes;
}

void tai_tracker_init(TaiTracker *t, uint32_t live_capacity) {
    memset(t, 0, tai_tracker_bytes(live_capacity));
    t->capacity = live_capacity;
    t->n_slots = (uint32_t)slots_for(live_capacity);
    t->sites[OTHER].site = "other";
}

/* Allocations are aligned to 16 and near each other: the multiplication spreads their middle bits over the
 * upper ones. */
static uint32_t hash_of(const void *address) {
    return (uint32_t)(((uint64_t)(uintptr_t)address * 0x9E3779B97F4A7C15u) >> 32);
}

/* ---- sites ----------------------------------------------------------------------------------- */

static uint32_t search_site(TaiTracker *t, const char *text) {
    for (uint32_t i = 0; i < t->n_sites; i++) {
        if (t->sites[i].site == text) {
            return i;
        }
    }
    /* Two files may have a string of their own for the same line of a header. */
    for (uint32_t i = 0; i < t->n_sites; i++) {
        if (strcmp(t->sites[i].site, text) == 0) {
            return i;
        }
    }
    if (t->n_sites == OTHER) {
        return OTHER;
    }
    t->sites[t->n_sites].site = text;
    return t->n_sites++;
}

static uint32_t site_of(TaiTracker *t, const char *text) {
    if (!text) {
        text = "unknown";
    }
    Recent *recent = &t->recent[hash_of(text) % RECENT];
    if (recent->text != text) {
        *recent = (Recent){.text = text, .site = search_site(t, text)};
    }
    return recent->site;
}

/* ---- live blocks ----------------------------------------------------------------------------- */

static uint32_t home_of(const TaiTracker *t, const void *address) {
    return (uint32_t)(((uint64_t)hash_of(address) * t->n_slots) >> 32);
}

static uint32_t after(const TaiTracker *t, uint32_t slot) {
    return slot + 1 == t->n_slots ? 0 : slot + 1;
}

static uint32_t distance(const TaiTracker *t, uint32_t from, uint32_t to) {
    return to >= from ? to - from : to + t->n_slots - from;
}

/* The slot of a block, or the empty one where it would be put. */
static uint32_t find(const TaiTracker *t, const void *address) {
    uint32_t slot = home_of(t, address);
    while (t->blocks[slot].address && t->blocks[slot].address != address) {
        slot = after(t, slot);
    }
    return slot;
}

static void forget(TaiTracker *t, uint32_t slot) {
    TaiSiteFacts *site = &t->sites[t->blocks[slot].site];
    site->live_bytes -= t->blocks[slot].bytes;
    site->live_count--;
    t->n_live--;
    uint32_t hole = slot;
    for (uint32_t i = after(t, hole); t->blocks[i].address; i = after(t, i)) {
        if (distance(t, home_of(t, t->blocks[i].address), i) >= distance(t, hole, i)) {
            t->blocks[hole] = t->blocks[i];
            hole = i;
        }
    }
    t->blocks[hole].address = NULL;
}

void tai_tracker_add(TaiTracker *t, const void *block, size_t bytes, const char *site) {
    const uint32_t index = site_of(t, site);
    TaiSiteFacts *facts = &t->sites[index];
    facts->total_bytes += bytes;
    facts->total_count++;
    t->classes[bytes > 1 ? 64 - (uint32_t)__builtin_clzll((uint64_t)bytes - 1) : 0]++;

    uint32_t slot = find(t, block);
    if (t->blocks[slot].address) {
        forget(t, slot);
        slot = find(t, block);
    }
    if (t->n_live == t->capacity) {
        t->untracked++;
        return;
    }
    facts->live_bytes += bytes;
    facts->live_count++;
    t->n_live++;
    t->blocks[slot] =
        (Block){.address = block, .bytes = bytes, .serial = t->serial++, .site = index};
}

void tai_tracker_remove(TaiTracker *t, const void *block) {
    const uint32_t slot = find(t, block);
    if (t->blocks[slot].address) {
        forget(t, slot);
    }
}

/* ---- facts ----------------------------------------------------------------------------------- */

static bool larger_block(const Block *a, const Block *b) {
    return a->bytes != b->bytes ? a->bytes > b->bytes : a->serial < b->serial;
}

static void blocks_facts(const TaiTracker *t, TaiFacts *facts) {
    const Block *top[TAI_FACTS_BLOCKS];
    const Block *oldest = NULL;
    uint32_t n = 0;
    for (uint32_t slot = 0; slot < t->n_slots; slot++) {
        const Block *block = &t->blocks[slot];
        if (!block->address) {
            continue;
        }
        if (!oldest || block->serial < oldest->serial) {
            oldest = block;
        }
        if (n == TAI_FACTS_BLOCKS && !larger_block(block, top[n - 1])) {
            continue;
        }
        uint32_t at = n < TAI_FACTS_BLOCKS ? n++ : n - 1;
        for (; at > 0 && larger_block(block, top[at - 1]); at--) {
            top[at] = top[at - 1];
        }
        top[at] = block;
    }
    for (uint32_t i = 0; i < n; i++) {
        facts->blocks[i].bytes = top[i]->bytes;
        tai_name_copy(facts->blocks[i].name, t->sites[top[i]->site].site);
    }
    facts->n_blocks = n;
    facts->oldest_site = oldest ? t->sites[oldest->site].site : NULL;
}

static bool heavier_site(const TaiSiteFacts *a, const TaiSiteFacts *b) {
    return a->live_bytes != b->live_bytes ? a->live_bytes > b->live_bytes
                                          : a->total_bytes > b->total_bytes;
}

static void sites_facts(const TaiTracker *t, TaiFacts *facts) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < SITES; i++) {
        const TaiSiteFacts *site = &t->sites[i];
        if (!site->total_count ||
            (n == TAI_FACTS_SITES && !heavier_site(site, &facts->sites[n - 1]))) {
            continue;
        }
        uint32_t at = n < TAI_FACTS_SITES ? n++ : n - 1;
        for (; at > 0 && heavier_site(site, &facts->sites[at - 1]); at--) {
            facts->sites[at] = facts->sites[at - 1];
        }
        facts->sites[at] = *site;
    }
    facts->n_sites = n;
}

void tai_tracker_facts(const TaiTracker *t, TaiFacts *facts) {
    facts->tracked = true;
    facts->untracked = t->untracked;
    blocks_facts(t, facts);
    sites_facts(t, facts);
    uint32_t common = 0;
    for (uint32_t c = 1; c < SIZE_CLASSES; c++) {
        common = t->classes[c] > t->classes[common] ? c : common;
    }
    facts->common_count = t->classes[common];
    facts->common_bytes = common < 64 && facts->common_count ? (uint64_t)1 << common : 0;
}
