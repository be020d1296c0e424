/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STATE-08 and STATE-09: Set and Clear have taken effect when they return. Nothing lies between the
 * return of one call and the entry of the next; in particular nobody waits for rest in between.
 */
#include <cts/cts.h>

/* variant: kind of the Ex calls, and who makes them. */
enum { CALLS = 0, RECVS = 1, SAME_THREAD = 2 };
enum { TIMES = 5, MANY_TIMES = 60, OBJECTS = 3 };

/* A thread that uses objects, a thread that changes them, and the other end of the channel. */
struct scene {
    struct cts_link link;
    struct cts_process *process;
    struct cts_actor *user;
    struct cts_actor *changer; /* may be the user */
    struct cts_actor *peer;
    Handle syncs[OBJECTS];
};

static struct scene scene_new(const struct cts_case *self)
{
    struct scene scene = {.link = cts_link_open(self->layout)};
    bool calls = (self->variant & RECVS) == 0;
    scene.process = calls ? scene.link.client_process : scene.link.server_process;
    scene.user = cts_actor_new(scene.process, "user");
    scene.changer =
        self->variant & SAME_THREAD ? scene.user : cts_actor_new(scene.process, "changer");
    scene.peer =
        cts_actor_new(calls ? scene.link.server_process : scene.link.client_process, "peer");
    for (int i = 0; i < OBJECTS; i++) {
        scene.syncs[i] = cts_sync_new(scene.process);
    }
    return scene;
}

static struct cts_op *start_use(const struct cts_case *self, const struct scene *scene, Handle sync)
{
    if (self->variant & RECVS) {
        return cts_start_recv_ex(scene->user, scene->link.server, cts_mdelay(self), sync);
    }
    return cts_start_call_ex(scene->user, scene->link.client, CTS_PLAIN, cts_mdelay(self), sync);
}

static void change_state(const struct scene *scene, Handle sync, bool set)
{
    struct cts_op *change =
        set ? cts_start_set(scene->changer, sync) : cts_start_clear(scene->changer, sync);
    cts_require_returned(change, rcOk);
}

/* The peer comes and the call completes with rcOk, whether it waits already or not. */
static void check_completes(const struct cts_case *self, const struct scene *scene,
                            struct cts_op *use)
{
    if (self->variant & RECVS) {
        struct cts_op *call = cts_start_call(scene->peer, scene->link.client, CTS_PLAIN);
        cts_check_returned(use, rcOk);
        cts_check_served(scene->user, use, call);
    } else {
        struct cts_op *recv = cts_start_recv(scene->peer, scene->link.server);
        cts_check_returned(recv, rcOk);
        cts_check_served(scene->peer, recv, use);
    }
}

/* STATE-08: an Ex call entered after Set returned, and before Clear, never waits. */
static void set_has_taken_effect(const struct cts_case *self)
{
    struct scene scene = scene_new(self);

    for (int i = 0; i < MANY_TIMES; i++) {
        Handle sync = scene.syncs[i % OBJECTS];
        change_state(&scene, sync, true);
        cts_check_returned(start_use(self, &scene, sync), rcIpcInterrupt);
        change_state(&scene, sync, false);
    }
}

/* STATE-08: the same where a Clear, and a wait that was interrupted, come directly before. */
static void set_has_taken_effect_after_waits(const struct cts_case *self)
{
    struct scene scene = scene_new(self);
    struct cts_actor *changer = cts_actor_new(scene.process, "other changer");

    for (int i = 0; i < TIMES; i++) {
        Handle sync = scene.syncs[i % OBJECTS];
        struct cts_op *wait = start_use(self, &scene, sync);
        cts_require_blocked(wait);
        cts_require_returned(cts_start_set(changer, sync), rcOk);
        cts_require_returned(wait, rcIpcInterrupt);
        change_state(&scene, sync, false);
        change_state(&scene, sync, true);
        cts_check_returned(start_use(self, &scene, sync), rcIpcInterrupt);
        change_state(&scene, sync, false);
    }
}

/* STATE-09: an Ex call entered after Clear returned, and before the next Set, is never interrupted,
 * and waits if its peer is not there. */
static void clear_has_taken_effect(const struct cts_case *self)
{
    struct scene scene = scene_new(self);

    for (int i = 0; i < TIMES; i++) {
        Handle sync = scene.syncs[i % OBJECTS];
        change_state(&scene, sync, true);
        change_state(&scene, sync, false);
        struct cts_op *use = start_use(self, &scene, sync);
        cts_check_blocked(use);
        check_completes(self, &scene, use);
    }
}

/* STATE-09: many times, and without looking whether the call waits: it must complete. The other
 * objects are set all the while. */
static void clear_has_taken_effect_many_times(const struct cts_case *self)
{
    struct scene scene = scene_new(self);
    change_state(&scene, scene.syncs[1], true);
    change_state(&scene, scene.syncs[2], true);

    for (int i = 0; i < MANY_TIMES; i++) {
        change_state(&scene, scene.syncs[0], true);
        if (i % 3 == 0) {
            cts_require_returned(start_use(self, &scene, scene.syncs[0]), rcIpcInterrupt);
        }
        change_state(&scene, scene.syncs[0], false);
        check_completes(self, &scene, start_use(self, &scene, scene.syncs[0]));
    }
}

/* STATE-09: a thread of both ends. Its wait of one kind was interrupted; after Clear its wait of the other kind, with
 * the same object, goes on until its peer comes. variant: the second kind. */
static void the_other_kind_waits_after_an_interruption(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *user = cts_actor_new(link.client_process, "user");
    struct cts_actor *peer = cts_actor_new(link.client_process, "peer");
    struct cts_actor *changer = cts_actor_new(link.client_process, "changer");
    Handle sync = cts_sync_new(link.client_process);

    for (int i = 0; i < TIMES; i++) {
        struct cts_op *first =
            self->variant == RECVS
                ? cts_start_call_ex(user, link.client, CTS_PLAIN, cts_mdelay(self), sync)
                : cts_start_recv_ex(user, link.server, cts_mdelay(self), sync);
        cts_require_blocked(first);
        cts_require_returned(cts_start_set(changer, sync), rcOk);
        cts_require_returned(first, rcIpcInterrupt);
        cts_require_returned(cts_start_clear(changer, sync), rcOk);

        struct cts_op *second =
            self->variant == RECVS
                ? cts_start_recv_ex(user, link.server, cts_mdelay(self), sync)
                : cts_start_call_ex(user, link.client, CTS_PLAIN, cts_mdelay(self), sync);

        cts_check_blocked(second);
        if (self->variant == RECVS) {
            struct cts_op *call = cts_start_call(peer, link.client, CTS_PLAIN);
            cts_check_returned(second, rcOk);
            cts_check_served(user, second, call);
        } else {
            struct cts_op *recv = cts_start_recv(peer, link.server);
            cts_check_returned(recv, rcOk);
            cts_check_served(peer, recv, second);
        }
    }
}

/* STATE-08: so it is for a second thread while the one that Set interrupts has not come to itself yet. A library may
 * keep Set back until it has; then the second waits meanwhile, and Set ends that wait too. */
static void set_beside_a_held_waiter(const struct cts_case *self)
{
    struct scene scene = scene_new(self);
    Handle sync = scene.syncs[0];
    struct cts_actor *second = cts_actor_new(scene.process, "second user");
    struct cts_link other = cts_link_between(scene.link.server_process, scene.link.client_process);
    struct cts_op *held = start_use(self, &scene, sync);
    cts_require_blocked(held);
    cts_freeze(scene.user);
    struct cts_op *set = cts_start_set(scene.changer, sync);
    cts_settle();
    struct cts_op *use =
        self->variant & RECVS
            ? cts_start_recv_ex(second, other.server, cts_mdelay(self), sync)
            : cts_start_call_ex(second, other.client, CTS_PLAIN, cts_mdelay(self), sync);
    cts_settle();
    cts_thaw(scene.user);

    cts_require_returned(set, rcOk);
    cts_check_returned(held, rcIpcInterrupt);
    cts_check_returned(use, rcIpcInterrupt);
    cts_clear(scene.process, sync);
    check_completes(self, &scene, start_use(self, &scene, sync));
}

static const struct cts_case cases[] = {
    {"STATE-08.1", "CallEx by another thread right after Set is interrupted", set_has_taken_effect,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, CTS_SMOKE},
    {"STATE-08.2", "RecvEx by another thread right after Set is interrupted", set_has_taken_effect,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS, CTS_FREE_RUNNING},
    {"STATE-08.3", "CallEx by the same thread right after Set is interrupted", set_has_taken_effect,
     CTS_ONE_PROCESS, CTS_LIMITED, CALLS | SAME_THREAD, 0},
    {"STATE-08.4", "RecvEx by the same thread right after Set is interrupted", set_has_taken_effect,
     CTS_TWO_PROCESSES, CTS_LIMITED, RECVS | SAME_THREAD, CTS_SMOKE},
    {"STATE-08.7", "RecvEx by the same thread right after Set is interrupted, one process",
     set_has_taken_effect, CTS_ONE_PROCESS, CTS_LIMITED, RECVS | SAME_THREAD, 0},
    {"STATE-08.5", "CallEx right after Clear and Set is interrupted",
     set_has_taken_effect_after_waits, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"STATE-08.6", "RecvEx right after Clear and Set is interrupted",
     set_has_taken_effect_after_waits, CTS_ONE_PROCESS, CTS_LIMITED, RECVS | SAME_THREAD, 0},
    {"STATE-08.120", "CallEx is interrupted beside one that is held after Set",
     set_beside_a_held_waiter, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"STATE-08.121", "RecvEx is interrupted beside one that is held after Set, two processes",
     set_beside_a_held_waiter, CTS_TWO_PROCESSES, CTS_LIMITED, RECVS, 0},
    {"STATE-08.122", "RecvEx is interrupted beside one that is held after Set",
     set_beside_a_held_waiter, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
    {"STATE-09.1", "CallEx by another thread right after Clear waits", clear_has_taken_effect,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, CTS_SMOKE},
    {"STATE-09.2", "RecvEx by another thread right after Clear waits", clear_has_taken_effect,
     CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
    {"STATE-09.3", "CallEx by the same thread right after Clear waits", clear_has_taken_effect,
     CTS_ONE_PROCESS, CTS_LIMITED, CALLS | SAME_THREAD, 0},
    {"STATE-09.4", "RecvEx by the same thread right after Clear waits, two processes",
     clear_has_taken_effect, CTS_TWO_PROCESSES, CTS_UNLIMITED, RECVS | SAME_THREAD, 0},
    {"STATE-09.7", "RecvEx by the same thread right after Clear waits", clear_has_taken_effect,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS | SAME_THREAD, 0},
    {"STATE-09.5", "CallEx right after Clear completes, 60 times",
     clear_has_taken_effect_many_times, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, CTS_FREE_RUNNING},
    {"STATE-09.6", "RecvEx right after Clear completes, 60 times",
     clear_has_taken_effect_many_times, CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS | SAME_THREAD,
     CTS_FREE_RUNNING | CTS_SMOKE},
    {"STATE-09.13", "RecvEx after Clear waits, the CallEx of the thread before was interrupted",
     the_other_kind_waits_after_an_interruption, CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS, 0},
    {"STATE-09.14", "CallEx after Clear waits, the RecvEx of the thread before was interrupted",
     the_other_kind_waits_after_an_interruption, CTS_ONE_PROCESS, CTS_LIMITED, CALLS, 0},
};
CTS_GROUP(cts_group_state_immediate, cases);
