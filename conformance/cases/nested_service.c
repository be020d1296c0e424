/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server thread that owes a response makes a CallEx of its own, at a backend, or changes objects. That it may call
 * is not written anywhere: where it may not, the cases are SKIP.
 */
#include <cts/cts.h>

/* variant: the object of the nested call. */
enum { OF_ITS_OWN, OF_THE_RECEIVE, OF_THE_CALLER };
enum { SHORT_MS = 20, BEYOND_MS = 50 };
/* Limits that are not to pass before the nested call waits: on a busy machine the next one is tried. */
static const rtl_uint32_t limits_ms[] = {150, 500, 1500};
enum { LIMITS = sizeof limits_ms / sizeof limits_ms[0] };

struct scene {
    struct cts_link link;  /* of the caller and the server */
    struct cts_link inner; /* of the server, which calls, and the backend */
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_actor *second; /* another thread of the server's process */
    struct cts_actor *backend;
    Handle of_receive; /* objects, of the server's process ... */
    Handle of_caller;  /* ... and of the caller's */
    struct cts_op *recv;
    struct cts_op *call;
    struct cts_op *nested;
};

static struct scene scene_between(struct cts_process *server_process,
                                  struct cts_process *client_process,
                                  struct cts_process *backend_process)
{
    struct scene s = {.link = cts_link_between(server_process, client_process)};
    s.inner = cts_link_between(backend_process, server_process);
    s.client = cts_actor_new(client_process, "client");
    s.server = cts_actor_new(server_process, "server");
    s.second = cts_actor_new(server_process, "second server");
    s.backend = cts_actor_new(backend_process, "backend");
    s.of_receive = cts_sync_new(server_process);
    s.of_caller = cts_sync_new(client_process);
    return s;
}

/* The backend is in the process of the caller. */
static struct scene scene_open(const struct cts_case *self)
{
    struct cts_process *first = cts_process_first();
    struct cts_process *client = self->layout == CTS_ONE_PROCESS ? first : cts_process_new();
    return scene_between(first, client, client);
}

/* The server takes the request of the client. */
static void take(struct scene *s, rtl_uint32_t recv_limit, rtl_uint32_t call_limit)
{
    s->recv = cts_start_recv_ex(s->server, s->link.server, recv_limit, s->of_receive);
    cts_require_blocked(s->recv);
    s->call = cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, call_limit, s->of_caller);
    cts_require_returned(s->recv, rcOk);
}

/* Tried first with calls that nothing disturbs. The scene is as before afterwards. */
static void skip_without_nested_calls(struct scene *s)
{
    take(s, INFINITE_TIMEOUT, INFINITE_TIMEOUT);
    cts_may_lack_room(s->call);
    struct cts_op *trial =
        cts_start_call_ex(s->server, s->inner.client, CTS_PLAIN, SHORT_MS, INVALID_HANDLE);
    cts_may_lack_room(trial);
    if (cts_wait(trial) == rcTimeout) {
        struct cts_op *reply = cts_start_reply(s->server, s->recv, CTS_PLAIN);
        cts_may_lack_room(reply);
        if (cts_wait(reply) == rcOk && cts_wait(s->call) == rcOk) {
            return;
        }
    }
    cts_skip("a thread that owes a response makes no call");
}

/* And calls the backend, where nobody receives. */
static void nest(struct scene *s, rtl_uint32_t mdelay, Handle sync)
{
    s->nested = cts_start_call_ex(s->server, s->inner.client, CTS_PLAIN, mdelay, sync);
}

static void check_backend_serves_the_next(struct scene *s)
{
    cts_check_exchange(s->second, s->inner.client, s->backend, s->inner.server);
}

/* CALL-01: the nested call is interrupted while it is queued. CALL-02, RECV-02: the outer one, which may have the same
 * object, is not, and is answered. */
static void nested_call_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle sync = self->variant == OF_THE_RECEIVE  ? s.of_receive
                  : self->variant == OF_THE_CALLER ? s.of_caller
                                                   : cts_sync_new(s.link.server_process);
    skip_without_nested_calls(&s);
    for (int round = 0; round < 2; round++) {
        take(&s, cts_mdelay(self), cts_mdelay(self));
        nest(&s, cts_mdelay(self), sync);
        cts_check_blocked(s.nested);

        cts_set(s.link.server_process, sync);

        cts_check_returned(s.nested, rcIpcInterrupt);
        cts_check_blocked(s.call);
        cts_check_served(s.server, s.recv, s.call);
        cts_clear(s.link.server_process, sync);
    }
    check_backend_serves_the_next(&s);
}

/* TIME-01: the limit of the nested call ends it, though the outer call has none. */
static void limit_ends_the_nested_call(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    skip_without_nested_calls(&s);
    take(&s, INFINITE_TIMEOUT, INFINITE_TIMEOUT);
    nest(&s, SHORT_MS, self->limit == CTS_LIMITED ? s.of_receive : INVALID_HANDLE);

    cts_check_returned(s.nested, rcTimeout);

    cts_check_served(s.server, s.recv, s.call);
    check_backend_serves_the_next(&s);
}

/* The outer call and the receive have a limit, and the nested call, which has none, begins before that passes: then it is
 * returned. */
static rtl_uint32_t nest_within_a_limit(struct scene *s, Handle sync)
{
    for (int i = 0; i < LIMITS; i++) {
        s->recv = cts_start_recv_ex(s->server, s->link.server, limits_ms[i], s->of_receive);
        s->call =
            cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, limits_ms[i], s->of_caller);
        if (cts_wait(s->recv) != rcTimeout) {
            cts_require_returned(s->recv, rcOk);
            nest(s, INFINITE_TIMEOUT, sync);
            cts_require_blocked(s->nested);
            if (!cts_returned(s->call)) {
                return limits_ms[i];
            }
            cts_set(s->link.server_process, sync);
            cts_require_returned(s->nested, rcIpcInterrupt);
            cts_clear(s->link.server_process, sync);
            (void)cts_wait(cts_start_reply(s->server, s->recv, CTS_PLAIN));
        }
        cts_require_returned(s->call, rcTimeout);
    }
    cts_skip("the limit passed before the nested call");
}

/* TIME-03: the nested call has no limit, and outlives those of the outer call and of the receive. */
static void nested_call_has_no_limit(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle sync = cts_sync_new(s.link.server_process);
    skip_without_nested_calls(&s);
    rtl_uint32_t limit = nest_within_a_limit(&s, sync);
    (void)cts_wait(s.call);

    cts_require_returned(cts_start_sleep(s.second, limit + BEYOND_MS), rcOk);

    cts_check_blocked(s.nested);
    cts_set(s.link.server_process, sync);
    cts_check_returned(s.nested, rcIpcInterrupt);
    (void)cts_wait(cts_start_reply(s.server, s.recv, CTS_PLAIN));
    check_backend_serves_the_next(&s);
}

/* STATE-08, RACE-03: the server itself sets the object of the caller, or of its receive, before it answers. A second
 * receiver that waits with it is interrupted, and so is whoever comes later. */
static void server_sets_the_object(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle sync = self->variant == OF_THE_CALLER ? s.of_caller : s.of_receive;
    take(&s, cts_mdelay(self), cts_mdelay(self));
    struct cts_op *wait = cts_start_recv_ex(s.second, s.link.server, cts_mdelay(self), sync);
    cts_check_blocked(wait);

    cts_check_returned(cts_start_set(s.server, sync), rcOk);

    cts_check_returned(wait, rcIpcInterrupt);
    wait = cts_start_recv_ex(s.second, s.link.server, cts_mdelay(self), sync);
    cts_check_returned(wait, rcIpcInterrupt);
    cts_check_blocked(s.call);
    cts_check_served(s.server, s.recv, s.call);
    cts_clear(s.link.server_process, sync);
    cts_check_exchange(s.client, s.link.client, s.second, s.link.server);
}

/* LIFE-02: the server's process ends while the thread that owes the response waits in a nested call. */
static void server_ends_inside_a_nested_call(const struct cts_case *self)
{
    struct cts_process *first = cts_process_first();
    struct cts_process *ended = cts_process_new();
    struct cts_process *third = cts_process_new();
    struct scene s = scene_between(ended, first, third);
    skip_without_nested_calls(&s);
    take(&s, cts_mdelay(self), cts_mdelay(self));
    nest(&s, cts_mdelay(self), self->variant == OF_THE_RECEIVE ? s.of_receive : INVALID_HANDLE);
    cts_require_blocked(s.nested);
    if (self->variant == OF_ITS_OWN) {
        struct cts_op *taken = cts_start_recv(s.backend, s.inner.server);
        cts_require_returned(taken, rcOk);
    }

    cts_process_kill(ended);

    cts_check_error(s.call);
    struct cts_link link = cts_link_between(third, first);
    cts_check_exchange(s.client, link.client, cts_actor_new(third, "other server"), link.server);
}

/* LIFE-04: the caller's process ends; the nested call that its server makes meanwhile goes on, and is answered. */
static void caller_ends_during_a_nested_call(const struct cts_case *self)
{
    struct cts_process *first = cts_process_first();
    struct cts_process *ended = cts_process_new();
    struct cts_process *third = cts_process_new();
    struct scene s = scene_between(first, ended, third);
    skip_without_nested_calls(&s);
    take(&s, cts_mdelay(self), cts_mdelay(self));
    nest(&s, cts_mdelay(self), self->variant == OF_THE_RECEIVE ? s.of_receive : INVALID_HANDLE);
    cts_check_blocked(s.nested);

    cts_process_kill(ended);

    cts_check_blocked(s.nested);
    struct cts_op *taken = cts_start_recv(s.backend, s.inner.server);
    cts_check_returned(taken, rcOk);
    cts_check_served(s.backend, taken, s.nested);
    (void)cts_wait(cts_start_reply(s.server, s.recv, CTS_PLAIN));
    check_backend_serves_the_next(&s);
}

static const struct cts_case cases[] = {
    {"CALL-01.130", "a CallEx of a thread that owes a response is interrupted",
     nested_call_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, OF_ITS_OWN, 0},
    {"CALL-01.131", "a CallEx back into the process that is served is interrupted",
     nested_call_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, OF_ITS_OWN, 0},
    {"CALL-01.132",
     "a CallEx of a thread that owes a response is interrupted, object of its caller",
     nested_call_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, OF_THE_CALLER, 0},
    {"CALL-02.120", "a taken CallEx outlives the interruption of a nested one with its object",
     nested_call_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, OF_THE_CALLER, 0},
    {"CALL-02.121", "a taken CallEx outlives the interruption of a nested one, two processes",
     nested_call_is_interrupted, CTS_TWO_PROCESSES, CTS_UNLIMITED, OF_THE_RECEIVE, 0},
    {"RECV-02.120", "a Reply after an interrupted nested CallEx ends well",
     nested_call_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, OF_THE_RECEIVE, 0},
    {"RECV-02.121", "a Reply after an interrupted nested CallEx ends well, limit, two processes",
     nested_call_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, OF_THE_RECEIVE, 0},
    {"TIME-01.130", "the limit of a nested CallEx ends it, the outer call has none",
     limit_ends_the_nested_call, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_WAITS},
    {"TIME-01.131", "the limit of a nested CallEx with an object ends it, two processes",
     limit_ends_the_nested_call, CTS_TWO_PROCESSES, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-03.110", "a nested CallEx without limit outlives those of the outer calls",
     nested_call_has_no_limit, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_WAITS},
    {"TIME-03.111",
     "a nested CallEx without limit outlives those of the outer calls, two processes",
     nested_call_has_no_limit, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, CTS_WAITS},
    {"STATE-08.130", "a server sets the object of its caller", server_sets_the_object,
     CTS_ONE_PROCESS, CTS_UNLIMITED, OF_THE_CALLER, 0},
    {"STATE-08.131", "a server sets the object of its caller, limit", server_sets_the_object,
     CTS_ONE_PROCESS, CTS_LIMITED, OF_THE_CALLER, 0},
    {"RACE-03.80", "a server in service sets the object with which a second one receives",
     server_sets_the_object, CTS_ONE_PROCESS, CTS_UNLIMITED, OF_THE_RECEIVE, 0},
    {"RACE-03.81", "a server in service sets the object of a second receiver, two processes",
     server_sets_the_object, CTS_TWO_PROCESSES, CTS_LIMITED, OF_THE_RECEIVE, 0},
    {"LIFE-02.30", "the server is killed inside a nested call that is queued",
     server_ends_inside_a_nested_call, CTS_TWO_PROCESSES, CTS_UNLIMITED, OF_THE_RECEIVE, 0},
    {"LIFE-02.31", "the server is killed inside a nested call that is taken",
     server_ends_inside_a_nested_call, CTS_TWO_PROCESSES, CTS_LIMITED, OF_ITS_OWN, 0},
    {"LIFE-04.30", "the nested call goes on when the caller is killed",
     caller_ends_during_a_nested_call, CTS_TWO_PROCESSES, CTS_UNLIMITED, OF_THE_RECEIVE, 0},
    {"LIFE-04.31", "the nested call without object goes on when the caller is killed, limit",
     caller_ends_during_a_nested_call, CTS_TWO_PROCESSES, CTS_LIMITED, OF_ITS_OWN, 0},
};
CTS_GROUP(cts_group_nested_service, cases);
