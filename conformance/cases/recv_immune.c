/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RECV-06, RECV-07 and RECV-08: the receives that a Set must not reach. Recv, RecvEx without an
 * object and RecvEx with another object stand in the same situations; each then receives a request,
 * which shows that it had been waiting lawfully all the time.
 */
#include <cts/cts.h>

/* What the immune receive is: the row's variant. The other object may be older or newer. */
enum { RECV, EX_WITHOUT, EX_OLDER, EX_NEWER };

struct scene {
    struct cts_link link;
    Handle older;
    Handle sync; /* the one that is set; all of the server's process */
    Handle newer;
    struct cts_actor *client;
    struct cts_actor *server;
};

static struct scene scene_open(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.older = cts_sync_new(s.link.server_process);
    s.sync = cts_sync_new(s.link.server_process);
    s.newer = cts_sync_new(s.link.server_process);
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
    if (self->variant == RECV) {
        return cts_start_recv(s->server, s->link.server);
    }
    return cts_start_recv_ex(s->server, s->link.server, cts_mdelay(self), own_object(self, s));
}

/* The claim: it waits, and receives the next request. */
static void check_waits_and_receives(const struct scene *s, struct cts_op *recv)
{
    cts_check_blocked(recv);
    struct cts_op *call = cts_start_call(s->client, s->link.client, CTS_PLAIN);
    cts_check_returned(recv, rcOk);
    cts_check_served(s->server, recv, call);
}

/* RECV-06, 07, 08: Set while it waits. */
static void waiting_receive_is_immune(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = start_immune(self, &s);
    cts_require_blocked(recv);

    cts_set(s.link.server_process, s.sync);

    check_waits_and_receives(&s, recv);
}

/* RECV-06, 07, 08: entered while set. */
static void receive_entered_while_set_is_immune(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    cts_set(s.link.server_process, s.sync);

    struct cts_op *recv = start_immune(self, &s);

    check_waits_and_receives(&s, recv);
}

/* RECV-06, 07, 08: of a thread that the object has just interrupted; it is set once more. */
static void receive_of_an_interrupted_thread_is_immune(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *earlier = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
    cts_require_blocked(earlier);
    cts_set(s.link.server_process, s.sync);
    cts_require_returned(earlier, rcIpcInterrupt);
    struct cts_op *recv = start_immune(self, &s);
    cts_check_blocked(recv);

    cts_set(s.link.server_process, s.sync);

    check_waits_and_receives(&s, recv);
}

/* RECV-06, 07, 08: of a thread whose receive with the object has timed out. */
static void receive_after_a_timed_out_one_is_immune(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *earlier = cts_start_recv_ex(s.server, s.link.server, 1, s.sync);
    cts_require_returned(earlier, rcTimeout);
    struct cts_op *recv = start_immune(self, &s);
    cts_check_blocked(recv);

    cts_set(s.link.server_process, s.sync);

    check_waits_and_receives(&s, recv);
}

/* RECV-06, 07, 08: the same, entered when the object is set by then. */
static void receive_after_a_time_out_and_set_is_immune(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *earlier = cts_start_recv_ex(s.server, s.link.server, 1, s.sync);
    cts_require_returned(earlier, rcTimeout);
    cts_set(s.link.server_process, s.sync);

    struct cts_op *recv = start_immune(self, &s);

    check_waits_and_receives(&s, recv);
}

/* RECV-06, 07, 08: of a thread that has received with the object and replied; the object was set since, or is set
 * while this one waits. */
static void receive_after_a_served_one_is_immune(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *earlier = cts_start_recv_ex(s.server, s.link.server, cts_mdelay(self), s.sync);
    struct cts_op *call = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_require_returned(earlier, rcOk);
    cts_check_served(s.server, earlier, call);
    cts_set(s.link.server_process, s.sync);

    struct cts_op *recv = start_immune(self, &s);
    cts_check_blocked(recv);

    cts_set(s.link.server_process, s.sync);

    check_waits_and_receives(&s, recv);
}

/* RECV-06, 07, 08: while a receiver of another channel is interrupted. */
static void receive_beside_another_channel_is_immune(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_link elsewhere = cts_link_between(s.link.server_process, s.link.client_process);
    struct cts_actor *second = cts_actor_new(s.link.server_process, "second server");
    struct cts_op *recv = start_immune(self, &s);
    cts_require_blocked(recv);
    struct cts_op *other = cts_start_recv_ex(second, elsewhere.server, cts_mdelay(self), s.sync);
    cts_require_blocked(other);

    cts_set(s.link.server_process, s.sync);

    cts_check_returned(other, rcIpcInterrupt);
    check_waits_and_receives(&s, recv);
}

/* RECV-08: it still obeys its own object. */
static void receive_obeys_its_own_object_only(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = start_immune(self, &s);
    cts_require_blocked(recv);

    cts_set(s.link.server_process, s.sync);
    cts_check_blocked(recv);
    cts_set(s.link.server_process, own_object(self, &s));

    cts_check_returned(recv, rcIpcInterrupt);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* RECV-06, 07: while another receiver of the same handle is interrupted, who came before it or after it. */
static void receive_beside_an_interrupted_one_is_immune(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *ahead = cts_actor_new(s.link.server_process, "server ahead");
    struct cts_actor *behind = cts_actor_new(s.link.server_process, "server behind");
    struct cts_op *first = cts_start_recv_ex(ahead, s.link.server, cts_mdelay(self), s.sync);
    cts_require_blocked(first);
    struct cts_op *recv = start_immune(self, &s);
    cts_require_blocked(recv);
    struct cts_op *last = cts_start_recv_ex(behind, s.link.server, cts_mdelay(self), s.sync);
    cts_require_blocked(last);

    cts_set(s.link.server_process, s.sync);

    cts_check_returned(first, rcIpcInterrupt);
    cts_check_returned(last, rcIpcInterrupt);
    check_waits_and_receives(&s, recv);
}

/* RECV-07: INVALID_HANDLE is no object that could be set. */
static void receive_is_immune_to_no_object(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = start_immune(self, &s);
    cts_require_blocked(recv);
    struct cts_actor *setter = cts_actor_new(s.link.server_process, "setter");

    cts_check_error(cts_start_set(setter, INVALID_HANDLE));

    check_waits_and_receives(&s, recv);
    check_waits_and_receives(&s, start_immune(self, &s));
}

/* RECV-06, 07: to every object of the process, the first and the last included. */
static void receive_is_immune_to_every_object(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = start_immune(self, &s);
    cts_require_blocked(recv);

    cts_set(s.link.server_process, s.older);
    cts_set(s.link.server_process, s.newer);
    cts_set(s.link.server_process, s.sync);

    check_waits_and_receives(&s, recv);
    check_waits_and_receives(&s, start_immune(self, &s));
}

static const struct cts_case cases[] = {
    {"RECV-06.1", "a waiting Recv is not interrupted", waiting_receive_is_immune, CTS_ONE_PROCESS,
     CTS_UNLIMITED, RECV, CTS_SMOKE},
    {"RECV-06.2", "a waiting Recv is not interrupted, two processes", waiting_receive_is_immune,
     CTS_TWO_PROCESSES, CTS_UNLIMITED, RECV, 0},
    {"RECV-06.3", "a Recv entered while an object is set is not interrupted",
     receive_entered_while_set_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, CTS_SMOKE},
    {"RECV-06.4", "a Recv of a thread interrupted before is not interrupted",
     receive_of_an_interrupted_thread_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, 0},
    {"RECV-06.7", "a Recv of a thread whose RecvEx has timed out is not interrupted",
     receive_after_a_timed_out_one_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, 0},
    {"RECV-07.8", "a RecvEx without object of a thread whose RecvEx has timed out",
     receive_after_a_timed_out_one_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_WITHOUT, 0},
    {"RECV-07.9", "a RecvEx without object, with a limit, of a thread whose RecvEx has timed out",
     receive_after_a_timed_out_one_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_WITHOUT, 0},
    {"RECV-08.11", "a RecvEx with a newer object of a thread whose RecvEx has timed out",
     receive_after_a_timed_out_one_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_NEWER, 0},
    {"RECV-08.12", "a RecvEx with an older object, with a limit, after one that has timed out",
     receive_after_a_timed_out_one_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_OLDER, 0},
    {"RECV-06.32", "a Recv of a thread that has received with an object is not interrupted",
     receive_after_a_served_one_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, 0},
    {"RECV-06.33", "a Recv of a thread that has received with an object and a limit",
     receive_after_a_served_one_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
    {"RECV-07.32", "a RecvEx without object of a thread that has received with one",
     receive_after_a_served_one_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_WITHOUT, 0},
    {"RECV-07.33", "a RecvEx without object, limit, of a thread that has received with one",
     receive_after_a_served_one_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_WITHOUT, 0},
    {"RECV-08.30", "a RecvEx with an older object of a thread that has received with another",
     receive_after_a_served_one_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_OLDER, 0},
    {"RECV-08.31",
     "a RecvEx with a newer object, limit, of a thread that has received with another",
     receive_after_a_served_one_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_NEWER, 0},
    {"RECV-06.34", "a Recv after a time-out, entered while the object of that is set",
     receive_after_a_time_out_and_set_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, 0},
    {"RECV-07.34", "a RecvEx without object, limit, after a time-out, the object of that set",
     receive_after_a_time_out_and_set_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_WITHOUT, 0},
    {"RECV-08.32", "a RecvEx with a newer object after a time-out, the object of that set",
     receive_after_a_time_out_and_set_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_NEWER, 0},
    {"RECV-08.33", "a RecvEx with an older object, limit, after a time-out, the object of that set",
     receive_after_a_time_out_and_set_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_OLDER, 0},
    {"RECV-06.5", "a Recv beside an interrupted channel is not interrupted",
     receive_beside_another_channel_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},

    {"RECV-06.8", "a Recv between interrupted ones is not interrupted",
     receive_beside_an_interrupted_one_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, 0},
    {"RECV-06.9", "a Recv between interrupted ones is not interrupted, limit, two processes",
     receive_beside_an_interrupted_one_is_immune, CTS_TWO_PROCESSES, CTS_LIMITED, RECV, 0},
    {"RECV-06.10", "a Recv between interrupted ones is not interrupted, limit",
     receive_beside_an_interrupted_one_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
    {"RECV-07.40", "a RecvEx without object is not interrupted by Set on INVALID_HANDLE",
     receive_is_immune_to_no_object, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_WITHOUT, 0},
    {"RECV-07.41",
     "a RecvEx without object is not interrupted by Set on INVALID_HANDLE, two processes",
     receive_is_immune_to_no_object, CTS_TWO_PROCESSES, CTS_LIMITED, EX_WITHOUT, 0},
    {"RECV-06.6", "a Recv is not interrupted by any object of its process",
     receive_is_immune_to_every_object, CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, 0},
    {"RECV-07.7", "a RecvEx without object is not interrupted by any object of its process",
     receive_is_immune_to_every_object, CTS_ONE_PROCESS, CTS_LIMITED, EX_WITHOUT, 0},

    {"RECV-07.1", "a waiting RecvEx without object is not interrupted", waiting_receive_is_immune,
     CTS_ONE_PROCESS, CTS_UNLIMITED, EX_WITHOUT, CTS_SMOKE},
    {"RECV-07.2", "a waiting RecvEx without object, with a limit, is not interrupted",
     waiting_receive_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_WITHOUT, 0},
    {"RECV-07.3", "a waiting RecvEx without object is not interrupted, two processes",
     waiting_receive_is_immune, CTS_TWO_PROCESSES, CTS_LIMITED, EX_WITHOUT, 0},
    {"RECV-07.4", "a RecvEx without object entered while an object is set",
     receive_entered_while_set_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_WITHOUT, 0},
    {"RECV-07.5", "a RecvEx without object of a thread interrupted before",
     receive_of_an_interrupted_thread_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_WITHOUT, 0},
    {"RECV-07.6", "a RecvEx without object beside an interrupted channel",
     receive_beside_another_channel_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_WITHOUT, 0},

    {"RECV-08.1", "a waiting RecvEx with an older object is not interrupted",
     waiting_receive_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_OLDER, CTS_SMOKE},
    {"RECV-08.2", "a waiting RecvEx with a newer object, with a limit, is not interrupted",
     waiting_receive_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_NEWER, 0},
    {"RECV-08.3", "a waiting RecvEx with an older object is not interrupted, two processes",
     waiting_receive_is_immune, CTS_TWO_PROCESSES, CTS_LIMITED, EX_OLDER, 0},
    {"RECV-08.10", "a waiting RecvEx with an older object is not interrupted, limit",
     waiting_receive_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_OLDER, 0},
    {"RECV-08.4", "a RecvEx with a newer object entered while another is set",
     receive_entered_while_set_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_NEWER, CTS_SMOKE},
    {"RECV-08.5", "a RecvEx with an older object of a thread interrupted before",
     receive_of_an_interrupted_thread_is_immune, CTS_ONE_PROCESS, CTS_UNLIMITED, EX_OLDER, 0},
    {"RECV-08.6", "a RecvEx with a newer object beside an interrupted channel",
     receive_beside_another_channel_is_immune, CTS_ONE_PROCESS, CTS_LIMITED, EX_NEWER, 0},
    {"RECV-08.7", "a RecvEx obeys its own, older object only", receive_obeys_its_own_object_only,
     CTS_ONE_PROCESS, CTS_UNLIMITED, EX_OLDER, 0},
    {"RECV-08.8", "a RecvEx obeys its own, newer object only, limit, two processes",
     receive_obeys_its_own_object_only, CTS_TWO_PROCESSES, CTS_LIMITED, EX_NEWER, 0},
    {"RECV-08.9", "a RecvEx obeys its own, newer object only, limit",
     receive_obeys_its_own_object_only, CTS_ONE_PROCESS, CTS_LIMITED, EX_NEWER, 0},
};
CTS_GROUP(cts_group_recv_immune, cases);
