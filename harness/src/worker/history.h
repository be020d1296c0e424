/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history of a case as the executable model (conformance/model/) wants it: which handle names which
 * channel or sync object, and what happened in which order. Main thread only.
 */
#ifndef CTS_HISTORY_H
#define CTS_HISTORY_H

#include "world.h"

/* Handles that came into being. */
/* `op` created it; its number goes there. */
void cts_history_sync(struct cts_op *op);
void cts_history_channel(struct cts_process *server_process, struct cts_process *client_process,
                         Handle listener, Handle server, Handle client);
/* A copy inside the process: what is done through it is not in the documents. */
void cts_history_copied(struct cts_process *process, Handle source, Handle copy);
/* The handles that a returned call or receive brought. */
void cts_history_received(const struct cts_op *op);
void cts_history_closed(struct cts_process *process, Handle handle);

/* Before an op is handed to its actor: translate its arguments as they are known now. */
void cts_history_prepare(struct cts_op *op);
/* The process has come to rest, provably and for good; virtual time is about to move; a process is about
 * to end, and has ended. */
void cts_history_rest(void);
void cts_history_advance(uint64_t milliseconds);
void cts_history_process_end(struct cts_process *process, bool ended);

/* Judge the whole history; ends the case as FAIL when the model has no explanation for it. */
void cts_history_check(void);
/* Judge what has happened so far, so that its ops can be forgotten. Every op is done. FAIL as above. */
void cts_history_judge(void);

#endif
