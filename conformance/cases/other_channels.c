/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listener with more than one way in: what is queued or taken on another of its channels, or through the listener
 * itself, is nobody else's.
 */
#include <cts/cts.h>

/* variant: which of two receivers begins to wait first. */
enum { LISTENER_FIRST, SERVER_FIRST };
enum { QUEUED = 2, RECEIVERS = 4 };

/* RECV-01: requests are queued on another channel of the listener when the RecvEx begins to wait. */
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

    for (int i = 0; i < QUEUED; i++) {
        struct cts_op *recv = cts_start_recv_ex(server, link.server, cts_mdelay(self), sync);
        cts_settle();
        if (cts_returned(recv) && cts_rc(recv) == rcOk) {
            /* Whether its channels share a queue is not written anywhere. */
            cts_skip("a server handle receives what comes to its listener");
        }
        cts_check_blocked(recv);
        cts_set(link.server_process, sync);
        cts_check_returned(recv, rcIpcInterrupt);
        cts_clear(link.server_process, sync);
    }
    for (int i = 0; i < QUEUED; i++) {
        struct cts_op *recv = cts_start_recv(second, beside.server);
        cts_check_returned(recv, rcOk);
        cts_check_served(second, recv,
                         cts_request(recv) == cts_request(calls[0]) ? calls[0] : calls[1]);
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

/* RACE-04: the same with two receivers more on the listener: three requests, one after the other, go to one each. */
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
