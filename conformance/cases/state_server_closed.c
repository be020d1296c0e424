/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STATE-01: the server end of a channel is closed while a request is held there whose call has the object.
 * Whether Close is allowed then, and whether and how the call ends, is not written anywhere; the object stays
 * set.
 */
#include <cts/cts.h>

/* Ends a call that nothing else ends: beyond an exchange, and below the rest after which the harness gives a
 * call up. */
enum { CLIENT_MS = 4000 };

struct scene {
    struct cts_link link;
    struct cts_link calls;       /* another channel of the client's process, which nobody serves */
    struct cts_link receives;    /* and one that it serves */
    struct cts_process *process; /* of the client, and of the object */
    struct cts_actor *client;
    struct cts_actor *second; /* another thread of that process */
    struct cts_actor *server;
    struct cts_actor *closer; /* beside the server */
    Handle sync;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.process = s.link.client_process;
    s.calls = cts_link_between(s.link.server_process, s.process);
    s.receives = cts_link_between(s.process, s.link.server_process);
    s.client = cts_actor_new(s.process, "client");
    s.second = cts_actor_new(s.process, "second");
    s.server = cts_actor_new(s.link.server_process, "server");
    s.closer = cts_actor_new(s.link.server_process, "closer");
    s.sync = cts_sync_new(s.process);
    return s;
}

/* Close may refuse, and may wait for the one who uses the handle. */
static struct cts_op *close_end(const struct scene *s, Handle handle, const char *what)
{
    struct cts_op *close = cts_start_close(s->closer, handle);
    cts_may_lack_room(close);
    cts_settle();
    cts_observe(what, cts_returned(close) ? cts_rc_name(cts_rc(close)) : "waits");
    return close;
}

static void check_set(const struct cts_case *self, const struct scene *s)
{
    for (int i = 0; i < 2; i++) {
        cts_check_returned(
            cts_start_call_ex(s->second, s->calls.client, CTS_PLAIN, cts_mdelay(self), s->sync),
            rcIpcInterrupt);
        cts_check_returned(
            cts_start_recv_ex(s->second, s->receives.server, cts_mdelay(self), s->sync),
            rcIpcInterrupt);
    }
}

/* STATE-01: Set in service, then the server end is closed. */
static void server_end_is_closed_in_service(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(recv);
    bool limited = self->limit == CTS_LIMITED;
    struct cts_op *call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN,
                                            limited ? CLIENT_MS : INFINITE_TIMEOUT, s.sync);
    cts_may_lack_room(call);
    cts_require_returned(recv, rcOk);
    cts_set(s.process, s.sync);

    struct cts_op *close = close_end(&s, s.link.server, "Close of a server handle in service");
    if (cts_returned(close) && !cts_returned(call) && s.link.listener != s.link.server) {
        close = close_end(&s, s.link.listener, "Close of a listener in service");
    }
    cts_observe("CallEx whose server end is closed in service",
                cts_returned(call) ? cts_rc_name(cts_rc(call)) : "goes on waiting");
    if (!cts_returned(call)) {
        struct cts_op *reply = cts_start_reply(s.server, recv, CTS_PLAIN);
        cts_may_lack_room(reply);
        (void)cts_wait(reply);
        cts_settle();
    }

    check_set(self, &s);
    if (limited) {
        (void)cts_wait(call);
        check_set(self, &s);
        cts_settle();
    }
    if (!cts_returned(call) || !cts_returned(close)) {
        cts_skip("a call in service has not ended though its server end is closed");
    }
}

static const struct cts_case cases[] = {
    {"STATE-01.30", "the object of a taken CallEx stays set when the server end is closed",
     server_end_is_closed_in_service, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"STATE-01.31", "the object of a taken CallEx stays set when the server end is closed, limit",
     server_end_is_closed_in_service, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"STATE-01.32", "the object of a taken CallEx stays set, server end closed, two processes",
     server_end_is_closed_in_service, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
};
CTS_GROUP(cts_group_state_server_closed, cases);
