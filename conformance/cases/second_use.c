/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one use of an object leaves for the next: a wait that timed out, was served, was interrupted, or was in service
 * when the object was set; and an object that both ends of a call use.
 */
#include <cts/cts.h>

/* variant: who waits with the object, and how its first wait ended. */
enum { CALLS = 0, RECVS = 1, TIMED_OUT = 2, SERVED = 4 };
enum { SHORT_MS = 5 };

struct scene {
    struct cts_link link;
    struct cts_process *process; /* of the object and the waiter */
    struct cts_actor *waiter;
    struct cts_actor *second; /* another thread of that process */
    struct cts_actor *peer;
    Handle sync;
};

static bool receives(const struct cts_case *self)
{
    return (self->variant & RECVS) != 0;
}

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.process = receives(self) ? s.link.server_process : s.link.client_process;
    s.waiter = cts_actor_new(s.process, "waiter");
    s.second = cts_actor_new(s.process, "second");
    s.peer = cts_actor_new(receives(self) ? s.link.client_process : s.link.server_process, "peer");
    s.sync = cts_sync_new(s.process);
    return s;
}

static struct cts_op *start_wait(const struct cts_case *self, const struct scene *s,
                                 rtl_uint32_t mdelay)
{
    return receives(self)
               ? cts_start_recv_ex(s->waiter, s->link.server, mdelay, s->sync)
               : cts_start_call_ex(s->waiter, s->link.client, CTS_PLAIN, mdelay, s->sync);
}

static void check_completes(const struct cts_case *self, const struct scene *s, struct cts_op *wait)
{
    if (receives(self)) {
        struct cts_op *call = cts_start_call(s->peer, s->link.client, CTS_PLAIN);
        cts_check_returned(wait, rcOk);
        cts_check_served(s->waiter, wait, call);
    } else {
        struct cts_op *recv = cts_start_recv(s->peer, s->link.server);
        cts_check_returned(recv, rcOk);
        cts_check_served(s->peer, recv, wait);
    }
}

static void first_use(const struct cts_case *self, const struct scene *s)
{
    if (self->variant & TIMED_OUT) {
        cts_require_returned(start_wait(self, s, SHORT_MS), rcTimeout);
    }
    if (self->variant & SERVED) {
        check_completes(self, s, start_wait(self, s, cts_mdelay(self)));
    }
}

/* OBJ-09: no call uses the object any more, however the last one ended. */
static void close_after_use(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    first_use(self, &s);

    cts_check_returned(cts_start_close(s.second, s.sync), rcOk);
}

/* CALL-01, RECV-01: the next wait of the thread with the object is interrupted, and the one after that. */
static void next_wait_is_interrupted(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int i = 0; i < 2; i++) {
        first_use(self, &s);

        struct cts_op *wait = start_wait(self, &s, cts_mdelay(self));
        cts_require_blocked(wait);
        cts_set(s.process, s.sync);

        cts_check_returned(wait, rcIpcInterrupt);
        cts_clear(s.process, s.sync);
    }
}

/* STATE-08: a Set that found a thread waiting holds for the calls that come after it, of both kinds. */
static void set_that_woke_holds(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link other = receives(self) ? cts_link_between(s.link.client_process, s.process)
                                           : cts_link_between(s.process, s.link.server_process);
    struct cts_op *wait = start_wait(self, &s, cts_mdelay(self));
    cts_require_blocked(wait);
    cts_set(s.process, s.sync);
    cts_require_returned(wait, rcIpcInterrupt);

    for (int i = 0; i < 2; i++) {
        cts_check_returned(start_wait(self, &s, cts_mdelay(self)), rcIpcInterrupt);
        struct cts_op *next =
            receives(self)
                ? cts_start_call_ex(s.second, other.client, CTS_PLAIN, cts_mdelay(self), s.sync)
                : cts_start_recv_ex(s.second, other.server, cts_mdelay(self), s.sync);
        cts_check_returned(next, rcIpcInterrupt);
    }
}

/* STATE-09: Set met a call in service, and Clear took it back: the next Ex calls of the thread wait. */
static void set_in_service_is_taken_back(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = cts_start_recv(s.peer, s.link.server);
    cts_require_blocked(recv);
    struct cts_op *call = start_wait(self, &s, cts_mdelay(self));
    cts_require_returned(recv, rcOk);
    cts_set(s.process, s.sync);
    cts_clear(s.process, s.sync);
    cts_check_served(s.peer, recv, call);

    struct cts_op *next = start_wait(self, &s, cts_mdelay(self));

    cts_check_blocked(next);
    check_completes(self, &s, next);
    struct cts_link back = cts_link_between(s.process, s.link.server_process);
    recv = cts_start_recv_ex(s.waiter, back.server, cts_mdelay(self), s.sync);
    cts_check_blocked(recv);
    call = cts_start_call(s.peer, back.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    cts_check_served(s.waiter, recv, call);
}

/* CALL-02, RECV-02: the receive that took the request was made with the object of the call, which is set in
 * service. */
static void both_ends_use_the_object(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int i = 0; i < 2; i++) {
        bool caller_first = i == 1;
        struct cts_op *call = NULL;
        if (caller_first) {
            call = start_wait(self, &s, cts_mdelay(self));
            cts_require_blocked(call);
        }
        struct cts_op *recv = cts_start_recv_ex(s.peer, s.link.server, cts_mdelay(self), s.sync);
        if (!caller_first) {
            cts_require_blocked(recv);
            call = start_wait(self, &s, cts_mdelay(self));
        }
        cts_require_returned(recv, rcOk);

        cts_set(s.process, s.sync);

        cts_check_blocked(call);
        cts_check_served(s.peer, recv, call);
        cts_clear(s.process, s.sync);
    }
}

/* CALL-11, RECV-11: the same channel and thread, interrupted many times, in calls and receives in turn. */
enum { OFTEN = 100, MORE = 500 };
#define QUICK_NS 500000000u
/* `rounds` interrupted waits; gives how long they took. */
static rtl_uint64_t interrupt_often(const struct cts_case *self, const struct cts_link *link,
                                    struct cts_actor *waiter, struct cts_actor *setter,
                                    unsigned rounds)
{
    struct cts_op *waits =
        cts_start_churn_waited(waiter, link->client, link->server, cts_mdelay(self), rounds);
    struct cts_op *sets = cts_start_churn_setter(setter, waits);
    cts_check_returned(waits, rcOk);
    cts_check_returned(sets, rcOk);
    return cts_elapsed_ns(waits);
}

/* More than a hundred where the library is quick: how soon Set is noticed is written nowhere. */
static void often_interrupted(const struct cts_case *self)
{
    struct cts_link link = cts_link_open(CTS_ONE_PROCESS);
    struct cts_actor *waiter = cts_actor_new(link.client_process, "waiter");
    struct cts_actor *setter = cts_actor_new(link.client_process, "setter");
    if (interrupt_often(self, &link, waiter, setter, OFTEN) < QUICK_NS) {
        (void)interrupt_often(self, &link, waiter, setter, MORE);
    }
    cts_check_exchange(waiter, link.client, setter, link.server);
    cts_check_exchange(setter, link.client, waiter, link.server);
}

/* CALL-01, RECV-01: the object is made before anything else in its process, so that it has the number with which the
 * library begins. */
static void first_of_all(const struct cts_case *self)
{
    struct cts_process *process = cts_process_first();
    Handle sync = cts_sync_new(process);
    struct cts_link link = cts_link_open(CTS_ONE_PROCESS);
    struct cts_actor *waiter = cts_actor_new(process, "waiter");
    struct cts_op *wait =
        receives(self) ? cts_start_recv_ex(waiter, link.server, cts_mdelay(self), sync)
                       : cts_start_call_ex(waiter, link.client, CTS_PLAIN, cts_mdelay(self), sync);
    cts_require_blocked(wait);
    cts_set(process, sync);
    cts_check_returned(wait, rcIpcInterrupt);
}

static const struct cts_case cases[] = {
    {"CALL-11.20", "a thread and a channel that were interrupted a hundred times go on",
     often_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"RECV-11.20", "a channel whose receives were interrupted fifty times goes on, limit",
     often_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
    {"CALL-01.110", "the first object of a process interrupts a CallEx", first_of_all,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"RECV-01.110", "the first object of a process interrupts a RecvEx", first_of_all,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS, 0},
    {"OBJ-09.50", "Close after a CallEx with the object timed out is rcOk", close_after_use,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS | TIMED_OUT, 0},
    {"OBJ-09.51", "Close after a RecvEx with the object timed out is rcOk", close_after_use,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS | TIMED_OUT, 0},
    {"OBJ-09.52", "Close after a CallEx with the object was served is rcOk, limit", close_after_use,
     CTS_ONE_PROCESS, CTS_LIMITED, CALLS | SERVED, 0},
    {"OBJ-09.53", "Close after a RecvEx with the object received is rcOk, limit", close_after_use,
     CTS_ONE_PROCESS, CTS_LIMITED, RECVS | SERVED, 0},
    {"OBJ-09.54", "Close after a CallEx was served and one timed out is rcOk, two processes",
     close_after_use, CTS_TWO_PROCESSES, CTS_UNLIMITED, CALLS | TIMED_OUT | SERVED, 0},
    {"CALL-01.100", "a CallEx is interrupted after one with the object timed out",
     next_wait_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS | TIMED_OUT, 0},
    {"CALL-01.101", "a CallEx is interrupted after one with the object was served, limit",
     next_wait_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, CALLS | SERVED, 0},
    {"CALL-01.102", "a CallEx is interrupted after one with the object timed out, two processes",
     next_wait_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, CALLS | TIMED_OUT, 0},
    {"RECV-01.100", "a RecvEx is interrupted after one with the object timed out",
     next_wait_is_interrupted, CTS_ONE_PROCESS, CTS_UNLIMITED, RECVS | TIMED_OUT, 0},
    {"RECV-01.101", "a RecvEx is interrupted after one with the object received, limit",
     next_wait_is_interrupted, CTS_ONE_PROCESS, CTS_LIMITED, RECVS | SERVED, 0},
    {"RECV-01.102", "a RecvEx is interrupted after one with the object timed out, two processes",
     next_wait_is_interrupted, CTS_TWO_PROCESSES, CTS_LIMITED, RECVS | TIMED_OUT, 0},
    {"STATE-08.110", "a Set that interrupted a CallEx holds for the next Ex calls",
     set_that_woke_holds, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"STATE-08.111", "a Set that interrupted a RecvEx holds for the next Ex calls, limit",
     set_that_woke_holds, CTS_ONE_PROCESS, CTS_LIMITED, RECVS, 0},
    {"STATE-08.112", "a Set that interrupted a RecvEx holds for the next Ex calls, two processes",
     set_that_woke_holds, CTS_TWO_PROCESSES, CTS_UNLIMITED, RECVS, 0},
    {"STATE-09.10", "Set and Clear in service leave the next Ex calls of the thread waiting",
     set_in_service_is_taken_back, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"STATE-09.11", "Set and Clear in service leave the next Ex calls of the thread waiting, limit",
     set_in_service_is_taken_back, CTS_ONE_PROCESS, CTS_LIMITED, CALLS, 0},
    {"STATE-09.12", "Set and Clear in service leave the next Ex calls waiting, two processes",
     set_in_service_is_taken_back, CTS_TWO_PROCESSES, CTS_UNLIMITED, CALLS, 0},
    {"CALL-02.100", "Set of an object that caller and receiver use does not end the taken CallEx",
     both_ends_use_the_object, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"CALL-02.101", "Set of an object that both ends use does not end the taken CallEx, limit",
     both_ends_use_the_object, CTS_ONE_PROCESS, CTS_LIMITED, CALLS, 0},
    {"RECV-02.100", "Set of an object that caller and receiver use does not end the service",
     both_ends_use_the_object, CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
};
CTS_GROUP(cts_group_second_use, cases);
