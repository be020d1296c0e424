/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CALL-04, CALL-05 and CALL-12: a CallEx that finds its object set on entry.
 */
#include <cts/cts.h>

/* Where a server waits: the server handle of the channel, or its listener. */
enum { AT_SERVER, AT_LISTENER };

struct scene {
    struct cts_link link;
    Handle sync;
    struct cts_actor *client;
    struct cts_actor *other; /* a second thread of the client's process */
    struct cts_actor *server;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.sync = cts_sync_new(s.link.client_process);
    s.client = cts_actor_new(s.link.client_process, "client");
    s.other = cts_actor_new(s.link.client_process, "other client");
    s.server = cts_actor_new(s.link.server_process, "server");
    return s;
}

/* CALL-04: a CallEx that would have to wait, entered while the object is set, is interrupted. The
 * variant is the number of times the object is set. */
static void entered_while_set_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int i = 0; i < self->variant; i++) {
        cts_set(s.link.client_process, s.sync);
    }

    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);

    cts_check_returned(call, rcIpcInterrupt);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* CALL-04: one interruption does not use the state up; the next threads and channels find it too.
 */
static void every_entry_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link elsewhere = cts_link_between(s.link.server_process, s.link.client_process);
    rtl_uint32_t mdelay = cts_mdelay(self);
    cts_set(s.link.client_process, s.sync);
    struct cts_op *first = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, mdelay, s.sync);
    cts_check_returned(first, rcIpcInterrupt);

    struct cts_op *thread = cts_start_call_ex(s.other, s.link.client, CTS_PLAIN, mdelay, s.sync);
    struct cts_op *again = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, mdelay, s.sync);

    cts_check_returned(thread, rcIpcInterrupt);
    cts_check_returned(again, rcIpcInterrupt);
    struct cts_op *channel =
        cts_start_call_ex(s.client, elsewhere.client, CTS_PLAIN, mdelay, s.sync);
    cts_check_returned(channel, rcIpcInterrupt);
}

/* CALL-04: an interruption of a waiting call does not use the state up either. */
static void entered_after_an_interruption_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    rtl_uint32_t mdelay = cts_mdelay(self);
    struct cts_op *queued = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, mdelay, s.sync);
    cts_require_blocked(queued);
    cts_set(s.link.client_process, s.sync);
    cts_require_returned(queued, rcIpcInterrupt);

    struct cts_op *thread = cts_start_call_ex(s.other, s.link.client, CTS_PLAIN, mdelay, s.sync);
    struct cts_op *again = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, mdelay, s.sync);

    cts_check_returned(thread, rcIpcInterrupt);
    cts_check_returned(again, rcIpcInterrupt);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* CALL-04: a server that holds another client's request makes the call wait, hence interrupted. */
static void entered_while_server_busy_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    struct cts_op *taken = cts_start_call(s.other, s.link.client, CTS_PLAIN);
    cts_require_returned(recv, rcOk);
    cts_set(s.link.client_process, s.sync);

    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);

    cts_check_returned(call, rcIpcInterrupt);
    cts_check_served(s.server, recv, taken);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* CALL-04: a call that would have to queue behind others is interrupted and leaves them alone. */
static void entered_behind_a_queue_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *ahead = cts_start_call(s.other, s.link.client, CTS_PLAIN);
    cts_require_blocked(ahead);
    cts_set(s.link.client_process, s.sync);

    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);

    cts_check_returned(call, rcIpcInterrupt);
    cts_check_blocked(ahead);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, ahead);
}

/* CALL-04: a server that waits at another channel does not help: the call would have to wait. */
static void entered_while_another_channel_is_served(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link elsewhere = cts_link_between(s.link.server_process, s.link.client_process);
    struct cts_op *recv = cts_start_recv(s.server, elsewhere.server);
    cts_require_blocked(recv);
    cts_set(s.link.client_process, s.sync);

    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);

    cts_check_returned(call, rcIpcInterrupt);
    cts_check_blocked(recv);
    struct cts_op *plain = cts_start_call(s.client, elsewhere.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, plain);
}

/* CALL-05 (open): a CallEx entered while the object is set and a server waits ends in one of two
 * ways: served and rcOk, or refused and received by nobody. The second call decides which, without
 * waiting for something that may not come: the server gets one of the two requests for sure. */
static void rendezvous_is_open_at_entry(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle end = self->variant == AT_LISTENER ? s.link.listener : s.link.server;
    struct cts_op *recv = cts_start_recv(s.server, end);
    cts_require_blocked(recv);
    cts_set(s.link.client_process, s.sync);

    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);

    cts_settle();
    struct cts_op *probe = cts_start_call(s.other, s.link.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    if (cts_request(recv) == cts_request(call)) {
        cts_check_blocked(call);
        cts_check_served(s.server, recv, call);
        recv = cts_start_recv(s.server, end);
        cts_check_returned(recv, rcOk);
    } else {
        cts_check_returned(call, rcIpcInterrupt);
    }
    cts_check_served(s.server, recv, probe);
    cts_observe("CallEx entered while set with a waiting server", cts_rc_name(cts_rc(call)));
}

enum { SAME_THREAD, OTHER_THREAD, OTHER_CHANNEL };

/* CALL-12: Set while a request is taken stays in force for the next CallEx that has to wait. */
static void set_during_service_meets_the_next_call(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link elsewhere = cts_link_between(s.link.server_process, s.link.client_process);
    rtl_uint32_t mdelay = cts_mdelay(self);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    struct cts_op *taken = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, mdelay, s.sync);
    cts_require_returned(recv, rcOk);
    cts_set(s.link.client_process, s.sync);
    cts_check_served(s.server, recv, taken);

    struct cts_op *next =
        cts_start_call_ex(self->variant == OTHER_THREAD ? s.other : s.client,
                          self->variant == OTHER_CHANNEL ? elsewhere.client : s.link.client,
                          CTS_PLAIN, mdelay, s.sync);

    cts_check_returned(next, rcIpcInterrupt);
}

/* CALL-12: the next call need not wait for the end of the service. */
static void set_during_service_meets_a_second_thread(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    rtl_uint32_t mdelay = cts_mdelay(self);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    struct cts_op *taken = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, mdelay, s.sync);
    cts_require_returned(recv, rcOk);
    cts_set(s.link.client_process, s.sync);

    struct cts_op *next = cts_start_call_ex(s.other, s.link.client, CTS_PLAIN, mdelay, s.sync);

    cts_check_returned(next, rcIpcInterrupt);
    cts_check_blocked(taken);
    cts_check_served(s.server, recv, taken);
}

static const struct cts_case cases[] = {
    {"CALL-04.1", "CallEx entered while set is interrupted", entered_while_set_is_interrupted,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 1, CTS_SMOKE},
    {"CALL-04.2", "CallEx with a limit entered while set is interrupted",
     entered_while_set_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, 1, 0},
    {"CALL-04.3", "CallEx entered while set is interrupted, two processes",
     entered_while_set_is_interrupted, CTS_TWO_PROCESSES, CTS_UNLIMITED, 1, 0},
    {"CALL-04.4", "CallEx with a limit entered while set is interrupted, two processes",
     entered_while_set_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, 1, 0},
    {"CALL-04.5", "CallEx entered while set twice is interrupted", entered_while_set_is_interrupted,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 2, CTS_SMOKE},
    {"CALL-04.6", "every CallEx entered while set is interrupted", every_entry_is_interrupted,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-04.7", "every CallEx entered while set is interrupted, limit, two processes",
     every_entry_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-04.82", "every CallEx entered while set is interrupted, limit",
     every_entry_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"CALL-04.8", "CallEx entered while set and the server busy is interrupted",
     entered_while_server_busy_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_SMOKE},
    {"CALL-04.9", "CallEx entered while set and the server busy, limit, two processes",
     entered_while_server_busy_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-04.83", "CallEx entered while set and the server busy is interrupted, limit",
     entered_while_server_busy_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"CALL-04.10", "CallEx entered while set behind a queue is interrupted",
     entered_behind_a_queue_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-04.11", "CallEx entered after an interrupted one is interrupted",
     entered_after_an_interruption_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-04.12", "CallEx entered after an interrupted one is interrupted, limit, two processes",
     entered_after_an_interruption_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-04.84", "CallEx entered after an interrupted one is interrupted, limit",
     entered_after_an_interruption_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"CALL-05.1", "CallEx entered while set with a waiting server: served or refused",
     rendezvous_is_open_at_entry, CTS_ONE_PROCESS, CTS_UNLIMITED, AT_SERVER, CTS_SMOKE},
    {"CALL-05.2", "CallEx with a limit entered while set with a waiting server",
     rendezvous_is_open_at_entry, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"CALL-05.3", "CallEx entered while set with a waiting server, two processes",
     rendezvous_is_open_at_entry, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"CALL-05.5", "CallEx entered while set with a waiting server, no limit",
     rendezvous_is_open_at_entry, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-05.4", "CallEx entered while set with a server at the listener: served or refused",
     rendezvous_is_open_at_entry, CTS_ONE_PROCESS, CTS_UNLIMITED, AT_LISTENER, 0},
    {"CALL-04.23", "CallEx entered while set and a server at another channel is interrupted",
     entered_while_another_channel_is_served, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-04.24", "CallEx entered while set, server at another channel, limit, two processes",
     entered_while_another_channel_is_served, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-04.85", "CallEx entered while set and a server at another channel is interrupted, limit",
     entered_while_another_channel_is_served, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"CALL-12.1", "Set during service interrupts the next CallEx of the thread",
     set_during_service_meets_the_next_call, CTS_ONE_PROCESS, CTS_UNLIMITED, SAME_THREAD,
     CTS_SMOKE},
    {"CALL-12.2", "Set during service interrupts the next CallEx of another thread",
     set_during_service_meets_the_next_call, CTS_ONE_PROCESS, CTS_LIMITED, OTHER_THREAD, 0},
    {"CALL-12.3", "Set during service interrupts the next CallEx on another channel",
     set_during_service_meets_the_next_call, CTS_ONE_PROCESS, CTS_UNLIMITED, OTHER_CHANNEL, 0},
    {"CALL-12.4", "Set during service interrupts the next CallEx, two processes",
     set_during_service_meets_the_next_call, CTS_TWO_PROCESSES, CTS_LIMITED, SAME_THREAD, 0},
    {"CALL-12.7", "Set during service interrupts the next CallEx of the thread, limit",
     set_during_service_meets_the_next_call, CTS_ONE_PROCESS, CTS_LIMITED, SAME_THREAD, 0},
    {"CALL-12.5", "Set during service interrupts a CallEx of that time",
     set_during_service_meets_a_second_thread, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-12.6", "Set during service interrupts a CallEx of that time, limit, two processes",
     set_during_service_meets_a_second_thread, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-12.8", "Set during service interrupts a CallEx of that time, limit",
     set_during_service_meets_a_second_thread, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
};
CTS_GROUP(cts_group_call_set_before, cases);
