/* SPDX-License-Identifier: Apache-2.0 */
/* OBJ-06 and OBJ-08: what Clear returns, on an object that is set and on one that is clear. */
#include <cts/cts.h>

enum { CALL = 0, RECV = 1 };

/* One thread that waits with an object, and the other end of its channel. */
struct waiting {
    struct cts_link link;
    struct cts_process *process;
    struct cts_actor *waiter;
    struct cts_actor *peer;
    struct cts_actor *setter; /* same process as the waiter */
    Handle sync;
};

static struct waiting waiting_new(const struct cts_case *self)
{
    struct waiting w = {.link = cts_link_open(self->layout)};
    bool calls = self->variant == CALL;
    w.process = calls ? w.link.client_process : w.link.server_process;
    w.waiter = cts_actor_new(w.process, "waiter");
    w.setter = cts_actor_new(w.process, "setter");
    w.peer = cts_actor_new(calls ? w.link.server_process : w.link.client_process, "peer");
    w.sync = cts_sync_new(w.process);
    return w;
}

static struct cts_op *start_wait(const struct cts_case *self, const struct waiting *w)
{
    if (self->variant == CALL) {
        return cts_start_call_ex(w->waiter, w->link.client, CTS_PLAIN, cts_mdelay(self), w->sync);
    }
    return cts_start_recv_ex(w->waiter, w->link.server, cts_mdelay(self), w->sync);
}

/* The peer comes and the waiting call completes. */
static void check_completes(const struct cts_case *self, const struct waiting *w,
                            struct cts_op *wait)
{
    if (self->variant == CALL) {
        struct cts_op *recv = cts_start_recv(w->peer, w->link.server);
        cts_check_returned(recv, rcOk);
        cts_check_served(w->peer, recv, wait);
    } else {
        struct cts_op *call = cts_start_call(w->peer, w->link.client, CTS_PLAIN);
        cts_check_returned(wait, rcOk);
        cts_check_served(w->waiter, wait, call);
    }
}

/* OBJ-06: Clear on an object that is set returns rcOk, to the thread that set it and to another. */
static void clear_on_set_object(const struct cts_case *self)
{
    struct cts_process *process =
        self->layout == CTS_TWO_PROCESSES ? cts_process_new() : cts_process_first();
    struct cts_actor *setter = cts_actor_new(process, "setter");
    struct cts_actor *other = cts_actor_new(process, "other");
    Handle sync = cts_sync_new(process);

    for (int i = 0; i < 4; i++) {
        cts_require_returned(cts_start_set(setter, sync), rcOk);

        cts_check_returned(cts_start_clear(i % 2 == 0 ? setter : other, sync), rcOk);
    }
}

/* OBJ-06: Clear returns rcOk after the object has interrupted a thread. */
static void clear_after_interruption(const struct cts_case *self)
{
    struct waiting w = waiting_new(self);
    struct cts_op *wait = start_wait(self, &w);
    cts_require_blocked(wait);
    cts_set(w.process, w.sync);
    cts_require_returned(wait, rcIpcInterrupt);

    cts_check_returned(cts_start_clear(w.setter, w.sync), rcOk);
    cts_check_returned(cts_start_set(w.waiter, w.sync), rcOk);
    cts_check_returned(cts_start_clear(w.waiter, w.sync), rcOk);
}

/* OBJ-06: Clear returns rcOk on a set object that a taken call uses, and leaves the call alone. */
static void clear_while_taken(const struct cts_case *self)
{
    struct waiting w = waiting_new(self);
    struct cts_op *recv = cts_start_recv(w.peer, w.link.server);
    cts_require_blocked(recv);
    struct cts_op *call = start_wait(self, &w);
    cts_require_returned(recv, rcOk);
    cts_set(w.process, w.sync);

    cts_check_returned(cts_start_clear(w.setter, w.sync), rcOk);
    cts_check_served(w.peer, recv, call);
}

/* OBJ-08: Clear on a new object is rcOk, as often as it is done; then an Ex call waits. */
static void clear_on_new_object(const struct cts_case *self)
{
    struct waiting w = waiting_new(self);

    for (int i = 0; i < 3; i++) {
        cts_check_returned(cts_start_clear(i == 1 ? w.waiter : w.setter, w.sync), rcOk);
    }

    struct cts_op *wait = start_wait(self, &w);
    cts_check_blocked(wait);
    check_completes(self, &w, wait);
}

/* OBJ-08: of several Clears after a Set, those after the first find the object clear. */
static void clear_again_leaves_it_clear(const struct cts_case *self)
{
    struct waiting w = waiting_new(self);

    for (int clears = 2; clears <= 5; clears++) {
        cts_set(w.process, w.sync);
        for (int i = 0; i < clears; i++) {
            cts_check_returned(cts_start_clear(w.setter, w.sync), rcOk);
        }
        struct cts_op *wait = start_wait(self, &w);
        cts_check_blocked(wait);
        check_completes(self, &w, wait);
    }
}

/* OBJ-08: Clear on a clear object does not touch a thread that waits with it, and is not saved up
 * against the next Set. */
static void clear_while_waiting(const struct cts_case *self)
{
    struct waiting w = waiting_new(self);
    struct cts_op *wait = start_wait(self, &w);
    cts_require_blocked(wait);

    for (int i = 0; i < 3; i++) {
        cts_check_returned(cts_start_clear(w.setter, w.sync), rcOk);
    }

    cts_check_blocked(wait);
    cts_set(w.process, w.sync);
    cts_check_returned(wait, rcIpcInterrupt);
}

static const struct cts_case cases[] = {
    {"OBJ-06.1", "Clear on a set object is rcOk", clear_on_set_object, CTS_ONE_PROCESS,
     CTS_UNLIMITED, CALL, CTS_SMOKE},
    {"OBJ-06.2", "Clear on a set object of a second process is rcOk", clear_on_set_object,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, CALL, 0},
    {"OBJ-06.3", "Clear is rcOk after a CallEx was interrupted", clear_after_interruption,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, CTS_SMOKE},
    {"OBJ-06.4", "Clear is rcOk after a RecvEx was interrupted", clear_after_interruption,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
    {"OBJ-06.5", "Clear is rcOk while a taken CallEx uses the object", clear_while_taken,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"OBJ-06.6", "Clear is rcOk while a taken CallEx uses the object, two processes",
     clear_while_taken, CTS_TWO_PROCESSES, CTS_LIMITED, CALL, 0},
    {"OBJ-06.7", "Clear is rcOk while a taken CallEx uses the object, limit", clear_while_taken,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL, 0},
    {"OBJ-06.8", "Clear is rcOk while a CallEx waits with the object", clear_while_waiting,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"OBJ-06.9", "Clear is rcOk while a RecvEx waits with the object, limit", clear_while_waiting,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
    {"OBJ-08.1", "Clear on a new object is rcOk and CallEx waits", clear_on_new_object,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"OBJ-08.2", "Clear on a new object is rcOk and RecvEx waits", clear_on_new_object,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
    {"OBJ-08.3", "two to five Clears leave the object clear for CallEx",
     clear_again_leaves_it_clear, CTS_ONE_PROCESS, CTS_LIMITED, CALL, 0},
    {"OBJ-08.4", "two to five Clears leave the object clear for RecvEx",
     clear_again_leaves_it_clear, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, 0},
    {"OBJ-08.5", "Clear leaves a queued CallEx waiting, and Set still interrupts it",
     clear_while_waiting, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, CTS_SMOKE},
    {"OBJ-08.6", "Clear leaves a waiting RecvEx waiting, and Set still interrupts it",
     clear_while_waiting, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, CTS_SMOKE},
    {"OBJ-08.7", "Clear leaves a queued CallEx waiting, two processes", clear_while_waiting,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, CALL, 0},
};
CTS_GROUP(cts_group_obj_clear, cases);
