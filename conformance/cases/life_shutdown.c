/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LIFE-01: the purpose of the interface. A process with n server threads and m client threads
 * waiting sets one object, all of them return, it closes everything, and can begin anew. The
 * channels of both kinds of threads have their other ends in the same process, or in another one.
 */
#include <cts/cts.h>

/* variant: threads of each kind, and what else goes on. */
enum { MANY_CHANNELS = 32, SOME_ARE_SERVED = 64, COUNT_MASK = 31 };
enum { THREADS_MAX = 8, TAKEN = 2 };

/* One process that is to end in order. */
struct party {
    struct cts_process *process;
    struct cts_process *peer_process;
    struct cts_link links[2 * THREADS_MAX];
    int link_count;
    struct cts_actor *ender; /* sets and closes */
    struct cts_op *waits[2 * THREADS_MAX];
    int wait_count;
    Handle sync;
};

static struct party party_new(struct cts_process *process, struct cts_process *peer_process)
{
    struct party party = {.process = process, .peer_process = peer_process};
    party.ender = cts_actor_new(process, "ender");
    party.sync = cts_sync_new(process);
    return party;
}

static const struct cts_link *party_link(struct party *party, struct cts_process *server_process,
                                         struct cts_process *client_process)
{
    struct cts_link *link = &party->links[party->link_count++];
    *link = cts_link_between(server_process, client_process);
    return link;
}

/* n threads wait in RecvEx and n in CallEx, on one channel of each kind or on one each. */
static void party_wait(const struct cts_case *self, struct party *party)
{
    int count = self->variant & COUNT_MASK;
    const struct cts_link *receives = NULL;
    const struct cts_link *calls = NULL;
    for (int i = 0; i < count; i++) {
        if (i == 0 || (self->variant & MANY_CHANNELS)) {
            receives = party_link(party, party->process, party->peer_process);
            calls = party_link(party, party->peer_process, party->process);
        }
        party->waits[party->wait_count++] =
            cts_start_recv_ex(cts_actor_new(party->process, "server"), receives->server,
                              cts_mdelay(self), party->sync);
        party->waits[party->wait_count++] =
            cts_start_call_ex(cts_actor_new(party->process, "client"), calls->client, CTS_PLAIN,
                              cts_mdelay(self), party->sync);
    }
    for (int i = 0; i < party->wait_count; i++) {
        cts_require_blocked(party->waits[i]);
    }
}

static void check_party_interrupted(const struct party *party)
{
    for (int i = 0; i < party->wait_count; i++) {
        cts_check_returned(party->waits[i], rcIpcInterrupt);
    }
}

/* Close every handle of the channel; the server handle may be the listener's. */
static void check_link_closed(const struct cts_link *link, struct cts_actor *client_closer,
                              struct cts_actor *server_closer)
{
    cts_check_returned(cts_start_close(client_closer, link->client), rcOk);
    cts_check_returned(cts_start_close(server_closer, link->server), rcOk);
    if (link->listener != link->server) {
        cts_check_returned(cts_start_close(server_closer, link->listener), rcOk);
    }
}

/* The party closes its channels and its object, makes new ones, and they work. */
static void check_party_ends_and_begins(struct party *party)
{
    struct cts_actor *peer = cts_actor_new(party->peer_process, "peer");
    for (int i = 0; i < party->link_count; i++) {
        const struct cts_link *link = &party->links[i];
        check_link_closed(link, link->client_process == party->process ? party->ender : peer,
                          link->server_process == party->process ? party->ender : peer);
    }
    cts_check_returned(cts_start_close(party->ender, party->sync), rcOk);

    struct cts_op *create = cts_start_create(party->ender);
    cts_check_returned(create, rcOk);
    struct cts_link link = cts_link_between(party->peer_process, party->process);
    struct cts_op *call = cts_start_call_ex(party->ender, link.client, CTS_PLAIN, INFINITE_TIMEOUT,
                                            cts_handle(create));
    cts_check_blocked(call);
    struct cts_op *recv = cts_start_recv(peer, link.server);
    cts_check_returned(recv, rcOk);
    cts_check_served(peer, recv, call);
}

/* Calls of the party that a server holds, and requests that the party holds, when Set comes. */
struct served {
    struct cts_actor *peers[TAKEN];
    struct cts_actor *servers[TAKEN];
    struct cts_op *party_calls[TAKEN];
    struct cts_op *peer_recvs[TAKEN];
    struct cts_op *peer_calls[TAKEN];
    struct cts_op *party_recvs[TAKEN];
    struct cts_actor *callers[TAKEN];
};

static void served_begin(const struct cts_case *self, struct party *party, struct served *served)
{
    for (int i = 0; i < TAKEN; i++) {
        const struct cts_link *calls = party_link(party, party->peer_process, party->process);
        const struct cts_link *receives = party_link(party, party->process, party->peer_process);
        served->peers[i] = cts_actor_new(party->peer_process, "peer");
        served->callers[i] = cts_actor_new(party->peer_process, "caller");
        served->servers[i] = cts_actor_new(party->process, "busy server");
        served->party_calls[i] =
            cts_start_call_ex(cts_actor_new(party->process, "busy client"), calls->client,
                              CTS_PLAIN, cts_mdelay(self), party->sync);
        cts_require_blocked(served->party_calls[i]);
        served->peer_recvs[i] = cts_start_recv(served->peers[i], calls->server);
        cts_require_returned(served->peer_recvs[i], rcOk);
        served->party_recvs[i] =
            cts_start_recv_ex(served->servers[i], receives->server, cts_mdelay(self), party->sync);
        cts_require_blocked(served->party_recvs[i]);
        served->peer_calls[i] = cts_start_call(served->callers[i], receives->client, CTS_PLAIN);
        cts_require_returned(served->party_recvs[i], rcOk);
    }
}

static void check_served_completes(const struct served *served)
{
    for (int i = 0; i < TAKEN; i++) {
        cts_check_blocked(served->party_calls[i]);
        cts_check_served(served->peers[i], served->peer_recvs[i], served->party_calls[i]);
        cts_check_served(served->servers[i], served->party_recvs[i], served->peer_calls[i]);
    }
}

/* LIFE-01: one process ends in order; the other, where there is one, only holds the far ends. */
static void process_ends_in_order(const struct cts_case *self)
{
    struct cts_process *peer_process = cts_process_first();
    struct cts_process *process =
        self->layout == CTS_TWO_PROCESSES ? cts_process_new() : peer_process;
    struct party party = party_new(process, peer_process);
    struct served served = {0};
    if (self->variant & SOME_ARE_SERVED) {
        served_begin(self, &party, &served);
    }
    party_wait(self, &party);

    cts_check_returned(cts_start_set(party.ender, party.sync), rcOk);

    check_party_interrupted(&party);
    if (self->variant & SOME_ARE_SERVED) {
        check_served_completes(&served);
    }
    check_party_ends_and_begins(&party);
}

/* LIFE-01: two processes, each with its own object and its own threads, end one after the other;
 * the first to end does not take the second with it. */
static void two_processes_end_in_order(const struct cts_case *self)
{
    struct cts_process *first_process = cts_process_first();
    struct cts_process *second_process = cts_process_new();
    struct party first = party_new(first_process, second_process);
    struct party second = party_new(second_process, first_process);
    party_wait(self, &first);
    party_wait(self, &second);

    cts_check_returned(cts_start_set(first.ender, first.sync), rcOk);
    check_party_interrupted(&first);
    for (int i = 0; i < second.wait_count; i++) {
        cts_check_blocked(second.waits[i]);
    }
    check_party_ends_and_begins(&first);
    for (int i = 0; i < second.wait_count; i++) {
        cts_check_blocked(second.waits[i]);
    }

    cts_check_returned(cts_start_set(second.ender, second.sync), rcOk);
    check_party_interrupted(&second);
    check_party_ends_and_begins(&second);
}

static const struct cts_case cases[] = {
    {"LIFE-01.1", "one server and one client thread are ended by one Set", process_ends_in_order,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 1, CTS_SMOKE},
    {"LIFE-01.2", "four server and four client threads are ended by one Set", process_ends_in_order,
     CTS_ONE_PROCESS, CTS_LIMITED, 4, 0},
    {"LIFE-01.3", "eight server and eight client threads are ended by one Set",
     process_ends_in_order, CTS_ONE_PROCESS, CTS_UNLIMITED, 8, 0},
    {"LIFE-01.4", "four and four threads on eight channels are ended by one Set",
     process_ends_in_order, CTS_ONE_PROCESS, CTS_UNLIMITED, 4 | MANY_CHANNELS, 0},
    {"LIFE-01.5", "four and four threads are ended, taken requests are served first",
     process_ends_in_order, CTS_ONE_PROCESS, CTS_UNLIMITED, 4 | SOME_ARE_SERVED, 0},
    {"LIFE-01.6", "four and four threads of a second process are ended by one Set",
     process_ends_in_order, CTS_TWO_PROCESSES, CTS_UNLIMITED, 4 | MANY_CHANNELS, CTS_SMOKE},
    {"LIFE-01.7", "threads of a second process are ended, taken requests are served first",
     process_ends_in_order, CTS_TWO_PROCESSES, CTS_LIMITED, 2 | SOME_ARE_SERVED, 0},
    {"LIFE-01.8", "two processes are ended one after the other", two_processes_end_in_order,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, 3, 0},
    {"LIFE-01.9", "eight and eight threads are ended by one Set, free running",
     process_ends_in_order, CTS_ONE_PROCESS, CTS_UNLIMITED, 8, CTS_FREE_RUNNING},
};
CTS_GROUP(cts_group_life_shutdown, cases);
