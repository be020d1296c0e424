/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RACE-04: a Reply answers the thread that it names; one that names none (threadId 0) answers a request of the handle
 * that it is made on. Whether a library takes such a Reply at all stands only in a comment of the SDK, so each case of
 * those tries one exchange first, and is SKIP where it is refused; it may be refused later, too, but a response that
 * comes reaches its caller.
 */
#include <cts/cts.h>

enum { HANDLES = 3 }; /* or requests on one */

/* variant: the requests are answered in the order in which they were taken, or the last one first. */
enum { IN_ORDER, LAST_FIRST };

static void skip_unless_taken(struct cts_actor *client, Handle client_end, struct cts_actor *server,
                              Handle server_end)
{
    struct cts_op *recv = cts_start_recv(server, server_end);
    struct cts_op *call = cts_start_call(client, client_end, CTS_PLAIN);
    cts_require_returned(recv, rcOk);
    if (cts_wait(cts_start_reply_to_the_first(server, recv)) != rcOk) {
        /* Whether the request is still there is not written anywhere either. */
        (void)cts_wait(cts_start_reply(server, recv, CTS_PLAIN));
        cts_skip("the library takes no Reply that names no thread");
    }
    cts_require_returned(call, rcOk);
}

/* RACE-04: one request is in service on each of three handles of the process; each Reply names its handle alone. */
static void handle_says_whom_to_answer(const struct cts_case *self)
{
    static const char *const client_names[HANDLES] = {"client 1", "client 2", "client 3"};
    static const char *const server_names[HANDLES] = {"server 1", "server 2", "server 3"};
    struct cts_link links[HANDLES] = {cts_link_open(self->layout)};
    struct cts_actor *clients[HANDLES];
    struct cts_actor *servers[HANDLES];
    for (int i = 0; i < HANDLES; i++) {
        if (i > 0) {
            links[i] = cts_link_between(links[0].server_process, links[0].client_process);
        }
        clients[i] = cts_actor_new(links[0].client_process, client_names[i]);
        servers[i] = cts_actor_new(links[0].server_process, server_names[i]);
    }
    skip_unless_taken(clients[0], links[0].client, servers[0], links[0].server);
    struct cts_op *recvs[HANDLES];
    struct cts_op *calls[HANDLES];
    for (int i = 0; i < HANDLES; i++) {
        recvs[i] = cts_start_recv(servers[i], links[i].server);
        calls[i] = cts_start_call_ex(clients[i], links[i].client, CTS_PLAIN, cts_mdelay(self),
                                     INVALID_HANDLE);
        cts_require_returned(recvs[i], rcOk);
    }

    for (int i = 0; i < HANDLES; i++) {
        int next = self->variant == IN_ORDER ? i : HANDLES - 1 - i;
        Retcode rc = cts_wait(cts_start_reply_to_the_first(servers[next], recvs[next]));
        if (rc != rcOk) {
            cts_observe("Reply that names no thread, several in service", cts_rc_name(rc));
            (void)cts_wait(cts_start_reply(servers[next], recvs[next], CTS_PLAIN));
            continue;
        }
        cts_check_returned(calls[next], rcOk);
    }
}

/* RACE-04: three requests are in service on one handle; each Reply names the thread that it answers. */
static void thread_says_whom_to_answer(const struct cts_case *self)
{
    static const char *const client_names[HANDLES] = {"client 1", "client 2", "client 3"};
    static const char *const server_names[HANDLES] = {"server 1", "server 2", "server 3"};
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *servers[HANDLES];
    struct cts_op *recvs[HANDLES];
    struct cts_op *calls[HANDLES];
    for (int i = 0; i < HANDLES; i++) {
        struct cts_actor *client = cts_actor_new(link.client_process, client_names[i]);
        servers[i] = cts_actor_new(link.server_process, server_names[i]);
        recvs[i] = cts_start_recv(servers[i], link.server);
        calls[i] =
            cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), INVALID_HANDLE);
        cts_require_returned(recvs[i], rcOk);
    }

    for (int i = 0; i < HANDLES; i++) {
        int next = self->variant == IN_ORDER ? i : HANDLES - 1 - i;
        cts_check_served(servers[next], recvs[next], calls[next]);
    }
}

static const struct cts_case cases[] = {
    {"RACE-04.60", "a Reply that names no thread answers on its handle, in order",
     handle_says_whom_to_answer, CTS_ONE_PROCESS, CTS_UNLIMITED, IN_ORDER, 0},
    {"RACE-04.61", "a Reply that names no thread answers on its handle, last first",
     handle_says_whom_to_answer, CTS_ONE_PROCESS, CTS_LIMITED, LAST_FIRST, 0},
    {"RACE-04.62", "a Reply that names no thread answers on its handle, two processes",
     handle_says_whom_to_answer, CTS_TWO_PROCESSES, CTS_LIMITED, LAST_FIRST, 0},
    {"RACE-04.63", "a Reply answers the thread that it names, last first",
     thread_says_whom_to_answer, CTS_ONE_PROCESS, CTS_UNLIMITED, LAST_FIRST, 0},
    {"RACE-04.64", "a Reply answers the thread that it names, last first, two processes",
     thread_says_whom_to_answer, CTS_TWO_PROCESSES, CTS_LIMITED, LAST_FIRST, 0},
};
CTS_GROUP(cts_group_reply_whom, cases);
