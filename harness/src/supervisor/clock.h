/* SPDX-License-Identifier: Apache-2.0 */
/* Monotonic time. */
#ifndef CTS_SUPERVISOR_CLOCK_H
#define CTS_SUPERVISOR_CLOCK_H

#include "text.h"

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_now_ns(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        fatal("the monotonic clock cannot be read");
    }
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Milliseconds from now to `deadline_ns`, rounded up, for poll. */
static inline int clock_left_ms(uint64_t deadline_ns)
{
    uint64_t now = clock_now_ns();
    if (now >= deadline_ns) {
        return 0;
    }
    uint64_t left = (deadline_ns - now + 999999u) / 1000000u;
    return left > 3600000u ? 3600000 : (int)left;
}

#endif
