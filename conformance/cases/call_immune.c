/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CALL-06, CALL-07 and CALL-08: the calls that a Set must not reach. Call, CallEx without an object
 * and CallEx with another object stand in the same four situations; each is then served, which
 * shows that it had been waiting lawfully all the time.
 */
#include <cts/cts.h>

/* What the immune call is: the row's variant. The other object may be older or newer. */
enum { CALL, EX_WITHOUT, EX_OLDER, EX_NEWER };

struct scene {
    struct cts_link link;
    Handle older;
    Handle sync; /* the one that is set */
    Handle newer;
    struct cts_actor *client;
    struct cts_actor *server;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.older = cts_sync_new(s.link.client_process);
    s.sync = cts_sync_new(s.link.client_process);
    s.newer = cts_sync_new(s.link.client_process);
    s.client = cts_actor_new(s.link.client_process, "client");
    s.server = cts_actor_new(s.link.server_process, "server");
    return s;
}

static Handle own_object(const struct cts_case *self, const struct scene *s)
{
    return self->variant == EX_OLDER   ? s->older
           : self->variant == EX_NEWER ? s->newer
                                       : INVALID_HANDLE;
}

static struct cts_op *start_immune(const struct cts_case *self, const struct scene *s)
{
    if (self->variant == CALL) {
        return cts_start_call(s->client, s->link.client, CTS_PLAIN);
    }
    return cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, cts_mdelay(self),
                             own_object(self, s));
}

/* The claim: it waits, and is served like any other. */
static void check_waits_and_is_served(const struct scene *s, struct cts_op *call)
{
    cts_check_blocked(call);
    struct cts_op *recv = cts_start_recv(s->server, s->link.server);
    cts_check_returned(recv, rcOk);
    cts_check_served(s->server, recv, call);
}

/* CALL-06, 07, 08: Set while it is queued. */
static void queued_call_is_immune(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *call = start_immune(self, &s);
    cts_require_blocked(call);

    cts_set(s.link.client_process, s.sync);

    check_waits_and_is_served(&s, call);
}

/* CALL-06, 07, 08: entered while set. */
static void call_entered_while_set_is_immune(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    cts_set(s.link.client_process, s.sync);

    struct cts_op *call = start_immune(self, &s);

    check_waits_and_is_served(&s, call);
}

/* CALL-06, 07, 08: made by a thread that the object has just interrupted, and set once more. */
static void call_of_an_interrupted_thread_is_immune(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *earlier =
        cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_blocked(earlier);
    cts_set(s.link.client_process, s.sync);
    cts_require_returned(earlier, rcIpcInterrupt);
    struct cts_op *call = start_immune(self, &s);
    cts_check_blocked(call);

    cts_set(s.link.client_process, s.sync);

    check_waits_and_is_served(&s, call);
}

/* CALL-06, 07, 08: made by a thread whose call with the object has timed out. */
static void call_after_a_timed_out_one_is_immune(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *earlier = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, 1, s.sync);
    cts_require_returned(earlier, rcTimeout);
    struct cts_op *call = start_immune(self, &s);
    cts_check_blocked(call);

    cts_set(s.link.client_process, s.sync);

    check_waits_and_is_served(&s, call);
}

/* CALL-06, 07, 08: the same, entered when the object is set by then. */
static void call_after_a_time_out_and_set_is_immune(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *earlier = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, 1, s.sync);
    cts_require_returned(earlier, rcTimeout);
    cts_set(s.link.client_process, s.sync);

    struct cts_op *call = start_immune(self, &s);

    check_waits_and_is_served(&s, call);
}

/* CALL-06, 07, 08: made by a thread whose call with the object was served; the object was set since, or is set
 * while this one waits. */
static void call_after_a_served_one_is_immune(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *earlier =
        cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_require_returned(recv, rcOk);
    cts_check_served(s.server, recv, earlier);
    cts_set(s.link.client_process, s.sync);

    struct cts_op *call = start_immune(self, &s);
    cts_check_blocked(call);

    cts_set(s.link.client_process, s.sync);

    check_waits_and_is_served(&s, call);
}

/* CALL-06, 07, 08: between two calls in the queue that are interrupted. */
static void call_between_interrupted_ones_is_immune(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *ahead = cts_actor_new(s.link.client_process, "client ahead");
    struct cts_actor *behind = cts_actor_new(s.link.client_process, "client behind");
    struct cts_op *first =
        cts_start_call_ex(ahead, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_blocked(first);
    struct cts_op *call = start_immune(self, &s);
    cts_require_blocked(call);
    struct cts_op *last =
        cts_start_call_ex(behind, s.link.client, CTS_PLAIN, cts_mdelay(self), s.sync);
    cts_require_blocked(last);

    cts_set(s.link.client_process, s.sync);

    cts_check_returned(first, rcIpcInterrupt);
    cts_check_returned(last, rcIpcInterrupt);
    check_waits_and_is_served(&s, call);
}

/* CALL-08: it still obeys its own object, and the one that was set has not become weaker. */
static void call_obeys_its_own_object_only(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *call = start_immune(self, &s);
    cts_require_blocked(call);

    cts_set(s.link.client_process, s.sync);
    cts_check_blocked(call);
    cts_set(s.link.client_process, own_object(self, &s));

    cts_check_returned(call, rcIpcInterrupt);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* CALL-07: INVALID_HANDLE is no object that could be set. */
static void call_is_immune_to_no_object(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *call = start_immune(self, &s);
    cts_require_blocked(call);
    struct cts_actor *setter = cts_actor_new(s.link.client_process, "setter");

    cts_check_error(cts_start_set(setter, INVALID_HANDLE));

    check_waits_and_is_served(&s, call);
    check_waits_and_is_served(&s, start_immune(self, &s));
}

/* CALL-06, 07: to every object of the process, the first and the last included. */
static void call_is_immune_to_every_object(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *call = start_immune(self, &s);
    cts_require_blocked(call);

    cts_set(s.link.client_process, s.older);
    cts_set(s.link.client_process, s.newer);
    cts_set(s.link.client_process, s.sync);

    check_waits_and_is_served(&s, call);
    check_waits_and_is_served(&s, start_immune(self, &s));
}

static const struct cts_case cases[] = {
    {"CALL-06.1", "a queued Call is not interrupted", queued_call_is_immune, CTS_ONE_PROCESS,
     CTS_UNLIMITED, CALL, CTS_SMOKE},
    {"CALL-06.2", "a queued Call is not interrupted, two processes", queued_call_is_immune,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, CALL, 0},
    {"CALL-06.3", "a Call entered while an object is set is not interrupted",
     call_entered_while_set_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, CTS_SMOKE},
    {"CALL-06.4", "a Call of a thread interrupted before is not interrupted",
     call_of_an_interrupted_thread_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"CALL-06.9", "a Call of a thread whose CallEx has timed out is not interrupted",
     call_after_a_timed_out_one_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"CALL-07.8", "a CallEx without object of a thread whose CallEx has timed out",
     call_after_a_timed_out_one_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_WITHOUT, 0},
    {"CALL-07.9", "a CallEx without object, with a limit, of a thread whose CallEx has timed out",
     call_after_a_timed_out_one_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_WITHOUT, 0},
    {"CALL-08.11", "a CallEx with a newer object of a thread whose CallEx has timed out",
     call_after_a_timed_out_one_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_NEWER, 0},
    {"CALL-08.12", "a CallEx with an older object, with a limit, after one that has timed out",
     call_after_a_timed_out_one_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_OLDER, 0},
    {"CALL-06.30", "a Call of a thread whose CallEx was served is not interrupted",
     call_after_a_served_one_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"CALL-06.31", "a Call of a thread whose CallEx with a limit was served",
     call_after_a_served_one_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, CALL, 0},
    {"CALL-07.30", "a CallEx without object of a thread whose CallEx was served",
     call_after_a_served_one_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_WITHOUT, 0},
    {"CALL-07.31", "a CallEx without object, limit, of a thread whose CallEx was served",
     call_after_a_served_one_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_WITHOUT, 0},
    {"CALL-08.30", "a CallEx with an older object of a thread whose CallEx was served",
     call_after_a_served_one_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_OLDER, 0},
    {"CALL-08.31", "a CallEx with a newer object, limit, of a thread whose CallEx was served",
     call_after_a_served_one_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_NEWER, 0},
    {"CALL-06.32", "a Call after a time-out, entered while the object of that is set",
     call_after_a_time_out_and_set_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"CALL-07.32", "a CallEx without object, limit, after a time-out, the object of that set",
     call_after_a_time_out_and_set_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_WITHOUT, 0},
    {"CALL-08.32", "a CallEx with a newer object after a time-out, the object of that set",
     call_after_a_time_out_and_set_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_NEWER, 0},
    {"CALL-08.33", "a CallEx with an older object, limit, after a time-out, the object of that set",
     call_after_a_time_out_and_set_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_OLDER, 0},
    {"CALL-06.5", "a Call between interrupted ones is not interrupted",
     call_between_interrupted_ones_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"CALL-06.6", "a Call between interrupted ones is not interrupted, two processes",
     call_between_interrupted_ones_is_immune, CTS_TWO_PROCESSES, CTS_LIMITED, CALL, 0},
    {"CALL-06.8", "a Call between interrupted ones is not interrupted, limit",
     call_between_interrupted_ones_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, CALL, 0},

    {"CALL-06.7", "a Call is not interrupted by any object of its process",
     call_is_immune_to_every_object, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"CALL-07.7", "a CallEx without object is not interrupted by any object of its process",
     call_is_immune_to_every_object, CTS_ONE_PROCESS, CTS_LIMITED, EX_WITHOUT, 0},

    {"CALL-07.40", "a CallEx without object is not interrupted by Set on INVALID_HANDLE",
     call_is_immune_to_no_object, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_WITHOUT, 0},
    {"CALL-07.41",
     "a CallEx without object is not interrupted by Set on INVALID_HANDLE, two processes",
     call_is_immune_to_no_object, CTS_TWO_PROCESSES, CTS_LIMITED, EX_WITHOUT, 0},

    {"CALL-07.1", "a queued CallEx without object is not interrupted", queued_call_is_immune,
     CTS_ONE_PROCESS, CTS_UNLIMITED, EX_WITHOUT, CTS_SMOKE},
    {"CALL-07.2", "a queued CallEx without object, with a limit, is not interrupted",
     queued_call_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_WITHOUT, 0},
    {"CALL-07.3", "a queued CallEx without object is not interrupted, two processes",
     queued_call_is_immune, CTS_TWO_PROCESSES, CTS_LIMITED, EX_WITHOUT, 0},
    {"CALL-07.4", "a CallEx without object entered while an object is set",
     call_entered_while_set_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_WITHOUT, 0},
    {"CALL-07.5", "a CallEx without object of a thread interrupted before",
     call_of_an_interrupted_thread_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_WITHOUT, 0},
    {"CALL-07.6", "a CallEx without object between interrupted ones",
     call_between_interrupted_ones_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_WITHOUT, 0},

    {"CALL-08.1", "a queued CallEx with an older object is not interrupted", queued_call_is_immune,
     CTS_ONE_PROCESS, CTS_UNLIMITED, EX_OLDER, CTS_SMOKE},
    {"CALL-08.2", "a queued CallEx with a newer object, with a limit, is not interrupted",
     queued_call_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_NEWER, 0},
    {"CALL-08.3", "a queued CallEx with an older object is not interrupted, two processes",
     queued_call_is_immune, CTS_TWO_PROCESSES, CTS_LIMITED, EX_OLDER, 0},
    {"CALL-08.10", "a queued CallEx with an older object is not interrupted, limit",
     queued_call_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_OLDER, 0},
    {"CALL-08.4", "a CallEx with a newer object entered while another is set",
     call_entered_while_set_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_NEWER, CTS_SMOKE},
    {"CALL-08.5", "a CallEx with an older object of a thread interrupted before",
     call_of_an_interrupted_thread_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_OLDER, 0},
    {"CALL-08.6", "a CallEx with a newer object between interrupted ones",
     call_between_interrupted_ones_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_NEWER, 0},
    {"CALL-08.7", "a CallEx obeys its own, older object only", call_obeys_its_own_object_only,
     CTS_ONE_PROCESS, CTS_UNLIMITED, EX_OLDER, 0},
    {"CALL-08.8", "a CallEx obeys its own, newer object only, limit, two processes",
     call_obeys_its_own_object_only, CTS_TWO_PROCESSES, CTS_LIMITED, EX_NEWER, 0},
    {"CALL-08.9", "a CallEx obeys its own, newer object only, limit",
     call_obeys_its_own_object_only, CTS_ONE_PROCESS, CTS_LIMITED, EX_NEWER, 0},
};
CTS_GROUP(cts_group_call_immune, cases);
