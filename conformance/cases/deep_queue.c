/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Eight requests in one queue, of eight threads with an object each. One of them goes, interrupted or at its limit,
 * from each place; what becomes of the others is looked at one by one.
 */
#include <cts/cts.h>

enum { CALLERS = CTS_SURELY_ROOM_FOR, SHORT_MS = 5 };
/* Beside a receiver. */
enum { QUEUED = CALLERS - 1 };
/* variant: how the one goes, and how the requests are received. */
enum { INTERRUPTED = 0, TIMES_OUT = 1, TWO_CHANNELS = 2 };

struct scene {
    struct cts_link links[2]; /* the requests go to both in turn, or to the first */
    struct cts_process *process;
    struct cts_actor *clients[CALLERS];
    Handle syncs[CALLERS];
    struct cts_actor *server;
    struct cts_op *calls[CALLERS];
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.links = {cts_link_open(self->layout)}};
    s.links[1] = self->variant & TWO_CHANNELS ? cts_link_add(&s.links[0]) : s.links[0];
    s.process = s.links[0].client_process;
    s.server = cts_actor_new(s.links[0].server_process, "server");
    for (int i = 0; i < CALLERS; i++) {
        s.clients[i] = cts_actor_new(s.process, "client");
        s.syncs[i] = cts_sync_new(s.process);
    }
    return s;
}

/* They queue up; the one in `place` may have a short limit, and then is gone already. */
static void queue_up(const struct cts_case *self, struct scene *s, int place, int count)
{
    for (int i = 0; i < count; i++) {
        bool brief = i == place && (self->variant & TIMES_OUT) != 0;
        s->calls[i] = cts_start_call_ex(s->clients[i], s->links[i % 2].client, CTS_PLAIN,
                                        brief ? SHORT_MS : cts_mdelay(self), s->syncs[i]);
        if (!brief) {
            cts_require_blocked(s->calls[i]);
        }
    }
}

static void goes(const struct cts_case *self, struct scene *s, int place)
{
    if (self->variant & TIMES_OUT) {
        cts_check_returned(s->calls[place], rcTimeout);
    } else {
        cts_set(s->process, s->syncs[place]);
        cts_check_returned(s->calls[place], rcIpcInterrupt);
        cts_clear(s->process, s->syncs[place]);
    }
    s->calls[place] = NULL;
}

/* Each of those that are left is received once. */
static void check_all_are_served(const struct cts_case *self, struct scene *s, int count)
{
    Handle from = self->variant & TWO_CHANNELS ? s->links[0].listener : s->links[0].server;
    for (int served = 0; served < count; served++) {
        struct cts_op *recv = cts_start_recv(s->server, from);
        cts_check_returned(recv, rcOk);
        int found = -1;
        for (int i = 0; i < CALLERS; i++) {
            if (s->calls[i] != NULL && cts_request(s->calls[i]) == cts_request(recv)) {
                found = i;
            }
        }
        cts_check_that(found >= 0, "the request is of a call that waits");
        cts_check_served(s->server, recv, s->calls[found]);
        s->calls[found] = NULL;
    }
}

/* CALL-03, CALL-13, TIME-04: the request that goes is not received, and each of the others once. */
static void one_goes_and_the_others_are_served(const struct cts_case *self)
{
    static const int places[] = {0, CALLERS / 2, CALLERS - 2, CALLERS - 1};
    struct scene s = scene_open(self);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        queue_up(self, &s, places[i], CALLERS);
        goes(self, &s, places[i]);
        check_all_are_served(self, &s, CALLERS - 1);
    }
}

/* RACE-03: after one has gone, or one has been taken, each of the others obeys its object. */
static void one_goes_and_the_others_are_interrupted(const struct cts_case *self)
{
    static const int places[] = {0, CALLERS / 2};
    struct scene s = scene_open(self);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        queue_up(self, &s, places[i], CALLERS);
        goes(self, &s, places[i]);
        for (int k = 0; k < CALLERS; k++) {
            if (k != places[i]) {
                cts_check_blocked(s.calls[k]);
                cts_set(s.process, s.syncs[k]);
                cts_check_returned(s.calls[k], rcIpcInterrupt);
                cts_clear(s.process, s.syncs[k]);
            }
        }
    }
    cts_check_exchange(s.clients[0], s.links[0].client, s.server, s.links[0].server);
}

/* RACE-03, CALL-10: one is taken, and each of the others obeys its object while it is in service. LIFE-01: then the client
 * handle can be closed. */
static void one_is_taken_and_the_others_are_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle from = self->variant & TWO_CHANNELS ? s.links[0].listener : s.links[0].server;
    queue_up(self, &s, -1, QUEUED);
    struct cts_op *recv = cts_start_recv(s.server, from);
    cts_require_returned(recv, rcOk);
    struct cts_op *taken = NULL;
    for (int k = 0; k < QUEUED; k++) {
        if (cts_request(s.calls[k]) == cts_request(recv)) {
            taken = s.calls[k];
            continue;
        }
        cts_set(s.process, s.syncs[k]);
        cts_check_returned(s.calls[k], rcIpcInterrupt);
    }
    cts_require_that(taken != NULL, "the server has taken one of the requests");
    cts_check_served(s.server, recv, taken);
    cts_check_exchange(s.clients[0], s.links[0].client, s.server, s.links[0].server);
    cts_check_returned(cts_start_close(s.clients[0], s.links[0].client), rcOk);
}

/* LIFE-02: the server's process ends while all are queued. */
static void server_ends(const struct cts_case *self)
{
    struct cts_process *ended = cts_process_new();
    struct cts_process *process = cts_process_first();
    struct scene s = {.links = {cts_link_between(ended, process)}, .process = process};
    s.links[1] = s.links[0];
    for (int i = 0; i < CALLERS; i++) {
        s.clients[i] = cts_actor_new(process, "client");
        s.syncs[i] = self->limit == CTS_LIMITED ? INVALID_HANDLE : cts_sync_new(process);
    }
    queue_up(self, &s, -1, CALLERS);

    cts_process_kill(ended);

    for (int i = 0; i < CALLERS; i++) {
        cts_check_error(s.calls[i]);
    }
}

static const struct cts_case cases[] = {
    {"CALL-03.40", "one of eight queued requests is interrupted, and not received",
     one_goes_and_the_others_are_served, CTS_ONE_PROCESS, CTS_UNLIMITED, INTERRUPTED, 0},
    {"CALL-03.41", "one of eight queued requests is interrupted, and not received, two processes",
     one_goes_and_the_others_are_served, CTS_TWO_PROCESSES, CTS_LIMITED, INTERRUPTED, 0},
    {"CALL-13.40", "seven queued requests are received once beside one that was interrupted",
     one_goes_and_the_others_are_served, CTS_ONE_PROCESS, CTS_LIMITED, INTERRUPTED, 0},
    {"CALL-13.41",
     "seven queued requests of two channels are received once beside an interrupted one",
     one_goes_and_the_others_are_served, CTS_ONE_PROCESS, CTS_UNLIMITED, TWO_CHANNELS, 0},
    {"TIME-04.40", "one of eight queued requests times out, and is not received",
     one_goes_and_the_others_are_served, CTS_ONE_PROCESS, CTS_UNLIMITED, TIMES_OUT, CTS_WAITS},
    {"TIME-04.41", "one of eight queued requests times out, and is not received, two processes",
     one_goes_and_the_others_are_served, CTS_TWO_PROCESSES, CTS_LIMITED, TIMES_OUT, CTS_WAITS},
    {"RACE-03.82", "seven queued calls obey their objects after one of eight was interrupted",
     one_goes_and_the_others_are_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, INTERRUPTED, 0},
    {"RACE-03.83", "seven queued calls obey their objects after one of eight timed out",
     one_goes_and_the_others_are_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, TIMES_OUT, CTS_WAITS},
    {"RACE-03.84", "seven queued calls obey their objects after one timed out, two processes",
     one_goes_and_the_others_are_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, TIMES_OUT, CTS_WAITS},
    {"RACE-03.85", "six queued calls of two channels obey their objects after one was taken",
     one_is_taken_and_the_others_are_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, TWO_CHANNELS, 0},
    {"CALL-10.40", "six queued calls obey their objects while one is in service, limit",
     one_is_taken_and_the_others_are_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, INTERRUPTED, 0},
    {"CALL-10.41", "six queued calls obey their objects while one is in service, two processes",
     one_is_taken_and_the_others_are_interrupted, CTS_TWO_PROCESSES, CTS_UNLIMITED, INTERRUPTED, 0},
    {"LIFE-01.40",
     "a client handle is closed after six queued calls were interrupted beside a taken one",
     one_is_taken_and_the_others_are_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, INTERRUPTED, 0},
    {"LIFE-01.41", "a client handle is closed after queued calls were interrupted, two processes",
     one_is_taken_and_the_others_are_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, INTERRUPTED, 0},
    {"LIFE-02.40", "the server is killed while eight calls are queued", server_ends,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"LIFE-02.41", "the server is killed while eight calls without object are queued, limit",
     server_ends, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
};
CTS_GROUP(cts_group_deep_queue, cases);
