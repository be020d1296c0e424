/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TIME-04: Set and the timeout of one wait. Whoever was first wins, at the same moment either may;
 * there is one result, and the request is withdrawn, or the receive takes none, either way.
 */
#include <cts/cts.h>

#define LIMIT 1000

/* variant: the call that waits, and what comes first. */
enum { CALL = 0, RECV = 1, LIMIT_FIRST = 2, PEER_TOO = 4 };
enum { THREADS = 3, CALLS = 12, PULSES = 16, ROUNDS = 12 };

struct scene {
    struct cts_link link;
    struct cts_process *process; /* of the threads that wait */
    struct cts_actor *waiter;
    struct cts_actor *setter;
    struct cts_actor *peer;
    Handle sync;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    bool calls = (self->variant & RECV) == 0;
    s.process = calls ? s.link.client_process : s.link.server_process;
    s.waiter = cts_actor_new(s.process, "waiter");
    s.setter = cts_actor_new(s.process, "setter");
    s.peer = cts_actor_new(calls ? s.link.server_process : s.link.client_process, "peer");
    s.sync = cts_sync_new(s.process);
    return s;
}

static struct cts_op *start_wait(const struct cts_case *self, const struct scene *s,
                                 struct cts_actor *actor, rtl_uint32_t mdelay)
{
    if (self->variant & RECV) {
        return cts_start_recv_ex(actor, s->link.server, mdelay, s->sync);
    }
    return cts_start_call_ex(actor, s->link.client, CTS_PLAIN, mdelay, s->sync);
}

/* With the object clear: the next wait of the thread waits and completes with the next message. */
static void check_next_wait_completes(const struct cts_case *self, const struct scene *s)
{
    cts_clear(s->process, s->sync);
    struct cts_op *wait = start_wait(self, s, s->waiter, INFINITE_TIMEOUT);
    cts_check_blocked(wait);
    if (self->variant & RECV) {
        struct cts_op *call = cts_start_call(s->peer, s->link.client, CTS_PLAIN);
        cts_check_returned(wait, rcOk);
        cts_check_served(s->waiter, wait, call);
    } else {
        struct cts_op *recv = cts_start_recv(s->peer, s->link.server);
        cts_check_returned(recv, rcOk);
        cts_check_served(s->peer, recv, wait);
    }
}

/* TIME-04: one clearly after the other. */
static void one_after_the_other(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    struct cts_op *wait = start_wait(self, &s, s.waiter, LIMIT);
    cts_require_blocked(wait);

    if (self->variant & LIMIT_FIRST) {
        cts_advance_ms(LIMIT + 10);
        cts_check_returned(wait, rcTimeout);
        cts_set(s.process, s.sync);
    } else {
        cts_set(s.process, s.sync);
        cts_check_returned(wait, rcIpcInterrupt);
        cts_advance_ms(LIMIT + 10);
    }

    check_next_wait_completes(self, &s);
}

/* TIME-04: both, before the thread can resume; and a peer that comes last, if the variant says so.
 * A request that the peer got nevertheless was taken, and then only the limit can have ended it. */
static void both_while_the_thread_is_held(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    struct cts_op *wait = start_wait(self, &s, s.waiter, LIMIT);
    cts_require_blocked(wait);
    cts_freeze(s.waiter);

    struct cts_op *set = NULL;
    struct cts_op *recv = NULL;
    if (self->variant & LIMIT_FIRST) {
        cts_advance_ms(LIMIT + 10);
        cts_settle();
    }
    set = cts_start_set(s.setter, s.sync);
    cts_settle();
    if ((self->variant & LIMIT_FIRST) == 0) {
        cts_advance_ms(LIMIT + 10);
        cts_settle();
    }
    if (self->variant & PEER_TOO) {
        recv = cts_start_recv(s.peer, s.link.server);
        cts_settle();
    }
    cts_thaw(s.waiter);

    cts_check_returned(set, rcOk);
    cts_check_returned_one_of(wait, rcIpcInterrupt, rcTimeout);
    if (recv != NULL) {
        struct cts_op *call =
            cts_start_call(cts_actor_new(s.process, "other"), s.link.client, CTS_PLAIN);
        cts_check_returned(recv, rcOk);
        if (cts_request(recv) == cts_request(wait)) {
            cts_check_that(cts_rc(wait) == rcTimeout,
                           "a request that was taken was not interrupted");
            (void)cts_wait(cts_start_reply(s.peer, recv, CTS_PLAIN));
            recv = cts_start_recv(s.peer, s.link.server);
            cts_check_returned(recv, rcOk);
        }
        cts_check_served(s.peer, recv, call);
    }
    check_next_wait_completes(self, &s);
}

/* TIME-04: on real time, calls with limits of one to three milliseconds, while another thread sets
 * and clears. */
static void short_limits_among_pulses(const struct cts_case *self)
{
    static const char *const names[THREADS] = {"waiter 1", "waiter 2", "waiter 3"};
    struct scene s = scene_open(self);
    struct cts_op *waits[THREADS][CALLS] = {{NULL}};
    struct cts_op *pulse = NULL;
    for (int i = 0; i < THREADS; i++) {
        struct cts_actor *actor = cts_actor_new(s.process, names[i]);
        cts_program_begin(actor);
        for (int k = 0; k < CALLS; k++) {
            waits[i][k] = start_wait(self, &s, actor, 1 + cts_random(3));
        }
    }
    cts_program_begin(s.setter);
    for (int i = 0; i < PULSES; i++) {
        (void)cts_start_churn(s.setter, cts_random(40));
        (void)cts_start_set(s.setter, s.sync);
        pulse = cts_start_clear(s.setter, s.sync);
    }
    cts_program_run();

    for (int i = 0; i < THREADS; i++) {
        for (int k = 0; k < CALLS; k++) {
            cts_check_returned_one_of(waits[i][k], rcIpcInterrupt, rcTimeout);
        }
    }
    cts_check_returned(pulse, rcOk);
    check_next_wait_completes(self, &s);
}

/* TIME-04: on real time, Set comes after a wait of the same length elsewhere, so that both fall due
 * about at once. */
static void set_about_when_due(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link elsewhere = cts_link_between(s.process, s.process);
    for (int i = 0; i < ROUNDS; i++) {
        rtl_uint32_t mdelay = 1 + cts_random(3);
        cts_program_begin(s.waiter);
        struct cts_op *wait = start_wait(self, &s, s.waiter, mdelay);
        cts_program_begin(s.setter);
        (void)cts_start_recv_ex(s.setter, elsewhere.server, mdelay, INVALID_HANDLE);
        struct cts_op *set = cts_start_set(s.setter, s.sync);
        cts_program_run();

        cts_check_returned_one_of(wait, rcIpcInterrupt, rcTimeout);
        cts_check_returned(set, rcOk);
        cts_clear(s.process, s.sync);
    }
    check_next_wait_completes(self, &s);
}

/* TIME-04: of two that wait one times out; Set then interrupts the other, and does not reach the next,
 * lawful call of the one that has gone. */
static void set_after_the_limit_of_a_neighbour(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    struct cts_actor *neighbour = cts_actor_new(s.process, "neighbour");
    struct cts_op *gone = start_wait(self, &s, s.waiter, LIMIT);
    cts_require_blocked(gone);
    struct cts_op *stays = start_wait(self, &s, neighbour, INFINITE_TIMEOUT);
    cts_require_blocked(stays);
    cts_advance_ms(LIMIT + 10);
    cts_require_returned(gone, rcTimeout);

    cts_set(s.process, s.sync);

    cts_check_returned(stays, rcIpcInterrupt);
    struct cts_op *next = self->variant & RECV ? cts_start_recv(s.waiter, s.link.server)
                                               : cts_start_call(s.waiter, s.link.client, CTS_PLAIN);
    cts_check_blocked(next);
    struct cts_op *call = next;
    struct cts_op *recv = next;
    if (self->variant & RECV) {
        call = cts_start_call(s.peer, s.link.client, CTS_PLAIN);
    } else {
        recv = cts_start_recv(s.peer, s.link.server);
    }
    cts_check_returned(recv, rcOk);
    cts_check_served(self->variant & RECV ? s.waiter : s.peer, recv, call);
    check_next_wait_completes(self, &s);
}

/* TIME-01: the code is rcTimeout, though the object has interrupted the thread before. */
static void limit_after_an_interruption(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    for (int i = 0; i < 2; i++) {
        struct cts_op *before = start_wait(self, &s, s.waiter, LIMIT);
        cts_require_blocked(before);
        cts_set(s.process, s.sync);
        cts_require_returned(before, rcIpcInterrupt);
        cts_clear(s.process, s.sync);
    }
    struct cts_op *wait = start_wait(self, &s, s.waiter, LIMIT);
    cts_require_blocked(wait);

    cts_advance_ms(LIMIT + 10);

    cts_check_returned(wait, rcTimeout);
    check_next_wait_completes(self, &s);
}

static const struct cts_case cases[] = {
    {"TIME-04.1", "Set, then the limit of a CallEx", one_after_the_other, CTS_ONE_PROCESS,
     CTS_LIMITED, CALL, CTS_SMOKE},
    {"TIME-04.2", "Set, then the limit of a RecvEx", one_after_the_other, CTS_ONE_PROCESS,
     CTS_LIMITED, RECV, CTS_SMOKE},
    {"TIME-04.3", "the limit of a CallEx, then Set", one_after_the_other, CTS_ONE_PROCESS,
     CTS_LIMITED, CALL | LIMIT_FIRST, CTS_WAITS},
    {"TIME-04.4", "the limit of a RecvEx, then Set, two processes", one_after_the_other,
     CTS_TWO_PROCESSES, CTS_LIMITED, RECV | LIMIT_FIRST, CTS_WAITS},
    {"TIME-04.20", "the limit of a RecvEx, then Set", one_after_the_other, CTS_ONE_PROCESS,
     CTS_LIMITED, RECV | LIMIT_FIRST, CTS_WAITS},
    {"TIME-04.5", "Set and the limit of a CallEx that is held", both_while_the_thread_is_held,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL, CTS_WAITS},
    {"TIME-04.6", "Set and the limit of a RecvEx that is held", both_while_the_thread_is_held,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV, CTS_WAITS},
    {"TIME-04.7", "the limit and Set of a CallEx that is held", both_while_the_thread_is_held,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL | LIMIT_FIRST, CTS_WAITS},
    {"TIME-04.8", "the limit and Set of a RecvEx that is held, two processes",
     both_while_the_thread_is_held, CTS_TWO_PROCESSES, CTS_LIMITED, RECV | LIMIT_FIRST, CTS_WAITS},
    {"TIME-04.21", "the limit and Set of a RecvEx that is held", both_while_the_thread_is_held,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV | LIMIT_FIRST, CTS_WAITS},
    {"TIME-04.9", "Set, the limit and a server meet a CallEx that is held",
     both_while_the_thread_is_held, CTS_ONE_PROCESS, CTS_LIMITED, CALL | PEER_TOO, CTS_WAITS},
    {"TIME-04.10", "the limit, Set and a server meet a CallEx that is held, two processes",
     both_while_the_thread_is_held, CTS_TWO_PROCESSES, CTS_LIMITED, CALL | LIMIT_FIRST | PEER_TOO,
     CTS_WAITS},
    {"TIME-04.22", "the limit, Set and a server meet a CallEx that is held",
     both_while_the_thread_is_held, CTS_ONE_PROCESS, CTS_LIMITED, CALL | LIMIT_FIRST | PEER_TOO,
     CTS_WAITS},
    {"TIME-04.11", "CallEx with short limits among pulses, free running", short_limits_among_pulses,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL, CTS_FREE_RUNNING},
    {"TIME-04.12", "RecvEx with short limits among pulses, free running", short_limits_among_pulses,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV, CTS_FREE_RUNNING},
    {"TIME-04.13", "CallEx with short limits among pulses, one CPU, two processes",
     short_limits_among_pulses, CTS_TWO_PROCESSES, CTS_LIMITED, CALL, 0},
    {"TIME-04.14", "Set about when a CallEx is due, free running", set_about_when_due,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL, CTS_FREE_RUNNING},
    {"TIME-04.15", "Set about when a RecvEx is due, free running", set_about_when_due,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV, CTS_FREE_RUNNING},
    {"TIME-04.16", "Set about when a CallEx is due, one CPU", set_about_when_due, CTS_ONE_PROCESS,
     CTS_LIMITED, CALL, 0},
    {"TIME-04.17", "the limit of one CallEx, then Set: the other is interrupted",
     set_after_the_limit_of_a_neighbour, CTS_ONE_PROCESS, CTS_LIMITED, CALL, CTS_WAITS},
    {"TIME-04.18", "the limit of one RecvEx, then Set: the other is interrupted, two processes",
     set_after_the_limit_of_a_neighbour, CTS_TWO_PROCESSES, CTS_LIMITED, RECV, CTS_WAITS},
    {"TIME-04.23", "the limit of one RecvEx, then Set: the other is interrupted",
     set_after_the_limit_of_a_neighbour, CTS_ONE_PROCESS, CTS_LIMITED, RECV, CTS_WAITS},
    {"TIME-01.63", "a CallEx times out that was interrupted before", limit_after_an_interruption,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL, CTS_WAITS},
    {"TIME-01.64", "a RecvEx times out that was interrupted before, two processes",
     limit_after_an_interruption, CTS_TWO_PROCESSES, CTS_LIMITED, RECV, CTS_WAITS},
    {"TIME-01.70", "a RecvEx times out that was interrupted before", limit_after_an_interruption,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV, CTS_WAITS},
};
CTS_GROUP(cts_group_time_set, cases);
