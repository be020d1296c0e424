/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STATE-04, RACE-03: Set immediately followed by Clear while threads wait. Which of them return is open; a
 * thread either returns rcIpcInterrupt or goes on waiting, and then a later Set interrupts it.
 */
#include <cts/cts.h>

/* variant: who waits, and who calls Set and Clear. */
enum {
    CALLS = 1,
    RECVS = 2,
    PULSES = 4,  /* several times in a row */
    AT_ONCE = 8, /* by two threads that start together, so that the order is open too */
    HELD = 16,   /* those who wait are held meanwhile: all come to look after Clear */
};
enum { WAITERS = 3 };

static void pulse(const struct cts_case *self, struct cts_actor *setter, struct cts_actor *clearer,
                  Handle sync)
{
    int times = self->variant & PULSES ? 5 : 1;
    for (int i = 0; i < times; i++) {
        struct cts_op *set = cts_start_set(setter, sync);
        if ((self->variant & AT_ONCE) == 0) {
            cts_require_returned(set, rcOk);
        }
        struct cts_op *clear = cts_start_clear(clearer, sync);
        cts_require_returned(set, rcOk);
        cts_require_returned(clear, rcOk);
    }
}

/* Set and Clear may wait for those who are held. */
static void pulse_while_they_are_held(struct cts_actor *const *held, int count,
                                      struct cts_actor *setter, struct cts_actor *clearer,
                                      Handle sync)
{
    for (int i = 0; i < count; i++) {
        cts_freeze(held[i]);
    }
    struct cts_op *set = cts_start_set(setter, sync);
    cts_settle();
    struct cts_op *clear = cts_start_clear(clearer, sync);
    cts_settle();
    for (int i = 0; i < count; i++) {
        cts_thaw(held[i]);
    }
    cts_require_returned(set, rcOk);
    cts_require_returned(clear, rcOk);
}

/* STATE-04: threads wait, the object is pulsed, then set for good. */
static void pulse_while_threads_wait(const struct cts_case *self)
{
    struct cts_link calls = cts_link_open(self->layout);
    struct cts_process *process = calls.client_process;
    struct cts_link receives = cts_link_between(process, calls.server_process);
    struct cts_actor *setter = cts_actor_new(process, "setter");
    struct cts_actor *clearer = cts_actor_new(process, "clearer");
    Handle sync = cts_sync_new(process);
    struct cts_op *waits[2 * WAITERS];
    struct cts_actor *waiters[2 * WAITERS];
    int count = 0;
    for (int i = 0; i < WAITERS; i++) {
        if (self->variant & CALLS) {
            waiters[count] = cts_actor_new(process, "client");
            waits[count] =
                cts_start_call_ex(waiters[count], calls.client, CTS_PLAIN, cts_mdelay(self), sync);
            count++;
        }
        if (self->variant & RECVS) {
            waiters[count] = cts_actor_new(process, "server");
            waits[count] =
                cts_start_recv_ex(waiters[count], receives.server, cts_mdelay(self), sync);
            count++;
        }
    }
    for (int i = 0; i < count; i++) {
        cts_require_blocked(waits[i]);
    }

    if (self->variant & HELD) {
        pulse_while_they_are_held(waiters, count, setter, clearer, sync);
    } else {
        pulse(self, setter, clearer, sync);
    }
    cts_settle();
    int interrupted = 0;
    for (int i = 0; i < count; i++) {
        if (cts_returned(waits[i])) {
            cts_check_that(cts_rc(waits[i]) == rcIpcInterrupt,
                           "a thread that returns, returns rcIpcInterrupt");
            interrupted++;
        }
    }
    cts_observe("threads that wait during Set and Clear", interrupted == count ? "all return"
                                                          : interrupted == 0   ? "none returns"
                                                                               : "some return");
    cts_set(process, sync);
    for (int i = 0; i < count; i++) {
        cts_check_returned(waits[i], rcIpcInterrupt);
    }
}

static const struct cts_case cases[] = {
    {"STATE-04.1", "Set then Clear while three CallEx are queued", pulse_while_threads_wait,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"STATE-04.2", "Set then Clear while three RecvEx wait", pulse_while_threads_wait,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS, 0},
    {"STATE-04.3", "Set then Clear five times while both kinds wait", pulse_while_threads_wait,
     CTS_ONE_PROCESS, CTS_LIMITED, CALLS | RECVS | PULSES, CTS_SMOKE},
    {"STATE-04.4", "Set and Clear at once by two threads while both kinds wait",
     pulse_while_threads_wait, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS | RECVS | AT_ONCE,
     CTS_FREE_RUNNING},
    {"STATE-04.5", "Set then Clear while both kinds wait, two processes", pulse_while_threads_wait,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, CALLS | RECVS, 0},
    {"STATE-04.6", "Set then Clear while both kinds wait", pulse_while_threads_wait,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS | RECVS, 0},
    {"STATE-04.7", "Set then Clear while both kinds wait and are held", pulse_while_threads_wait,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS | RECVS | HELD, 0},
    {"STATE-04.8", "Set then Clear while both kinds wait and are held, limit",
     pulse_while_threads_wait, CTS_ONE_PROCESS, CTS_LIMITED, CALLS | RECVS | HELD, 0},
    {"RACE-03.70", "the Set after Set and Clear reaches those who were held meanwhile",
     pulse_while_threads_wait, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS | RECVS | HELD, 0},
    {"RACE-03.71", "the Set after Set and Clear reaches those who were held meanwhile, limit",
     pulse_while_threads_wait, CTS_ONE_PROCESS, CTS_LIMITED, CALLS | RECVS | HELD, 0},
    {"STATE-04.9", "Set then Clear while both kinds wait and are held, two processes",
     pulse_while_threads_wait, CTS_TWO_PROCESSES, CTS_UNLIMITED, CALLS | RECVS | HELD, 0},
};
CTS_GROUP(cts_group_state_pulse, cases);
