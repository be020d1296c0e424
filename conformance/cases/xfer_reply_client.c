/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XFER-05: what a client sees whose response was refused for a sync handle in it is open. Its call
 * ends with an error, at once or at its limit, and it holds no handle.
 */
#include <cts/cts.h>

#define LIMIT 1000

/* variant: what else there is. */
enum { OWN_OBJECT = 1, OBJECT_IS_SET = 2, MIXED = 4, TWICE = 8 };

struct scene {
    struct cts_link link;
    struct cts_link other; /* its client handle may travel */
    struct cts_actor *client;
    struct cts_actor *server;
    Handle server_sync;
    Handle client_sync; /* or INVALID_HANDLE */
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.other = cts_link_between(s.link.client_process, s.link.server_process);
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    s.server_sync = cts_sync_new(s.link.server_process);
    s.client_sync = INVALID_HANDLE;
    if (self->variant & (OWN_OBJECT | OBJECT_IS_SET)) {
        s.client_sync = cts_sync_new(s.link.client_process);
    }
    return s;
}

static struct cts_message refused_response(const struct cts_case *self, const struct scene *s)
{
    if (self->variant & MIXED) {
        return (struct cts_message){.handle_count = 2,
                                    .handles = {s->other.client, s->server_sync}};
    }
    return CTS_WITH_HANDLE(s->server_sync);
}

/* XFER-05: the client's call ends, in error. */
static void client_ends_with_an_error(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(recv);
    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, LIMIT, s.client_sync);
    cts_require_returned(recv, rcOk);
    if (self->variant & OBJECT_IS_SET) {
        cts_set(s.link.client_process, s.client_sync);
    }

    for (int i = 0; i < (self->variant & TWICE ? 2 : 1); i++) {
        struct cts_op *reply = cts_start_reply(s.server, recv, refused_response(self, &s));
        cts_require_that(cts_wait(reply) != rcOk, "the transfer is refused");
    }

    cts_settle();
    bool at_once = cts_returned(call);
    if (!at_once) {
        cts_advance_ms(LIMIT + 10);
    }
    cts_check_error(call);
    cts_observe(at_once ? "CallEx whose response was refused, at once"
                        : "CallEx whose response was refused, at its limit",
                cts_rc_name(cts_rc(call)));
    cts_check_that(cts_received_handle_count(call) == 0, "the client holds no handle");

    Retcode late = cts_wait(cts_start_reply(s.server, recv, CTS_PLAIN));
    cts_observe("another Reply afterwards", cts_rc_name(late));
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* XFER-05: another client, which is queued on the same channel, sees nothing of it. */
static void other_client_is_served(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    struct cts_actor *second = cts_actor_new(s.link.client_process, "second client");
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(recv);
    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, LIMIT, s.client_sync);
    cts_require_returned(recv, rcOk);
    struct cts_op *queued = cts_start_call(second, s.link.client, CTS_PLAIN);
    cts_require_blocked(queued);

    struct cts_op *reply = cts_start_reply(s.server, recv, refused_response(self, &s));
    cts_require_that(cts_wait(reply) != rcOk, "the transfer is refused");

    cts_check_blocked(queued);
    cts_advance_ms(LIMIT + 10);
    cts_check_error(call);
    cts_observe("CallEx whose response was refused", cts_rc_name(cts_rc(call)));
    (void)cts_wait(cts_start_reply(s.server, recv, CTS_PLAIN));
    recv = cts_start_recv(s.server, s.link.server);
    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, queued);
}

static const struct cts_case cases[] = {
    {"XFER-05.1", "the client whose response was refused", client_ends_with_an_error,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, CTS_SMOKE | CTS_WAITS},
    {"XFER-05.2", "the client whose response was refused, with an object",
     client_ends_with_an_error, CTS_ONE_PROCESS, CTS_LIMITED, OWN_OBJECT, CTS_WAITS},
    {"XFER-05.3", "the client whose response was refused, object set meanwhile",
     client_ends_with_an_error, CTS_ONE_PROCESS, CTS_LIMITED, OBJECT_IS_SET, CTS_WAITS},
    {"XFER-05.4", "the client whose response with two handles was refused",
     client_ends_with_an_error, CTS_ONE_PROCESS, CTS_LIMITED, MIXED, CTS_WAITS},
    {"XFER-05.5", "the client whose response was refused, two processes", client_ends_with_an_error,
     CTS_TWO_PROCESSES, CTS_LIMITED, MIXED | TWICE, 0},
    {"XFER-05.8", "the client whose response was refused, one process", client_ends_with_an_error,
     CTS_ONE_PROCESS, CTS_LIMITED, MIXED | TWICE, CTS_WAITS},
    {"XFER-05.6", "a client queued behind one whose response was refused", other_client_is_served,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, CTS_WAITS},
    {"XFER-05.7", "a client queued behind one whose response was refused, two processes",
     other_client_is_served, CTS_TWO_PROCESSES, CTS_LIMITED, OWN_OBJECT, 0},
    {"XFER-05.9", "a client queued behind one whose response was refused, one process",
     other_client_is_served, CTS_ONE_PROCESS, CTS_LIMITED, OWN_OBJECT, CTS_WAITS},
};
CTS_GROUP(cts_group_xfer_reply_client, cases);
