/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handles that came from elsewhere, as copies or in messages: what is done through them is done like through the first
 * one, and a call made through one of them ends with its server.
 */
#include <cts/cts.h>

/* variant */
enum { IN_REQUEST = 0, IN_RESPONSE = 1 };
enum { BY_MESSAGE = 0, BY_COPY = 2, EXIT = 4 };
enum { PROBE_MS = 2000 };

static const rtl_uint32_t masks[] = {NK_RIGHTS_HELD, OCAP_IPC_CLIENT, OCAP_IPC_SERVER};

/* What a copy may ask for is not written anywhere. */
static Handle copy_or_skip(struct cts_actor *actor, Handle handle)
{
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        struct cts_op *copy = cts_start_copy(actor, handle, masks[i]);
        if (cts_wait(copy) == rcOk) {
            return cts_handle(copy);
        }
    }
    cts_skip("the library copies no such handle");
}

/* Nor what can be done through it. The limits end waits that nobody comes to: that a slow library rests does not say so. */
static void skip_unless_served(struct cts_actor *client, Handle client_handle,
                               struct cts_actor *server, Handle server_handle)
{
    struct cts_op *recv = cts_start_recv_ex(server, server_handle, PROBE_MS, INVALID_HANDLE);
    cts_may_lack_room(recv);
    struct cts_op *call =
        cts_start_call_ex(client, client_handle, CTS_PLAIN, 2 * PROBE_MS, INVALID_HANDLE);
    cts_may_lack_room(call);
    if (cts_wait(recv) != rcOk) {
        cts_skip("a copy is not good for an exchange");
    }
    struct cts_op *reply = cts_start_reply(server, recv, CTS_PLAIN);
    cts_may_lack_room(reply);
    if (cts_wait(reply) != rcOk || cts_wait(call) != rcOk) {
        cts_skip("a copy is not good for an exchange");
    }
}

/* The handle goes from `client` to `server`, or back: what the other side gets. */
static Handle hand_over(struct cts_actor *client, struct cts_actor *server,
                        const struct cts_link *link, bool in_request, Handle handle)
{
    struct cts_message message = CTS_WITH_HANDLE(handle);
    struct cts_op *recv = cts_start_recv(server, link->server);
    struct cts_op *call = cts_start_call(client, link->client, in_request ? message : CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    struct cts_op *reply = cts_start_reply(server, recv, in_request ? CTS_PLAIN : message);
    cts_check_returned(reply, rcOk);
    cts_check_returned(call, rcOk);
    const struct cts_op *arrived = in_request ? recv : call;
    cts_check_that(cts_received_handle_count(arrived) == 1, "one handle arrives");
    return cts_received_handle(arrived, 0);
}

/* CALL-02: the request was received through a copy of the server handle. */
static void taken_through_a_copy(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    Handle sync = cts_sync_new(link.client_process);
    Handle copy = copy_or_skip(server, link.server);
    skip_unless_served(client, link.client, server, copy);
    struct cts_op *recv = cts_start_recv(server, copy);
    struct cts_op *call = cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), sync);
    cts_require_returned(recv, rcOk);

    cts_set(link.client_process, sync);

    cts_check_blocked(call);
    cts_check_served(server, recv, call);
}

/* OBJ-13: a copy is still open when its original is closed once more. Nothing is made in between, so that the number
 * names nothing. */
static void closed_twice_beside_a_copy(const struct cts_case *self)
{
    struct cts_process *process =
        self->layout == CTS_TWO_PROCESSES ? cts_process_new() : cts_process_first();
    struct cts_actor *owner = cts_actor_new(process, "owner");
    Handle sync = cts_sync_new(process);
    static const rtl_uint32_t sync_masks[] = {OCAP_IPC_SYNC_OBJECT, NK_RIGHTS_HELD,
                                              OCAP_IPC_SYNC_OBJECT & ~OCAP_HANDLE_COPY};
    bool copied = false;
    for (size_t i = 0; i < sizeof sync_masks / sizeof sync_masks[0] && !copied; i++) {
        copied = cts_wait(cts_start_copy(owner, sync, sync_masks[i])) == rcOk;
    }
    if (!copied) {
        cts_skip("the library copies no sync handle");
    }
    if (cts_wait(cts_start_close(owner, sync)) != rcOk) {
        cts_skip("a sync handle is not closed while it has a copy");
    }

    cts_check_error(cts_start_close(owner, sync));
    cts_check_error(cts_start_close(owner, sync));
}

/* XFER-06: what was received is sent on, and works at the end of the way. The second receiver is a thread of the first
 * sender's process. */
static void received_handle_is_sent_on(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_link back = cts_link_between(link.client_process, link.server_process);
    struct cts_link carried = cts_link_between(link.server_process, link.client_process);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    struct cts_actor *far = cts_actor_new(link.server_process, "far server");
    Handle received = hand_over(client, server, &link, true, carried.client);

    /* The server sends it on, as client of another channel or in a response. */
    Handle again = self->variant & IN_RESPONSE ? hand_over(client, server, &link, false, received)
                                               : hand_over(server, client, &back, true, received);

    cts_check_exchange(client, again, far, carried.server);
    cts_check_exchange(server, received, far, carried.server);
    cts_check_exchange(client, carried.client, far, carried.server);
}

/* XFER-01, XFER-04: the handle of an automatically clearing object stays in its process, too. */
static void automatic_object_stays(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    bool in_request = (self->variant & IN_RESPONSE) == 0;
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    Handle sync = cts_autoclear_new(
        cts_actor_new(in_request ? link.client_process : link.server_process, "creator"));
    struct cts_op *recv = cts_start_recv(server, link.server);
    cts_require_blocked(recv);
    if (in_request) {
        cts_check_error(cts_start_call(client, link.client, CTS_WITH_HANDLE(sync)));
        cts_check_blocked(recv);
    }
    /* How a caller ends whose response is refused is open (XFER-05). */
    struct cts_op *call = cts_start_call_ex(client, link.client, CTS_PLAIN, 4000, INVALID_HANDLE);
    cts_check_returned(recv, rcOk);
    if (in_request) {
        cts_check_served(server, recv, call);
        return;
    }
    cts_check_error(cts_start_reply(server, recv, CTS_WITH_HANDLE(sync)));
    (void)cts_wait(cts_start_reply(server, recv, CTS_PLAIN));
    (void)cts_wait(call);
    cts_check_that(cts_received_handle_count(call) == 0, "no handle arrives");
}

/* SCOPE-01: an object with which a process has called another one interrupts nobody there. */
static void object_of_a_served_call(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    Handle sync = cts_sync_new(link.client_process);
    Handle server_sync = cts_sync_new(link.server_process);
    struct cts_op *recv = cts_start_recv_ex(server, link.server, cts_mdelay(self), server_sync);
    struct cts_op *call = cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), sync);
    cts_require_returned(recv, rcOk);
    cts_check_served(server, recv, call);
    recv = cts_start_recv_ex(server, link.server, cts_mdelay(self), server_sync);
    cts_require_blocked(recv);

    cts_set(link.client_process, sync);

    cts_check_blocked(recv);
    cts_set(link.server_process, server_sync);
    cts_check_returned(recv, rcIpcInterrupt);
}

/* SCOPE-02: Close of an object leaves those of other processes as they are, whatever their numbers. Each process makes
 * several, so that where numbers can be equal some are. */
static void close_elsewhere_leaves_it_set(const struct cts_case *self)
{
    enum { OBJECTS = 6 };
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *closer = cts_actor_new(link.server_process, "closer");
    Handle own[OBJECTS];
    Handle others[OBJECTS];
    for (int i = 0; i < OBJECTS; i++) {
        own[i] = cts_sync_new(link.client_process);
        others[i] = cts_sync_new(link.server_process);
        cts_set(link.client_process, own[i]);
    }

    for (int i = 0; i < OBJECTS; i++) {
        cts_check_returned(cts_start_close(closer, others[i]), rcOk);
    }

    for (int i = 0; i < OBJECTS; i++) {
        cts_check_returned(
            cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), own[i]),
            rcIpcInterrupt);
    }
}

/* LIFE-02: the calls are queued, made through a handle that came in a message, or through a copy. */
static void server_of_a_handed_over_client_ends(const struct cts_case *self)
{
    struct cts_process *ended = cts_process_new();
    struct cts_process *callers = cts_process_first();
    struct cts_process *giver = cts_process_new();
    struct cts_link link = cts_link_between(ended, giver);
    struct cts_actor *client = cts_actor_new(callers, "client");
    Handle sync = cts_sync_new(callers);
    Handle handle = INVALID_HANDLE;
    if (self->variant & BY_COPY) {
        link = cts_link_between(ended, callers);
        handle = copy_or_skip(client, link.client);
        skip_unless_served(client, handle, cts_actor_new(ended, "server"), link.server);
    } else {
        struct cts_link way = cts_link_between(callers, giver);
        handle = hand_over(cts_actor_new(giver, "giver"), client, &way, true, link.client);
    }
    struct cts_op *call = cts_start_call_ex(client, handle, CTS_PLAIN, cts_mdelay(self), sync);
    cts_require_blocked(call);

    if (self->variant & EXIT) {
        cts_process_exit(ended);
    } else {
        cts_process_kill(ended);
    }

    cts_check_error(call);
}

static const struct cts_case cases[] = {
    {"CALL-02.110", "a CallEx taken through a copy of the server handle is not interrupted",
     taken_through_a_copy, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-02.111", "a CallEx taken through a copy is not interrupted, two processes",
     taken_through_a_copy, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"OBJ-13.10", "Close of a closed handle is an error while a copy is open",
     closed_twice_beside_a_copy, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"OBJ-13.11", "Close of a closed handle is an error while a copy is open, new process",
     closed_twice_beside_a_copy, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"XFER-06.40", "a client handle that was received travels on in a request and works",
     received_handle_is_sent_on, CTS_TWO_PROCESSES, CTS_UNLIMITED, IN_REQUEST, 0},
    {"XFER-06.41", "a client handle that was received travels on in a response and works",
     received_handle_is_sent_on, CTS_TWO_PROCESSES, CTS_UNLIMITED, IN_RESPONSE, 0},
    {"XFER-06.42", "a client handle that was received travels on and works, one process",
     received_handle_is_sent_on, CTS_ONE_PROCESS, CTS_UNLIMITED, IN_REQUEST, 0},
    {"XFER-01.30", "the handle of an automatically clearing object does not travel",
     automatic_object_stays, CTS_ONE_PROCESS, CTS_UNLIMITED, IN_REQUEST, 0},
    {"XFER-01.31", "the handle of an automatically clearing object does not travel, two processes",
     automatic_object_stays, CTS_TWO_PROCESSES, CTS_UNLIMITED, IN_REQUEST, 0},
    {"XFER-04.30", "the handle of an automatically clearing object does not travel in a response",
     automatic_object_stays, CTS_ONE_PROCESS, CTS_UNLIMITED, IN_RESPONSE, 0},
    {"SCOPE-01.70", "the object of a call that was served interrupts nobody at the server",
     object_of_a_served_call, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"SCOPE-01.71", "the object of a call that was served interrupts nobody at the server, limit",
     object_of_a_served_call, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"SCOPE-02.70", "Close in one process leaves objects of another one set",
     close_elsewhere_leaves_it_set, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"SCOPE-02.71", "Close in one process leaves objects of another one set, limit",
     close_elsewhere_leaves_it_set, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"LIFE-02.20", "the server is killed, the queued caller got its handle in a message",
     server_of_a_handed_over_client_ends, CTS_TWO_PROCESSES, CTS_UNLIMITED, BY_MESSAGE, 0},
    {"LIFE-02.21", "the server exits, the queued caller got its handle in a message",
     server_of_a_handed_over_client_ends, CTS_TWO_PROCESSES, CTS_LIMITED, BY_MESSAGE | EXIT, 0},
    {"LIFE-02.22", "the server is killed, the queued call was made through a copy",
     server_of_a_handed_over_client_ends, CTS_TWO_PROCESSES, CTS_LIMITED, BY_COPY, 0},
};
CTS_GROUP(cts_group_handed_on, cases);
