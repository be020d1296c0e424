/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RACE-05: n clients, m servers, k setters on two channels and two objects of each side. The whole
 * history goes through the model; the cases check that every program ends, and how.
 *
 * Why it ends: calls without object are made only where the servers of their channel receive at
 * least as often as it has requests, and are not interrupted before the calls have returned
 * (STEADY). Where the objects of the servers are pulsed too (PULSED), every call has an object, and
 * the last Set on it releases those that wait. A request that is taken is answered at once.
 */
#include <cts/cts.h>

/* variant: clients, servers for each channel, setters, and the kind of program. */
#define PROGRAM(clients, servers, setters) ((clients) + (servers)*8 + (setters)*64)
enum { STEADY = 0, PULSED = 512 };
enum { CLIENTS_MAX = 6, SERVERS_MAX = 2, SETTERS_MAX = 3, LINKS = 2 };
enum {
    CALLS = 6,
    PULSES = 8,
    DELAYS = 8,
    SERVICE = 100,
    PROGRAMS = 2,
    RECVS_MAX = CLIENTS_MAX * CALLS
};

static const char *const client_names[CLIENTS_MAX] = {"client 1", "client 2", "client 3",
                                                      "client 4", "client 5", "client 6"};
static const char *const server_names[LINKS][SERVERS_MAX] = {{"server 1a", "server 1b"},
                                                             {"server 2a", "server 2b"}};
static const char *const setter_names[SETTERS_MAX] = {"setter 1", "setter 2", "setter 3"};

struct scene {
    int client_count;
    int server_count; /* of each link */
    int setter_count;
    struct cts_process *client_process;
    struct cts_process *server_process;
    struct cts_link links[LINKS];
    struct cts_actor *clients[CLIENTS_MAX];
    struct cts_actor *servers[LINKS][SERVERS_MAX];
    struct cts_actor *setters[SETTERS_MAX];        /* of the clients' objects */
    struct cts_actor *server_setters[SETTERS_MAX]; /* of the servers' */
    Handle client_objects[2];
    Handle server_objects[2];
    int request_count[LINKS];
    struct cts_op *calls[CLIENTS_MAX][CALLS];
    bool limited[CLIENTS_MAX][CALLS];
    bool has_object[CLIENTS_MAX][CALLS];
    struct cts_op *recvs[LINKS][SERVERS_MAX][RECVS_MAX];
    struct cts_op *last_replies[LINKS][SERVERS_MAX];
    int recv_count[LINKS];
    struct cts_op *last_pulses[2 * SETTERS_MAX];
    int pulse_count;
};

static int at_most(int count, int bound)
{
    return count < bound ? count : bound;
}

static void scene_open(const struct cts_case *self, struct scene *s)
{
    s->client_count = at_most(self->variant % 8, CLIENTS_MAX);
    s->server_count = at_most(self->variant / 8 % 8, SERVERS_MAX);
    s->setter_count = at_most(self->variant / 64 % 8, SETTERS_MAX);
    s->links[0] = cts_link_open(self->layout);
    s->server_process = s->links[0].server_process;
    s->client_process = s->links[0].client_process;
    s->links[1] = cts_link_between(s->server_process, s->client_process);
    for (int i = 0; i < s->client_count; i++) {
        s->clients[i] = cts_actor_new(s->client_process, client_names[i]);
    }
    for (int link = 0; link < LINKS; link++) {
        for (int i = 0; i < s->server_count; i++) {
            s->servers[link][i] = cts_actor_new(s->server_process, server_names[link][i]);
        }
    }
    const char *why = s->server_count > 1
                          ? cts_why_requests_of_a_thread_mix(&s->links[0], s->clients[0],
                                                             s->servers[0][0], s->servers[0][1])
                          : NULL;
    if (why != NULL) {
        cts_observe("one server instead of two", why);
        s->server_count = 1;
    }
    for (int i = 0; i < s->setter_count; i++) {
        s->setters[i] = cts_actor_new(s->client_process, setter_names[i]);
        s->server_setters[i] = cts_actor_new(s->server_process, setter_names[i]);
    }
    for (int i = 0; i < 2; i++) {
        s->client_objects[i] = cts_sync_new(s->client_process);
        s->server_objects[i] = cts_sync_new(s->server_process);
    }
}

static void queue_client(const struct cts_case *self, struct scene *s, int client)
{
    struct cts_actor *actor = s->clients[client];
    cts_program_begin(actor);
    for (int k = 0; k < CALLS; k++) {
        int link = (int)cts_random(LINKS);
        bool object = (self->variant & PULSED) != 0 || cts_random(2) == 0;
        bool limited = cts_random(3) == 0;
        bool plain = !object && !limited && cts_random(2) == 0;
        Handle client_end = s->links[link].client;
        s->request_count[link]++;
        s->limited[client][k] = limited;
        s->has_object[client][k] = object;
        s->calls[client][k] =
            plain ? cts_start_call(actor, client_end, CTS_PLAIN)
                  : cts_start_call_ex(actor, client_end, CTS_PLAIN,
                                      limited ? 1 + cts_random(3) : cts_mdelay(self),
                                      object ? s->client_objects[cts_random(2)] : INVALID_HANDLE);
    }
}

static void queue_servers(struct scene *s, int link)
{
    int each = (s->request_count[link] + s->server_count - 1) / s->server_count;
    s->recv_count[link] = each;
    for (int i = 0; i < s->server_count; i++) {
        struct cts_actor *actor = s->servers[link][i];
        cts_program_begin(actor);
        for (int k = 0; k < each; k++) {
            s->recvs[link][i][k] = cts_start_recv_ex(actor, s->links[link].server, INFINITE_TIMEOUT,
                                                     s->server_objects[cts_random(2)]);
            if (cts_random(3) == 0) {
                (void)cts_start_churn(actor, cts_random(SERVICE));
            }
            s->last_replies[link][i] = cts_start_reply(actor, s->recvs[link][i][k], CTS_PLAIN);
        }
    }
}

static void queue_setter(struct scene *s, struct cts_actor *actor, const Handle *objects)
{
    struct cts_op *last = NULL;
    cts_program_begin(actor);
    for (int i = 0; i < PULSES; i++) {
        Handle sync = objects[cts_random(2)];
        if (cts_random(2) == 0) {
            (void)cts_start_churn(actor, cts_random(DELAYS));
        }
        last = cts_random(2) == 0 ? cts_start_set(actor, sync) : cts_start_clear(actor, sync);
    }
    s->last_pulses[s->pulse_count++] = last;
}

/* Every client call has ended for a reason that it had. */
static void check_clients(const struct scene *s)
{
    for (int i = 0; i < s->client_count; i++) {
        for (int k = 0; k < CALLS; k++) {
            Retcode rc = cts_wait(s->calls[i][k]);
            cts_check_that(rc == rcOk || (rc == rcIpcInterrupt && s->has_object[i][k]) ||
                               (rc == rcTimeout && s->limited[i][k]),
                           "a call is served, interrupted through its object, or times out");
        }
    }
}

static void check_servers(const struct scene *s)
{
    for (int link = 0; link < LINKS; link++) {
        for (int i = 0; i < s->server_count; i++) {
            for (int k = 0; k < s->recv_count[link]; k++) {
                cts_check_returned_one_of(s->recvs[link][i][k], rcOk, rcIpcInterrupt);
            }
            if (s->recv_count[link] > 0) {
                (void)cts_wait(s->last_replies[link][i]);
            }
        }
    }
}

static void set_both(struct cts_process *process, const Handle *objects)
{
    cts_set(process, objects[0]);
    cts_set(process, objects[1]);
}

static void clear_both(struct cts_process *process, const Handle *objects)
{
    cts_clear(process, objects[0]);
    cts_clear(process, objects[1]);
}

/* RACE-05: random programs; then Set on every object, and all of them end. */
static void random_programs(const struct cts_case *self)
{
    static struct scene s;
    scene_open(self, &s);
    for (int program = 0; program < PROGRAMS; program++) {
        s.request_count[0] = 0;
        s.request_count[1] = 0;
        s.pulse_count = 0;
        for (int i = 0; i < s.client_count; i++) {
            queue_client(self, &s, i);
        }
        queue_servers(&s, 0);
        queue_servers(&s, 1);
        for (int i = 0; i < s.setter_count; i++) {
            queue_setter(&s, s.setters[i], s.client_objects);
            if (self->variant & PULSED) {
                queue_setter(&s, s.server_setters[i], s.server_objects);
            }
        }
        cts_program_run();

        if ((self->variant & PULSED) == 0) {
            check_clients(&s);
        }
        for (int i = 0; i < s.pulse_count; i++) {
            cts_check_returned(s.last_pulses[i], rcOk);
        }
        set_both(s.client_process, s.client_objects);
        check_clients(&s);
        set_both(s.server_process, s.server_objects);
        check_servers(&s);
        clear_both(s.client_process, s.client_objects);
        clear_both(s.server_process, s.server_objects);
    }
    for (int link = 0; link < LINKS; link++) {
        cts_check_exchange(s.clients[0], s.links[link].client, s.servers[link][0],
                           s.links[link].server);
    }
}

static const struct cts_case cases[] = {
    {"RACE-05.1", "2 clients, 1 server on each channel, 1 setter, free running", random_programs,
     CTS_ONE_PROCESS, CTS_UNLIMITED, PROGRAM(2, 1, 1) | STEADY, CTS_FREE_RUNNING | CTS_SMOKE},
    {"RACE-05.2", "4 clients, 2 servers on each channel, 2 setters, free running", random_programs,
     CTS_ONE_PROCESS, CTS_UNLIMITED, PROGRAM(4, 2, 2) | STEADY, CTS_FREE_RUNNING},
    {"RACE-05.3", "4 clients, 1 server on each channel, 3 setters, one CPU", random_programs,
     CTS_ONE_PROCESS, CTS_LIMITED, PROGRAM(4, 1, 3) | STEADY, 0},
    {"RACE-05.4", "4 clients, 1 server on each channel, 2 setters, two processes", random_programs,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, PROGRAM(4, 1, 2) | STEADY, CTS_FREE_RUNNING},
    {"RACE-05.5", "3 clients, 1 server on each channel, 1 setter each, servers pulsed",
     random_programs, CTS_ONE_PROCESS, CTS_UNLIMITED, PROGRAM(3, 1, 1) | PULSED, CTS_FREE_RUNNING},
    {"RACE-05.6", "4 clients, 2 servers on each channel, 2 setters each, servers pulsed",
     random_programs, CTS_ONE_PROCESS, CTS_LIMITED, PROGRAM(4, 2, 2) | PULSED, CTS_FREE_RUNNING},
    {"RACE-05.7", "6 clients, 1 server on each channel, 1 setter each, pulsed, two processes",
     random_programs, CTS_TWO_PROCESSES, CTS_UNLIMITED, PROGRAM(6, 1, 1) | PULSED, 0},
};
CTS_GROUP(cts_group_race_history, cases);
