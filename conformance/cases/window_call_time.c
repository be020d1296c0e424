/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The column "timeout falls due" of the window matrix of CallEx (see window_call.c). Without
 * virtual time only two things are claimed: the code, and that it does not come early.
 */
#include <cts/cts.h>

#define VIRTUAL_MDELAY 600
#define SHORTLY_BEFORE 500 /* then 200 more: shortly after */
#define LONG_AFTER 5000
#define REAL_MDELAY 30
#define NS_PER_MS 1000000u

enum { VIRTUAL_TIME, REAL_TIME };

struct scene {
    struct cts_link link;
    Handle sync;
    struct cts_actor *client;
    struct cts_actor *other;
    struct cts_actor *server;
    struct cts_op *recv;
    struct cts_op *call;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.sync = cts_sync_new(s.link.client_process);
    s.client = cts_actor_new(s.link.client_process, "client");
    s.other = cts_actor_new(s.link.client_process, "other client");
    s.server = cts_actor_new(s.link.server_process, "server");
    return s;
}

static struct cts_op *start_limited(const struct scene *s)
{
    return cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, VIRTUAL_MDELAY, s->sync);
}

/* The claim where nobody has answered in time: the call ends with rcTimeout, whether its request
 * was taken or not; a Reply that comes later is recorded; the next request gets its own answer. */
static void check_times_out_and_channel_works(struct scene *s)
{
    cts_check_returned(s->call, rcTimeout);
    struct cts_op *probe = cts_start_call(s->other, s->link.client, CTS_PLAIN);
    cts_check_returned(s->recv, rcOk);
    if (cts_request(s->recv) == cts_request(s->call)) {
        struct cts_op *late = cts_start_reply(s->server, s->recv, CTS_PLAIN);
        Retcode rc = cts_wait(late);
        cts_observe("Reply to a CallEx that has timed out", cts_rc_name(rc));
        cts_check_blocked(probe);
        s->recv = cts_start_recv(s->server, s->link.server);
        cts_check_returned(s->recv, rcOk);
    }
    cts_check_served(s->server, s->recv, probe);
}

/* TIME-02: time that passes before the call does not count. */
static void time_before_the_call(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);

    cts_advance_ms(LONG_AFTER);
    s.call = start_limited(&s);
    cts_require_blocked(s.call);
    cts_advance_ms(SHORTLY_BEFORE);

    cts_check_blocked(s.call);
    s.recv = cts_start_recv(s.server, s.link.server);
    cts_check_returned(s.recv, rcOk);
    cts_check_served(s.server, s.recv, s.call);
}

/* TIME-01: in the queue, without a server. */
static void due_while_queued(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    s.call = start_limited(&s);
    cts_require_blocked(s.call);

    cts_advance_ms(SHORTLY_BEFORE);
    cts_check_blocked(s.call);
    cts_advance_ms(200);

    cts_check_returned(s.call, rcTimeout);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* TIME-01: in the queue, behind a busy server. */
static void due_behind_a_busy_server(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    s.recv = cts_start_recv(s.server, s.link.server);
    struct cts_op *taken = cts_start_call(s.other, s.link.client, CTS_PLAIN);
    cts_require_returned(s.recv, rcOk);
    s.call = start_limited(&s);
    cts_require_blocked(s.call);

    cts_advance_ms(SHORTLY_BEFORE);
    cts_check_blocked(s.call);
    cts_advance_ms(200);

    cts_check_returned(s.call, rcTimeout);
    cts_check_served(s.server, s.recv, taken);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* TIME-01: in the queue, on real time. */
static void due_while_queued_on_real_time(const struct cts_case *self)
{
    struct scene s = scene_open(self);

    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, REAL_MDELAY, s.sync);

    cts_check_returned(s.call, rcTimeout);
    cts_check_that(cts_elapsed_ns(s.call) >= (rtl_uint64_t)(REAL_MDELAY - 1) * NS_PER_MS,
                   "the call has not returned before its mdelay");
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* TIME-06: the server is in Recv and held there while the request arrives and the limit passes. */
static void due_while_the_receiver_is_held(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    s.recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(s.recv);
    cts_freeze(s.server);
    s.call = start_limited(&s);
    cts_settle();

    cts_advance_ms(VIRTUAL_MDELAY + 100);
    cts_settle();
    cts_thaw(s.server);

    check_times_out_and_channel_works(&s);
}

/* TIME-06: the client is held in the queue while the server receives and the limit passes. */
static void due_while_the_caller_is_held(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    s.call = start_limited(&s);
    cts_require_blocked(s.call);
    cts_freeze(s.client);
    s.recv = cts_start_recv(s.server, s.link.server);
    cts_settle();

    cts_advance_ms(VIRTUAL_MDELAY + 100);
    cts_settle();
    cts_thaw(s.client);

    check_times_out_and_channel_works(&s);
}

/* TIME-06: in service. On real time the limit may pass before the request is taken, on a very slow
 * machine; the claim holds then too. */
static void due_in_service(const struct cts_case *self)
{
    if (self->variant == VIRTUAL_TIME) {
        cts_use_virtual_time();
    }
    struct scene s = scene_open(self);
    s.recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(s.recv);
    if (self->variant == VIRTUAL_TIME) {
        s.call = start_limited(&s);
        cts_require_returned(s.recv, rcOk);
        cts_advance_ms(SHORTLY_BEFORE);
        cts_check_blocked(s.call);
        cts_advance_ms(200);
    } else {
        s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, REAL_MDELAY, s.sync);
    }

    check_times_out_and_channel_works(&s);
}

/* TIME-06: the response was on its way in time, but the client not back: either end is lawful, and
 * the response goes to nobody else. */
static void due_after_the_reply(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    s.recv = cts_start_recv(s.server, s.link.server);
    s.call = start_limited(&s);
    cts_require_returned(s.recv, rcOk);
    cts_require_blocked(s.call);
    cts_freeze(s.client);
    struct cts_op *reply = cts_start_reply(s.server, s.recv, CTS_PLAIN);
    cts_settle();

    cts_advance_ms(VIRTUAL_MDELAY + 100);
    cts_settle();
    cts_thaw(s.client);

    cts_check_returned_one_of(s.call, rcOk, rcTimeout);
    if (cts_wait(reply) == rcOk && cts_rc(s.call) != rcOk) {
        cts_observe("CallEx answered before, resumed after its limit", cts_rc_name(cts_rc(s.call)));
    }
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* TIME-03: the limit of a call that has returned does not reach the next call of the thread. */
static void due_after_the_return(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    s.recv = cts_start_recv(s.server, s.link.server);
    s.call = start_limited(&s);
    cts_require_returned(s.recv, rcOk);
    cts_check_served(s.server, s.recv, s.call);
    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, INFINITE_TIMEOUT, s.sync);
    cts_require_blocked(s.call);

    cts_advance_ms(LONG_AFTER);

    cts_check_blocked(s.call);
    s.recv = cts_start_recv(s.server, s.link.server);
    cts_check_returned(s.recv, rcOk);
    cts_check_served(s.server, s.recv, s.call);
}

static const struct cts_case cases[] = {
    {"TIME-02.21", "time before a CallEx does not count", time_before_the_call, CTS_ONE_PROCESS,
     CTS_LIMITED, 0, 0},
    {"TIME-02.22", "time before a CallEx does not count, two processes", time_before_the_call,
     CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"TIME-01.21", "a queued CallEx times out", due_while_queued, CTS_ONE_PROCESS, CTS_LIMITED, 0,
     CTS_SMOKE | CTS_WAITS},
    {"TIME-01.22", "a queued CallEx times out, two processes", due_while_queued, CTS_TWO_PROCESSES,
     CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-01.23", "a CallEx behind a busy server times out", due_behind_a_busy_server,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-01.24", "a queued CallEx times out, real time", due_while_queued_on_real_time,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, CTS_SMOKE},
    {"TIME-01.25", "a queued CallEx times out, real time, two processes",
     due_while_queued_on_real_time, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"TIME-03.21", "the limit of a returned CallEx does not reach the next", due_after_the_return,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_SMOKE},
    {"TIME-03.22", "the limit of a returned CallEx does not reach the next, two processes",
     due_after_the_return, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"TIME-06.21", "the limit passes while request and receiver meet, receiver held",
     due_while_the_receiver_is_held, CTS_ONE_PROCESS, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-06.22", "the limit passes while they meet, receiver held, two processes",
     due_while_the_receiver_is_held, CTS_TWO_PROCESSES, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-06.23", "the limit passes while request and receiver meet, caller held",
     due_while_the_caller_is_held, CTS_ONE_PROCESS, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-06.24", "the limit passes while they meet, caller held, two processes",
     due_while_the_caller_is_held, CTS_TWO_PROCESSES, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-06.25", "the limit passes in service", due_in_service, CTS_ONE_PROCESS, CTS_LIMITED,
     VIRTUAL_TIME, CTS_SMOKE | CTS_WAITS},
    {"TIME-06.26", "the limit passes in service, two processes", due_in_service, CTS_TWO_PROCESSES,
     CTS_LIMITED, VIRTUAL_TIME, CTS_WAITS},
    {"TIME-06.27", "the limit passes in service, real time", due_in_service, CTS_ONE_PROCESS,
     CTS_LIMITED, REAL_TIME, 0},
    {"TIME-06.28", "the limit passes after the Reply", due_after_the_reply, CTS_ONE_PROCESS,
     CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-06.29", "the limit passes after the Reply, two processes", due_after_the_reply,
     CTS_TWO_PROCESSES, CTS_LIMITED, 0, CTS_WAITS},
};
CTS_GROUP(cts_group_window_call_time, cases);
