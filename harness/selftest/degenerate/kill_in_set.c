/* SPDX-License-Identifier: Apache-2.0 */
/* Kills its process in Set. */
#include <coresrv/ipc/ipc_api.h>
#include <signal.h>
#include <unistd.h>

Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    (void)syncHandle;
    (void)kill(getpid(), SIGKILL);
    return rcOk;
}
