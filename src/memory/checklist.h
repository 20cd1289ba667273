/* The guide's checklist and its list of common issues, judged from facts.
 *
 * Words: an owner is *general* if its strategy is dynamic or hybrid. It is *fragmented* if it is general,
 * more than half of its free bytes lie outside its largest free block, and at least 1/16 of its memory is
 * free. It *churns* if it is dynamic, made more than 1000 allocations, and more than half of them rounded up
 * to one power of two. A model *streams* if it has fewer slots than layers or reads bytes for each token.
 * An allocation is *refused* if its owner returned NULL. Nested owners (pools) have no budget and no records
 * of their own; their refusals count.
 *
 *     item                      done                        not done                     not applicable
 *     ------------------------  --------------------------  ---------------------------  -------------------
 *     memory strategy           each owner with a strategy  one is fragmented; or is     no owner has a
 *                               suits its use               static or pooled and refused strategy
 *     memory pools              a pool, a pooled or hybrid  an owner churns              otherwise
 *                               owner, a model's slots
 *     progressive loading       a model streams, a loader   a model's file is above its  no model, or all are
 *                               was created                 budget, or all of it stays   below their budget
 *                                                           while others are refused
 *     enable memory tracking    it is on for the process,   an owner is not recorded     no owner
 *                               or each owner is recorded
 *     monitor memory usage      statistics were read        never read                   -
 *     out-of-memory conditions  each owner has a budget     one has none, or refused     no owner
 *                                                           more than 1 request in 100
 *     cleanup procedures        no owner was destroyed with allocations never freed      no owner
 *                               allocations in it
 *     mixed precision           at most 10 % of the models' more than that               no model
 *                               bytes are weights of 16
 *                               bits or more per value
 *     model pruning             -                           -                            always: not part of
 *                                                                                        this version
 *     performance monitoring    generated tokens were timed none was                     no model
 *
 *     issue                     found
 *     ------------------------  ----------------------------------------------------------------------------
 *     memory leaks              an owner was destroyed with allocations in it
 *     fragmentation             an owner is fragmented
 *     out-of-memory errors      an allocation was refused
 *     poor performance          a model found fewer of its layers in memory than it read, after the first pass
 */
#ifndef TAI_CHECKLIST_H
#define TAI_CHECKLIST_H

#include "memory/report.h"

#define TAI_CHECKLIST_ITEMS 10u
#define TAI_ISSUES 4u

/* The facts of all owners, as far as the rules need them. All zero to begin with. */
typedef struct TaiEvidence {
    uint32_t owners; /* that are not nested, and of them: */
    uint32_t recorded;
    uint32_t budgeted;
    uint32_t insistent; /* owners that refused more than 1 request in 100 */
    uint32_t strategies;
    uint32_t misfits;
    uint32_t pools;
    uint32_t models;
    uint32_t streaming;
    uint32_t oversized;
    uint32_t slow;
    double worst_fragmentation; /* of the fragmented owners; 0: there is none */
    uint64_t churn_count;       /* allocations of one size in the owner that churns most */
    uint64_t churn_bytes;
    uint64_t refused;
    uint64_t file_bytes;
    uint64_t wide_bytes;
    uint64_t streamed_bytes;
    uint64_t resident_bytes; /* budget at which nothing would be streamed, of all models */
} TaiEvidence;

typedef enum TaiState {
    TAI_ITEM_DONE,
    TAI_ITEM_NOT_DONE,
    TAI_ITEM_NOT_APPLICABLE,
    TAI_ISSUE_NONE,
    TAI_ISSUE_FOUND
} TaiState;

typedef struct TaiVerdict {
    const char *item; /* the guide's words */
    TaiState state;
    uint64_t number;    /* what it counts is said in why */
    char why[160];      /* contains the number */
    const char *advice; /* NULL: nothing to do */
} TaiVerdict;

void tai_evidence_add(TaiEvidence *evidence, const TaiFacts *facts);

/* index: below TAI_CHECKLIST_ITEMS, TAI_ISSUES; in the guide's order. */
void tai_checklist_item(uint32_t index, const TaiEvidence *evidence, const TaiHabits *habits,
                        TaiVerdict *verdict);
void tai_common_issue(uint32_t index, const TaiEvidence *evidence, const TaiHabits *habits,
                      TaiVerdict *verdict);

#endif
