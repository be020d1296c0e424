/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TIME-03, and TIME-02 for limits of hours and weeks: a wait without a limit goes on until the peer
 * comes, and a long limit is not taken for a short one. CALL-01 and RECV-01 for the same limits: Set ends
 * such a wait like any other.
 */
#include <cts/cts.h>

#define DAY 86400000u
#define WEEKS_24 0x7fffffffu /* milliseconds; two of them do not fit 32 bits of anything signed */

enum { CALL, RECV };

struct scene {
    struct cts_link link;
    struct cts_process *process; /* of the thread that waits */
    struct cts_actor *waiter;
    struct cts_actor *neighbour;
    struct cts_actor *peer;
    Handle sync;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    bool calls = self->variant == CALL;
    s.process = calls ? s.link.client_process : s.link.server_process;
    s.waiter = cts_actor_new(s.process, "waiter");
    s.neighbour = cts_actor_new(s.process, "neighbour");
    s.peer = cts_actor_new(calls ? s.link.server_process : s.link.client_process, "peer");
    s.sync = cts_sync_new(s.process);
    return s;
}

static struct cts_op *start_wait(const struct cts_case *self, const struct scene *s,
                                 struct cts_actor *actor, rtl_uint32_t mdelay)
{
    if (self->variant == RECV) {
        return cts_start_recv_ex(actor, s->link.server, mdelay, s->sync);
    }
    return cts_start_call_ex(actor, s->link.client, CTS_PLAIN, mdelay, s->sync);
}

/* The peer comes, and the wait completes. */
static void check_completes(const struct cts_case *self, const struct scene *s, struct cts_op *wait)
{
    if (self->variant == CALL) {
        struct cts_op *recv = cts_start_recv(s->peer, s->link.server);
        cts_check_returned(recv, rcOk);
        cts_check_served(s->peer, recv, wait);
    } else {
        struct cts_op *call = cts_start_call(s->peer, s->link.client, CTS_PLAIN);
        cts_check_returned(wait, rcOk);
        cts_check_served(s->waiter, wait, call);
    }
}

/* Limits of more than four seconds are not waited for in real time: the harness ends the case as
 * SKIP here when there is no virtual time. */
static void need_virtual_time(const struct scene *s)
{
    struct cts_link spare = cts_link_between(s->process, s->process);
    struct cts_op *probe = cts_start_recv_ex(s->waiter, spare.server, 5000, INVALID_HANDLE);
    cts_require_blocked(probe);
    cts_advance_ms(5010);
    cts_require_returned(probe, rcTimeout);
}

/* TIME-03: months pass. */
static void months_pass(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    need_virtual_time(&s);
    struct cts_op *wait = start_wait(self, &s, s.waiter, INFINITE_TIMEOUT);
    cts_require_blocked(wait);

    for (int i = 0; i < 4; i++) {
        cts_advance_ms(WEEKS_24);
        cts_check_blocked(wait);
    }

    check_completes(self, &s, wait);
}

/* TIME-03: on real time, some seconds pass, of which a library without virtual time shows something as well. */
static void seconds_pass(const struct cts_case *self)
{
    enum { PART_MS = 300, PARTS = 11 };
    struct scene s = scene_open(self);
    struct cts_actor *sleeper = cts_actor_new(s.process, "sleeper");
    struct cts_op *wait = start_wait(self, &s, s.waiter, INFINITE_TIMEOUT);

    for (int i = 0; i < PARTS && !cts_returned(wait); i++) {
        cts_require_returned(cts_start_sleep(sleeper, PART_MS), rcOk);
    }

    cts_check_blocked(wait);
    check_completes(self, &s, wait);
}

/* TIME-03: threads before and behind it on the same channel, with the same object, time out. */
static void neighbours_time_out(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    struct cts_actor *third = cts_actor_new(s.process, "third");
    struct cts_op *before = start_wait(self, &s, s.neighbour, 1500);
    cts_require_blocked(before);
    struct cts_op *wait = start_wait(self, &s, s.waiter, INFINITE_TIMEOUT);
    cts_require_blocked(wait);
    struct cts_op *behind = start_wait(self, &s, third, 1000);
    cts_require_blocked(behind);

    cts_advance_ms(1010);
    cts_require_returned(behind, rcTimeout);
    cts_check_blocked(wait);
    cts_advance_ms(500);
    cts_require_returned(before, rcTimeout);
    cts_check_blocked(wait);

    check_completes(self, &s, wait);
}

/* TIME-03: on real time, many short waits of another thread on the same channel end. */
static void neighbour_times_out_often(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *wait = start_wait(self, &s, s.waiter, INFINITE_TIMEOUT);
    cts_require_blocked(wait);
    for (int i = 0; i < 10; i++) {
        cts_require_returned(start_wait(self, &s, s.neighbour, 1 + (rtl_uint32_t)i % 3), rcTimeout);
    }

    cts_check_blocked(wait);
    check_completes(self, &s, wait);
}

/* What is left of 4295000 ms when its nanoseconds are cut to 32 bits is 33 ms, in real time. */
enum { CUT_LIMIT_PASSES_MS = 50 };

/* TIME-02: limits whose nanoseconds, microseconds or sign do not fit 32 bits; the call waits, and
 * the peer comes. */
static void long_limit_is_not_short(const struct cts_case *self)
{
    static const rtl_uint32_t limits[] = {4294968u,    2147484u,    4295000u,
                                          2147483649u, 4000000000u, 3600001u};
    struct scene s = scene_open(self);
    struct cts_actor *sleeper = cts_actor_new(s.process, "sleeper");
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct cts_op *wait = start_wait(self, &s, s.waiter, limits[i]);
        cts_check_blocked(wait);
        cts_require_returned(cts_start_sleep(sleeper, CUT_LIMIT_PASSES_MS), rcOk);
        cts_check_blocked(wait);
        check_completes(self, &s, wait);
    }
}

/* CALL-01, RECV-01: Set ends the wait, whatever its limit. */
static void long_limit_is_interrupted(const struct cts_case *self)
{
    static const rtl_uint32_t limits[] = {
        60000u,      3600001u,    2147484u,    4294968u,
        2147483647u, 2147483649u, 4000000000u, INFINITE_TIMEOUT - 1};
    struct scene s = scene_open(self);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct cts_op *wait = start_wait(self, &s, s.waiter, limits[i]);
        cts_require_blocked(wait);
        cts_set(s.process, s.sync);
        cts_require_returned(wait, rcIpcInterrupt);
        cts_clear(s.process, s.sync);
    }
    struct cts_op *wait = start_wait(self, &s, s.waiter, INFINITE_TIMEOUT);
    cts_require_blocked(wait);
    check_completes(self, &s, wait);
}

/* TIME-02: hours and weeks go by and the call waits until its last millisecond. */
static void long_limit_passes(const struct cts_case *self)
{
    static const rtl_uint32_t limits[] = {3600000u, DAY + 1, 4294968u, 2147483649u};
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    need_virtual_time(&s);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct cts_op *wait = start_wait(self, &s, s.waiter, limits[i]);
        cts_require_blocked(wait);

        cts_advance_ms(limits[i] - 1);
        cts_check_blocked(wait);
        cts_advance_ms(10);
        cts_check_returned(wait, rcTimeout);
    }
    struct cts_op *wait = start_wait(self, &s, s.waiter, INFINITE_TIMEOUT);
    cts_check_blocked(wait);
    check_completes(self, &s, wait);
}

static const struct cts_case cases[] = {
    {"TIME-03.51", "a CallEx without limit waits for months", months_pass, CTS_ONE_PROCESS,
     CTS_UNLIMITED, CALL, 0},
    {"TIME-03.52", "a RecvEx without limit waits for months", months_pass, CTS_ONE_PROCESS,
     CTS_UNLIMITED, RECV, CTS_SMOKE},
    {"TIME-03.53", "a CallEx without limit waits for months, two processes", months_pass,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, CALL, 0},
    {"TIME-03.54", "a CallEx without limit stays when its neighbours time out", neighbours_time_out,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, CTS_WAITS},
    {"TIME-03.55", "a RecvEx without limit stays when its neighbours time out", neighbours_time_out,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, CTS_WAITS},
    {"TIME-03.56", "a CallEx without limit stays, neighbour times out often, real time",
     neighbour_times_out_often, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"TIME-03.57", "a RecvEx without limit stays, neighbour times out often, real time",
     neighbour_times_out_often, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, 0},
    {"TIME-03.58", "a CallEx without limit waits for seconds, real time", seconds_pass,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, CTS_WAITS},
    {"TIME-03.59", "a RecvEx without limit waits for seconds, real time", seconds_pass,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, CTS_WAITS},
    {"TIME-03.60", "a CallEx without limit waits for seconds, two processes, real time",
     seconds_pass, CTS_TWO_PROCESSES, CTS_UNLIMITED, CALL, CTS_WAITS},
    {"TIME-02.61", "long limits of CallEx are not short", long_limit_is_not_short, CTS_ONE_PROCESS,
     CTS_LIMITED, CALL, CTS_WAITS},
    {"TIME-02.62", "long limits of RecvEx are not short", long_limit_is_not_short, CTS_ONE_PROCESS,
     CTS_LIMITED, RECV, CTS_WAITS},
    {"TIME-02.63", "limits of hours and weeks of CallEx pass", long_limit_passes, CTS_ONE_PROCESS,
     CTS_LIMITED, CALL, 0},
    {"TIME-02.64", "limits of hours and weeks of RecvEx pass", long_limit_passes, CTS_ONE_PROCESS,
     CTS_LIMITED, RECV, 0},
    {"TIME-02.65", "limits of hours and weeks of CallEx pass, two processes", long_limit_passes,
     CTS_TWO_PROCESSES, CTS_LIMITED, CALL, 0},
    {"CALL-01.18", "Set ends CallEx with limits of a minute to weeks", long_limit_is_interrupted,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL, 0},
    {"CALL-01.19", "Set ends CallEx with limits of a minute to weeks, two processes",
     long_limit_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, CALL, 0},
    {"RECV-01.13", "Set ends RecvEx with limits of a minute to weeks", long_limit_is_interrupted,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
    {"RECV-01.14", "Set ends RecvEx with limits of a minute to weeks, two processes",
     long_limit_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, RECV, 0},
};
CTS_GROUP(cts_group_time_unlimited, cases);
