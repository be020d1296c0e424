/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OBJ-14: a handle value that is reused after Close names only the new object. A library need not
 * reuse values; then nothing is claimed here but that the old value reaches nothing. What happens
 * to a thread whose object is closed is open (STATE-07): it may go on waiting or get an error.
 */
#include <cts/cts.h>

enum { CALL = 0, RECV = 1 };

/* A library that guards its places with a 16-bit generation, and uses free places in turn, comes
 * round the sooner the fewer places are free: so most of the first 256 are kept taken. */
enum { KEPT = 252, ROUNDS = 300000 };

/* Rounds of one operation: the harness limits an operation, and a library may be slow. One that is
 * slower than the budget is tried less often. */
enum { PORTION = 2000 };
#define BUDGET_NS 10000000000u
#define SOON_NS 2000000000u
#define CONTROL_MS 3000u

/* A library may have room for fewer (OBJ-16): then all but two places are taken. */
static void keep_objects(struct cts_process *process, struct cts_actor *owner)
{
    enum { LEFT_FREE = 2 };
    Handle kept[KEPT] = {0};
    for (int count = 0; count < KEPT; count++) {
        struct cts_op *create = cts_start_create(owner);
        cts_may_lack_room(create);
        if (cts_wait(create) != rcOk) {
            cts_require_that(count >= CTS_SURELY_ROOM_FOR, "several objects can be alive at once");
            for (int i = 0; i < LEFT_FREE; i++) {
                cts_close(process, kept[count - 1 - i]);
            }
            return;
        }
        kept[count] = cts_handle(create);
    }
}

/* Create and close until Create gives `value` again; that object is then alive. All of a case have one budget. */
static bool create_again(struct cts_actor *actor, Handle value, rtl_uint64_t *spent_ns)
{
    for (int done = 0; done < ROUNDS && *spent_ns < BUDGET_NS; done += PORTION) {
        struct cts_op *recreate = cts_start_recreate(actor, value, PORTION);
        cts_require_returned(recreate, rcOk);
        if (cts_handle(recreate) == value) {
            return true;
        }
        *spent_ns += cts_elapsed_ns(recreate);
    }
    cts_observe("closed handle value", "not reused in very many rounds");
    return false;
}

/* The thread of the old object, and the other end of its channel. */
struct old {
    struct cts_link link;
    struct cts_process *process;
    struct cts_actor *waiter;
    struct cts_actor *peer;
    struct cts_actor *owner; /* creates, sets and closes */
    Handle sync;
};

static struct old old_new(const struct cts_case *self, bool keep)
{
    struct old old = {.link = cts_link_open(self->layout)};
    bool calls = self->variant == CALL;
    old.process = calls ? old.link.client_process : old.link.server_process;
    old.waiter = cts_actor_new(old.process, "waiter");
    old.owner = cts_actor_new(old.process, "owner");
    old.peer = cts_actor_new(calls ? old.link.server_process : old.link.client_process, "peer");
    if (keep) {
        keep_objects(old.process, old.owner);
    }
    old.sync = cts_sync_new(old.process);
    return old;
}

static struct cts_op *start_wait(const struct cts_case *self, const struct old *old, Handle sync)
{
    if (self->variant == CALL) {
        return cts_start_call_ex(old->waiter, old->link.client, CTS_PLAIN, cts_mdelay(self), sync);
    }
    return cts_start_recv_ex(old->waiter, old->link.server, cts_mdelay(self), sync);
}

/* The peer comes and the waiting call completes. */
static void check_completes(const struct cts_case *self, const struct old *old, struct cts_op *wait)
{
    if (self->variant == CALL) {
        struct cts_op *recv = cts_start_recv(old->peer, old->link.server);
        cts_check_returned(recv, rcOk);
        cts_check_served(old->peer, recv, wait);
    } else {
        struct cts_op *call = cts_start_call(old->peer, old->link.client, CTS_PLAIN);
        cts_check_returned(wait, rcOk);
        cts_check_served(old->waiter, wait, call);
    }
}

static bool is_served(const struct cts_case *self, const struct old *old, struct cts_op *wait)
{
    return self->variant == CALL
               ? cts_call_is_served(wait, old->link.client, old->peer, old->link.server)
               : cts_recv_is_served(wait, old->link.server, old->peer, old->link.client);
}

/* Does a wait go on when its object is closed? A library that looks now and then has as long as `ns` for it. */
static bool wait_outlives_close(const struct cts_case *self, const struct old *old, rtl_uint64_t ns)
{
    Handle closed = cts_sync_new(old->process);
    struct cts_op *wait = start_wait(self, old, closed);
    cts_require_blocked(wait);
    cts_close(old->process, closed);
    rtl_uint64_t ms = ns / 1000000u + 1;
    cts_require_returned(
        cts_start_sleep(old->owner, (rtl_uint32_t)(ms < CONTROL_MS ? ms : CONTROL_MS)), rcOk);
    return is_served(self, old, wait);
}

/* Any error may end a wait whose object is closed, whenever the library looks. It may be rcIpcInterrupt, too, and rest
 * is no proof that Close has not decided on it: a thread may come home late. So such an end is judged by what Close does
 * to another wait. That is tried afterwards, since a library may keep what was closed, and one Close more would change
 * what the case is about. */
static void check_close_ended(const struct cts_case *self, const struct old *old,
                              struct cts_op *wait)
{
    if (cts_rc(wait) == rcIpcInterrupt) {
        cts_check_that(!wait_outlives_close(self, old, cts_elapsed_ns(wait)),
                       "nothing that is done to the new object interrupts a thread that waits with "
                       "the old one");
    }
    cts_observe("thread waiting with an object that is closed", cts_rc_name(cts_rc(wait)));
}

/* Does the old wait still go on? It is judged if it does not. */
static bool goes_on(const struct cts_case *self, const struct old *old, struct cts_op *wait)
{
    cts_settle();
    if (cts_returned(wait)) {
        check_close_ended(self, old, wait);
        return false;
    }
    return true;
}

/* OBJ-14: a thread waits with the old object, which is closed; Set, Clear and Close of a new object
 * with the same handle value do not interrupt that thread. */
static void reused_handle_leaves_old_waiter(const struct cts_case *self)
{
    struct old old = old_new(self, true);
    struct cts_op *wait = start_wait(self, &old, old.sync);
    cts_require_blocked(wait);
    struct cts_op *close = cts_start_close(old.owner, old.sync);
    if (cts_wait(close) != rcOk) {
        cts_observe("Close of an object in use", cts_rc_name(cts_rc(close)));
        cts_set(old.process, old.sync);
        cts_require_returned(wait, rcIpcInterrupt);
        return;
    }
    cts_settle();
    if (cts_returned(wait)) {
        cts_observe("thread waiting with an object that is closed", cts_rc_name(cts_rc(wait)));
        return;
    }

    /* Closed first when it is clear, and then, where the value comes soon, when it is set. */
    rtl_uint64_t spent_ns = 0;
    bool waits = true;
    for (int turn = 0; waits && turn < 2 && spent_ns < SOON_NS; turn++) {
        if (!create_again(old.owner, old.sync, &spent_ns)) {
            break;
        }
        cts_require_returned(cts_start_set(old.owner, old.sync), rcOk);
        waits = goes_on(self, &old, wait);
        if (waits && turn == 0) {
            cts_require_returned(cts_start_clear(old.owner, old.sync), rcOk);
            waits = goes_on(self, &old, wait);
        }
        cts_require_returned(cts_start_close(old.owner, old.sync), rcOk);
        waits = waits && goes_on(self, &old, wait);
    }

    if (waits && !is_served(self, &old, wait)) {
        check_close_ended(self, &old, wait);
    }
}

/* OBJ-14: the old object was closed while set; the new one with the same handle value is clear, and
 * is set and cleared as itself. */
static void reused_handle_has_no_past(const struct cts_case *self)
{
    struct old old = old_new(self, true);
    cts_set(old.process, old.sync);
    cts_require_returned(start_wait(self, &old, old.sync), rcIpcInterrupt);
    cts_close(old.process, old.sync);
    rtl_uint64_t spent_ns = 0;
    if (!create_again(old.owner, old.sync, &spent_ns)) {
        cts_check_error(cts_start_set(old.owner, old.sync));
        return;
    }

    struct cts_op *wait = start_wait(self, &old, old.sync);
    cts_check_blocked(wait);
    check_completes(self, &old, wait);
    cts_check_returned(cts_start_set(old.owner, old.sync), rcOk);
    cts_check_returned(start_wait(self, &old, old.sync), rcIpcInterrupt);
    cts_check_returned(cts_start_clear(old.owner, old.sync), rcOk);
    wait = start_wait(self, &old, old.sync);
    cts_check_blocked(wait);
    cts_set(old.process, old.sync);
    cts_check_returned(wait, rcIpcInterrupt);
}

/* OBJ-13, OBJ-14: eight objects are closed and eight new ones made. An old value that names no new object
 * is an error for Set, Clear and Close and touches none of them. */
static void stale_handle_reaches_no_new_object(const struct cts_case *self)
{
    enum { OBJECTS = 8 };
    struct old old = old_new(self, false);
    Handle stale[OBJECTS];
    Handle fresh[OBJECTS];
    for (int i = 0; i < OBJECTS; i++) {
        stale[i] = cts_sync_new(old.process);
    }
    for (int i = 0; i < OBJECTS; i++) {
        cts_close(old.process, stale[i]);
    }
    for (int i = 0; i < OBJECTS; i++) {
        fresh[i] = cts_sync_new(old.process);
    }
    struct cts_op *wait = start_wait(self, &old, fresh[0]);
    cts_require_blocked(wait);

    for (int i = 0; i < OBJECTS; i++) {
        bool reused = false;
        for (int k = 0; k < OBJECTS; k++) {
            reused = reused || stale[i] == fresh[k];
        }
        if (!reused) {
            cts_check_error(cts_start_set(old.owner, stale[i]));
            cts_check_error(cts_start_clear(old.owner, stale[i]));
            cts_check_error(cts_start_close(old.owner, stale[i]));
        }
    }

    cts_check_blocked(wait);
    cts_check_returned(cts_start_set(old.owner, fresh[0]), rcOk);
    cts_check_returned(wait, rcIpcInterrupt);
    cts_check_returned(cts_start_clear(old.owner, fresh[0]), rcOk);
    for (int i = 1; i < OBJECTS; i++) {
        cts_check_returned(cts_start_set(old.owner, fresh[i]), rcOk);
        cts_check_returned(start_wait(self, &old, fresh[i]), rcIpcInterrupt);
    }
}

static const struct cts_case cases[] = {
    {"OBJ-14.1", "a reused handle does not interrupt the old CallEx",
     reused_handle_leaves_old_waiter, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"OBJ-14.2", "a reused handle does not interrupt the old RecvEx",
     reused_handle_leaves_old_waiter, CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
    {"OBJ-14.3", "a reused handle does not interrupt the old CallEx, two processes",
     reused_handle_leaves_old_waiter, CTS_TWO_PROCESSES, CTS_LIMITED, CALL, 0},
    {"OBJ-14.8", "a reused handle does not interrupt the old CallEx, limit",
     reused_handle_leaves_old_waiter, CTS_ONE_PROCESS, CTS_LIMITED, CALL, 0},
    {"OBJ-14.4", "the object of a reused handle starts clear, CallEx", reused_handle_has_no_past,
     CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, 0},
    {"OBJ-14.5", "the object of a reused handle starts clear, RecvEx", reused_handle_has_no_past,
     CTS_ONE_PROCESS, CTS_UNLIMITED, RECV, 0},
    {"OBJ-13.30", "Close of closed handles beside new objects is an error, CallEx waiting",
     stale_handle_reaches_no_new_object, CTS_ONE_PROCESS, CTS_LIMITED, CALL, 0},
    {"OBJ-13.31", "Close of closed handles beside new objects is an error, RecvEx waiting",
     stale_handle_reaches_no_new_object, CTS_TWO_PROCESSES, CTS_UNLIMITED, RECV, 0},
    {"OBJ-14.6", "stale handles reach no new object, CallEx waiting",
     stale_handle_reaches_no_new_object, CTS_ONE_PROCESS, CTS_UNLIMITED, CALL, CTS_SMOKE},
    {"OBJ-14.7", "stale handles reach no new object, RecvEx waiting",
     stale_handle_reaches_no_new_object, CTS_ONE_PROCESS, CTS_LIMITED, RECV, 0},
};
CTS_GROUP(cts_group_obj_reuse, cases);
