/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The constants on which verdicts about time rest, as the worker was built with them: printed by doctor,
 * each checked against its range and against the one that must be smaller. A class that is as short as
 * the one below it would end correct cases, and nothing else would notice.
 */
#ifndef CTS_SUPERVISOR_BOUNDS_H
#define CTS_SUPERVISOR_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>

#define BOUNDS_MAX 16u
#define BOUNDS_NAME_MAX 32u

/* What a probe has told: names of worker_protocol.h and values. */
struct bounds {
    struct {
        char name[BOUNDS_NAME_MAX];
        double value;
    } items[BOUNDS_MAX];
    size_t count;
};

/* False when there is no room for more, or the name is too long. */
bool bounds_add(struct bounds *bounds, const char *name, double value);

enum bounds_finding { BOUNDS_OK, BOUNDS_NOTICE, BOUNDS_PROBLEM };

/* Calls `report` for every constant, in one order, with its name and one line of text: the value, and
 * what is wrong with it. `factor` is the timeout factor; an order that only the factor turns round is
 * a notice. */
void bounds_examine(const struct bounds *bounds, double factor,
                    void (*report)(void *context, enum bounds_finding finding, const char *name,
                                   const char *text),
                    void *context);

#endif
