/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TIME-01 and TIME-02: the limit of an Ex call that nobody serves ends it, whatever else wakes the
 * thread meanwhile, and never too early. How late it may come is nowhere written, so no case looks.
 */
#include <cts/cts.h>

#define NS_PER_MS 1000000u
#define A_LITTLE_MORE 10 /* milliseconds */
/* A library that has taken so long for limits of 1 ms is asked for no more of them. */
#define ENOUGH_NS 6000000000u

/* variant: the call that waits, and whether it uses an object. */
enum { CALL = 0, RECV = 1, NO_OBJECT = 2 };
/* variant, of threads that wait at once: all have the same limit. */
enum { EQUAL = 4 };
enum { WAITERS = 4 };

struct scene {
    struct cts_link link;
    struct cts_process *process; /* of the thread that waits */
    struct cts_process *peer_process;
    struct cts_actor *waiter;
    Handle sync; /* or INVALID_HANDLE */
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    bool calls = (self->variant & RECV) == 0;
    s.process = calls ? s.link.client_process : s.link.server_process;
    s.peer_process = calls ? s.link.server_process : s.link.client_process;
    s.waiter = cts_actor_new(s.process, "waiter");
    s.sync = self->variant & NO_OBJECT ? INVALID_HANDLE : cts_sync_new(s.process);
    return s;
}

static struct cts_op *start_wait(const struct cts_case *self, const struct scene *s,
                                 struct cts_actor *actor, rtl_uint32_t mdelay, Handle sync)
{
    if (self->variant & RECV) {
        return cts_start_recv_ex(actor, s->link.server, mdelay, sync);
    }
    return cts_start_call_ex(actor, s->link.client, CTS_PLAIN, mdelay, sync);
}

static void check_channel_works(const struct scene *s)
{
    cts_check_exchange(cts_actor_new(s->link.client_process, "last client"), s->link.client,
                       cts_actor_new(s->link.server_process, "last server"), s->link.server);
}

static void check_not_early(const struct cts_op *op, rtl_uint32_t mdelay)
{
    cts_check_that(cts_elapsed_ns(op) >= (rtl_uint64_t)(mdelay - 1) * NS_PER_MS,
                   "the call has not returned before its mdelay");
}

/* TIME-02: one millisecond before the limit the call still waits. Twice, with a limit that is not a
 * whole number of seconds. */
static void not_one_millisecond_early(const struct cts_case *self)
{
    static const rtl_uint32_t limits[] = {1000, 1999};
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct cts_op *wait = start_wait(self, &s, s.waiter, limits[i], s.sync);
        cts_check_blocked(wait); /* the claim already: its limit has not passed */

        cts_advance_ms(limits[i] - 1);
        cts_check_blocked(wait);
        cts_advance_ms(A_LITTLE_MORE);
        cts_check_returned(wait, rcTimeout);
    }
    check_channel_works(&s);
}

/* TIME-02: on real time, short limits in a row by one thread; some are those of the call before. */
static void short_limits_in_a_row(const struct cts_case *self)
{
    static const rtl_uint32_t limits[] = {1, 2, 3, 3, 7, 20, 20, 45};
    struct scene s = scene_open(self);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct cts_op *wait = start_wait(self, &s, s.waiter, limits[i], s.sync);
        cts_check_returned(wait, rcTimeout);
        check_not_early(wait, limits[i]);
    }
    check_channel_works(&s);
}

/* TIME-02: on real time, threads that wait on one channel with different limits: the end of one
 * wait does not end another. The longest begins first. TIME-01: with equal limits, which a library may look at
 * together, each of them passes. */
static void short_limits_at_once(const struct cts_case *self)
{
    static const rtl_uint32_t different[WAITERS] = {60, 5, 40, 20};
    static const rtl_uint32_t equal[WAITERS] = {20, 20, 20, 20};
    const rtl_uint32_t *limits = self->variant & EQUAL ? equal : different;
    static const char *const names[WAITERS] = {"waiter 1", "waiter 2", "waiter 3", "waiter 4"};
    struct scene s = scene_open(self);
    struct cts_actor *actors[WAITERS] = {NULL};
    struct cts_op *waits[WAITERS] = {NULL};
    for (int i = 0; i < WAITERS; i++) {
        actors[i] = cts_actor_new(s.process, names[i]);
    }
    for (int i = 0; i < WAITERS; i++) {
        waits[i] = start_wait(self, &s, actors[i], limits[i], s.sync);
    }
    for (int i = 0; i < WAITERS; i++) {
        cts_check_returned(waits[i], rcTimeout);
        check_not_early(waits[i], limits[i]);
    }
    check_channel_works(&s);
}

/* TIME-01: as often as limits pass, the next one passes too, and the channel works afterwards. How late
 * a limit may pass is not written anywhere: a library that is slow gets fewer of them. */
static void many_limits_pass(const struct cts_case *self)
{
    enum { MANY = 70 };
    struct scene s = scene_open(self);
    rtl_uint64_t spent_ns = 0;
    for (int i = 0; i < MANY; i++) {
        if (spent_ns > ENOUGH_NS) {
            cts_observe("seventy limits", "slow: fewer than planned");
            break;
        }
        struct cts_op *wait = start_wait(self, &s, s.waiter, 1, s.sync);
        cts_check_returned(wait, rcTimeout);
        spent_ns += cts_elapsed_ns(wait);
    }
    check_channel_works(&s);
}

/* What may wake a thread for nothing: another thread of the same channel is interrupted, and the
 * waiter's own object is cleared. */
static void disturb(const struct cts_case *self, const struct scene *s, struct cts_actor *neighbour,
                    Handle other)
{
    struct cts_op *wait = start_wait(self, s, neighbour, INFINITE_TIMEOUT, other);
    cts_set(s->process, other);
    cts_require_returned(wait, rcIpcInterrupt);
    cts_clear(s->process, other);
    if (s->sync != INVALID_HANDLE) {
        cts_clear(s->process, s->sync);
    }
}

/* TIME-02: on real time, a thread that is disturbed neither gives up early nor takes that for its
 * limit. */
static void disturbed_on_real_time(const struct cts_case *self)
{
    enum { LIMIT = 60, TIMES = 20 };
    struct scene s = scene_open(self);
    Handle other = cts_sync_new(s.process);
    struct cts_actor *neighbour = cts_actor_new(s.process, "neighbour");
    struct cts_op *wait = start_wait(self, &s, s.waiter, LIMIT, s.sync);

    for (int i = 0; i < TIMES && !cts_returned(wait); i++) {
        disturb(self, &s, neighbour, other);
    }

    cts_check_returned(wait, rcTimeout);
    check_not_early(wait, LIMIT);
    check_channel_works(&s);
}

/* TIME-01: the limit still ends a wait in which the thread was disturbed several times. */
static void disturbed_and_due(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    Handle other = cts_sync_new(s.process);
    struct cts_actor *neighbour = cts_actor_new(s.process, "neighbour");
    struct cts_op *wait = start_wait(self, &s, s.waiter, 1000, s.sync);
    cts_require_blocked(wait);

    for (int i = 0; i < 3; i++) {
        disturb(self, &s, neighbour, other);
        cts_advance_ms(300);
        cts_check_blocked(wait);
    }
    cts_advance_ms(100 + A_LITTLE_MORE);

    cts_check_returned(wait, rcTimeout);
    check_channel_works(&s);
}

/* TIME-01: on real time, a Clear now and then does not put the limit off. Fifty times the limit is enough for a library
 * that looks seldom. */
static void cleared_and_due_on_real_time(const struct cts_case *self)
{
    enum { LIMIT = 100, PAUSE = 20, PAUSES_MAX = 250 };
    struct scene s = scene_open(self);
    struct cts_actor *clearer = cts_actor_new(s.process, "clearer");
    struct cts_op *wait = start_wait(self, &s, s.waiter, LIMIT, s.sync);

    for (int i = 0; i < PAUSES_MAX && !cts_returned(wait); i++) {
        cts_require_returned(cts_start_clear(clearer, s.sync), rcOk);
        cts_require_returned(cts_start_sleep(clearer, PAUSE), rcOk);
    }

    cts_check_that(cts_returned(wait), "the limit passes although the object is cleared meanwhile");
    cts_check_returned(wait, rcTimeout);
    check_not_early(wait, LIMIT);
    check_channel_works(&s);
}

/* TIME-01: each of several threads of one channel resumes at its own limit; one without a limit
 * stays. */
static void each_at_its_own_limit(const struct cts_case *self)
{
    static const rtl_uint32_t limits[WAITERS] = {3000, 1000, INFINITE_TIMEOUT, 2000};
    static const int order[] = {1, 3, 0};
    static const char *const names[WAITERS] = {"waiter 1", "waiter 2", "waiter 3", "waiter 4"};
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    Handle last = cts_sync_new(s.process);
    struct cts_op *waits[WAITERS] = {NULL};
    for (int i = 0; i < WAITERS; i++) {
        waits[i] = start_wait(self, &s, cts_actor_new(s.process, names[i]), limits[i],
                              limits[i] == INFINITE_TIMEOUT ? last : s.sync);
        cts_require_blocked(waits[i]);
    }

    for (int turn = 0; turn < 3; turn++) {
        cts_advance_ms(1000 + A_LITTLE_MORE);
        cts_check_returned(waits[order[turn]], rcTimeout);
        for (int later = turn + 1; later < 3; later++) {
            cts_check_blocked(waits[order[later]]);
        }
    }

    cts_check_blocked(waits[2]);
    cts_set(s.process, last);
    cts_check_returned(waits[2], rcIpcInterrupt);
    check_channel_works(&s);
}

static const struct cts_case cases[] = {
    {"TIME-02.51", "a CallEx waits until its last millisecond", not_one_millisecond_early,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL, CTS_SMOKE | CTS_WAITS},
    {"TIME-02.52", "a RecvEx waits until its last millisecond", not_one_millisecond_early,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV, CTS_SMOKE | CTS_WAITS},
    {"TIME-02.53", "a CallEx waits until its last millisecond, two processes",
     not_one_millisecond_early, CTS_TWO_PROCESSES, CTS_LIMITED, CALL | NO_OBJECT, CTS_WAITS},
    {"TIME-02.66", "a CallEx waits until its last millisecond, one process",
     not_one_millisecond_early, CTS_ONE_PROCESS, CTS_LIMITED, CALL | NO_OBJECT, CTS_WAITS},
    {"TIME-02.54", "a RecvEx waits until its last millisecond, two processes",
     not_one_millisecond_early, CTS_TWO_PROCESSES, CTS_LIMITED, RECV | NO_OBJECT, CTS_WAITS},
    {"TIME-02.67", "a RecvEx waits until its last millisecond, one process",
     not_one_millisecond_early, CTS_ONE_PROCESS, CTS_LIMITED, RECV | NO_OBJECT, CTS_WAITS},
    {"TIME-02.55", "short limits of CallEx are not early, real time", short_limits_in_a_row,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL, CTS_WAITS},
    {"TIME-02.56", "short limits of RecvEx are not early, real time", short_limits_in_a_row,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV, CTS_WAITS},
    {"TIME-02.57", "four CallEx at once are not early, real time", short_limits_at_once,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL, CTS_FREE_RUNNING},
    {"TIME-02.58", "four RecvEx at once are not early, real time", short_limits_at_once,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV, CTS_FREE_RUNNING},
    {"TIME-02.59", "a disturbed CallEx is not early, real time", disturbed_on_real_time,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL, 0},
    {"TIME-02.60", "a disturbed RecvEx is not early, real time", disturbed_on_real_time,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
    {"TIME-01.51", "a CallEx that was disturbed times out", disturbed_and_due, CTS_ONE_PROCESS,
     CTS_LIMITED, CALL, CTS_WAITS},
    {"TIME-01.52", "a RecvEx that was disturbed times out", disturbed_and_due, CTS_ONE_PROCESS,
     CTS_LIMITED, RECV, CTS_WAITS},
    {"TIME-01.53", "a CallEx without object that was disturbed times out, two processes",
     disturbed_and_due, CTS_TWO_PROCESSES, CTS_LIMITED, CALL | NO_OBJECT, CTS_WAITS},
    {"TIME-01.57", "a CallEx without object that was disturbed times out", disturbed_and_due,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL | NO_OBJECT, CTS_WAITS},
    {"TIME-01.54", "a RecvEx without object that was disturbed times out, two processes",
     disturbed_and_due, CTS_TWO_PROCESSES, CTS_LIMITED, RECV | NO_OBJECT, CTS_WAITS},
    {"TIME-01.58", "a RecvEx without object that was disturbed times out", disturbed_and_due,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV | NO_OBJECT, CTS_WAITS},
    {"TIME-01.55", "each of several CallEx times out at its own limit", each_at_its_own_limit,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL, CTS_WAITS},
    {"TIME-01.56", "each of several RecvEx times out at its own limit", each_at_its_own_limit,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV | NO_OBJECT, CTS_WAITS},
    {"TIME-01.90", "Clear does not put off the limit of a CallEx, real time",
     cleared_and_due_on_real_time, CTS_ONE_PROCESS, CTS_LIMITED, CALL, CTS_WAITS},
    {"TIME-01.91", "Clear does not put off the limit of a RecvEx, real time",
     cleared_and_due_on_real_time, CTS_ONE_PROCESS, CTS_LIMITED, RECV, CTS_WAITS},
    {"TIME-01.92", "four CallEx with equal limits time out, real time", short_limits_at_once,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL | EQUAL, CTS_FREE_RUNNING},
    {"TIME-01.93", "four RecvEx with equal limits time out, real time", short_limits_at_once,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV | EQUAL, CTS_FREE_RUNNING},
    {"TIME-01.66", "seventy limits of CallEx pass, and the channel works", many_limits_pass,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL, 0},
    {"TIME-01.67", "seventy limits of RecvEx pass, and the channel works", many_limits_pass,
     CTS_TWO_PROCESSES, CTS_LIMITED, RECV, 0},
    {"TIME-01.69", "seventy limits of RecvEx pass, and the channel works, one process",
     many_limits_pass, CTS_ONE_PROCESS, CTS_LIMITED, RECV, CTS_WAITS},
};
CTS_GROUP(cts_group_time_limit, cases);
