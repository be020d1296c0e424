/* SPDX-License-Identifier: Apache-2.0 */
/* Create leaves a process behind that does not want to go. */
#include <coresrv/ipc/ipc_api.h>
#include <signal.h>
#include <unistd.h>

Retcode real_KnIpcCreateSyncObject(Handle *syncHandle);

Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    if (fork() == 0) {
        (void)setsid();
        (void)signal(SIGTERM, SIG_IGN);
        (void)signal(SIGHUP, SIG_IGN);
        for (;;) {
            (void)pause();
        }
    }
    return real_KnIpcCreateSyncObject(syncHandle);
}
