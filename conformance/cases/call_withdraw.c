/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CALL-03 and CALL-11: what an interrupted CallEx leaves behind, which is nothing on the server's
 * side and a usable channel on the client's.
 */
#include <cts/cts.h>

#define ROUNDS 20
#define CLIENTS 3
#define CARRYING 1 /* each request has a handle in it */
/* A library that has taken so long for interruptions is asked for no more of them. */
#define ENOUGH_NS 6000000000u

struct scene {
    struct cts_link link;
    Handle sync;
    struct cts_actor *client;
    struct cts_actor *server;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.sync = cts_sync_new(s.link.client_process);
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    return s;
}

/* Preparation: one CallEx of `client` is queued and interrupted. The object stays set. */
static void interrupt_one(const struct cts_case *self, const struct scene *s,
                          struct cts_actor *client)
{
    struct cts_op *call =
        cts_start_call_ex(client, s->link.client, CTS_PLAIN, cts_mdelay(self), s->sync);
    cts_require_blocked(call);
    cts_set(s->link.client_process, s->sync);
    cts_require_returned(call, rcIpcInterrupt);
}

/* The claim of CALL-03: `recv`, just started, finds nothing, and takes the next request that is
 * really sent. */
static void check_next_request_is_new(const struct scene *s, struct cts_op *recv)
{
    cts_check_blocked(recv);
    struct cts_op *lawful = cts_start_call(s->client, s->link.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    cts_check_that(cts_request(recv) == cts_request(lawful),
                   "the server receives the request that was not interrupted");
    cts_check_served(s->server, recv, lawful);
}

enum { WITH_RECV, WITH_RECV_EX, ON_LISTENER };

/* CALL-03: an interrupted request is withdrawn; no later Recv returns it. */
static void interrupted_request_is_not_received(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    interrupt_one(self, &s, s.client);

    struct cts_op *recv =
        self->variant == WITH_RECV
            ? cts_start_recv(s.server, s.link.server)
            : cts_start_recv_ex(s.server,
                                self->variant == ON_LISTENER ? s.link.listener : s.link.server,
                                cts_mdelay(self), INVALID_HANDLE);

    check_next_request_is_new(&s, recv);
}

/* CALL-03: nor is a request received that was refused because the object was set on entry. */
static void refused_request_is_not_received(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    cts_set(s.link.client_process, s.sync);
    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_returned(call, rcIpcInterrupt);

    struct cts_op *recv = cts_start_recv(s.server, s.link.server);

    check_next_request_is_new(&s, recv);
}

/* CALL-03: nor one that was withdrawn while the server was busy with another. */
static void request_behind_a_busy_server_is_not_received(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *other = cts_actor_new(s.link.client_process, "other client");
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    struct cts_op *taken = cts_start_call(other, s.link.client, CTS_PLAIN);
    cts_require_returned(recv, rcOk);
    interrupt_one(self, &s, s.client);
    cts_check_served(s.server, recv, taken);

    recv = cts_start_recv(s.server, s.link.server);

    check_next_request_is_new(&s, recv);
}

/* CALL-03: nor any of several that one Set withdrew. */
static void none_of_several_requests_is_received(const struct cts_case *self)
{
    static const char *const names[CLIENTS] = {"client 1", "client 2", "client 3"};
    struct scene s = scene_open(self);
    struct cts_op *calls[CLIENTS];
    struct cts_message request = CTS_PLAIN;
    if (self->variant == CARRYING) {
        request =
            CTS_WITH_HANDLE(cts_link_between(s.link.server_process, s.link.client_process).client);
    }
    for (int i = 0; i < CLIENTS; i++) {
        calls[i] = cts_start_call_ex(cts_actor_new(s.link.client_process, names[i]), s.link.client,
                                     request, cts_mdelay(self), s.sync);
        cts_require_blocked(calls[i]);
    }
    cts_set(s.link.client_process, s.sync);
    for (int i = 0; i < CLIENTS; i++) {
        cts_require_returned(calls[i], rcIpcInterrupt);
    }

    struct cts_op *recv = cts_start_recv(s.server, s.link.server);

    check_next_request_is_new(&s, recv);
}

/* CALL-03: nor is one that stood behind a request that stays. */
static void request_behind_another_is_not_received(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *ahead = cts_actor_new(s.link.client_process, "client ahead");
    struct cts_message request = CTS_PLAIN;
    if (self->variant == CARRYING) {
        request =
            CTS_WITH_HANDLE(cts_link_between(s.link.server_process, s.link.client_process).client);
    }
    struct cts_op *first = cts_start_call(ahead, s.link.client, CTS_PLAIN);
    cts_require_blocked(first);
    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, request, cts_mdelay(self), s.sync);
    cts_require_blocked(call);
    cts_set(s.link.client_process, s.sync);
    cts_require_returned(call, rcIpcInterrupt);

    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_require_returned(recv, rcOk);
    cts_check_served(s.server, recv, first);
    recv = cts_start_recv(s.server, s.link.server);

    check_next_request_is_new(&s, recv);
}

enum { CALL_WHILE_SET, EX_AFTER_CLEAR, EX_WITH_ANOTHER, EX_WITHOUT };

static struct cts_op *call_again(const struct cts_case *self, const struct scene *s, Handle another)
{
    rtl_uint32_t mdelay = cts_mdelay(self);
    switch (self->variant) {
    case CALL_WHILE_SET:
        return cts_start_call(s->client, s->link.client, CTS_PLAIN);
    case EX_AFTER_CLEAR:
        cts_clear(s->link.client_process, s->sync);
        return cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, mdelay, s->sync);
    case EX_WITH_ANOTHER:
        return cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, mdelay, another);
    default:
        return cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, mdelay, INVALID_HANDLE);
    }
}

/* CALL-11: after an interruption the same thread can call on the same channel and succeed. */
static void interrupted_thread_calls_again(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle another = cts_sync_new(s.link.client_process);
    interrupt_one(self, &s, s.client);

    struct cts_op *again = call_again(self, &s, another);

    cts_check_blocked(again);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, again);
}

/* CALL-11: also when the server already waits for it. */
static void interrupted_thread_calls_a_waiting_server(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle another = cts_sync_new(s.link.client_process);
    interrupt_one(self, &s, s.client);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(recv);

    struct cts_op *again = call_again(self, &s, another);

    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, again);
}

/* CALL-11: and it stays so, however often it happens. */
static void interruptions_and_exchanges_alternate(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int i = 0; i < ROUNDS; i++) {
        interrupt_one(self, &s, s.client);
        cts_clear(s.link.client_process, s.sync);

        struct cts_op *again =
            cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);

        struct cts_op *recv = cts_start_recv(s.server, s.link.server);
        cts_check_returned(recv, rcOk);
        cts_check_served(s.server, recv, again);
    }
}

/* CALL-11: however often that was. How long an interruption takes is not written anywhere: a library that
 * is slow gets fewer of them. */
static void interrupted_many_times(const struct cts_case *self)
{
    enum { MANY = 70 };
    struct scene s = scene_open(self);
    rtl_uint64_t spent_ns = 0;
    for (int i = 0; i < MANY; i++) {
        if (spent_ns > ENOUGH_NS) {
            cts_observe("seventy interruptions", "slow: fewer than planned");
            break;
        }
        struct cts_op *call =
            cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
        cts_check_blocked(call);
        cts_set(s.link.client_process, s.sync);
        cts_check_returned(call, rcIpcInterrupt);
        cts_clear(s.link.client_process, s.sync);
        spent_ns += cts_elapsed_ns(call);
    }

    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

static const struct cts_case cases[] = {
    {"CALL-03.1", "an interrupted request is not received by Recv",
     interrupted_request_is_not_received, CTS_ONE_PROCESS, CTS_UNLIMITED, WITH_RECV, CTS_SMOKE},
    {"CALL-03.2", "an interrupted request is not received by RecvEx",
     interrupted_request_is_not_received, CTS_ONE_PROCESS, CTS_LIMITED, WITH_RECV_EX, 0},
    {"CALL-03.3", "an interrupted request is not received on the listener",
     interrupted_request_is_not_received, CTS_ONE_PROCESS, CTS_UNLIMITED, ON_LISTENER, 0},
    {"CALL-03.4", "an interrupted request is not received, two processes",
     interrupted_request_is_not_received, CTS_TWO_PROCESSES, CTS_UNLIMITED, WITH_RECV, 0},
    {"CALL-03.5", "an interrupted request is not received, limit, two processes",
     interrupted_request_is_not_received, CTS_TWO_PROCESSES, CTS_LIMITED, WITH_RECV_EX, CTS_SMOKE},
    {"CALL-03.6", "a request refused on entry is not received", refused_request_is_not_received,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_SMOKE},
    {"CALL-03.7", "a request refused on entry is not received, limit, two processes",
     refused_request_is_not_received, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-03.12", "a request refused on entry is not received, limit",
     refused_request_is_not_received, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"CALL-03.8", "a request interrupted behind a busy server is not received",
     request_behind_a_busy_server_is_not_received, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-03.9", "none of three interrupted requests is received",
     none_of_several_requests_is_received, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-03.10", "none of three interrupted requests is received, limit, two processes",
     none_of_several_requests_is_received, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-03.13", "none of three interrupted requests is received, limit",
     none_of_several_requests_is_received, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"CALL-03.30", "none of three interrupted requests with a handle is received",
     none_of_several_requests_is_received, CTS_ONE_PROCESS, CTS_UNLIMITED, CARRYING, 0},
    {"CALL-03.31", "none of three interrupted requests with a handle is received, limit",
     none_of_several_requests_is_received, CTS_ONE_PROCESS, CTS_LIMITED, CARRYING, 0},
    {"CALL-03.32", "none of three interrupted requests with a handle is received, two processes",
     none_of_several_requests_is_received, CTS_TWO_PROCESSES, CTS_LIMITED, CARRYING, 0},
    {"CALL-03.33", "an interrupted request behind another is not received",
     request_behind_another_is_not_received, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-03.34", "an interrupted request with a handle behind another is not received, limit",
     request_behind_another_is_not_received, CTS_ONE_PROCESS, CTS_LIMITED, CARRYING, 0},
    {"CALL-03.35", "an interrupted request with a handle behind another, two processes",
     request_behind_another_is_not_received, CTS_TWO_PROCESSES, CTS_LIMITED, CARRYING, 0},
    {"CALL-11.1", "after an interruption Call succeeds while set", interrupted_thread_calls_again,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALL_WHILE_SET, 0},
    {"CALL-11.2", "after an interruption and Clear CallEx succeeds", interrupted_thread_calls_again,
     CTS_ONE_PROCESS, CTS_UNLIMITED, EX_AFTER_CLEAR, CTS_SMOKE},
    {"CALL-11.3", "after an interruption CallEx with another object succeeds",
     interrupted_thread_calls_again, CTS_ONE_PROCESS, CTS_LIMITED, EX_WITH_ANOTHER, 0},
    {"CALL-11.4", "after an interruption CallEx without object succeeds",
     interrupted_thread_calls_again, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_WITHOUT, 0},
    {"CALL-11.5", "after an interruption and Clear CallEx succeeds, two processes",
     interrupted_thread_calls_again, CTS_TWO_PROCESSES, CTS_LIMITED, EX_AFTER_CLEAR, 0},
    {"CALL-11.12", "after an interruption and Clear CallEx succeeds, limit",
     interrupted_thread_calls_again, CTS_ONE_PROCESS, CTS_LIMITED, EX_AFTER_CLEAR, 0},
    {"CALL-11.6", "after an interruption Call reaches a waiting server",
     interrupted_thread_calls_a_waiting_server, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL_WHILE_SET, 0},
    {"CALL-11.7", "after an interruption and Clear CallEx reaches a waiting server",
     interrupted_thread_calls_a_waiting_server, CTS_ONE_PROCESS, CTS_LIMITED, EX_AFTER_CLEAR, 0},
    {"CALL-11.8", "after an interruption CallEx reaches a waiting server, two processes",
     interrupted_thread_calls_a_waiting_server, CTS_TWO_PROCESSES, CTS_UNLIMITED, EX_AFTER_CLEAR,
     0},
    {"CALL-11.13", "after an interruption CallEx reaches a waiting server, no limit",
     interrupted_thread_calls_a_waiting_server, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_AFTER_CLEAR, 0},
    {"CALL-11.9", "interruptions and exchanges alternate", interruptions_and_exchanges_alternate,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_SMOKE},
    {"CALL-11.10", "interruptions and exchanges alternate, limit, two processes",
     interruptions_and_exchanges_alternate, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-11.14", "interruptions and exchanges alternate, limit",
     interruptions_and_exchanges_alternate, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"CALL-11.11", "after seventy interruptions Call succeeds", interrupted_many_times,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
};
CTS_GROUP(cts_group_call_withdraw, cases);
