/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XFER-07: the sync handle among handles that may travel, first, in the middle or last. The whole
 * message is refused, nothing of it arrives, and the sender keeps what it wanted to send.
 */
#include <cts/cts.h>

/* variant: how many handles, which of them is the sync handle, and what carries them. */
#define OF(position, count) ((count)*32 + (position))
enum { BY_CALL_EX = 1024, LATER_SERVER = 2048, EVERY_POSITION = 4096, MASKED = 8192 };
enum { CLIENT_MS = 4000, CHANNELS_MAX = 4 };

static int count_of(const struct cts_case *self)
{
    return (self->variant / 32) % 32;
}

static int position_of(const struct cts_case *self)
{
    return self->variant % 32;
}

struct scene {
    struct cts_link link;
    struct cts_process *sender;
    struct cts_process *receiver;
    struct cts_actor *client;
    struct cts_actor *server;
    Handle sync;                          /* of the sender */
    struct cts_link others[CHANNELS_MAX]; /* their client handles may travel */
    struct cts_actor *caller;             /* uses them in the sender's process */
    struct cts_actor *other_server;
};

static int channels_of(const struct cts_case *self)
{
    return count_of(self) < CHANNELS_MAX ? count_of(self) : CHANNELS_MAX;
}

/* More handles than channels: a library may have no room for them, or none for a handle twice. */
static bool handles_repeat(const struct cts_case *self)
{
    return count_of(self) > CHANNELS_MAX;
}

static struct scene scene_open(const struct cts_case *self, bool client_sends)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.sender = client_sends ? s.link.client_process : s.link.server_process;
    s.receiver = client_sends ? s.link.server_process : s.link.client_process;
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    s.sync = cts_sync_new(s.sender);
    for (int i = 0; i < channels_of(self); i++) {
        s.others[i] = cts_link_between(s.receiver, s.sender);
    }
    s.caller = cts_actor_new(s.sender, "caller");
    s.other_server = cts_actor_new(s.receiver, "other server");
    return s;
}

/* All may travel but the one at `position`; -1: all may. Beyond the number of channels their handles come
 * again. */
static struct cts_message message_of(const struct cts_case *self, const struct scene *s,
                                     int position)
{
    struct cts_message message = {.handle_count = (unsigned)count_of(self)};
    for (int i = 0; i < count_of(self); i++) {
        message.handles[i] = i == position ? s->sync : s->others[i % CHANNELS_MAX].client;
    }
    /* The others say which rights they want; a message that is refused for that is refused all the same. */
    for (int i = 0; i < count_of(self) && position >= 0 && (self->variant & MASKED) != 0; i++) {
        message.rights[i] = i == position ? 0 : OCAP_IPC_CALL | OCAP_HANDLE_TRANSFER;
    }
    return message;
}

static struct cts_op *start_sending(const struct cts_case *self, const struct scene *s,
                                    int position)
{
    struct cts_message message = message_of(self, s, position);
    if (self->variant & BY_CALL_EX) {
        return cts_start_call_ex(s->client, s->link.client, message, cts_mdelay(self), s->sync);
    }
    return cts_start_call(s->client, s->link.client, message);
}

/* What was to be sent still works where it is. */
static void check_sender_keeps(const struct cts_case *self, const struct scene *s)
{
    for (int i = 0; i < channels_of(self); i++) {
        cts_check_exchange(s->caller, s->others[i].client, s->other_server, s->others[i].server);
    }
    struct cts_op *call =
        cts_start_call_ex(s->caller, s->others[0].client, CTS_PLAIN, cts_mdelay(self), s->sync);
    cts_check_blocked(call);
    cts_set(s->sender, s->sync);
    cts_check_returned(call, rcIpcInterrupt);
    cts_clear(s->sender, s->sync);
}

/* The control: without the sync handle the same message arrives, with every handle, and the
 * receiver can use them. */
static void check_all_travel(const struct cts_case *self, const struct scene *s)
{
    struct cts_op *recv = cts_start_recv(s->server, s->link.server);
    struct cts_op *call = start_sending(self, s, -1);
    cts_check_returned(recv, rcOk);
    cts_check_that(cts_received_handle_count(recv) == (unsigned)count_of(self),
                   "every handle of the other message arrives");
    cts_check_served(s->server, recv, call);
    for (int i = 0; i < count_of(self); i++) {
        cts_check_exchange(s->server, cts_received_handle(recv, (unsigned)i), s->other_server,
                           s->others[i].server);
    }
}

/* Before twenty handles can prove anything: without the sync handle they go through. How many a process and
 * a message may have is not written anywhere, below the number in the headers. */
static void skip_without_room(const struct cts_case *self, const struct scene *s, bool client_sends)
{
    if (!handles_repeat(self)) {
        return;
    }
    struct cts_op *recv = cts_start_recv(s->server, s->link.server);
    struct cts_op *call = client_sends ? start_sending(self, s, -1)
                                       : cts_start_call(s->client, s->link.client, CTS_PLAIN);
    cts_may_lack_room(recv);
    cts_may_lack_room(call);
    cts_settle();
    bool room = !cts_returned(call) && cts_wait(recv) == rcOk;
    if (room) {
        struct cts_op *reply =
            cts_start_reply(s->server, recv, client_sends ? CTS_PLAIN : message_of(self, s, -1));
        cts_may_lack_room(reply);
        room = cts_wait(reply) == rcOk && cts_wait(call) == rcOk;
    }
    if (!room) {
        cts_skip("the library has no room for a message with that many handles");
    }
    cts_check_that(cts_received_handle_count(client_sends ? recv : call) ==
                       (unsigned)count_of(self),
                   "every handle of the other message arrives");
}

/* One refused request: the sender gets an error, and a server that waits, or comes, waits on. */
static void check_request_refused(const struct cts_case *self, const struct scene *s, int position)
{
    struct cts_op *recv = NULL;
    struct cts_op *sending = NULL;
    if (self->variant & LATER_SERVER) {
        sending = start_sending(self, s, position);
        cts_settle();
        recv = cts_start_recv(s->server, s->link.server);
    } else {
        recv = cts_start_recv(s->server, s->link.server);
        cts_require_blocked(recv);
        sending = start_sending(self, s, position);
    }
    cts_check_error(sending);
    cts_check_blocked(recv);

    struct cts_op *call = cts_start_call(s->client, s->link.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    cts_check_that(cts_received_handle_count(recv) == 0, "no handle arrives");
    cts_check_served(s->server, recv, call);
}

/* XFER-07: in a request. */
static void request_is_refused(const struct cts_case *self)
{
    struct scene s = scene_open(self, true);
    skip_without_room(self, &s, true);
    int first = self->variant & EVERY_POSITION ? 0 : position_of(self);
    int last = self->variant & EVERY_POSITION ? count_of(self) - 1 : first;

    for (int position = first; position <= last; position++) {
        check_request_refused(self, &s, position);
    }

    check_sender_keeps(self, &s);
    if (!handles_repeat(self)) {
        check_all_travel(self, &s);
    }
}

/* XFER-07: in a response. How the client ends is open (XFER-05), but it has none of the handles. */
static void response_is_refused(const struct cts_case *self)
{
    struct scene s = scene_open(self, false);
    skip_without_room(self, &s, false);
    int first = self->variant & EVERY_POSITION ? 0 : position_of(self);
    int last = self->variant & EVERY_POSITION ? count_of(self) - 1 : first;
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_require_blocked(recv);
    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, CLIENT_MS, INVALID_HANDLE);
    cts_require_returned(recv, rcOk);

    for (int position = first; position <= last; position++) {
        cts_check_error(cts_start_reply(s.server, recv, message_of(self, &s, position)));
    }

    Retcode second = cts_wait(cts_start_reply(s.server, recv, CTS_PLAIN));
    Retcode rc = cts_wait(call);
    cts_check_that(rc != rcOk || second == rcOk, "the client has no response that was refused");
    cts_check_that(rc != rcOk || cts_received_handle_count(call) == 0, "the client has no handle");
    check_sender_keeps(self, &s);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

static const struct cts_case cases[] = {
    {"XFER-07.1", "sync handle first of two in a request", request_is_refused, CTS_ONE_PROCESS,
     CTS_UNLIMITED, OF(0, 2), 0},
    {"XFER-07.2", "sync handle last of two in a request", request_is_refused, CTS_ONE_PROCESS,
     CTS_UNLIMITED, OF(1, 2), CTS_SMOKE},
    {"XFER-07.3", "sync handle in the middle of three in a request, CallEx", request_is_refused,
     CTS_ONE_PROCESS, CTS_LIMITED, OF(1, 3) | BY_CALL_EX, 0},
    {"XFER-07.4", "sync handle at every position of four in a request", request_is_refused,
     CTS_ONE_PROCESS, CTS_UNLIMITED, OF(0, 4) | EVERY_POSITION, 0},
    {"XFER-07.5", "sync handle at every position of four in a request, two processes",
     request_is_refused, CTS_TWO_PROCESSES, CTS_UNLIMITED, OF(0, 4) | EVERY_POSITION, 0},
    {"XFER-07.6", "sync handle last of three in a request, server comes later", request_is_refused,
     CTS_ONE_PROCESS, CTS_UNLIMITED, OF(2, 3) | LATER_SERVER, 0},
    {"XFER-07.7", "sync handle at every position of two, CallEx, server comes later, processes",
     request_is_refused, CTS_TWO_PROCESSES, CTS_LIMITED,
     OF(0, 2) | LATER_SERVER | BY_CALL_EX | EVERY_POSITION, 0},
    {"XFER-07.8", "sync handle last of two in a response", response_is_refused, CTS_ONE_PROCESS,
     CTS_UNLIMITED, OF(1, 2), CTS_SMOKE},
    {"XFER-07.9", "sync handle in the middle of four in a response, two processes",
     response_is_refused, CTS_TWO_PROCESSES, CTS_UNLIMITED, OF(2, 4), 0},
    {"XFER-07.13", "sync handle in the middle of four in a response", response_is_refused,
     CTS_ONE_PROCESS, CTS_UNLIMITED, OF(2, 4), 0},
    {"XFER-07.10", "sync handle at every position of three in responses", response_is_refused,
     CTS_ONE_PROCESS, CTS_UNLIMITED, OF(0, 3) | EVERY_POSITION, 0},
    {"XFER-07.20", "sync handle at every position of twenty in a request", request_is_refused,
     CTS_ONE_PROCESS, CTS_UNLIMITED, OF(0, 20) | EVERY_POSITION, 0},
    {"XFER-07.21", "sync handle in the middle of twenty in a response", response_is_refused,
     CTS_ONE_PROCESS, CTS_UNLIMITED, OF(10, 20), 0},
    {"XFER-07.11", "sync handle last of twenty in a request", request_is_refused, CTS_ONE_PROCESS,
     CTS_UNLIMITED, OF(19, 20), 0},
    {"XFER-07.12", "sync handle last of twenty in a response, two processes", response_is_refused,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, OF(19, 20), 0},
    {"XFER-07.14", "sync handle last of twenty in a response", response_is_refused, CTS_ONE_PROCESS,
     CTS_UNLIMITED, OF(19, 20), 0},
    {"XFER-07.30", "sync handle behind one with a mask of its own in a request", request_is_refused,
     CTS_ONE_PROCESS, CTS_UNLIMITED, OF(0, 3) | EVERY_POSITION | MASKED, 0},
    {"XFER-07.31", "sync handle behind one with a mask of its own in a response",
     response_is_refused, CTS_TWO_PROCESSES, CTS_UNLIMITED, OF(0, 3) | EVERY_POSITION | MASKED, 0},
};
CTS_GROUP(cts_group_xfer_position, cases);
