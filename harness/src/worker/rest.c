/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the process at rest? One thread's state alone does not tell: a thread that waits for an inner
 * lock sleeps too. The fact is about all of them: every task but the caller's is asleep, and
 * between two looks at each none has run. Then no task can wake another, and what is blocked stays
 * blocked until the caller acts, a timer fires, or somebody outside does something.
 *
 * Timers are therefore told apart: the system call that a task sleeps in, and its time limit. Tasks
 * of descendants and (under a keeper) of siblings count as well, since a library may keep its own
 * helper processes.
 */
#include "task_files.h"
#include "world.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define POLLER_MS 100
#define LONG_WAIT_MS 5000
#define PROCESSES_MAX 64u

static bool read_file(const char *path, char *buffer, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t length = read(fd, buffer, size - 1);
    (void)close(fd);
    if (length <= 0) {
        return false;
    }
    buffer[length] = '\0';
    return true;
}

/* State letter of a task; 0 when it is gone. */
static char task_state(pid_t pid, pid_t tid)
{
    char text[512];
    if (!cts_task_read(pid, tid, CTS_TASK_STAT, text, sizeof text)) {
        return 0;
    }
    const char *after_name = strrchr(text, ')');
    return after_name == NULL || after_name[1] == '\0' ? 0 : after_name[2];
}

/* Times the task was given a CPU, and for how long; false when that cannot be read. */
static bool task_runs(pid_t pid, pid_t tid, uint64_t *switches, uint64_t *cpu_ns)
{
    char text[128];
    if (!cts_task_read(pid, tid, CTS_TASK_SCHEDSTAT, text, sizeof text)) {
        return false;
    }
    char *rest = NULL;
    *cpu_ns = strtoull(text, &rest, 10);
    (void)strtoull(rest, &rest, 10);
    *switches = strtoull(rest, NULL, 10);
    return true;
}

static void add_children(pid_t pid, pid_t tid, pid_t *pids, size_t *count)
{
    char text[1024];
    if (!cts_task_read(pid, tid, CTS_TASK_CHILDREN, text, sizeof text)) {
        return;
    }
    for (char *rest = text;;) {
        char *end = NULL;
        long child = strtol(rest, &end, 10);
        if (end == rest) {
            return;
        }
        rest = end;
        bool known = false;
        for (size_t i = 0; i < *count; i++) {
            known |= pids[i] == (pid_t)child;
        }
        if (!known && *count < PROCESSES_MAX) {
            pids[(*count)++] = (pid_t)child;
        }
    }
}

/* Append the tasks of one process; its children join `pids`. False when there is no such process.
 */
static bool add_tasks(pid_t pid, struct cts_snapshot *snapshot, pid_t *pids, size_t *pid_count)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *directory = opendir(path);
    if (directory == NULL && (errno == EMFILE || errno == ENFILE)) {
        cts_task_files_close();
        directory = opendir(path);
    }
    if (directory == NULL) {
        return false;
    }
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (!isdigit((unsigned char)entry->d_name[0])) {
            continue;
        }
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        add_children(pid, tid, pids, pid_count);
        if (pid == cts_world.pid && tid == cts_world.main_tid) {
            continue;
        }
        if (snapshot->count == CTS_TASKS_MAX) {
            snapshot->complete = false;
            break;
        }
        snapshot->tasks[snapshot->count++] = (struct cts_task){.pid = pid, .tid = tid};
    }
    (void)closedir(directory);
    return true;
}

static void enumerate(struct cts_snapshot *snapshot)
{
    pid_t pids[PROCESSES_MAX];
    size_t pid_count = 0;
    pids[pid_count++] = cts_world.pid;
    if (cts_world.supervised) {
        pid_t keeper = getppid();
        add_children(keeper, keeper, pids, &pid_count);
    }
    snapshot->count = 0;
    snapshot->complete = true;
    for (size_t i = 0; i < pid_count; i++) {
        if (!add_tasks(pids[i], snapshot, pids, &pid_count) && i == 0) {
            snapshot->complete = false;
        }
    }
}

/* ------------------------------------------------------------------------------------------------
 * What a sleeping task waits for.
 */

static int64_t milliseconds_of(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000 + time->tv_nsec / 1000000;
}

static enum cts_wait_class class_of_milliseconds(int64_t milliseconds)
{
    if (milliseconds < 0) {
        return CTS_WAIT_UNTIMED;
    }
    if (milliseconds < POLLER_MS) {
        return CTS_WAIT_SHORT;
    }
    return milliseconds < LONG_WAIT_MS ? CTS_WAIT_MEDIUM : CTS_WAIT_LONG;
}

/* A time limit given by address; the address may be stale by now, so it is read with care. */
static enum cts_wait_class class_of_timespec(pid_t pid, uint64_t address, bool absolute,
                                             clockid_t clock)
{
    if (address == 0) {
        return CTS_WAIT_UNTIMED;
    }
    struct timespec limit;
    struct iovec local = {&limit, sizeof limit};
    struct iovec remote = {(void *)(uintptr_t)address, sizeof limit};
    if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != (ssize_t)sizeof limit) {
        return CTS_WAIT_UNKNOWN;
    }
    int64_t left_ms = milliseconds_of(&limit);
    if (absolute) {
        struct timespec now;
        (void)clock_gettime(clock, &now);
        left_ms -= milliseconds_of(&now);
    }
    return class_of_milliseconds(left_ms < 0 ? 0 : left_ms);
}

static enum cts_wait_class class_of_futex(pid_t pid, const uint64_t *arguments)
{
    int operation = (int)arguments[1];
    int command = operation & FUTEX_CMD_MASK;
    bool absolute = command != FUTEX_WAIT;
    clockid_t clock = (operation & FUTEX_CLOCK_REALTIME) != 0 || command == FUTEX_LOCK_PI
                          ? CLOCK_REALTIME
                          : CLOCK_MONOTONIC;
    return class_of_timespec(pid, arguments[3], absolute, clock);
}

static enum cts_wait_class class_of_syscall(pid_t pid, long number, const uint64_t *arguments)
{
    switch (number) {
    case SYS_futex:
        return class_of_futex(pid, arguments);
#ifdef SYS_poll
    case SYS_poll:
        return class_of_milliseconds((int32_t)arguments[2]);
#endif
#ifdef SYS_epoll_wait
    case SYS_epoll_wait:
        return class_of_milliseconds((int32_t)arguments[3]);
#endif
    case SYS_epoll_pwait:
        return class_of_milliseconds((int32_t)arguments[3]);
#ifdef SYS_select
    case SYS_select: /* a timeval has the shape of a timespec, in microseconds: close enough */
#endif
    case SYS_pselect6:
        return class_of_timespec(pid, arguments[4], false, CLOCK_MONOTONIC);
    case SYS_ppoll:
    case SYS_rt_sigtimedwait:
        return class_of_timespec(pid, arguments[2], false, CLOCK_MONOTONIC);
    case SYS_nanosleep:
        return class_of_timespec(pid, arguments[0], false, CLOCK_MONOTONIC);
    case SYS_clock_nanosleep:
        return class_of_timespec(pid, arguments[2], ((int)arguments[1] & TIMER_ABSTIME) != 0,
                                 (clockid_t)arguments[0]);
    case SYS_semtimedop:
        return class_of_timespec(pid, arguments[3], false, CLOCK_MONOTONIC);
    case SYS_mq_timedreceive:
    case SYS_mq_timedsend:
        return class_of_timespec(pid, arguments[4], true, CLOCK_REALTIME);
    case SYS_read:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_accept:
    case SYS_accept4:
    case SYS_wait4:
    case SYS_waitid:
    case SYS_semop:
    case SYS_msgrcv:
    case SYS_rt_sigsuspend:
    case SYS_write:
        return CTS_WAIT_UNTIMED;
    default:
        return CTS_WAIT_UNKNOWN;
    }
}

/* The machine of the program behind a link in procfs, 0 when it cannot be read. */
static unsigned machine_of(const char *path)
{
    unsigned char header[20] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && read(fd, header, sizeof header) == (ssize_t)sizeof header;
    if (fd >= 0) {
        (void)close(fd);
    }
    return good ? header[4] << 16 | header[18] << 8 | header[19] : 0;
}

/* Under an emulator of user programs the kernel's system calls are not those of this program: their
 * numbers mean something else. The emulator shows this program as /proc/self/exe, and itself below. */
static bool kernel_is_ours(void)
{
    static int answer = -1;
    if (answer < 0) {
        char path[64];
        (void)snprintf(path, sizeof path, "/proc/self/task/%d/exe", (int)syscall(SYS_gettid));
        unsigned machine = machine_of(path);
        answer = machine == 0 || machine == machine_of("/proc/self/exe");
    }
    return answer != 0;
}

static void classify_task(struct cts_task *task)
{
    char text[256];
    task->wait = CTS_WAIT_UNKNOWN;
    task->on_descriptors = true;
    if (!kernel_is_ours() ||
        !cts_task_read(task->pid, task->tid, CTS_TASK_SYSCALL, text, sizeof text) ||
        !isdigit((unsigned char)text[0])) {
        return;
    }
    char *rest = NULL;
    long number = strtol(text, &rest, 10);
    uint64_t arguments[6] = {0};
    for (size_t i = 0; i < 6; i++) {
        arguments[i] = strtoull(rest, &rest, 16);
    }
    task->wait = class_of_syscall(task->pid, number, arguments);
    task->on_descriptors = number != SYS_futex;
}

/* ------------------------------------------------------------------------------------------------
 * The two passes.
 */

void cts_snapshot_take(struct cts_snapshot *snapshot, bool classify)
{
    /* Large, and used by the main thread only. */
    static struct cts_snapshot second;
    enumerate(snapshot);
    snapshot->asleep = snapshot->complete;
    for (size_t i = 0; i < snapshot->count; i++) {
        struct cts_task *task = &snapshot->tasks[i];
        if (!task_runs(task->pid, task->tid, &task->switches, &task->cpu_ns)) {
            task->switches = 0;
        }
        /* The count first, the state second: a task that ran in between shows either as running now
         * or as a changed count in the second pass. */
        task->state = task_state(task->pid, task->tid);
        task->wait = CTS_WAIT_UNKNOWN;
        /* A zombie or a task that has just ended acts no more. */
        bool still =
            task->state == 'S' || task->state == 'Z' || task->state == 'X' || task->state == 0;
        snapshot->asleep &= still;
    }
    if (!snapshot->asleep) {
        return;
    }
    enumerate(&second);
    if (!second.complete || second.count != snapshot->count) {
        snapshot->asleep = false;
        return;
    }
    for (size_t i = 0; i < second.count; i++) {
        const struct cts_task *task = &snapshot->tasks[i];
        struct cts_task *again = &second.tasks[i];
        if (again->tid != task->tid || again->pid != task->pid) {
            snapshot->asleep = false;
            return;
        }
        char state = task_state(again->pid, again->tid);
        again->switches = 0;
        (void)task_runs(again->pid, again->tid, &again->switches, &again->cpu_ns);
        if (state != task->state || again->switches != task->switches) {
            snapshot->asleep = false;
            return;
        }
    }
    for (size_t i = 0; classify && i < snapshot->count; i++) {
        struct cts_task *task = &snapshot->tasks[i];
        if (task->state == 'S') {
            classify_task(task);
        } else {
            task->wait = CTS_WAIT_UNTIMED;
        }
    }
}

bool cts_snapshot_same(const struct cts_snapshot *a, const struct cts_snapshot *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (a->tasks[i].tid != b->tasks[i].tid || a->tasks[i].switches != b->tasks[i].switches) {
            return false;
        }
    }
    return true;
}

/* A descriptor that becomes readable by itself makes an untimed read or poll a timed one. */
static bool has_timer_descriptor(void)
{
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL) {
        return true;
    }
    bool found = false;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        char target[64];
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);
        if (length > 0) {
            target[length] = '\0';
            found |= strcmp(target, "anon_inode:[timerfd]") == 0;
        }
    }
    (void)closedir(directory);
    return found;
}

/* The alarm that ends a worker behind an exec wrapper, or one of the library? */
static bool is_own_alarm(const struct timeval *left)
{
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t end_ns = (uint64_t)(now.tv_sec + left->tv_sec) * 1000000000u;
    uint64_t own_ns = cts_world.alarm_ns;
    uint64_t apart_ns = end_ns > own_ns ? end_ns - own_ns : own_ns - end_ns;
    return own_ns != 0 && apart_ns < 2000000000u;
}

/* Timers that fire as signals, or as notifications to a library's helper thread. */
static bool has_signal_timer(void)
{
    char text[16];
    struct itimerval alarm_timer = {{0, 0}, {0, 0}};
    (void)getitimer(ITIMER_REAL, &alarm_timer);
    bool set = alarm_timer.it_value.tv_sec != 0 || alarm_timer.it_value.tv_usec != 0;
    return read_file("/proc/self/timers", text, sizeof text) ||
           (set && !is_own_alarm(&alarm_timer.it_value));
}

bool cts_snapshot_final(const struct cts_snapshot *snapshot)
{
    if (!snapshot->asleep) {
        return false;
    }
    bool on_descriptors = false;
    for (size_t i = 0; i < snapshot->count; i++) {
        enum cts_wait_class wait = snapshot->tasks[i].wait;
        on_descriptors |= snapshot->tasks[i].on_descriptors;
        if (wait == CTS_WAIT_SHORT || wait == CTS_WAIT_MEDIUM || wait == CTS_WAIT_UNKNOWN) {
            return false;
        }
    }
    return !(on_descriptors && has_timer_descriptor()) && !has_signal_timer();
}
