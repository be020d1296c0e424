/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RACE-04: no ghosts. Clients whose calls are interrupted, time out or are served, and servers that
 * receive and reply, all at once. The harness checks that nothing is received twice or too late and
 * that every response reaches its own call; the cases check who may return what.
 *
 * Why it ends: together the servers receive as often as there are requests, and a receive takes one
 * at most, so while a request is queued some server comes to it. When all calls have returned, the
 * object of the servers releases those that still wait.
 */
#include <cts/cts.h>

/* variant: what may end a call besides a Reply. */
enum { INTERRUPTED = 1, TIMED_OUT = 2, PLAIN_TOO = 4, ONE_SERVER = 8 };
enum { CLIENTS = 4, CALLS = 8, SERVERS_MAX = 2, PULSES = 8, DELAYS = 8 };
enum { REQUESTS = CLIENTS * CALLS };

static const char *const client_names[CLIENTS] = {"client 1", "client 2", "client 3", "client 4"};
static const char *const server_names[SERVERS_MAX] = {"server 1", "server 2"};

struct scene {
    struct cts_link link;
    struct cts_link pause; /* no requests come here */
    struct cts_actor *clients[CLIENTS];
    struct cts_actor *servers[SERVERS_MAX];
    struct cts_actor *setter;
    Handle sync; /* of the clients */
    Handle stop; /* of the servers */
    int server_count;
    struct cts_op *calls[CLIENTS][CALLS];
    bool limited[CLIENTS][CALLS];
    bool has_object[CLIENTS][CALLS];
    struct cts_op *recvs[REQUESTS];
    struct cts_op *replies[REQUESTS];
};

/* The pauses of a server are receives elsewhere while it holds a request. That these leave the request
 * alone is not written anywhere, so it is tried with a call that nothing disturbs. */
static void skip_without_pauses(const struct scene *s)
{
    struct cts_op *call = cts_start_call(s->clients[0], s->link.client, CTS_PLAIN);
    struct cts_op *recv = cts_start_recv(s->servers[0], s->link.server);
    cts_require_returned(recv, rcOk);
    cts_may_lack_room(call); /* where the receive makes the library give the request up */
    struct cts_op *pause = cts_start_recv_ex(s->servers[0], s->pause.server, 1, INVALID_HANDLE);
    cts_may_lack_room(pause);
    if (cts_wait(pause) == rcTimeout) {
        struct cts_op *reply = cts_start_reply(s->servers[0], recv, CTS_PLAIN);
        cts_may_lack_room(reply);
        if (cts_wait(reply) == rcOk && cts_wait(call) == rcOk) {
            return;
        }
    }
    cts_skip("a thread that holds a request cannot receive elsewhere");
}

static void scene_open(const struct cts_case *self, struct scene *s)
{
    s->link = cts_link_open(self->layout);
    s->pause = cts_link_between(s->link.server_process, s->link.server_process);
    for (int i = 0; i < CLIENTS; i++) {
        s->clients[i] = cts_actor_new(s->link.client_process, client_names[i]);
    }
    s->server_count = self->variant & ONE_SERVER ? 1 : SERVERS_MAX;
    for (int i = 0; i < s->server_count; i++) {
        s->servers[i] = cts_actor_new(s->link.server_process, server_names[i]);
    }
    s->setter = cts_actor_new(s->link.client_process, "setter");
    s->sync = cts_sync_new(s->link.client_process);
    s->stop = cts_sync_new(s->link.server_process);
    if (self->variant & TIMED_OUT) {
        skip_without_pauses(s);
        const char *why = s->server_count > 1
                              ? cts_why_requests_of_a_thread_mix(&s->link, s->clients[0],
                                                                 s->servers[0], s->servers[1])
                              : NULL;
        if (why != NULL) {
            cts_observe("one server instead of two", why);
            s->server_count = 1;
        }
    }
}

static void queue_client(const struct cts_case *self, struct scene *s, int client)
{
    struct cts_actor *actor = s->clients[client];
    cts_program_begin(actor);
    for (int k = 0; k < CALLS; k++) {
        bool plain = (self->variant & PLAIN_TOO) != 0 && cts_random(3) == 0;
        bool limited = !plain && (self->variant & TIMED_OUT) != 0 && cts_random(3) != 0;
        bool object = !plain && (self->variant & INTERRUPTED) != 0 && cts_random(3) != 0;
        s->limited[client][k] = limited;
        s->has_object[client][k] = object;
        s->calls[client][k] =
            plain ? cts_start_call(actor, s->link.client, CTS_PLAIN)
                  : cts_start_call_ex(actor, s->link.client, CTS_PLAIN,
                                      limited ? 1 + cts_random(2) : cts_mdelay(self),
                                      object ? s->sync : INVALID_HANDLE);
    }
}

/* Each server receives its part of as many times as there are requests. Pauses between Recv and
 * Reply, waits for nobody with a limit, let the limits of calls pass in service and in the queue. */
static void queue_servers(const struct cts_case *self, struct scene *s)
{
    int each = REQUESTS / s->server_count;
    for (int i = 0; i < s->server_count; i++) {
        cts_program_begin(s->servers[i]);
        for (int k = i * each; k < (i + 1) * each; k++) {
            s->recvs[k] =
                cts_start_recv_ex(s->servers[i], s->link.server, INFINITE_TIMEOUT, s->stop);
            if ((self->variant & TIMED_OUT) != 0 && cts_random(4) == 0) {
                (void)cts_start_recv_ex(s->servers[i], s->pause.server, 3, INVALID_HANDLE);
            }
            s->replies[k] = cts_start_reply(s->servers[i], s->recvs[k], CTS_PLAIN);
        }
    }
}

static struct cts_op *queue_setter(const struct cts_case *self, const struct scene *s)
{
    cts_program_begin(s->setter);
    for (int i = 0; i < PULSES; i++) {
        (void)cts_start_churn(s->setter, cts_random(DELAYS));
        if (self->variant & INTERRUPTED) {
            (void)cts_start_set(s->setter, s->sync);
            (void)cts_start_churn(s->setter, cts_random(DELAYS) / 2);
        }
        (void)cts_start_clear(s->setter, s->sync);
    }
    return cts_start_clear(s->setter, s->sync);
}

static Retcode code_of_request(const struct scene *s, rtl_uint64_t request)
{
    for (int i = 0; i < CLIENTS; i++) {
        for (int k = 0; k < CALLS; k++) {
            if (cts_request(s->calls[i][k]) == request) {
                return cts_rc(s->calls[i][k]);
            }
        }
    }
    return rcFail;
}

/* Who is received is answered, and who was answered in time has it. */
static void check_servers(const struct scene *s)
{
    for (int k = 0; k < REQUESTS; k++) {
        cts_check_returned_one_of(s->recvs[k], rcOk, rcIpcInterrupt);
        Retcode replied = cts_wait(s->replies[k]);
        if (cts_rc(s->recvs[k]) == rcOk) {
            Retcode called = code_of_request(s, cts_request(s->recvs[k]));
            cts_check_that(called == rcOk || called == rcTimeout,
                           "a call whose request was received is answered or times out");
            cts_check_that(called != rcOk || replied == rcOk,
                           "the Reply to a call that got it is rcOk");
        }
    }
}

/* RACE-04: everything at once, then order returns. */
static void no_ghosts(const struct cts_case *self)
{
    static struct scene s;
    scene_open(self, &s);
    for (int i = 0; i < CLIENTS; i++) {
        queue_client(self, &s, i);
    }
    queue_servers(self, &s);
    struct cts_op *last = queue_setter(self, &s);
    cts_program_run();

    for (int i = 0; i < CLIENTS; i++) {
        for (int k = 0; k < CALLS; k++) {
            Retcode rc = cts_wait(s.calls[i][k]);
            cts_check_that(rc == rcOk || (rc == rcIpcInterrupt && s.has_object[i][k]) ||
                               (rc == rcTimeout && s.limited[i][k]),
                           "a call is served, interrupted through its object, or times out");
        }
    }
    cts_set(s.link.server_process, s.stop);
    check_servers(&s);
    cts_check_returned(last, rcOk);
    cts_check_exchange(s.clients[0], s.link.client, s.servers[0], s.link.server);
}

static const struct cts_case cases[] = {
    {"RACE-04.1", "calls that are interrupted, two servers, free running", no_ghosts,
     CTS_ONE_PROCESS, CTS_UNLIMITED, INTERRUPTED, CTS_FREE_RUNNING | CTS_SMOKE},
    {"RACE-04.2", "calls that time out, two servers, free running", no_ghosts, CTS_ONE_PROCESS,
     CTS_UNLIMITED, TIMED_OUT, CTS_FREE_RUNNING},
    {"RACE-04.3", "calls that time out or are interrupted, one server, free running", no_ghosts,
     CTS_ONE_PROCESS, CTS_UNLIMITED, INTERRUPTED | TIMED_OUT | ONE_SERVER, CTS_FREE_RUNNING},
    {"RACE-04.4", "calls that time out, are interrupted or plain, one CPU", no_ghosts,
     CTS_ONE_PROCESS, CTS_LIMITED, INTERRUPTED | TIMED_OUT | PLAIN_TOO, 0},
    {"RACE-04.5", "calls that are interrupted or plain, two processes", no_ghosts,
     CTS_TWO_PROCESSES, CTS_LIMITED, INTERRUPTED | PLAIN_TOO, CTS_FREE_RUNNING},
    {"RACE-04.6", "calls that time out, are interrupted or plain, two processes", no_ghosts,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, INTERRUPTED | TIMED_OUT | PLAIN_TOO, CTS_FREE_RUNNING},
};
CTS_GROUP(cts_group_race_ghosts, cases);
