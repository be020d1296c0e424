/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object is set while a request of its user is in service, or before its user receives: it interrupts nobody who
 * does not use it, and takes nothing from messages that are on their way.
 */
#include <cts/cts.h>

/* variant: whose object is set. */
enum { OF_CLIENT, OF_SERVER };

struct scene {
    struct cts_link link;
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_actor *second; /* server */
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    s.second = cts_actor_new(s.link.server_process, "second server");
    return s;
}

/* CALL-06, CALL-07: a server that owes its caller a response makes a call of its own; Set on the caller's object, or on
 * that of its own RecvEx, does not reach it. Without an object a CallEx is like a Call. */
static void call_of_a_server_is_not_reached(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link inner = cts_link_between(s.link.client_process, s.link.server_process);
    struct cts_actor *backend = cts_actor_new(inner.server_process, "backend");
    bool of_server = self->variant == OF_SERVER;
    struct cts_process *process = of_server ? s.link.server_process : s.link.client_process;
    Handle sync = cts_sync_new(process);
    struct cts_op *recv = of_server
                              ? cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), sync)
                              : cts_start_recv(s.server, s.link.server);
    struct cts_op *call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self),
                                            of_server ? INVALID_HANDLE : sync);
    cts_require_returned(recv, rcOk);
    struct cts_op *nested =
        self->limit == CTS_LIMITED
            ? cts_start_call_ex(s.server, inner.client, CTS_PLAIN, cts_mdelay(self), INVALID_HANDLE)
            : cts_start_call(s.server, inner.client, CTS_PLAIN);
    cts_may_lack_room(nested);
    cts_settle();
    if (cts_returned(nested) && cts_rc(nested) != rcIpcInterrupt) {
        cts_skip("a thread that owes a response makes no call");
    }

    cts_set(process, sync);

    cts_check_blocked(nested);
    struct cts_op *inner_recv = cts_start_recv(backend, inner.server);
    cts_check_returned(inner_recv, rcOk);
    cts_check_served(backend, inner_recv, nested);
    cts_check_served(s.server, recv, call);
}

/* RECV-02: the object of the RecvEx that took the request is set; another thread answers. */
static void another_thread_answers(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle sync = cts_sync_new(s.link.server_process);
    for (int round = 0; round < 2; round++) {
        struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), sync);
        cts_require_blocked(recv);
        struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
        cts_require_returned(recv, rcOk);
        if (round == 0) {
            /* Who may answer is not written anywhere. */
            struct cts_op *reply = cts_start_reply(s.second, recv, CTS_PLAIN);
            cts_may_lack_room(reply);
            if (cts_wait(reply) != rcOk) {
                (void)cts_wait(cts_start_reply(s.server, recv, CTS_PLAIN));
                cts_skip("a request is answered by the thread that took it only");
            }
            cts_require_returned(call, rcOk);
            continue;
        }
        cts_set(s.link.server_process, sync);
        cts_check_served(s.second, recv, call);
    }
}

/* XFER-06, RECV-02: the response carries a handle to a caller whose object is set meanwhile, or comes from a server
 * whose object is. */
static void response_keeps_its_handle(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link given = cts_link_between(s.link.client_process, s.link.server_process);
    struct cts_actor *far = cts_actor_new(given.server_process, "far server");
    struct cts_process *process =
        self->variant == OF_CLIENT ? s.link.client_process : s.link.server_process;
    Handle sync = cts_sync_new(process);
    struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self),
                                            self->variant == OF_SERVER ? sync : INVALID_HANDLE);
    cts_require_blocked(recv);
    struct cts_op *call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self),
                                            self->variant == OF_CLIENT ? sync : INVALID_HANDLE);
    cts_require_returned(recv, rcOk);
    cts_set(process, sync);

    struct cts_op *reply = cts_start_reply(s.server, recv, CTS_WITH_HANDLE(given.client));

    cts_check_returned(reply, rcOk);
    cts_check_returned(call, rcOk);
    cts_check_that(cts_received_handle_count(call) == 1, "one handle arrives");
    cts_check_exchange(s.client, cts_received_handle(call, 0), far, given.server);
}

/* XFER-06: requests with handles are queued while a RecvEx with a set object comes; where it takes one of them, that
 * one has its handle, and where it is interrupted, the next receiver finds all as they were. */
static void queued_requests_keep_their_handles(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link given = cts_link_between(s.link.server_process, s.link.client_process);
    Handle sync = cts_sync_new(s.link.server_process);
    cts_set(s.link.server_process, sync);
    struct cts_op *call = cts_start_call_ex(s.client, s.link.client, CTS_WITH_HANDLE(given.client),
                                            cts_mdelay(self), INVALID_HANDLE);
    cts_require_blocked(call);

    struct cts_op *recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), sync);

    cts_check_returned_one_of(recv, rcOk, rcIpcInterrupt);
    if (cts_rc(recv) != rcOk) {
        cts_check_blocked(call);
        recv = cts_start_recv(s.server, s.link.server);
        cts_check_returned(recv, rcOk);
    }
    cts_check_that(cts_received_handle_count(recv) == 1, "one handle arrives");
    Handle received = cts_received_handle(recv, 0);
    cts_check_served(s.server, recv, call);
    cts_check_exchange(s.server, received, s.second, given.server);
}

static const struct cts_case cases[] = {
    {"CALL-06.40", "a Call of a server is not interrupted by the object of the caller",
     call_of_a_server_is_not_reached, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-06.41", "a CallEx of a server is not interrupted by the object of the caller",
     call_of_a_server_is_not_reached, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-06.42",
     "a CallEx of a server is not interrupted by the object of the caller, one process",
     call_of_a_server_is_not_reached, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"CALL-06.43", "a Call of a server is not interrupted by the object of its RecvEx",
     call_of_a_server_is_not_reached, CTS_ONE_PROCESS, CTS_UNLIMITED, OF_SERVER, 0},
    {"CALL-06.44", "a Call of a server is not interrupted by the object of its RecvEx, processes",
     call_of_a_server_is_not_reached, CTS_TWO_PROCESSES, CTS_UNLIMITED, OF_SERVER, 0},
    {"CALL-07.42", "a CallEx of a server is not interrupted by the object of its RecvEx, limit",
     call_of_a_server_is_not_reached, CTS_ONE_PROCESS, CTS_LIMITED, OF_SERVER, 0},
    {"RECV-02.110", "another thread answers while the object of the receiver is set",
     another_thread_answers, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-02.111", "another thread answers while the object of the receiver is set, two processes",
     another_thread_answers, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"RECV-02.112", "a Reply with a handle ends well while the object of the receiver is set",
     response_keeps_its_handle, CTS_ONE_PROCESS, CTS_UNLIMITED, OF_SERVER, 0},
    {"RECV-02.113",
     "a Reply with a handle ends well while the object of the receiver is set, limit",
     response_keeps_its_handle, CTS_TWO_PROCESSES, CTS_LIMITED, OF_SERVER, 0},
    {"XFER-06.30", "a response keeps its handle though the object of the caller is set",
     response_keeps_its_handle, CTS_ONE_PROCESS, CTS_UNLIMITED, OF_CLIENT, 0},
    {"XFER-06.31",
     "a response keeps its handle though the object of the server is set, two processes",
     response_keeps_its_handle, CTS_TWO_PROCESSES, CTS_LIMITED, OF_SERVER, 0},
    {"XFER-06.32", "a queued request keeps its handle when a RecvEx finds its object set",
     queued_requests_keep_their_handles, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"XFER-06.33", "a queued request keeps its handle when a RecvEx is interrupted, two processes",
     queued_requests_keep_their_handles, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
};
CTS_GROUP(cts_group_set_in_service, cases);
