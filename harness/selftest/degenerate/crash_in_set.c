/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes in Set. */
#include <coresrv/ipc/ipc_api.h>

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    (void)syncHandle;
    *(volatile int *)0 = 1;
    return rcOk;
}
