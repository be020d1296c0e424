/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handles in messages that come, or do not come, to their receiver. Every handle of a message that
 * arrives works. A handle in a message that does not arrive stays with its sender alone: with an adapter
 * that counts live objects, the harness finds one that was given to somebody all the same.
 */
#include <cts/cts.h>

enum { LIMIT_MS = 1000, CARRIED = 4, CARRIED_MOST = 8 };
enum { IN_REQUEST = 0, IN_RESPONSE = 1, UNEQUAL = 2, MORE = 4 };

struct scene {
    struct cts_link link;
    struct cts_link other; /* whose client handle travels; its ends are as those of `link` */
    struct cts_actor *client;
    struct cts_actor *server;
    Handle sync; /* of the client's process */
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.other = cts_link_between(s.link.server_process, s.link.client_process);
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    s.sync = cts_sync_new(s.link.client_process);
    return s;
}

static void check_both_channels_work(const struct scene *s)
{
    cts_check_exchange(s->client, s->link.client, s->server, s->link.server);
    cts_check_exchange(s->client, s->other.client, s->server, s->other.server);
}

/* How many handles a message may have is not written anywhere; one is enough for the other cases. */
static void skip_if_refused(const struct cts_op *sent)
{
    if (cts_returned(sent) && cts_rc(sent) != rcOk) {
        cts_skip("the library has no room for a message with that many handles");
    }
}

/* A library may refuse a descriptor that asks for fewer rights than the handle has; then rights of handles in one
 * message do not differ. */
static void skip_unless_narrowed(struct cts_actor *client, struct cts_actor *server,
                                 const struct cts_link *link, bool in_request, Handle handle)
{
    struct cts_message message = CTS_WITH_HANDLE(handle);
    message.rights[0] = OCAP_HANDLE_TRANSFER;
    struct cts_op *recv = cts_start_recv(server, link->server);
    struct cts_op *call = cts_start_call(client, link->client, in_request ? message : CTS_PLAIN);
    cts_settle();
    if (cts_returned(call)) {
        cts_skip("the library takes no handle with fewer rights in a request");
    }
    cts_require_returned(recv, rcOk);
    if (cts_wait(cts_start_reply(server, recv, in_request ? CTS_PLAIN : message)) != rcOk) {
        cts_skip("the library takes no handle with fewer rights in a response");
    }
    cts_require_returned(call, rcOk);
}

/* XFER-06: of several transferable handles in one message that goes through each arrives and works. Where they are sent
 * with unequal rights the first one is good for nothing, and the others work. */
static void each_of_several_handles_works(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    bool in_request = (self->variant & IN_RESPONSE) == 0;
    bool unequal = (self->variant & UNEQUAL) != 0;
    struct cts_process *sender = in_request ? link.client_process : link.server_process;
    struct cts_process *receiver = in_request ? link.server_process : link.client_process;
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    struct cts_actor *far = cts_actor_new(receiver, "far server");
    int count = self->variant & MORE ? CARRIED_MOST : CARRIED;
    struct cts_link carried[CARRIED_MOST];
    struct cts_message message = {.handle_count = (unsigned)count};
    for (int i = 0; i < count; i++) {
        carried[i] = cts_link_between(receiver, sender);
        message.handles[i] = carried[i].client;
    }
    if (unequal) {
        skip_unless_narrowed(client, server, &link, in_request, carried[0].client);
        message.rights[0] = OCAP_HANDLE_TRANSFER;
    }
    struct cts_op *recv = cts_start_recv(server, link.server);
    cts_require_blocked(recv);
    struct cts_op *call = cts_start_call(client, link.client, in_request ? message : CTS_PLAIN);
    if (in_request) {
        cts_may_lack_room(call);
        cts_settle();
        skip_if_refused(call);
    }
    cts_check_returned(recv, rcOk);

    struct cts_op *reply = cts_start_reply(server, recv, in_request ? CTS_PLAIN : message);

    if (!in_request) {
        cts_may_lack_room(reply);
        (void)cts_wait(reply);
        skip_if_refused(reply);
    }
    cts_check_returned(reply, rcOk);
    cts_check_returned(call, rcOk);
    const struct cts_op *arrived = in_request ? recv : call;
    cts_check_that(cts_received_handle_count(arrived) == (unsigned)count, "all handles arrive");
    for (int i = unequal ? 1 : 0; i < count; i++) {
        cts_check_exchange(in_request ? server : client, cts_received_handle(arrived, (unsigned)i),
                           far, carried[i].server);
    }
}

/* CALL-04: a request with a handle that is refused at its entry is delivered to nobody, handle and all. */
static void refused_request_keeps_its_handle(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    cts_set(s.link.client_process, s.sync);

    struct cts_op *call = cts_start_call_ex(
        s.client, s.link.client, CTS_WITH_HANDLE(s.other.client), cts_mdelay(self), s.sync);

    cts_check_returned(call, rcIpcInterrupt);
    check_both_channels_work(&s);
}

/* TIME-01: nor is the handle of a request that was queued when its limit passed. */
static void timed_out_request_keeps_its_handle(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    struct cts_op *call = cts_start_call_ex(s.client, s.link.client,
                                            CTS_WITH_HANDLE(s.other.client), LIMIT_MS, s.sync);
    cts_require_blocked(call);

    cts_advance_ms(2 * LIMIT_MS);

    cts_check_returned(call, rcTimeout);
    check_both_channels_work(&s);
}

/* TIME-05 (open): a request with a handle and mdelay 0. Whatever is returned without a waiting server, it
 * is no success, and the handle stays. */
static void polling_request_keeps_its_handle(const struct cts_case *self)
{
    struct scene s = scene_open(self);

    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, CTS_WITH_HANDLE(s.other.client), 0, s.sync);

    cts_check_error(call);
    cts_observe("CallEx with a handle and mdelay 0, no server waits", cts_rc_name(cts_rc(call)));
    check_both_channels_work(&s);
}

/* TIME-06 (open): the Reply that comes too late carries a handle. What it returns is recorded; nobody is
 * there to get the handle, and the caller's next call gets its own reply. Whether the handle is still its
 * sender's is not written anywhere. */
static void late_reply_with_a_handle(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = scene_open(self);
    struct cts_link given = cts_link_between(s.link.client_process, s.link.server_process);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(recv);
    struct cts_op *call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, LIMIT_MS, s.sync);
    cts_require_returned(recv, rcOk);
    cts_advance_ms(2 * LIMIT_MS);
    cts_require_returned(call, rcTimeout);

    Retcode rc = cts_wait(cts_start_reply(s.server, recv, CTS_WITH_HANDLE(given.client)));

    cts_observe("late Reply with a handle", cts_rc_name(rc));
    check_both_channels_work(&s);
}

static const struct cts_case cases[] = {
    {"XFER-06.10", "four client handles in one request all work", each_of_several_handles_works,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, IN_REQUEST, 0},
    {"XFER-06.12", "four client handles in one request all work, one process",
     each_of_several_handles_works, CTS_ONE_PROCESS, CTS_UNLIMITED, IN_REQUEST, 0},
    {"XFER-06.11", "four client handles in one response all work", each_of_several_handles_works,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, IN_RESPONSE, 0},
    {"XFER-06.13", "four client handles in one response all work, one process",
     each_of_several_handles_works, CTS_ONE_PROCESS, CTS_UNLIMITED, IN_RESPONSE, 0},
    {"XFER-06.15", "client handles behind one with fewer rights work, request",
     each_of_several_handles_works, CTS_TWO_PROCESSES, CTS_UNLIMITED, IN_REQUEST | UNEQUAL, 0},
    {"XFER-06.16", "client handles behind one with fewer rights work, response",
     each_of_several_handles_works, CTS_TWO_PROCESSES, CTS_UNLIMITED, IN_RESPONSE | UNEQUAL, 0},
    {"XFER-06.17", "client handles behind one with fewer rights work, one process",
     each_of_several_handles_works, CTS_ONE_PROCESS, CTS_UNLIMITED, IN_REQUEST | UNEQUAL, 0},
    {"XFER-06.18", "client handles behind one with fewer rights work, response, one process",
     each_of_several_handles_works, CTS_ONE_PROCESS, CTS_UNLIMITED, IN_RESPONSE | UNEQUAL, 0},
    {"XFER-06.19", "eight client handles in one request all work", each_of_several_handles_works,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, IN_REQUEST | MORE, 0},
    {"XFER-06.20", "eight client handles in one response all work", each_of_several_handles_works,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, IN_RESPONSE | MORE, 0},
    {"CALL-04.25", "a request refused at entry keeps its handle", refused_request_keeps_its_handle,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-04.26", "a request refused at entry keeps its handle, limit, two processes",
     refused_request_keeps_its_handle, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-04.86", "a request refused at entry keeps its handle, limit",
     refused_request_keeps_its_handle, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"TIME-01.65", "a request whose limit passes keeps its handle",
     timed_out_request_keeps_its_handle, CTS_TWO_PROCESSES, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-01.68", "a request whose limit passes keeps its handle, one process",
     timed_out_request_keeps_its_handle, CTS_ONE_PROCESS, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-05.16", "a request with mdelay 0 keeps its handle", polling_request_keeps_its_handle,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"TIME-06.60", "a late Reply with a handle gives it to nobody", late_reply_with_a_handle,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-06.61", "a late Reply with a handle gives it to nobody, two processes",
     late_reply_with_a_handle, CTS_TWO_PROCESSES, CTS_LIMITED, 0, CTS_WAITS},
};
CTS_GROUP(cts_group_carried, cases);
