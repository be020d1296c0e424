/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a library does where the documents leave it a choice, found by trying: cases that need to know go on
 * accordingly.
 */
#include "world.h"

/* The limits of calls that are to be taken and then to pass, each four times the one before. */
enum { FIRST_LIMIT_MS = 30, LAST_LIMIT_MS = 480 };

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

const char *cts_why_requests_of_a_thread_mix(const struct cts_link *link, struct cts_actor *client,
                                             struct cts_actor *server, struct cts_actor *second)
{
    struct cts_op *recv = cts_start_recv(server, link->server);
    cts_require_blocked(recv);
    for (rtl_uint32_t limit = FIRST_LIMIT_MS; !cts_returned(recv); limit *= 4) {
        if (limit > LAST_LIMIT_MS) {
            struct cts_op *call = cts_start_call(client, link->client, CTS_PLAIN);
            cts_require_returned(recv, rcOk);
            cts_served_at(server, recv, call, __FILE__, __LINE__);
            return "no request was taken before its limit passed";
        }
        struct cts_op *gone =
            cts_start_call_ex(client, link->client, CTS_PLAIN, limit, INVALID_HANDLE);
        cts_wait_either(recv, gone);
        if (cts_world.virtual_time || cts_world.imitated_time) {
            cts_advance_ms(limit + 10);
        }
        cts_require_returned(gone, rcTimeout);
        cts_settle(); /* a receive under way may come back with it still */
    }
    cts_require_returned(recv, rcOk);
    struct cts_op *next_recv = cts_start_recv(second, link->server);
    struct cts_op *next = cts_start_call(client, link->client, CTS_PLAIN);
    cts_require_returned(next_recv, rcOk);
    reply_somehow(second, next_recv);
    bool apart = cts_op_wait_briefly(next);
    if (!apart) {
        reply_somehow(second, next_recv);
    }
    cts_require_returned(next, rcOk);
    reply_somehow(server, recv);
    return apart ? NULL : "a Reply may answer the older of two requests of one thread";
}
