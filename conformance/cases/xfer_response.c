/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XFER-04: the sync handle in a response makes Reply return an error. What the waiting client sees
 * is open (XFER-05): an error at once, nothing until its limit, or a second, lawful response. So it
 * waits with a limit of its own, long enough not to pass before the Reply that the case is about.
 */
#include <cts/cts.h>

/* variant: how the request was received, and the state of the object. */
enum { BY_RECV, BY_RECV_WHILE_SET, BY_RECV_EX, BY_RECV_EX_WITH_ITSELF, WITH_ARENA, BY_LISTENER };
/* Far beyond an exchange, and below the rest after which the harness gives a call up. */
enum { CLIENT_MS = 4000 };
#define ARENA_BYTES 256

static struct cts_op *start_receiving(const struct cts_case *self, struct cts_actor *server,
                                      const struct cts_link *link, Handle sync)
{
    switch (self->variant) {
    case BY_RECV_EX:
        return cts_start_recv_ex(server, link->server, cts_mdelay(self), INVALID_HANDLE);
    case BY_RECV_EX_WITH_ITSELF:
        return cts_start_recv_ex(server, link->server, cts_mdelay(self), sync);
    case BY_LISTENER:
        return cts_start_recv_ex(server, link->listener, cts_mdelay(self), sync);
    default:
        return cts_start_recv(server, link->server);
    }
}

/* The client that was left without a response comes to its end; see the file comment. */
static void check_client_ends(struct cts_actor *server, struct cts_op *received,
                              struct cts_op *call)
{
    Retcode second = cts_wait(cts_start_reply(server, received, CTS_PLAIN));
    Retcode rc = cts_wait(call);
    cts_check_that(rc != rcOk || second == rcOk, "the client has no response that was refused");
    cts_check_that(rc != rcOk || cts_received_handle_count(call) == 0, "the client has no handle");
}

/* XFER-04: Reply returns an error; afterwards client and server can do their next exchange. */
static void reply_with_sync_handle_is_an_error(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    Handle sync = cts_sync_new(link.server_process);
    struct cts_op *recv = start_receiving(self, server, &link, sync);
    cts_require_blocked(recv);
    struct cts_op *call =
        cts_start_call_ex(client, link.client, CTS_PLAIN, CLIENT_MS, INVALID_HANDLE);
    cts_require_returned(recv, rcOk);
    if (self->variant == BY_RECV_WHILE_SET) {
        cts_set(link.server_process, sync);
    }
    cts_require_that(!cts_returned(call), "the client still waits");

    struct cts_message response = CTS_WITH_HANDLE(sync);
    if (self->variant == WITH_ARENA) {
        response.arena_bytes = ARENA_BYTES;
    }
    struct cts_op *reply = cts_start_reply(server, recv, response);

    cts_check_error(reply);
    check_client_ends(server, recv, call);
    cts_check_exchange(client, link.client, server, link.server);
}

/* XFER-04: the request was queued first, by a CallEx with a sync object of the client; the refused
 * Reply is made twice. */
static void repeated_reply_with_sync_handle_is_an_error(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    Handle sync = cts_sync_new(link.server_process);
    Handle client_sync = cts_sync_new(link.client_process);
    struct cts_op *call = cts_start_call_ex(client, link.client, CTS_PLAIN, CLIENT_MS, client_sync);
    cts_require_blocked(call);
    struct cts_op *recv = start_receiving(self, server, &link, sync);
    cts_require_returned(recv, rcOk);
    cts_require_that(!cts_returned(call), "the client still waits");

    cts_check_error(cts_start_reply(server, recv, CTS_WITH_HANDLE(sync)));
    cts_check_error(cts_start_reply(server, recv, CTS_WITH_HANDLE(sync)));

    check_client_ends(server, recv, call);
    cts_check_exchange(client, link.client, server, link.server);
}

/* XFER-04: nor does it travel when the message asks for no right to send it on, or for few rights. Ends when
 * a client has waited until its limit: lawful (XFER-05), and a few such waits use up the time of a case. */
static void narrow_masks_are_refused(const struct cts_case *self)
{
    static const nk_rights_t masks[] = {OCAP_IPC_SYNC_OBJECT & ~OCAP_HANDLE_TRANSFER,
                                        OCAP_HANDLE_COPY, NK_RIGHTS_HELD & ~OCAP_HANDLE_TRANSFER};
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    Handle sync = cts_sync_new(link.server_process);
    bool waited = false;
    enum { MASKS = sizeof masks / sizeof masks[0] };
    for (size_t i = 0; i <= MASKS && !waited; i++) {
        struct cts_op *recv = start_receiving(self, server, &link, sync);
        cts_require_blocked(recv);
        struct cts_op *call =
            cts_start_call_ex(client, link.client, CTS_PLAIN, CLIENT_MS, INVALID_HANDLE);
        cts_require_returned(recv, rcOk);
        struct cts_message response = CTS_WITH_HANDLE(sync);
        response.rights[0] = i != 0 ? masks[i - 1] : 0;
        response.no_rights = i == 0;

        cts_check_error(cts_start_reply(server, recv, response));

        check_client_ends(server, recv, call);
        waited = cts_rc(call) == rcTimeout;
    }
    cts_check_exchange(client, link.client, server, link.server);
}

static const struct cts_case cases[] = {
    {"XFER-04.1", "Reply with the sync handle is refused", reply_with_sync_handle_is_an_error,
     CTS_ONE_PROCESS, CTS_UNLIMITED, BY_RECV, CTS_SMOKE},
    {"XFER-04.2", "Reply with the sync handle is refused, object set",
     reply_with_sync_handle_is_an_error, CTS_ONE_PROCESS, CTS_UNLIMITED, BY_RECV_WHILE_SET, 0},
    {"XFER-04.3", "Reply with the sync handle is refused after RecvEx",
     reply_with_sync_handle_is_an_error, CTS_ONE_PROCESS, CTS_LIMITED, BY_RECV_EX, 0},
    {"XFER-04.4", "Reply with the sync handle is refused after RecvEx with the same object",
     reply_with_sync_handle_is_an_error, CTS_ONE_PROCESS, CTS_UNLIMITED, BY_RECV_EX_WITH_ITSELF, 0},
    {"XFER-04.5", "Reply with the sync handle is refused, two processes",
     reply_with_sync_handle_is_an_error, CTS_TWO_PROCESSES, CTS_UNLIMITED, BY_RECV, 0},
    {"XFER-04.6", "Reply with the sync handle is refused twice for a request that was queued",
     repeated_reply_with_sync_handle_is_an_error, CTS_ONE_PROCESS, CTS_UNLIMITED, BY_RECV, 0},
    {"XFER-04.7", "Reply with the sync handle is refused twice, RecvEx, two processes",
     repeated_reply_with_sync_handle_is_an_error, CTS_TWO_PROCESSES, CTS_LIMITED,
     BY_RECV_EX_WITH_ITSELF, 0},
    {"XFER-04.9", "Reply with the sync handle is refused twice, RecvEx",
     repeated_reply_with_sync_handle_is_an_error, CTS_ONE_PROCESS, CTS_LIMITED,
     BY_RECV_EX_WITH_ITSELF, 0},
    {"XFER-04.8", "Reply with the sync handle and an arena is refused",
     reply_with_sync_handle_is_an_error, CTS_TWO_PROCESSES, CTS_UNLIMITED, WITH_ARENA, 0},
    {"XFER-04.10", "Reply with the sync handle and an arena is refused, one process",
     reply_with_sync_handle_is_an_error, CTS_ONE_PROCESS, CTS_UNLIMITED, WITH_ARENA, 0},
    {"XFER-04.20", "Reply with the sync handle is refused after RecvEx on a listener",
     reply_with_sync_handle_is_an_error, CTS_ONE_PROCESS, CTS_UNLIMITED, BY_LISTENER, 0},
    {"XFER-04.21", "Reply with the sync handle is refused after RecvEx on a listener, limit",
     reply_with_sync_handle_is_an_error, CTS_TWO_PROCESSES, CTS_LIMITED, BY_LISTENER, 0},
    {"XFER-04.14", "a Reply that asks for few rights of the sync handle is refused",
     narrow_masks_are_refused, CTS_ONE_PROCESS, CTS_UNLIMITED, BY_RECV, 0},
    {"XFER-04.15", "a Reply that asks for few rights of the sync handle is refused, RecvEx, limit",
     narrow_masks_are_refused, CTS_ONE_PROCESS, CTS_LIMITED, BY_RECV_EX_WITH_ITSELF, 0},
    {"XFER-04.16", "a Reply that asks for few rights of the sync handle is refused, two processes",
     narrow_masks_are_refused, CTS_TWO_PROCESSES, CTS_UNLIMITED, BY_RECV_EX_WITH_ITSELF, 0},
};
CTS_GROUP(cts_group_xfer_response, cases);
