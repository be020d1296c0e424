/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCOPE-01 and SCOPE-02: an object concerns the threads of its own process, and processes have
 * objects of their own, also with equal numbers. Where a library gives no equal numbers in two
 * processes, the objects are still independent.
 */
#include <cts/cts.h>

/* variant: whose object is set. */
enum { FIRST_IS_SET = 0, NEW_IS_SET = 1 };
enum { PROCESSES = 3, OBJECTS = 4 };

/* Threads of one process that wait, both kinds, with an object and without. Their peers live in
 * another process. */
struct party {
    struct cts_process *process;
    struct cts_process *peer_process;
    Handle sync;
    struct cts_link calls;
    struct cts_link receives;
    struct cts_link plain_calls;
    struct cts_link plain_receives;
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_actor *plain_server;
    struct cts_op *call;
    struct cts_op *recv;
    struct cts_op *plain_call;
    struct cts_op *plain_recv;
};

/* An object of `process`, with the number `wanted` if the library gives that. */
static Handle object_with_number(struct cts_process *process, Handle wanted)
{
    struct cts_actor *creator = cts_actor_new(process, "creator");
    Handle last = INVALID_HANDLE;
    for (int i = 0; i < 8; i++) {
        last = cts_sync_new(process);
        if (last == wanted) {
            return last;
        }
    }
    struct cts_op *recreate = cts_start_recreate(creator, wanted, 300);
    cts_require_returned(recreate, rcOk);
    return cts_handle(recreate) == wanted ? wanted : last;
}

static struct party party_new(struct cts_process *process, struct cts_process *peer_process,
                              Handle sync)
{
    struct party p = {.process = process, .peer_process = peer_process, .sync = sync};
    p.calls = cts_link_between(peer_process, process);
    p.receives = cts_link_between(process, peer_process);
    p.plain_calls = cts_link_between(peer_process, process);
    p.plain_receives = cts_link_between(process, peer_process);
    p.client = cts_actor_new(process, "client");
    p.server = cts_actor_new(process, "server");
    return p;
}

static void party_start(const struct cts_case *self, struct party *p)
{
    struct cts_actor *plain_client = cts_actor_new(p->process, "plain client");
    p->plain_server = cts_actor_new(p->process, "plain server");
    p->call = cts_start_call_ex(p->client, p->calls.client, CTS_PLAIN, cts_mdelay(self), p->sync);
    p->recv = cts_start_recv_ex(p->server, p->receives.server, cts_mdelay(self), p->sync);
    p->plain_call = cts_start_call(plain_client, p->plain_calls.client, CTS_PLAIN);
    p->plain_recv = cts_start_recv_ex(p->plain_server, p->plain_receives.server, cts_mdelay(self),
                                      INVALID_HANDLE);
}

static void party_wait(const struct cts_case *self, struct party *p)
{
    party_start(self, p);
    cts_require_blocked(p->call);
    cts_require_blocked(p->recv);
    cts_require_blocked(p->plain_call);
    cts_require_blocked(p->plain_recv);
}

static void check_interrupted(const struct party *p)
{
    cts_check_returned(p->call, rcIpcInterrupt);
    cts_check_returned(p->recv, rcIpcInterrupt);
}

static void check_waiting(const struct party *p)
{
    cts_check_blocked(p->call);
    cts_check_blocked(p->recv);
}

/* A peer comes to a call and to a receive that wait on these links; who received replies. */
static void check_completes(const struct party *p, struct cts_op *call,
                            const struct cts_link *calls, struct cts_actor *server,
                            struct cts_op *recv, const struct cts_link *receives)
{
    struct cts_actor *peer_server = cts_actor_new(p->peer_process, "peer server");
    struct cts_actor *peer_client = cts_actor_new(p->peer_process, "peer client");
    struct cts_op *peer_recv = cts_start_recv(peer_server, calls->server);
    cts_check_returned(peer_recv, rcOk);
    cts_check_served(peer_server, peer_recv, call);
    struct cts_op *peer_call = cts_start_call(peer_client, receives->client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    cts_check_served(server, recv, peer_call);
}

static void check_plain_completes(const struct party *p)
{
    check_completes(p, p->plain_call, &p->plain_calls, p->plain_server, p->plain_recv,
                    &p->plain_receives);
}

/* An object of each process, with equal numbers if the library gives such. */
static void objects_of_two(struct cts_process *owner, struct cts_process *stranger, Handle *own,
                           Handle *strange)
{
    enum { TRIES = 4 };
    Handle owners[TRIES];
    for (int i = 0; i < TRIES; i++) {
        owners[i] = cts_sync_new(owner);
    }
    for (int i = 0; i < TRIES; i++) {
        *strange = cts_sync_new(stranger);
        for (int k = 0; k < TRIES; k++) {
            if (owners[k] == *strange) {
                *own = owners[k];
                return;
            }
        }
    }
    *own = owners[0];
    *strange = object_with_number(stranger, *own);
}

/* SCOPE-01: threads of two processes wait, both kinds; Set interrupts those of its process. */
static void set_concerns_its_own_process(const struct cts_case *self)
{
    struct cts_process *first = cts_process_first();
    struct cts_process *second = cts_process_new();
    struct cts_process *owner = self->variant == FIRST_IS_SET ? first : second;
    struct cts_process *stranger = self->variant == FIRST_IS_SET ? second : first;
    Handle sync = INVALID_HANDLE;
    Handle strange_sync = INVALID_HANDLE;
    objects_of_two(owner, stranger, &sync, &strange_sync);
    struct party own = party_new(owner, stranger, sync);
    struct party strange = party_new(stranger, owner, strange_sync);
    party_wait(self, &own);
    party_wait(self, &strange);

    cts_set(own.process, own.sync);

    check_interrupted(&own);
    check_waiting(&strange);
    check_completes(&strange, strange.call, &strange.calls, strange.server, strange.recv,
                    &strange.receives);
    check_plain_completes(&own);
    check_plain_completes(&strange);
}

/* SCOPE-01: the object is set before; threads of the other process begin to wait afterwards. */
static void set_object_lets_others_wait(const struct cts_case *self)
{
    struct cts_process *first = cts_process_first();
    struct cts_process *second = cts_process_new();
    struct cts_process *owner = self->variant == FIRST_IS_SET ? first : second;
    struct cts_process *stranger = self->variant == FIRST_IS_SET ? second : first;
    Handle sync = INVALID_HANDLE;
    Handle strange_sync = INVALID_HANDLE;
    objects_of_two(owner, stranger, &sync, &strange_sync);
    struct party strange = party_new(stranger, owner, strange_sync);
    cts_set(owner, sync);

    party_start(self, &strange);

    check_waiting(&strange);
    cts_set(stranger, strange.sync);
    check_interrupted(&strange);
    cts_clear(stranger, strange.sync);
    check_plain_completes(&strange);
}

/* SCOPE-02: three processes have objects with equal numbers; each is set, cleared and closed for
 * itself. */
static void equal_numbers_are_independent(const struct cts_case *self)
{
    struct cts_process *processes[PROCESSES] = {NULL};
    struct party parties[PROCESSES] = {{0}};
    for (int i = 0; i < PROCESSES; i++) {
        processes[i] = cts_process_new();
        Handle wanted = i == 0 ? INVALID_HANDLE : parties[0].sync;
        Handle sync =
            i == 0 ? cts_sync_new(processes[0]) : object_with_number(processes[i], wanted);
        parties[i] = party_new(processes[i], cts_process_first(), sync);
        party_wait(self, &parties[i]);
    }

    cts_set(processes[1], parties[1].sync);
    check_interrupted(&parties[1]);
    check_waiting(&parties[0]);
    check_waiting(&parties[2]);

    cts_clear(processes[0], parties[0].sync);
    struct cts_op *again = cts_start_call_ex(parties[1].client, parties[1].calls.client, CTS_PLAIN,
                                             cts_mdelay(self), parties[1].sync);
    cts_check_returned(again, rcIpcInterrupt);
    cts_close(processes[1], parties[1].sync);
    check_waiting(&parties[0]);
    check_waiting(&parties[2]);

    cts_set(processes[2], parties[2].sync);
    check_interrupted(&parties[2]);
    check_waiting(&parties[0]);
    check_completes(&parties[0], parties[0].call, &parties[0].calls, parties[0].server,
                    parties[0].recv, &parties[0].receives);
    for (int i = 0; i < PROCESSES; i++) {
        check_plain_completes(&parties[i]);
    }
}

/* SCOPE-02: two processes have several objects each; one of them is set, and no other. */
static void one_of_many_is_set(const struct cts_case *self)
{
    struct cts_process *second = cts_process_new();
    struct cts_process *processes[2] = {cts_process_first(), second};
    struct cts_link link = cts_link_between(processes[0], second);
    struct cts_link back = cts_link_between(second, processes[0]);
    Handle clients[2] = {back.client, link.client};
    Handle objects[2][OBJECTS] = {{0}};
    struct cts_op *calls[2][OBJECTS] = {{NULL}};
    for (int i = 0; i < OBJECTS; i++) {
        for (int p = 0; p < 2; p++) {
            objects[p][i] = cts_sync_new(processes[p]);
            calls[p][i] = cts_start_call_ex(cts_actor_new(processes[p], "client"), clients[p],
                                            CTS_PLAIN, cts_mdelay(self), objects[p][i]);
            cts_require_blocked(calls[p][i]);
        }
    }

    for (int i = 0; i < OBJECTS; i++) {
        for (int p = 0; p < 2; p++) {
            cts_set(processes[p], objects[p][i]);
            cts_check_returned(calls[p][i], rcIpcInterrupt);
            for (int later = i + 1; later < OBJECTS; later++) {
                cts_check_blocked(calls[0][later]);
                cts_check_blocked(calls[1][later]);
            }
        }
    }
}

static const struct cts_case cases[] = {
    {"SCOPE-01.1", "Set in the first process interrupts no thread of another",
     set_concerns_its_own_process, CTS_TWO_PROCESSES, CTS_UNLIMITED, FIRST_IS_SET, CTS_SMOKE},
    {"SCOPE-01.2", "Set in a new process interrupts no thread of another",
     set_concerns_its_own_process, CTS_TWO_PROCESSES, CTS_LIMITED, NEW_IS_SET, 0},
    {"SCOPE-01.3", "while an object of the first process is set, others wait",
     set_object_lets_others_wait, CTS_TWO_PROCESSES, CTS_UNLIMITED, FIRST_IS_SET, CTS_SMOKE},
    {"SCOPE-01.4", "while an object of a new process is set, others wait",
     set_object_lets_others_wait, CTS_TWO_PROCESSES, CTS_LIMITED, NEW_IS_SET, 0},
    {"SCOPE-02.1", "objects with equal numbers in three processes are independent",
     equal_numbers_are_independent, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"SCOPE-02.2", "objects with equal numbers are independent, limited waits",
     equal_numbers_are_independent, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"SCOPE-02.3", "one of many objects in two processes is set", one_of_many_is_set,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, CTS_SMOKE},
};
CTS_GROUP(cts_group_scope_process, cases);
