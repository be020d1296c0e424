/* SPDX-License-Identifier: Apache-2.0 */
/* What a run adds up to: counts, the requirements that failed, what was skipped and observed. */
#ifndef CTS_SUPERVISOR_SUMMARY_H
#define CTS_SUPERVISOR_SUMMARY_H

#include "claims.h"
#include "options.h"
#include "result.h"

#include <stdbool.h>

/* Cases that share a text. */
struct summary_group {
    char *text;
    const struct catalogue_case *first;
    const struct catalogue_case *last;
    unsigned count;
};
struct summary_groups {
    struct summary_group *items;
    size_t count;
};

/* The counts of one race window over all repetitions of its case. */
struct summary_window {
    const struct catalogue_case *item;
    struct log_window sum; /* name owned */
    unsigned rounds;       /* searches */
    unsigned complete;     /* of them reached everything often enough */
};

struct summary {
    const struct catalogue *catalogue;
    unsigned counts[VERDICT_COUNT];
    unsigned
        *masks; /* by position of the case: one bit for each verdict it had, and SUMMARY_VIOLATES */
    struct summary_groups skipped;
    struct summary_groups observed;
    struct summary_window *windows; /* in the order in which they came up */
    size_t window_count;
};

void summary_begin(struct summary *summary, const struct catalogue *catalogue);
void summary_add(struct summary *summary, const struct case_result *result);
void summary_finish(struct summary *summary);
unsigned summary_total(const struct summary *summary);

struct summary_ending {
    size_t planned; /* runs of a case */
    unsigned repeat;
    bool interrupted;
    bool internal_error;
    bool whole;                  /* everything of the profile was selected */
    const struct claims *claims; /* null: none */
    const char *profile;         /* the edition */
    enum cts_extent extent;
};

/* All but the last line. Sorts the groups. */
void summary_text(struct summary *summary, const struct summary_ending *ending, bool color,
                  struct text *text);
/* "ipc-cts: 140 cases: 120 PASS, 15 OBSERVED, 5 SKIP; conformant for ce-1.2"; with repetitions
 * "ipc-cts: 280 runs of 140 cases: ...", with another extent than the standard one "... ce-1.2 (smoke)"
 */
void summary_last_line(const struct summary *summary, const struct summary_ending *ending,
                       struct text *text);

#endif
