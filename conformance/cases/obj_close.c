/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OBJ-09, OBJ-10 and OBJ-13: Close of an idle object, and what is left of its handle. No case here
 * creates anything between Close and the use of the closed handle: a handle value may be reused
 * (obj_reuse.c). Close while a thread waits is STATE-07.
 */
#include <cts/cts.h>

/* variant: what happened to the object before Close. */
enum { UNUSED, SET, CLEARED, USED_BY_CALL, USED_BY_RECV };

/* One object with that past; nobody uses it any more. */
static Handle object_with_past(const struct cts_case *self, const struct cts_link *link,
                               struct cts_actor *actor, struct cts_process *process)
{
    Handle sync = cts_sync_new(process);
    struct cts_op *wait = NULL;
    if (self->variant == USED_BY_CALL) {
        wait = cts_start_call_ex(actor, link->client, CTS_PLAIN, cts_mdelay(self), sync);
    }
    if (self->variant == USED_BY_RECV) {
        wait = cts_start_recv_ex(actor, link->server, cts_mdelay(self), sync);
    }
    if (wait != NULL) {
        cts_require_blocked(wait);
    }
    if (self->variant != UNUSED) {
        cts_set(process, sync);
    }
    if (wait != NULL) {
        cts_require_returned(wait, rcIpcInterrupt);
    }
    if (self->variant == CLEARED) {
        cts_clear(process, sync);
    }
    return sync;
}

/* OBJ-09: Close of an idle object returns rcOk and deletes it: its handle no longer works. */
static void close_deletes(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_process *process =
        self->variant == USED_BY_RECV ? link.server_process : link.client_process;
    struct cts_actor *user = cts_actor_new(process, "user");
    struct cts_actor *closer = cts_actor_new(process, "closer");
    Handle sync = object_with_past(self, &link, user, process);

    cts_check_returned(cts_start_close(closer, sync), rcOk);
    cts_check_error(cts_start_set(closer, sync));
}

/* OBJ-09: objects are closed one by one; those that are left work until their turn comes. */
static void close_one_by_one(const struct cts_case *self)
{
    enum { OBJECTS = 8 };
    struct cts_process *process =
        self->layout == CTS_TWO_PROCESSES ? cts_process_new() : cts_process_first();
    struct cts_actor *actors[2] = {cts_actor_new(process, "first"),
                                   cts_actor_new(process, "second")};
    Handle syncs[OBJECTS];
    for (int i = 0; i < OBJECTS; i++) {
        syncs[i] = cts_sync_new(process);
    }

    for (int i = 0; i < OBJECTS; i++) {
        cts_check_returned(cts_start_close(actors[i % 2], syncs[i]), rcOk);
        for (int rest = i + 1; rest < OBJECTS; rest++) {
            cts_check_returned(cts_start_set(actors[0], syncs[rest]), rcOk);
            cts_check_returned(cts_start_clear(actors[1], syncs[rest]), rcOk);
        }
    }
}

/* OBJ-10: Set and Clear on a closed handle return an error, to any thread, every time. */
static void set_and_clear_after_close_are_errors(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_process *process =
        self->variant == USED_BY_RECV ? link.server_process : link.client_process;
    struct cts_actor *user = cts_actor_new(process, "user");
    struct cts_actor *closer = cts_actor_new(process, "closer");
    Handle sync = object_with_past(self, &link, user, process);
    if (self->variant == SET) {
        cts_require_returned(cts_start_set(user, sync), rcOk); /* what it used last */
    }
    cts_require_returned(cts_start_close(closer, sync), rcOk);
    if (self->variant == SET) {
        cts_check_error(cts_start_set(user, sync));
    }

    for (int i = 0; i < 2; i++) {
        cts_check_error(cts_start_set(closer, sync));
        cts_check_error(cts_start_clear(closer, sync));
        cts_check_error(cts_start_clear(user, sync));
        cts_check_error(cts_start_set(user, sync));
    }
}

/* OBJ-10: Set on a closed handle reaches no other object: neither those of the process nor, in two
 * processes, one that the other process owns. */
static void set_after_close_reaches_nobody(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *user = cts_actor_new(link.client_process, "user");
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    Handle before = cts_sync_new(link.client_process);
    Handle closed = object_with_past(self, &link, user, link.client_process);
    Handle after = cts_sync_new(link.client_process);
    struct cts_link other = cts_link_between(link.server_process, link.server_process);
    struct cts_actor *other_server = cts_actor_new(link.server_process, "other server");
    Handle other_sync = cts_sync_new(link.server_process);
    cts_close(link.client_process, closed);
    struct cts_op *first =
        cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), before);
    struct cts_op *other_recv =
        cts_start_recv_ex(other_server, other.server, cts_mdelay(self), other_sync);
    cts_require_blocked(first);
    cts_require_blocked(other_recv);

    cts_check_error(cts_start_set(user, closed));

    cts_check_blocked(first);
    cts_check_blocked(other_recv);
    cts_set(link.client_process, before);
    cts_check_returned(first, rcIpcInterrupt);
    cts_set(link.server_process, other_sync);
    cts_check_returned(other_recv, rcIpcInterrupt);
    cts_check_returned(cts_start_close(user, after), rcOk);
}

/* OBJ-13: Close on an already closed handle returns an error, every time and to any thread, and
 * closes nothing else. */
static void close_again_is_an_error(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_process *process =
        self->variant == USED_BY_RECV ? link.server_process : link.client_process;
    struct cts_actor *user = cts_actor_new(process, "user");
    struct cts_actor *closer = cts_actor_new(process, "closer");
    Handle before = cts_sync_new(process);
    Handle sync = object_with_past(self, &link, user, process);
    Handle after = cts_sync_new(process);
    cts_require_returned(cts_start_close(closer, sync), rcOk);

    cts_check_error(cts_start_close(closer, sync));
    cts_check_error(cts_start_close(user, sync));

    cts_check_returned(cts_start_set(closer, before), rcOk);
    cts_check_returned(cts_start_set(closer, after), rcOk);
    cts_check_error(cts_start_close(closer, sync));
}

/* OBJ-13: the refused second Close has no effect either: the next objects have a handle each, and Set of
 * one does not reach the other. */
static void second_close_frees_nothing(const struct cts_case *self)
{
    enum { OBJECTS = 4 };
    struct cts_link link = cts_link_open(self->layout);
    struct cts_process *process = link.server_process;
    struct cts_actor *server = cts_actor_new(process, "server");
    struct cts_actor *closer = cts_actor_new(process, "closer");
    Handle sync = cts_sync_new(process);
    cts_require_returned(cts_start_close(closer, sync), rcOk);

    cts_check_error(cts_start_close(closer, sync));

    Handle syncs[OBJECTS];
    for (int i = 0; i < OBJECTS; i++) {
        syncs[i] = cts_sync_new(process);
        for (int j = 0; j < i; j++) {
            cts_check_that(syncs[i] != syncs[j], "live objects have different handles");
        }
    }
    cts_set(process, syncs[0]);
    struct cts_op *recv =
        cts_start_recv_ex(server, link.server, cts_mdelay(self), syncs[OBJECTS - 1]);
    cts_check_blocked(recv);
    cts_set(process, syncs[OBJECTS - 1]);
    cts_check_returned(recv, rcIpcInterrupt);
}

/* OBJ-10: the refused Set is not kept for the next objects, whatever their handles. */
static void refused_set_is_not_kept(const struct cts_case *self)
{
    enum { OBJECTS = 4 };
    struct cts_link link = cts_link_open(self->layout);
    struct cts_process *process = link.client_process;
    struct cts_actor *client = cts_actor_new(process, "client");
    struct cts_actor *setter = cts_actor_new(process, "setter");
    Handle sync = cts_sync_new(process);
    cts_close(process, sync);

    cts_check_error(cts_start_set(setter, sync));

    for (int i = 0; i < OBJECTS; i++) {
        sync = cts_sync_new(process);
        struct cts_op *call =
            cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), sync);
        cts_check_blocked(call);
        cts_set(process, sync);
        cts_check_returned(call, rcIpcInterrupt);
    }
}

/* variant: an end of a channel. */
enum { CLIENT_END, SERVER_END, LISTENER_END };

/* OBJ-13: the handle of an end of a channel, of which the claim speaks as well. */
static void second_close_of_an_end_is_an_error(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    bool is_client = self->variant == CLIENT_END;
    struct cts_actor *closer =
        cts_actor_new(is_client ? link.client_process : link.server_process, "closer");
    const Handle ends[] = {
        [CLIENT_END] = link.client, [SERVER_END] = link.server, [LISTENER_END] = link.listener};
    Retcode rc = cts_wait(cts_start_close(closer, ends[self->variant]));
    if (rc != rcOk) {
        cts_observe("Close of an end while the others are open", cts_rc_name(rc));
        return;
    }

    cts_check_error(cts_start_close(closer, ends[self->variant]));
}

static const struct cts_case cases[] = {
    {"OBJ-09.1", "Close deletes a new object", close_deletes, CTS_ONE_PROCESS, CTS_UNLIMITED,
     UNUSED, CTS_SMOKE},
    {"OBJ-09.2", "Close deletes a set object", close_deletes, CTS_ONE_PROCESS, CTS_UNLIMITED, SET,
     0},
    {"OBJ-09.3", "Close deletes an object that interrupted a CallEx", close_deletes,
     CTS_ONE_PROCESS, CTS_UNLIMITED, USED_BY_CALL, CTS_SMOKE},
    {"OBJ-09.4", "Close deletes an object that interrupted a RecvEx", close_deletes,
     CTS_ONE_PROCESS, CTS_LIMITED, USED_BY_RECV, 0},
    {"OBJ-09.5", "Close deletes an object of a client process", close_deletes, CTS_TWO_PROCESSES,
     CTS_UNLIMITED, USED_BY_CALL, CTS_SMOKE},
    {"OBJ-09.6", "eight objects are closed one by one", close_one_by_one, CTS_ONE_PROCESS,
     CTS_UNLIMITED, 0, 0},
    {"OBJ-09.7", "eight objects of a second process are closed one by one", close_one_by_one,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"OBJ-10.1", "Set and Clear on a closed handle are errors",
     set_and_clear_after_close_are_errors, CTS_ONE_PROCESS, CTS_UNLIMITED, UNUSED, CTS_SMOKE},
    {"OBJ-10.2", "Set and Clear on the handle of an object closed while set are errors",
     set_and_clear_after_close_are_errors, CTS_ONE_PROCESS, CTS_UNLIMITED, SET, 0},
    {"OBJ-10.3", "Set and Clear on a closed handle are errors after use by RecvEx",
     set_and_clear_after_close_are_errors, CTS_ONE_PROCESS, CTS_LIMITED, USED_BY_RECV, 0},
    {"OBJ-10.4", "Set and Clear on a closed handle are errors, two processes",
     set_and_clear_after_close_are_errors, CTS_TWO_PROCESSES, CTS_UNLIMITED, USED_BY_CALL, 0},
    {"OBJ-10.9", "Set and Clear on a closed handle are errors, one process",
     set_and_clear_after_close_are_errors, CTS_ONE_PROCESS, CTS_UNLIMITED, USED_BY_CALL, 0},
    {"OBJ-10.5", "Set on a closed handle reaches no other object", set_after_close_reaches_nobody,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CLEARED, 0},
    {"OBJ-10.6", "Set on a closed handle reaches no object of either process",
     set_after_close_reaches_nobody, CTS_TWO_PROCESSES, CTS_UNLIMITED, UNUSED, 0},
    {"OBJ-13.1", "a second Close is an error", close_again_is_an_error, CTS_ONE_PROCESS,
     CTS_UNLIMITED, UNUSED, CTS_SMOKE},
    {"OBJ-13.2", "a second Close is an error for an object closed while set",
     close_again_is_an_error, CTS_ONE_PROCESS, CTS_UNLIMITED, SET, 0},
    {"OBJ-13.3", "a second Close is an error after use by CallEx", close_again_is_an_error,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, USED_BY_CALL, 0},
    {"OBJ-13.6", "a second Close is an error after use by CallEx, one process",
     close_again_is_an_error, CTS_ONE_PROCESS, CTS_UNLIMITED, USED_BY_CALL, 0},
    {"OBJ-13.4", "a second Close is an error after use by RecvEx", close_again_is_an_error,
     CTS_ONE_PROCESS, CTS_LIMITED, USED_BY_RECV, 0},
    {"OBJ-13.5", "a second Close frees nothing", second_close_frees_nothing, CTS_ONE_PROCESS,
     CTS_UNLIMITED, 0, 0},
    {"OBJ-13.20", "a second Close of a client handle is an error",
     second_close_of_an_end_is_an_error, CTS_ONE_PROCESS, CTS_UNLIMITED, CLIENT_END, 0},
    {"OBJ-13.21", "a second Close of a server handle is an error",
     second_close_of_an_end_is_an_error, CTS_ONE_PROCESS, CTS_UNLIMITED, SERVER_END, 0},
    {"OBJ-13.22", "a second Close of a listener handle is an error",
     second_close_of_an_end_is_an_error, CTS_ONE_PROCESS, CTS_UNLIMITED, LISTENER_END, 0},
    {"OBJ-13.23", "a second Close of a client handle is an error, two processes",
     second_close_of_an_end_is_an_error, CTS_TWO_PROCESSES, CTS_UNLIMITED, CLIENT_END, 0},
    {"OBJ-10.7", "a refused Set is not kept for the next objects", refused_set_is_not_kept,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"OBJ-10.8", "a refused Set is not kept for the next objects, two processes",
     refused_set_is_not_kept, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"OBJ-10.10", "a refused Set is not kept for the next objects, limit", refused_set_is_not_kept,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
};
CTS_GROUP(cts_group_obj_close, cases);
