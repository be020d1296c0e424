/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CALL-15: a Reply that is late by many calls. The thread whose call has timed out makes others, which a
 * second server answers, before the first one replies to a request that nobody waits for any more.
 */
#include <cts/cts.h>

/* Long enough for a server that looks now and then to take the request within it. */
enum { LIMIT_MS = 1000 };
/* A case that waited longer than this, because exchanges take their time, leaves out what remains. */
#define ENOUGH_NS 6000000000u

/* variant: the first distance of several, and how many; each is twice the one before. */
enum { FIRST_MASK = 0xff, COUNT = 0x100 };

struct scene {
    struct cts_link link;
    struct cts_actor *client;
    struct cts_actor *server; /* whose Reply is late */
    struct cts_actor *second; /* server */
    rtl_uint64_t spent_ns;
};

/* The next call of the client, which `second` takes. */
static struct cts_op *next_call(const struct cts_case *self, struct scene *s, struct cts_op **recv)
{
    *recv = cts_start_recv(s->second, s->link.server);
    struct cts_op *call =
        cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, cts_mdelay(self), INVALID_HANDLE);
    cts_require_returned(*recv, rcOk);
    return call;
}

/* The client's call has timed out while `server` holds the request. */
static struct cts_op *due_in_service(struct scene *s)
{
    struct cts_op *recv = cts_start_recv(s->server, s->link.server);
    cts_require_blocked(recv);
    struct cts_op *gone =
        cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, LIMIT_MS, INVALID_HANDLE);
    cts_require_returned(recv, rcOk);
    cts_advance_ms(LIMIT_MS + 10);
    cts_require_returned(gone, rcTimeout);
    s->spent_ns += cts_elapsed_ns(gone);
    return recv;
}

/* CALL-15: the late Reply does not end the call that the thread is in then. */
static void late_by_many_calls(const struct cts_case *self)
{
    cts_use_virtual_time();
    struct scene s = {.link = cts_link_open(self->layout)};
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    s.second = cts_actor_new(s.link.server_process, "second server");
    const char *why = cts_why_requests_of_a_thread_mix(&s.link, s.client, s.server, s.second);
    if (why != NULL) {
        cts_skip(why);
    }
    int distance = self->variant & FIRST_MASK;
    for (int i = 0; i < self->variant / COUNT; i++, distance *= 2) {
        struct cts_op *late_recv = due_in_service(&s);
        struct cts_op *recv = NULL;
        for (int made = 1; made < distance && s.spent_ns < ENOUGH_NS; made++) {
            struct cts_op *call = next_call(self, &s, &recv);
            cts_check_served(s.second, recv, call);
            s.spent_ns += cts_elapsed_ns(call);
        }
        struct cts_op *next = next_call(self, &s, &recv);

        (void)cts_wait(cts_start_reply(s.server, late_recv, CTS_PLAIN));

        cts_check_blocked(next);
        cts_check_served(s.second, recv, next);
        s.spent_ns += cts_elapsed_ns(next);
        if (s.spent_ns >= ENOUGH_NS) {
            cts_observe("exchanges before a late Reply", "too slow for all of them");
            return;
        }
    }
}

static const struct cts_case cases[] = {
    {"CALL-15.23", "a Reply that is late by 1, 2, 4 and 8 calls answers none of them",
     late_by_many_calls, CTS_ONE_PROCESS, CTS_UNLIMITED, 1 + 4 * COUNT, CTS_WAITS},
    {"CALL-15.24", "a Reply that is late by 1, 2, 4 and 8 calls answers none of them, limit",
     late_by_many_calls, CTS_ONE_PROCESS, CTS_LIMITED, 1 + 4 * COUNT, CTS_WAITS},
    {"CALL-15.25", "a Reply that is late by 16 and 32 calls answers none of them",
     late_by_many_calls, CTS_ONE_PROCESS, CTS_UNLIMITED, 16 + 2 * COUNT, CTS_WAITS},
    {"CALL-15.26", "a Reply that is late by 16 and 32 calls answers none of them, limit",
     late_by_many_calls, CTS_ONE_PROCESS, CTS_LIMITED, 16 + 2 * COUNT, CTS_WAITS},
    {"CALL-15.27", "a Reply that is late by 16 and 32 calls answers none of them, two processes",
     late_by_many_calls, CTS_TWO_PROCESSES, CTS_UNLIMITED, 16 + 2 * COUNT, CTS_WAITS},
    {"CALL-15.28", "a Reply that is late by 64 calls answers none of them", late_by_many_calls,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 64 + COUNT, CTS_WAITS},
};
CTS_GROUP(cts_group_call_late_far, cases);
