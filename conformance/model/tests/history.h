/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histories as text, for tables. Statements are separated by ';':
 *
 *   c CallEx 1 o1 lim      thread c enters CallEx with request 1 and object o1, with a time limit
 *   c = interrupt          it returns rcIpcInterrupt
 *   x Set o1 -> ok         both at once
 *   rest                   everything is at rest
 *   end 1, ending 1        process 1 has ended, may end
 *   advance 100            virtual time becomes 100 ms
 *   thread s 1             s is a thread of process 1 (default 0); before its first call
 *   channel 1 5 0 0        channel 1 of listener 5 (- : none), server process, client process;
 *                          channel 0 without listener in process 0 exists unless declared
 *   auto o2                o2 is automatically clearing; objects are made at their first use
 *   release o1             nothing is claimed about o1 any more
 *
 * Calls: Call, CallEx n; Recv, RecvEx; Reply n; Set, Clear, Close oN; Close chN; Create.
 * Words after them: oN chN lisN lim poll dN (limit of N ms) refused badsync bad anyerror auto.
 * Results: ok [number], interrupt, timeout, security, notconnected, error.
 */
#ifndef MODEL_TEST_HISTORY_H
#define MODEL_TEST_HISTORY_H

#include "model.h"

#include <stdio.h>

struct history {
    const char *name;
    const char *text;
    /* null: every event is accepted. Else the last event is a violation of this rule, */
    const char *rule;
    const char *requirement; /* of this requirement, */
    const char *reason;      /* with this in its reason */
    bool fifo;
    bool virtual_time;
};

extern const struct history legal_histories[];
extern const size_t legal_history_count;
extern const struct history illegal_histories[];
extern const size_t illegal_history_count;

/* True: as the table says. Else one line about what was different is written to `message`. With
 * `sum` the counters are added to it. */
bool history_holds(const struct history *history, struct cts_model *sum, char *message,
                   size_t size);

#endif
