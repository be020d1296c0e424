/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The column "timeout falls due" of the window matrix of RecvEx (see window_recv.c). Without
 * virtual time only two things are claimed: the code, and that it does not come early.
 */
#include <cts/cts.h>

#define VIRTUAL_MDELAY 600
#define SHORTLY_BEFORE 500 /* then 200 more: shortly after */
#define LONG_AFTER 5000
#define REAL_MDELAY 30
#define NS_PER_MS 1000000u

enum { ON_SERVER, ON_LISTENER };

struct scene {
    struct cts_link link;
    Handle sync; /* of the server's process */
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_op *recv;
    struct cts_op *call;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.sync = cts_sync_new(s.link.server_process);
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    return s;
}

static struct cts_op *start_limited(const struct scene *s)
{
    return cts_start_recv_ex(s->server, s->link.server, VIRTUAL_MDELAY, s->sync);
}

/* TIME-02: time that passes before the receive does not count. */
static void time_before_the_receive(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);

    cts_advance_ms(LONG_AFTER);
    s.recv = start_limited(&s);
    cts_require_blocked(s.recv);
    cts_advance_ms(SHORTLY_BEFORE);

    cts_check_blocked(s.recv);
    s.call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_check_returned(s.recv, rcOk);
    cts_check_served(s.server, s.recv, s.call);
}

/* TIME-01: while it waits. A request that comes afterwards is for the next Recv. variant: on which handle. */
static void due_while_waiting(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    Handle end = self->variant == ON_LISTENER ? s.link.listener : s.link.server;
    s.recv = cts_start_recv_ex(s.server, end, VIRTUAL_MDELAY, s.sync);
    cts_require_blocked(s.recv);

    cts_advance_ms(SHORTLY_BEFORE);
    cts_check_blocked(s.recv);
    cts_advance_ms(200);

    cts_check_returned(s.recv, rcTimeout);
    s.call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_check_blocked(s.call);
    s.recv = cts_start_recv(s.server, s.link.server);
    cts_check_returned(s.recv, rcOk);
    cts_check_served(s.server, s.recv, s.call);
}

/* TIME-01: while it waits, on real time. */
static void due_while_waiting_on_real_time(const struct cts_case *self)
{
    struct scene s = scene_open(self);

    s.recv = cts_start_recv_ex(s.server, s.link.server, REAL_MDELAY, s.sync);

    cts_check_returned(s.recv, rcTimeout);
    cts_check_that(cts_elapsed_ns(s.recv) >= (rtl_uint64_t)(REAL_MDELAY - 1) * NS_PER_MS,
                   "the receive has not returned before its mdelay");
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* RECV-03: it waits and is held there while a request arrives and the limit passes: it has the
 * request, or it times out and the next Recv has it. */
static void due_while_the_receiver_is_held(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    s.recv = start_limited(&s);
    cts_require_blocked(s.recv);
    cts_freeze(s.server);
    s.call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_settle();

    cts_advance_ms(VIRTUAL_MDELAY + 100);
    cts_settle();
    cts_thaw(s.server);

    cts_check_returned_one_of(s.recv, rcOk, rcTimeout);
    cts_check_blocked(s.call);
    if (cts_rc(s.recv) == rcTimeout) {
        s.recv = cts_start_recv(s.server, s.link.server);
        cts_check_returned(s.recv, rcOk);
    }
    cts_check_served(s.server, s.recv, s.call);
}

/* TIME-03: the limit of the receive does not reach the processing, the Reply and the next wait. */
static void due_while_processing(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    s.recv = start_limited(&s);
    Handle client_sync = cts_sync_new(s.link.client_process);
    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, INFINITE_TIMEOUT, client_sync);
    cts_require_returned(s.recv, rcOk);

    cts_advance_ms(VIRTUAL_MDELAY + 100);

    cts_check_blocked(s.call);
    cts_check_served(s.server, s.recv, s.call);
    s.recv = cts_start_recv_ex(s.server, s.link.server, INFINITE_TIMEOUT, s.sync);
    cts_check_blocked(s.recv);
    cts_advance_ms(LONG_AFTER);
    cts_check_blocked(s.recv);
    s.call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_check_returned(s.recv, rcOk);
    cts_check_served(s.server, s.recv, s.call);
}

static const struct cts_case cases[] = {
    {"TIME-02.41", "time before a RecvEx does not count", time_before_the_receive, CTS_ONE_PROCESS,
     CTS_LIMITED, 0, 0},
    {"TIME-02.42", "time before a RecvEx does not count, two processes", time_before_the_receive,
     CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"TIME-01.41", "a waiting RecvEx times out", due_while_waiting, CTS_ONE_PROCESS, CTS_LIMITED,
     ON_SERVER, CTS_SMOKE | CTS_WAITS},
    {"TIME-01.42", "a waiting RecvEx times out, two processes", due_while_waiting,
     CTS_TWO_PROCESSES, CTS_LIMITED, ON_SERVER, CTS_WAITS},
    {"TIME-01.43", "a waiting RecvEx times out, real time", due_while_waiting_on_real_time,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"TIME-01.44", "a waiting RecvEx times out, real time, two processes",
     due_while_waiting_on_real_time, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"TIME-01.45", "a RecvEx waiting on a listener times out", due_while_waiting, CTS_ONE_PROCESS,
     CTS_LIMITED, ON_LISTENER, CTS_WAITS},
    {"RECV-03.45", "the limit passes while a request meets a RecvEx that is held",
     due_while_the_receiver_is_held, CTS_ONE_PROCESS, CTS_LIMITED, 0, CTS_WAITS},
    {"RECV-03.46", "the limit passes while a request meets a held RecvEx, two processes",
     due_while_the_receiver_is_held, CTS_TWO_PROCESSES, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-03.41", "the limit of a returned RecvEx does not reach the processing",
     due_while_processing, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"TIME-03.42", "the limit of a returned RecvEx does not reach the processing, two processes",
     due_while_processing, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
};
CTS_GROUP(cts_group_window_recv_time, cases);
