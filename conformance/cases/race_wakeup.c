/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RACE-03: no lost wake-up. Threads enter their calls while others set; the last operation on the
 * object is a Set, so that every call returns, however they met. A wake-up that is lost is a call
 * that does not return.
 */
#include <cts/cts.h>

/* variant: the calls, and the operations that end in Set. */
enum {
    CALL = 0,
    RECV = 1,
    BOTH = 2,
    PULSES = 4,
    TWO_SETTERS = 8,
    MANY_CALLS = 16,
    TWO_OBJECTS = 32
};
enum { WAITERS = 4, CALLS_MAX = 4, ROUNDS = 15, DELAYS = 10 };

static const char *const names[WAITERS] = {"waiter 1", "waiter 2", "waiter 3", "waiter 4"};

struct scene {
    struct cts_process *process;
    struct cts_link calls;
    struct cts_link receives;
    struct cts_actor *waiters[WAITERS];
    struct cts_actor *setters[2];
    struct cts_actor *peer;
    Handle objects[2];
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.calls = cts_link_open(self->layout)};
    s.process = s.calls.client_process;
    s.receives = cts_link_between(s.process, s.calls.server_process);
    for (int i = 0; i < WAITERS; i++) {
        s.waiters[i] = cts_actor_new(s.process, names[i]);
    }
    s.setters[0] = cts_actor_new(s.process, "setter 1");
    s.setters[1] = cts_actor_new(s.process, "setter 2");
    s.peer = cts_actor_new(s.calls.server_process, "peer");
    s.objects[0] = cts_sync_new(s.process);
    s.objects[1] = self->variant & TWO_OBJECTS ? cts_sync_new(s.process) : s.objects[0];
    return s;
}

static void begin(struct cts_actor *actor)
{
    cts_program_begin(actor);
    (void)cts_start_churn(actor, cts_random(DELAYS));
}

static struct cts_op *queue_wait(const struct cts_case *self, const struct scene *s, int index)
{
    bool receives = (self->variant & RECV) || ((self->variant & BOTH) && index % 2 == 1);
    Handle sync = s->objects[cts_random(2)];
    if (receives) {
        return cts_start_recv_ex(s->waiters[index], s->receives.server, cts_mdelay(self), sync);
    }
    return cts_start_call_ex(s->waiters[index], s->calls.client, CTS_PLAIN, cts_mdelay(self), sync);
}

/* Set, Clear, Set, Clear, ... Set on both objects; the last of them. */
static struct cts_op *queue_sets(const struct cts_case *self, const struct scene *s,
                                 struct cts_actor *setter)
{
    begin(setter);
    int pulses = self->variant & PULSES ? 1 + (int)cts_random(3) : 0;
    for (int i = 0; i < pulses; i++) {
        Handle sync = s->objects[cts_random(2)];
        (void)cts_start_set(setter, sync);
        (void)cts_start_clear(setter, sync);
    }
    (void)cts_start_set(setter, s->objects[0]);
    return cts_start_set(setter, s->objects[1]);
}

/* RACE-03: all start together; every call is interrupted in the end. With PULSES and two setters
 * each of them ends with Set, so whichever is last, it is a Set. */
static void every_call_returns(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    int calls = self->variant & MANY_CALLS ? CALLS_MAX : 1;
    for (int round = 0; round < ROUNDS; round++) {
        struct cts_op *waits[WAITERS][CALLS_MAX] = {{NULL}};
        for (int i = 0; i < WAITERS; i++) {
            begin(s.waiters[i]);
            for (int k = 0; k < calls; k++) {
                waits[i][k] = queue_wait(self, &s, i);
            }
        }
        struct cts_op *set = queue_sets(self, &s, s.setters[0]);
        struct cts_op *other = set;
        if (self->variant & TWO_SETTERS) {
            other = queue_sets(self, &s, s.setters[1]);
        }
        cts_program_run();

        for (int i = 0; i < WAITERS; i++) {
            for (int k = 0; k < calls; k++) {
                cts_check_returned(waits[i][k], rcIpcInterrupt);
            }
        }
        cts_check_returned(set, rcOk);
        cts_check_returned(other, rcOk);
        cts_clear(s.process, s.objects[0]);
        cts_clear(s.process, s.objects[1]);
    }
    struct cts_op *call =
        cts_start_call_ex(s.waiters[0], s.calls.client, CTS_PLAIN, cts_mdelay(self), s.objects[0]);
    cts_check_blocked(call);
    struct cts_op *recv = cts_start_recv(s.peer, s.calls.server);
    cts_check_returned(recv, rcOk);
    cts_check_served(s.peer, recv, call);
}

/* RACE-03: a thread goes from being interrupted straight into its next wait, while Clear and Set of
 * another thread follow each other; one last Set releases it wherever it is. */
static void set_meets_the_next_wait(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int round = 0; round < ROUNDS; round++) {
        struct cts_op *waits[2][CALLS_MAX] = {{NULL}};
        for (int i = 0; i < 2; i++) {
            cts_program_begin(s.waiters[i]);
            for (int k = 0; k < CALLS_MAX; k++) {
                waits[i][k] = queue_wait(self, &s, i);
            }
        }
        cts_program_run();
        cts_settle();
        cts_program_begin(s.setters[0]);
        for (int k = 0; k < CALLS_MAX; k++) {
            (void)cts_start_set(s.setters[0], s.objects[0]);
            (void)cts_start_churn(s.setters[0], cts_random(DELAYS));
            (void)cts_start_clear(s.setters[0], s.objects[0]);
        }
        struct cts_op *last = cts_start_set(s.setters[0], s.objects[0]);
        cts_program_run();

        cts_check_returned(last, rcOk);
        for (int i = 0; i < 2; i++) {
            for (int k = 0; k < CALLS_MAX; k++) {
                cts_check_returned(waits[i][k], rcIpcInterrupt);
            }
        }
        cts_clear(s.process, s.objects[0]);
    }
}

static const struct cts_case cases[] = {
    {"RACE-03.1", "Set meets CallEx that are being entered, free running", every_call_returns,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, CTS_FREE_RUNNING | CTS_SMOKE},
    {"RACE-03.2", "Set meets RecvEx that are being entered, free running", every_call_returns,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, CTS_FREE_RUNNING | CTS_SMOKE},
    {"RACE-03.3", "Set meets both kinds that are being entered, one CPU", every_call_returns,
     CTS_ONE_PROCESS, CTS_LIMITED, BOTH, 0},
    {"RACE-03.4", "Set, Clear, Set meet CallEx that are being entered, free running",
     every_call_returns, CTS_ONE_PROCESS, CTS_LIMITED, CALL | PULSES, CTS_FREE_RUNNING},
    {"RACE-03.5", "two setters end with Set, RecvEx are being entered, free running",
     every_call_returns, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV | PULSES | TWO_SETTERS,
     CTS_FREE_RUNNING},
    {"RACE-03.6", "two setters end with Set, both kinds, several calls each, free running",
     every_call_returns, CTS_ONE_PROCESS, CTS_UNLIMITED, BOTH | PULSES | TWO_SETTERS | MANY_CALLS,
     CTS_FREE_RUNNING},
    {"RACE-03.7", "two setters of two objects, both kinds, free running", every_call_returns,
     CTS_ONE_PROCESS, CTS_UNLIMITED, BOTH | PULSES | TWO_SETTERS | MANY_CALLS | TWO_OBJECTS,
     CTS_FREE_RUNNING},
    {"RACE-03.8", "two setters end with Set, both kinds, two processes", every_call_returns,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, BOTH | PULSES | TWO_SETTERS, CTS_FREE_RUNNING},
    {"RACE-03.9", "Set meets the next CallEx of a thread, free running", set_meets_the_next_wait,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, CTS_FREE_RUNNING},
    {"RACE-03.10", "Set meets the next RecvEx of a thread, one CPU", set_meets_the_next_wait,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, 0},
};
CTS_GROUP(cts_group_race_wakeup, cases);
