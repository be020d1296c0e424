/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OBJ-03: objects alive at the same time in one process have different handles and are independent.
 * Every pair is told apart through each of the things an object does: naming, Set, Clear, Close.
 */
#include <cts/cts.h>

enum { CALLS = 0, RECVS = 1 };
enum { OBJECTS = 5, NAMED = 64 };

static void check_all_different(const Handle *syncs, int count)
{
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < i; k++) {
            if (syncs[i] == syncs[k]) {
                cts_check_that(false, "two live objects have different handles");
            }
        }
    }
    cts_check_that(true, "all live objects have different handles");
}

/* OBJ-03: all handles of 64 objects differ, or of as many as there may be (OBJ-16). Every third object
 * is closed and made anew, so that freed places are used again. variant: number of creating threads. */
static void handles_are_different(const struct cts_case *self)
{
    struct cts_process *process = cts_process_first();
    struct cts_actor *creators[4] = {NULL};
    for (int i = 0; i < self->variant; i++) {
        creators[i] = cts_actor_new(process, "creator");
    }
    Handle syncs[NAMED];
    int count = 0;
    while (count < NAMED) {
        struct cts_op *create = cts_start_create(creators[count % self->variant]);
        cts_may_lack_room(create);
        if (cts_wait(create) != rcOk) {
            cts_observe("objects alive at once", "fewer than 64");
            break;
        }
        syncs[count++] = cts_handle(create);
    }
    cts_require_that(count >= CTS_SURELY_ROOM_FOR, "several objects can be alive at once");
    check_all_different(syncs, count);
    for (int i = 0; i < count; i += 3) {
        cts_close(process, syncs[i]);
    }
    for (int i = 0; i < count; i += 3) {
        struct cts_op *create = cts_start_create(creators[i % self->variant]);
        cts_require_returned(create, rcOk);
        syncs[i] = cts_handle(create);
    }

    check_all_different(syncs, count);
}

/* The waits of one case: five threads, each with an object of its own, on one channel. */
struct five {
    struct cts_link link;
    struct cts_process *process;
    struct cts_actor *actors[OBJECTS];
    Handle syncs[OBJECTS];
    struct cts_op *waits[OBJECTS];
};

static struct cts_op *start_wait(const struct cts_case *self, const struct five *five, int i)
{
    if (self->variant == CALLS) {
        return cts_start_call_ex(five->actors[i], five->link.client, CTS_PLAIN, cts_mdelay(self),
                                 five->syncs[i]);
    }
    return cts_start_recv_ex(five->actors[i], five->link.server, cts_mdelay(self), five->syncs[i]);
}

static struct five five_objects(const struct cts_case *self)
{
    struct five five = {.link = cts_link_open(self->layout)};
    five.process = self->variant == CALLS ? five.link.client_process : five.link.server_process;
    for (int i = 0; i < OBJECTS; i++) {
        five.actors[i] = cts_actor_new(five.process, self->variant == CALLS ? "client" : "server");
        five.syncs[i] = cts_sync_new(five.process);
    }
    return five;
}

/* OBJ-03: each Set interrupts the wait with its own object and no other, in the middle first. */
static void set_reaches_its_own_object_only(const struct cts_case *self)
{
    static const int order[OBJECTS] = {2, 0, 4, 3, 1};
    struct five five = five_objects(self);
    for (int i = 0; i < OBJECTS; i++) {
        five.waits[i] = start_wait(self, &five, i);
        cts_require_blocked(five.waits[i]);
    }

    for (int done = 0; done < OBJECTS; done++) {
        cts_set(five.process, five.syncs[order[done]]);

        cts_check_returned(five.waits[order[done]], rcIpcInterrupt);
        for (int rest = done + 1; rest < OBJECTS; rest++) {
            cts_check_blocked(five.waits[order[rest]]);
        }
    }
}

/* OBJ-03: all are set, then one is cleared: only waits with that one wait again. */
static void clear_reaches_its_own_object_only(const struct cts_case *self)
{
    enum { CLEARED = 1 };
    struct five five = five_objects(self);
    for (int i = 0; i < OBJECTS; i++) {
        cts_set(five.process, five.syncs[i]);
    }

    cts_clear(five.process, five.syncs[CLEARED]);

    for (int i = 0; i < OBJECTS; i++) {
        five.waits[i] = start_wait(self, &five, i);
        if (i == CLEARED) {
            cts_check_blocked(five.waits[i]);
        } else {
            cts_check_returned(five.waits[i], rcIpcInterrupt);
        }
    }
    cts_check_blocked(five.waits[CLEARED]);
    cts_set(five.process, five.syncs[CLEARED]);
    cts_check_returned(five.waits[CLEARED], rcIpcInterrupt);
}

/* OBJ-03: Close of set objects neither wakes nor breaks the waits with the others. */
static void close_reaches_its_own_object_only(const struct cts_case *self)
{
    struct five five = five_objects(self);
    cts_set(five.process, five.syncs[0]);
    cts_set(five.process, five.syncs[4]);
    for (int i = 1; i < 4; i++) {
        five.waits[i] = start_wait(self, &five, i);
        cts_require_blocked(five.waits[i]);
    }

    cts_close(five.process, five.syncs[0]);
    cts_close(five.process, five.syncs[4]);

    for (int i = 1; i < 4; i++) {
        cts_check_blocked(five.waits[i]);
    }
    for (int i = 1; i < 4; i++) {
        cts_set(five.process, five.syncs[i]);
        cts_check_returned(five.waits[i], rcIpcInterrupt);
    }
}

static const struct cts_case cases[] = {
    {"OBJ-03.1", "64 live objects have 64 handles", handles_are_different, CTS_ONE_PROCESS,
     CTS_UNLIMITED, 1, CTS_SMOKE},
    {"OBJ-03.2", "64 live objects of four threads have 64 handles", handles_are_different,
     CTS_ONE_PROCESS, CTS_UNLIMITED, 4, 0},
    {"OBJ-03.3", "Set interrupts the queued CallEx with its own object only",
     set_reaches_its_own_object_only, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, CTS_SMOKE},
    {"OBJ-03.4", "Set interrupts the waiting RecvEx with its own object only",
     set_reaches_its_own_object_only, CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS, CTS_SMOKE},
    {"OBJ-03.5", "Set interrupts the queued CallEx with its own object only, two processes",
     set_reaches_its_own_object_only, CTS_TWO_PROCESSES, CTS_LIMITED, CALLS, 0},
    {"OBJ-03.17", "Set interrupts the queued CallEx with its own object only, limit",
     set_reaches_its_own_object_only, CTS_ONE_PROCESS, CTS_LIMITED, CALLS, 0},
    {"OBJ-03.6", "Clear ends the effect of its own object only, CallEx",
     clear_reaches_its_own_object_only, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, CTS_SMOKE},
    {"OBJ-03.7", "Clear ends the effect of its own object only, RecvEx",
     clear_reaches_its_own_object_only, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
    {"OBJ-03.8", "Close of set objects leaves the others alone, CallEx",
     close_reaches_its_own_object_only, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"OBJ-03.9", "Close of set objects leaves the others alone, RecvEx",
     close_reaches_its_own_object_only, CTS_TWO_PROCESSES, CTS_UNLIMITED, RECVS, 0},
    {"OBJ-03.16", "Close of set objects leaves the others alone, RecvEx, one process",
     close_reaches_its_own_object_only, CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS, 0},
};
CTS_GROUP(cts_group_obj_independent, cases);
