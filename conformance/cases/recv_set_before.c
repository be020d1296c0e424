/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RECV-04 and RECV-05: a RecvEx that finds its object set on entry.
 */
#include <cts/cts.h>

/* Which end is meant: the server handle of the channel, or its listener. */
enum { AT_SERVER, AT_LISTENER };

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

/* RECV-04: a RecvEx that would have to wait, entered while the object is set, is interrupted. The
 * variant is the number of times the object is set. */
static void entered_while_set_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int i = 0; i < self->variant; i++) {
        cts_set(s.link.server_process, s.sync);
    }

    struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);

    cts_check_returned(recv, rcIpcInterrupt);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* RECV-04: one interruption does not use the state up; the next threads and handles find it too. */
static void every_entry_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link elsewhere = cts_link_between(s.link.server_process, s.link.client_process);
    rtl_uint32_t mdelay = cts_mdelay(self);
    cts_set(s.link.server_process, s.sync);
    struct cts_op *first = cts_start_recv_ex(s.server, s.link.server, mdelay, s.sync);
    cts_check_returned(first, rcIpcInterrupt);

    struct cts_op *thread = cts_start_recv_ex(s.second, s.link.server, mdelay, s.sync);
    struct cts_op *again = cts_start_recv_ex(s.server, s.link.server, mdelay, s.sync);

    cts_check_returned(thread, rcIpcInterrupt);
    cts_check_returned(again, rcIpcInterrupt);
    struct cts_op *handle = cts_start_recv_ex(s.server, elsewhere.server, mdelay, s.sync);
    cts_check_returned(handle, rcIpcInterrupt);
}

/* RECV-04: an interruption of a waiting receive does not use the state up either. */
static void entered_after_an_interruption_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    rtl_uint32_t mdelay = cts_mdelay(self);
    struct cts_op *waiting = cts_start_recv_ex(s.server, s.link.server, mdelay, s.sync);
    cts_require_blocked(waiting);
    cts_set(s.link.server_process, s.sync);
    cts_require_returned(waiting, rcIpcInterrupt);

    struct cts_op *thread = cts_start_recv_ex(s.second, s.link.server, mdelay, s.sync);
    struct cts_op *again = cts_start_recv_ex(s.server, s.link.server, mdelay, s.sync);

    cts_check_returned(thread, rcIpcInterrupt);
    cts_check_returned(again, rcIpcInterrupt);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* RECV-04: Set during the processing of a request meets the next RecvEx, of this or of another
 * thread (variant). */
enum { SAME_THREAD, OTHER_THREAD };

static void set_during_processing_meets_the_next_receive(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    rtl_uint32_t mdelay = cts_mdelay(self);
    struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, mdelay, s.sync);
    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_require_returned(recv, rcOk);
    cts_set(s.link.server_process, s.sync);
    if (self->variant == SAME_THREAD) {
        cts_check_served(s.server, recv, call);
    }

    struct cts_op *next = cts_start_recv_ex(self->variant == SAME_THREAD ? s.server : s.second,
                                            s.link.server, mdelay, s.sync);

    cts_check_returned(next, rcIpcInterrupt);
    if (self->variant == OTHER_THREAD) {
        cts_check_served(s.server, recv, call);
    }
}

/* RECV-04: a RecvEx entered beside a receiver without the object is interrupted all the same. */
static void entered_beside_a_receiver_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *waiting = cts_start_recv(s.second, s.link.server);
    cts_require_blocked(waiting);
    cts_set(s.link.server_process, s.sync);

    struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);

    cts_check_returned(recv, rcIpcInterrupt);
    cts_check_blocked(waiting);
    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_check_returned(waiting, rcOk);
    cts_check_served(s.second, waiting, call);
}

/* RECV-04: a request that is queued at another channel does not help: the receive would have to wait. */
static void entered_while_another_channel_has_a_request(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link elsewhere = cts_link_between(s.link.server_process, s.link.client_process);
    struct cts_op *call = cts_start_call(s.client, elsewhere.client, CTS_PLAIN);
    cts_require_blocked(call);
    cts_set(s.link.server_process, s.sync);

    struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);

    cts_check_returned(recv, rcIpcInterrupt);
    cts_check_blocked(call);
    recv = cts_start_recv(s.server, elsewhere.server);
    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, call);
}

/* RECV-05 (open): a RecvEx entered while the object is set and a request is queued either returns
 * the request or leaves it where it is. */
static void queued_request_is_open_at_entry(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle end = self->variant == AT_LISTENER ? s.link.listener : s.link.server;
    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_require_blocked(call);
    cts_set(s.link.server_process, s.sync);

    struct cts_op *recv = cts_start_recv_ex(s.server, end, cts_mdelay(self), s.sync);

    cts_check_returned_one_of(recv, rcOk, rcIpcInterrupt);
    cts_observe("RecvEx entered while set with a queued request", cts_rc_name(cts_rc(recv)));
    cts_check_blocked(call);
    if (cts_rc(recv) == rcIpcInterrupt) {
        recv = cts_start_recv(s.server, end);
        cts_check_returned(recv, rcOk);
    }
    cts_check_served(s.server, recv, call);
}

static const struct cts_case cases[] = {
    {"RECV-04.1", "RecvEx entered while set is interrupted", entered_while_set_is_interrupted,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 1, CTS_SMOKE},
    {"RECV-04.2", "RecvEx with a limit entered while set is interrupted",
     entered_while_set_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, 1, 0},
    {"RECV-04.3", "RecvEx entered while set is interrupted, two processes",
     entered_while_set_is_interrupted, CTS_TWO_PROCESSES, CTS_UNLIMITED, 1, 0},
    {"RECV-04.4", "RecvEx with a limit entered while set is interrupted, two processes",
     entered_while_set_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, 1, 0},
    {"RECV-04.5", "RecvEx entered while set twice is interrupted", entered_while_set_is_interrupted,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 2, CTS_SMOKE},
    {"RECV-04.6", "every RecvEx entered while set is interrupted", every_entry_is_interrupted,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-04.7", "every RecvEx entered while set is interrupted, limit, two processes",
     every_entry_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"RECV-04.82", "every RecvEx entered while set is interrupted, limit",
     every_entry_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-04.8", "Set during processing interrupts the next RecvEx of the thread",
     set_during_processing_meets_the_next_receive, CTS_ONE_PROCESS, CTS_UNLIMITED, SAME_THREAD, 0},
    {"RECV-04.9", "Set during processing interrupts the RecvEx of another thread",
     set_during_processing_meets_the_next_receive, CTS_ONE_PROCESS, CTS_LIMITED, OTHER_THREAD, 0},
    {"RECV-04.10", "Set during processing interrupts the next RecvEx, two processes",
     set_during_processing_meets_the_next_receive, CTS_TWO_PROCESSES, CTS_UNLIMITED, SAME_THREAD,
     0},
    {"RECV-04.11", "RecvEx entered while set beside a receiver is interrupted",
     entered_beside_a_receiver_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-04.12", "RecvEx entered after an interrupted one is interrupted",
     entered_after_an_interruption_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-04.13", "RecvEx entered after an interrupted one is interrupted, limit, two processes",
     entered_after_an_interruption_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"RECV-04.83", "RecvEx entered after an interrupted one is interrupted, limit",
     entered_after_an_interruption_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-05.1", "RecvEx entered while set with a queued request: all or nothing",
     queued_request_is_open_at_entry, CTS_ONE_PROCESS, CTS_UNLIMITED, AT_SERVER, CTS_SMOKE},
    {"RECV-05.2", "RecvEx with a limit entered while set with a queued request",
     queued_request_is_open_at_entry, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-05.4", "RecvEx on a listener entered while set with a queued request",
     queued_request_is_open_at_entry, CTS_ONE_PROCESS, CTS_UNLIMITED, AT_LISTENER, 0},
    {"RECV-04.14", "RecvEx entered while set and a request at another channel is interrupted",
     entered_while_another_channel_has_a_request, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-04.15", "RecvEx entered while set, request at another channel, limit, two processes",
     entered_while_another_channel_has_a_request, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"RECV-04.84",
     "RecvEx entered while set and a request at another channel is interrupted, limit",
     entered_while_another_channel_has_a_request, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-05.3", "RecvEx entered while set with a queued request, two processes",
     queued_request_is_open_at_entry, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"RECV-05.5", "RecvEx entered while set with a queued request, no limit",
     queued_request_is_open_at_entry, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
};
CTS_GROUP(cts_group_recv_set_before, cases);
