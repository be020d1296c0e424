/* SPDX-License-Identifier: Apache-2.0 */
/* Stops its process in Set. */
#include <coresrv/ipc/ipc_api.h>
#include <signal.h>

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    (void)syncHandle;
    (void)raise(SIGSTOP);
    return rcOk;
}
