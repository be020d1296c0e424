/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RECV-12, RECV-04, RECV-08: a RecvEx on a listener handle behaves like one on a server handle. A library may make
 * the two the same handle; then these cases repeat others.
 */
#include <cts/cts.h>

struct scene {
    struct cts_link link;
    Handle sync; /* of the server's process */
    struct cts_actor *client;
    struct cts_actor *server;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.sync = cts_sync_new(s.link.server_process);
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    return s;
}

static struct cts_op *start_receive(const struct cts_case *self, const struct scene *s)
{
    return cts_start_recv_ex(s->server, s->link.listener, cts_mdelay(self), s->sync);
}

/* RECV-12: as RECV-01. */
static void waiting_receive_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = start_receive(self, &s);
    cts_require_blocked(recv);

    cts_set(s.link.server_process, s.sync);

    cts_check_returned(recv, rcIpcInterrupt);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.listener);
}

/* RECV-12: as RECV-04. */
static void entered_while_set_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    cts_set(s.link.server_process, s.sync);

    struct cts_op *recv = start_receive(self, &s);

    cts_check_returned(recv, rcIpcInterrupt);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.listener);
}

/* RECV-12: as RECV-02. */
static void processing_is_not_disturbed(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = start_receive(self, &s);
    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_require_returned(recv, rcOk);

    cts_set(s.link.server_process, s.sync);

    cts_check_blocked(call);
    cts_check_served(s.server, recv, call);
}

/* RECV-03: a request that comes after an interruption on the listener stays queued, for the next receive. */
static void request_after_interruption_stays_queued(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = start_receive(self, &s);
    cts_require_blocked(recv);
    cts_set(s.link.server_process, s.sync);
    cts_require_returned(recv, rcIpcInterrupt);

    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);

    cts_check_blocked(call);
    recv = cts_start_recv(s.server, s.link.listener);
    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, call);
}

/* LIFE-01: when all receives on a listener have been interrupted, it can be closed, after its channel. */
static void listener_is_closed_after_interruptions(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *second = cts_actor_new(s.link.server_process, "second server");
    struct cts_actor *closer = cts_actor_new(s.link.server_process, "closer");
    struct cts_op *first = start_receive(self, &s);
    cts_require_blocked(first);
    struct cts_op *other = cts_start_recv_ex(second, s.link.listener, cts_mdelay(self), s.sync);
    cts_require_blocked(other);

    cts_set(s.link.server_process, s.sync);

    cts_check_returned(first, rcIpcInterrupt);
    cts_check_returned(other, rcIpcInterrupt);
    cts_close(s.link.client_process, s.link.client);
    if (s.link.server != s.link.listener) {
        cts_check_returned(cts_start_close(closer, s.link.server), rcOk);
    }
    cts_check_returned(cts_start_close(closer, s.link.listener), rcOk);
    cts_check_returned(cts_start_close(closer, s.sync), rcOk);
}

/* RECV-12: as RECV-06 to RECV-08. */
enum { RECV, EX_WITHOUT, EX_WITH_ANOTHER, SET_BEFORE };

static void other_receive_is_immune(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle another = cts_sync_new(s.link.server_process);
    struct cts_op *recv =
        self->variant == RECV
            ? cts_start_recv(s.server, s.link.listener)
            : cts_start_recv_ex(s.server, s.link.listener, cts_mdelay(self),
                                self->variant == EX_WITHOUT ? INVALID_HANDLE : another);
    cts_require_blocked(recv);

    cts_set(s.link.server_process, s.sync);

    cts_check_blocked(recv);
    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, call);
}

/* RECV-12: as RECV-03, with requests from two channels of the listener. */
static void interruption_loses_no_channel(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link added = cts_link_add(&s.link);
    struct cts_actor *other = cts_actor_new(s.link.client_process, "other client");
    struct cts_op *recv = start_receive(self, &s);
    cts_require_blocked(recv);
    cts_set(s.link.server_process, s.sync);
    cts_require_returned(recv, rcIpcInterrupt);

    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_check_blocked(call);
    struct cts_op *other_call = cts_start_call(other, added.client, CTS_PLAIN);
    cts_check_blocked(other_call);

    for (int i = 0; i < 2; i++) {
        recv = cts_start_recv(s.server, s.link.listener);
        cts_check_returned(recv, rcOk);
        cts_check_served(s.server, recv,
                         cts_request(recv) == cts_request(call) ? call : other_call);
    }
}

/* RECV-12: an interruption wins over nothing: a channel added while the listener waits counts, and
 * the wait is interruptible as before. */
static void channel_added_during_the_wait_counts(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = start_receive(self, &s);
    cts_require_blocked(recv);
    struct cts_link added = cts_link_add(&s.link);
    cts_require_blocked(recv);

    cts_set(s.link.server_process, s.sync);

    cts_check_returned(recv, rcIpcInterrupt);
    cts_check_exchange(s.client, added.client, s.server, s.link.listener);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.listener);
}

/* RECV-12: a listener of five channels is interrupted five times, and each channel reaches it afterwards. */
static void listener_of_many_channels(const struct cts_case *self)
{
    enum { CHANNELS = 5 };
    struct scene s = scene_open(self);
    struct cts_link links[CHANNELS] = {s.link};
    for (int i = 1; i < CHANNELS; i++) {
        links[i] = cts_link_add(&s.link);
    }
    for (int i = 0; i < CHANNELS; i++) {
        if (self->variant == SET_BEFORE) {
            cts_set(s.link.server_process, s.sync);
        }
        struct cts_op *recv = start_receive(self, &s);
        if (self->variant != SET_BEFORE) {
            cts_require_blocked(recv);
            cts_set(s.link.server_process, s.sync);
        }
        cts_check_returned(recv, rcIpcInterrupt);
        cts_clear(s.link.server_process, s.sync);
        cts_check_exchange(s.client, links[i].client, s.server, s.link.listener);
    }
}

/* RECV-06, RECV-07: a receive on the listener is interrupted, and those without the object on the server handle are not,
 * and the other way round. */
static void other_end_is_immune(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *second = cts_actor_new(s.link.server_process, "second server");
    for (int turn = 0; turn < 2; turn++) {
        Handle here = turn == 0 ? s.link.listener : s.link.server;
        Handle there = turn == 0 ? s.link.server : s.link.listener;
        struct cts_op *immune =
            self->variant == RECV
                ? cts_start_recv(second, there)
                : cts_start_recv_ex(second, there, cts_mdelay(self), INVALID_HANDLE);
        cts_require_blocked(immune);
        struct cts_op *recv = cts_start_recv_ex(s.server, here, cts_mdelay(self), s.sync);
        cts_require_blocked(recv);

        cts_set(s.link.server_process, s.sync);

        cts_check_returned(recv, rcIpcInterrupt);
        cts_check_blocked(immune);
        struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
        cts_check_returned(immune, rcOk);
        cts_check_served(second, immune, call);
        cts_clear(s.link.server_process, s.sync);
    }
}

/* RECV-06, RECV-07: after a receive with the object was interrupted on the listener, one without it is not. */
static void receive_after_an_interrupted_one_is_immune(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = start_receive(self, &s);
    cts_require_blocked(recv);
    cts_set(s.link.server_process, s.sync);
    cts_require_returned(recv, rcIpcInterrupt);
    cts_clear(s.link.server_process, s.sync);
    recv = self->variant == RECV
               ? cts_start_recv(s.server, s.link.listener)
               : cts_start_recv_ex(s.server, s.link.listener, cts_mdelay(self), INVALID_HANDLE);
    cts_check_blocked(recv);

    cts_set(s.link.server_process, s.sync);

    cts_check_blocked(recv);
    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, call);
}

static const struct cts_case cases[] = {
    {"RECV-03.60", "a request after an interruption on a listener is received once",
     request_after_interruption_stays_queued, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-03.61", "a request after an interruption on a listener is received once, limit",
     request_after_interruption_stays_queued, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-03.62", "a request after an interruption on a listener, two processes",
     request_after_interruption_stays_queued, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"RECV-04.102", "a RecvEx on a listener of five channels, entered while set",
     listener_of_many_channels, CTS_ONE_PROCESS, CTS_UNLIMITED, SET_BEFORE, 0},
    {"RECV-04.103", "a RecvEx on a listener of five channels, entered while set, limit",
     listener_of_many_channels, CTS_ONE_PROCESS, CTS_LIMITED, SET_BEFORE, 0},
    {"RECV-06.40", "a Recv stays when a receive at the other end of the listener is interrupted",
     other_end_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, 0},
    {"RECV-06.41", "a Recv stays when a receive at the other end is interrupted, two processes",
     other_end_is_immune, CTS_TWO_PROCESSES, CTS_LIMITED, RECV, 0},
    {"RECV-07.50", "a RecvEx without object stays when a receive at the other end is interrupted",
     other_end_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_WITHOUT, 0},
    {"RECV-06.30", "a Recv on a listener after an interrupted RecvEx is not interrupted",
     receive_after_an_interrupted_one_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, 0},
    {"RECV-06.31", "a Recv on a listener after an interrupted RecvEx with a limit",
     receive_after_an_interrupted_one_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
    {"RECV-07.30", "a RecvEx without object on a listener after an interrupted one",
     receive_after_an_interrupted_one_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_WITHOUT, 0},
    {"RECV-07.31", "a RecvEx without object on a listener after an interrupted one, limit",
     receive_after_an_interrupted_one_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_WITHOUT, 0},
    {"LIFE-01.30", "a listener is closed after its receives were interrupted",
     listener_is_closed_after_interruptions, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"LIFE-01.31", "a listener is closed after its receives were interrupted, limit",
     listener_is_closed_after_interruptions, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"LIFE-01.32", "a listener is closed after its receives were interrupted, two processes",
     listener_is_closed_after_interruptions, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"RECV-12.1", "a RecvEx waiting on a listener is interrupted", waiting_receive_is_interrupted,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_SMOKE},
    {"RECV-12.2", "a RecvEx with a limit waiting on a listener is interrupted",
     waiting_receive_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-12.3", "a RecvEx waiting on a listener is interrupted, two processes",
     waiting_receive_is_interrupted, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"RECV-12.4", "a RecvEx on a listener entered while set is interrupted",
     entered_while_set_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_SMOKE},
    {"RECV-12.5", "a RecvEx on a listener entered while set, limit, two processes",
     entered_while_set_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"RECV-12.13", "a RecvEx on a listener entered while set is interrupted, limit",
     entered_while_set_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-12.6", "Set does not disturb processing of a request from a listener",
     processing_is_not_disturbed, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-12.7", "Set does not disturb processing from a listener, limit, two processes",
     processing_is_not_disturbed, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"RECV-12.14", "Set does not disturb processing of a request from a listener, limit",
     processing_is_not_disturbed, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-12.8", "a Recv on a listener is not interrupted", other_receive_is_immune,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, 0},
    {"RECV-12.9", "a RecvEx without object on a listener is not interrupted",
     other_receive_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_WITHOUT, 0},
    {"RECV-12.10", "a RecvEx with another object on a listener is not interrupted",
     other_receive_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_WITH_ANOTHER, 0},
    {"RECV-08.90", "a RecvEx on a listener with another object is not interrupted",
     other_receive_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_WITH_ANOTHER, 0},
    {"RECV-08.91", "a RecvEx on a listener with another object is not interrupted, limit",
     other_receive_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_WITH_ANOTHER, 0},
    {"RECV-04.90", "a RecvEx on a listener entered while its object is set is interrupted",
     entered_while_set_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-04.91", "a RecvEx on a listener entered while its object is set, limit",
     entered_while_set_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-12.20", "a RecvEx on a listener of five channels is interrupted",
     listener_of_many_channels, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-12.21", "a RecvEx on a listener of five channels is interrupted, limit",
     listener_of_many_channels, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-12.11", "an interruption on a listener loses no request of its channels",
     interruption_loses_no_channel, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-12.12", "a RecvEx on a listener that gained a channel is interrupted",
     channel_added_during_the_wait_counts, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
};
CTS_GROUP(cts_group_recv_listener, cases);
