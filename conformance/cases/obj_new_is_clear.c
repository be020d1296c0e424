/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OBJ-04: a new object does not interrupt. Looked at with what could make it start out set:
 * nothing, another object that is set, set objects that were closed just before.
 */
#include <cts/cts.h>

/* variant: kind of wait and history of the process. */
enum { CALL = 0, RECV = 1, OTHER_IS_SET = 2, SET_ONES_CLOSED = 4 };
enum { EARLIER_OBJECTS = 8 };

static void make_history(const struct cts_case *self, struct cts_process *process)
{
    Handle earlier[EARLIER_OBJECTS];
    for (int i = 0; i < EARLIER_OBJECTS; i++) {
        earlier[i] = cts_sync_new(process);
        cts_set(process, earlier[i]);
    }
    if (self->variant & SET_ONES_CLOSED) {
        for (int i = 0; i < EARLIER_OBJECTS; i++) {
            cts_close(process, earlier[i]);
        }
    }
}

/* OBJ-04: an Ex call with a new object waits, and completes when its peer comes. */
static void new_object_does_not_interrupt(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    bool calls = (self->variant & RECV) == 0;
    struct cts_process *process = calls ? link.client_process : link.server_process;
    if (self->variant & (OTHER_IS_SET | SET_ONES_CLOSED)) {
        make_history(self, process);
    }

    Handle sync = cts_sync_new(process);

    struct cts_op *call;
    struct cts_op *recv;
    if (calls) {
        call = cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), sync);
        cts_check_blocked(call);
        recv = cts_start_recv(server, link.server);
    } else {
        recv = cts_start_recv_ex(server, link.server, cts_mdelay(self), sync);
        cts_check_blocked(recv);
        call = cts_start_call(client, link.client, CTS_PLAIN);
    }
    cts_check_returned(recv, rcOk);
    cts_check_served(server, recv, call);
}

/* OBJ-04: eight new objects, made while eight others are set, and a client queued with each. */
static void many_new_objects_do_not_interrupt(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    make_history(self, link.client_process);
    struct cts_op *calls[EARLIER_OBJECTS];

    for (int i = 0; i < EARLIER_OBJECTS; i++) {
        struct cts_actor *client = cts_actor_new(link.client_process, "client");
        calls[i] = cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self),
                                     cts_sync_new(link.client_process));
        cts_check_blocked(calls[i]);
    }

    /* Which client is taken first is open. */
    for (int i = 0; i < EARLIER_OBJECTS; i++) {
        struct cts_op *recv = cts_start_recv(server, link.server);
        cts_check_returned(recv, rcOk);
        cts_check_returned(cts_start_reply(server, recv, CTS_PLAIN), rcOk);
    }
    for (int i = 0; i < EARLIER_OBJECTS; i++) {
        cts_check_returned(calls[i], rcOk);
    }
}

/* OBJ-04: the set one was closed while a server held the request of its call. Close may refuse, and may wait for the
 * call. */
static void made_after_a_close_in_service(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *second = cts_actor_new(link.client_process, "second");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    Handle old = cts_sync_new(link.client_process);
    struct cts_op *recv = cts_start_recv(server, link.server);
    cts_require_blocked(recv);
    struct cts_op *taken = cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), old);
    cts_require_returned(recv, rcOk);
    cts_set(link.client_process, old);
    struct cts_op *close = cts_start_close(cts_actor_new(link.client_process, "closer"), old);
    cts_may_lack_room(close);
    cts_settle();

    Handle sync = cts_sync_new(link.client_process);

    struct cts_op *call = cts_start_call_ex(second, link.client, CTS_PLAIN, cts_mdelay(self), sync);
    cts_check_blocked(call);
    (void)cts_wait(cts_start_reply(server, recv, CTS_PLAIN));
    (void)cts_wait(taken);
    (void)cts_wait(close);
    recv = cts_start_recv(server, link.server);
    cts_check_returned(recv, rcOk);
    cts_check_served(server, recv, call);
}

static const struct cts_case cases[] = {
    {"OBJ-04.20", "an object made after a set one was closed in service does not interrupt",
     made_after_a_close_in_service, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"OBJ-04.21", "an object made after a set one was closed in service, limit, two processes",
     made_after_a_close_in_service, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"OBJ-04.1", "CallEx with a new object waits", new_object_does_not_interrupt, CTS_ONE_PROCESS,
     CTS_UNLIMITED, CALL, CTS_SMOKE},
    {"OBJ-04.2", "RecvEx with a new object waits", new_object_does_not_interrupt, CTS_ONE_PROCESS,
     CTS_UNLIMITED, RECV, CTS_SMOKE},
    {"OBJ-04.3", "CallEx with a new object waits beside objects that are set",
     new_object_does_not_interrupt, CTS_ONE_PROCESS, CTS_LIMITED, CALL | OTHER_IS_SET, 0},
    {"OBJ-04.4", "RecvEx with a new object waits beside objects that are set",
     new_object_does_not_interrupt, CTS_ONE_PROCESS, CTS_LIMITED, RECV | OTHER_IS_SET, 0},
    {"OBJ-04.5", "CallEx with a new object waits after set objects were closed",
     new_object_does_not_interrupt, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL | SET_ONES_CLOSED,
     CTS_SMOKE},
    {"OBJ-04.6", "RecvEx with a new object waits after set objects were closed",
     new_object_does_not_interrupt, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV | SET_ONES_CLOSED, 0},
    {"OBJ-04.7", "CallEx with a new object waits, two processes", new_object_does_not_interrupt,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, CALL | SET_ONES_CLOSED, 0},
    {"OBJ-04.8", "eight clients with eight new objects wait and are served",
     many_new_objects_do_not_interrupt, CTS_ONE_PROCESS, CTS_UNLIMITED, OTHER_IS_SET, 0},
    {"OBJ-04.9", "eight clients with eight objects in reused places wait and are served",
     many_new_objects_do_not_interrupt, CTS_ONE_PROCESS, CTS_UNLIMITED, SET_ONES_CLOSED, 0},
};
CTS_GROUP(cts_group_obj_new_is_clear, cases);
