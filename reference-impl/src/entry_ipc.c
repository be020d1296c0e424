/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions of coresrv/ipc/ipc_api.h: check arguments, lock, core, unlock, translate. */
#include "public.h"

#include "alloc.h"
#include "process.h"
#include "sync_object.h"
#include "thread.h"

static enum ref_outcome create_locked(bool autoclear, Handle *handle) REF_REQUIRES(g_ref_domain)
{
    struct ref_process *process = ref_thread_process_locked();
    struct ref_sync *sync;
    enum ref_outcome outcome;

    if (process == NULL) {
        return REF_ABORTED;
    }
    outcome = ref_handle_reserve_locked(&process->handles, 1);
    if (outcome != REF_OK) {
        return outcome;
    }
    sync = ref_sync_create_locked(process->id, autoclear);
    if (sync == NULL) {
        return REF_NO_MEMORY;
    }
    *handle =
        ref_handle_install_locked(&process->handles, &sync->object, ref_decide_sync_rights(), NULL);
    return REF_OK;
}

static enum ref_outcome resolve_locked(Handle handle, struct ref_sync **sync)
    REF_REQUIRES(g_ref_domain)
{
    const struct ref_process *process = ref_thread_process_locked();
    return process == NULL ? REF_ABORTED : ref_sync_resolve_locked(process, handle, sync);
}

Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    return KnIpcCreateSyncObjectEx(0, syncHandle);
}

Retcode KnIpcCreateSyncObjectEx(rtl_uint32_t autoclear, Handle *syncHandle)
{
    enum ref_outcome outcome;

    if (syncHandle == NULL) {
        return ref_decide_code(REF_BAD_ARGUMENT);
    }
    ref_domain_enter();
    outcome = create_locked(autoclear != 0, syncHandle);
    ref_domain_leave();
    return ref_decide_code(outcome);
}

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    struct ref_wakes wakes = REF_WAKES_NONE;
    struct ref_sync *sync;
    enum ref_outcome outcome;

    ref_domain_enter();
    outcome = resolve_locked(syncHandle, &sync);
    if (outcome == REF_OK) {
        ref_sync_set_locked(sync, &wakes);
    }
    ref_domain_leave();
    ref_wakes_release(&wakes);
    return ref_decide_code(outcome);
}

Retcode KnIpcClearInterrupt(Handle syncHandle)
{
    struct ref_sync *sync;
    enum ref_outcome outcome;

    ref_domain_enter();
    outcome = resolve_locked(syncHandle, &sync);
    if (outcome == REF_OK) {
        ref_sync_clear_locked(sync);
    }
    ref_domain_leave();
    return ref_decide_code(outcome);
}
