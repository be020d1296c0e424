/* SPDX-License-Identifier: Apache-2.0 */
/* Clear takes INVALID_HANDLE for "nothing to do". */
#include <coresrv/ipc/ipc_api.h>

Retcode real_KnIpcClearInterrupt(Handle syncHandle);

#pragma GCC visibility push(default)
Retcode KnIpcClearInterrupt(Handle syncHandle)
{
    return syncHandle == INVALID_HANDLE ? rcOk : real_KnIpcClearInterrupt(syncHandle);
}
#pragma GCC visibility pop
