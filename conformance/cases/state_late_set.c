/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STATE-08: Set has taken effect when it returns, and not some time later. A Set that takes effect
 * later does so after the Clear that follows it, where nothing may interrupt any more. No case looks
 * at a clock.
 */
#include <cts/cts.h>

/* variant: kind of the Ex calls. */
enum { CALLS = 0, RECVS = 1 };
/* The wait that a late Set would meet; milliseconds. */
enum { LONG_ENOUGH = 80, TIMES = 8, SHORT = 15, CROWD = 12 };

struct scene {
    struct cts_link link;
    struct cts_actor *user;
    struct cts_actor *setter;
    Handle sync;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    struct cts_process *process =
        self->variant == CALLS ? s.link.client_process : s.link.server_process;
    s.user = cts_actor_new(process, "user");
    s.setter = cts_actor_new(process, "setter");
    s.sync = cts_sync_new(process);
    return s;
}

static struct cts_op *start_use(const struct cts_case *self, const struct scene *s,
                                rtl_uint32_t mdelay)
{
    if (self->variant == CALLS) {
        return cts_start_call_ex(s->user, s->link.client, CTS_PLAIN, mdelay, s->sync);
    }
    return cts_start_recv_ex(s->user, s->link.server, mdelay, s->sync);
}

/* STATE-08: Set and then Clear have returned; a call that enters now, and waits for a while, is not
 * interrupted by that Set. Its limit ends it (TIME-01), on real time. */
static void nothing_is_left_after_clear(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int i = 0; i < 2; i++) {
        cts_require_returned(cts_start_set(s.setter, s.sync), rcOk);
        cts_require_returned(cts_start_clear(s.setter, s.sync), rcOk);

        struct cts_op *use = start_use(self, &s, LONG_ENOUGH);

        cts_check_returned(use, rcTimeout);
    }
}

/* STATE-08: the same while the call waits already: several Set and Clear by another thread, each
 * pair interrupting it or not (STATE-04), and the next call meets nothing of them. */
static void nothing_is_left_of_pulses(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *use = start_use(self, &s, LONG_ENOUGH);
    for (int i = 0; i < TIMES; i++) {
        cts_require_returned(cts_start_set(s.setter, s.sync), rcOk);
        cts_require_returned(cts_start_clear(s.setter, s.sync), rcOk);
    }
    cts_check_returned_one_of(use, rcIpcInterrupt, rcTimeout);

    use = start_use(self, &s, LONG_ENOUGH);

    cts_check_returned(use, rcTimeout);
}

/* STATE-08: one thread calls Set, Clear and the Ex call without anything between them, several times: a
 * helper of a Set that is late by the time of a thread's start is still late here. */
static void nothing_is_left_for_the_setter(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int i = 0; i < TIMES; i++) {
        cts_program_begin(s.user);
        struct cts_op *set = cts_start_set(s.user, s.sync);
        struct cts_op *clear = cts_start_clear(s.user, s.sync);
        struct cts_op *use = start_use(self, &s, SHORT);
        cts_program_run();

        cts_require_returned(set, rcOk);
        cts_require_returned(clear, rcOk);
        cts_check_returned(use, rcTimeout);
    }
}

/* STATE-08: the same while other threads wait with the object, one, or in the row with a limit
 * twelve or as many as may wait: interrupted or not (STATE-04), what reaches them is over when Set has
 * returned. The last of the waits may be one too many for the library, then it is refused. */
static void nothing_is_left_beside_waiters(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    int crowd = self->limit == CTS_LIMITED ? CROWD : 1;
    struct cts_actor *actors[CROWD];
    struct cts_op *waits[CROWD];
    struct cts_actor *user = s.user;
    struct cts_process *process =
        self->variant == CALLS ? s.link.client_process : s.link.server_process;
    for (int i = 0; i < crowd; i++) {
        actors[i] = cts_actor_new(process, "waiter");
    }
    /* A helper of Set is not late every time. */
    for (int round = 0; round < TIMES; round++) {
        int waiting = 0;
        for (int i = 0; i < crowd; i++) {
            s.user = actors[i];
            waits[i] = start_use(self, &s, INFINITE_TIMEOUT);
            cts_may_lack_room(waits[i]);
        }
        cts_settle();
        for (int i = 0; i < crowd; i++) {
            if (!cts_returned(waits[i])) {
                waits[waiting++] = waits[i];
            }
        }
        cts_require_that(waiting > 0, "a thread waits with the object");

        s.user = user;
        cts_program_begin(user);
        struct cts_op *set = cts_start_set(user, s.sync);
        struct cts_op *clear = cts_start_clear(user, s.sync);
        struct cts_op *use = start_use(self, &s, LONG_ENOUGH);
        cts_program_run();
        bool may_be_refused = waiting >= CTS_SURELY_ROOM_FOR;
        if (may_be_refused) {
            cts_may_lack_room(use);
        }

        cts_require_returned(set, rcOk);
        cts_require_returned(clear, rcOk);
        Retcode rc = cts_wait(use);
        if (may_be_refused && rc != rcTimeout && rc != rcIpcInterrupt) {
            cts_check_error(use);
            cts_observe("one more wait beside those of a crowd", cts_rc_name(rc));
        } else {
            cts_check_returned(use, rcTimeout);
        }
        cts_set(process, s.sync);
        for (int i = 0; i < waiting; i++) {
            cts_check_returned(waits[i], rcIpcInterrupt);
        }
        cts_clear(process, s.sync);
    }
}

/* STATE-08: when the library says that the call, entered after Set returned, waits, it waits although
 * it must not: the model judges what the adapter sees at rest. Without an adapter the call has to
 * return, as in STATE-08.1. */
static void not_even_at_first(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int i = 0; i < TIMES; i++) {
        cts_require_returned(cts_start_set(s.setter, s.sync), rcOk);

        struct cts_op *use = start_use(self, &s, cts_mdelay(self));
        cts_settle();

        cts_check_returned(use, rcIpcInterrupt);
        cts_require_returned(cts_start_clear(s.setter, s.sync), rcOk);
    }
}

static const struct cts_case cases[] = {
    {"STATE-08.81", "Set does not interrupt a CallEx after Clear", nothing_is_left_after_clear,
     CTS_ONE_PROCESS, CTS_LIMITED, CALLS, CTS_WAITS},
    {"STATE-08.82", "Set does not interrupt a RecvEx after Clear", nothing_is_left_after_clear,
     CTS_ONE_PROCESS, CTS_LIMITED, RECVS, CTS_WAITS},
    {"STATE-08.83", "Set does not interrupt a CallEx after Clear, two processes",
     nothing_is_left_after_clear, CTS_TWO_PROCESSES, CTS_LIMITED, CALLS, CTS_WAITS},
    {"STATE-08.84", "pulses do not interrupt the next CallEx", nothing_is_left_of_pulses,
     CTS_ONE_PROCESS, CTS_LIMITED, CALLS, 0},
    {"STATE-08.85", "pulses do not interrupt the next RecvEx", nothing_is_left_of_pulses,
     CTS_TWO_PROCESSES, CTS_LIMITED, RECVS, 0},
    {"STATE-08.99", "pulses do not interrupt the next RecvEx, one process",
     nothing_is_left_of_pulses, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
    {"STATE-08.86", "CallEx after Set is not even queued", not_even_at_first, CTS_ONE_PROCESS,
     CTS_UNLIMITED, CALLS, 0},
    {"STATE-08.87", "RecvEx after Set does not even wait", not_even_at_first, CTS_ONE_PROCESS,
     CTS_UNLIMITED, RECVS, 0},
    {"STATE-08.95", "Set and Clear leave nothing for the CallEx of their thread",
     nothing_is_left_for_the_setter, CTS_ONE_PROCESS, CTS_LIMITED, CALLS, CTS_WAITS},
    {"STATE-08.96", "Set and Clear leave nothing for the RecvEx of their thread",
     nothing_is_left_for_the_setter, CTS_TWO_PROCESSES, CTS_LIMITED, RECVS, CTS_WAITS},
    {"STATE-08.100", "Set and Clear leave nothing for the RecvEx of their thread, one process",
     nothing_is_left_for_the_setter, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, CTS_WAITS},
    {"STATE-08.97", "Set and Clear leave nothing, a CallEx waiting", nothing_is_left_beside_waiters,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, CTS_WAITS},
    {"STATE-08.98", "Set and Clear leave nothing, twelve RecvEx waiting",
     nothing_is_left_beside_waiters, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, CTS_WAITS},
};
CTS_GROUP(cts_group_state_late_set, cases);
