/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STATE-05 and STATE-06: one object for calls and receives, at the same time by several threads and
 * in turn by one. The process is client of one channel and server of another.
 */
#include <cts/cts.h>

struct both {
    struct cts_link calls;
    struct cts_link receives;
    struct cts_process *process;
    struct cts_actor *peer; /* owns the other ends */
    Handle sync;
};

static struct both both_new(const struct cts_case *self)
{
    struct both both = {.calls = cts_link_open(self->layout)};
    both.process = both.calls.client_process;
    both.receives = cts_link_between(both.process, both.calls.server_process);
    both.peer = cts_actor_new(both.calls.server_process, "peer");
    both.sync = cts_sync_new(both.process);
    return both;
}

static struct cts_op *start_call(const struct cts_case *self, const struct both *both,
                                 struct cts_actor *actor)
{
    return cts_start_call_ex(actor, both->calls.client, CTS_PLAIN, cts_mdelay(self), both->sync);
}

static struct cts_op *start_recv(const struct cts_case *self, const struct both *both,
                                 struct cts_actor *actor)
{
    return cts_start_recv_ex(actor, both->receives.server, cts_mdelay(self), both->sync);
}

/* The waits of several threads: variant of each kind, calls and receives alternating. */
enum { EACH_MAX = 4 };
struct crowd {
    struct cts_actor *clients[EACH_MAX];
    struct cts_actor *servers[EACH_MAX];
    struct cts_op *calls[EACH_MAX];
    struct cts_op *recvs[EACH_MAX];
};

static void crowd_wait(const struct cts_case *self, const struct both *both, struct crowd *crowd)
{
    for (int i = 0; i < self->variant; i++) {
        if (crowd->clients[i] == NULL) {
            crowd->clients[i] = cts_actor_new(both->process, "client");
            crowd->servers[i] = cts_actor_new(both->process, "server");
        }
        crowd->calls[i] = start_call(self, both, crowd->clients[i]);
        crowd->recvs[i] = start_recv(self, both, crowd->servers[i]);
    }
    for (int i = 0; i < self->variant; i++) {
        cts_require_blocked(crowd->calls[i]);
        cts_require_blocked(crowd->recvs[i]);
    }
}

static void check_crowd_interrupted(const struct cts_case *self, const struct crowd *crowd)
{
    for (int i = 0; i < self->variant; i++) {
        cts_check_returned(crowd->calls[i], rcIpcInterrupt);
        cts_check_returned(crowd->recvs[i], rcIpcInterrupt);
    }
}

/* STATE-05: one Set interrupts the waiting threads of both kinds; after Clear, once more. */
static void one_set_interrupts_both_kinds(const struct cts_case *self)
{
    struct both both = both_new(self);
    struct crowd crowd = {{NULL}, {NULL}, {NULL}, {NULL}};
    crowd_wait(self, &both, &crowd);

    cts_set(both.process, both.sync);
    check_crowd_interrupted(self, &crowd);

    cts_clear(both.process, both.sync);
    crowd_wait(self, &both, &crowd);
    cts_set(both.process, both.sync);
    check_crowd_interrupted(self, &crowd);
}

/* STATE-05: of both kinds one wait each has completed and one call is taken when Set comes: the
 * others of both kinds are interrupted, the taken call is not. */
static void set_after_some_have_completed(const struct cts_case *self)
{
    struct both both = both_new(self);
    struct cts_actor *served = cts_actor_new(both.process, "served");
    struct cts_actor *receiver = cts_actor_new(both.process, "receiver");
    struct crowd crowd = {{NULL}, {NULL}, {NULL}, {NULL}};
    struct cts_op *recv = start_recv(self, &both, receiver);
    cts_require_blocked(recv);
    struct cts_op *call = cts_start_call(both.peer, both.receives.client, CTS_PLAIN);
    cts_require_returned(recv, rcOk);
    cts_check_served(receiver, recv, call);
    call = start_call(self, &both, served);
    cts_require_blocked(call);
    recv = cts_start_recv(both.peer, both.calls.server);
    cts_require_returned(recv, rcOk);
    crowd_wait(self, &both, &crowd);

    cts_set(both.process, both.sync);

    check_crowd_interrupted(self, &crowd);
    cts_check_blocked(call);
    cts_check_served(both.peer, recv, call);
}

/* STATE-05: both kinds on one channel whose ends are in one process: a call is in service, and another
 * server waits with the same object. Set interrupts the latter. */
static void both_kinds_on_one_channel(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    struct cts_actor *waiter = cts_actor_new(link.server_process, "waiter");
    Handle sync = cts_sync_new(link.client_process);
    struct cts_op *recv = cts_start_recv_ex(server, link.server, cts_mdelay(self), sync);
    struct cts_op *call = cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), sync);
    cts_require_returned(recv, rcOk);
    struct cts_op *wait = cts_start_recv_ex(waiter, link.server, cts_mdelay(self), sync);
    cts_require_blocked(wait);

    cts_set(link.client_process, sync);

    cts_check_returned(wait, rcIpcInterrupt);
    cts_check_blocked(call);
    cts_check_served(server, recv, call);
}

/* STATE-06: one thread uses the object in turn for both kinds: interrupted while waiting,
 * interrupted on entry, completed. */
static void one_thread_in_turn(const struct cts_case *self)
{
    struct both both = both_new(self);
    struct cts_actor *actor = cts_actor_new(both.process, "actor");

    for (int i = 0; i < self->variant; i++) {
        struct cts_op *call = start_call(self, &both, actor);
        cts_check_blocked(call);
        cts_set(both.process, both.sync);
        cts_check_returned(call, rcIpcInterrupt);
        cts_check_returned(start_recv(self, &both, actor), rcIpcInterrupt);
        cts_check_returned(start_call(self, &both, actor), rcIpcInterrupt);
        cts_clear(both.process, both.sync);

        struct cts_op *recv = start_recv(self, &both, actor);
        cts_check_blocked(recv);
        cts_set(both.process, both.sync);
        cts_check_returned(recv, rcIpcInterrupt);
        cts_clear(both.process, both.sync);

        call = start_call(self, &both, actor);
        cts_check_blocked(call);
        recv = cts_start_recv(both.peer, both.calls.server);
        cts_check_returned(recv, rcOk);
        cts_check_served(both.peer, recv, call);

        recv = start_recv(self, &both, actor);
        cts_check_blocked(recv);
        call = cts_start_call(both.peer, both.receives.client, CTS_PLAIN);
        cts_check_returned(recv, rcOk);
        cts_check_served(actor, recv, call);
    }
}

/* STATE-06: a thread that holds a request calls with the object it received with: that call is
 * queued and interrupted, and the request it holds is answered all the same. */
static void call_while_holding_a_request(const struct cts_case *self)
{
    struct both both = both_new(self);
    struct cts_actor *actor = cts_actor_new(both.process, "actor");
    for (int i = 0; i < self->variant; i++) {
        struct cts_op *recv = start_recv(self, &both, actor);
        cts_require_blocked(recv);
        struct cts_op *outer = cts_start_call(both.peer, both.receives.client, CTS_PLAIN);
        cts_require_returned(recv, rcOk);

        struct cts_op *inner = start_call(self, &both, actor);
        cts_may_lack_room(inner);
        cts_settle();
        if (cts_returned(inner) && cts_rc(inner) != rcIpcInterrupt) {
            cts_skip("a thread that holds a request cannot call");
        }
        cts_check_blocked(inner);
        cts_set(both.process, both.sync);
        cts_check_returned(inner, rcIpcInterrupt);
        cts_check_served(actor, recv, outer);
        cts_clear(both.process, both.sync);
    }
}

static const struct cts_case cases[] = {
    {"STATE-05.1", "one Set interrupts a CallEx and a RecvEx", one_set_interrupts_both_kinds,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 1, CTS_SMOKE},
    {"STATE-05.2", "one Set interrupts four CallEx and four RecvEx", one_set_interrupts_both_kinds,
     CTS_ONE_PROCESS, CTS_LIMITED, 4, 0},
    {"STATE-05.3", "one Set interrupts CallEx and RecvEx, two processes",
     one_set_interrupts_both_kinds, CTS_TWO_PROCESSES, CTS_UNLIMITED, 2, CTS_SMOKE},
    {"STATE-05.7", "one Set interrupts CallEx and RecvEx", one_set_interrupts_both_kinds,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 2, 0},
    {"STATE-05.4", "one Set interrupts both kinds and leaves a taken CallEx",
     set_after_some_have_completed, CTS_ONE_PROCESS, CTS_UNLIMITED, 2, 0},
    {"STATE-05.5", "one Set interrupts both kinds and leaves a taken CallEx, two processes",
     set_after_some_have_completed, CTS_TWO_PROCESSES, CTS_LIMITED, 1, 0},
    {"STATE-05.8", "one Set interrupts both kinds and leaves a taken CallEx, one process",
     set_after_some_have_completed, CTS_ONE_PROCESS, CTS_LIMITED, 1, 0},
    {"STATE-06.1", "one thread calls and receives in turn", one_thread_in_turn, CTS_ONE_PROCESS,
     CTS_UNLIMITED, 1, CTS_SMOKE},
    {"STATE-06.2", "one thread calls and receives in turn, three times, with limits",
     one_thread_in_turn, CTS_ONE_PROCESS, CTS_LIMITED, 3, 0},
    {"STATE-06.3", "one thread calls and receives in turn, two processes", one_thread_in_turn,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, 2, 0},
    {"STATE-06.6", "one thread calls and receives in turn, one process", one_thread_in_turn,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 2, 0},
    {"STATE-06.4", "one thread calls while it holds a request", call_while_holding_a_request,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 2, 0},
    {"STATE-06.5", "one thread calls while it holds a request, two processes",
     call_while_holding_a_request, CTS_TWO_PROCESSES, CTS_LIMITED, 1, 0},
    {"STATE-06.7", "one thread calls while it holds a request, one process",
     call_while_holding_a_request, CTS_ONE_PROCESS, CTS_LIMITED, 1, 0},
    {"STATE-05.6", "Set interrupts a RecvEx beside a taken CallEx of the same channel",
     both_kinds_on_one_channel, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
};
CTS_GROUP(cts_group_state_both_kinds, cases);
