/* Two-level segregated fit: allocations of any size in any order, each in constant time, inside given
 * regions. Everything that it keeps lies in those regions.
 *
 * Sizes are counted in units of 16 bytes. A block is a header of one unit and its payload:
 *
 *     | units of the block before | units of this | slack | seal |  payload ...        |
 *     '------------ one unit, just below the payload ------------'  slack: bytes of it nobody asked for
 *
 * Free blocks of u units are in one of 32 lists per power of two:
 *
 *     u < 32:  first 0, second u                 (exact)
 *     else:    first log2(u) - 4, second (u >> (log2(u) - 5)) - 32     (1/32 of a power of two wide)
 *
 * A request takes a block of the first list whose blocks are all large enough: two bit searches. Where
 * there is none, up to TAI_TLSF_TRIES blocks of the lists below are looked at, one by one. So an
 * allocation costs at most that many steps, a free at most two merges.
 *
 * The seal is made of the header's own address and its state. With the links to both neighbours it tells
 * live blocks from freed ones and from pointers into other memory: a copy of a header, or numbers that
 * look like one, have the wrong seal. */
#ifndef TAI_TLSF_H
#define TAI_TLSF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAI_TLSF_UNIT ((size_t)16)
#define TAI_TLSF_TRIES 32u
/* Regions are smaller: 2^31 units, or what can be addressed. */
#define TAI_TLSF_LARGEST                                                                           \
    ((size_t)(SIZE_MAX / 16 < (UINT64_C(1) << 31) ? SIZE_MAX / 16 * 16 : UINT64_C(1) << 35))

typedef struct TaiTlsf TaiTlsf;

typedef enum TaiTlsfState {
    TAI_TLSF_FREE = 0,
    TAI_TLSF_USED = 1,
    TAI_TLSF_OWN = 2, /* in use by the allocator's owner: tai_tlsf_give refuses it */
    TAI_TLSF_END = 3
} TaiTlsfState;

/* Bytes of a region that surely serves one allocation when it is new. `control`: with the allocator's own
 * tables, for regions of up to `largest` bytes; 0: a further region. SIZE_MAX if there is no such size. */
size_t tai_tlsf_bytes(size_t bytes, size_t alignment, size_t control);
/* Bytes of the tables. */
size_t tai_tlsf_control_bytes(size_t largest);

/* In a region of zeros aligned to 16, which is the allocator's from now on, for regions of up to `largest`
 * bytes. NULL if the region is too small to hold anything. (Zeros: headers of an allocator that was there
 * before have the right seals.) */
TaiTlsf *tai_tlsf_create(void *region, size_t bytes, size_t largest);
/* One more region of zeros. False if it is too small or too large. */
bool tai_tlsf_add(TaiTlsf *tlsf, void *region, size_t bytes);

/* alignment: a power of two. NULL: no block is free that is large enough. */
void *tai_tlsf_take(TaiTlsf *tlsf, size_t bytes, size_t alignment);
/* False, and nothing changes, for what is not a live block (state USED). *asked: bytes it was taken for. */
bool tai_tlsf_give(TaiTlsf *tlsf, void *block, size_t *asked);
/* Is it a live block of that state? asked may be NULL. */
bool tai_tlsf_holds(const TaiTlsf *tlsf, const void *block, TaiTlsfState state, size_t *asked);
/* Makes a live block USED or OWN. */
void tai_tlsf_set_state(void *block, TaiTlsfState state);
/* Another size in place, into the free block behind it if need be. False, and nothing changes, if there is
 * no room. block: live. */
bool tai_tlsf_resize(TaiTlsf *tlsf, void *block, size_t bytes);

typedef struct TaiTlsfFill {
    size_t free_bytes;   /* sum of the payloads of free blocks */
    size_t largest_free; /* the largest tai_tlsf_take(.., 16) that would succeed: exact */
} TaiTlsfFill;
TaiTlsfFill tai_tlsf_fill(const TaiTlsf *tlsf);

/* Calls visit for each block, region by region, in the order of addresses; bytes: asked for if live, the
 * payload if free. False if a block's header or its links are broken: the walk ends there. */
bool tai_tlsf_walk(const TaiTlsf *tlsf,
                   void (*visit)(void *user, const void *block, size_t bytes, TaiTlsfState state),
                   void *user);

#endif
