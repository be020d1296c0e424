/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RACE-03, RACE-02: Set, Clear and Close meet a call that is about to begin its wait, with the delay
 * steered to where they meet. A call that meets a Set is interrupted, whenever in its entry that comes.
 */
#include <cts/cts.h>

/* variant: kind of the wait, and how many others wait already. */
enum { CALLS = 0, RECEIVES = 1, CROWD = 2 };
enum { OTHERS = 3, ENTRY_PHASES = CTS_PHASE_BEFORE | CTS_PHASE_ENTERING | CTS_PHASE_BLOCKED };

struct scene {
    struct cts_link link;
    struct cts_process *process; /* of those who wait */
    Handle sync;
    struct cts_actor *waiter;
    struct cts_actor *setter;
    struct cts_actor *others[OTHERS];
    struct cts_actor *peer; /* at the other end of the channel */
};

static struct scene scene_open(const struct cts_case *self)
{
    static const char *const names[OTHERS] = {"other 1", "other 2", "other 3"};
    struct scene s = {.link = cts_link_open(self->layout)};
    bool receives = (self->variant & RECEIVES) != 0;
    s.process = receives ? s.link.server_process : s.link.client_process;
    s.sync = cts_sync_new(s.process);
    s.waiter = cts_actor_new(s.process, "waiter");
    s.setter = cts_actor_new(s.process, "setter");
    for (int i = 0; i < OTHERS && (self->variant & CROWD) != 0; i++) {
        s.others[i] = cts_actor_new(s.process, names[i]);
    }
    s.peer = cts_actor_new(receives ? s.link.client_process : s.link.server_process, "peer");
    return s;
}

static struct cts_op *start_wait(const struct cts_case *self, const struct scene *s,
                                 struct cts_actor *actor, Handle sync)
{
    return (self->variant & RECEIVES) != 0
               ? cts_start_recv_ex(actor, s->link.server, cts_mdelay(self), sync)
               : cts_start_call_ex(actor, s->link.client, CTS_PLAIN, cts_mdelay(self), sync);
}

static struct cts_op *queue_wait(const struct cts_case *self, const struct scene *s, Handle sync)
{
    cts_program_begin(s->waiter);
    return start_wait(self, s, s->waiter, sync);
}

static void check_channel_works(const struct cts_case *self, const struct scene *s)
{
    if ((self->variant & RECEIVES) != 0) {
        cts_check_exchange(s->peer, s->link.client, s->waiter, s->link.server);
    } else {
        cts_check_exchange(s->waiter, s->link.client, s->peer, s->link.server);
    }
}

/* RACE-03: no Set is lost, neither on the one that comes nor on those that wait. */
static void set_meets_the_entry(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *others[OTHERS] = {NULL};
    struct cts_race *race =
        cts_race_open((self->variant & RECEIVES) != 0 ? "Set against the entry of RecvEx"
                                                      : "Set against the entry of CallEx",
                      ENTRY_PHASES, 0);
    while (cts_race_next(race)) {
        for (int i = 0; i < OTHERS && s.others[i] != NULL; i++) {
            others[i] = start_wait(self, &s, s.others[i], s.sync);
        }
        cts_settle();
        struct cts_op *wait = queue_wait(self, &s, s.sync);
        cts_program_begin(s.setter);
        struct cts_op *set = cts_start_set(s.setter, s.sync);
        cts_race_run(race, set, wait);

        cts_check_returned(set, rcOk);
        cts_check_returned(wait, rcIpcInterrupt);
        for (int i = 0; i < OTHERS && s.others[i] != NULL; i++) {
            cts_check_returned(others[i], rcIpcInterrupt);
        }
        cts_clear(s.process, s.sync);
        cts_race_record(race, &(struct cts_race_trial){.wait = wait, .outcome = "interrupted"});
    }
    check_channel_works(self, &s);
}

/* RACE-02: a Clear comes before or after the call has looked; if it was before, the call waits and obeys
 * the next Set. */
static void clear_meets_the_entry(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_race *race =
        cts_race_open((self->variant & RECEIVES) != 0 ? "Clear against the entry of RecvEx"
                                                      : "Clear against the entry of CallEx",
                      CTS_PHASE_BEFORE | CTS_PHASE_ENTERING | CTS_PHASE_AFTER, 0);
    while (cts_race_next(race)) {
        cts_set(s.process, s.sync);
        struct cts_op *wait = queue_wait(self, &s, s.sync);
        cts_program_begin(s.setter);
        struct cts_op *clear = cts_start_clear(s.setter, s.sync);
        cts_race_run(race, clear, wait);

        cts_check_returned(clear, rcOk);
        cts_settle();
        const char *outcome = cts_returned(wait) ? "interrupted" : "waits";
        cts_set(s.process, s.sync);
        cts_check_returned(wait, rcIpcInterrupt);
        cts_clear(s.process, s.sync);
        cts_race_record(race, &(struct cts_race_trial){.wait = wait, .outcome = outcome});
    }
    check_channel_works(self, &s);
}

/* The lawful end of a wait that Close met: an error, an interruption, or it goes on and is served. */
static const char *end_wait(const struct cts_case *self, const struct scene *s, struct cts_op *wait)
{
    bool served = (self->variant & RECEIVES) != 0
                      ? cts_recv_is_served(wait, s->link.server, s->peer, s->link.client)
                      : cts_call_is_served(wait, s->link.client, s->peer, s->link.server);
    if (served) {
        return "waits";
    }
    return cts_rc(wait) == rcIpcInterrupt ? "interrupted" : "error";
}

/* RACE-02: Close of the object; STATE-07 leaves open what it does to the call, OBJ-14 and the rest of the
 * channel go on. */
static void close_meets_the_wait(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_race *race =
        cts_race_open((self->variant & RECEIVES) != 0 ? "Close against the wait of RecvEx"
                                                      : "Close against the wait of CallEx",
                      ENTRY_PHASES, 0);
    while (cts_race_next(race)) {
        Handle sync = cts_sync_new(s.process);
        struct cts_op *wait = queue_wait(self, &s, sync);
        cts_program_begin(s.setter);
        struct cts_op *closed = cts_start_close(s.setter, sync);
        cts_race_run(race, closed, wait);

        bool refused = cts_wait(closed) != rcOk; /* while it is in use a library may do that */
        const char *outcome = end_wait(self, &s, wait);
        if (refused) {
            (void)cts_wait(cts_start_close(s.setter, sync)); /* an object that stays is a LEAK */
        }
        cts_race_record(race, &(struct cts_race_trial){.wait = wait, .outcome = outcome});
    }
    check_channel_works(self, &s);
}

#define WINDOW (CTS_FREE_RUNNING | CTS_EXCLUSIVE | CTS_LONG)

/* RACE-03: Sets of two objects meet; each interrupts the thread that waits with its own. */
static void set_meets_the_set_of_another_object(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_actor *other = cts_actor_new(s.process, "other");
    struct cts_actor *other_setter = cts_actor_new(s.process, "other setter");
    Handle other_sync = cts_sync_new(s.process);
    struct cts_race *race =
        cts_race_open("Set against Set of another object", CTS_PHASE_BLOCKED, 0);
    while (cts_race_next(race)) {
        struct cts_op *wait = start_wait(self, &s, s.waiter, s.sync);
        struct cts_op *other_wait = start_wait(self, &s, other, other_sync);
        cts_settle();
        cts_program_begin(s.setter);
        struct cts_op *set = cts_start_set(s.setter, s.sync);
        cts_program_begin(other_setter);
        struct cts_op *other_set = cts_start_set(other_setter, other_sync);
        cts_race_run(race, set, other_set);

        cts_check_returned(set, rcOk);
        cts_check_returned(other_set, rcOk);
        cts_check_returned(wait, rcIpcInterrupt);
        cts_check_returned(other_wait, rcIpcInterrupt);
        cts_clear(s.process, s.sync);
        cts_clear(s.process, other_sync);
        cts_race_record(race, &(struct cts_race_trial){.wait = wait, .outcome = "interrupted"});
    }
    check_channel_works(self, &s);
}

/* RACE-03: Set has returned and the object is closed before the thread that it woke has run. What that
 * thread finds is open (STATE-07): the interruption, a closed object, or nothing any more, when it looks
 * itself. But it is awake: it returns, or its peer completes it. */
static void closed_before_the_woken_has_run(const struct cts_case *self)
{
    struct scene s = scene_open(self);
    struct cts_op *wait = start_wait(self, &s, s.waiter, s.sync);
    cts_require_blocked(wait);
    cts_freeze(s.waiter);
    cts_program_begin(s.setter);
    struct cts_op *set = cts_start_set(s.setter, s.sync);
    struct cts_op *close = cts_start_close(s.setter, s.sync);
    cts_program_run();
    cts_settle();
    bool set_waits = !cts_returned(set);

    cts_thaw(s.waiter);

    if (set_waits) {
        cts_skip("Set waits for the threads that it wakes");
    }
    cts_observe("a call whose object is set and closed at once", end_wait(self, &s, wait));
    if (cts_wait(close) != rcOk) {
        (void)cts_wait(cts_start_close(s.setter, s.sync)); /* it was refused while in use */
    }
    check_channel_works(self, &s);
}

static const struct cts_case cases[] = {
    {"RACE-03.31", "window: Set against the entry of CallEx", set_meets_the_entry, CTS_ONE_PROCESS,
     CTS_UNLIMITED, CALLS, WINDOW},
    {"RACE-03.32", "window: Set against the entry of RecvEx", set_meets_the_entry, CTS_ONE_PROCESS,
     CTS_UNLIMITED, RECEIVES, WINDOW},
    {"RACE-03.33", "window: Set against the entry of CallEx, limit, two processes",
     set_meets_the_entry, CTS_TWO_PROCESSES, CTS_LIMITED, CALLS, WINDOW},
    {"RACE-03.60", "window: Set against the entry of CallEx, limit", set_meets_the_entry,
     CTS_ONE_PROCESS, CTS_LIMITED, CALLS, WINDOW},
    {"RACE-03.61", "window: Set against the entry of RecvEx, limit", set_meets_the_entry,
     CTS_ONE_PROCESS, CTS_LIMITED, RECEIVES, WINDOW},
    {"RACE-03.34", "window: Set against the entry of RecvEx, limit, one CPU", set_meets_the_entry,
     CTS_ONE_PROCESS, CTS_LIMITED, RECEIVES, CTS_LONG},
    {"RACE-03.35", "window: Set against the entry of CallEx while others wait", set_meets_the_entry,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS | CROWD, WINDOW},
    {"RACE-03.36", "window: Set against the entry of RecvEx while others wait, two processes",
     set_meets_the_entry, CTS_TWO_PROCESSES, CTS_UNLIMITED, RECEIVES | CROWD, WINDOW},
    {"RACE-02.31", "window: Clear against the entry of CallEx", clear_meets_the_entry,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, WINDOW},
    {"RACE-02.32", "window: Clear against the entry of RecvEx, limit", clear_meets_the_entry,
     CTS_ONE_PROCESS, CTS_LIMITED, RECEIVES, WINDOW},
    {"RACE-02.33", "window: Close against the wait of CallEx", close_meets_the_wait,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, WINDOW},
    {"RACE-02.34", "window: Close against the wait of RecvEx", close_meets_the_wait,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RECEIVES, WINDOW},
    {"RACE-03.37", "window: Set against Set of another object", set_meets_the_set_of_another_object,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, CTS_FREE_RUNNING | CTS_EXCLUSIVE | CTS_LONG},
    {"RACE-03.21", "Close after Set while the CallEx is held", closed_before_the_woken_has_run,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALLS, 0},
    {"RACE-03.22", "Close after Set while the RecvEx is held", closed_before_the_woken_has_run,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RECEIVES, 0},
};
CTS_GROUP(cts_group_race_window_entry, cases);
