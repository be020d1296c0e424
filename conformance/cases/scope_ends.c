/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCOPE-01, SCOPE-02 and XFER-09 once more: the two ends of a call that each wait with an object of their own, and more
 * processes than two or three.
 */
#include <cts/cts.h>

/* variant: of the cases with many processes. */
enum { ANY_NUMBERS, OTHER_NUMBERS };
/* With the first one and room for eight objects in all. */
enum { PROCESSES = 6 };
/* So many objects more, to get equal numbers in two processes. */
enum { TRIES = 5, SET_FOR_MS = 20 };

/* SCOPE-01: the numbers are equal where the library gives equal ones. Set of the server's object while the request
 * waits, or is in service, leaves the client's call alone. */
static void each_end_has_its_own(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    Handle clients = cts_sync_new(link.client_process);
    Handle servers = cts_sync_new(link.server_process);
    /* Each end has the handles of the channel, too: the one with the lower number goes on. */
    for (int i = 0; i < TRIES && servers != clients; i++) {
        if (clients < servers) {
            clients = cts_sync_new(link.client_process);
        } else {
            servers = cts_sync_new(link.server_process);
        }
    }
    struct cts_op *call =
        cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), clients);
    cts_require_blocked(call);
    cts_set(link.server_process, servers);
    cts_check_blocked(call);
    /* A library may do at Clear what it put off while the object was set. */
    cts_require_returned(cts_start_sleep(server, SET_FOR_MS), rcOk);
    cts_clear(link.server_process, servers);
    cts_check_blocked(call);

    struct cts_op *recv = cts_start_recv_ex(server, link.server, cts_mdelay(self), servers);
    cts_check_returned(recv, rcOk);
    cts_set(link.server_process, servers);

    cts_check_blocked(call);
    cts_check_served(server, recv, call);
    call = cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), clients);
    cts_check_blocked(call);
    cts_set(link.client_process, clients);
    cts_check_returned(call, rcIpcInterrupt);
}

struct crowd {
    struct cts_process *processes[PROCESSES];
    struct cts_actor *setters[PROCESSES];
    Handle syncs[PROCESSES];
    struct cts_op *calls[PROCESSES];
};

/* A thread of each waits with the first object of its process. */
static struct crowd crowd_wait(const struct cts_case *self)
{
    struct crowd c = {.calls = {NULL}};
    for (int i = 0; i < PROCESSES; i++) {
        c.processes[i] = cts_process_new();
        c.setters[i] = cts_actor_new(c.processes[i], "setter");
        c.syncs[i] = cts_sync_new(c.processes[i]);
        struct cts_link link = cts_link_between(cts_process_first(), c.processes[i]);
        c.calls[i] = cts_start_call_ex(cts_actor_new(c.processes[i], "client"), link.client,
                                       CTS_PLAIN, cts_mdelay(self), c.syncs[i]);
        cts_require_blocked(c.calls[i]);
    }
    return c;
}

/* SCOPE-02: each object is set once, and interrupts the thread of its process and no other. Numbers that differ name
 * nothing in the other processes. */
static void many_processes(const struct cts_case *self)
{
    struct crowd c = crowd_wait(self);
    bool all_equal = true;
    for (int i = 1; i < PROCESSES; i++) {
        if (c.syncs[i] != c.syncs[0]) {
            all_equal = false;
            cts_check_error(cts_start_set(c.setters[i], c.syncs[0]));
            cts_check_blocked(c.calls[0]);
        }
    }
    if (self->variant == OTHER_NUMBERS && all_equal) {
        cts_observe("first objects of six processes", "equal numbers: nothing to try");
    }
    for (int i = 0; i < PROCESSES; i++) {
        cts_set(c.processes[i], c.syncs[i]);
        cts_check_returned(c.calls[i], rcIpcInterrupt);
        for (int later = i + 1; later < PROCESSES; later++) {
            cts_check_blocked(c.calls[later]);
        }
    }
}

/* SCOPE-02: an object whose number names a set one in another process begins clear, where the library gives equal
 * numbers. */
static void begins_clear(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    enum { THEIRS = 3, OWN = 4 };
    Handle theirs[THEIRS];
    for (int i = 0; i < THEIRS; i++) {
        theirs[i] = cts_sync_new(link.client_process);
        cts_set(link.client_process, theirs[i]);
    }
    Handle own = INVALID_HANDLE;
    bool equal = false;
    for (int i = 0; i < OWN && !equal; i++) {
        own = cts_sync_new(link.server_process);
        for (int k = 0; k < THEIRS; k++) {
            equal = equal || own == theirs[k];
        }
    }

    struct cts_op *recv = cts_start_recv_ex(server, link.server, cts_mdelay(self), own);

    cts_check_blocked(recv);
    cts_set(link.server_process, own);
    cts_check_returned(recv, rcIpcInterrupt);
}

static const struct cts_case cases[] = {
    {"SCOPE-02.20", "an object begins clear though its number is set in another process",
     begins_clear, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"SCOPE-01.5", "Set of an object of the server leaves the CallEx of the client alone",
     each_end_has_its_own, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"SCOPE-01.6", "Set of an object of the server leaves the CallEx of the client alone, limit",
     each_end_has_its_own, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"SCOPE-02.10", "the objects of six processes are independent", many_processes,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, ANY_NUMBERS, 0},
    {"XFER-09.20", "numbers of objects reach nothing in five other processes", many_processes,
     CTS_TWO_PROCESSES, CTS_LIMITED, OTHER_NUMBERS, 0},
};
CTS_GROUP(cts_group_scope_ends, cases);
