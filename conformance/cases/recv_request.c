/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RECV-03 and RECV-11: what an interrupted RecvEx leaves behind. No request goes to a receiver that
 * is gone, and the handle can receive again.
 */
#include <cts/cts.h>

#define ROUNDS 20
#define CLIENTS 3

struct scene {
    struct cts_link link;
    Handle sync; /* of the server's process */
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_actor *second; /* a second thread of the server's process */
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.sync = cts_sync_new(s.link.server_process);
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    s.second = cts_actor_new(s.link.server_process, "second server");
    return s;
}

/* Preparation: a RecvEx of the server waits and is interrupted. The object stays set. */
static void interrupt_one(const struct cts_case *self, const struct scene *s)
{
    struct cts_op *recv = cts_start_recv_ex(s->server, s->link.server, cts_mdelay(self), s->sync);
    cts_require_blocked(recv);
    cts_set(s->link.server_process, s->sync);
    cts_require_returned(recv, rcIpcInterrupt);
}

/* RECV-03: a request sent after the interruption is not lost in the receiver that has gone. */
static void request_after_interruption_stays_queued(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    interrupt_one(self, &s);

    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);

    cts_check_blocked(call);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, call);
}

/* RECV-03: it goes to a receiver that still waits. The variant says who began to wait first. */
enum { INTERRUPTED_FIRST, INTERRUPTED_LAST };

static void request_goes_to_the_remaining_receiver(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *remaining = NULL;
    struct cts_op *interrupted = NULL;
    if (self->variant == INTERRUPTED_LAST) {
        remaining = cts_start_recv(s.second, s.link.server);
        cts_require_blocked(remaining);
    }
    interrupted = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
    cts_require_blocked(interrupted);
    if (self->variant == INTERRUPTED_FIRST) {
        remaining = cts_start_recv(s.second, s.link.server);
        cts_require_blocked(remaining);
    }
    cts_set(s.link.server_process, s.sync);
    cts_require_returned(interrupted, rcIpcInterrupt);

    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);

    cts_check_returned(remaining, rcOk);
    cts_check_served(s.second, remaining, call);
}

/* RECV-03: requests that are queued while the server's waits are interrupted again and again are
 * received once each. A RecvEx may also return one of them (RECV-05). */
static void queue_survives_interrupted_receives(const struct cts_case *self)
{
    static const char *const names[CLIENTS] = {"client 1", "client 2", "client 3"};
    struct scene s = scene_open(self);
    struct cts_op *calls[CLIENTS];
    cts_set(s.link.server_process, s.sync);
    for (int i = 0; i < CLIENTS; i++) {
        calls[i] = cts_start_call(cts_actor_new(s.link.client_process, names[i]), s.link.client,
                                  CTS_PLAIN);
        cts_require_blocked(calls[i]);
    }

    for (int served = 0; served < CLIENTS; served++) {
        struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
        cts_check_returned_one_of(recv, rcOk, rcIpcInterrupt);
        if (cts_rc(recv) == rcIpcInterrupt) {
            recv = cts_start_recv(s.server, s.link.server);
            cts_check_returned(recv, rcOk);
        }
        struct cts_op *call = NULL;
        for (int i = 0; i < CLIENTS; i++) {
            if (calls[i] != NULL && cts_request(calls[i]) == cts_request(recv)) {
                call = calls[i];
                calls[i] = NULL;
            }
        }
        cts_check_that(call != NULL, "the server receives only requests of calls that wait");
        cts_check_served(s.server, recv, call);
    }
}

/* RECV-03: the interruption of one receiver and the end of another's processing do not mix up who
 * holds which request. */
static void interruption_beside_processing_loses_nothing(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *other = cts_actor_new(s.link.client_process, "other client");
    struct cts_op *held = cts_start_recv(s.second, s.link.server);
    struct cts_op *first = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_require_returned(held, rcOk);
    interrupt_one(self, &s);

    struct cts_op *next = cts_start_call(other, s.link.client, CTS_PLAIN);

    cts_check_blocked(next);
    cts_check_served(s.second, held, first);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, next);
}

enum { RECV_WHILE_SET, EX_AFTER_CLEAR, EX_WITH_ANOTHER, EX_WITHOUT };

static struct cts_op *receive_again(const struct cts_case *self, const struct scene *s,
                                    Handle another)
{
    rtl_uint32_t mdelay = cts_mdelay(self);
    switch (self->variant) {
    case RECV_WHILE_SET:
        return cts_start_recv(s->server, s->link.server);
    case EX_AFTER_CLEAR:
        cts_clear(s->link.server_process, s->sync);
        return cts_start_recv_ex(s->server, s->link.server, mdelay, s->sync);
    case EX_WITH_ANOTHER:
        return cts_start_recv_ex(s->server, s->link.server, mdelay, another);
    default:
        return cts_start_recv_ex(s->server, s->link.server, mdelay, INVALID_HANDLE);
    }
}

/* RECV-11: after an interruption the same thread can receive on the same handle. */
static void interrupted_thread_receives_again(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle another = cts_sync_new(s.link.server_process);
    interrupt_one(self, &s);

    struct cts_op *recv = receive_again(self, &s, another);

    cts_check_blocked(recv);
    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, call);
}

/* RECV-11: also when the request is there before it. */
static void interrupted_thread_receives_a_queued_request(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle another = cts_sync_new(s.link.server_process);
    interrupt_one(self, &s);
    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_require_blocked(call);

    struct cts_op *recv = receive_again(self, &s, another);

    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, call);
}

/* RECV-11: and it stays so, however often it happens. */
static void interruptions_and_exchanges_alternate(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int i = 0; i < ROUNDS; i++) {
        interrupt_one(self, &s);
        cts_clear(s.link.server_process, s.sync);

        struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);

        cts_check_blocked(recv);
        struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
        cts_check_returned(recv, rcOk);
        cts_check_served(s.server, recv, call);
    }
}

static const struct cts_case cases[] = {
    {"RECV-03.1", "a request sent after an interruption is received once",
     request_after_interruption_stays_queued, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_SMOKE},
    {"RECV-03.2", "a request sent after an interruption is received once, limit, two processes",
     request_after_interruption_stays_queued, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"RECV-03.47", "a request sent after an interruption is received once, limit",
     request_after_interruption_stays_queued, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-03.3", "a request goes to the receiver that waited longer and remains",
     request_goes_to_the_remaining_receiver, CTS_ONE_PROCESS, CTS_UNLIMITED, INTERRUPTED_LAST, 0},
    {"RECV-03.4", "a request goes to the receiver that came later and remains",
     request_goes_to_the_remaining_receiver, CTS_ONE_PROCESS, CTS_LIMITED, INTERRUPTED_FIRST,
     CTS_SMOKE},
    {"RECV-03.5", "a request goes to the receiver that remains, two processes",
     request_goes_to_the_remaining_receiver, CTS_TWO_PROCESSES, CTS_UNLIMITED, INTERRUPTED_FIRST,
     0},
    {"RECV-03.48", "a request goes to the receiver that remains, no limit",
     request_goes_to_the_remaining_receiver, CTS_ONE_PROCESS, CTS_UNLIMITED, INTERRUPTED_FIRST, 0},
    {"RECV-03.6", "queued requests survive interrupted receives",
     queue_survives_interrupted_receives, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-03.7", "queued requests survive interrupted receives, limit, two processes",
     queue_survives_interrupted_receives, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"RECV-03.49", "queued requests survive interrupted receives, limit",
     queue_survives_interrupted_receives, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-03.8", "an interruption beside processing loses no request",
     interruption_beside_processing_loses_nothing, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-11.1", "after an interruption Recv succeeds while set",
     interrupted_thread_receives_again, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV_WHILE_SET, 0},
    {"RECV-11.2", "after an interruption and Clear RecvEx succeeds",
     interrupted_thread_receives_again, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_AFTER_CLEAR, CTS_SMOKE},
    {"RECV-11.3", "after an interruption RecvEx with another object succeeds",
     interrupted_thread_receives_again, CTS_ONE_PROCESS, CTS_LIMITED, EX_WITH_ANOTHER, 0},
    {"RECV-11.4", "after an interruption RecvEx without object succeeds",
     interrupted_thread_receives_again, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_WITHOUT, 0},
    {"RECV-11.5", "after an interruption and Clear RecvEx succeeds, two processes",
     interrupted_thread_receives_again, CTS_TWO_PROCESSES, CTS_LIMITED, EX_AFTER_CLEAR, 0},
    {"RECV-11.11", "after an interruption and Clear RecvEx succeeds, limit",
     interrupted_thread_receives_again, CTS_ONE_PROCESS, CTS_LIMITED, EX_AFTER_CLEAR, 0},
    {"RECV-11.6", "after an interruption Recv finds a queued request",
     interrupted_thread_receives_a_queued_request, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV_WHILE_SET,
     0},
    {"RECV-11.7", "after an interruption and Clear RecvEx finds a queued request",
     interrupted_thread_receives_a_queued_request, CTS_ONE_PROCESS, CTS_LIMITED, EX_AFTER_CLEAR, 0},
    {"RECV-11.8", "after an interruption RecvEx finds a queued request, two processes",
     interrupted_thread_receives_a_queued_request, CTS_TWO_PROCESSES, CTS_UNLIMITED, EX_AFTER_CLEAR,
     0},
    {"RECV-11.12", "after an interruption RecvEx finds a queued request, no limit",
     interrupted_thread_receives_a_queued_request, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_AFTER_CLEAR,
     0},
    {"RECV-11.9", "interruptions and exchanges alternate", interruptions_and_exchanges_alternate,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-11.10", "interruptions and exchanges alternate, limit, two processes",
     interruptions_and_exchanges_alternate, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"RECV-11.13", "interruptions and exchanges alternate, limit",
     interruptions_and_exchanges_alternate, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
};
CTS_GROUP(cts_group_recv_request, cases);
