/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic.h"
#include "library.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#define CLIENTS_MAX 8u
#define ROUNDS_MAX 4096u
/* A library that is slow makes fewer rounds than it was asked for. */
#define BUDGET_NS 1500000000u
/* Numbers of requests that no other op uses. */
#define FIRST_NUMBER (UINT64_C(1) << 40)

enum outcome { NOT_CALLED, ANSWERED, INTERRUPTED };

struct cts_traffic {
    unsigned clients;
    unsigned rounds;
    _Atomic unsigned started; /* clients */
    _Atomic unsigned running;
    _Atomic uint8_t outcome[CLIENTS_MAX][ROUNDS_MAX];  /* how the call came back */
    _Atomic uint8_t received[CLIENTS_MAX][ROUNDS_MAX]; /* how often its request was received */
};

/* ------------------------------------------------------------------------------------------------
 * In the actors' threads.
 */

/* One message of each direction, bound to its header. */
struct buffers {
    struct cts_wire out;
    struct cts_wire in;
    SMsgHdr out_header;
    SMsgHdr in_header;
};

static bool pack(struct cts_op *op, struct buffers *b, uint64_t number, bool is_answer)
{
    cts_message_fill(&b->out, NULL, &op->message, number, is_answer);
    if (cts_library.pack_out(&b->out_header, &b->out.base_, NULL) == NK_EOK) {
        return true;
    }
    op->note = "PackOutMsg failed";
    return false;
}

static bool pack_room(struct cts_op *op, struct buffers *b)
{
    memset(&b->in, 0, sizeof b->in);
    nk_req_reset(&b->in);
    if (cts_library.pack_in(&b->in_header, &b->in.base_, NULL) != NK_EOK) {
        op->note = "PackInMsg failed";
        return false;
    }
    b->in_header.replyHandle = INVALID_HANDLE;
    b->in_header.threadId = 0;
    return true;
}

static Retcode call_once(struct cts_op *op, struct buffers *b, unsigned round)
{
    uint64_t number = FIRST_NUMBER + (uint64_t)op->client_index * ROUNDS_MAX + round;
    bool intact = false;
    if (!pack(op, b, number, false) || !pack_room(op, b)) {
        return rcFail;
    }
    Retcode rc =
        op->sync == INVALID_HANDLE && op->mdelay == INFINITE_TIMEOUT
            ? cts_library.call(op->handle, &b->out_header, &b->in_header)
            : cts_library.call_ex(op->handle, &b->out_header, &b->in_header, op->mdelay, op->sync);
    if (rc == rcIpcInterrupt && op->sync != INVALID_HANDLE) {
        atomic_store(&op->traffic->outcome[op->client_index][round], INTERRUPTED);
        return rcOk;
    }
    if (rc == rcOk && (cts_message_read(&b->in, NULL, 0, true, &intact) != number || !intact)) {
        op->note = "a call came back with another response than its own";
        return rcFail;
    }
    if (rc == rcOk) {
        atomic_store(&op->traffic->outcome[op->client_index][round], ANSWERED);
    }
    return rc;
}

Retcode cts_traffic_call(struct cts_op *op)
{
    struct buffers buffers;
    uint64_t start = cts_now_ns();
    Retcode rc = rcOk;
    for (unsigned i = 0; i < op->rounds && rc == rcOk && cts_now_ns() - start < BUDGET_NS; i++) {
        rc = call_once(op, &buffers, i);
        atomic_fetch_add(&op->rounds_done, 1);
    }
    atomic_fetch_sub(&op->traffic->running, 1);
    return rc;
}

static Retcode serve_once(struct cts_op *op, struct buffers *b)
{
    struct cts_traffic *traffic = op->traffic;
    bool intact = false;
    uint64_t number = cts_message_read(&b->in, NULL, 0, false, &intact) - FIRST_NUMBER;
    if (!intact || number >= (uint64_t)traffic->clients * ROUNDS_MAX) {
        op->note = "a request came that nobody has sent";
        return rcFail;
    }
    if (atomic_fetch_add(&traffic->received[number / ROUNDS_MAX][number % ROUNDS_MAX], 1) != 0) {
        op->note = "a request came twice";
        return rcFail;
    }
    Tid thread = b->in_header.threadId;
    Handle handle = b->in_header.replyHandle;
    if (handle == INVALID_HANDLE || handle == 0) {
        handle = op->handle;
    }
    if (!pack(op, b, FIRST_NUMBER + number, true)) {
        return rcFail;
    }
    b->out_header.threadId = thread;
    return cts_library.reply(handle, &b->out_header);
}

Retcode cts_traffic_serve(struct cts_op *op)
{
    struct buffers buffers;
    for (;;) {
        if (!pack_room(op, &buffers)) {
            return rcFail;
        }
        Retcode rc =
            cts_library.recv_ex(op->handle, &buffers.in_header, INFINITE_TIMEOUT, op->sync);
        if (rc == rcIpcInterrupt) {
            return rcOk;
        }
        rc = rc == rcOk ? serve_once(op, &buffers) : rc;
        if (rc != rcOk) {
            return rc;
        }
        atomic_fetch_add(&op->rounds_done, 1);
    }
}

Retcode cts_traffic_pulse(struct cts_op *op)
{
    Retcode rc = rcOk;
    for (unsigned i = 0; rc == rcOk && atomic_load(&op->traffic->running) != 0; i++) {
        rc = cts_library.set_interrupt(op->sync);
        if (rc == rcOk) {
            rc = cts_library.clear_interrupt(op->sync);
        }
        for (unsigned turn = 0; turn < i % 16; turn++) {
            (void)sched_yield();
        }
        atomic_fetch_add(&op->rounds_done, 1);
    }
    return rc;
}

Retcode cts_traffic_churn(struct cts_op *op)
{
    Retcode rc = rcOk;
    while (rc == rcOk && atomic_load(&op->traffic->running) != 0) {
        Handle handle = INVALID_HANDLE;
        rc = cts_library.create_sync_object(&handle);
        if (rc == rcOk) {
            rc = cts_library.close(handle);
        }
        (void)sched_yield(); /* a lock that is not fair would be this thread's all the time */
        atomic_fetch_add(&op->rounds_done, 1);
    }
    return rc;
}

/* ------------------------------------------------------------------------------------------------
 * In the main thread.
 */

struct cts_traffic *cts_traffic_new(unsigned clients, unsigned rounds)
{
    if (clients > CLIENTS_MAX || rounds > ROUNDS_MAX) {
        cts_broken("the case wants more traffic than there is room for");
    }
    struct cts_traffic *traffic = cts_shared_alloc(sizeof *traffic);
    if (traffic == NULL) {
        cts_broken("no memory for traffic");
    }
    traffic->clients = clients;
    traffic->rounds = rounds;
    atomic_store(&traffic->running, clients);
    return traffic;
}

static struct cts_op *start(struct cts_traffic *traffic, struct cts_actor *actor,
                            enum cts_call_kind kind, Handle handle, Handle sync)
{
    struct cts_op *op = cts_op_new(actor, kind);
    op->traffic = traffic;
    op->handle = handle;
    op->sync = sync;
    return op;
}

struct cts_op *cts_start_traffic_calls(struct cts_actor *actor, struct cts_traffic *traffic,
                                       Handle client, rtl_uint32_t mdelay, Handle sync)
{
    struct cts_op *op = start(traffic, actor, CTS_OP_TRAFFIC_CALL, client, sync);
    op->mdelay = mdelay;
    op->rounds = traffic->rounds;
    op->client_index = atomic_fetch_add(&traffic->started, 1);
    if (op->client_index >= traffic->clients) {
        cts_broken("the case has more clients than its traffic");
    }
    cts_op_post(op);
    return op;
}

struct cts_op *cts_start_traffic_service(struct cts_actor *actor, struct cts_traffic *traffic,
                                         Handle server, Handle stop)
{
    struct cts_op *op = start(traffic, actor, CTS_OP_TRAFFIC_SERVE, server, stop);
    cts_op_post(op);
    return op;
}

struct cts_op *cts_start_traffic_pulses(struct cts_actor *actor, struct cts_traffic *traffic,
                                        Handle sync)
{
    struct cts_op *op = start(traffic, actor, CTS_OP_TRAFFIC_PULSE, INVALID_HANDLE, sync);
    cts_op_post(op);
    return op;
}

struct cts_op *cts_start_traffic_churn(struct cts_actor *actor, struct cts_traffic *traffic)
{
    struct cts_op *op = start(traffic, actor, CTS_OP_TRAFFIC_CHURN, INVALID_HANDLE, INVALID_HANDLE);
    cts_op_post(op);
    return op;
}

void cts_traffic_check_at(struct cts_traffic *traffic, const char *file, int line)
{
    unsigned counts[3] = {0};
    for (unsigned client = 0; client < traffic->clients; client++) {
        for (unsigned round = 0; round < traffic->rounds; round++) {
            unsigned outcome = atomic_load(&traffic->outcome[client][round]);
            unsigned received = atomic_load(&traffic->received[client][round]);
            counts[outcome]++;
            if (received != (outcome == ANSWERED)) {
                char observed[96];
                (void)snprintf(observed, sizeof observed, "%s, received %u times",
                               outcome == ANSWERED      ? "answered"
                               : outcome == INTERRUPTED ? "interrupted"
                                                        : "not sent",
                               received);
                cts_end_case("FAIL",
                             &(struct cts_finding){
                                 "check", "a request is received once or, interrupted, not at all",
                                 "answered, received 1 times; or interrupted, received 0 times",
                                 observed, file, line});
            }
        }
    }
    if (counts[NOT_CALLED] != 0) {
        cts_observe("exchanges by the thousand", "slow: fewer than planned");
    }
    cts_pass(&(struct cts_finding){"check",
                                   "a request is received once or, interrupted, not at all", "each",
                                   "each", file, line});
}
