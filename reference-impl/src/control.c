/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions of kos_ref/control.h. */
#include "public.h"

#include "alloc.h"
#include "channel.h"
#include "clock.h"
#include "connect.h"
#include "rendezvous.h"
#include "thread.h"

/* --- Processes and threads --- */

Retcode ref_control_process_create(TaskId *process)
{
    struct ref_process *created;

    if (process == NULL) {
        return ref_decide_code(REF_BAD_ARGUMENT);
    }
    ref_domain_enter();
    created = ref_process_create_locked();
    if (created != NULL) {
        *process = created->id;
    }
    ref_domain_leave();
    return ref_decide_code(created == NULL ? REF_NO_MEMORY : REF_OK);
}

static enum ref_outcome end_locked(TaskId id, struct ref_wakes *wakes) REF_REQUIRES(g_ref_domain)
{
    struct ref_process *process = ref_process_find_locked(id);
    if (process == NULL) {
        return REF_NO_PROCESS;
    }
    if (process == ref_process_first()) {
        return REF_NOT_POSSIBLE;
    }
    ref_process_end_locked(process, wakes);
    return REF_OK;
}

Retcode ref_control_process_end(TaskId process)
{
    struct ref_wakes wakes = REF_WAKES_NONE;
    enum ref_outcome outcome;

    ref_domain_enter();
    outcome = end_locked(process, &wakes);
    ref_domain_leave();
    ref_wakes_release(&wakes);
    return ref_decide_code(outcome);
}

Retcode ref_control_thread_bind(TaskId process, Tid *tid)
{
    struct ref_thread *thread = ref_thread_self();
    struct ref_process *found;

    if (thread == NULL) {
        return ref_decide_code(REF_NO_MEMORY);
    }
    ref_domain_enter();
    found = ref_process_find_locked(process);
    if (found != NULL) {
        ref_thread_bind_locked(thread, found);
        if (tid != NULL) {
            *tid = thread->tid;
        }
    }
    ref_domain_leave();
    return ref_decide_code(found == NULL ? REF_NO_PROCESS : REF_OK);
}

Retcode ref_control_channel_open(TaskId server_process, TaskId client_process, Handle *listener,
                                 Handle *server, Handle *client)
{
    const struct ref_connection connection = {INVALID_HANDLE, listener, server, client};
    struct ref_wakes wakes = REF_WAKES_NONE;
    struct ref_process *server_side;
    struct ref_process *client_side;
    enum ref_outcome outcome = REF_NO_PROCESS;

    if (client == NULL) {
        return ref_decide_code(REF_BAD_ARGUMENT);
    }
    ref_domain_enter();
    server_side = ref_process_find_locked(server_process);
    client_side = ref_process_find_locked(client_process);
    if (server_side != NULL && client_side != NULL) {
        outcome = ref_connect_locked(server_side, client_side, &connection, &wakes);
    }
    ref_domain_leave();
    ref_wakes_release(&wakes);
    return ref_decide_code(outcome);
}

/* --- Looking at the state --- */

enum ref_control_stage ref_control_thread_stage(Tid tid)
{
    const struct ref_thread *thread;
    enum ref_control_stage stage;

    ref_domain_enter();
    thread = ref_thread_find_locked(tid);
    stage = thread == NULL ? REF_STAGE_RUNNING : thread->waiter.stage;
    ref_domain_leave();
    return stage;
}

/* Calls in progress of the process, or of all for 0: each keeps a request. */
static uint32_t request_count_locked(TaskId process) REF_REQUIRES(g_ref_domain)
{
    const struct ref_thread *thread;
    uint32_t count = 0;

    for (thread = ref_thread_next_locked(NULL); thread != NULL;
         thread = ref_thread_next_locked(thread)) {
        bool is_call = thread->waiter.stage == REF_STAGE_CALL_QUEUED ||
                       thread->waiter.stage == REF_STAGE_CALL_TAKEN;
        if (is_call && (process == 0 || thread->process->id == process)) {
            count++;
        }
    }
    return count;
}

rtl_uint32_t ref_control_live_objects(TaskId process)
{
    const struct ref_process *found;
    rtl_uint32_t count;

    ref_domain_enter();
    count = request_count_locked(process);
    if (process == 0) {
        count += ref_object_live_count_locked() + ref_request_orphan_count_locked();
    } else {
        found = ref_process_find_locked(process);
        count += found == NULL ? 0 : ref_process_object_count_locked(found);
    }
    ref_domain_leave();
    return count;
}

/* --- Time, failures, security --- */

void ref_control_clock_set_virtual(int enabled)
{
    ref_domain_enter();
    ref_clock_set_virtual_locked(enabled != 0);
    ref_domain_leave();
}

void ref_control_clock_advance(rtl_uint64_t milliseconds)
{
    struct ref_wakes wakes = REF_WAKES_NONE;
    struct ref_thread *thread;
    uint64_t now_ns;

    ref_domain_enter();
    ref_clock_advance_locked(milliseconds * 1000000u);
    now_ns = ref_clock_now_ns_locked();
    for (thread = ref_thread_next_locked(NULL); thread != NULL;
         thread = ref_thread_next_locked(thread)) {
        struct ref_waiter *waiter = &thread->waiter;
        if (waiter->stage != REF_STAGE_RUNNING && waiter->deadline_ns <= now_ns &&
            ref_decide_timeout_ends(waiter->stage)) {
            ref_wait_end_locked(waiter, REF_TIMED_OUT, &wakes); /* (3d) */
        }
    }
    ref_domain_leave();
    ref_wakes_release(&wakes);
}

void ref_control_fail_allocation(rtl_uint32_t n)
{
    ref_alloc_fail_at(n);
}

void ref_control_set_security_hook(ref_control_deny_fn deny, void *context)
{
    ref_domain_enter();
    ref_set_security_hook_locked(deny, context);
    ref_domain_leave();
}
