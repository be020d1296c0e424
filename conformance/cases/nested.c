/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server thread that holds a request and waits again before it answers: as client of a third party, or
 * for another request. What ends its own wait does not reach the request that it holds, nor the caller
 * of that request.
 */
#include <cts/cts.h>

#define VIRTUAL_MDELAY 600

struct scene {
    struct cts_link outer; /* the middle is its server, */
    struct cts_link inner; /* and the client of this one */
    struct cts_process *middle_process;
    struct cts_actor *client;
    struct cts_actor *middle;
    struct cts_actor *backend;
    Handle client_sync;
    Handle middle_sync;
    struct cts_op *recv; /* of the middle; holds the request of `call` */
    struct cts_op *call;
};

/* Client and middle share a process in one-process rows; the backend is always beside the client. */
static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.outer = cts_link_open(self->layout)};
    s.middle_process = s.outer.server_process;
    s.inner = cts_link_between(s.outer.client_process, s.middle_process);
    s.client = cts_actor_new(s.outer.client_process, "client");
    s.middle = cts_actor_new(s.middle_process, "middle");
    s.backend = cts_actor_new(s.inner.server_process, "backend");
    s.client_sync = cts_sync_new(s.outer.client_process);
    s.middle_sync = cts_sync_new(s.middle_process);
    return s;
}

/* The client calls, and the middle takes the request. */
static void scene_hold(const struct cts_case *self, struct scene *s)
{
    s->recv = cts_start_recv_ex(s->middle, s->outer.server, cts_mdelay(self), s->middle_sync);
    s->call =
        cts_start_call_ex(s->client, s->outer.client, CTS_PLAIN, cts_mdelay(self), s->client_sync);
    cts_require_returned(s->recv, rcOk);
}

static struct scene scene_held(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    scene_hold(self, &s);
    return s;
}

/* The middle calls its backend, which does not receive. */
static struct cts_op *nested_call(const struct scene *s, rtl_uint32_t mdelay)
{
    struct cts_op *nested =
        cts_start_call_ex(s->middle, s->inner.client, CTS_PLAIN, mdelay, s->middle_sync);
    cts_may_lack_room(nested);
    cts_settle();
    if (cts_returned(nested) && cts_rc(nested) != rcIpcInterrupt && cts_rc(nested) != rcTimeout) {
        cts_skip("a thread that holds a request cannot call");
    }
    cts_require_blocked(nested);
    return nested;
}

/* CALL-02: the nested CallEx is interrupted, the outer one is not; not by its own object either. */
static void outer_call_outlives_the_nested_one(const struct cts_case *self)
{
    struct scene s = scene_held(self);
    struct cts_op *nested = nested_call(&s, cts_mdelay(self));

    cts_set(s.middle_process, s.middle_sync);

    cts_check_returned(nested, rcIpcInterrupt);
    cts_check_blocked(s.call);
    cts_set(s.outer.client_process, s.client_sync);
    cts_check_blocked(s.call);
    cts_check_served(s.middle, s.recv, s.call);
}

/* Two Recv of one thread before a Reply: that they may be is not written anywhere. Where a receive that ends
 * at its limit leaves the request as it was, one that is interrupted has to as well. */
static void skip_without_second_receive(const struct scene *s)
{
    struct cts_op *second = cts_start_recv_ex(s->middle, s->outer.server, 1, s->middle_sync);
    cts_may_lack_room(second);
    cts_may_lack_room(s->call);
    if (cts_wait(second) == rcTimeout) {
        struct cts_op *reply = cts_start_reply(s->middle, s->recv, CTS_PLAIN);
        cts_may_lack_room(reply);
        if (cts_wait(reply) == rcOk && cts_wait(s->call) == rcOk) {
            return;
        }
    }
    cts_skip("a thread that holds a request cannot receive another");
}

/* RECV-02: a RecvEx of the thread that holds a request is interrupted; the request is not affected. */
static void request_outlives_a_second_receive(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    scene_hold(self, &s);
    skip_without_second_receive(&s);
    scene_hold(self, &s);
    struct cts_op *second =
        cts_start_recv_ex(s.middle, s.outer.server, cts_mdelay(self), s.middle_sync);
    cts_require_blocked(second);

    cts_set(s.middle_process, s.middle_sync);

    cts_check_returned(second, rcIpcInterrupt);
    cts_check_blocked(s.call);
    cts_check_served(s.middle, s.recv, s.call);
}

/* TIME-01: the nested CallEx times out, and the outer one goes on. */
static void nested_call_times_out(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_held(self);
    struct cts_op *nested = nested_call(&s, VIRTUAL_MDELAY);

    cts_advance_ms(VIRTUAL_MDELAY + 100);

    cts_check_returned(nested, rcTimeout);
    cts_check_blocked(s.call);
    cts_check_served(s.middle, s.recv, s.call);
    cts_check_exchange(s.middle, s.inner.client, s.backend, s.inner.server);
}

static const struct cts_case cases[] = {
    {"CALL-02.40", "a taken CallEx outlives an interrupted CallEx of its holder",
     outer_call_outlives_the_nested_one, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-02.41", "a taken CallEx outlives an interrupted CallEx of its holder, two processes",
     outer_call_outlives_the_nested_one, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-02.53", "a taken CallEx outlives an interrupted CallEx of its holder, limit",
     outer_call_outlives_the_nested_one, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-02.47", "a held request outlives an interrupted RecvEx of its holder",
     request_outlives_a_second_receive, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-02.48", "a held request outlives an interrupted RecvEx of its holder, two processes",
     request_outlives_a_second_receive, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"RECV-02.49", "a held request outlives an interrupted RecvEx of its holder, limit",
     request_outlives_a_second_receive, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"TIME-01.62", "a CallEx of a thread that holds a request times out", nested_call_times_out,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, CTS_WAITS},
};
CTS_GROUP(cts_group_nested, cases);
