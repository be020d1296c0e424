/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions of coresrv/handle/handle_api.h: check arguments, lock, core, unlock,
 * translate. */
#include "public.h"

#include "connect.h"
#include "thread.h"

Retcode KnHandleConnect(Handle inListener, Handle *outListener, Handle *outServer,
                        Handle *outClient)
{
    const struct ref_connection connection = {inListener, outListener, outServer, outClient};
    struct ref_wakes wakes = REF_WAKES_NONE;
    struct ref_process *process;
    enum ref_outcome outcome;

    if (outClient == NULL || (inListener == INVALID_HANDLE && outListener == NULL)) {
        return ref_decide_code(REF_BAD_ARGUMENT);
    }
    ref_domain_enter();
    process = ref_thread_process_locked();
    outcome =
        process == NULL ? REF_ABORTED : ref_connect_locked(process, process, &connection, &wakes);
    ref_domain_leave();
    ref_wakes_release(&wakes);
    return ref_decide_code(outcome);
}

/* KnHandleClose and KnHandleRevoke differ in what they do to the table. The analysis does not see
 * through the pointer; both are called below, between enter and leave. */
typedef enum ref_outcome (*table_action)(struct ref_handle_table *, Handle, struct ref_wakes *);

static Retcode act_on_table(table_action action, Handle handle)
{
    struct ref_wakes wakes = REF_WAKES_NONE;
    struct ref_process *process;
    enum ref_outcome outcome;

    ref_domain_enter();
    process = ref_thread_process_locked();
    outcome = process == NULL ? REF_ABORTED : action(&process->handles, handle, &wakes);
    ref_domain_leave();
    ref_wakes_release(&wakes);
    return ref_decide_code(outcome);
}

Retcode KnHandleClose(Handle handle)
{
    return act_on_table(ref_handle_close_locked, handle);
}

Retcode KnHandleRevoke(Handle handle)
{
    return act_on_table(ref_handle_revoke_locked, handle);
}

static enum ref_outcome copy_locked(Handle handle, rtl_uint32_t rights, Handle *copy)
    REF_REQUIRES(g_ref_domain)
{
    struct ref_process *process = ref_thread_process_locked();
    struct ref_handle_entry *entry;
    enum ref_outcome outcome;

    if (process == NULL) {
        return REF_ABORTED;
    }
    outcome = ref_handle_find_locked(&process->handles, handle, &entry);
    if (outcome != REF_OK) {
        return outcome;
    }
    if (!ref_decide_may_copy(entry->rights, rights)) {
        return REF_NO_RIGHT;
    }
    outcome = ref_handle_reserve_locked(&process->handles, 1);
    if (outcome == REF_OK) {
        *copy = ref_handle_install_locked(&process->handles, entry->object, rights, entry);
    }
    return outcome;
}

Retcode KnHandleCopy(Handle inHandle, rtl_uint32_t newRightsMask, Handle copyBadge,
                     Handle *outHandle)
{
    enum ref_outcome outcome;

    if (outHandle == NULL) {
        return ref_decide_code(REF_BAD_ARGUMENT);
    }
    if (copyBadge != INVALID_HANDLE) {
        return ref_decide_code(REF_UNSUPPORTED);
    }
    ref_domain_enter();
    outcome = copy_locked(inHandle, newRightsMask, outHandle);
    ref_domain_leave();
    return ref_decide_code(outcome);
}

static enum ref_outcome create_user_locked(rtl_uint32_t type, rtl_uint32_t rights, void *context,
                                           Handle *handle) REF_REQUIRES(g_ref_domain)
{
    struct ref_process *process = ref_thread_process_locked();
    struct ref_user *user;
    enum ref_outcome outcome;

    if (process == NULL) {
        return REF_ABORTED;
    }
    outcome = ref_handle_reserve_locked(&process->handles, 1);
    if (outcome != REF_OK) {
        return outcome;
    }
    user = ref_user_create_locked(type, context);
    if (user == NULL) {
        return REF_NO_MEMORY;
    }
    *handle = ref_handle_install_locked(&process->handles, &user->object, rights, NULL);
    return REF_OK;
}

Retcode KnHandleCreateUserObject(rtl_uint32_t type, rtl_uint32_t rights, void *context,
                                 Handle *handle)
{
    enum ref_outcome outcome;

    if (handle == NULL || type < HANDLE_TYPE_USER_FIRST || type > HANDLE_TYPE_USER_LAST) {
        return ref_decide_code(REF_BAD_ARGUMENT);
    }
    ref_domain_enter();
    outcome = create_user_locked(type, rights, context, handle);
    ref_domain_leave();
    return ref_decide_code(outcome);
}
