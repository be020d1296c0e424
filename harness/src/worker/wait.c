/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting without guessing: cts_settle proves that the process has come to rest, cts_op_wait waits
 * for a return and gives up early when rest proves that none will come.
 *
 * Ways in which rest is known, in the order tried:
 *   hook      the adapter says of every busy actor that it waits with its outcome still open
 *   kernel    two-pass snapshot: all tasks asleep and unchanged (rest.c)
 *   poller    the same, and some tasks sleep on short timers: each of them was seen to wake up at
 *             least twice since the settle began, so each has looked at everything once
 *   spinning  some tasks never sleep: each of them was given enough CPU time, or enough turns, to
 * act weak      none of these within the bound; claims that need rest are weak in this case
 */
#include "event_log.h"
#include "history.h"
#include "library.h"
#include "race.h"
#include "worker_protocol.h"
#include "world.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SPIN_CPU_NS 20000000u      /* a spinning task had this much CPU since the settle began */
#define SPIN_TURNS 50u             /* or this many turns on a CPU */
#define POLLER_ROUNDS 2u           /* wake-ups after which a poller has seen everything */
#define POLLER_BOUND_NS 500000000u /* beyond this a short timer is not a poller's */
#define SLICE_NS 20000000u
#define SLICE_MOST_NS 100000000u
/* A futex tells of one op only; the return of another is seen this much later. */
#define SLICE_OF_SEVERAL_NS 200000u
#define NO_PROCFS_SETTLE_NS 50000000

static struct cts_snapshot *snapshots(void)
{
    /* Three large ones, allocated once: base, now, before. */
    static struct cts_snapshot *all;
    if (all == NULL) {
        all = calloc(3, sizeof *all);
        if (all == NULL) {
            cts_broken("no memory for the task snapshot");
        }
    }
    return all;
}

/* The snapshots are large and mostly empty. */
static void copy_snapshot(struct cts_snapshot *to, const struct cts_snapshot *from)
{
    to->complete = from->complete;
    to->asleep = from->asleep;
    to->count = from->count;
    memcpy(to->tasks, from->tasks, from->count * sizeof from->tasks[0]);
}

static bool any_busy(void)
{
    for (const struct cts_actor *actor = cts_world.actors; actor != NULL; actor = actor->next) {
        if (cts_actor_busy(actor)) {
            return true;
        }
    }
    return false;
}

/* One look at every busy actor: does each wait with its outcome open? Counts those that are taken. */
static bool all_wait(unsigned *taken_count)
{
    *taken_count = 0;
    for (const struct cts_actor *actor = cts_world.actors; actor != NULL; actor = actor->next) {
        if (!cts_actor_busy(actor)) {
            continue;
        }
        enum cts_stage stage = cts_adapter_in_use.thread_stage(actor->adapter_thread);
        if (stage != CTS_STAGE_CALL_QUEUED && stage != CTS_STAGE_CALL_TAKEN &&
            stage != CTS_STAGE_RECV_WAITING) {
            return false;
        }
        *taken_count += stage == CTS_STAGE_CALL_TAKEN;
    }
    return true;
}

/* The actors are looked at one after the other, and one look may see a receiver wait and then the
 * call that it has just been given. Two looks agree only if in between, at one moment, all waited:
 * no call was entered or returned (the stamps), so each is the same wait in both, and the one way
 * from wait to wait inside a call, from queued to taken, was not gone. */
static bool hook_says_rest(void)
{
    unsigned first = 0;
    unsigned second = 0;
    if (cts_adapter_in_use.thread_stage == NULL) {
        return false;
    }
    uint64_t stamp = atomic_load(cts_world.sequence);
    return all_wait(&first) && all_wait(&second) && first == second &&
           stamp == atomic_load(cts_world.sequence);
}

static const struct cts_task *find_task(const struct cts_snapshot *snapshot, pid_t tid)
{
    for (size_t i = 0; i < snapshot->count; i++) {
        if (snapshot->tasks[i].tid == tid) {
            return &snapshot->tasks[i];
        }
    }
    return NULL;
}

/* An actor whose own call has a short limit sleeps on a short timer without being a poller. */
static bool has_own_timer(pid_t tid)
{
    for (const struct cts_actor *actor = cts_world.actors; actor != NULL; actor = actor->next) {
        if (actor->tid == tid && cts_actor_busy(actor)) {
            const struct cts_op *op = actor->current;
            return (op->kind == CTS_OP_CALL_EX || op->kind == CTS_OP_RECV_EX ||
                    op->kind == CTS_OP_SLEEP || op->kind == CTS_OP_PARK) &&
                   op->mdelay < CTS_SAFETY_MS;
        }
    }
    return false;
}

/* All tasks are asleep: have those on short timers been through their rounds? */
static bool pollers_done(const struct cts_snapshot *base, const struct cts_snapshot *now,
                         bool *any_poller)
{
    bool done = true;
    for (size_t i = 0; i < now->count; i++) {
        const struct cts_task *task = &now->tasks[i];
        if (task->wait != CTS_WAIT_SHORT || has_own_timer(task->tid)) {
            continue;
        }
        *any_poller = true;
        const struct cts_task *then = find_task(base, task->tid);
        done &= then != NULL && task->switches >= then->switches + POLLER_ROUNDS;
    }
    return done;
}

/* A task that appeared after the settle began is measured from when it was first seen. */
static const struct cts_task *task_at_first(struct cts_snapshot *base, const struct cts_task *task)
{
    const struct cts_task *then = find_task(base, task->tid);
    if (then == NULL && base->count < CTS_TASKS_MAX) {
        base->tasks[base->count++] = *task;
        then = task;
    }
    return then;
}

/* Some tasks do not sleep: has each of them had its share? Those that sleep and have not run since the
 * last look are at rest by themselves. */
static bool spinners_done(struct cts_snapshot *base, const struct cts_snapshot *before,
                          const struct cts_snapshot *now)
{
    bool any = false;
    for (size_t i = 0; i < now->count; i++) {
        const struct cts_task *task = &now->tasks[i];
        const struct cts_task *then = task_at_first(base, task);
        const struct cts_task *last = find_task(before, task->tid);
        if (then == NULL || last == NULL) {
            return false;
        }
        if (task->state == 'S' && task->switches == last->switches) {
            continue;
        }
        any = true;
        if (task->cpu_ns < then->cpu_ns + SPIN_CPU_NS &&
            task->switches < then->switches + SPIN_TURNS) {
            return false;
        }
    }
    return any;
}

static void log_settle(const char *how, unsigned rounds, size_t tasks)
{
    struct cts_json line;
    cts_json_begin(&line);
    cts_json_string(&line, "event", "settle");
    cts_json_string(&line, "how", how);
    cts_json_uint(&line, "rounds", rounds);
    cts_json_uint(&line, "tasks", tasks);
    cts_log_line(&line);
}

static const char *settle(unsigned *rounds, struct cts_snapshot *base, struct cts_snapshot *now,
                          struct cts_snapshot *before)
{
    uint64_t start = cts_now_ns();
    uint64_t bound = (uint64_t)(CTS_HANG_LIMIT_MS * 1e6 * cts_world.timeout_factor);
    for (*rounds = 1;; (*rounds)++) {
        if (hook_says_rest()) {
            return "hook";
        }
        if (*rounds == 1) {
            cts_snapshot_take(now, true);
            copy_snapshot(base, now);
        } else {
            copy_snapshot(before, now);
            cts_snapshot_take(now, true);
        }
        if (!now->complete) {
            /* No way to look: the declared settle time of harness/README.md. */
            const struct timespec span = {0, NO_PROCFS_SETTLE_NS};
            (void)nanosleep(&span, NULL);
            return "weak";
        }
        uint64_t elapsed = cts_now_ns() - start;
        if (now->asleep) {
            bool any_poller = false;
            if (pollers_done(base, now, &any_poller)) {
                return any_poller ? "poller" : "kernel";
            }
            if (elapsed > POLLER_BOUND_NS) {
                return "weak";
            }
        } else if (*rounds > 1 && spinners_done(base, before, now)) {
            return "spinning";
        }
        if (elapsed > bound) {
            return "weak";
        }
        (void)sched_yield();
    }
}

void cts_settle(void)
{
    struct cts_snapshot *all = snapshots();
    unsigned rounds = 0;
    cts_world.rest_how = NULL;
    cts_race_wait_started();
    if (!any_busy()) {
        cts_ops_log_returns();
        return;
    }
    const char *how = settle(&rounds, &all[0], &all[1], &all[2]);
    /* The model may conclude from rest only where nothing else can move: not beside timers. */
    bool for_good =
        strcmp(how, "hook") == 0 || (strcmp(how, "kernel") == 0 && cts_snapshot_final(&all[1]));
    if (for_good) {
        cts_history_rest();
    }
    cts_world.rest_how = how;
    cts_ops_log_returns();
    log_settle(how, rounds, all[1].count);
}

static bool is_done(const struct cts_op *op)
{
    return atomic_load_explicit(&op->state, memory_order_acquire) == CTS_OP_DONE;
}

static bool any_done(struct cts_op *const *ops, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_done(ops[i])) {
            return true;
        }
    }
    return false;
}

/* Every sign that one of them gets on counts. */
static unsigned rounds_done_of(struct cts_op *const *ops, size_t count)
{
    unsigned rounds = 0;
    for (size_t i = 0; i < count; i++) {
        rounds += atomic_load(&ops[i]->rounds_done);
    }
    return rounds;
}

/* A limit of seconds takes them on real time, however short the patience: with as much again it is no hanging. Longer
 * ones are for virtual time. */
#define REAL_LIMIT_MAX_MS 4000u
static uint64_t time_of_its_own_ns(struct cts_op *const *ops, size_t count)
{
    uint64_t longest_ms = 0;
    for (size_t i = 0; i < count; i++) {
        if (ops[i]->mdelay <= REAL_LIMIT_MAX_MS && ops[i]->mdelay > longest_ms) {
            longest_ms = ops[i]->mdelay;
        }
    }
    return 2 * longest_ms * 1000000u;
}

/* Wait for the first of them. */
static bool wait_within(struct cts_op *const *ops, size_t count, double rest_limit_ms,
                        double hang_limit_ms)
{
    struct cts_snapshot *now = &snapshots()[1];
    struct cts_snapshot *before = &snapshots()[2];
    uint64_t start = cts_now_ns();
    uint64_t hang_limit = (uint64_t)(hang_limit_ms * 1e6 * cts_world.timeout_factor);
    uint64_t own_ns = time_of_its_own_ns(ops, count);
    hang_limit = hang_limit > own_ns ? hang_limit : own_ns;
    uint64_t rest_limit = (uint64_t)(rest_limit_ms * 1e6 * cts_world.timeout_factor);
    /* A look at all tasks is dear, and rest is waited for much longer. */
    uint64_t slice_ns = rest_limit / 8;
    slice_ns = slice_ns < SLICE_NS ? SLICE_NS : slice_ns > SLICE_MOST_NS ? SLICE_MOST_NS : slice_ns;
    uint64_t rest_since = 0; /* 0: not at rest */
    unsigned rounds_done = 0;
    before->count = 0;
    while (!any_done(ops, count)) {
        cts_futex_wait(&ops[0]->state, CTS_OP_POSTED, count == 1 ? slice_ns : SLICE_OF_SEVERAL_NS);
        uint64_t time = cts_now_ns();
        if (rounds_done != rounds_done_of(ops, count)) {
            rounds_done = rounds_done_of(ops, count);
            start = time;
        }
        if (time - start < slice_ns || cts_world.debug) {
            continue;
        }
        cts_snapshot_take(now, true);
        bool quiet = cts_snapshot_final(now) && before->count > 0 && cts_snapshot_same(now, before);
        copy_snapshot(before, now);
        rest_since = quiet ? (rest_since == 0 ? time : rest_since) : 0;
        if ((rest_since != 0 && time - rest_since > rest_limit) || time - start > hang_limit) {
            break;
        }
    }
    cts_ops_log_returns();
    return any_done(ops, count);
}

bool cts_op_wait(struct cts_op *op)
{
    return wait_within(&op, 1, CTS_REST_LIMIT_MS, CTS_HANG_LIMIT_MS);
}

bool cts_op_wait_any(struct cts_op *const *ops, size_t count)
{
    return wait_within(ops, count, CTS_REST_LIMIT_MS, CTS_HANG_LIMIT_MS);
}

bool cts_op_wait_briefly(struct cts_op *op)
{
    return wait_within(&op, 1, CTS_REST_LIMIT_MS / 16.0, CTS_HANG_LIMIT_MS / 4.0);
}
