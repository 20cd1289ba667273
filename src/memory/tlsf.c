#include "memory/tlsf.h"

#define UNIT TAI_TLSF_UNIT
#define SECONDS 32u     /* lists per power of two */
#define SECONDS_LOG2 5u /* log2(SECONDS) */
#define MAX_FIRSTS 28u  /* 1 + one for each power of two from 2^5 to 2^31 units */
#define MIN_UNITS 2u    /* a free block holds its two links */

typedef struct Header {
    uint32_t units_before; /* 0: the first block of its region */
    uint32_t units;        /* this block, header included; 0: the end of its region */
    uint32_t slack;
    uint32_t seal;
} Header;
_Static_assert(sizeof(Header) == UNIT, "a header is one unit");

typedef struct FreeBlock {
    Header header;
    struct FreeBlock *next; /* in its list */
    struct FreeBlock *previous;
} FreeBlock;
_Static_assert(sizeof(FreeBlock) <= MIN_UNITS * UNIT, "the smallest block holds the links");

/* At the start of each region behind the first one's control; its blocks follow. */
typedef struct Region {
    struct Region *next;
    Header *first;
    Header *end;
} Region;

#define REGION_BYTES ((sizeof(Region) + UNIT - 1) & ~(UNIT - 1))

/* Invariants: bit s of seconds[f] <=> lists[f * 32 + s] has a block; bit f of firsts <=> seconds[f] != 0;
 * no two neighbours are free; free_units and n_free are sums over all lists. */
struct TaiTlsf {
    uint32_t firsts;
    uint32_t n_firsts;
    size_t free_units;
    size_t n_free;
    Region *regions;
    uint32_t seconds[MAX_FIRSTS];
    FreeBlock *lists[]; /* [n_firsts * SECONDS] */
};

/* ---- headers ----------------------------------------------------------------------------------- */

/* Odd multipliers are bijective: within 64 GiB no two addresses have the same seal. */
static uint32_t seal_of(const Header *header, TaiTlsfState state) {
    return ((uint32_t)((uintptr_t)header / UNIT) * 0x9E3779B1u) ^ (uint32_t)state;
}

static void set_state(Header *header, TaiTlsfState state) {
    header->seal = seal_of(header, state);
}

static bool is(const Header *header, TaiTlsfState state) {
    return header->seal == seal_of(header, state);
}

static Header *at(const Header *header, size_t units) {
    return (Header *)(uintptr_t)(header + units);
}

static Header *next_of(const Header *header) {
    return at(header, header->units);
}

static void *payload_of(const Header *header) {
    return (void *)(uintptr_t)(header + 1);
}

static Header *header_of(const void *block) {
    return (Header *)((uintptr_t)block - UNIT);
}

static size_t payload_bytes(const Header *header) {
    return (header->units - 1) * UNIT;
}

static const Region *region_of(const TaiTlsf *tlsf, const Header *header) {
    for (const Region *r = tlsf->regions; r != NULL; r = r->next) {
        if (header >= r->first && header < r->end) {
            return r;
        }
    }
    return NULL;
}

/* Do both neighbours of the block link back to it? */
static bool is_linked(const Region *region, const Header *header) {
    if (header->units < MIN_UNITS || header->units > (size_t)(region->end - header) ||
        next_of(header)->units_before != header->units) {
        return false;
    }
    if (header == region->first) {
        return header->units_before == 0;
    }
    return header->units_before >= MIN_UNITS &&
           header->units_before <= (size_t)(header - region->first) &&
           (header - header->units_before)->units == header->units_before;
}

/* ---- lists ------------------------------------------------------------------------------------- */

static uint32_t log2_of(uint32_t units) {
    return 31u - (uint32_t)__builtin_clz(units);
}

/* Index of the list of blocks of `units` units: first * 32 + second. */
static uint32_t list_of(uint32_t units) {
    if (units < SECONDS) {
        return units;
    }
    const uint32_t log2 = log2_of(units);
    return ((log2 - SECONDS_LOG2 + 1) << SECONDS_LOG2) +
           ((units >> (log2 - SECONDS_LOG2)) & (SECONDS - 1));
}

/* The list with a block that comes first from `list` on; UINT32_MAX if all are empty. */
static uint32_t next_list(const TaiTlsf *tlsf, uint32_t list) {
    uint32_t first = list / SECONDS;
    if (first >= tlsf->n_firsts) {
        return UINT32_MAX;
    }
    uint32_t seconds = tlsf->seconds[first] & (UINT32_MAX << (list % SECONDS));
    if (seconds == 0) {
        const uint32_t firsts = tlsf->firsts & (uint32_t)(UINT64_MAX << (first + 1));
        if (firsts == 0) {
            return UINT32_MAX;
        }
        first = (uint32_t)__builtin_ctz(firsts);
        seconds = tlsf->seconds[first];
    }
    return first * SECONDS + (uint32_t)__builtin_ctz(seconds);
}

static void insert(TaiTlsf *tlsf, Header *header) {
    FreeBlock *block = (FreeBlock *)header;
    const uint32_t list = list_of(header->units);
    set_state(header, TAI_TLSF_FREE);
    header->slack = 0;
    block->previous = NULL;
    block->next = tlsf->lists[list];
    if (block->next != NULL) {
        block->next->previous = block;
    }
    tlsf->lists[list] = block;
    tlsf->seconds[list / SECONDS] |= 1u << (list % SECONDS);
    tlsf->firsts |= 1u << (list / SECONDS);
    tlsf->free_units += header->units;
    tlsf->n_free++;
}

static void detach(TaiTlsf *tlsf, Header *header) {
    FreeBlock *block = (FreeBlock *)header;
    const uint32_t list = list_of(header->units);
    if (block->next != NULL) {
        block->next->previous = block->previous;
    }
    if (block->previous != NULL) {
        block->previous->next = block->next;
    } else {
        tlsf->lists[list] = block->next;
        if (block->next == NULL) {
            tlsf->seconds[list / SECONDS] &= ~(1u << (list % SECONDS));
            if (tlsf->seconds[list / SECONDS] == 0) {
                tlsf->firsts &= ~(1u << (list / SECONDS));
            }
        }
    }
    tlsf->free_units -= header->units;
    tlsf->n_free--;
}

/* Sets the size of a block and the link back to it. */
static void set_units(Header *header, uint32_t units) {
    header->units = units;
    next_of(header)->units_before = units;
}

/* Cuts a block that is in no list down to `units`, and frees the rest if it can be a block. */
static void cut(TaiTlsf *tlsf, Header *header, uint32_t units) {
    const uint32_t rest = header->units - units;
    if (rest < MIN_UNITS) {
        return;
    }
    set_units(header, units);
    Header *behind = next_of(header);
    behind->units = rest;
    Header *next = next_of(behind);
    if (is(next, TAI_TLSF_FREE)) {
        detach(tlsf, next);
        behind->units += next->units;
    }
    set_units(behind, behind->units);
    insert(tlsf, behind);
}

/* ---- regions ------------------------------------------------------------------------------------ */

/* Bytes in front of the first payload so that it is aligned: 0, or a block of its own. */
static size_t gap_of(const Header *header, size_t alignment) {
    const size_t gap = -(size_t)(uintptr_t)payload_of(header) & (alignment - 1);
    return gap == 0 || gap >= MIN_UNITS * UNIT ? gap : gap + alignment;
}

/* Units of a block for `bytes`; 0 if there is no such block. */
static uint32_t units_for(size_t bytes) {
    if (bytes > TAI_TLSF_LARGEST - 2 * UNIT) {
        return 0;
    }
    const uint32_t units = (uint32_t)((bytes + UNIT - 1) / UNIT) + 1;
    return units < MIN_UNITS ? MIN_UNITS : units;
}

size_t tai_tlsf_control_bytes(size_t largest) {
    const size_t most = largest < TAI_TLSF_LARGEST ? largest : TAI_TLSF_LARGEST - UNIT;
    const size_t firsts = list_of((uint32_t)(most / UNIT)) / SECONDS + 1;
    const size_t bytes = sizeof(TaiTlsf) + firsts * SECONDS * sizeof(FreeBlock *);
    return (bytes + UNIT - 1) & ~(UNIT - 1);
}

size_t tai_tlsf_bytes(size_t bytes, size_t alignment, size_t control) {
    if (units_for(bytes) == 0) {
        return SIZE_MAX;
    }
    /* Behind the block: the end. For an alignment: the gap, and the round up to the next list. */
    const uint64_t block = (uint64_t)units_for(bytes) * UNIT;
    const uint64_t aligned = alignment > UNIT ? 2 * (uint64_t)alignment + block / SECONDS : 0;
    const uint64_t sum = control + REGION_BYTES + block + aligned + UNIT;
    return sum < TAI_TLSF_LARGEST ? (size_t)sum : SIZE_MAX;
}

TaiTlsf *tai_tlsf_create(void *region, size_t bytes, size_t largest) {
    const size_t control = tai_tlsf_control_bytes(largest);
    if (bytes < control) {
        return NULL;
    }
    TaiTlsf *tlsf = region;
    tlsf->firsts = 0;
    tlsf->n_firsts = (uint32_t)((control - sizeof(TaiTlsf)) / sizeof(FreeBlock *) / SECONDS);
    tlsf->free_units = 0;
    tlsf->n_free = 0;
    tlsf->regions = NULL;
    for (uint32_t i = 0; i < MAX_FIRSTS; i++) {
        tlsf->seconds[i] = 0;
    }
    for (uint32_t i = 0; i < tlsf->n_firsts * SECONDS; i++) {
        tlsf->lists[i] = NULL;
    }
    return tai_tlsf_add(tlsf, (uint8_t *)region + control, bytes - control) ? tlsf : NULL;
}

bool tai_tlsf_add(TaiTlsf *tlsf, void *region, size_t bytes) {
    if (bytes < REGION_BYTES + (MIN_UNITS + 1) * UNIT || bytes >= TAI_TLSF_LARGEST) {
        return false;
    }
    const uint32_t units = (uint32_t)((bytes - REGION_BYTES) / UNIT) - 1; /* the end takes one */
    if (list_of(units) / SECONDS >= tlsf->n_firsts) {
        return false;
    }
    Region *added = region;
    added->first = (Header *)((uint8_t *)region + REGION_BYTES);
    added->end = added->first + units;
    *added->end = (Header){.units_before = units};
    set_state(added->end, TAI_TLSF_END);
    *added->first = (Header){.units = units};
    added->next = tlsf->regions;
    tlsf->regions = added;
    insert(tlsf, added->first);
    return true;
}

/* ---- taking and giving -------------------------------------------------------------------------- */

static bool fits(const Header *header, uint32_t units, size_t alignment) {
    return gap_of(header, alignment) / UNIT + units <= header->units;
}

/* A free block with room for `units` units at the alignment. */
static Header *find(const TaiTlsf *tlsf, uint32_t units, size_t alignment) {
    /* Any block of so many units will do: the gap is at most alignment + one unit. */
    const uint64_t need = units + (alignment > UNIT ? alignment / UNIT + 1 : 0);
    const uint32_t width = need < SECONDS ? 1 : 1u << (log2_of((uint32_t)need) - SECONDS_LOG2);
    const uint64_t rounded = need + width - 1;
    const uint32_t sure =
        rounded > UINT32_MAX ? UINT32_MAX : next_list(tlsf, list_of((uint32_t)rounded));
    if (sure != UINT32_MAX) {
        return &tlsf->lists[sure]->header;
    }
    uint32_t tries = 0;
    for (uint32_t list = next_list(tlsf, list_of(units)); list != UINT32_MAX;
         list = next_list(tlsf, list + 1)) {
        for (FreeBlock *block = tlsf->lists[list]; block != NULL; block = block->next) {
            if (fits(&block->header, units, alignment)) {
                return &block->header;
            }
            if (++tries == TAI_TLSF_TRIES) {
                return NULL;
            }
        }
    }
    return NULL;
}

void *tai_tlsf_take(TaiTlsf *tlsf, size_t bytes, size_t alignment) {
    const uint32_t units = units_for(bytes);
    Header *header = units == 0 ? NULL : find(tlsf, units, alignment);
    if (header == NULL) {
        return NULL;
    }
    detach(tlsf, header);
    const uint32_t gap = (uint32_t)(gap_of(header, alignment) / UNIT);
    if (gap > 0) {
        Header *front = header;
        header = at(front, gap);
        header->units = front->units - gap;
        header->units_before = gap;
        set_units(header, header->units);
        front->units = gap;
        insert(tlsf, front);
    }
    cut(tlsf, header, units);
    header->slack = (uint32_t)(payload_bytes(header) - bytes);
    set_state(header, TAI_TLSF_USED);
    return payload_of(header);
}

bool tai_tlsf_holds(const TaiTlsf *tlsf, const void *block, TaiTlsfState state, size_t *asked) {
    const Header *header = header_of(block);
    const Region *region = region_of(tlsf, header);
    if ((uintptr_t)block % UNIT != 0 || region == NULL || !is(header, state) ||
        !is_linked(region, header)) {
        return false;
    }
    if (asked != NULL) {
        *asked = payload_bytes(header) - header->slack;
    }
    return true;
}

bool tai_tlsf_give(TaiTlsf *tlsf, void *block, size_t *asked) {
    if (!tai_tlsf_holds(tlsf, block, TAI_TLSF_USED, asked)) {
        return false;
    }
    Header *header = header_of(block);
    set_state(header, TAI_TLSF_FREE); /* also where it becomes the inside of a larger block */
    Header *next = next_of(header);
    uint32_t units = header->units;
    if (is(next, TAI_TLSF_FREE)) {
        detach(tlsf, next);
        units += next->units;
    }
    if (header->units_before != 0) {
        Header *before = header - header->units_before;
        if (is(before, TAI_TLSF_FREE)) {
            detach(tlsf, before);
            units += before->units;
            header = before;
        }
    }
    set_units(header, units);
    insert(tlsf, header);
    return true;
}

void tai_tlsf_set_state(void *block, TaiTlsfState state) {
    set_state(header_of(block), state);
}

bool tai_tlsf_resize(TaiTlsf *tlsf, void *block, size_t bytes) {
    const uint32_t units = units_for(bytes);
    Header *header = header_of(block);
    if (units == 0) {
        return false;
    }
    if (units > header->units) {
        Header *next = next_of(header);
        if (!is(next, TAI_TLSF_FREE) || units - header->units > next->units) {
            return false;
        }
        detach(tlsf, next);
        set_units(header, header->units + next->units);
    }
    cut(tlsf, header, units);
    header->slack = (uint32_t)(payload_bytes(header) - bytes);
    return true;
}

/* ---- what is known ------------------------------------------------------------------------------ */

/* All blocks of the highest list are as large as its lower bound, so they are found by a request for it; a
 * larger request looks at the first TAI_TLSF_TRIES of them. The largest of those is the answer. */
TaiTlsfFill tai_tlsf_fill(const TaiTlsf *tlsf) {
    TaiTlsfFill fill = {.free_bytes = (tlsf->free_units - tlsf->n_free) * UNIT};
    if (tlsf->firsts != 0) {
        const uint32_t first = 31u - (uint32_t)__builtin_clz(tlsf->firsts);
        const uint32_t second = 31u - (uint32_t)__builtin_clz(tlsf->seconds[first]);
        const FreeBlock *block = tlsf->lists[first * SECONDS + second];
        for (uint32_t i = 0; block != NULL && i < TAI_TLSF_TRIES; i++, block = block->next) {
            const size_t bytes = payload_bytes(&block->header);
            fill.largest_free = bytes > fill.largest_free ? bytes : fill.largest_free;
        }
    }
    return fill;
}

bool tai_tlsf_walk(const TaiTlsf *tlsf,
                   void (*visit)(void *user, const void *block, size_t bytes, TaiTlsfState state),
                   void *user) {
    for (const Region *region = tlsf->regions; region != NULL; region = region->next) {
        const Header *header = region->first;
        for (; header != region->end; header = next_of(header)) {
            const TaiTlsfState state = is(header, TAI_TLSF_FREE)   ? TAI_TLSF_FREE
                                       : is(header, TAI_TLSF_USED) ? TAI_TLSF_USED
                                       : is(header, TAI_TLSF_OWN)  ? TAI_TLSF_OWN
                                                                   : TAI_TLSF_END;
            if (state == TAI_TLSF_END || !is_linked(region, header)) {
                return false;
            }
            visit(user, payload_of(header), payload_bytes(header) - header->slack, state);
        }
    }
    return true;
}
