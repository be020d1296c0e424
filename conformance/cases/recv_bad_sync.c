/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RECV-13 (open): a RecvEx whose sync handle is neither INVALID_HANDLE nor a live sync object of
 * the caller. The library may refuse it or wait without an object; it may not crash, wait beyond
 * the timeout, or lose a request.
 */
#include <cts/cts.h>

#define REAL_MDELAY 30
#define VIRTUAL_MDELAY 600

/* What is given instead of a sync object: the variant. */
enum { CLOSED, CLOSED_WHILE_SET, CLIENT_END, SERVER_END, LISTENER, OF_ANOTHER_PROCESS };

struct scene {
    struct cts_link link;
    Handle bad;
    struct cts_actor *client;
    struct cts_actor *server;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    switch (self->variant) {
    case CLIENT_END:
        s.bad = s.link.client;
        break;
    case SERVER_END:
        s.bad = s.link.server;
        break;
    case LISTENER:
        s.bad = s.link.listener;
        break;
    case OF_ANOTHER_PROCESS:
        s.bad = cts_sync_new(s.link.client_process);
        break;
    default:
        s.bad = cts_sync_new(s.link.server_process);
        if (self->variant == CLOSED_WHILE_SET) {
            cts_set(s.link.server_process, s.bad);
        }
        cts_close(s.link.server_process, s.bad);
    }
    return s;
}

/* RECV-13: a request that comes is received by it or, when it was refused, by the next Recv. */
static void receives_or_is_refused(const struct cts_case *self)
{
    struct scene s = scene_open(self);

    struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.bad);

    cts_settle();
    cts_observe("RecvEx with a handle that is no live sync object",
                cts_returned(recv) ? cts_rc_name(cts_rc(recv)) : "waits");
    if (!cts_recv_is_served(recv, s.link.server, s.client, s.link.client)) {
        cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
    }
}

/* RECV-13: a request that is there already is received by it or stays where it is. */
static void takes_or_leaves_a_queued_request(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_require_blocked(call);

    struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.bad);

    Retcode rc = cts_wait(recv);
    cts_observe("RecvEx with no live sync object and a queued request", cts_rc_name(rc));
    cts_check_blocked(call);
    if (rc != rcOk) {
        recv = cts_start_recv(s.server, s.link.server);
        cts_check_returned(recv, rcOk);
    }
    cts_check_served(s.server, recv, call);
}

/* RECV-13: without a request it comes back, at the latest when the timeout falls due. */
static void comes_back_by_the_timeout(const struct cts_case *self, rtl_uint32_t mdelay)
{
    struct scene s = scene_open(self);

    struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, mdelay, s.bad);

    if (mdelay == VIRTUAL_MDELAY) {
        cts_settle();
        cts_advance_ms(VIRTUAL_MDELAY + 100);
    }
    cts_check_that(cts_wait(recv) != rcOk, "a receive without a request is an error");
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
    cts_observe("RecvEx without a request, and no live sync object", cts_rc_name(cts_rc(recv)));
}

static void comes_back_by_the_real_timeout(const struct cts_case *self)
{
    comes_back_by_the_timeout(self, REAL_MDELAY);
}

static void comes_back_by_the_virtual_timeout(const struct cts_case *self)
{
    cts_use_virtual_time();
    comes_back_by_the_timeout(self, VIRTUAL_MDELAY);
}

static const struct cts_case cases[] = {
    {"RECV-13.1", "RecvEx with a closed sync handle receives or is refused", receives_or_is_refused,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CLOSED, CTS_SMOKE},
    {"RECV-13.2", "RecvEx with a closed sync handle receives or is refused, two processes",
     receives_or_is_refused, CTS_TWO_PROCESSES, CTS_LIMITED, CLOSED, 0},
    {"RECV-13.14", "RecvEx with a closed sync handle receives or is refused, limit",
     receives_or_is_refused, CTS_ONE_PROCESS, CTS_LIMITED, CLOSED, 0},
    {"RECV-13.3", "RecvEx with a sync handle closed while set receives or is refused",
     receives_or_is_refused, CTS_ONE_PROCESS, CTS_LIMITED, CLOSED_WHILE_SET, 0},
    {"RECV-13.4", "RecvEx with a client handle as sync handle receives or is refused",
     receives_or_is_refused, CTS_ONE_PROCESS, CTS_UNLIMITED, CLIENT_END, 0},
    {"RECV-13.5", "RecvEx with its server handle as sync handle receives or is refused",
     receives_or_is_refused, CTS_ONE_PROCESS, CTS_UNLIMITED, SERVER_END, 0},
    {"RECV-13.6", "RecvEx with a listener as sync handle receives or is refused",
     receives_or_is_refused, CTS_ONE_PROCESS, CTS_LIMITED, LISTENER, 0},
    {"RECV-13.7", "RecvEx with the number of an object of another process", receives_or_is_refused,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, OF_ANOTHER_PROCESS, 0},
    {"RECV-13.8", "RecvEx with a closed sync handle takes or leaves a queued request",
     takes_or_leaves_a_queued_request, CTS_ONE_PROCESS, CTS_UNLIMITED, CLOSED, 0},
    {"RECV-13.9", "RecvEx with a client handle takes or leaves a queued request",
     takes_or_leaves_a_queued_request, CTS_ONE_PROCESS, CTS_LIMITED, CLIENT_END, 0},
    {"RECV-13.30", "RecvEx with a closed sync handle and a queued request, limit",
     takes_or_leaves_a_queued_request, CTS_ONE_PROCESS, CTS_LIMITED, CLOSED, 0},
    {"RECV-13.31", "RecvEx with a client handle as sync handle and a queued request, limit",
     takes_or_leaves_a_queued_request, CTS_ONE_PROCESS, CTS_LIMITED, CLIENT_END, 0},
    {"RECV-13.32", "RecvEx with a server handle as sync handle and a queued request",
     takes_or_leaves_a_queued_request, CTS_ONE_PROCESS, CTS_UNLIMITED, SERVER_END, 0},
    {"RECV-13.33", "RecvEx with a listener handle as sync handle and a queued request, limit",
     takes_or_leaves_a_queued_request, CTS_ONE_PROCESS, CTS_LIMITED, LISTENER, 0},
    {"RECV-13.10", "RecvEx with a closed sync handle comes back by the timeout",
     comes_back_by_the_virtual_timeout, CTS_ONE_PROCESS, CTS_LIMITED, CLOSED, 0},
    {"RECV-13.11", "RecvEx with a closed sync handle comes back, two processes",
     comes_back_by_the_virtual_timeout, CTS_TWO_PROCESSES, CTS_LIMITED, CLOSED, 0},
    {"RECV-13.12", "RecvEx with a closed sync handle comes back, real time",
     comes_back_by_the_real_timeout, CTS_ONE_PROCESS, CTS_LIMITED, CLOSED, 0},
    {"RECV-13.13", "RecvEx with the number of an object of another process comes back",
     comes_back_by_the_real_timeout, CTS_TWO_PROCESSES, CTS_LIMITED, OF_ANOTHER_PROCESS, 0},
    {"RECV-13.34", "RecvEx with a client handle as sync handle comes back by the timeout",
     comes_back_by_the_real_timeout, CTS_ONE_PROCESS, CTS_LIMITED, CLIENT_END, CTS_WAITS},
    {"RECV-13.35", "RecvEx with its server handle as sync handle comes back by the timeout",
     comes_back_by_the_real_timeout, CTS_ONE_PROCESS, CTS_LIMITED, SERVER_END, CTS_WAITS},
    {"RECV-13.36", "RecvEx with a listener as sync handle comes back by the timeout",
     comes_back_by_the_real_timeout, CTS_ONE_PROCESS, CTS_LIMITED, LISTENER, CTS_WAITS},
};
CTS_GROUP(cts_group_recv_bad_sync, cases);
