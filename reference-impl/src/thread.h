/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the library knows of a thread: its id, its process, its waiter and its request. A record is
 * made when a thread first blocks or is bound, and goes to a pool when the thread ends: its memory
 * stays a thread record for ever, which the claim rule of waiter.h relies on.
 */
#ifndef REF_THREAD_H
#define REF_THREAD_H

#include "process.h"
#include "waiter.h"

struct ref_thread {
    struct ref_waiter waiter; /* first, see ref_thread_of_waiter() */
    Tid tid;                  /* constant while the thread lives; never 0 */
    struct ref_process *process REF_GUARDED_BY(g_ref_domain);
    struct ref_node node REF_GUARDED_BY(g_ref_domain);    /* in the list of all threads */
    struct ref_thread *next REF_GUARDED_BY(g_ref_domain); /* same bucket of ids, or in the pool */
};

/* The calling thread's record, made now if it has none; null without memory. */
struct ref_thread *ref_thread_self(void) REF_EXCLUDES(g_ref_domain);
/* The same, or null if it has none. */
struct ref_thread *ref_thread_self_if_known(void);
/* The calling thread's process, or null when it has ended. */
struct ref_process *ref_thread_process_locked(void) REF_REQUIRES(g_ref_domain);
/* Move a thread to another process. */
void ref_thread_bind_locked(struct ref_thread *thread, struct ref_process *process)
    REF_REQUIRES(g_ref_domain);
/* Make sure that the calling thread owns a request. REF_OK, REF_NO_MEMORY. */
enum ref_outcome ref_thread_provide_request_locked(struct ref_thread *thread)
    REF_REQUIRES(g_ref_domain);

/* Null: no such thread. */
struct ref_thread *ref_thread_find_locked(Tid tid) REF_REQUIRES(g_ref_domain);
/* All known threads: the one after `thread`, the first after null, null at the end. */
struct ref_thread *ref_thread_next_locked(const struct ref_thread *thread)
    REF_REQUIRES(g_ref_domain);

static inline struct ref_thread *ref_thread_of_waiter(struct ref_waiter *waiter)
{
    return (struct ref_thread *)(void *)waiter;
}

TaskId ref_waiter_process_id_locked(const struct ref_waiter *waiter) REF_REQUIRES(g_ref_domain);

#endif
