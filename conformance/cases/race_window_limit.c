/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TIME-04, RACE-04, RACE-05: the limit of a call meets Set, the request, or the server, in real time, with the
 * delay steered to where they meet.
 */
#include <cts/cts.h>

enum { LIMIT_MS = 1, LIMIT_US = 1000 };
enum { CALLS, RECEIVES };
enum { LIMIT_PHASES = CTS_PHASE_BLOCKED | CTS_PHASE_AFTER };

struct scene {
    struct cts_link link;
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_actor *setter;
    struct cts_process *process; /* whose object is set */
    Handle sync;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    s.process = self->variant == RECEIVES ? s.link.server_process : s.link.client_process;
    s.setter = cts_actor_new(s.process, "setter");
    s.sync = cts_sync_new(s.process);
    return s;
}

/* TIME-04: exactly one of rcIpcInterrupt and rcTimeout, and nothing is left of the call. */
static void set_meets_the_limit(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    bool receives = self->variant == RECEIVES;
    struct cts_race *race = cts_race_open(receives ? "Set against the limit of RecvEx"
                                                   : "Set against the limit of CallEx",
                                          LIMIT_PHASES, LIMIT_US);
    while (cts_race_next(race)) {
        struct cts_actor *waiter = receives ? s.server : s.client;
        cts_program_begin(waiter);
        struct cts_op *wait =
            receives ? cts_start_recv_ex(waiter, s.link.server, LIMIT_MS, s.sync)
                     : cts_start_call_ex(waiter, s.link.client, CTS_PLAIN, LIMIT_MS, s.sync);
        cts_program_begin(s.setter);
        struct cts_op *set = cts_start_set(s.setter, s.sync);
        cts_race_run(race, set, wait);

        cts_check_returned(set, rcOk);
        cts_check_returned_one_of(wait, rcIpcInterrupt, rcTimeout);
        cts_clear(s.process, s.sync);
        bool interrupted = cts_rc(wait) == rcIpcInterrupt;
        cts_race_record(
            race, &(struct cts_race_trial){.wait = wait,
                                           .outcome = interrupted ? "interrupted" : "timed out"});
    }
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* RACE-05: a request that meets the limit of RecvEx is received, or stays for the next Recv. */
static void request_meets_the_limit(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_race *race =
        cts_race_open("a request against the limit of RecvEx", LIMIT_PHASES, LIMIT_US);
    while (cts_race_next(race)) {
        cts_program_begin(s.server);
        struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, LIMIT_MS, INVALID_HANDLE);
        cts_program_begin(s.client);
        struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
        cts_race_run(race, call, recv);

        cts_check_returned_one_of(recv, rcOk, rcTimeout);
        bool timed_out = cts_rc(recv) == rcTimeout;
        struct cts_op *taken = timed_out ? cts_start_recv(s.server, s.link.server) : recv;
        cts_check_returned(taken, rcOk);
        cts_check_served(s.server, taken, call);
        cts_race_record(race, &(struct cts_race_trial){
                                  .wait = recv, .outcome = timed_out ? "timed out" : "received"});
    }
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* RACE-04: a server that comes when the limit of CallEx passes receives the request of a call that has not
 * returned yet, or nothing. The limit also covers the service (TIME-06). */
static void server_meets_the_limit(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_race *race =
        cts_race_open("Recv against the limit of CallEx", LIMIT_PHASES, LIMIT_US);
    Handle server_sync = cts_sync_new(s.link.server_process);
    while (cts_race_next(race)) {
        cts_program_begin(s.client);
        struct cts_op *call =
            cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, LIMIT_MS, INVALID_HANDLE);
        cts_program_begin(s.server);
        struct cts_op *recv =
            cts_start_recv_ex(s.server, s.link.server, INFINITE_TIMEOUT, server_sync);
        struct cts_op *reply = cts_start_reply(s.server, recv, CTS_PLAIN);
        cts_race_run(race, recv, call);

        cts_check_returned_one_of(call, rcOk, rcTimeout);
        cts_settle();
        cts_set(s.link.server_process, server_sync);
        cts_check_returned_one_of(recv, rcOk, rcIpcInterrupt);
        (void)cts_wait(reply); /* too late for a call that timed out in service: CALL-15 */
        cts_check_that(cts_rc(call) != rcOk || cts_rc(recv) == rcOk,
                       "a call that succeeds was received");
        cts_clear(s.link.server_process, server_sync);
        const char *outcome = cts_rc(call) == rcOk   ? "answered"
                              : cts_rc(recv) == rcOk ? "timed out in service"
                                                     : "timed out";
        cts_race_record(race, &(struct cts_race_trial){.wait = call, .outcome = outcome});
    }
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

#define WINDOW (CTS_FREE_RUNNING | CTS_EXCLUSIVE | CTS_LONG)

static const struct cts_case cases[] = {
    {"TIME-04.31", "window: Set against the limit of CallEx", set_meets_the_limit, CTS_ONE_PROCESS,
     CTS_LIMITED, CALLS, WINDOW},
    {"TIME-04.32", "window: Set against the limit of RecvEx", set_meets_the_limit, CTS_ONE_PROCESS,
     CTS_LIMITED, RECEIVES, WINDOW},
    {"RACE-05.31", "window: a request against the limit of RecvEx", request_meets_the_limit,
     CTS_ONE_PROCESS, CTS_LIMITED, RECEIVES, WINDOW},
    {"RACE-04.32", "window: Recv against the limit of CallEx", server_meets_the_limit,
     CTS_ONE_PROCESS, CTS_LIMITED, CALLS, WINDOW},
};
CTS_GROUP(cts_group_race_window_limit, cases);
