/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages with handles, one after the other and several in one: a refused one leaves no trace in the threads of either
 * end, and a handle that may travel does so as often as it is sent.
 */
#include <cts/cts.h>

/* variant: the handle with which the server receives; how the request comes. */
enum { ON_SERVER = 0, ON_LISTENER = 1, QUEUED = 2 };
/* The end of a client whose response was refused is open (XFER-05), so it has a limit of its own. */
enum { CLIENT_MS = 4000, HOPS = 4, HANDLES = 3 };

struct scene {
    struct cts_link link;
    struct cts_actor *client;
    struct cts_actor *server;
    Handle receiving;
    Handle client_sync;
    Handle server_sync;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    s.receiving = self->variant & ON_LISTENER ? s.link.listener : s.link.server;
    s.client_sync = cts_sync_new(s.link.client_process);
    s.server_sync = cts_sync_new(s.link.server_process);
    return s;
}

/* A request with that content, received by RecvEx with the server's object; the call is `*call`. */
static struct cts_op *receive_request(const struct cts_case *self, const struct scene *s,
                                      struct cts_message request, struct cts_op **call)
{
    struct cts_op *recv = NULL;
    if ((self->variant & QUEUED) == 0) {
        recv = cts_start_recv_ex(s->server, s->receiving, cts_mdelay(self), s->server_sync);
        cts_require_blocked(recv);
    }
    *call = cts_start_call_ex(s->client, s->link.client, request, CLIENT_MS, INVALID_HANDLE);
    if (recv == NULL) {
        cts_require_blocked(*call);
        recv = cts_start_recv_ex(s->server, s->receiving, cts_mdelay(self), s->server_sync);
    }
    cts_require_returned(recv, rcOk);
    return recv;
}

/* The Reply that carries the sync handle at the end of `others` handles is refused; the client comes to its end. */
static void check_refused_reply(const struct scene *s, struct cts_op *recv, struct cts_op *call,
                                unsigned others, const Handle *handles)
{
    struct cts_message response = {.handle_count = others + 1};
    for (unsigned i = 0; i < others; i++) {
        response.handles[i] = handles[i];
    }
    response.handles[others] = s->server_sync;

    cts_check_error(cts_start_reply(s->server, recv, response));

    Retcode second = cts_wait(cts_start_reply(s->server, recv, CTS_PLAIN));
    Retcode rc = cts_wait(call);
    cts_check_that(rc != rcOk || second == rcOk, "the client has no response that was refused");
    cts_check_that(rc != rcOk || cts_received_handle_count(call) == 0, "the client has no handle");
}

/* XFER-04: the request had handles itself. One that waited until its limit is enough. */
static void reply_to_a_request_with_handles(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle carried[HANDLES];
    Handle own[HANDLES];
    for (unsigned i = 0; i < HANDLES; i++) {
        carried[i] = cts_link_between(s.link.server_process, s.link.client_process).client;
        own[i] = cts_link_between(s.link.client_process, s.link.server_process).client;
    }
    for (unsigned count = 1; count <= HANDLES; count++) {
        struct cts_message request = {.handle_count = count};
        for (unsigned i = 0; i < count; i++) {
            request.handles[i] = carried[i];
        }
        struct cts_op *call = NULL;
        struct cts_op *recv = receive_request(self, &s, request, &call);
        cts_require_that(cts_received_handle_count(recv) == count, "the handles arrive");
        check_refused_reply(&s, recv, call, count - 1, own);
        if (cts_rc(call) == rcTimeout) {
            break;
        }
    }
    cts_check_exchange(s.client, s.link.client, s.server, s.receiving);
}

/* XFER-03: requests with one handle or several are refused because of the last, or of the first; the RecvEx that waits
 * goes on, can be interrupted, and gets the next request. */
static void receiver_outlives_refused_requests(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link carried = cts_link_between(s.link.server_process, s.link.client_process);
    struct cts_op *recv = NULL;
    for (unsigned count = 1; count <= 3; count++) {
        for (unsigned at = 0; at < count; at += 2) {
            recv = cts_start_recv_ex(s.server, s.receiving, cts_mdelay(self), s.server_sync);
            cts_require_blocked(recv);
            struct cts_message request = {.handle_count = count};
            for (unsigned i = 0; i < count; i++) {
                request.handles[i] = i == at ? s.client_sync : carried.client;
            }
            struct cts_op *sending = at == 0 ? cts_start_call(s.client, s.link.client, request)
                                             : cts_start_call_ex(s.client, s.link.client, request,
                                                                 cts_mdelay(self), s.client_sync);
            cts_require_that(cts_wait(sending) != rcOk, "the transfer is refused");

            cts_check_blocked(recv);
            if (count == 2) {
                cts_set(s.link.server_process, s.server_sync);
                cts_check_returned(recv, rcIpcInterrupt);
                cts_clear(s.link.server_process, s.server_sync);
                continue;
            }
            struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
            cts_check_returned(recv, rcOk);
            cts_check_that(cts_received_handle_count(recv) == 0, "no handle arrives");
            cts_check_served(s.server, recv, call);
        }
    }
}

/* XFER-03: the thread whose Reply was refused receives next, with an object: it waits, and is interrupted. */
static void recv_ex_after_a_refused_reply(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *call = NULL;
    struct cts_op *recv = receive_request(self, &s, CTS_PLAIN, &call);
    check_refused_reply(&s, recv, call, 0, NULL);

    for (int i = 0; i < 2; i++) {
        recv = cts_start_recv_ex(s.server, s.receiving, cts_mdelay(self), s.server_sync);
        cts_check_blocked(recv);
        cts_set(s.link.server_process, s.server_sync);
        cts_check_returned(recv, rcIpcInterrupt);
        cts_clear(s.link.server_process, s.server_sync);
    }
    cts_check_exchange(s.client, s.link.client, s.server, s.receiving);
}

/* RECV-06: it receives next without an object; the one of its last RecvEx does not reach it. */
static void recv_after_a_refused_reply(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *call = NULL;
    struct cts_op *recv = receive_request(self, &s, CTS_PLAIN, &call);
    check_refused_reply(&s, recv, call, 0, NULL);

    for (int i = 0; i < 2; i++) {
        recv = cts_start_recv(s.server, s.receiving);
        cts_require_blocked(recv);
        cts_set(s.link.server_process, s.server_sync);
        cts_check_blocked(recv);
        call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
        cts_check_returned(recv, rcOk);
        cts_check_served(s.server, recv, call);
        cts_clear(s.link.server_process, s.server_sync);
    }
}

/* XFER-06: a handle goes to the server in a request and back in the response, again and again, each time as the handle
 * that came last. It works at both ends. */
static void handle_goes_to_and_fro(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link carried = cts_link_between(s.link.server_process, s.link.client_process);
    struct cts_actor *far = cts_actor_new(s.link.server_process, "far server");
    Handle handle = carried.client;
    for (int hop = 0; hop < HOPS; hop++) {
        struct cts_op *recv =
            cts_start_recv_ex(s.server, s.receiving, cts_mdelay(self), s.server_sync);
        struct cts_op *call = cts_start_call_ex(s.client, s.link.client, CTS_WITH_HANDLE(handle),
                                                cts_mdelay(self), s.client_sync);
        cts_check_returned(recv, rcOk);
        cts_check_that(cts_received_handle_count(recv) == 1, "one handle arrives in the request");
        handle = cts_received_handle(recv, 0);
        cts_check_returned(cts_start_reply(s.server, recv, CTS_WITH_HANDLE(handle)), rcOk);
        cts_check_returned(call, rcOk);
        cts_check_that(cts_received_handle_count(call) == 1, "one handle arrives in the response");
        cts_check_exchange(s.server, handle, far, carried.server);
        handle = cts_received_handle(call, 0);
        cts_check_exchange(s.client, handle, far, carried.server);
    }
}

static const struct cts_case cases[] = {
    {"XFER-04.140", "Reply with the sync handle to a request with handles is refused",
     reply_to_a_request_with_handles, CTS_ONE_PROCESS, CTS_UNLIMITED, ON_SERVER, 0},
    {"XFER-04.141", "Reply with the sync handle to a queued request with handles is refused, limit",
     reply_to_a_request_with_handles, CTS_ONE_PROCESS, CTS_LIMITED, ON_SERVER | QUEUED, 0},
    {"XFER-04.142",
     "Reply with the sync handle to a request with handles is refused, two processes",
     reply_to_a_request_with_handles, CTS_TWO_PROCESSES, CTS_UNLIMITED, ON_LISTENER, 0},
    {"XFER-04.143", "Reply with the sync handle to a request with handles is refused, listener",
     reply_to_a_request_with_handles, CTS_ONE_PROCESS, CTS_UNLIMITED, ON_LISTENER, 0},
    {"XFER-03.140", "a RecvEx on a listener outlives refused requests with several handles",
     receiver_outlives_refused_requests, CTS_ONE_PROCESS, CTS_UNLIMITED, ON_LISTENER, 0},
    {"XFER-03.141", "a RecvEx outlives refused requests with several handles, limit",
     receiver_outlives_refused_requests, CTS_ONE_PROCESS, CTS_LIMITED, ON_SERVER, 0},
    {"XFER-03.142", "a RecvEx on a listener outlives refused requests, two processes",
     receiver_outlives_refused_requests, CTS_TWO_PROCESSES, CTS_LIMITED, ON_LISTENER, 0},
    {"XFER-03.143", "after a refused Reply the next RecvEx of the thread is interrupted",
     recv_ex_after_a_refused_reply, CTS_ONE_PROCESS, CTS_UNLIMITED, ON_SERVER, 0},
    {"XFER-03.144", "after a refused Reply to a queued request the next RecvEx is interrupted",
     recv_ex_after_a_refused_reply, CTS_ONE_PROCESS, CTS_LIMITED, ON_LISTENER | QUEUED, 0},
    {"XFER-03.145", "after a refused Reply the next RecvEx is interrupted, two processes",
     recv_ex_after_a_refused_reply, CTS_TWO_PROCESSES, CTS_UNLIMITED, ON_SERVER, 0},
    {"RECV-06.140", "after a refused Reply the next Recv of the thread is not interrupted",
     recv_after_a_refused_reply, CTS_ONE_PROCESS, CTS_UNLIMITED, ON_SERVER, 0},
    {"RECV-06.141", "after a refused Reply to a queued request the next Recv is not interrupted",
     recv_after_a_refused_reply, CTS_ONE_PROCESS, CTS_LIMITED, ON_LISTENER | QUEUED, 0},
    {"RECV-06.142", "after a refused Reply the next Recv is not interrupted, two processes",
     recv_after_a_refused_reply, CTS_TWO_PROCESSES, CTS_UNLIMITED, ON_SERVER, 0},
    {"XFER-06.140", "a handle arrives and works as often as it is sent on", handle_goes_to_and_fro,
     CTS_ONE_PROCESS, CTS_UNLIMITED, ON_SERVER, 0},
    {"XFER-06.141", "a handle arrives and works as often as it is sent on, listener, limit",
     handle_goes_to_and_fro, CTS_ONE_PROCESS, CTS_LIMITED, ON_LISTENER, 0},
    {"XFER-06.142", "a handle arrives and works as often as it is sent on, two processes",
     handle_goes_to_and_fro, CTS_TWO_PROCESSES, CTS_UNLIMITED, ON_SERVER, 0},
};
CTS_GROUP(cts_group_transfer_mixed, cases);
