/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XFER-06: the control of the whole area. A handle that has the transfer right, a client handle,
 * arrives in a message and works: its receiver calls through it and is served on its channel. A
 * library that lets no handle pass at all would otherwise satisfy the other rows.
 */
#include <cts/cts.h>

/* variant: the sender's call, or the receiver's when the handle travels in the response. */
enum { BY_CALL, BY_CALL_EX, BY_CALL_EX_WITH_OBJECT };

static struct cts_op *start_by_variant(const struct cts_case *self, struct cts_actor *client,
                                       const struct cts_link *link, struct cts_message request)
{
    if (self->variant == BY_CALL) {
        return cts_start_call(client, link->client, request);
    }
    Handle sync = self->variant == BY_CALL_EX_WITH_OBJECT ? cts_sync_new(link->client_process)
                                                          : INVALID_HANDLE;
    return cts_start_call_ex(client, link->client, request, cts_mdelay(self), sync);
}

/* The channel whose client handle travels: it belongs to the sender and is served by `process`. */
static struct cts_link travelling(struct cts_process *server_process, struct cts_process *sender)
{
    return cts_link_between(server_process, sender);
}

/* XFER-06: in a request; the server waits already. */
static void client_handle_travels_in_request(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_link other = travelling(link.server_process, link.client_process);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    struct cts_actor *other_server = cts_actor_new(other.server_process, "other server");
    struct cts_op *recv = cts_start_recv(server, link.server);
    cts_require_blocked(recv);

    struct cts_op *call = start_by_variant(self, client, &link, CTS_WITH_HANDLE(other.client));

    cts_check_returned(recv, rcOk);
    cts_check_that(cts_received_handle_count(recv) == 1, "one handle arrives");
    Handle received = cts_received_handle(recv, 0);
    cts_check_that(received != INVALID_HANDLE, "the handle that arrives is valid");
    cts_check_served(server, recv, call);
    cts_check_exchange(server, received, other_server, other.server);
    cts_check_exchange(client, other.client, other_server, other.server);
}

/* XFER-06: in a request that is queued before a server comes, twice with the same handle. */
static void client_handle_travels_in_queued_request(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_link other = travelling(link.server_process, link.client_process);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    struct cts_actor *other_server = cts_actor_new(other.server_process, "other server");

    for (int i = 0; i < 2; i++) {
        struct cts_op *call = start_by_variant(self, client, &link, CTS_WITH_HANDLE(other.client));
        cts_require_blocked(call);
        struct cts_op *recv = cts_start_recv(server, link.server);

        cts_check_returned(recv, rcOk);
        cts_check_that(cts_received_handle_count(recv) == 1, "one handle arrives");
        cts_check_served(server, recv, call);
        cts_check_exchange(server, cts_received_handle(recv, 0), other_server, other.server);
    }
}

/* XFER-06: in a response. */
static void client_handle_travels_in_response(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_link other = travelling(link.client_process, link.server_process);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    struct cts_actor *other_server = cts_actor_new(other.server_process, "other server");
    struct cts_op *recv = cts_start_recv(server, link.server);
    cts_require_blocked(recv);
    struct cts_op *call = start_by_variant(self, client, &link, CTS_PLAIN);
    cts_require_returned(recv, rcOk);

    struct cts_op *reply = cts_start_reply(server, recv, CTS_WITH_HANDLE(other.client));

    cts_check_returned(reply, rcOk);
    cts_check_returned(call, rcOk);
    cts_check_that(cts_received_handle_count(call) == 1, "one handle arrives");
    Handle received = cts_received_handle(call, 0);
    cts_check_that(received != INVALID_HANDLE, "the handle that arrives is valid");
    cts_check_exchange(client, received, other_server, other.server);
    cts_check_exchange(server, other.client, other_server, other.server);
}

static const struct cts_case cases[] = {
    {"XFER-06.1", "a client handle travels by Call and works", client_handle_travels_in_request,
     CTS_ONE_PROCESS, CTS_UNLIMITED, BY_CALL, CTS_SMOKE},
    {"XFER-06.2", "a client handle travels by CallEx with a limit and works",
     client_handle_travels_in_request, CTS_ONE_PROCESS, CTS_LIMITED, BY_CALL_EX, 0},
    {"XFER-06.3", "a client handle travels by CallEx with a sync object and works",
     client_handle_travels_in_request, CTS_ONE_PROCESS, CTS_UNLIMITED, BY_CALL_EX_WITH_OBJECT, 0},
    {"XFER-06.4", "a client handle travels to another process and works",
     client_handle_travels_in_request, CTS_TWO_PROCESSES, CTS_UNLIMITED, BY_CALL, 0},
    {"XFER-06.5", "a client handle travels in a queued request and works",
     client_handle_travels_in_queued_request, CTS_ONE_PROCESS, CTS_UNLIMITED,
     BY_CALL_EX_WITH_OBJECT, 0},
    {"XFER-06.6", "a client handle travels in a queued request to another process and works",
     client_handle_travels_in_queued_request, CTS_TWO_PROCESSES, CTS_LIMITED,
     BY_CALL_EX_WITH_OBJECT, 0},
    {"XFER-06.14", "a client handle travels in a queued request and works, limit",
     client_handle_travels_in_queued_request, CTS_ONE_PROCESS, CTS_LIMITED, BY_CALL_EX_WITH_OBJECT,
     0},
    {"XFER-06.7", "a client handle travels in a response and works",
     client_handle_travels_in_response, CTS_ONE_PROCESS, CTS_UNLIMITED, BY_CALL, CTS_SMOKE},
    {"XFER-06.8", "a client handle travels in a response to CallEx and works",
     client_handle_travels_in_response, CTS_ONE_PROCESS, CTS_LIMITED, BY_CALL_EX_WITH_OBJECT, 0},
    {"XFER-06.9", "a client handle travels in a response to another process and works",
     client_handle_travels_in_response, CTS_TWO_PROCESSES, CTS_UNLIMITED, BY_CALL, 0},
};
CTS_GROUP(cts_group_xfer_control, cases);
