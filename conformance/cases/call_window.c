/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CALL-01 and CALL-02, the two sides of the point of no return: a request that nobody has taken is
 * interrupted, a request that a server holds is not. The windows between the two stand in
 * window_call.c.
 */
#include <cts/cts.h>

enum { SERVER_FIRST, CLIENT_FIRST };
#define BIG_ARENA_BYTES 4096
#define HUGE_ARENA_BYTES 131072

/* A client whose request a server holds. */
struct scene {
    struct cts_link link;
    Handle sync;
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_op *recv;
    struct cts_op *call;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.sync = cts_sync_new(s.link.client_process);
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    return s;
}

/* Messages of that size: one that nobody takes waits. How much a message may hold depends on the kernel, and
 * a library may refuse it at once. */
static void skip_without_room(const struct cts_link *link, rtl_uint32_t arena_bytes)
{
    struct cts_message message = {.arena_bytes = arena_bytes};
    struct cts_actor *prober = cts_actor_new(link->client_process, "prober");
    struct cts_op *probe = cts_start_call_ex(prober, link->client, message, 1, INVALID_HANDLE);
    cts_may_lack_room(probe);
    if (cts_wait(probe) != rcTimeout) {
        cts_skip("the library has no room for a message of that size");
    }
}

/* The variant says who arrives first. */
static void scene_take(const struct cts_case *self, struct scene *s, struct cts_message request)
{
    rtl_uint32_t mdelay = cts_mdelay(self);
    if (self->variant == SERVER_FIRST) {
        s->recv = cts_start_recv(s->server, s->link.server);
        cts_require_blocked(s->recv);
        s->call = cts_start_call_ex(s->client, s->link.client, request, mdelay, s->sync);
    } else {
        s->call = cts_start_call_ex(s->client, s->link.client, request, mdelay, s->sync);
        cts_require_blocked(s->call);
        s->recv = cts_start_recv(s->server, s->link.server);
    }
    cts_require_returned(s->recv, rcOk);
}

static struct scene scene_taken(const struct cts_case *self, struct cts_message request)
{
    struct scene s = scene_open(self);
    scene_take(self, &s, request);
    return s;
}

/* CALL-01: a queued CallEx returns rcIpcInterrupt once its object is set. The variant is the number
 * of arena bytes of the request. */
static void queued_call_is_interrupted(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    Handle sync = cts_sync_new(link.client_process);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_message request = {.arena_bytes = (rtl_uint32_t)self->variant};
    if (self->variant == HUGE_ARENA_BYTES) {
        skip_without_room(&link, HUGE_ARENA_BYTES);
    }
    struct cts_op *call = cts_start_call_ex(client, link.client, request, cts_mdelay(self), sync);
    cts_require_blocked(call);

    cts_set(link.client_process, sync);

    cts_check_returned(call, rcIpcInterrupt);
}

/* CALL-01: so does the CallEx of a thread that has used channel and object before. */
static void second_call_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_taken(self, CTS_PLAIN);
    cts_check_served(s.server, s.recv, s.call);
    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_blocked(s.call);

    cts_set(s.link.client_process, s.sync);

    cts_check_returned(s.call, rcIpcInterrupt);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* CALL-01: what counts is a server of this channel; one that waits elsewhere changes nothing. */
static void server_of_another_channel_does_not_count(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link elsewhere = cts_link_between(s.link.server_process, s.link.client_process);
    s.recv = cts_start_recv(s.server, elsewhere.server);
    cts_require_blocked(s.recv);
    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_blocked(s.call);

    cts_set(s.link.client_process, s.sync);

    cts_check_returned(s.call, rcIpcInterrupt);
    cts_check_blocked(s.recv);
    struct cts_op *lawful = cts_start_call(s.client, elsewhere.client, CTS_PLAIN);
    cts_check_returned(s.recv, rcOk);
    cts_check_served(s.server, s.recv, lawful);
}

/* CALL-02: a taken CallEx keeps waiting after Set, and the Reply completes it. */
static void taken_call_completes(const struct cts_case *self)
{
    struct scene s = scene_taken(self, CTS_PLAIN);

    cts_set(s.link.client_process, s.sync);

    cts_check_blocked(s.call);
    cts_check_served(s.server, s.recv, s.call);
}

/* CALL-02: the same with big messages; those of the row in which the server comes first do not fit into 64
 * KiB. */
static void big_taken_call_completes(const struct cts_case *self)
{
    struct cts_message big = {.arena_bytes = self->variant == SERVER_FIRST ? HUGE_ARENA_BYTES
                                                                           : BIG_ARENA_BYTES};
    struct scene s = scene_open(self);
    if (self->variant == SERVER_FIRST) {
        skip_without_room(&s.link, HUGE_ARENA_BYTES);
    }
    scene_take(self, &s, big);

    cts_set(s.link.client_process, s.sync);

    cts_check_blocked(s.call);
    struct cts_op *reply = cts_start_reply(s.server, s.recv, big);
    cts_check_returned(reply, rcOk);
    cts_check_returned(s.call, rcOk);
}

/* CALL-02: nor do further changes of the object reach it, whatever state the Reply finds. */
static void taken_call_ignores_every_change(const struct cts_case *self)
{
    struct scene s = scene_taken(self, CTS_PLAIN);

    cts_set(s.link.client_process, s.sync);
    cts_check_blocked(s.call);
    cts_clear(s.link.client_process, s.sync);
    cts_check_blocked(s.call);
    cts_set(s.link.client_process, s.sync);

    cts_check_blocked(s.call);
    cts_check_served(s.server, s.recv, s.call);
}

/* CALL-02: also when the object is the one with which the server waited for the request. */
static void object_shared_with_the_server(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    s.recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
    cts_require_blocked(s.recv);
    s.call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_returned(s.recv, rcOk);

    cts_set(s.link.client_process, s.sync);

    cts_check_blocked(s.call);
    cts_check_served(s.server, s.recv, s.call);
}

/* CALL-02: two calls with the object are in service; each gets its own response. The variant says which
 * is answered first. */
static void two_taken_calls_complete(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *clients[2] = {s.client, cts_actor_new(s.link.client_process, "client 2")};
    struct cts_actor *servers[2] = {s.server, cts_actor_new(s.link.server_process, "server 2")};
    struct cts_op *calls[2];
    struct cts_op *recvs[2];
    for (int i = 0; i < 2; i++) {
        recvs[i] = cts_start_recv(servers[i], s.link.server);
        calls[i] =
            cts_start_call_ex(clients[i], s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
        cts_require_returned(recvs[i], rcOk);
    }

    cts_set(s.link.client_process, s.sync);

    int first = self->variant;
    cts_check_served(servers[first], recvs[first], calls[first]);
    cts_check_blocked(calls[1 - first]);
    cts_check_served(servers[1 - first], recvs[1 - first], calls[1 - first]);
}

static const struct cts_case cases[] = {
    {"CALL-01.1", "a queued CallEx without limit is interrupted", queued_call_is_interrupted,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_SMOKE},
    {"CALL-01.2", "a queued CallEx with a limit is interrupted", queued_call_is_interrupted,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"CALL-01.3", "a queued CallEx is interrupted, two processes", queued_call_is_interrupted,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"CALL-01.4", "a queued CallEx with a limit is interrupted, two processes",
     queued_call_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, 0, CTS_SMOKE},
    {"CALL-01.5", "a queued CallEx with a big request is interrupted", queued_call_is_interrupted,
     CTS_ONE_PROCESS, CTS_UNLIMITED, BIG_ARENA_BYTES, CTS_SMOKE},
    {"CALL-01.6", "the second CallEx of a thread is interrupted", second_call_is_interrupted,
     CTS_ONE_PROCESS, CTS_UNLIMITED, SERVER_FIRST, CTS_SMOKE},
    {"CALL-01.7", "the second CallEx of a thread is interrupted, limit, two processes",
     second_call_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, CLIENT_FIRST, 0},
    {"CALL-01.20", "the second CallEx of a thread is interrupted, limit",
     second_call_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, CLIENT_FIRST, 0},
    {"CALL-01.8", "a queued CallEx is interrupted while a server waits on another channel",
     server_of_another_channel_does_not_count, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-01.9", "a queued CallEx is interrupted, server on another channel, two processes",
     server_of_another_channel_does_not_count, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-01.83", "a queued CallEx is interrupted while a server waits on another channel, limit",
     server_of_another_channel_does_not_count, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"CALL-02.1", "a taken CallEx is completed by Reply, server first", taken_call_completes,
     CTS_ONE_PROCESS, CTS_UNLIMITED, SERVER_FIRST, CTS_SMOKE},
    {"CALL-02.2", "a taken CallEx is completed by Reply, client first", taken_call_completes,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CLIENT_FIRST, CTS_SMOKE},
    {"CALL-02.3", "a taken CallEx with a limit is completed, server first", taken_call_completes,
     CTS_ONE_PROCESS, CTS_LIMITED, SERVER_FIRST, 0},
    {"CALL-02.4", "a taken CallEx with a limit is completed, client first", taken_call_completes,
     CTS_ONE_PROCESS, CTS_LIMITED, CLIENT_FIRST, 0},
    {"CALL-02.5", "a taken CallEx is completed, server first, two processes", taken_call_completes,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, SERVER_FIRST, 0},
    {"CALL-02.6", "a taken CallEx with a limit is completed, client first, two processes",
     taken_call_completes, CTS_TWO_PROCESSES, CTS_LIMITED, CLIENT_FIRST, CTS_SMOKE},
    {"CALL-02.7", "a taken CallEx with big messages is completed", big_taken_call_completes,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CLIENT_FIRST, 0},
    {"CALL-02.8", "a taken CallEx ignores Set, Clear, Set", taken_call_ignores_every_change,
     CTS_ONE_PROCESS, CTS_UNLIMITED, SERVER_FIRST, CTS_SMOKE},
    {"CALL-02.9", "a taken CallEx ignores Set, Clear, Set, limit, two processes",
     taken_call_ignores_every_change, CTS_TWO_PROCESSES, CTS_LIMITED, CLIENT_FIRST, 0},
    {"CALL-02.12", "a taken CallEx ignores Set, Clear, Set, limit", taken_call_ignores_every_change,
     CTS_ONE_PROCESS, CTS_LIMITED, CLIENT_FIRST, 0},
    {"CALL-02.10", "a taken CallEx ignores the object that it shares with the server",
     object_shared_with_the_server, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-02.11", "a taken CallEx ignores the shared object, limit", object_shared_with_the_server,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"CALL-01.11", "a queued CallEx with a request over 64 KiB is interrupted",
     queued_call_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, HUGE_ARENA_BYTES, 0},
    {"CALL-02.34", "a taken CallEx with messages over 64 KiB is completed",
     big_taken_call_completes, CTS_ONE_PROCESS, CTS_LIMITED, SERVER_FIRST, 0},
    {"CALL-02.43", "two taken CallEx are completed after Set, first one first",
     two_taken_calls_complete, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-02.44", "two taken CallEx are completed after Set, last one first",
     two_taken_calls_complete, CTS_TWO_PROCESSES, CTS_LIMITED, 1, 0},
    {"CALL-02.46", "two taken CallEx are completed after Set, last one first, one process",
     two_taken_calls_complete, CTS_ONE_PROCESS, CTS_LIMITED, 1, 0},
};
CTS_GROUP(cts_group_call_window, cases);
