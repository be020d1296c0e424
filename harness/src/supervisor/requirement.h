/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requirement catalogue as the command sees it. The table is generated at build time from
 * conformance/requirements/ by conformance/tools/catalogue.py.
 */
#ifndef CTS_REQUIREMENT_H
#define CTS_REQUIREMENT_H

#include <stddef.h>

struct cts_requirement {
    const char *id;          /* CALL-02 */
    const char *area;        /* CALL */
    const char *claim;       /* one sentence */
    const char *strength;    /* must, derived, open */
    const char *strength_in; /* where it is another one: "ce-1.4=must"; may be null */
    const char *invariant;   /* open rows: what must hold all the same; null otherwise */
    const char *source;      /* edition, page, paragraph */
    const char *profiles;    /* "ce-1.2 ce-1.3 ce-1.4" */
    const char *causes;      /* what is usually wrong in a library that breaks it; may be null */
    const char *uncovered;   /* why no case exists; null when cases do */
    const char *fingerprint; /* of what a case is reviewed against: its first 12 hex digits */
};

/* A case was compared with the text of its requirement when that had this fingerprint. */
struct cts_review {
    const char *case_id;
    const char *fingerprint;
};

/* In catalogue order. */
extern const struct cts_requirement cts_requirements[];
extern const size_t cts_requirement_count;

extern const struct cts_review cts_reviews[]; /* by case_id, in the order of strcmp */
extern const size_t cts_review_count;

#endif
