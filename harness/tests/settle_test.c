/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is "at rest" ever said of a process that is not? In every trial one thread holds an inner lock while
 * it works, another waits for that lock (asleep, and yet not blocked for good) and then parks. The truth
 * comes from the kernel: a wake-up of the park word must find exactly one sleeper, at once. Busy loops in
 * other processes run beside it all the time.
 */
#include "../src/worker/task_files.h"
#include "../src/worker/world.h"

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIALS 20000u
/* In each such trial the lock is held until the waiter was seen asleep on it. */
#define HELD_EVERY 16u
#define HOGS 2
#define HOG_NICE 10 /* enough to keep both CPUs busy; equal priority would only cost time */

/* rest.c needs nothing else of the world. */
struct cts_world cts_world;

static _Atomic uint32_t turn;       /* raised for each trial */
static _Atomic uint32_t inner_lock; /* 0 free, 1 taken, 2 taken and waited for */
static _Atomic uint32_t holder_has_it;
static _Atomic uint32_t park_word;
static _Atomic uint32_t seen_asleep; /* the last trial in which the waiter alone looked at rest */
static _Atomic int waiter_tid;

static void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
    (void)syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static long futex_wake(_Atomic uint32_t *word)
{
    return syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void lock(void)
{
    uint32_t free_value = 0;
    if (atomic_compare_exchange_strong(&inner_lock, &free_value, 1)) {
        return;
    }
    while (atomic_exchange(&inner_lock, 2) != 0) {
        futex_wait(&inner_lock, 2);
    }
}

static void unlock(void)
{
    if (atomic_exchange(&inner_lock, 0) == 2) {
        (void)futex_wake(&inner_lock);
    }
}

static void wait_turn(uint32_t next)
{
    while (atomic_load(&turn) != next) {
        futex_wait(&turn, next - 1);
    }
}

static void *holder(void *context)
{
    (void)context;
    unsigned seed = 1;
    for (uint32_t trial = 1; trial <= TRIALS; trial++) {
        wait_turn(trial);
        lock();
        atomic_store(&holder_has_it, trial);
        (void)futex_wake(&holder_has_it);
        unsigned work = (unsigned)rand_r(&seed) % 20000u;
        for (volatile unsigned i = 0; i < work; i++) {
        }
        /* However the machine schedules, these trials are hard: a look at one thread would be wrong. */
        while (trial % HELD_EVERY == 0 && atomic_load(&seen_asleep) != trial) {
        }
        unlock();
    }
    return NULL;
}

static void *waiter(void *context)
{
    (void)context;
    atomic_store(&waiter_tid, (int)syscall(SYS_gettid));
    for (uint32_t trial = 1; trial <= TRIALS; trial++) {
        wait_turn(trial);
        while (atomic_load(&holder_has_it) != trial) {
            futex_wait(&holder_has_it, trial - 1);
        }
        lock();
        unlock();
        while (atomic_load(&park_word) != trial) {
            futex_wait(&park_word, trial - 1);
        }
    }
    return NULL;
}

/* Would a look at the waiter alone have said "blocked"? Counted so that the test proves it is hard. */
static bool waiter_alone_sleeps(const struct cts_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count; i++) {
        if (snapshot->tasks[i].tid == atomic_load(&waiter_tid)) {
            return snapshot->tasks[i].state == 'S';
        }
    }
    return false;
}

/* The trials, in a process of their own: the busy loops are its siblings, not its descendants. */
static int run_trials(void)
{
    cts_world.pid = getpid();
    cts_world.main_tid = (pid_t)syscall(SYS_gettid);
    static struct cts_snapshot snapshot;
    pthread_t threads[2];
    if (pthread_create(&threads[0], NULL, holder, NULL) != 0 ||
        pthread_create(&threads[1], NULL, waiter, NULL) != 0) {
        return 2;
    }
    unsigned wrong = 0;
    unsigned naive_wrong = 0;
    for (uint32_t trial = 1; trial <= TRIALS; trial++) {
        atomic_store(&turn, trial);
        (void)futex_wake(&turn);
        bool naive = false;
        for (;;) {
            cts_snapshot_take(&snapshot, false);
            if (snapshot.asleep) {
                break;
            }
            if (waiter_alone_sleeps(&snapshot)) {
                naive = true;
                atomic_store(&seen_asleep, trial);
            }
            (void)sched_yield();
        }
        naive_wrong += naive;
        atomic_store(&park_word, trial);
        wrong += futex_wake(&park_word) != 1;
    }
    for (int i = 0; i < 2; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    (void)printf("settle_test: %u trials, %u wrong; one thread's state alone: %u wrong\n", TRIALS,
                 wrong, naive_wrong);
    (void)fflush(stdout);
    return wrong == 0 && naive_wrong >= TRIALS / HELD_EVERY ? 0 : 1;
}

START_TEST(rest_is_never_claimed_wrongly)
{
    pid_t hogs[HOGS];
    for (int i = 0; i < HOGS; i++) {
        hogs[i] = fork();
        if (hogs[i] == 0) {
            (void)setpriority(PRIO_PROCESS, 0, HOG_NICE);
            for (;;) {
            }
        }
    }
    pid_t trials = fork();
    if (trials == 0) {
        _exit(run_trials());
    }
    int status = 0;
    ck_assert_int_eq(waitpid(trials, &status, 0), trials);
    for (int i = 0; i < HOGS; i++) {
        (void)kill(hogs[i], SIGKILL);
        (void)waitpid(hogs[i], NULL, 0);
    }
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

/* A task on a timer is asleep, but the process is not at rest for good. */
static void *sleeper(void *context)
{
    (void)context;
    const struct timespec span = {0, 300000000};
    (void)nanosleep(&span, NULL);
    return NULL;
}

START_TEST(a_timer_is_told_from_rest)
{
    cts_world.pid = getpid();
    cts_world.main_tid = (pid_t)syscall(SYS_gettid);
    static struct cts_snapshot snapshot;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, sleeper, NULL), 0);
    do {
        cts_snapshot_take(&snapshot, true);
    } while (!snapshot.asleep);
    /* A sanitizer has threads of its own; the sleeper is there among them. */
    unsigned on_timer = 0;
    for (size_t i = 0; i < snapshot.count; i++) {
        on_timer += snapshot.tasks[i].wait == CTS_WAIT_MEDIUM;
    }
    ck_assert_uint_ge(on_timer, 1);
    ck_assert(!cts_snapshot_final(&snapshot));
    (void)pthread_join(thread, NULL);
}
END_TEST

static _Atomic uint32_t parked;
static int timer_fd;

static void *reader(void *context)
{
    uint64_t times;
    (void)read(timer_fd, &times, sizeof times);
    return context;
}

static void *parker(void *context)
{
    while (atomic_load(&parked) == 0) {
        futex_wait(&parked, 0);
    }
    return context;
}

static bool is_final_with(void *(*routine)(void *), pthread_t *thread)
{
    static struct cts_snapshot snapshot;
    cts_world.pid = getpid();
    cts_world.main_tid = (pid_t)syscall(SYS_gettid);
    ck_assert_int_eq(pthread_create(thread, NULL, routine, NULL), 0);
    do {
        cts_snapshot_take(&snapshot, true);
    } while (!snapshot.asleep || snapshot.count == 0);
    return cts_snapshot_final(&snapshot);
}

/* A timer behind a descriptor wakes whoever sleeps on descriptors, and nobody else. */
START_TEST(a_timer_descriptor_is_told_from_rest)
{
    pthread_t thread;
    const struct itimerspec far = {.it_value = {.tv_sec = 3600}};
    const struct itimerspec now = {.it_value = {.tv_nsec = 1}};
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    ck_assert_int_ge(timer_fd, 0);
    bool parked_is_final = is_final_with(parker, &thread);
    atomic_store(&parked, 1);
    (void)futex_wake(&parked);
    (void)pthread_join(thread, NULL);
    ck_assert_int_eq(timerfd_settime(timer_fd, 0, &far, NULL), 0);
    ck_assert(!is_final_with(reader, &thread));
    ck_assert_int_eq(timerfd_settime(timer_fd, 0, &now, NULL), 0);
    (void)pthread_join(thread, NULL);
    (void)close(timer_fd);
#if !defined(__SANITIZE_THREAD__)
    ck_assert(parked_is_final); /* a sanitizer's own thread may sleep on a timer */
#else
    (void)parked_is_final;
#endif
}
END_TEST

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 4096; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

/* What is kept open says what is so now: of a task that is there, one that is gone, and one with children. */
START_TEST(files_of_tasks_are_kept)
{
    char text[512];
    pid_t own = getpid();
    unsigned before = open_descriptors();
    pid_t child = fork();
    if (child == 0) {
        for (;;) {
            (void)pause();
        }
    }
    ck_assert(cts_task_read(own, own, CTS_TASK_CHILDREN, text, sizeof text));
    ck_assert_int_eq(strtol(text, NULL, 10), child);
    while (!cts_task_read(child, child, CTS_TASK_STAT, text, sizeof text) ||
           strstr(text, ") S ") == NULL) {
        (void)sched_yield();
    }
    ck_assert_uint_eq(open_descriptors(), before + 2);

    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);

    ck_assert(!cts_task_read(child, child, CTS_TASK_STAT, text, sizeof text));
    ck_assert(!cts_task_read(own, own, CTS_TASK_CHILDREN, text, sizeof text));
    ck_assert(cts_task_read(own, own, CTS_TASK_SCHEDSTAT, text, sizeof text));
    cts_task_files_close();
    ck_assert_uint_eq(open_descriptors(), before);
    ck_assert(cts_task_read(own, own, CTS_TASK_STAT, text, sizeof text));
    cts_task_files_close();
}
END_TEST

/* What the kernel has room for in this process's table of descriptors. */
static unsigned long table_size(void)
{
    char line[256];
    unsigned long size = 0;
    FILE *status = fopen("/proc/self/status", "r");
    ck_assert_ptr_nonnull(status);
    while (size == 0 && fgets(line, sizeof line, status) != NULL) {
        size = strncmp(line, "FDSize:", 7) == 0 ? strtoul(line + 7, NULL, 10) : 0;
    }
    (void)fclose(status);
    ck_assert_uint_ne(size, 0);
    return size;
}

/* A table that grows beside threads waits for all processors, in each case anew. */
START_TEST(files_are_kept_where_room_was_made)
{
    char text[512];
    pid_t own = getpid();
    unsigned long before = table_size();
    unsigned open_before = open_descriptors();

    cts_task_files_prepare();

    unsigned long prepared = table_size();
    ck_assert_uint_gt(prepared, before);
    ck_assert_uint_eq(open_descriptors(), open_before);
    ck_assert(cts_task_read(own, own, CTS_TASK_STAT, text, sizeof text));
    ck_assert(cts_task_read(own, own, CTS_TASK_SCHEDSTAT, text, sizeof text));
    ck_assert_uint_eq(open_descriptors(), open_before + 2);
    ck_assert_uint_eq(table_size(), prepared);
    cts_task_files_close();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("settle");
    TCase *tcase = tcase_create("rest");
    tcase_set_timeout(tcase, 600);
    tcase_add_test(tcase, a_timer_is_told_from_rest);
    tcase_add_test(tcase, a_timer_descriptor_is_told_from_rest);
    tcase_add_test(tcase, files_of_tasks_are_kept);
    tcase_add_test(tcase, files_are_kept_where_room_was_made);
    tcase_add_test(tcase, rest_is_never_claimed_wrongly);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
