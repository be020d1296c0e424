/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Freeze: hold a thread inside its call. A signal handler parks the thread on a word of its own
 * until it is thawed. It works on an unmodified library, provided that the library survives a
 * signal in a blocked call and does not block all signals there; both are tried out first, on a
 * pair of actors of their own.
 */
#include "event_log.h"
#include "worker_protocol.h"
#include "world.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local struct cts_actor *this_actor;

static int freeze_signal(void)
{
    return SIGRTMIN + 5;
}

/* Only raw futexes and atomics: the thread may have been anywhere. */
static void park(int signal_number)
{
    (void)signal_number;
    int saved_errno = errno;
    struct cts_actor *actor = this_actor;
    if (actor != NULL) {
        atomic_store(&actor->frozen, 1);
        cts_futex_wake_all(&actor->frozen);
        while (atomic_load(&actor->hold) == 1) {
            cts_futex_wait(&actor->hold, 1, 0);
        }
        atomic_store(&actor->frozen, 0);
    }
    errno = saved_errno;
}

void cts_freeze_install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = park;
    /* The gentlest form: calls that can be restarted are. */
    action.sa_flags = SA_RESTART;
    (void)sigfillset(&action.sa_mask);
    (void)sigaction(freeze_signal(), &action, NULL);
}

void cts_freeze_register(struct cts_actor *actor)
{
    this_actor = actor;
}

/* False: the handler was not entered although everything has come to rest: the signal is blocked. The
 * adapter's hook does not help here, it knows nothing of signals. */
static bool hold(struct cts_actor *actor)
{
    atomic_store(&actor->hold, 1);
    pid_t pid = actor->process->host != NULL ? cts_host_pid(actor->process->host) : getpid();
    if (syscall(SYS_tgkill, pid, actor->tid, freeze_signal()) != 0) {
        return false;
    }
    static struct cts_snapshot snapshot;
    uint64_t start = cts_now_ns();
    uint64_t bound = (uint64_t)(CTS_HANG_LIMIT_MS * 1e6 * cts_world.timeout_factor);
    for (unsigned rest = 0; atomic_load(&actor->frozen) == 0 && rest < 3;) {
        cts_snapshot_take(&snapshot, false);
        rest = snapshot.asleep ? rest + 1 : 0;
        if (cts_now_ns() - start > bound) {
            break;
        }
        (void)sched_yield();
    }
    return atomic_load(&actor->frozen) == 1;
}

static void release(struct cts_actor *actor)
{
    atomic_store(&actor->hold, 0);
    cts_futex_wake_all(&actor->hold);
}

/* One actor in a blocked call of each kind is frozen and thawed: it must still be blocked. */
static void try_out(void)
{
    struct cts_process *process = cts_process_first();
    struct cts_link link = cts_link_between(process, process);
    Handle sync = cts_sync_new(process);
    struct cts_actor *actors[2] = {cts_actor_new(process, "trial client"),
                                   cts_actor_new(process, "trial server")};
    struct cts_link other = cts_link_between(process, process);
    struct cts_op *ops[2] = {
        cts_start_call_ex(actors[0], link.client, CTS_PLAIN, INFINITE_TIMEOUT, sync),
        cts_start_recv_ex(actors[1], other.server, INFINITE_TIMEOUT, sync)};
    for (unsigned i = 0; i < 2; i++) {
        cts_require_blocked(ops[i]);
        if (!hold(actors[i])) {
            cts_skip("the library blocks signals in a waiting thread, so it cannot be frozen");
        }
        release(actors[i]);
        cts_settle();
        if (cts_returned(ops[i])) {
            cts_skip("a signal ends a blocked call of this library, so it cannot be frozen");
        }
    }
    cts_set(process, sync);
    cts_require_returned(ops[0], rcIpcInterrupt);
    cts_require_returned(ops[1], rcIpcInterrupt);
}

static void log_freeze(const char *event, const struct cts_actor *actor)
{
    struct cts_json line;
    cts_json_begin(&line);
    cts_json_string(&line, "event", event);
    cts_json_string(&line, "actor", actor->name);
    cts_log_line(&line);
}

void cts_freeze(struct cts_actor *actor)
{
    static bool tried;
    if (!tried) {
        tried = true;
        try_out();
    }
    if (!hold(actor)) {
        cts_skip("the library blocks signals in a waiting thread, so it cannot be frozen");
    }
    log_freeze("freeze", actor);
}

void cts_thaw(struct cts_actor *actor)
{
    log_freeze("thaw", actor);
    release(actor);
}
