/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LIFE-03: the client's process ends while its request is queued or taken. The server's Reply
 * returns, with any code, and the server serves others. Whether a queued request of a process that
 * was killed is still received is not claimed: Reply returns then, too.
 */
#include <cts/cts.h>

/* variant: calls of the process that ends; who else uses its channel. */
enum { WITH_OBJECT = 1, SAME_CHANNEL = 2, SERVER_IS_NEW = 4, EXIT = 8, ANSWERED = 16 };
enum { CALLS = 2 };

struct scene {
    struct cts_process *server_process;
    struct cts_process *ended;  /* the client's, which ends */
    struct cts_process *stays;  /* another client's */
    struct cts_link link;       /* of the one that ends */
    struct cts_link other_link; /* of the one that stays; receive there */
    Handle other_client;        /* call there: a handle of the one that stays */
    struct cts_actor *server;
    struct cts_actor *second; /* server */
    struct cts_actor *clients[CALLS];
    struct cts_actor *other;
    Handle sync; /* of the one that ends, or INVALID_HANDLE */
    Handle stop; /* of the server */
};

/* Give the process that stays a client handle of the channel of the one that ends. */
static void share_channel(struct scene *s)
{
    struct cts_link link = cts_link_between(s->stays, s->ended);
    struct cts_op *recv = cts_start_recv(s->other, link.server);
    struct cts_op *call =
        cts_start_call(s->clients[0], link.client, CTS_WITH_HANDLE(s->link.client));
    cts_require_returned(recv, rcOk);
    cts_require_returned(cts_start_reply(s->other, recv, CTS_PLAIN), rcOk);
    cts_require_returned(call, rcOk);
    cts_require_that(cts_received_handle_count(recv) == 1, "a client handle travels");
    s->other_client = cts_received_handle(recv, 0);
    s->other_link = s->link;
}

static struct scene scene_open(const struct cts_case *self)
{
    static const char *const names[CALLS] = {"client 1", "client 2"};
    struct scene s = {.server_process = cts_process_first()};
    s.ended = cts_process_new();
    s.stays = cts_process_new();
    if (self->variant & SERVER_IS_NEW) {
        s.server_process = s.stays;
        s.stays = cts_process_first();
    }
    s.link = cts_link_between(s.server_process, s.ended);
    s.server = cts_actor_new(s.server_process, "server");
    s.second = cts_actor_new(s.server_process, "second server");
    for (int i = 0; i < CALLS; i++) {
        s.clients[i] = cts_actor_new(s.ended, names[i]);
    }
    s.other = cts_actor_new(s.stays, "other client");
    s.sync = self->variant & WITH_OBJECT ? cts_sync_new(s.ended) : INVALID_HANDLE;
    s.stop = cts_sync_new(s.server_process);
    if (self->variant & SAME_CHANNEL) {
        share_channel(&s);
    } else {
        s.other_link = cts_link_between(s.server_process, s.stays);
        s.other_client = s.other_link.client;
    }
    return s;
}

static struct cts_op *start_call(const struct cts_case *self, const struct scene *s, int client)
{
    return cts_start_call_ex(s->clients[client], s->link.client, CTS_PLAIN, cts_mdelay(self),
                             s->sync);
}

/* Serve `call` of the process that stays; what is left of others is answered as it comes, which is
 * at most once for each of their requests. */
static void check_served_at_last(const struct scene *s, struct cts_op *call)
{
    for (int i = 0; i <= CALLS; i++) {
        struct cts_op *recv = cts_start_recv(s->server, s->other_link.server);
        cts_check_returned(recv, rcOk);
        if (cts_request(recv) == cts_request(call)) {
            cts_check_served(s->server, recv, call);
            return;
        }
        (void)cts_wait(cts_start_reply(s->server, recv, CTS_PLAIN));
    }
    cts_check_that(false, "the server comes to the request of another client");
}

static void check_server_goes_on(const struct scene *s)
{
    for (int i = 0; i < 2; i++) {
        struct cts_op *call = cts_start_call(s->other, s->other_client, CTS_PLAIN);
        check_served_at_last(s, call);
    }
}

/* LIFE-03: killed while its requests are taken, by two threads of the server. */
static void killed_while_taken(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *servers[CALLS] = {s.server, s.second};
    struct cts_op *recvs[CALLS] = {NULL};
    for (int i = 0; i < CALLS; i++) {
        recvs[i] = cts_start_recv(servers[i], s.link.server);
        cts_require_blocked(recvs[i]);
        struct cts_op *call = start_call(self, &s, i);
        cts_require_returned(recvs[i], rcOk);
        cts_require_blocked(call);
    }

    cts_process_kill(s.ended);

    (void)cts_wait(cts_start_reply(s.server, recvs[0], CTS_PLAIN));
    check_server_goes_on(&s);
    (void)cts_wait(cts_start_reply(s.second, recvs[1], CTS_PLAIN));
    check_server_goes_on(&s);
}

/* LIFE-03, LIFE-04: killed while its requests are taken, and one of the process that stays, which is answered as if nothing
 * had happened. */
static void request_of_another_stays_taken(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *third = cts_actor_new(s.server_process, "third server");
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    struct cts_op *ended = start_call(self, &s, 0);
    cts_require_returned(recv, rcOk);
    struct cts_op *other_recv = cts_start_recv(s.second, s.other_link.server);
    struct cts_op *other = cts_start_call_ex(s.other, s.other_client, CTS_PLAIN, cts_mdelay(self),
                                             cts_sync_new(s.stays));
    cts_require_returned(other_recv, rcOk);
    struct cts_op *last_recv = cts_start_recv(third, s.link.server);
    struct cts_op *last = start_call(self, &s, 1);
    cts_require_returned(last_recv, rcOk);
    cts_require_blocked(ended);
    cts_require_blocked(last);

    cts_process_kill(s.ended);

    cts_check_blocked(other);
    cts_check_served(s.second, other_recv, other);
    (void)cts_wait(cts_start_reply(s.server, recv, CTS_PLAIN));
    (void)cts_wait(cts_start_reply(third, last_recv, CTS_PLAIN));
    check_server_goes_on(&s);
}

/* LIFE-03: killed while a thread of it is held inside its CallEx, whose request is taken, or whose response has come. Where
 * a process cannot be killed with a frozen thread in it, it ends as the response is on its way, or has come. */
static void killed_inside_its_call(const struct cts_case *self)
{
    bool held = cts_processes_are_real();
    struct scene s = scene_open(self);
    struct cts_op *call = start_call(self, &s, 0);
    cts_require_blocked(call);
    if (held) {
        cts_freeze(s.clients[0]);
    }
    struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, INFINITE_TIMEOUT, s.stop);
    cts_settle();
    bool taken = cts_returned(recv) && cts_rc(recv) == rcOk;
    struct cts_op *reply = NULL;
    if (taken && (self->variant & ANSWERED) != 0) {
        reply = cts_start_reply(s.server, recv, CTS_PLAIN);
        if (held) {
            cts_settle();
        }
    }

    cts_process_kill(s.ended);

    if (!taken) {
        cts_set(s.server_process, s.stop);
        taken = cts_wait(recv) == rcOk;
    }
    if (taken && reply == NULL) {
        reply = cts_start_reply(s.server, recv, CTS_PLAIN);
    }
    if (reply != NULL) {
        (void)cts_wait(reply);
    }
    check_server_goes_on(&s);
}

/* LIFE-03: killed while its requests are queued, before and behind one of the process that stays
 * where they share the channel. */
static void killed_while_queued(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *first = start_call(self, &s, 0);
    cts_require_blocked(first);
    struct cts_op *other = self->variant & WITH_OBJECT
                               ? cts_start_call_ex(s.other, s.other_client, CTS_PLAIN,
                                                   cts_mdelay(self), cts_sync_new(s.stays))
                               : cts_start_call(s.other, s.other_client, CTS_PLAIN);
    cts_require_blocked(other);
    struct cts_op *last = start_call(self, &s, 1);
    cts_require_blocked(last);

    cts_process_kill(s.ended);

    cts_check_blocked(other);
    check_served_at_last(&s, other);
    check_server_goes_on(&s);
}

/* LIFE-03: killed while one request is taken and one is queued; the channel's server may end what is
 * left of it and stop. */
static void killed_while_taken_and_queued(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(recv);
    struct cts_op *taken = start_call(self, &s, 0);
    cts_require_returned(recv, rcOk);
    cts_require_blocked(taken);
    struct cts_op *queued = start_call(self, &s, 1);
    cts_require_blocked(queued);

    cts_process_kill(s.ended);

    (void)cts_wait(cts_start_reply(s.server, recv, CTS_PLAIN));
    recv = cts_start_recv_ex(s.second, s.link.server, INFINITE_TIMEOUT, s.stop);
    cts_settle();
    cts_set(s.server_process, s.stop);
    if (cts_wait(recv) == rcOk) {
        cts_check_that(cts_request(recv) == cts_request(queued), "a request is received once");
        (void)cts_wait(cts_start_reply(s.second, recv, CTS_PLAIN));
    }
    check_server_goes_on(&s);
}

/* LIFE-03: ended while its request, which came through the listener, is taken and the server handle of its channel is
 * being closed; what Close returns then is recorded. Nothing of the channel is left but the request. */
static void ended_when_the_channel_is_closing(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = cts_start_recv(s.server, s.link.listener);
    cts_require_blocked(recv);
    struct cts_op *taken = start_call(self, &s, 0);
    cts_require_returned(recv, rcOk);
    cts_require_blocked(taken);
    struct cts_op *close = cts_start_close(s.second, s.link.server);
    cts_settle();

    if (self->variant & EXIT) {
        cts_process_exit(s.ended);
    } else {
        cts_process_kill(s.ended);
    }

    (void)cts_wait(cts_start_reply(s.server, recv, CTS_PLAIN));
    cts_observe("Close of a server handle whose request is taken", cts_rc_name(cts_wait(close)));
    check_server_goes_on(&s);
}

/* LIFE-03: killed while the server waits on its channel: the wait ends by itself or is
 * interrupted. */
static void killed_while_the_server_waits(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    cts_check_exchange(s.clients[0], s.link.client, s.server, s.link.server);
    struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.stop);
    cts_require_blocked(recv);

    cts_process_kill(s.ended);

    cts_settle();
    bool ended_by_itself = cts_returned(recv);
    cts_set(s.server_process, s.stop);
    cts_check_that(cts_wait(recv) != rcOk, "nothing is received");
    cts_check_that(ended_by_itself || cts_rc(recv) == rcIpcInterrupt, "the wait is interrupted");
    check_server_goes_on(&s);
}

/* LIFE-03: the client times out in service and its process ends before the Reply. */
static void ended_after_it_timed_out(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(recv);
    struct cts_op *call = cts_start_call_ex(s.clients[0], s.link.client, CTS_PLAIN, 1000, s.sync);
    cts_require_returned(recv, rcOk);
    cts_advance_ms(1010);
    cts_require_returned(call, rcTimeout);

    if (self->variant & EXIT) {
        cts_process_exit(s.ended);
    } else {
        cts_process_kill(s.ended);
    }

    (void)cts_wait(cts_start_reply(s.server, recv, CTS_PLAIN));
    check_server_goes_on(&s);
}

static const struct cts_case cases[] = {
    {"LIFE-03.1", "the client is killed while requests are taken", killed_while_taken,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, CTS_SMOKE},
    {"LIFE-03.2", "the client is killed while requests with an object are taken",
     killed_while_taken, CTS_TWO_PROCESSES, CTS_LIMITED, WITH_OBJECT | SERVER_IS_NEW, 0},
    {"LIFE-03.3", "the client is killed while requests are taken, channel shared",
     killed_while_taken, CTS_TWO_PROCESSES, CTS_UNLIMITED, WITH_OBJECT | SAME_CHANNEL, 0},
    {"LIFE-03.14", "the client is killed while a request of another is taken",
     request_of_another_stays_taken, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"LIFE-03.15", "the client is killed while a request of another is taken, channel shared",
     request_of_another_stays_taken, CTS_TWO_PROCESSES, CTS_LIMITED, WITH_OBJECT | SAME_CHANNEL, 0},
    {"LIFE-04.13", "the taken request of another stays when a client is killed",
     request_of_another_stays_taken, CTS_TWO_PROCESSES, CTS_UNLIMITED, WITH_OBJECT | SERVER_IS_NEW,
     0},
    {"LIFE-04.14", "the taken request of another stays when a client is killed, channel shared",
     request_of_another_stays_taken, CTS_TWO_PROCESSES, CTS_UNLIMITED, WITH_OBJECT | SAME_CHANNEL,
     0},
    {"LIFE-03.16", "the client is killed inside its CallEx while that is being taken",
     killed_inside_its_call, CTS_TWO_PROCESSES, CTS_UNLIMITED, WITH_OBJECT, 0},
    {"LIFE-03.17", "the client is killed inside its CallEx while that is being answered",
     killed_inside_its_call, CTS_TWO_PROCESSES, CTS_LIMITED, ANSWERED, 0},
    {"LIFE-03.4", "the client is killed while requests are queued", killed_while_queued,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, WITH_OBJECT, 0},
    {"LIFE-03.5", "the client is killed while requests are queued, channel shared",
     killed_while_queued, CTS_TWO_PROCESSES, CTS_LIMITED, SAME_CHANNEL, 0},
    {"LIFE-03.6", "the client is killed while one request is taken and one queued",
     killed_while_taken_and_queued, CTS_TWO_PROCESSES, CTS_UNLIMITED, WITH_OBJECT, CTS_SMOKE},
    {"LIFE-03.7", "the client is killed, one request taken and one queued, server in a new process",
     killed_while_taken_and_queued, CTS_TWO_PROCESSES, CTS_LIMITED, SERVER_IS_NEW, 0},
    {"LIFE-03.8", "the client is killed while the server waits for it",
     killed_while_the_server_waits, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"LIFE-03.9", "the client times out in service and is killed", ended_after_it_timed_out,
     CTS_TWO_PROCESSES, CTS_LIMITED, 0, CTS_WAITS},
    {"LIFE-03.10", "the client times out in service and exits", ended_after_it_timed_out,
     CTS_TWO_PROCESSES, CTS_LIMITED, WITH_OBJECT | EXIT, CTS_WAITS},
    {"LIFE-03.11", "the client is killed while requests with objects are queued, channel shared",
     killed_while_queued, CTS_TWO_PROCESSES, CTS_UNLIMITED, WITH_OBJECT | SAME_CHANNEL, 0},
    {"LIFE-03.12", "the client is killed, its request taken from the listener, the channel closing",
     ended_when_the_channel_is_closing, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"LIFE-03.13", "the client exits, its request taken from the listener, the channel closing",
     ended_when_the_channel_is_closing, CTS_TWO_PROCESSES, CTS_LIMITED, WITH_OBJECT | EXIT, 0},
};
CTS_GROUP(cts_group_life_client_end, cases);
