/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LIFE-02: the server's process ends, killed or in order, while a CallEx is queued or taken. The
 * call returns an error; which one is not claimed. Callers of another server see nothing of it.
 */
#include <cts/cts.h>

/* variant: how the process ends, and how the calls are made. */
enum { KILL = 0, EXIT = 1, NO_OBJECT = 2, OBJECT_IS_SET = 4, SERVER_WAITS = 8, BY_LISTENER = 16 };
enum { CLIENTS = 3, SERVERS = 3, TRIAL_MS = 100 };

static const char *const names[CLIENTS] = {"client 1", "client 2", "client 3"};

struct scene {
    struct cts_process *client_process;
    struct cts_process *ended;  /* the server's, which ends */
    struct cts_process *stays;  /* another server's */
    struct cts_link link;       /* to the one that ends */
    struct cts_link other_link; /* to the one that stays */
    struct cts_actor *clients[CLIENTS];
    struct cts_actor *server;
    Handle sync; /* of the clients, or INVALID_HANDLE */
};

/* The clients are in the first process, or all three parties in processes of their own. */
static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.client_process = cts_process_first()};
    s.ended = cts_process_new();
    s.stays = s.client_process;
    if (self->limit == CTS_LIMITED) {
        s.client_process = cts_process_new();
    }
    s.link = cts_link_between(s.ended, s.client_process);
    s.other_link = cts_link_between(s.stays, s.client_process);
    for (int i = 0; i < CLIENTS; i++) {
        s.clients[i] = cts_actor_new(s.client_process, names[i]);
    }
    s.server = cts_actor_new(s.ended, "server");
    s.sync = self->variant & NO_OBJECT ? INVALID_HANDLE : cts_sync_new(s.client_process);
    return s;
}

static struct cts_op *start_call(const struct cts_case *self, const struct scene *s, int client)
{
    return cts_start_call_ex(s->clients[client], s->link.client, CTS_PLAIN, cts_mdelay(self),
                             s->sync);
}

static void end_server(const struct cts_case *self, const struct scene *s)
{
    if (self->variant & EXIT) {
        cts_process_exit(s->ended);
    } else {
        cts_process_kill(s->ended);
    }
}

/* The client's process goes on: its threads are served by another process. */
static void check_clients_go_on(const struct scene *s)
{
    struct cts_actor *server = cts_actor_new(s->stays, "other server");
    for (int i = 0; i < CLIENTS; i++) {
        cts_check_exchange(s->clients[i], s->other_link.client, server, s->other_link.server);
    }
}

/* LIFE-02: the calls are queued; no thread of the server has received anything. */
static void ends_while_queued(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *calls[CLIENTS] = {NULL};
    for (int i = 0; i < CLIENTS; i++) {
        calls[i] = start_call(self, &s, i);
        cts_require_blocked(calls[i]);
    }

    end_server(self, &s);

    for (int i = 0; i < CLIENTS; i++) {
        cts_check_error(calls[i]);
    }
    check_clients_go_on(&s);
}

/* LIFE-02: one call is taken, on the server handle or on the listener. Its object may be set meanwhile, which is too late
 * for it; another thread of the server may wait for the next request. */
static void ends_while_taken(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle received_on = self->variant & BY_LISTENER ? s.link.listener : s.link.server;
    struct cts_op *recv = cts_start_recv(s.server, received_on);
    cts_require_blocked(recv);
    struct cts_op *call = start_call(self, &s, 0);
    cts_require_returned(recv, rcOk);
    if (self->variant & SERVER_WAITS) {
        cts_require_blocked(cts_start_recv(cts_actor_new(s.ended, "waiting server"), received_on));
    }
    if (self->variant & OBJECT_IS_SET) {
        cts_set(s.client_process, s.sync);
    }
    cts_require_blocked(call);

    end_server(self, &s);

    cts_check_error(call);
    check_clients_go_on(&s);
}

/* LIFE-02: one call is taken and two are queued behind it; a call to another server is taken as
 * well and is answered afterwards. */
static void ends_while_taken_and_queued(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *bystander = cts_actor_new(s.client_process, "bystander");
    struct cts_actor *other_server = cts_actor_new(s.stays, "busy server");
    struct cts_op *other_recv = cts_start_recv(other_server, s.other_link.server);
    struct cts_op *other_call =
        cts_start_call_ex(bystander, s.other_link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_returned(other_recv, rcOk);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(recv);
    struct cts_op *calls[CLIENTS] = {NULL};
    for (int i = 0; i < CLIENTS; i++) {
        calls[i] = start_call(self, &s, i);
        cts_require_blocked(calls[i]);
    }
    cts_require_returned(recv, rcOk);

    end_server(self, &s);

    for (int i = 0; i < CLIENTS; i++) {
        cts_check_error(calls[i]);
    }
    cts_check_blocked(other_call);
    cts_check_served(other_server, other_recv, other_call);
    check_clients_go_on(&s);
}

/* LIFE-02: the server had answered before; two servers hold one request each, on two channels, when
 * their process ends. */
static void ends_after_service_on_two_channels(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link second_link = cts_link_between(s.ended, s.client_process);
    struct cts_actor *second = cts_actor_new(s.ended, "second server");
    cts_check_exchange(s.clients[0], s.link.client, s.server, s.link.server);
    cts_check_exchange(s.clients[1], second_link.client, second, second_link.server);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    struct cts_op *second_recv = cts_start_recv(second, second_link.server);
    struct cts_op *call = start_call(self, &s, 0);
    struct cts_op *second_call =
        cts_start_call_ex(s.clients[1], second_link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_returned(recv, rcOk);
    cts_require_returned(second_recv, rcOk);
    struct cts_op *queued =
        cts_start_call_ex(s.clients[2], second_link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_blocked(queued);

    end_server(self, &s);

    cts_check_error(call);
    cts_check_error(second_call);
    cts_check_error(queued);
    check_clients_go_on(&s);
}

/* LIFE-02: the server has been given a request, and its Recv has not returned yet. Where a process cannot be killed with
 * a frozen thread in it, it ends as the request is on its way, or has come. */
static void ends_while_receiving(const struct cts_case *self)
{
    bool held = cts_processes_are_real();
    struct scene s = scene_open(self);
    struct cts_op *recv =
        self->variant & NO_OBJECT
            ? cts_start_recv(s.server, s.link.server)
            : cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), cts_sync_new(s.ended));
    cts_require_blocked(recv);
    if (held) {
        cts_freeze(s.server);
    }
    struct cts_op *call = start_call(self, &s, 0);
    if (held) {
        cts_settle();
    }

    cts_process_kill(s.ended);

    cts_check_error(call);
    check_clients_go_on(&s);
}

/* LIFE-02: one thread of the server holds several requests. */
static void ends_while_one_thread_holds_all(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *calls[CLIENTS] = {NULL};
    for (int i = 0; i < CLIENTS; i++) {
        calls[i] = start_call(self, &s, i);
        cts_may_lack_room(calls[i]); /* a second receive of the thread may end the first call */
        cts_require_blocked(calls[i]);
    }
    cts_require_returned(cts_start_recv(s.server, s.link.server), rcOk);
    for (int i = 1; i < CLIENTS; i++) {
        struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, TRIAL_MS, INVALID_HANDLE);
        cts_may_lack_room(recv);
        if (cts_wait(recv) != rcOk) {
            cts_skip("a thread cannot hold several requests");
        }
    }

    end_server(self, &s);

    for (int i = 0; i < CLIENTS; i++) {
        cts_check_error(calls[i]);
    }
    check_clients_go_on(&s);
}

/* LIFE-02: one server process after the other ends, each with a call that is taken and one that is queued. The others
 * see nothing of it. */
static void one_ends_after_the_other(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_process *ended[SERVERS] = {s.ended};
    struct cts_link links[SERVERS] = {s.link};
    struct cts_op *taken[SERVERS];
    struct cts_op *queued[SERVERS];
    for (int i = 0; i < SERVERS; i++) {
        if (i > 0) {
            ended[i] = cts_process_new();
            links[i] = cts_link_between(ended[i], s.client_process);
        }
        struct cts_op *recv = cts_start_recv(cts_actor_new(ended[i], "server"), links[i].server);
        cts_require_blocked(recv);
        taken[i] = cts_start_call_ex(cts_actor_new(s.client_process, "client"), links[i].client,
                                     CTS_PLAIN, cts_mdelay(self), s.sync);
        cts_require_returned(recv, rcOk);
        queued[i] = cts_start_call_ex(cts_actor_new(s.client_process, "client"), links[i].client,
                                      CTS_PLAIN, cts_mdelay(self), s.sync);
        cts_require_blocked(queued[i]);
    }

    for (int i = 0; i < SERVERS; i++) {
        s.ended = ended[i];
        end_server(self, &s);
        cts_check_error(taken[i]);
        cts_check_error(queued[i]);
        for (int k = i + 1; k < SERVERS; k++) {
            cts_check_blocked(taken[k]);
            cts_check_blocked(queued[k]);
        }
    }
    check_clients_go_on(&s);
}

static const struct cts_case cases[] = {
    {"LIFE-02.1", "the server is killed while calls are queued", ends_while_queued,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, KILL, CTS_SMOKE},
    {"LIFE-02.2", "the server exits while calls are queued", ends_while_queued, CTS_TWO_PROCESSES,
     CTS_UNLIMITED, EXIT, 0},
    {"LIFE-02.3", "the server is killed while limited calls without object are queued",
     ends_while_queued, CTS_TWO_PROCESSES, CTS_LIMITED, KILL | NO_OBJECT, 0},
    {"LIFE-02.4", "the server is killed while it holds a request", ends_while_taken,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, KILL, CTS_SMOKE},
    {"LIFE-02.5", "the server exits while it holds a request", ends_while_taken, CTS_TWO_PROCESSES,
     CTS_LIMITED, EXIT, 0},
    {"LIFE-02.6", "the server is killed in service, object set", ends_while_taken,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, KILL | OBJECT_IS_SET, 0},
    {"LIFE-02.7", "the server is killed in service, its second thread waits", ends_while_taken,
     CTS_TWO_PROCESSES, CTS_LIMITED, KILL | NO_OBJECT | SERVER_WAITS, 0},
    {"LIFE-02.12", "the server is killed while it holds a request from its listener",
     ends_while_taken, CTS_TWO_PROCESSES, CTS_UNLIMITED, KILL | BY_LISTENER, 0},
    {"LIFE-02.13", "the server exits while it holds a request from its listener, object set",
     ends_while_taken, CTS_TWO_PROCESSES, CTS_LIMITED, EXIT | BY_LISTENER | OBJECT_IS_SET, 0},
    {"LIFE-02.14",
     "the server is killed in service of its listener, on which its second thread waits",
     ends_while_taken, CTS_TWO_PROCESSES, CTS_UNLIMITED,
     KILL | BY_LISTENER | NO_OBJECT | SERVER_WAITS, 0},
    {"LIFE-02.15", "three servers are killed one after the other", one_ends_after_the_other,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, KILL, 0},
    {"LIFE-02.16", "three servers exit one after the other", one_ends_after_the_other,
     CTS_TWO_PROCESSES, CTS_LIMITED, EXIT | NO_OBJECT, 0},
    {"LIFE-02.17", "the server is killed while its Recv is given a request", ends_while_receiving,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, KILL | NO_OBJECT, 0},
    {"LIFE-02.18", "the server is killed while its RecvEx is given a request", ends_while_receiving,
     CTS_TWO_PROCESSES, CTS_LIMITED, KILL, 0},
    {"LIFE-02.50", "the server is killed while one thread holds three requests",
     ends_while_one_thread_holds_all, CTS_TWO_PROCESSES, CTS_UNLIMITED, KILL, 0},
    {"LIFE-02.51", "the server is killed while one thread holds three requests, limit",
     ends_while_one_thread_holds_all, CTS_TWO_PROCESSES, CTS_LIMITED, KILL | NO_OBJECT, 0},
    {"LIFE-02.8", "the server is killed while one call is taken and two are queued",
     ends_while_taken_and_queued, CTS_TWO_PROCESSES, CTS_UNLIMITED, KILL, 0},
    {"LIFE-02.9", "the server exits while one call is taken and two are queued",
     ends_while_taken_and_queued, CTS_TWO_PROCESSES, CTS_LIMITED, EXIT, 0},
    {"LIFE-02.10", "the server is killed while it serves two channels",
     ends_after_service_on_two_channels, CTS_TWO_PROCESSES, CTS_UNLIMITED, KILL, 0},
    {"LIFE-02.11", "the server exits while it serves two channels",
     ends_after_service_on_two_channels, CTS_TWO_PROCESSES, CTS_UNLIMITED, EXIT | NO_OBJECT, 0},
};
CTS_GROUP(cts_group_life_server_end, cases);
