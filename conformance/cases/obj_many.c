/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OBJ-15 and OBJ-16: very many objects, one after the other and all at once. Growth of memory shows
 * as a Create that fails, as the live objects that the harness compares, or as the worker's limit;
 * obj_leak.c looks at it more closely.
 */
#include <cts/cts.h>

enum {
    /* Rounds of one operation: the harness limits an operation, and a library may be slow. */
    PORTION = 2000,
    FIRST_PORTION = 16,
    THREADS_MAX = 4,
};
#define SHORT_NS 100000000u

/* A library that is slower than that makes fewer rounds, and the case says so: more than there are numbers of 16 bits,
 * if that can be. */
#define BUDGET_NS 6000000000u
#define ROUNDS_LEAST 70000u
#define BUDGET_MOST_NS 20000000000u

/* What is done in rounds. */
struct churning {
    const char *what;
    struct cts_actor *churners[THREADS_MAX]; /* all at once */
    int count;
    bool used; /* each object is set and interrupts calls on these, at which nobody waits */
    Handle client;
    Handle server;
};

static struct cts_op *start_portion(const struct churning *c, int churner, unsigned rounds)
{
    return c->used ? cts_start_churn_used(c->churners[churner], c->client, c->server, rounds)
                   : cts_start_churn(c->churners[churner], rounds);
}

/* That many rounds by each of the threads, without an error. */
static void churn(const struct churning *c, unsigned rounds)
{
    struct cts_op *churns[THREADS_MAX];
    unsigned done = 0;
    unsigned most = FIRST_PORTION;
    rtl_uint64_t spent_ns = 0;
    rtl_uint64_t budget_most_ns = c->used ? BUDGET_NS : BUDGET_MOST_NS;
    /* If each object leaves a thread or a descriptor behind, the machine has not enough for all. */
    struct cts_growth *growth = cts_growth_begin(FIRST_PORTION);
    while (cts_growth_next(growth)) {
        cts_check_returned(start_portion(c, 0, FIRST_PORTION), rcOk);
    }
    cts_check_no_leak(growth);
    while (done < rounds && spent_ns < (done < ROUNDS_LEAST ? budget_most_ns : BUDGET_NS)) {
        unsigned portion = rounds - done < most ? rounds - done : most;
        for (int i = 0; i < c->count; i++) {
            churns[i] = start_portion(c, i, portion);
        }
        for (int i = 0; i < c->count; i++) {
            cts_check_returned(churns[i], rcOk);
        }
        if (cts_elapsed_ns(churns[0]) < SHORT_NS && most < PORTION) {
            most *= 2;
        }
        spent_ns += cts_elapsed_ns(churns[0]);
        done += portion;
    }
    if (done < rounds) {
        cts_observe(c->what, "slow: fewer rounds than planned");
    }
}

/* OBJ-15: create/close repeated `variant` times does not fail. */
static void churn_does_not_fail(const struct cts_case *self)
{
    struct cts_process *process =
        self->layout == CTS_TWO_PROCESSES ? cts_process_new() : cts_process_first();
    struct churning plain = {.what = "Create and Close", .count = 1};
    plain.churners[0] = cts_actor_new(process, "churner");

    churn(&plain, (unsigned)self->variant);
    cts_check_returned(cts_start_create(plain.churners[0]), rcOk);
}

/* OBJ-15: the same while another object is alive and two threads wait with it. Churn changes
 * neither its state nor their waits. */
static void churn_beside_an_object_in_use(const struct cts_case *self)
{
    struct cts_link calls = cts_link_open(CTS_ONE_PROCESS);
    struct cts_link receives = cts_link_open(CTS_ONE_PROCESS);
    struct cts_process *process = calls.client_process;
    struct churning plain = {.what = "Create and Close", .count = 1};
    plain.churners[0] = cts_actor_new(process, "churner");
    struct cts_actor *client = cts_actor_new(process, "client");
    struct cts_actor *server = cts_actor_new(process, "server");
    Handle sync = cts_sync_new(process);
    unsigned rounds = (unsigned)self->variant / 2;

    struct cts_op *call =
        cts_start_call_ex(client, calls.client, CTS_PLAIN, cts_mdelay(self), sync);
    struct cts_op *recv = cts_start_recv_ex(server, receives.server, cts_mdelay(self), sync);
    cts_require_blocked(call);
    cts_require_blocked(recv);

    churn(&plain, rounds);
    cts_check_blocked(call);
    cts_check_blocked(recv);
    cts_set(process, sync);
    cts_check_returned(call, rcIpcInterrupt);
    cts_check_returned(recv, rcIpcInterrupt);
    churn(&plain, rounds);
    call = cts_start_call_ex(client, calls.client, CTS_PLAIN, cts_mdelay(self), sync);
    cts_check_returned(call, rcIpcInterrupt);
}

/* OBJ-15: four threads at once, 100 000 rounds together. */
static void four_threads_churn(const struct cts_case *self)
{
    struct churning plain = {.what = "Create and Close", .count = THREADS_MAX};
    for (int i = 0; i < THREADS_MAX; i++) {
        plain.churners[i] = cts_actor_new(cts_process_first(), "churner");
    }

    churn(&plain, (unsigned)self->variant / THREADS_MAX);
}

/* OBJ-15: the same with objects that were set and have interrupted calls of both kinds, half of which are set when
 * they are closed. */
static void used_churn_does_not_fail(const struct cts_case *self)
{
    struct cts_link calls = cts_link_open(CTS_ONE_PROCESS);
    struct cts_link receives = cts_link_open(CTS_ONE_PROCESS);
    struct churning used = {.what = "objects that interrupt",
                            .count = 1,
                            .used = true,
                            .client = calls.client,
                            .server = receives.server};
    used.churners[0] = cts_actor_new(calls.client_process, "churner");

    churn(&used, (unsigned)self->variant);
    cts_check_returned(cts_start_create(used.churners[0]), rcOk);
}

/* OBJ-15: objects that were set and have interrupted a thread go as completely as unused ones. */
static void used_objects_are_closed_many_times(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");

    for (int i = 0; i < self->variant; i++) {
        struct cts_op *create = cts_start_create(client);
        cts_check_returned(create, rcOk);
        Handle sync = cts_handle(create);
        cts_check_returned(cts_start_set(client, sync), rcOk);
        struct cts_op *call =
            cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), sync);
        cts_check_returned(call, rcIpcInterrupt);
        cts_check_returned(cts_start_close(client, sync), rcOk);
    }
    cts_check_exchange(client, link.client, server, link.server);
}

/* OBJ-16: objects are created until Create fails or `variant` of them exist, then closed. Invariant:
 * the failure is an error code, what existed before still works, and Create works again. */
static void exhaustion_is_an_error_code(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *creator = cts_actor_new(link.client_process, "creator");
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    Handle sync = cts_sync_new(link.client_process);
    struct cts_op *call = cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), sync);
    cts_require_blocked(call);

    struct cts_op *exhaust = cts_start_exhaust(creator, (unsigned)self->variant);
    Retcode rc = cts_wait(exhaust);

    cts_observe("Create with very many objects alive", cts_rc_name(rc));
    cts_check_that(rc != rcIpcInterrupt, "exhaustion is not reported as rcIpcInterrupt");
    cts_check_blocked(call);
    cts_check_returned(cts_start_churn(creator, 1000), rcOk);
    struct cts_op *create = cts_start_create(creator);
    cts_check_returned(create, rcOk);
    cts_check_returned(cts_start_set(creator, cts_handle(create)), rcOk);
    cts_check_blocked(call);
    cts_set(link.client_process, sync);
    cts_check_returned(call, rcIpcInterrupt);
}

static const struct cts_case cases[] = {
    {"OBJ-15.1", "Create and Close 100000 times", churn_does_not_fail, CTS_ONE_PROCESS,
     CTS_UNLIMITED, 100000, CTS_LONG},
    {"OBJ-15.2", "Create and Close 300000 times beside an object in use",
     churn_beside_an_object_in_use, CTS_ONE_PROCESS, CTS_UNLIMITED, 300000, CTS_LONG},
    {"OBJ-15.3", "Create and Close 100000 times by four threads at once", four_threads_churn,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 100000, CTS_LONG | CTS_FREE_RUNNING},
    {"OBJ-15.4", "Create and Close 100000 times in a second process", churn_does_not_fail,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, 100000, CTS_LONG},
    {"OBJ-15.5", "objects that interrupted a CallEx are closed 300 times",
     used_objects_are_closed_many_times, CTS_ONE_PROCESS, CTS_LIMITED, 300, CTS_SMOKE},
    {"OBJ-15.6", "140000 objects that interrupt calls come and go", used_churn_does_not_fail,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 140000, CTS_LONG},
    {"OBJ-16.1", "what Create returns when there are 200000 objects", exhaustion_is_an_error_code,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 200000, CTS_LONG | CTS_OPT_IN},
    {"OBJ-16.2", "what Create returns when a second process has 200000 objects",
     exhaustion_is_an_error_code, CTS_TWO_PROCESSES, CTS_UNLIMITED, 200000, CTS_LONG | CTS_OPT_IN},
};
CTS_GROUP(cts_group_obj_many, cases);
