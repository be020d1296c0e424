/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RACE-02: Set, Clear and Close of one object, or of two, by several threads, while others wait with it. Each
 * outcome is one that some order of the operations gives.
 */
#include <cts/cts.h>

/* variant: which operations meet. */
enum { SET_AND_CLOSE = 1, CLEAR_AND_CLOSE = 2, ALL_THREE = 3, ENTERING = 4 };
enum { WAITERS = 4, CALLS = 6, SETTERS = 2, PULSES = 10, ROUNDS = 12, DELAYS = 8 };

static const char *const names[WAITERS] = {"waiter 1", "waiter 2", "waiter 3", "waiter 4"};

struct scene {
    struct cts_process *process; /* of the object and of the threads that use it */
    struct cts_link calls;
    struct cts_link receives;
    struct cts_actor *waiters[WAITERS]; /* 1 and 3 receive */
    struct cts_actor *setter;
    struct cts_actor *clearer;
    struct cts_actor *peer;
    Handle spare;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.calls = cts_link_open(self->layout)};
    s.process = s.calls.client_process;
    s.receives = cts_link_between(s.process, s.calls.server_process);
    for (int i = 0; i < WAITERS; i++) {
        s.waiters[i] = cts_actor_new(s.process, names[i]);
    }
    s.setter = cts_actor_new(s.process, "setter");
    s.clearer = cts_actor_new(s.process, "clearer");
    s.peer = cts_actor_new(s.calls.server_process, "peer");
    s.spare = cts_sync_new(s.process);
    return s;
}

static struct cts_op *start_wait(const struct cts_case *self, const struct scene *s, int index,
                                 Handle sync)
{
    if (index % 2 == 1) {
        return cts_start_recv_ex(s->waiters[index], s->receives.server, cts_mdelay(self), sync);
    }
    return cts_start_call_ex(s->waiters[index], s->calls.client, CTS_PLAIN, cts_mdelay(self), sync);
}

/* A program that begins with a delay: Clear on an object that nobody waits with. Objects that come and
 * go would do as well, but for Close: a number that was closed could be one of theirs by then. */
static void begin(const struct scene *s, struct cts_actor *actor)
{
    cts_program_begin(actor);
    for (rtl_uint32_t i = cts_random(DELAYS); i > 0; i--) {
        (void)cts_start_clear(actor, s->spare);
    }
}

#define ENOUGH_NS 3000000000u

/* RACE-02: two threads set and clear an object each, made one after the other; what one does is not lost to the
 * other. */
static void two_objects_at_once(const struct cts_case *self)
{
    enum { MEETINGS = 16, TURNS = 32 };
    struct scene s = scene_open(self);
    rtl_uint64_t spent_ns = 0; /* a library that looks now and then meets less often */
    for (int meeting = 0; meeting < MEETINGS && spent_ns < ENOUGH_NS; meeting++) {
        Handle syncs[2] = {cts_sync_new(s.process), cts_sync_new(s.process)};
        struct cts_op *waits[TURNS] = {NULL};
        struct cts_op *last[2] = {NULL};
        cts_program_begin(s.setter);
        for (int i = 0; i < 3 * TURNS; i++) {
            (void)cts_start_set(s.setter, syncs[0]);
            last[0] = cts_start_clear(s.setter, syncs[0]);
        }
        cts_program_begin(s.waiters[1]);
        for (int i = 0; i < TURNS; i++) {
            (void)cts_start_set(s.waiters[1], syncs[1]);
            waits[i] = start_wait(self, &s, 1, syncs[1]);
            last[1] = cts_start_clear(s.waiters[1], syncs[1]);
        }
        cts_program_run();

        for (int i = 0; i < TURNS; i++) {
            cts_check_returned(waits[i], rcIpcInterrupt);
            spent_ns += cts_elapsed_ns(waits[i]);
        }
        cts_check_returned(last[0], rcOk);
        cts_check_returned(last[1], rcOk);
        for (int i = 0; i < 2; i++) {
            struct cts_op *wait = start_wait(self, &s, i, syncs[i]);
            cts_check_blocked(wait);
            cts_set(s.process, syncs[i]);
            cts_check_returned(wait, rcIpcInterrupt);
            cts_close(s.process, syncs[i]);
        }
    }
}

/* RACE-02: two threads set and clear in random order while four threads make six calls each. Every
 * call that returns was interrupted, none is when its object was never set, and after a last Clear
 * the next call waits. */
static void sets_and_clears(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle sync = cts_sync_new(s.process);
    Handle untouched = cts_sync_new(s.process);
    struct cts_op *waits[WAITERS][CALLS] = {{NULL}};
    struct cts_op *pulses[SETTERS][PULSES] = {{NULL}};
    struct cts_actor *setters[SETTERS] = {s.setter, s.clearer};
    for (int i = 0; i < WAITERS; i++) {
        begin(&s, s.waiters[i]);
        for (int k = 0; k < CALLS; k++) {
            bool quiet = i >= 2 && k == CALLS - 1;
            waits[i][k] = start_wait(self, &s, i, quiet ? untouched : sync);
        }
    }
    for (int i = 0; i < SETTERS; i++) {
        begin(&s, setters[i]);
        for (int k = 0; k < PULSES; k++) {
            pulses[i][k] = cts_random(2) == 0 ? cts_start_set(setters[i], sync)
                                              : cts_start_clear(setters[i], sync);
        }
    }
    cts_program_run();

    for (int i = 0; i < SETTERS; i++) {
        for (int k = 0; k < PULSES; k++) {
            cts_check_returned(pulses[i][k], rcOk);
        }
    }
    cts_clear(s.process, sync);
    struct cts_op *late = cts_start_call_ex(cts_actor_new(s.process, "late"), s.calls.client,
                                            CTS_PLAIN, cts_mdelay(self), sync);
    cts_check_blocked(late);
    cts_set(s.process, sync);
    cts_check_returned(late, rcIpcInterrupt);
    for (int i = 0; i < WAITERS; i++) {
        for (int k = 0; k < CALLS - (i >= 2); k++) {
            cts_check_returned(waits[i][k], rcIpcInterrupt);
        }
    }
    cts_check_blocked(waits[2][CALLS - 1]);
    cts_check_blocked(waits[3][CALLS - 1]);
    cts_set(s.process, untouched);
    cts_check_returned(waits[2][CALLS - 1], rcIpcInterrupt);
    cts_check_returned(waits[3][CALLS - 1], rcIpcInterrupt);
}

/* What the others have left waiting gets its peer: waiters 0 and 1 only. */
static void finish(const struct scene *s, int index, struct cts_op *wait)
{
    if (index % 2 == 1) {
        (void)cts_recv_is_served(wait, s->receives.server, s->peer, s->receives.client);
    } else {
        (void)cts_call_is_served(wait, s->calls.client, s->peer, s->calls.server);
    }
}

/* RACE-02: Close meets Set, Clear, or calls that are just being entered. Whether it is refused while
 * threads wait, and what it does to them, is open (STATE-07). Set and Clear are rcOk or too late. When
 * Set alone took effect, the calls that waited have ended; no call is lost. */
static void operations_meet_close(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *closer = cts_actor_new(s.process, "closer");
    for (int i = 0; i < ROUNDS; i++) {
        Handle sync = cts_sync_new(s.process);
        struct cts_op *waits[2] = {NULL};
        struct cts_op *set = NULL;
        struct cts_op *clear = NULL;
        for (int k = 0; k < 2; k++) {
            if (self->variant & ENTERING) {
                begin(&s, s.waiters[k]);
            }
            waits[k] = start_wait(self, &s, k, sync);
        }
        if ((self->variant & ENTERING) == 0) {
            cts_require_blocked(waits[0]);
            cts_require_blocked(waits[1]);
        }
        if (self->variant & SET_AND_CLOSE) {
            begin(&s, s.setter);
            set = cts_start_set(s.setter, sync);
        }
        if (self->variant & CLEAR_AND_CLOSE) {
            begin(&s, s.clearer);
            clear = cts_start_clear(s.clearer, sync);
        }
        begin(&s, closer);
        struct cts_op *closed = cts_start_close(closer, sync);
        cts_program_run();

        cts_check_that(cts_wait(closed) != rcIpcInterrupt, "Close is not interrupted");
        cts_check_that(set == NULL || cts_wait(set) != rcIpcInterrupt, "Set is not interrupted");
        cts_check_that(clear == NULL || cts_wait(clear) != rcIpcInterrupt,
                       "Clear is not interrupted");
        /* A thread that has not looked by then may find the object clear again (STATE-04) or gone (STATE-07). */
        bool in_time = set != NULL && cts_rc(set) == rcOk && cts_rc(closed) != rcOk &&
                       (clear == NULL || cts_rc(clear) != rcOk);
        for (int k = 0; k < 2; k++) {
            if (in_time && (self->variant & ENTERING) == 0) {
                cts_check_that(cts_wait(waits[k]) != rcOk, "a call that waited has ended by Set");
            }
            finish(&s, k, waits[k]);
        }
    }
    cts_check_exchange(s.waiters[0], s.calls.client, s.peer, s.calls.server);
}

static const struct cts_case cases[] = {
    {"RACE-02.1", "Set and Clear by two threads, free running", sets_and_clears, CTS_ONE_PROCESS,
     CTS_UNLIMITED, 0, CTS_FREE_RUNNING | CTS_SMOKE},
    {"RACE-02.2", "Set and Clear by two threads, one CPU", sets_and_clears, CTS_ONE_PROCESS,
     CTS_LIMITED, 0, 0},
    {"RACE-02.3", "Set and Clear by two threads, two processes", sets_and_clears, CTS_TWO_PROCESSES,
     CTS_UNLIMITED, 0, CTS_FREE_RUNNING},
    {"RACE-02.4", "Set meets Close while threads wait, free running", operations_meet_close,
     CTS_ONE_PROCESS, CTS_UNLIMITED, SET_AND_CLOSE, CTS_FREE_RUNNING},
    {"RACE-02.5", "Clear meets Close while threads wait, free running", operations_meet_close,
     CTS_ONE_PROCESS, CTS_LIMITED, CLEAR_AND_CLOSE, CTS_FREE_RUNNING},
    {"RACE-02.6", "Set, Clear and Close meet while threads wait, one CPU, two processes",
     operations_meet_close, CTS_TWO_PROCESSES, CTS_UNLIMITED, ALL_THREE, 0},
    {"RACE-02.40", "two objects are set and cleared at once, free running", two_objects_at_once,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_FREE_RUNNING},
    {"RACE-02.41", "two objects are set and cleared at once, limit, two processes",
     two_objects_at_once, CTS_TWO_PROCESSES, CTS_LIMITED, 0, CTS_FREE_RUNNING},
    {"RACE-02.7", "Close meets calls that are being entered, free running", operations_meet_close,
     CTS_ONE_PROCESS, CTS_UNLIMITED, ENTERING, CTS_FREE_RUNNING},
    {"RACE-02.8", "Set and Close meet calls that are being entered, free running",
     operations_meet_close, CTS_ONE_PROCESS, CTS_LIMITED, SET_AND_CLOSE | ENTERING,
     CTS_FREE_RUNNING},
};
CTS_GROUP(cts_group_race_set_clear, cases);
