/* SPDX-License-Identifier: Apache-2.0 */
/* Create stores the handle in a local variable. */
#include <coresrv/ipc/ipc_api.h>

Retcode real_KnIpcCreateSyncObject(Handle *syncHandle);

#pragma GCC visibility push(default)
Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    Handle handle = INVALID_HANDLE;
    return syncHandle == NULL ? rcInvalidArgument : real_KnIpcCreateSyncObject(&handle);
}
#pragma GCC visibility pop
