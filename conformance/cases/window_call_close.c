/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The column "Close of the sync handle" of the window matrix of CallEx (see window_call.c). What
 * Close does to a waiting call is open (STATE-07); the claim is that everybody comes back, that a
 * call that failed was not served, and that the channel and other callers are as before. Close
 * itself may refuse, or wait for the call.
 */
#include <cts/cts.h>

#define VIRTUAL_MDELAY 600
#define REAL_MDELAY 30

enum { VIRTUAL_TIME, REAL_TIME };

struct scene {
    struct cts_link link;
    struct cts_process *process; /* of the clients */
    Handle sync;
    struct cts_actor *client;
    struct cts_actor *other;
    struct cts_actor *closer;
    struct cts_actor *server;
    struct cts_op *recv;
    struct cts_op *call;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.process = s.link.client_process;
    s.sync = cts_sync_new(s.process);
    s.client = cts_actor_new(s.process, "client");
    s.other = cts_actor_new(s.process, "other client");
    s.closer = cts_actor_new(s.process, "closer");
    s.server = cts_actor_new(s.link.server_process, "server");
    return s;
}

static struct scene scene_taken(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    s.recv = cts_start_recv(s.server, s.link.server);
    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_returned(s.recv, rcOk);
    return s;
}

/* Answer the request that the server holds: Reply and call come back. */
static void check_answered(struct scene *s)
{
    struct cts_op *reply = cts_start_reply(s->server, s->recv, CTS_PLAIN);
    (void)cts_wait(reply);
    (void)cts_wait(s->call);
}

/* Everybody has come back; record how, and use the channel once more. */
static void check_end(struct scene *s, struct cts_op *close, const char *phase)
{
    Retcode rc = cts_wait(close);
    cts_observe("Close of the sync handle of a CallEx", cts_rc_name(rc));
    cts_observe(phase, cts_rc_name(cts_wait(s->call)));
    cts_check_exchange(s->client, s->link.client, s->server, s->link.server);
}

/* STATE-07: in the queue with a limit: it comes back by then, and another caller stays. */
static void close_while_queued_with_limit(const struct cts_case *self)
{
    if (self->variant == VIRTUAL_TIME) {
        cts_use_virtual_time();
    }
    rtl_uint32_t mdelay = self->variant == VIRTUAL_TIME ? VIRTUAL_MDELAY : REAL_MDELAY;
    struct scene s = scene_open(self);
    Handle other_sync = cts_sync_new(s.process);
    struct cts_op *other =
        cts_start_call_ex(s.other, s.link.client, CTS_PLAIN, INFINITE_TIMEOUT, other_sync);
    cts_require_blocked(other);
    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, mdelay, s.sync);
    cts_settle();

    struct cts_op *close = cts_start_close(s.closer, s.sync);

    if (self->variant == VIRTUAL_TIME) {
        cts_settle();
        cts_advance_ms(VIRTUAL_MDELAY + 100);
    }
    cts_check_that(cts_wait(s.call) != rcOk, "a call that was not served is an error");
    cts_check_blocked(other);
    s.recv = cts_start_recv(s.server, s.link.server);
    cts_check_returned(s.recv, rcOk);
    cts_check_served(s.server, s.recv, other);
    check_end(&s, close, "queued CallEx with a limit whose sync handle was closed");
}

/* STATE-07: in the queue: it comes back at once with an error, or is served. */
static void close_while_queued(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_blocked(s.call);

    struct cts_op *close = cts_start_close(s.closer, s.sync);

    cts_settle();
    if (!cts_returned(s.call)) {
        s.recv = cts_start_recv(s.server, s.link.server);
        cts_wait_either(s.recv, s.call);
        if (cts_returned(s.recv)) {
            cts_check_returned(s.recv, rcOk);
            check_answered(&s);
        } else {
            struct cts_op *next = cts_start_call(s.client, s.link.client, CTS_PLAIN);
            cts_check_returned(s.recv, rcOk);
            if (cts_request(s.recv) == cts_request(s.call)) {
                check_answered(&s); /* it was taken before it ended */
                s.recv = cts_start_recv(s.server, s.link.server);
                cts_check_returned(s.recv, rcOk);
            }
            cts_check_served(s.server, s.recv, next);
        }
    }
    cts_check_that(s.recv != NULL || cts_rc(s.call) != rcOk,
                   "a call that was not served is an error");
    check_end(&s, close, "queued CallEx whose sync handle was closed");
}

/* The end of a call that may have been taken, be queued still, or be refused. The server gets the
 * request or that of the other client. */
static void check_served_or_failed(struct scene *s)
{
    struct cts_op *probe = cts_start_call(s->other, s->link.client, CTS_PLAIN);
    cts_check_returned(s->recv, rcOk);
    bool taken = cts_request(s->recv) == cts_request(s->call);
    if (taken) {
        check_answered(s);
        s->recv = cts_start_recv(s->server, s->link.server);
        cts_check_returned(s->recv, rcOk);
    }
    cts_check_served(s->server, s->recv, probe);
    cts_settle();
    if (!cts_returned(s->call)) {
        s->recv = cts_start_recv(s->server, s->link.server);
        cts_check_returned(s->recv, rcOk);
        check_answered(s);
    } else if (!taken) {
        cts_check_that(cts_rc(s->call) != rcOk, "a call that was not served is an error");
    }
}

/* STATE-07: the server is in Recv and held there while the request arrives and Close comes. */
static void close_while_the_receiver_is_held(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    s.recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(s.recv);
    cts_freeze(s.server);
    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_settle();

    struct cts_op *close = cts_start_close(s.closer, s.sync);
    cts_settle();
    cts_thaw(s.server);

    check_served_or_failed(&s);
    check_end(&s, close, "CallEx that met a server when its sync handle was closed");
}

/* STATE-07: the client is held in the queue while Recv and Close come. */
static void close_while_the_caller_is_held(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_blocked(s.call);
    cts_freeze(s.client);
    s.recv = cts_start_recv(s.server, s.link.server);
    cts_settle();

    struct cts_op *close = cts_start_close(s.closer, s.sync);
    cts_settle();
    cts_thaw(s.client);

    check_served_or_failed(&s);
    check_end(&s, close, "CallEx held when a server came and its sync handle was closed");
}

/* STATE-07: in service. */
static void close_in_service(const struct cts_case *self)
{
    struct scene s = scene_taken(self);

    struct cts_op *close = cts_start_close(s.closer, s.sync);

    cts_settle();
    check_answered(&s);
    check_end(&s, close, "taken CallEx whose sync handle was closed");
}

/* STATE-07: the response is on its way and the client not yet back. */
static void close_after_the_reply(const struct cts_case *self)
{
    struct scene s = scene_taken(self);
    cts_require_blocked(s.call);
    cts_freeze(s.client);
    struct cts_op *reply = cts_start_reply(s.server, s.recv, CTS_PLAIN);
    cts_settle();

    struct cts_op *close = cts_start_close(s.closer, s.sync);
    cts_settle();
    cts_thaw(s.client);

    (void)cts_wait(reply);
    check_end(&s, close, "answered CallEx whose sync handle was closed");
}

/* OBJ-09: after the return nobody waits, so Close deletes an idle object. */
static void close_after_the_return(const struct cts_case *self)
{
    struct scene s = scene_taken(self);
    cts_check_served(s.server, s.recv, s.call);

    struct cts_op *close = cts_start_close(s.closer, s.sync);

    cts_check_returned(close, rcOk);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

static const struct cts_case cases[] = {
    {"STATE-07.21", "Close while a CallEx with a limit is queued", close_while_queued_with_limit,
     CTS_ONE_PROCESS, CTS_LIMITED, VIRTUAL_TIME, CTS_WAITS},
    {"STATE-07.22", "Close while a CallEx with a limit is queued, two processes",
     close_while_queued_with_limit, CTS_TWO_PROCESSES, CTS_LIMITED, VIRTUAL_TIME, 0},
    {"STATE-07.23", "Close while a CallEx with a limit is queued, real time",
     close_while_queued_with_limit, CTS_ONE_PROCESS, CTS_LIMITED, REAL_TIME, 0},
    {"STATE-07.24", "Close while a CallEx is queued", close_while_queued, CTS_ONE_PROCESS,
     CTS_UNLIMITED, 0, 0},
    {"STATE-07.25", "Close while a CallEx is queued, two processes", close_while_queued,
     CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"STATE-07.48", "Close while a CallEx is queued, limit", close_while_queued, CTS_ONE_PROCESS,
     CTS_LIMITED, 0, 0},
    {"STATE-07.26", "Close while request and receiver meet, receiver held",
     close_while_the_receiver_is_held, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"STATE-07.27", "Close while request and receiver meet, receiver held, two processes",
     close_while_the_receiver_is_held, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"STATE-07.49", "Close while request and receiver meet, receiver held, limit",
     close_while_the_receiver_is_held, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"STATE-07.28", "Close while request and receiver meet, caller held",
     close_while_the_caller_is_held, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"STATE-07.29", "Close while request and receiver meet, caller held, two processes",
     close_while_the_caller_is_held, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"STATE-07.50", "Close while request and receiver meet, caller held, limit",
     close_while_the_caller_is_held, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"STATE-07.30", "Close while a CallEx is in service", close_in_service, CTS_ONE_PROCESS,
     CTS_UNLIMITED, 0, 0},
    {"STATE-07.31", "Close while a CallEx is in service, limit, two processes", close_in_service,
     CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"STATE-07.51", "Close while a CallEx is in service, limit", close_in_service, CTS_ONE_PROCESS,
     CTS_LIMITED, 0, 0},
    {"STATE-07.32", "Close after the Reply", close_after_the_reply, CTS_ONE_PROCESS, CTS_UNLIMITED,
     0, 0},
    {"STATE-07.33", "Close after the Reply, limit, two processes", close_after_the_reply,
     CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"STATE-07.52", "Close after the Reply, limit", close_after_the_reply, CTS_ONE_PROCESS,
     CTS_LIMITED, 0, 0},
    {"OBJ-09.21", "Close after the CallEx has returned", close_after_the_return, CTS_ONE_PROCESS,
     CTS_UNLIMITED, 0, 0},
    {"OBJ-09.22", "Close after the CallEx has returned, limit, two processes",
     close_after_the_return, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"OBJ-09.43", "Close after the CallEx has returned, limit", close_after_the_return,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
};
CTS_GROUP(cts_group_window_call_close, cases);
