/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RACE-01, CALL-02: Set meets the rendezvous and the Reply, with the delay steered to where they meet.
 * Exactly one side wins, and both agree who did; after the request was taken Set comes too late.
 */
#include <cts/cts.h>

struct scene {
    struct cts_link link;
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_actor *setter; /* of the process whose object is set */
    Handle client_sync;
    Handle server_sync;
};

static struct scene scene_open(const struct cts_case *self, bool sets_server)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    s.setter = cts_actor_new(sets_server ? s.link.server_process : s.link.client_process, "setter");
    s.client_sync = cts_sync_new(s.link.client_process);
    s.server_sync = cts_sync_new(s.link.server_process);
    return s;
}

static struct cts_op *start_call(const struct cts_case *self, const struct scene *s)
{
    return cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, cts_mdelay(self),
                             s->client_sync);
}

static struct cts_op *start_recv(const struct cts_case *self, const struct scene *s)
{
    return cts_start_recv_ex(s->server, s->link.server, cts_mdelay(self), s->server_sync);
}

static struct cts_op *queue_set(const struct scene *s, Handle sync)
{
    cts_program_begin(s->setter);
    return cts_start_set(s->setter, sync);
}

/* Both calls have ended: who won. */
static const char *check_one_side_won(const struct cts_op *call, const struct cts_op *recv)
{
    cts_check_that((cts_rc(call) == rcOk) == (cts_rc(recv) == rcOk),
                   "the call succeeds exactly when its request was received");
    cts_check_that(cts_rc(recv) != rcOk || cts_request(recv) == cts_request(call),
                   "what was received is the request of the call");
    return cts_rc(call) == rcOk ? "request taken" : "client interrupted";
}

enum { SERVER_TAKES, CLIENT_ARRIVES };

/* RACE-01: Set of the client's object while its request is being taken: by a server that comes to a
 * queued request, or that has been waiting for it (variant). */
static void set_meets_the_taking(const struct cts_case *self)
{
    struct scene s = scene_open(self, false);
    bool arrives = self->variant == CLIENT_ARRIVES;
    struct cts_race *race =
        cts_race_open(arrives ? "Set against CallEx that meets a waiting server"
                              : "Set against Recv that takes the request",
                      arrives ? CTS_PHASE_BEFORE | CTS_PHASE_ENTERING | CTS_PHASE_TAKEN
                              : CTS_PHASE_BLOCKED | CTS_PHASE_TAKEN,
                      0);
    while (cts_race_next(race)) {
        struct cts_op *call;
        struct cts_op *recv;
        if (arrives) {
            recv = start_recv(self, &s);
            cts_settle();
            cts_program_begin(s.client);
            call = start_call(self, &s);
        } else {
            call = start_call(self, &s);
            cts_settle();
            cts_program_begin(s.server);
            recv = start_recv(self, &s);
        }
        struct cts_op *set = queue_set(&s, s.client_sync);
        cts_race_run(race, set, arrives ? call : recv);

        cts_check_returned(set, rcOk);
        cts_settle(); /* a server that was handed the request comes back by itself */
        cts_set(s.link.server_process, s.server_sync);
        cts_check_returned_one_of(recv, rcOk, rcIpcInterrupt);
        struct cts_op *reply = NULL;
        if (cts_rc(recv) == rcOk) {
            reply = cts_start_reply(s.server, recv, CTS_PLAIN);
            cts_check_returned(reply, rcOk);
        }
        cts_check_returned_one_of(call, rcOk, rcIpcInterrupt);
        const char *outcome = check_one_side_won(call, recv);
        cts_clear(s.link.client_process, s.client_sync);
        cts_clear(s.link.server_process, s.server_sync);
        cts_race_record(race,
                        &(struct cts_race_trial){
                            .wait = call, .taker = recv, .answer = reply, .outcome = outcome});
    }
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* Set has met the receive: the request was received, or stayed for the next Recv. */
static void check_received_or_stays(const struct scene *s, struct cts_race *race,
                                    struct cts_op *set, struct cts_op *call, struct cts_op *recv)
{
    cts_check_returned(set, rcOk);
    cts_check_returned_one_of(recv, rcOk, rcIpcInterrupt);
    bool interrupted = cts_rc(recv) == rcIpcInterrupt;
    struct cts_op *taken = interrupted ? cts_start_recv(s->server, s->link.server) : recv;
    cts_check_returned(taken, rcOk);
    cts_check_served(s->server, taken, call);
    cts_clear(s->link.server_process, s->server_sync);
    cts_race_record(
        race, &(struct cts_race_trial){.wait = recv,
                                       .outcome = interrupted ? "server interrupted" : "received"});
}

/* RACE-01: Set of the server's object while a request reaches its waiting RecvEx: it is received, or
 * stays for the next Recv. */
static void set_meets_the_arrival(const struct cts_case *self)
{
    struct scene s = scene_open(self, true);
    struct cts_race *race = cts_race_open("Set against the request that reaches RecvEx",
                                          CTS_PHASE_BLOCKED | CTS_PHASE_AFTER, 0);
    while (cts_race_next(race)) {
        struct cts_op *recv = start_recv(self, &s);
        cts_settle();
        cts_program_begin(s.client);
        struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
        struct cts_op *set = queue_set(&s, s.server_sync);
        cts_race_run(race, set, call);

        check_received_or_stays(&s, race, set, call, recv);
    }
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* RACE-01: Set of the server's object while its RecvEx finds a request in the queue: it is received, or stays there
 * for the next Recv. */
static void set_meets_the_receive(const struct cts_case *self)
{
    struct scene s = scene_open(self, true);
    struct cts_race *race =
        cts_race_open("Set against RecvEx that finds a request",
                      CTS_PHASE_BEFORE | CTS_PHASE_ENTERING | CTS_PHASE_AFTER, 0);
    while (cts_race_next(race)) {
        struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
        cts_settle();
        cts_program_begin(s.server);
        struct cts_op *recv = start_recv(self, &s);
        struct cts_op *set = queue_set(&s, s.server_sync);
        cts_race_run(race, set, recv);

        check_received_or_stays(&s, race, set, call, recv);
    }
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* CALL-02: Set while the Reply is made: the call was taken and is answered, whatever comes first. */
static void set_meets_the_reply(const struct cts_case *self)
{
    struct scene s = scene_open(self, false);
    struct cts_race *race =
        cts_race_open("Set against Reply", CTS_PHASE_TAKEN | CTS_PHASE_AFTER, 0);
    while (cts_race_next(race)) {
        struct cts_op *recv = cts_start_recv(s.server, s.link.server);
        struct cts_op *call = start_call(self, &s);
        cts_check_returned(recv, rcOk);
        cts_settle();
        cts_program_begin(s.server);
        struct cts_op *reply = cts_start_reply(s.server, recv, CTS_PLAIN);
        struct cts_op *set = queue_set(&s, s.client_sync);
        cts_race_run(race, set, reply);

        cts_check_returned(set, rcOk);
        cts_check_returned(reply, rcOk);
        cts_check_returned(call, rcOk);
        cts_clear(s.link.client_process, s.client_sync);
        cts_race_record(race,
                        &(struct cts_race_trial){
                            .wait = call, .taker = recv, .answer = reply, .outcome = "answered"});
    }
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

#define WINDOW (CTS_FREE_RUNNING | CTS_EXCLUSIVE | CTS_LONG)

static const struct cts_case cases[] = {
    {"RACE-01.71", "window: Set against Recv that takes the request", set_meets_the_taking,
     CTS_ONE_PROCESS, CTS_UNLIMITED, SERVER_TAKES, WINDOW},
    {"RACE-01.72", "window: Set against Recv that takes the request, limit, two processes",
     set_meets_the_taking, CTS_TWO_PROCESSES, CTS_LIMITED, SERVER_TAKES, WINDOW},
    {"RACE-01.91", "window: Set against Recv that takes the request, limit", set_meets_the_taking,
     CTS_ONE_PROCESS, CTS_LIMITED, SERVER_TAKES, WINDOW},
    {"RACE-01.92", "window: Set against CallEx that meets a waiting server, limit",
     set_meets_the_taking, CTS_ONE_PROCESS, CTS_LIMITED, CLIENT_ARRIVES, WINDOW},
    {"RACE-01.73", "window: Set against CallEx that meets a waiting server", set_meets_the_taking,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CLIENT_ARRIVES, WINDOW},
    {"RACE-01.74", "window: Set against Recv that takes the request, one CPU", set_meets_the_taking,
     CTS_ONE_PROCESS, CTS_LIMITED, SERVER_TAKES, CTS_LONG},
    {"RACE-01.75", "window: Set of the server against the request that reaches it",
     set_meets_the_arrival, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, WINDOW},
    {"RACE-01.97", "window: Set against RecvEx that finds a request", set_meets_the_receive,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, WINDOW},
    {"RACE-01.98", "window: Set against RecvEx that finds a request, limit", set_meets_the_receive,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, WINDOW},
    {"RACE-01.76", "window: Set of the server against the request, limit, two processes",
     set_meets_the_arrival, CTS_TWO_PROCESSES, CTS_LIMITED, 0, WINDOW},
    {"RACE-01.90", "window: Set of the server against the request that reaches it, limit",
     set_meets_the_arrival, CTS_ONE_PROCESS, CTS_LIMITED, 0, WINDOW},
    {"CALL-02.51", "window: Set against Reply", set_meets_the_reply, CTS_ONE_PROCESS, CTS_UNLIMITED,
     0, WINDOW},
    {"CALL-02.52", "window: Set against Reply, limit, two processes", set_meets_the_reply,
     CTS_TWO_PROCESSES, CTS_LIMITED, 0, WINDOW},
    {"CALL-02.90", "window: Set against Reply, limit", set_meets_the_reply, CTS_ONE_PROCESS,
     CTS_LIMITED, 0, WINDOW},
};
CTS_GROUP(cts_group_race_window_meet, cases);
