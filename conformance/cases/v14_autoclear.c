/* SPDX-License-Identifier: Apache-2.0 */
/*
 * V14-01 to V14-04: the object that clears itself after the first interruption, of edition 1.4.
 * The harness skips where the library has no KnIpcCreateSyncObjectEx.
 */
#include <cts/cts.h>

/* variant: the call that waits. */
enum { CALL = 0, RECV = 1, BOTH = 2, WITH_CLEAR = 4 };
enum { WAITERS = 4 };

static const char *const names[WAITERS] = {"waiter 1", "waiter 2", "waiter 3", "waiter 4"};

struct scene {
    struct cts_process *process; /* of the object and the threads that wait */
    struct cts_link calls;
    struct cts_link receives;
    struct cts_actor *waiters[WAITERS];
    struct cts_actor *peer;
    Handle automatic;
    Handle plain;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.calls = cts_link_open(self->layout)};
    s.process = s.calls.client_process;
    s.receives = cts_link_between(s.process, s.calls.server_process);
    for (int i = 0; i < WAITERS; i++) {
        s.waiters[i] = cts_actor_new(s.process, names[i]);
    }
    s.peer = cts_actor_new(s.calls.server_process, "peer");
    s.plain = cts_sync_new(s.process);
    s.automatic = cts_autoclear_new(cts_actor_new(s.process, "creator"));
    return s;
}

/* Does waiter `index` call, or receive? With BOTH they alternate. */
static bool waiter_receives(const struct cts_case *self, int index)
{
    return (self->variant & RECV) != 0 || ((self->variant & BOTH) != 0 && index % 2 == 1);
}

static struct cts_op *start_wait(const struct cts_case *self, const struct scene *s, int index,
                                 Handle sync)
{
    if (waiter_receives(self, index)) {
        return cts_start_recv_ex(s->waiters[index], s->receives.server, cts_mdelay(self), sync);
    }
    return cts_start_call_ex(s->waiters[index], s->calls.client, CTS_PLAIN, cts_mdelay(self), sync);
}

/* Waiter `index`, which waits alone, gets its peer. */
static void check_completes(const struct cts_case *self, const struct scene *s, int index,
                            struct cts_op *wait)
{
    if (waiter_receives(self, index)) {
        struct cts_op *call = cts_start_call(s->peer, s->receives.client, CTS_PLAIN);
        cts_check_returned(wait, rcOk);
        cts_check_served(s->waiters[index], wait, call);
    } else {
        struct cts_op *recv = cts_start_recv(s->peer, s->calls.server);
        cts_check_returned(recv, rcOk);
        cts_check_served(s->peer, recv, wait);
    }
}

/* V14-01: it interrupts the thread that waits, and lets the next call wait; again and again, by the
 * same thread and by another. */
static void interrupts_and_is_clear(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int i = 0; i < WAITERS; i++) {
        int index = i / 2;
        struct cts_op *wait = start_wait(self, &s, index, s.automatic);
        cts_check_blocked(wait);
        cts_set(s.process, s.automatic);
        cts_check_returned(wait, rcIpcInterrupt);
        if (self->variant & WITH_CLEAR) {
            cts_clear(s.process, s.automatic);
        }
    }
    struct cts_op *wait = start_wait(self, &s, 0, s.automatic);
    cts_check_blocked(wait);
    check_completes(self, &s, 0, wait);
}

/* V14-01: a taken CallEx, which was there first, has the object too. It interrupts the thread that waits, and is clear. */
static void interrupts_beside_a_taken_call(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link taken = cts_link_between(s.calls.server_process, s.process);
    struct cts_actor *client = cts_actor_new(s.process, "served client");
    struct cts_actor *server = cts_actor_new(taken.server_process, "server");
    struct cts_op *recv = cts_start_recv(server, taken.server);
    struct cts_op *call =
        cts_start_call_ex(client, taken.client, CTS_PLAIN, cts_mdelay(self), s.automatic);
    cts_require_returned(recv, rcOk);
    struct cts_op *wait = start_wait(self, &s, 0, s.automatic);
    cts_check_blocked(wait);

    cts_set(s.process, s.automatic);

    cts_check_returned(wait, rcIpcInterrupt);
    wait = start_wait(self, &s, 1, s.automatic);
    cts_check_blocked(wait);
    cts_check_served(server, recv, call);
    check_completes(self, &s, 1, wait);
}

/* V14-01: Clear before anybody waits puts it into the non-interrupting state, as every object. */
static void cleared_before_the_call(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    cts_set(s.process, s.automatic);
    cts_clear(s.process, s.automatic);
    struct cts_op *wait = start_wait(self, &s, 0, s.automatic);
    cts_check_blocked(wait);
    cts_set(s.process, s.automatic);
    cts_check_returned(wait, rcIpcInterrupt);
    wait = start_wait(self, &s, 1, s.automatic);
    cts_check_blocked(wait);
    check_completes(self, &s, 1, wait);
}

/* V14-01: Sets do not add up. After three, the first call is interrupted, and the second waits. Where the
 * first one waits (V14-03), a Set that nobody waits for is forgotten, and there is nothing to add up; the
 * Clear is for a thread that looked at the object between our look and the Set. */
static void sets_do_not_add_up(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int i = 0; i < 3; i++) {
        cts_set(s.process, s.automatic);
    }
    struct cts_op *wait = start_wait(self, &s, 0, s.automatic);
    cts_settle();
    bool forgotten = !cts_returned(wait);
    if (forgotten) {
        cts_set(s.process, s.automatic);
    }
    cts_check_returned(wait, rcIpcInterrupt);
    if (forgotten) {
        cts_clear(s.process, s.automatic);
    }

    wait = start_wait(self, &s, 1, s.automatic);

    cts_check_blocked(wait);
    check_completes(self, &s, 1, wait);
}

/* Set, and one at least of those that still wait returns, when it gets to it; gives how many have returned. */
static int set_and_count(const struct scene *s, struct cts_op *const *waits, int count)
{
    struct cts_op *waiting[WAITERS + 1];
    size_t still = 0;
    for (int i = 0; i < count; i++) {
        if (!cts_returned(waits[i])) {
            waiting[still++] = waits[i];
        }
    }
    cts_set(s->process, s->automatic);
    if (still > 0) {
        cts_wait_any(waiting, still);
    }
    cts_settle(); /* others that are woken come back by themselves */
    int returned = 0;
    for (int i = 0; i < count; i++) {
        if (cts_returned(waits[i])) {
            cts_check_that(cts_rc(waits[i]) == rcIpcInterrupt, "those that return are interrupted");
            returned++;
        }
    }
    return returned;
}

/* V14-02: several wait; each Set interrupts one of them or more until all have been, and afterwards
 * the object is clear. */
static void several_wait(const struct cts_case *self)
{
    static const char *const counts[] = {"none", "one", "two", "three", "four"};
    struct scene s = scene_open(self);
    struct cts_op *waits[WAITERS] = {NULL};
    for (int i = 0; i < WAITERS; i++) {
        waits[i] = start_wait(self, &s, i, s.automatic);
        cts_require_blocked(waits[i]);
    }

    int before = 0;
    for (int set = 0; set < WAITERS && before < WAITERS; set++) {
        int count = set_and_count(&s, waits, WAITERS);
        cts_check_that(count > before, "Set interrupts at least one of those that wait");
        if (set == 0) {
            cts_observe("interrupted by the first Set of four that wait", counts[count]);
        }
        before = count;
    }
    cts_check_that(before == WAITERS, "as many Sets as threads interrupt all of them");

    struct cts_op *wait = start_wait(self, &s, 0, s.automatic);
    cts_check_blocked(wait);
    check_completes(self, &s, 0, wait);
}

/* V14-01: several wait; a Set that interrupts one of them or more leaves the object clear for the next call. */
static void clear_after_one_of_several(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *waits[WAITERS + 1] = {NULL};
    for (int i = 0; i < WAITERS; i++) {
        waits[i] = start_wait(self, &s, i, s.automatic);
        cts_require_blocked(waits[i]);
    }

    int returned = set_and_count(&s, waits, WAITERS);

    int first = 0;
    while (!cts_returned(waits[first])) {
        first++;
    }
    waits[WAITERS] = start_wait(self, &s, first, s.automatic);
    cts_check_blocked(waits[WAITERS]);
    for (int set = 0; set < WAITERS && returned <= WAITERS; set++) {
        returned = set_and_count(&s, waits, WAITERS + 1);
    }
    cts_check_that(returned == WAITERS + 1, "as many Sets as threads interrupt all of them");
}

/* V14-03: Set while nobody waits: the first call is interrupted, or waits and obeys a later Set; in
 * both cases the object is clear for the next. */
static void set_before_the_call(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    cts_set(s.process, s.automatic);

    struct cts_op *wait = start_wait(self, &s, 0, s.automatic);

    cts_settle();
    cts_observe("Set on an automatically clearing object while nobody waits",
                cts_returned(wait) ? "stays pending" : "is lost");
    if (!cts_returned(wait)) {
        cts_set(s.process, s.automatic);
    }
    cts_check_returned(wait, rcIpcInterrupt);
    wait = start_wait(self, &s, 1, s.automatic);
    cts_check_blocked(wait);
    cts_set(s.process, s.automatic);
    cts_check_returned(wait, rcIpcInterrupt);
}

/* V14-04: beside it, an object made by the plain function stays set until Clear. */
static void plain_object_stays_set(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *wait = start_wait(self, &s, 0, s.plain);
    cts_require_blocked(wait);
    cts_set(s.process, s.plain);
    cts_check_returned(wait, rcIpcInterrupt);
    for (int i = 0; i < WAITERS; i++) {
        cts_check_returned(start_wait(self, &s, i, s.plain), rcIpcInterrupt);
    }
    struct cts_op *other = start_wait(self, &s, 1, s.automatic);
    cts_check_blocked(other);
    cts_check_returned(start_wait(self, &s, 0, s.plain), rcIpcInterrupt);
    cts_set(s.process, s.automatic);
    cts_check_returned(other, rcIpcInterrupt);
    cts_check_returned(start_wait(self, &s, 2, s.plain), rcIpcInterrupt);

    cts_clear(s.process, s.plain);
    wait = start_wait(self, &s, 0, s.plain);
    cts_check_blocked(wait);
    check_completes(self, &s, 0, wait);
}

enum { ROUNDS = 3, OBJECTS = 3 };

static Handle create_one(struct cts_actor *owner, bool automatic)
{
    if (automatic) {
        return cts_autoclear_new(owner);
    }
    struct cts_op *create = cts_start_create(owner);
    cts_require_returned(create, rcOk);
    return cts_handle(create);
}

/* Objects of one kind are made and closed: one that is untouched, one that is set, and one that has
 * interrupted. */
static void make_and_close(const struct cts_case *self, const struct scene *s,
                           struct cts_actor *owner, bool automatic)
{
    Handle objects[OBJECTS];
    for (int i = 0; i < OBJECTS; i++) {
        objects[i] = create_one(owner, automatic);
    }
    cts_set(s->process, objects[1]);
    struct cts_op *wait = start_wait(self, s, 0, objects[2]);
    cts_require_blocked(wait);
    cts_set(s->process, objects[2]);
    cts_require_returned(wait, rcIpcInterrupt);
    for (int i = 0; i < OBJECTS; i++) {
        cts_close(s->process, objects[i]);
    }
}

/* V14-04: a plain object that is made after automatic ones were closed stays set until Clear. */
static void plain_after_automatic_ones(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *owner = cts_actor_new(s.process, "owner");
    for (int round = 0; round < ROUNDS; round++) {
        make_and_close(self, &s, owner, true);
        Handle objects[OBJECTS];
        for (int i = 0; i < OBJECTS; i++) {
            objects[i] = create_one(owner, false);
        }

        for (int i = 0; i < OBJECTS; i++) {
            cts_set(s.process, objects[i]);
            cts_check_returned(start_wait(self, &s, 0, objects[i]), rcIpcInterrupt);
            cts_check_returned(start_wait(self, &s, 1, objects[i]), rcIpcInterrupt);
            cts_close(s.process, objects[i]);
        }
    }
}

/* V14-01: an automatic object that is made after plain ones were closed clears itself. */
static void automatic_after_plain_ones(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *owner = cts_actor_new(s.process, "owner");
    make_and_close(self, &s, owner, false);
    Handle objects[OBJECTS];
    for (int i = 0; i < OBJECTS; i++) {
        objects[i] = create_one(owner, true);
    }

    for (int i = 0; i < OBJECTS; i++) {
        struct cts_op *wait = start_wait(self, &s, 0, objects[i]);
        cts_check_blocked(wait);
        cts_set(s.process, objects[i]);
        cts_check_returned(wait, rcIpcInterrupt);
        wait = start_wait(self, &s, 1, objects[i]);
        cts_check_blocked(wait);
        check_completes(self, &s, 1, wait);
    }
}

static const struct cts_case cases[] = {
    {"V14-01.1", "it interrupts a CallEx and is clear", interrupts_and_is_clear, CTS_ONE_PROCESS,
     CTS_UNLIMITED, CALL, 0},
    {"V14-01.2", "it interrupts a RecvEx and is clear", interrupts_and_is_clear, CTS_ONE_PROCESS,
     CTS_LIMITED, RECV, 0},
    {"V14-01.3", "it interrupts both kinds in turn and is clear, two processes",
     interrupts_and_is_clear, CTS_TWO_PROCESSES, CTS_UNLIMITED, BOTH, 0},
    {"V14-01.9", "it interrupts both kinds in turn and is clear", interrupts_and_is_clear,
     CTS_ONE_PROCESS, CTS_UNLIMITED, BOTH, 0},
    {"V14-01.4", "Clear after it has cleared itself changes nothing", interrupts_and_is_clear,
     CTS_ONE_PROCESS, CTS_LIMITED, BOTH | WITH_CLEAR, 0},
    {"V14-01.5", "Set, Clear before a CallEx: it waits", cleared_before_the_call, CTS_ONE_PROCESS,
     CTS_UNLIMITED, CALL, 0},
    {"V14-01.6", "Set, Clear before a RecvEx: it waits", cleared_before_the_call, CTS_ONE_PROCESS,
     CTS_LIMITED, RECV, 0},
    {"V14-01.7", "three Sets before a CallEx interrupt once", sets_do_not_add_up, CTS_ONE_PROCESS,
     CTS_UNLIMITED, CALL, 0},
    {"V14-01.8", "three Sets before a RecvEx interrupt once, two processes", sets_do_not_add_up,
     CTS_TWO_PROCESSES, CTS_LIMITED, RECV, 0},
    {"V14-01.10", "three Sets before a RecvEx interrupt once", sets_do_not_add_up, CTS_ONE_PROCESS,
     CTS_LIMITED, RECV, 0},
    {"V14-01.20", "an automatic object is clear after it interrupted some of several CallEx",
     clear_after_one_of_several, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"V14-01.21", "an automatic object is clear after it interrupted some of several, both kinds",
     clear_after_one_of_several, CTS_ONE_PROCESS, CTS_LIMITED, BOTH, 0},
    {"V14-01.40", "an automatic object interrupts a CallEx beside a taken one",
     interrupts_beside_a_taken_call, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"V14-01.41", "an automatic object interrupts a RecvEx beside a taken CallEx, two processes",
     interrupts_beside_a_taken_call, CTS_TWO_PROCESSES, CTS_LIMITED, RECV, 0},
    {"V14-01.42", "an automatic object interrupts a RecvEx beside a taken CallEx, limit",
     interrupts_beside_a_taken_call, CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
    {"V14-01.11", "after plain objects were closed an automatic one clears itself, CallEx",
     automatic_after_plain_ones, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"V14-01.12", "after plain objects were closed an automatic one clears itself, RecvEx, limit",
     automatic_after_plain_ones, CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
    {"V14-02.1", "several CallEx wait", several_wait, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"V14-02.2", "several RecvEx wait", several_wait, CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
    {"V14-02.3", "both kinds wait, two processes", several_wait, CTS_TWO_PROCESSES, CTS_UNLIMITED,
     BOTH, 0},
    {"V14-02.4", "both kinds wait", several_wait, CTS_ONE_PROCESS, CTS_UNLIMITED, BOTH, 0},
    {"V14-03.1", "Set before a CallEx", set_before_the_call, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL,
     0},
    {"V14-03.2", "Set before a RecvEx", set_before_the_call, CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
    {"V14-04.1", "the plain object stays set, CallEx", plain_object_stays_set, CTS_ONE_PROCESS,
     CTS_UNLIMITED, CALL, 0},
    {"V14-04.2", "the plain object stays set, RecvEx", plain_object_stays_set, CTS_ONE_PROCESS,
     CTS_LIMITED, RECV, 0},
    {"V14-04.3", "the plain object stays set, both kinds, two processes", plain_object_stays_set,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, BOTH, 0},
    {"V14-04.4", "the plain object stays set, both kinds", plain_object_stays_set, CTS_ONE_PROCESS,
     CTS_UNLIMITED, BOTH, 0},
    {"V14-04.5", "a plain object made after automatic ones were closed stays set, CallEx",
     plain_after_automatic_ones, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"V14-04.6", "a plain object made after automatic ones were closed stays set, RecvEx, limit",
     plain_after_automatic_ones, CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
    {"V14-04.7", "a plain object made after automatic ones were closed stays set, two processes",
     plain_after_automatic_ones, CTS_TWO_PROCESSES, CTS_UNLIMITED, BOTH, 0},
};
CTS_GROUP(cts_group_v14_autoclear, cases);
