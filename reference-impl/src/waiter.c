/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See waiter.h. Responsible for sleeping and waking, not for why. The park word goes
 *
 *   ARMED --(owner, about to sleep)--> PARKED          ARMED or PARKED --(claimer)--> RELEASED
 *
 * and back to ARMED by the owner at the next wait, when no claimer can know the record. The kernel
 * is asked to wake only if the owner got as far as PARKED.
 */
#include "waiter.h"

#include "clock.h"
#include "sync_object.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    PARK_ARMED = 0,
    PARK_PARKED = 1,
    PARK_RELEASED = 2,
};

/* Spinning pays when the peer runs on another core and is a waste when it does not. What happened
 * lately decides: each success adds to the confidence, each failure takes from it, and now and then
 * a look finds out that things have changed. The first waits of a thread do not look, so that a
 * thread which only blocks once does not burn its core. */
#define SPIN_MAX 2000u
#define SPIN_MIN 4u
#define SPIN_CONFIDENCE_MAX 8u
#define SPIN_LOOK_ROUNDS 128u
#define SPIN_LOOK_FIRST 16u
#define YIELD_COUNT 2

void ref_waiter_begin_locked(struct ref_waiter *waiter, enum ref_control_stage stage,
                             uint64_t deadline_ns)
{
    waiter->deadline_ns = deadline_ns;
    waiter->kernel_deadline_ns = ref_clock_kernel_deadline_ns_locked(deadline_ns);
    waiter->stage = stage;
    waiter->outcome = REF_PENDING;
    waiter->wake_next = NULL;
    /* Relaxed: the claimer learns of the record through the lock. */
    atomic_store_explicit(&waiter->park, PARK_ARMED, memory_order_relaxed);
}

void ref_waiter_finish_locked(struct ref_waiter *waiter, enum ref_outcome outcome,
                              struct ref_wakes *wakes)
{
    assert(waiter->outcome == REF_PENDING && outcome != REF_PENDING); /* LCOV_EXCL_BR_LINE: once */
    waiter->outcome = outcome;
    waiter->stage = REF_STAGE_RUNNING;
    ref_sync_detach_locked(waiter);
    if (wakes == NULL) {
        return;
    }
    waiter->wake_next = NULL;
    if (wakes->last == NULL) {
        wakes->first = waiter;
    } else {
        wakes->last->wake_next = waiter;
    }
    wakes->last = waiter;
}

/* Acquire pairs with the release in ref_wakes_release(): outcome and message are visible after. */
static bool is_released(struct ref_waiter *waiter)
{
    return atomic_load_explicit(&waiter->park, memory_order_acquire) == PARK_RELEASED;
}

static bool spin_until_released(struct ref_waiter *waiter)
{
    bool is_look = waiter->spin_rounds++ % SPIN_LOOK_ROUNDS == SPIN_LOOK_FIRST;
    uint32_t limit = is_look || waiter->spin_confidence > 0 ? SPIN_MAX : SPIN_MIN;
    uint32_t turns;

    for (turns = 0; turns < limit; turns++) {
        if (is_released(waiter)) {
            waiter->spin_confidence = is_look ? SPIN_CONFIDENCE_MAX : waiter->spin_confidence + 1;
            if (waiter->spin_confidence > SPIN_CONFIDENCE_MAX) {
                waiter->spin_confidence = SPIN_CONFIDENCE_MAX;
            }
            return true;
        }
        ref_cpu_relax();
    }
    if (waiter->spin_confidence > 0) {
        waiter->spin_confidence--;
    }
    return false;
}

/* Sleep while the park word is PARKED. Returns ETIMEDOUT, or anything else to look again. */
static int futex_wait_parked(struct ref_waiter *waiter, uint64_t deadline_ns)
{
    long result;
    if (deadline_ns == REF_FOREVER) {
        result = syscall(SYS_futex, &waiter->park, FUTEX_WAIT_PRIVATE, PARK_PARKED, NULL, NULL, 0);
    } else {
        /* The bitset form takes an absolute monotonic time, so that a signal costs no drift. */
        struct timespec deadline;
        deadline.tv_sec = (time_t)(deadline_ns / 1000000000u);
        deadline.tv_nsec = (long)(deadline_ns % 1000000000u);
        result = syscall(SYS_futex, &waiter->park, FUTEX_WAIT_BITSET_PRIVATE, PARK_PARKED,
                         &deadline, NULL, FUTEX_BITSET_MATCH_ANY);
    }
    return result == 0 ? 0 : errno;
}

bool ref_waiter_sleep(struct ref_waiter *waiter, uint64_t deadline_ns)
{
    uint32_t expected = PARK_ARMED;
    int turn;

    if (spin_until_released(waiter)) {
        return true;
    }
    /* On one core this hands over faster than a futex wake-up does. */
    for (turn = 0; turn < YIELD_COUNT; turn++) {
        sched_yield();
        if (is_released(waiter)) {
            return true;
        }
    }
    /* Fails when RELEASED has come, or when an earlier sleep of this wait has left PARKED. */
    atomic_compare_exchange_strong_explicit(&waiter->park, &expected, PARK_PARKED,
                                            memory_order_acquire, memory_order_acquire);
    while (!is_released(waiter)) {
        if (futex_wait_parked(waiter, deadline_ns) == ETIMEDOUT) {
            return is_released(waiter);
        }
    }
    return true;
}

/* No analysis: the claimer set the outcome under the lock and released us after it, and nobody
 * writes the outcome again before our next wait begins. */
enum ref_outcome ref_waiter_released_outcome(const struct ref_waiter *waiter) REF_NO_ANALYSIS
{
    return waiter->outcome;
}

void ref_wakes_release(struct ref_wakes *wakes)
{
    struct ref_waiter *waiter = wakes->first;
    while (waiter != NULL) {
        struct ref_waiter *next = waiter->wake_next;
        /* Last access to the record. Release: see is_released(). */
        if (atomic_exchange_explicit(&waiter->park, PARK_RELEASED, memory_order_release) ==
            PARK_PARKED) {
            syscall(SYS_futex, &waiter->park, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
        }
        waiter = next;
    }
}
