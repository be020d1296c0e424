/* SPDX-License-Identifier: Apache-2.0 */
/* One case of a run, from plan to verdict. */
#ifndef CTS_SUPERVISOR_RESULT_H
#define CTS_SUPERVISOR_RESULT_H

#include "case_log.h"
#include "catalogue.h"
#include "keeper.h"
#include "text.h"
#include "verdict_word.h"

#include <stdbool.h>
#include <stdint.h>

/* An entry of the plan. */
struct job {
    const struct catalogue_case *item;
    unsigned rep;   /* 1-based */
    unsigned index; /* 1-based position of the case among the selected ones */
};

struct case_result {
    struct job job;
    enum verdict verdict;
    struct text reason;
    struct text lines;  /* events of the worker, ready for events.jsonl */
    struct text output; /* what it printed, as UTF-8 */
    struct text repro;
    struct case_log log;
    struct keeper_report report; /* all zero when the keeper was lost */
    bool keeper_lost;
};

void case_result_finish(struct case_result *result);

/* Did the claims of the case hold, and only something was left when it had ended? Such a LEAK says
 * nothing of the case's requirement; where growth is the claim itself, the claim has a place. */
bool case_left_something_only(const struct case_result *result);

#endif
