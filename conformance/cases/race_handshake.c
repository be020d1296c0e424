/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RACE-01 and RACE-03 in quick rounds: the threads of a program tell each other by a Call on a
 * channel of its own that a round is over, so that the next begins within microseconds and the main
 * thread has no part in it. A wake-up that is lost leaves the whole program standing.
 */
#include <cts/cts.h>

/* variant: the calls that meet Set, and how many threads make them. */
enum { CALL = 0, RECV = 1, MIXED = 2, THREE = 4, NOISE = 8, PAIR = 16 };
enum { WAITERS = 3, PROGRAMS = 6, ROUNDS = 20, MEETINGS = 12, NOISE_ROUNDS = 1000, SERVICE = 150 };

static const char *const names[WAITERS] = {"waiter 1", "waiter 2", "waiter 3"};

/* The longest delay of a program, in turns of Create and Close: how long a thread needs to wake up
 * depends on machine and library. */
static const rtl_uint32_t delays[PROGRAMS] = {2, 8, 16, 24, 32, 48};

struct scene {
    struct cts_process *process; /* of the threads that wait, and of the setter */
    struct cts_link calls;
    struct cts_link receives;
    int waiter_count;
    struct cts_actor *waiters[WAITERS];
    struct cts_link handshakes[WAITERS + 1]; /* the last is the setter's */
    struct cts_actor *setter;
    struct cts_actor *referee;
    struct cts_actor *noise;
    struct cts_actor *peer;
    Handle sync;
    Handle stop; /* for a server of a pair */
};

/* The referee holds the requests of all channels before it replies to the first. That a thread may is
 * not written anywhere, so it is tried with calls that nothing disturbs. */
static void skip_without_barrier(const struct scene *s)
{
    struct cts_op *calls[WAITERS + 1] = {NULL};
    struct cts_op *recvs[WAITERS + 1] = {NULL};
    bool good = true;
    for (int i = 0; i <= s->waiter_count; i++) {
        struct cts_actor *caller = i < s->waiter_count ? s->waiters[i] : s->setter;
        calls[i] = cts_start_call(caller, s->handshakes[i].client, CTS_PLAIN);
        cts_may_lack_room(calls[i]);
    }
    cts_settle();
    /* All are queued, so the limit is for a library in which the second receive waits for a Reply. */
    for (int i = 0; i <= s->waiter_count && good; i++) {
        recvs[i] = cts_start_recv_ex(s->referee, s->handshakes[i].server, 100, INVALID_HANDLE);
        cts_may_lack_room(recvs[i]);
        good = cts_wait(recvs[i]) == rcOk;
    }
    for (int i = 0; i <= s->waiter_count && good; i++) {
        struct cts_op *reply = cts_start_reply(s->referee, recvs[i], CTS_PLAIN);
        cts_may_lack_room(reply);
        good = cts_wait(reply) == rcOk && cts_wait(calls[i]) == rcOk;
    }
    if (!good) {
        cts_skip("a thread cannot hold the requests of several channels");
    }
}

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.calls = cts_link_open(self->layout)};
    s.process = s.calls.client_process;
    s.receives = cts_link_between(s.process, s.calls.server_process);
    s.waiter_count = self->variant & THREE ? WAITERS : self->variant & PAIR ? 2 : 1;
    for (int i = 0; i < s.waiter_count; i++) {
        s.waiters[i] = cts_actor_new(s.process, names[i]);
        s.handshakes[i] = cts_link_between(s.process, s.process);
    }
    s.handshakes[s.waiter_count] = cts_link_between(s.process, s.process);
    s.referee = cts_actor_new(s.process, "referee");
    s.noise = cts_actor_new(s.process, "noise");
    s.setter = cts_actor_new(s.process, "setter");
    s.peer = cts_actor_new(s.calls.server_process, "peer");
    s.sync = cts_sync_new(s.process);
    s.stop = cts_sync_new(s.process);
    skip_without_barrier(&s);
    return s;
}

static struct cts_op *start_wait(const struct cts_case *self, const struct scene *s, int index)
{
    if ((self->variant & RECV) || ((self->variant & MIXED) && index % 2 == 1)) {
        return cts_start_recv_ex(s->waiters[index], s->receives.server, cts_mdelay(self), s->sync);
    }
    return cts_start_call_ex(s->waiters[index], s->calls.client, CTS_PLAIN, cts_mdelay(self),
                             s->sync);
}

/* A delay that keeps the object's lock busy, if there is one: Clear on an object that is clear. */
static void clear_often(struct cts_actor *actor, Handle sync, rtl_uint32_t times)
{
    for (rtl_uint32_t i = 0; i < times; i++) {
        (void)cts_start_clear(actor, sync);
    }
}

/* One round of the referee: when all have reported their return, Clear, and let them go on, in any
 * order and with delays between them. The last Reply. */
static struct cts_op *queue_referee_round(const struct scene *s, rtl_uint32_t delay)
{
    struct cts_op *reports[WAITERS + 1] = {NULL};
    struct cts_op *last = NULL;
    int count = s->waiter_count + 1;
    int first = (int)cts_random((rtl_uint32_t)count);
    int step = count == 3 && cts_random(2) == 0 ? 2 : 1;
    for (int i = 0; i < count; i++) {
        reports[i] = cts_start_recv(s->referee, s->handshakes[i].server);
    }
    (void)cts_start_clear(s->referee, s->sync);
    (void)cts_start_clear(s->referee, s->stop);
    for (int i = 0; i < count; i++) {
        if (i > 0 && cts_random(4) == 0) {
            (void)cts_start_churn(s->referee, cts_random(delay));
        }
        last = cts_start_reply(s->referee, reports[(first + i * step) % count], CTS_PLAIN);
    }
    return last;
}

/* Another thread keeps the library busy, so that the others are held up between any two steps. */
static struct cts_op *queue_noise(const struct cts_case *self, const struct scene *s)
{
    if ((self->variant & NOISE) == 0) {
        return NULL;
    }
    cts_program_begin(s->noise);
    return cts_start_churn(s->noise, NOISE_ROUNDS);
}

/* RACE-03: in each round the waiters enter their calls while the setter sets, once. */
static void set_meets_entry(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int program = 0; program < PROGRAMS; program++) {
        struct cts_op *waits[WAITERS][ROUNDS] = {{NULL}};
        struct cts_op *reports[WAITERS + 1][ROUNDS] = {{NULL}};
        struct cts_op *last = NULL;
        for (int i = 0; i < s.waiter_count; i++) {
            cts_program_begin(s.waiters[i]);
            for (int round = 0; round < ROUNDS; round++) {
                (void)cts_start_churn(s.waiters[i], cts_random(delays[program]));
                waits[i][round] = start_wait(self, &s, i);
                reports[i][round] = cts_start_call(s.waiters[i], s.handshakes[i].client, CTS_PLAIN);
            }
        }
        cts_program_begin(s.setter);
        for (int round = 0; round < ROUNDS; round++) {
            (void)cts_start_churn(s.setter, cts_random(delays[program]));
            clear_often(s.setter, s.sync, cts_random(8));
            (void)cts_start_set(s.setter, s.sync);
            reports[s.waiter_count][round] =
                cts_start_call(s.setter, s.handshakes[s.waiter_count].client, CTS_PLAIN);
        }
        struct cts_op *noise = queue_noise(self, &s);
        cts_program_begin(s.referee);
        for (int round = 0; round < ROUNDS; round++) {
            last = queue_referee_round(&s, delays[program]);
        }
        cts_program_run();

        for (int round = 0; round < ROUNDS; round++) {
            for (int i = 0; i < s.waiter_count; i++) {
                cts_check_returned(waits[i][round], rcIpcInterrupt);
            }
            for (int i = 0; i <= s.waiter_count; i++) {
                cts_check_returned(reports[i][round], rcOk);
            }
        }
        cts_check_returned(last, rcOk);
        if (noise != NULL) {
            cts_check_returned(noise, rcOk);
        }
    }
}

/* What a client, a server and a setter do in one round. The setter ends the client's wait if the
 * server does not; then the client sets the object of the server, which may have received nothing. */
struct meeting {
    struct cts_op *call;
    struct cts_op *recv;
    struct cts_op *reply;
    struct cts_op *reports[3];
};

static void queue_meeting(const struct cts_case *self, const struct scene *s,
                          struct meeting *meetings, rtl_uint32_t delay)
{
    struct cts_actor *client = s->waiters[0];
    struct cts_actor *server = s->waiters[1];
    cts_program_begin(client);
    for (struct meeting *m = meetings; m < meetings + MEETINGS; m++) {
        m->call = cts_start_call_ex(client, s->calls.client, CTS_PLAIN, cts_mdelay(self), s->sync);
        (void)cts_start_set(client, s->stop);
        m->reports[0] = cts_start_call(client, s->handshakes[0].client, CTS_PLAIN);
    }
    cts_program_begin(server);
    for (struct meeting *m = meetings; m < meetings + MEETINGS; m++) {
        (void)cts_start_churn(server, cts_random(delay));
        m->recv = cts_start_recv_ex(server, s->calls.server, cts_mdelay(self), s->stop);
        (void)cts_start_churn(server, cts_random(SERVICE));
        m->reply = cts_start_reply(server, m->recv, CTS_PLAIN);
        m->reports[1] = cts_start_call(server, s->handshakes[1].client, CTS_PLAIN);
    }
    cts_program_begin(s->setter);
    for (struct meeting *m = meetings; m < meetings + MEETINGS; m++) {
        (void)cts_start_churn(s->setter, cts_random(delay));
        clear_often(s->setter, s->sync, cts_random(4));
        (void)cts_start_set(s->setter, s->sync);
        m->reports[2] = cts_start_call(s->setter, s->handshakes[2].client, CTS_PLAIN);
    }
}

/* RACE-01: client, server and setter meet in each round; both sides agree who won. */
static void set_meets_rendezvous(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int program = 0; program < PROGRAMS; program++) {
        struct meeting meetings[MEETINGS] = {{NULL, NULL, NULL, {NULL}}};
        struct cts_op *last = NULL;
        queue_meeting(self, &s, meetings, delays[program]);
        cts_program_begin(s.referee);
        for (int i = 0; i < MEETINGS; i++) {
            last = queue_referee_round(&s, delays[program]);
        }
        cts_program_run();

        for (int i = 0; i < MEETINGS; i++) {
            cts_check_returned_one_of(meetings[i].call, rcOk, rcIpcInterrupt);
            cts_check_returned_one_of(meetings[i].recv, rcOk, rcIpcInterrupt);
            Retcode replied = cts_wait(meetings[i].reply);
            bool met = cts_rc(meetings[i].recv) == rcOk;
            cts_check_that(met == (cts_rc(meetings[i].call) == rcOk),
                           "the call succeeds exactly when its request was received");
            cts_check_that(!met || replied == rcOk, "the Reply is rcOk");
            for (int k = 0; k < 3; k++) {
                cts_check_returned(meetings[i].reports[k], rcOk);
            }
        }
        cts_check_returned(last, rcOk);
        cts_settle();
    }
}

static const struct cts_case cases[] = {
    {"RACE-03.11", "quick rounds of Set and one CallEx, free running", set_meets_entry,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALL | NOISE, CTS_FREE_RUNNING},
    {"RACE-03.12", "quick rounds of Set and one RecvEx, free running", set_meets_entry,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV, CTS_FREE_RUNNING},
    {"RACE-03.13", "quick rounds of Set and three calls of both kinds, free running",
     set_meets_entry, CTS_ONE_PROCESS, CTS_UNLIMITED, MIXED | THREE | NOISE, CTS_FREE_RUNNING},
    {"RACE-03.14", "quick rounds of Set and three calls of both kinds, one CPU", set_meets_entry,
     CTS_ONE_PROCESS, CTS_UNLIMITED, MIXED | THREE | NOISE, 0},
    {"RACE-03.15", "quick rounds of Set and three calls, two processes", set_meets_entry,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, MIXED | THREE | NOISE, CTS_FREE_RUNNING},
    {"RACE-01.61", "quick rounds of Set, CallEx and RecvEx, free running", set_meets_rendezvous,
     CTS_ONE_PROCESS, CTS_UNLIMITED, PAIR, CTS_FREE_RUNNING},
    {"RACE-01.62", "quick rounds of Set, CallEx and RecvEx, one CPU", set_meets_rendezvous,
     CTS_ONE_PROCESS, CTS_LIMITED, PAIR, 0},
};
CTS_GROUP(cts_group_race_handshake, cases);
