/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The row "queued, server about to receive" of the window matrix of CallEx (see window_call.c):
 * Set, or Set and Clear, while request and receiver meet. One of the two is held by a freeze, so
 * their calls are started and the claims come after the thaw.
 */
#include <cts/cts.h>

enum { SET, SET_CLEAR, SET_THEN_LISTENER };

struct scene {
    struct cts_link link;
    struct cts_process *process; /* of the clients */
    Handle sync;
    struct cts_actor *client;
    struct cts_actor *other; /* sends a second request where one must come for sure */
    struct cts_actor *setter;
    struct cts_actor *clearer;
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
    s.setter = cts_actor_new(s.process, "setter");
    s.clearer = cts_actor_new(s.process, "clearer");
    s.server = cts_actor_new(s.link.server_process, "server");
    return s;
}

/* The claim where Set, or Set and Clear, meets the rendezvous: the server has taken the request and
 * the call is answered, or it has not and the call is interrupted. The server gets the request or
 * that of the other client, so nothing is waited for in vain. After Clear the call may still be
 * queued, and obeys the next Set. */
static void check_one_side_wins(const struct cts_case *self, struct scene *s)
{
    struct cts_op *probe = cts_start_call(s->other, s->link.client, CTS_PLAIN);
    cts_check_returned(s->recv, rcOk);
    if (cts_request(s->recv) == cts_request(s->call)) {
        cts_check_served(s->server, s->recv, s->call);
        s->recv = cts_start_recv(s->server, s->link.server);
        cts_check_returned(s->recv, rcOk);
        cts_check_served(s->server, s->recv, probe);
    } else {
        cts_check_served(s->server, s->recv, probe);
        if (self->variant == SET_CLEAR) {
            cts_set(s->process, s->sync);
        }
        cts_check_returned(s->call, rcIpcInterrupt);
    }
    if (self->variant == SET_CLEAR) {
        cts_observe("CallEx meets a server during Set, Clear", cts_rc_name(cts_rc(s->call)));
    }
    cts_check_exchange(s->client, s->link.client, s->server, s->link.server);
}

/* RACE-01, STATE-04: a server is in Recv, and held there while request and Set arrive. */
static void event_while_the_receiver_is_held(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    s.recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(s.recv);
    cts_freeze(s.server);
    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_settle();

    struct cts_op *set = cts_start_set(s.setter, s.sync);
    cts_settle();
    if (self->variant == SET_CLEAR) {
        struct cts_op *clear = cts_start_clear(s.clearer, s.sync);
        cts_settle();
        cts_thaw(s.server);
        cts_require_returned(clear, rcOk);
    } else {
        cts_thaw(s.server);
    }
    cts_require_returned(set, rcOk);

    check_one_side_wins(self, &s);
}

/* RACE-01, STATE-04: the client is held in the queue while Recv and Set arrive. */
static void event_while_the_caller_is_held(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_blocked(s.call);
    cts_freeze(s.client);
    s.recv = cts_start_recv(s.server, s.link.server);
    cts_settle();

    struct cts_op *set = cts_start_set(s.setter, s.sync);
    cts_settle();
    if (self->variant == SET_CLEAR) {
        struct cts_op *clear = cts_start_clear(s.clearer, s.sync);
        cts_settle();
        cts_thaw(s.client);
        cts_require_returned(clear, rcOk);
    } else {
        cts_thaw(s.client);
    }
    cts_require_returned(set, rcOk);

    check_one_side_wins(self, &s);
}

static Handle end_of(const struct cts_case *self, const struct scene *s)
{
    return self->variant == SET_THEN_LISTENER ? s->link.listener : s->link.server;
}

/* RACE-01: the other way round: Set comes first, and Recv before the client can leave the queue. */
static void receive_after_set_while_the_caller_is_held(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_blocked(s.call);
    cts_freeze(s.client);

    struct cts_op *set = cts_start_set(s.setter, s.sync);
    cts_settle();
    s.recv = cts_start_recv(s.server, end_of(self, &s));
    cts_settle();
    cts_thaw(s.client);
    cts_require_returned(set, rcOk);

    check_one_side_wins(self, &s);
}

/* RECV-03: the same with a second request behind that one: a Recv does not wait beside it. */
static void request_behind_the_held_one_is_received(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_blocked(s.call);
    struct cts_op *behind = cts_start_call(s.other, s.link.client, CTS_PLAIN);
    cts_require_blocked(behind);
    cts_freeze(s.client);

    struct cts_op *set = cts_start_set(s.setter, s.sync);
    cts_settle();
    s.recv = cts_start_recv(s.server, end_of(self, &s));
    cts_settle();
    cts_thaw(s.client);
    cts_require_returned(set, rcOk);

    cts_check_returned(s.recv, rcOk);
    if (cts_request(s.recv) == cts_request(s.call)) {
        cts_check_served(s.server, s.recv, s.call);
        s.recv = cts_start_recv(s.server, s.link.server);
        cts_check_returned(s.recv, rcOk);
        cts_check_served(s.server, s.recv, behind);
    } else {
        cts_check_served(s.server, s.recv, behind);
        cts_check_returned(s.call, rcIpcInterrupt);
    }
}

static const struct cts_case cases[] = {
    {"RACE-01.21", "Set while request and receiver meet, receiver held",
     event_while_the_receiver_is_held, CTS_ONE_PROCESS, CTS_UNLIMITED, SET, 0},
    {"RACE-01.22", "Set while request and receiver meet, receiver held, limit, two processes",
     event_while_the_receiver_is_held, CTS_TWO_PROCESSES, CTS_LIMITED, SET, 0},
    {"RACE-01.77", "Set while request and receiver meet, receiver held, limit",
     event_while_the_receiver_is_held, CTS_ONE_PROCESS, CTS_LIMITED, SET, 0},
    {"RACE-01.23", "Set while request and receiver meet, caller held",
     event_while_the_caller_is_held, CTS_ONE_PROCESS, CTS_UNLIMITED, SET, 0},
    {"RACE-01.24", "Set while request and receiver meet, caller held, limit, two processes",
     event_while_the_caller_is_held, CTS_TWO_PROCESSES, CTS_LIMITED, SET, 0},
    {"RACE-01.78", "Set while request and receiver meet, caller held, limit",
     event_while_the_caller_is_held, CTS_ONE_PROCESS, CTS_LIMITED, SET, 0},
    {"RACE-01.25", "Recv after Set before the caller is back, caller held",
     receive_after_set_while_the_caller_is_held, CTS_ONE_PROCESS, CTS_UNLIMITED, SET, 0},
    {"RACE-01.26", "Recv after Set before the caller is back, limit, two processes",
     receive_after_set_while_the_caller_is_held, CTS_TWO_PROCESSES, CTS_LIMITED, SET, 0},
    {"RACE-01.79", "Recv after Set before the caller is back, caller held, limit",
     receive_after_set_while_the_caller_is_held, CTS_ONE_PROCESS, CTS_LIMITED, SET, 0},
    {"RACE-01.93", "Recv on the listener after Set before the caller is back, caller held",
     receive_after_set_while_the_caller_is_held, CTS_ONE_PROCESS, CTS_UNLIMITED, SET_THEN_LISTENER,
     0},
    {"RACE-01.94", "Recv on the listener after Set before the caller is back, caller held, limit",
     receive_after_set_while_the_caller_is_held, CTS_ONE_PROCESS, CTS_LIMITED, SET_THEN_LISTENER,
     0},
    {"RACE-01.95", "Recv on the listener after Set before the caller is back, two processes",
     receive_after_set_while_the_caller_is_held, CTS_TWO_PROCESSES, CTS_LIMITED, SET_THEN_LISTENER,
     0},
    {"RECV-03.64", "a request behind an interrupted one is received, its caller held",
     request_behind_the_held_one_is_received, CTS_ONE_PROCESS, CTS_UNLIMITED, SET, 0},
    {"RECV-03.65", "a request behind an interrupted one is received on the listener, caller held",
     request_behind_the_held_one_is_received, CTS_ONE_PROCESS, CTS_LIMITED, SET_THEN_LISTENER, 0},
    {"RECV-03.66", "a request behind an interrupted one is received, two processes, caller held",
     request_behind_the_held_one_is_received, CTS_TWO_PROCESSES, CTS_LIMITED, SET, 0},
    {"STATE-04.24", "Set, Clear while request and receiver meet, receiver held",
     event_while_the_receiver_is_held, CTS_ONE_PROCESS, CTS_UNLIMITED, SET_CLEAR, 0},
    {"STATE-04.25", "Set, Clear while request and receiver meet, receiver held, two processes",
     event_while_the_receiver_is_held, CTS_TWO_PROCESSES, CTS_LIMITED, SET_CLEAR, 0},
    {"STATE-04.46", "Set, Clear while request and receiver meet, receiver held, limit",
     event_while_the_receiver_is_held, CTS_ONE_PROCESS, CTS_LIMITED, SET_CLEAR, 0},
    {"STATE-04.26", "Set, Clear while request and receiver meet, caller held",
     event_while_the_caller_is_held, CTS_ONE_PROCESS, CTS_LIMITED, SET_CLEAR, 0},
    {"STATE-04.27", "Set, Clear while request and receiver meet, caller held, two processes",
     event_while_the_caller_is_held, CTS_TWO_PROCESSES, CTS_UNLIMITED, SET_CLEAR, 0},
    {"STATE-04.47", "Set, Clear while request and receiver meet, caller held, no limit",
     event_while_the_caller_is_held, CTS_ONE_PROCESS, CTS_UNLIMITED, SET_CLEAR, 0},
};
CTS_GROUP(cts_group_window_call_held, cases);
