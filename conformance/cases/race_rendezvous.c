/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RACE-01: Set against the rendezvous, by chance. In each round a client, a server and one or two
 * setters start together; either side may win, and both sides agree who did.
 */
#include <cts/cts.h>

/* variant: what is set, and who has been waiting before the others start. */
enum { SET_CLIENTS = 1, SET_SERVERS = 2, CLIENT_WAITS = 4, SERVER_WAITS = 8 };
enum { ROUNDS = 20, DELAYS = 12 };

struct scene {
    struct cts_link link;
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_actor *client_setter;
    struct cts_actor *server_setter;
    Handle client_sync;
    Handle server_sync;
    struct cts_op *call;
    struct cts_op *recv;
    struct cts_op *reply; /* null: not made */
    bool reply_later;
    struct cts_op *client_set; /* or null */
    struct cts_op *server_set;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    s.client_setter = cts_actor_new(s.link.client_process, "client setter");
    s.server_setter = cts_actor_new(s.link.server_process, "server setter");
    s.client_sync = cts_sync_new(s.link.client_process);
    s.server_sync = cts_sync_new(s.link.server_process);
    return s;
}

/* A program that begins with a delay of its own. */
static void begin(struct cts_actor *actor)
{
    cts_program_begin(actor);
    (void)cts_start_churn(actor, cts_random(DELAYS));
}

static void queue_call(const struct cts_case *self, struct scene *s)
{
    s->call =
        cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, cts_mdelay(self), s->client_sync);
}

/* The Reply belongs to the program, or is left to the main thread, which makes it when every Set has
 * returned: one that came too late can do harm only until the Reply. */
static void queue_recv(const struct cts_case *self, struct scene *s)
{
    s->recv = cts_start_recv_ex(s->server, s->link.server, cts_mdelay(self), s->server_sync);
    s->reply = s->reply_later ? NULL : cts_start_reply(s->server, s->recv, CTS_PLAIN);
}

/* One side may wait before; then all others start together. */
static void run_round(const struct cts_case *self, struct scene *s)
{
    if (self->variant & CLIENT_WAITS) {
        queue_call(self, s);
        cts_require_blocked(s->call);
    } else if (self->variant & SERVER_WAITS) {
        cts_program_begin(s->server);
        queue_recv(self, s);
        cts_program_run();
        cts_require_blocked(s->recv);
    }
    if ((self->variant & CLIENT_WAITS) == 0) {
        begin(s->client);
        queue_call(self, s);
    }
    if ((self->variant & SERVER_WAITS) == 0) {
        begin(s->server);
        queue_recv(self, s);
    }
    if (self->variant & SET_CLIENTS) {
        begin(s->client_setter);
        s->client_set = cts_start_set(s->client_setter, s->client_sync);
    }
    if (self->variant & SET_SERVERS) {
        begin(s->server_setter);
        s->server_set = cts_start_set(s->server_setter, s->server_sync);
    }
    cts_program_run();
}

static void check_setters_are_done(const struct scene *s)
{
    if (s->client_set != NULL) {
        cts_check_returned(s->client_set, rcOk);
    }
    if (s->server_set != NULL) {
        cts_check_returned(s->server_set, rcOk);
    }
}

/* The Reply to what was received, whoever makes it. */
static void check_replied(struct scene *s)
{
    if (s->reply == NULL && cts_rc(s->recv) == rcOk) {
        s->reply = cts_start_reply(s->server, s->recv, CTS_PLAIN);
    }
    if (s->reply != NULL) {
        Retcode replied = cts_wait(s->reply);
        cts_check_that(cts_rc(s->recv) != rcOk || replied == rcOk, "its Reply is rcOk");
    }
}

/* With the client's object set, its call ends, unless its request was taken and not answered yet. */
static void wait_until_decided(const struct scene *s)
{
    if (s->reply_later) {
        cts_settle();
    } else {
        cts_check_returned_one_of(s->call, rcOk, rcIpcInterrupt);
    }
}

static void clear_both(const struct scene *s)
{
    cts_clear(s->link.client_process, s->client_sync);
    cts_clear(s->link.server_process, s->server_sync);
}

/* RACE-01: the client's object is set, or the server's, or both. Whoever is left waiting when one
 * side was interrupted is released by its own object. */
static void one_side_wins(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int i = 0; i < ROUNDS; i++) {
        s.reply_later = cts_random(2) == 0;
        run_round(self, &s);
        check_setters_are_done(&s);
        if (self->variant & SET_CLIENTS) {
            wait_until_decided(&s);
            cts_set(s.link.server_process, s.server_sync);
        } else {
            cts_check_returned_one_of(s.recv, rcOk, rcIpcInterrupt);
            cts_set(s.link.client_process, s.client_sync);
        }
        cts_check_returned_one_of(s.recv, rcOk, rcIpcInterrupt);
        check_replied(&s);
        cts_check_returned_one_of(s.call, rcOk, rcIpcInterrupt);

        cts_check_that((cts_rc(s.call) == rcOk) == (cts_rc(s.recv) == rcOk),
                       "the call succeeds exactly when its request was received");
        cts_check_that(cts_rc(s.recv) != rcOk || cts_request(s.recv) == cts_request(s.call),
                       "what was received is the request of the call");
        clear_both(&s);
    }
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* RACE-01: a request without object meets a receive that is interrupted: it is received, or stays
 * for the next Recv. */
static void request_is_not_lost(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int i = 0; i < ROUNDS; i++) {
        s.reply_later = cts_random(2) == 0;
        begin(s.client);
        s.call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
        begin(s.server);
        queue_recv(self, &s);
        begin(s.server_setter);
        s.server_set = cts_start_set(s.server_setter, s.server_sync);
        cts_program_run();

        check_setters_are_done(&s);
        cts_check_returned_one_of(s.recv, rcOk, rcIpcInterrupt);
        check_replied(&s);
        if (cts_rc(s.recv) == rcOk) {
            cts_check_returned(s.call, rcOk);
        } else {
            struct cts_op *recv = cts_start_recv(s.server, s.link.server);
            cts_check_returned(recv, rcOk);
            cts_check_served(s.server, recv, s.call);
        }
        clear_both(&s);
    }
}

static const struct cts_case cases[] = {
    {"RACE-01.51", "Set, CallEx and RecvEx at once, free running", one_side_wins, CTS_ONE_PROCESS,
     CTS_UNLIMITED, SET_CLIENTS, CTS_FREE_RUNNING | CTS_SMOKE},
    {"RACE-01.52", "Set, CallEx and RecvEx at once, one CPU", one_side_wins, CTS_ONE_PROCESS,
     CTS_LIMITED, SET_CLIENTS, 0},
    {"RACE-01.53", "Set and RecvEx meet a queued CallEx, free running", one_side_wins,
     CTS_ONE_PROCESS, CTS_LIMITED, SET_CLIENTS | CLIENT_WAITS, CTS_FREE_RUNNING},
    {"RACE-01.54", "Set and CallEx meet a waiting RecvEx, free running", one_side_wins,
     CTS_ONE_PROCESS, CTS_UNLIMITED, SET_CLIENTS | SERVER_WAITS, CTS_FREE_RUNNING},
    {"RACE-01.55", "Set of the server, CallEx and RecvEx at once, free running", one_side_wins,
     CTS_ONE_PROCESS, CTS_UNLIMITED, SET_SERVERS, CTS_FREE_RUNNING},
    {"RACE-01.56", "Set of the server and CallEx meet a waiting RecvEx, two processes",
     one_side_wins, CTS_TWO_PROCESSES, CTS_LIMITED, SET_SERVERS | SERVER_WAITS, CTS_FREE_RUNNING},
    {"RACE-01.57", "Set of both sides, CallEx and RecvEx at once, free running", one_side_wins,
     CTS_ONE_PROCESS, CTS_UNLIMITED, SET_CLIENTS | SET_SERVERS, CTS_FREE_RUNNING},
    {"RACE-01.58", "Set of both sides, CallEx and RecvEx at once, two processes", one_side_wins,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, SET_CLIENTS | SET_SERVERS, CTS_FREE_RUNNING},
    {"RACE-01.59", "Set meets Call and RecvEx: the request is not lost, free running",
     request_is_not_lost, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_FREE_RUNNING},
    {"RACE-01.60", "Set meets Call and RecvEx: the request is not lost, one CPU, two processes",
     request_is_not_lost, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
};
CTS_GROUP(cts_group_race_rendezvous, cases);
