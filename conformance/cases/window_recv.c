/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The window matrix of RecvEx: what happens to a receive, by the phase in which it is. Every cell
 * is a case; those that order alone reaches stand with their requirement, the others here, in
 * window_recv_time.c and in window_recv_close.c.
 *
 *                          Set             Set, Clear      timeout         Close
 *   before the receive     RECV-04.1-4     STATE-02.41-42  TIME-02.41-42   RECV-13.1-3
 *   waiting                RECV-01.1-4     STATE-04.41-43  TIME-01.41-44   STATE-07.41-45
 *   request queued, not    RECV-03.41-44   STATE-04.44-45  RECV-03.45-46   STATE-07.46-47
 *     yet resumed
 *   processing             RECV-02.1-4     RECV-02.41-42   TIME-03.41-42   OBJ-09.41-42
 *   replied, client not    RECV-02.43-44
 *     yet resumed
 *
 * While a thread is frozen a correct library may hold up the others, so their calls are started
 * and the claims come after the thaw.
 */
#include <cts/cts.h>

#define SERVERS 3

enum { SET, SET_CLEAR };

struct scene {
    struct cts_link link;
    struct cts_process *process; /* of the servers */
    Handle sync;
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_actor *second; /* a second receiver */
    struct cts_actor *setter;
    struct cts_actor *clearer;
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
    s.setter = cts_actor_new(s.process, "setter");
    s.clearer = cts_actor_new(s.process, "clearer");
    return s;
}

static struct scene scene_taken(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    s.recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
    s.call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_require_returned(s.recv, rcOk);
    return s;
}

/* RECV-03, STATE-04: a RecvEx waits, and is held there while a request and Set arrive. It has the
 * request, or it is interrupted and the next Recv has it; it comes back in any case. */
static void event_while_the_receiver_is_held(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    s.recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
    cts_require_blocked(s.recv);
    cts_freeze(s.server);
    s.call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
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

    cts_check_returned_one_of(s.recv, rcOk, rcIpcInterrupt);
    if (self->variant == SET_CLEAR) {
        cts_observe("RecvEx meets a request during Set, Clear", cts_rc_name(cts_rc(s.recv)));
    }
    cts_check_blocked(s.call);
    if (cts_rc(s.recv) == rcIpcInterrupt) {
        s.recv = cts_start_recv(s.server, s.link.server);
        cts_check_returned(s.recv, rcOk);
    }
    cts_check_served(s.server, s.recv, s.call);
}

/* RECV-03: the same beside a receiver without the object: where the interruption wins, the request
 * goes to the other, who need not do anything for it. */
static void request_passes_to_the_other_receiver(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    s.recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
    cts_require_blocked(s.recv);
    struct cts_op *other = cts_start_recv(s.second, s.link.server);
    cts_require_blocked(other);
    cts_freeze(s.server);
    s.call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_settle();

    struct cts_op *set = cts_start_set(s.setter, s.sync);
    cts_settle();
    cts_thaw(s.server);
    cts_require_returned(set, rcOk);

    cts_check_returned_one_of(s.recv, rcOk, rcIpcInterrupt);
    if (cts_rc(s.recv) == rcOk) {
        cts_check_served(s.server, s.recv, s.call);
        cts_check_blocked(other);
        s.call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    }
    cts_check_returned(other, rcOk);
    cts_check_served(s.second, other, s.call);
}

/* RECV-02: Set, Clear during the processing. */
static void pulse_while_processing(const struct cts_case *self)
{
    struct scene s = scene_taken(self);

    cts_set(s.process, s.sync);
    cts_clear(s.process, s.sync);

    cts_check_blocked(s.call);
    cts_check_served(s.server, s.recv, s.call);
}

/* STATE-02: Set, Clear while the request is processed leave nothing for the next receive of the thread. */
static void pulse_while_processing_leaves_nothing(const struct cts_case *self)
{
    struct scene s = scene_taken(self);
    cts_set(s.process, s.sync);
    cts_clear(s.process, s.sync);
    cts_check_served(s.server, s.recv, s.call);

    s.recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);

    cts_check_blocked(s.recv);
    s.call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_check_returned(s.recv, rcOk);
    cts_check_served(s.server, s.recv, s.call);
}

/* RECV-02: the Reply may wait for the client, which is held; that is no wait that Set ends. */
static void set_while_the_reply_is_on_its_way(const struct cts_case *self)
{
    struct scene s = scene_taken(self);
    cts_require_blocked(s.call);
    cts_freeze(s.client);
    struct cts_op *reply = cts_start_reply(s.server, s.recv, CTS_PLAIN);
    cts_settle();

    struct cts_op *set = cts_start_set(s.setter, s.sync);
    cts_settle();
    cts_thaw(s.client);
    cts_require_returned(set, rcOk);

    cts_check_returned(reply, rcOk);
    cts_check_returned(s.call, rcOk);
}

/* STATE-02: Set, Clear before a receive. */
static void pulse_before_a_receive(const struct cts_case *self)
{
    struct scene s = scene_open(self);

    cts_set(s.process, s.sync);
    cts_clear(s.process, s.sync);

    s.recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
    cts_check_blocked(s.recv);
    s.call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_check_returned(s.recv, rcOk);
    cts_check_served(s.server, s.recv, s.call);
}

/* STATE-04 (open): Set, Clear while receivers wait: each is interrupted, or keeps waiting and obeys
 * the next Set. */
static void pulse_while_waiting(const struct cts_case *self)
{
    static const char *const names[SERVERS] = {"server 1", "server 2", "server 3"};
    struct scene s = scene_open(self);
    struct cts_op *recvs[SERVERS];
    for (int i = 0; i < SERVERS; i++) {
        recvs[i] = cts_start_recv_ex(cts_actor_new(s.process, names[i]), s.link.server,
                                     cts_mdelay(self), s.sync);
        cts_require_blocked(recvs[i]);
    }

    cts_set(s.process, s.sync);
    cts_clear(s.process, s.sync);

    cts_settle();
    for (int i = 0; i < SERVERS; i++) {
        cts_observe("waiting RecvEx after Set, Clear",
                    cts_returned(recvs[i]) ? cts_rc_name(cts_rc(recvs[i])) : "keeps waiting");
    }
    cts_set(s.process, s.sync);
    for (int i = 0; i < SERVERS; i++) {
        cts_check_returned(recvs[i], rcIpcInterrupt);
    }
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

static const struct cts_case cases[] = {
    {"RECV-03.41", "Set while a request meets a RecvEx that is held",
     event_while_the_receiver_is_held, CTS_ONE_PROCESS, CTS_UNLIMITED, SET, 0},
    {"RECV-03.42", "Set while a request meets a RecvEx that is held, limit, two processes",
     event_while_the_receiver_is_held, CTS_TWO_PROCESSES, CTS_LIMITED, SET, 0},
    {"RECV-03.50", "Set while a request meets a RecvEx that is held, limit",
     event_while_the_receiver_is_held, CTS_ONE_PROCESS, CTS_LIMITED, SET, 0},
    {"RECV-03.43", "a request passes from an interrupted RecvEx to another receiver",
     request_passes_to_the_other_receiver, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-03.44", "a request passes to another receiver, limit, two processes",
     request_passes_to_the_other_receiver, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"RECV-03.51", "a request passes from an interrupted RecvEx to another receiver, limit",
     request_passes_to_the_other_receiver, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"STATE-02.63", "Set, Clear while processing leave nothing for the next RecvEx",
     pulse_while_processing_leaves_nothing, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"STATE-02.64", "Set, Clear while processing leave nothing for the next RecvEx, limit",
     pulse_while_processing_leaves_nothing, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"STATE-02.65", "Set, Clear while processing leave nothing for the next RecvEx, two processes",
     pulse_while_processing_leaves_nothing, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"RECV-02.41", "Set, Clear while processing change nothing", pulse_while_processing,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-02.42", "Set, Clear while processing change nothing, limit, two processes",
     pulse_while_processing, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"RECV-02.51", "Set, Clear while processing change nothing, limit", pulse_while_processing,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-02.43", "Set while the Reply meets a client that is held",
     set_while_the_reply_is_on_its_way, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-02.44", "Set while the Reply meets a client that is held, limit, two processes",
     set_while_the_reply_is_on_its_way, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"RECV-02.52", "Set while the Reply meets a client that is held, limit",
     set_while_the_reply_is_on_its_way, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"STATE-02.41", "Set, Clear before a RecvEx: it waits and receives", pulse_before_a_receive,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"STATE-02.42", "Set, Clear before a RecvEx: it receives, limit, two processes",
     pulse_before_a_receive, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"STATE-02.45", "Set, Clear before a RecvEx: it waits and receives, limit",
     pulse_before_a_receive, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"STATE-04.41", "Set, Clear while RecvEx wait", pulse_while_waiting, CTS_ONE_PROCESS,
     CTS_UNLIMITED, 0, 0},
    {"STATE-04.42", "Set, Clear while RecvEx with a limit wait", pulse_while_waiting,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"STATE-04.43", "Set, Clear while RecvEx wait, two processes", pulse_while_waiting,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"STATE-04.44", "Set, Clear while a request meets a RecvEx that is held",
     event_while_the_receiver_is_held, CTS_ONE_PROCESS, CTS_UNLIMITED, SET_CLEAR, 0},
    {"STATE-04.45", "Set, Clear while a request meets a held RecvEx, limit, two processes",
     event_while_the_receiver_is_held, CTS_TWO_PROCESSES, CTS_LIMITED, SET_CLEAR, 0},
    {"STATE-04.48", "Set, Clear while a request meets a RecvEx that is held, limit",
     event_while_the_receiver_is_held, CTS_ONE_PROCESS, CTS_LIMITED, SET_CLEAR, 0},
};
CTS_GROUP(cts_group_window_recv, cases);
