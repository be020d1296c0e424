/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OBJ-15: objects that come and go leave nothing behind: no memory, and no threads or descriptors,
 * which are memory of the kernel. Only growth that does not end is a leak, and only what repeats with
 * the objects: in all rounds the threads and channels are the same.
 */
#include <cts/cts.h>

/* Objects of a round in which memory is looked at, in which it is and calls wait, in which they wait, and of one in
 * twelve rounds of which there are 100,000: more than a number of 16 bits counts. */
enum { MANY = 4096, WAITS = 1024, FEW = 4, MADE_ELSEWHERE = 8400 };

/* A library, or a machine, that takes longer for a wait, or for all of them, is not measured. */
enum { FIRST_WAITS = 16, TRIES = 5 };
#define SLOW_NS 2000000u
#define ENOUGH_NS 25000000000u

struct waiting {
    struct cts_actor *waiter;
    struct cts_actor *setter;
    Handle client;
    Handle server;
};

static struct cts_actor *churner_of(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    return cts_actor_new(link.client_process, "churner");
}

/* OBJ-15: Create and Close. */
static void churn_leaves_nothing(const struct cts_case *self)
{
    struct cts_actor *churner = churner_of(self);
    struct cts_growth *growth = cts_growth_begin(MANY);
    while (cts_growth_next(growth)) {
        cts_check_returned(cts_start_churn(churner, MANY), rcOk);
    }
    cts_check_no_leak(growth);
}

/* How long `objects` of the one and the other took. */
static rtl_uint64_t churn_of_two(struct cts_actor *creator, struct cts_actor *closer,
                                 unsigned objects)
{
    struct cts_op *creates = cts_start_churn_creates(creator, objects);
    cts_check_returned(cts_start_churn_closes(closer, creates), rcOk);
    cts_check_returned(creates, rcOk);
    return cts_elapsed_ns(creates);
}

/* OBJ-15: Create by one thread and Close by another. The threads take turns, which a machine may make dear. */
static void churn_of_two_leaves_nothing(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *creator = cts_actor_new(link.client_process, "creator");
    struct cts_actor *closer = cts_actor_new(link.client_process, "closer");
    rtl_uint64_t best_ns = FIRST_WAITS * SLOW_NS + 1;
    for (int i = 0; i < TRIES && best_ns > FIRST_WAITS * SLOW_NS; i++) {
        best_ns = churn_of_two(creator, closer, 4 * FIRST_WAITS);
    }
    struct cts_growth *growth = cts_growth_begin(MADE_ELSEWHERE);
    rtl_uint64_t spent_ns = best_ns > FIRST_WAITS * SLOW_NS ? ENOUGH_NS : 0;
    while (spent_ns < ENOUGH_NS) {
        if (!cts_growth_next(growth)) {
            cts_check_no_leak(growth);
            return;
        }
        spent_ns += churn_of_two(creator, closer, MADE_ELSEWHERE);
    }
    cts_observe("objects that another thread closes", "slow: not measured");
}

/* OBJ-15: objects that were set and have interrupted calls of both kinds. */
static void used_objects_leave_nothing(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(CTS_ONE_PROCESS);
    struct cts_link other = cts_link_open(CTS_ONE_PROCESS);
    struct cts_actor *churner = cts_actor_new(link.client_process, "churner");
    rtl_uint64_t best_ns = FIRST_WAITS * SLOW_NS + 1;
    for (int i = 0; i < TRIES && best_ns > FIRST_WAITS * SLOW_NS; i++) {
        struct cts_op *first =
            cts_start_churn_used(churner, link.client, other.server, FIRST_WAITS);
        cts_check_returned(first, rcOk);
        best_ns = cts_elapsed_ns(first);
    }
    if (best_ns > FIRST_WAITS * SLOW_NS) {
        cts_observe("a thousand objects that interrupt", "slow: not measured");
        return;
    }
    struct cts_growth *growth = cts_growth_begin((unsigned)self->variant);
    while (cts_growth_next(growth)) {
        cts_check_returned(
            cts_start_churn_used(churner, link.client, other.server, (unsigned)self->variant),
            rcOk);
    }
    cts_check_no_leak(growth);
}

/* `rounds` interrupted waits; gives how long they took. */
static rtl_uint64_t wait_often(const struct cts_case *self, const struct waiting *w,
                               unsigned rounds)
{
    struct cts_op *waits =
        cts_start_churn_waited(w->waiter, w->client, w->server, cts_mdelay(self), rounds);
    struct cts_op *sets = cts_start_churn_setter(w->setter, waits);
    cts_check_returned(waits, rcOk);
    cts_check_returned(sets, rcOk);
    return cts_elapsed_ns(waits);
}

/* OBJ-15: objects that have interrupted many calls of both kinds that waited. How soon Set is noticed is
 * written nowhere, so a library that looks now and then is not asked for thousands. */
static void many_waits_leave_nothing(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_link other = cts_link_between(link.client_process, link.server_process);
    struct waiting w = {.client = link.client, .server = other.server};
    w.waiter = cts_actor_new(link.client_process, "waiter");
    w.setter = cts_actor_new(link.client_process, "setter");
    struct cts_actor *peer = cts_actor_new(link.server_process, "peer");
    rtl_uint64_t best_ns = FIRST_WAITS * SLOW_NS + 1;
    for (int i = 0; i < TRIES && best_ns > FIRST_WAITS * SLOW_NS; i++) {
        best_ns = wait_often(self, &w, FIRST_WAITS);
    }
    if (best_ns > FIRST_WAITS * SLOW_NS) {
        cts_observe("a thousand waits in a row", "slow: not measured");
        return;
    }
    struct cts_growth *growth = cts_growth_begin(WAITS);
    rtl_uint64_t spent_ns = 0;
    unsigned rounds = 0;
    while (cts_growth_next(growth)) {
        spent_ns += wait_often(self, &w, WAITS);
        /* What is left of a withdrawn request may go when somebody receives. Not in each round: the harness grows
         * with what it does. */
        if (++rounds % 8 == 0) {
            cts_check_exchange(w.waiter, link.client, peer, link.server);
            cts_check_exchange(peer, other.client, w.waiter, other.server);
        }
        if (spent_ns > ENOUGH_NS) {
            cts_observe("a thousand waits in a row", "slow: not measured");
            return;
        }
    }
    cts_check_no_leak(growth);
}

struct scene {
    struct cts_link link;
    struct cts_actor *client;
    struct cts_actor *server;
};

/* One object of the client's process in a wait that it ends, in one that a limit ends, and in a whole
 * exchange. */
static void use_in_calls(const struct cts_case *self, const struct scene *s)
{
    struct cts_process *process = s->link.client_process;
    Handle sync = cts_sync_new(process);
    struct cts_op *call =
        cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, cts_mdelay(self), sync);
    cts_require_blocked(call);
    cts_set(process, sync);
    cts_require_returned(call, rcIpcInterrupt);
    cts_clear(process, sync);
    call = cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, 1, sync);
    cts_require_returned(call, rcTimeout);
    call = cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, cts_mdelay(self), sync);
    struct cts_op *recv = cts_start_recv(s->server, s->link.server);
    cts_require_returned(recv, rcOk);
    cts_check_served(s->server, recv, call);
    cts_close(process, sync);
}

/* The same for an object of the server's process. */
static void use_in_receives(const struct cts_case *self, const struct scene *s)
{
    struct cts_process *process = s->link.server_process;
    Handle sync = cts_sync_new(process);
    struct cts_op *recv = cts_start_recv_ex(s->server, s->link.server, cts_mdelay(self), sync);
    cts_require_blocked(recv);
    cts_set(process, sync);
    cts_require_returned(recv, rcIpcInterrupt);
    cts_clear(process, sync);
    recv = cts_start_recv_ex(s->server, s->link.server, 1, sync);
    cts_require_returned(recv, rcTimeout);
    recv = cts_start_recv_ex(s->server, s->link.server, cts_mdelay(self), sync);
    struct cts_op *call = cts_start_call(s->client, s->link.client, CTS_PLAIN);
    cts_require_returned(recv, rcOk);
    cts_check_served(s->server, recv, call);
    cts_close(process, sync);
}

/* OBJ-15: objects with which threads have waited. */
static void waits_leave_nothing(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    struct cts_growth *growth = cts_growth_begin(2 * FEW);
    while (cts_growth_next(growth)) {
        for (int i = 0; i < FEW; i++) {
            use_in_calls(self, &s);
            use_in_receives(self, &s);
        }
    }
    cts_check_no_leak(growth);
}

static const struct cts_case cases[] = {
    {"OBJ-15.81", "Create and Close leave nothing behind", churn_leaves_nothing, CTS_ONE_PROCESS,
     CTS_UNLIMITED, 0, CTS_LONG},
    {"OBJ-15.82", "Create and Close leave nothing behind in a second process", churn_leaves_nothing,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, CTS_LONG},
    {"OBJ-15.89", "objects that another thread closes leave nothing behind",
     churn_of_two_leaves_nothing, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_LONG},
    {"OBJ-15.83", "objects that were set and interrupted calls leave nothing behind",
     used_objects_leave_nothing, CTS_ONE_PROCESS, CTS_UNLIMITED, 1024, CTS_LONG},
    {"OBJ-15.84", "objects with which threads waited leave nothing behind", waits_leave_nothing,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_LONG},
    {"OBJ-15.85", "objects with which threads waited leave nothing behind, limit, two processes",
     waits_leave_nothing, CTS_TWO_PROCESSES, CTS_LIMITED, 0, CTS_LONG},
    {"OBJ-15.86", "a thousand waits in a row leave nothing behind", many_waits_leave_nothing,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_LONG},
    {"OBJ-15.87", "a thousand waits in a row leave nothing behind, limit, two processes",
     many_waits_leave_nothing, CTS_TWO_PROCESSES, CTS_LIMITED, 0, CTS_LONG},
    {"OBJ-15.88", "a thousand waits in a row leave nothing behind, limit", many_waits_leave_nothing,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, CTS_LONG},
};
CTS_GROUP(cts_group_obj_leak, cases);
