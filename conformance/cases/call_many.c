/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CALL-09 and CALL-10: several clients at once, all using one object, or waiting behind a busy
 * server.
 */
#include <cts/cts.h>

#define CLIENTS 4

/* The variant says where the clients' channels are. */
enum { ONE_HANDLE, CHANNELS_OF_ONE_LISTENER, LISTENERS };

static const char *const names[CLIENTS] = {"client 1", "client 2", "client 3", "client 4"};

struct scene {
    struct cts_link links[CLIENTS]; /* all the same for ONE_HANDLE */
    struct cts_process *process;    /* of the clients */
    Handle sync;
    struct cts_actor *clients[CLIENTS];
    struct cts_actor *server;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.links = {cts_link_open(self->layout)}};
    s.process = s.links[0].client_process;
    for (int i = 1; i < CLIENTS; i++) {
        s.links[i] = self->variant == ONE_HANDLE ? s.links[0]
                     : self->variant == CHANNELS_OF_ONE_LISTENER
                         ? cts_link_add(&s.links[0])
                         : cts_link_between(s.links[0].server_process, s.process);
    }
    s.sync = cts_sync_new(s.process);
    for (int i = 0; i < CLIENTS; i++) {
        s.clients[i] = cts_actor_new(s.process, names[i]);
    }
    s.server = cts_actor_new(s.links[0].server_process, "server");
    return s;
}

/* Where to receive so that every channel of the scene is served: a listener has all of its own. */
static Handle receive_end(const struct cts_case *self, const struct scene *s, int index)
{
    return self->variant == CHANNELS_OF_ONE_LISTENER ? s->links[0].listener
                                                     : s->links[index].server;
}

/* Client `index` calls with the object; limited and unlimited calls alternate in limited rows. */
static struct cts_op *start_call_of(const struct cts_case *self, const struct scene *s, int index)
{
    rtl_uint32_t mdelay = index % 2 == 0 ? cts_mdelay(self) : INFINITE_TIMEOUT;
    return cts_start_call_ex(s->clients[index], s->links[index].client, CTS_PLAIN, mdelay, s->sync);
}

/* CALL-09: one Set interrupts every queued CallEx that uses the object. */
static void one_set_interrupts_all(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *calls[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        calls[i] = start_call_of(self, &s, i);
        cts_require_blocked(calls[i]);
    }

    cts_set(s.process, s.sync);

    for (int i = 0; i < CLIENTS; i++) {
        cts_check_returned(calls[i], rcIpcInterrupt);
    }
    for (int i = 0; i < CLIENTS; i++) {
        cts_check_exchange(s.clients[i], s.links[i].client, s.server, receive_end(self, &s, i));
    }
}

/* CALL-09: every queued one, though the oldest of the calls is in service and stays so. */
static void one_set_interrupts_all_but_the_taken(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *calls[CLIENTS];
    calls[0] = start_call_of(self, &s, 0);
    struct cts_op *recv = cts_start_recv(s.server, receive_end(self, &s, 0));
    cts_require_returned(recv, rcOk);
    for (int i = 1; i < CLIENTS; i++) {
        calls[i] = start_call_of(self, &s, i);
        cts_require_blocked(calls[i]);
    }

    cts_set(s.process, s.sync);

    for (int i = 1; i < CLIENTS; i++) {
        cts_check_returned(calls[i], rcIpcInterrupt);
    }
    cts_check_blocked(calls[0]);
    cts_check_served(s.server, recv, calls[0]);
}

/* CALL-10: a CallEx queued while the server is busy with another client is interruptible. The other
 * uses no object. */
static void queued_behind_a_busy_server(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = cts_start_recv(s.server, receive_end(self, &s, 0));
    struct cts_op *taken = cts_start_call(s.clients[0], s.links[0].client, CTS_PLAIN);
    cts_require_returned(recv, rcOk);
    struct cts_op *queued =
        cts_start_call_ex(s.clients[1], s.links[1].client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_blocked(queued);

    cts_set(s.process, s.sync);

    cts_check_returned(queued, rcIpcInterrupt);
    cts_check_blocked(taken);
    cts_check_served(s.server, recv, taken);
    cts_check_exchange(s.clients[1], s.links[1].client, s.server, receive_end(self, &s, 1));
}

/* CALL-10: also where it is the last of several that wait, and while two servers are busy. */
static void queued_behind_two_busy_servers(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *second = cts_actor_new(s.links[0].server_process, "second server");
    struct cts_op *recv_1 = cts_start_recv(s.server, receive_end(self, &s, 0));
    struct cts_op *taken_1 = cts_start_call(s.clients[0], s.links[0].client, CTS_PLAIN);
    cts_require_returned(recv_1, rcOk);
    struct cts_op *recv_2 = cts_start_recv(second, receive_end(self, &s, 1));
    struct cts_op *taken_2 = cts_start_call(s.clients[1], s.links[1].client, CTS_PLAIN);
    cts_require_returned(recv_2, rcOk);
    struct cts_op *waiting = cts_start_call(s.clients[2], s.links[2].client, CTS_PLAIN);
    cts_require_blocked(waiting);
    struct cts_op *queued = start_call_of(self, &s, 3);
    cts_require_blocked(queued);

    cts_set(s.process, s.sync);

    cts_check_returned(queued, rcIpcInterrupt);
    cts_check_blocked(waiting);
    cts_check_served(second, recv_2, taken_2);
    cts_check_served(s.server, recv_1, taken_1);
    recv_1 = cts_start_recv(s.server, receive_end(self, &s, 2));
    cts_check_returned(recv_1, rcOk);
    cts_check_served(s.server, recv_1, waiting);
}

static const struct cts_case cases[] = {
    {"CALL-09.1", "one Set interrupts all calls on one handle", one_set_interrupts_all,
     CTS_ONE_PROCESS, CTS_UNLIMITED, ONE_HANDLE, CTS_SMOKE},
    {"CALL-09.2", "one Set interrupts limited and unlimited calls on one handle",
     one_set_interrupts_all, CTS_ONE_PROCESS, CTS_LIMITED, ONE_HANDLE, 0},
    {"CALL-09.3", "one Set interrupts all calls on one handle, two processes",
     one_set_interrupts_all, CTS_TWO_PROCESSES, CTS_LIMITED, ONE_HANDLE, 0},
    {"CALL-09.4", "one Set interrupts the calls on all channels of a listener",
     one_set_interrupts_all, CTS_ONE_PROCESS, CTS_UNLIMITED, CHANNELS_OF_ONE_LISTENER, 0},
    {"CALL-09.5", "one Set interrupts the calls to several listeners", one_set_interrupts_all,
     CTS_ONE_PROCESS, CTS_UNLIMITED, LISTENERS, CTS_SMOKE},
    {"CALL-09.6", "one Set interrupts the calls to several listeners, two processes",
     one_set_interrupts_all, CTS_TWO_PROCESSES, CTS_LIMITED, LISTENERS, 0},
    {"CALL-09.82", "one Set interrupts the calls to several listeners, limit",
     one_set_interrupts_all, CTS_ONE_PROCESS, CTS_LIMITED, LISTENERS, 0},
    {"CALL-09.7", "one Set interrupts all calls but the taken one",
     one_set_interrupts_all_but_the_taken, CTS_ONE_PROCESS, CTS_UNLIMITED, ONE_HANDLE, 0},
    {"CALL-09.8", "one Set interrupts all calls but the taken one, two processes",
     one_set_interrupts_all_but_the_taken, CTS_TWO_PROCESSES, CTS_LIMITED, ONE_HANDLE, 0},
    {"CALL-09.83", "one Set interrupts all calls but the taken one, limit",
     one_set_interrupts_all_but_the_taken, CTS_ONE_PROCESS, CTS_LIMITED, ONE_HANDLE, 0},
    {"CALL-10.1", "a CallEx behind a busy server is interrupted", queued_behind_a_busy_server,
     CTS_ONE_PROCESS, CTS_UNLIMITED, ONE_HANDLE, CTS_SMOKE},
    {"CALL-10.2", "a CallEx with a limit behind a busy server is interrupted",
     queued_behind_a_busy_server, CTS_ONE_PROCESS, CTS_LIMITED, ONE_HANDLE, 0},
    {"CALL-10.3", "a CallEx behind a busy server is interrupted, two processes",
     queued_behind_a_busy_server, CTS_TWO_PROCESSES, CTS_UNLIMITED, ONE_HANDLE, 0},
    {"CALL-10.4", "a CallEx is interrupted, listener busy with another channel",
     queued_behind_a_busy_server, CTS_ONE_PROCESS, CTS_UNLIMITED, CHANNELS_OF_ONE_LISTENER, 0},
    {"CALL-10.5", "the last CallEx behind two busy servers is interrupted",
     queued_behind_two_busy_servers, CTS_ONE_PROCESS, CTS_UNLIMITED, ONE_HANDLE, 0},
    {"CALL-10.6", "the last CallEx behind two busy servers is interrupted, limit, two processes",
     queued_behind_two_busy_servers, CTS_TWO_PROCESSES, CTS_LIMITED, ONE_HANDLE, 0},
    {"CALL-10.7", "the last CallEx behind two busy servers is interrupted, limit",
     queued_behind_two_busy_servers, CTS_ONE_PROCESS, CTS_LIMITED, ONE_HANDLE, 0},
};
CTS_GROUP(cts_group_call_many, cases);
