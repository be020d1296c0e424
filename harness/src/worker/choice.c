/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a library does where the documents leave it a choice, found by trying: cases that need to know go on
 * accordingly.
 */
#include "world.h"

/* The limit of a call that is to be taken and then to pass. */
enum { TAKEN_WITHIN_MS = 30 };

bool cts_call_is_served_at(struct cts_op *call, Handle client, struct cts_actor *peer,
                           Handle server, const char *file, int line)
{
    cts_settle();
    if (!cts_returned(call)) {
        struct cts_op *recv = cts_start_recv(peer, server);
        cts_wait_any_at((struct cts_op *const[]){recv, call}, 2, file, line);
        if (cts_returned(recv)) {
            cts_returned_at(recv, rcOk, false, file, line);
            cts_served_at(peer, recv, call, file, line);
            return true;
        }
        /* It has ended meanwhile: the next call of its thread is what the peer gets. */
        struct cts_op *next = cts_start_call(call->actor, client, CTS_PLAIN);
        cts_returned_at(recv, rcOk, false, file, line);
        cts_served_at(peer, recv, next, file, line);
    }
    cts_that_at(call->rc != rcOk, "a call that was not served is an error", false, file, line);
    return false;
}

bool cts_recv_is_served_at(struct cts_op *received, Handle server, struct cts_actor *peer,
                           Handle client, const char *file, int line)
{
    cts_settle();
    if (!cts_returned(received)) {
        struct cts_op *call = cts_start_call(peer, client, CTS_PLAIN);
        if (cts_wait_at(received, file, line) == rcOk) {
            cts_served_at(received->actor, received, call, file, line);
            return true;
        }
        struct cts_op *next = cts_start_recv(received->actor, server);
        cts_returned_at(next, rcOk, false, file, line);
        cts_served_at(received->actor, next, call, file, line);
    }
    cts_that_at(received->rc != rcOk, "a receive without a request is an error", false, file, line);
    return false;
}

/* An error is as good as success: the library may take it for another one. */
static void reply_somehow(struct cts_actor *actor, struct cts_op *received)
{
    struct cts_op *reply = cts_start_reply(actor, received, CTS_PLAIN);
    cts_may_lack_room(reply);
    (void)cts_wait(reply);
}

bool cts_tells_requests_of_a_thread_apart(const struct cts_link *link, struct cts_actor *client,
                                          struct cts_actor *server, struct cts_actor *second)
{
    struct cts_op *recv = cts_start_recv(server, link->server);
    cts_require_blocked(recv);
    struct cts_op *gone =
        cts_start_call_ex(client, link->client, CTS_PLAIN, TAKEN_WITHIN_MS, INVALID_HANDLE);
    cts_wait_either(recv, gone);
    if (cts_world.virtual_time || cts_world.imitated_time) {
        cts_advance_ms(TAKEN_WITHIN_MS + 10);
    }
    cts_require_returned(gone, rcTimeout);
    struct cts_op *next_recv = recv;
    struct cts_actor *taker = server;
    bool late = cts_returned(recv);
    if (late) {
        next_recv = cts_start_recv(second, link->server);
        taker = second;
    }
    struct cts_op *next = cts_start_call(client, link->client, CTS_PLAIN);
    cts_require_returned(next_recv, rcOk);
    if (!late) {
        /* Slower than the limit: nothing was tried. */
        cts_check_served(taker, next_recv, next);
        return false;
    }
    reply_somehow(taker, next_recv);
    bool apart = cts_op_wait_briefly(next);
    if (!apart) {
        reply_somehow(taker, next_recv);
    }
    cts_require_returned(next, rcOk);
    reply_somehow(server, recv);
    return apart;
}
