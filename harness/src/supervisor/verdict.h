/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what is known about a finished case to its verdict. Pure: no input, no output, no clock.
 * A case is PASS only when its worker said so in a complete record and ended as it said; every
 * other ending has a verdict that is not PASS.
 */
#ifndef CTS_SUPERVISOR_VERDICT_H
#define CTS_SUPERVISOR_VERDICT_H

#include "case_log.h"
#include "keeper.h"
#include "text.h"
#include "verdict_word.h"

#include <stdbool.h>

struct case_facts {
    bool keeper_lost;                   /* no report: the rest of the report means nothing */
    int keeper_signal;                  /* keeper_lost: what ended it; 0: no signal */
    const struct keeper_report *report; /* how the worker ended */
    const struct case_log *log;         /* what it had written by then */
    const char *last_line;              /* last line of its output; "" for none */
    double limit_s;
    double grace_s; /* what helper processes were given */
    bool strict;    /* weak evidence decides nothing */
};

/* The verdict, and appended to `reason` one line of text, empty for PASS. */
enum verdict verdict_decide(const struct case_facts *facts, struct text *reason);

/* Was a keeper that ended by this signal killed by somebody, which is to say by the library of its case?
 * A signal by which a program shows its own defect is not taken for that. */
bool verdict_keeper_was_killed(int signal);

/* Counts by verdict to the exit code of a run that was not interrupted and had no error of its
 * own. */
int verdict_exit_code(const unsigned counts[VERDICT_COUNT]);

/* "SIGSEGV"; a number that has no name becomes "signal 42" in a static buffer. */
const char *signal_word(int number);

#endif
