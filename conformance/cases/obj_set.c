/* SPDX-License-Identifier: Apache-2.0 */
/* OBJ-05 and OBJ-07: what Set returns, on an object that is clear and on one that is set. */
#include <cts/cts.h>

enum { CALL = 0, RECV = 1 };
enum { MANY = 6 };

/* An Ex call that has to wait: nobody uses the other end of the channel. */
static struct cts_op *start_wait(const struct cts_case *self, struct cts_actor *actor,
                                 const struct cts_link *link, Handle sync)
{
    if (self->variant == CALL) {
        return cts_start_call_ex(actor, link->client, CTS_PLAIN, cts_mdelay(self), sync);
    }
    return cts_start_recv_ex(actor, link->server, cts_mdelay(self), sync);
}

static struct cts_process *waiting_process(const struct cts_case *self, const struct cts_link *link)
{
    return self->variant == CALL ? link->client_process : link->server_process;
}

/* OBJ-05: Set on a live object that nobody uses returns rcOk, to the thread that created it and to
 * another one. */
static void set_on_idle_object(const struct cts_case *self)
{
    struct cts_process *process =
        self->layout == CTS_TWO_PROCESSES ? cts_process_new() : cts_process_first();
    struct cts_actor *creator = cts_actor_new(process, "creator");
    struct cts_actor *other = cts_actor_new(process, "other");
    struct cts_op *first = cts_start_create(creator);
    cts_require_returned(first, rcOk);
    struct cts_op *second = cts_start_create(creator);
    cts_require_returned(second, rcOk);

    cts_check_returned(cts_start_set(creator, cts_handle(first)), rcOk);
    cts_check_returned(cts_start_set(other, cts_handle(second)), rcOk);
}

/* OBJ-05: Set returns rcOk while a thread waits with the object. */
static void set_while_waiting(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_process *process = waiting_process(self, &link);
    struct cts_actor *waiter = cts_actor_new(process, "waiter");
    struct cts_actor *setter = cts_actor_new(process, "setter");
    Handle sync = cts_sync_new(process);
    struct cts_op *wait = start_wait(self, waiter, &link, sync);
    cts_require_blocked(wait);

    cts_check_returned(cts_start_set(setter, sync), rcOk);
    cts_check_returned(wait, rcIpcInterrupt);
}

/* OBJ-05: Set returns rcOk, and not how many it has interrupted, while two, three, ... threads wait with the object. */
static void set_while_many_wait(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_process *process = waiting_process(self, &link);
    struct cts_actor *setter = cts_actor_new(process, "setter");
    struct cts_actor *waiters[MANY];
    for (int i = 0; i < MANY; i++) {
        waiters[i] = cts_actor_new(process, "waiter");
    }
    Handle sync = cts_sync_new(process);
    for (int count = 2; count <= MANY; count++) {
        struct cts_op *waits[MANY];
        for (int i = 0; i < count; i++) {
            waits[i] = start_wait(self, waiters[i], &link, sync);
            cts_require_blocked(waits[i]);
        }

        cts_check_returned(cts_start_set(setter, sync), rcOk);
        for (int i = 0; i < count; i++) {
            cts_check_returned(waits[i], rcIpcInterrupt);
        }
        cts_check_returned(cts_start_set(setter, sync), rcOk);
        cts_clear(process, sync);
    }
}

/* OBJ-05: Set returns rcOk while the only call that uses the object can no longer be interrupted.
 */
static void set_while_taken(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_actor *client = cts_actor_new(link.client_process, "client");
    struct cts_actor *setter = cts_actor_new(link.client_process, "setter");
    struct cts_actor *server = cts_actor_new(link.server_process, "server");
    Handle sync = cts_sync_new(link.client_process);
    struct cts_op *recv = cts_start_recv(server, link.server);
    cts_require_blocked(recv);
    struct cts_op *call = cts_start_call_ex(client, link.client, CTS_PLAIN, cts_mdelay(self), sync);
    cts_require_returned(recv, rcOk);

    cts_check_returned(cts_start_set(setter, sync), rcOk);
    cts_check_served(server, recv, call);
}

/* OBJ-07: after 1, 2, ... 6 Sets in a row, each rcOk, an Ex call is interrupted. */
static void set_again_leaves_it_set(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_process *process = waiting_process(self, &link);
    struct cts_actor *waiter = cts_actor_new(process, "waiter");
    struct cts_actor *setter = cts_actor_new(process, "setter");
    Handle sync = cts_sync_new(process);

    for (int sets = 1; sets <= 6; sets++) {
        cts_check_returned(cts_start_set(setter, sync), rcOk);
        cts_check_returned(start_wait(self, waiter, &link, sync), rcIpcInterrupt);
    }
}

/* OBJ-07: several Sets with nothing between them, by two threads in turn; then Ex calls are
 * interrupted, and the same after Clear and an even number of Sets. */
static void sets_in_a_row_leave_it_set(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_process *process = waiting_process(self, &link);
    struct cts_actor *waiter = cts_actor_new(process, "waiter");
    struct cts_actor *setter = cts_actor_new(process, "setter");
    Handle sync = cts_sync_new(process);

    for (int sets = 2; sets <= 5; sets++) {
        for (int i = 0; i < sets; i++) {
            cts_check_returned(cts_start_set(i % 2 == 0 ? setter : waiter, sync), rcOk);
        }
        cts_check_returned(start_wait(self, waiter, &link, sync), rcIpcInterrupt);
        cts_clear(process, sync);
    }
}

/* OBJ-07: the first Set interrupts a waiting thread; the second, before that thread is looked at,
 * changes nothing about it. */
static void set_again_after_interruption(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(self->layout);
    struct cts_process *process = waiting_process(self, &link);
    struct cts_actor *waiter = cts_actor_new(process, "waiter");
    struct cts_actor *setter = cts_actor_new(process, "setter");
    Handle sync = cts_sync_new(process);
    struct cts_op *wait = start_wait(self, waiter, &link, sync);
    cts_require_blocked(wait);

    cts_check_returned(cts_start_set(setter, sync), rcOk);
    cts_check_returned(cts_start_set(setter, sync), rcOk);

    cts_check_returned(wait, rcIpcInterrupt);
    cts_check_returned(start_wait(self, waiter, &link, sync), rcIpcInterrupt);
}

static const struct cts_case cases[] = {
    {"OBJ-05.1", "Set on an unused object is rcOk", set_on_idle_object, CTS_ONE_PROCESS,
     CTS_UNLIMITED, 0, CTS_SMOKE},
    {"OBJ-05.2", "Set on an unused object of a second process is rcOk", set_on_idle_object,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, 0},
    {"OBJ-05.3", "Set on an object that a queued CallEx uses is rcOk", set_while_waiting,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, CTS_SMOKE},
    {"OBJ-05.4", "Set on an object that a waiting RecvEx uses is rcOk", set_while_waiting,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV, CTS_SMOKE},
    {"OBJ-05.8", "Set on an object that up to six queued CallEx use is rcOk", set_while_many_wait,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"OBJ-05.9", "Set on an object that up to six waiting RecvEx use is rcOk", set_while_many_wait,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
    {"OBJ-05.10", "Set on an object that up to six queued CallEx use is rcOk, two processes",
     set_while_many_wait, CTS_TWO_PROCESSES, CTS_LIMITED, CALL, 0},
    {"OBJ-05.5", "Set on an object that a taken CallEx uses is rcOk", set_while_taken,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"OBJ-05.6", "Set on an object that a taken CallEx uses is rcOk, two processes",
     set_while_taken, CTS_TWO_PROCESSES, CTS_LIMITED, CALL, 0},
    {"OBJ-05.7", "Set on an object that a taken CallEx uses is rcOk, limit", set_while_taken,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL, 0},
    {"OBJ-07.1", "each further Set is rcOk and CallEx is interrupted", set_again_leaves_it_set,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"OBJ-07.2", "each further Set is rcOk and RecvEx is interrupted", set_again_leaves_it_set,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, 0},
    {"OBJ-07.3", "two to five Sets leave the object set for CallEx", sets_in_a_row_leave_it_set,
     CTS_ONE_PROCESS, CTS_LIMITED, CALL, CTS_SMOKE},
    {"OBJ-07.4", "two to five Sets leave the object set for RecvEx", sets_in_a_row_leave_it_set,
     CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
    {"OBJ-07.5", "two to five Sets leave the object set, two processes", sets_in_a_row_leave_it_set,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, CALL, 0},
    {"OBJ-07.9", "two to five Sets leave the object set, no limit", sets_in_a_row_leave_it_set,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"OBJ-07.6", "a second Set does not undo the interruption of a CallEx",
     set_again_after_interruption, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"OBJ-07.7", "a second Set does not undo the interruption of a RecvEx",
     set_again_after_interruption, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, 0},
};
CTS_GROUP(cts_group_obj_set, cases);
