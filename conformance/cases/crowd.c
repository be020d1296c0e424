/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts beyond what fits into a small table or a word of bits: hundreds of live objects (OBJ-01, OBJ-03), and
 * dozens of threads that wait with one object (CALL-09, RECV-09), hundreds of Sets without a Clear
 * (OBJ-07), dozens of requests that are taken at once (CALL-15).
 */
#include <cts/cts.h>

enum { OBJECTS = 1100, HUNDREDS = 300, WAITERS = 70, SPARE = 8 };
/* A library that has taken so long for limits of a millisecond is asked for no more of them. */
#define ENOUGH_NS 6000000000u
enum { CALLS, RECVS };
enum { FIRST, LAST };
enum { FAR_WAITS_MAX = 5 };

static void check_interrupts(struct cts_actor *actor, Handle server, Handle sync)
{
    struct cts_op *recv = cts_start_recv_ex(actor, server, INFINITE_TIMEOUT, sync);
    cts_check_returned(recv, rcIpcInterrupt);
}

/* Would a word of bits, a narrow index or a short list mix the two up? Each look costs a millisecond, so
 * only neighbours and equal low bits are looked at. */
static bool may_share(int one, int other)
{
    int distance = one < other ? other - one : one - other;
    return distance < 4 || distance % 32 == 0;
}

/* What an object takes, a wait may need. */
static int close_last(struct cts_process *process, const Handle *syncs, int count)
{
    for (int i = 0; i < SPARE && count > CTS_SURELY_ROOM_FOR; i++) {
        cts_close(process, syncs[--count]);
    }
    return count;
}

static bool are_different(const Handle *syncs, int count)
{
    bool different = true;
    for (int i = 0; i < count; i++) {
        different = different && syncs[i] != INVALID_HANDLE;
        for (int k = 0; k < i; k++) {
            different = different && syncs[i] != syncs[k];
        }
    }
    return different;
}

struct far_wait {
    Handle sync;
    struct cts_op *recv;
};

/* Waits with the objects that lie 64, 128, 256, 512 and 1024 from the chosen one, as many as there is room for. */
static int start_far_waits(const struct cts_link *link, const Handle *syncs, int count, int chosen,
                           struct far_wait *waits)
{
    int started = 0;
    for (int distance = 64; distance < count; distance *= 2) {
        int index = chosen < distance ? chosen + distance : chosen - distance;
        if (index < count) {
            struct cts_actor *actor = cts_actor_new(link->server_process, "far waiter");
            waits[started].sync = syncs[index];
            waits[started].recv =
                cts_start_recv_ex(actor, link->server, INFINITE_TIMEOUT, syncs[index]);
            cts_may_lack_room(waits[started++].recv);
        }
    }
    cts_settle();
    int waiting = 0;
    for (int i = 0; i < started; i++) {
        if (!cts_returned(waits[i].recv)) {
            waits[waiting++] = waits[i];
        }
    }
    return waiting;
}

/* They have not noticed that another object was set, and each obeys its own. */
static void check_far_waits(struct cts_process *process, const struct far_wait *waits, int count)
{
    cts_settle();
    for (int i = 0; i < count; i++) {
        cts_check_that(!cts_returned(waits[i].recv), "a wait with another object goes on");
    }
    for (int i = 0; i < count; i++) {
        cts_set(process, waits[i].sync);
        cts_check_returned(waits[i].recv, rcIpcInterrupt);
        cts_clear(process, waits[i].sync);
    }
}

/* OBJ-03: of 1100 live objects, or as many as there may be, one is set, and no other. variant: which.
 * How many objects there may be is not written anywhere (OBJ-16). */
static void one_of_hundreds_is_set(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *creator = cts_actor_new(link.server_process, "creator");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    Handle syncs[OBJECTS] = {INVALID_HANDLE};
    int count = 0;
    while (count < OBJECTS) {
        struct cts_op *create = cts_start_create(creator);
        cts_may_lack_room(create);
        if (cts_wait(create) != rcOk) {
            cts_observe("objects alive at once", "fewer than 1100");
            count = close_last(link.server_process, syncs, count);
            break;
        }
        syncs[count++] = cts_handle(create);
    }
    cts_require_that(count >= CTS_SURELY_ROOM_FOR, "several objects can be alive at once");
    cts_check_that(are_different(syncs, count), "live objects have different handles");
    int chosen = self->variant == FIRST ? 0 : count - 1;

    struct cts_op *wait = cts_start_recv_ex(server, link.server, INFINITE_TIMEOUT, syncs[chosen]);
    cts_require_blocked(wait);
    struct far_wait others[FAR_WAITS_MAX];
    int other_count = start_far_waits(&link, syncs, count, chosen, others);

    cts_set(link.server_process, syncs[chosen]);

    cts_check_returned(wait, rcIpcInterrupt);
    check_far_waits(link.server_process, others, other_count);
    check_interrupts(server, link.server, syncs[chosen]);
    rtl_uint64_t spent_ns = 0;
    for (int i = 0; i < count && spent_ns < ENOUGH_NS; i++) {
        if (i != chosen && may_share(i, chosen)) {
            struct cts_op *recv = cts_start_recv_ex(server, link.server, 1, syncs[i]);
            cts_check_returned(recv, rcTimeout);
            spent_ns += cts_elapsed_ns(recv);
        }
    }
    if (spent_ns >= ENOUGH_NS) {
        cts_observe("waits with the other objects", "slow: fewer than planned");
    }
    check_interrupts(server, link.server, syncs[chosen]);
}

/* OBJ-01: each of 300 live objects, or of as many as there may be, has a handle. */
static void each_of_hundreds_has_a_handle(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *creator = cts_actor_new(link.server_process, "creator");
    int count = 0;
    for (; count < HUNDREDS; count++) {
        struct cts_op *create = cts_start_create(creator);
        cts_may_lack_room(create);
        if (cts_wait(create) != rcOk) {
            cts_observe("objects alive at once", "fewer than 300");
            break;
        }
        cts_check_that(cts_handle(create) != INVALID_HANDLE, "rcOk comes with a handle");
    }
    cts_require_that(count >= CTS_SURELY_ROOM_FOR, "several objects can be alive at once");
}

/* OBJ-03: what the variable holds is no input of Create: a live object's handle in it does not make that
 * object the new one. */
static void create_over_a_live_handle_is_new(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    struct cts_actor *creator = cts_actor_new(link.server_process, "creator");
    Handle first = cts_sync_new(link.server_process);

    struct cts_op *create = cts_start_create_over(creator, first);

    cts_check_returned(create, rcOk);
    cts_check_that(cts_handle(create) != first, "two live objects have different handles");
    cts_set(link.server_process, first);
    check_interrupts(server, link.server, first);
    cts_check_returned(cts_start_recv_ex(server, link.server, 1, cts_handle(create)), rcTimeout);
}

/* CALL-09, RECV-09: one Set interrupts all of 70 threads, or as many as may wait: a library may have room
 * for fewer, and refuse the others at once. */
static void one_set_interrupts_a_crowd(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_process *process =
        self->variant == CALLS ? link.client_process : link.server_process;
    Handle sync = cts_sync_new(process);
    struct cts_op *waits[WAITERS];
    for (int i = 0; i < WAITERS; i++) {
        struct cts_actor *actor = cts_actor_new(process, "waiter");
        waits[i] = self->variant == CALLS
                       ? cts_start_call_ex(actor, link.client, CTS_PLAIN, cts_mdelay(self), sync)
                       : cts_start_recv_ex(actor, link.server, cts_mdelay(self), sync);
        cts_may_lack_room(waits[i]);
    }
    int count = 0;
    cts_settle();
    for (int i = 0; i < WAITERS; i++) {
        if (!cts_returned(waits[i])) {
            waits[count++] = waits[i];
        }
    }
    cts_require_that(count >= CTS_SURELY_ROOM_FOR, "several threads can wait at once");
    if (count < WAITERS) {
        cts_observe("threads that wait at once", "fewer than 70");
    }

    cts_set(process, sync);

    for (int i = 0; i < count; i++) {
        cts_check_returned(waits[i], rcIpcInterrupt);
    }
}

/* OBJ-07: the 256th Set leaves the object set as the second does, the next one too, and one Clear takes
 * them all back. Nothing is called between the first 256, which could begin a count anew. */
static void hundreds_of_sets(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *setter = cts_actor_new(link.server_process, "setter");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    Handle sync = cts_sync_new(link.server_process);

    for (int i = 1; i <= 257; i++) {
        cts_check_returned(cts_start_set(setter, sync), rcOk);
        if (i >= 256) {
            check_interrupts(server, link.server, sync);
        }
    }

    cts_check_returned(cts_start_clear(setter, sync), rcOk);
    cts_check_returned(cts_start_recv_ex(server, link.server, 1, sync), rcTimeout);
}

/* OBJ-03: of 20 threads that wait with an object each, or as many as there may be, Set interrupts the one
 * whose object it is, and each of the others when its own object is set. A Set that tells its waiters by a
 * few bits of a number finds too many. */
static void one_of_many_is_interrupted(const struct cts_case *self)
{
    enum { MANY = 20 };
    struct cts_link link = cts_link_open(self->layout);
    struct cts_process *process =
        self->variant == CALLS ? link.client_process : link.server_process;
    struct cts_actor *creator = cts_actor_new(process, "creator");
    Handle syncs[MANY] = {0};
    struct cts_op *waits[MANY] = {NULL};
    int started = 0;
    while (started < MANY) {
        struct cts_op *create = cts_start_create(creator);
        cts_may_lack_room(create);
        if (cts_wait(create) != rcOk) {
            break;
        }
        struct cts_actor *actor = cts_actor_new(process, "waiter");
        syncs[started] = cts_handle(create);
        waits[started] =
            self->variant == CALLS
                ? cts_start_call_ex(actor, link.client, CTS_PLAIN, cts_mdelay(self), syncs[started])
                : cts_start_recv_ex(actor, link.server, cts_mdelay(self), syncs[started]);
        cts_may_lack_room(waits[started++]);
    }
    cts_settle();
    int count = 0;
    for (int i = 0; i < started; i++) {
        if (!cts_returned(waits[i])) {
            syncs[count] = syncs[i];
            waits[count++] = waits[i];
        }
    }
    cts_require_that(count >= CTS_SURELY_ROOM_FOR, "several threads can wait at once");
    if (count < MANY) {
        cts_observe("threads that wait with an object each", "fewer than 20");
    }

    cts_set(process, syncs[0]);

    cts_check_returned(waits[0], rcIpcInterrupt);
    cts_settle();
    for (int i = 1; i < count; i++) {
        cts_check_that(!cts_returned(waits[i]), "a wait with another object goes on");
    }
    for (int i = 1; i < count; i++) {
        cts_set(process, syncs[i]);
    }
    for (int i = 1; i < count; i++) {
        cts_check_returned(waits[i], rcIpcInterrupt);
    }
}

/* A request that is taken, and who took it. */
struct taken {
    struct cts_actor *server;
    struct cts_op *recv;
    struct cts_op *call;
};

/* One more, or false: how many requests may be taken at once is not written anywhere, so a library may refuse one more
 * receive or call, or let it wait. */
static bool take_one_more(const struct cts_link *link, rtl_uint32_t mdelay, Handle stop,
                          struct taken *taken)
{
    taken->server = cts_actor_new(link->server_process, "server");
    taken->recv = cts_start_recv_ex(taken->server, link->server, mdelay, INVALID_HANDLE);
    cts_may_lack_room(taken->recv);
    taken->call = cts_start_call_ex(cts_actor_new(link->client_process, "client"), link->client,
                                    CTS_PLAIN, INFINITE_TIMEOUT, stop);
    cts_may_lack_room(taken->call);
    return cts_wait(taken->recv) == rcOk;
}

/* CALL-15: of 40 requests that are taken at once, or as many as may be, the last is answered, then the first, and so on,
 * and each call gets its own response. A Reply that finds its caller by a few bits of a number meets another one,
 * whether it looks at the oldest first or at the newest. */
static void each_of_many_is_answered(const struct cts_case *self)
{
    enum { MANY = 40, LONG_ENOUGH_MS = 1000 };
    struct cts_link link = cts_link_open(self->layout);
    Handle stop = cts_sync_new(link.client_process);
    struct taken taken[MANY];
    int count = 0;
    bool is_room = true;
    while (is_room && count < MANY && cts_steps_left((unsigned)count, MANY)) {
        is_room = take_one_more(&link, count == 0 ? INFINITE_TIMEOUT : LONG_ENOUGH_MS, stop,
                                &taken[count]);
        count += is_room;
    }
    if (!is_room) { /* taken calls are not ended by that */
        cts_set(link.client_process, stop);
        cts_wait(taken[count].call);
    }
    if (count < MANY) {
        cts_observe("requests that are taken at once", "fewer than 40");
    }
    cts_require_that(count > 0, "a request is taken");

    for (int first = 0, last = count - 1; first <= last;) {
        const struct taken *next = (count - 1 - last) > first ? &taken[first++] : &taken[last--];
        cts_check_served(next->server, next->recv, next->call);
    }
}

static const struct cts_case cases[] = {
    {"CALL-15.40", "40 requests taken at once are answered from both ends",
     each_of_many_is_answered, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-15.41", "40 requests taken at once are answered from both ends, two processes",
     each_of_many_is_answered, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"OBJ-01.30", "each of 300 live objects has a handle", each_of_hundreds_has_a_handle,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"OBJ-03.10", "Set of the first of 1100 live objects sets no other", one_of_hundreds_is_set,
     CTS_ONE_PROCESS, CTS_UNLIMITED, FIRST, 0},
    {"OBJ-03.11", "Set of the last of 1100 live objects sets no other", one_of_hundreds_is_set,
     CTS_ONE_PROCESS, CTS_UNLIMITED, LAST, 0},
    {"OBJ-03.12", "Create into a variable that holds a live handle makes a new object",
     create_over_a_live_handle_is_new, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"CALL-09.9", "one Set interrupts 70 calls", one_set_interrupts_a_crowd, CTS_ONE_PROCESS,
     CTS_UNLIMITED, CALLS, 0},
    {"CALL-09.10", "one Set interrupts 70 calls, two processes", one_set_interrupts_a_crowd,
     CTS_TWO_PROCESSES, CTS_LIMITED, CALLS, 0},
    {"CALL-09.84", "one Set interrupts 70 calls, limit", one_set_interrupts_a_crowd,
     CTS_ONE_PROCESS, CTS_LIMITED, CALLS, 0},
    {"RECV-09.9", "one Set interrupts 70 receives", one_set_interrupts_a_crowd, CTS_ONE_PROCESS,
     CTS_UNLIMITED, RECVS, 0},
    {"OBJ-07.8", "256 Sets leave the object set, and one Clear clears it", hundreds_of_sets,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 0, 0},
    {"OBJ-03.13", "of 20 calls with an object each, Set interrupts one", one_of_many_is_interrupted,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"OBJ-03.14", "of 20 receives with an object each, Set interrupts one",
     one_of_many_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
};
CTS_GROUP(cts_group_crowd, cases);
