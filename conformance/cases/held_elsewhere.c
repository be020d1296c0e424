/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server thread that holds a request of one channel and turns to another channel before it answers. That
 * it may is not written anywhere, so each body tries it first with calls that nothing disturbs.
 */
#include <cts/cts.h>

/* variant: the second receive has an object of its own; the request that came last is answered first. */
enum { TWO_OBJECTS = 1, LAST_FIRST = 2 };
enum { CHANNELS = 2 };
/* The requests are queued, so this is for a library in which the second receive waits for a Reply. */
enum { TRIAL_MS = 300 };

struct scene {
    struct cts_process *process; /* of the holder */
    struct cts_link links[CHANNELS];
    struct cts_actor *clients[CHANNELS];
    struct cts_actor *holder;
    Handle syncs[CHANNELS];
    Handle of_callers;       /* or INVALID_HANDLE */
    rtl_uint32_t last_limit; /* of the last call, where it is not 0 */
    struct cts_op *calls[CHANNELS];
    struct cts_op *recvs[CHANNELS]; /* of the holder */
};

static struct scene scene_open(const struct cts_case *self)
{
    static const char *const names[CHANNELS] = {"client 1", "client 2"};
    struct scene s = {.links = {cts_link_open(self->layout)}, .of_callers = INVALID_HANDLE};
    s.process = s.links[0].server_process;
    s.links[1] = cts_link_between(s.process, s.links[0].client_process);
    for (int i = 0; i < CHANNELS; i++) {
        s.clients[i] = cts_actor_new(s.links[i].client_process, names[i]);
    }
    s.holder = cts_actor_new(s.process, "holder");
    s.syncs[0] = cts_sync_new(s.process);
    s.syncs[1] = self->variant & TWO_OBJECTS ? cts_sync_new(s.process) : s.syncs[0];
    return s;
}

/* The holder takes the requests of all channels, which are queued. False: it cannot. */
static bool hold_all(const struct cts_case *self, struct scene *s, rtl_uint32_t mdelay, bool trial)
{
    for (int i = 0; i < CHANNELS; i++) {
        bool last = i == CHANNELS - 1 && s->last_limit != 0 && !trial;
        s->calls[i] = cts_start_call_ex(s->clients[i], s->links[i].client, CTS_PLAIN,
                                        last ? s->last_limit : cts_mdelay(self), s->of_callers);
        if (trial) {
            cts_may_lack_room(s->calls[i]);
        }
    }
    cts_settle();
    for (int i = 0; i < CHANNELS; i++) {
        s->recvs[i] = cts_start_recv_ex(s->holder, s->links[i].server, mdelay, s->syncs[i]);
        if (trial) {
            cts_may_lack_room(s->recvs[i]);
        }
        if (cts_wait(s->recvs[i]) != rcOk) {
            return false;
        }
    }
    return true;
}

/* Which of them is answered as the `turn`-th? */
static int turn_of(const struct cts_case *self, int turn)
{
    return self->variant & LAST_FIRST ? CHANNELS - 1 - turn : turn;
}

static void skip_without_two_requests(const struct cts_case *self, struct scene *s)
{
    bool good = hold_all(self, s, TRIAL_MS, true);
    for (int turn = 0; turn < CHANNELS && good; turn++) {
        int i = turn_of(self, turn);
        struct cts_op *reply = cts_start_reply(s->holder, s->recvs[i], CTS_PLAIN);
        cts_may_lack_room(reply);
        good = cts_wait(reply) == rcOk && cts_wait(s->calls[i]) == rcOk;
    }
    if (!good) {
        cts_skip("a thread cannot hold the requests of several channels");
    }
}

/* RECV-02: a thread holds two requests, which it received with the object; Set affects neither. */
static void two_requests_outlive_set(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    skip_without_two_requests(self, &s);
    cts_require_that(hold_all(self, &s, cts_mdelay(self), false), "two requests are held");

    cts_set(s.process, s.syncs[0]);
    if (self->variant & TWO_OBJECTS) {
        cts_set(s.process, s.syncs[1]);
    }

    for (int i = 0; i < CHANNELS; i++) {
        cts_check_blocked(s.calls[i]);
    }
    for (int turn = 0; turn < CHANNELS; turn++) {
        int i = turn_of(self, turn);
        cts_check_served(s.holder, s.recvs[i], s.calls[i]);
    }
}

/* The holder takes a request of the first channel. */
static void hold_one(const struct cts_case *self, struct scene *s)
{
    s->recvs[0] = cts_start_recv_ex(s->holder, s->links[0].server, cts_mdelay(self), s->syncs[0]);
    s->calls[0] = cts_start_call_ex(s->clients[0], s->links[0].client, CTS_PLAIN, cts_mdelay(self),
                                    s->of_callers);
    cts_require_returned(s->recvs[0], rcOk);
}

/* Where a receive elsewhere that ends at its limit leaves the request as it was, one that is interrupted has
 * to as well. */
static void skip_without_receive_elsewhere(const struct cts_case *self, struct scene *s)
{
    hold_one(self, s);
    cts_may_lack_room(s->calls[0]);
    struct cts_op *elsewhere = cts_start_recv_ex(s->holder, s->links[1].server, 1, s->syncs[1]);
    cts_may_lack_room(elsewhere);
    if (cts_wait(elsewhere) == rcTimeout) {
        struct cts_op *reply = cts_start_reply(s->holder, s->recvs[0], CTS_PLAIN);
        cts_may_lack_room(reply);
        if (cts_wait(reply) == rcOk && cts_wait(s->calls[0]) == rcOk) {
            return;
        }
    }
    cts_skip("a thread that holds a request cannot receive elsewhere");
}

/* RECV-01, RECV-02: a thread that holds a request waits at another channel and is interrupted there; the
 * request that it holds is not affected. */
static void wait_elsewhere_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    skip_without_receive_elsewhere(self, &s);
    hold_one(self, &s);
    struct cts_op *wait =
        cts_start_recv_ex(s.holder, s.links[1].server, cts_mdelay(self), s.syncs[1]);
    cts_may_lack_room(wait);
    cts_settle();
    if (cts_returned(wait) && cts_rc(wait) != rcIpcInterrupt && cts_rc(wait) != rcTimeout) {
        cts_skip("a thread that holds a request cannot wait elsewhere");
    }
    cts_require_blocked(wait);

    cts_set(s.process, s.syncs[1]);

    cts_check_returned(wait, rcIpcInterrupt);
    cts_check_blocked(s.calls[0]);
    cts_check_served(s.holder, s.recvs[0], s.calls[0]);
}

/* CALL-02: a thread holds two requests; Set on the object of their callers interrupts neither. */
static void callers_of_two_outlive_set(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    skip_without_two_requests(self, &s);
    s.of_callers = cts_sync_new(s.links[0].client_process);
    cts_require_that(hold_all(self, &s, cts_mdelay(self), false), "two requests are held");

    cts_set(s.links[0].client_process, s.of_callers);

    for (int i = 0; i < CHANNELS; i++) {
        cts_check_blocked(s.calls[i]);
    }
    for (int turn = 0; turn < CHANNELS; turn++) {
        int i = turn_of(self, turn);
        cts_check_served(s.holder, s.recvs[i], s.calls[i]);
    }
}

/* CALL-02: the thread that holds a request receives elsewhere, up to a limit; then the object of the caller is set. */
static void caller_outlives_a_receive_elsewhere(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    skip_without_receive_elsewhere(self, &s);
    s.of_callers = cts_sync_new(s.links[0].client_process);
    hold_one(self, &s);
    struct cts_op *wait = cts_start_recv_ex(s.holder, s.links[1].server, 1, s.syncs[1]);
    cts_require_returned(wait, rcTimeout);

    cts_set(s.links[0].client_process, s.of_callers);

    cts_check_blocked(s.calls[0]);
    cts_check_served(s.holder, s.recvs[0], s.calls[0]);
}

/* TIME-06: a thread holds two requests; the limit of the second passes. */
static void limit_of_the_second_passes(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    skip_without_two_requests(self, &s);
    s.last_limit = TRIAL_MS;
    if (!hold_all(self, &s, TRIAL_MS, false)) {
        const struct cts_op *failed = cts_rc(s.recvs[0]) == rcOk ? s.recvs[1] : s.recvs[0];
        cts_require_that(cts_rc(failed) == rcTimeout, "a request is taken, or the limit passes");
        cts_skip("the limit passed before the request was taken");
    }

    cts_check_returned(s.calls[CHANNELS - 1], rcTimeout);

    cts_check_blocked(s.calls[0]);
    (void)cts_wait(cts_start_reply(s.holder, s.recvs[CHANNELS - 1], CTS_PLAIN));
    cts_check_served(s.holder, s.recvs[0], s.calls[0]);
}

/* RECV-01: a thread that holds two requests waits at a third channel and is interrupted there. */
static void holder_of_two_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link third = cts_link_between(s.process, s.links[0].client_process);
    skip_without_two_requests(self, &s);
    cts_require_that(hold_all(self, &s, cts_mdelay(self), false), "two requests are held");
    struct cts_op *trial = cts_start_recv_ex(s.holder, third.server, 1, s.syncs[1]);
    cts_may_lack_room(trial);
    if (cts_wait(trial) != rcTimeout) {
        cts_skip("a thread that holds requests cannot receive elsewhere");
    }
    struct cts_op *wait = cts_start_recv_ex(s.holder, third.server, cts_mdelay(self), s.syncs[1]);
    cts_check_blocked(wait);

    cts_set(s.process, s.syncs[1]);

    cts_check_returned(wait, rcIpcInterrupt);
    for (int turn = 0; turn < CHANNELS; turn++) {
        int i = turn_of(self, turn);
        cts_check_served(s.holder, s.recvs[i], s.calls[i]);
    }
}

static const struct cts_case cases[] = {
    {"CALL-02.130", "the callers of two requests that one thread holds outlive Set",
     callers_of_two_outlive_set, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-02.131", "the callers of two requests that one thread holds outlive Set, two processes",
     callers_of_two_outlive_set, CTS_TWO_PROCESSES, CTS_LIMITED, LAST_FIRST, 0},
    {"CALL-02.132", "a taken CallEx outlives Set after its server received elsewhere",
     caller_outlives_a_receive_elsewhere, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-02.133", "a taken CallEx outlives Set after its server received elsewhere, limit",
     caller_outlives_a_receive_elsewhere, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"TIME-06.70", "the limit of the second of two requests that one thread holds passes",
     limit_of_the_second_passes, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_WAITS},
    {"TIME-06.71", "the limit of the second of two requests of one thread passes, two processes",
     limit_of_the_second_passes, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, CTS_WAITS},
    {"RECV-01.140", "a RecvEx of a thread that holds two requests is interrupted",
     holder_of_two_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-01.141", "a RecvEx of a thread that holds two requests is interrupted, limit",
     holder_of_two_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, LAST_FIRST, 0},
    {"RECV-01.90", "a RecvEx of a thread that holds a request of another channel is interrupted",
     wait_elsewhere_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-01.91", "a RecvEx of a thread that holds a request elsewhere is interrupted, limit",
     wait_elsewhere_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-01.92", "a RecvEx of a thread that holds a request elsewhere, two processes",
     wait_elsewhere_is_interrupted, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"RECV-01.93", "a RecvEx of a thread that holds a request elsewhere, with another object",
     wait_elsewhere_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, TWO_OBJECTS, 0},
    {"RECV-02.60", "two requests of two channels that one thread holds outlive Set",
     two_requests_outlive_set, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-02.61", "two requests of two channels that one thread holds outlive Set, limit",
     two_requests_outlive_set, CTS_ONE_PROCESS, CTS_LIMITED, LAST_FIRST, 0},
    {"RECV-02.62", "two requests of two channels that one thread holds outlive Set, two processes",
     two_requests_outlive_set, CTS_TWO_PROCESSES, CTS_UNLIMITED, LAST_FIRST, 0},
    {"RECV-02.63", "two requests that one thread holds, received with two objects, outlive Sets",
     two_requests_outlive_set, CTS_ONE_PROCESS, CTS_UNLIMITED, TWO_OBJECTS, 0},
};
CTS_GROUP(cts_group_held_elsewhere, cases);
