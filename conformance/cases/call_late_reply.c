/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CALL-15: the request of a CallEx that was interrupted or timed out is never answered into a later
 * Call. The harness checks byte for byte that every call holds the response made for it; the bodies
 * bring about the histories in which a library could mix them up.
 */
#include <cts/cts.h>

#define VIRTUAL_MDELAY 600
#define REAL_MDELAY 30
#define REAL_MDELAY_MAX 480

enum { VIRTUAL_TIME, REAL_TIME };

struct scene {
    struct cts_link link;
    struct cts_actor *client;
    struct cts_actor *other; /* a second thread of the client's process */
    struct cts_actor *server;
    struct cts_op *recv; /* waiting, or holding the request of `gone` */
    struct cts_op *gone; /* a CallEx that timed out */
};

/* A CallEx has timed out while the server held its request. On real time a limit may pass before the request is taken,
 * on a busy machine; then a longer one is tried, and after the longest `recv` still waits. */
static struct scene scene_timed_out(const struct cts_case *self)
{
    if (self->variant == VIRTUAL_TIME) {
        cts_use_virtual_time();
    }
    struct scene s = {.link = cts_link_open(self->layout)};
    s.client = cts_actor_new(s.link.client_process, "client");
    s.other = cts_actor_new(s.link.client_process, "other client");
    s.server = cts_actor_new(s.link.server_process, "server");
    s.recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(s.recv);
    if (self->variant == VIRTUAL_TIME) {
        s.gone =
            cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, VIRTUAL_MDELAY, INVALID_HANDLE);
        cts_require_returned(s.recv, rcOk);
        cts_advance_ms(VIRTUAL_MDELAY + 100);
        cts_require_returned(s.gone, rcTimeout);
        return s;
    }
    rtl_uint32_t limit = REAL_MDELAY;
    do {
        s.gone = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, limit, INVALID_HANDLE);
        cts_require_returned(s.gone, rcTimeout);
        cts_settle(); /* a receive under way may come back with it still */
        limit *= 4;
    } while (!cts_returned(s.recv) && limit <= REAL_MDELAY_MAX);
    return s;
}

/* CALL-15: the late Reply finds a new request of the same thread in the queue and does not answer
 * it. */
static void late_reply_meets_a_queued_call(const struct cts_case *self)
{
    struct scene s = scene_timed_out(self);

    struct cts_op *next = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_require_returned(s.recv, rcOk);
    if (cts_request(s.recv) != cts_request(next)) {
        cts_require_blocked(next);
        struct cts_op *late = cts_start_reply(s.server, s.recv, CTS_PLAIN);
        (void)cts_wait(late);
        cts_check_blocked(next);
        s.recv = cts_start_recv(s.server, s.link.server);
        cts_check_returned(s.recv, rcOk);
    }

    cts_check_served(s.server, s.recv, next);
}

/* CALL-15: nor a request of another thread that another server thread has taken meanwhile. */
static void late_reply_meets_a_taken_call(const struct cts_case *self)
{
    struct scene s = scene_timed_out(self);
    struct cts_actor *second = cts_actor_new(s.link.server_process, "second server");
    struct cts_op *recv = cts_start_recv(second, s.link.server);
    struct cts_op *next = cts_start_call(s.other, s.link.client, CTS_PLAIN);
    cts_require_returned(recv, rcOk);

    struct cts_op *late = cts_start_reply(s.server, s.recv, CTS_PLAIN);
    (void)cts_wait(late);

    cts_check_blocked(next);
    cts_check_served(second, recv, next);
}

/* CALL-15: an interrupted request leaves nothing that a later Call of the thread could receive. */
static void interrupted_caller_gets_its_own_reply(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    Handle sync = cts_sync_new(link.client_process);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *other = cts_actor_new(link.client_process, "other client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    struct cts_op *recv = cts_start_recv(server, link.server);
    struct cts_op *taken = cts_start_call(other, link.client, CTS_PLAIN);
    cts_require_returned(recv, rcOk);
    struct cts_op *gone = cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), sync);
    cts_require_blocked(gone);
    cts_set(link.client_process, sync);
    cts_require_returned(gone, rcIpcInterrupt);

    struct cts_op *next = cts_start_call(client, link.client, CTS_PLAIN);
    cts_require_blocked(next);
    cts_check_served(server, recv, taken);

    cts_check_blocked(next);
    recv = cts_start_recv(server, link.server);
    cts_check_returned(recv, rcOk);
    cts_check_served(server, recv, next);
}

/* CALL-15: a request that timed out in the queue is gone as well. */
static void timed_out_caller_gets_its_own_reply(const struct cts_case *self)
{
    if (self->variant == VIRTUAL_TIME) {
        cts_use_virtual_time();
    }
    rtl_uint32_t mdelay = self->variant == VIRTUAL_TIME ? VIRTUAL_MDELAY : REAL_MDELAY;
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    struct cts_op *gone = cts_start_call_ex(client, link.client, CTS_PLAIN, mdelay, INVALID_HANDLE);
    if (self->variant == VIRTUAL_TIME) {
        cts_require_blocked(gone);
        cts_advance_ms(VIRTUAL_MDELAY + 100);
    }
    cts_require_returned(gone, rcTimeout);

    struct cts_op *next = cts_start_call(client, link.client, CTS_PLAIN);

    cts_check_blocked(next);
    struct cts_op *recv = cts_start_recv(server, link.server);
    cts_check_returned(recv, rcOk);
    cts_check_that(cts_request(recv) == cts_request(next), "the server receives the later request");
    cts_check_served(server, recv, next);
}

/* CALL-15: the same thread calls again, and another server thread has taken that request when the late
 * Reply to the first one comes. */
static void late_reply_meets_the_next_call_in_service(const struct cts_case *self)
{
    struct scene s = scene_timed_out(self);
    struct cts_actor *second = cts_actor_new(s.link.server_process, "second server");
    struct cts_op *recv = cts_start_recv(second, s.link.server);
    struct cts_op *next = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_require_returned(recv, rcOk);

    struct cts_op *late = cts_start_reply(s.server, s.recv, CTS_PLAIN);
    (void)cts_wait(late);

    cts_check_blocked(next);
    cts_check_served(second, recv, next);
}

#define IN_SERVICE 3

/* CALL-15: several requests of one channel are in service at once; each Reply reaches its own caller,
 * in whatever order they come. variant: the order. */
static void replies_in_another_order_reach_their_callers(const struct cts_case *self)
{
    static const unsigned orders[][IN_SERVICE] = {{2, 1, 0}, {1, 2, 0}, {0, 2, 1}};
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *servers[IN_SERVICE] = {NULL};
    struct cts_op *recvs[IN_SERVICE] = {NULL};
    struct cts_op *calls[IN_SERVICE] = {NULL};
    for (unsigned i = 0; i < IN_SERVICE; i++) {
        servers[i] = cts_actor_new(link.server_process, "server");
        recvs[i] = cts_start_recv(servers[i], link.server);
        calls[i] = cts_start_call_ex(cts_actor_new(link.client_process, "client"), link.client,
                                     CTS_PLAIN, cts_mdelay(self), INVALID_HANDLE);
        cts_require_returned(recvs[i], rcOk);
    }

    for (unsigned i = 0; i < IN_SERVICE; i++) {
        unsigned next = orders[self->variant][i];
        cts_check_served(servers[next], recvs[next], calls[next]);
    }
}

/* CALL-15: nor the next request of the same thread, which another server thread has taken meanwhile. Each
 * of the two Replies comes from the thread that took the request it is made for. */
static void late_reply_meets_the_next_taken_call(const struct cts_case *self, bool late_first)
{
    struct scene s = scene_timed_out(self);
    struct cts_actor *second = cts_actor_new(s.link.server_process, "second server");
    if (!late_first) {
        struct cts_link spare = cts_link_between(s.link.server_process, s.link.client_process);
        struct cts_actor *first = cts_actor_new(s.link.server_process, "first server");
        struct cts_actor *client = cts_actor_new(s.link.client_process, "other client");
        const char *why = cts_why_requests_of_a_thread_mix(&spare, client, first, second);
        if (why != NULL) {
            cts_skip(why);
        }
    }
    struct cts_op *recv = cts_start_recv(second, s.link.server);
    struct cts_op *next = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_settle();
    if (!cts_returned(s.recv) || !cts_returned(recv)) {
        cts_skip("the limit passed before the request was taken");
    }

    if (late_first) {
        (void)cts_wait(cts_start_reply(s.server, s.recv, CTS_PLAIN));
        cts_check_blocked(next);
    }
    cts_check_served(second, recv, next);
    if (!late_first) {
        (void)cts_wait(cts_start_reply(s.server, s.recv, CTS_PLAIN));
    }
}

static void late_reply_comes_first(const struct cts_case *self)
{
    late_reply_meets_the_next_taken_call(self, true);
}

static void late_reply_comes_last(const struct cts_case *self)
{
    late_reply_meets_the_next_taken_call(self, false);
}

/* CALL-15: nor the next Call of the thread on another channel of the same listener, queued there or taken. */
static void late_reply_meets_another_channel(const struct cts_case *self, bool taken)
{
    struct scene s = scene_timed_out(self);
    struct cts_link link = cts_link_add(&s.link);
    struct cts_actor *second = cts_actor_new(link.server_process, "second server");
    if (!cts_returned(s.recv)) {
        cts_skip("the limit passed before the request was taken");
    }
    struct cts_op *recv = taken ? cts_start_recv(second, link.server) : NULL;
    struct cts_op *next = cts_start_call(s.client, link.client, CTS_PLAIN);
    if (taken) {
        cts_require_returned(recv, rcOk);
    }
    cts_require_blocked(next);

    (void)cts_wait(cts_start_reply(s.server, s.recv, CTS_PLAIN));

    cts_check_blocked(next);
    if (!taken) {
        recv = cts_start_recv(second, link.server);
        cts_check_returned(recv, rcOk);
    }
    cts_check_served(second, recv, next);
}

static void late_reply_meets_a_queue_beside(const struct cts_case *self)
{
    late_reply_meets_another_channel(self, false);
}

static void late_reply_meets_a_service_beside(const struct cts_case *self)
{
    late_reply_meets_another_channel(self, true);
}

static const struct cts_case cases[] = {
    {"CALL-15.1", "a late Reply does not answer the next Call", late_reply_meets_a_queued_call,
     CTS_ONE_PROCESS, CTS_LIMITED, VIRTUAL_TIME, CTS_SMOKE | CTS_WAITS},
    {"CALL-15.2", "a late Reply does not answer the next Call, two processes",
     late_reply_meets_a_queued_call, CTS_TWO_PROCESSES, CTS_LIMITED, VIRTUAL_TIME, CTS_WAITS},
    {"CALL-15.3", "a late Reply does not answer the next Call, real time",
     late_reply_meets_a_queued_call, CTS_ONE_PROCESS, CTS_LIMITED, REAL_TIME, 0},
    {"CALL-15.4", "a late Reply does not answer a Call that another server holds",
     late_reply_meets_a_taken_call, CTS_ONE_PROCESS, CTS_LIMITED, VIRTUAL_TIME, CTS_WAITS},
    {"CALL-15.5", "a late Reply does not answer a Call in service, two processes",
     late_reply_meets_a_taken_call, CTS_TWO_PROCESSES, CTS_LIMITED, VIRTUAL_TIME, CTS_WAITS},
    {"CALL-15.6", "the Reply to another client does not answer an interrupted caller",
     interrupted_caller_gets_its_own_reply, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_SMOKE},
    {"CALL-15.7", "the Reply to another client does not answer an interrupted caller, processes",
     interrupted_caller_gets_its_own_reply, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-15.22", "the Reply to another client does not answer an interrupted caller, limit",
     interrupted_caller_gets_its_own_reply, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"CALL-15.8", "a request that timed out in the queue is not answered",
     timed_out_caller_gets_its_own_reply, CTS_ONE_PROCESS, CTS_LIMITED, VIRTUAL_TIME, CTS_WAITS},
    {"CALL-15.9", "a request that timed out in the queue is not answered, two processes",
     timed_out_caller_gets_its_own_reply, CTS_TWO_PROCESSES, CTS_LIMITED, VIRTUAL_TIME, CTS_WAITS},
    {"CALL-15.10", "a request that timed out in the queue is not answered, real time",
     timed_out_caller_gets_its_own_reply, CTS_ONE_PROCESS, CTS_LIMITED, REAL_TIME, 0},
    {"CALL-15.11", "a late Reply does not answer the next Call of the thread in service",
     late_reply_meets_the_next_call_in_service, CTS_ONE_PROCESS, CTS_LIMITED, VIRTUAL_TIME,
     CTS_WAITS},
    {"CALL-15.12", "a late Reply does not answer the next Call in service, two processes",
     late_reply_meets_the_next_call_in_service, CTS_TWO_PROCESSES, CTS_LIMITED, VIRTUAL_TIME,
     CTS_WAITS},
    {"CALL-15.13", "three requests in service are answered last first",
     replies_in_another_order_reach_their_callers, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-15.14", "three requests in service are answered middle first",
     replies_in_another_order_reach_their_callers, CTS_ONE_PROCESS, CTS_LIMITED, 1, 0},
    {"CALL-15.15", "three requests in service are answered out of order, two processes",
     replies_in_another_order_reach_their_callers, CTS_TWO_PROCESSES, CTS_UNLIMITED, 2, 0},
    {"CALL-15.20", "three requests in service are answered out of order",
     replies_in_another_order_reach_their_callers, CTS_ONE_PROCESS, CTS_UNLIMITED, 2, 0},
    {"CALL-15.16", "late Reply before the Reply to the next call of the same thread",
     late_reply_comes_first, CTS_ONE_PROCESS, CTS_LIMITED, REAL_TIME, 0},
    {"CALL-15.17", "late Reply after the Reply to the next call of the same thread",
     late_reply_comes_last, CTS_ONE_PROCESS, CTS_LIMITED, REAL_TIME, 0},
    {"CALL-15.18", "late Reply before the Reply to the next call of the same thread, virtual time",
     late_reply_comes_first, CTS_TWO_PROCESSES, CTS_LIMITED, VIRTUAL_TIME, CTS_WAITS},
    {"CALL-15.21",
     "late Reply before the Reply to the next call of the same thread, virtual time, one process",
     late_reply_comes_first, CTS_ONE_PROCESS, CTS_LIMITED, VIRTUAL_TIME, CTS_WAITS},
    {"CALL-15.29", "a late Reply does not answer the next Call on another channel of the listener",
     late_reply_meets_a_queue_beside, CTS_ONE_PROCESS, CTS_LIMITED, REAL_TIME, 0},
    {"CALL-15.30", "a late Reply does not answer a Call in service on another channel",
     late_reply_meets_a_service_beside, CTS_ONE_PROCESS, CTS_LIMITED, REAL_TIME, 0},
    {"CALL-15.31", "a late Reply does not answer a Call on another channel, virtual time",
     late_reply_meets_a_queue_beside, CTS_ONE_PROCESS, CTS_LIMITED, VIRTUAL_TIME, CTS_WAITS},
};
CTS_GROUP(cts_group_call_late_reply, cases);
