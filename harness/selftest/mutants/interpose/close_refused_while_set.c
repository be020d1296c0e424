/* SPDX-License-Identifier: Apache-2.0 */
/* Close refuses to delete an object while it is set. */
#include <coresrv/handle/handle_api.h>
#include <coresrv/ipc/ipc_api.h>
#include <stdatomic.h>

Retcode real_KnHandleClose(Handle handle);
Retcode real_KnIpcSetInterrupt(Handle syncHandle);
Retcode real_KnIpcClearInterrupt(Handle syncHandle);

static _Atomic Handle g_set = INVALID_HANDLE;

#pragma GCC visibility push(default)
Retcode KnHandleClose(Handle handle)
{
    return handle == atomic_load(&g_set) ? rcBusy : real_KnHandleClose(handle);
}

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    Retcode rc = real_KnIpcSetInterrupt(syncHandle);
    if (rc == rcOk) {
        atomic_store(&g_set, syncHandle);
    }
    return rc;
}

Retcode KnIpcClearInterrupt(Handle syncHandle)
{
    Handle expected = syncHandle;
    (void)atomic_compare_exchange_strong(&g_set, &expected, INVALID_HANDLE);
    return real_KnIpcClearInterrupt(syncHandle);
}
#pragma GCC visibility pop
