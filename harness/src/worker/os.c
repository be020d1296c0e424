/* SPDX-License-Identifier: Apache-2.0 */
/* System calls without a wrapper. Raw futexes, because an actor that a signal handler parks must
 * not depend on any lock of libc. */
#include "world.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

uint64_t cts_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

pid_t cts_gettid(void)
{
    return (pid_t)syscall(SYS_gettid);
}

void cts_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns)
{
    struct timespec timeout = {(time_t)(timeout_ns / 1000000000u),
                               (long)(timeout_ns % 1000000000u)};
    /* Shared, not private: an actor may live in another operating-system process. */
    (void)syscall(SYS_futex, word, FUTEX_WAIT, expected, timeout_ns == 0 ? NULL : &timeout, NULL,
                  0);
}

void cts_futex_wake_all(_Atomic uint32_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
