/* SPDX-License-Identifier: Apache-2.0 */
/* Create leaves a process behind whose parent has ended at once. */
#include <coresrv/ipc/ipc_api.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

Retcode real_KnIpcCreateSyncObject(Handle *syncHandle);

Retcode KnIpcCreateSyncObject(Handle *syncHandle)
{
    pid_t child = fork();
    if (child == 0) {
        (void)setsid();
        if (fork() != 0) {
            _exit(0);
        }
        (void)signal(SIGTERM, SIG_IGN);
        for (;;) {
            (void)pause();
        }
    }
    (void)waitpid(child, NULL, 0);
    return real_KnIpcCreateSyncObject(syncHandle);
}
