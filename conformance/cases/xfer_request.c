/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XFER-01 and XFER-02: the sync handle in a request, alone. The sender gets an error; the receiver
 * gets neither the handle nor the message. Other positions in the message are XFER-07.
 */
#include <cts/cts.h>

#define ARENA_BYTES 256

/* variant: the sender's call, and the state of the object. */
enum {
    BY_CALL,
    BY_CALL_WHILE_SET,
    BY_CALL_EX,             /* without sync object */
    BY_CALL_EX_WITH_ITSELF, /* the handle sent is also the call's sync object */
    BY_CALL_EX_WITH_OTHER,
    BY_CALL_WITH_ARENA,
};

/* A channel and the object that is to leave its process. */
struct scene {
    struct cts_link link;
    struct cts_actor *client;
    struct cts_actor *server;
    Handle sync;
};

static struct scene scene_new(const struct cts_case *self)
{
    struct scene scene = {.link = cts_link_open(self->layout)};
    scene.client = cts_actor_new(scene.link.client_process, "client");
    scene.server = cts_actor_new(scene.link.server_process, "server");
    scene.sync = cts_sync_new(scene.link.client_process);
    if (self->variant == BY_CALL_WHILE_SET) {
        cts_set(scene.link.client_process, scene.sync);
    }
    return scene;
}

static struct cts_op *start_sending(const struct cts_case *self, const struct scene *scene)
{
    struct cts_message request = CTS_WITH_HANDLE(scene->sync);
    Handle used = INVALID_HANDLE;
    switch (self->variant) {
    case BY_CALL_WITH_ARENA:
        request.arena_bytes = ARENA_BYTES;
        return cts_start_call(scene->client, scene->link.client, request);
    case BY_CALL:
    case BY_CALL_WHILE_SET:
        return cts_start_call(scene->client, scene->link.client, request);
    case BY_CALL_EX_WITH_ITSELF:
        used = scene->sync;
        break;
    case BY_CALL_EX_WITH_OTHER:
        used = cts_sync_new(scene->link.client_process);
        break;
    default:
        break;
    }
    return cts_start_call_ex(scene->client, scene->link.client, request, cts_mdelay(self), used);
}

/* XFER-01: the sender gets an error while a server waits. */
static void sending_is_an_error(const struct cts_case *self)
{
    struct scene s = scene_new(self);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(recv);

    for (int i = 0; i < 2; i++) {
        cts_check_error(start_sending(self, &s));
    }

    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, call);
}

/* XFER-01: nor does it travel when the message asks for no right to send it on, or for few rights. */
static void narrow_masks_are_refused(const struct cts_case *self)
{
    static const nk_rights_t masks[] = {OCAP_IPC_SYNC_OBJECT & ~OCAP_HANDLE_TRANSFER,
                                        OCAP_HANDLE_COPY, NK_RIGHTS_HELD & ~OCAP_HANDLE_TRANSFER};
    struct scene s = scene_new(self);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(recv);

    enum { MASKS = sizeof masks / sizeof masks[0] };
    for (size_t i = 0; i <= MASKS; i++) {
        struct cts_message request = CTS_WITH_HANDLE(s.sync);
        request.rights[0] = i != 0 ? masks[i - 1] : 0;
        request.no_rights = i == 0;
        cts_check_error(
            self->variant == BY_CALL
                ? cts_start_call(s.client, s.link.client, request)
                : cts_start_call_ex(s.client, s.link.client, request, cts_mdelay(self), s.sync));
    }

    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    cts_check_that(cts_received_handle_count(recv) == 0, "no handle arrives");
    cts_check_served(s.server, recv, call);
}

/* XFER-01: the code of the error is the one of a message that the security module denies. */
static void sending_is_disallowed(const struct cts_case *self)
{
    struct scene s = scene_new(self);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(recv);

    cts_check_returned(start_sending(self, &s), rcSecurityDisallow);

    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, call);
}

/* XFER-01: the sender comes first. Whether it learns of the refusal before a server comes is open,
 * so the claim is made once one has come. */
static void sending_first_is_an_error(const struct cts_case *self)
{
    struct scene s = scene_new(self);
    struct cts_op *sending = start_sending(self, &s);
    cts_settle();

    struct cts_op *recv = cts_start_recv(s.server, s.link.server);

    cts_check_error(sending);
    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, call);
}

/* XFER-02: a server that waits in Recv sees nothing of the refused message, and the next message
 * that it receives is the next one, without a handle. */
static void waiting_server_gets_nothing(const struct cts_case *self)
{
    struct scene s = scene_new(self);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(recv);
    cts_require_that(cts_wait(start_sending(self, &s)) != rcOk, "the transfer is refused");

    cts_check_blocked(recv);

    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    cts_check_that(cts_request(recv) == cts_request(call), "the next request is received");
    cts_check_that(cts_received_handle_count(recv) == 0, "no handle arrives");
    cts_check_served(s.server, recv, call);
}

/* XFER-02: the same for a server that waits in RecvEx with an object of its own, which ends that
 * wait in the end. */
static void waiting_recv_ex_gets_nothing(const struct cts_case *self)
{
    struct scene s = scene_new(self);
    Handle own = cts_sync_new(s.link.server_process);
    struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), own);
    cts_require_blocked(recv);
    cts_require_that(cts_wait(start_sending(self, &s)) != rcOk, "the transfer is refused");

    cts_check_blocked(recv);
    cts_set(s.link.server_process, own);
    cts_check_returned(recv, rcIpcInterrupt);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* XFER-02: several refused messages while no server waits leave nothing in the queue. */
static void later_server_gets_nothing(const struct cts_case *self)
{
    struct scene s = scene_new(self);
    struct cts_actor *other_client = cts_actor_new(s.link.client_process, "other client");
    for (int i = 0; i < 3; i++) {
        struct cts_op *sending = start_sending(self, &s);
        cts_settle();
        struct cts_op *recv = cts_start_recv(s.server, s.link.server);
        cts_require_that(cts_wait(sending) != rcOk, "the transfer is refused");

        cts_check_blocked(recv);
        struct cts_op *call = cts_start_call(other_client, s.link.client, CTS_PLAIN);
        cts_check_returned(recv, rcOk);
        cts_check_that(cts_received_handle_count(recv) == 0, "no handle arrives");
        cts_check_served(s.server, recv, call);
    }
}

static const struct cts_case cases[] = {
    {"XFER-01.1", "the sync handle in a request is refused, Call", sending_is_an_error,
     CTS_ONE_PROCESS, CTS_UNLIMITED, BY_CALL, CTS_SMOKE},
    {"XFER-01.2", "the sync handle in a request is refused, object set", sending_is_an_error,
     CTS_ONE_PROCESS, CTS_UNLIMITED, BY_CALL_WHILE_SET, 0},
    {"XFER-01.3", "the sync handle in a request is refused, CallEx", sending_is_an_error,
     CTS_ONE_PROCESS, CTS_LIMITED, BY_CALL_EX, CTS_SMOKE},
    {"XFER-01.4", "the sync handle in a request is refused, CallEx with the same object",
     sending_is_an_error, CTS_ONE_PROCESS, CTS_UNLIMITED, BY_CALL_EX_WITH_ITSELF, 0},
    {"XFER-01.5", "the sync handle in a request is refused, CallEx with another object",
     sending_is_an_error, CTS_ONE_PROCESS, CTS_UNLIMITED, BY_CALL_EX_WITH_OTHER, 0},
    {"XFER-01.6", "the sync handle in a request is refused, Call, two processes",
     sending_is_an_error, CTS_TWO_PROCESSES, CTS_UNLIMITED, BY_CALL, 0},
    {"XFER-01.7", "the sync handle in a request is refused, CallEx, two processes",
     sending_is_an_error, CTS_TWO_PROCESSES, CTS_LIMITED, BY_CALL_EX_WITH_ITSELF, 0},
    {"XFER-01.16", "the sync handle in a request is refused, CallEx with the same object, limit",
     sending_is_an_error, CTS_ONE_PROCESS, CTS_LIMITED, BY_CALL_EX_WITH_ITSELF, 0},
    {"XFER-01.8", "the refusal is rcSecurityDisallow (derived), Call", sending_is_disallowed,
     CTS_ONE_PROCESS, CTS_UNLIMITED, BY_CALL, CTS_SMOKE},
    {"XFER-01.9", "the refusal is rcSecurityDisallow (derived), CallEx", sending_is_disallowed,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, BY_CALL_EX, 0},
    {"XFER-01.13", "the refusal is rcSecurityDisallow (derived), CallEx, one process",
     sending_is_disallowed, CTS_ONE_PROCESS, CTS_UNLIMITED, BY_CALL_EX, 0},
    {"XFER-01.10", "a request with the sync handle is refused when a server comes, Call",
     sending_first_is_an_error, CTS_ONE_PROCESS, CTS_UNLIMITED, BY_CALL, 0},
    {"XFER-01.11", "a request with the sync handle is refused when a server comes, CallEx",
     sending_first_is_an_error, CTS_TWO_PROCESSES, CTS_LIMITED, BY_CALL_EX_WITH_ITSELF, 0},
    {"XFER-01.14",
     "a request with the sync handle is refused when a server comes, CallEx, one process",
     sending_first_is_an_error, CTS_ONE_PROCESS, CTS_LIMITED, BY_CALL_EX_WITH_ITSELF, 0},
    {"XFER-01.12", "the sync handle in a request with an arena is refused", sending_is_an_error,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, BY_CALL_WITH_ARENA, 0},
    {"XFER-01.15", "the sync handle in a request with an arena is refused, one process",
     sending_is_an_error, CTS_ONE_PROCESS, CTS_UNLIMITED, BY_CALL_WITH_ARENA, 0},
    {"XFER-01.22", "a request that asks for few rights of the sync handle is refused, Call",
     narrow_masks_are_refused, CTS_ONE_PROCESS, CTS_UNLIMITED, BY_CALL, 0},
    {"XFER-01.23", "a request that asks for few rights of the sync handle is refused, CallEx",
     narrow_masks_are_refused, CTS_ONE_PROCESS, CTS_LIMITED, BY_CALL_EX_WITH_ITSELF, 0},
    {"XFER-01.24", "a request that asks for few rights of the sync handle, two processes",
     narrow_masks_are_refused, CTS_TWO_PROCESSES, CTS_UNLIMITED, BY_CALL_EX_WITH_ITSELF, 0},
    {"XFER-02.1", "a waiting Recv gets nothing of a refused Call", waiting_server_gets_nothing,
     CTS_ONE_PROCESS, CTS_UNLIMITED, BY_CALL, CTS_SMOKE},
    {"XFER-02.2", "a waiting Recv gets nothing of a refused CallEx", waiting_server_gets_nothing,
     CTS_ONE_PROCESS, CTS_LIMITED, BY_CALL_EX_WITH_ITSELF, 0},
    {"XFER-02.3", "a waiting Recv gets nothing of a refused Call, two processes",
     waiting_server_gets_nothing, CTS_TWO_PROCESSES, CTS_UNLIMITED, BY_CALL, 0},
    {"XFER-02.4", "a waiting RecvEx gets nothing of a refused Call", waiting_recv_ex_gets_nothing,
     CTS_ONE_PROCESS, CTS_LIMITED, BY_CALL, 0},
    {"XFER-02.5", "a waiting RecvEx gets nothing of a refused CallEx, two processes",
     waiting_recv_ex_gets_nothing, CTS_TWO_PROCESSES, CTS_UNLIMITED, BY_CALL_EX_WITH_OTHER, 0},
    {"XFER-02.8", "a waiting RecvEx gets nothing of a refused CallEx", waiting_recv_ex_gets_nothing,
     CTS_ONE_PROCESS, CTS_UNLIMITED, BY_CALL_EX_WITH_OTHER, 0},
    {"XFER-02.6", "a server that comes later gets nothing of refused messages, Call",
     later_server_gets_nothing, CTS_ONE_PROCESS, CTS_UNLIMITED, BY_CALL, CTS_SMOKE},
    {"XFER-02.7", "a server that comes later gets nothing of refused messages, CallEx",
     later_server_gets_nothing, CTS_ONE_PROCESS, CTS_LIMITED, BY_CALL_EX, 0},
};
CTS_GROUP(cts_group_xfer_request, cases);
