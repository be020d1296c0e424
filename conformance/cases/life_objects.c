/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LIFE-04: a process that ends takes its own objects and nothing else with it: threads of others go
 * on waiting, are interrupted by their own objects, and are served.
 */
#include <cts/cts.h>

/* variant: how the process ends, and in which state its objects are. */
enum { KILL = 0, EXIT = 1, OBJECT_IS_SET = 2, BUSY = 4, TAKER_ENDS = 8 };
enum { ROUNDS = 10, OBJECTS = 8 };

static void end_process(const struct cts_case *self, struct cts_process *process)
{
    if (self->variant & EXIT) {
        cts_process_exit(process);
    } else {
        cts_process_kill(process);
    }
}

/* Two processes that stay: threads of one wait, of both kinds, at the other. */
struct survivors {
    struct cts_process *process;
    struct cts_process *peer_process;
    struct cts_link calls;
    struct cts_link receives;
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_actor *setter;
    struct cts_actor *peer;
    Handle sync;
    struct cts_op *call;
    struct cts_op *recv;
};

static struct survivors survivors_wait(const struct cts_case *self)
{
    struct survivors s = {.process = cts_process_first(), .peer_process = cts_process_new()};
    s.calls = cts_link_between(s.peer_process, s.process);
    s.receives = cts_link_between(s.process, s.peer_process);
    s.client = cts_actor_new(s.process, "client");
    s.server = cts_actor_new(s.process, "server");
    s.setter = cts_actor_new(s.process, "setter");
    s.peer = cts_actor_new(s.peer_process, "peer");
    s.sync = cts_sync_new(s.process);
    s.call = cts_start_call_ex(s.client, s.calls.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    s.recv = cts_start_recv_ex(s.server, s.receives.server, cts_mdelay(self), s.sync);
    cts_require_blocked(s.call);
    cts_require_blocked(s.recv);
    return s;
}

/* They still wait, are interrupted by their own object, and can be served afterwards. */
static void check_survivors(const struct survivors *s)
{
    cts_check_blocked(s->call);
    cts_check_blocked(s->recv);
    cts_check_returned(cts_start_set(s->setter, s->sync), rcOk);
    cts_check_returned(s->call, rcIpcInterrupt);
    cts_check_returned(s->recv, rcIpcInterrupt);
    cts_check_returned(cts_start_clear(s->setter, s->sync), rcOk);
    cts_check_exchange(s->client, s->calls.client, s->peer, s->calls.server);
    cts_check_exchange(s->peer, s->receives.client, s->server, s->receives.server);
}

/* What the process that ends has and does: objects, and threads that wait with them in both kinds
 * of calls, at the survivors. */
static void make_busy(const struct cts_case *self, const struct survivors *s,
                      struct cts_process *process)
{
    Handle sync = INVALID_HANDLE;
    for (int i = 0; i < OBJECTS; i++) {
        sync = cts_sync_new(process);
        if (self->variant & OBJECT_IS_SET && i < OBJECTS - 1) {
            cts_set(process, sync);
        }
    }
    if (self->variant & BUSY) {
        struct cts_link calls = cts_link_between(s->peer_process, process);
        struct cts_link receives = cts_link_between(process, s->peer_process);
        cts_require_blocked(cts_start_call_ex(cts_actor_new(process, "ending client"), calls.client,
                                              CTS_PLAIN, cts_mdelay(self), sync));
        cts_require_blocked(cts_start_recv_ex(cts_actor_new(process, "ending server"),
                                              receives.server, cts_mdelay(self), sync));
    }
}

/* LIFE-04: a third process ends; the survivors notice nothing. */
static void survivors_are_not_disturbed(const struct cts_case *self)
{
    struct survivors s = survivors_wait(self);
    struct cts_process *ended = cts_process_new();
    make_busy(self, &s, ended);

    end_process(self, ended);

    check_survivors(&s);
}

/* LIFE-04: many processes come and go with objects that they do not close; there is room for the
 * next, and its object is new: clear, and its own. */
static void processes_come_and_go(const struct cts_case *self)
{
    struct survivors s = survivors_wait(self);
    for (int i = 0; i < ROUNDS; i++) {
        struct cts_process *process = cts_process_new();
        struct cts_link link = cts_link_between(s.peer_process, process);
        struct cts_actor *client = cts_actor_new(process, "ending client");
        make_busy(self, &s, process);
        Handle sync = cts_sync_new(process);
        struct cts_op *call =
            cts_start_call_ex(client, link.client, CTS_PLAIN, INFINITE_TIMEOUT, sync);
        cts_check_blocked(call);
        cts_set(process, sync);
        cts_check_returned(call, rcIpcInterrupt);
        end_process(self, process);
    }
    check_survivors(&s);
}

/* LIFE-04: the process that ends was the peer of a thread that waits for requests; the thread's
 * other channels, and the object it waits with, go on. */
static void channel_of_a_third_goes_on(const struct cts_case *self)
{
    struct survivors s = survivors_wait(self);
    struct cts_process *ended = cts_process_new();
    struct cts_link link = cts_link_between(s.process, ended);
    struct cts_actor *ending = cts_actor_new(ended, "ending client");
    struct cts_actor *busy = cts_actor_new(s.process, "busy server");
    struct cts_op *recv = cts_start_recv_ex(busy, link.server, cts_mdelay(self), s.sync);
    cts_require_blocked(recv);
    struct cts_op *call = cts_start_call(ending, link.client, CTS_PLAIN);
    cts_require_returned(recv, rcOk);
    cts_require_blocked(call);

    end_process(self, ended);

    (void)cts_wait(cts_start_reply(busy, recv, CTS_PLAIN));
    check_survivors(&s);
    cts_check_exchange(s.peer, s.receives.client, busy, s.receives.server);
}

/* LIFE-04: a handle that was given away in a message lives on when the giver ends. */
static void handle_that_was_given_away_lives_on(const struct cts_case *self)
{
    struct survivors s = survivors_wait(self);
    struct cts_process *ended = cts_process_new();
    struct cts_link link = cts_link_between(s.process, ended);
    struct cts_link given = cts_link_between(s.peer_process, ended);
    struct cts_actor *giver = cts_actor_new(ended, "giver");
    struct cts_actor *taker = cts_actor_new(s.process, "taker");
    struct cts_op *recv = cts_start_recv(taker, link.server);
    struct cts_op *call = cts_start_call(giver, link.client, CTS_WITH_HANDLE(given.client));
    cts_require_returned(recv, rcOk);
    cts_require_returned(cts_start_reply(taker, recv, CTS_PLAIN), rcOk);
    cts_require_returned(call, rcOk);
    cts_require_that(cts_received_handle_count(recv) == 1, "a client handle travels");

    end_process(self, ended);

    cts_check_exchange(taker, cts_received_handle(recv, 0), s.peer, given.server);
    check_survivors(&s);
}

/* LIFE-04: the same with a handle that came in a response. */
static void handle_from_a_response_lives_on(const struct cts_case *self)
{
    struct survivors s = survivors_wait(self);
    struct cts_process *ended = cts_process_new();
    struct cts_link link = cts_link_between(ended, s.process);
    struct cts_link given = cts_link_between(s.peer_process, ended);
    struct cts_actor *giver = cts_actor_new(ended, "giver");
    struct cts_actor *taker = cts_actor_new(s.process, "taker");
    struct cts_op *recv = cts_start_recv(giver, link.server);
    struct cts_op *call = cts_start_call(taker, link.client, CTS_PLAIN);
    cts_require_returned(recv, rcOk);
    cts_require_returned(cts_start_reply(giver, recv, CTS_WITH_HANDLE(given.client)), rcOk);
    cts_require_returned(call, rcOk);
    cts_require_that(cts_received_handle_count(call) == 1, "a client handle travels");

    end_process(self, ended);

    cts_check_exchange(taker, cts_received_handle(call, 0), s.peer, given.server);
    check_survivors(&s);
}

/* LIFE-04: the only client of a thread that waits with an object ends. Whether that ends the wait is not written
 * anywhere; it does not interrupt it. */
static void end_of_the_client_interrupts_nobody(const struct cts_case *self)
{
    struct cts_process *first = cts_process_first();
    struct cts_process *ended = cts_process_new();
    struct cts_link link = cts_link_between(first, ended);
    struct cts_actor *setter = cts_actor_new(first, "setter");
    Handle sync = cts_sync_new(first);
    struct cts_op *recv = cts_start_recv_ex(
        cts_actor_new(first, "server"), self->limit == CTS_LIMITED ? link.server : link.listener,
        cts_mdelay(self), sync);
    cts_require_blocked(recv);

    end_process(self, ended);

    cts_settle();
    if (cts_returned(recv)) {
        cts_observe("the wait of a server whose client ends", cts_rc_name(cts_rc(recv)));
        cts_check_error(recv);
    }
    cts_check_returned(cts_start_set(setter, sync), rcOk);
    (void)cts_wait(recv);
    cts_check_that(cts_rc(recv) != rcOk, "nothing is received from nobody");
}

/* LIFE-04: two processes call on one channel, whose client handle one has from the other. The one that ends, the
 * giver or the taker, ends neither the receive that waits there nor the other one's calls. */
static void shared_channel_goes_on(const struct cts_case *self)
{
    struct cts_process *first = cts_process_first();
    struct cts_process *giver = cts_process_new();
    struct cts_process *taker = cts_process_new();
    struct cts_link shared = cts_link_between(first, giver);
    struct cts_link pass = cts_link_between(taker, giver);
    struct cts_actor *giving = cts_actor_new(giver, "giver");
    struct cts_actor *taking = cts_actor_new(taker, "taker");
    struct cts_actor *server = cts_actor_new(first, "server");
    struct cts_op *got = cts_start_recv(taking, pass.server);
    struct cts_op *call = cts_start_call(giving, pass.client, CTS_WITH_HANDLE(shared.client));
    cts_require_returned(got, rcOk);
    cts_require_returned(cts_start_reply(taking, got, CTS_PLAIN), rcOk);
    cts_require_returned(call, rcOk);
    cts_require_that(cts_received_handle_count(got) == 1, "a client handle travels");
    struct cts_op *recv =
        cts_start_recv_ex(server, shared.server, cts_mdelay(self), cts_sync_new(first));
    cts_require_blocked(recv);

    bool taker_ends = (self->variant & TAKER_ENDS) != 0;
    end_process(self, taker_ends ? taker : giver);

    cts_check_blocked(recv);
    call = taker_ends ? cts_start_call(giving, shared.client, CTS_PLAIN)
                      : cts_start_call(taking, cts_received_handle(got, 0), CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    cts_check_served(server, recv, call);
}

static const struct cts_case cases[] = {
    {"LIFE-04.20", "a shared channel goes on when the process that gave its handle is killed",
     shared_channel_goes_on, CTS_TWO_PROCESSES, CTS_UNLIMITED, KILL, 0},
    {"LIFE-04.21", "a shared channel goes on when the process that took its handle is killed",
     shared_channel_goes_on, CTS_TWO_PROCESSES, CTS_LIMITED, KILL | TAKER_ENDS, 0},
    {"LIFE-04.1", "a process with objects is killed, others go on", survivors_are_not_disturbed,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, KILL, CTS_SMOKE},
    {"LIFE-04.2", "a process with set objects is killed, others go on", survivors_are_not_disturbed,
     CTS_TWO_PROCESSES, CTS_LIMITED, KILL | OBJECT_IS_SET, 0},
    {"LIFE-04.3", "a process with waiting threads is killed, others go on",
     survivors_are_not_disturbed, CTS_TWO_PROCESSES, CTS_UNLIMITED, KILL | BUSY, CTS_SMOKE},
    {"LIFE-04.4", "a process with set objects and waiting threads is killed, others go on",
     survivors_are_not_disturbed, CTS_TWO_PROCESSES, CTS_LIMITED, KILL | BUSY | OBJECT_IS_SET, 0},
    {"LIFE-04.5", "a process with set objects exits, others go on", survivors_are_not_disturbed,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, EXIT | OBJECT_IS_SET, 0},
    {"LIFE-04.6", "processes come and are killed", processes_come_and_go, CTS_TWO_PROCESSES,
     CTS_UNLIMITED, KILL | OBJECT_IS_SET, 0},
    {"LIFE-04.7", "processes come and are killed with waiting threads", processes_come_and_go,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, KILL | BUSY, 0},
    {"LIFE-04.8", "processes come and exit", processes_come_and_go, CTS_TWO_PROCESSES,
     CTS_UNLIMITED, EXIT | OBJECT_IS_SET, 0},
    {"LIFE-04.9", "a client process is killed, other channels of its server go on",
     channel_of_a_third_goes_on, CTS_TWO_PROCESSES, CTS_UNLIMITED, KILL, 0},
    {"LIFE-04.10", "a handle that was given away outlives the giver, killed",
     handle_that_was_given_away_lives_on, CTS_TWO_PROCESSES, CTS_UNLIMITED, KILL, 0},
    {"LIFE-04.32", "the end of the client interrupts no receive on the listener",
     end_of_the_client_interrupts_nobody, CTS_TWO_PROCESSES, CTS_UNLIMITED, KILL, 0},
    {"LIFE-04.33", "the end of the client interrupts no receive, server handle, limit",
     end_of_the_client_interrupts_nobody, CTS_TWO_PROCESSES, CTS_LIMITED, EXIT, 0},
    {"LIFE-04.34", "a handle from a response outlives the giver, killed",
     handle_from_a_response_lives_on, CTS_TWO_PROCESSES, CTS_UNLIMITED, KILL, 0},
    {"LIFE-04.35", "a handle from a response outlives the giver, exited",
     handle_from_a_response_lives_on, CTS_TWO_PROCESSES, CTS_LIMITED, EXIT, 0},
    {"LIFE-04.11", "a handle that was given away outlives the giver, exited",
     handle_that_was_given_away_lives_on, CTS_TWO_PROCESSES, CTS_UNLIMITED, EXIT, 0},
};
CTS_GROUP(cts_group_life_objects, cases);
