/* SPDX-License-Identifier: Apache-2.0 */
/* XFER-03: a refused transfer, by request or by response, leaves the object and the channel working
 * and does not touch threads that wait with the object. */
#include <cts/cts.h>

/* variant: which message was refused. */
enum { REQUEST, RESPONSE };
enum { CLIENT_MS = 4000 };

/* The object belongs to the process that sends it: the client's, or the server's. */
struct scene {
    struct cts_link link;
    struct cts_process *process;
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_actor *user; /* waits with the object on channels that nobody else uses */
    struct cts_link calls;
    struct cts_link receives;
    Handle sync;
};

static struct scene scene_new(const struct cts_case *self)
{
    struct scene scene = {.link = cts_link_open(self->layout)};
    struct cts_process *other =
        self->variant == REQUEST ? scene.link.server_process : scene.link.client_process;
    scene.process =
        self->variant == REQUEST ? scene.link.client_process : scene.link.server_process;
    scene.client = cts_actor_new(scene.link.client_process, "client");
    scene.server = cts_actor_new(scene.link.server_process, "server");
    scene.user = cts_actor_new(scene.process, "user");
    scene.calls = cts_link_between(other, scene.process);
    scene.receives = cts_link_between(scene.process, other);
    scene.sync = cts_sync_new(scene.process);
    return scene;
}

/* One refused transfer; both ends are idle afterwards. How a client ends whose response was refused
 * is open (XFER-05). */
static void require_refused(const struct cts_case *self, const struct scene *s)
{
    struct cts_op *recv = cts_start_recv(s->server, s->link.server);
    cts_require_blocked(recv);
    if (self->variant == REQUEST) {
        struct cts_op *sending =
            cts_start_call(s->client, s->link.client, CTS_WITH_HANDLE(s->sync));
        cts_require_that(cts_wait(sending) != rcOk, "the transfer is refused");
        struct cts_op *call = cts_start_call(s->client, s->link.client, CTS_PLAIN);
        cts_check_returned(recv, rcOk);
        cts_check_served(s->server, recv, call);
        return;
    }
    struct cts_op *call =
        cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, CLIENT_MS, INVALID_HANDLE);
    cts_require_returned(recv, rcOk);
    struct cts_op *sending = cts_start_reply(s->server, recv, CTS_WITH_HANDLE(s->sync));
    cts_require_that(cts_wait(sending) != rcOk, "the transfer is refused");
    (void)cts_wait(cts_start_reply(s->server, recv, CTS_PLAIN));
    (void)cts_wait(call);
}

static struct cts_op *start_call(const struct cts_case *self, const struct scene *s)
{
    return cts_start_call_ex(s->user, s->calls.client, CTS_PLAIN, cts_mdelay(self), s->sync);
}

static struct cts_op *start_recv(const struct cts_case *self, const struct scene *s)
{
    return cts_start_recv_ex(s->user, s->receives.server, cts_mdelay(self), s->sync);
}

/* XFER-03: the object is as it was, clear, and can be set, cleared, used and closed. */
static void object_works_after_refusal(const struct cts_case *self)
{
    struct scene s = scene_new(self);
    require_refused(self, &s);

    struct cts_op *call = start_call(self, &s);
    cts_check_blocked(call);
    cts_check_returned(cts_start_set(cts_actor_new(s.process, "setter"), s.sync), rcOk);
    cts_check_returned(call, rcIpcInterrupt);
    cts_check_returned(start_recv(self, &s), rcIpcInterrupt);
    require_refused(self, &s);
    cts_check_returned(start_call(self, &s), rcIpcInterrupt);
    cts_check_returned(cts_start_clear(s.user, s.sync), rcOk);
    struct cts_op *recv = start_recv(self, &s);
    cts_check_blocked(recv);
    cts_set(s.process, s.sync);
    cts_check_returned(recv, rcIpcInterrupt);
    cts_check_returned(cts_start_close(s.user, s.sync), rcOk);
}

/* XFER-03: the channel works, in particular with the same object as sync object. */
static void channel_works_after_refusal(const struct cts_case *self)
{
    struct scene s = scene_new(self);
    for (int i = 0; i < 3; i++) {
        require_refused(self, &s);

        cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
    }
    struct cts_op *recv;
    struct cts_op *call;
    if (self->variant == REQUEST) {
        call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
        cts_check_blocked(call);
        recv = cts_start_recv(s.server, s.link.server);
    } else {
        recv = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
        cts_check_blocked(recv);
        call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    }
    cts_check_returned(recv, rcOk);
    cts_check_served(s.server, recv, call);
}

/* XFER-03: a thread that waits with the object meanwhile goes on waiting, and is interrupted by Set
 * afterwards. */
static void waiter_is_not_disturbed_by_refusal(const struct cts_case *self)
{
    struct scene s = scene_new(self);
    struct cts_actor *receiver = cts_actor_new(s.process, "receiver");
    struct cts_op *call = start_call(self, &s);
    struct cts_op *recv = cts_start_recv_ex(receiver, s.receives.server, cts_mdelay(self), s.sync);
    cts_require_blocked(call);
    cts_require_blocked(recv);

    require_refused(self, &s);

    cts_check_blocked(call);
    cts_check_blocked(recv);
    cts_set(s.process, s.sync);
    cts_check_returned(call, rcIpcInterrupt);
    cts_check_returned(recv, rcIpcInterrupt);
}

static const struct cts_case cases[] = {
    {"XFER-03.1", "the object works after a refused request", object_works_after_refusal,
     CTS_ONE_PROCESS, CTS_UNLIMITED, REQUEST, CTS_SMOKE},
    {"XFER-03.2", "the object works after a refused response", object_works_after_refusal,
     CTS_ONE_PROCESS, CTS_LIMITED, RESPONSE, 0},
    {"XFER-03.3", "the object works after a refused request, two processes",
     object_works_after_refusal, CTS_TWO_PROCESSES, CTS_LIMITED, REQUEST, 0},
    {"XFER-03.10", "the object works after a refused request, limit", object_works_after_refusal,
     CTS_ONE_PROCESS, CTS_LIMITED, REQUEST, 0},
    {"XFER-03.4", "the channel works after refused requests", channel_works_after_refusal,
     CTS_ONE_PROCESS, CTS_LIMITED, REQUEST, CTS_SMOKE},
    {"XFER-03.5", "the channel works after refused responses", channel_works_after_refusal,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RESPONSE, 0},
    {"XFER-03.6", "the channel works after refused responses, two processes",
     channel_works_after_refusal, CTS_TWO_PROCESSES, CTS_UNLIMITED, RESPONSE, 0},
    {"XFER-03.7", "threads waiting with the object are not disturbed by a refused request",
     waiter_is_not_disturbed_by_refusal, CTS_ONE_PROCESS, CTS_UNLIMITED, REQUEST, 0},
    {"XFER-03.8", "threads waiting with the object are not disturbed by a refused response",
     waiter_is_not_disturbed_by_refusal, CTS_TWO_PROCESSES, CTS_UNLIMITED, RESPONSE, 0},
    {"XFER-03.9",
     "threads waiting with the object are not disturbed by a refused response, one process",
     waiter_is_not_disturbed_by_refusal, CTS_ONE_PROCESS, CTS_UNLIMITED, RESPONSE, 0},
};
CTS_GROUP(cts_group_xfer_refused, cases);
