/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STATE-01: the set state lasts until Clear. One Set, then Ex calls that have to wait, in a row and
 * at once, by one thread and by several, with and without other traffic between them.
 */
#include <cts/cts.h>

/* variant: kinds of the Ex calls. */
enum { CALLS, RECVS, IN_TURN };
enum { TIMES = 5 };

/* A process that is client of one channel and server of another: its calls and its receives both
 * have to wait. Two processes: the other ends belong to another process. */
struct both {
    struct cts_link calls;
    struct cts_link receives;
    struct cts_process *process;
    Handle sync;
};

static struct both both_new(const struct cts_case *self)
{
    struct both both = {.calls = cts_link_open(self->layout)};
    both.process = both.calls.client_process;
    both.receives = cts_link_between(both.process, both.calls.server_process);
    both.sync = cts_sync_new(both.process);
    return both;
}

/* The i-th Ex call of a row. */
static struct cts_op *start_ith(const struct cts_case *self, const struct both *both,
                                struct cts_actor *actor, int i)
{
    if (self->variant == CALLS || (self->variant == IN_TURN && i % 2 == 0)) {
        return cts_start_call_ex(actor, both->calls.client, CTS_PLAIN, cts_mdelay(self),
                                 both->sync);
    }
    return cts_start_recv_ex(actor, both->receives.server, cts_mdelay(self), both->sync);
}

/* STATE-01: five Ex calls of one thread in a row are interrupted; after Clear the sixth waits. */
static void one_thread_is_interrupted_every_time(const struct cts_case *self)
{
    struct both both = both_new(self);
    struct cts_actor *actor = cts_actor_new(both.process, "actor");

    cts_set(both.process, both.sync);

    for (int i = 0; i < TIMES; i++) {
        cts_check_returned(start_ith(self, &both, actor, i), rcIpcInterrupt);
    }
    cts_clear(both.process, both.sync);
    struct cts_op *last = start_ith(self, &both, actor, TIMES);
    cts_check_blocked(last);
    cts_set(both.process, both.sync);
    cts_check_returned(last, rcIpcInterrupt);
}

/* STATE-01: the thread that has called Set itself is interrupted every time, and others after it. */
static void setter_is_interrupted_every_time(const struct cts_case *self)
{
    struct both both = both_new(self);
    struct cts_actor *setter = cts_actor_new(both.process, "setter");
    struct cts_actor *other = cts_actor_new(both.process, "other");

    cts_require_returned(cts_start_set(setter, both.sync), rcOk);

    for (int i = 0; i < TIMES; i++) {
        cts_check_returned(start_ith(self, &both, setter, i), rcIpcInterrupt);
        cts_check_returned(start_ith(self, &both, other, i), rcIpcInterrupt);
    }
}

/* STATE-01: having interrupted threads that were waiting does not end the state: threads that come
 * later, and the same ones again, are interrupted too. */
static void interruption_does_not_end_the_state(const struct cts_case *self)
{
    struct both both = both_new(self);
    struct cts_actor *waiting[TIMES];
    struct cts_op *waits[TIMES];
    for (int i = 0; i < TIMES; i++) {
        waiting[i] = cts_actor_new(both.process, "waiting");
        waits[i] = start_ith(self, &both, waiting[i], i);
        cts_require_blocked(waits[i]);
    }
    struct cts_actor *late = cts_actor_new(both.process, "late");

    cts_set(both.process, both.sync);

    for (int i = 0; i < TIMES; i++) {
        cts_check_returned(waits[i], rcIpcInterrupt);
        cts_check_returned(start_ith(self, &both, late, i), rcIpcInterrupt);
    }
    for (int i = 0; i < TIMES; i++) {
        cts_check_returned(start_ith(self, &both, waiting[i], i), rcIpcInterrupt);
    }
}

/* STATE-01: five threads that enter at once while the object is set are all interrupted. */
static void many_threads_are_interrupted(const struct cts_case *self)
{
    struct both both = both_new(self);
    struct cts_actor *actors[TIMES];
    for (int i = 0; i < TIMES; i++) {
        actors[i] = cts_actor_new(both.process, "actor");
    }
    cts_set(both.process, both.sync);

    for (int round = 0; round < 4; round++) {
        struct cts_op *ops[TIMES];
        for (int i = 0; i < TIMES; i++) {
            ops[i] = start_ith(self, &both, actors[i], i + round);
        }
        for (int i = 0; i < TIMES; i++) {
            cts_check_returned(ops[i], rcIpcInterrupt);
        }
    }
}

/* STATE-01: exchanges on the same channels, and Set, Clear and Close of another object, do not end
 * the state. */
static void other_events_do_not_end_the_state(const struct cts_case *self)
{
    struct both both = both_new(self);
    struct cts_actor *actor = cts_actor_new(both.process, "actor");
    struct cts_actor *peer = cts_actor_new(both.calls.server_process, "peer");
    Handle other = cts_sync_new(both.process);

    cts_set(both.process, both.sync);

    cts_check_exchange(actor, both.calls.client, peer, both.calls.server);
    cts_check_returned(start_ith(self, &both, actor, 0), rcIpcInterrupt);
    cts_check_exchange(peer, both.receives.client, actor, both.receives.server);
    cts_check_returned(start_ith(self, &both, actor, 1), rcIpcInterrupt);
    cts_set(both.process, other);
    cts_clear(both.process, other);
    cts_check_returned(start_ith(self, &both, actor, 2), rcIpcInterrupt);
    cts_close(both.process, other);
    cts_check_returned(start_ith(self, &both, actor, 3), rcIpcInterrupt);
}

static const struct cts_case cases[] = {
    {"STATE-01.80", "the CallEx of the thread that has called Set are interrupted",
     setter_is_interrupted_every_time, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"STATE-01.81", "the RecvEx of the thread that has called Set are interrupted",
     setter_is_interrupted_every_time, CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS, 0},
    {"STATE-01.82", "CallEx and RecvEx in turn of the thread that has called Set, limit",
     setter_is_interrupted_every_time, CTS_ONE_PROCESS, CTS_LIMITED, IN_TURN, 0},
    {"STATE-01.83", "CallEx and RecvEx in turn of the thread that has called Set, two processes",
     setter_is_interrupted_every_time, CTS_TWO_PROCESSES, CTS_UNLIMITED, IN_TURN, 0},
    {"STATE-01.1", "five CallEx in a row are interrupted by one Set",
     one_thread_is_interrupted_every_time, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, CTS_SMOKE},
    {"STATE-01.2", "five RecvEx in a row are interrupted by one Set",
     one_thread_is_interrupted_every_time, CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS, CTS_SMOKE},
    {"STATE-01.3", "CallEx and RecvEx in turn are interrupted by one Set",
     one_thread_is_interrupted_every_time, CTS_ONE_PROCESS, CTS_LIMITED, IN_TURN, 0},
    {"STATE-01.4", "CallEx and RecvEx in turn are interrupted by one Set, two processes",
     one_thread_is_interrupted_every_time, CTS_TWO_PROCESSES, CTS_UNLIMITED, IN_TURN, 0},
    {"STATE-01.20", "CallEx and RecvEx in turn are interrupted by one Set, no limit",
     one_thread_is_interrupted_every_time, CTS_ONE_PROCESS, CTS_UNLIMITED, IN_TURN, 0},
    {"STATE-01.5", "after interrupting waiting CallEx the object is still set",
     interruption_does_not_end_the_state, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, CTS_SMOKE},
    {"STATE-01.6", "after interrupting waiting RecvEx the object is still set",
     interruption_does_not_end_the_state, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
    {"STATE-01.7", "after interrupting waits of both kinds the object is still set",
     interruption_does_not_end_the_state, CTS_TWO_PROCESSES, CTS_UNLIMITED, IN_TURN, 0},
    {"STATE-01.18", "after interrupting waits of both kinds the object is still set, one process",
     interruption_does_not_end_the_state, CTS_ONE_PROCESS, CTS_UNLIMITED, IN_TURN, 0},
    {"STATE-01.8", "five threads at once are interrupted, four times, by one Set",
     many_threads_are_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, IN_TURN, CTS_FREE_RUNNING},
    {"STATE-01.9", "exchanges and other objects do not end the set state for CallEx",
     other_events_do_not_end_the_state, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"STATE-01.10", "exchanges and other objects do not end the set state for RecvEx",
     other_events_do_not_end_the_state, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
    {"STATE-01.11", "exchanges and other objects do not end the set state, two processes",
     other_events_do_not_end_the_state, CTS_TWO_PROCESSES, CTS_UNLIMITED, IN_TURN, 0},
    {"STATE-01.19", "exchanges and other objects do not end the set state",
     other_events_do_not_end_the_state, CTS_ONE_PROCESS, CTS_UNLIMITED, IN_TURN, 0},
};
CTS_GROUP(cts_group_state_sticky, cases);
