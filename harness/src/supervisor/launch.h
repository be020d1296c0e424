/* SPDX-License-Identifier: Apache-2.0 */
/* Making a worker out of a fork: descriptors, environment, limits, directory. */
#ifndef CTS_SUPERVISOR_LAUNCH_H
#define CTS_SUPERVISOR_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct launch {
    char *const *argv;
    int log_fd;            /* becomes KEEPER_LOG_FD; -1 for none */
    int output_fd;         /* becomes stdout */
    int error_fd;          /* becomes stderr; may be the same */
    const char *directory; /* becomes the working directory; null: the caller's */
    /* An exec wrapper, which is the user's own program: with the caller's environment, found on the
     * caller's path, without limits of memory. */
    bool wrapper;
    const char *coverage; /* where gcov's counters go; null: where the caller's GCOV_PREFIX says */
};

/* The process, which leads a process group of its own, or -1 with the reason in `error`. Returns
 * when the program runs or could not be started. */
pid_t launch_worker(const struct launch *launch, char *error, size_t error_size);

/* Where a worker, and the compiler it may start, finds programs. */
#define LAUNCH_PATH "/usr/local/bin:/usr/bin:/bin"

#endif
