/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STATE-02 and STATE-03: what holds after Clear. Nobody waits while Clear is called: that is
 * STATE-04.
 */
#include <cts/cts.h>

/* variant: kind of the waits. */
enum { CALLS, RECVS, IN_TURN };
enum { TIMES = 5 };

/* A process that is client of one channel and server of another, and the other ends. */
struct both {
    struct cts_link calls;
    struct cts_link receives;
    struct cts_process *process;
    struct cts_actor *waiter;
    struct cts_actor *peer;
    Handle sync;
};

static struct both both_new(const struct cts_case *self)
{
    struct both both = {.calls = cts_link_open(self->layout)};
    both.process = both.calls.client_process;
    both.receives = cts_link_between(both.process, both.calls.server_process);
    both.waiter = cts_actor_new(both.process, "waiter");
    both.peer = cts_actor_new(both.calls.server_process, "peer");
    both.sync = cts_sync_new(both.process);
    return both;
}

static bool ith_is_call(const struct cts_case *self, int i)
{
    return self->variant == CALLS || (self->variant == IN_TURN && i % 2 == 0);
}

static struct cts_op *start_ith(const struct cts_case *self, const struct both *both, int i,
                                Handle sync)
{
    if (ith_is_call(self, i)) {
        return cts_start_call_ex(both->waiter, both->calls.client, CTS_PLAIN, cts_mdelay(self),
                                 sync);
    }
    return cts_start_recv_ex(both->waiter, both->receives.server, cts_mdelay(self), sync);
}

/* The peer comes and the i-th wait completes. */
static void check_ith_completes(const struct cts_case *self, const struct both *both, int i,
                                struct cts_op *wait)
{
    if (ith_is_call(self, i)) {
        struct cts_op *recv = cts_start_recv(both->peer, both->calls.server);
        cts_check_returned(recv, rcOk);
        cts_check_served(both->peer, recv, wait);
    } else {
        struct cts_op *call = cts_start_call(both->peer, both->receives.client, CTS_PLAIN);
        cts_check_returned(wait, rcOk);
        cts_check_served(both->waiter, wait, call);
    }
}

/* STATE-02: Set, then Clear, then an Ex call: it waits and completes normally. Set may have been
 * called more often than Clear, and by several threads. */
static void set_then_clear_leaves_nothing(const struct cts_case *self)
{
    struct both both = both_new(self);
    struct cts_actor *setter = cts_actor_new(both.process, "setter");

    for (int i = 0; i < TIMES; i++) {
        for (int sets = 0; sets <= i; sets++) {
            if (sets % 2 == 0) {
                cts_set(both.process, both.sync);
            } else {
                cts_require_returned(cts_start_set(setter, both.sync), rcOk);
            }
        }
        cts_clear(both.process, both.sync);

        struct cts_op *wait = start_ith(self, &both, i, both.sync);
        cts_check_blocked(wait);
        check_ith_completes(self, &both, i, wait);
    }
}

/* STATE-02: Set and Clear by two different threads, the waiting one being a third. */
static void set_then_clear_by_two_threads(const struct cts_case *self)
{
    struct both both = both_new(self);
    struct cts_actor *setter = cts_actor_new(both.process, "setter");
    struct cts_actor *clearer = cts_actor_new(both.process, "clearer");

    for (int i = 0; i < TIMES; i++) {
        cts_require_returned(cts_start_set(i % 2 == 0 ? setter : clearer, both.sync), rcOk);
        cts_require_returned(cts_start_clear(i % 2 == 0 ? clearer : setter, both.sync), rcOk);

        struct cts_op *wait = start_ith(self, &both, i, both.sync);
        cts_check_blocked(wait);
        check_ith_completes(self, &both, i, wait);
    }
}

/* STATE-03: after Clear a new Ex call waits, a later Set interrupts it; five times over. */
static void cleared_object_can_be_set_again(const struct cts_case *self)
{
    struct both both = both_new(self);
    cts_set(both.process, both.sync);
    cts_require_returned(start_ith(self, &both, 0, both.sync), rcIpcInterrupt);

    for (int i = 0; i < TIMES; i++) {
        cts_clear(both.process, both.sync);
        struct cts_op *wait = start_ith(self, &both, i, both.sync);
        cts_check_blocked(wait);
        cts_set(both.process, both.sync);
        cts_check_returned(wait, rcIpcInterrupt);
    }
}

/* STATE-03: Clear of an object that is clear changes nothing for the thread that waits with it. */
static void clear_while_waiting_changes_nothing(const struct cts_case *self)
{
    struct both both = both_new(self);
    for (int i = 0; i < TIMES; i++) {
        struct cts_op *wait = start_ith(self, &both, i, both.sync);
        cts_require_blocked(wait);

        cts_clear(both.process, both.sync);

        cts_check_blocked(wait);
        cts_set(both.process, both.sync);
        cts_check_returned(wait, rcIpcInterrupt);
        cts_clear(both.process, both.sync);
    }
}

/* STATE-03: three objects go through set and clear at different times. Each Ex call meets the state
 * of its own object. */
static void three_objects_at_different_times(const struct cts_case *self)
{
    enum { OBJECTS = 3 };
    struct both both = both_new(self);
    Handle syncs[OBJECTS] = {both.sync, cts_sync_new(both.process), cts_sync_new(both.process)};
    bool is_set[OBJECTS] = {false, false, false};
    static const int changed[] = {0, 1, 0, 2, 1, 0, 2};

    for (size_t step = 0; step < sizeof changed / sizeof changed[0]; step++) {
        int which = changed[step];
        if (is_set[which]) {
            cts_clear(both.process, syncs[which]);
        } else {
            cts_set(both.process, syncs[which]);
        }
        is_set[which] = !is_set[which];

        for (int i = 0; i < OBJECTS; i++) {
            struct cts_op *wait = start_ith(self, &both, i, syncs[i]);
            if (is_set[i]) {
                cts_check_returned(wait, rcIpcInterrupt);
            } else {
                cts_check_blocked(wait);
                check_ith_completes(self, &both, i, wait);
            }
        }
    }
}

static const struct cts_case cases[] = {
    {"STATE-03.30", "Clear while a CallEx waits leaves it open to Set",
     clear_while_waiting_changes_nothing, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"STATE-03.31", "Clear while a RecvEx waits leaves it open to Set",
     clear_while_waiting_changes_nothing, CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS, 0},
    {"STATE-03.32", "Clear while a CallEx or a RecvEx waits leaves it open to Set, limit",
     clear_while_waiting_changes_nothing, CTS_ONE_PROCESS, CTS_LIMITED, IN_TURN, 0},
    {"STATE-03.33", "Clear while a CallEx or a RecvEx waits leaves it open to Set, two processes",
     clear_while_waiting_changes_nothing, CTS_TWO_PROCESSES, CTS_UNLIMITED, IN_TURN, 0},
    {"STATE-02.1", "Set then Clear leaves nothing for CallEx", set_then_clear_leaves_nothing,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, CTS_SMOKE},
    {"STATE-02.2", "Set then Clear leaves nothing for RecvEx", set_then_clear_leaves_nothing,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS, CTS_SMOKE},
    {"STATE-02.3", "Set then Clear leaves nothing for CallEx with a limit",
     set_then_clear_leaves_nothing, CTS_ONE_PROCESS, CTS_LIMITED, CALLS, 0},
    {"STATE-02.4", "Set then Clear leaves nothing, two processes", set_then_clear_leaves_nothing,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, IN_TURN, 0},
    {"STATE-02.6", "Set then Clear leaves nothing", set_then_clear_leaves_nothing, CTS_ONE_PROCESS,
     CTS_UNLIMITED, IN_TURN, 0},
    {"STATE-02.5", "Set then Clear by two threads leaves nothing", set_then_clear_by_two_threads,
     CTS_ONE_PROCESS, CTS_LIMITED, IN_TURN, CTS_SMOKE},
    {"STATE-03.1", "CallEx waits after Clear until the next Set, five times",
     cleared_object_can_be_set_again, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, CTS_SMOKE},
    {"STATE-03.2", "RecvEx waits after Clear until the next Set, five times",
     cleared_object_can_be_set_again, CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS, CTS_SMOKE},
    {"STATE-03.3", "CallEx and RecvEx in turn wait after Clear until the next Set",
     cleared_object_can_be_set_again, CTS_ONE_PROCESS, CTS_LIMITED, IN_TURN, 0},
    {"STATE-03.4", "CallEx and RecvEx in turn wait after Clear, two processes",
     cleared_object_can_be_set_again, CTS_TWO_PROCESSES, CTS_UNLIMITED, IN_TURN, 0},
    {"STATE-03.9", "CallEx and RecvEx in turn wait after Clear, no limit",
     cleared_object_can_be_set_again, CTS_ONE_PROCESS, CTS_UNLIMITED, IN_TURN, 0},
    {"STATE-03.5", "three objects set and cleared at different times, CallEx",
     three_objects_at_different_times, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"STATE-03.6", "three objects set and cleared at different times, RecvEx",
     three_objects_at_different_times, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
};
CTS_GROUP(cts_group_state_clear, cases);
