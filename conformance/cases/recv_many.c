/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RECV-09 and RECV-10: several threads wait at once. Which of them gets a request is nobody's
 * promise, so the bodies send as many requests as receivers remain.
 */
#include <cts/cts.h>

#define SERVERS 4

/* The variant: bit i says that the thread that came i-th uses the object that is set. */
#define FIRST 0x01
#define SECOND 0x02
#define THIRD 0x04
#define LAST 0x08
#define ALL 0x0f
#define ON_LISTENERS 0x100 /* every thread waits on a server handle of its own */
#define ON_LISTENER 0x200  /* all wait on the listener */
#define ON_BOTH 0x400      /* every second one waits on the listener */
#define FIRST_PLAIN 0x800  /* the first one waits in Recv */

static const char *const names[SERVERS] = {"server 1", "server 2", "server 3", "server 4"};
static const char *const client_names[SERVERS] = {"client 1", "client 2", "client 3", "client 4"};

struct scene {
    struct cts_link links[SERVERS]; /* all the same but for ON_LISTENERS */
    struct cts_process *process;    /* of the servers */
    Handle sync;
    Handle other_sync;
    struct cts_actor *servers[SERVERS];
    struct cts_actor *clients[SERVERS];
    struct cts_op *recvs[SERVERS];
};

static bool uses_object(const struct cts_case *self, int index)
{
    return ((unsigned)self->variant >> index & 1u) != 0;
}

/* All wait, in order of arrival. Those without the object are of all kinds; limited and unlimited
 * receives alternate in limited rows. */
static struct scene scene_waiting(const struct cts_case *self)
{
    struct scene s = {.links = {cts_link_open(self->layout)}};
    s.process = s.links[0].server_process;
    s.sync = cts_sync_new(s.process);
    s.other_sync = cts_sync_new(s.process);
    for (int i = 0; i < SERVERS; i++) {
        if (i > 0) {
            s.links[i] = (self->variant & ON_LISTENERS) != 0
                             ? cts_link_between(s.process, s.links[0].client_process)
                             : s.links[0];
        }
        s.servers[i] = cts_actor_new(s.process, names[i]);
        s.clients[i] = cts_actor_new(s.links[0].client_process, client_names[i]);
        bool on_listener =
            (self->variant & ON_LISTENER) != 0 || ((self->variant & ON_BOTH) != 0 && i % 2 == 1);
        Handle end = on_listener ? s.links[i].listener : s.links[i].server;
        rtl_uint32_t mdelay = i % 2 == 0 ? cts_mdelay(self) : INFINITE_TIMEOUT;
        Handle sync = uses_object(self, i) ? s.sync : i % 2 == 0 ? s.other_sync : INVALID_HANDLE;
        bool is_plain = i == 2 || (i == 0 && (self->variant & FIRST_PLAIN) != 0);
        s.recvs[i] = is_plain && !uses_object(self, i)
                         ? cts_start_recv(s.servers[i], end)
                         : cts_start_recv_ex(s.servers[i], end, mdelay, sync);
        cts_require_blocked(s.recvs[i]);
    }
    return s;
}

/* RECV-09: one Set interrupts every waiting RecvEx that uses the object. */
static void one_set_interrupts_all(const struct cts_case *self)
{
    struct scene s = scene_waiting(self);

    cts_set(s.process, s.sync);

    for (int i = 0; i < SERVERS; i++) {
        cts_check_returned(s.recvs[i], rcIpcInterrupt);
    }
    for (int i = 0; i < SERVERS; i++) {
        cts_check_exchange(s.clients[i], s.links[i].client, s.servers[i], s.links[i].server);
    }
}

/* RECV-09: also when threads process requests meanwhile; those finish. */
static void one_set_interrupts_all_that_wait(const struct cts_case *self)
{
    struct scene s = scene_waiting(self);
    struct cts_op *call = cts_start_call(s.clients[0], s.links[0].client, CTS_PLAIN);
    cts_settle();
    int processing = 0;
    while (processing < SERVERS && !cts_returned(s.recvs[processing])) {
        processing++;
    }
    cts_require_that(processing < SERVERS, "one of the receivers has the request");
    cts_require_returned(s.recvs[processing], rcOk);

    cts_set(s.process, s.sync);

    for (int i = 0; i < SERVERS; i++) {
        if (i != processing) {
            cts_check_returned(s.recvs[i], rcIpcInterrupt);
        }
    }
    cts_check_blocked(call);
    cts_check_served(s.servers[processing], s.recvs[processing], call);
}

/* RECV-10: of several threads waiting on one server handle, only those using the object are
 * interrupted; each of the others then receives one request. */
static void others_keep_waiting(const struct cts_case *self)
{
    struct scene s = scene_waiting(self);

    cts_set(s.process, s.sync);

    struct cts_op *calls[SERVERS] = {NULL};
    for (int i = 0; i < SERVERS; i++) {
        if (uses_object(self, i)) {
            cts_check_returned(s.recvs[i], rcIpcInterrupt);
        }
    }
    for (int i = 0; i < SERVERS; i++) {
        if (!uses_object(self, i)) {
            cts_check_blocked(s.recvs[i]);
        }
    }
    for (int i = 0; i < SERVERS; i++) {
        if (!uses_object(self, i)) {
            calls[i] = cts_start_call(s.clients[i], s.links[i].client, CTS_PLAIN);
        }
    }
    for (int i = 0; i < SERVERS; i++) {
        if (uses_object(self, i)) {
            continue;
        }
        cts_check_returned(s.recvs[i], rcOk);
        int sender = 0;
        while (sender < SERVERS &&
               (calls[sender] == NULL || cts_request(calls[sender]) != cts_request(s.recvs[i]))) {
            sender++;
        }
        cts_check_that(sender < SERVERS, "every receiver gets a request of a call that waits");
        cts_check_served(s.servers[i], s.recvs[i], calls[sender]);
        calls[sender] = NULL;
    }
}

static const struct cts_case cases[] = {
    {"RECV-09.1", "one Set interrupts all receives on one handle", one_set_interrupts_all,
     CTS_ONE_PROCESS, CTS_UNLIMITED, ALL, CTS_SMOKE},
    {"RECV-09.2", "one Set interrupts limited and unlimited receives", one_set_interrupts_all,
     CTS_ONE_PROCESS, CTS_LIMITED, ALL, 0},
    {"RECV-09.3", "one Set interrupts all receives on one handle, two processes",
     one_set_interrupts_all, CTS_TWO_PROCESSES, CTS_LIMITED, ALL, 0},
    {"RECV-09.4", "one Set interrupts the receives on several handles", one_set_interrupts_all,
     CTS_ONE_PROCESS, CTS_UNLIMITED, ALL | ON_LISTENERS, 0},
    {"RECV-09.5", "one Set interrupts the receives on several handles, two processes",
     one_set_interrupts_all, CTS_TWO_PROCESSES, CTS_LIMITED, ALL | ON_LISTENERS, 0},
    {"RECV-09.82", "one Set interrupts the receives on several handles, limit",
     one_set_interrupts_all, CTS_ONE_PROCESS, CTS_LIMITED, ALL | ON_LISTENERS, 0},
    {"RECV-09.6", "one Set interrupts all receives on one listener", one_set_interrupts_all,
     CTS_ONE_PROCESS, CTS_UNLIMITED, ALL | ON_LISTENER, CTS_SMOKE},
    {"RECV-09.7", "one Set interrupts all receives while one thread processes",
     one_set_interrupts_all_that_wait, CTS_ONE_PROCESS, CTS_UNLIMITED, ALL, 0},
    {"RECV-09.8", "one Set interrupts all receives while one thread processes, two processes",
     one_set_interrupts_all_that_wait, CTS_TWO_PROCESSES, CTS_LIMITED, ALL, 0},
    {"RECV-09.83", "one Set interrupts all receives while one thread processes, limit",
     one_set_interrupts_all_that_wait, CTS_ONE_PROCESS, CTS_LIMITED, ALL, 0},
    {"RECV-09.10", "one Set interrupts the receives on server handle and listener",
     one_set_interrupts_all, CTS_ONE_PROCESS, CTS_UNLIMITED, ALL | ON_BOTH, 0},
    {"RECV-10.1", "only the receiver that came first is interrupted", others_keep_waiting,
     CTS_ONE_PROCESS, CTS_UNLIMITED, FIRST, 0},
    {"RECV-10.2", "only one receiver in the middle is interrupted", others_keep_waiting,
     CTS_ONE_PROCESS, CTS_LIMITED, SECOND, CTS_SMOKE},
    {"RECV-10.3", "only the receiver that came last is interrupted", others_keep_waiting,
     CTS_ONE_PROCESS, CTS_UNLIMITED, LAST, 0},
    {"RECV-10.4", "all receivers but one in the middle are interrupted", others_keep_waiting,
     CTS_ONE_PROCESS, CTS_UNLIMITED, FIRST | SECOND | LAST, 0},
    {"RECV-10.5", "two receivers of four are interrupted, two processes", others_keep_waiting,
     CTS_TWO_PROCESSES, CTS_LIMITED, FIRST | THIRD, 0},
    {"RECV-10.8", "two receivers of four are interrupted", others_keep_waiting, CTS_ONE_PROCESS,
     CTS_LIMITED, FIRST | THIRD, 0},
    {"RECV-10.30", "all receivers are interrupted but the first one, in Recv", others_keep_waiting,
     CTS_ONE_PROCESS, CTS_UNLIMITED, FIRST_PLAIN | SECOND | THIRD | LAST, 0},
    {"RECV-10.31", "only the receiver behind one in Recv is interrupted, limit",
     others_keep_waiting, CTS_ONE_PROCESS, CTS_LIMITED, FIRST_PLAIN | SECOND, 0},
    {"RECV-10.32", "only the last receiver behind one in Recv is interrupted, on the listener",
     others_keep_waiting, CTS_ONE_PROCESS, CTS_UNLIMITED, FIRST_PLAIN | LAST | ON_LISTENER, 0},
    {"RECV-10.33", "all receivers are interrupted but the first one, in Recv, two processes",
     others_keep_waiting, CTS_TWO_PROCESSES, CTS_LIMITED, FIRST_PLAIN | SECOND | THIRD | LAST, 0},
    {"RECV-10.6", "two receivers of four are interrupted, on the listener", others_keep_waiting,
     CTS_ONE_PROCESS, CTS_UNLIMITED, SECOND | LAST | ON_LISTENER, 0},
    {"RECV-10.7", "two receivers of four are interrupted, on handles of their own",
     others_keep_waiting, CTS_ONE_PROCESS, CTS_LIMITED, SECOND | THIRD | ON_LISTENERS, 0},
};
CTS_GROUP(cts_group_recv_many, cases);
