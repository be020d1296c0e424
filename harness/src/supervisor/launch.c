/* SPDX-License-Identifier: Apache-2.0 */
#include "launch.h"
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LAUNCH_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LAUNCH_SANITIZED 1
#endif

/* Everything the child needs below this number is moved above it first, so that no dup2 overwrites
 * a source. */
#define LAUNCH_HIGH_FD 16
#define LAUNCH_STATUS_FD 4

/* What the child tells when it cannot become the worker. */
struct launch_failure {
    int error;
    char step[32];
};

extern char **environ;

#define LAUNCH_ENVIRONMENT_MAX 16

/* Nothing of the caller's environment reaches the worker but what sanitizers and gcov are told. */
static void build_environment(char *environment[LAUNCH_ENVIRONMENT_MAX], const char *coverage)
{
    static char prefix[PATH_MAX + sizeof("GCOV_PREFIX=")];
    static char path[] = "PATH=" LAUNCH_PATH;
    static char home[] = "HOME=/nonexistent";
    static char lang[] = "LANG=C";
    static char zone[] = "TZ=UTC";
    static const char *const passed[] = {"ASAN_OPTIONS=", "TSAN_OPTIONS=", "UBSAN_OPTIONS=",
                                         "LSAN_OPTIONS=", "GCOV_PREFIX=",  "GCOV_PREFIX_STRIP="};
    size_t count = 0;
    environment[count++] = path;
    environment[count++] = home;
    environment[count++] = lang;
    environment[count++] = zone;
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        bool ours = coverage != NULL && strncmp(*entry, "GCOV_", 5) == 0;
        for (size_t i = 0; !ours && i < sizeof(passed) / sizeof(passed[0]); i++) {
            if (strncmp(*entry, passed[i], strlen(passed[i])) == 0 &&
                count + 1 < LAUNCH_ENVIRONMENT_MAX) {
                environment[count++] = *entry;
            }
        }
    }
    if (coverage != NULL && count + 1 < LAUNCH_ENVIRONMENT_MAX) {
        (void)snprintf(prefix, sizeof(prefix), "GCOV_PREFIX=%s", coverage);
        environment[count++] = prefix;
    }
    environment[count] = NULL;
}

static _Noreturn void give_up(int status_fd, const char *step)
{
    struct launch_failure failure = {.error = errno};
    (void)snprintf(failure.step, sizeof(failure.step), "%s", step);
    ssize_t written = write(status_fd, &failure, sizeof(failure));
    _exit(written == (ssize_t)sizeof(failure) ? 127 : 126);
}

static void reset_signals(int status_fd)
{
    for (int number = 1; number < NSIG; number++) {
        /* Refused for SIGKILL, SIGSTOP and those of the C library: they are as they must be. */
        (void)signal(number, SIG_DFL);
    }
    sigset_t none;
    if (sigemptyset(&none) != 0 || sigprocmask(SIG_SETMASK, &none, NULL) != 0) {
        give_up(status_fd, "sigprocmask");
    }
}

/* A wrapper may be an emulator of a whole machine, so memory is limited for workers only. */
static void limit_resources(int status_fd, bool wrapper)
{
    const struct rlimit no_core = {0, 0};
    if (setrlimit(RLIMIT_CORE, &no_core) != 0) {
        give_up(status_fd, "setrlimit");
    }
#ifndef LAUNCH_SANITIZED
    /* A sanitizer reserves terabytes of address space. */
    struct rlimit space;
    if (wrapper) {
        return;
    }
    if (getrlimit(RLIMIT_AS, &space) != 0) {
        give_up(status_fd, "getrlimit");
    }
    if (space.rlim_max == RLIM_INFINITY || space.rlim_max > KEEPER_ADDRESS_SPACE_BYTES) {
        space.rlim_max = KEEPER_ADDRESS_SPACE_BYTES;
    }
    space.rlim_cur = space.rlim_max;
    if (setrlimit(RLIMIT_AS, &space) != 0) {
        give_up(status_fd, "setrlimit");
    }
#endif
    /* When memory runs out all the same, the worker is the one to go. Not every container lets a
     * process say so, and nothing depends on it. */
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t written = write(fd, "1000", 4);
        (void)written;
        (void)close(fd);
    }
}

/* Leaves 0, 1, 2, the log, and the status descriptor, which closes on exec. */
static void arrange_descriptors(const struct launch *launch, int *status_fd)
{
    int status = fcntl(*status_fd, F_DUPFD_CLOEXEC, LAUNCH_HIGH_FD);
    if (status < 0) {
        give_up(*status_fd, "fcntl");
    }
    *status_fd = status;
    int output = fcntl(launch->output_fd, F_DUPFD_CLOEXEC, LAUNCH_HIGH_FD);
    int errors = fcntl(launch->error_fd, F_DUPFD_CLOEXEC, LAUNCH_HIGH_FD);
    int log = launch->log_fd < 0 ? -1 : fcntl(launch->log_fd, F_DUPFD_CLOEXEC, LAUNCH_HIGH_FD);
    int empty = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (output < 0 || errors < 0 || empty < 0 || (log < 0 && launch->log_fd >= 0)) {
        give_up(status, "open");
    }
    int high = fcntl(empty, F_DUPFD_CLOEXEC, LAUNCH_HIGH_FD);
    if (high < 0 || dup2(high, 0) != 0 || dup2(output, 1) != 1 || dup2(errors, 2) != 2 ||
        (log >= 0 && dup2(log, KEEPER_LOG_FD) != KEEPER_LOG_FD)) {
        give_up(status, "dup2");
    }
    if (dup3(status, LAUNCH_STATUS_FD, O_CLOEXEC) != LAUNCH_STATUS_FD) {
        give_up(status, "dup3");
    }
    *status_fd = LAUNCH_STATUS_FD;
    if (log < 0 && close(KEEPER_LOG_FD) != 0 && errno != EBADF) {
        give_up(LAUNCH_STATUS_FD, "close");
    }
    if (close_range(LAUNCH_STATUS_FD + 1, ~0u, 0) != 0) {
        give_up(LAUNCH_STATUS_FD, "close_range");
    }
}

/* Not in the frame of the function that has called vfork(), whose variables are the parent's. */
static _Noreturn __attribute__((noinline)) void become_worker(const struct launch *launch,
                                                              int status_fd, pid_t keeper)
{
    if (setpgid(0, 0) != 0) {
        give_up(status_fd, "setpgid");
    }
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != keeper) {
        give_up(status_fd, "prctl");
    }
    /* A program with set-user-id could not be killed afterwards. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        give_up(status_fd, "prctl");
    }
    if (launch->directory != NULL && chdir(launch->directory) != 0) {
        give_up(status_fd, "chdir");
    }
    (void)umask(022);
    arrange_descriptors(launch, &status_fd);
    limit_resources(status_fd, launch->wrapper);
    reset_signals(status_fd);
    char *environment[LAUNCH_ENVIRONMENT_MAX];
    build_environment(environment, launch->coverage);
    if (launch->wrapper) {
        (void)execvp(launch->argv[0], launch->argv);
        give_up(status_fd, "exec");
    }
    (void)execve(launch->argv[0], launch->argv, environment);
    give_up(status_fd, "exec");
}

pid_t launch_worker(const struct launch *launch, char *error, size_t error_size)
{
    int status[2];
    if (pipe2(status, O_CLOEXEC) != 0) {
        (void)snprintf(error, error_size, "pipe: %s", strerror(errno));
        return -1;
    }
    pid_t keeper = getpid();
    /* The child shares this memory until it runs the worker: page tables need no copy, which is the
     * largest part of what a fork costs. It calls the kernel and writes nothing that is read here. */
    pid_t worker = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
    if (worker < 0) {
        (void)snprintf(error, error_size, "vfork: %s", strerror(errno));
        (void)close(status[0]);
        (void)close(status[1]);
        return -1;
    }
    if (worker == 0) {
        become_worker(launch, status[1], keeper); /* NOLINT(clang-analyzer-unix.Vfork) */
    }
    /* The child does the same; whoever comes first, the group exists before anyone signals it. */
    (void)setpgid(worker, worker);
    (void)close(status[1]);
    struct launch_failure failure;
    ssize_t size = 0;
    do {
        size = read(status[0], &failure, sizeof(failure));
    } while (size < 0 && errno == EINTR);
    (void)close(status[0]);
    if (size != (ssize_t)sizeof(failure)) {
        return worker; /* the end of the pipe: exec closed it */
    }
    (void)snprintf(error, error_size, "cannot start %s: %.31s: %s", launch->argv[0], failure.step,
                   strerror(failure.error));
    while (waitpid(worker, NULL, 0) < 0 && errno == EINTR) {
    }
    return -1;
}
