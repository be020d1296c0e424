/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One blocked thread: a record with its own park word, an outcome that is set once, and the list of
 * those to wake after the lock is left.
 *
 * Claim rule. Whoever sets the outcome of another thread's waiter owns the record until it stores
 * RELEASED into the park word, which it does outside the lock and as its last access. The waiter's
 * thread does not return before it has seen RELEASED, unless it set the outcome itself. Records are
 * never freed (thread.h), so that the wake-up call that may follow the store is harmless even when
 * it comes late: it is at most a spurious wake-up of a later wait.
 */
#ifndef REF_WAITER_H
#define REF_WAITER_H

#include "decisions.h"
#include "domain.h"
#include "list.h"

#include <ipc/if_rend.h>
#include <stdatomic.h>

struct ref_handle_entry;
struct ref_request;
struct ref_sync;

struct ref_waiter {
    /* Constant while the thread waits; written by the thread itself under the lock. */
    uint64_t deadline_ns;           /* on ref_clock; REF_FOREVER is none */
    uint64_t kernel_deadline_ns;    /* what the kernel is told */
    SMsgHdr *msg_in;                /* the thread's room for what it waits for */
    Handle receive_handle;          /* RecvEx: the handle it was given, and its entry; */
    struct ref_handle_entry *entry; /* compared only, the entry may be closed meanwhile */
    /* The domain lock. */
    enum ref_control_stage stage REF_GUARDED_BY(g_ref_domain); /* RUNNING once outcome is set */
    enum ref_outcome outcome REF_GUARDED_BY(g_ref_domain);     /* leaves REF_PENDING once */
    uint64_t ticket REF_GUARDED_BY(g_ref_domain);              /* order of arrival of receivers */
    struct ref_sync *sync REF_GUARDED_BY(g_ref_domain);        /* null: none, or closed */
    struct ref_node sync_node REF_GUARDED_BY(g_ref_domain);    /* in sync->waiters */
    struct ref_node end_node REF_GUARDED_BY(g_ref_domain);     /* RecvEx: in end->receivers */
    struct ref_request *request REF_GUARDED_BY(g_ref_domain);  /* the thread's own; null: none */
    /* Own rule: the claim rule above. */
    struct ref_waiter *wake_next; /* the claimer's until RELEASED */
    _Atomic uint32_t park;        /* waiter.c; release store by the claimer, acquire by the owner */
    uint32_t spin_confidence;     /* owner only: does spinning pay? 0: not lately */
    uint32_t spin_rounds;         /* owner only */
};

/* Waiters whose outcome is set and whose threads are to be released after the lock is left. Lives
 * on the claimer's stack. */
struct ref_wakes {
    struct ref_waiter *first;
    struct ref_waiter *last;
};
#define REF_WAKES_NONE                                                                             \
    {                                                                                              \
        NULL, NULL                                                                                 \
    }

/* Make the record ready for a wait in `stage` until deadline_ns. The caller links it to the queues
 * and leaves the lock before ref_waiter_sleep(). */
void ref_waiter_begin_locked(struct ref_waiter *waiter, enum ref_control_stage stage,
                             uint64_t deadline_ns) REF_REQUIRES(g_ref_domain);

/* Set the outcome, once, and take the record off its sync object. `wakes` receives the waiter; it
 * is null when the waiter's own thread does this, which then needs no release. The caller has taken
 * the record off the queues of its channel. */
void ref_waiter_finish_locked(struct ref_waiter *waiter, enum ref_outcome outcome,
                              struct ref_wakes *wakes) REF_REQUIRES(g_ref_domain);

/* Sleep until released (true) or until deadline_ns on the kernel's clock (false). */
bool ref_waiter_sleep(struct ref_waiter *waiter, uint64_t deadline_ns) REF_EXCLUDES(g_ref_domain);

/* The outcome, for the waiter's thread after it was released. */
enum ref_outcome ref_waiter_released_outcome(const struct ref_waiter *waiter);

/* Release everyone in `wakes`, in order. */
void ref_wakes_release(struct ref_wakes *wakes) REF_EXCLUDES(g_ref_domain);

#endif
