/* SPDX-License-Identifier: Apache-2.0 */
/* See clock.h. */
#include "clock.h"

#include "decisions.h"

#include <time.h>

static bool g_is_virtual REF_GUARDED_BY(g_ref_domain);
static uint64_t g_virtual_now_ns REF_GUARDED_BY(g_ref_domain);

static uint64_t monotonic_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock and a valid pointer */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t ref_clock_now_ns_locked(void)
{
    return g_is_virtual ? g_virtual_now_ns : monotonic_now_ns();
}

uint64_t ref_clock_kernel_deadline_ns_locked(uint64_t deadline_ns)
{
    if (!g_is_virtual) {
        return deadline_ns;
    }
    /* A deadline that has passed already ends the wait at once: 1 lies in every clock's past. */
    return deadline_ns <= g_virtual_now_ns ? 1 : REF_FOREVER;
}

void ref_clock_set_virtual_locked(bool is_virtual)
{
    g_virtual_now_ns = monotonic_now_ns();
    g_is_virtual = is_virtual;
}

void ref_clock_advance_locked(uint64_t by_ns)
{
    if (g_is_virtual) {
        g_virtual_now_ns += by_ns;
    }
}
