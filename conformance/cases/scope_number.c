/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XFER-09: the number of an object, used in a process that has no such object, does not reach it.
 * Set, Clear and Close there are errors; an Ex call is refused or waits like any other.
 */
#include <cts/cts.h>

/* variant: which process owns the object, which call uses the number elsewhere, and whether the number is
 * beyond those that the stranger's few handles have; otherwise it may be that of one of them. */
enum { OWNER_IS_FIRST = 0, OWNER_IS_NEW = 1, RECV = 2, OBJECT_IS_SET = 4, NUMBER_IS_HIGH = 8 };

/* The owner's threads wait with the object; the stranger has no object of its own, unless a case
 * makes one. The far ends are in a third process, so that the stranger has few handles. */
struct scene {
    struct cts_process *owner;
    struct cts_process *stranger;
    struct cts_process *third;
    Handle sync;
    struct cts_link calls;
    struct cts_link receives;
    struct cts_actor *client;
    struct cts_actor *server;
    struct cts_actor *peer;
    struct cts_actor *intruder; /* a thread of the stranger */
    struct cts_op *call;
    struct cts_op *recv;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.owner = cts_process_first()};
    struct cts_process *new_process = cts_process_new();
    s.third = cts_process_new();
    s.stranger = new_process;
    if (self->variant & OWNER_IS_NEW) {
        s.stranger = s.owner;
        s.owner = new_process;
    }
    for (int i = 0; i < 4 && (self->variant & NUMBER_IS_HIGH) != 0; i++) {
        (void)cts_sync_new(s.owner);
    }
    s.sync = cts_sync_new(s.owner);
    s.calls = cts_link_between(s.third, s.owner);
    s.receives = cts_link_between(s.owner, s.third);
    s.client = cts_actor_new(s.owner, "client");
    s.server = cts_actor_new(s.owner, "server");
    s.peer = cts_actor_new(s.third, "peer");
    s.intruder = cts_actor_new(s.stranger, "intruder");
    return s;
}

static void owner_waits(const struct cts_case *self, struct scene *s)
{
    s->call = cts_start_call_ex(s->client, s->calls.client, CTS_PLAIN, cts_mdelay(self), s->sync);
    s->recv = cts_start_recv_ex(s->server, s->receives.server, cts_mdelay(self), s->sync);
    cts_require_blocked(s->call);
    cts_require_blocked(s->recv);
}

static void check_owner_waits_and_obeys(struct scene *s)
{
    cts_check_blocked(s->call);
    cts_check_blocked(s->recv);
    cts_set(s->owner, s->sync);
    cts_check_returned(s->call, rcIpcInterrupt);
    cts_check_returned(s->recv, rcIpcInterrupt);
}

/* XFER-09: Set elsewhere. */
static void set_elsewhere(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    owner_waits(self, &s);

    cts_check_error(cts_start_set(s.intruder, s.sync));

    check_owner_waits_and_obeys(&s);
}

/* XFER-09: Clear elsewhere leaves the object set. */
static void clear_elsewhere(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    cts_set(s.owner, s.sync);

    cts_check_error(cts_start_clear(s.intruder, s.sync));

    s.call = cts_start_call_ex(s.client, s.calls.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_check_returned(s.call, rcIpcInterrupt);
    s.recv = cts_start_recv_ex(s.server, s.receives.server, cts_mdelay(self), s.sync);
    cts_check_returned(s.recv, rcIpcInterrupt);
}

/* XFER-09: Close elsewhere leaves the object alive. */
static void close_elsewhere(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    owner_waits(self, &s);

    cts_check_error(cts_start_close(s.intruder, s.sync));

    check_owner_waits_and_obeys(&s);
    cts_clear(s.owner, s.sync);
    cts_check_exchange(s.client, s.calls.client, s.peer, s.calls.server);
}

/* XFER-09: an Ex call elsewhere, with the number of an object that is set before or meanwhile: it
 * is refused, or waits and is served. */
static void ex_call_elsewhere(const struct cts_case *self)
{
    bool receives = (self->variant & RECV) != 0;
    struct scene s = scene_open(self);
    struct cts_link link =
        receives ? cts_link_between(s.stranger, s.third) : cts_link_between(s.third, s.stranger);
    if (self->variant & OBJECT_IS_SET) {
        cts_set(s.owner, s.sync);
    }

    struct cts_op *wait =
        receives ? cts_start_recv_ex(s.intruder, link.server, cts_mdelay(self), s.sync)
                 : cts_start_call_ex(s.intruder, link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_settle();
    if ((self->variant & OBJECT_IS_SET) == 0) {
        cts_set(s.owner, s.sync);
        cts_settle();
    }

    bool served = receives ? cts_recv_is_served(wait, link.server, s.peer, link.client)
                           : cts_call_is_served(wait, link.client, s.peer, link.server);
    if (!served) {
        cts_check_error(wait);
        cts_check_exchange(receives ? s.peer : s.intruder, link.client,
                           receives ? s.intruder : s.peer, link.server);
    }
}

/* Make an object of the stranger with the same number; false where the library gives none. */
static bool equal_object(const struct scene *s)
{
    for (int i = 0; i < 12; i++) {
        if (cts_sync_new(s->stranger) == s->sync) {
            return true;
        }
    }
    struct cts_op *recreate = cts_start_recreate(s->intruder, s->sync, 300);
    cts_require_returned(recreate, rcOk);
    return cts_handle(recreate) == s->sync;
}

/* XFER-09: where the stranger has an object with that number, Set there concerns that one. */
static void number_names_the_own_object(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    if (!equal_object(&s)) {
        cts_skip("the library gives no equal numbers in two processes");
    }
    struct cts_link link = cts_link_between(s.third, s.stranger);
    owner_waits(self, &s);
    struct cts_actor *own_client = cts_actor_new(s.stranger, "own client");
    struct cts_op *own =
        cts_start_call_ex(own_client, link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_blocked(own);

    cts_check_returned(cts_start_set(s.intruder, s.sync), rcOk);
    cts_check_returned(own, rcIpcInterrupt);
    cts_check_blocked(s.call);
    cts_check_blocked(s.recv);
    cts_check_returned(cts_start_close(s.intruder, s.sync), rcOk);

    check_owner_waits_and_obeys(&s);
}

static const struct cts_case cases[] = {
    {"XFER-09.1", "Set through the number in a new process is an error", set_elsewhere,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, OWNER_IS_FIRST, CTS_SMOKE},
    {"XFER-09.2", "Set through the number in the first process is an error", set_elsewhere,
     CTS_TWO_PROCESSES, CTS_LIMITED, OWNER_IS_NEW, 0},
    {"XFER-09.3", "Clear through the number in a new process is an error", clear_elsewhere,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, OWNER_IS_FIRST, 0},
    {"XFER-09.4", "Clear through the number in the first process is an error", clear_elsewhere,
     CTS_TWO_PROCESSES, CTS_LIMITED, OWNER_IS_NEW, 0},
    {"XFER-09.5", "Close through the number in a new process is an error", close_elsewhere,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, OWNER_IS_FIRST, 0},
    {"XFER-09.6", "CallEx with the number in a new process is not interrupted", ex_call_elsewhere,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, OWNER_IS_FIRST, CTS_SMOKE},
    {"XFER-09.7", "RecvEx with the number in the first process is not interrupted",
     ex_call_elsewhere, CTS_TWO_PROCESSES, CTS_UNLIMITED, OWNER_IS_NEW | RECV, 0},
    {"XFER-09.8", "CallEx with the number of a set object elsewhere is not interrupted",
     ex_call_elsewhere, CTS_TWO_PROCESSES, CTS_LIMITED, OWNER_IS_NEW | OBJECT_IS_SET, 0},
    {"XFER-09.9", "RecvEx with the number of a set object elsewhere is not interrupted",
     ex_call_elsewhere, CTS_TWO_PROCESSES, CTS_LIMITED, OWNER_IS_FIRST | RECV | OBJECT_IS_SET, 0},
    {"XFER-09.10", "the number names the own object of another process",
     number_names_the_own_object, CTS_TWO_PROCESSES, CTS_UNLIMITED, OWNER_IS_FIRST, 0},
    {"XFER-09.11", "the number names the own object of the first process",
     number_names_the_own_object, CTS_TWO_PROCESSES, CTS_LIMITED, OWNER_IS_NEW, 0},
    {"XFER-09.12", "CallEx with a number that names nothing there is not interrupted",
     ex_call_elsewhere, CTS_TWO_PROCESSES, CTS_UNLIMITED, OWNER_IS_FIRST | NUMBER_IS_HIGH, 0},
    {"XFER-09.13", "RecvEx with a number that names nothing there, of a set object",
     ex_call_elsewhere, CTS_TWO_PROCESSES, CTS_UNLIMITED,
     OWNER_IS_FIRST | RECV | OBJECT_IS_SET | NUMBER_IS_HIGH, 0},
    {"XFER-09.14", "CallEx in the first process with a number that names nothing there",
     ex_call_elsewhere, CTS_TWO_PROCESSES, CTS_UNLIMITED, OWNER_IS_NEW | NUMBER_IS_HIGH, 0},
    {"XFER-09.15", "Set through a number that names nothing there is an error", set_elsewhere,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, OWNER_IS_FIRST | NUMBER_IS_HIGH, 0},
    {"XFER-09.16", "Clear through a number that names nothing there is an error", clear_elsewhere,
     CTS_TWO_PROCESSES, CTS_LIMITED, OWNER_IS_FIRST | NUMBER_IS_HIGH, 0},
    {"XFER-09.17", "Clear in the first process through a number that names nothing there",
     clear_elsewhere, CTS_TWO_PROCESSES, CTS_UNLIMITED, OWNER_IS_NEW | NUMBER_IS_HIGH, 0},
    {"XFER-09.18", "Close through a number that names nothing there is an error", close_elsewhere,
     CTS_TWO_PROCESSES, CTS_LIMITED, OWNER_IS_FIRST | NUMBER_IS_HIGH, 0},
};
CTS_GROUP(cts_group_scope_number, cases);
