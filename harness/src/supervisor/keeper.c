/* SPDX-License-Identifier: Apache-2.0 */
/* The command's side of a keeper; the process itself is in keeper_process.c. */
#include "keeper.h"
#include "clock.h"
#include "keeper_order.h"
#include "keeper_process.h"
#include "sweep.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Beyond all limits of an order: a keeper that is only slow, on a machine that is, has long ended. */
#define KEEPER_MARGIN_MS 30000u

static bool start_process(struct keeper *keeper, const char *root)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        keeper_process(root, fds[1]);
    }
    int error = errno;
    (void)close(fds[1]);
    if (pid < 0) {
        (void)close(fds[0]);
        errno = error;
        return false;
    }
    keeper->pid = pid;
    keeper->fd = fds[0];
    return true;
}

/* Gives how it ended. An idle one is killed: it holds nothing, and may have been stopped. */
static int end_process(struct keeper *keeper, bool idle)
{
    int status = 0;
    if (idle) {
        (void)kill(keeper->pid, SIGKILL);
    }
    (void)close(keeper->fd);
    while (waitpid(keeper->pid, &status, 0) < 0 && errno == EINTR) {
    }
    keeper->fd = -1;
    keeper->pid = 0;
    return status;
}

bool keeper_start(struct keeper *keeper, const struct keeper_order *order)
{
    keeper->whole = false;
    keeper->lost_signal = 0;
    /* One that somebody has killed since its last report takes no order; another one does. */
    if (keeper->pid > 0 && !keeper_order_send(keeper->fd, order)) {
        (void)end_process(keeper, true);
    } else if (keeper->pid > 0) {
        return true;
    }
    return start_process(keeper, order->root) && keeper_order_send(keeper->fd, order);
}

bool keeper_read(struct keeper *keeper)
{
    bool reset = false;
    for (;;) {
        ssize_t size = recv(keeper->fd, &keeper->report, sizeof(keeper->report), MSG_DONTWAIT);
        /* That it has ended without reading our last word is told before its report. */
        if (size < 0 && errno == ECONNRESET && !reset) {
            reset = true;
            continue;
        }
        if (size >= 0 || (errno != EINTR && errno != EAGAIN)) {
            keeper->whole = size == (ssize_t)sizeof(keeper->report);
            return true;
        }
        if (errno == EAGAIN) {
            return false;
        }
    }
}

bool keeper_finish(struct keeper *keeper)
{
    if (!keeper->whole) {
        int status = end_process(keeper, false);
        keeper->lost_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    } else if (keeper->report.last) {
        (void)end_process(keeper, true);
    }
    return keeper->whole;
}

void keeper_close(struct keeper *keeper)
{
    if (keeper->pid > 0) {
        (void)end_process(keeper, true);
    }
}

void keeper_kill(const struct keeper *keeper)
{
    if (keeper->pid > 0) {
        (void)kill(keeper->pid, SIGKILL);
    }
}

void keeper_cancel(const struct keeper *keeper)
{
    static const char word = KEEPER_CANCEL;
    if (keeper->pid > 0) {
        /* One that does not take it is gone, or stopped and overdue some time. */
        (void)send(keeper->fd, &word, sizeof(word), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

uint64_t keeper_overdue_ns(const struct keeper_order *order)
{
    uint64_t ms = order->limit_ms + order->grace_ms + KEEPER_KILL_LIMIT_MS +
                  (uint64_t)KEEPER_MARGIN_MS * order->grace_ms / KEEPER_GRACE_MS;
    return clock_now_ns() + ms * 1000000u;
}

bool keeper_run(struct keeper *keeper, const struct keeper_order *order, int signal_fd,
                bool *interrupted)
{
    *interrupted = false;
    if (!keeper_start(keeper, order)) {
        return false;
    }
    uint64_t overdue_ns = keeper_overdue_ns(order);
    do {
        struct pollfd fds[2] = {{.fd = keeper->fd, .events = POLLIN},
                                {.fd = signal_fd, .events = POLLIN}};
        struct signalfd_siginfo info;
        int ready = poll(fds, 2, clock_left_ms(overdue_ns));
        if (ready > 0 && fds[1].revents != 0 &&
            read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
            *interrupted = true;
            keeper_cancel(keeper);
        }
        if (clock_now_ns() >= overdue_ns) {
            keeper_kill(keeper);
        }
    } while (!keeper_read(keeper));
    bool good = keeper_finish(keeper);
    keeper_close(keeper);
    if (!good) {
        sweep_away(NULL, 0); /* what a lost keeper kept is ours now */
    }
    return good;
}
