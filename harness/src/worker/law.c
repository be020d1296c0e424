/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds in every case, whatever it is about. The ops of the case are its history; a request is
 * known by its number.
 *
 *   L1  what is received was sent, once, and arrived unchanged
 *   L2  nothing is received after its call has returned, nor anything of an interrupted call
 *   L3  a call that returned rcOk was answered, with the response made for it
 *   L4  only an Ex call with a sync object, after a Set (or a Close of it), returns rcIpcInterrupt
 *   L5  only a call with a limit returns rcTimeout, and not before its limit
 *   L6  the buffer that a call was lent stays as it was at the return
 */
#include "world.h"

#include <stdio.h>

static _Noreturn void violated(const char *text, const char *expected, const char *observed,
                               const struct cts_op *op)
{
    char full[256];
    (void)snprintf(full, sizeof full, "%s (%s of actor %s, op %u)", text, cts_call_name(op->kind),
                   op->actor->name, op->number);
    const struct cts_finding finding = {"law", full, expected, observed, NULL, 0};
    cts_end_case("FAIL", &finding);
}

static bool is_call(const struct cts_op *op)
{
    return op->kind == CTS_OP_CALL || op->kind == CTS_OP_CALL_EX;
}

static bool is_recv(const struct cts_op *op)
{
    return op->kind == CTS_OP_RECV || op->kind == CTS_OP_RECV_EX;
}

static const struct cts_op *call_of(uint64_t request)
{
    for (const struct cts_op *op = cts_world.ops; op != NULL; op = op->next) {
        if (is_call(op) && op->request == request) {
            return op;
        }
    }
    return NULL;
}

static void check_received(const struct cts_op *recv)
{
    const struct cts_op *call = recv->received == 0 ? NULL : call_of(recv->received);
    if (call == NULL) {
        violated("a received request was sent by somebody", "a request of this case",
                 "unknown bytes", recv);
    }
    if (!recv->intact) {
        violated("a request arrives byte for byte", "the bytes that were sent", "other bytes",
                 recv);
    }
    for (const struct cts_op *op = cts_world.ops; op != recv; op = op->next) {
        if (is_recv(op) && op->rc == rcOk && op->received == recv->received) {
            violated("no request is received twice", "once", "twice", recv);
        }
    }
    if (call->rc == rcIpcInterrupt) {
        violated("the request of an interrupted call is received by nobody", "not received",
                 "received", recv);
    }
    if (recv->seq_invoke > call->seq_return) {
        violated("no request is received after its call has returned", "withdrawn",
                 cts_rc_name(call->rc), recv);
    }
}

static void check_answered(const struct cts_op *call)
{
    if (call->received != call->request || !call->intact) {
        violated("a call gets the response that was made for it, byte for byte", "its own response",
                 call->received == call->request ? "changed bytes" : "something else", call);
    }
    for (const struct cts_op *op = cts_world.ops; op != NULL; op = op->next) {
        if (op->kind == CTS_OP_REPLY && op->request == call->request &&
            op->seq_invoke < call->seq_return) {
            return;
        }
    }
    violated("a call that returns rcOk was answered", "a Reply to its request", "none", call);
}

/* Set is the cause of an interruption; that Close of the object is one too is left open (STATE-07). */
static bool cause_before(const struct cts_op *interrupted)
{
    for (const struct cts_op *op = cts_world.ops; op != NULL; op = op->next) {
        bool cause =
            op->kind == CTS_OP_SET || (op->kind == CTS_OP_CLOSE && op->handle == interrupted->sync);
        if (cause && op->seq_invoke != 0 && op->seq_invoke < interrupted->seq_return) {
            return true;
        }
    }
    return false;
}

static void check_codes(const struct cts_op *op)
{
    bool ex = op->kind == CTS_OP_CALL_EX || op->kind == CTS_OP_RECV_EX;
    if (op->rc == rcIpcInterrupt) {
        if (!ex || op->sync == INVALID_HANDLE) {
            violated("a call without sync object is not interrupted", "any other code",
                     "rcIpcInterrupt", op);
        }
        /* A refusal of the handle may have any code (CALL-14, RECV-13). */
        if (!op->model.bad_sync && !cause_before(op)) {
            violated("nothing is interrupted before Set is called", "any other code",
                     "rcIpcInterrupt", op);
        }
    }
    if (op->rc == rcTimeout) {
        if (!ex || op->mdelay == INFINITE_TIMEOUT) {
            violated("a call without time limit does not time out", "any other code", "rcTimeout",
                     op);
        }
        /* One unit of mdelay of slack: a library may count in whole milliseconds. */
        if (!cts_world.virtual_time && op->mdelay > 1 &&
            op->t_return_ns - op->t_invoke_ns < (uint64_t)(op->mdelay - 1) * 1000000u) {
            violated("a time limit does not end a call early", "mdelay milliseconds", "less", op);
        }
    }
}

/* A response to a caller that has gone must not be copied to where it used to wait. */
static void check_buffer(const struct cts_op *op)
{
    if (op->note == NULL && cts_message_digest(&op->incoming) != op->incoming_digest) {
        violated("nothing is written into the buffer of a call after its return",
                 "the bytes it held at the return", "other bytes", op);
    }
}

void cts_law_check(void)
{
    for (const struct cts_op *op = cts_world.ops; op != NULL; op = op->next) {
        if (atomic_load_explicit(&op->state, memory_order_acquire) != CTS_OP_DONE) {
            continue;
        }
        if (is_call(op) || is_recv(op)) {
            check_codes(op);
            check_buffer(op);
        }
        if (is_recv(op) && op->rc == rcOk) {
            check_received(op);
        }
        if (is_call(op) && op->rc == rcOk) {
            check_answered(op);
        }
    }
    const struct cts_finding finding = {
        "law", "the consistency law holds for every op of the case", NULL, NULL, NULL, 0};
    cts_pass(&finding);
}
