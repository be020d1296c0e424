/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second handle to the same end or object, made by KnHandleCopy: a resource goes with its last handle,
 * so that closing one of two changes nothing for those who use the other. Whether a sync handle can be
 * copied is open (XFER-10).
 */
#include <cts/cts.h>

/* variant: what is copied, and how the sync handle's copy is sent. */
enum { CLIENT_END, SERVER_END };
enum { REQUEST, RESPONSE };
enum { CLIENT_MS = 4000 };

/* INVALID_HANDLE: not possible. */
static Handle copy_of(struct cts_actor *actor, Handle handle, rtl_uint32_t rights)
{
    struct cts_op *copy = cts_start_copy(actor, handle, rights);
    return cts_wait(copy) == rcOk ? cts_handle(copy) : INVALID_HANDLE;
}

/* Close of a copy may be refused, for instance while a call uses the end: nothing says it must not be. */
static void close_copy(struct cts_actor *actor, Handle copy)
{
    Retcode rc = cts_wait(cts_start_close(actor, copy));
    if (rc != rcOk) {
        cts_observe("KnHandleClose of a copy", cts_rc_name(rc));
    }
}

/* TIME-03: the copy of an end is closed; calls that wait at it through the original go on waiting until
 * their peer comes. */
static void closed_copy_of_an_end(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    bool calls = self->variant == CLIENT_END;
    struct cts_process *process = calls ? link.client_process : link.server_process;
    struct cts_actor *waiter = cts_actor_new(process, "waiter");
    struct cts_actor *copier = cts_actor_new(process, "copier");
    struct cts_actor *peer =
        cts_actor_new(calls ? link.server_process : link.client_process, "peer");
    Handle sync = cts_sync_new(process);
    Handle copy = copy_of(copier, calls ? link.client : link.server,
                          calls ? OCAP_IPC_CLIENT : OCAP_IPC_SERVER);
    if (copy == INVALID_HANDLE) {
        cts_skip("the handle of this end cannot be copied");
    }
    struct cts_op *wait =
        calls ? cts_start_call_ex(waiter, link.client, CTS_PLAIN, cts_mdelay(self), sync)
              : cts_start_recv_ex(waiter, link.server, cts_mdelay(self), sync);
    cts_require_blocked(wait);

    close_copy(copier, copy);

    cts_check_blocked(wait);
    if (calls) {
        struct cts_op *recv = cts_start_recv(peer, link.server);
        cts_check_returned(recv, rcOk);
        cts_check_served(peer, recv, wait);
    } else {
        struct cts_op *call = cts_start_call(peer, link.client, CTS_PLAIN);
        cts_check_returned(wait, rcOk);
        cts_check_served(waiter, wait, call);
    }
}

/* XFER-10 (open): a copy of the sync handle is closed while the object is set; the original keeps
 * working, and the object is what it was: set. */
static void closed_copy_of_a_set_object(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    struct cts_actor *copier = cts_actor_new(link.server_process, "copier");
    Handle sync = cts_sync_new(link.server_process);
    Handle copy = copy_of(copier, sync, OCAP_IPC_SYNC_OBJECT);
    cts_observe("KnHandleCopy of a sync handle", copy == INVALID_HANDLE ? "refused" : "possible");
    if (copy == INVALID_HANDLE) {
        return;
    }
    cts_set(link.server_process, sync);

    close_copy(copier, copy);

    struct cts_op *recv = cts_start_recv_ex(server, link.server, cts_mdelay(self), sync);
    cts_check_returned(recv, rcIpcInterrupt);
    cts_clear(link.server_process, sync);
    recv = cts_start_recv_ex(server, link.server, cts_mdelay(self), sync);
    cts_check_blocked(recv);
    cts_set(link.server_process, sync);
    cts_check_returned(recv, rcIpcInterrupt);
}

/* XFER-08: a copy with the rights that the handle has, or fewer, does not travel either. */
static void copy_does_not_travel(const struct cts_case *self)
{
    static const rtl_uint32_t masks[] = {
        OCAP_IPC_SYNC_OBJECT, OCAP_IPC_SYNC_OBJECT & ~OCAP_HANDLE_COPY, OCAP_HANDLE_COPY, 0};
    struct cts_link link = cts_link_open(self->layout);
    struct cts_process *sender =
        self->variant == REQUEST ? link.client_process : link.server_process;
    struct cts_actor *owner = cts_actor_new(sender, "owner");
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    Handle sync = cts_sync_new(sender);
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        Handle copy = copy_of(owner, sync, masks[i]);
        if (copy == INVALID_HANDLE) {
            continue;
        }
        struct cts_op *recv = cts_start_recv(server, link.server);
        if (self->variant == REQUEST) {
            cts_require_blocked(recv);

            cts_check_error(cts_start_call(client, link.client, CTS_WITH_HANDLE(copy)));

            cts_check_blocked(recv);
            struct cts_op *call = cts_start_call(client, link.client, CTS_PLAIN);
            cts_check_returned(recv, rcOk);
            cts_check_served(server, recv, call);
        } else {
            struct cts_op *call =
                cts_start_call_ex(client, link.client, CTS_PLAIN, CLIENT_MS, INVALID_HANDLE);
            cts_require_returned(recv, rcOk);

            cts_check_error(cts_start_reply(server, recv, CTS_WITH_HANDLE(copy)));

            Retcode second = cts_wait(cts_start_reply(server, recv, CTS_PLAIN));
            Retcode rc = cts_wait(call);
            cts_check_that(rc != rcOk || second == rcOk, "a refused response does not arrive");
            if (rc == rcTimeout) {
                break; /* lawful (XFER-05), and it takes too long for all the masks */
            }
        }
    }
}

static const struct cts_case cases[] = {
    {"TIME-03.91", "a CallEx waits on when a copy of its client handle is closed",
     closed_copy_of_an_end, CTS_ONE_PROCESS, CTS_UNLIMITED, CLIENT_END, 0},
    {"TIME-03.92", "a RecvEx waits on when a copy of its server handle is closed",
     closed_copy_of_an_end, CTS_ONE_PROCESS, CTS_UNLIMITED, SERVER_END, 0},
    {"TIME-03.93", "a CallEx waits on when a copy of its handle is closed, two processes",
     closed_copy_of_an_end, CTS_TWO_PROCESSES, CTS_LIMITED, CLIENT_END, 0},
    {"XFER-10.5", "a closed copy of the sync handle leaves the object set",
     closed_copy_of_a_set_object, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"XFER-08.7", "a plain copy of the sync handle does not travel in a request",
     copy_does_not_travel, CTS_TWO_PROCESSES, CTS_UNLIMITED, REQUEST, 0},
    {"XFER-08.9", "a plain copy of the sync handle does not travel in a request, one process",
     copy_does_not_travel, CTS_ONE_PROCESS, CTS_UNLIMITED, REQUEST, 0},
    {"XFER-08.8", "a plain copy of the sync handle does not travel in a response",
     copy_does_not_travel, CTS_TWO_PROCESSES, CTS_UNLIMITED, RESPONSE, 0},
    {"XFER-08.10", "a plain copy of the sync handle does not travel in a response, one process",
     copy_does_not_travel, CTS_ONE_PROCESS, CTS_UNLIMITED, RESPONSE, 0},
};
CTS_GROUP(cts_group_copies, cases);
