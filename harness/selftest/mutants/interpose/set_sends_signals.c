/* SPDX-License-Identifier: Apache-2.0 */
/* Set wakes its waiters by a signal to every thread of the process, installed without SA_RESTART.
 * The wait itself notices that there is nothing to do and goes on; a sleep does not. */
#include <coresrv/ipc/ipc_api.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

Retcode real_KnIpcSetInterrupt(Handle syncHandle);

static void ignore(int number)
{
    (void)number;
}

static void signal_threads(void)
{
    struct sigaction action = {.sa_handler = ignore};
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    if (tasks == NULL || sigaction(SIGURG, &action, NULL) != 0) {
        return;
    }
    while ((entry = readdir(tasks)) != NULL) {
        long tid = strtol(entry->d_name, NULL, 10);
        if (tid > 0) {
            (void)syscall(SYS_tgkill, getpid(), (pid_t)tid, SIGURG);
        }
    }
    (void)closedir(tasks);
}

#pragma GCC visibility push(default)
Retcode KnIpcSetInterrupt(Handle syncHandle)
{
    Retcode rc = real_KnIpcSetInterrupt(syncHandle);
    if (rc == rcOk) {
        signal_threads();
    }
    return rc;
}
#pragma GCC visibility pop
