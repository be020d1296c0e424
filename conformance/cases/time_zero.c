/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TIME-05: mdelay 0 is not described. Whatever it means, the call returns, and it succeeds only
 * when a peer was waiting. What it returns is recorded.
 */
#include <cts/cts.h>

/* variant: state of the object, where nobody is free, and where the server receives. */
enum {
    CLEAR_OBJECT = 0,
    NO_OBJECT = 1,
    SET_OBJECT = 2,
    BUSY_SERVER = 4,
    AT_LISTENER = 8,
    WITH_ARENA = 16
};

struct scene {
    struct cts_link link;
    struct cts_actor *client;
    struct cts_actor *other; /* a second client */
    struct cts_actor *server;
    Handle client_sync; /* or INVALID_HANDLE */
    Handle server_sync;
};

static Handle object_of(const struct cts_case *self, struct cts_process *process)
{
    if (self->variant & NO_OBJECT) {
        return INVALID_HANDLE;
    }
    Handle sync = cts_sync_new(process);
    if (self->variant & SET_OBJECT) {
        cts_set(process, sync);
    }
    return sync;
}

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.client = cts_actor_new(s.link.client_process, "client");
    s.other = cts_actor_new(s.link.client_process, "other client");
    s.server = cts_actor_new(s.link.server_process, "server");
    s.client_sync = object_of(self, s.link.client_process);
    s.server_sync = object_of(self, s.link.server_process);
    return s;
}

static Handle end_of(const struct cts_case *self, const struct scene *s)
{
    return self->variant & AT_LISTENER ? s->link.listener : s->link.server;
}

/* Nobody was there: an error, and rcIpcInterrupt only with a set object. */
static void check_fails(const struct cts_case *self, const char *what, struct cts_op *op)
{
    Retcode rc = cts_wait(op);
    cts_check_that(rc != rcOk, "without a waiting peer the call does not succeed");
    cts_check_that(rc != rcIpcInterrupt || (self->variant & SET_OBJECT) != 0,
                   "nothing interrupts while the object is clear");
    cts_observe(what, cts_rc_name(rc));
}

/* The server, which waits in `recv` or holds what it received, serves the next request of another
 * client. The request of `call` may still come to it when the server was waiting for it. */
static void check_next_is_served(const struct scene *s, struct cts_op *recv,
                                 const struct cts_op *call)
{
    struct cts_op *next = cts_start_call(s->other, s->link.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    if (cts_request(recv) == cts_request(call)) {
        (void)cts_wait(cts_start_reply(s->server, recv, CTS_PLAIN));
        recv = cts_start_recv(s->server, s->link.server);
        cts_check_returned(recv, rcOk);
    }
    cts_check_served(s->server, recv, next);
}

/* TIME-05: CallEx, no server waits. */
static void call_without_server(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = NULL;
    struct cts_op *taken = NULL;
    if (self->variant & BUSY_SERVER) {
        recv = cts_start_recv(s.server, s.link.server);
        taken = cts_start_call(s.other, s.link.client, CTS_PLAIN);
        cts_require_returned(recv, rcOk);
    }

    struct cts_message request = {.arena_bytes = self->variant & WITH_ARENA ? 1000 : 0};
    struct cts_op *call = cts_start_call_ex(s.client, s.link.client, request, 0, s.client_sync);

    check_fails(self, "CallEx with mdelay 0, no server waits", call);
    if (taken != NULL) {
        cts_check_blocked(taken);
        cts_check_served(s.server, recv, taken);
    }
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* TIME-05: RecvEx, no request is queued. */
static void recv_without_request(const struct cts_case *self)
{
    struct scene s = scene_open(self);

    struct cts_op *recv = cts_start_recv_ex(s.server, end_of(self, &s), 0, s.server_sync);

    check_fails(self, "RecvEx with mdelay 0, no request is queued", recv);
    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_check_blocked(call);
    recv = cts_start_recv(s.server, s.link.server);
    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, call);
}

/* TIME-05: CallEx, a server waits. It may take the request or not, and there may be time for its
 * response or not; the call returns, at the latest with that. */
static void call_with_server(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(recv);

    struct cts_op *call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, 0, s.client_sync);
    cts_settle();
    if (!cts_returned(recv)) {
        Retcode rc = cts_wait(call);
        cts_check_that(rc != rcOk, "a call whose request nobody took does not succeed");
        cts_observe("CallEx with mdelay 0, a server waits, not taken", cts_rc_name(rc));
        check_next_is_served(&s, recv, call);
        return;
    }
    cts_check_returned(recv, rcOk);
    cts_check_that(cts_request(recv) == cts_request(call), "the server has the request");
    cts_observe("CallEx with mdelay 0, a server waits, taken",
                cts_returned(call) ? cts_rc_name(cts_rc(call)) : "waits for the response");
    Retcode replied = cts_wait(cts_start_reply(s.server, recv, CTS_PLAIN));
    Retcode rc = cts_wait(call);
    cts_check_that(rc != rcIpcInterrupt, "a request that was taken was not interrupted");
    cts_check_that(rc != rcOk || replied == rcOk, "the call succeeds only with its Reply");
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* TIME-05: RecvEx, a request is queued: it gets it, or the request stays. */
static void recv_with_request(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_require_blocked(call);

    struct cts_op *recv = cts_start_recv_ex(s.server, end_of(self, &s), 0, s.server_sync);

    Retcode rc = cts_wait(recv);
    cts_check_that(rc != rcIpcInterrupt || (self->variant & SET_OBJECT) != 0,
                   "nothing interrupts while the object is clear");
    cts_observe("RecvEx with mdelay 0, a request is queued", cts_rc_name(rc));
    cts_check_blocked(call);
    if (rc != rcOk) {
        recv = cts_start_recv(s.server, s.link.server);
        cts_check_returned(recv, rcOk);
    }
    cts_check_served(s.server, recv, call);
}

static const struct cts_case cases[] = {
    {"TIME-05.1", "CallEx with mdelay 0 without a server", call_without_server, CTS_ONE_PROCESS,
     CTS_LIMITED, CLEAR_OBJECT, CTS_SMOKE},
    {"TIME-05.2", "CallEx with mdelay 0 and no object without a server, two processes",
     call_without_server, CTS_TWO_PROCESSES, CTS_LIMITED, NO_OBJECT, 0},
    {"TIME-05.17", "CallEx with mdelay 0 and no object without a server", call_without_server,
     CTS_ONE_PROCESS, CTS_LIMITED, NO_OBJECT, 0},
    {"TIME-05.30", "CallEx with mdelay 0 and an arena without a server", call_without_server,
     CTS_ONE_PROCESS, CTS_LIMITED, WITH_ARENA, 0},
    {"TIME-05.31", "CallEx with mdelay 0, an arena and no object while the server is busy",
     call_without_server, CTS_ONE_PROCESS, CTS_LIMITED, WITH_ARENA | NO_OBJECT | BUSY_SERVER, 0},
    {"TIME-05.3", "CallEx with mdelay 0 and a set object without a server", call_without_server,
     CTS_ONE_PROCESS, CTS_LIMITED, SET_OBJECT, 0},
    {"TIME-05.4", "CallEx with mdelay 0 while the server is busy", call_without_server,
     CTS_ONE_PROCESS, CTS_LIMITED, BUSY_SERVER, 0},
    {"TIME-05.5", "RecvEx with mdelay 0 without a request", recv_without_request, CTS_ONE_PROCESS,
     CTS_LIMITED, CLEAR_OBJECT, CTS_SMOKE},
    {"TIME-05.6", "RecvEx with mdelay 0 and no object without a request, two processes",
     recv_without_request, CTS_TWO_PROCESSES, CTS_LIMITED, NO_OBJECT, 0},
    {"TIME-05.18", "RecvEx with mdelay 0 and no object without a request", recv_without_request,
     CTS_ONE_PROCESS, CTS_LIMITED, NO_OBJECT, 0},
    {"TIME-05.7", "RecvEx with mdelay 0 and a set object without a request", recv_without_request,
     CTS_ONE_PROCESS, CTS_LIMITED, SET_OBJECT, 0},
    {"TIME-05.8", "CallEx with mdelay 0 while a server waits", call_with_server, CTS_ONE_PROCESS,
     CTS_LIMITED, CLEAR_OBJECT, CTS_SMOKE},
    {"TIME-05.9", "CallEx with mdelay 0 and a set object while a server waits", call_with_server,
     CTS_ONE_PROCESS, CTS_LIMITED, SET_OBJECT, 0},
    {"TIME-05.10", "CallEx with mdelay 0 and no object while a server waits, two processes",
     call_with_server, CTS_TWO_PROCESSES, CTS_LIMITED, NO_OBJECT, 0},
    {"TIME-05.19", "CallEx with mdelay 0 and no object while a server waits", call_with_server,
     CTS_ONE_PROCESS, CTS_LIMITED, NO_OBJECT, 0},
    {"TIME-05.11", "RecvEx with mdelay 0 while a request is queued", recv_with_request,
     CTS_ONE_PROCESS, CTS_LIMITED, CLEAR_OBJECT, CTS_SMOKE},
    {"TIME-05.12", "RecvEx with mdelay 0 and a set object while a request is queued",
     recv_with_request, CTS_ONE_PROCESS, CTS_LIMITED, SET_OBJECT, 0},
    {"TIME-05.13", "RecvEx with mdelay 0 and no object while a request is queued, two processes",
     recv_with_request, CTS_TWO_PROCESSES, CTS_LIMITED, NO_OBJECT, 0},
    {"TIME-05.20", "RecvEx with mdelay 0 and no object while a request is queued",
     recv_with_request, CTS_ONE_PROCESS, CTS_LIMITED, NO_OBJECT, 0},
    {"TIME-05.14", "RecvEx with mdelay 0 on a listener without a request", recv_without_request,
     CTS_ONE_PROCESS, CTS_LIMITED, CLEAR_OBJECT | AT_LISTENER, 0},
    {"TIME-05.15", "RecvEx with mdelay 0 on a listener while a request is queued",
     recv_with_request, CTS_TWO_PROCESSES, CTS_LIMITED, CLEAR_OBJECT | AT_LISTENER, 0},
    {"TIME-05.21", "RecvEx with mdelay 0 on a listener while a request is queued, one process",
     recv_with_request, CTS_ONE_PROCESS, CTS_LIMITED, CLEAR_OBJECT | AT_LISTENER, 0},
};
CTS_GROUP(cts_group_time_zero, cases);
