/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a limit leaves behind, once it has ended a wait or the wait has ended before it: nothing. The object is closed
 * like one that was never used, the channel's next wait can be interrupted, and no later wait ends at the old limit.
 */
#include <cts/cts.h>

/* variant: which kind of wait has the limit, and which kind follows. */
enum { CALL_FIRST = 0, RECV_FIRST = 1, CALL_NEXT = 0, RECV_NEXT = 2, RUNS_OUT = 4 };
#define NS_PER_MS 1000000u
enum { SECONDS_MS = 2700 };
enum { SHORT_MS = 5, BRIEF_MS = 20, TRIES = 8 };
/* Limits that are not to pass before the thread has done what comes first: on a busy machine the next one is tried. */
static const rtl_uint32_t limits_ms[] = {150, 500, 1500};
enum { LIMITS = sizeof limits_ms / sizeof limits_ms[0], BEYOND_MS = 50 };

struct scene {
    struct cts_link link;
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_actor *second_client;
    struct cts_actor *second_server;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    s.second_client = cts_actor_new(s.link.client_process, "second client");
    s.second_server = cts_actor_new(s.link.server_process, "second server");
    return s;
}

static struct cts_process *waiter_process(const struct scene *s, bool receives)
{
    return receives ? s->link.server_process : s->link.client_process;
}

static struct cts_op *start_wait(const struct scene *s, struct cts_actor *actor, bool receives,
                                 rtl_uint32_t mdelay, Handle sync)
{
    return receives ? cts_start_recv_ex(actor, s->link.server, mdelay, sync)
                    : cts_start_call_ex(actor, s->link.client, CTS_PLAIN, mdelay, sync);
}

static void check_works(const struct scene *s)
{
    cts_check_exchange(s->client, s->link.client, s->server, s->link.server);
}

/* OBJ-09: Close deletes an object with which one call, or several in a row, have timed out. */
static void object_is_deleted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    bool receives = (self->variant & RECV_FIRST) != 0;
    struct cts_process *process = waiter_process(&s, receives);
    struct cts_actor *owner = cts_actor_new(process, "owner");
    for (int uses = 1; uses <= 2; uses++) {
        Handle sync = cts_sync_new(process);
        for (int i = 0; i < uses; i++) {
            struct cts_op *wait =
                start_wait(&s, receives ? s.server : s.client, receives, SHORT_MS, sync);
            cts_require_returned(wait, rcTimeout);
        }

        cts_check_returned(cts_start_close(owner, sync), rcOk);

        cts_check_error(cts_start_set(owner, sync));
        cts_check_error(cts_start_clear(owner, sync));
        cts_check_error(cts_start_close(owner, sync));
    }
    check_works(&s);
}

/* CALL-01, RECV-01: after a wait of the channel has timed out the next one can be interrupted, and so can the one
 * after it. */
static void next_wait_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    bool first_receives = (self->variant & RECV_FIRST) != 0;
    bool receives = (self->variant & RECV_NEXT) != 0;
    struct cts_process *process = waiter_process(&s, receives);
    Handle sync = cts_sync_new(process);
    Handle first_sync = cts_sync_new(waiter_process(&s, first_receives));
    struct cts_op *first =
        start_wait(&s, first_receives ? s.server : s.client, first_receives, SHORT_MS, first_sync);
    cts_require_returned(first, rcTimeout);

    for (int i = 0; i < 2; i++) {
        struct cts_op *next = start_wait(&s, receives ? s.second_server : s.second_client, receives,
                                         cts_mdelay(self), sync);
        cts_check_blocked(next);
        cts_set(process, sync);
        cts_check_returned(next, rcIpcInterrupt);
        cts_clear(process, sync);
    }
    check_works(&s);
}

/* Where both a limited wait and the one after it have to begin before the limit passes: started first, it passes first. */
static struct cts_op *start_stopwatch(const struct scene *s, rtl_uint32_t limit)
{
    return cts_start_sleep(s->second_server, limit);
}

/* A wait without limit of `actor` outlives `limit`, and can be interrupted. False if it began when `stopwatch` had
 * stopped already. */
static bool check_waits_beyond(rtl_uint32_t limit, struct cts_op *stopwatch, const struct scene *s,
                               struct cts_actor *actor, bool receives, struct cts_process *process,
                               Handle sync)
{
    struct cts_op *wait = start_wait(s, actor, receives, INFINITE_TIMEOUT, sync);
    cts_check_blocked(wait);
    bool in_time = stopwatch == NULL || !cts_returned(stopwatch);
    if (in_time) {
        cts_require_returned(cts_start_sleep(s->second_client, limit + BEYOND_MS), rcOk);
        cts_check_blocked(wait);
    }
    cts_set(process, sync);
    cts_check_returned(wait, rcIpcInterrupt);
    cts_clear(process, sync);
    return in_time;
}

/* One exchange whose calls all have `limit`, so that nothing of it is left if that passes too early. */
static bool is_served_within(rtl_uint32_t limit, const struct scene *s, bool receives, Handle sync)
{
    struct cts_op *recv =
        cts_start_recv_ex(s->server, s->link.server, limit, receives ? sync : INVALID_HANDLE);
    cts_settle(); /* the receive waits */
    struct cts_op *call = cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, limit,
                                            receives ? INVALID_HANDLE : sync);
    bool taken = cts_wait(recv) == rcOk;
    if (taken) {
        (void)cts_wait(cts_start_reply(s->server, recv, CTS_PLAIN));
    }
    bool served = cts_wait(call) == rcOk;
    cts_require_that(taken || cts_rc(recv) == rcTimeout, "a request comes, or the limit passes");
    cts_require_that(served || cts_rc(call) == rcTimeout,
                     "the call is served, or the limit passes");
    return taken && served;
}

/* TIME-03: a wait with a limit was served; a wait without limit, by the same thread, outlives that limit. Real time, for
 * without a limit there is nothing that virtual time could pass. */
static void old_limit_is_forgotten(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    bool receives = (self->variant & RECV_FIRST) != 0;
    struct cts_process *process = waiter_process(&s, receives);
    Handle sync = cts_sync_new(process);
    for (int i = 0; i < LIMITS; i++) {
        struct cts_op *stopwatch = start_stopwatch(&s, limits_ms[i]);
        if (is_served_within(limits_ms[i], &s, receives, sync) &&
            check_waits_beyond(limits_ms[i], stopwatch, &s, receives ? s.server : s.client,
                               receives, process, sync)) {
            check_works(&s);
            return;
        }
        cts_require_returned(stopwatch, rcOk);
    }
    cts_skip("the limit passed before the next wait");
}

/* A wait of `actor` that is interrupted before `limit` passes; false if that was too soon. */
static bool is_interrupted_within(rtl_uint32_t limit, const struct scene *s,
                                  struct cts_actor *actor, bool receives,
                                  struct cts_process *process, Handle sync)
{
    struct cts_op *wait = start_wait(s, actor, receives, limit, sync);
    cts_settle(); /* Set interrupts a call that waits, not one that enters */
    cts_set(process, sync);
    bool interrupted = cts_wait(wait) == rcIpcInterrupt;
    cts_require_that(interrupted || cts_rc(wait) == rcTimeout,
                     "the wait is interrupted, or the limit passes");
    cts_clear(process, sync);
    return interrupted;
}

/* TIME-03: the same after a wait that was interrupted before its limit, or that the limit has ended. */
static void limit_of_an_ended_wait_is_forgotten(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    bool first_receives = (self->variant & RECV_FIRST) != 0;
    bool receives = (self->variant & RECV_NEXT) != 0;
    struct cts_actor *actor = first_receives ? s.server : s.client;
    struct cts_process *process = waiter_process(&s, first_receives);
    Handle sync = cts_sync_new(process);
    if ((self->variant & RUNS_OUT) != 0) {
        cts_require_returned(start_wait(&s, actor, first_receives, SHORT_MS, sync), rcTimeout);
        (void)check_waits_beyond(limits_ms[0], NULL, &s, actor, receives, process, sync);
        check_works(&s);
        return;
    }
    for (int i = 0; i < LIMITS; i++) {
        struct cts_op *stopwatch = start_stopwatch(&s, limits_ms[i]);
        if (is_interrupted_within(limits_ms[i], &s, actor, first_receives, process, sync) &&
            check_waits_beyond(limits_ms[i], stopwatch, &s, actor, receives, process, sync)) {
            check_works(&s);
            return;
        }
        cts_require_returned(stopwatch, rcOk);
    }
    cts_skip("the limit passed before the next wait");
}

/* CALL-01, RECV-01: a call of the thread has timed out in the server's hands, which has not answered yet. The thread's
 * next waits, elsewhere, can be interrupted. */
static void next_wait_beside_a_late_reply(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    bool receives = (self->variant & RECV_NEXT) != 0;
    struct cts_process *process = s.link.client_process;
    struct cts_link other = receives ? cts_link_between(process, s.link.server_process)
                                     : cts_link_between(s.link.server_process, process);
    Handle sync = cts_sync_new(process);
    struct cts_op *taken = NULL;
    for (int i = 0; taken == NULL; i++) {
        if (i == LIMITS) {
            cts_skip("the limit passed before there was a request");
        }
        struct cts_op *call =
            cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, limits_ms[i], sync);
        struct cts_op *recv =
            cts_start_recv_ex(s.server, s.link.server, limits_ms[i], INVALID_HANDLE);
        if (cts_wait(recv) != rcTimeout) {
            cts_require_returned(recv, rcOk);
            taken = recv;
        }
        cts_require_returned(call, rcTimeout);
    }

    for (int i = 0; i < 2; i++) {
        struct cts_op *next =
            receives ? cts_start_recv_ex(s.client, other.server, cts_mdelay(self), sync)
                     : cts_start_call_ex(s.client, other.client, CTS_PLAIN, cts_mdelay(self), sync);
        cts_check_blocked(next);
        cts_set(process, sync);
        cts_check_returned(next, rcIpcInterrupt);
        cts_clear(process, sync);
    }
    (void)cts_wait(cts_start_reply(s.server, taken, CTS_PLAIN));
    check_works(&s);
}

/* TIME-02: a limit of seconds, on real time, is not cut short. */
static void limit_of_seconds_is_kept(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    bool receives = (self->variant & RECV_FIRST) != 0;
    Handle sync = cts_sync_new(waiter_process(&s, receives));
    struct cts_op *wait =
        start_wait(&s, receives ? s.server : s.client, receives, SECONDS_MS, sync);
    cts_check_returned(wait, rcTimeout);
    /* A library may count in whole milliseconds. */
    cts_check_that(cts_elapsed_ns(wait) >= (SECONDS_MS - 1) * NS_PER_MS,
                   "the call does not time out before its limit");
    check_works(&s);
}

/* V14-01: a wait with the object times out; the next Set interrupts who waits then. */
static void automatic_object_is_left_alone(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    bool receives = (self->variant & RECV_FIRST) != 0;
    struct cts_process *process = waiter_process(&s, receives);
    Handle sync = cts_autoclear_new(cts_actor_new(process, "creator"));
    struct cts_op *first = start_wait(&s, receives ? s.server : s.client, receives, SHORT_MS, sync);
    cts_require_returned(first, rcTimeout);

    for (int i = 0; i < 2; i++) {
        struct cts_op *next = start_wait(&s, receives ? s.second_server : s.second_client, receives,
                                         cts_mdelay(self), sync);
        cts_check_blocked(next);
        cts_set(process, sync);
        cts_check_returned(next, rcIpcInterrupt);
    }
    check_works(&s);
}

/* CALL-04, RECV-04: entered while the object is set, with a limit of a few milliseconds. It may pass before the
 * library comes to the object (TIME-04), but not each time. */
static void brief_wait_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    bool receives = (self->variant & RECV_FIRST) != 0;
    struct cts_process *process = waiter_process(&s, receives);
    Handle sync = cts_sync_new(process);
    bool interrupted = false;
    cts_set(process, sync);
    for (int i = 0; i < TRIES && !interrupted; i++) {
        struct cts_op *wait =
            start_wait(&s, receives ? s.server : s.client, receives, BRIEF_MS, sync);
        cts_check_returned_one_of(wait, rcIpcInterrupt, rcTimeout);
        interrupted = cts_rc(wait) == rcIpcInterrupt;
    }
    cts_check_that(interrupted, "a set object interrupts a wait of 20 ms at its entry");
    cts_clear(process, sync);
    check_works(&s);
}

static const struct cts_case cases[] = {
    {"OBJ-09.70", "an object with which CallEx timed out is deleted by Close", object_is_deleted,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL_FIRST, 0},
    {"OBJ-09.71", "an object with which RecvEx timed out is deleted by Close", object_is_deleted,
     CTS_TWO_PROCESSES, CTS_LIMITED, RECV_FIRST, 0},
    {"OBJ-09.72", "an object with which RecvEx timed out is deleted by Close, one process",
     object_is_deleted, CTS_ONE_PROCESS, CTS_LIMITED, RECV_FIRST, 0},
    {"CALL-01.120", "a CallEx after a RecvEx that timed out is interrupted",
     next_wait_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV_FIRST | CALL_NEXT, 0},
    {"CALL-01.121", "a CallEx after a RecvEx that timed out is interrupted, two processes",
     next_wait_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, RECV_FIRST | CALL_NEXT, 0},
    {"RECV-01.120", "a RecvEx after a CallEx that timed out is interrupted",
     next_wait_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL_FIRST | RECV_NEXT, 0},
    {"RECV-01.121", "a RecvEx after a RecvEx that timed out is interrupted, two processes",
     next_wait_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, RECV_FIRST | RECV_NEXT, 0},
    {"TIME-03.100", "an unlimited CallEx outlives the limit of one that was served",
     old_limit_is_forgotten, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL_FIRST, CTS_WAITS},
    {"TIME-03.101", "an unlimited RecvEx outlives the limit of one that got a request",
     old_limit_is_forgotten, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV_FIRST, CTS_WAITS},
    {"TIME-03.102", "an unlimited RecvEx outlives the limit of an earlier one, two processes",
     old_limit_is_forgotten, CTS_TWO_PROCESSES, CTS_UNLIMITED, RECV_FIRST, CTS_WAITS},
    {"TIME-03.103", "an unlimited CallEx outlives the limit of one that was interrupted",
     limit_of_an_ended_wait_is_forgotten, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL_FIRST | CALL_NEXT,
     CTS_WAITS},
    {"TIME-03.104", "an unlimited RecvEx outlives the limit of one that was interrupted",
     limit_of_an_ended_wait_is_forgotten, CTS_TWO_PROCESSES, CTS_UNLIMITED, RECV_FIRST | RECV_NEXT,
     CTS_WAITS},
    {"TIME-03.105", "an unlimited RecvEx outlives the limit of a CallEx that was interrupted",
     limit_of_an_ended_wait_is_forgotten, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL_FIRST | RECV_NEXT,
     CTS_WAITS},
    {"TIME-03.106",
     "an unlimited RecvEx outlives the limit of one that was interrupted, one process",
     limit_of_an_ended_wait_is_forgotten, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV_FIRST | RECV_NEXT,
     CTS_WAITS},
    {"TIME-03.107", "an unlimited CallEx waits after one that timed out",
     limit_of_an_ended_wait_is_forgotten, CTS_ONE_PROCESS, CTS_UNLIMITED,
     CALL_FIRST | CALL_NEXT | RUNS_OUT, CTS_WAITS},
    {"TIME-03.108", "an unlimited RecvEx waits after one that timed out, two processes",
     limit_of_an_ended_wait_is_forgotten, CTS_TWO_PROCESSES, CTS_UNLIMITED,
     RECV_FIRST | RECV_NEXT | RUNS_OUT, CTS_WAITS},
    {"TIME-03.109", "an unlimited RecvEx waits after one that timed out",
     limit_of_an_ended_wait_is_forgotten, CTS_ONE_PROCESS, CTS_UNLIMITED,
     RECV_FIRST | RECV_NEXT | RUNS_OUT, CTS_WAITS},
    {"CALL-01.150",
     "a CallEx is interrupted while an earlier one of its thread is not answered yet",
     next_wait_beside_a_late_reply, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL_NEXT, CTS_WAITS},
    {"CALL-01.151",
     "a CallEx is interrupted while an earlier one is not answered yet, two processes",
     next_wait_beside_a_late_reply, CTS_TWO_PROCESSES, CTS_LIMITED, CALL_NEXT, CTS_WAITS},
    {"RECV-01.150", "a RecvEx is interrupted while a CallEx of its thread is not answered yet",
     next_wait_beside_a_late_reply, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV_NEXT, CTS_WAITS},
    {"RECV-01.151", "a RecvEx is interrupted while a CallEx is not answered yet, two processes",
     next_wait_beside_a_late_reply, CTS_TWO_PROCESSES, CTS_LIMITED, RECV_NEXT, CTS_WAITS},
    {"TIME-02.150", "a CallEx keeps a limit of seconds, real time", limit_of_seconds_is_kept,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL_FIRST, CTS_WAITS},
    {"TIME-02.151", "a RecvEx keeps a limit of seconds, real time, two processes",
     limit_of_seconds_is_kept, CTS_TWO_PROCESSES, CTS_LIMITED, RECV_FIRST, CTS_WAITS},
    {"TIME-02.152", "a RecvEx keeps a limit of seconds, real time", limit_of_seconds_is_kept,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV_FIRST, CTS_WAITS},
    {"V14-01.30", "it interrupts a CallEx after one has timed out", automatic_object_is_left_alone,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALL_FIRST, 0},
    {"V14-01.31", "it interrupts a RecvEx after one has timed out", automatic_object_is_left_alone,
     CTS_TWO_PROCESSES, CTS_LIMITED, RECV_FIRST, 0},
    {"V14-01.32", "it interrupts a RecvEx after one has timed out, one process",
     automatic_object_is_left_alone, CTS_ONE_PROCESS, CTS_LIMITED, RECV_FIRST, 0},
    {"CALL-04.95", "a brief CallEx entered while the object is set is interrupted",
     brief_wait_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, CALL_FIRST, 0},
    {"RECV-04.95", "a brief RecvEx entered while the object is set is interrupted",
     brief_wait_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, RECV_FIRST, 0},
};
CTS_GROUP(cts_group_after_limit, cases);
