/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper process. Its steps:
 *   1. become leader of a session and reaper of all descendants; keep only the descriptor it needs
 *   and for each order:
 *   2. start the worker as leader of a process group, in an empty directory
 *   3. watch until the worker ends, its time or its output runs out, or the command says stop
 *   4. after an end of its own: give helper processes a moment to notice
 *   5. kill what is left, until there is no child any more. The dead worker is reaped last: until
 *      then its number, and with it the group's, cannot be given to a stranger
 *   6. remove the directory and report
 * It serves many orders, since making a process costs more than most cases do, but none after a worker
 * that did not simply exit, or that changed what its keeper passes on: the next case is not to meet
 * it. An idle keeper holds nothing, so the command ends it by SIGKILL. The end of the socket is the
 * end of the command; the keeper then cleans up without a report, and behind the command as well.
 * Signals that the library under test may send mean nothing.
 */
#include "keeper_process.h"
#include "clock.h"
#include "keeper_order.h"
#include "launch.h"
#include "sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEPER_READ_BYTES 65536

/* What a worker inherits from its keeper, and can change there. */
struct inheritance {
    struct rlimit limits[RLIM_NLIMITS];
    cpu_set_t cpus;
    int priority;
};

struct watch {
    pid_t worker;
    int command_fd;        /* orders come in, reports go out */
    int output_fd;         /* -1 once nobody can write to it any more */
    int error_fd;          /* the same; -1 where stderr is the same pipe */
    struct stream *stream; /* null without a wrapper, as is the memory that it fills */
    struct cts_log_area *area;
    int signal_fd;
    bool stop; /* the command said so, or is gone */
    struct keeper_report *report;
};

static void note_failure(struct keeper_report *report, const char *what)
{
    report->ending = KEEPER_FAILED;
    if (report->error[0] == '\0') {
        (void)snprintf(report->error, sizeof(report->error), "%s: %s", what, strerror(errno));
    }
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

/* Waits for a signal, a word of the command, or output, at most `timeout_ms`, and takes note of them. */
static void watch_events(struct watch *watch, int timeout_ms)
{
    bool over = output_is_over(watch);
    struct pollfd fds[4] = {{.fd = watch->signal_fd, .events = POLLIN},
                            {.fd = over ? -1 : watch->output_fd, .events = POLLIN},
                            {.fd = over ? -1 : watch->error_fd, .events = POLLIN},
                            {.fd = watch->stop ? -1 : watch->command_fd, .events = POLLIN}};
    if (poll(fds, 4, timeout_ms) < 0) {
        return; /* EINTR: the caller looks again at everything */
    }
    struct signalfd_siginfo info;
    while (read(watch->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        /* SIGCHLD makes the caller look; the others are only taken away. */
    }
    char word;
    if (fds[3].revents != 0) {
        ssize_t size = recv(watch->command_fd, &word, 1, MSG_DONTWAIT);
        watch->stop = size >= 0 || (errno != EAGAIN && errno != EINTR);
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

/* The keeper is a fork of the command and holds all of its descriptors: sockets of other keepers, logs
 * of other cases. All but 0 to 2 and this one go. */
static void close_others(int kept)
{
    if (kept > 3) {
        (void)close_range(3, (unsigned)kept - 1, 0);
    }
    (void)close_range((unsigned)kept + 1, ~0u, 0);
}

/* A pipe whose end here does not block. */
static bool open_pipe(int fds[2])
{
    return pipe2(fds, O_CLOEXEC) == 0 && fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0;
}

#define KEEPER_LOG_BYTES (sizeof(struct cts_log_area) + CTS_LOG_CAPACITY)

/* The memory behind the log, for what comes through a stream; see case_log.h. */
static struct cts_log_area *map_log(int fd)
{
    void *map = mmap(NULL, KEEPER_LOG_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return map == MAP_FAILED ? NULL : map;
}

/* Prepares for what comes through a wrapper, without which nothing is to be done. */
static bool open_stream(struct watch *watch, const struct keeper_order *order, char *directory)
{
    static struct stream stream;
    if (order->nonce == NULL) {
        return true;
    }
    watch->area = map_log(order->log_fd);
    if (watch->area == NULL) {
        return false;
    }
    stream_begin(&stream, order->nonce, watch->area, &watch->report->output,
                 &watch->report->stream);
    watch->stream = &stream;
    if (order->directory_word != 0) {
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
    if (!open_stream(watch, order, directory) || !open_pipe(output)) {
        return false;
    }
    watch->output_fd = output[0];
    if (wrapper && !open_pipe(errors)) {
        (void)close(output[1]);
        return false;
    }
    watch->error_fd = errors[0];
    struct launch launch = {.argv = order->argv,
                            .coverage = order->coverage,
                            .log_fd = wrapper ? -1 : order->log_fd,
                            .output_fd = output[1],
                            .error_fd = wrapper ? errors[1] : output[1],
                            .directory = wrapper ? NULL : directory,
                            .wrapper = wrapper};
    watch->worker = launch_worker(&launch, watch->report->error, sizeof(watch->report->error));
    (void)close(output[1]);
    if (wrapper) {
        (void)close(errors[1]);
    }
    return watch->worker >= 0;
}

static void look_at_inheritance(struct inheritance *now)
{
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        if (getrlimit(i, &now->limits[i]) != 0) {
            now->limits[i] = (struct rlimit){0};
        }
    }
    CPU_ZERO(&now->cpus);
    (void)sched_getaffinity(0, sizeof(now->cpus), &now->cpus);
    now->priority = getpriority(PRIO_PROCESS, 0);
}

static bool inheritance_changed(const struct inheritance *before)
{
    struct inheritance now;
    look_at_inheritance(&now);
    bool same = now.priority == before->priority && CPU_EQUAL(&now.cpus, &before->cpus);
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        same = same && now.limits[i].rlim_cur == before->limits[i].rlim_cur &&
               now.limits[i].rlim_max == before->limits[i].rlim_max;
    }
    return !same;
}

static void fail_order(int command_fd, const char *what)
{
    static struct keeper_report report;
    memset(&report, 0, sizeof(report));
    note_failure(&report, what);
    report.last = true;
    (void)keeper_report_send(command_fd, &report);
}

/* Steps 2 to 6. False when this was the last order. */
static bool serve(const struct keeper_order *order, int command_fd, int signal_fd,
                  const struct inheritance *inheritance)
{
    static struct keeper_report report;
    static char directory[512];
    memset(&report, 0, sizeof(report));
    struct watch watch = {.command_fd = command_fd,
                          .signal_fd = signal_fd,
                          .report = &report,
                          .output_fd = -1,
                          .error_fd = -1};
    int length = snprintf(directory, sizeof(directory), "%s/caseXXXXXX", order->root);
    if (length < 0 || (size_t)length >= sizeof(directory) || mkdtemp(directory) == NULL) {
        fail_order(command_fd, "working directory");
        return false;
    }
    uint64_t begin = clock_now_ns();
    if (start_worker(&watch, order, directory)) {
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
    } else {
        note_failure(&report, "worker");
    }
    for (int i = 0; i < 2; i++) {
        int fd = i == 0 ? watch.output_fd : watch.error_fd;
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    if (watch.area != NULL) {
        (void)munmap(watch.area, KEEPER_LOG_BYTES);
    }
    remove_tree(directory);
    report.last = report.ending != KEEPER_EXITED || report.strays != 0 || report.unkillable != 0 ||
                  inheritance_changed(inheritance);
    return keeper_report_send(command_fd, &report) && !report.last;
}

/* Waits for an order and serves it. False when there is no more to do. */
static bool serve_next(int command_fd, int signal_fd, const struct inheritance *inheritance)
{
    struct keeper_order_received received;
    bool more = false;
    switch (keeper_order_receive(command_fd, &received)) {
    case KEEPER_ORDER_NONE:
        break;
    case KEEPER_ORDER_WITHOUT_LOG:
        fail_order(command_fd, "descriptor of the log");
        break;
    case KEEPER_ORDER_WHOLE:
        more = serve(&received.order, command_fd, signal_fd, inheritance);
        break;
    }
    keeper_order_finish(&received);
    return more;
}

_Noreturn void keeper_process(const char *root, int command_fd)
{
    close_others(command_fd);
    (void)prctl(PR_SET_NAME, "ipc-cts-keeper");
    (void)umask(022);
    int signal_fd = open_signals();
    if (signal_fd < 0 || setsid() < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        fail_order(command_fd, "keeper");
    } else {
        struct inheritance inheritance;
        look_at_inheritance(&inheritance);
        while (serve_next(command_fd, signal_fd, &inheritance)) {
        }
    }
    keeper_order_drain(command_fd); /* the last report is out */
    /* Nobody is left to do it. Other keepers may still be busy below; the last one succeeds. */
    remove_tree(root);
    _exit(0);
}
