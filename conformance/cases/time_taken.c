/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TIME-06, TIME-01: the limit of a CallEx goes on while a server holds its request. The late Reply may return
 * anything and reaches nobody; window_call_time.c has the single exchange, here are more of them.
 */
#include <cts/cts.h>

#define A_LITTLE_MORE 10 /* milliseconds */

/* variant: whether the late Reply comes before what is looked at, or after. */
enum { UNANSWERED = 1, ANSWERED };
/* variant: whose call follows. */
enum { SAME_THREAD = 1, OTHER_THREAD };

struct scene {
    struct cts_link link;
    Handle sync;
    struct cts_actor *client;
    struct cts_actor *other;
    struct cts_actor *server;
    struct cts_actor *second; /* server */
};

static struct scene scene_on_real_time(const struct cts_case *self)
{
    struct scene s = {.link = cts_link_open(self->layout)};
    s.sync = cts_sync_new(s.link.client_process);
    s.client = cts_actor_new(s.link.client_process, "client");
    s.other = cts_actor_new(s.link.client_process, "other client");
    s.server = cts_actor_new(s.link.server_process, "server");
    s.second = cts_actor_new(s.link.server_process, "second server");
    return s;
}

static struct scene scene_open(const struct cts_case *self)
{
    cts_use_virtual_time();
    return scene_on_real_time(self);
}

/* A call with that limit whose request `server` has taken. */
static struct cts_op *call_taken(const struct scene *s, struct cts_actor *client,
                                 struct cts_actor *server, rtl_uint32_t mdelay,
                                 struct cts_op **recv)
{
    *recv = cts_start_recv(server, s->link.server);
    cts_require_blocked(*recv);
    struct cts_op *call = cts_start_call_ex(client, s->link.client, CTS_PLAIN, mdelay, s->sync);
    cts_require_returned(*recv, rcOk);
    return call;
}

static void late_reply(struct cts_actor *server, struct cts_op *recv)
{
    Retcode rc = cts_wait(cts_start_reply(server, recv, CTS_PLAIN));
    cts_observe("Reply to a CallEx that has timed out", cts_rc_name(rc));
}

/* TIME-06: Set comes in service and cannot end the call; the limit does. */
static void set_then_due_in_service(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = NULL;
    struct cts_op *call = call_taken(&s, s.client, s.server, 1000, &recv);

    cts_set(s.link.client_process, s.sync);
    cts_advance_ms(999);
    cts_check_blocked(call);
    cts_advance_ms(1 + A_LITTLE_MORE);

    cts_check_returned(call, rcTimeout);
    late_reply(s.server, recv);
    cts_clear(s.link.client_process, s.sync);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* CALL-12: a Set in service outlives the limit that ends the call: the next CallEx, by the thread whose call it was
 * or by another one, is interrupted. */
static void set_outlives_the_limit(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = NULL;
    struct cts_op *call = call_taken(&s, s.client, s.server, 1000, &recv);
    cts_set(s.link.client_process, s.sync);
    cts_advance_ms(1000 + A_LITTLE_MORE);
    cts_require_returned(call, rcTimeout);

    struct cts_op *next = cts_start_call_ex(self->variant == OTHER_THREAD ? s.other : s.client,
                                            s.link.client, CTS_PLAIN, INFINITE_TIMEOUT, s.sync);

    cts_check_returned(next, rcIpcInterrupt);
    late_reply(s.server, recv);
    cts_clear(s.link.client_process, s.sync);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* TIME-06: the limit counts from the call and not from the moment when the request was taken. */
static void time_in_the_queue_counts(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *call = cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, 1000, s.sync);
    cts_require_blocked(call);
    cts_advance_ms(600);
    struct cts_op *recv = cts_start_recv(s.server, s.link.server);
    cts_require_returned(recv, rcOk);

    cts_advance_ms(399);
    cts_check_blocked(call);
    cts_advance_ms(1 + A_LITTLE_MORE);

    cts_check_returned(call, rcTimeout);
    late_reply(s.server, recv);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* On real time the limit is compared with that of a call that nobody takes. A limit that is counted from the moment of
 * taking passes as long after it as one that is counted from the call passes before it. */
enum { LIMIT_MS = 600, TAKEN_AFTER_MS = 450, COMPARED_MS = LIMIT_MS + TAKEN_AFTER_MS / 2 };
enum { LATE_TRIALS = 3, TRIALS_MAX = 6 };
#define NS_PER_MS 1000000ull
#define LIMIT_IS_SHARP_NS ((COMPARED_MS + TAKEN_AFTER_MS / 4) * NS_PER_MS)
#define BEGUN_ANEW_NS ((TAKEN_AFTER_MS + LIMIT_MS) * NS_PER_MS)
#define ENOUGH_NS (5000 * NS_PER_MS)
enum trial { IN_TIME, LATE, NOT_MEASURED };

static enum trial compare_with_untaken(const struct scene *s, const struct cts_link *untaken,
                                       rtl_uint64_t *spent_ns)
{
    struct cts_op *compared =
        cts_start_call_ex(s->other, untaken->client, CTS_PLAIN, COMPARED_MS, INVALID_HANDLE);
    struct cts_op *call =
        cts_start_call_ex(s->client, s->link.client, CTS_PLAIN, LIMIT_MS, s->sync);
    cts_require_returned(cts_start_sleep(s->second, TAKEN_AFTER_MS), rcOk);
    /* With a limit, since a call that this machine has let time out is not there to be taken. */
    struct cts_op *recv = cts_start_recv_ex(s->server, s->link.server, LIMIT_MS, INVALID_HANDLE);
    bool taken = cts_wait(recv) == rcOk;
    cts_check_returned(call, rcTimeout);
    cts_require_returned(compared, rcTimeout);
    if (taken) {
        late_reply(s->server, recv);
    }
    *spent_ns += cts_elapsed_ns(call) + cts_elapsed_ns(recv);
    if (taken && cts_elapsed_ns(call) < cts_elapsed_ns(compared)) {
        return IN_TIME;
    }
    /* Just late it may be, as nothing says how soon a limit is noticed. */
    bool is_anew = cts_elapsed_ns(call) + 50 * NS_PER_MS > BEGUN_ANEW_NS &&
                   cts_elapsed_ns(call) < BEGUN_ANEW_NS + 150 * NS_PER_MS;
    return taken && is_anew && cts_elapsed_ns(compared) < LIMIT_IS_SHARP_NS ? LATE : NOT_MEASURED;
}

/* TIME-06: the same on real time. Once in time is enough, and a library that looks at limits now and then, or a
 * machine that is busy, is not measured. */
static void time_in_the_queue_counts_on_real_time(const struct cts_case *self)
{
    struct scene s = scene_on_real_time(self);
    struct cts_link untaken = cts_link_between(s.link.client_process, s.link.client_process);
    rtl_uint64_t spent_ns = 0;
    int late = 0;
    enum trial trial = NOT_MEASURED;
    for (int i = 0;
         i < TRIALS_MAX && late < LATE_TRIALS && trial != IN_TIME && spent_ns < ENOUGH_NS; i++) {
        trial = compare_with_untaken(&s, &untaken, &spent_ns);
        late += trial == LATE;
    }

    if (trial != IN_TIME && late < LATE_TRIALS) {
        cts_observe("limit of a call that is taken late", "slow: not measured");
    } else {
        cts_check_that(trial == IN_TIME, "the limit counts from the call, not from its taking");
    }
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* TIME-06: two servers hold requests of two clients; the limit of one passes and the other is
 * answered, by the server that took it and by nobody else. */
static void one_of_two_is_due(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv_due = NULL;
    struct cts_op *recv_other = NULL;
    struct cts_op *due = call_taken(&s, s.client, s.server, 1000, &recv_due);
    struct cts_op *other = call_taken(&s, s.other, s.second, INFINITE_TIMEOUT, &recv_other);

    cts_advance_ms(1000 + A_LITTLE_MORE);

    cts_check_returned(due, rcTimeout);
    cts_check_blocked(other);
    late_reply(s.server, recv_due);
    cts_check_blocked(other);
    cts_check_served(s.second, recv_other, other);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* TIME-06 and CALL-15: the thread that timed out calls again, and a second server takes that
 * request before the first one replies. */
static void late_reply_while_the_next_is_taken(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv_old = NULL;
    struct cts_op *recv_new = NULL;
    struct cts_op *old = call_taken(&s, s.client, s.server, 1000, &recv_old);
    cts_advance_ms(1000 + A_LITTLE_MORE);
    cts_check_returned(old, rcTimeout);
    struct cts_op *next = call_taken(&s, s.client, s.second, INFINITE_TIMEOUT, &recv_new);

    late_reply(s.server, recv_old);

    cts_check_blocked(next);
    cts_check_served(s.second, recv_new, next);
}

/* TIME-06: several calls of one thread time out in service one after the other, and the server
 * replies late to each; then a call is answered in time. */
static void due_again_and_again(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    for (int i = 0; i < 3; i++) {
        struct cts_op *recv = NULL;
        struct cts_op *call = call_taken(&s, s.client, s.server, 1000, &recv);
        cts_advance_ms(1000 + A_LITTLE_MORE);
        cts_check_returned(call, rcTimeout);
        late_reply(s.server, recv);
    }
    struct cts_op *recv = NULL;
    struct cts_op *call = call_taken(&s, s.client, s.server, 1000, &recv);
    cts_check_served(s.server, recv, call);
}

/* TIME-06: a service of hours under a longer limit is answered, under a shorter one it is not. The
 * first wait tells whether there is virtual time: the harness skips where a limit of more than four
 * seconds would have to pass in real time. */
static void service_of_hours(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = NULL;
    struct cts_op *call = call_taken(&s, s.client, s.server, 5000, &recv);
    cts_advance_ms(5000 + A_LITTLE_MORE);
    cts_require_returned(call, rcTimeout);
    late_reply(s.server, recv);

    call = call_taken(&s, s.client, s.server, 7200000, &recv);
    cts_advance_ms(7199999);
    cts_check_blocked(call);
    cts_check_served(s.server, recv, call);

    call = call_taken(&s, s.client, s.server, 7200000, &recv);
    cts_advance_ms(7200000 + A_LITTLE_MORE);
    cts_check_returned(call, rcTimeout);
    late_reply(s.server, recv);
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* TIME-06: while another server waits on the channel. That one gets the next request. */
static void due_while_another_server_waits(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *recv = NULL;
    struct cts_op *call = call_taken(&s, s.client, s.server, 1000, &recv);
    struct cts_op *waiting = cts_start_recv(s.second, s.link.server);
    cts_require_blocked(waiting);

    cts_advance_ms(1000 + A_LITTLE_MORE);

    cts_check_returned(call, rcTimeout);
    cts_check_blocked(waiting);
    late_reply(s.server, recv);
    struct cts_op *next = cts_start_call(s.client, s.link.client, CTS_PLAIN);
    cts_check_returned(waiting, rcOk);
    cts_check_served(s.second, waiting, next);
}

/* A call has timed out in service, and the late Reply has come by then or not. */
static struct scene scene_due(const struct cts_case *self, struct cts_op **recv)
{
    struct scene s = scene_open(self);
    struct cts_op *call = call_taken(&s, s.client, s.server, 1000, recv);
    cts_advance_ms(1000 + A_LITTLE_MORE);
    cts_require_returned(call, rcTimeout);
    if (self->variant == ANSWERED) {
        late_reply(s.server, *recv);
    }
    return s;
}

/* OBJ-09: Close of the object of a call that has timed out in service returns rcOk, whether the server has
 * answered by then or not. */
static void closed_after_due_in_service(const struct cts_case *self)
{
    struct cts_op *recv = NULL;
    struct scene s = scene_due(self, &recv);

    cts_check_returned(cts_start_close(s.other, s.sync), rcOk);

    if (self->variant != ANSWERED) {
        late_reply(s.server, recv);
    }
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

/* CALL-01: the next call of a thread whose call has timed out in service is interrupted like any other. */
static void interrupted_after_due_in_service(const struct cts_case *self)
{
    struct cts_op *recv = NULL;
    struct scene s = scene_due(self, &recv);
    struct cts_op *call =
        cts_start_call_ex(s.client, s.link.client, CTS_PLAIN, INFINITE_TIMEOUT, s.sync);
    cts_require_blocked(call);

    cts_set(s.link.client_process, s.sync);

    cts_check_returned(call, rcIpcInterrupt);
    cts_clear(s.link.client_process, s.sync);
    if (self->variant != ANSWERED) {
        late_reply(s.server, recv);
    }
    cts_check_exchange(s.client, s.link.client, s.server, s.link.server);
}

static const struct cts_case cases[] = {
    {"TIME-01.95", "the limit of a CallEx passes while a server holds the request",
     time_in_the_queue_counts, CTS_ONE_PROCESS, CTS_UNLIMITED, 0, CTS_WAITS},
    {"TIME-01.96", "the limit of a CallEx passes in service, and that of another does not",
     one_of_two_is_due, CTS_TWO_PROCESSES, CTS_UNLIMITED, 0, CTS_WAITS},
    {"TIME-06.51", "Set in service, then the limit", set_then_due_in_service, CTS_ONE_PROCESS,
     CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-06.52", "Set in service, then the limit, two processes", set_then_due_in_service,
     CTS_TWO_PROCESSES, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-06.53", "time in the queue counts for the limit in service", time_in_the_queue_counts,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-06.62", "time in the queue counts for the limit in service, real time",
     time_in_the_queue_counts_on_real_time, CTS_ONE_PROCESS, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-06.63", "time in the queue counts for the limit in service, two processes, real time",
     time_in_the_queue_counts_on_real_time, CTS_TWO_PROCESSES, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-06.54", "the limit of one of two requests in service passes", one_of_two_is_due,
     CTS_ONE_PROCESS, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-06.55", "the limit of one of two requests in service passes, two processes",
     one_of_two_is_due, CTS_TWO_PROCESSES, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-06.56", "a late Reply while the next request of the thread is taken",
     late_reply_while_the_next_is_taken, CTS_ONE_PROCESS, CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-06.57", "limits pass in service again and again", due_again_and_again, CTS_ONE_PROCESS,
     CTS_LIMITED, 0, CTS_WAITS},
    {"TIME-06.58", "a service of hours", service_of_hours, CTS_ONE_PROCESS, CTS_LIMITED, 0, 0},
    {"TIME-06.59", "the limit passes in service while another server waits",
     due_while_another_server_waits, CTS_ONE_PROCESS, CTS_LIMITED, 0, CTS_WAITS},
    {"CALL-12.9", "Set in service, then the limit, interrupts the next CallEx of the thread",
     set_outlives_the_limit, CTS_ONE_PROCESS, CTS_LIMITED, SAME_THREAD, CTS_WAITS},
    {"CALL-12.10", "Set in service, then the limit, interrupts the next CallEx, two processes",
     set_outlives_the_limit, CTS_TWO_PROCESSES, CTS_LIMITED, OTHER_THREAD, CTS_WAITS},
    {"OBJ-09.45", "Close after a CallEx has timed out in service", closed_after_due_in_service,
     CTS_ONE_PROCESS, CTS_LIMITED, UNANSWERED, CTS_WAITS},
    {"OBJ-09.46", "Close after a CallEx has timed out in service and was answered",
     closed_after_due_in_service, CTS_ONE_PROCESS, CTS_LIMITED, ANSWERED, CTS_WAITS},
    {"CALL-01.87", "a queued CallEx is interrupted after one that timed out in service",
     interrupted_after_due_in_service, CTS_ONE_PROCESS, CTS_LIMITED, UNANSWERED, CTS_WAITS},
    {"CALL-01.88", "a queued CallEx is interrupted after one that timed out and was answered late",
     interrupted_after_due_in_service, CTS_ONE_PROCESS, CTS_LIMITED, ANSWERED, CTS_WAITS},
    {"CALL-01.89", "a queued CallEx is interrupted after one that timed out, two processes",
     interrupted_after_due_in_service, CTS_TWO_PROCESSES, CTS_LIMITED, UNANSWERED, CTS_WAITS},
};
CTS_GROUP(cts_group_time_taken, cases);
