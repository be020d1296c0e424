/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The column "Close of the sync handle" of the window matrix of RecvEx (see window_recv.c). What
 * Close does to a waiting receive is open (STATE-07); the claim is that everybody comes back, that
 * no request is lost, and that other receivers are as before. Close itself may refuse, or wait for
 * the receive.
 */
#include <cts/cts.h>

#define VIRTUAL_MDELAY 600
#define REAL_MDELAY 30

enum { VIRTUAL_TIME, REAL_TIME };

struct scene {
    struct cts_link link;
    struct cts_process *process; /* of the servers */
    Handle sync;
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_actor *second; /* a second receiver */
    struct cts_actor *closer;
    struct cts_op *recv;
    struct cts_op *call;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.process = s.link.server_process;
    s.sync = cts_sync_new(s.process);
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.process, "server");
    s.second = cts_actor_new(s.process, "second server");
    s.closer = cts_actor_new(s.process, "closer");
    return s;
}

/* The request of `call` is received by `recv` or, when that failed, by the next Recv. */
static void check_request_not_lost(struct scene *s)
{
    if (cts_wait(s->recv) != rcOk) {
        s->recv = cts_start_recv(s->server, s->link.server);
        cts_check_returned(s->recv, rcOk);
    }
    cts_check_served(s->server, s->recv, s->call);
}

static void record_close(struct cts_op *close)
{
    Retcode rc = cts_wait(close);
    cts_observe("Close of the sync handle of a RecvEx", cts_rc_name(rc));
}

/* STATE-07: waiting with a limit: it comes back by then, and a receiver with another object stays.
 */
static void close_while_waiting_with_limit(const struct cts_case *self)
{
    if (self->variant == VIRTUAL_TIME) {
        cts_use_virtual_time();
    }
    rtl_uint32_t mdelay = self->variant == VIRTUAL_TIME ? VIRTUAL_MDELAY : REAL_MDELAY;
    struct scene s = scene_open(self);
    Handle other_sync = cts_sync_new(s.process);
    struct cts_op *other = cts_start_recv_ex(s.second, s.link.server, INFINITE_TIMEOUT, other_sync);
    cts_require_blocked(other);
    s.recv = cts_start_recv_ex(s.server, s.link.server, mdelay, s.sync);
    cts_settle();

    struct cts_op *close = cts_start_close(s.closer, s.sync);

    if (self->variant == VIRTUAL_TIME) {
        cts_settle();
        cts_advance_ms(VIRTUAL_MDELAY + 100);
    }
    cts_check_that(cts_wait(s.recv) != rcOk, "a receive without a request is an error");
    cts_observe("waiting RecvEx with a limit whose sync handle was closed",
                cts_rc_name(cts_rc(s.recv)));
    record_close(close);
    cts_check_blocked(other);
    s.call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_check_returned(other, rcOk);
    cts_check_served(s.second, other, s.call);
}

/* STATE-07: waiting: it comes back at once with an error, or receives the next request. */
static void close_while_waiting(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    s.recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
    cts_require_blocked(s.recv);

    struct cts_op *close = cts_start_close(s.closer, s.sync);

    cts_settle();
    cts_observe("waiting RecvEx whose sync handle was closed",
                cts_returned(s.recv) ? cts_rc_name(cts_rc(s.recv)) : "keeps waiting");
    if (cts_returned(s.recv)) {
        cts_check_that(cts_rc(s.recv) != rcOk, "a receive without a request is an error");
    }
    s.call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    check_request_not_lost(&s);
    record_close(close);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* STATE-07: it is held while a request arrives and Close comes. */
static void close_while_the_receiver_is_held(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    s.recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
    cts_require_blocked(s.recv);
    cts_freeze(s.server);
    s.call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_settle();

    struct cts_op *close = cts_start_close(s.closer, s.sync);
    cts_settle();
    cts_thaw(s.server);

    check_request_not_lost(&s);
    record_close(close);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* OBJ-09: during the processing nobody waits with the object, so Close deletes an idle one. */
static void close_while_processing(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    s.recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
    s.call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_require_returned(s.recv, rcOk);

    struct cts_op *close = cts_start_close(s.closer, s.sync);

    cts_check_returned(close, rcOk);
    cts_check_blocked(s.call);
    cts_check_served(s.server, s.recv, s.call);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

static const struct cts_case cases[] = {
    {"STATE-07.41", "Close while a RecvEx with a limit waits", close_while_waiting_with_limit,
     CTS_ONE_PROCESS, CTS_LIMITED, VIRTUAL_TIME, CTS_WAITS},
    {"STATE-07.42", "Close while a RecvEx with a limit waits, two processes",
     close_while_waiting_with_limit, CTS_TWO_PROCESSES, CTS_LIMITED, VIRTUAL_TIME, 0},
    {"STATE-07.43", "Close while a RecvEx with a limit waits, real time",
     close_while_waiting_with_limit, CTS_ONE_PROCESS, CTS_LIMITED, REAL_TIME, 0},
    {"STATE-07.44", "Close while a RecvEx waits", close_while_waiting, CTS_ONE_PROCESS,
     CTS_UNLIMITED, 0, 0},
    {"STATE-07.45", "Close while a RecvEx waits, limit, two processes", close_while_waiting,
     CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"STATE-07.53", "Close while a RecvEx waits, limit", close_while_waiting, CTS_ONE_PROCESS,
     CTS_LIMITED, 0, 0},
    {"STATE-07.46", "Close while a request meets a RecvEx that is held",
     close_while_the_receiver_is_held, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"STATE-07.47", "Close while a request meets a held RecvEx, limit, two processes",
     close_while_the_receiver_is_held, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"STATE-07.54", "Close while a request meets a RecvEx that is held, limit",
     close_while_the_receiver_is_held, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"OBJ-09.41", "Close while the request of a RecvEx is processed", close_while_processing,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"OBJ-09.42", "Close while the request of a RecvEx is processed, limit, two processes",
     close_while_processing, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"OBJ-09.44", "Close while the request of a RecvEx is processed, limit", close_while_processing,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
};
CTS_GROUP(cts_group_window_recv_close, cases);
