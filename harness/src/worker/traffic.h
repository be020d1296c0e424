/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traffic: exchanges by the thousand, between threads that do not wait for the main thread in between, so
 * that the library meets itself at every step. What a request came to is kept in shared memory, and
 * compared at the end.
 */
#ifndef CTS_TRAFFIC_H
#define CTS_TRAFFIC_H

#include "world.h"

/* In the actor's thread: what the ops of traffic do. The result is that of the op. */
Retcode cts_traffic_call(struct cts_op *op);
Retcode cts_traffic_serve(struct cts_op *op);
Retcode cts_traffic_pulse(struct cts_op *op);
Retcode cts_traffic_churn(struct cts_op *op);

#endif
