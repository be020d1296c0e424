/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a case is declared. A case file holds bodies, one table of rows, and one group; the group's
 * name stands in conformance/cases/groups.c, and nothing else has to be touched.
 */
#ifndef CTS_CASE_H
#define CTS_CASE_H

#include <stddef.h>
#include <stdint.h>

/* Where the two ends of a link live. */
enum cts_layout {
    CTS_ONE_PROCESS = 0,
    CTS_TWO_PROCESSES, /* needs an adapter with processes; SKIP without */
};

/* The mdelay of the calls a case is about. */
enum cts_limit {
    CTS_UNLIMITED = 0, /* INFINITE_TIMEOUT */
    CTS_LIMITED,       /* CTS_SAFETY_MS: finite, and far beyond everything a case does */
};
#define CTS_SAFETY_MS 600000u

/* How the runner treats a case. */
enum cts_trait {
    CTS_FREE_RUNNING = 1 << 0, /* not pinned to one CPU: the case wants real parallelism */
    CTS_EXCLUSIVE = 1 << 1,    /* runs alone: it measures time */
    CTS_LONG = 1 << 2,         /* limit class of 60 s instead of 20 s */
    CTS_OPT_IN = 1 << 3,       /* runs only when its case or requirement id is given */
    CTS_SMOKE = 1 << 4,        /* part of the smoke profile */
    /* Its time goes by on the real clock, the processor idle: others run beside it. An order of the
     * run, no more; a case that works and claims it makes the run slower. */
    CTS_WAITS = 1 << 5,
};

struct cts_case {
    /* AREA-NN.k: requirement and number. Never reused. */
    const char *id;
    /* What must happen, in a few words. Characters [A-Za-z0-9 _.,:/()-] only: it goes into TAP. */
    const char *title;
    void (*body)(const struct cts_case *self);
    enum cts_layout layout;
    enum cts_limit limit;
    int variant; /* meaning private to the body */
    unsigned traits;
};

struct cts_group {
    const char *file; /* __FILE__ */
    const struct cts_case *cases;
    size_t case_count;
};

#define CTS_GROUP(name, table)                                                                     \
    const struct cts_group name = {__FILE__, table, sizeof(table) / sizeof((table)[0])}

/* All groups, null-terminated; defined by conformance/cases/groups.c. */
extern const struct cts_group *const cts_groups[];

#endif
