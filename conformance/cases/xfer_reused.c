/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XFER-01 and XFER-04: a handle value says nothing about the right to travel. A client handle travels and
 * is closed, a sync object gets its value, and is refused like any other. A library need not reuse values;
 * then nothing is claimed.
 */
#include <cts/cts.h>

/* variant: the message that is refused, and whether the value was the sender's of the handle that
 * travelled, or the receiver's. */
enum { REQUEST = 0, RESPONSE = 1, RECEIVED = 2 };
/* Far beyond an exchange, and below the rest after which the harness gives a call up. */
enum { CLIENT_MS = 4000 };
enum { ROUNDS = 2000 };

struct scene {
    struct cts_link link;
    struct cts_process *process; /* that sends what is refused */
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_actor *owner;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.process = self->variant & RESPONSE ? s.link.server_process : s.link.client_process;
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    s.owner = cts_actor_new(s.process, "owner");
    return s;
}

/* A client handle travels in a message of the same kind as the one that is refused, or of the other kind
 * where the value is that of the receiver. Gives its value in the process that sends later. */
static Handle value_that_travelled(const struct cts_case *self, const struct scene *s)
{
    bool received = (self->variant & RECEIVED) != 0;
    bool in_request = received == ((self->variant & RESPONSE) != 0);
    struct cts_process *from = in_request ? s->link.client_process : s->link.server_process;
    struct cts_process *other = in_request ? s->link.server_process : s->link.client_process;
    Handle sent = cts_link_between(other, from).client;
    struct cts_op *recv = cts_start_recv(s->server, s->link.server);
    cts_require_blocked(recv);
    struct cts_op *call =
        cts_start_call_ex(s->client, s->link.client, in_request ? CTS_WITH_HANDLE(sent) : CTS_PLAIN,
                          cts_mdelay(self), INVALID_HANDLE);
    cts_require_returned(recv, rcOk);
    struct cts_op *reply =
        cts_start_reply(s->server, recv, in_request ? CTS_PLAIN : CTS_WITH_HANDLE(sent));
    cts_require_returned(reply, rcOk);
    cts_require_returned(call, rcOk);
    struct cts_op *arrival = in_request ? recv : call;
    cts_require_that(cts_received_handle_count(arrival) == 1, "a client handle travels");
    return received ? cts_received_handle(arrival, 0) : sent;
}

/* A sync object of that value; INVALID_HANDLE: it did not come up. */
static Handle sync_of_value(const struct scene *s, Handle value)
{
    struct cts_op *close = cts_start_close(s->owner, value);
    if (cts_wait(close) != rcOk) {
        cts_observe("Close of a handle that has travelled", cts_rc_name(cts_rc(close)));
        return INVALID_HANDLE;
    }
    struct cts_op *recreate = cts_start_recreate(s->owner, value, ROUNDS);
    cts_require_returned(recreate, rcOk);
    cts_observe("value of a handle that has travelled",
                cts_handle(recreate) == value ? "is given to a sync object" : "does not come up");
    return cts_handle(recreate);
}

/* XFER-01: in a request: the sender gets an error. */
static void check_request_refused(const struct cts_case *self, const struct scene *s, Handle sync)
{
    struct cts_op *recv = cts_start_recv(s->server, s->link.server);
    cts_require_blocked(recv);

    for (int i = 0; i < 2; i++) {
        cts_check_error(cts_start_call_ex(s->client, s->link.client, CTS_WITH_HANDLE(sync),
                                          cts_mdelay(self), INVALID_HANDLE));
    }

    struct cts_op *call = cts_start_call(s->client, s->link.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    cts_check_served(s->server, recv, call);
}

/* XFER-04: in a response: Reply is an error. What its client sees is open (XFER-05). */
static void check_response_refused(const struct scene *s, Handle sync)
{
    struct cts_op *recv = cts_start_recv(s->server, s->link.server);
    cts_require_blocked(recv);
    struct cts_op *call =
        cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, CLIENT_MS, INVALID_HANDLE);
    cts_require_returned(recv, rcOk);

    cts_check_error(cts_start_reply(s->server, recv, CTS_WITH_HANDLE(sync)));

    Retcode second = cts_wait(cts_start_reply(s->server, recv, CTS_PLAIN));
    Retcode rc = cts_wait(call);
    cts_check_that(rc != rcOk || second == rcOk, "the client has no response that was refused");
}

/* XFER-01, XFER-04: the value travelled as a client handle, and does not as a sync handle. */
static void value_of_a_handle_that_travelled(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle sync = sync_of_value(&s, value_that_travelled(self, &s));
    if (sync == INVALID_HANDLE) {
        return;
    }
    if (self->variant & RESPONSE) {
        check_response_refused(&s, sync);
    } else {
        check_request_refused(self, &s, sync);
    }
}

static const struct cts_case cases[] = {
    {"XFER-01.17", "the sync handle in a request is refused, value of a handle that travelled",
     value_of_a_handle_that_travelled, CTS_ONE_PROCESS, CTS_UNLIMITED, REQUEST, 0},
    {"XFER-01.18", "the sync handle is refused, value of a handle that travelled, limit",
     value_of_a_handle_that_travelled, CTS_ONE_PROCESS, CTS_LIMITED, REQUEST, 0},
    {"XFER-01.19", "the sync handle is refused, value of a handle that travelled, two processes",
     value_of_a_handle_that_travelled, CTS_TWO_PROCESSES, CTS_UNLIMITED, REQUEST, 0},
    {"XFER-01.20", "the sync handle in a request is refused, value of a handle that was received",
     value_of_a_handle_that_travelled, CTS_ONE_PROCESS, CTS_UNLIMITED, REQUEST | RECEIVED, 0},
    {"XFER-01.21", "the sync handle is refused, value of a received handle, two processes",
     value_of_a_handle_that_travelled, CTS_TWO_PROCESSES, CTS_LIMITED, REQUEST | RECEIVED, 0},
    {"XFER-04.11", "Reply with the sync handle is refused, value of a handle that travelled",
     value_of_a_handle_that_travelled, CTS_ONE_PROCESS, CTS_UNLIMITED, RESPONSE, 0},
    {"XFER-04.12", "Reply with the sync handle, value of a handle that travelled, two processes",
     value_of_a_handle_that_travelled, CTS_TWO_PROCESSES, CTS_LIMITED, RESPONSE, 0},
    {"XFER-04.13", "Reply with the sync handle is refused, value of a handle that was received",
     value_of_a_handle_that_travelled, CTS_ONE_PROCESS, CTS_LIMITED, RESPONSE | RECEIVED, 0},
};
CTS_GROUP(cts_group_xfer_reused, cases);
