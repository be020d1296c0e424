/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CALL-01, CALL-04, CALL-09, RECV-01, RECV-04, RECV-09, TIME-01, TIME-03: what ends a call ends it now, and
 * not some time later. No document gives a number, so only a library that is late every time is
 * accused, against a control group on the same machine (harness/README.md, "Time").
 */
#include <cts/cts.h>

/* variant: the call that waits. */
enum { CALL = 0, RECV = 1 };
enum { MANY = 8 };

struct scene {
    struct cts_link link;
    struct cts_process *process; /* of the threads that wait */
    struct cts_actor *waiters[MANY];
    struct cts_actor *setter;
    Handle sync;
};

static struct scene scene_open(const struct cts_case *self, int count)
{
    static const char *const names[MANY] = {"waiter 1", "waiter 2", "waiter 3", "waiter 4",
                                            "waiter 5", "waiter 6", "waiter 7", "waiter 8"};
    struct scene s = {.link = cts_link_open(self->layout)};
    s.process = self->variant == CALL ? s.link.client_process : s.link.server_process;
    for (int i = 0; i < count; i++) {
        s.waiters[i] = cts_actor_new(s.process, names[i]);
    }
    s.setter = cts_actor_new(s.process, "setter");
    s.sync = cts_sync_new(s.process);
    return s;
}

static struct cts_op *start_wait(const struct cts_case *self, const struct scene *s, int number,
                                 rtl_uint32_t mdelay)
{
    if (self->variant == CALL) {
        return cts_start_call_ex(s->waiters[number], s->link.client, CTS_PLAIN, mdelay, s->sync);
    }
    return cts_start_recv_ex(s->waiters[number], s->link.server, mdelay, s->sync);
}

static void change_state(const struct scene *s, bool set)
{
    cts_require_returned(
        set ? cts_start_set(s->setter, s->sync) : cts_start_clear(s->setter, s->sync), rcOk);
}

/* From Set to the return of the last of `count` calls. */
static void set_ends_calls(const struct cts_case *self, const char *what, int count)
{
    struct scene s = scene_open(self, count);
    struct cts_timing *timing = cts_timing_begin(what, s.setter, s.waiters, (unsigned)count);
    while (cts_timing_next(timing)) {
        struct cts_op *waits[MANY] = {NULL};
        for (int i = 0; i < count; i++) {
            waits[i] = start_wait(self, &s, i, cts_mdelay(self));
        }
        cts_timing_blocked(timing, waits[count - 1]);

        struct cts_op *set = cts_start_set(s.setter, s.sync);

        cts_require_returned(set, rcOk);
        for (int i = 0; i < count; i++) {
            cts_check_returned(waits[i], rcIpcInterrupt);
        }
        cts_timing_add(timing, set, waits, (unsigned)count);
        change_state(&s, false);
    }
    cts_check_in_time(timing);
}

/* CALL-01, RECV-01: once its object is set, a call that waits returns. */
static void set_ends_one(const struct cts_case *self)
{
    set_ends_calls(self, "the end of a call after Set", 1);
}

/* CALL-09, RECV-09: one Set interrupts every call that waits. */
static void set_ends_many(const struct cts_case *self)
{
    set_ends_calls(self, "the end of the last of 8 calls after Set", MANY);
}

/* CALL-04, RECV-04: a call that would have to wait, entered while the object is set. */
static void entered_while_set(const struct cts_case *self)
{
    struct scene s = scene_open(self, 1);
    change_state(&s, true);
    struct cts_timing *timing =
        cts_timing_begin("the end of a call entered while set", s.setter, s.waiters, 1);
    while (cts_timing_next(timing)) {
        struct cts_op *wait = start_wait(self, &s, 0, cts_mdelay(self));
        cts_check_returned(wait, rcIpcInterrupt);
        cts_timing_add(timing, wait, &wait, 1);
    }
    cts_check_in_time(timing);
}

/* TIME-01: a limit that passes ends the call. On real time. */
static void limit_ends_call(const struct cts_case *self)
{
    struct scene s = scene_open(self, 1);
    struct cts_timing *timing =
        cts_timing_begin("the end of a call after its limit", NULL, s.waiters, 1);
    while (cts_timing_next(timing)) {
        struct cts_op *wait = start_wait(self, &s, 0, cts_timing_limit_ms(timing));
        cts_check_returned(wait, rcTimeout);
        cts_timing_add_limit(timing, wait);
    }
    cts_check_in_time(timing);
}

/* TIME-03: a RecvEx without limit waits until its peer comes: from Call to the return of RecvEx. */
static void request_ends_recv(const struct cts_case *self)
{
    struct scene s = scene_open(self, 1);
    struct cts_actor *client = cts_actor_new(s.link.client_process, "client");
    struct cts_timing *timing =
        cts_timing_begin("the end of a RecvEx after a request", client, s.waiters, 1);
    while (cts_timing_next(timing)) {
        struct cts_op *recv = start_wait(self, &s, 0, INFINITE_TIMEOUT);
        cts_timing_blocked(timing, recv);

        struct cts_op *call = cts_start_call(client, s.link.client, CTS_PLAIN);

        cts_check_returned(recv, rcOk);
        cts_check_served(s.waiters[0], recv, call);
        cts_timing_add(timing, call, &recv, 1);
    }
    cts_check_in_time(timing);
}

/* TIME-03: a CallEx without limit waits until its peer comes: from Reply to the return of CallEx. */
static void reply_ends_call(const struct cts_case *self)
{
    struct scene s = scene_open(self, 1);
    struct cts_actor *server = cts_actor_new(s.link.server_process, "server");
    struct cts_timing *timing =
        cts_timing_begin("the end of a CallEx after Reply", server, s.waiters, 1);
    while (cts_timing_next(timing)) {
        struct cts_op *call = start_wait(self, &s, 0, INFINITE_TIMEOUT);
        struct cts_op *recv = cts_start_recv(server, s.link.server);
        cts_require_returned(recv, rcOk);
        cts_timing_blocked(timing, call);

        struct cts_op *reply = cts_start_reply(server, recv, CTS_PLAIN);

        cts_check_returned(reply, rcOk);
        cts_check_returned(call, rcOk);
        cts_timing_add(timing, reply, &call, 1);
    }
    cts_check_in_time(timing);
}

#define TIMED (CTS_EXCLUSIVE | CTS_LONG)

static const struct cts_case cases[] = {
    {"CALL-01.81", "Set ends a CallEx in time", set_ends_one, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL,
     TIMED},
    {"CALL-01.82", "Set ends a CallEx in time, limit, two processes", set_ends_one,
     CTS_TWO_PROCESSES, CTS_LIMITED, CALL, TIMED},
    {"CALL-04.81", "a CallEx entered while set ends in time", entered_while_set, CTS_ONE_PROCESS,
     CTS_UNLIMITED, CALL, TIMED},
    {"CALL-09.81", "Set ends 8 CallEx in time", set_ends_many, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL,
     TIMED},
    {"RECV-01.81", "Set ends a RecvEx in time", set_ends_one, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV,
     TIMED},
    {"RECV-01.82", "Set ends a RecvEx in time, limit, two processes", set_ends_one,
     CTS_TWO_PROCESSES, CTS_LIMITED, RECV, TIMED},
    {"RECV-04.81", "a RecvEx entered while set ends in time", entered_while_set, CTS_ONE_PROCESS,
     CTS_UNLIMITED, RECV, TIMED},
    {"RECV-09.81", "Set ends 8 RecvEx in time", set_ends_many, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV,
     TIMED},
    {"TIME-01.81", "the limit of a CallEx ends it in time", limit_ends_call, CTS_ONE_PROCESS,
     CTS_LIMITED, CALL, TIMED},
    {"TIME-01.82", "the limit of a RecvEx ends it in time", limit_ends_call, CTS_ONE_PROCESS,
     CTS_LIMITED, RECV, TIMED},
    {"TIME-03.81", "a request ends a RecvEx in time", request_ends_recv, CTS_ONE_PROCESS,
     CTS_UNLIMITED, RECV, TIMED},
    {"TIME-03.82", "a request ends a RecvEx in time, two processes", request_ends_recv,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, RECV, TIMED},
    {"TIME-03.83", "a Reply ends a CallEx in time", reply_ends_call, CTS_ONE_PROCESS, CTS_UNLIMITED,
     CALL, TIMED},
    {"TIME-03.84", "a Reply ends a CallEx in time, two processes", reply_ends_call,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, CALL, TIMED},
};
CTS_GROUP(cts_group_time_late, cases);
