/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See sync_object.h. What is promised when two operations on one object come from two threads:
 *
 *            Set           Clear         CallEx        RecvEx        Close
 *   Set      S, OBJ-07     S, STATE-04   S, RACE-01    S, RECV-03    S, RACE-02
 *   Clear                  S, OBJ-08     S, STATE-09   S, STATE-09   S, RACE-02
 *   CallEx                               STATE-05      STATE-05      S, STATE-07
 *   RecvEx                                             STATE-05      S, STATE-07
 *   Close                                                            S, OBJ-13
 *
 * S: serialised by the domain lock, either order is legal, and what stands beside it holds in both.
 * An operation on a handle that was closed first is an error. Two waits on one object are
 * independent of each other.
 */
#include "sync_object.h"

#include "alloc.h"
#include "rendezvous.h"
#include "thread.h"

#include <services/ocap.h>

struct ref_sync *ref_sync_create_locked(TaskId owner, bool autoclear)
{
    struct ref_sync *sync = ref_alloc(sizeof *sync);
    if (sync != NULL) {
        ref_object_init_locked(&sync->object, REF_KIND_SYNC);
        sync->owner = owner;
        sync->autoclear = autoclear;
        sync->is_set = ref_decide_state_at_creation();
        ref_list_init(&sync->waiters);
    }
    return sync;
}

enum ref_outcome ref_sync_resolve_locked(const struct ref_process *process, Handle handle,
                                         struct ref_sync **sync)
{
    struct ref_handle_entry *entry;
    enum ref_outcome outcome = ref_handle_resolve_locked(&process->handles, handle, REF_KIND_SYNC,
                                                         OCAP_IPC_INTERRUPT, &entry);
    if (outcome == REF_OK) {
        *sync = (struct ref_sync *)(void *)entry->object;
        if (!ref_decide_sync_is_usable((*sync)->owner, process->id)) {
            return REF_BAD_HANDLE;
        }
    }
    return outcome;
}

/* Is the wait one that this object may end, as things stand now? */
static bool may_interrupt_locked(const struct ref_sync *sync, const struct ref_waiter *waiter)
    REF_REQUIRES(g_ref_domain)
{
    return ref_decide_sync_concerns(sync->owner, ref_waiter_process_id_locked(waiter)) &&
           (ref_decide_call_may_be_interrupted(waiter->stage) ||
            ref_decide_recv_may_be_interrupted(waiter->stage));
}

void ref_sync_set_locked(struct ref_sync *sync, struct ref_wakes *wakes)
{
    struct ref_node *node = ref_list_first(&sync->waiters);
    unsigned count = 0;

    while (node != NULL && ref_decide_set_goes_on(sync->autoclear, count)) {
        struct ref_waiter *waiter = REF_CONTAINER(node, struct ref_waiter, sync_node);
        node = ref_list_next(&sync->waiters, node);
        if (may_interrupt_locked(sync, waiter)) {
            ref_wait_end_locked(waiter, REF_INTERRUPTED, wakes); /* (3c) */
            count++;
        }
    }
    sync->is_set = ref_decide_state_after_set(sync->autoclear, count);
}

void ref_sync_clear_locked(struct ref_sync *sync)
{
    sync->is_set = ref_decide_state_after_clear();
}

bool ref_sync_refuses_entry_locked(struct ref_sync *sync, bool peer_is_ready)
{
    if (sync == NULL || !ref_decide_entry_is_interrupted(sync->is_set, peer_is_ready)) {
        return false;
    }
    sync->is_set = ref_decide_state_after_entry(sync->autoclear);
    return true;
}

void ref_sync_attach_locked(struct ref_sync *sync, struct ref_waiter *waiter)
{
    waiter->sync = sync;
    if (sync != NULL) {
        ref_list_append(&sync->waiters, &waiter->sync_node);
    }
}

void ref_sync_detach_locked(struct ref_waiter *waiter)
{
    ref_list_remove(&waiter->sync_node);
    waiter->sync = NULL;
}

void ref_sync_destroy_locked(struct ref_sync *sync, struct ref_wakes *wakes)
{
    struct ref_node *node;
    while ((node = ref_list_first(&sync->waiters)) != NULL) {
        struct ref_waiter *waiter = REF_CONTAINER(node, struct ref_waiter, sync_node);
        ref_sync_detach_locked(waiter);
        if (ref_decide_close_ends_sync_waits()) { /* LCOV_EXCL_BR_LINE: constant by decision */
            ref_wait_end_locked(waiter, REF_INTERRUPTED, wakes); /* LCOV_EXCL_LINE: as above */
        }
    }
    ref_free(sync, sizeof *sync);
}
