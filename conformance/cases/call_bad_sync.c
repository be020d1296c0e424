/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CALL-14 (open): a CallEx whose sync handle is neither INVALID_HANDLE nor a live sync object of
 * the caller. The library may refuse it or wait without an object; it may not crash, wait beyond
 * the timeout, or refuse a request that it delivers.
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
        s.bad = cts_sync_new(s.link.server_process);
        break;
    default:
        s.bad = cts_sync_new(s.link.client_process);
        if (self->variant == CLOSED_WHILE_SET) {
            cts_set(s.link.client_process, s.bad);
        }
        cts_close(s.link.client_process, s.bad);
    }
    return s;
}

/* CALL-14: with a server, it is served or refused; refused means that nothing was delivered. */
static void served_or_refused(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(recv);

    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.bad);

    cts_wait_either(recv, call);
    struct cts_op *served = call;
    if (!cts_returned(recv)) {
        cts_check_that(cts_rc(call) != rcOk, "a call that was not served is an error");
        served = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    }
    cts_check_returned(recv, rcOk);
    cts_check_that(cts_request(recv) == cts_request(served),
                   "the server receives no request that was refused");
    cts_check_served(s.server, recv, served);
    cts_observe("CallEx with a handle that is no live sync object", cts_rc_name(cts_rc(call)));
}

/* CALL-14: without a server it comes back, at the latest when the timeout falls due. */
static void comes_back_by_the_timeout(const struct cts_case *self, rtl_uint32_t mdelay)
{
    struct scene s = scene_open(self);

    struct cts_op *call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, mdelay, s.bad);

    if (mdelay == VIRTUAL_MDELAY) {
        cts_settle();
        cts_advance_ms(VIRTUAL_MDELAY + 100);
    }
    cts_check_that(cts_wait(call) != rcOk, "a call that was not served is an error");
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
    cts_observe("CallEx without a server, and no live sync object", cts_rc_name(cts_rc(call)));
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
    {"CALL-14.1", "CallEx with a closed sync handle is served or refused", served_or_refused,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CLOSED, 0},
    {"CALL-14.2", "CallEx with a closed sync handle is served or refused, two processes",
     served_or_refused, CTS_TWO_PROCESSES, CTS_LIMITED, CLOSED, 0},
    {"CALL-14.13", "CallEx with a closed sync handle is served or refused, limit",
     served_or_refused, CTS_ONE_PROCESS, CTS_LIMITED, CLOSED, 0},
    {"CALL-14.3", "CallEx with a sync handle closed while set is served or refused",
     served_or_refused, CTS_ONE_PROCESS, CTS_LIMITED, CLOSED_WHILE_SET, 0},
    {"CALL-14.4", "CallEx with its client handle as sync handle is served or refused",
     served_or_refused, CTS_ONE_PROCESS, CTS_UNLIMITED, CLIENT_END, 0},
    {"CALL-14.5", "CallEx with a server handle as sync handle is served or refused",
     served_or_refused, CTS_ONE_PROCESS, CTS_UNLIMITED, SERVER_END, 0},
    {"CALL-14.6", "CallEx with a listener as sync handle is served or refused", served_or_refused,
     CTS_ONE_PROCESS, CTS_LIMITED, LISTENER, 0},
    {"CALL-14.7", "CallEx with the number of an object of another process", served_or_refused,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, OF_ANOTHER_PROCESS, 0},
    {"CALL-14.8", "CallEx with a closed sync handle comes back by the timeout",
     comes_back_by_the_virtual_timeout, CTS_ONE_PROCESS, CTS_LIMITED, CLOSED, CTS_SMOKE},
    {"CALL-14.9", "CallEx with a closed sync handle comes back, two processes",
     comes_back_by_the_virtual_timeout, CTS_TWO_PROCESSES, CTS_LIMITED, CLOSED, 0},
    {"CALL-14.10", "CallEx with a closed sync handle comes back, real time",
     comes_back_by_the_real_timeout, CTS_ONE_PROCESS, CTS_LIMITED, CLOSED, 0},
    {"CALL-14.11", "CallEx with a client handle as sync handle comes back, real time",
     comes_back_by_the_real_timeout, CTS_ONE_PROCESS, CTS_LIMITED, CLIENT_END, 0},
    {"CALL-14.12", "CallEx with the number of an object of another process comes back",
     comes_back_by_the_real_timeout, CTS_TWO_PROCESSES, CTS_LIMITED, OF_ANOTHER_PROCESS, 0},
    {"CALL-14.14", "CallEx with a server handle as sync handle comes back by the timeout",
     comes_back_by_the_real_timeout, CTS_ONE_PROCESS, CTS_LIMITED, SERVER_END, CTS_WAITS},
    {"CALL-14.15", "CallEx with a listener as sync handle comes back by the timeout",
     comes_back_by_the_real_timeout, CTS_ONE_PROCESS, CTS_LIMITED, LISTENER, CTS_WAITS},
};
CTS_GROUP(cts_group_call_bad_sync, cases);
