/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about ops, and the small exchanges that cases are made of. */
#include "world.h"

#include <stdio.h>
#include <string.h>

#define TEXT_MAX 192

/* ------------------------------------------------------------------------------------------------
 * Results.
 */

bool cts_returned(const struct cts_op *op)
{
    return atomic_load_explicit(&op->state, memory_order_acquire) == CTS_OP_DONE;
}

/* A result of an op that has not returned is a mistake of the case, not of the library. */
static const struct cts_op *done(const struct cts_op *op)
{
    if (!cts_returned(op)) {
        cts_broken("the case asked for the result of a call that has not returned");
    }
    return op;
}

Retcode cts_rc(const struct cts_op *op)
{
    return done(op)->rc;
}

Handle cts_handle(const struct cts_op *op)
{
    return done(op)->new_handle;
}

bool cts_wrote_beside(const struct cts_op *create)
{
    return create->wrote_beside;
}

rtl_uint64_t cts_request(const struct cts_op *op)
{
    if (op->kind == CTS_OP_RECV || op->kind == CTS_OP_RECV_EX) {
        return done(op)->received;
    }
    return op->request;
}

unsigned cts_received_handle_count(const struct cts_op *op)
{
    return done(op)->handle_count;
}

Handle cts_received_handle(const struct cts_op *op, unsigned index)
{
    return index < done(op)->handle_count ? op->handles[index] : INVALID_HANDLE;
}

rtl_uint64_t cts_elapsed_ns(const struct cts_op *op)
{
    return done(op)->t_return_ns - op->t_invoke_ns;
}

/* ------------------------------------------------------------------------------------------------
 * Claims.
 */

static const char *kind_of(bool preparation)
{
    return preparation ? "require" : "check";
}

/* Did a real limit pass before the case meant it to? Then the machine was too slow to decide. */
static bool limit_passed_too_soon(void)
{
    if (!cts_world.imitated_time) {
        return false;
    }
    for (const struct cts_op *op = cts_world.ops; op != NULL; op = op->next) {
        if (cts_op_is_limited(op) && cts_returned(op) && op->rc == rcTimeout &&
            cts_world.imitated_now_ms - op->imitated_start_ms < op->mdelay &&
            cts_elapsed_ns(op) >= (uint64_t)op->mdelay * 1000000u) {
            return true;
        }
    }
    return false;
}

static _Noreturn void fail(const struct cts_finding *finding, bool preparation)
{
    if (limit_passed_too_soon()) {
        cts_end_case("INCONCLUSIVE", finding);
    }
    cts_end_case(preparation ? "BROKEN" : "FAIL", finding);
}

static const char *seen_code(const struct cts_op *op)
{
    return op->note == NULL ? cts_rc_name(op->rc) : op->note;
}

/* "CallEx of client" */
static void describe(char *text, const struct cts_op *op, const char *claim)
{
    (void)snprintf(text, TEXT_MAX, "%s of %s %s", cts_call_name(op->kind), op->actor->name, claim);
}

/* Wait for a return that must come. */
static void must_return(struct cts_op *op, const char *expected, bool preparation, const char *file,
                        int line)
{
    char text[TEXT_MAX];
    if (cts_op_wait(op)) {
        return;
    }
    describe(text, op, "returns");
    const struct cts_finding finding = {kind_of(preparation), text, expected,
                                        "still in the call",  file, line};
    cts_end_case(preparation ? "TIMEOUT" : "FAIL", &finding);
}

Retcode cts_wait_at(struct cts_op *op, const char *file, int line)
{
    must_return(op, "any code", false, file, line);
    return op->rc;
}

void cts_wait_any_at(struct cts_op *const *ops, size_t count, const char *file, int line)
{
    if (!cts_op_wait_any(ops, count)) {
        must_return(ops[0], "any code, or another op returns", false, file, line);
    }
}

void cts_blocked_at(struct cts_op *op, bool preparation, const char *file, int line)
{
    cts_settle();
    char text[TEXT_MAX];
    describe(text, op, "is still blocked");
    struct cts_finding finding = {kind_of(preparation), text, "still in the call",
                                  "still in the call",  file, line};
    if (cts_returned(op)) {
        finding.observed = seen_code(op);
        fail(&finding, preparation);
    }
    cts_pass_at_rest(&finding, cts_world.rest_how);
}

void cts_returned_one_of_at(struct cts_op *op, const Retcode *codes, size_t count, const char *file,
                            int line)
{
    char expected[TEXT_MAX] = "";
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(expected);
        (void)snprintf(expected + length, sizeof expected - length, "%s%s", i > 0 ? " or " : "",
                       cts_rc_name(codes[i]));
    }
    must_return(op, expected, false, file, line);
    char text[TEXT_MAX];
    describe(text, op, "returns");
    const struct cts_finding finding = {"check", text, expected, seen_code(op), file, line};
    for (size_t i = 0; i < count; i++) {
        if (op->note == NULL && op->rc == codes[i]) {
            cts_pass(&finding);
            return;
        }
    }
    fail(&finding, false);
}

void cts_returned_at(struct cts_op *op, Retcode rc, bool preparation, const char *file, int line)
{
    must_return(op, cts_rc_name(rc), preparation, file, line);
    char text[TEXT_MAX];
    describe(text, op, "returns");
    const struct cts_finding finding = {kind_of(preparation), text, cts_rc_name(rc),
                                        seen_code(op),        file, line};
    if (op->note != NULL || op->rc != rc) {
        fail(&finding, preparation);
    }
    cts_pass(&finding);
}

void cts_error_at(struct cts_op *op, const char *file, int line)
{
    must_return(op, "an error code", false, file, line);
    char text[TEXT_MAX];
    describe(text, op, "returns an error, and not rcIpcInterrupt");
    const struct cts_finding finding = {"check", text, "an error code", seen_code(op), file, line};
    if (op->rc == rcOk || op->rc == rcIpcInterrupt) {
        fail(&finding, false);
    }
    cts_pass(&finding);
}

void cts_that_at(bool condition, const char *text, bool preparation, const char *file, int line)
{
    const struct cts_finding finding = {kind_of(preparation),         text, "true",
                                        condition ? "true" : "false", file, line};
    if (!condition) {
        fail(&finding, preparation);
    }
    cts_pass(&finding);
}

/* ------------------------------------------------------------------------------------------------
 * Small exchanges.
 */

void cts_set_at(struct cts_process *process, Handle sync, const char *file, int line)
{
    cts_returned_at(cts_start_set(process->controller, sync), rcOk, true, file, line);
}

void cts_clear_at(struct cts_process *process, Handle sync, const char *file, int line)
{
    cts_returned_at(cts_start_clear(process->controller, sync), rcOk, true, file, line);
}

void cts_close_at(struct cts_process *process, Handle handle, const char *file, int line)
{
    cts_returned_at(cts_start_close(process->controller, handle), rcOk, true, file, line);
}

void cts_served_at(struct cts_actor *server_actor, struct cts_op *received, struct cts_op *call,
                   const char *file, int line)
{
    char text[TEXT_MAX];
    describe(text, received, "got the request that is to be answered");
    cts_that_at(received->received == call->request, text, false, file, line);
    struct cts_op *reply = cts_start_reply(server_actor, received, CTS_PLAIN);
    cts_returned_at(reply, rcOk, false, file, line);
    cts_returned_at(call, rcOk, false, file, line);
}

void cts_exchange_at(struct cts_actor *client_actor, Handle client, struct cts_actor *server_actor,
                     Handle server, const char *file, int line)
{
    struct cts_op *recv = cts_start_recv(server_actor, server);
    struct cts_op *call = cts_start_call(client_actor, client, CTS_PLAIN);
    cts_returned_at(recv, rcOk, false, file, line);
    cts_served_at(server_actor, recv, call, file, line);
}
