/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CALL-13: among several queued clients, only those using the object are interrupted; the others
 * are served, none is lost or served twice. The order of service is nobody's promise, so the bodies
 * serve whom they get.
 */
#include <cts/cts.h>

#define CLIENTS 5

/* The variant: bit i says that the client that arrived i-th uses the object that is set. */
#define FIRST 0x01
#define SECOND 0x02
#define MIDDLE 0x04
#define FOURTH 0x08
#define LAST 0x10
#define ON_CHANNELS 0x100 /* every client has a channel of its own, all of one listener */

static const char *const names[CLIENTS] = {"client 1", "client 2", "client 3", "client 4",
                                           "client 5"};

struct scene {
    struct cts_link links[CLIENTS];
    struct cts_process *process; /* of the clients */
    Handle sync;
    Handle other_sync;
    Handle receive_end;
    struct cts_actor *clients[CLIENTS];
    struct cts_actor *server;
    struct cts_op *calls[CLIENTS];
};

static bool uses_object(const struct cts_case *self, int index)
{
    return ((unsigned)self->variant >> index & 1u) != 0;
}

/* The queue, in order of arrival. Those without the object are of all kinds. */
static struct scene scene_queued(const struct cts_case *self)
{
    struct scene s = {.links = {cts_link_open(self->layout)}};
    bool on_channels = (self->variant & ON_CHANNELS) != 0;
    s.process = s.links[0].client_process;
    s.receive_end = on_channels ? s.links[0].listener : s.links[0].server;
    s.sync = cts_sync_new(s.process);
    s.other_sync = cts_sync_new(s.process);
    s.server = cts_actor_new(s.links[0].server_process, "server");
    for (int i = 0; i < CLIENTS; i++) {
        if (i > 0) {
            s.links[i] = on_channels ? cts_link_add(&s.links[0]) : s.links[0];
        }
        s.clients[i] = cts_actor_new(s.process, names[i]);
        Handle sync = uses_object(self, i) ? s.sync : i % 2 == 0 ? s.other_sync : INVALID_HANDLE;
        s.calls[i] = i == 3 && !uses_object(self, i)
                         ? cts_start_call(s.clients[i], s.links[i].client, CTS_PLAIN)
                         : cts_start_call_ex(s.clients[i], s.links[i].client, CTS_PLAIN,
                                             cts_mdelay(self), sync);
        cts_require_blocked(s.calls[i]);
    }
    return s;
}

/* Receive one request and answer it; it must be that of a call that still waits. */
static void check_serves_one(struct scene *s)
{
    struct cts_op *recv = cts_start_recv(s->server, s->receive_end);
    cts_check_returned(recv, rcOk);
    for (int i = 0; i < CLIENTS; i++) {
        if (s->calls[i] != NULL && cts_request(s->calls[i]) == cts_request(recv)) {
            cts_check_served(s->server, recv, s->calls[i]);
            s->calls[i] = NULL;
            return;
        }
    }
    cts_check_that(false, "the server receives only requests of calls that wait");
}

/* CALL-13: Set takes some clients out of the queue, and the others are served. */
static void others_are_served(const struct cts_case *self)
{
    struct scene s = scene_queued(self);

    cts_set(s.process, s.sync);

    unsigned waiting = 0;
    for (int i = 0; i < CLIENTS; i++) {
        if (uses_object(self, i)) {
            cts_check_returned(s.calls[i], rcIpcInterrupt);
            s.calls[i] = NULL;
        } else {
            waiting++;
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        if (s.calls[i] != NULL) {
            cts_check_blocked(s.calls[i]);
        }
    }
    for (; waiting > 0; waiting--) {
        check_serves_one(&s);
    }
    cts_check_exchange(s.clients[0], s.links[0].client, s.server, s.receive_end);
}

/* CALL-13: the interrupted ones come back before anybody is served; then all are. */
static void interrupted_ones_come_back(const struct cts_case *self)
{
    struct scene s = scene_queued(self);

    cts_set(s.process, s.sync);

    for (int i = 0; i < CLIENTS; i++) {
        if (uses_object(self, i)) {
            cts_check_returned(s.calls[i], rcIpcInterrupt);
            s.calls[i] = cts_start_call(s.clients[i], s.links[i].client, CTS_PLAIN);
            cts_check_blocked(s.calls[i]);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        check_serves_one(&s);
    }
    cts_check_exchange(s.clients[0], s.links[0].client, s.server, s.receive_end);
}

/* CALL-13: requests are interrupted between two services, in the middle of the work. */
static void interrupted_between_services(const struct cts_case *self)
{
    struct scene s = scene_queued(self);
    struct cts_op *recv = cts_start_recv(s.server, s.receive_end);
    cts_require_returned(recv, rcOk);

    cts_set(s.process, s.sync);

    unsigned waiting = 0;
    for (int i = 0; i < CLIENTS; i++) {
        if (cts_request(s.calls[i]) == cts_request(recv)) {
            cts_check_blocked(s.calls[i]);
            cts_check_served(s.server, recv, s.calls[i]);
            s.calls[i] = NULL;
        } else if (uses_object(self, i)) {
            cts_check_returned(s.calls[i], rcIpcInterrupt);
            s.calls[i] = NULL;
        } else {
            waiting++;
        }
    }
    for (; waiting > 0; waiting--) {
        check_serves_one(&s);
    }
    cts_check_exchange(s.clients[0], s.links[0].client, s.server, s.receive_end);
}

static const struct cts_case cases[] = {
    {"CALL-13.1", "the first in the queue is interrupted, the others served", others_are_served,
     CTS_ONE_PROCESS, CTS_UNLIMITED, FIRST, 0},
    {"CALL-13.2", "the middle of the queue is interrupted, the others served", others_are_served,
     CTS_ONE_PROCESS, CTS_UNLIMITED, MIDDLE, CTS_SMOKE},
    {"CALL-13.3", "the last in the queue is interrupted, the others served", others_are_served,
     CTS_ONE_PROCESS, CTS_LIMITED, LAST, 0},
    {"CALL-13.4", "first and last are interrupted, the others served", others_are_served,
     CTS_ONE_PROCESS, CTS_UNLIMITED, FIRST | LAST, 0},
    {"CALL-13.5", "two neighbours are interrupted, the others served", others_are_served,
     CTS_ONE_PROCESS, CTS_LIMITED, SECOND | MIDDLE, 0},
    {"CALL-13.6", "all but the middle one are interrupted", others_are_served, CTS_ONE_PROCESS,
     CTS_UNLIMITED, FIRST | SECOND | FOURTH | LAST, 0},
    {"CALL-13.7", "every second one is interrupted, two processes", others_are_served,
     CTS_TWO_PROCESSES, CTS_LIMITED, SECOND | FOURTH, 0},
    {"CALL-13.15", "every second one is interrupted", others_are_served, CTS_ONE_PROCESS,
     CTS_LIMITED, SECOND | FOURTH, 0},
    {"CALL-13.8", "the middle one is interrupted, channels of one listener", others_are_served,
     CTS_ONE_PROCESS, CTS_UNLIMITED, MIDDLE | ON_CHANNELS, 0},
    {"CALL-13.9", "first and last are interrupted, channels of one listener", others_are_served,
     CTS_ONE_PROCESS, CTS_LIMITED, FIRST | LAST | ON_CHANNELS, 0},
    {"CALL-13.10", "the interrupted last comes back and all are served", interrupted_ones_come_back,
     CTS_ONE_PROCESS, CTS_UNLIMITED, LAST, 0},
    {"CALL-13.11", "the interrupted first and middle come back and all are served",
     interrupted_ones_come_back, CTS_ONE_PROCESS, CTS_LIMITED, FIRST | MIDDLE, 0},
    {"CALL-13.12", "interrupted ones come back and all are served, two processes",
     interrupted_ones_come_back, CTS_TWO_PROCESSES, CTS_UNLIMITED, SECOND | LAST, 0},
    {"CALL-13.16", "interrupted ones come back and all are served", interrupted_ones_come_back,
     CTS_ONE_PROCESS, CTS_UNLIMITED, SECOND | LAST, 0},
    {"CALL-13.13", "interrupted while the server works for one of the queue",
     interrupted_between_services, CTS_ONE_PROCESS, CTS_UNLIMITED, FIRST | MIDDLE | FOURTH, 0},
    {"CALL-13.14", "interrupted while the server works for one of the queue, two processes",
     interrupted_between_services, CTS_TWO_PROCESSES, CTS_LIMITED, SECOND | MIDDLE | LAST, 0},
    {"CALL-13.17", "interrupted while the server works for one of the queue, one process",
     interrupted_between_services, CTS_ONE_PROCESS, CTS_LIMITED, SECOND | MIDDLE | LAST, 0},
};
CTS_GROUP(cts_group_call_queue, cases);
