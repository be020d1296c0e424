/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STATE-10: waits outside IPC are not disturbed by Set. A thread that waits for a mutex goes on
 * waiting, a thread that sleeps sleeps its full time; threads of the same process that wait with
 * the object at the same time are interrupted, which shows that Set did act.
 */
#include <cts/cts.h>

/* variant: state of the object, and past of the thread, when the wait outside begins. */
enum { CLEAR_AND_NEW, CLEAR_AND_USED, SET_AND_USED, CLEAR_AND_SERVED };
enum { SLEEP_MS = 120 };

struct scene {
    struct cts_link link;
    struct cts_process *process;
    struct cts_actor *outside; /* waits for something that is not IPC */
    struct cts_actor *inside;  /* waits with the object */
    Handle sync;
};

static struct cts_op *start_call(const struct cts_case *self, const struct scene *scene,
                                 struct cts_actor *actor)
{
    return cts_start_call_ex(actor, scene->link.client, CTS_PLAIN, cts_mdelay(self), scene->sync);
}

static struct scene scene_new(const struct cts_case *self)
{
    struct scene scene = {.link = cts_link_open(self->layout)};
    scene.process = scene.link.client_process;
    scene.outside = cts_actor_new(scene.process, "outside");
    scene.inside = cts_actor_new(scene.process, "inside");
    scene.sync = cts_sync_new(scene.process);
    if (self->variant == CLEAR_AND_SERVED) {
        struct cts_actor *server = cts_actor_new(scene.link.server_process, "server");
        struct cts_op *call = start_call(self, &scene, scene.outside);
        struct cts_op *recv = cts_start_recv(server, scene.link.server);
        cts_require_returned(recv, rcOk);
        cts_check_served(server, recv, call);
    } else if (self->variant != CLEAR_AND_NEW) {
        struct cts_op *call = start_call(self, &scene, scene.outside);
        cts_require_blocked(call);
        cts_set(scene.process, scene.sync);
        cts_require_returned(call, rcIpcInterrupt);
    }
    if (self->variant == CLEAR_AND_USED) {
        cts_clear(scene.process, scene.sync);
    }
    return scene;
}

/* Set while `inside` waits with the object, or enters while it is set. */
static void set_reaches_inside(const struct cts_case *self, const struct scene *scene)
{
    struct cts_op *call = start_call(self, scene, scene->inside);
    if (self->variant != SET_AND_USED) {
        cts_settle();
    }
    cts_set(scene->process, scene->sync);
    cts_require_returned(call, rcIpcInterrupt);
}

/* STATE-10: a thread that waits for a mutex. */
static void mutex_wait_goes_on(const struct cts_case *self)
{
    struct scene scene = scene_new(self);
    struct cts_op *wait = cts_start_mutex_wait(scene.outside);
    cts_require_blocked(wait);

    set_reaches_inside(self, &scene);

    cts_check_blocked(wait);
    cts_release_mutex();
    cts_check_returned(wait, rcOk);
    cts_check_returned(start_call(self, &scene, scene.outside), rcIpcInterrupt);
}

/* STATE-10: a thread that sleeps. */
static void sleep_goes_on(const struct cts_case *self)
{
    struct scene scene = scene_new(self);
    struct cts_op *sleep = cts_start_sleep(scene.outside, SLEEP_MS);
    cts_settle();

    set_reaches_inside(self, &scene);

    cts_check_returned(sleep, rcOk);
    cts_check_returned(start_call(self, &scene, scene.outside), rcIpcInterrupt);
}

/* STATE-10: the thread that sleeps was the last that used the object, and nobody else does. */
static void last_user_sleeps_on(const struct cts_case *self)
{
    struct scene scene = scene_new(self);
    struct cts_op *sleep = cts_start_sleep(scene.outside, SLEEP_MS);
    cts_settle();

    cts_set(scene.process, scene.sync);

    cts_check_returned(sleep, rcOk);
    cts_check_returned(start_call(self, &scene, scene.inside), rcIpcInterrupt);
}

static const struct cts_case cases[] = {
    {"STATE-10.1", "Set leaves a thread waiting for a mutex", mutex_wait_goes_on, CTS_ONE_PROCESS,
     CTS_UNLIMITED, CLEAR_AND_NEW, CTS_SMOKE},
    {"STATE-10.2", "Set leaves a thread waiting for a mutex after it used the object",
     mutex_wait_goes_on, CTS_ONE_PROCESS, CTS_LIMITED, CLEAR_AND_USED, 0},
    {"STATE-10.3", "a thread waits for a mutex while the object is set", mutex_wait_goes_on,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, SET_AND_USED, 0},
    {"STATE-10.7", "a thread waits for a mutex while the object is set, one process",
     mutex_wait_goes_on, CTS_ONE_PROCESS, CTS_UNLIMITED, SET_AND_USED, 0},
    {"STATE-10.4", "Set leaves a sleeping thread asleep", sleep_goes_on, CTS_ONE_PROCESS,
     CTS_UNLIMITED, CLEAR_AND_NEW, CTS_WAITS},
    {"STATE-10.5", "Set leaves a sleeping thread asleep after it used the object", sleep_goes_on,
     CTS_ONE_PROCESS, CTS_LIMITED, CLEAR_AND_USED, CTS_WAITS},
    {"STATE-10.30", "Set leaves a sleeping thread asleep that was served before", sleep_goes_on,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CLEAR_AND_SERVED, CTS_WAITS},
    {"STATE-10.31", "Set leaves a thread waiting for a mutex that was served before",
     mutex_wait_goes_on, CTS_ONE_PROCESS, CTS_LIMITED, CLEAR_AND_SERVED, 0},
    {"STATE-10.32", "Set leaves a sleeping thread asleep that was served, two processes",
     sleep_goes_on, CTS_TWO_PROCESSES, CTS_LIMITED, CLEAR_AND_SERVED, CTS_WAITS},
    {"STATE-10.33", "Set leaves the last user of the object asleep", last_user_sleeps_on,
     CTS_ONE_PROCESS, CTS_LIMITED, CLEAR_AND_USED, CTS_WAITS},
    {"STATE-10.34", "Set leaves the last user of the object asleep, served before",
     last_user_sleeps_on, CTS_ONE_PROCESS, CTS_UNLIMITED, CLEAR_AND_SERVED, CTS_WAITS},
    {"STATE-10.6", "a thread sleeps its full time while the object is set", sleep_goes_on,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, SET_AND_USED, CTS_WAITS},
    {"STATE-10.8", "a thread sleeps its full time while the object is set, one process",
     sleep_goes_on, CTS_ONE_PROCESS, CTS_UNLIMITED, SET_AND_USED, CTS_WAITS},
};
CTS_GROUP(cts_group_state_outside_ipc, cases);
