/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of all deadlines: the monotonic one, or a virtual one that only moves when told. While
 * it is virtual no wait gives its deadline to the kernel; advancing ends the waits (waiter.h).
 */
#ifndef REF_CLOCK_H
#define REF_CLOCK_H

#include "domain.h"

#include <stdbool.h>
#include <stdint.h>

/* Nanoseconds, never going back within one mode. */
uint64_t ref_clock_now_ns_locked(void) REF_REQUIRES(g_ref_domain);
/* The deadline that a sleeping thread may hand to the kernel: none while the clock is virtual. */
uint64_t ref_clock_kernel_deadline_ns_locked(uint64_t deadline_ns) REF_REQUIRES(g_ref_domain);
/* The virtual clock starts at the present. Only while no thread waits. */
void ref_clock_set_virtual_locked(bool is_virtual) REF_REQUIRES(g_ref_domain);
/* Without effect on the monotonic clock. */
void ref_clock_advance_locked(uint64_t by_ns) REF_REQUIRES(g_ref_domain);

#endif
