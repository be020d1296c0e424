/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper process. Its steps:
 *   1. become leader of a session and reaper of all descendants; keep only the descriptors it needs
 *   2. start the worker as leader of a process group, in an empty directory
 *   3. watch until the worker ends, its time or its output runs out, or the command says stop
 *   4. after an end of its own: give helper processes a moment to notice
 *   5. kill what is left, until there is no child any more. The dead worker is reaped last: until
 *      then its number, and with it the group's, cannot be given to a stranger
 *   6. remove the directory and report
 * When the command dies, the keeper gets SIGTERM and does the same without a report. SIGTERM of anybody
 * else, such as the library under test, means nothing.
 */
#include "keeper.h"
#include "clock.h"
#include "launch.h"
#include "sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEPER_READ_BYTES 65536

struct watch {
    pid_t worker;
    pid_t command;
    int output_fd;         /* -1 once nobody can write to it any more */
    int error_fd;          /* the same; -1 where stderr is the same pipe */
    struct stream *stream; /* null without a wrapper */
    int signal_fd;
    bool stop; /* the command said so, or is gone */
    struct keeper_report *report;
};

static _Noreturn void keeper_fail(int report_fd, struct keeper_report *report, const char *what)
{
    report->ending = KEEPER_FAILED;
    if (report->error[0] == '\0') {
        (void)snprintf(report->error, sizeof(report->error), "%s: %s", what, strerror(errno));
    }
    ssize_t written = write(report_fd, report, sizeof(*report));
    _exit(written == (ssize_t)sizeof(*report) ? 0 : 1);
}

static void take_output(struct watch *watch, enum stream_channel channel, const char *bytes,
                        size_t size)
{
    if (watch->stream != NULL) {
        stream_feed(watch->stream, channel, bytes, size);
    } else {
        output_feed(&watch->report->output, bytes, size);
    }
}

static void drain_pipe(struct watch *watch, enum stream_channel channel, int *fd)
{
    static char bytes[KEEPER_READ_BYTES];
    while (*fd >= 0 && watch->report->output.total <= KEEPER_OUTPUT_MAX_BYTES) {
        ssize_t size = read(*fd, bytes, sizeof(bytes));
        if (size > 0) {
            take_output(watch, channel, bytes, (size_t)size);
        } else if (size < 0 && errno == EINTR) {
            continue;
        } else if (size < 0 && errno == EAGAIN) {
            return;
        } else {
            (void)close(*fd);
            *fd = -1;
        }
    }
}

static void drain_output(struct watch *watch)
{
    drain_pipe(watch, STREAM_STDOUT, &watch->output_fd);
    drain_pipe(watch, STREAM_STDERR, &watch->error_fd);
}

static bool output_is_over(const struct watch *watch)
{
    return watch->report->output.total > KEEPER_OUTPUT_MAX_BYTES;
}

/* Waits for a signal or for output, at most `timeout_ms`, and takes note of both. */
static void watch_events(struct watch *watch, int timeout_ms)
{
    bool over = output_is_over(watch);
    struct pollfd fds[3] = {{.fd = watch->signal_fd, .events = POLLIN},
                            {.fd = over ? -1 : watch->output_fd, .events = POLLIN},
                            {.fd = over ? -1 : watch->error_fd, .events = POLLIN}};
    if (poll(fds, 3, timeout_ms) < 0) {
        return; /* EINTR: the caller looks again at everything */
    }
    struct signalfd_siginfo info;
    while (read(watch->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        bool ours = (pid_t)info.ssi_pid == watch->command || getppid() != watch->command;
        watch->stop = watch->stop || (info.ssi_signo == SIGTERM && ours);
    }
    drain_output(watch);
}

/* Has the worker ended? It stays a zombie. */
static bool worker_ended(const struct watch *watch, siginfo_t *info)
{
    memset(info, 0, sizeof(*info));
    return waitid(P_PID, (id_t)watch->worker, info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info->si_pid == watch->worker;
}

/* Step 3. */
static void watch_worker(struct watch *watch, uint64_t begin, uint64_t limit_ms)
{
    struct keeper_report *report = watch->report;
    uint64_t deadline = begin + limit_ms * 1000000u;
    siginfo_t info;
    report->ending = 0;
    while (report->ending == 0) {
        if (worker_ended(watch, &info)) {
            bool exited = info.si_code == CLD_EXITED;
            report->ending = exited ? KEEPER_EXITED : KEEPER_SIGNALLED;
            report->exit_status = exited ? info.si_status : 0;
            report->signal = exited ? 0 : info.si_status;
        } else if (watch->stop) {
            report->ending = KEEPER_CANCELLED;
        } else if (output_is_over(watch)) {
            report->ending = KEEPER_OUTPUT_LIMIT;
        } else if (clock_now_ns() >= deadline) {
            report->ending = KEEPER_TIME_LIMIT;
        } else {
            watch_events(watch, clock_left_ms(deadline));
        }
    }
    report->duration_ns = clock_now_ns() - begin;
}

/* Step 4. */
static void wait_for_helpers(struct watch *watch, uint64_t grace_ms)
{
    uint64_t deadline = clock_now_ns() + grace_ms * 1000000u;
    unsigned gone = 0;
    drain_output(watch);
    while (sweep_pass(&watch->worker, 1, false, &gone) != 0 && !watch->stop &&
           !output_is_over(watch) && clock_now_ns() < deadline) {
        watch_events(watch, clock_left_ms(deadline));
    }
    if (watch->stop) {
        watch->report->ending = KEEPER_CANCELLED;
    } else if (output_is_over(watch)) {
        watch->report->ending = KEEPER_OUTPUT_LIMIT;
    }
}

/* Step 5. Gives the number of processes killed besides the worker. */
static unsigned kill_everything(struct watch *watch)
{
    uint64_t deadline = clock_now_ns() + KEEPER_KILL_LIMIT_MS * 1000000ull;
    unsigned killed = 0;
    siginfo_t info;
    for (;;) {
        (void)kill(-watch->worker, SIGKILL);
        (void)kill(watch->worker, SIGKILL);
        size_t alive = sweep_pass(&watch->worker, 1, true, &killed);
        if ((alive == 0 && worker_ended(watch, &info)) || clock_now_ns() >= deadline) {
            break;
        }
        watch_events(watch, 20);
    }
    (void)waitpid(watch->worker, NULL, WNOHANG);
    /* The list of children may miss one that is about to appear; only ECHILD is proof. */
    for (;;) {
        pid_t gone = waitpid(-1, NULL, WNOHANG);
        if (gone > 0) {
            killed += gone != watch->worker;
        } else if (gone < 0 && errno != EINTR) {
            break;
        } else if (clock_now_ns() >= deadline) {
            watch->report->unkillable = (uint32_t)sweep_pass(NULL, 0, true, &killed);
            break;
        } else {
            (void)sweep_pass(NULL, 0, true, &killed);
            watch_events(watch, 5);
        }
    }
    return killed;
}

static int open_signals(void)
{
    sigset_t signals;
    if (sigemptyset(&signals) != 0 || sigaddset(&signals, SIGCHLD) != 0 ||
        sigaddset(&signals, SIGTERM) != 0 || sigaddset(&signals, SIGINT) != 0 ||
        sigaddset(&signals, SIGHUP) != 0 || sigaddset(&signals, SIGPIPE) != 0 ||
        sigprocmask(SIG_BLOCK, &signals, NULL) != 0) {
        return -1;
    }
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The keeper is a fork of the command and holds all of its descriptors: pipes of other keepers,
 * logs of other cases. All but 0 to 2 and these two go. */
static void close_others(int first, int second)
{
    int low = first < second ? first : second;
    int high = first < second ? second : first;
    if (low > 3) {
        (void)close_range(3, (unsigned)low - 1, 0);
    }
    if (low >= 0 && high > low + 1) {
        (void)close_range((unsigned)low + 1, (unsigned)high - 1, 0);
    }
    (void)close_range((unsigned)high + 1, ~0u, 0);
}

/* A pipe whose end here does not block. */
static bool open_pipe(int fds[2])
{
    return pipe2(fds, O_CLOEXEC) == 0 && fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0;
}

/* The memory behind the log, for what comes through a stream; see case_log.h. */
static struct cts_log_area *map_log(int fd)
{
    size_t size = sizeof(struct cts_log_area) + CTS_LOG_CAPACITY;
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return map == MAP_FAILED ? NULL : map;
}

/* Prepares for what comes through a wrapper, without which nothing is to be done. */
static bool open_stream(struct watch *watch, const struct keeper_order *order, char *directory)
{
    static struct stream stream;
    if (order->nonce == NULL) {
        return true;
    }
    struct cts_log_area *area = map_log(order->log_fd);
    if (area == NULL) {
        return false;
    }
    stream_begin(&stream, order->nonce, area, &watch->report->output, &watch->report->stream);
    watch->stream = &stream;
    if (order->directory_word != 0) {
        /* This process is a copy: the caller's words stay as they are. */
        order->argv[order->directory_word] = directory;
    }
    return true;
}

/* Step 2. False with the reason in the report, or in errno. */
static bool start_worker(struct watch *watch, const struct keeper_order *order, char *directory)
{
    int output[2];
    int errors[2] = {-1, -1};
    bool wrapper = order->nonce != NULL;
    if (!open_stream(watch, order, directory) || !open_pipe(output) ||
        (wrapper && !open_pipe(errors))) {
        return false;
    }
    struct launch launch = {.argv = order->argv,
                            .coverage = order->coverage,
                            .log_fd = wrapper ? -1 : order->log_fd,
                            .output_fd = output[1],
                            .error_fd = wrapper ? errors[1] : output[1],
                            .directory = wrapper ? NULL : directory,
                            .wrapper = wrapper};
    watch->output_fd = output[0];
    watch->error_fd = errors[0];
    watch->worker = launch_worker(&launch, watch->report->error, sizeof(watch->report->error));
    (void)close(output[1]);
    if (wrapper) {
        (void)close(errors[1]);
    }
    return watch->worker >= 0;
}

static _Noreturn void keeper_main(const struct keeper_order *order, int report_fd, pid_t command)
{
    static struct keeper_report report;
    memset(&report, 0, sizeof(report));
    struct watch watch = {.command = command, .report = &report, .output_fd = -1, .error_fd = -1};

    close_others(report_fd, order->log_fd < 0 ? report_fd : order->log_fd);
    watch.signal_fd = open_signals();
    if (watch.signal_fd < 0 || setsid() < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 ||
        prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) {
        keeper_fail(report_fd, &report, "keeper");
    }
    if (getppid() != command) {
        remove_tree(order->root); /* the command died before it was asked to tell us */
        _exit(1);
    }
    (void)prctl(PR_SET_NAME, "ipc-cts-keeper");

    static char directory[512];
    (void)umask(022);
    int length = snprintf(directory, sizeof(directory), "%s/caseXXXXXX", order->root);
    if (length < 0 || (size_t)length >= sizeof(directory) || mkdtemp(directory) == NULL) {
        keeper_fail(report_fd, &report, "working directory");
    }
    uint64_t begin = clock_now_ns();
    if (!start_worker(&watch, order, directory)) {
        remove_tree(directory);
        keeper_fail(report_fd, &report, "worker");
    }

    watch_worker(&watch, begin, order->limit_ms);
    bool own_end = report.ending == KEEPER_EXITED || report.ending == KEEPER_SIGNALLED;
    if (own_end) {
        wait_for_helpers(&watch, order->grace_ms);
    }
    unsigned killed = kill_everything(&watch);
    report.strays = own_end ? killed : 0;
    drain_output(&watch);
    if (watch.stream != NULL) {
        stream_end(watch.stream);
    }
    remove_tree(directory);

    if (getppid() != command) {
        /* Nobody is left to do it. Other keepers may still be busy below; the last one succeeds. */
        remove_tree(order->root);
        _exit(1);
    }
    /* A pipe holds 64 KiB, so this does not block, and the reader sees all or nothing of it. */
    ssize_t written = write(report_fd, &report, sizeof(report));
    _exit(written == (ssize_t)sizeof(report) ? 0 : 1);
}

bool keeper_start(struct keeper *keeper, const struct keeper_order *order)
{
    int fds[2];
    keeper->pid = -1;
    keeper->fd = -1;
    keeper->filled = 0;
    if (pipe2(fds, O_CLOEXEC) != 0) {
        return false;
    }
    pid_t command = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        keeper_main(order, fds[1], command);
    }
    int error = errno;
    (void)close(fds[1]);
    if (pid < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0) {
        (void)close(fds[0]);
        errno = error;
        return false;
    }
    keeper->pid = pid;
    keeper->fd = fds[0];
    return true;
}

bool keeper_read(struct keeper *keeper)
{
    for (;;) {
        char spare;
        bool whole = keeper->filled == sizeof(keeper->report);
        void *at = whole ? (void *)&spare : (char *)&keeper->report + keeper->filled;
        ssize_t size = read(keeper->fd, at, whole ? 1 : sizeof(keeper->report) - keeper->filled);
        if (size > 0) {
            keeper->filled += whole ? 0 : (size_t)size;
        } else if (size < 0 && errno == EINTR) {
            continue;
        } else {
            return size == 0 || errno != EAGAIN;
        }
    }
}

bool keeper_finish(struct keeper *keeper)
{
    int status = 0;
    pid_t gone;
    (void)close(keeper->fd);
    keeper->fd = -1;
    do {
        gone = waitpid(keeper->pid, &status, 0);
    } while (gone < 0 && errno == EINTR);
    keeper->pid = -1;
    keeper->lost_signal = gone > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return keeper->filled == sizeof(keeper->report) && gone > 0 && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

void keeper_kill(const struct keeper *keeper)
{
    if (keeper->pid > 0) {
        (void)kill(keeper->pid, SIGKILL);
    }
}

void keeper_cancel(const struct keeper *keeper)
{
    if (keeper->pid > 0) {
        (void)kill(keeper->pid, SIGTERM);
    }
}

bool keeper_run(struct keeper *keeper, const struct keeper_order *order, int signal_fd,
                bool *interrupted)
{
    *interrupted = false;
    if (!keeper_start(keeper, order)) {
        return false;
    }
    do {
        struct pollfd fds[2] = {{.fd = keeper->fd, .events = POLLIN},
                                {.fd = signal_fd, .events = POLLIN}};
        struct signalfd_siginfo info;
        if (poll(fds, 2, -1) > 0 && fds[1].revents != 0 &&
            read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
            *interrupted = true;
            keeper_cancel(keeper);
        }
    } while (!keeper_read(keeper));
    bool good = keeper_finish(keeper);
    if (!good) {
        sweep_away(NULL, 0); /* what a lost keeper kept is ours now */
    }
    return good;
}
