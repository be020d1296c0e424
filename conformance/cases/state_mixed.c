/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histories that mix what other cases do one at a time: many objects of which some are set, threads that called, received,
 * set and were refused before, calls in service, handles of other kinds, limits of every size. What came before leaves
 * nothing but the state of the object.
 */
#include <cts/cts.h>

#define NS_PER_MS 1000000u
/* A library that has taken so long for limits of a millisecond is asked for no more of them. */
#define ENOUGH_NS 6000000000u
enum { SHORT_MS = 5 };

/* variant: what the thread in question does, or does first. */
enum { CALLS = 0, RECVS = 1 };

/* A thread that calls and receives with one object, and its peer on both channels. */
struct scene {
    struct cts_link calls;
    struct cts_link receives;
    struct cts_process *process;
    struct cts_actor *thread;
    struct cts_actor *second; /* another thread of that process */
    struct cts_actor *peer;
    Handle sync;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.calls = cts_link_open(self->layout)};
    s.process = s.calls.client_process;
    s.receives = cts_link_between(s.process, s.calls.server_process);
    s.thread = cts_actor_new(s.process, "thread");
    s.second = cts_actor_new(s.process, "second");
    s.peer = cts_actor_new(s.calls.server_process, "peer");
    s.sync = cts_sync_new(s.process);
    return s;
}

static struct cts_op *start_wait(const struct scene *s, bool receives, rtl_uint32_t mdelay,
                                 Handle sync)
{
    return receives ? cts_start_recv_ex(s->thread, s->receives.server, mdelay, sync)
                    : cts_start_call_ex(s->thread, s->calls.client, CTS_PLAIN, mdelay, sync);
}

static void check_completes(const struct scene *s, bool receives, struct cts_op *wait)
{
    if (receives) {
        struct cts_op *call = cts_start_call(s->peer, s->receives.client, CTS_PLAIN);
        cts_check_returned(wait, rcOk);
        cts_check_served(s->thread, wait, call);
    } else {
        struct cts_op *recv = cts_start_recv(s->peer, s->calls.server);
        cts_check_returned(recv, rcOk);
        cts_check_served(s->peer, recv, wait);
    }
}

static void check_waits_and_completes(const struct cts_case *self, const struct scene *s,
                                      bool receives)
{
    struct cts_op *wait = start_wait(s, receives, cts_mdelay(self), s->sync);
    cts_check_blocked(wait);
    check_completes(s, receives, wait);
}

static void check_is_interrupted(const struct cts_case *self, const struct scene *s, bool receives,
                                 Handle sync)
{
    struct cts_op *wait = start_wait(s, receives, cts_mdelay(self), sync);
    cts_check_blocked(wait);
    cts_set(s->process, sync);
    cts_check_returned(wait, rcIpcInterrupt);
    cts_clear(s->process, sync);
}

/* How a wait of the thread ends. The object is clear before and afterwards. */
enum ending { SERVED, TIMED_OUT, INTERRUPTED, REFUSED, ENDINGS };

static void wait_that_ends(const struct cts_case *self, const struct scene *s, bool receives,
                           enum ending ending)
{
    if (ending == REFUSED) {
        cts_set(s->process, s->sync);
    }
    struct cts_op *wait =
        start_wait(s, receives, ending == TIMED_OUT ? SHORT_MS : cts_mdelay(self), s->sync);
    switch (ending) {
    case SERVED:
        check_completes(s, receives, wait);
        return;
    case TIMED_OUT:
        cts_require_returned(wait, rcTimeout);
        return;
    case INTERRUPTED:
        cts_require_blocked(wait);
        cts_set(s->process, s->sync);
        break;
    default:
        break;
    }
    cts_require_returned(wait, rcIpcInterrupt);
    cts_clear(s->process, s->sync);
}

/* ------------------------------------------------------------------------------------------------
 * Many objects.
 */
enum { MANY = 300, FEW = 4, SPARE = 8 };

/* Create objects until there are `count`, or as many as there may be (OBJ-16). What an object takes, a wait may need. */
static int create_up_to(struct cts_process *process, Handle *syncs, int from, int count)
{
    struct cts_actor *creator = cts_actor_new(process, "creator");
    for (int i = from; i < count; i++) {
        struct cts_op *create = cts_start_create(creator);
        cts_may_lack_room(create);
        if (cts_wait(create) != rcOk) {
            cts_observe("objects alive at once", "fewer than 300");
            count = i;
            for (int k = 0; k < SPARE && count > from; k++) {
                cts_close(process, syncs[--count]);
            }
            break;
        }
        syncs[i] = cts_handle(create);
    }
    return count;
}

/* OBJ-03: two of four objects are set, and hundreds are made after them: nothing of that reaches another object, be it
 * set or clear. No Clear in between, which might hide it. */
static void set_while_hundreds_are_made(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle syncs[MANY] = {s.sync};
    for (int i = 1; i < FEW; i++) {
        syncs[i] = cts_sync_new(s.process);
    }
    cts_set(s.process, syncs[0]);
    cts_set(s.process, syncs[2]);
    int count = create_up_to(s.process, syncs, FEW, MANY);
    bool receives = self->variant == RECVS;

    cts_check_returned(start_wait(&s, receives, cts_mdelay(self), syncs[0]), rcIpcInterrupt);
    cts_check_returned(start_wait(&s, receives, cts_mdelay(self), syncs[2]), rcIpcInterrupt);
    rtl_uint64_t spent_ns = 0;
    for (int i = 1; i < count && spent_ns < ENOUGH_NS; i++) {
        /* Those that share a word of bits or the low bits of a number with one that is set. */
        if (i != 2 && (i < 6 || i % 32 == 0 || i % 32 == 2)) {
            struct cts_op *wait = start_wait(&s, receives, 1, syncs[i]);
            cts_check_returned(wait, rcTimeout);
            spent_ns += cts_elapsed_ns(wait);
        }
    }
    cts_check_returned(start_wait(&s, !receives, cts_mdelay(self), syncs[0]), rcIpcInterrupt);
    cts_check_returned(start_wait(&s, !receives, cts_mdelay(self), syncs[2]), rcIpcInterrupt);
}

/* OBJ-03: Clear of one object leaves the others set: one that was never set, one that was cleared already, one that was
 * set before the others, and one that was set after them. */
static void clear_leaves_the_others_set(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    bool receives = self->variant == RECVS;
    Handle never = cts_sync_new(s.process);
    Handle before = cts_sync_new(s.process);
    Handle after = cts_sync_new(s.process);
    const Handle order[] = {never, never, before, after, before, never};
    cts_set(s.process, before);
    cts_set(s.process, s.sync);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (order[i] == after) {
            cts_set(s.process, after);
        }
        cts_clear(s.process, order[i]);

        cts_check_returned(start_wait(&s, receives, cts_mdelay(self), s.sync), rcIpcInterrupt);
        struct cts_op *wait = start_wait(&s, !receives, cts_mdelay(self), order[i]);
        cts_check_blocked(wait);
        check_completes(&s, !receives, wait);
    }
    cts_check_returned(start_wait(&s, !receives, cts_mdelay(self), s.sync), rcIpcInterrupt);
}

/* ------------------------------------------------------------------------------------------------
 * Calls in service.
 */
enum { TAKEN = 3 };

/* OBJ-06: Clear while several calls with the object are in service, which is clear, set, and clear again. */
static void clear_while_several_are_taken(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *servers[TAKEN];
    struct cts_op *recvs[TAKEN];
    struct cts_op *calls[TAKEN];
    for (int i = 0; i < TAKEN; i++) {
        servers[i] = cts_actor_new(s.calls.server_process, "server");
        recvs[i] = cts_start_recv(servers[i], s.calls.server);
        calls[i] = cts_start_call_ex(cts_actor_new(s.process, "client"), s.calls.client, CTS_PLAIN,
                                     cts_mdelay(self), s.sync);
        cts_require_returned(recvs[i], rcOk);
        cts_check_returned(cts_start_clear(s.second, s.sync), rcOk);
    }

    for (int i = 0; i < TAKEN; i++) {
        cts_set(s.process, s.sync);
        cts_check_returned(cts_start_clear(s.second, s.sync), rcOk);
        check_waits_and_completes(self, &s, i % 2 == 0);
        cts_check_served(servers[i], recvs[i], calls[i]);
        cts_check_returned(cts_start_clear(s.second, s.sync), rcOk);
    }
}

/* ------------------------------------------------------------------------------------------------
 * Handles of another kind.
 */

/* variant: the handle that is misused. */
enum { CLIENT_HANDLE, SERVER_HANDLE, LISTENER_HANDLE };

static Handle handle_of(const struct cts_case *self, const struct cts_link *link)
{
    return self->variant == CLIENT_HANDLE   ? link->client
           : self->variant == SERVER_HANDLE ? link->server
                                            : link->listener;
}

static void check_misuse(struct cts_actor *actor, Handle handle)
{
    cts_check_error(cts_start_set(actor, handle));
    cts_check_error(cts_start_clear(actor, handle));
}

/* OBJ-12: Set and Clear on the handle through which threads receive, with an object and without. */
static void misuse_of_the_handle_that_receives(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle handle = handle_of(self, &s.receives);
    for (int i = 0; i < 4; i++) {
        struct cts_op *recv = i % 2 == 0 ? cts_start_recv(s.thread, handle)
                                         : cts_start_recv_ex(s.thread, handle, cts_mdelay(self),
                                                             i == 1 ? s.sync : INVALID_HANDLE);
        cts_require_blocked(recv);

        check_misuse(s.second, handle);

        cts_check_blocked(recv);
        struct cts_op *call = cts_start_call(s.peer, s.receives.client, CTS_PLAIN);
        cts_check_returned(recv, rcOk);
        check_misuse(s.second, handle);
        cts_check_served(s.thread, recv, call);
    }
}

/* OBJ-12: whatever the thread did before. In between, while it has a request. */
static void misuse_after_a_wait(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    Handle handle = self->variant == CLIENT_HANDLE ? s.calls.client : handle_of(self, &s.receives);
    check_misuse(s.thread, handle);
    for (int ending = 0; ending < ENDINGS; ending++) {
        for (int receives = 0; receives < 2; receives++) {
            wait_that_ends(self, &s, receives != 0, (enum ending)ending);

            check_misuse(s.thread, handle);
        }
    }
    struct cts_op *recv = cts_start_recv_ex(s.thread, s.receives.server, cts_mdelay(self), s.sync);
    struct cts_op *call = cts_start_call(s.peer, s.receives.client, CTS_PLAIN);
    cts_require_returned(recv, rcOk);
    cts_check_error(cts_start_clear(s.thread, handle));
    cts_check_error(cts_start_set(s.thread, handle));
    cts_check_served(s.thread, recv, call);
    check_waits_and_completes(self, &s, false);
    check_waits_and_completes(self, &s, true);
}

/* ------------------------------------------------------------------------------------------------
 * What a thread did before.
 */

/* STATE-06: the thread waits in turn as caller and as receiver with one object. However the first two waits ended, the
 * third is interrupted. */
static void third_wait_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    bool receives = self->variant == RECVS;
    for (int first = 0; first < ENDINGS; first++) {
        for (int second = 0; second < ENDINGS; second++) {
            wait_that_ends(self, &s, receives, (enum ending)first);
            wait_that_ends(self, &s, !receives, (enum ending)second);

            check_is_interrupted(self, &s, receives, s.sync);
        }
    }
}

enum { HISTORIES = 8 };

/* Things that end with Clear. The thread takes part in each. */
static void set_and_cleared(const struct cts_case *self, const struct scene *s, int history)
{
    struct cts_op *call = NULL;
    struct cts_op *recv = NULL;
    switch (history) {
    case 0: /* set by itself, cleared by another */
        cts_require_returned(cts_start_set(s->thread, s->sync), rcOk);
        cts_require_returned(cts_start_clear(s->second, s->sync), rcOk);
        break;
    case 1: /* set by another, cleared by itself */
        cts_require_returned(cts_start_set(s->second, s->sync), rcOk);
        cts_require_returned(cts_start_clear(s->thread, s->sync), rcOk);
        break;
    case 2: /* refused twice, in calls of different kind */
    case 3:
        cts_set(s->process, s->sync);
        for (int i = 0; i < 2; i++) {
            cts_require_returned(start_wait(s, (i ^ history) & 1, cts_mdelay(self), s->sync),
                                 rcIpcInterrupt);
        }
        cts_clear(s->process, s->sync);
        break;
    case 4: /* interrupted, and refused as the other kind */
    case 5:
        recv = start_wait(s, history == 4, cts_mdelay(self), s->sync);
        cts_require_blocked(recv);
        cts_set(s->process, s->sync);
        cts_require_returned(recv, rcIpcInterrupt);
        cts_require_returned(start_wait(s, history != 4, cts_mdelay(self), s->sync),
                             rcIpcInterrupt);
        cts_clear(s->process, s->sync);
        break;
    case 6: /* while its call is in service */
        recv = cts_start_recv(s->peer, s->calls.server);
        call = start_wait(s, false, cts_mdelay(self), s->sync);
        cts_require_returned(recv, rcOk);
        cts_set(s->process, s->sync);
        cts_clear(s->process, s->sync);
        cts_check_served(s->peer, recv, call);
        break;
    default: /* while it serves */
        recv = start_wait(s, true, cts_mdelay(self), s->sync);
        call = cts_start_call(s->peer, s->receives.client, CTS_PLAIN);
        cts_require_returned(recv, rcOk);
        cts_set(s->process, s->sync);
        cts_clear(s->process, s->sync);
        cts_check_served(s->thread, recv, call);
        break;
    }
}

/* STATE-09: after Clear the next Ex calls of the thread wait, whatever it has seen of the Set. variant: the one that
 * comes first. */
static void waits_after_clear(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int history = 0; history < HISTORIES; history++) {
        set_and_cleared(self, &s, history);

        check_waits_and_completes(self, &s, self->variant == RECVS);
        check_waits_and_completes(self, &s, self->variant != RECVS);
    }
}

/* STATE-05: a RecvEx waits on another channel of the listener to which a CallEx is queued, with the same object. variant:
 * the one that begins. */
static void both_kinds_at_one_listener(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(CTS_ONE_PROCESS);
    struct cts_link beside = cts_link_add(&link);
    struct cts_process *process = link.server_process;
    struct cts_actor *client = cts_actor_new(process, "client");
    struct cts_actor *server = cts_actor_new(process, "server");
    Handle sync = cts_sync_new(process);
    for (int round = 0; round < 2; round++) {
        struct cts_op *call = NULL;
        struct cts_op *recv = NULL;
        for (int i = 0; i < 2; i++) {
            if ((i == 0) == (self->variant == RECVS)) {
                recv = cts_start_recv_ex(server, beside.server, cts_mdelay(self), sync);
            } else {
                call = cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), sync);
            }
            cts_settle();
        }
        if (cts_returned(recv) && cts_rc(recv) == rcOk) {
            cts_skip("a server handle receives what comes to its listener");
        }
        cts_require_blocked(call);
        cts_require_blocked(recv);

        cts_set(process, sync);

        cts_check_returned(call, rcIpcInterrupt);
        cts_check_returned(recv, rcIpcInterrupt);
        cts_clear(process, sync);
        cts_check_exchange(client, link.client, server, link.server);
        cts_check_exchange(client, beside.client, server, beside.server);
    }
}

/* CALL-04: entered while the object is set, whatever the limit. */
static void refused_with_every_limit(const struct cts_case *self)
{
    static const rtl_uint32_t limits[] = {
        60000u,      0x10000u,    0x7fffffffu, 0x80000000u,          0x80000001u,
        0xc0000000u, 0xffff0000u, 0xfffffc18u, INFINITE_TIMEOUT - 1, INFINITE_TIMEOUT};
    struct scene s = scene_open(self);
    cts_set(s.process, s.sync);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        cts_check_returned(start_wait(&s, false, limits[i], s.sync), rcIpcInterrupt);
    }
    cts_clear(s.process, s.sync);
    check_waits_and_completes(self, &s, false);
}

/* CALL-06: the thread has waited with the object before, as receiver and as caller; its Call is not reached. */
static void call_after_waits_is_not_reached(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int ending = 0; ending < ENDINGS; ending++) {
        for (int receives = 0; receives < 2; receives++) {
            wait_that_ends(self, &s, receives != 0, (enum ending)ending);
            struct cts_op *call = cts_start_call(s.thread, s.calls.client, CTS_PLAIN);
            cts_require_blocked(call);

            cts_set(s.process, s.sync);

            cts_check_blocked(call);
            check_completes(&s, false, call);
            cts_clear(s.process, s.sync);
        }
    }
}

/* CALL-06: a server found its request queued, and calls before it answers; the object of its RecvEx is set before that
 * Call, or while it waits. */
static void call_of_a_server_that_found_a_request(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int before = 0; before < 2; before++) {
        struct cts_op *outer = cts_start_call(s.peer, s.receives.client, CTS_PLAIN);
        cts_require_blocked(outer);
        struct cts_op *recv = start_wait(&s, true, cts_mdelay(self), s.sync);
        cts_require_returned(recv, rcOk);
        if (before) {
            cts_set(s.process, s.sync);
        }
        struct cts_op *nested = cts_start_call(s.thread, s.calls.client, CTS_PLAIN);
        cts_may_lack_room(nested);
        cts_settle();
        if (cts_returned(nested) && cts_rc(nested) != rcIpcInterrupt) {
            cts_skip("a thread that owes a response makes no call");
        }
        if (!before) {
            cts_set(s.process, s.sync);
        }

        cts_check_blocked(nested);
        struct cts_actor *backend = cts_actor_new(s.calls.server_process, "backend");
        struct cts_op *inner = cts_start_recv(backend, s.calls.server);
        cts_check_returned(inner, rcOk);
        cts_check_served(backend, inner, nested);
        cts_check_served(s.thread, recv, outer);
        cts_clear(s.process, s.sync);
    }
}

/* RECV-10: six receivers on one handle, two with an object of their own and four with none: Set ends the one whose object
 * it is, and the others get their requests. */
static void neighbours_without_object(const struct cts_case *self)
{
    enum { RECEIVERS = 6, WITH_OBJECT = 2 };
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *servers[RECEIVERS];
    struct cts_op *recvs[RECEIVERS];
    Handle syncs[WITH_OBJECT] = {cts_sync_new(link.server_process),
                                 cts_sync_new(link.server_process)};
    for (int i = 0; i < RECEIVERS; i++) {
        servers[i] = cts_actor_new(link.server_process, "server");
        /* The first and the third of them; of the others some are Recv. */
        Handle sync = i % 2 == 0 && i / 2 < WITH_OBJECT ? syncs[i / 2] : INVALID_HANDLE;
        recvs[i] = i == 1 || i == 4
                       ? cts_start_recv(servers[i], link.server)
                       : cts_start_recv_ex(servers[i], link.server, cts_mdelay(self), sync);
        cts_require_blocked(recvs[i]);
    }

    for (int i = 0; i < WITH_OBJECT; i++) {
        cts_set(link.server_process, syncs[i]);
        cts_check_returned(recvs[2 * i], rcIpcInterrupt);
        cts_settle();
        for (int k = 0; k < RECEIVERS; k++) {
            bool ended = k == 0 || (k == 2 && i == 1);
            cts_check_that(cts_returned(recvs[k]) == ended, "the other receivers wait on");
        }
    }
    bool served[RECEIVERS] = {[0] = true, [2] = true};
    for (int left = RECEIVERS - WITH_OBJECT; left > 0; left--) {
        struct cts_op *waiting[RECEIVERS];
        size_t count = 0;
        for (int k = 0; k < RECEIVERS; k++) {
            if (!served[k]) {
                waiting[count++] = recvs[k];
            }
        }
        struct cts_op *call = cts_start_call(client, link.client, CTS_PLAIN);
        cts_wait_any(waiting, count);
        for (int k = 0; k < RECEIVERS; k++) {
            if (!served[k] && cts_returned(recvs[k])) {
                cts_check_returned(recvs[k], rcOk);
                cts_check_served(servers[k], recvs[k], call);
                served[k] = true;
                break;
            }
        }
    }
}

/* variant: how the wait ends whose object has been closed. */
enum { BY_PEER = 0, BY_LIMIT = 2 };
enum { CLOSED_MS = 200 };

/* RACE-03: what becomes of a wait whose object is closed is open (STATE-07); the thread's next waits, with another object,
 * are interrupted by it. */
static void next_wait_after_close_under_one(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    bool receives = (self->variant & RECVS) != 0;
    for (int round = 0; round < 2; round++) {
        Handle closed = cts_sync_new(s.process);
        struct cts_op *wait = start_wait(
            &s, receives, self->variant & BY_LIMIT ? CLOSED_MS : cts_mdelay(self), closed);
        cts_settle();
        /* It may be refused, or last until the wait has ended. */
        struct cts_op *close = cts_start_close(s.second, closed);
        cts_settle();
        if (self->variant & BY_LIMIT) {
            cts_check_that(cts_wait(wait) != rcOk, "no wait succeeds without a peer");
        } else if (receives) {
            (void)cts_recv_is_served(wait, s.receives.server, s.peer, s.receives.client);
        } else {
            (void)cts_call_is_served(wait, s.calls.client, s.peer, s.calls.server);
        }
        (void)cts_wait(close);

        check_is_interrupted(self, &s, (round == 0) == receives, s.sync);
        check_is_interrupted(self, &s, (round == 0) != receives, s.sync);
    }
}

/* ------------------------------------------------------------------------------------------------
 * Limits.
 */

/* variant */
enum { BOTH_KINDS = 4, ON_LISTENER = 8, MET = 16 };

/* TIME-01: Close of an object that three threads wait with leaves none of them without its limit. How else they may end
 * is open (STATE-07). */
static void limits_after_close(const struct cts_case *self)
{
    enum { WAITERS = 3 };
    struct scene s = scene_open(self);
    struct cts_op *waits[WAITERS];
    for (int i = 0; i < WAITERS; i++) {
        s.thread = cts_actor_new(s.process, "waiter");
        bool receives = self->variant == BOTH_KINDS ? i % 2 == 0 : self->variant == RECVS;
        waits[i] = start_wait(&s, receives, CLOSED_MS + 20 * (rtl_uint32_t)i, s.sync);
    }
    cts_settle();

    (void)cts_wait(cts_start_close(s.second, s.sync));

    for (int i = 0; i < WAITERS; i++) {
        cts_check_that(cts_wait(waits[i]) != rcOk, "the wait ends without success");
    }
    cts_check_exchange(s.thread, s.calls.client, s.peer, s.calls.server);
    cts_check_exchange(s.peer, s.receives.client, s.thread, s.receives.server);
}

/* TIME-02: limits on both sides of a second, at once and on real time. */
static void limits_around_a_second(const struct cts_case *self)
{
    static const rtl_uint32_t limits[] = {1001, 1000, 999, 998, 750, 501};
    enum { LIMITS = sizeof limits / sizeof limits[0] };
    struct scene s = scene_open(self);
    struct cts_op *waits[LIMITS];
    if (self->variant & ON_LISTENER) {
        s.receives.server = s.receives.listener;
    }
    for (int i = 0; i < LIMITS; i++) {
        s.thread = cts_actor_new(s.process, "waiter");
        waits[i] = start_wait(&s, (self->variant & RECVS) != 0, limits[i],
                              i % 2 == 0 ? s.sync : INVALID_HANDLE);
    }
    for (int i = 0; i < LIMITS; i++) {
        cts_check_returned(waits[i], rcTimeout);
        cts_check_that(cts_elapsed_ns(waits[i]) >= (rtl_uint64_t)(limits[i] - 1) * NS_PER_MS,
                       "the call has not returned before its mdelay");
    }
    cts_check_exchange(s.thread, s.calls.client, s.peer, s.calls.server);
    cts_check_exchange(s.peer, s.receives.client, s.thread, s.receives.server);
}

/* TIME-02: the limit of the RecvEx that takes a request is not that of the CallEx. Real time; the limit may pass on a busy
 * machine before there is a request. */
static void limit_of_the_receiver(const struct cts_case *self)
{
    enum { RECV_MS = 200, SLEEP_MS = 250, TRIES = 8 };
    struct scene s = scene_open(self);
    for (int i = 0; i < TRIES; i++) {
        struct cts_op *recv = cts_start_recv_ex(s.peer, s.calls.server, RECV_MS, INVALID_HANDLE);
        cts_settle();
        struct cts_op *call = start_wait(&s, false, CTS_SAFETY_MS, s.sync);
        if (cts_wait(recv) == rcTimeout) {
            check_completes(&s, false, call);
            continue;
        }
        cts_require_returned(recv, rcOk);
        cts_require_returned(cts_start_sleep(s.second, SLEEP_MS), rcOk);

        cts_check_blocked(call);
        cts_check_served(s.peer, recv, call);
        return;
    }
    cts_skip("the limit passed before there was a request");
}

/* TIME-02: limits whose low bits are a short one, and such as overflow when something is added: all wait on, in a queue
 * or with servers that waited for them. */
static void long_limits_at_once(const struct cts_case *self)
{
    static const rtl_uint32_t limits[] = {0x10000u + 50, 0x1000000u + 50, INFINITE_TIMEOUT - 200,
                                          INFINITE_TIMEOUT - 1};
    enum { LIMITS = sizeof limits / sizeof limits[0], SLEEP_MS = 250 };
    struct scene s = scene_open(self);
    bool receives = (self->variant & RECVS) != 0;
    struct cts_actor *waiters[LIMITS];
    struct cts_actor *peers[LIMITS];
    struct cts_op *waits[LIMITS];
    struct cts_op *others[LIMITS];
    for (int i = 0; i < LIMITS; i++) {
        s.thread = waiters[i] = cts_actor_new(s.process, "waiter");
        peers[i] = cts_actor_new(s.calls.server_process, "peer");
        if (self->variant & MET) {
            others[i] = cts_start_recv(peers[i], s.calls.server);
            cts_require_blocked(others[i]);
        }
        waits[i] = start_wait(&s, receives, limits[i], s.sync);
        if (self->variant & MET) {
            cts_require_returned(others[i], rcOk);
        } else {
            cts_check_blocked(waits[i]);
        }
    }

    cts_require_returned(cts_start_sleep(s.second, SLEEP_MS), rcOk);

    for (int i = 0; i < LIMITS; i++) {
        cts_check_blocked(waits[i]);
    }
    if (self->variant & MET) {
        for (int i = 0; i < LIMITS; i++) {
            cts_check_served(peers[i], others[i], waits[i]);
        }
        return;
    }
    cts_set(s.process, s.sync);
    for (int i = 0; i < LIMITS; i++) {
        cts_check_returned(waits[i], rcIpcInterrupt);
    }
    cts_clear(s.process, s.sync);
    check_waits_and_completes(self, &s, receives);
}

/* ------------------------------------------------------------------------------------------------
 * The object that clears itself.
 */

/* variant */
enum { CARRIES_HANDLES = 2 };

static struct cts_op *start_automatic(const struct cts_case *self, const struct scene *s,
                                      Handle automatic, const struct cts_message *request)
{
    return self->variant & RECVS ? start_wait(s, true, cts_mdelay(self), automatic)
                                 : cts_start_call_ex(s->thread, s->calls.client, *request,
                                                     cts_mdelay(self), automatic);
}

/* A Set before the wait may be forgotten (V14-03). Then one more Set ends the wait, and Clear is for a thread that looked
 * at the object between our look and that Set. */
static void require_interrupted_by_earlier_set(const struct scene *s, Handle automatic,
                                               struct cts_op *wait)
{
    cts_settle();
    bool forgotten = !cts_returned(wait);
    if (forgotten) {
        cts_set(s->process, automatic);
    }
    cts_check_returned(wait, rcIpcInterrupt);
    if (forgotten) {
        cts_clear(s->process, automatic);
    }
}

/* V14-01: Sets of two threads before anybody waits interrupt once, a wait whose request carries handles, too; the next
 * wait goes on until its peer comes. */
static void sets_of_two_threads(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link carried = cts_link_between(s.process, s.process);
    Handle automatic = cts_autoclear_new(cts_actor_new(s.process, "creator"));
    struct cts_actor *third = cts_actor_new(s.process, "third");
    struct cts_message request = CTS_PLAIN;
    if (self->variant & CARRIES_HANDLES) {
        request = CTS_WITH_HANDLE(carried.client);
    }
    for (int round = 0; round < 2; round++) {
        cts_require_returned(cts_start_set(s.second, automatic), rcOk);
        if ((self->variant & CARRIES_HANDLES) == 0) {
            cts_require_returned(cts_start_set(third, automatic), rcOk);
        }
        struct cts_op *wait = start_automatic(self, &s, automatic, &request);
        require_interrupted_by_earlier_set(&s, automatic, wait);

        wait = start_automatic(self, &s, automatic, &CTS_PLAIN);
        cts_check_blocked(wait);
        check_completes(&s, (self->variant & RECVS) != 0, wait);
    }
}

/* V14-04: a plain object stays set for a thread that an automatic one has interrupted before. */
static void plain_after_automatic_interruption(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    bool receives = self->variant == RECVS;
    Handle automatic = cts_autoclear_new(cts_actor_new(s.process, "creator"));
    for (int round = 0; round < 2; round++) {
        cts_set(s.process, automatic);
        struct cts_op *wait = start_automatic(self, &s, automatic, &CTS_PLAIN);
        require_interrupted_by_earlier_set(&s, automatic, wait);
        cts_set(s.process, s.sync);

        for (int i = 0; i < 4; i++) {
            cts_check_returned(start_wait(&s, receives == (i < 2), cts_mdelay(self), s.sync),
                               rcIpcInterrupt);
        }
        cts_clear(s.process, s.sync);
        check_waits_and_completes(self, &s, receives);
    }
}

static const struct cts_case cases[] = {
    {"OBJ-03.140", "two objects stay set, and no other is, while hundreds are made, RecvEx",
     set_while_hundreds_are_made, CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS, 0},
    {"OBJ-03.141", "two objects stay set, and no other is, while hundreds are made, CallEx, limit",
     set_while_hundreds_are_made, CTS_ONE_PROCESS, CTS_LIMITED, CALLS, 0},
    {"OBJ-03.142", "two objects stay set, and no other is, while hundreds are made, two processes",
     set_while_hundreds_are_made, CTS_TWO_PROCESSES, CTS_UNLIMITED, CALLS, 0},
    {"OBJ-03.143", "Clear of an object leaves the others set, CallEx", clear_leaves_the_others_set,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"OBJ-03.144", "Clear of an object leaves the others set, RecvEx, limit",
     clear_leaves_the_others_set, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
    {"OBJ-03.145", "Clear of an object leaves the others set, two processes",
     clear_leaves_the_others_set, CTS_TWO_PROCESSES, CTS_UNLIMITED, CALLS, 0},
    {"OBJ-06.140", "Clear is rcOk while three calls with the object are in service",
     clear_while_several_are_taken, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"OBJ-06.141", "Clear is rcOk while three calls with the object are in service, limit",
     clear_while_several_are_taken, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"OBJ-06.142", "Clear is rcOk while three calls with the object are in service, two processes",
     clear_while_several_are_taken, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"OBJ-12.140", "Set and Clear on a listener leave those alone that receive through it",
     misuse_of_the_handle_that_receives, CTS_ONE_PROCESS, CTS_UNLIMITED, LISTENER_HANDLE, 0},
    {"OBJ-12.141", "Set and Clear on a server handle leave those alone that receive through it",
     misuse_of_the_handle_that_receives, CTS_ONE_PROCESS, CTS_LIMITED, SERVER_HANDLE, 0},
    {"OBJ-12.142", "Set and Clear on a listener leave those alone that receive, two processes",
     misuse_of_the_handle_that_receives, CTS_TWO_PROCESSES, CTS_UNLIMITED, LISTENER_HANDLE, 0},
    {"OBJ-12.143", "Set and Clear on a client handle are errors, whatever the thread did before",
     misuse_after_a_wait, CTS_ONE_PROCESS, CTS_UNLIMITED, CLIENT_HANDLE, 0},
    {"OBJ-12.144", "Set and Clear on a server handle are errors, whatever the thread did before",
     misuse_after_a_wait, CTS_ONE_PROCESS, CTS_LIMITED, SERVER_HANDLE, 0},
    {"OBJ-12.145", "Set and Clear on a listener are errors, whatever the thread did before",
     misuse_after_a_wait, CTS_TWO_PROCESSES, CTS_UNLIMITED, LISTENER_HANDLE, 0},
    {"OBJ-12.146", "Set and Clear on a listener are errors, whatever came before, one process",
     misuse_after_a_wait, CTS_ONE_PROCESS, CTS_UNLIMITED, LISTENER_HANDLE, 0},
    {"STATE-06.140", "after a CallEx and a RecvEx of any end the next CallEx is interrupted",
     third_wait_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"STATE-06.141", "after a RecvEx and a CallEx of any end the next RecvEx is interrupted, limit",
     third_wait_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
    {"STATE-06.142",
     "after a CallEx and a RecvEx of any end the next CallEx is interrupted, two processes",
     third_wait_is_interrupted, CTS_TWO_PROCESSES, CTS_UNLIMITED, CALLS, 0},
    {"STATE-09.140", "CallEx and RecvEx wait after Clear, whatever the thread saw of the Set",
     waits_after_clear, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"STATE-09.141", "RecvEx and CallEx wait after Clear, whatever the thread saw of the Set",
     waits_after_clear, CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS, 0},
    {"STATE-09.142", "RecvEx and CallEx wait after Clear, whatever the thread saw, limit",
     waits_after_clear, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
    {"STATE-09.143", "RecvEx and CallEx wait after Clear, whatever the thread saw, two processes",
     waits_after_clear, CTS_TWO_PROCESSES, CTS_UNLIMITED, RECVS, 0},
    {"STATE-05.140", "Set ends a RecvEx and then a CallEx that wait at one listener",
     both_kinds_at_one_listener, CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS, 0},
    {"STATE-05.141", "Set ends a CallEx and then a RecvEx that wait at one listener, limit",
     both_kinds_at_one_listener, CTS_ONE_PROCESS, CTS_LIMITED, CALLS, 0},
    {"CALL-04.140", "a CallEx entered while set is interrupted, whatever its limit",
     refused_with_every_limit, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-04.141", "a CallEx entered while set is interrupted, whatever its limit, two processes",
     refused_with_every_limit, CTS_TWO_PROCESSES, CTS_LIMITED, 0, 0},
    {"CALL-06.140", "a Call is not interrupted, however the waits of its thread ended before",
     call_after_waits_is_not_reached, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-06.141", "a Call is not interrupted, however the waits before it ended, limit",
     call_after_waits_is_not_reached, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"CALL-06.142", "a Call is not interrupted, however the waits before it ended, two processes",
     call_after_waits_is_not_reached, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"CALL-06.143", "a Call of a server that found its request queued is not interrupted",
     call_of_a_server_that_found_a_request, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-06.144", "a Call of a server that found its request queued is not interrupted, limit",
     call_of_a_server_that_found_a_request, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"CALL-06.145", "a Call of a server that found its request is not interrupted, two processes",
     call_of_a_server_that_found_a_request, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"RECV-10.140", "of six receivers on a handle Set ends the one that uses the object",
     neighbours_without_object, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"RECV-10.141", "of six receivers on a handle Set ends the one that uses the object, limit",
     neighbours_without_object, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"RECV-10.142", "of six receivers Set ends the one that uses the object, two processes",
     neighbours_without_object, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"RACE-03.140", "after Close under a CallEx the next waits with another object obey it",
     next_wait_after_close_under_one, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS | BY_PEER, 0},
    {"RACE-03.141", "after Close under a RecvEx the next waits with another object obey it",
     next_wait_after_close_under_one, CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS | BY_PEER, 0},
    {"RACE-03.142", "after Close under a CallEx that times out the next waits obey their object",
     next_wait_after_close_under_one, CTS_ONE_PROCESS, CTS_LIMITED, CALLS | BY_LIMIT, CTS_WAITS},
    {"RACE-03.143", "after Close under a RecvEx that times out the next waits obey their object",
     next_wait_after_close_under_one, CTS_TWO_PROCESSES, CTS_LIMITED, RECVS | BY_LIMIT, CTS_WAITS},
    {"RACE-03.144", "after Close under a RecvEx that times out the next waits obey, one process",
     next_wait_after_close_under_one, CTS_ONE_PROCESS, CTS_LIMITED, RECVS | BY_LIMIT, CTS_WAITS},
    {"TIME-01.140", "three CallEx come to an end after Close of their object, real time",
     limits_after_close, CTS_ONE_PROCESS, CTS_LIMITED, CALLS, CTS_WAITS},
    {"TIME-01.141", "three RecvEx come to an end after Close of their object, real time",
     limits_after_close, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, CTS_WAITS},
    {"TIME-01.142", "waits of both kinds come to an end after Close of their object, two processes",
     limits_after_close, CTS_TWO_PROCESSES, CTS_LIMITED, BOTH_KINDS, CTS_WAITS},
    {"TIME-01.143", "waits of both kinds come to an end after Close of their object, one process",
     limits_after_close, CTS_ONE_PROCESS, CTS_LIMITED, BOTH_KINDS, CTS_WAITS},
    {"TIME-02.140", "limits around a second of RecvEx on a listener are not early, real time",
     limits_around_a_second, CTS_ONE_PROCESS, CTS_LIMITED, RECVS | ON_LISTENER, CTS_WAITS},
    {"TIME-02.141", "limits around a second of RecvEx are not early, real time",
     limits_around_a_second, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, CTS_WAITS},
    {"TIME-02.142", "limits around a second of CallEx are not early, real time",
     limits_around_a_second, CTS_ONE_PROCESS, CTS_LIMITED, CALLS, CTS_WAITS},
    {"TIME-02.143", "limits around a second of CallEx are not early, two processes",
     limits_around_a_second, CTS_TWO_PROCESSES, CTS_LIMITED, CALLS, CTS_WAITS},
    {"TIME-02.144", "a taken CallEx outlives the limit of the RecvEx that took it, real time",
     limit_of_the_receiver, CTS_ONE_PROCESS, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-02.145", "a taken CallEx outlives the limit of the RecvEx that took it, two processes",
     limit_of_the_receiver, CTS_TWO_PROCESSES, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-02.146", "long limits of CallEx in a queue are not short, real time",
     long_limits_at_once, CTS_ONE_PROCESS, CTS_LIMITED, CALLS, CTS_WAITS},
    {"TIME-02.147", "long limits of CallEx that servers waited for are not short, real time",
     long_limits_at_once, CTS_ONE_PROCESS, CTS_LIMITED, CALLS | MET, CTS_WAITS},
    {"TIME-02.148", "long limits of RecvEx at once are not short, real time", long_limits_at_once,
     CTS_ONE_PROCESS, CTS_LIMITED, RECVS, CTS_WAITS},
    {"TIME-02.149", "long limits of CallEx that servers waited for are not short, two processes",
     long_limits_at_once, CTS_TWO_PROCESSES, CTS_LIMITED, CALLS | MET, CTS_WAITS},
    {"V14-01.140", "Sets of two threads before a CallEx interrupt once", sets_of_two_threads,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"V14-01.141", "Sets of two threads before a RecvEx interrupt once, limit", sets_of_two_threads,
     CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
    {"V14-01.142", "Sets of two threads before a CallEx interrupt once, two processes",
     sets_of_two_threads, CTS_TWO_PROCESSES, CTS_UNLIMITED, CALLS, 0},
    {"V14-01.143", "a Set before a CallEx that carries handles interrupts once",
     sets_of_two_threads, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS | CARRIES_HANDLES, 0},
    {"V14-01.144", "a Set before a CallEx that carries handles interrupts once, two processes",
     sets_of_two_threads, CTS_TWO_PROCESSES, CTS_LIMITED, CALLS | CARRIES_HANDLES, 0},
    {"V14-04.140", "a plain object stays set for a thread that an automatic one interrupted",
     plain_after_automatic_interruption, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"V14-04.141", "a plain object stays set for a thread that an automatic one interrupted, limit",
     plain_after_automatic_interruption, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
    {"V14-04.142", "a plain object stays set after an automatic one interrupted, two processes",
     plain_after_automatic_interruption, CTS_TWO_PROCESSES, CTS_UNLIMITED, CALLS, 0},
};
CTS_GROUP(cts_group_state_mixed, cases);
