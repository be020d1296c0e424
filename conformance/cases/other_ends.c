/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to an interruption, or round one, that lead through other ends of a channel than usual: the
 * second channel of a listener (CALL-01), the listener instead of the server handle (CALL-02), a handle
 * inside the request (CALL-03), a handle of the channel given to Set (OBJ-12).
 */
#include <cts/cts.h>

#define REAL_MDELAY 20

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

/* CALL-02: the request was taken through the listener handle. variant: 1 when the server was waiting
 * before the call came. */
static void call_taken_through_the_listener_goes_on(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = NULL;
    if (self->variant == 1) {
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

/* CALL-03: with the request goes the hold that it had on the handle inside. The server end of another
 * channel was in the request; when its handles are closed afterwards, that channel has none, and a call
 * on it is an error at once. A control channel shows that closing has that effect. */
static void handle_in_an_interrupted_request_is_let_go(const struct cts_case *self)
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
    struct cts_op *call = cts_start_call_ex(s.client, s.link.client, CTS_WITH_HANDLE(sent.server),
                                            cts_mdelay(self), s.sync);
    cts_settle();
    if (cts_returned(call)) {
        cts_skip("the handle of a server end does not travel");
    }
    cts_set(s.link.client_process, s.sync);
    cts_require_returned(call, rcIpcInterrupt);

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

static const struct cts_case cases[] = {
    {"CALL-01.10", "a CallEx on the second channel of a listener is interrupted",
     second_channel_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-02.31", "a CallEx taken through the listener handle is not interrupted",
     call_taken_through_the_listener_goes_on, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-02.32", "a CallEx that met a server on the listener handle is not interrupted",
     call_taken_through_the_listener_goes_on, CTS_ONE_PROCESS, CTS_LIMITED, 1, 0},
    {"CALL-02.33", "a CallEx taken through the listener handle is not interrupted, two processes",
     call_taken_through_the_listener_goes_on, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"CALL-03.11", "an interrupted request lets go of the handle inside",
     handle_in_an_interrupted_request_is_let_go, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"OBJ-12.11", "refused Set on channel handles interrupts no call that comes later",
     refused_set_interrupts_no_later_call, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
};
CTS_GROUP(cts_group_other_ends, cases);
