/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RECV-01 and RECV-02: a RecvEx is interrupted while it waits for a request; what follows, the
 * processing and the Reply, is out of reach. The windows between the two stand in window_recv.c.
 */
#include <cts/cts.h>

enum { SERVER_FIRST, CLIENT_FIRST };

struct scene {
    struct cts_link link;
    Handle sync; /* of the server's process */
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_op *recv;
    struct cts_op *call;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.sync = cts_sync_new(s.link.server_process);
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    return s;
}

/* A RecvEx with the object has returned a request. The variant says who arrived first. */
static struct scene scene_taken(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    if (self->variant == SERVER_FIRST) {
        s.recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
        cts_require_blocked(s.recv);
        s.call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    } else {
        s.call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
        cts_require_blocked(s.call);
        s.recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
    }
    cts_require_returned(s.recv, rcOk);
    return s;
}

/* RECV-01: a RecvEx waiting for a request returns rcIpcInterrupt once its object is set. */
static void waiting_receive_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    s.recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
    cts_require_blocked(s.recv);

    cts_set(s.link.server_process, s.sync);

    cts_check_returned(s.recv, rcIpcInterrupt);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* RECV-01: also the RecvEx of a thread that has served a request with handle and object before. */
static void second_receive_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_taken(self);
    cts_check_served(s.server, s.recv, s.call);
    s.recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
    cts_require_blocked(s.recv);

    cts_set(s.link.server_process, s.sync);

    cts_check_returned(s.recv, rcIpcInterrupt);
}

/* RECV-01: also while another thread processes a request of the same channel. */
static void receive_beside_processing_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_taken(self);
    struct cts_actor *second = cts_actor_new(s.link.server_process, "second server");
    struct cts_op *waiting = cts_start_recv_ex(second, s.link.server, cts_mdelay(self), s.sync);
    cts_require_blocked(waiting);

    cts_set(s.link.server_process, s.sync);

    cts_check_returned(waiting, rcIpcInterrupt);
    cts_check_served(s.server, s.recv, s.call);
}

/* RECV-01: also while a request waits on another channel, which is not what it waits for. */
static void request_of_another_channel_does_not_count(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link elsewhere = cts_link_between(s.link.server_process, s.link.client_process);
    s.call = cts_start_call(s.client, elsewhere.client, CTS_PLAIN);
    cts_require_blocked(s.call);
    s.recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
    cts_require_blocked(s.recv);

    cts_set(s.link.server_process, s.sync);

    cts_check_returned(s.recv, rcIpcInterrupt);
    cts_check_blocked(s.call);
    s.recv = cts_start_recv(s.server, elsewhere.server);
    cts_check_returned(s.recv, rcOk);
    cts_check_served(s.server, s.recv, s.call);
}

/* RECV-02: Set during the processing does not reach the client that waits for the Reply, nor the
 * Reply. */
static void processing_is_not_disturbed(const struct cts_case *self)
{
    struct scene s = scene_taken(self);

    cts_set(s.link.server_process, s.sync);

    cts_check_blocked(s.call);
    cts_check_served(s.server, s.recv, s.call);
}

/* RECV-02: nor do further changes, whatever state the Reply finds. */
static void processing_ignores_every_change(const struct cts_case *self)
{
    struct scene s = scene_taken(self);

    cts_set(s.link.server_process, s.sync);
    cts_check_blocked(s.call);
    cts_clear(s.link.server_process, s.sync);
    cts_check_blocked(s.call);
    cts_set(s.link.server_process, s.sync);

    cts_check_blocked(s.call);
    cts_check_served(s.server, s.recv, s.call);
}

/* RECV-02: the Reply of a thread that uses the object for all its waits is no wait; after it, the
 * next RecvEx is the first to be interrupted. */
static void reply_comes_before_the_interruption(const struct cts_case *self)
{
    struct scene s = scene_taken(self);

    cts_set(s.link.server_process, s.sync);
    struct cts_op *reply = cts_start_reply(s.server, s.recv, CTS_PLAIN);

    cts_check_returned(reply, rcOk);
    cts_check_returned(s.call, rcOk);
    s.recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
    cts_check_returned(s.recv, rcIpcInterrupt);
}

static const struct cts_case cases[] = {
    {"RECV-01.1", "a waiting RecvEx without limit is interrupted", waiting_receive_is_interrupted,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_SMOKE},
    {"RECV-01.2", "a waiting RecvEx with a limit is interrupted", waiting_receive_is_interrupted,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-01.3", "a waiting RecvEx is interrupted, two processes", waiting_receive_is_interrupted,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"RECV-01.4", "a waiting RecvEx with a limit is interrupted, two processes",
     waiting_receive_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, 0, CTS_SMOKE},
    {"RECV-01.5", "the second RecvEx of a thread is interrupted", second_receive_is_interrupted,
     CTS_ONE_PROCESS, CTS_UNLIMITED, SERVER_FIRST, CTS_SMOKE},
    {"RECV-01.6", "the second RecvEx of a thread is interrupted, limit, two processes",
     second_receive_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, CLIENT_FIRST, 0},
    {"RECV-01.15", "the second RecvEx of a thread is interrupted, limit",
     second_receive_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, CLIENT_FIRST, 0},
    {"RECV-01.7", "a RecvEx is interrupted while another thread processes",
     receive_beside_processing_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, CLIENT_FIRST, 0},
    {"RECV-01.8", "a RecvEx is interrupted while another thread processes, limit, two processes",
     receive_beside_processing_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, SERVER_FIRST, 0},
    {"RECV-01.16", "a RecvEx is interrupted while another thread processes, limit",
     receive_beside_processing_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, SERVER_FIRST, 0},
    {"RECV-01.9", "a RecvEx is interrupted while a request waits on another channel",
     request_of_another_channel_does_not_count, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-02.1", "Set does not disturb processing and Reply, server first",
     processing_is_not_disturbed, CTS_ONE_PROCESS, CTS_UNLIMITED, SERVER_FIRST, CTS_SMOKE},
    {"RECV-02.2", "Set does not disturb processing and Reply, client first",
     processing_is_not_disturbed, CTS_ONE_PROCESS, CTS_LIMITED, CLIENT_FIRST, CTS_SMOKE},
    {"RECV-02.3", "Set does not disturb processing and Reply, two processes",
     processing_is_not_disturbed, CTS_TWO_PROCESSES, CTS_UNLIMITED, SERVER_FIRST, 0},
    {"RECV-02.4", "Set does not disturb processing, client first, limit, two processes",
     processing_is_not_disturbed, CTS_TWO_PROCESSES, CTS_LIMITED, CLIENT_FIRST, 0},
    {"RECV-02.5", "Set, Clear, Set do not disturb processing", processing_ignores_every_change,
     CTS_ONE_PROCESS, CTS_UNLIMITED, SERVER_FIRST, CTS_SMOKE},
    {"RECV-02.6", "Set, Clear, Set do not disturb processing, limit, two processes",
     processing_ignores_every_change, CTS_TWO_PROCESSES, CTS_LIMITED, CLIENT_FIRST, 0},
    {"RECV-02.9", "Set, Clear, Set do not disturb processing, limit",
     processing_ignores_every_change, CTS_ONE_PROCESS, CTS_LIMITED, CLIENT_FIRST, 0},
    {"RECV-02.7", "after Set the Reply succeeds and the next RecvEx is interrupted",
     reply_comes_before_the_interruption, CTS_ONE_PROCESS, CTS_UNLIMITED, SERVER_FIRST, 0},
    {"RECV-02.8", "after Set the Reply succeeds, limit, two processes",
     reply_comes_before_the_interruption, CTS_TWO_PROCESSES, CTS_LIMITED, CLIENT_FIRST, 0},
    {"RECV-02.10", "after Set the Reply succeeds, limit", reply_comes_before_the_interruption,
     CTS_ONE_PROCESS, CTS_LIMITED, CLIENT_FIRST, 0},
};
CTS_GROUP(cts_group_recv_window, cases);
