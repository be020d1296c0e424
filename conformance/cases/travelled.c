/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls on handles that came in a message: an object of the receiver's process interrupts them, and a
 * limit ends them, as on a handle that the process has had from the beginning.
 */
#include <cts/cts.h>

#define VIRTUAL_MDELAY 600

/* A process that has been given a client handle, in two processes by the other one. */
struct scene {
    struct cts_link sent; /* served by the giver, which had its client handle too */
    struct cts_process *taker;
    struct cts_actor *giver;
    struct cts_actor *user; /* a thread of the taker */
    Handle sync;            /* of the taker */
    Handle client;          /* the taker's handle of `sent` */
};

static struct scene scene_open(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct scene s = {.taker = link.server_process};
    s.sent = cts_link_between(link.client_process, link.client_process);
    s.giver = cts_actor_new(link.client_process, "giver");
    s.user = cts_actor_new(s.taker, "user");
    s.sync = cts_sync_new(s.taker);
    struct cts_op *recv = cts_start_recv(s.user, link.server);
    struct cts_op *call = cts_start_call(s.giver, link.client, CTS_WITH_HANDLE(s.sent.client));
    cts_require_returned(recv, rcOk);
    cts_require_that(cts_received_handle_count(recv) == 1, "the client handle arrives");
    s.client = cts_received_handle(recv, 0);
    struct cts_op *reply = cts_start_reply(s.user, recv, CTS_PLAIN);
    cts_require_returned(reply, rcOk);
    cts_require_returned(call, rcOk);
    return s;
}

/* CALL-01: a queued CallEx on it is interrupted; the request is withdrawn, and the channel works. */
static void call_on_it_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *call = cts_start_call_ex(s.user, s.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_blocked(call);

    cts_set(s.taker, s.sync);

    cts_check_returned(call, rcIpcInterrupt);
    cts_check_exchange(s.user, s.client, s.giver, s.sent.server);
}

/* CALL-02: a taken one is not. */
static void taken_call_on_it_completes(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = cts_start_recv(s.giver, s.sent.server);
    struct cts_op *call = cts_start_call_ex(s.user, s.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_returned(recv, rcOk);

    cts_set(s.taker, s.sync);

    cts_check_blocked(call);
    cts_check_served(s.giver, recv, call);
}

/* TIME-01: a queued CallEx on it times out, and not before (TIME-02). */
static void call_on_it_times_out(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    struct cts_op *call = cts_start_call_ex(s.user, s.client, CTS_PLAIN, VIRTUAL_MDELAY, s.sync);
    cts_require_blocked(call);

    cts_advance_ms(VIRTUAL_MDELAY - 100);
    cts_check_blocked(call);
    cts_advance_ms(200);

    cts_check_returned(call, rcTimeout);
    cts_check_exchange(s.user, s.client, s.giver, s.sent.server);
}

/* RECV-01: a RecvEx on a server handle that came in a message is interrupted. */
static void receive_on_it_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = cts_start_recv(s.giver, s.sent.server);
    struct cts_op *call = cts_start_call(s.user, s.client, CTS_PLAIN);
    cts_require_returned(recv, rcOk);
    struct cts_message response = CTS_WITH_HANDLE(s.sent.server);
    if (cts_wait(cts_start_reply(s.giver, recv, response)) != rcOk) {
        cts_skip("server handles do not travel");
    }
    cts_require_returned(call, rcOk);
    cts_require_that(cts_received_handle_count(call) == 1, "the server handle arrives");
    Handle server = cts_received_handle(call, 0);
    recv = cts_start_recv_ex(s.user, server, cts_mdelay(self), s.sync);
    cts_may_lack_room(recv);
    cts_settle();
    if (cts_returned(recv) && cts_rc(recv) != rcIpcInterrupt && cts_rc(recv) != rcTimeout) {
        cts_skip("only the process that made a channel may receive on it");
    }
    cts_require_blocked(recv);

    cts_set(s.taker, s.sync);

    cts_check_returned(recv, rcIpcInterrupt);
    cts_check_exchange(s.giver, s.sent.client, s.user, server);
}

/* CALL-15: threads of two processes call on one channel, and the last request is answered first. Thread
 * numbers of two processes may be equal; each call gets its own response all the same. */
static void callers_of_two_processes(const struct cts_case *self)
{
    enum { CALLERS = 6 };
    struct scene s = scene_open(self);
    struct cts_actor *clients[CALLERS];
    struct cts_actor *servers[CALLERS];
    struct cts_op *recvs[CALLERS];
    struct cts_op *calls[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        clients[i] = cts_actor_new(i < CALLERS / 2 ? s.sent.client_process : s.taker, "client");
    }
    for (int i = 0; i < CALLERS; i++) {
        servers[i] = cts_actor_new(s.sent.server_process, "server");
        recvs[i] = cts_start_recv(servers[i], s.sent.server);
        calls[i] =
            cts_start_call(clients[i], i < CALLERS / 2 ? s.sent.client : s.client, CTS_PLAIN);
        cts_require_returned(recvs[i], rcOk);
    }

    for (int i = CALLERS - 1; i >= 0; i--) {
        cts_check_served(servers[i], recvs[i], calls[i]);
    }
}

static const struct cts_case cases[] = {
    {"CALL-01.16", "a queued CallEx on a handle from a message is interrupted",
     call_on_it_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-01.17", "a queued CallEx on a handle from another process is interrupted",
     call_on_it_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-01.85", "a queued CallEx on a handle from a message is interrupted, limit",
     call_on_it_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"CALL-02.39", "a taken CallEx on a handle from another process is completed",
     taken_call_on_it_completes, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"CALL-02.47", "a taken CallEx on a handle that was sent is completed",
     taken_call_on_it_completes, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"TIME-01.61", "a CallEx on a handle from another process times out", call_on_it_times_out,
     CTS_TWO_PROCESSES, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-01.71", "a CallEx on a handle that was sent times out", call_on_it_times_out,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, CTS_WAITS},
    {"RECV-01.12", "a RecvEx on a server handle from another process is interrupted",
     receive_on_it_is_interrupted, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"RECV-01.17", "a RecvEx on a server handle that was sent is interrupted",
     receive_on_it_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-15.19", "six requests of two processes on one channel are answered last first",
     callers_of_two_processes, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
};
CTS_GROUP(cts_group_travelled, cases);
