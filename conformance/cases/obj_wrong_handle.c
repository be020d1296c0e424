/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OBJ-11 and OBJ-12: Set and Clear on something that is no sync object. INVALID_HANDLE reaches
 * nothing; a channel handle is refused and its channel goes on working, whatever it was doing.
 */
#include <cts/cts.h>

/* variant of OBJ-12: which end. */
enum end { CLIENT, SERVER, LISTENER };

/* OBJ-11: Set and Clear on INVALID_HANDLE are errors where no object exists and where one does. */
static void invalid_handle_is_an_error(const struct cts_case *self)
{
    struct cts_process *process =
        self->layout == CTS_TWO_PROCESSES ? cts_process_new() : cts_process_first();
    struct cts_actor *actor = cts_actor_new(process, "actor");

    cts_check_error(cts_start_set(actor, INVALID_HANDLE));
    cts_check_error(cts_start_clear(actor, INVALID_HANDLE));

    Handle sync = cts_sync_new(process);
    cts_check_error(cts_start_clear(actor, INVALID_HANDLE));
    cts_check_error(cts_start_set(actor, INVALID_HANDLE));
    cts_check_returned(cts_start_set(actor, sync), rcOk);
    cts_check_error(cts_start_set(actor, INVALID_HANDLE));
}

/* OBJ-11: Set on INVALID_HANDLE interrupts nobody: neither a call with an object nor one without.
 */
static void invalid_handle_reaches_nobody(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *actor = cts_actor_new(link.client_process, "actor");
    struct cts_actor *with = cts_actor_new(link.client_process, "with object");
    struct cts_actor *without = cts_actor_new(link.client_process, "without object");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    Handle sync = cts_sync_new(link.client_process);
    struct cts_op *call_with =
        cts_start_call_ex(with, link.client, CTS_PLAIN, cts_mdelay(self), sync);
    cts_require_blocked(call_with);
    struct cts_op *call_without =
        cts_start_call_ex(without, link.client, CTS_PLAIN, cts_mdelay(self), INVALID_HANDLE);
    cts_require_blocked(call_without);

    cts_check_error(cts_start_set(actor, INVALID_HANDLE));

    cts_check_blocked(call_with);
    cts_check_blocked(call_without);
    cts_set(link.client_process, sync);
    cts_check_returned(call_with, rcIpcInterrupt);
    struct cts_op *recv = cts_start_recv(server, link.server);
    cts_check_returned(recv, rcOk);
    cts_check_served(server, recv, call_without);
}

static Handle handle_of(const struct cts_link *link, enum end end)
{
    switch (end) {
    case CLIENT:
        return link->client;
    case SERVER:
        return link->server;
    case LISTENER:
        break;
    }
    return link->listener;
}

/* A channel with a thread at each end, and one more in the process that has the handle. */
struct ends {
    struct cts_link link;
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_actor *misuser;
    Handle handle;
};

static struct ends ends_new(const struct cts_case *self)
{
    struct ends ends = {.link = cts_link_open(self->layout)};
    enum end end = (enum end)self->variant;
    ends.client = cts_actor_new(ends.link.client_process, "client");
    ends.server = cts_actor_new(ends.link.server_process, "server");
    ends.misuser = cts_actor_new(
        end == CLIENT ? ends.link.client_process : ends.link.server_process, "misuser");
    ends.handle = handle_of(&ends.link, end);
    return ends;
}

/* OBJ-12: on an unused channel. */
static void channel_handle_is_refused(const struct cts_case *self)
{
    struct ends e = ends_new(self);

    for (int i = 0; i < 2; i++) {
        cts_check_error(cts_start_set(e.misuser, e.handle));
        cts_check_exchange(e.client, e.link.client, e.server, e.link.server);
        cts_check_error(cts_start_clear(e.misuser, e.handle));
        cts_check_exchange(e.client, e.link.client, e.server, e.link.server);
    }
}

/* OBJ-12: while a request is queued on the channel and while it is taken. */
static void channel_handle_is_refused_while_calling(const struct cts_case *self)
{
    struct ends e = ends_new(self);
    Handle sync = cts_sync_new(e.link.client_process);
    struct cts_op *call =
        cts_start_call_ex(e.client, e.link.client, CTS_PLAIN, cts_mdelay(self), sync);
    cts_require_blocked(call);

    cts_check_error(cts_start_clear(e.misuser, e.handle));
    cts_check_blocked(call);
    cts_check_error(cts_start_set(e.misuser, e.handle));
    cts_check_blocked(call);
    struct cts_op *recv = cts_start_recv(e.server, e.link.server);
    cts_check_returned(recv, rcOk);
    cts_check_error(cts_start_set(e.misuser, e.handle));
    cts_check_error(cts_start_clear(e.misuser, e.handle));
    cts_check_blocked(call);
    cts_check_served(e.server, recv, call);
}

/* OBJ-12: while a server waits on the channel. */
static void channel_handle_is_refused_while_receiving(const struct cts_case *self)
{
    struct ends e = ends_new(self);
    Handle sync = cts_sync_new(e.link.server_process);
    struct cts_op *recv = cts_start_recv_ex(e.server, e.link.server, cts_mdelay(self), sync);
    cts_require_blocked(recv);

    cts_check_error(cts_start_clear(e.misuser, e.handle));
    cts_check_error(cts_start_set(e.misuser, e.handle));

    cts_check_blocked(recv);
    struct cts_op *call = cts_start_call(e.client, e.link.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    cts_check_served(e.server, recv, call);
}

static const struct cts_case cases[] = {
    {"OBJ-11.1", "Set and Clear on INVALID_HANDLE are errors", invalid_handle_is_an_error,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_SMOKE},
    {"OBJ-11.2", "Set and Clear on INVALID_HANDLE are errors in a second process",
     invalid_handle_is_an_error, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"OBJ-11.3", "Set on INVALID_HANDLE interrupts nobody", invalid_handle_reaches_nobody,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"OBJ-11.4", "Set on INVALID_HANDLE interrupts nobody, two processes",
     invalid_handle_reaches_nobody, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"OBJ-11.8", "Set on INVALID_HANDLE interrupts nobody, limit", invalid_handle_reaches_nobody,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"OBJ-12.1", "Set and Clear on a client handle are errors", channel_handle_is_refused,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CLIENT, CTS_SMOKE},
    {"OBJ-12.2", "Set and Clear on a server handle are errors", channel_handle_is_refused,
     CTS_ONE_PROCESS, CTS_UNLIMITED, SERVER, CTS_SMOKE},
    {"OBJ-12.3", "Set and Clear on a listener handle are errors", channel_handle_is_refused,
     CTS_ONE_PROCESS, CTS_UNLIMITED, LISTENER, 0},
    {"OBJ-12.4", "Set and Clear on a client handle are errors, two processes",
     channel_handle_is_refused, CTS_TWO_PROCESSES, CTS_UNLIMITED, CLIENT, 0},
    {"OBJ-12.5", "Set and Clear on the client handle leave a call alone",
     channel_handle_is_refused_while_calling, CTS_ONE_PROCESS, CTS_UNLIMITED, CLIENT, 0},
    {"OBJ-12.6", "Set and Clear on the server handle leave a call alone",
     channel_handle_is_refused_while_calling, CTS_ONE_PROCESS, CTS_LIMITED, SERVER, 0},
    {"OBJ-12.7", "Set and Clear on the listener handle leave a call alone, two processes",
     channel_handle_is_refused_while_calling, CTS_TWO_PROCESSES, CTS_UNLIMITED, LISTENER, 0},
    {"OBJ-12.12", "Set and Clear on the listener handle leave a call alone",
     channel_handle_is_refused_while_calling, CTS_ONE_PROCESS, CTS_UNLIMITED, LISTENER, 0},
    {"OBJ-12.8", "Set and Clear on the client handle leave a waiting RecvEx alone",
     channel_handle_is_refused_while_receiving, CTS_ONE_PROCESS, CTS_LIMITED, CLIENT, 0},
    {"OBJ-12.9", "Set and Clear on the server handle leave a waiting RecvEx alone",
     channel_handle_is_refused_while_receiving, CTS_ONE_PROCESS, CTS_UNLIMITED, SERVER, 0},
    {"OBJ-12.10", "Set and Clear on the listener handle leave a waiting RecvEx alone",
     channel_handle_is_refused_while_receiving, CTS_ONE_PROCESS, CTS_UNLIMITED, LISTENER, 0},
};
CTS_GROUP(cts_group_obj_wrong_handle, cases);
