/* SPDX-License-Identifier: Apache-2.0 */
/* Never comes back from Create. */
#include <coresrv/ipc/ipc_api.h>

Retcode real_KnIpcCreateSyncObject(Handle *syncHandle);

Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    volatile unsigned turns = 0;
    for (;;) {
        turns++;
    }
    return real_KnIpcCreateSyncObject(syncHandle);
}
