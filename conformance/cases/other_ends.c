/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to an interruption, or round one, that lead through other ends of a channel than usual: the
 * second channel of a listener (CALL-01), the listener instead of the server handle (CALL-02), a handle
 * inside the request (CALL-03), a handle of the channel given to Set (OBJ-12).
 */
#include <cts/cts.h>

#define REAL_MDELAY 20

enum { CLIENT_FIRST = 0, SERVER_FIRST = 1, SECOND_CHANNEL = 2 };
enum { INTERRUPTED, TIMED_OUT };

struct scene {
    struct cts_link link;
    Handle sync;
    struct cts_actor *client;
    struct cts_actor *server;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.sync = cts_sync_new(s.link.client_process);
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    return s;
}

/* CALL-01: on a channel that its listener gained later. */
static void second_channel_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link second = cts_link_add(&s.link);
    struct cts_op *call =
        cts_start_call_ex(s.client, second.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_blocked(call);

    cts_set(s.link.client_process, s.sync);

    cts_check_returned(call, rcIpcInterrupt);
    cts_check_exchange(s.client, second.client, s.server, s.link.listener);
}

/* CALL-01: with a handle in its request, which travels in it when it is sent again. */
static void request_with_a_handle_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link sent = cts_link_between(s.link.server_process, s.link.client_process);
    struct cts_message request = CTS_WITH_HANDLE(sent.client);
    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, request, cts_mdelay(self), s.sync);
    cts_require_blocked(call);

    cts_set(s.link.client_process, s.sync);

    cts_check_returned(call, rcIpcInterrupt);
    call = cts_start_call(s.client, s.link.client, request);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_check_returned(recv, rcOk);
    cts_check_that(cts_received_handle_count(recv) == 1, "the handle arrives when sent again");
    cts_check_served(s.server, recv, call);
}

/* CALL-02: the request was taken through the listener handle. variant: which came first, and whether the
 * listener has another channel. */
static void call_taken_through_the_listener_goes_on(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = NULL;
    if (self->variant & SECOND_CHANNEL) {
        s.link = cts_link_add(&s.link);
    }
    if (self->variant & SERVER_FIRST) {
        recv = cts_start_recv(s.server, s.link.listener);
        cts_require_blocked(recv);
    }
    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    if (recv == NULL) {
        cts_require_blocked(call);
        recv = cts_start_recv(s.server, s.link.listener);
    }
    cts_require_returned(recv, rcOk);

    cts_set(s.link.client_process, s.sync);

    cts_check_blocked(call);
    cts_check_served(s.server, recv, call);
}

/* A channel whose server end is about to go with its handles. */
static void close_server_end(const struct cts_link *link)
{
    cts_close(link->server_process, link->server);
    if (link->listener != link->server) {
        cts_close(link->server_process, link->listener);
    }
}

/* CALL-03, TIME-04: with the request goes the hold that it had on the handle inside, at the latest when a
 * server has looked through the queue. The server end of another channel was in the request; when its handles
 * are closed afterwards, that channel has none, and a call on it is an error at once. A control channel shows
 * that closing has that effect. variant: how the call ended. */
static void handle_in_a_withdrawn_request_is_let_go(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link control = cts_link_open(self->layout);
    struct cts_link sent = cts_link_open(self->layout);
    close_server_end(&control);
    struct cts_op *gone =
        cts_start_call_ex(s.client, control.client, CTS_PLAIN, REAL_MDELAY, INVALID_HANDLE);
    if (cts_wait(gone) == rcTimeout) {
        cts_skip("calls go on waiting when the handles of the server end are closed");
    }
    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, CTS_WITH_HANDLE(sent.server),
                          self->variant == TIMED_OUT ? REAL_MDELAY : cts_mdelay(self), s.sync);
    if (self->variant == INTERRUPTED) {
        cts_settle();
        if (!cts_returned(call)) {
            cts_set(s.link.client_process, s.sync);
        }
    }
    if (cts_wait(call) != (self->variant == TIMED_OUT ? rcTimeout : rcIpcInterrupt)) {
        cts_skip("the handle of a server end does not travel");
    }

    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
    cts_check_returned(cts_start_recv_ex(s.server, s.link.server, 1, INVALID_HANDLE), rcTimeout);
    close_server_end(&sent);

    cts_check_error(cts_start_call(s.client, sent.client, CTS_PLAIN));
}

/* OBJ-12: the channel goes on working for calls with an object too, which is clear. */
static void refused_set_interrupts_no_later_call(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *misuser = cts_actor_new(s.link.client_process, "misuser");
    cts_check_error(cts_start_set(misuser, s.link.client));
    cts_check_error(cts_start_set(misuser, s.link.listener));

    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_check_blocked(call);
    struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, call);
    struct cts_op *waiting = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
    cts_check_blocked(waiting);
    cts_set(s.link.client_process, s.sync);
    cts_check_returned(waiting, rcIpcInterrupt);
}

/* CALL-02: the response comes with its handle, as it would without the Set. */
static void response_keeps_its_handle(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link sent = cts_link_between(s.link.client_process, s.link.server_process);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_returned(recv, rcOk);

    cts_set(s.link.client_process, s.sync);

    struct cts_op *reply = cts_start_reply(s.server, recv, CTS_WITH_HANDLE(sent.client));
    cts_check_returned(reply, rcOk);
    cts_check_returned(call, rcOk);
    cts_check_that(cts_received_handle_count(call) == 1, "the handle arrives");
}

static const struct cts_case cases[] = {
    {"CALL-01.10", "a CallEx on the second channel of a listener is interrupted",
     second_channel_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-02.31", "a CallEx taken through the listener handle is not interrupted",
     call_taken_through_the_listener_goes_on, CTS_ONE_PROCESS, CTS_UNLIMITED, CLIENT_FIRST, 0},
    {"CALL-02.32", "a CallEx that met a server on the listener handle is not interrupted",
     call_taken_through_the_listener_goes_on, CTS_ONE_PROCESS, CTS_LIMITED, SERVER_FIRST, 0},
    {"CALL-02.33", "a CallEx taken through the listener handle is not interrupted, two processes",
     call_taken_through_the_listener_goes_on, CTS_TWO_PROCESSES, CTS_UNLIMITED, CLIENT_FIRST, 0},
    {"CALL-02.37", "a CallEx on the second channel taken through the listener is not interrupted",
     call_taken_through_the_listener_goes_on, CTS_ONE_PROCESS, CTS_UNLIMITED, SECOND_CHANNEL, 0},
    {"CALL-02.38", "a CallEx on the second channel that met a server on the listener, limit",
     call_taken_through_the_listener_goes_on, CTS_ONE_PROCESS, CTS_LIMITED,
     SERVER_FIRST | SECOND_CHANNEL, 0},
    {"CALL-01.14", "a queued CallEx with a handle in its request is interrupted",
     request_with_a_handle_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-01.15", "a queued CallEx with a handle in its request, limit, two processes",
     request_with_a_handle_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-01.84", "a queued CallEx with a handle in its request is interrupted, limit",
     request_with_a_handle_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"CALL-03.11", "an interrupted request lets go of the handle inside",
     handle_in_a_withdrawn_request_is_let_go, CTS_ONE_PROCESS, CTS_UNLIMITED, INTERRUPTED, 0},
    {"TIME-04.19", "a request that timed out lets go of the handle inside",
     handle_in_a_withdrawn_request_is_let_go, CTS_ONE_PROCESS, CTS_LIMITED, TIMED_OUT, 0},
    {"OBJ-12.11", "refused Set on channel handles interrupts no call that comes later",
     refused_set_interrupts_no_later_call, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-02.42", "a taken CallEx gets the handle in the response after Set",
     response_keeps_its_handle, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
};
CTS_GROUP(cts_group_other_ends, cases);
