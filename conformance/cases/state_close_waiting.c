/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STATE-07: Close of the object while threads wait with it. The documents are silent: the threads
 * may go on waiting or return an error, and Close may refuse. What must hold: nothing crashes, no
 * call hangs beyond its limit or its peer's coming, and nobody else is disturbed.
 */
#include <cts/cts.h>

/* variant: kinds of the waits. */
enum { CALLS = 1, RECVS = 2 };
enum { WAITERS = 2, SHORT_MS = 200 };

/* Threads that wait with the object to be closed, and one of each kind that waits with another. */
struct scene {
    struct cts_link calls;
    struct cts_link receives;
    struct cts_process *process;
    struct cts_actor *closer;
    struct cts_actor *peer;
    Handle closed;
    Handle other;
    struct cts_op *closed_calls[WAITERS];
    struct cts_actor *closed_servers[WAITERS];
    struct cts_op *closed_recvs[WAITERS];
    struct cts_op *other_call;
    struct cts_op *other_recv;
};

static struct scene scene_new(const struct cts_case *self)
{
    struct scene scene = {.calls = cts_link_open(self->layout)};
    scene.process = scene.calls.client_process;
    scene.receives = cts_link_between(scene.process, scene.calls.server_process);
    scene.closer = cts_actor_new(scene.process, "closer");
    scene.peer = cts_actor_new(scene.calls.server_process, "peer");
    scene.closed = cts_sync_new(scene.process);
    scene.other = cts_sync_new(scene.process);
    return scene;
}

static void scene_wait(const struct cts_case *self, struct scene *scene)
{
    for (int i = 0; i < WAITERS; i++) {
        if (self->variant & CALLS) {
            scene->closed_calls[i] =
                cts_start_call_ex(cts_actor_new(scene->process, "client"), scene->calls.client,
                                  CTS_PLAIN, cts_mdelay(self), scene->closed);
            cts_require_blocked(scene->closed_calls[i]);
        }
        if (self->variant & RECVS) {
            scene->closed_servers[i] = cts_actor_new(scene->process, "server");
            scene->closed_recvs[i] = cts_start_recv_ex(
                scene->closed_servers[i], scene->receives.server, cts_mdelay(self), scene->closed);
            cts_require_blocked(scene->closed_recvs[i]);
        }
    }
    scene->other_call =
        cts_start_call_ex(cts_actor_new(scene->process, "other client"), scene->calls.client,
                          CTS_PLAIN, cts_mdelay(self), scene->other);
    scene->other_recv = cts_start_recv_ex(cts_actor_new(scene->process, "other server"),
                                          scene->receives.server, cts_mdelay(self), scene->other);
    cts_require_blocked(scene->other_call);
    cts_require_blocked(scene->other_recv);
}

/* Record which waits have returned, and how. */
static void check_still_waiting(struct cts_op *const *waits, const char *what)
{
    for (int i = 0; i < WAITERS && waits[i] != NULL; i++) {
        if (!cts_returned(waits[i])) {
            cts_observe(what, "goes on waiting");
        } else {
            cts_check_that(cts_rc(waits[i]) != rcOk, "no wait succeeds without a peer");
            cts_observe(what, cts_rc_name(cts_rc(waits[i])));
        }
    }
}

static size_t those_waiting(struct cts_op *const *waits, struct cts_op **waiting)
{
    size_t count = 0;
    for (int i = 0; i < WAITERS && waits[i] != NULL; i++) {
        if (!cts_returned(waits[i])) {
            waiting[count++] = waits[i];
        }
    }
    return count;
}

static void check_answered(const struct scene *scene, struct cts_op *recv)
{
    cts_check_returned(recv, rcOk);
    cts_check_returned(cts_start_reply(scene->peer, recv, CTS_PLAIN), rcOk);
}

/* Those that went on waiting complete when their peer comes, or end when they next look at their object. */
static void release_calls(const struct scene *scene)
{
    struct cts_op *waiting[WAITERS + 1];
    struct cts_actor *spare = cts_actor_new(scene->process, "spare client");
    for (size_t count; (count = those_waiting(scene->closed_calls, waiting)) > 0;) {
        struct cts_op *recv = cts_start_recv(scene->peer, scene->calls.server);
        waiting[count] = recv;
        cts_wait_any(waiting, count + 1);
        if (!cts_returned(recv)) {
            struct cts_op *call = cts_start_call(spare, scene->calls.client, CTS_PLAIN);
            check_answered(scene, recv);
            if (cts_request(recv) != cts_request(call)) {
                check_answered(scene, cts_start_recv(scene->peer, scene->calls.server));
            }
            cts_check_returned(call, rcOk);
        } else {
            check_answered(scene, recv);
        }
        cts_settle();
    }
}

/* Which of those that still wait gets the request; -1: none, and all have ended. */
static int wait_for_taker(struct cts_op *const *recvs, const struct cts_op *call)
{
    for (;;) {
        struct cts_op *waiting[WAITERS];
        int count = 0;
        for (int k = 0; k < WAITERS; k++) {
            if (!cts_returned(recvs[k])) {
                waiting[count++] = recvs[k];
            } else if (cts_rc(recvs[k]) == rcOk && cts_request(recvs[k]) == cts_request(call)) {
                return k;
            }
        }
        if (count == 0) {
            return -1;
        }
        cts_wait_any(waiting, (size_t)count);
    }
}

static void release_recvs(const struct scene *scene)
{
    struct cts_op *waiting[WAITERS];
    while (those_waiting(scene->closed_recvs, waiting) > 0) {
        struct cts_op *call = cts_start_call(scene->peer, scene->receives.client, CTS_PLAIN);
        int taker = wait_for_taker(scene->closed_recvs, call);
        struct cts_op *recv =
            taker >= 0 ? scene->closed_recvs[taker]
                       : cts_start_recv(scene->closed_servers[0], scene->receives.server);
        cts_check_returned(recv, rcOk);
        cts_check_served(scene->closed_servers[taker >= 0 ? taker : 0], recv, call);
        cts_settle();
    }
}

/* STATE-07: Close, then the other threads are looked at, then everybody is released. */
static void close_disturbs_nobody_else(const struct cts_case *self)
{
    struct scene scene = scene_new(self);
    scene_wait(self, &scene);

    struct cts_op *close = cts_start_close(scene.closer, scene.closed);
    cts_observe("Close of an object in use", cts_rc_name(cts_wait(close)));

    cts_check_blocked(scene.other_call);
    cts_check_blocked(scene.other_recv);
    check_still_waiting(scene.closed_calls, "CallEx whose object is closed");
    check_still_waiting(scene.closed_recvs, "RecvEx whose object is closed");
    cts_set(scene.process, scene.other);
    cts_check_returned(scene.other_call, rcIpcInterrupt);
    cts_check_returned(scene.other_recv, rcIpcInterrupt);

    release_calls(&scene);
    release_recvs(&scene);
}

/* STATE-07: a wait with a limit ends by its limit at the latest. No preparation looks at the time:
 * should the limit pass before Close, nothing is lost but the point of the case. */
static void wait_with_limit_ends(const struct cts_case *self)
{
    struct scene scene = scene_new(self);
    struct cts_actor *waiter = cts_actor_new(scene.process, "waiter");
    struct cts_op *wait =
        self->variant == CALLS
            ? cts_start_call_ex(waiter, scene.calls.client, CTS_PLAIN, SHORT_MS, scene.closed)
            : cts_start_recv_ex(waiter, scene.receives.server, SHORT_MS, scene.closed);
    cts_settle();

    struct cts_op *close = cts_start_close(scene.closer, scene.closed);
    cts_observe("Close of an object in use", cts_rc_name(cts_wait(close)));

    Retcode rc = cts_wait(wait);
    cts_check_that(rc != rcOk, "the wait ends without success");
    cts_observe("wait whose object is closed", cts_rc_name(rc));
    cts_check_exchange(waiter, scene.calls.client, scene.peer, scene.calls.server);
    cts_check_exchange(scene.peer, scene.receives.client, waiter, scene.receives.server);
}

/* STATE-07: the object of a call that a server holds is closed. The call ends with the Reply at the
 * latest, and the channel goes on working. */
static void taken_call_ends(const struct cts_case *self)
{
    struct scene scene = scene_new(self);
    struct cts_actor *client = cts_actor_new(scene.process, "client");
    struct cts_op *recv = cts_start_recv(scene.peer, scene.calls.server);
    cts_require_blocked(recv);
    struct cts_op *call =
        cts_start_call_ex(client, scene.calls.client, CTS_PLAIN, cts_mdelay(self), scene.closed);
    cts_require_returned(recv, rcOk);

    struct cts_op *close = cts_start_close(scene.closer, scene.closed);
    cts_observe("Close of the object of a taken call", cts_rc_name(cts_wait(close)));
    struct cts_op *reply = cts_start_reply(scene.peer, recv, CTS_PLAIN);

    cts_observe("Reply to it", cts_rc_name(cts_wait(reply)));
    cts_observe("the call", cts_rc_name(cts_wait(call)));
    cts_check_exchange(client, scene.calls.client, scene.peer, scene.calls.server);
}

static const struct cts_case cases[] = {
    {"STATE-07.1", "Close while CallEx are queued disturbs nobody else", close_disturbs_nobody_else,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"STATE-07.2", "Close while RecvEx wait disturbs nobody else", close_disturbs_nobody_else,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS, 0},
    {"STATE-07.3", "Close while both kinds wait disturbs nobody else", close_disturbs_nobody_else,
     CTS_TWO_PROCESSES, CTS_LIMITED, CALLS | RECVS, CTS_SMOKE},
    {"STATE-07.7", "Close while both kinds wait disturbs nobody else, one process",
     close_disturbs_nobody_else, CTS_ONE_PROCESS, CTS_LIMITED, CALLS | RECVS, 0},
    {"STATE-07.4", "a CallEx with a limit ends after Close of its object", wait_with_limit_ends,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, CTS_WAITS},
    {"STATE-07.5", "a RecvEx with a limit ends after Close of its object", wait_with_limit_ends,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS, CTS_WAITS},
    {"STATE-07.6", "a taken CallEx ends after Close of its object", taken_call_ends,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, CTS_SMOKE},
};
CTS_GROUP(cts_group_state_close_waiting, cases);
