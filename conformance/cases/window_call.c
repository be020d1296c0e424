/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The window matrix of CallEx: what happens to a call, by the phase in which it is. Every cell is a
 * case; those that order alone reaches stand with their requirement, the others here and in
 * window_call_held.c, window_call_time.c and window_call_close.c.
 *
 *                          Set             Set, Clear      timeout         Close
 *   before the call        CALL-04.1-4     STATE-02.21-22  TIME-02.21-22   CALL-14.1-3
 *   queued, no server      CALL-01.1-4     STATE-04.21-23  TIME-01.21-25   STATE-07.21-25
 *   queued, server about   RACE-01.21-26   STATE-04.24-27  TIME-06.21-24   STATE-07.26-29
 *     to receive
 *   in service             CALL-02.1-6     CALL-02.21-22   TIME-06.25-27   STATE-07.30-31
 *   replied, client not    CALL-02.23-26   CALL-02.27-30   TIME-06.28-29   STATE-07.32-33
 *     yet resumed
 *   returned               CALL-04.21-22   STATE-02.23-24  TIME-03.21-22   OBJ-09.21-22
 *
 * While a thread is frozen a correct library may hold up the others, so their calls are started
 * and the claims come after the thaw.
 */
#include <cts/cts.h>

#define CLIENTS 3

enum { SET, SET_CLEAR };

struct scene {
    struct cts_link link;
    struct cts_process *process; /* of the clients */
    Handle sync;
    struct cts_actor *client;
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
    s.setter = cts_actor_new(s.process, "setter");
    s.clearer = cts_actor_new(s.process, "clearer");
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

/* CALL-02: the response is on its way and the client not yet back: too late for an interruption.
 * The client is held from the time when the server had its request. */
static void event_after_the_reply(const struct cts_case *self)
{
    struct scene s = scene_taken(self);
    cts_require_blocked(s.call);
    cts_freeze(s.client);
    struct cts_op *reply = cts_start_reply(s.server, s.recv, CTS_PLAIN);
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

    cts_check_returned(reply, rcOk);
    cts_check_returned(s.call, rcOk);
}

/* CALL-02: the same, with the client held since it was queued: it slept through Recv and Reply. */
static void event_after_recv_and_reply(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_blocked(s.call);
    cts_freeze(s.client);
    s.recv = cts_start_recv(s.server, s.link.server);
    cts_settle();
    if (!cts_returned(s.recv)) {
        cts_skip("the library needs the client's thread to take a request");
    }
    cts_require_returned(s.recv, rcOk);
    struct cts_op *reply = cts_start_reply(s.server, s.recv, CTS_PLAIN);
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

    cts_check_returned(reply, rcOk);
    cts_check_returned(s.call, rcOk);
}

/* CALL-02: Set, Clear in service. */
static void pulse_in_service(const struct cts_case *self)
{
    struct scene s = scene_taken(self);

    cts_set(s.process, s.sync);
    cts_clear(s.process, s.sync);

    cts_check_blocked(s.call);
    cts_check_served(s.server, s.recv, s.call);
}

/* STATE-02: Set, Clear in service leave nothing for the next call of the thread, which waits and is served. */
static void pulse_in_service_leaves_nothing(const struct cts_case *self)
{
    struct scene s = scene_taken(self);
    cts_set(s.process, s.sync);
    cts_clear(s.process, s.sync);
    cts_check_served(s.server, s.recv, s.call);

    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);

    cts_check_blocked(s.call);
    s.recv = cts_start_recv(s.server, s.link.server);
    cts_check_returned(s.recv, rcOk);
    cts_check_served(s.server, s.recv, s.call);
}

/* CALL-04: Set after the return meets the next call of the thread. */
static void set_after_the_return(const struct cts_case *self)
{
    struct scene s = scene_taken(self);
    cts_check_served(s.server, s.recv, s.call);

    cts_set(s.process, s.sync);

    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_check_returned(s.call, rcIpcInterrupt);
}

enum { BEFORE_THE_CALL, AFTER_THE_RETURN };

/* STATE-02: Set, Clear before a call, which may be the first or one after a service (variant). */
static void pulse_before_a_call(const struct cts_case *self)
{
    struct scene s = {0};
    if (self->variant == BEFORE_THE_CALL) {
        s = scene_open(self);
    } else {
        s = scene_taken(self);
        cts_check_served(s.server, s.recv, s.call);
    }

    cts_set(s.process, s.sync);
    cts_clear(s.process, s.sync);

    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_check_blocked(s.call);
    s.recv = cts_start_recv(s.server, s.link.server);
    cts_check_returned(s.recv, rcOk);
    cts_check_served(s.server, s.recv, s.call);
}

/* STATE-04 (open): Set, Clear while calls are queued: each is interrupted, or keeps waiting and
 * obeys the next Set. */
static void pulse_while_queued(const struct cts_case *self)
{
    static const char *const names[CLIENTS] = {"client 1", "client 2", "client 3"};
    struct scene s = scene_open(self);
    struct cts_op *calls[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        calls[i] = cts_start_call_ex(cts_actor_new(s.process, names[i]), s.link.client, CTS_PLAIN,
                                     cts_mdelay(self), s.sync);
        cts_require_blocked(calls[i]);
    }

    cts_set(s.process, s.sync);
    cts_clear(s.process, s.sync);

    cts_settle();
    for (int i = 0; i < CLIENTS; i++) {
        cts_observe("queued CallEx after Set, Clear",
                    cts_returned(calls[i]) ? cts_rc_name(cts_rc(calls[i])) : "keeps waiting");
    }
    cts_set(s.process, s.sync);
    for (int i = 0; i < CLIENTS; i++) {
        cts_check_returned(calls[i], rcIpcInterrupt);
    }
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

static const struct cts_case cases[] = {
    {"CALL-02.21", "Set, Clear in service change nothing", pulse_in_service, CTS_ONE_PROCESS,
     CTS_UNLIMITED, 0, 0},
    {"CALL-02.22", "Set, Clear in service change nothing, limit, two processes", pulse_in_service,
     CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-02.54", "Set, Clear in service change nothing, limit", pulse_in_service, CTS_ONE_PROCESS,
     CTS_LIMITED, 0, 0},
    {"STATE-02.60", "Set, Clear in service leave nothing for the next CallEx",
     pulse_in_service_leaves_nothing, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"STATE-02.61", "Set, Clear in service leave nothing for the next CallEx, limit",
     pulse_in_service_leaves_nothing, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"STATE-02.62", "Set, Clear in service leave nothing for the next CallEx, two processes",
     pulse_in_service_leaves_nothing, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"CALL-02.23", "Set after the Reply comes too late", event_after_the_reply, CTS_ONE_PROCESS,
     CTS_UNLIMITED, SET, CTS_SMOKE},
    {"CALL-02.24", "Set after the Reply comes too late, limit, two processes",
     event_after_the_reply, CTS_TWO_PROCESSES, CTS_LIMITED, SET, 0},
    {"CALL-02.55", "Set after the Reply comes too late, limit", event_after_the_reply,
     CTS_ONE_PROCESS, CTS_LIMITED, SET, 0},
    {"CALL-02.25", "Set after Recv and Reply comes too late", event_after_recv_and_reply,
     CTS_ONE_PROCESS, CTS_UNLIMITED, SET, 0},
    {"CALL-02.26", "Set after Recv and Reply comes too late, limit, two processes",
     event_after_recv_and_reply, CTS_TWO_PROCESSES, CTS_LIMITED, SET, 0},
    {"CALL-02.56", "Set after Recv and Reply comes too late, limit", event_after_recv_and_reply,
     CTS_ONE_PROCESS, CTS_LIMITED, SET, 0},
    {"CALL-02.27", "Set, Clear after the Reply come too late", event_after_the_reply,
     CTS_ONE_PROCESS, CTS_LIMITED, SET_CLEAR, 0},
    {"CALL-02.28", "Set, Clear after the Reply come too late, two processes", event_after_the_reply,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, SET_CLEAR, 0},
    {"CALL-02.57", "Set, Clear after the Reply come too late, no limit", event_after_the_reply,
     CTS_ONE_PROCESS, CTS_UNLIMITED, SET_CLEAR, 0},
    {"CALL-02.29", "Set, Clear after Recv and Reply come too late", event_after_recv_and_reply,
     CTS_ONE_PROCESS, CTS_LIMITED, SET_CLEAR, 0},
    {"CALL-02.30", "Set, Clear after Recv and Reply come too late, two processes",
     event_after_recv_and_reply, CTS_TWO_PROCESSES, CTS_UNLIMITED, SET_CLEAR, 0},
    {"CALL-02.58", "Set, Clear after Recv and Reply come too late, no limit",
     event_after_recv_and_reply, CTS_ONE_PROCESS, CTS_UNLIMITED, SET_CLEAR, 0},
    {"CALL-04.21", "Set after the return interrupts the next CallEx", set_after_the_return,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-04.22", "Set after the return interrupts the next CallEx, limit, two processes",
     set_after_the_return, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-04.87", "Set after the return interrupts the next CallEx, limit", set_after_the_return,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"STATE-02.21", "Set, Clear before a CallEx: it waits and is served", pulse_before_a_call,
     CTS_ONE_PROCESS, CTS_UNLIMITED, BEFORE_THE_CALL, 0},
    {"STATE-02.22", "Set, Clear before a CallEx: it is served, limit, two processes",
     pulse_before_a_call, CTS_TWO_PROCESSES, CTS_LIMITED, BEFORE_THE_CALL, 0},
    {"STATE-02.43", "Set, Clear before a CallEx: it waits and is served, limit",
     pulse_before_a_call, CTS_ONE_PROCESS, CTS_LIMITED, BEFORE_THE_CALL, 0},
    {"STATE-02.23", "Set, Clear between two CallEx: the second is served", pulse_before_a_call,
     CTS_ONE_PROCESS, CTS_LIMITED, AFTER_THE_RETURN, 0},
    {"STATE-02.24", "Set, Clear between two CallEx: the second is served, two processes",
     pulse_before_a_call, CTS_TWO_PROCESSES, CTS_UNLIMITED, AFTER_THE_RETURN, 0},
    {"STATE-02.44", "Set, Clear between two CallEx: the second is served, no limit",
     pulse_before_a_call, CTS_ONE_PROCESS, CTS_UNLIMITED, AFTER_THE_RETURN, 0},
    {"STATE-04.21", "Set, Clear while CallEx are queued", pulse_while_queued, CTS_ONE_PROCESS,
     CTS_UNLIMITED, 0, 0},
    {"STATE-04.22", "Set, Clear while CallEx with a limit are queued", pulse_while_queued,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"STATE-04.23", "Set, Clear while CallEx are queued, two processes", pulse_while_queued,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
};
CTS_GROUP(cts_group_window_call, cases);
