/* SPDX-License-Identifier: Apache-2.0 */
/* Create gives the object that it made last as long as that lives: "one is enough". */
#include <coresrv/handle/handle_api.h>
#include <coresrv/ipc/ipc_api.h>

Retcode real_KnIpcCreateSyncObject(Handle *syncHandle);
Retcode real_KnHandleClose(Handle handle);

static _Thread_local Handle t_last = INVALID_HANDLE;

#pragma GCC visibility push(default)
Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    Retcode rc = rcOk;
    if (syncHandle == NULL) {
        return rcInvalidArgument;
    }
    if (t_last == INVALID_HANDLE) {
        rc = real_KnIpcCreateSyncObject(&t_last);
    }
    *syncHandle = t_last;
    return rc;
}

Retcode KnHandleClose(Handle handle)
{
    if (handle == t_last) {
        t_last = INVALID_HANDLE;
    }
    return real_KnHandleClose(handle);
}
#pragma GCC visibility pop
