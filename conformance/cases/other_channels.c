/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listener with more than one way in: what is queued or taken on another of its channels, or through the listener
 * itself, is nobody else's.
 */
#include <cts/cts.h>

/* variant: which of two receivers begins to wait first; or how a wait ends. */
enum { LISTENER_FIRST, SERVER_FIRST };
enum { BY_SET, SET_BEFORE, BY_LIMIT };
enum { SHORT_MS = 10, SOON_MS = 60, LISTENERS = 10 };
enum { QUEUED = 2, RECEIVERS = 4 };

/* How a wait of `actor` at a handle ends. The object is clear afterwards. */
static void check_ends(const struct cts_case *self, struct cts_process *process,
                       struct cts_actor *actor, Handle server, Handle sync)
{
    if (self->variant == BY_LIMIT) {
        cts_check_returned(cts_start_recv_ex(actor, server, SHORT_MS, sync), rcTimeout);
        return;
    }
    if (self->variant == SET_BEFORE) {
        cts_set(process, sync);
    }
    struct cts_op *recv = cts_start_recv_ex(actor, server, cts_mdelay(self), sync);
    if (self->variant == BY_SET) {
        cts_check_blocked(recv);
        cts_set(process, sync);
    }
    cts_check_returned(recv, rcIpcInterrupt);
    cts_clear(process, sync);
}

/* RECV-01, RECV-04, TIME-01: requests are queued on another channel of the listener when the RecvEx begins. RECV-03: they
 * are received there afterwards. */
static void requests_are_queued_beside(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_link beside = cts_link_add(&link);
    Handle sync = cts_sync_new(link.server_process);
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    struct cts_actor *second = cts_actor_new(link.server_process, "second server");
    struct cts_op *calls[QUEUED] = {NULL};
    for (int i = 0; i < QUEUED; i++) {
        calls[i] =
            cts_start_call(cts_actor_new(link.client_process, "client"), beside.client, CTS_PLAIN);
        cts_require_blocked(calls[i]);
    }

    struct cts_op *trial = cts_start_recv_ex(server, link.server, SHORT_MS, sync);
    if (cts_wait(trial) == rcOk) {
        /* Whether its channels share a queue is not written anywhere. */
        cts_skip("a server handle receives what comes to its listener");
    }
    cts_check_returned(trial, rcTimeout);
    for (int i = 0; i < QUEUED; i++) {
        check_ends(self, link.server_process, server, link.server, sync);
    }
    for (int i = 0; i < QUEUED; i++) {
        struct cts_op *recv = cts_start_recv(second, beside.server);
        cts_check_returned(recv, rcOk);
        cts_check_served(second, recv,
                         cts_request(recv) == cts_request(calls[0]) ? calls[0] : calls[1]);
    }
}

/* TIME-01: a request comes to another channel of the listener while the RecvEx waits; its limit passes all the same. */
static void request_comes_beside(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_link beside = cts_link_add(&link);
    Handle sync = self->variant == BY_SET ? cts_sync_new(link.server_process) : INVALID_HANDLE;
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_op *recv = cts_start_recv_ex(server, link.server, SOON_MS, sync);
    struct cts_op *call = cts_start_call(client, beside.client, CTS_PLAIN);

    if (cts_wait(recv) == rcOk) {
        cts_skip("a server handle receives what comes to its listener");
    }
    cts_check_returned(recv, rcTimeout);

    recv = cts_start_recv(server, beside.server);
    cts_check_returned(recv, rcOk);
    cts_check_served(server, recv, call);
}

/* CALL-01, CALL-04: a receiver waits at another channel of the listener. */
static void a_receiver_waits_beside(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_link beside = cts_link_add(&link);
    Handle sync = cts_sync_new(link.client_process);
    Handle stop = cts_sync_new(link.server_process);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    struct cts_op *recv = cts_start_recv_ex(server, beside.server, INFINITE_TIMEOUT, stop);
    cts_require_blocked(recv);
    struct cts_op *trial = cts_start_call_ex(client, link.client, CTS_PLAIN, SHORT_MS, sync);
    (void)cts_wait(trial);
    cts_settle(); /* a receive under way may come back with it still */
    if (cts_returned(recv)) {
        cts_skip("a server handle receives what comes to its listener");
    }
    cts_check_returned(trial, rcTimeout);
    for (int i = 0; i < QUEUED; i++) {
        if (self->variant == SET_BEFORE) {
            cts_set(link.client_process, sync);
        }
        struct cts_op *call =
            cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), sync);
        if (self->variant == BY_SET) {
            cts_check_blocked(call);
            cts_set(link.client_process, sync);
        }
        cts_check_returned(call, rcIpcInterrupt);
        cts_clear(link.client_process, sync);
    }
    cts_set(link.server_process, stop);
    cts_check_returned(recv, rcIpcInterrupt);
    cts_check_exchange(client, link.client, server, link.server);
}

/* RECV-09: receivers wait at ten listeners, or at their channels, or at as many as there is room for; one Set interrupts
 * all. */
static void receivers_of_many_listeners(const struct cts_case *self)
{
    struct cts_process *process = cts_process_first();
    Handle sync = cts_sync_new(process);
    struct cts_op *recvs[LISTENERS];
    int count = 0;
    bool is_room = true;
    while (is_room && count < LISTENERS) {
        struct cts_link link = cts_link_open(CTS_ONE_PROCESS);
        recvs[count] = cts_start_recv_ex(cts_actor_new(process, "server"),
                                         count % 2 == self->variant ? link.server : link.listener,
                                         cts_mdelay(self), sync);
        cts_may_lack_room(recvs[count]);
        cts_settle();
        is_room = !cts_returned(recvs[count]);
        count += is_room;
    }
    cts_require_that(count >= CTS_SURELY_ROOM_FOR, "several threads can wait at once");
    if (count < LISTENERS) {
        cts_observe("threads that wait at once", "fewer than ten");
    }

    cts_set(process, sync);

    for (int i = 0; i < count; i++) {
        cts_check_returned(recvs[i], rcIpcInterrupt);
    }
}

/* RACE-04: one receiver waits on the listener and one on the server handle of a channel; a request of the channel is
 * given to one of them, and the next one to the other. */
static void two_ways_to_receive(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *servers[2] = {cts_actor_new(link.server_process, "listening server"),
                                    cts_actor_new(link.server_process, "server")};
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_op *recvs[2] = {NULL};
    for (int i = 0; i < 2; i++) {
        int which = self->variant == LISTENER_FIRST ? i : 1 - i;
        recvs[which] = cts_start_recv_ex(servers[which], which == 0 ? link.listener : link.server,
                                         cts_mdelay(self), INVALID_HANDLE);
        cts_require_blocked(recvs[which]);
    }

    struct cts_op *call = cts_start_call(client, link.client, CTS_PLAIN);

    cts_wait_either(recvs[0], recvs[1]);
    int got = cts_returned(recvs[0]) ? 0 : 1;
    cts_check_returned(recvs[got], rcOk);
    cts_check_blocked(recvs[1 - got]);
    cts_check_served(servers[got], recvs[got], call);
    cts_check_blocked(recvs[1 - got]);
    call = cts_start_call(client, link.client, CTS_PLAIN);
    cts_check_returned(recvs[1 - got], rcOk);
    cts_check_served(servers[1 - got], recvs[1 - got], call);
}

/* RACE-04: the same with two receivers more on the listener: four requests, one after the other, go to one each. */
static void many_ways_to_receive(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *servers[RECEIVERS];
    struct cts_op *recvs[RECEIVERS];
    for (int i = 0; i < RECEIVERS; i++) {
        bool first = i == 0;
        bool listens = self->variant == LISTENER_FIRST ? i < RECEIVERS - 1 : !first;
        servers[i] = cts_actor_new(link.server_process, listens ? "listening server" : "server");
        recvs[i] = cts_start_recv_ex(servers[i], listens ? link.listener : link.server,
                                     cts_mdelay(self), INVALID_HANDLE);
        cts_require_blocked(recvs[i]);
    }
    for (int left = RECEIVERS; left > 0; left--) {
        struct cts_op *call = cts_start_call(client, link.client, CTS_PLAIN);

        cts_wait_any(recvs, left);
        int got = 0;
        while (!cts_returned(recvs[got])) {
            got++;
        }
        cts_check_returned(recvs[got], rcOk);
        for (int i = 0; i < left; i++) {
            if (i != got) {
                cts_check_blocked(recvs[i]);
            }
        }
        cts_check_served(servers[got], recvs[got], call);
        recvs[got] = recvs[left - 1];
        servers[got] = servers[left - 1];
    }
}

static const struct cts_case cases[] = {
    {"RECV-01.130", "a RecvEx is interrupted while requests are queued on another channel",
     requests_are_queued_beside, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-01.131", "a RecvEx is interrupted while requests are queued on another channel, limit",
     requests_are_queued_beside, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-03.80", "requests on another channel are received after a RecvEx was interrupted",
     requests_are_queued_beside, CTS_ONE_PROCESS, CTS_UNLIMITED, BY_SET, 0},
    {"RECV-03.81", "requests on another channel are received after a RecvEx was interrupted, limit",
     requests_are_queued_beside, CTS_ONE_PROCESS, CTS_LIMITED, BY_SET, 0},
    {"RECV-04.100", "a RecvEx entered while set, requests queued on another channel",
     requests_are_queued_beside, CTS_ONE_PROCESS, CTS_UNLIMITED, SET_BEFORE, 0},
    {"RECV-04.101", "a RecvEx entered while set, requests queued on another channel, limit",
     requests_are_queued_beside, CTS_ONE_PROCESS, CTS_LIMITED, SET_BEFORE, 0},
    {"TIME-01.132", "the limit of a RecvEx passes, requests queued on another channel",
     requests_are_queued_beside, CTS_ONE_PROCESS, CTS_LIMITED, BY_LIMIT, CTS_WAITS},
    {"TIME-01.133", "the limit of a RecvEx passes, a request comes to another channel",
     request_comes_beside, CTS_ONE_PROCESS, CTS_LIMITED, BY_SET, CTS_WAITS},
    {"TIME-01.134",
     "the limit of a RecvEx without object passes, a request comes to another channel",
     request_comes_beside, CTS_ONE_PROCESS, CTS_LIMITED, BY_LIMIT, CTS_WAITS},
    {"CALL-01.133", "a CallEx is interrupted while a receiver waits on another channel",
     a_receiver_waits_beside, CTS_ONE_PROCESS, CTS_UNLIMITED, BY_SET, 0},
    {"CALL-04.100", "a CallEx entered while set, a receiver waits on another channel",
     a_receiver_waits_beside, CTS_ONE_PROCESS, CTS_UNLIMITED, SET_BEFORE, 0},
    {"CALL-04.101", "a CallEx entered while set, a receiver waits on another channel, limit",
     a_receiver_waits_beside, CTS_ONE_PROCESS, CTS_LIMITED, SET_BEFORE, 0},
    {"RECV-09.40", "one Set interrupts receivers of ten listeners", receivers_of_many_listeners,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-09.41", "one Set interrupts receivers of ten listeners, limit",
     receivers_of_many_listeners, CTS_ONE_PROCESS, CTS_LIMITED, 1, 0},
    {"RACE-04.73", "a request is received once, three receivers on the listener, one beside them",
     many_ways_to_receive, CTS_ONE_PROCESS, CTS_UNLIMITED, LISTENER_FIRST, 0},
    {"RACE-04.74", "a request is received once, three receivers on the listener, two processes",
     many_ways_to_receive, CTS_TWO_PROCESSES, CTS_LIMITED, SERVER_FIRST, 0},
    {"RACE-04.75", "a request is received once, three receivers on the listener, limit",
     many_ways_to_receive, CTS_ONE_PROCESS, CTS_LIMITED, SERVER_FIRST, 0},
    {"RACE-04.70", "a request is received on the listener or on its channel, not on both",
     two_ways_to_receive, CTS_ONE_PROCESS, CTS_UNLIMITED, LISTENER_FIRST, 0},
    {"RACE-04.71", "a request is received once, the receiver of the channel first",
     two_ways_to_receive, CTS_ONE_PROCESS, CTS_LIMITED, SERVER_FIRST, 0},
    {"RACE-04.72", "a request is received once, listener and channel, two processes",
     two_ways_to_receive, CTS_TWO_PROCESSES, CTS_UNLIMITED, SERVER_FIRST, 0},
};
CTS_GROUP(cts_group_other_channels, cases);
