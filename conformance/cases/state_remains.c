/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What leaves the state of an object alone: Ex calls that need no wait, limits that pass, many
 * refusals, what happens to other objects, numbers that name nothing, processes that end. Afterwards
 * the object is set when it was set, and clear when it was clear.
 */
#include <cts/cts.h>

enum { CALLS, RECVS };
enum { MANY = 300, LIMIT_MS = 1000 };

struct scene {
    struct cts_link link;
    struct cts_process *process; /* of the waiter, and of the object */
    struct cts_actor *waiter;
    struct cts_actor *second; /* another thread of that process */
    struct cts_actor *peer;
    Handle sync;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    bool calls = self->variant == CALLS;
    s.process = calls ? s.link.client_process : s.link.server_process;
    s.waiter = cts_actor_new(s.process, "waiter");
    s.second = cts_actor_new(s.process, "second");
    s.peer = cts_actor_new(calls ? s.link.server_process : s.link.client_process, "peer");
    s.sync = cts_sync_new(s.process);
    return s;
}

static struct cts_op *start_wait(const struct cts_case *self, const struct scene *s, Handle sync)
{
    if (self->variant == CALLS) {
        return cts_start_call_ex(s->waiter, s->link.client, CTS_PLAIN, cts_mdelay(self), sync);
    }
    return cts_start_recv_ex(s->waiter, s->link.server, cts_mdelay(self), sync);
}

static void check_set(const struct cts_case *self, const struct scene *s)
{
    cts_check_returned(start_wait(self, s, s->sync), rcIpcInterrupt);
}

/* OBJ-08: a Clear that finds the object clear is not saved up: the Set after it puts the object into the
 * set state, though nobody waits. */
static void clear_is_not_saved_up(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int clears = 1; clears <= 3; clears++) {
        for (int i = 0; i < clears; i++) {
            cts_check_returned(cts_start_clear(s.second, s.sync), rcOk);
        }

        cts_set(s.process, s.sync);

        check_set(self, &s);
        cts_clear(s.process, s.sync);
    }
}

/* OBJ-11: a Clear that names nothing is an error and clears nothing; a Set that names nothing sets
 * nothing, nor does it interrupt a call without an object. */
static void number_of_nothing_changes_nothing(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    cts_set(s.process, s.sync);

    cts_check_error(cts_start_clear(s.second, INVALID_HANDLE));

    check_set(self, &s);
    cts_clear(s.process, s.sync);
    struct cts_op *wait = start_wait(self, &s, INVALID_HANDLE);
    cts_require_blocked(wait);

    cts_check_error(cts_start_set(s.second, INVALID_HANDLE));

    cts_check_blocked(wait);
    if (self->variant == CALLS) {
        struct cts_op *recv = cts_start_recv(s.peer, s.link.server);
        cts_check_returned(recv, rcOk);
        cts_check_served(s.peer, recv, wait);
    } else {
        struct cts_op *call = cts_start_call(s.peer, s.link.client, CTS_PLAIN);
        cts_check_returned(wait, rcOk);
        cts_check_served(s.waiter, wait, call);
    }
}

/* OBJ-03: an object that is closed while it is set takes nothing from another one that is set. */
static void closing_a_set_object_clears_no_other(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle older = cts_sync_new(s.process);
    Handle newer = cts_sync_new(s.process);
    cts_set(s.process, older);
    cts_set(s.process, s.sync);
    cts_set(s.process, newer);

    cts_close(s.process, older);
    check_set(self, &s);
    cts_close(s.process, newer);

    check_set(self, &s);
}

/* OBJ-04: a new object is clear, also while the first and only object of another process is set. */
static void new_beside_a_set_object_elsewhere(const struct cts_case *self)
{
    struct cts_process *elsewhere = cts_process_new();
    struct cts_link link = cts_link_between(cts_process_first(), elsewhere);
    struct cts_actor *client = cts_actor_new(elsewhere, "client");
    struct cts_actor *server = cts_actor_new(cts_process_first(), "server");
    cts_set(cts_process_first(), cts_sync_new(cts_process_first()));

    Handle sync = cts_sync_new(elsewhere);

    struct cts_op *call = cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), sync);
    cts_check_blocked(call);
    struct cts_op *recv = cts_start_recv(server, link.server);
    cts_check_returned(recv, rcOk);
    cts_check_served(server, recv, call);
}

/* An Ex call enters while a server waits and the object is set: served, or refused and received by nobody
 * (CALL-05). The second call decides which, since the server gets one of the two requests for sure. */
static void call_with_a_waiting_server(const struct cts_case *self, const struct scene *s)
{
    struct cts_op *recv = cts_start_recv(s->peer, s->link.server);
    cts_require_blocked(recv);
    struct cts_op *call = start_wait(self, s, s->sync);
    cts_settle();
    struct cts_op *plain = cts_start_call(s->second, s->link.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    if (cts_request(recv) == cts_request(call)) {
        cts_check_served(s->peer, recv, call);
        recv = cts_start_recv(s->peer, s->link.server);
        cts_check_returned(recv, rcOk);
    } else {
        cts_check_returned(call, rcIpcInterrupt);
    }
    cts_check_served(s->peer, recv, plain);
}

/* STATE-01: an Ex call that finds its peer there may be served or interrupted (CALL-05, RECV-05); the
 * object is set all the same, before as well as after. */
static void calls_that_need_no_wait(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    cts_set(s.process, s.sync);
    for (int i = 0; i < 3; i++) {
        if (self->variant == CALLS) {
            call_with_a_waiting_server(self, &s);
        } else {
            struct cts_op *call = cts_start_call(s.peer, s.link.client, CTS_PLAIN);
            cts_require_blocked(call);
            struct cts_op *recv = start_wait(self, &s, s.sync);
            cts_check_returned_one_of(recv, rcOk, rcIpcInterrupt);
            if (cts_rc(recv) != rcOk) {
                recv = cts_start_recv(s.waiter, s.link.server);
                cts_check_returned(recv, rcOk);
            }
            cts_check_served(s.waiter, recv, call);
        }

        check_set(self, &s);
    }
}

/* STATE-01: however often it has interrupted. */
static void hundreds_of_interruptions(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    cts_set(s.process, s.sync);

    for (int i = 0; i < MANY; i++) {
        check_set(self, &s);
    }
}

/* STATE-01: the limit of a call that a server holds passes; the object is set all the same. */
static void limit_of_a_taken_call(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    struct cts_op *recv = cts_start_recv(s.peer, s.link.server);
    cts_require_blocked(recv);
    struct cts_op *call = cts_start_call_ex(s.second, s.link.client, CTS_PLAIN, LIMIT_MS, s.sync);
    cts_require_returned(recv, rcOk);
    cts_set(s.process, s.sync);

    cts_advance_ms(2 * LIMIT_MS);

    cts_check_returned(call, rcTimeout);
    check_set(self, &s);
    (void)cts_wait(cts_start_reply(s.peer, recv, CTS_PLAIN));
}

/* STATE-03: hundreds of times over, the object can be set and cleared again. */
static void hundreds_of_turns(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int i = 0; i < MANY; i++) {
        cts_require_returned(cts_start_set(s.second, s.sync), rcOk);
        cts_require_returned(cts_start_clear(s.second, s.sync), rcOk);
    }

    for (int i = 0; i < 2; i++) {
        struct cts_op *wait = start_wait(self, &s, s.sync);
        cts_check_blocked(wait);
        cts_set(s.process, s.sync);
        cts_check_returned(wait, rcIpcInterrupt);
        check_set(self, &s);
        cts_clear(s.process, s.sync);
    }
}

/* STATE-08: one thread makes the object, a second one sets it, and a third one enters. */
static void made_set_and_used_by_three_threads(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *creator = cts_actor_new(s.process, "creator");
    struct cts_op *create = cts_start_create(creator);
    cts_require_returned(create, rcOk);
    s.sync = cts_handle(create);
    cts_require_returned(cts_start_set(s.second, s.sync), rcOk);

    struct cts_op *wait = start_wait(self, &s, s.sync);

    cts_check_returned(wait, rcIpcInterrupt);
}

/* LIFE-04: a process that ends leaves the state of the others' objects as it was. */
static void end_of_a_process_clears_nothing(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_process *other = cts_process_new();
    Handle others = cts_sync_new(other);
    cts_set(s.process, s.sync);
    cts_set(other, others);

    cts_process_kill(other);

    check_set(self, &s);
    cts_clear(s.process, s.sync);
    struct cts_op *wait = start_wait(self, &s, s.sync);
    cts_check_blocked(wait);
    cts_set(s.process, s.sync);
    cts_check_returned(wait, rcIpcInterrupt);
}

static const struct cts_case cases[] = {
    {"OBJ-08.8", "Clear is not saved up against the next Set, CallEx", clear_is_not_saved_up,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"OBJ-08.9", "Clear is not saved up against the next Set, RecvEx, two processes",
     clear_is_not_saved_up, CTS_TWO_PROCESSES, CTS_LIMITED, RECVS, 0},
    {"OBJ-08.10", "Clear is not saved up against the next Set, RecvEx", clear_is_not_saved_up,
     CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
    {"OBJ-11.5", "Set and Clear of no object change nothing for CallEx",
     number_of_nothing_changes_nothing, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"OBJ-11.6", "Set and Clear of no object change nothing for RecvEx, two processes",
     number_of_nothing_changes_nothing, CTS_TWO_PROCESSES, CTS_LIMITED, RECVS, 0},
    {"OBJ-11.7", "Set and Clear of no object change nothing for RecvEx",
     number_of_nothing_changes_nothing, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
    {"OBJ-03.15", "closing set objects leaves another one set",
     closing_a_set_object_clears_no_other, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"OBJ-04.10", "a new object beside a set one of another process is clear",
     new_beside_a_set_object_elsewhere, CTS_TWO_PROCESSES, CTS_UNLIMITED, CALLS, 0},
    {"STATE-01.12", "CallEx that need no wait do not end the set state", calls_that_need_no_wait,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"STATE-01.13", "RecvEx that need no wait do not end the set state", calls_that_need_no_wait,
     CTS_TWO_PROCESSES, CTS_LIMITED, RECVS, 0},
    {"STATE-01.17", "RecvEx that need no wait do not end the set state, one process",
     calls_that_need_no_wait, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
    {"V14-04.20", "CallEx that need no wait do not end the set state of a plain object",
     calls_that_need_no_wait, CTS_ONE_PROCESS, CTS_LIMITED, CALLS, 0},
    {"V14-04.21", "RecvEx that need no wait do not end the set state of a plain object",
     calls_that_need_no_wait, CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS, 0},
    {"STATE-01.14", "300 interruptions of CallEx do not end the set state",
     hundreds_of_interruptions, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"STATE-01.15", "300 interruptions of RecvEx do not end the set state",
     hundreds_of_interruptions, CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS, 0},
    {"STATE-01.16", "the limit of a taken CallEx does not end the set state", limit_of_a_taken_call,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, CTS_WAITS},
    {"STATE-03.7", "after 300 Set and Clear an object still works, CallEx", hundreds_of_turns,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"STATE-03.8", "after 300 Set and Clear an object still works, RecvEx", hundreds_of_turns,
     CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
    {"STATE-08.93", "CallEx with an object that one thread made and another set",
     made_set_and_used_by_three_threads, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"STATE-08.94", "RecvEx with an object that one thread made and another set, two processes",
     made_set_and_used_by_three_threads, CTS_TWO_PROCESSES, CTS_LIMITED, RECVS, 0},
    {"STATE-08.101", "RecvEx with an object that one thread made and another set",
     made_set_and_used_by_three_threads, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
    {"LIFE-04.12", "the end of a process leaves the objects of others set",
     end_of_a_process_clears_nothing, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
};
CTS_GROUP(cts_group_state_remains, cases);
