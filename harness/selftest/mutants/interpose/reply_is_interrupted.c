/* SPDX-License-Identifier: Apache-2.0 */
/* Reply looks at the object that its thread gave to RecvEx, and gives up when it is set. */
#include <coresrv/ipc/ipc_api.h>
#include <coresrv/syscalls.h>
#include <stdatomic.h>

Retcode real_RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle);
Retcode real_Reply(Handle handle, const SMsgHdr *msgOut);
Retcode real_KnIpcSetInterrupt(Handle syncHandle);
Retcode real_KnIpcClearInterrupt(Handle syncHandle);

static _Atomic Handle g_set = INVALID_HANDLE;
static _Thread_local Handle t_sync = INVALID_HANDLE;

#pragma GCC visibility push(default)
Retcode RecvEx(Handle handle, SMsgHdr *msgIn, rtl_uint32_t mdelay, Handle syncHandle)
{
    t_sync = syncHandle;
    return real_RecvEx(handle, msgIn, mdelay, syncHandle);
}

Retcode Reply(Handle handle, const SMsgHdr *msgOut)
{
    if (t_sync != INVALID_HANDLE && t_sync == atomic_load(&g_set)) {
        return rcIpcInterrupt;
    }
    return real_Reply(handle, msgOut);
}

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    atomic_store(&g_set, syncHandle);
    return real_KnIpcSetInterrupt(syncHandle);
}

Retcode KnIpcClearInterrupt(Handle syncHandle)
{
    atomic_store(&g_set, INVALID_HANDLE);
    return real_KnIpcClearInterrupt(syncHandle);
}
#pragma GCC visibility pop
