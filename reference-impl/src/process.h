/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated process: an identity and a handle table. Process 1 always exists; an ended process
 * stays as a record while threads are bound to it. Everything under the domain lock.
 */
#ifndef REF_PROCESS_H
#define REF_PROCESS_H

#include "handle_table.h"

#include <task/pidtype.h>

struct ref_process {
    TaskId id; /* constant */
    bool has_ended REF_GUARDED_BY(g_ref_domain);
    uint32_t hold_count REF_GUARDED_BY(g_ref_domain); /* threads bound, and one while it lives */
    struct ref_process *next REF_GUARDED_BY(g_ref_domain);
    struct ref_handle_table handles;
};

struct ref_process *ref_process_first(void);
/* Null without memory. */
struct ref_process *ref_process_create_locked(void) REF_REQUIRES(g_ref_domain);
/* Null: never was, or has ended. */
struct ref_process *ref_process_find_locked(TaskId id) REF_REQUIRES(g_ref_domain);
/* End it in every respect; `process` may be freed on return. */
void ref_process_end_locked(struct ref_process *process, struct ref_wakes *wakes)
    REF_REQUIRES(g_ref_domain);
/* A thread is bound to it, or no longer. */
void ref_process_hold_locked(struct ref_process *process) REF_REQUIRES(g_ref_domain);
void ref_process_release_locked(struct ref_process *process) REF_REQUIRES(g_ref_domain);
/* Distinct objects that handles of the process keep alive. */
uint32_t ref_process_object_count_locked(const struct ref_process *process)
    REF_REQUIRES(g_ref_domain);

#endif
