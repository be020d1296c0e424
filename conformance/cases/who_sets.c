/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which thread makes the object, which sets it, and which waits: none of it matters. Elsewhere a thread
 * that does nothing else makes and sets all objects, and the threads that wait are older than the Set.
 */
#include <cts/cts.h>

enum { CALL, RECV };

struct scene {
    struct cts_link link;
    struct cts_actor *client;
    struct cts_actor *server;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    return s;
}

static Handle created_by(struct cts_actor *actor)
{
    struct cts_op *create = cts_start_create(actor);
    cts_require_returned(create, rcOk);
    return cts_handle(create);
}

/* CALL-02: the object is set by the very thread that holds the request, as a server does that shuts its
 * own process down from a request. variant: how often it sets and clears it. */
static void set_by_the_thread_that_holds_the_request(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle sync = cts_sync_new(s.link.client_process);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), sync);
    cts_require_returned(recv, rcOk);

    for (int i = 0; i < self->variant; i++) {
        cts_require_returned(cts_start_clear(s.server, sync), rcOk);
        cts_require_returned(cts_start_set(s.server, sync), rcOk);
    }

    cts_check_blocked(call);
    cts_check_served(s.server, recv, call);
}

/* CALL-02: the Reply comes from another thread than the one that received the request. Where that is
 * possible without a Set it is so after one. That it is possible is not written anywhere, nor what becomes of
 * the call where it is not. */
static void answered_by_another_thread(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *servers[2] = {s.server, cts_actor_new(s.link.server_process, "server 2")};
    struct cts_actor *replier = cts_actor_new(s.link.server_process, "replier");
    Handle sync = cts_sync_new(s.link.client_process);
    for (int round = 0; round < 2; round++) {
        struct cts_op *recv = cts_start_recv(servers[round], s.link.server);
        struct cts_op *call =
            cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), sync);
        cts_require_returned(recv, rcOk);
        if (round == 1) {
            cts_set(s.link.client_process, sync);
        }

        struct cts_op *reply = cts_start_reply(replier, recv, CTS_PLAIN);

        if (round == 0) {
            cts_may_lack_room(reply);
            cts_may_lack_room(call);
            if (cts_wait(reply) != rcOk || cts_wait(call) != rcOk) {
                cts_skip("only the thread that received a request may answer it");
            }
        }
        cts_check_returned(reply, rcOk);
        cts_check_returned(call, rcOk);
    }
}

/* RECV-02: the thread that processes a request sets the object with which it received it. */
static void set_by_the_thread_that_processes(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle sync = created_by(s.server);
    struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), sync);
    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_require_returned(recv, rcOk);

    cts_require_returned(cts_start_set(s.server, sync), rcOk);

    cts_check_served(s.server, recv, call);
}

/* CALL-01: the thread that waits has made the object, and one that has never touched it sets it. */
static void call_with_an_object_of_its_own(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *setter = cts_actor_new(s.link.client_process, "setter");
    Handle sync = created_by(s.client);
    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), sync);
    cts_require_blocked(call);

    cts_require_returned(cts_start_set(setter, sync), rcOk);

    cts_check_returned(call, rcIpcInterrupt);
}

/* RECV-01: likewise. */
static void receive_with_an_object_of_its_own(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *setter = cts_actor_new(s.link.server_process, "setter");
    Handle sync = created_by(s.server);
    struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), sync);
    cts_require_blocked(recv);

    cts_require_returned(cts_start_set(setter, sync), rcOk);

    cts_check_returned(recv, rcIpcInterrupt);
}

/* STATE-08: a thread that did not exist yet when Set returned. variant: what it calls, first of all. */
static void thread_younger_than_set(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    bool calls = self->variant == CALL;
    struct cts_process *process = calls ? s.link.client_process : s.link.server_process;
    Handle sync = cts_sync_new(process);
    cts_set(process, sync);
    struct cts_actor *young = cts_actor_new(process, "young");

    struct cts_op *wait =
        calls ? cts_start_call_ex(young, s.link.client, CTS_PLAIN, cts_mdelay(self), sync)
              : cts_start_recv_ex(young, s.link.server, cts_mdelay(self), sync);

    cts_check_returned(wait, rcIpcInterrupt);
}

/* STATE-08: one thread does everything. */
static void one_thread_makes_sets_and_waits(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *actor = self->variant == CALL ? s.client : s.server;
    Handle sync = created_by(actor);
    cts_require_returned(cts_start_set(actor, sync), rcOk);

    for (int i = 0; i < 2; i++) {
        struct cts_op *wait =
            self->variant == CALL
                ? cts_start_call_ex(actor, s.link.client, CTS_PLAIN, cts_mdelay(self), sync)
                : cts_start_recv_ex(actor, s.link.server, cts_mdelay(self), sync);
        cts_check_returned(wait, rcIpcInterrupt);
    }
}

static const struct cts_case cases[] = {
    {"CALL-02.35", "a taken CallEx ignores the Set of the thread that holds it",
     set_by_the_thread_that_holds_the_request, CTS_ONE_PROCESS, CTS_UNLIMITED, 1, 0},
    {"CALL-02.36", "a taken CallEx ignores Clear, Set, Clear, Set of its holder, limit",
     set_by_the_thread_that_holds_the_request, CTS_ONE_PROCESS, CTS_LIMITED, 2, 0},
    {"RECV-02.45", "the Set of the thread that processes does not disturb it",
     set_by_the_thread_that_processes, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-02.46", "the Set of the thread that processes does not disturb it, two processes",
     set_by_the_thread_that_processes, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"RECV-02.50", "the Set of the thread that processes does not disturb it, limit",
     set_by_the_thread_that_processes, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"CALL-01.12", "a queued CallEx with an object of its own thread is interrupted",
     call_with_an_object_of_its_own, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-01.13", "a queued CallEx with an object of its own thread, limit, two processes",
     call_with_an_object_of_its_own, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-01.86", "a queued CallEx with an object of its own thread is interrupted, limit",
     call_with_an_object_of_its_own, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-01.10", "a waiting RecvEx with an object of its own thread is interrupted",
     receive_with_an_object_of_its_own, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-01.11", "a waiting RecvEx with an object of its own thread, limit, two processes",
     receive_with_an_object_of_its_own, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"RECV-01.83", "a waiting RecvEx with an object of its own thread is interrupted, limit",
     receive_with_an_object_of_its_own, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"STATE-08.88", "CallEx of a thread younger than Set is interrupted", thread_younger_than_set,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"STATE-08.89", "RecvEx of a thread younger than Set is interrupted", thread_younger_than_set,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
    {"STATE-08.90", "CallEx of a thread younger than Set is interrupted, two processes",
     thread_younger_than_set, CTS_TWO_PROCESSES, CTS_LIMITED, CALL, 0},
    {"STATE-08.103", "CallEx of a thread younger than Set is interrupted, limit",
     thread_younger_than_set, CTS_ONE_PROCESS, CTS_LIMITED, CALL, 0},
    {"STATE-08.91", "CallEx of the thread that made and set the object is interrupted",
     one_thread_makes_sets_and_waits, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"STATE-08.92", "RecvEx of the thread that made and set the object, two processes",
     one_thread_makes_sets_and_waits, CTS_TWO_PROCESSES, CTS_LIMITED, RECV, 0},
    {"STATE-08.102", "RecvEx of the thread that made and set the object",
     one_thread_makes_sets_and_waits, CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
    {"CALL-02.45", "a taken CallEx is completed by another thread after Set",
     answered_by_another_thread, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
};
CTS_GROUP(cts_group_who_sets, cases);
